//! Densities on intervals and on the circle.

use std::f64::consts::TAU;

use kronograph_graph::{Operand, Result, Variable, origin};

use super::{LN_SQRT_TAU, arguments, limit_at_zero, settled, unless};
use crate::elemwise::{
    eq, ge, gt, le, log, log_gamma_correction, log_i0e, lt, or_, poisson_deviance, sign, sin, sqr, switch,
};

/// The uniform distribution: `-ln(upper - lower)` for lower ≤ x ≤ upper (SciPy: `uniform`, loc, scale = upper - loc).
///
/// # Errors
///
/// When an argument is no dense tensor, or the shapes do not fit.
#[track_caller]
pub fn uniform<'a>(
    x: impl Into<Operand<'a>>,
    lower: impl Into<Operand<'a>>,
    upper: impl Into<Operand<'a>>,
) -> Result<Variable> {
    let _scope = origin::here();
    let [x, lower, upper] = arguments("uniform_logp", [x.into(), lower.into(), upper.into()])?;
    let outside = or_(&lt(&x, &lower)?, &gt(&x, &upper)?)?;
    // Constant in x, of its shape, and NaN where it is.
    let level = 0.0 * sign(&x)?;
    settled(&(level - log(&(&upper - &lower))?), &outside, &ge(&lower, &upper)?)
}

/// The beta distribution: `(α - 1) ln x + (β - 1) ln(1 - x) - ln B(α, β)` for 0 < x < 1 (SciPy: `beta`, a, b). At either
/// end it is the limit: infinite, the logarithm of the other parameter, or minus infinite.
///
/// # Errors
///
/// When an argument is no dense tensor, or the shapes do not fit.
#[track_caller]
pub fn beta<'a>(
    x: impl Into<Operand<'a>>,
    alpha: impl Into<Operand<'a>>,
    beta: impl Into<Operand<'a>>,
) -> Result<Variable> {
    let _scope = origin::here();
    let [x, alpha, beta] = arguments("beta_logp", [x.into(), alpha.into(), beta.into()])?;
    let (outside, invalid) = (or_(&lt(&x, 0.0)?, &gt(&x, 1.0)?)?, or_(&le(&alpha, 0.0)?, &le(&beta, 0.0)?)?);
    let inside = unless(&or_(&le(&x, 0.0)?, &ge(&x, 1.0)?)?, &x, 0.5)?;
    let (other, total) = (1.0 - &inside, &alpha + &beta);
    let correction = |x: &Variable| log_gamma_correction(0, x);
    let corrections = correction(&total)? - correction(&alpha)? - correction(&beta)?;
    let front = 0.5 * log(&(&alpha * (&beta / &total)))? - LN_SQRT_TAU + corrections;
    let deviance = poisson_deviance(&alpha, &(&total * &inside))? + poisson_deviance(&beta, &(&total * &other))?;
    let value = front - deviance - log(&inside)? - log(&other)?;
    let at_one = switch(&eq(&x, 1.0)?, &limit_at_zero(&beta, &log(&alpha)?)?, &value)?;
    let at_ends = switch(&eq(&x, 0.0)?, &limit_at_zero(&alpha, &log(&beta)?)?, &at_one)?;
    settled(&at_ends, &outside, &invalid)
}

/// The von Mises distribution of an angle: `κ cos(x - μ) - ln(2π I₀(κ))` (SciPy: `vonmises`, kappa, loc). Of period 2π in
/// x: a density on any interval of that length.
///
/// κ = 0 is the uniform distribution.
///
/// # Errors
///
/// When an argument is no dense tensor, or the shapes do not fit.
#[track_caller]
pub fn von_mises<'a>(
    x: impl Into<Operand<'a>>,
    mu: impl Into<Operand<'a>>,
    kappa: impl Into<Operand<'a>>,
) -> Result<Variable> {
    let _scope = origin::here();
    let [x, mu, kappa] = arguments("von_mises_logp", [x.into(), mu.into(), kappa.into()])?;
    // cos(d) - 1 = -2 sin²(d/2): the κ that I₀ grows with is taken out of both.
    let half = sin(&(0.5 * (x - mu)))?;
    Ok(-2.0 * &kappa * sqr(&half)? - (log_i0e(&kappa)? + TAU.ln()))
}
