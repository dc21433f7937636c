//! The entries of factorisations and of what uses them.
//!
//! A factor cannot be an argument, so wherever one is needed a matrix may be given, which is factorised by LU. A
//! factorisation with a right-hand side is the solution; without one it is the factor.

use std::sync::Arc;

use kronograph_graph::{Entry, Params, Prop, Result, Sample, Variable, apply};

use super::dense_factor::DenseFactor;
use super::eigh_factor::symmetric_systems;
use super::factor::{FactorType, Trans};
use super::factor_logdet::{FactorLogdet, factor_logdet};
use super::factor_solve::{FactorSolve, factor_solve_axis};
use super::lu::lu_factor;
use super::solve::{Assume, Rhs, slogdet, solution_dtype, solve_assuming};
use super::solve_triangular::cho_solve;
use super::systems::{Squares, dominant, few_systems, general, matrices, positive, systems};
use super::triangle::Triangle;
use super::triangular_factor::DiagonalKind;
use crate::elemwise::cast;
use crate::params::{exactly, only, some};

const FAMILY: &str = "linear systems";

/// The entries of factorisations, solves and determinants.
pub(crate) fn entries() -> Vec<Entry> {
    vec![
        factorisation("lu_factor", |_| Ok(DenseFactor::Lu), || systems(general)),
        factorisation("cholesky_factor", |_| Ok(DenseFactor::Cholesky), || systems(positive)),
        factorisation("eigh_factor", |_| Ok(DenseFactor::Eigh), symmetric_systems),
        factorisation(
            "triangular_factor",
            |params| Ok(DenseFactor::Triangular(Triangle::of(params, Triangle::Lower)?, DiagonalKind::of(params)?)),
            triangular_factor_samples,
        ),
        factorisation(
            "banded_factor",
            |params| Ok(DenseFactor::Banded { below: params.size("below")?, above: params.size("above")? }),
            banded_samples,
        ),
        Entry::function("factor_solve", FAMILY, build_factor_solve, factor_solve_samples)
            .parsed_by(|params| Ok(Arc::new(FactorSolve { trans: Trans::of(params)?, axis: params.size("axis")? }))),
        Entry::function("factor_logdet", FAMILY, build_factor_logdet, || matrices(general))
            .parsed_by(|_| Ok(Arc::new(FactorLogdet))),
        Entry::function("lu_solve", FAMILY, build_lu_solve, || both_ways(few_systems(general), "trans")),
        Entry::function("solve", FAMILY, build_solve, solve_samples),
        Entry::function("solve_triangular", FAMILY, build_solve_triangular, solve_triangular_samples),
        Entry::function("cho_solve", FAMILY, build_cho_solve, || both_ways(few_systems(dominant), "lower")),
        Entry::function("slogdet", FAMILY, build_slogdet, || matrices(general)),
    ]
}

/// A factorisation: of a matrix alone, the factor; with a right-hand side, the solution.
fn factorisation(
    name: &'static str,
    op: fn(&Params<'_>) -> Result<DenseFactor>,
    samples: fn() -> Vec<Sample>,
) -> Entry {
    let build = move |params: &Params<'_>, inputs: &[Variable]| {
        let (op, a) = (op(params)?, some(params, inputs)?);
        let factor = apply(op, &a[..1])?;
        if inputs.len() == 1 {
            return Ok(vec![factor]);
        }
        let [a, b] = exactly(params, inputs)?;
        let axis = Rhs::of_params(params, b)?.axis(name, b)?;
        Ok(vec![cast(&factor_solve_axis(&factor, b, axis, Trans::of(params)?)?, solution_dtype(&[a, b])?)?])
    };
    Entry::function(name, FAMILY, build, samples).parsed_by(move |params| Ok(Arc::new(op(params)?)))
}

/// A factor, or the LU factor of a matrix.
fn factor_of(x: &Variable) -> Result<Variable> {
    if x.type_as::<FactorType>().is_some() { Ok(x.clone()) } else { lu_factor(x) }
}

fn build_factor_solve(params: &Params<'_>, inputs: &[Variable]) -> Result<Vec<Variable>> {
    let [factor, b] = exactly(params, inputs)?;
    Ok(vec![factor_solve_axis(&factor_of(factor)?, b, params.size("axis")?, Trans::of(params)?)?])
}

fn build_factor_logdet(params: &Params<'_>, inputs: &[Variable]) -> Result<Vec<Variable>> {
    let (sign, log) = factor_logdet(&factor_of(only(params, inputs)?)?)?;
    Ok(vec![sign, log])
}

fn build_lu_solve(params: &Params<'_>, inputs: &[Variable]) -> Result<Vec<Variable>> {
    let [a, b] = exactly(params, inputs)?;
    let axis = Rhs::of_params(params, b)?.axis("lu_solve", b)?;
    let x = factor_solve_axis(&factor_of(a)?, b, axis, Trans::of(params)?)?;
    let known = if a.type_as::<FactorType>().is_some() { solution_dtype(&[&x])? } else { solution_dtype(&[a, b])? };
    Ok(vec![cast(&x, known)?])
}

