//! The entries of Kronecker-sum decompositions.

use kronograph_graph::{BuildError, Entry, Params, Prop, Result, Sample, Shape, Variable};

use super::decompose::{
    KsTrace, factorwise_average, factorwise_average_diag, factorwise_matrix, ks_decompose, ks_decompose_diag,
};
use super::dims::Dims;
use crate::params::some;
use crate::samples::{dense, given, narrowed, spread_over};

const FAMILY: &str = "products";

/// The parameters are `dims`, `k` for one factor, `at` for one of its entries, and `trace`: `equal` (if it is absent),
/// `zero` or `first`.
pub(super) fn entries() -> Vec<Entry> {
    let of = |name, build: Build, samples: fn() -> Vec<Sample>| {
        let build = move |params: &Params<'_>, inputs: &[Variable]| {
            let (x, scalars) = some(params, inputs)?.split_at(1);
            build(params, &x[0], Dims::of_params(params, "dims", scalars)?)
        };
        Entry::function(name, FAMILY, build, samples)
    };
    vec![
        of("factorwise_matrix", build_matrix, entry_of_factor),
        of("factorwise_average", |p, m, dims| Ok(vec![factorwise_average(m, dims, p.size("k")?)?]), one_factor),
        of(
            "factorwise_average_diag",
            |p, v, dims| Ok(vec![factorwise_average_diag(v, dims, p.size("k")?)?]),
            one_of_diag,
        ),
        of("ks_decompose", |p, m, dims| Ok(together(ks_decompose(m, dims, trace_of(p)?)?)), all_factors),
        of("ks_decompose_diag", |p, v, dims| Ok(together(ks_decompose_diag(v, dims, trace_of(p)?)?)), all_of_diag),
    ]
}

type Build = fn(&Params<'_>, &Variable, Shape) -> Result<Vec<Variable>>;

fn build_matrix(params: &Params<'_>, m: &Variable, dims: Shape) -> Result<Vec<Variable>> {
    let at = <[usize; 2]>::try_from(params.sizes("at")?);
    let at = at.map_err(|_| BuildError::parameter("factorwise_matrix", "`at` is a row and a column"))?;
    Ok(vec![factorwise_matrix(m, dims, params.size("k")?, at)?])
}

fn together((mut factors, tau): (Vec<Variable>, Variable)) -> Vec<Variable> {
    factors.push(tau);
    factors
}

fn trace_of(params: &Params<'_>) -> Result<KsTrace> {
    match params.maybe_word("trace")? {
        None | Some("equal") => Ok(KsTrace::Equal),
        Some("zero") => Ok(KsTrace::Zero),
        Some("first") => Ok(KsTrace::First),
        Some(other) => Err(params.wrong("trace", "`equal`, `zero` or `first`", &Prop::from(other.to_owned()))),
    }
}

fn sizes(sample: Sample, dims: &[i64]) -> Sample {
    sample.with("dims", Prop::Ints(dims.to_vec()))
}

fn square(name: &'static str, n: usize, dims: &[i64]) -> Sample {
    sizes(Sample::new(name, [dense(&[n, n], (-2.0, 2.0), 1)]), dims)
}

fn vector(name: &'static str, n: usize, dims: &[i64]) -> Sample {
    sizes(Sample::new(name, [dense(&[n], (-2.0, 2.0), 1)]), dims)
}

/// Two sizes, the first of which is an input.
fn symbolic(sample: Sample) -> Sample {
    let Sample { name, mut inputs, .. } = sample;
    inputs.push(given(2i64));
    Sample::new(name, inputs).with("dims", Prop::list(vec![Prop::from("input"), Prop::Int(3)]))
}

fn single(shape: &[usize]) -> Sample {
    Sample::new("f32", [narrowed(&spread_over(shape, (-2.0, 2.0), 1))]).single()
}

fn entry_of_factor() -> Vec<Sample> {
    let at = |sample: Sample, k: usize, i: i64, j: i64| sample.with("k", k).with("at", Prop::Ints(vec![i, j]));
    vec![
        at(square("the first", 6, &[2, 3]), 0, 0, 1),
        at(square("the middle one", 12, &[2, 3, 2]), 1, 2, 0),
        at(square("the last", 6, &[2, 3]), 1, 1, 1),
        at(square("one factor", 2, &[2]), 0, 1, 0),
        at(square("nothing", 0, &[2, 0]), 0, 0, 1),
        at(symbolic(square("symbolic", 6, &[])), 0, 1, 0),
        at(sizes(single(&[4, 4]), &[2, 2]), 1, 0, 1),
    ]
}

fn one_factor() -> Vec<Sample> {
    vec![
        square("the first", 6, &[2, 3]).with("k", 0usize),
        square("the middle one", 12, &[2, 3, 2]).with("k", 1usize),
        square("one factor", 2, &[2]).with("k", 0usize),
        symbolic(square("symbolic", 6, &[])).with("k", 1usize),
        sizes(single(&[4, 4]), &[2, 2]).with("k", 1usize),
    ]
}

fn one_of_diag() -> Vec<Sample> {
    vec![
        vector("the first", 6, &[2, 3]).with("k", 0usize),
        vector("the middle one", 12, &[2, 3, 2]).with("k", 1usize),
        vector("one factor", 2, &[2]).with("k", 0usize),
        symbolic(vector("symbolic", 6, &[])).with("k", 1usize),
        sizes(single(&[4]), &[2, 2]).with("k", 0usize),
    ]
}

fn traces(sample: impl Fn() -> Sample) -> impl Iterator<Item = Sample> {
    ["equal", "zero", "first"].map(|trace| sample().with("trace", trace)).into_iter()
}

fn all_factors() -> Vec<Sample> {
    let mut samples: Vec<Sample> = traces(|| square("three", 12, &[2, 3, 2])).collect();
    samples.push(square("one factor", 3, &[3]));
    samples.push(square("sizes of one", 2, &[1, 2, 1]));
    samples.push(symbolic(square("symbolic", 6, &[])));
    samples.push(sizes(single(&[6, 6]), &[3, 2]));
    samples
}

fn all_of_diag() -> Vec<Sample> {
    let mut samples: Vec<Sample> = traces(|| vector("three", 12, &[2, 3, 2])).collect();
    samples.push(vector("one factor", 3, &[3]));
    samples.push(vector("sizes of one", 2, &[1, 2, 1]));
    samples.push(symbolic(vector("symbolic", 6, &[])));
    samples.push(sizes(single(&[6]), &[3, 2]));
    samples
}
