//! Matrices applied along an axis of a tensor, and the unfolding that this takes.

use kronograph_graph::{BuildError, Dim, Result, Variable, origin, shape_of};

use super::matmul::matmul;
use crate::layout::{dimshuffle, reshape, transpose};
use crate::tensor::{checked_rank, tensor_type};

/// `a` applied along an axis of `x`: `y[.., i, ..] = sum_j a[i, j] x[.., j, ..]`, the axis keeping its place.
///
/// # Errors
///
/// When `a` is no matrix, there is no such axis, or the lengths differ.
#[track_caller]
pub fn matmul_along(a: &Variable, x: &Variable, axis: usize) -> Result<Variable> {
    let _scope = origin::here();
    if tensor_type("matmul", a)?.rank() != 2 {
        return Err(BuildError::inputs("matmul", &[a.clone(), x.clone()], "the first must be a matrix"));
    }
    match (tensor_type("matmul", x)?.rank(), axis) {
        (1 | 2, 0) => return matmul(a, x),
        (2, 1) => return matmul(x, &transpose(a)?),
        _ => {}
    }
    fold_back(&matmul(a, &unfold(x, axis)?)?, x, axis)
}

/// Undoes [`unfold`]: a matrix whose rows run along an axis, as a tensor whose other axes are those of `like`.
///
/// # Errors
///
/// When the sizes differ.
#[track_caller]
pub fn fold_back(matrix: &Variable, like: &Variable, axis: usize) -> Result<Variable> {
    let _scope = origin::here();
    let mut shape = shape_of(like);
    checked_rank("fold_back", like, &[axis])?;
    shape.remove(axis);
    shape.insert(0, Dim::axis(matrix, 0));
    let source = |k: usize| if k == axis { 0 } else { k + usize::from(k < axis) };
    let order: Vec<_> = (0..shape.len()).map(|k| Some(source(k))).collect();
    dimshuffle(&reshape(matrix, shape)?, &order)
}

/// `x` as a matrix whose rows run along an axis and whose columns run along all others.
///
/// # Errors
///
/// When there is no such axis.
#[track_caller]
pub fn unfold(x: &Variable, axis: usize) -> Result<Variable> {
    checked_rank("unfold", x, &[axis])?;
    let shape = shape_of(x);
    let order: Vec<_> = std::iter::once(axis).chain((0..shape.len()).filter(|k| *k != axis)).map(Some).collect();
    let rest =
        shape.iter().enumerate().filter(|(k, _)| *k != axis).fold(Dim::from(1), |size, (_, dim)| size.times(dim));
    reshape(&dimshuffle(x, &order)?, [shape[axis].clone(), rest])
}
