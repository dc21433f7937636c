//! Spam among text messages: sparse logistic regression on word counts, fitted by Newton's method.
//!
//! `P(spam) = σ(X w + b)`; the cost is the mean logistic loss plus `λ/2 |w|²`, b free. Newton's equations are solved by
//! conjugate gradients with products of the Hessian and a vector, so that a step takes a few products with X and Xᵀ.
//! Run with `cargo run --release --example spam -- FOLDER`, where FOLDER holds `X_counts.mtx` (messages by words) and
//! `labels.csv` (spam: 0 or 1), as counted in the SMS Spam Collection.

#![allow(clippy::print_stdout, reason = "an example tells its story")]

mod support;

use std::ops::Range;
use std::path::Path;
use std::process::ExitCode;

use kronograph::prelude::*;
use support::{Outcome, Table, with_data};

/// So many messages to learn from where the others are the test.
const TRAINING: usize = 1674;

fn main() -> ExitCode {
    with_data("sms_spam_bow", &["X_counts.mtx", "labels.csv"], example)
}

fn example(folder: &Path) -> Outcome {
    let all = Messages::read(folder)?;
    let [count, words] = all.counts.shape();
    println!("{count} messages, {words} words, {} counts", all.counts.nnz());
    let fit = Regression::new(&all, 1e-3)?.fit()?;
    println!("{} steps, {} products with the Hessian, gradient {:.1e}", fit.steps, fit.products, fit.gradient);
    let intercept = fit.theta[words];

    let training = all.rows(0..TRAINING.min(count))?;
    let half = Regression::new(&training, 1e-4)?.fit()?;
    println!("of the first {TRAINING}: objective {:.12}, {} steps", half.value, half.steps);
    let test = all.rows(TRAINING.min(count)..count)?;
    println!("RESULT objective={:.12}", fit.value);
    println!("RESULT intercept={intercept:.10}");
    println!("RESULT test_accuracy={:.6}", test.accuracy(&half.theta)?);
    Ok(())
}

/// Counts of words, a row for each message, and which messages are spam.
struct Messages {
    counts: SparseMatrix,
    spam: Vec<f64>,
}

impl Messages {
    fn read(folder: &Path) -> Outcome<Self> {
        let counts = read_matrix_market_file(folder.join("X_counts.mtx"), Format::Csr)?;
        let spam = Table::read(&folder.join("labels.csv"))?.numbers("spam")?;
        match spam.len() == counts.shape()[0] {
            true => Ok(Self { counts, spam }),
            false => Err(format!("{} labels for {} messages", spam.len(), counts.shape()[0]).into()),
        }
    }

    /// Some of the messages.
    fn rows(&self, rows: Range<usize>) -> Outcome<Self> {
        let (pattern, values) = (self.counts.pattern(), self.counts.values().ok_or("the counts are f64")?);
        let start = |row: usize| pattern.indptr()[row];
        let slots = start(rows.start) as usize..start(rows.end) as usize;
        let indptr = (rows.start..=rows.end).map(|row| start(row) - start(rows.start)).collect();
        let shape = [rows.len(), self.counts.shape()[1]];
        let (indices, values) = (pattern.indices()[slots.clone()].to_vec(), values[slots].to_vec());
        let counts = SparseMatrix::of_narrow(Format::Csr, shape, values, indices, indptr)?;
        Ok(Self { counts, spam: self.spam[rows].to_vec() })
    }

    /// Log-odds of spam, from the weights of the words and, behind them, the intercept.
    fn scores(&self, theta: &Variable) -> Outcome<Variable> {
        let words = self.counts.shape()[1];
        let weights = slice(theta, 0, words as i64)?;
        let intercept = subtensor(theta, &[Index::at(words as i64)])?;
        Ok(matmul(&sparse_constant(self.counts.clone()).named("X"), &weights)? + intercept)
    }

    fn theta(&self) -> Variable {
        tensor("theta", DType::F64, &[Some(self.counts.shape()[1] + 1)])
    }

