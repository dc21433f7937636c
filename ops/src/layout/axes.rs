//! The order and number of axes: transpose, moveaxis, swapaxes, expand_dims and squeeze, each one view.

use std::sync::Arc;

use kronograph_graph::{BuildError, Entry, Params, Prop, Result, Sample, SampleInput, UnaryVerb, Variable, unary};

use super::Dimshuffle;
use super::dimshuffle::dimshuffle;
use crate::params::{axes_in, axis_of, new_axis, only};
use crate::samples::{broadcasting, dense, spread_over};
use crate::tensor::{checked_rank, is_tensor, tensor_type};

/// `x` with its axes in reverse order: the transpose of a matrix.
///
/// # Errors
///
/// When `x` is not a dense tensor.
#[track_caller]
pub fn transpose(x: &Variable) -> Result<Variable> {
    if !is_tensor(x) {
        return unary(UnaryVerb::Transpose, x);
    }
    let order: Vec<_> = (0..tensor_type("transpose", x)?.rank()).rev().map(Some).collect();
    dimshuffle(x, &order)
}

/// `x` with its axes permuted: output axis k is input axis `axes[k]` (NumPy: `transpose(x, axes)`).
///
/// # Errors
///
/// When `axes` is not a permutation of the axes.
#[track_caller]
pub fn transpose_axes(x: &Variable, axes: &[usize]) -> Result<Variable> {
    if axes.len() != tensor_type("transpose", x)?.rank() {
        return Err(BuildError::inputs(
            "transpose",
            std::slice::from_ref(x),
            "one entry of axes for each axis is needed",
        ));
    }
    let order: Vec<_> = axes.iter().copied().map(Some).collect();
    dimshuffle(x, &order)
}

/// `x` with some axes moved to other positions; the others keep their order (NumPy: `moveaxis`).
///
/// # Errors
///
/// When an axis or position does not exist or is named twice, or there are not as many of both.
#[track_caller]
pub fn moveaxis(x: &Variable, source: &[usize], destination: &[usize]) -> Result<Variable> {
    let rank = tensor_type("moveaxis", x)?.rank();
    let distinct = |axes: &[usize]| axes.iter().enumerate().all(|(k, axis)| *axis < rank && !axes[..k].contains(axis));
    if source.len() != destination.len() || !distinct(source) || !distinct(destination) {
        let rule = format!("axes {source:?} cannot be moved to {destination:?}");
        return Err(BuildError::inputs("moveaxis", std::slice::from_ref(x), rule));
    }
    let mut rest = (0..rank).filter(|axis| !source.contains(axis));
    let at = |position: usize| destination.iter().position(|to| *to == position).map(|k| source[k]);
    let order: Vec<_> = (0..rank).map(|position| at(position).or_else(|| rest.next())).collect();
    dimshuffle(x, &order)
}

/// `x` with two axes exchanged.
///
/// # Errors
///
/// When an axis does not exist.
#[track_caller]
pub fn swapaxes(x: &Variable, a: usize, b: usize) -> Result<Variable> {
    let rank = checked_rank("swapaxes", x, &[a, b])?;
    let mut order: Vec<_> = (0..rank).map(Some).collect();
    order.swap(a, b);
    dimshuffle(x, &order)
}

/// `x` with its last two axes exchanged: the transpose of each matrix of a stack (NumPy: `matrix_transpose`).
///
/// # Errors
///
/// When `x` has fewer than two axes.
#[track_caller]
pub fn matrix_transpose(x: &Variable) -> Result<Variable> {
    match tensor_type("matrix_transpose", x)?.rank() {
        rank if rank > 1 => swapaxes(x, rank - 2, rank - 1),
        _ => Err(BuildError::inputs("matrix_transpose", std::slice::from_ref(x), "a matrix is needed")),
    }
}

/// `x` with new axes of length 1 at the given positions of the result.
///
/// # Errors
///
/// When a position is out of range.
#[track_caller]
pub fn expand_dims(x: &Variable, axes: &[usize]) -> Result<Variable> {
    let rank = tensor_type("expand_dims", x)?.rank() + axes.len();
    if let Some(axis) = axes.iter().find(|axis| **axis >= rank) {
        let rule = format!("there is no axis {axis} in a result of {rank} axes");
        return Err(BuildError::inputs("expand_dims", std::slice::from_ref(x), rule));
    }
    let mut next = 0..rank;
    let order: Vec<_> = (0..rank).map(|axis| if axes.contains(&axis) { None } else { next.next() }).collect();
    dimshuffle(x, &order)
}

