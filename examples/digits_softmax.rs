//! Handwritten digits: softmax regression on 64 pixels, fitted by L-BFGS with the engine's gradient.
//!
//! `p(label = c | x) ∝ exp(x · w_c + b_c)`; the cost is the mean cross-entropy of the first 1,438 images, and a penalty
//! on the weights. Run with `cargo run --release --example digits_softmax [-- FOLDER]`.

#![allow(clippy::print_stdout, reason = "an example tells its story")]

mod support;

use std::path::Path;
use std::process::ExitCode;

use support::digits::{Images, PIXELS, Softmax, TRAINING};
use support::lbfgs::minimize;
use support::{Outcome, with_data};

const LAMBDA: f64 = 1e-3;

fn main() -> ExitCode {
    with_data("digits", &["digits.csv"], example)
}

fn example(folder: &Path) -> Outcome {
    let (training, test) = Images::read(&folder.join("digits.csv"))?.split(TRAINING);
    println!("{} images to learn from, {} to be tested on", training.labels.len(), test.labels.len());
    let model = Softmax::new(PIXELS);
    let (learnt, tested) = (training.matrix()? / 16.0, test.matrix()? / 16.0);
    let cost = model.cost(&learnt, &training, LAMBDA)?;
    println!("the cost runs as {} steps", cost.function().node_count());
    let start = vec![0.0; cost.dim()];
    let fit = minimize(cost, start, 1e-9)?;
    println!("{} iterations, {} joint evaluations of value and gradient", fit.iterations, fit.evaluations);
    println!("{}", fit.status);

    println!("told right in training: {:.6}", model.accuracy(&learnt, &training, &fit.point)?);
    println!("RESULT objective={:.10}", fit.value);
    println!("RESULT test_accuracy={:.6}", model.accuracy(&tested, &test, &fit.point)?);
    Ok(())
}
