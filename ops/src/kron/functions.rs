//! What follows for a Kronecker product or sum from its factors alone: determinants, traces, inverses, exponentials.

use kronograph_graph::{BuildError, Dim, Result, Variable, origin};

use super::length::{raised, times};
use super::matmul::kron_matmul;
use super::product::kron_all;
use super::sum::check_square;
use crate::elemwise::{add, mul};
use crate::layout::{size_of, specify_shape};
use crate::linalg::{Trans, Triangle, cholesky, det, diagonal, expm, matrix_inverse, slogdet, trace};

/// Sign and `ln|det|` of `F_1 ⊗ .. ⊗ F_K`: `sum_k p / d_k ln|det F_k|` with `p = d_1 .. d_K`, and the product of the
/// signs to the same powers. Neither the product nor a determinant is formed.
///
/// # Errors
///
/// When there are no factors, or one is no square matrix.
#[track_caller]
pub fn kron_slogdet(factors: &[Variable]) -> Result<(Variable, Variable)> {
    let _scope = origin::here();
    check_square("kron_slogdet", factors)?;
    let mut product: Option<(Variable, Variable)> = None;
    for (k, factor) in factors.iter().enumerate() {
        let ((sign, log), size) = (slogdet(factor)?, others(factors, k));
        let (sign, log) = (raised(&sign, &size)?, times(&log, &size)?);
        product = Some(match product {
            None => (sign, log),
            Some((signs, logs)) => (mul(&signs, &sign)?, add(&logs, &log)?),
        });
    }
    product.ok_or_else(|| BuildError::arity("kron_slogdet", 1, factors))
}

/// The determinant of `F_1 ⊗ .. ⊗ F_K`: the product of `det(F_k)` to the power of `p / d_k`. Its derivatives exist at
/// singular factors too. Where powers overflow, see [`kron_slogdet`].
///
/// # Errors
///
/// When there are no factors, or one is no square matrix.
#[track_caller]
pub fn kron_det(factors: &[Variable]) -> Result<Variable> {
    let _scope = origin::here();
    check_square("kron_det", factors)?;
    let power = |k: usize| match others(factors, k) {
        size if size.known() == Some(1) => det(&factors[k]),
        size => raised(&det(&factors[k])?, &size),
    };
    (1..factors.len()).try_fold(power(0)?, |product, k| mul(&product, &power(k)?))
}

/// The trace of `F_1 ⊗ .. ⊗ F_K`: the product of the traces.
///
/// # Errors
///
/// When there are no factors, or one is no square matrix; where a length is not known, at run time.
#[track_caller]
pub fn kron_trace(factors: &[Variable]) -> Result<Variable> {
    let _scope = origin::here();
    check_square("kron_trace", factors)?;
    let of = |factor: &Variable| trace(&square(factor)?, 0, 0, 1);
    factors[1..].iter().try_fold(of(&factors[0])?, |product, factor| mul(&product, &of(factor)?))
}

/// The diagonal of `F_1 ⊗ .. ⊗ F_K`: the product of the diagonals.
///
/// # Errors
///
/// When there are no factors, or one is no square matrix; where a length is not known, at run time.
#[track_caller]
pub fn kron_diag(factors: &[Variable]) -> Result<Variable> {
    let _scope = origin::here();
    check_square("kron_diag", factors)?;
    kron_of_each(factors, |factor| diagonal(&square(factor)?, 0, 0, 1))
}

/// The inverse of `F_1 ⊗ .. ⊗ F_K`: the product of the inverses, formed. To solve a system, a solve with the factors is
/// better: it forms nothing.
///
/// # Errors
///
/// When there are no factors, or one is no square matrix; at run time, when one is singular.
#[track_caller]
pub fn kron_inverse(factors: &[Variable]) -> Result<Variable> {
    let _scope = origin::here();
    check_square("kron_inverse", factors)?;
    kron_of_each(factors, matrix_inverse)
}

/// The triangular factor of `F_1 ⊗ .. ⊗ F_K` for positive definite factors: the product of their factors, formed. See
/// [`cholesky`].
///
/// # Errors
///
/// When there are no factors, or one is no square matrix; at run time, when one is not positive definite.
#[track_caller]
pub fn kron_cholesky(factors: &[Variable], triangle: Triangle) -> Result<Variable> {
    let _scope = origin::here();
    check_square("kron_cholesky", factors)?;
    kron_of_each(factors, |factor| cholesky(factor, triangle))
}

/// `exp(F_1 ⊕ .. ⊕ F_K) = exp(F_1) ⊗ .. ⊗ exp(F_K)`, formed, since the terms of the sum commute.
///
/// # Errors
///
/// When there are no factors, or one is no square matrix; at run time, when one is not finite.
#[track_caller]
pub fn expm_kronsum(factors: &[Variable]) -> Result<Variable> {
    let _scope = origin::here();
    check_square("expm_kronsum", factors)?;
    kron_of_each(factors, expm)
}

/// `exp(t (F_1 ⊕ .. ⊕ F_K)) x` for a scalar t, and a vector x or the columns of a matrix: [`kron_matmul`] with the
/// exponentials of the factors. Nothing of the size of the sum is formed.
///
/// # Errors
///
/// When there are no factors, one is no square matrix, or x does not have as many rows as the sum; at run time, when a
/// factor is not finite.
#[track_caller]
pub fn expm_kronsum_action(t: &Variable, factors: &[Variable], x: &Variable) -> Result<Variable> {
    let _scope = origin::here();
    check_square("expm_kronsum_action", factors)?;
    let moved = factors.iter().map(|factor| expm(&mul(t, factor)?)).collect::<Result<Vec<_>>>()?;
    kron_matmul(&moved, x, Trans::No)
}

/// The size of the product of all factors but one.
fn others(factors: &[Variable], k: usize) -> Dim {
    let orders: Vec<Dim> = (0..factors.len()).filter(|at| *at != k).map(|at| Dim::axis(&factors[at], 0)).collect();
    size_of(&orders)
}

/// A matrix that may be square, as one that is.
fn square(factor: &Variable) -> Result<Variable> {
    let order = Dim::axis(factor, 0);
    specify_shape(factor, [order.clone(), order])
}

fn kron_of_each(factors: &[Variable], f: impl Fn(&Variable) -> Result<Variable>) -> Result<Variable> {
    kron_all(&factors.iter().map(f).collect::<Result<Vec<_>>>()?)
}