/// `x` without the given axes, whose length must be 1.
///
/// # Errors
///
/// When an axis does not exist or its static length is not 1; at run time, when its length is not 1.
#[track_caller]
pub fn squeeze(x: &Variable, axes: &[usize]) -> Result<Variable> {
    let rank = checked_rank("squeeze", x, axes)?;
    let order: Vec<_> = (0..rank).filter(|axis| !axes.contains(axis)).map(Some).collect();
    dimshuffle(x, &order)
}

pub(super) fn entries() -> Vec<Entry> {
    let parsed = |entry: Entry| entry.parsed_by(|params| Ok(Arc::new(Dimshuffle::parse(params)?)));
    vec![
        parsed(Entry::function("transpose", "shape", build_transpose, transpose_samples)),
        Entry::function("moveaxis", "shape", build_moveaxis, move_samples),
        Entry::function("swapaxes", "shape", build_swapaxes, || {
            vec![Sample::new("the outer ones", x()).with("a", 0i64).with("b", -1i64)]
        }),
        parsed(Entry::function("expand_dims", "shape", build_expand_dims, expansion_samples)),
        Entry::function("squeeze", "shape", build_squeeze, squeeze_samples),
    ]
}

fn x() -> [SampleInput; 1] {
    [dense(&[2, 3, 2], (-2.0, 2.0), 1)]
}

fn transpose_samples() -> Vec<Sample> {
    vec![
        Sample::new("reversed", x()),
        Sample::new("permuted", x()).with("axes", Prop::Ints(vec![1, -1, 0])),
        Sample::new("a scalar", [dense(&[], (-2.0, 2.0), 1)]),
        Sample::new("no elements", [dense(&[0, 3], (-2.0, 2.0), 1)]),
    ]
}

fn move_samples() -> Vec<Sample> {
    let several = Sample::new("several", x()).with("source", Prop::Ints(vec![0, -1]));
    vec![
        Sample::new("one", x()).with("source", 0i64).with("destination", 2i64),
        several.with("destination", Prop::Ints(vec![-1, 0])),
    ]
}

fn expansion_samples() -> Vec<Sample> {
    vec![
        Sample::new("one", x()).with("axis", 1i64),
        Sample::new("at the end", x()).with("axis", -1i64),
        Sample::new("several", x()).with("axis", Prop::Ints(vec![0, -2])),
    ]
}

fn squeeze_samples() -> Vec<Sample> {
    let one = || [broadcasting(spread_over(&[1, 3, 1], (-2.0, 2.0), 1), &[0, 2])];
    vec![
        Sample::new("all", one()),
        Sample::new("one", one()).with("axis", 0i64),
        Sample::new("several", one()).with("axis", Prop::Ints(vec![0, -1])),
    ]
}

fn build_transpose(params: &Params<'_>, inputs: &[Variable]) -> Result<Vec<Variable>> {
    let x = only(params, inputs)?;
    Ok(vec![match params.maybe_ints("axes")? {
        None => transpose(x)?,
        Some(axes) => transpose_axes(x, &axes_in("transpose", x, &axes)?)?,
    }])
}

fn build_moveaxis(params: &Params<'_>, inputs: &[Variable]) -> Result<Vec<Variable>> {
    let x = only(params, inputs)?;
    let axes = |name: &str| axes_in("moveaxis", x, &params.ints(name)?);
    Ok(vec![moveaxis(x, &axes("source")?, &axes("destination")?)?])
}

fn build_swapaxes(params: &Params<'_>, inputs: &[Variable]) -> Result<Vec<Variable>> {
    let x = only(params, inputs)?;
    let axis = |name: &str| axis_of("swapaxes", x, params.int(name)?);
    Ok(vec![swapaxes(x, axis("a")?, axis("b")?)?])
}

fn build_expand_dims(params: &Params<'_>, inputs: &[Variable]) -> Result<Vec<Variable>> {
    let x = only(params, inputs)?;
    let axes = params.ints("axis")?;
    let rank = x.ty().extents().len() + axes.len();
    let new = axes.iter().map(|&axis| new_axis("expand_dims", x, axis, rank)).collect::<Result<Vec<_>>>()?;
    Ok(vec![expand_dims(x, &new)?])
}

fn build_squeeze(params: &Params<'_>, inputs: &[Variable]) -> Result<Vec<Variable>> {
    let x = only(params, inputs)?;
    let axes = match params.maybe_ints("axis")? {
        Some(axes) => axes_in("squeeze", x, &axes)?,
        None => (0..x.ty().extents().len()).filter(|&axis| x.ty().extents()[axis] == Some(1)).collect(),
    };
    Ok(vec![squeeze(x, &axes)?])
}
