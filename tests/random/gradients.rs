//! Derivatives of draws: the mean of a pathwise derivative is the derivative of the mean.

use kronograph::ops::random::{
    RngState, beta, exponential, gamma, multivariate_normal, normal, poisson, rng_constant, rng_state, standard_gamma,
    uniform,
};
use kronograph::prelude::*;

use crate::{Draw, mean_is};

const DRAWS: usize = 40_000;

/// The derivatives of `Σ f(x)` by each element of a parameter that is the same for all draws: one for each draw.
fn slopes(
    seed: u64,
    parameter: f64,
    draw: impl Fn(&Variable, &Variable) -> Draw,
    f: impl Fn(&Variable) -> Variable,
    order: usize,
) -> Vec<f64> {
    let (rng, theta) = (rng_state("rng"), tensor("theta", DType::F64, &[Some(DRAWS)]));
    let mut slope = f(&draw(&rng, &theta).unwrap().1);
    for _ in 0..order {
        slope = grad(&sum(&slope).unwrap(), std::slice::from_ref(&theta)).unwrap().remove(0);
    }
    let mut f = compile(&[rng, theta], &[slope], &Mode::run()).unwrap();
    let theta = Tensor::vector(vec![parameter; DRAWS]);
    f.call(&[&RngState::new(seed), &theta]).unwrap().get::<Tensor>(0).unwrap().to_vec().unwrap()
}

fn square(x: &Variable) -> Variable {
    sqr(x).unwrap()
}

fn itself(x: &Variable) -> Variable {
    x.clone()
}

/// `E x² = loc² + scale²`, of the uniform distribution `(low² + low high + high²) / 3`, of the exponential `2 scale²`.
#[test]
fn moved_and_stretched_draws() {
    mean_is(&slopes(1, 0.7, |rng, loc| normal(rng, loc, 2.0, None), square, 1), 2.0 * 0.7);
    mean_is(&slopes(2, 2.0, |rng, scale| normal(rng, 0.7, scale, None), square, 1), 2.0 * 2.0);
    mean_is(&slopes(3, 2.0, |rng, scale| normal(rng, 0.7, scale, None), square, 2), 2.0);
    mean_is(&slopes(4, -1.0, |rng, low| uniform(rng, low, 3.0, None), square, 1), (3.0 - 2.0 * 1.0) / 3.0);
    mean_is(&slopes(5, 3.0, |rng, high| uniform(rng, -1.0, high, None), square, 1), (2.0 * 3.0 - 1.0) / 3.0);
    mean_is(&slopes(6, 0.5, |rng, scale| exponential(rng, scale, None), square, 1), 4.0 * 0.5);
}

/// `E x = a s`, `E x² = a (a + 1) s²` and their derivatives in the shape a, of the first and second order.
#[test]
fn gamma_draws_move_with_their_distribution() {
    for (seed, a) in [(1, 0.02), (2, 0.5), (3, 3.0), (4, 60.0), (5, 1e6)] {
        mean_is(&slopes(seed, a, |rng, a| standard_gamma(rng, a, None), itself, 1), 1.0);
    }
    for (seed, a) in [(6, 0.5), (7, 3.0), (8, 60.0)] {
        mean_is(&slopes(seed, a, |rng, a| gamma(rng, a, 2.0, None), square, 1), (2.0 * a + 1.0) * 4.0);
    }
    for (seed, a) in [(9, 0.5), (10, 3.0)] {
        mean_is(&slopes(seed, a, |rng, a| gamma(rng, a, 2.0, None), square, 2), 2.0 * 4.0);
    }
    mean_is(&slopes(11, 2.0, |rng, s| gamma(rng, 3.0, s, None), square, 1), 2.0 * 3.0 * 4.0 * 2.0);
}

/// `E x = a / (a + b)` and its derivatives in both.
#[test]
fn beta_draws_move_with_their_distribution() {
    for (seed, a, b) in [(1, 2.0, 3.0), (2, 0.3, 0.6), (3, 20.0, 5.0), (4, 1e-3, 2e-3)] {
        let total: f64 = a + b;
        mean_is(&slopes(seed, a, |rng, a| beta(rng, a, b, None), itself, 1), b / total.powi(2));
        mean_is(&slopes(seed, b, |rng, b| beta(rng, a, b, None), itself, 1), -a / total.powi(2));
    }
    mean_is(&slopes(5, 2.0, |rng, a| beta(rng, a, 3.0, None), itself, 2), -2.0 * 3.0 / 125.0);
}

