//! Counts, by the chi-square test.

use kronograph::ops::gammaln;
use kronograph::ops::ndtr;
use kronograph::ops::random::{
    RngState, bernoulli, binomial, categorical, multinomial, negative_binomial, permutation, poisson, rng_shared,
};
use kronograph::prelude::*;

use crate::{DRAWS, at, chi_square, correlation, mean_is, numbers};

/// Draws against the probabilities of `from .. from + p.len()`; neighbours are put together until 20 are expected.
#[track_caller]
fn are_counts(x: &[f64], from: f64, p: &[f64]) {
    let mut found = vec![0.0; p.len()];
    for x in x {
        let cell = (x - from).max(0.0) as usize;
        found[cell.min(p.len() - 1)] += 1.0;
    }
    let n = x.len() as f64;
    let (mut observed, mut expected) = (vec![0.0], vec![0.0]);
    // As many cells as have 600 each, 60 at most, so that few deviations hide in many cells.
    let least = (n / 60.0).min(600.0).max(20.0);
    for (found, p) in found.iter().zip(p) {
        if expected.last().unwrap() >= &least {
            observed.push(0.0);
            expected.push(0.0);
        }
        *observed.last_mut().unwrap() += found;
        *expected.last_mut().unwrap() += n * p;
    }
    if expected.last().unwrap() < &least && expected.len() > 2 {
        let (o, e) = (observed.pop().unwrap(), expected.pop().unwrap());
        *observed.last_mut().unwrap() += o;
        *expected.last_mut().unwrap() += e;
    }
    let rest = n - expected.iter().sum::<f64>();
    *expected.last_mut().unwrap() += rest;
    assert!(rest.abs() < 1e-6 * n, "the probabilities sum to {}", 1.0 - rest / n);
    chi_square(&observed, &expected);
}

/// Consecutive probabilities around a mean, from their logarithms.
fn around(mean: f64, deviation: f64, log_p: impl Fn(f64) -> f64) -> (f64, Vec<f64>) {
    let from = (mean - 12.0 * deviation - 20.0).max(0.0).floor();
    let to = (mean + 30.0 * deviation + 60.0).floor();
    let count = (to - from) as usize;
    (from, (0..count).map(|k| log_p(from + k as f64).exp()).collect())
}

fn log_gamma(x: f64) -> f64 {
    at(&[x], gammaln)[0]
}

/// `ln k!` for all k up to some number, without a call for each.
fn log_factorials(n: usize) -> Vec<f64> {
    at(&(0..=n).map(|k| k as f64 + 1.0).collect::<Vec<_>>(), gammaln)
}

/// Below 10 by inversion, from there on by rejection, which must hold at the border and where the mean is large.
#[test]
fn poisson_counts() {
    for (seed, lam) in [(1, 0.01), (2, 0.7), (3, 5.0), (4, 9.99), (5, 10.0), (6, 13.5), (7, 100.0), (8, 4e4)] {
        let x = numbers(seed, |rng| poisson(rng, lam, [DRAWS]));
        let table = log_factorials((lam + 30.0 * f64::sqrt(lam) + 100.0) as usize);
        let (from, p) = around(lam, lam.sqrt(), |k| k * lam.ln() - lam - table[k as usize]);
        are_counts(&x, from, &p);
        mean_is(&x, lam);
    }
    let x = numbers(9, |rng| poisson(rng, 1e15, [DRAWS]));
    let z: Vec<f64> = x.iter().map(|x| (x - 1e15) / 1e15f64.sqrt()).collect();
    are_normal(&z);
    assert!(numbers(10, |rng| poisson(rng, 0.0, [100])).iter().all(|x| *x == 0.0));
}

/// Forty cells of equal probability under the standard normal distribution.
#[track_caller]
fn are_normal(z: &[f64]) {
    let mut found = vec![0.0; 40];
    at(z, ndtr).iter().for_each(|u| found[(u * 40.0) as usize] += 1.0);
    chi_square(&found, &[z.len() as f64 / 40.0; 40]);
    mean_is(z, 0.0);
    mean_is(&z.iter().map(|z| z * z).collect::<Vec<_>>(), 1.0);
}

/// By inversion, by rejection, both of them mirrored where failures are rarer than successes.
#[test]
fn binomial_counts() {
    let cases: [(u64, i64, f64); 8] = [
        (1, 1, 0.3),
        (2, 7, 0.5),
        (3, 200, 0.04),
        (4, 200, 0.97),
        (5, 20, 0.5),
        (6, 60, 0.4),
        (7, 60, 0.7),
        (8, 90_000, 0.2),
    ];
    for (seed, n, p) in cases {
        let x = numbers(seed, |rng| binomial(rng, n, p, [DRAWS]));
        let (size, table) = (n as f64, log_factorials(n as usize));
        let log_p = |k: f64| match k <= size {
            true => {
                let choose = table[n as usize] - table[k as usize] - table[(size - k) as usize];
                choose + k * p.ln() + (size - k) * f64::ln_1p(-p)
            }
            false => f64::NEG_INFINITY,
        };
        let (from, shares) = around(size * p, (size * p * (1.0 - p)).sqrt(), log_p);
        are_counts(&x, from, &shares);
        mean_is(&x, size * p);
    }
    let x = numbers(9, |rng| binomial(rng, 1_000_000_000_000_000i64, 0.25, [DRAWS]));
    are_normal(&x.iter().map(|x| (x - 2.5e14) / 1.875e14f64.sqrt()).collect::<Vec<_>>());
    let ends = |p: f64| numbers(10, |rng| binomial(rng, 12, p, [50]));
    assert!(ends(0.0).iter().all(|x| *x == 0.0) && ends(1.0).iter().all(|x| *x == 12.0));
}

