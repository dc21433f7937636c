//! Handwritten digits by their edges: Sobel and Laplace filters by sparse convolution, max-pooling, and softmax
//! regression on the 18 features that are left.
//!
//! The two filters are the kernels of one convolution of 8 x 8 images (6 x 6 windows); what is negative is cut off, and
//! of each 2 x 2 block the largest is kept. Run with `cargo run --release --example digits_conv [-- FOLDER]`.

#![allow(clippy::print_stdout, reason = "an example tells its story")]

mod support;

use std::path::Path;
use std::process::ExitCode;

use kronograph::prelude::*;
use support::digits::{Images, SIDE, Softmax, TRAINING};
use support::lbfgs::minimize;
use support::{Outcome, with_data};

const SOBEL: [f64; 9] = [1.0, 0.0, -1.0, 2.0, 0.0, -2.0, 1.0, 0.0, -1.0];
const LAPLACE: [f64; 9] = [0.0, 1.0, 0.0, 1.0, -4.0, 1.0, 0.0, 1.0, 0.0];
const FEATURES: usize = 18;
const LAMBDA: f64 = 1e-4;

fn main() -> ExitCode {
    with_data("digits", &["digits.csv"], example)
}

fn example(folder: &Path) -> Outcome {
    let images = Images::read(&folder.join("digits.csv"))?;
    checksums(&images)?;
    let (training, test) = images.split(TRAINING);
    let model = Softmax::new(FEATURES);
    let (learnt, tested) = (features(&training)?, features(&test)?);
    let cost = model.cost(&learnt, &training, LAMBDA)?;
    let start = vec![0.0; cost.dim()];
    let fit = minimize(cost, start, 1e-9)?;
    println!("{} iterations, {} joint evaluations of value and gradient", fit.iterations, fit.evaluations);
    println!("{}", fit.status);
    println!("told right in training: {:.6}", model.accuracy(&learnt, &training, &fit.point)?);
    println!("told right in the test: {:.6}", model.accuracy(&tested, &test, &fit.point)?);
    println!("RESULT objective={:.10}", fit.value);
    Ok(())
}

/// Both filters of each image, of shape (images, 2, 36).
fn edges(images: &Images) -> Outcome<Variable> {
    let kernels = constant(Tensor::new(&[2, 9], [SOBEL, LAPLACE].concat())?);
    Ok(convolve(&kernels, &images.matrix()?, &Windows::new(&[SIDE, SIDE], &[3, 3]), None)?)
}

/// What is positive of the filters, the largest of each block, of shape (images, 18).
fn features(images: &Images) -> Outcome<Variable> {
    let positive = maximum(&edges(images)?, 0.0)?;
    let flat = reshape(&positive, [-1, 2 * 36])?;
    let pooled = max_pool(&flat, &Windows::new(&[6, 6], &[2, 2]).steps(&[2, 2]).maps(2))?;
    let values = evaluate(&(reshape(&pooled, [-1, FEATURES as i32])? / 64.0))?;
    Ok(constant(values))
}

/// Sums that tell whether filters and pooling do what they should.
fn checksums(images: &Images) -> Outcome {
    let block = |side| Windows::new(&[side, side], &[2, 2]).steps(&[2, 2]);
    let edges = edges(images)?;
    let filter = |k: i64| subtensor(&edges, &[Index::slice(None, None, 1), Index::at(k)]);
    let (sobel, laplace) = (filter(0)?, filter(1)?);
    let sums = [
        ("sobel_sum", sum(&sobel)?),
        ("sobel_sumsq", sum(&sqr(&sobel)?)?),
        ("laplace_sumsq", sum(&sqr(&laplace)?)?),
        ("maxpool_sum", sum(&max_pool(&images.matrix()?, &block(SIDE))?)?),
        ("maxpool_of_sobel_sum", sum(&max_pool(&sobel, &block(6))?)?),
    ];
    for (name, sum) in sums {
        println!("RESULT {name}={}", evaluate(&sum)?.to_vec::<f64>()?[0]);
    }
    Ok(())
}

/// The value of an expression without free variables.
fn evaluate(x: &Variable) -> Outcome<Tensor> {
    Ok(compile(&[], std::slice::from_ref(x), &Mode::run())?.call(&[])?.get::<Tensor>(0)?.clone())
}
