//! The flow systems of spatial econometrics, built from ordinary nodes.
//!
//! Each function builds the factor of `I - ρ W` and the solves with it, and nothing else: value, adjoint, Hessian and
//! all higher derivatives share the factors, because they share the variables. Two numeric factorisations serve a
//! value and its gradient in the separable case, and no symbolic one after the first call.
//!
//! Layout: flow (o, d) of n regions is entry `o n + d`, so a vector of flows is a row-major matrix with one row for
//! each origin. `L_o ⊗ L_d` acts as L_o along axis 0 and as L_d along axis 1. Source: bayespecon's flow ops.

use kronograph_graph::{BuildError, Result, Variable, origin};
use kronograph_ops::{DType, TensorType, Trans, factor_solve, neg};

use crate::affine::affine_on_pattern;
use crate::convert::number;
use crate::identity::{identity_like, square_type};
use crate::kron::sparse_kron;
use crate::kron_solve::kron_solve;
use crate::lu::sparse_lu;
use crate::ty::check_scalar;

/// `η = (L_o ⊗ L_d)⁻¹ b` with `L_k = I - ρ_k W`, for a vector of n² flows (destination fastest).
///
/// With `v = A⁻ᵀ g`: `b̄ = v`, `ρ̄_d = <v, (L_o ⊗ W) η>`, `ρ̄_o = <v, (W ⊗ L_d) η>`; they and all higher derivatives
/// follow from the nodes.
///
/// ```
/// use kronograph_ops::{scalar, vector};
/// use kronograph_sparse::{Format, SparseMatrix, kronecker_flow_solve, sparse_constant};
/// let w = SparseMatrix::new(Format::Csr, [2, 2], vec![1.0, 1.0], vec![1, 0], vec![0, 1, 2])?;
/// let w = sparse_constant(w);
/// let eta = kronecker_flow_solve(&w, &scalar("rho_d"), &scalar("rho_o"), &vector("b"))?;
/// assert_eq!(eta.ty().to_string(), "f64 (4,)");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// When W is no square sparse f64 matrix, a ρ is no f64 scalar, or b has a static length other than n²; at run time,
/// when `1/ρ` is an eigenvalue of W (recoverable: a sampler may reject the point).
#[track_caller]
pub fn kronecker_flow_solve(w: &Variable, rho_d: &Variable, rho_o: &Variable, b: &Variable) -> Result<Variable> {
    separable_solve("kronecker_flow_solve", w, [rho_d, rho_o], b, 1)
}

/// [`kronecker_flow_solve`] for T right-hand sides at once: the columns of a matrix of shape (n², T).
///
/// # Errors
///
/// As [`kronecker_flow_solve`].
#[track_caller]
pub fn kronecker_flow_solve_matrix(w: &Variable, rho_d: &Variable, rho_o: &Variable, b: &Variable) -> Result<Variable> {
    separable_solve("kronecker_flow_solve_matrix", w, [rho_d, rho_o], b, 2)
}

/// `η = (I - ρ W)⁻¹ b` for a vector b, or for the columns of a matrix.
///
/// With `v = A⁻ᵀ g`: `b̄ = v`, `ρ̄ = vᵀ W η`.
///
/// # Errors
///
/// When W is no square sparse f64 matrix, ρ is no f64 scalar, or b's first axis has another static length than W; at
/// run time, when `1/ρ` is an eigenvalue of W (recoverable).
#[track_caller]
pub fn sparse_sar_solve(w: &Variable, rho: &Variable, b: &Variable) -> Result<Variable> {
    let _scope = origin::here();
    let op = "sparse_sar_solve";
    let [size, _] = square_type(op, w)?.shape();
    check_scalar(op, "rho", rho)?;
    check_flows(op, w, b, size, &[1, 2])?;
    factor_solve(&spatial_filter(w, rho)?, b, Trans::No)
}

