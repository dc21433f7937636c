//! The multivariate normal distribution, by what is known of its covariance.

use kronograph_graph::{BuildError, Dim, Result, Variable, origin};

use super::{LN_SQRT_TAU, arguments};
use crate::dtype::DType;
use crate::elemwise::{cast, log, mul, sqr, sub};
use crate::layout::dim_variable;
use crate::linalg::{
    DiagonalKind, Trans, Triangle, cholesky_factor, diagonal, factor_logdet, factor_solve_axis, matvec,
    triangular_factor, vecdot,
};
use crate::reduce::sum_axes;
use crate::tensor::tensor_type;

/// The multivariate normal distribution of covariance `L Lᵀ`, from the lower factor L: `-|L⁻¹(x - μ)|²/2 - Σ ln L_ii -
/// n ln √(2π)`, for vectors along the last axis of `x`.
///
/// The part of L above the diagonal is not read. A negative number on the diagonal makes it NaN.
///
/// # Errors
///
/// When an argument is no dense tensor, or the shapes do not fit; at run time, when there is a zero on the diagonal.
#[track_caller]
pub fn multivariate_normal_cholesky(x: &Variable, mu: &Variable, l: &Variable) -> Result<Variable> {
    let _scope = origin::here();
    let density = "multivariate_normal_cholesky_logp";
    let (apart, dtype) = deviation(density, x, mu, Some(l))?;
    let rows = matrix_axis(density, l)?;
    let factor = triangular_factor(&cast(l, DType::F64)?, Triangle::Lower, DiagonalKind::Stored)?;
    let whitened = factor_solve_axis(&factor, &apart, last(&apart)?, Trans::No)?;
    let square = sum_axes(&sqr(&whitened)?, &[last(&whitened)?])?;
    let scale = sum_axes(&log(&diagonal(&cast(l, DType::F64)?, 0, rows, rows + 1)?)?, &[rows])?;
    finished(&square, &scale, &apart, dtype)
}

/// The multivariate normal distribution of a covariance matrix, for vectors along the last axis of `x` (SciPy:
/// `multivariate_normal`, mean, cov). The lower triangle of the matrix is read.
///
/// ```
/// use kronograph_ops::{logp, matrix, vector};
///
/// let density = logp::multivariate_normal(&matrix("x"), &vector("mu"), &matrix("cov"))?;
/// assert_eq!(density.ty().to_string(), "f64 (?,)");
/// # Ok::<(), kronograph_graph::BuildError>(())
/// ```
///
/// # Errors
///
/// When an argument is no dense tensor, or the shapes do not fit; at run time, when the matrix is not positive definite.
#[track_caller]
pub fn multivariate_normal(x: &Variable, mu: &Variable, cov: &Variable) -> Result<Variable> {
    let _scope = origin::here();
    let density = "multivariate_normal_logp";
    let (apart, dtype) = deviation(density, x, mu, Some(cov))?;
    matrix_axis(density, cov)?;
    by_factor(&apart, &cholesky_factor(&cast(cov, DType::F64)?)?, dtype)
}

/// The multivariate normal distribution by a factor of its covariance, which may be dense or sparse, of any kind:
/// `-(x - μ)ᵀ Σ⁻¹ (x - μ)/2 - ln|det Σ|/2 - n ln √(2π)`, for vectors along the last axis of `x`.
///
/// A factor is shared: what else is solved with it costs no second factorisation. That the covariance is positive
/// definite is the caller's to know, unless the factor is Cholesky's.
///
/// # Errors
///
/// When `factor` is no factor, an argument is no dense tensor, or the shapes do not fit; at run time, when the covariance
/// is singular.
#[track_caller]
pub fn multivariate_normal_factor(x: &Variable, mu: &Variable, factor: &Variable) -> Result<Variable> {
    let _scope = origin::here();
    let (apart, dtype) = deviation("multivariate_normal_factor_logp", x, mu, None)?;
    by_factor(&apart, factor, dtype)
}

/// The multivariate normal distribution of a precision matrix Q, the inverse of the covariance: `-(x - μ)ᵀ Q (x - μ)/2 +
/// ln|det Q|/2 - n ln √(2π)`, for vectors along the last axis of `x`.
///
/// # Errors
///
/// When an argument is no dense tensor, or the shapes do not fit; at run time, when the matrix is not positive definite.
#[track_caller]
pub fn multivariate_normal_precision(x: &Variable, mu: &Variable, q: &Variable) -> Result<Variable> {
    let _scope = origin::here();
    let density = "multivariate_normal_precision_logp";
    let (apart, dtype) = deviation(density, x, mu, Some(q))?;
    matrix_axis(density, q)?;
    let q = cast(q, DType::F64)?;
    let square = vecdot(&apart, &matvec(&q, &apart)?)?;
    let (_, logdet) = factor_logdet(&cholesky_factor(&q)?)?;
    finished(&square, &mul(&logdet, -0.5)?, &apart, dtype)
}

fn by_factor(apart: &Variable, factor: &Variable, dtype: DType) -> Result<Variable> {
    let solved = factor_solve_axis(factor, apart, last(apart)?, Trans::No)?;
    let (_, logdet) = factor_logdet(factor)?;
    finished(&vecdot(apart, &solved)?, &mul(&logdet, 0.5)?, apart, dtype)
}

/// `-square/2 - scale - n ln √(2π)`.
fn finished(square: &Variable, scale: &Variable, apart: &Variable, dtype: DType) -> Result<Variable> {
    let n = cast(&dim_variable(&Dim::axis(apart, last(apart)?))?, DType::F64)?;
    cast(&sub(&sub(&mul(square, -0.5)?, scale)?, &mul(&n, LN_SQRT_TAU)?)?, dtype)
}

/// `x - μ` in f64, and the dtype of the answer.
fn deviation(
    density: &'static str,
    x: &Variable,
    mu: &Variable,
    matrix: Option<&Variable>,
) -> Result<(Variable, DType)> {
    let [x, mu] = arguments(density, [x.into(), mu.into()])?;
    let ty = tensor_type(density, &x)?;
    if ty.rank() == 0 {
        return Err(BuildError::inputs(density, &[x, mu], "the vectors need an axis"));
    }
    let of_matrix =
        matrix.map_or(Ok(ty.dtype()), |matrix| tensor_type(density, matrix).map(|ty| ty.dtype().to_float()))?;
    let dtype = ty.dtype().promote(of_matrix);
    Ok((cast(&sub(&x, &mu)?, DType::F64)?, dtype))
}

/// The axis of the rows of a matrix.
fn matrix_axis(density: &'static str, matrix: &Variable) -> Result<usize> {
    let rank = tensor_type(density, matrix)?.rank();
    let rule = "a matrix, or a stack of them, is needed";
    rank.checked_sub(2).ok_or_else(|| BuildError::inputs(density, std::slice::from_ref(matrix), rule))
}

fn last(x: &Variable) -> Result<usize> {
    Ok(tensor_type("multivariate_normal", x)?.rank() - 1)
}
