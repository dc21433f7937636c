//! Compositions that their file tells in words.

use kronograph::graph::{OpRegistry, Props, Result as Built};
use kronograph::prelude::*;

use crate::kronecker::rows;

type Prose = fn(&OpRegistry, &[Variable]) -> Result<Vec<Variable>, String>;

/// The composition of a text.
pub(crate) fn find(text: &str) -> Option<Prose> {
    TABLE.iter().find(|(known, _)| *known == text).map(|(_, build)| *build)
}

const TABLE: &[(&str, Prose)] = &[
    ("GP log marginal likelihood, K = exp(-((x-x')/l)^2/2) + s^2 I", |_, x| {
        process(x).map_err(|error| error.to_string())
    }),
    ("qr with diag(r) made positive", |registry, x| {
        let entry = registry.get("qr").map_err(|error| error.to_string())?;
        let factors = entry.build(&Props::default().with("mode", "economic"), x).map_err(|error| error.to_string())?;
        positive(&factors).map_err(|error| error.to_string())
    }),
    ("gaussian flow SAR log-likelihood", |_, x| flow_likelihood(x).map_err(|error| error.to_string())),
    ("GP log marginal likelihood with kron(K1, K2) + s^2 I", |_, x| {
        kronecker_process(x).map_err(|error| error.to_string())
    }),
];

/// `exp(-((x_i - x_j) / l)² / 2)`.
fn covariance(at: &Variable, length: &Variable) -> Built<Variable> {
    let apart = sub(&expand_dims(at, &[1])?, &expand_dims(at, &[0])?)?;
    exp(&mul(-0.5, &sqr(&true_div(&apart, length)?)?)?)
}

/// `-½ yᵀ K⁻¹ y - ½ ln|K|`; the files leave the constant out.
fn marginal(k: &Variable, y: &Variable) -> Built<Variable> {
    let fit = matmul(y, &solve(k, y)?)?;
    mul(-0.5, &add(&fit, &slogdet(k)?.1)?)
}

/// Of l, s, x, y.
fn process(x: &[Variable]) -> Built<Vec<Variable>> {
    let [length, noise, at, y] = x else { unreachable!("four inputs") };
    let n = rows(at);
    let k = add(&covariance(at, length)?, &mul(&sqr(noise)?, &eye(n)?)?)?;
    Ok(vec![marginal(&k, y)?])
}

/// Of l_1, l_2, s, x_1, x_2, y.
fn kronecker_process(x: &[Variable]) -> Built<Vec<Variable>> {
    let all = kron(&covariance(&x[3], &x[0])?, &covariance(&x[4], &x[1])?)?;
    let n = rows(&all);
    Ok(vec![marginal(&add(&all, &mul(&sqr(&x[2])?, &eye(n)?)?)?, &x[5])?])
}

/// `Q S`, `S R` with the signs S of R's diagonal.
fn positive(factors: &[Variable]) -> Built<Vec<Variable>> {
    let [q, r] = factors else { unreachable!("two factors") };
    let n = rows(r);
    let signs = sign(&sum_axes(&mul(r, &eye(n)?)?, &[1])?)?;
    Ok(vec![mul(q, &signs)?, mul(&expand_dims(&signs, &[1])?, r)?])
}

/// `ln|L_o ⊗ L_d| - N ln s - |A y - X β|² / (2 s²)`, of rho_d, rho_o, s, β, W, X, y.
fn flow_likelihood(x: &[Variable]) -> Built<Vec<Variable>> {
    let [rho_d, rho_o, s, beta, w, design, y] = x else { unreachable!("seven inputs") };
    let n = rows(w);
    let filter = |rho: &Variable, grid: &Variable, axis| {
        sub(grid, &mul(rho, &kronograph::sparse::structured_dot_along(w, grid, axis, Trans::No)?)?)
    };
    let filtered = filter(rho_o, &filter(rho_d, &reshape(y, [n, n])?, 1)?, 0)?;
    let residual = sub(&reshape(&filtered, [n * n])?, &matmul(design, beta)?)?;
    let fit = true_div(&sum(&sqr(&residual)?)?, &mul(2.0, &sqr(s)?)?)?;
    let logdet = kronecker_flow_logdet(w, rho_d, rho_o)?;
    Ok(vec![sub(&sub(&logdet, &mul((n * n) as f64, &log(s)?)?)?, &fit)?])
}
