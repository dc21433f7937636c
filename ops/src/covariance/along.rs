//! What structures do along one axis of a tensor: take a part of it, and give a vector its place.

use kronograph_graph::{BuildError, Result, Variable};

use crate::index::{Index, index_axis};
use crate::layout::expand_dims;

/// `x[.., start:stop, ..]`.
pub(super) fn part(x: &Variable, axis: usize, start: usize, stop: usize) -> Result<Variable> {
    index_axis(x, axis, Index::slice(start as i64, stop as i64, 1))
}

/// A vector with axes of length 1 behind it, so that it lies along an axis of `like`.
pub(super) fn vector_along(v: &Variable, axis: usize, like: &Variable) -> Result<Variable> {
    let behind = like.ty().extents().len() - axis;
    expand_dims(v, &(1..behind).collect::<Vec<_>>())
}

/// Refuses an order that is too small.
#[track_caller]
pub(super) fn at_least(op: &'static str, order: usize, least: usize) -> Result<()> {
    if order >= least {
        return Ok(());
    }
    Err(BuildError::parameter(op, format!("the order must be at least {least}, it is {order}")))
}
