//! The registry's view of eigenvalues, singular values and QR: their parameters are PyTensor's.

use std::sync::Arc;

use kronograph_graph::{BuildError, Entry, OpRef, Params, Result, Sample, SampleInput, Variable};

use super::eigh::{Eigh, eigh, eigh_generalized, eigvalsh, eigvalsh_generalized};
use super::qr::{Qr, QrMode, qr, qr_r};
use super::svd::{SingularVectors, Svd, svd, svdvals};
use super::sylvester::{
    SolveDiscreteLyapunov, SolveSylvester, solve_continuous_lyapunov, solve_discrete_lyapunov, solve_sylvester,
};
use super::systems::dominant;
use super::triangle::Triangle;
use crate::params::{exactly, only};
use crate::samples::{dense, given, shaped, spread_over};
use crate::tensor::{Tensor, TensorType};

const FAMILY: &str = "linear algebra";

pub(crate) fn entries() -> Vec<Entry> {
    let symmetric = |vectors: bool| {
        move |params: &Params<'_>| {
            Ok(Arc::new(Eigh { triangle: Triangle::of(params, Triangle::Lower)?, vectors }) as OpRef)
        }
    };
    let lyapunov = |params: &Params<'_>, inputs: &[Variable]| {
        let [a, q] = exactly(params, inputs)?;
        Ok(vec![solve_continuous_lyapunov(a, q)?])
    };
    vec![
        Entry::function("eigh", FAMILY, values_and_vectors, symmetric_samples).parsed_by(symmetric(true)),
        Entry::function("eigvalsh", FAMILY, values, values_samples).parsed_by(symmetric(false)),
        Entry::function("svd", FAMILY, singular, singular_samples)
            .parsed_by(|params| Ok(Arc::new(Svd { vectors: vectors_of(params)? }))),
        Entry::function("qr", FAMILY, orthogonal, orthogonal_samples)
            .parsed_by(|params| Ok(Arc::new(Qr { mode: mode_of(params)? }))),
        Entry::function("solve_sylvester", FAMILY, sylvester, sylvester_samples)
            .parsed_by(|_| Ok(Arc::new(SolveSylvester))),
        Entry::function("solve_continuous_lyapunov", FAMILY, lyapunov, lyapunov_samples),
        Entry::function("solve_discrete_lyapunov", FAMILY, discrete, lyapunov_samples)
            .parsed_by(|_| Ok(Arc::new(SolveDiscreteLyapunov))),
    ]
}

/// `output` is `values` for the eigenvalues alone; a second input is B of the generalised problem.
fn values_and_vectors(params: &Params<'_>, inputs: &[Variable]) -> Result<Vec<Variable>> {
    let triangle = match params.maybe_word("UPLO")? {
        None => Triangle::of(params, Triangle::Lower)?,
        Some("L") => Triangle::Lower,
        Some("U") => Triangle::Upper,
        Some(other) => return Err(params.wrong_word("UPLO", "L or U", other)),
    };
    let (w, v) = match inputs {
        [a, b] => eigh_generalized(a, b, triangle)?,
        _ => eigh(only(params, inputs)?, triangle)?,
    };
    match params.maybe_word("output")? {
        None | Some("both") => Ok(vec![w, v]),
        Some("values") => Ok(vec![w]),
        Some("vectors") => Ok(vec![v]),
        Some(other) => Err(params.wrong_word("output", "both, values or vectors", other)),
    }
}

fn values(params: &Params<'_>, inputs: &[Variable]) -> Result<Vec<Variable>> {
    let triangle = Triangle::of(params, Triangle::Lower)?;
    Ok(vec![match inputs {
        [a, b] => eigvalsh_generalized(a, b, triangle)?,
        _ => eigvalsh(only(params, inputs)?, triangle)?,
    }])
}

fn vectors_of(params: &Params<'_>) -> Result<Option<SingularVectors>> {
    let unless_false = |name| Ok::<_, BuildError>(params.get(name).is_none() || params.flag(name)?);
    Ok(match (unless_false("compute_uv")?, unless_false("full_matrices")?) {
        (false, _) => None,
        (true, false) => Some(SingularVectors::Thin),
        (true, true) => Some(SingularVectors::Full),
    })
}

fn singular(params: &Params<'_>, inputs: &[Variable]) -> Result<Vec<Variable>> {
    let a = only(params, inputs)?;
    match vectors_of(params)? {
        None => Ok(vec![svdvals(a)?]),
        Some(vectors) => Ok(svd(a, vectors)?.into()),
    }
}

