//! Merging axes that lie behind one another, and splitting them again.

use kronograph_graph::{BuildError, Dim, Entry, Params, Prop, Result, Sample, Shape, Variable, origin, shape_of};

use super::{reshape, shape_param, size_of};
use crate::params::{axis_of, only, some};
use crate::samples::{dense, given};
use crate::tensor::tensor_type;

/// `x` with `ndim` axes: the first ones stay, the others become one, in row-major order.
///
/// # Errors
///
/// When `ndim` is zero, or there are fewer axes.
#[track_caller]
pub fn flatten(x: &Variable, ndim: usize) -> Result<Variable> {
    let rank = tensor_type("flatten", x)?.rank();
    // A scalar becomes a vector.
    if ndim == 0 || ndim > rank.max(1) {
        let rule = format!("it cannot be flattened to {ndim} axes");
        return Err(BuildError::inputs("flatten", std::slice::from_ref(x), rule));
    }
    join_dims(x, ndim - 1, rank - (ndim - 1).min(rank))
}

/// All elements of `x` as a vector, in row-major order.
///
/// # Errors
///
/// When `x` is not a dense tensor.
#[track_caller]
pub fn ravel(x: &Variable) -> Result<Variable> {
    flatten(x, 1)
}

/// `x` with `n_axes` axes from `start_axis` on merged into one, in row-major order; of none, a new axis of length 1.
///
/// # Errors
///
/// When there are fewer axes.
#[track_caller]
pub fn join_dims(x: &Variable, start_axis: usize, n_axes: usize) -> Result<Variable> {
    let _scope = origin::here();
    let rank = tensor_type("join_dims", x)?.rank();
    let Some(end) = start_axis.checked_add(n_axes).filter(|&end| end <= rank) else {
        let rule = format!("there are not {n_axes} axes from {start_axis} on");
        return Err(BuildError::inputs("join_dims", std::slice::from_ref(x), rule));
    };
    let mut shape = shape_of(x);
    let merged = size_of(&shape[start_axis..end]);
    shape.drain(start_axis..end);
    shape.insert(start_axis, merged);
    reshape(x, shape)
}

/// `x` with one axis split into several, whose lengths are given; one of them may be unknown (`-1`).
///
/// # Errors
///
/// When there is no such axis, or the product of the lengths is not its length.
#[track_caller]
pub fn split_dims<D: Into<Dim>>(x: &Variable, axis: usize, shape: impl IntoIterator<Item = D>) -> Result<Variable> {
    let _scope = origin::here();
    let old = shape_of(x);
    let Some(length) = old.get(axis) else {
        return Err(BuildError::inputs("split_dims", std::slice::from_ref(x), format!("there is no axis {axis}")));
    };
    let mut parts: Shape = shape.into_iter().map(Into::into).collect();
    let (open, rest) = (parts.iter().position(|dim| dim.known().is_none() && is_open(dim)), known_rest(&parts));
    // Two open lengths are left to `reshape` to refuse.
    if let Some(open) = open.filter(|_| parts.iter().filter(|dim| is_open(dim)).count() == 1) {
        if let (Some(length), Some(rest)) = (length.known(), rest.known())
            && (rest == 0 || !length.is_multiple_of(rest))
        {
            let rule = format!("axis {axis} of length {length} cannot be split into parts of {rest}");
            return Err(BuildError::inputs("split_dims", std::slice::from_ref(x), rule));
        }
        parts[open] = length.quotient(&rest);
    }
    reshape(x, old[..axis].iter().cloned().chain(parts).chain(old[axis + 1..].iter().cloned()))
}

fn is_open(dim: &Dim) -> bool {
    matches!(dim.view(), kronograph_graph::DimView::Unknown)
}

fn known_rest(parts: &Shape) -> Dim {
    size_of(parts.iter().filter(|dim| !is_open(dim)))
}

pub(super) fn entries() -> Vec<Entry> {
    let x = || [dense(&[2, 3, 2], (-2.0, 2.0), 1)];
    let flattened = move || {
        vec![
            Sample::new("to a vector", x()),
            Sample::new("to a matrix", x()).with("ndim", 2i64),
            Sample::new("as it is", x()).with("ndim", 3i64),
            Sample::new("a scalar", [dense(&[], (-2.0, 2.0), 1)]),
            Sample::new("no elements", [dense(&[0, 3, 2], (-2.0, 2.0), 1)]).with("ndim", 2i64),
            Sample::new("truth values", [given(vec![true, false])]),
        ]
    };
    let joined = move || {
        vec![
            Sample::new("two", x()).with("start_axis", 1i64).with("n_axes", 2i64),
            Sample::new("none", x()).with("start_axis", -1i64).with("n_axes", 0i64),
            Sample::new("the rest", x()).with("start_axis", 1i64),
        ]
    };
    vec![
        Entry::function("flatten", "shape", build_flatten, flattened),
        Entry::function(
            "ravel",
            "shape",
            |params, x| Ok(vec![ravel(only(params, x)?)?]),
            move || vec![Sample::new("three axes", x())],
        ),
        Entry::function("join_dims", "shape", build_join_dims, joined),
        Entry::function("split_dims", "shape", build_split_dims, split_samples),
    ]
}

fn split_samples() -> Vec<Sample> {
    let x = || [dense(&[2, 6], (-2.0, 2.0), 1)];
    vec![
        Sample::new("given", x()).with("axis", 1i64).with("shape", Prop::Ints(vec![2, 3])),
        Sample::new("inferred", x()).with("axis", -1i64).with("shape", Prop::Ints(vec![3, -1])),
        Sample::new("symbolic", [x()[0].clone(), given(2i64)])
            .with("axis", -1i64)
            .with("shape", Prop::list(vec![Prop::from("input"), Prop::Int(3)])),
    ]
}

fn build_flatten(params: &Params<'_>, inputs: &[Variable]) -> Result<Vec<Variable>> {
    let ndim = if params.get("ndim").is_some() { params.size("ndim")? } else { 1 };
    Ok(vec![flatten(only(params, inputs)?, ndim)?])
}

fn build_join_dims(params: &Params<'_>, inputs: &[Variable]) -> Result<Vec<Variable>> {
    let x = only(params, inputs)?;
    let start = params.maybe_int("start_axis")?.unwrap_or(0);
    let start = if start == 0 { 0 } else { axis_of("join_dims", x, start)? };
    let rest = x.ty().extents().len() - start;
    let count = if params.get("n_axes").is_some() { params.size("n_axes")? } else { rest };
    Ok(vec![join_dims(x, start, count)?])
}

fn build_split_dims(params: &Params<'_>, inputs: &[Variable]) -> Result<Vec<Variable>> {
    let x = &some(params, inputs)?[0];
    let axis = axis_of("split_dims", x, params.maybe_int("axis")?.unwrap_or(0))?;
    Ok(vec![split_dims(x, axis, shape_param(params, "shape", &inputs[1..])?)?])
}
