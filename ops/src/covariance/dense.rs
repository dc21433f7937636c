//! Working with a structure by its matrix: what is done where no closed form is known.

use kronograph_graph::{Result, Variable};

use super::built::Covariance;
use crate::linalg::{Trans, Triangle, cholesky, factor_logdet, factor_solve_axis, matmul_along};

/// A factor of the matrix; equal ones of a graph are computed once.
fn factor(v: &Covariance) -> Result<Variable> {
    v.assume().factor(&v.matrix()?)
}

/// `V x` along an axis.
pub(super) fn matmul(v: &Covariance, x: &Variable, axis: usize) -> Result<Variable> {
    matmul_along(&v.matrix()?, x, axis)
}

/// `V⁻¹ b` along an axis.
pub(super) fn solve(v: &Covariance, b: &Variable, axis: usize) -> Result<Variable> {
    factor_solve_axis(&factor(v)?, b, axis, Trans::No)
}

/// `ln|det V|`.
pub(super) fn logdet(v: &Covariance) -> Result<Variable> {
    Ok(factor_logdet(&factor(v)?)?.1)
}

/// `L x` along an axis, for the Cholesky factor L.
pub(super) fn cholesky_matmul(v: &Covariance, x: &Variable, axis: usize) -> Result<Variable> {
    matmul_along(&cholesky(&v.matrix()?, Triangle::Lower)?, x, axis)
}