fn mode_of(params: &Params<'_>) -> Result<QrMode> {
    if params.flag("pivoting")? {
        return Err(BuildError::parameter("qr", "there is no pivoting"));
    }
    match params.maybe_word("mode")? {
        None | Some("full" | "complete") => Ok(QrMode::Full),
        Some("economic" | "reduced") => Ok(QrMode::Economic),
        Some("r") => Ok(QrMode::R),
        Some(other) => Err(params.wrong_word("mode", "full, economic or r", other)),
    }
}

fn orthogonal(params: &Params<'_>, inputs: &[Variable]) -> Result<Vec<Variable>> {
    let a = only(params, inputs)?;
    match mode_of(params)? {
        QrMode::R => Ok(vec![qr_r(a)?]),
        mode => {
            let (q, r) = qr(a, mode)?;
            Ok(vec![q, r])
        }
    }
}

fn sylvester(params: &Params<'_>, inputs: &[Variable]) -> Result<Vec<Variable>> {
    let [a, b, c] = exactly(params, inputs)?;
    Ok(vec![solve_sylvester(a, b, c)?])
}

/// PyTensor's `method` is one of two ways to the same matrix.
fn discrete(params: &Params<'_>, inputs: &[Variable]) -> Result<Vec<Variable>> {
    let [a, q] = exactly(params, inputs)?;
    match params.maybe_word("method")? {
        None | Some("bilinear" | "direct") => Ok(vec![solve_discrete_lyapunov(a, q)?]),
        Some(other) => Err(params.wrong_word("method", "bilinear or direct", other)),
    }
}

fn x(shape: &[usize], seed: u64) -> SampleInput {
    dense(shape, (-2.0, 2.0), seed)
}

fn integers() -> SampleInput {
    given(shaped(&[2, 2], vec![1i64, 2, 2, 5]))
}

fn single() -> SampleInput {
    given(shaped(&[2, 2], vec![1.5f32, -1.0, 0.5, 3.0]))
}

/// A tensor whose lengths are always known.
fn declared(value: Tensor) -> SampleInput {
    let known: Vec<Option<usize>> = value.shape().iter().map(|&length| Some(length)).collect();
    SampleInput { types: vec![TensorType::shared(value.dtype(), &known)], value: Box::new(value) }
}

/// Samples of functions of a matrix of which one triangle is read.
fn values_samples() -> Vec<Sample> {
    let repeated = [given(shaped(&[3, 3], vec![2.0, 0.0, 0.0, 0.0, 2.0, 0.0, 0.0, 0.0, 1.0]))];
    vec![
        Sample::new("the default", [x(&[3, 3], 1)]),
        Sample::new("upper", [x(&[4, 4], 2)]).with("lower", false),
        Sample::new("a stack", [x(&[2, 3, 3], 3)]).with("lower", true),
        Sample::new("one entry", [x(&[1, 1], 1)]),
        Sample::new("no rows", [x(&[0, 0], 1)]),
        Sample::new("an empty stack", [x(&[0, 2, 2], 1)]),
        Sample::new("a pair", [x(&[3, 3], 1), given(dominant(&[3, 3], 2))]),
        Sample::new("a pair, upper", [x(&[2, 3, 3], 1), given(dominant(&[2, 3, 3], 2))]).with("lower", false),
        Sample::new("repeated eigenvalues", repeated).edge(),
        Sample::new("zero", [given(shaped(&[2, 2], vec![0.0; 4]))]).edge(),
        Sample::new("large", [dense(&[2, 2], (-1e200, 1e200), 1)]),
        Sample::new("integers", [integers()]).edge(),
        Sample::new("f32", [single()]).single(),
    ]
}

fn symmetric_samples() -> Vec<Sample> {
    let mut samples = values_samples();
    samples.push(Sample::new("values alone", [x(&[3, 3], 4)]).with("output", "values"));
    samples.push(Sample::new("vectors alone", [x(&[3, 3], 5)]).with("output", "vectors"));
    samples
}

