//! Rising values: the first one, then the steps.

use kronograph_graph::{Result, Variable};

use crate::elemwise::{exp, log};
use crate::index::{Index, index_axis};
use crate::join::{concatenate, diff};
use crate::reduce::{cumsum, sum_axes};
use crate::tensor::tensor_type;

/// `value_1 = x_1`, `value_k = value_{k-1} + exp(x_k)`.
pub(super) fn forward(x: &Variable) -> Result<Variable> {
    let (axis, [first, steps]) = parts(x)?;
    cumsum(&concatenate(&[first, exp(&steps)?], axis)?, axis)
}

/// `x_1 = value_1`, `x_k = ln(value_k - value_{k-1})`.
pub(super) fn inverse(y: &Variable) -> Result<Variable> {
    let (axis, [first, _]) = parts(y)?;
    concatenate(&[first, log(&diff(y, 1, axis)?)?], axis)
}

/// `Σ_{k>1} x_k`.
pub(super) fn log_jacobian(x: &Variable) -> Result<Variable> {
    let (axis, [_, steps]) = parts(x)?;
    sum_axes(&steps, &[axis])
}

/// The last axis, and along it the first number and the others.
fn parts(x: &Variable) -> Result<(usize, [Variable; 2])> {
    let axis = tensor_type("ordered", x)?.rank() - 1;
    let part = |kept: Index| index_axis(x, axis, kept);
    Ok((axis, [part(Index::slice(None, 1, 1))?, part(Index::slice(1, None, 1))?]))
}
