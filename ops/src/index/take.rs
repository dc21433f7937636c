//! Functions made of indexing: along one axis, by a condition, and by groups.

use kronograph_graph::{BuildError, Dim, Entry, Params, Result, Sample, Shape, Variable, origin, shape_of};

use super::{Index, flatnonzero, inc_subtensor, subtensor};
use crate::construct::{arange, full};
use crate::layout::{dim_variable, dimshuffle, reshape};
use crate::params::{axis_of, exactly};
use crate::samples::{broadcasting, dense, given, shaped};
use crate::tensor::{checked_rank, tensor_type};

/// The slices of `x` at some positions along an axis (NumPy: `take`): the axis is replaced by those of `indices`.
///
/// # Errors
///
/// When there is no such axis, or `indices` are no integers; at run time, when one is out of range.
#[track_caller]
pub fn take(x: &Variable, indices: &Variable, axis: usize) -> Result<Variable> {
    let _scope = origin::here();
    let index = along("take", x, axis, Index::array(indices))?;
    subtensor(x, &index)
}

/// One element of `x` for each index, along an axis (NumPy: `take_along_axis`): `out[.., i, ..] = x[.., indices[.., i, ..],
/// ..]`. In the other axes `x` and `indices` have one length, or broadcast where a static length is 1.
///
/// # Errors
///
/// When there is no such axis, `indices` are no integers, or have another number of axes; at run time, when one is out
/// of range.
#[track_caller]
pub fn take_along_axis(x: &Variable, indices: &Variable, axis: usize) -> Result<Variable> {
    let _scope = origin::here();
    let rank = tensor_type("take_along_axis", x)?.rank();
    if axis >= rank || indices.ty().extents().len() != rank {
        let rule = format!("both need as many axes, among them axis {axis}");
        return Err(BuildError::inputs("take_along_axis", &[x.clone(), indices.clone()], rule));
    }
    let index = |k: usize| {
        if k == axis {
            return Ok(Index::array(indices));
        }
        let order: Vec<Option<usize>> = (0..rank).map(|at| (at == k).then_some(0)).collect();
        let positions = arange(0, &dim_variable(&Dim::axis(x, k))?, 1)?;
        Ok(Index::array(&dimshuffle(&positions, &order)?))
    };
    subtensor(x, &(0..rank).map(index).collect::<Result<Vec<_>>>()?)
}

/// The slices of `x` along an axis at which a vector of truth values holds (NumPy: `compress`). Where the vector is
/// shorter than the axis, the rest is left out.
///
/// # Errors
///
/// When there is no such axis, or `condition` is no vector; at run time, when it holds beyond the end of the axis.
#[track_caller]
pub fn compress(condition: &Variable, x: &Variable, axis: usize) -> Result<Variable> {
    let _scope = origin::here();
    if condition.ty().extents().len() != 1 {
        return Err(BuildError::inputs("compress", std::slice::from_ref(condition), "the condition is a vector"));
    }
    take(x, &flatnonzero(condition)?, axis)
}

/// The sums of the slices of `x` along its first axis by group (JAX: `segment_sum`): `out[g]` is the sum of `x[i]`
/// over all i with `ids[i] = g`, in the order of i. The groups need not be sorted; one without members is zero.
///
/// # Errors
///
/// When `x` is a scalar, or `ids` are no integers; at run time, when one is not among the groups.
#[track_caller]
pub fn segment_sum(x: &Variable, ids: &Variable, groups: impl Into<Dim>) -> Result<Variable> {
    let _scope = origin::here();
    let dtype = tensor_type("segment_sum", x)?.dtype();
    let shape = shape_of(x);
    if shape.is_empty() || ids.ty().extents().len() != 1 {
        let both = [x.clone(), ids.clone()];
        return Err(BuildError::inputs("segment_sum", &both, "it takes a tensor with axes and a vector of groups"));
    }
    let sums: Shape = std::iter::once(groups.into()).chain(shape[1..].iter().cloned()).collect();
    inc_subtensor(&full(0.0, dtype, sums)?, x, &[Index::array(ids)])
}

/// An index of one axis, the axes before it whole.
fn along(op: &'static str, x: &Variable, axis: usize, index: Index) -> Result<Vec<Index>> {
    checked_rank(op, x, &[axis])?;
    let mut all = vec![Index::ALL; axis];
    all.push(index);
    Ok(all)
}