fn singular_samples() -> Vec<Sample> {
    let mut samples = Vec::new();
    for (name, uv) in [("values", false), ("vectors", true)] {
        let with = |what: &str, input: SampleInput| {
            Sample::new(format!("{name}, {what}"), [input]).with("compute_uv", uv).with("full_matrices", false)
        };
        let repeated = shaped(&[3, 2], vec![0.0, 2.0, -2.0, 0.0, 0.0, 0.0]);
        samples.extend([
            with("square", x(&[3, 3], 1)),
            with("tall", x(&[4, 2], 2)),
            with("wide", x(&[2, 3], 3)),
            with("a stack", x(&[2, 3, 2], 4)),
            with("one entry", x(&[1, 1], 1)),
            with("no rows", x(&[0, 2], 1)),
            with("an empty stack", x(&[0, 3, 2], 1)),
            with("repeated", given(repeated)).edge(),
            with("zero", given(shaped(&[2, 2], vec![0.0; 4]))).edge(),
            with("dependent columns", given(shaped(&[3, 2], vec![1.0, 2.0, 2.0, 4.0, 3.0, 6.0]))).edge(),
            with("integers", integers()).edge(),
            with("f32", single()).single(),
        ]);
    }
    samples.push(Sample::new("a whole basis", [declared(spread_over(&[2, 3, 3], (-2.0, 2.0), 5))]));
    samples
}

fn orthogonal_samples() -> Vec<Sample> {
    let mut samples = Vec::new();
    for mode in ["economic", "r"] {
        let with = |what: &str, input: SampleInput| Sample::new(format!("{mode}, {what}"), [input]).with("mode", mode);
        samples.extend([
            with("square", x(&[3, 3], 1)),
            with("tall", x(&[4, 2], 2)),
            with("wide", x(&[2, 4], 3)),
            with("a stack", x(&[2, 3, 2], 4)),
            with("one column", x(&[3, 1], 1)),
            with("no columns", x(&[2, 0], 1)),
            with("no rows", x(&[0, 2], 1)),
            with("an empty stack", x(&[0, 3, 2], 1)),
            with("integers", integers()).edge(),
            with("f32", single()).single(),
        ]);
    }
    let wide = |shape: &[usize]| [declared(spread_over(shape, (-2.0, 2.0), 5))];
    samples.push(Sample::new("complete, square", wide(&[2, 3, 3])).with("mode", "complete"));
    samples.push(Sample::new("one entry", [x(&[1, 1], 1)]).with("mode", "economic"));
    samples.push(Sample::new("full, wide", wide(&[2, 3])).with("mode", "full"));
    samples
}

fn sylvester_samples() -> Vec<Sample> {
    let of = |a: &[usize], b: &[usize], c: &[usize]| [given(dominant(a, 1)), given(dominant(b, 2)), x(c, 3)];
    let defective = given(shaped(&[2, 2], vec![1.0, 1.0, 0.0, 1.0]));
    vec![
        Sample::new("the default", of(&[3, 3], &[2, 2], &[3, 2])),
        Sample::new("stacks", of(&[2, 2, 2], &[2, 3, 3], &[2, 2, 3])),
        Sample::new("one entry", of(&[1, 1], &[1, 1], &[1, 1])),
        Sample::new("no rows", of(&[0, 0], &[2, 2], &[0, 2])),
        Sample::new("empty stacks", of(&[0, 2, 2], &[0, 2, 2], &[0, 2, 2])),
        Sample::new("defective", [defective.clone(), defective, x(&[2, 2], 3)]),
        Sample::new("rotations", [given(shaped(&[2, 2], vec![1.0, -2.0, 2.0, 1.0])), x(&[1, 1], 1), x(&[2, 1], 2)]),
        Sample::new("integers", [integers(), integers(), integers()]).edge(),
        Sample::new("f32", [single(), single(), single()]).single(),
    ]
}

fn lyapunov_samples() -> Vec<Sample> {
    let of = |a: &[usize], q: &[usize]| [given(dominant(a, 1)), x(q, 3)];
    vec![
        Sample::new("the default", of(&[3, 3], &[3, 3])),
        Sample::new("stacks", of(&[2, 2, 2], &[2, 2, 2])),
        Sample::new("one entry", of(&[1, 1], &[1, 1])),
        Sample::new("no rows", of(&[0, 0], &[0, 0])),
        Sample::new("empty stacks", of(&[0, 2, 2], &[0, 2, 2])),
        Sample::new("defective", [given(shaped(&[2, 2], vec![0.5, 1.0, 0.0, 0.5])), x(&[2, 2], 3)]),
        Sample::new("rotations", [given(shaped(&[2, 2], vec![0.5, -0.7, 0.7, 0.5])), x(&[2, 2], 3)]),
        Sample::new("integers", [integers(), integers()]).edge(),
        Sample::new("f32", [single(), single()]).single(),
    ]
}
