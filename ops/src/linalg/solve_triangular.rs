//! Solving with triangular matrices, and with those of which a Cholesky factor is there.

use kronograph_graph::{Result, Variable, origin};

use super::factor::Trans;
use super::factor_solve::factor_solve_axis;
use super::solve::{Assume, Rhs, solution_dtype, solve_assuming};
use super::triangle::Triangle;
use super::triangular_factor::{DiagonalKind, triangular_factor};
use crate::elemwise::cast;
use crate::layout::matrix_transpose;

/// `x` with `A x = b`, or `Aᵀ x = b`, for a triangular A (SciPy: `linalg.solve_triangular`), for a stack of either; b is
/// a vector, or columns.
///
/// The other triangle is not read, and neither is a unit diagonal: neither has a derivative.
///
/// # Errors
///
/// When `a` is not a square matrix or `b` does not fit it; at run time, when there is a zero on the diagonal.
#[track_caller]
pub fn solve_triangular(
    a: &Variable,
    b: &Variable,
    triangle: Triangle,
    trans: Trans,
    diagonal: DiagonalKind,
) -> Result<Variable> {
    solve_assuming(a, b, Assume::Triangular(triangle, diagonal), trans, Rhs::of(b))
}

/// `x U⁻¹` of an upper triangle U, or `x U⁻ᵀ`.
pub(super) fn divide_right(x: &Variable, u: &Variable, trans: Trans) -> Result<Variable> {
    let transposed = matrix_transpose(x)?;
    matrix_transpose(&solve_triangular(u, &transposed, Triangle::Upper, trans.flip(), DiagonalKind::Stored)?)
}

/// `x` with `A x = b`, from a Cholesky factor of A (SciPy: `linalg.cho_solve`): `A = L Lᵀ` if it is a lower triangle,
/// `A = Uᵀ U` if it is an upper one.
///
/// The cotangent of the factor is supported on its triangle: the lower one of `(M + Mᵀ) L` with `M = -w xᵀ`.
///
/// # Errors
///
/// When `factor` is not a square matrix or `b` does not fit it; at run time, when there is a zero on its diagonal.
#[track_caller]
pub fn cho_solve(factor: &Variable, b: &Variable, triangle: Triangle, rhs: Rhs) -> Result<Variable> {
    let _scope = origin::here();
    let dtype = solution_dtype(&[factor, b])?;
    let axis = rhs.axis("cho_solve", b)?;
    let legs = triangular_factor(factor, triangle, DiagonalKind::Stored)?;
    let (first, second) = match triangle {
        Triangle::Lower => (Trans::No, Trans::Yes),
        Triangle::Upper => (Trans::Yes, Trans::No),
    };
    let half = factor_solve_axis(&legs, b, axis, first)?;
    let axis = rhs.axis("cho_solve", &half)?;
    cast(&factor_solve_axis(&legs, &half, axis, second)?, dtype)
}
