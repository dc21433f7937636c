//! The entries of the sparse ops, and of the functions that stand in their files.
//!
//! An op that takes a factor is given a matrix, which is factorised first, or a factor.

use std::sync::Arc;

use kronograph_graph::{Entry, OpRef, Params, Prop, Result, Sample, SampleInput, Variable};
use kronograph_ops::params::{exactly, only, some};
use kronograph_ops::samples::dense;
use kronograph_ops::{FactorType, Trans, factor_solve_axis};

use crate::affine::{AffineOnPattern, affine_on_pattern};
use crate::dense::{DenseFromSparse, SampleDense, dense_from_sparse, sample_dense};
use crate::format::{ToFormat, to_format};
use crate::identity::{IdentityLike, identity_like};
use crate::inner::{ProjectSparse, SparseInner, project_sparse, sparse_inner};
use crate::inverse::{InverseOnPattern, inverse_on_pattern};
use crate::kron::{Side, SparseKron, SparseKronContract, sparse_kron, sparse_kron_contract};
use crate::kron_solve::kron_solve;
use crate::kronsum::{kronsum_solve, sparse_kronsum};
use crate::lu::{SparseLu, sparse_lu};
use crate::matrix::Format;
use crate::product::{StructuredDot, structured_dot, structured_dot_along};
use crate::sampled::{SampledOuter, sampled_outer};
use crate::samples::{both_formats, no_rows, nothing, other, square, weights, wide};
use crate::transpose::{SparseTranspose, sparse_transpose};
use crate::ty::SparseType;

const FAMILY: &str = "sparse";
const RANGE: (f64, f64) = (-1.0, 1.0);

type Build = fn(&Params<'_>, &[Variable]) -> Result<Vec<Variable>>;
type Samples = fn(Format) -> Vec<Sample>;

fn entry(name: &'static str, build: Build, samples: Samples, parse: fn(&Params<'_>) -> Result<OpRef>) -> Entry {
    Entry::function(name, FAMILY, build, move || both_formats(samples)).parsed_by(parse)
}

fn function(name: &'static str, build: Build, samples: Samples) -> Entry {
    Entry::function(name, FAMILY, build, move || both_formats(samples))
}

fn x(shape: &[usize], seed: u64) -> SampleInput {
    dense(shape, RANGE, seed)
}

fn one(name: &'static str, inputs: impl IntoIterator<Item = SampleInput>) -> Sample {
    Sample::new(name, inputs)
}

/// Whether the transpose is meant.
pub(crate) fn trans_of(params: &Params<'_>) -> Result<Trans> {
    Ok(if params.flag("trans")? { Trans::Yes } else { Trans::No })
}

/// Sums of matrices, transposes, inner products, and what only moves stored values.
pub(crate) fn algebra() -> Vec<Entry> {
    let unary = |name, f: fn(&Variable) -> Result<Variable>, op: fn() -> OpRef| {
        let build = move |params: &Params<'_>, v: &[Variable]| Ok(vec![f(only(params, v)?)?]);
        let samples = || {
            both_formats(|format| {
                vec![
                    one("a wide one", [wide(format, 1)]),
                    one("nothing stored", [nothing(format)]),
                    one("no rows", [no_rows(format)]),
                ]
            })
        };
        Entry::function(name, FAMILY, build, samples).parsed_by(move |_| Ok(op()))
    };
    let pairs = |name, f: fn(&Variable, &Variable) -> Result<Variable>, op: fn() -> OpRef| {
        let build = move |params: &Params<'_>, v: &[Variable]| {
            let [a, b] = exactly(params, v)?;
            Ok(vec![f(a, b)?])
        };
        Entry::function(name, FAMILY, build, move || both_formats(overlapping)).parsed_by(move |_| Ok(op()))
    };
    vec![
        entry("affine_on_pattern", build_affine, affine_samples, |_| Ok(Arc::new(AffineOnPattern))),
        unary("sparse_transpose", sparse_transpose, || Arc::new(SparseTranspose)),
        unary("dense_from_sparse", dense_from_sparse, || Arc::new(DenseFromSparse)),
        pairs("sparse_inner", sparse_inner, || Arc::new(SparseInner)),
        pairs("project_sparse", project_sparse, || Arc::new(ProjectSparse)),
        entry("to_format", build_to_format, format_samples, |params| {
            Ok(Arc::new(ToFormat { format: format_of(params)? }))
        }),
        entry(
            "identity_like",
            |params, v| Ok(vec![identity_like(only(params, v)?)?]),
            |format| vec![one("of weights", [weights(format, 1)])],
            |_| Ok(Arc::new(IdentityLike)),
        ),
    ]
}

