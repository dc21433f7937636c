//! The multivariate normal distribution: standard normal numbers, mixed by a triangular factor and moved.

use kronograph_graph::{BuildError, Entry, Operand, Prop, Result, Sample, Shape, Variable, origin, shape_of};

use super::check::checked;
use super::error::Range;
use super::size::Size;
use super::standard::standard_normal;
use super::streams::{a_state, drawing};
use crate::elemwise::{add, floats};
use crate::layout::{expand_dims, matrix_transpose, squeeze};
use crate::linalg::{Triangle, cholesky, matmul, tril};
use crate::samples::{dense, given, narrowed, shaped, spread_over};
use crate::tensor::tensor_type;

/// The next state and vectors of the multivariate normal distribution of covariance `cov`: `mean + L z` with the
/// Cholesky factor L; (.., n) and (.., n, n) → (.., n).
///
/// Leading axes broadcast, and are the end of a size. The draw is differentiated at fixed z, and of the covariance only
/// the lower triangle is read; see [`cholesky`]. z is the same on every machine; the factor and the product are made by
/// kernels that are chosen when they run, and may differ in the last digit.
///
/// # Errors
///
/// When a parameter has too few axes, or they do not fit each other or the size; at run time, when `mean` is not finite
/// ([`RandomError`](super::RandomError)) or `cov` not positive definite ([`LinalgError`](crate::LinalgError)).
#[track_caller]
pub fn multivariate_normal<'a>(
    rng: &Variable,
    mean: impl Into<Operand<'a>>,
    cov: impl Into<Operand<'a>>,
    size: impl Into<Size>,
) -> Result<(Variable, Variable)> {
    let _scope = origin::here();
    let [mean, cov] = floats("random_multivariate_normal", [mean.into(), cov.into()])?;
    multivariate_normal_cholesky(rng, &mean, &cholesky(&cov, Triangle::Lower)?, size)
}

/// [`multivariate_normal`] with a given factor: `mean + L z`, of covariance `L Lᵀ`. What is above the diagonal of
/// `chol` is not read.
///
/// # Errors
///
/// As [`multivariate_normal`], but any finite or infinite factor is one.
#[track_caller]
pub fn multivariate_normal_cholesky<'a>(
    rng: &Variable,
    mean: impl Into<Operand<'a>>,
    chol: impl Into<Operand<'a>>,
    size: impl Into<Size>,
) -> Result<(Variable, Variable)> {
    const NAME: &str = "random_multivariate_normal_cholesky";
    let _scope = origin::here();
    let parameters = floats(NAME, [mean.into(), chol.into()])?;
    let [mean, chol] = &parameters;
    let (axes, rank) = (mean.ty().extents().len(), chol.ty().extents().len());
    if axes < 1 || rank < 2 {
        return Err(BuildError::inputs(NAME, &parameters, "a mean (.., n) and a factor (.., n, n) are needed"));
    }
    // A column for each vector, so that the leading axes of all three are those of stacks.
    let column = expand_dims(mean, &[axes])?;
    let dims = leading(size.into(), &column, chol)?;
    let shape: Shape = dims.into_iter().chain([shape_of(chol)[rank - 1].clone()]).collect();
    let plain = rank == 2;
    let (next, z) = standard_normal(rng, tensor_type(NAME, mean)?.dtype(), shape.clone())?;
    let lower = tril(chol, 0)?;
    let mixed = if plain && shape.len() > 1 {
        matmul(&z, &matrix_transpose(&lower)?)?
    } else {
        squeeze(&matmul(&lower, &expand_dims(&z, &[shape.len()])?)?, &[shape.len()])?
    };
    Ok((next, add(&checked("multivariate_normal", "mean", Range::Finite, mean)?, &mixed)?))
}

/// The shape of the draw without its last axis.
#[track_caller]
fn leading(size: Size, column: &Variable, chol: &Variable) -> Result<Shape> {
    let both = [column.clone(), chol.clone()];
    let mut dims = size.with_matrix(shape_of(chol)).dims("random_multivariate_normal", &both)?;
    dims.truncate(dims.len() - 2);
    Ok(dims)
}

/// The entries of this file.
pub(super) fn entries() -> Vec<Entry> {
    let by_cov = |rng: &Variable, [mean, cov]: [&Variable; 2], size| multivariate_normal(rng, mean, cov, size);
    let by_factor =
        |rng: &Variable, [mean, chol]: [&Variable; 2], size| multivariate_normal_cholesky(rng, mean, chol, size);
    vec![
        drawing("random_multivariate_normal", by_cov, samples),
        drawing("random_multivariate_normal_cholesky", by_factor, samples),
    ]
}

fn samples() -> Vec<Sample> {
    let matrix = || shaped(&[2, 2], vec![2.0, 0.5, 0.5, 1.0]);
    let stack = || shaped(&[2, 2, 2], vec![2.0, 0.5, 0.5, 1.0, 1.0, -0.25, -0.25, 3.0]);
    let mean = |shape: &[usize]| dense(shape, (-2.0, 2.0), 1);
    let sized = |sample: Sample, size: &[i64]| sample.with("size", Prop::Ints(size.to_vec()));
    vec![
        Sample::new("one vector", [a_state(), mean(&[2]), given(matrix())]),
        Sample::new("one number", [a_state(), mean(&[1]), given(shaped(&[1, 1], vec![2.0]))]),
        Sample::new("means", [a_state(), mean(&[3, 2]), given(matrix())]),
        Sample::new("matrices", [a_state(), mean(&[2]), given(stack())]),
        Sample::new("means and matrices", [a_state(), mean(&[2, 2]), given(stack())]),
        sized(Sample::new("a size", [a_state(), mean(&[2]), given(matrix())]), &[3]),
        sized(Sample::new("no vectors", [a_state(), mean(&[2]), given(matrix())]), &[0]),
        sized(Sample::new("matrices and a size", [a_state(), mean(&[2]), given(stack())]), &[3, 2]),
        Sample::new("f32", [a_state(), narrowed(&spread_over(&[2], (-2.0, 2.0), 1)), narrowed(&matrix())]).single(),
    ]
}