#[test]
fn negative_binomial_counts() {
    for (seed, n, p) in [(1, 0.5, 0.3), (2, 3.0, 0.5), (3, 1.0, 0.05), (4, 60.0, 0.1)] {
        let x = numbers(seed, |rng| negative_binomial(rng, n, p, [DRAWS]));
        let (mean, deviation) = (n * (1.0 - p) / p, (n * (1.0 - p)).sqrt() / p);
        let most = (mean + 30.0 * deviation + 100.0) as usize;
        let table = log_factorials(most);
        let rising = at(&(0..=most).map(|k| k as f64 + n).collect::<Vec<_>>(), gammaln);
        let start = log_gamma(n);
        let log_p = |k: f64| rising[k as usize] - start - table[k as usize] + n * p.ln() + k * f64::ln_1p(-p);
        let (from, shares) = around(mean, deviation, log_p);
        are_counts(&x, from, &shares);
        mean_is(&x, mean);
    }
    assert!(numbers(5, |rng| negative_binomial(rng, 4.0, 1.0, [20])).iter().all(|x| *x == 0.0));
}

#[test]
fn coins_and_categories() {
    let x = numbers(1, |rng| bernoulli(rng, 0.3, [DRAWS]));
    are_counts(&x, 0.0, &[0.7, 0.3]);
    let p = Tensor::new(&[2, 4], vec![0.1, 0.0, 0.2, 0.7, 0.25, 0.25, 0.5, 0.0]).unwrap();
    let x = numbers(2, |rng| categorical(rng, &constant(p.clone()), [DRAWS, 2]));
    let (first, second): (Vec<f64>, Vec<f64>) = x.chunks(2).map(|pair| (pair[0], pair[1])).unzip();
    assert!(first.iter().all(|x| *x != 1.0) && second.iter().all(|x| *x < 3.0));
    let found = |x: &[f64], cells: &[f64]| -> Vec<f64> {
        cells.iter().map(|cell| x.iter().filter(|x| *x == cell).count() as f64).collect()
    };
    let expected = |p: &[f64]| -> Vec<f64> { p.iter().map(|p| p * DRAWS as f64).collect() };
    chi_square(&found(&first, &[0.0, 2.0, 3.0]), &expected(&[0.1, 0.2, 0.7]));
    chi_square(&found(&second, &[0.0, 1.0, 2.0]), &expected(&[0.25, 0.25, 0.5]));
    assert!(correlation(&first, &second).abs() < 4.0);
}

/// Each margin is binomial, the counts of a draw sum to its trials, and two categories are as correlated as they must be.
#[test]
fn multinomial_counts() {
    let (n, p): (i64, [f64; 4]) = (30, [0.2, 0.0, 0.5, 0.3]);
    let shares = constant(Tensor::vector(p.to_vec()));
    let x = numbers(3, |rng| multinomial(rng, n, &shares, [DRAWS]));
    assert!(x.chunks(4).all(|row| row.iter().sum::<f64>() == 30.0 && row[1] == 0.0));
    let table = log_factorials(30);
    for k in [0, 2, 3] {
        let margin: Vec<f64> = x.iter().skip(k).step_by(4).copied().collect();
        let log_p = |c: usize| {
            table[30] - table[c] - table[30 - c] + c as f64 * p[k].ln() + (30 - c) as f64 * f64::ln_1p(-p[k])
        };
        are_counts(&margin, 0.0, &(0..=30).map(|c| log_p(c).exp()).collect::<Vec<_>>());
    }
    let products: Vec<f64> = x.chunks(4).map(|row| (row[0] - 6.0) * (row[2] - 15.0)).collect();
    mean_is(&products, -30.0 * 0.2 * 0.5);
}

/// All 24 orders of four, each in a call of its own.
#[test]
fn orders_are_equally_likely() {
    let rng = rng_shared("rng", RngState::new(4)).unwrap();
    let (next, order) = permutation(rng.variable(), 4).unwrap();
    let definition = Definition::new(&[], &[order]).update(&rng, &next);
    let mut f = compile_definition(&definition, &Mode::run()).unwrap();
    let mut found = std::collections::BTreeMap::new();
    for _ in 0..DRAWS {
        let order = f.call(&[]).unwrap().get::<Tensor>(0).unwrap().to_vec::<i64>().unwrap();
        *found.entry(order).or_insert(0.0) += 1.0;
    }
    assert_eq!(found.len(), 24);
    chi_square(&found.into_values().collect::<Vec<_>>(), &[DRAWS as f64 / 24.0; 24]);
}