fn build_solve(params: &Params<'_>, inputs: &[Variable]) -> Result<Vec<Variable>> {
    let [a, b] = exactly(params, inputs)?;
    let lower = Triangle::of(params, Triangle::Upper)?;
    let word = params.maybe_word("assume_a")?.unwrap_or("gen");
    let assume = match word {
        // A band whose width nobody has told is not looked for.
        "gen" | "general" | "banded" => Assume::General,
        "sym" | "symmetric" | "her" | "hermitian" => Assume::Symmetric(lower),
        "pos" | "positive definite" => Assume::Positive(lower),
        "tridiagonal" => Assume::Banded { below: 1, above: 1 },
        "diagonal" => Assume::Banded { below: 0, above: 0 },
        "lower triangular" => Assume::Triangular(Triangle::Lower, DiagonalKind::Stored),
        "upper triangular" => Assume::Triangular(Triangle::Upper, DiagonalKind::Stored),
        other => {
            let want = "gen, sym, her, pos, tridiagonal, banded, diagonal, `lower triangular` or `upper triangular`";
            return Err(params.wrong_word("assume_a", want, other));
        }
    };
    let trans = if params.flag("transposed")? { Trans::Yes } else { Trans::No };
    Ok(vec![solve_assuming(a, b, assume, trans, Rhs::of_params(params, b)?)?])
}

fn build_solve_triangular(params: &Params<'_>, inputs: &[Variable]) -> Result<Vec<Variable>> {
    let [a, b] = exactly(params, inputs)?;
    let assume = Assume::Triangular(Triangle::of(params, Triangle::Upper)?, DiagonalKind::of(params)?);
    Ok(vec![solve_assuming(a, b, assume, Trans::of(params)?, Rhs::of_params(params, b)?)?])
}

fn build_cho_solve(params: &Params<'_>, inputs: &[Variable]) -> Result<Vec<Variable>> {
    let [factor, b] = exactly(params, inputs)?;
    Ok(vec![cho_solve(factor, b, Triangle::of(params, Triangle::Upper)?, Rhs::of_params(params, b)?)?])
}

fn build_slogdet(params: &Params<'_>, inputs: &[Variable]) -> Result<Vec<Variable>> {
    let (sign, log) = slogdet(only(params, inputs)?)?;
    Ok(vec![sign, log])
}

/// Samples with a flag off and on.
fn both_ways(samples: Vec<Sample>, flag: &'static str) -> Vec<Sample> {
    let way = |on: bool| samples.iter().cloned().map(move |sample| sample.with(flag, on));
    way(false).chain(way(true)).collect()
}

fn named(samples: Vec<Sample>, what: &str) -> impl Iterator<Item = Sample> {
    samples.into_iter().map(move |sample| Sample { name: format!("{}, {what}", sample.name).into(), ..sample })
}

fn triangular_factor_samples() -> Vec<Sample> {
    let few = both_ways(both_ways(few_systems(dominant), "lower"), "unit_diagonal");
    systems(dominant).into_iter().chain(few).collect()
}

fn solve_triangular_samples() -> Vec<Sample> {
    let few = both_ways(both_ways(both_ways(few_systems(dominant), "lower"), "unit_diagonal"), "trans");
    systems(dominant).into_iter().chain(few).collect()
}

fn banded_samples() -> Vec<Sample> {
    let widths: [(Squares, usize, usize); 5] =
        [(general as Squares, 1, 1), (dominant, 0, 0), (general, 2, 1), (dominant, 0, 2), (general, 9, 9)];
    let width = |(matrix, below, above): (Squares, usize, usize)| {
        let samples = both_ways(few_systems(matrix), "trans").into_iter();
        samples.map(move |sample| sample.with("below", below).with("above", above))
    };
    let tridiagonal = systems(general).into_iter().map(|sample| sample.with("below", 1usize).with("above", 1usize));
    tridiagonal.chain(widths.into_iter().flat_map(width)).collect()
}

fn factor_solve_samples() -> Vec<Sample> {
    let with_axis = |sample: Sample| {
        let behind = if sample.props.get("b_ndim") == Some(&Prop::Int(2)) { 2 } else { 1 };
        let axis = sample.inputs[1].value.extents().len() - behind;
        sample.with("axis", axis)
    };
    let mut samples: Vec<Sample> =
        systems(general).into_iter().chain(both_ways(few_systems(general), "trans")).map(with_axis).collect();
    let along = |name, shape: &[usize], b: &[usize], axis: usize| {
        let inputs = [general(shape, 1), crate::samples::spread_over(b, (-2.0, 2.0), 2)];
        Sample::new(name, inputs.map(crate::samples::given)).with("axis", axis)
    };
    samples.push(along("along the first axis of three", &[3, 3], &[3, 2, 2], 0));
    samples.push(along("a stack along the second axis of four", &[2, 3, 3], &[2, 3, 2, 2], 1));
    samples
}

fn solve_samples() -> Vec<Sample> {
    let kinds: [(&'static str, Squares, bool); 9] = [
        ("gen", general as Squares, false),
        ("sym", positive, true),
        ("her", positive, false),
        ("pos", positive, true),
        ("tridiagonal", dominant, false),
        ("banded", general, false),
        ("diagonal", dominant, false),
        ("lower triangular", dominant, false),
        ("upper triangular", dominant, false),
    ];
    let kind = |(assume, matrix, both): (&'static str, Squares, bool)| {
        let samples = both_ways(named(few_systems(matrix), assume).collect(), "transposed");
        let samples = if both { both_ways(samples, "lower") } else { samples };
        samples.into_iter().map(move |sample| sample.with("assume_a", assume))
    };
    systems(general).into_iter().chain(kinds.into_iter().flat_map(kind)).collect()
}
