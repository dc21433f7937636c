//! Densities of vectors of shares.

use kronograph_graph::{BuildError, Operand, Result, Variable, origin};

use super::{LN_SQRT_TAU, arguments, limit_at_zero, settled, unless};
use crate::elemwise::{eq, le, log, log_gamma_correction, lt, poisson_deviance, second, switch};
use crate::layout::expand_dims;
use crate::reduce::{any_axes, sum_axes};
use crate::tensor::tensor_type;

/// The Dirichlet distribution of the shares along the last axis: `ln Γ(Σ α) + Σ ((α - 1) ln x - ln Γ(α))` (SciPy:
/// `dirichlet`, alpha). The density is that of all shares but the last one, written as a function of all.
///
/// Whether the shares sum to one is not asked. A share of zero has its limit: nothing for α = 1, else it is infinite.
///
/// # Errors
///
/// When an argument is no dense tensor, or is a scalar, or the shapes do not fit.
#[track_caller]
pub fn dirichlet<'a>(x: impl Into<Operand<'a>>, alpha: impl Into<Operand<'a>>) -> Result<Variable> {
    let _scope = origin::here();
    let [x, alpha] = arguments("dirichlet_logp", [x.into(), alpha.into()])?;
    let Some(axis) = tensor_type("dirichlet_logp", &x)?.rank().checked_sub(1) else {
        return Err(BuildError::inputs("dirichlet_logp", &[x, alpha], "the shares need an axis"));
    };
    // One parameter for all shares counts once for each.
    let alpha = if alpha.ty().extents()[axis] == Some(1) { second(&x, &alpha)? } else { alpha };
    let total = sum_axes(&alpha, &[axis])?;
    let each = expand_dims(&total, &[axis])?;
    let inside = unless(&le(&x, 0.0)?, &x, 1.0)?;
    let front = 0.5 * log(&alpha)? - LN_SQRT_TAU - log_gamma_correction(0, &alpha)?;
    // D(α, n x) with n = Σ α, less what it has beside α ln(α / (n x)).
    let term = |share: &Variable| Ok::<_, BuildError>(&each * share - &alpha);
    let value = &front - poisson_deviance(&alpha, &(&each * &inside))? - log(&inside)? + term(&inside)?;
    let at_zero = &front + limit_at_zero(&alpha, &log(&each)?)?;
    let terms = sum_axes(&switch(&eq(&x, 0.0)?, &at_zero, &value)?, &[axis])?;
    let rest = log_gamma_correction(0, &total)? - 0.5 * log(&total)? + LN_SQRT_TAU;
    let outside = any_axes(&lt(&x, 0.0)?, &[axis])?;
    let invalid = any_axes(&le(&alpha, 0.0)?, &[axis])?;
    settled(&(terms + rest), &outside, &invalid)
}
