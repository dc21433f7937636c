//! The entries of Kronecker products, and of systems of them.

use std::sync::Arc;

use kronograph_graph::{Entry, Params, Result, Sample, Variable};
use kronograph_ops::Trans;
use kronograph_ops::params::{exactly, some};
use kronograph_ops::samples::dense;

use crate::kron::{Side, SparseKron, SparseKronContract, sparse_kron, sparse_kron_contract};
use crate::kron_solve::kron_solve;
use crate::matrix::Format;
use crate::samples::{dense_input, function, no_rows, nothing, op, square, weights, wide};

/// Kronecker products, and systems of them.
pub(crate) fn entries() -> Vec<Entry> {
    vec![
        op(
            "sparse_kron",
            |params, v| {
                let [a, b] = exactly(params, v)?;
                Ok(vec![sparse_kron(a, b)?])
            },
            |format| {
                vec![
                    Sample::new("of two", [wide(format, 1), weights(format, 2)]),
                    Sample::new("with nothing", [nothing(format), weights(format, 2)]),
                    Sample::new("no rows", [no_rows(format), weights(format, 2)]),
                    Sample::new("of two formats", [wide(format, 1), wide(format.flip(), 2)]),
                ]
            },
            |_| Ok(Arc::new(SparseKron)),
        ),
        op("sparse_kron_contract", build_contract, contract_samples, |params| {
            Ok(Arc::new(SparseKronContract { side: side_of(params)? }))
        }),
        function("kron_solve", build_kron_solve, kron_solve_samples),
    ]
}

fn side_of(params: &Params<'_>) -> Result<Side> {
    match params.word("side")? {
        "left" => Ok(Side::Left),
        "right" => Ok(Side::Right),
        other => Err(params.wrong_word("side", "`left` or `right`", other)),
    }
}

/// Of a product's cotangent and its two legs; of four legs, of the product of the first two.
fn build_contract(params: &Params<'_>, v: &[Variable]) -> Result<Vec<Variable>> {
    let side = side_of(params)?;
    if let [a, b, c, d] = v {
        return Ok(vec![sparse_kron_contract(side, &sparse_kron(a, b)?, c, d)?]);
    }
    let [g, a, b] = exactly(params, v)?;
    Ok(vec![sparse_kron_contract(side, g, a, b)?])
}

fn contract_samples(format: Format) -> Vec<Sample> {
    let legs = || [wide(format, 1), weights(format, 2), wide(format, 3), weights(format, 4)];
    vec![
        Sample::new("the left leg", legs()).with("side", "left"),
        Sample::new("the right leg", legs()).with("side", "right"),
    ]
}

fn build_kron_solve(params: &Params<'_>, v: &[Variable]) -> Result<Vec<Variable>> {
    let (b, legs) = some(params, v)?.split_last().ok_or_else(|| params.arity(2, v))?;
    Ok(vec![kron_solve(legs, b, Trans::of(params)?)?])
}

/// A dense leg and a sparse one, and a sparse one alone.
fn kron_solve_samples(format: Format) -> Vec<Sample> {
    let leg = || dense(&[1, 1], (1.0, 2.0), 3);
    let both = |name: &'static str, shape: &[usize]| {
        let sample =
            |trans: bool| Sample::new(name, [leg(), square(format, 1), dense_input(shape, 2)]).with("trans", trans);
        [sample(false), sample(true)]
    };
    let mut samples: Vec<Sample> = [both("a vector", &[4]), both("columns", &[4, 2])].concat();
    let two = [square(format, 1), square(format, 4), dense_input(&[16], 2)];
    samples.push(Sample::new("two sparse legs", two));
    samples.push(Sample::new("one leg", [square(format, 1), dense_input(&[4], 2)]).with("trans", true));
    samples
}
