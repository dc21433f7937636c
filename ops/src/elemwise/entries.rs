//! The registry's view of the tables: each row is an entry, proved where the row says that it is smooth, and at its edges.

use std::sync::Arc;

use kronograph_graph::{Entry, Operand, Params, Result, Sample, SampleInput, Variable, Why, apply, overloaded};

use super::row::{Kernel, Row};
use super::{Elemwise, cast, cast_value, isclose, round, round_half_away_from_zero, second, special, switch, table};
use crate::dtype::DType;
use crate::params::{exactly, some};
use crate::samples::{broadcasting, given, narrowed, shaped, spread_over};
use crate::tensor::Tensor;

/// Other names of rows.
const ALIASES: &[(&str, &str)] = &[
    ("square", "sqr"),
    ("power", "pow"),
    ("floor_div", "int_div"),
    ("expit", "sigmoid"),
    ("psi", "digamma"),
    ("bitwise_and", "and_"),
    ("bitwise_or", "or_"),
    ("bitwise_xor", "xor"),
    ("bitwise_not", "invert"),
    ("round_half_to_even", "round"),
    ("rint", "round"),
];

/// Rows that take any number of inputs, one after another.
const OF_ANY_NUMBER: &[&str] = &["add", "mul", "and_", "or_", "xor", "maximum", "minimum", "logaddexp"];

/// Each operand of a sample: its shape, and its axes of declared length 1.
type Placed = (&'static [usize], &'static [usize]);

/// All rows: those of the table, and the special functions.
pub fn rows() -> impl Iterator<Item = &'static Row> {
    let tables = [
        table::UNARY,
        table::BINARY,
        table::TERNARY,
        table::COMPARE,
        table::TESTS,
        table::BITS,
        table::SHIFTS,
        special::SPECIAL_UNARY,
        special::SPECIAL_BINARY,
        special::SPECIAL_TERNARY,
    ];
    tables.into_iter().flatten().copied()
}

/// All rows, and what is beside them in this folder.
pub(crate) fn entries() -> Vec<Entry> {
    rows().map(entry).chain([switch::entry(), second::entry(), cast::entry(), isclose::entry()]).collect()
}

fn entry(row: &'static Row) -> Entry {
    let build = move |params: &Params<'_>, inputs: &[Variable]| build(row, params, inputs);
    let entry = Entry::function(row.name, "elementwise", build, move || samples(row));
    let aliases = ALIASES.iter().filter(|(_, of)| *of == row.name);
    let entry = aliases.fold(entry, |entry, (alias, _)| entry.also_named(alias));
    let entry = entry.parsed_by(move |_| Ok(Arc::new(Elemwise(row))));
    if row.is_discrete() { entry.without_derivative(Why::Discrete) } else { entry }
}

fn build(row: &'static Row, params: &Params<'_>, inputs: &[Variable]) -> Result<Vec<Variable>> {
    if row.name == "round" {
        return Ok(vec![round_by(params, &exactly::<1>(params, inputs)?[0])?]);
    }
    if !OF_ANY_NUMBER.contains(&row.name) {
        return Ok(vec![build_one(row, inputs)?]);
    }
    let (first, others) = some(params, inputs)?.split_first().ok_or_else(|| params.arity(row.arity(), inputs))?;
    let mut result = first.clone();
    for other in others {
        result = build_one(row, &[result, other.clone()])?;
    }
    Ok(vec![result])
}

fn build_one(row: &'static Row, inputs: &[Variable]) -> Result<Variable> {
    let operands: Vec<_> = inputs.iter().map(Operand::Variable).collect();
    overloaded(&Elemwise(row), &operands).unwrap_or_else(|| apply(Elemwise(row), inputs))
}

/// What PyTensor's `round` calls `mode`.
fn round_by(params: &Params<'_>, x: &Variable) -> Result<Variable> {
    match params.maybe_word("mode")? {
        None | Some("half_to_even") => round(x),
        Some("half_away_from_zero") => round_half_away_from_zero(x),
        Some(other) => {
            let want = "`half_to_even` or `half_away_from_zero`";
            Err(params.wrong_word("mode", want, other))
        }
    }
}

