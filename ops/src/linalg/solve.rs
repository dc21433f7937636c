//! Sugar: a factorisation and its use in one call.

use kronograph_graph::{Result, Variable, origin};

use super::factor::Trans;
use super::factor_logdet::factor_logdet;
use super::factor_solve::factor_solve;
use super::lu::lu_factor;

/// `x` with `A x = b`, for a vector b or for the columns of a matrix (NumPy: `linalg.solve`).
///
/// The same as `factor_solve(&lu_factor(a)?, b, Trans::No)`; equal factors of one graph are computed once.
///
/// # Errors
///
/// When `a` is not a square matrix or `b` does not fit it; at run time, when A is singular.
#[track_caller]
pub fn solve(a: &Variable, b: &Variable) -> Result<Variable> {
    let _scope = origin::here();
    factor_solve(&lu_factor(a)?, b, Trans::No)
}

/// The sign of det A and ln|det A| (NumPy: `linalg.slogdet`), without forming the determinant.
///
/// # Errors
///
/// When `a` is not a square matrix.
#[track_caller]
pub fn slogdet(a: &Variable) -> Result<(Variable, Variable)> {
    let _scope = origin::here();
    factor_logdet(&lu_factor(a)?)
}
