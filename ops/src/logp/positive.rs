//! Densities on positive numbers.

use std::f64::consts::{FRAC_2_PI, PI};

use kronograph_graph::{Operand, Result, Variable, origin};

use super::{LN_SQRT_TAU, arguments, limit_at_zero, log_one_plus_square, settled, unless};
use crate::elemwise::{eq, le, log, log_gamma_correction, lt, or_, poisson_deviance, sqr, switch};

/// The normal distribution of mean zero, on numbers that are not negative: `ln √(2/π) - ln σ - x² / (2σ²)` (SciPy:
/// `halfnorm`, scale).
///
/// # Errors
///
/// When an argument is no dense tensor, or the shapes do not fit.
#[track_caller]
pub fn half_normal<'a>(x: impl Into<Operand<'a>>, sigma: impl Into<Operand<'a>>) -> Result<Variable> {
    let _scope = origin::here();
    let [x, sigma] = arguments("half_normal_logp", [x.into(), sigma.into()])?;
    let outside = lt(&x, 0.0)?;
    let z = unless(&outside, &x, 0.0)? / &sigma;
    let value = -0.5 * sqr(&z)? - (log(&sigma)? - 0.5 * FRAC_2_PI.ln());
    settled(&value, &outside, &le(&sigma, 0.0)?)
}

/// The Cauchy distribution around zero, on numbers that are not negative: `ln(2/π) - ln β - ln(1 + (x/β)²)` (SciPy:
/// `halfcauchy`, scale).
///
/// # Errors
///
/// When an argument is no dense tensor, or the shapes do not fit.
#[track_caller]
pub fn half_cauchy<'a>(x: impl Into<Operand<'a>>, beta: impl Into<Operand<'a>>) -> Result<Variable> {
    let _scope = origin::here();
    let [x, beta] = arguments("half_cauchy_logp", [x.into(), beta.into()])?;
    let outside = lt(&x, 0.0)?;
    let z = unless(&outside, &x, 0.0)? / &beta;
    let value = -(log(&beta)? + (0.5 * PI).ln()) - log_one_plus_square(&z)?;
    settled(&value, &outside, &le(&beta, 0.0)?)
}

/// The exponential distribution with a rate: `ln λ - λ x` for x ≥ 0 (SciPy: `expon`, scale = 1/λ).
///
/// # Errors
///
/// When an argument is no dense tensor, or the shapes do not fit.
#[track_caller]
pub fn exponential<'a>(x: impl Into<Operand<'a>>, lam: impl Into<Operand<'a>>) -> Result<Variable> {
    let _scope = origin::here();
    let [x, lam] = arguments("exponential_logp", [x.into(), lam.into()])?;
    let outside = lt(&x, 0.0)?;
    let value = log(&lam)? - &lam * unless(&outside, &x, 0.0)?;
    settled(&value, &outside, &le(&lam, 0.0)?)
}

/// The gamma distribution with a rate: `α ln β - ln Γ(α) + (α - 1) ln x - β x` for x > 0 (SciPy: `gamma`, a = α,
/// scale = 1/β). At zero it is infinite for α < 1, `ln β` for α = 1, and minus infinite for α > 1.
///
/// # Errors
///
/// When an argument is no dense tensor, or the shapes do not fit.
#[track_caller]
pub fn gamma<'a>(
    x: impl Into<Operand<'a>>,
    alpha: impl Into<Operand<'a>>,
    beta: impl Into<Operand<'a>>,
) -> Result<Variable> {
    let _scope = origin::here();
    let [x, alpha, beta] = arguments("gamma_logp", [x.into(), alpha.into(), beta.into()])?;
    let (outside, invalid) = (lt(&x, 0.0)?, or_(&le(&alpha, 0.0)?, &le(&beta, 0.0)?)?);
    let inside = unless(&le(&x, 0.0)?, &x, 1.0)?;
    let value = by_deviance(&alpha, &(&beta * &inside), &inside)?;
    let at_zero = limit_at_zero(&alpha, &(log(&beta)? - &beta * &x))?;
    settled(&switch(&eq(&x, 0.0)?, &at_zero, &value)?, &outside, &invalid)
}

/// The distribution of `1/x` for x of the gamma distribution: `α ln β - ln Γ(α) - (α + 1) ln x - β / x` for x > 0 (SciPy:
/// `invgamma`, a = α, scale = β).
///
/// # Errors
///
/// When an argument is no dense tensor, or the shapes do not fit.
#[track_caller]
pub fn inverse_gamma<'a>(
    x: impl Into<Operand<'a>>,
    alpha: impl Into<Operand<'a>>,
    beta: impl Into<Operand<'a>>,
) -> Result<Variable> {
    let _scope = origin::here();
    let [x, alpha, beta] = arguments("inverse_gamma_logp", [x.into(), alpha.into(), beta.into()])?;
    let (outside, invalid) = (le(&x, 0.0)?, or_(&le(&alpha, 0.0)?, &le(&beta, 0.0)?)?);
    let inside = unless(&outside, &x, 1.0)?;
    let value = by_deviance(&alpha, &(&beta / &inside), &inside)?;
    settled(&value, &outside, &invalid)
}

/// The lognormal distribution, whose logarithm is normal: `-ln x - (ln x - μ)² / (2σ²) - ln σ - ln √(2π)` for x > 0
/// (SciPy: `lognorm`, s = σ, scale = exp(μ)).
///
/// # Errors
///
/// When an argument is no dense tensor, or the shapes do not fit.
#[track_caller]
pub fn lognormal<'a>(
    x: impl Into<Operand<'a>>,
    mu: impl Into<Operand<'a>>,
    sigma: impl Into<Operand<'a>>,
) -> Result<Variable> {
    let _scope = origin::here();
    let [x, mu, sigma] = arguments("lognormal_logp", [x.into(), mu.into(), sigma.into()])?;
    let outside = le(&x, 0.0)?;
    let log_x = log(&unless(&outside, &x, 1.0)?)?;
    let z = (&log_x - mu) / &sigma;
    let value = -0.5 * sqr(&z)? - (log(&sigma)? + LN_SQRT_TAU) - log_x;
    settled(&value, &outside, &le(&sigma, 0.0)?)
}

/// `α ln m - m - ln Γ(α) - ln x`, by Stirling's formula: `ln(α)/2 - ln √(2π) - δ(α) - D(α, m) - ln x`.
fn by_deviance(alpha: &Variable, m: &Variable, x: &Variable) -> Result<Variable> {
    let front = 0.5 * log(alpha)? - LN_SQRT_TAU - log_gamma_correction(0, alpha)?;
    Ok(front - poisson_deviance(alpha, m)? - log(x)?)
}