/// `E (wᵀx)² = wᵀ (C + m mᵀ) w`: the derivative in C is `w wᵀ`, that in m is `2 w wᵀ m`.
#[test]
fn multivariate_normal_vectors_move_with_mean_and_covariance() {
    let (rng, mean, cov) =
        (rng_state("rng"), tensor("m", DType::F64, &[Some(2)]), tensor("c", DType::F64, &[Some(2); 2]));
    let (_, x) = multivariate_normal(&rng, &mean, &cov, [10 * DRAWS]).unwrap();
    let w = constant(Tensor::vector(vec![1.0, -2.0]));
    let cost = kronograph::ops::mean(&sqr(&matmul(&x, &w).unwrap()).unwrap()).unwrap();
    let gradients = grad(&cost, &[mean.clone(), cov.clone()]).unwrap();
    let mut f = compile(&[rng, mean, cov], &gradients, &Mode::run()).unwrap();
    let (m, c) = (vec![0.5, 1.5], vec![2.0, 0.6, 0.6, 1.0]);
    let out = f.call(&[&RngState::new(1), &Tensor::vector(m), &Tensor::new(&[2, 2], c).unwrap()]).unwrap();
    let of = |k: usize| out.get::<Tensor>(k).unwrap().to_vec::<f64>().unwrap();
    // w w' m = (-2.5, 5); the entry beside the diagonal stands for two. 400 000 draws: a relative error of 0.005.
    let near = |got: &[f64], want: &[f64]| got.iter().zip(want).all(|(g, w)| (g - w).abs() < 0.02 * w.abs() + 0.005);
    assert!(near(&of(0), &[-5.0, 10.0]), "{:?}", of(0));
    assert!(near(&of(1), &[1.0, 0.0, -4.0, 4.0]), "{:?}", of(1));
}

/// Derivatives of gamma draws in the shape against `-(∂P/∂a) / p` in 40 digits: from shapes that are tiny to those
/// where the expansion for large ones takes over.
#[test]
fn the_derivative_of_a_gamma_draw_is_the_implicit_one() {
    let rows: Vec<[f64; 3]> = include_str!("gamma_slopes.txt")
        .lines()
        .filter(|line| !line.starts_with('#'))
        .map(|line| line.split(' ').map(|x| x.parse().unwrap()).collect::<Vec<_>>().try_into().unwrap())
        .collect();
    assert!(rows.len() >= 40);
    let (rng, shape) = (rng_constant(RngState::new(2018)), vector("shape"));
    let (_, x) = standard_gamma(&rng, &shape, None).unwrap();
    let slope = grad(&sum(&x).unwrap(), std::slice::from_ref(&shape)).unwrap().remove(0);
    let mut f = compile(&[shape], &[x, slope], &Mode::raw()).unwrap();
    let out = f.call(&[&Tensor::vector(rows.iter().map(|row| row[0]).collect::<Vec<_>>())]).unwrap();
    let of = |k: usize| out.get::<Tensor>(k).unwrap().to_vec::<f64>().unwrap();
    let mut faults = Vec::new();
    for ((x, slope), [shape, want_x, want]) in of(0).into_iter().zip(of(1)).zip(rows) {
        if x.to_bits() != want_x.to_bits() || (slope - want).abs() > 1e-10 * want.abs() {
            faults.push(format!("{shape:?} {x:?} {slope:?}"));
        }
    }
    assert!(faults.is_empty(), "wrong draws or derivatives:\n{}", faults.join("\n"));
}

/// A derivative through counts is an error that says why, in both modes; one that is not asked for does no harm.
#[test]
fn counts_have_no_derivatives() {
    let (rng, lam) = (rng_state("rng"), scalar("lam"));
    let (_, counts) = poisson(&rng, &lam, [3]).unwrap();
    let cost = sum(&(&cast(&counts, DType::F64).unwrap() * &lam)).unwrap();
    let error = grad(&cost, std::slice::from_ref(&lam)).unwrap_err().to_string();
    assert!(error.contains("random_poisson is a random draw whose parameters it is"), "{error}");
    assert!(error.contains("tests/random/gradients.rs"), "{error}");
    let forward = kronograph::graph::rop(&[cost], std::slice::from_ref(&lam), &[scalar("t")]);
    assert!(forward.unwrap_err().to_string().contains("random draw"));
    // The rates that a draw is stretched by afterwards are fine.
    let by = scalar("by");
    let cost = sum(&(&cast(&counts, DType::F64).unwrap() * &by)).unwrap();
    assert!(grad(&cost, std::slice::from_ref(&by)).is_ok());
}