fn build_to_format(params: &Params<'_>, v: &[Variable]) -> Result<Vec<Variable>> {
    Ok(vec![to_format(only(params, v)?, format_of(params)?)?])
}

fn format_samples(format: Format) -> Vec<Sample> {
    let to_other = |name, x| one(name, [x]).with("format", format.flip().name());
    vec![
        to_other("a wide one", wide(format, 1)),
        to_other("nothing stored", nothing(format)),
        to_other("no rows", no_rows(format)),
    ]
}

fn format_of(params: &Params<'_>) -> Result<Format> {
    match params.word("format")? {
        "csr" => Ok(Format::Csr),
        "csc" => Ok(Format::Csc),
        other => Err(params.wrong("format", "`csr` or `csc`", &Prop::from(other.to_owned()))),
    }
}

fn overlapping(format: Format) -> Vec<Sample> {
    vec![
        one("patterns that overlap", [wide(format, 1), other(format, 2)]),
        one("equal patterns", [other(format, 1), other(format, 2)]),
        one("with nothing", [wide(format, 1), nothing(format)]),
        one("no rows", [no_rows(format), no_rows(format)]),
    ]
}

fn build_affine(params: &Params<'_>, v: &[Variable]) -> Result<Vec<Variable>> {
    let (coefficients, matrices) = some(params, v)?.split_at(v.len() / 2);
    if coefficients.len() != matrices.len() {
        return Err(params.arity(2 * matrices.len(), v));
    }
    let terms: Vec<_> = coefficients.iter().cloned().zip(matrices.iter().cloned()).collect();
    Ok(vec![affine_on_pattern(&terms)?])
}

fn affine_samples(format: Format) -> Vec<Sample> {
    vec![
        one("two matrices", [x(&[], 1), x(&[], 2), wide(format, 3), other(format, 4)]),
        one("one matrix", [x(&[], 1), wide(format, 2)]),
        one("equal patterns", [x(&[], 1), x(&[], 2), other(format, 3), other(format, 4)]),
        one("with nothing", [x(&[], 1), x(&[], 2), wide(format, 3), nothing(format)]),
    ]
}

/// Products with dense matrices, and what is sampled on a pattern.
pub(crate) fn products() -> Vec<Entry> {
    vec![
        entry("structured_dot", build_dot, dot_samples, |_| Ok(Arc::new(StructuredDot))),
        function("structured_dot_along", build_dot_along, dot_along_samples),
        entry(
            "sample_dense",
            |params, v| {
                let [like, x] = exactly(params, v)?;
                Ok(vec![sample_dense(like, x)?])
            },
            |format| {
                vec![
                    one("on a wide pattern", [wide(format, 1), x(&[3, 4], 2)]),
                    one("on an empty pattern", [nothing(format), x(&[3, 4], 2)]),
                ]
            },
            |_| Ok(Arc::new(SampleDense)),
        ),
        entry("sampled_outer", build_outer, outer_samples, |params| {
            Ok(Arc::new(SampledOuter { axis: params.size("axis")? }))
        }),
    ]
}

fn build_dot(params: &Params<'_>, v: &[Variable]) -> Result<Vec<Variable>> {
    let [s, x] = exactly(params, v)?;
    Ok(vec![structured_dot(s, x)?])
}

fn dot_samples(format: Format) -> Vec<Sample> {
    vec![
        one("with a vector", [wide(format, 1), x(&[4], 2)]),
        one("with a matrix", [wide(format, 1), x(&[4, 2], 2)]),
        one("with a column", [wide(format, 1), x(&[4, 1], 2)]),
        one("with no columns", [wide(format, 1), x(&[4, 0], 2)]),
        one("of no rows", [no_rows(format), x(&[4, 2], 2)]),
        one("of nothing", [nothing(format), x(&[4], 2)]),
    ]
}