/// The entries of this file: PyTensor's `axis`, without which `x` is one row; JAX's `num_segments`.
pub(super) fn entries() -> Vec<Entry> {
    let take_entry = |params: &Params<'_>, inputs: &[Variable]| {
        let [x, indices] = exactly(params, inputs)?;
        match params.maybe_word("mode")? {
            None | Some("raise") => {}
            Some(mode) => return Err(params.wrong_word("mode", "`raise`", mode)),
        }
        let (x, axis) = flat_or_axis("take", params, x)?;
        Ok(vec![take(&x, indices, axis)?])
    };
    let along_entry = |params: &Params<'_>, inputs: &[Variable]| {
        let [x, indices] = exactly(params, inputs)?;
        let (x, axis) = flat_or_axis("take_along_axis", params, x)?;
        let flat = params.get("axis").is_none().then(|| reshape(indices, [Dim::UNKNOWN])).transpose()?;
        Ok(vec![take_along_axis(&x, flat.as_ref().unwrap_or(indices), axis)?])
    };
    let compress_entry = |params: &Params<'_>, inputs: &[Variable]| {
        let [condition, x] = exactly(params, inputs)?;
        let (x, axis) = flat_or_axis("compress", params, x)?;
        Ok(vec![compress(condition, &x, axis)?])
    };
    let segment_entry = |params: &Params<'_>, inputs: &[Variable]| {
        let [x, ids] = exactly(params, inputs)?;
        Ok(vec![segment_sum(x, ids, params.size("num_segments")?)?])
    };
    vec![
        Entry::function("take", "indexing", take_entry, take_samples),
        Entry::function("take_along_axis", "indexing", along_entry, along_samples),
        Entry::function("compress", "indexing", compress_entry, compress_samples),
        Entry::function("segment_sum", "indexing", segment_entry, segment_samples),
    ]
}

fn flat_or_axis(op: &'static str, params: &Params<'_>, x: &Variable) -> Result<(Variable, usize)> {
    match params.maybe_int("axis")? {
        None => Ok((reshape(x, [Dim::UNKNOWN])?, 0)),
        Some(axis) => Ok((x.clone(), axis_of(op, x, axis)?)),
    }
}

const RANGE: (f64, f64) = (-2.0, 2.0);

fn take_samples() -> Vec<Sample> {
    let x = || dense(&[2, 4], RANGE, 1);
    let at = || given(vec![3i64, 0, -4]);
    vec![
        Sample::new("along the last axis", [x(), at()]).with("axis", 1i64),
        Sample::new("along a negative axis", [x(), given(vec![1i32, 1])]).with("axis", -2i64),
        Sample::new("of all elements", [x(), at()]),
        Sample::new("by a matrix", [x(), given(shaped(&[2, 1], vec![0i64, 1]))]).with("axis", 0i64),
        Sample::new("by a scalar", [x(), given(2i64)]).with("axis", 1i64),
        Sample::new("nothing", [x(), given(Vec::<i64>::new())]).with("axis", 0i64),
    ]
}

fn along_samples() -> Vec<Sample> {
    let x = || dense(&[3, 4], RANGE, 1);
    let rows = || given(shaped(&[3, 2], vec![2i64, 0, 3, 3, -1, 1]));
    vec![
        Sample::new("along the last axis", [x(), rows()]).with("axis", 1i64),
        Sample::new("along the first axis", [x(), given(shaped(&[1, 4], vec![2i64, 0, -1, 1]))]).with("axis", -2i64),
        Sample::new("of all elements", [x(), rows()]),
        Sample::new("of a vector", [dense(&[3], RANGE, 1), given(vec![2i32, 2])]).with("axis", 0i64),
        Sample::new("a row for all", [x(), broadcasting(shaped(&[1, 2], vec![2i64, 0]), &[0])]).with("axis", 1i64),
        Sample::new("nothing", [x(), given(shaped(&[3, 0], Vec::<i64>::new()))]).with("axis", 1i64),
    ]
}

fn compress_samples() -> Vec<Sample> {
    let x = || dense(&[3, 2], RANGE, 1);
    let condition = || given(vec![true, false, true]);
    vec![
        Sample::new("rows", [condition(), x()]).with("axis", 0i64),
        Sample::new("of all elements", [condition(), x()]),
        Sample::new("a short condition", [given(vec![false, true]), x()]).with("axis", 0i64),
        Sample::new("nothing", [given(vec![false, false]), x()]).with("axis", -1i64),
    ]
}

fn segment_samples() -> Vec<Sample> {
    let ids = || given(vec![2i64, 0, 2, 3]);
    vec![
        Sample::new("elements", [dense(&[4], RANGE, 1), ids()]).with("num_segments", 4i64),
        Sample::new("rows", [dense(&[4, 2], RANGE, 1), ids()]).with("num_segments", 5i64),
        Sample::new("no rows", [dense(&[0, 2], RANGE, 1), given(Vec::<i64>::new())]).with("num_segments", 2i64),
        Sample::new("f32", [given(vec![1.0f32, 2.0]), given(vec![0i32, 0])]).with("num_segments", 1i64).single(),
        Sample::new("integers", [given(vec![1i64, 2]), given(vec![1i64, 1])]).with("num_segments", 2i64).edge(),
    ]
}
