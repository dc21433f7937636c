//! The registry's view of the table: each row is an entry, proved where the row says that it is smooth.

use std::sync::Arc;

use kronograph_graph::{Entry, Params, Sample, SampleInput, Variable, Why, apply};

use super::op::Elemwise;
use super::row::{DtypeRule, Row};
use super::table::{BINARY, COMPARE, UNARY};
use crate::dtype::DType;
use crate::samples::{broadcasting, given, spread_over};

/// All rows.
pub(crate) fn entries() -> Vec<Entry> {
    [UNARY, BINARY, COMPARE].concat().into_iter().map(entry).collect()
}

fn entry(row: &'static Row) -> Entry {
    let build = move |_: &Params<'_>, inputs: &[Variable]| Ok(vec![apply(Elemwise(row), inputs)?]);
    let entry = Entry::function(row.name, "elementwise", build, move || samples(row));
    let entry = entry.parsed_by(move |_| Ok(Arc::new(Elemwise(row))));
    if row.result == DtypeRule::Truth { entry.without_derivative(Why::Discrete) } else { entry }
}

fn samples(row: &Row) -> Vec<Sample> {
    let on = row.domain;
    // Each operand: its shape, and its axes of declared length 1.
    type Operand = (&'static [usize], &'static [usize]);
    let input = |(shape, ones): Operand, seed| broadcasting(spread_over(shape, on, seed), ones);
    let shapes: &[(&str, Operand, Operand)] = &[
        ("interior", (&[2, 3], &[]), (&[2, 3], &[])),
        ("a scalar beside a matrix", (&[2, 3], &[]), (&[], &[])),
        ("a column beside a vector", (&[2, 1], &[1]), (&[3], &[])),
        ("a row beside a column", (&[1, 3], &[0]), (&[2, 1], &[1])),
        ("an axis of length 1", (&[1], &[0]), (&[2, 2, 1], &[2])),
        ("no elements", (&[0, 3], &[]), (&[0, 3], &[])),
        ("many elements", (&[300], &[]), (&[300], &[])),
    ];
    let inputs = |a: Operand, b: Operand| match row.arity() {
        1 => vec![input(a, 1)],
        _ => vec![input(a, 1), input(b, 2)],
    };
    let mut samples: Vec<Sample> = shapes.iter().map(|&(name, a, b)| Sample::new(name, inputs(a, b))).collect();
    samples.extend(other_dtypes(row));
    samples
}

/// Integers and f32, where the row has a meaning for them.
fn other_dtypes(row: &Row) -> Vec<Sample> {
    let both = |input: fn() -> SampleInput| (0..row.arity()).map(|_| input()).collect::<Vec<_>>();
    let mut samples = Vec::new();
    if row.working_dtype(DType::I64).is_some() {
        samples.push(Sample::new("integers", both(|| given(vec![1i64, 2, 3]))).edge());
    }
    if row.working_dtype(DType::Bool).is_some() {
        samples.push(Sample::new("truth values", both(|| given(vec![true, false]))).edge());
    }
    let single = |seed| given(crate::elemwise::cast_value(&spread_over(&[3], row.domain, seed), DType::F32));
    samples.push(Sample::new("f32", (0..row.arity()).map(|k| single(k as u64))).single());
    samples
}
