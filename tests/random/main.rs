//! Random draws: the same numbers on every machine, the right distributions, independence, derivatives, misuse.
//!
//! Seeds are fixed, so a test passes or fails for ever. What it would have seen is said with each: its level is the
//! chance that a right generator fails it for a seed chosen at random, its power what a wrong one is caught with.

#![allow(clippy::unwrap_used, reason = "a test may")]

mod continuous;
mod counts;
mod golden;
mod gradients;
mod independence;
mod misuse;
mod states;

use kronograph::graph::Result as Built;
use kronograph::ops::random::{RngState, rng_state};
use kronograph::prelude::*;

/// What a draw function returns.
type Draw = Built<(Variable, Variable)>;

/// How many numbers the tests of distributions draw.
const DRAWS: usize = 40_000;

/// The draw of a state, as it is written.
fn drawn(state: RngState, draw: impl Fn(&Variable) -> Draw) -> Tensor {
    let rng = rng_state("rng");
    let (_next, x) = draw(&rng).unwrap();
    let mut f = compile(&[rng], &[x], &Mode::raw()).unwrap();
    f.call(&[&state]).unwrap().get::<Tensor>(0).unwrap().clone()
}

/// The numbers of a draw of a seed, as f64.
fn numbers(seed: u64, draw: impl Fn(&Variable) -> Draw) -> Vec<f64> {
    let tensor = drawn(RngState::new(seed), draw);
    match tensor.dtype() {
        DType::I64 => tensor.to_vec::<i64>().unwrap().into_iter().map(|x| x as f64).collect(),
        DType::F32 => tensor.to_vec::<f32>().unwrap().into_iter().map(f64::from).collect(),
        _ => tensor.to_vec().unwrap(),
    }
}

/// An elementwise function at numbers.
fn at(x: &[f64], f: impl Fn(&Variable) -> Built<Variable>) -> Vec<f64> {
    let input = vector("x");
    let mut f = compile(std::slice::from_ref(&input), &[f(&input).unwrap()], &Mode::raw()).unwrap();
    f.call(&[&Tensor::vector(x.to_vec())]).unwrap().get::<Tensor>(0).unwrap().to_vec().unwrap()
}

fn mean(x: &[f64]) -> f64 {
    x.iter().sum::<f64>() / x.len() as f64
}

/// The mean, and its standard error.
fn estimate(x: &[f64]) -> (f64, f64) {
    let mean = mean(x);
    let square = x.iter().map(|x| (x - mean).powi(2)).sum::<f64>() / (x.len() - 1) as f64;
    (mean, (square / x.len() as f64).sqrt())
}

/// The mean is the given one, up to 4 standard errors: level 6e-5. Off by 6 standard errors, it is seen with
/// probability 0.98; 6 standard errors of the draws here are 0.03 standard deviations.
#[track_caller]
fn mean_is(x: &[f64], want: f64) {
    let (mean, error) = estimate(x);
    assert!((mean - want).abs() <= 4.0 * error, "the mean is {mean} ± {error}, not {want}");
}

/// The correlation of independent numbers, as a multiple of its standard error.
fn correlation(x: &[f64], y: &[f64]) -> f64 {
    let (mean_x, mean_y) = (mean(x), mean(y));
    let products = x.iter().zip(y).map(|(x, y)| (x - mean_x) * (y - mean_y)).sum::<f64>();
    let squares = |x: &[f64], mean: f64| x.iter().map(|x| (x - mean).powi(2)).sum::<f64>();
    products / (squares(x, mean_x) * squares(y, mean_y)).sqrt() * (x.len() as f64).sqrt()
}

/// The chi-square test of counts against expectations, at level 1e-3.
///
/// For a deviation in shares `q` from `p` the statistic grows by `n Σ (q - p)² / p`; with up to 60 cells and 40 000 draws,
/// where that is 80 (a share of 0.02 that is off by a tenth has a part of 8), it is seen with probability above 0.99.
#[track_caller]
fn chi_square(observed: &[f64], expected: &[f64]) {
    assert!(expected.len() > 1 && expected.iter().all(|e| *e >= 5.0), "cells are too small: {expected:?}");
    let total: f64 = observed.iter().sum();
    assert!((total - expected.iter().sum::<f64>()).abs() < 1e-6 * total, "the shares do not sum to one");
    let statistic: f64 = observed.iter().zip(expected).map(|(o, e)| (o - e).powi(2) / e).sum();
    let degrees = (observed.len() - 1) as f64;
    let p = at(&[0.5 * statistic], |x| kronograph::ops::gammaincc(0.5 * degrees, x))[0];
    assert!(p > 1e-3, "chi-square {statistic} at {degrees} degrees of freedom: {p}");
}