fn samples(row: &'static Row) -> Vec<Sample> {
    let shapes: &[(&str, [Placed; 3])] = &[
        ("interior", [(&[2, 3], &[]), (&[2, 3], &[]), (&[2, 3], &[])]),
        ("a scalar beside a matrix", [(&[2, 3], &[]), (&[], &[]), (&[], &[])]),
        ("a column beside a vector", [(&[2, 1], &[1]), (&[3], &[]), (&[], &[])]),
        ("a row beside a column", [(&[1, 3], &[0]), (&[2, 1], &[1]), (&[3], &[])]),
        ("an axis of length 1", [(&[1], &[0]), (&[2, 2, 1], &[2]), (&[2, 1, 1], &[1, 2])]),
        ("no elements", [(&[0, 3], &[]), (&[0, 3], &[]), (&[3], &[])]),
        ("many elements", [(&[300], &[]), (&[300], &[]), (&[300], &[])]),
    ];
    let integers_only = row.working_dtype(DType::F64).is_none();
    let of_shapes = |&(name, operands): &(&'static str, [Placed; 3])| {
        let inputs = operands.into_iter().take(row.arity()).enumerate();
        Sample::new(name, inputs.map(|(k, operand)| input(row, k, operand)))
    };
    let mut samples: Vec<Sample> = shapes.iter().map(of_shapes).collect();
    if !integers_only {
        let single = |k| match k < row.orders {
            true => input(row, k, (&[3], &[])),
            false => narrowed(&numbers(row, k, &[3])),
        };
        samples.push(Sample::new("f32", (0..row.arity()).map(single)).single());
        samples.push(edges(row, "zeros, ones and edges", &[0.0, -0.0, 1.0, -1.0]));
        samples.push(edges(row, "no finite numbers", &[f64::INFINITY, f64::NEG_INFINITY, f64::NAN, 0.5]));
    }
    samples.extend(of_integers(row));
    samples
}

/// Numbers where the row is smooth.
fn numbers(row: &Row, input: usize, shape: &[usize]) -> Tensor {
    spread_over(shape, row.domain_of(input), input as u64 + 1)
}

fn input(row: &Row, k: usize, (shape, ones): Placed) -> SampleInput {
    let numbers = numbers(row, k, shape);
    let dtype = match row.kernel {
        Kernel::Bits1 { .. } | Kernel::Bits2 { .. } => DType::Bool,
        Kernel::Shift { .. } => DType::U8,
        _ if k < row.orders => DType::U8,
        _ => return broadcasting(numbers, ones),
    };
    broadcasting(cast_value(&numbers, dtype), ones)
}

/// All combinations of some numbers, and of those that the row names.
fn edges(row: &Row, name: &'static str, common: &[f64]) -> Sample {
    let values = |k: usize| -> Vec<f64> {
        let own = row.edges.get(k).copied().unwrap_or_default();
        match k < row.orders {
            true => vec![0.0, 1.0],
            false => common.iter().chain(own).copied().collect(),
        }
    };
    let lists: Vec<Vec<f64>> = (0..row.arity()).map(values).collect();
    let count: usize = lists.iter().map(Vec::len).product();
    let mut repeats = count;
    let inputs = lists.iter().enumerate().map(|(k, list)| {
        repeats /= list.len();
        let data = (0..count).map(|at| list[at / repeats % list.len()]).collect();
        let tensor = shaped(&[count], data);
        given(if k < row.orders { cast_value(&tensor, DType::U8) } else { tensor })
    });
    Sample::new(name, inputs.collect::<Vec<_>>()).edge()
}

/// Integers and truth values, where the row has a meaning for them.
fn of_integers(row: &Row) -> Vec<Sample> {
    let all = |input: SampleInput| (0..row.arity()).map(|_| input.clone()).collect::<Vec<_>>();
    let mut samples = Vec::new();
    for dtype in [DType::U8, DType::I8, DType::I32, DType::I64] {
        if row.working_dtype(dtype).is_some() && row.orders == 0 {
            let values = cast_value(&shaped(&[3], vec![1i64, 2, 3]), dtype);
            samples.push(Sample::new(format!("integers ({dtype})"), all(given(values))).edge());
        }
    }
    if row.working_dtype(DType::Bool).is_some() && row.orders == 0 && row.refuse.is_none() {
        samples.push(Sample::new("truth values", all(given(vec![true, false]))).edge());
    }
    samples
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_alias_is_that_of_a_row() {
        assert!(ALIASES.iter().all(|(_, of)| rows().any(|row| row.name == *of)));
        assert!(OF_ANY_NUMBER.iter().all(|name| rows().any(|row| row.name == *name)));
    }
}