    /// The share of messages that are told right.
    fn accuracy(&self, theta: &[f64]) -> Outcome<f64> {
        let variable = self.theta();
        let told = gt(&self.scores(&variable)?, 0.0)?;
        let right = mean(&cast(&eq(&cast(&told, DType::F64)?, &constant(self.spam.clone()))?, DType::F64)?)?;
        let mut function = compile(&[variable], &[right], &Mode::run())?;
        Ok(function.call(&[&Tensor::vector(theta.to_vec())])?.scalar(0)?)
    }
}

/// The penalised mean loss, with its gradient as one function, and its Hessian times a vector as another.
struct Regression {
    cost: ValueAndGradient,
    product: Function,
}

/// Where Newton's method came to rest.
struct Fit {
    theta: Vec<f64>,
    value: f64,
    /// The norm of the gradient.
    gradient: f64,
    steps: usize,
    products: usize,
}

impl Regression {
    fn new(messages: &Messages, lambda: f64) -> Outcome<Self> {
        let theta = messages.theta();
        let scores = messages.scores(&theta)?;
        let loss = mean(&(softplus(&scores)? - constant(messages.spam.clone()) * &scores))?;
        let weights = slice(&theta, 0, messages.counts.shape()[1] as i64)?;
        let cost = loss + 0.5 * lambda * sum(&sqr(&weights)?)?;
        let direction = messages.theta().named("direction");
        let products = hvp(&cost, std::slice::from_ref(&theta), std::slice::from_ref(&direction))?;
        let product = compile(&[theta.clone(), direction], &products, &Mode::run())?;
        Ok(Self { cost: value_and_gradient(&cost, &[theta], &Mode::run())?, product })
    }

    /// Minimises from zero, until the norm of the gradient is below 1e-14.
    fn fit(&mut self) -> Outcome<Fit> {
        let mut theta = vec![0.0; self.cost.dim()];
        let mut gradient = theta.clone();
        let (mut value, mut products) = (self.cost.eval(&theta, &mut gradient)?, 0);
        for steps in 0..100 {
            let norm = dot(&gradient, &gradient).sqrt();
            if norm < 1e-14 {
                return Ok(Fit { theta, value, gradient: norm, steps, products });
            }
            let (step, used) = self.newton_step(&theta, &gradient, norm)?;
            products += used;
            value = self.line_search(&mut theta, &step, value, &mut gradient)?;
        }
        Err("Newton's method did not come to rest in 100 steps".into())
    }

    /// `-H⁻¹ g` by conjugate gradients, as far as it pays at this distance; and how many products it took.
    fn newton_step(&mut self, theta: &[f64], gradient: &[f64], norm: f64) -> Outcome<(Vec<f64>, usize)> {
        let at = Tensor::vector(theta.to_vec());
        let mut step = vec![0.0; theta.len()];
        let mut residual: Vec<f64> = gradient.iter().map(|g| -g).collect();
        let mut direction = residual.clone();
        let mut squares = norm * norm;
        let enough = norm * norm.sqrt().min(1e-2);
        for products in 0..1000 {
            if squares.sqrt() <= enough {
                return Ok((step, products));
            }
            let out = self.product.call(&[&at, &Tensor::vector(direction.clone())])?;
            let moved = out.get::<Tensor>(0)?.to_vec::<f64>()?;
            let length = squares / dot(&direction, &moved);
            add_scaled(&mut step, length, &direction);
            add_scaled(&mut residual, -length, &moved);
            let before = std::mem::replace(&mut squares, dot(&residual, &residual));
            direction.iter_mut().zip(&residual).for_each(|(d, r)| *d = r + squares / before * *d);
        }
        Err("the conjugate gradients do not get closer".into())
    }

    /// Halves the step until the cost does not rise beyond rounding; the new point, its cost and gradient.
    fn line_search(&mut self, theta: &mut Vec<f64>, step: &[f64], value: f64, gradient: &mut [f64]) -> Outcome<f64> {
        let mut length = 1.0;
        while length > 1e-10 {
            let mut moved = theta.clone();
            add_scaled(&mut moved, length, step);
            let lower = self.cost.eval(&moved, gradient)?;
            if lower <= value + 1e-15 {
                *theta = moved;
                return Ok(lower);
            }
            length /= 2.0;
        }
        Err("no step along Newton's direction lowers the cost".into())
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn add_scaled(to: &mut [f64], scale: f64, from: &[f64]) {
    to.iter_mut().zip(from).for_each(|(to, from)| *to += scale * from);
}
