//! Canonical partial correlations and the Cholesky factor of a correlation matrix.
//!
//! With `c(x) = ln cosh(x)`, what the entries before (i, j) leave of the unit length of row i is
//! `exp(-Σ_{k<j} c(x_ik))`: no difference of squares is formed.

use std::f64::consts::LN_2;

use kronograph_graph::{Dim, Result, Variable};

use crate::elemwise::{add, arcsinh, cast, exp, mul, neg, softplus, sqr, sqrt, sub, tanh, true_div};
use crate::index::take;
use crate::join::pad;
use crate::layout::{flip, join_dims, specify_shape};
use crate::linalg::{eye, tril};
use crate::reduce::{cumsum, sum_axes};
use crate::tensor::{Tensor, constant, tensor_type};

/// The number of pairs of n things.
pub(super) fn pairs(order: usize) -> usize {
    order * order.saturating_sub(1) / 2
}

/// `L_ij = tanh(x_ij) exp(-Σ_{k<j} c(x_ik))` below the diagonal, and the exponential alone on it.
pub(super) fn forward(x: &Variable, order: usize) -> Result<Variable> {
    let x = of_length(x, pairs(order))?;
    let last = tensor_type("correlation_cholesky", &x)?.rank() - 1;
    let mut padding = vec![(0, 0); last];
    padding.push((0, 1));
    let spread = |numbers: &Variable, shift: usize| take(&pad(numbers, &padding, 0.0)?, &places(order, shift), last);
    let dtype = tensor_type("correlation_cholesky", &x)?.dtype();
    let own = add(&spread(&tanh(&x)?, 0)?, &cast(&eye(order)?, dtype)?)?;
    let before = cumsum(&spread(&log_cosh(&x)?, 1)?, last + 1)?;
    mul(&own, &exp(&neg(&before)?)?)
}

/// `x_ij = arcsinh(L_ij / √(Σ_{j<k≤i} L_ik²))`.
pub(super) fn inverse(l: &Variable, order: usize) -> Result<Variable> {
    let columns = tensor_type("correlation_cholesky", l)?.rank() - 1;
    let mut shape = vec![Dim::UNKNOWN; columns - 1];
    shape.extend([order, order].map(Dim::from));
    let l = tril(&specify_shape(l, shape)?, 0)?;
    let from_behind = flip(&cumsum(&flip(&sqr(&l)?, &[columns])?, columns)?, &[columns])?;
    let (mut here, mut behind) = (Vec::new(), Vec::new());
    for (row, column) in below(order) {
        here.push((row * order + column) as i64);
        behind.push((row * order + column + 1) as i64);
    }
    let gather = |x: &Variable, at: Vec<i64>| take(&join_dims(x, columns - 1, 2)?, &constant(at), columns - 1);
    arcsinh(&true_div(&gather(&l, here)?, &sqrt(&gather(&from_behind, behind)?)?)?)
}

/// `-Σ_{i>j} (i - j + 1) c(x_ij)`: two for the hyperbolic tangent, one for each entry behind it that it shortens.
pub(super) fn log_jacobian(x: &Variable, order: usize) -> Result<Variable> {
    let x = of_length(x, pairs(order))?;
    let ty = tensor_type("correlation_cholesky", &x)?;
    let weights: Vec<f64> = below(order).map(|(row, column)| (row - column + 1) as f64).collect();
    let terms = mul(&log_cosh(&x)?, &cast(&constant(weights), ty.dtype())?)?;
    neg(&sum_axes(&terms, &[ty.rank() - 1])?)
}

/// The places below the diagonal, row by row.
fn below(order: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..order).flat_map(|row| (0..row).map(move |column| (row, column)))
}

/// For each entry of the matrix, which raw number stands `shift` columns before it; behind the last one where none does.
fn places(order: usize, shift: usize) -> Variable {
    let place = |row: usize, column: usize| match column.checked_sub(shift) {
        Some(column) if column < row => pairs(row) + column,
        _ => pairs(order),
    };
    let at = (0..order * order).map(|k| place(k / order, k % order) as i64).collect();
    constant(Tensor::new(&[order, order], at).expect("as many places as entries"))
}

/// `ln cosh(x)`, without overflow.
fn log_cosh(x: &Variable) -> Result<Variable> {
    sub(&sub(&softplus(&mul(x, 2.0)?)?, x)?, LN_2)
}

/// The last axis has this length, or it is an error at run time.
fn of_length(x: &Variable, length: usize) -> Result<Variable> {
    let mut shape = vec![Dim::UNKNOWN; x.ty().extents().len()];
    if let Some(last) = shape.last_mut() {
        *last = Dim::from(length);
    }
    specify_shape(x, shape)
}
