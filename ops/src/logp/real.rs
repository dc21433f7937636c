//! Densities on all real numbers.

use kronograph_graph::{Operand, Result, Variable, origin};

use super::{LN_2, LN_SQRT_TAU, arguments};
use crate::elemwise::{
    abs, gt, le, log, log_gamma_correction, log1p, or_, reciprocal, scaled_log1p, sqr, sqrt, switch,
};

/// The normal distribution: `-(x - μ)² / (2σ²) - ln σ - ln √(2π)` (SciPy: `norm`, loc, scale).
///
/// ```
/// use kronograph_ops::{logp, scalar};
///
/// let (x, mu) = (scalar("x"), scalar("mu"));
/// let density = logp::normal(&x, &mu, 2.5)?;
/// assert_eq!(density.ty().to_string(), "f64 ()");
/// # Ok::<(), kronograph_graph::BuildError>(())
/// ```
///
/// # Errors
///
/// When an argument is no dense tensor, or the shapes do not fit.
#[track_caller]
pub fn normal<'a>(
    x: impl Into<Operand<'a>>,
    mu: impl Into<Operand<'a>>,
    sigma: impl Into<Operand<'a>>,
) -> Result<Variable> {
    let _scope = origin::here();
    let [x, mu, sigma] = arguments("normal_logp", [x.into(), mu.into(), sigma.into()])?;
    let z = (x - mu) / &sigma;
    Ok(-0.5 * sqr(&z)? - (log(&sigma)? + LN_SQRT_TAU))
}

/// Student's distribution with ν degrees of freedom: `-(ν + 1)/2 ln(1 + z²/ν) - ln σ + ln Γ((ν + 1)/2) - ln Γ(ν/2) -
/// ln(πν)/2`, `z = (x - μ)/σ` (SciPy: `t`, df, loc, scale).
///
/// For large ν value and derivatives, also those in ν, tend to those of the normal distribution without loss of digits.
///
/// # Errors
///
/// When an argument is no dense tensor, or the shapes do not fit.
#[track_caller]
pub fn student_t<'a>(
    x: impl Into<Operand<'a>>,
    nu: impl Into<Operand<'a>>,
    mu: impl Into<Operand<'a>>,
    sigma: impl Into<Operand<'a>>,
) -> Result<Variable> {
    let _scope = origin::here();
    let [x, nu, mu, sigma] = arguments("student_t_logp", [x.into(), nu.into(), mu.into(), sigma.into()])?;
    let invalid = or_(&le(&nu, 0.0)?, &le(&sigma, 0.0)?)?;
    let apart = x - mu;
    let z = &apart / &sigma;
    // Beyond √ν the logarithm of the quotient, less what of it is in ln σ; else what tends to z².
    let root = sqrt(&nu)?;
    let far = gt(&abs(&z)?, &root)?;
    let w = switch(&far, &(&z / &root), 1.0)?;
    let size = 2.0 * log(&abs(&switch(&far, &apart, 1.0)?)?)? - log(&nu)?;
    let tail = &nu * (2.0 * log(&abs(&w)?)?) + (&nu + 1.0) * log1p(&sqr(&reciprocal(&w)?)?)? + size;
    let square = sqr(&switch(&far, 0.0, &z)?)?;
    let middle = scaled_log1p(&nu, &square)? + log1p(&(&square / &nu))? + 2.0 * log(&sigma)?;
    // ln Γ(q + 1/2) - ln Γ(q) - ln(q)/2 for q = ν/2, by Stirling's formula and what it leaves.
    let q = 0.5 * &nu;
    let corrections = log_gamma_correction(0, &(&q + 0.5))? - log_gamma_correction(0, &q)?;
    let constant = (scaled_log1p(&q, 0.5)? - 0.5) + corrections - LN_SQRT_TAU;
    let value = constant - 0.5 * switch(&far, &tail, &middle)?;
    switch(&invalid, f64::NAN, &value)
}

/// The Laplace distribution: `-|x - μ| / b - ln(2b)` (SciPy: `laplace`, loc, scale). Its derivative at μ is zero.
///
/// # Errors
///
/// When an argument is no dense tensor, or the shapes do not fit.
#[track_caller]
pub fn laplace<'a>(
    x: impl Into<Operand<'a>>,
    mu: impl Into<Operand<'a>>,
    b: impl Into<Operand<'a>>,
) -> Result<Variable> {
    let _scope = origin::here();
    let [x, mu, b] = arguments("laplace_logp", [x.into(), mu.into(), b.into()])?;
    // The size of the quotient would hide a negative scale; its logarithm does not.
    Ok(-(abs(&(x - mu))? / &b) - (log(&b)? + LN_2))
}
