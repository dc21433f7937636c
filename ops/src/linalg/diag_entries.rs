//! The registry's view of diagonals: PyTensor's `offset`, `axis1` and `axis2`, or `k`, with 0, 0 and 1 if absent.

use std::sync::Arc;

use kronograph_graph::{BuildError, Entry, Params, Result, Sample, Variable};

use super::diag::{Diagonal, Place, SetDiagonal, alloc_diag, diag, diagonal, fill_diagonal, set_diagonal, trace};
use crate::params::{axis_of, exactly, new_axis, only};
use crate::samples::{dense, given, shaped};

const FAMILY: &str = "linear algebra";

pub(crate) fn entries() -> Vec<Entry> {
    let parsed = |params: &Params<'_>| {
        let offset = params.int("offset")?;
        Ok::<_, BuildError>(Place { offset, axis1: params.size("axis1")?, axis2: params.size("axis2")? })
    };
    let on_matrices = |params: &Params<'_>, inputs: &[Variable], of: OnMatrices| {
        let x = only(params, inputs)?;
        let (offset, axis1, axis2) = place(params, x)?;
        Ok(vec![of(x, offset, axis1, axis2)?])
    };
    vec![
        Entry::function("diagonal", FAMILY, move |params, x| on_matrices(params, x, diagonal), placed)
            .parsed_by(move |params| Ok(Arc::new(Diagonal(parsed(params)?)))),
        Entry::function("trace", FAMILY, move |params, x| on_matrices(params, x, trace), placed),
        Entry::function("set_diagonal", FAMILY, set, set_samples)
            .parsed_by(move |params| Ok(Arc::new(SetDiagonal(parsed(params)?)))),
        Entry::function("alloc_diag", FAMILY, alloc, alloc_samples),
        Entry::function("diag", FAMILY, vector_or_matrix, diag_samples),
        Entry::function("fill_diagonal", FAMILY, fill, fill_samples),
    ]
}

type OnMatrices = fn(&Variable, i64, usize, usize) -> Result<Variable>;

fn place(params: &Params<'_>, x: &Variable) -> Result<(i64, usize, usize)> {
    let axis = |name, default| axis_of("diagonal", x, params.maybe_int(name)?.unwrap_or(default));
    Ok((params.maybe_int("offset")?.unwrap_or(0), axis("axis1", 0)?, axis("axis2", 1)?))
}

fn set(params: &Params<'_>, inputs: &[Variable]) -> Result<Vec<Variable>> {
    let [x, y] = exactly(params, inputs)?;
    let (offset, axis1, axis2) = place(params, x)?;
    Ok(vec![set_diagonal(x, y, offset, axis1, axis2)?])
}

/// The axes are those of the result, which has one more than the input.
fn alloc(params: &Params<'_>, inputs: &[Variable]) -> Result<Vec<Variable>> {
    let v = only(params, inputs)?;
    let rank = v.ty().extents().len() + 1;
    let axis = |name, default| new_axis("alloc_diag", v, params.maybe_int(name)?.unwrap_or(default), rank);
    Ok(vec![alloc_diag(v, params.maybe_int("offset")?.unwrap_or(0), axis("axis1", 0)?, axis("axis2", 1)?)?])
}

fn vector_or_matrix(params: &Params<'_>, inputs: &[Variable]) -> Result<Vec<Variable>> {
    Ok(vec![diag(only(params, inputs)?, params.maybe_int("k")?.unwrap_or(0))?])
}

fn fill(params: &Params<'_>, inputs: &[Variable]) -> Result<Vec<Variable>> {
    let [a, value] = exactly(params, inputs)?;
    Ok(vec![fill_diagonal(a, value, params.maybe_int("offset")?.unwrap_or(0))?])
}

const RANGE: (f64, f64) = (-2.0, 2.0);