fn build_dot_along(params: &Params<'_>, v: &[Variable]) -> Result<Vec<Variable>> {
    let [s, x] = exactly(params, v)?;
    Ok(vec![structured_dot_along(s, x, params.size("axis")?, trans_of(params)?)?])
}

fn dot_along_samples(format: Format) -> Vec<Sample> {
    let shapes: [(&'static str, &[usize], &[usize], usize); 5] = [
        ("a vector", &[4], &[3], 0),
        ("columns", &[4, 2], &[3, 2], 0),
        ("rows", &[2, 4], &[2, 3], 1),
        ("the middle axis", &[2, 4, 2], &[2, 3, 2], 1),
        ("the last axis", &[2, 2, 4], &[2, 2, 3], 2),
    ];
    let both = |(name, no, yes, axis): (&'static str, &[usize], &[usize], usize)| {
        let sample =
            |shape, trans: bool| one(name, [wide(format, 1), x(shape, 2)]).with("axis", axis).with("trans", trans);
        [sample(no, false), sample(yes, true)]
    };
    shapes.into_iter().flat_map(both).collect()
}

fn build_outer(params: &Params<'_>, v: &[Variable]) -> Result<Vec<Variable>> {
    let [like, left, right] = exactly(params, v)?;
    Ok(vec![sampled_outer(like, left, right, params.size("axis")?)?])
}

fn outer_samples(format: Format) -> Vec<Sample> {
    let sample = |name, left: &[usize], right: &[usize], axis: usize| {
        one(name, [wide(format, 1), x(left, 2), x(right, 3)]).with("axis", axis)
    };
    vec![
        sample("of vectors", &[3], &[4], 0),
        sample("of columns", &[3, 2], &[4, 2], 0),
        sample("of rows", &[2, 3], &[2, 4], 1),
        sample("along the middle axis", &[2, 3, 2], &[2, 4, 2], 1),
    ]
}

/// Factorisations, and what is read off a factor.
pub(crate) fn factors() -> Vec<Entry> {
    vec![
        entry("sparse_lu", build_lu, lu_samples, |_| Ok(Arc::new(SparseLu))),
        entry(
            "inverse_on_pattern",
            |params, v| Ok(vec![inverse_on_pattern(&factor_of(only(params, v)?)?)?]),
            |format| vec![one("of a square one", [square(format, 1)])],
            |_| Ok(Arc::new(InverseOnPattern)),
        ),
    ]
}

/// A factor, or the factor of a sparse matrix.
fn factor_of(a: &Variable) -> Result<Variable> {
    if a.type_as::<FactorType>().is_some() { Ok(a.clone()) } else { sparse_lu(a) }
}

/// Of a matrix alone the factor; with a right-hand side the solution.
fn build_lu(params: &Params<'_>, v: &[Variable]) -> Result<Vec<Variable>> {
    if let [a] = v {
        return Ok(vec![sparse_lu(a)?]);
    }
    let [a, b] = exactly(params, v)?;
    let axis = params.maybe_int("axis")?.map_or(Ok(0), |_| params.size("axis"))?;
    Ok(vec![factor_solve_axis(&sparse_lu(a)?, b, axis, trans_of(params)?)?])
}

fn lu_samples(format: Format) -> Vec<Sample> {
    let shapes: [(&'static str, &[usize], usize); 4] =
        [("a vector", &[4], 0), ("columns", &[4, 2], 0), ("rows", &[2, 4], 1), ("the middle axis", &[2, 4, 2], 1)];
    let both = |(name, shape, axis): (&'static str, &[usize], usize)| {
        let sample = |trans: bool| one(name, [square(format, 1), x(shape, 2)]).with("axis", axis).with("trans", trans);
        [sample(false), sample(true)]
    };
    shapes.into_iter().flat_map(both).collect()
}

/// Kronecker products, and systems of them.
pub(crate) fn krons() -> Vec<Entry> {
    vec![
        entry(
            "sparse_kron",
            |params, v| {
                let [a, b] = exactly(params, v)?;
                Ok(vec![sparse_kron(a, b)?])
            },
            |format| {
                vec![
                    one("of two", [wide(format, 1), weights(format, 2)]),
                    one("with nothing", [nothing(format), weights(format, 2)]),
                    one("no rows", [no_rows(format), weights(format, 2)]),
                    one("of two formats", [wide(format, 1), wide(format.flip(), 2)]),
                ]
            },
            |_| Ok(Arc::new(SparseKron)),
        ),
        function(
            "sparse_kronsum",
            |params, v| Ok(vec![sparse_kronsum(some(params, v)?)?]),
            |format| {
                vec![
                    one("of two", [weights(format, 1), square(format, 2)]),
                    one("of one", [weights(format, 1)]),
                    one("of two formats", [weights(format, 1), weights(format.flip(), 2)]),
                ]
            },
        ),
        function("kronsum_solve", build_kronsum_solve, kronsum_solve_samples),
        entry("sparse_kron_contract", build_contract, contract_samples, |params| {
            Ok(Arc::new(SparseKronContract { side: side_of(params)? }))
        }),
        function("kron_solve", build_kron_solve, kron_solve_samples),
    ]
}

fn side_of(params: &Params<'_>) -> Result<Side> {
    match params.word("side")? {
        "left" => Ok(Side::Left),
        "right" => Ok(Side::Right),
        other => Err(params.wrong("side", "`left` or `right`", &Prop::from(other.to_owned()))),
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
    vec![one("the left leg", legs()).with("side", "left"), one("the right leg", legs()).with("side", "right")]
}

fn build_kron_solve(params: &Params<'_>, v: &[Variable]) -> Result<Vec<Variable>> {
    let (b, legs) = some(params, v)?.split_last().ok_or_else(|| params.arity(2, v))?;
    Ok(vec![kron_solve(legs, b, trans_of(params)?)?])
}

/// A dense leg and a sparse one, and a sparse one alone.
fn kron_solve_samples(format: Format) -> Vec<Sample> {
    let leg = || dense(&[1, 1], (1.0, 2.0), 3);
    let both = |name: &'static str, shape: &[usize]| {
        let sample = |trans: bool| one(name, [leg(), square(format, 1), x(shape, 2)]).with("trans", trans);
        [sample(false), sample(true)]
    };
    let mut samples: Vec<Sample> = [both("a vector", &[4]), both("columns", &[4, 2])].concat();
    let two = [square(format, 1), square(format, 4), x(&[16], 2)];
    samples.push(one("two sparse legs", two));
    samples.push(one("one leg", [square(format, 1), x(&[4], 2)]).with("trans", true));
    samples
}

fn build_kronsum_solve(params: &Params<'_>, v: &[Variable]) -> Result<Vec<Variable>> {
    let (b, legs) = some(params, v)?.split_last().ok_or_else(|| params.arity(2, v))?;
    Ok(vec![kronsum_solve(legs, b, trans_of(params)?)?])
}

/// Sparse legs, and dense ones.
fn kronsum_solve_samples(format: Format) -> Vec<Sample> {
    let both = |name: &'static str, legs: [SampleInput; 2], b: &[usize]| {
        let sample = |trans: bool| one(name, legs.clone().into_iter().chain([x(b, 9)])).with("trans", trans);
        [sample(false), sample(true)]
    };
    let leg = |n: usize, seed| dense(&[n, n], (1.0, 2.0), seed);
    let sparse = || [square(format, 1), square(format, 4)];
    let mut samples: Vec<Sample> =
        [both("sparse, a vector", sparse(), &[16]), both("sparse, columns", sparse(), &[16, 2])].concat();
    // The dense ones are no different in the other format.
    if format == Format::Csr {
        samples.extend(both("dense, a vector", [leg(2, 3), leg(1, 4)], &[2]));
        samples.extend(both("dense, columns", [leg(1, 3), leg(2, 4)], &[2, 3]));
        samples.push(one("one dense leg", [leg(2, 3), x(&[2], 2)]));
        samples.push(one("three dense legs", [leg(2, 3), leg(1, 4), leg(2, 5), x(&[4], 2)]));
    }
    samples
}

/// Whether an input is a sparse matrix.
pub(crate) fn is_sparse(x: &Variable) -> bool {
    x.type_as::<SparseType>().is_some()
}
