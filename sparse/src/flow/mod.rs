//! The flow systems of spatial econometrics, built from ordinary nodes.
//!
//! On the sparse route a function builds factors and solves with them, and nothing else: value, adjoint, Hessian and all
//! higher derivatives share the factors, because they share the variables. A value and its gradient factorise twice in
//! the separable case, once in the general one, and analyse nothing after the first call. On the spectral route
//! (module `route`) a constant W is decomposed once and nothing is factorised at all.
//!
//! Layout: flow (o, d) of n regions is entry `o n + d`, so a vector of flows is a row-major matrix with one row for
//! each origin. `L_o ⊗ L_d` acts as L_o along axis 0 and as L_d along axis 1. Source: bayespecon's flow ops.

use kronograph_graph::{BuildError, Result, Variable, origin};
use kronograph_ops::{DType, TensorType, Trans, factor_solve, mul, neg};

use crate::affine::affine_on_pattern;
use crate::convert::number;
use crate::identity::{identity_like, square_type};
use crate::kron::sparse_kron;
use crate::kron_solve::kron_solve;
use crate::lu::sparse_lu;
use crate::spectral::spectral_flow_solve;
use crate::ty::check_scalar;

pub(crate) mod entries;
mod logdet;
mod route;
mod validity;

pub use logdet::{
    kronecker_flow_logdet, kronecker_flow_logdet_with, sar_logdet, sar_logdet_with, sparse_flow_logdet,
    sparse_flow_logdet_with,
};
pub use route::Route;
use route::SYSTEM_ORDER;
pub use validity::{FlowValidity, flow_validity, rcond};

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
    let _scope = origin::here();
    check_system("kronecker_flow_solve", w, &[rho_d, rho_o], b, &[1])?;
    kronecker_flow_solve_with(Route::Auto, w, rho_d, rho_o, b)
}

/// [`kronecker_flow_solve`] for T right-hand sides at once: the columns of a matrix of shape (n², T).
///
/// # Errors
///
/// As [`kronecker_flow_solve`].
#[track_caller]
pub fn kronecker_flow_solve_matrix(w: &Variable, rho_d: &Variable, rho_o: &Variable, b: &Variable) -> Result<Variable> {
    let _scope = origin::here();
    check_system("kronecker_flow_solve_matrix", w, &[rho_d, rho_o], b, &[2])?;
    kronecker_flow_solve_with(Route::Auto, w, rho_d, rho_o, b)
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
/// With `v = A⁻ᵀ g`: `b̄ = v`, `ρ̄_k = vᵀ W_k η`; for `ρ_w = -ρ_d ρ_o` it is [`kronecker_flow_solve`]. The way it is solved
/// is that of [`Route::Auto`]: a constant W is decomposed when the expression is built, and no matrix of order n² formed.
///
/// ```
/// use kronograph_ops::{scalar, vector};
/// use kronograph_sparse::{Format, from_triplets, sparse_constant, sparse_flow_solve};
/// let w = sparse_constant(from_triplets(Format::Csr, [2, 2], &[(0, 1, 1.0), (1, 0, 1.0)])?);
/// let [d, o, both] = ["rho_d", "rho_o", "rho_w"].map(scalar);
/// assert_eq!(sparse_flow_solve(&w, &d, &o, &both, &vector("b"))?.ty().to_string(), "f64 (4,)");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
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
    let _scope = origin::here();
    check_system("sparse_flow_solve", w, &[rho_d, rho_o, rho_w], b, &[1])?;
    sparse_flow_solve_with(Route::Auto, w, rho_d, rho_o, rho_w, b)
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
    let _scope = origin::here();
    check_system("sparse_flow_solve_matrix", w, &[rho_d, rho_o, rho_w], b, &[2])?;
    sparse_flow_solve_with(Route::Auto, w, rho_d, rho_o, rho_w, b)
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

/// [`kronecker_flow_solve`] or its matrix form by a route of the user's choice.
///
/// # Errors
///
/// As [`kronecker_flow_solve`]; also when the route is spectral and W is no constant, or has no decomposition.
#[track_caller]
pub fn kronecker_flow_solve_with(
    route: Route,
    w: &Variable,
    rho_d: &Variable,
    rho_o: &Variable,
    b: &Variable,
) -> Result<Variable> {
    let _scope = origin::here();
    check_system("kronecker_flow_solve", w, &[rho_d, rho_o], b, &[1, 2])?;
    match route {
        Route::Auto | Route::Sparse => {
            // The d-leg along axis 1 first: in reverse the o-leg comes first, and the intermediate of each pass is
            // just what the cotangent of its ρ needs.
            kron_solve(&[spatial_filter(w, rho_o)?, spatial_filter(w, rho_d)?], b, Trans::No)
        }
        Route::Spectral => {
            let spectrum = route::spectrum_of("kronecker_flow_solve", w)?;
            spectral_flow_solve(&spectrum, rho_d, rho_o, &neg(&mul(rho_d, rho_o)?)?, b)
        }
    }
}

/// [`sparse_flow_solve`] or its matrix form by a route of the user's choice.
///
/// # Errors
///
/// As [`sparse_flow_solve`]; also when the route is spectral and W is no constant, or has no decomposition.
#[track_caller]
pub fn sparse_flow_solve_with(
    route: Route,
    w: &Variable,
    rho_d: &Variable,
    rho_o: &Variable,
    rho_w: &Variable,
    b: &Variable,
) -> Result<Variable> {
    let _scope = origin::here();
    check_system("sparse_flow_solve", w, &[rho_d, rho_o, rho_w], b, &[1, 2])?;
    match route.settled(w, SYSTEM_ORDER) {
        Route::Auto | Route::Sparse => factor_solve(&flow_filter(w, [rho_d, rho_o, rho_w])?, b, Trans::No),
        Route::Spectral => spectral_flow_solve(&route::spectrum_of("sparse_flow_solve", w)?, rho_d, rho_o, rho_w, b),
    }
}

/// Checks a flow system's inputs.
#[track_caller]
fn check_system(op: &'static str, w: &Variable, rho: &[&Variable], b: &Variable, ranks: &[usize]) -> Result<()> {
    let size = square_type(op, w)?.shape()[0];
    for (rho, name) in rho.iter().zip(["rho_d", "rho_o", "rho_w"]) {
        check_scalar(op, name, rho)?;
    }
    check_flows(op, w, b, size.and_then(|size| size.checked_mul(size)), ranks)
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