fn placed() -> Vec<Sample> {
    let x = |shape: &[usize]| [dense(shape, RANGE, 1)];
    let mut samples = vec![Sample::new("the default", x(&[3, 3])), Sample::new("one entry", x(&[1, 1]))];
    samples.extend([-9i64, -2, -1, 1, 2, 9].map(|k| Sample::new(format!("wide, {k}"), x(&[3, 4])).with("offset", k)));
    samples.extend([-2i64, 0, 1].map(|k| Sample::new(format!("tall, {k}"), x(&[4, 2])).with("offset", k)));
    let along = |name: &'static str, axis1: i64, axis2: i64| {
        Sample::new(name, x(&[2, 3, 2])).with("offset", 0i64).with("axis1", axis1).with("axis2", axis2)
    };
    samples.extend([along("outer axes", 0, 2), along("from the end", -1, -2), along("swapped", 1, 0)]);
    samples.push(Sample::new("no rows", x(&[0, 3])));
    samples.push(Sample::new("an empty stack", x(&[2, 2, 0])));
    samples.push(Sample::new("integers", [given(shaped(&[2, 2], vec![1i64, 2, 3, 4]))]).edge());
    samples.push(Sample::new("truth values", [given(shaped(&[2, 2], vec![true, false, true, true]))]).edge());
    samples.push(Sample::new("f32", [given(shaped(&[2, 2], vec![1.5f32, 2.0, 3.0, 4.0]))]).single());
    samples
}

fn set_samples() -> Vec<Sample> {
    let both = |x: &[usize], y: &[usize]| [dense(x, RANGE, 1), dense(y, RANGE, 2)];
    vec![
        Sample::new("the default", both(&[3, 3], &[3])),
        Sample::new("wide", both(&[2, 4], &[2])).with("offset", 1i64),
        Sample::new("tall", both(&[4, 2], &[2])).with("offset", -2i64),
        Sample::new("a stack", both(&[2, 3, 2], &[3, 2])).with("axis1", 2i64).with("axis2", 0i64),
        Sample::new("a diagonal outside", both(&[2, 2], &[0])).with("offset", 5i64),
        Sample::new("no columns", both(&[2, 0], &[0])),
        Sample::new("integers", [given(shaped(&[2, 2], vec![1i64, 2, 3, 4])), given(vec![7i64, 8])]).edge(),
        Sample::new("f32", [given(shaped(&[2, 2], vec![1.5f32, 2.0, 3.0, 4.0])), given(vec![7.0f32, 8.0])]).single(),
    ]
}

fn alloc_samples() -> Vec<Sample> {
    let v = |shape: &[usize]| [dense(shape, RANGE, 1)];
    let mut samples: Vec<Sample> =
        [-2i64, 0, 1].map(|k| Sample::new(format!("diagonal {k}"), v(&[3])).with("offset", k)).into();
    samples.push(Sample::new("a stack", v(&[2, 3])).with("axis1", 1i64).with("axis2", 2i64).with("offset", 1i64));
    samples.push(Sample::new("axes from the end", v(&[2, 3])).with("axis1", -1i64).with("axis2", 0i64));
    samples.push(Sample::new("no elements", v(&[0])).with("offset", 1i64));
    samples.push(Sample::new("truth values", [given(vec![true, false])]).edge());
    samples.push(Sample::new("f32", [given(vec![1.5f32, 2.0])]).single());
    samples
}

fn diag_samples() -> Vec<Sample> {
    let mut samples: Vec<Sample> =
        [-1i64, 0, 2].map(|k| Sample::new(format!("a vector, {k}"), [dense(&[3], RANGE, 1)]).with("k", k)).into();
    samples
        .extend([-1i64, 0, 1].map(|k| Sample::new(format!("a matrix, {k}"), [dense(&[3, 4], RANGE, 1)]).with("k", k)));
    samples.push(Sample::new("one element", [dense(&[1], RANGE, 1)]));
    samples.push(Sample::new("no elements", [dense(&[0], RANGE, 1)]));
    samples.push(Sample::new("integers", [given(vec![1i64, 2])]).edge());
    samples.push(Sample::new("f32", [given(vec![1.5f32, 2.0])]).single());
    samples
}

fn fill_samples() -> Vec<Sample> {
    let both = |shape: &[usize]| [dense(shape, RANGE, 1), dense(&[], RANGE, 2)];
    let mut samples: Vec<Sample> = [&[3, 3][..], &[4, 2], &[2, 4], &[1, 1], &[0, 2]]
        .iter()
        .map(|shape| Sample::new(format!("shape {shape:?}"), both(shape)))
        .collect();
    samples.push(Sample::new("beside the diagonal", both(&[3, 4])).with("offset", -1i64));
    samples.push(Sample::new("integers", [given(shaped(&[2, 2], vec![1i64, 2, 3, 4])), given(7i64)]).edge());
    samples
}
