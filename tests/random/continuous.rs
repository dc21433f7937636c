//! Continuous distributions, by the test of Kolmogorov and Smirnov.

use kronograph::ops::random::{
    beta, exponential, gamma, multivariate_normal, multivariate_normal_cholesky, normal, standard_gamma, uniform,
};
use kronograph::ops::{betainc, gammainc, ndtr};
use kronograph::prelude::*;

use crate::{DRAWS, at, correlation, drawn, mean_is, numbers};

/// The values of a distribution function at its own draws are uniform: level 1e-3. A distribution function that is off
/// by 0.02 somewhere is seen with probability above 0.99; the limit is 0.0098.
#[track_caller]
fn are_uniform(mut u: Vec<f64>) {
    u.sort_by(f64::total_cmp);
    let n = u.len() as f64;
    let apart = |(k, u): (usize, &f64)| (u - k as f64 / n).abs().max((u - (k + 1) as f64 / n).abs());
    let largest = u.iter().enumerate().map(apart).fold(0.0, f64::max);
    assert!(largest < 1.95 / n.sqrt(), "the distribution function is off by {largest}");
}

#[test]
fn uniform_numbers_fill_their_interval() {
    let x = numbers(1, |rng| uniform(rng, -3.0, 5.0, [DRAWS]));
    assert!(x.iter().all(|x| (-3.0..5.0).contains(x)));
    are_uniform(x.iter().map(|x| (x + 3.0) / 8.0).collect());
    mean_is(&x, 1.0);
    let single = constant(Tensor::scalar(1f32));
    let x = numbers(2, |rng| uniform(rng, 0.0, &single, [DRAWS]));
    assert!(x.iter().all(|x| (0.0..1.0).contains(x)));
    are_uniform(x);
}

#[test]
fn normal_numbers_have_their_moments_and_tails() {
    let x = numbers(3, |rng| normal(rng, 2.0, 3.0, [DRAWS]));
    let z: Vec<f64> = x.iter().map(|x| (x - 2.0) / 3.0).collect();
    are_uniform(at(&z, ndtr));
    mean_is(&z, 0.0);
    mean_is(&z.iter().map(|z| z.powi(2)).collect::<Vec<_>>(), 1.0);
    mean_is(&z.iter().map(|z| z.powi(4)).collect::<Vec<_>>(), 3.0);
    // Beyond 3 there are 0.27 percent: 108 of them, with a standard deviation of 10.4.
    let far = z.iter().filter(|z| z.abs() > 3.0).count() as f64;
    assert!((far - 108.0).abs() < 42.0, "{far} beyond three standard deviations");
}

#[test]
fn exponential_numbers() {
    let x = numbers(4, |rng| exponential(rng, 0.5, [DRAWS]));
    are_uniform(x.iter().map(|x| -(-2.0 * x).exp_m1()).collect());
    mean_is(&x, 0.5);
}

/// Shapes below and above 1, small and large: with and without the power that a small shape needs.
#[test]
fn gamma_numbers_of_all_shapes() {
    for (seed, shape) in [(5, 0.05), (6, 0.4), (7, 0.999), (8, 1.0), (9, 2.5), (10, 40.0), (11, 1000.0)] {
        let x = numbers(seed, |rng| standard_gamma(rng, shape, [DRAWS]));
        are_uniform(at(&x, |x| gammainc(shape, x)));
        mean_is(&x, shape);
    }
    let x = numbers(12, |rng| gamma(rng, 3.0, 2.0, [DRAWS]));
    mean_is(&x, 6.0);
    // So large a shape is normal, but for a third of 1 / √shape.
    let x = numbers(13, |rng| standard_gamma(rng, 1e12, [DRAWS]));
    are_uniform(at(&x.iter().map(|x| (x - 1e12) / 1e6).collect::<Vec<_>>(), ndtr));
}

