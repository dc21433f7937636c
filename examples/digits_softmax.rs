//! Handwritten digits: softmax regression on 64 pixels, fitted by L-BFGS with the engine's gradient.
//!
//! `p(label = c | x) ∝ exp(x · w_c + b_c)`; the cost is the mean cross-entropy of the first 1,438 images, and a penalty
//! on the weights. Run with `cargo run --release --example digits_softmax [-- FOLDER]`.

#![allow(clippy::print_stdout, reason = "an example tells its story")]

mod support;

use std::path::Path;
use std::process::ExitCode;

use kronograph::ops::{argmax_axes, log_softmax_axes};
use kronograph::prelude::*;
use support::lbfgs::minimize;
use support::{Outcome, Table, with_data};

const SIDE: usize = 8;
const PIXELS: usize = SIDE * SIDE;
const CLASSES: usize = 10;
const TRAINING: usize = 1438;
const LAMBDA: f64 = 1e-3;

fn main() -> ExitCode {
    with_data("digits", &["digits.csv"], example)
}

fn example(folder: &Path) -> Outcome {
    let (training, test) = Images::read(&folder.join("digits.csv"))?.split(TRAINING);
    println!("{} images to learn from, {} to be tested on", training.labels.len(), test.labels.len());
    let cost = cost(&training)?;
    println!("the cost runs as {} steps", cost.function().node_count());
    let start = vec![0.0; cost.dim()];
    let fit = minimize(cost, start, 1e-9)?;
    println!("{} iterations, {} joint evaluations of value and gradient", fit.iterations, fit.evaluations);
    println!("{}", fit.status);

    println!("told right in training: {:.6}", accuracy(&training, &fit.point)?);
    println!("RESULT objective={:.10}", fit.value);
    println!("RESULT test_accuracy={:.6}", accuracy(&test, &fit.point)?);
    Ok(())
}

/// Images as rows of pixels between 0 and 1, and what they show.
struct Images {
    pixels: Vec<f64>,
    labels: Vec<usize>,
}

impl Images {
    fn read(path: &Path) -> Outcome<Self> {
        let table = Table::read(path)?;
        let columns = (0..PIXELS).map(|k| table.numbers(&format!("p{}{}", k / SIDE, k % SIDE)));
        let columns = columns.collect::<Outcome<Vec<_>>>()?;
        let labels: Vec<usize> = table.numbers("label")?.into_iter().map(|label| label as usize).collect();
        if let Some(label) = labels.iter().find(|&&label| label >= CLASSES) {
            return Err(format!("{label} is no digit").into());
        }
        let pixels = (0..labels.len()).flat_map(|row| columns.iter().map(move |column| column[row] / 16.0)).collect();
        Ok(Self { pixels, labels })
    }

    /// The first ones, and the rest.
    fn split(mut self, count: usize) -> (Self, Self) {
        let count = count.min(self.labels.len());
        let (pixels, labels) = (self.pixels.split_off(count * PIXELS), self.labels.split_off(count));
        (self, Self { pixels, labels })
    }

    fn matrix(&self) -> Outcome<Variable> {
        Ok(constant(Tensor::new(&[self.labels.len(), PIXELS], self.pixels.clone())?))
    }

    /// Ones where the label is, zeros elsewhere.
    fn one_hot(&self) -> Outcome<Variable> {
        let row = |&label: &usize| (0..CLASSES).map(move |class| f64::from(class == label));
        Ok(constant(Tensor::new(&[self.labels.len(), CLASSES], self.labels.iter().flat_map(row).collect())?))
    }
}

/// The weights of each pixel for each class, and the bias of each class.
fn parameters() -> [Variable; 2] {
    let weights = tensor("weights", DType::F64, &[Some(PIXELS), Some(CLASSES)]);
    [weights, tensor("biases", DType::F64, &[Some(CLASSES)])]
}

/// Unnormalised log-probabilities, of shape (images, classes).
fn scores(images: &Images, [weights, biases]: &[Variable; 2]) -> Outcome<Variable> {
    Ok(matmul(&images.matrix()?, weights)? + biases)
}

/// Mean cross-entropy and penalty, with their gradient.
fn cost(images: &Images) -> Outcome<ValueAndGradient> {
    let parameters = parameters();
    let log_probabilities = log_softmax_axes(&scores(images, &parameters)?, &[1])?;
    let chosen = sum_axes(&(log_probabilities * images.one_hot()?), &[1])?;
    let cross_entropy = (-mean(&chosen)?).named("cross_entropy");
    let penalty = 0.5 * LAMBDA * sum(&sqr(&parameters[0])?)?;
    Ok(value_and_gradient(&(cross_entropy + penalty), &parameters, &Mode::run())?)
}

/// The share of images whose largest score is that of their label.
fn accuracy(images: &Images, point: &[f64]) -> Outcome<f64> {
    let parameters = parameters();
    let labels: Vec<i64> = images.labels.iter().map(|&label| label as i64).collect();
    let right = eq(&argmax_axes(&scores(images, &parameters)?, &[1])?, &constant(labels))?;
    let mut function = compile(&parameters, &[mean(&cast(&right, DType::F64)?)?], &Mode::run())?;
    let (weights, biases) = point.split_at(PIXELS * CLASSES);
    let weights = Tensor::new(&[PIXELS, CLASSES], weights.to_vec())?;
    Ok(function.call(&[&weights, &Tensor::vector(biases.to_vec())])?.scalar(0)?)
}
