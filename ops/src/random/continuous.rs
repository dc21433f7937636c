//! Distributions that are a standard one, moved and stretched: so their draws have derivatives of every order.

use kronograph_graph::{Entry, Operand, Prop, Result, Sample, Variable, origin};

use super::check::checked;
use super::error::Range;
use super::size::Size;
use super::standard::{standard_exponential, standard_normal, standard_uniform};
use super::streams::{a_state, drawing};
use crate::elemwise::{add, floats, mul, sub};
use crate::samples::{broadcasting, dense, given, narrowed, spread_over};
use crate::tensor::tensor_type;

/// The next state and numbers of the uniform distribution: `low + (high - low) u`, u in [0, 1). Rounding may give
/// `high`.
///
/// The parameters broadcast; f64, or f32 if both are. The draw is differentiated at fixed u.
///
/// # Errors
///
/// When a parameter is no dense tensor or does not fit the size; at run time, when one is not finite, or `high` is less
/// than `low` ([`RandomError`](super::RandomError)).
#[track_caller]
pub fn uniform<'a>(
    rng: &Variable,
    low: impl Into<Operand<'a>>,
    high: impl Into<Operand<'a>>,
    size: impl Into<Size>,
) -> Result<(Variable, Variable)> {
    let _scope = origin::here();
    let parameters = floats("random_uniform", [low.into(), high.into()])?;
    let dims = size.into().dims("random_uniform", &parameters)?;
    let (next, u) = standard_uniform(rng, tensor_type("random_uniform", &parameters[0])?.dtype(), dims)?;
    let low = checked("uniform", "low", Range::Finite, &parameters[0])?;
    let width = checked("uniform", "high - low", Range::NotNegative, &sub(&parameters[1], &low)?)?;
    Ok((next, add(&low, &mul(&width, &u)?)?))
}

/// The next state and numbers of the normal distribution: `loc + scale z`.
///
/// The parameters broadcast; f64, or f32 if both are. The draw is differentiated at fixed z (reparametrised).
///
/// ```
/// use kronograph_graph::{Function, FunctionGraph, grad};
/// use kronograph_ops::random::{RngState, normal, rng_state};
/// use kronograph_ops::{Tensor, mean, scalar, sqr};
///
/// let (rng, scale) = (rng_state("rng"), scalar("scale"));
/// let (_next, x) = normal(&rng, 0.0, &scale, [100_000])?;
/// let slope = grad(&mean(&sqr(&x)?)?, &[scale.clone()])?.remove(0);
/// let mut f = Function::plan(FunctionGraph::new(&[rng, scale], &[slope])?)?;
/// let slope = f.call(&[&RngState::new(1), &Tensor::scalar(3.0)])?.scalar(0)?;
/// assert!((slope - 2.0 * 3.0).abs() < 0.1); // of E x² = scale²
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// When a parameter is no dense tensor or does not fit the size; at run time, when one is not finite or `scale` is
/// negative ([`RandomError`](super::RandomError)).
#[track_caller]
pub fn normal<'a>(
    rng: &Variable,
    loc: impl Into<Operand<'a>>,
    scale: impl Into<Operand<'a>>,
    size: impl Into<Size>,
) -> Result<(Variable, Variable)> {
    let _scope = origin::here();
    let parameters = floats("random_normal", [loc.into(), scale.into()])?;
    let dims = size.into().dims("random_normal", &parameters)?;
    let (next, z) = standard_normal(rng, tensor_type("random_normal", &parameters[0])?.dtype(), dims)?;
    let loc = checked("normal", "loc", Range::Finite, &parameters[0])?;
    let scale = checked("normal", "scale", Range::NotNegative, &parameters[1])?;
    Ok((next, add(&loc, &mul(&scale, &z)?)?))
}

/// The next state and numbers of the exponential distribution of this mean: `scale e`.
///
/// f64, or f32 of an f32 scale. The draw is differentiated at fixed e.
///
/// # Errors
///
/// When the parameter is no dense tensor or does not fit the size; at run time, when it is not finite or negative
/// ([`RandomError`](super::RandomError)).
#[track_caller]
pub fn exponential<'a>(
    rng: &Variable,
    scale: impl Into<Operand<'a>>,
    size: impl Into<Size>,
) -> Result<(Variable, Variable)> {
    let _scope = origin::here();
    let parameters = floats("random_exponential", [scale.into()])?;
    let dims = size.into().dims("random_exponential", &parameters)?;
    let (next, e) = standard_exponential(rng, tensor_type("random_exponential", &parameters[0])?.dtype(), dims)?;
    let scale = checked("exponential", "scale", Range::NotNegative, &parameters[0])?;
    Ok((next, mul(&scale, &e)?))
}

/// The entries of this file.
pub(super) fn entries() -> Vec<Entry> {
    vec![
        drawing("random_uniform", |rng, [low, high], size| uniform(rng, low, high, size), || pairs((2.5, 4.0))),
        drawing("random_normal", |rng, [loc, scale], size| normal(rng, loc, scale, size), || pairs((0.5, 2.0))),
        drawing("random_exponential", |rng, [scale], size| exponential(rng, scale, size), scales),
    ]
}

/// Samples of two parameters, the first of them from -2 to 2.
fn pairs(second: (f64, f64)) -> Vec<Sample> {
    const FIRST: (f64, f64) = (-2.0, 2.0);
    let two = |shape: &[usize]| [a_state(), dense(shape, FIRST, 1), dense(shape, second, 2)];
    let column = broadcasting(spread_over(&[3, 1], FIRST, 1), &[1]);
    let single = |range, seed| narrowed(&spread_over(&[3], range, seed));
    let sized = |sample: Sample, size: &[i64]| sample.with("size", Prop::Ints(size.to_vec()));
    let scalars = || two(&[]).into_iter();
    vec![
        Sample::new("interior", two(&[2, 3])),
        Sample::new("one", two(&[1])),
        Sample::new("none", two(&[0])),
        Sample::new("a column and a vector", [a_state(), column.clone(), dense(&[2], second, 2)]),
        sized(Sample::new("scalars and a size", scalars()), &[2, 3]),
        sized(Sample::new("a column and a size", [a_state(), column, dense(&[], second, 2)]), &[2, 3, 2]),
        Sample::new("a symbolic size", scalars().chain([given(3i64)]))
            .with("size", Prop::list(vec![Prop::from("input"), Prop::Int(2)])),
        Sample::new("f32", [a_state(), single(FIRST, 1), single(second, 2)]).single(),
        Sample::new("integers", [a_state(), given(vec![1i64, 2]), given(vec![3i64, 4])]).edge(),
    ]
}

fn scales() -> Vec<Sample> {
    let of = |shape: &[usize]| [a_state(), dense(shape, (0.5, 2.0), 1)];
    vec![
        Sample::new("interior", of(&[2, 3])),
        Sample::new("none", of(&[0])),
        Sample::new("a scalar and a size", of(&[])).with("size", Prop::Ints(vec![5])),
        Sample::new("f32", [a_state(), given(vec![0.5f32, 2.0])]).single(),
        Sample::new("nothing is left", [a_state(), given(0.0)]).edge(),
    ]
}