/// `x^a` is nearly uniform for a gamma draw of a small shape a; it underflows, but not in a beta draw.
#[test]
fn draws_of_tiny_shapes_do_not_lose_their_distribution() {
    let x = numbers(14, |rng| standard_gamma(rng, 1e-3, [DRAWS]));
    let kept: Vec<f64> = x.iter().copied().filter(|x| *x > 0.0).collect();
    // The share above 5e-324: 1 - exp(-0.744) to within 0.1 percent.
    let share = kept.len() as f64 / DRAWS as f64;
    assert!((share - 0.525).abs() < 0.015, "{share}");
    // Both shapes tiny: next to a coin with the odds of the shapes.
    let x = numbers(15, |rng| beta(rng, 1e-5, 3e-5, [DRAWS]));
    assert!(x.iter().all(|x| (0.0..=1.0).contains(x)));
    mean_is(&x, 0.25);
    assert!(x.iter().filter(|x| **x > 1e-9 && **x < 1.0 - 1e-9).count() < 40);
}

#[test]
fn beta_numbers_of_all_shapes() {
    for (seed, a, b) in [(16, 0.5, 0.5), (17, 0.2, 3.0), (18, 2.0, 0.7), (19, 5.0, 30.0), (20, 1.0, 1.0)] {
        let x = numbers(seed, |rng| beta(rng, a, b, [DRAWS]));
        are_uniform(at(&x, |x| betainc(a, b, x)));
        mean_is(&x, a / (a + b));
    }
}

/// The covariances of 40 000 vectors are those asked for, each up to 4 standard errors (level 6e-5 for each), and what
/// the factor mixed is uncorrelated without it. A correlation that is off by 0.03 is seen with probability 0.97.
#[test]
fn multivariate_normal_vectors_are_correlated_as_asked() {
    let cov = Tensor::new(&[3, 3], vec![4.0, 1.2, -0.6, 1.2, 1.0, 0.2, -0.6, 0.2, 0.5]).unwrap();
    let mean = Tensor::vector(vec![1.0, -2.0, 0.5]);
    let state = kronograph::ops::random::RngState::new(21);
    let by_cov = |rng: &Variable| multivariate_normal(rng, &constant(mean.clone()), &constant(cov.clone()), [DRAWS]);
    let x = drawn(state, by_cov);
    assert_eq!(x.shape(), [DRAWS, 3]);
    let x = x.to_vec::<f64>().unwrap();
    let (mean, cov) = (mean.to_vec::<f64>().unwrap(), cov.to_vec::<f64>().unwrap());
    let column = |k: usize| -> Vec<f64> { x.iter().skip(k).step_by(3).map(|x| x - mean[k]).collect() };
    for i in 0..3 {
        mean_is(&column(i), 0.0);
        are_uniform(at(&column(i).iter().map(|x| x / cov[4 * i].sqrt()).collect::<Vec<_>>(), ndtr));
        for j in 0..=i {
            let products: Vec<f64> = column(i).iter().zip(column(j)).map(|(x, y)| x * y).collect();
            mean_is(&products, cov[3 * i + j]);
        }
    }
    // The same numbers by the factor, of which the upper triangle is not read.
    let l = Tensor::new(&[2, 2], vec![2.0, f64::NAN, 0.5, 1.0]).unwrap();
    let mean = constant(Tensor::vector(vec![0.0, 0.0]));
    let by_factor = |rng: &Variable| multivariate_normal_cholesky(rng, &mean, &constant(l.clone()), [DRAWS]);
    let x = drawn(state, by_factor).to_vec::<f64>().unwrap();
    let first: Vec<f64> = x.iter().step_by(2).map(|x| x / 2.0).collect();
    let second: Vec<f64> = x.chunks(2).map(|x| x[1] - 0.25 * x[0]).collect();
    assert!(correlation(&first, &second).abs() < 4.0);
    are_uniform(at(&second, ndtr));
}
