//! Breaking a stick: K - 1 raw numbers and K positive values whose sum is 1.
//!
//! With `t_k = x_k - ln(K - k)` the share of value k in what is left is `sigmoid(t_k)`, and `sigmoid(-t_k)` of it stays
//! for the others. Everything is a product of such shares, so nothing cancels.

use kronograph_graph::{Dim, Result, Variable, shape_of};

use crate::construct::{arange, ones};
use crate::elemwise::{add, cast, log, mul, neg, sigmoid, softplus, sub};
use crate::index::{Index, index_axis};
use crate::join::concatenate;
use crate::layout::{dim_variable, flip};
use crate::reduce::{cumprod, cumsum, sum_axes};
use crate::tensor::tensor_type;

/// `value_k = sigmoid(t_k) Π_{j<k} sigmoid(-t_j)`, and of the last one the product alone.
pub(super) fn forward(x: &Variable) -> Result<Variable> {
    let axis = last(x)?;
    let t = sub(x, &log(&others(x)?)?)?;
    let left = cumprod(&sigmoid(&neg(&t)?)?, axis)?;
    // What is left before the first value: x itself may have none.
    let whole = ones_of_length_one(x, axis)?;
    let shares = concatenate(&[sigmoid(&t)?, whole.clone()], axis)?;
    mul(&shares, &concatenate(&[whole, left], axis)?)
}

/// `x_k = ln(value_k / Σ_{j>k} value_j) + ln(K - k)`.
pub(super) fn inverse(y: &Variable) -> Result<Variable> {
    let axis = last(y)?;
    let behind = flip(&cumsum(&flip(&index_axis(y, axis, Index::slice(1, None, 1))?, &[axis])?, axis)?, &[axis])?;
    let values = index_axis(y, axis, Index::slice(None, -1, 1))?;
    add(&sub(&log(&values)?, &log(&behind)?)?, &log(&others(&values)?)?)
}

/// `-Σ_k (softplus(-t_k) + (K - k) softplus(t_k))`: each share, times what is left of the stick before and behind it.
pub(super) fn log_jacobian(x: &Variable) -> Result<Variable> {
    let others = others(x)?;
    let t = sub(x, &log(&others)?)?;
    let terms = add(&softplus(&neg(&t)?)?, &mul(&others, &softplus(&t)?)?)?;
    neg(&sum_axes(&terms, &[last(x)?])?)
}

/// How many values come behind each of those that raw numbers stand for: K - 1, .., 2, 1.
fn others(x: &Variable) -> Result<Variable> {
    let count = dim_variable(&Dim::axis(x, last(x)?))?;
    cast(&arange(&count, 0, -1)?, tensor_type("simplex", x)?.dtype())
}

fn last(x: &Variable) -> Result<usize> {
    Ok(tensor_type("simplex", x)?.rank() - 1)
}

fn ones_of_length_one(x: &Variable, axis: usize) -> Result<Variable> {
    let mut shape = shape_of(x);
    shape[axis] = Dim::from(1);
    ones(tensor_type("simplex", x)?.dtype(), shape)
}
