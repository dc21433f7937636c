//! Inverses of matrices.

use kronograph_graph::{Entry, Params, Result, Variable, origin};

use super::eye::eye;
use super::factor::{Trans, order_dim};
use super::factor_solve::factor_solve;
use super::lu::lu_factor;
use super::solve::solution_dtype;
use super::systems::{general, matrices};
use crate::elemwise::cast;
use crate::params::only;

/// `A⁻¹` (PyTensor: `matrix_inverse`), for a stack of matrices of each: the solution with the identity matrix.
///
/// To solve a system, [`solve`](super::solve) is better: it takes a third of the work and is more accurate.
///
/// # Errors
///
/// When `a` is not a square matrix; at run time, when it is singular.
#[track_caller]
pub fn matrix_inverse(a: &Variable) -> Result<Variable> {
    let _scope = origin::here();
    let dtype = solution_dtype(&[a])?;
    let factor = lu_factor(a)?;
    cast(&factor_solve(&factor, &eye(order_dim(&factor))?, Trans::No)?, dtype)
}

/// The entry of this file.
pub(crate) fn entries() -> Vec<Entry> {
    let build = |params: &Params<'_>, inputs: &[Variable]| Ok(vec![matrix_inverse(only(params, inputs)?)?]);
    vec![Entry::function("matrix_inverse", "linear systems", build, || matrices(general))]
}