/// `η = (I - ρ_d (I ⊗ W) - ρ_o (W ⊗ I) - ρ_w (W ⊗ W))⁻¹ b`, for a vector of n² flows (destination fastest).
///
/// With `v = A⁻ᵀ g`: `b̄ = v`, `ρ̄_k = vᵀ W_k η`; for `ρ_w = -ρ_d ρ_o` it is [`kronecker_flow_solve`].
///
/// # Errors
///
/// When W is no square sparse f64 matrix, a ρ is no f64 scalar, or b has a static length other than n²; at run time,
/// when the system is singular (recoverable).
#[track_caller]
pub fn sparse_flow_solve(
    w: &Variable,
    rho_d: &Variable,
    rho_o: &Variable,
    rho_w: &Variable,
    b: &Variable,
) -> Result<Variable> {
    general_solve("sparse_flow_solve", w, [rho_d, rho_o, rho_w], b, 1)
}

/// [`sparse_flow_solve`] for T right-hand sides at once: the columns of a matrix of shape (n², T).
///
/// # Errors
///
/// As [`sparse_flow_solve`].
#[track_caller]
pub fn sparse_flow_solve_matrix(
    w: &Variable,
    rho_d: &Variable,
    rho_o: &Variable,
    rho_w: &Variable,
    b: &Variable,
) -> Result<Variable> {
    general_solve("sparse_flow_solve_matrix", w, [rho_d, rho_o, rho_w], b, 2)
}

/// The factor of `I - ρ W`, on the union of the diagonal and the pattern of W, whatever ρ is.
#[track_caller]
fn spatial_filter(w: &Variable, rho: &Variable) -> Result<Variable> {
    sparse_lu(&affine_on_pattern(&[(number(1.0), identity_like(w)?), (neg(rho)?, w.clone())])?)
}

/// The factor of `I - ρ_d (I ⊗ W) - ρ_o (W ⊗ I) - ρ_w (W ⊗ W)`, on the union of the patterns, whatever ρ is.
#[track_caller]
fn flow_filter(w: &Variable, rho: [&Variable; 3]) -> Result<Variable> {
    let one = identity_like(w)?;
    let both = sparse_kron(w, w)?;
    let mut terms = vec![(number(1.0), identity_like(&both)?)];
    for (rho, matrix) in rho.into_iter().zip([sparse_kron(&one, w)?, sparse_kron(w, &one)?, both]) {
        terms.push((neg(rho)?, matrix));
    }
    sparse_lu(&affine_on_pattern(&terms)?)
}

/// Checks a flow system's inputs.
#[track_caller]
fn check_system(op: &'static str, w: &Variable, rho: &[&Variable], b: &Variable, rank: usize) -> Result<()> {
    let size = square_type(op, w)?.shape()[0];
    for (rho, name) in rho.iter().zip(["rho_d", "rho_o", "rho_w"]) {
        check_scalar(op, name, rho)?;
    }
    check_flows(op, w, b, size.and_then(|size| size.checked_mul(size)), &[rank])
}

/// Solves the d-leg along axis 1 and then the o-leg along axis 0: in reverse, the o-leg comes first, and the
/// intermediate of each pass is just what the cotangent of its ρ needs.
#[track_caller]
fn separable_solve(op: &'static str, w: &Variable, rho: [&Variable; 2], b: &Variable, rank: usize) -> Result<Variable> {
    let _scope = origin::here();
    check_system(op, w, &rho, b, rank)?;
    let [rho_d, rho_o] = rho;
    kron_solve(&[spatial_filter(w, rho_o)?, spatial_filter(w, rho_d)?], b, Trans::No)
}

#[track_caller]
fn general_solve(op: &'static str, w: &Variable, rho: [&Variable; 3], b: &Variable, rank: usize) -> Result<Variable> {
    let _scope = origin::here();
    check_system(op, w, &rho, b, rank)?;
    factor_solve(&flow_filter(w, rho)?, b, Trans::No)
}

/// Checks rank and length of a right-hand side.
#[track_caller]
fn check_flows(op: &'static str, w: &Variable, b: &Variable, length: Option<usize>, ranks: &[usize]) -> Result<()> {
    let refuse = |rule: String| Err(BuildError::inputs(op, &[w.clone(), b.clone()], rule));
    match b.type_as::<TensorType>() {
        Some(ty) if ranks.contains(&ty.rank()) && ty.dtype() == DType::F64 => match (ty.lengths()[0], length) {
            (Some(got), Some(want)) if got != want => refuse(format!("the right-hand side must have {want} rows")),
            _ => Ok(()),
        },
        _ => refuse(format!("the right-hand side must be a dense f64 tensor of {} axes", ranks[ranks.len() - 1])),
    }
}
