//! Log-determinants of spatial filters and flow systems, exact, from a factor or from eigenvalues.
//!
//! From eigenvalues they are graphs of elementwise nodes on constant vectors, so derivatives of every order are too.
//! At a singular ρ they are -∞ and nothing is clamped; beyond it they are the logarithm of the absolute value.

use kronograph_graph::{Result, Variable, origin};
use kronograph_ops::{
    DType, Tensor, add, cast, constant, expand_dims, factor_logdet, gt, le, log, log1p, mul, neg, shape_i, sqr, sub,
    sum, switch,
};

use super::route::{LOGDET_ORDER, SYSTEM_ORDER, eigenvalues_of};
use super::{Route, flow_filter, spatial_filter};
use crate::identity::square_type;
use crate::spectral::Eigenvalues;
use crate::ty::check_scalar;

/// `ln|det(I - ρ W)|`, with the route of [`Route::Auto`].
///
/// Derivatives: `-tr(W A⁻¹)`, `-tr((W A⁻¹)²)`, and so on. It is -∞ where the matrix is singular.
///
/// ```
/// use kronograph_graph::{Function, FunctionGraph};
/// use kronograph_ops::{Tensor, scalar};
/// use kronograph_sparse::{Format, from_triplets, sar_logdet, sparse_constant};
/// let w = sparse_constant(from_triplets(Format::Csr, [2, 2], &[(0, 1, 1.0), (1, 0, 1.0)])?);
/// let rho = scalar("rho");
/// let value = sar_logdet(&w, &rho)?;
/// let mut f = Function::plan(FunctionGraph::new(&[rho], &[value])?)?;
/// assert!((f.call(&[&Tensor::scalar(0.5)])?.scalar(0)? - 0.75f64.ln()).abs() < 1e-15);
/// assert_eq!(f.call(&[&Tensor::scalar(1.0)])?.scalar(0)?, f64::NEG_INFINITY);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// When W is no square sparse f64 matrix or ρ no f64 scalar.
#[track_caller]
pub fn sar_logdet(w: &Variable, rho: &Variable) -> Result<Variable> {
    sar_logdet_with(Route::Auto, w, rho)
}

/// [`sar_logdet`] by a route of the user's choice.
///
/// # Errors
///
/// As [`sar_logdet`]; also when the route is spectral and W is no constant, or has no eigenvalues.
#[track_caller]
pub fn sar_logdet_with(route: Route, w: &Variable, rho: &Variable) -> Result<Variable> {
    let _scope = origin::here();
    check("sar_logdet", w, &[rho])?;
    match route.settled(w, LOGDET_ORDER) {
        Route::Auto | Route::Sparse => Ok(factor_logdet(&spatial_filter(w, rho)?)?.1),
        Route::Spectral => of_filter(&eigenvalues_of("sar_logdet", w)?, rho),
    }
}

/// `ln|det(L_o ⊗ L_d)| = n ln|det L_o| + n ln|det L_d|` with `L_k = I - ρ_k W` of order n.
///
/// # Errors
///
/// When W is no square sparse f64 matrix or a ρ no f64 scalar.
#[track_caller]
pub fn kronecker_flow_logdet(w: &Variable, rho_d: &Variable, rho_o: &Variable) -> Result<Variable> {
    kronecker_flow_logdet_with(Route::Auto, w, rho_d, rho_o)
}

/// [`kronecker_flow_logdet`] by a route of the user's choice.
///
/// # Errors
///
/// As [`kronecker_flow_logdet`]; also when the route is spectral and W is no constant, or has no eigenvalues.
#[track_caller]
pub fn kronecker_flow_logdet_with(route: Route, w: &Variable, rho_d: &Variable, rho_o: &Variable) -> Result<Variable> {
    let _scope = origin::here();
    check("kronecker_flow_logdet", w, &[rho_d, rho_o])?;
    let order = cast(&shape_i(w, 0)?, DType::F64)?;
    let legs = match route.settled(w, LOGDET_ORDER) {
        Route::Auto | Route::Sparse => {
            let leg = |rho| Ok(factor_logdet(&spatial_filter(w, rho)?)?.1);
            add(&leg(rho_o)?, &leg(rho_d)?)
        }
        Route::Spectral => {
            let values = eigenvalues_of("kronecker_flow_logdet", w)?;
            add(&of_filter(&values, rho_o)?, &of_filter(&values, rho_d)?)
        }
    }?;
    mul(&order, &legs)
}

/// `ln|det(I - ρ_d (I ⊗ W) - ρ_o (W ⊗ I) - ρ_w (W ⊗ W))|`, from the n eigenvalues of W or the factor of order n².
///
/// From eigenvalues: `sum_ij ln|1 - ρ_o λ_i - ρ_d λ_j - ρ_w λ_i λ_j|`, n² terms.
///
/// # Errors
///
/// When W is no square sparse f64 matrix or a ρ no f64 scalar.
#[track_caller]
pub fn sparse_flow_logdet(w: &Variable, rho_d: &Variable, rho_o: &Variable, rho_w: &Variable) -> Result<Variable> {
    sparse_flow_logdet_with(Route::Auto, w, rho_d, rho_o, rho_w)
}

/// [`sparse_flow_logdet`] by a route of the user's choice.
///
/// # Errors
///
/// As [`sparse_flow_logdet`]; also when the route is spectral and W is no constant, or has no eigenvalues.
#[track_caller]
pub fn sparse_flow_logdet_with(
    route: Route,
    w: &Variable,
    rho_d: &Variable,
    rho_o: &Variable,
    rho_w: &Variable,
) -> Result<Variable> {
    let _scope = origin::here();
    check("sparse_flow_logdet", w, &[rho_d, rho_o, rho_w])?;
    match route.settled(w, SYSTEM_ORDER) {
        Route::Auto | Route::Sparse => Ok(factor_logdet(&flow_filter(w, [rho_d, rho_o, rho_w])?)?.1),
        Route::Spectral => of_flows(&eigenvalues_of("sparse_flow_logdet", w)?, [rho_d, rho_o, rho_w]),
    }
}

#[track_caller]
fn check(op: &'static str, w: &Variable, rho: &[&Variable]) -> Result<()> {
    square_type(op, w)?;
    let names: &[&str] = if rho.len() == 1 { &["rho"] } else { &["rho_d", "rho_o", "rho_w"] };
    rho.iter().zip(names).try_for_each(|(rho, name)| check_scalar(op, name, rho))
}

/// Real and imaginary parts as constants.
fn vectors(values: &[(f64, f64)]) -> [Variable; 2] {
    let part = |pick: fn(&(f64, f64)) -> f64| constant(Tensor::vector(values.iter().map(pick).collect::<Vec<_>>()));
    [part(|value| value.0), part(|value| value.1)]
}

/// `sum_i ln|1 - ρ λ_i|`: a term for each real eigenvalue, two for each pair.
#[track_caller]
fn of_filter(values: &Eigenvalues, rho: &Variable) -> Result<Variable> {
    let real = constant(Tensor::vector(values.real().to_vec()));
    let total = sum(&log_real(&mul(rho, &real)?)?)?;
    if values.pairs().is_empty() {
        return Ok(total);
    }
    let [re, im] = vectors(values.pairs());
    add(&total, &sum(&log_squared(&mul(rho, &re)?, &mul(rho, &im)?)?)?)
}

/// `sum_ij ln|1 - μ_ij|` in blocks: both real, one of them in a pair, both.
///
/// Conjugating both eigenvalues of a term conjugates it, so terms of pairs are taken once, as logarithms of squares.
#[track_caller]
fn of_flows(values: &Eigenvalues, rho: [&Variable; 3]) -> Result<Variable> {
    let real: Vec<(f64, f64)> = values.real().iter().map(|&value| (value, 0.0)).collect();
    let [reals, _] = vectors(&real);
    let (along, across) = (expand_dims(&reals, &[1])?, expand_dims(&reals, &[0])?);
    let terms = add(&mul(rho[1], &along)?, &mul(rho[0], &across)?)?;
    let total = sum(&log_real(&add(&terms, &mul(rho[2], &mul(&along, &across)?)?)?)?)?;
    if values.pairs().is_empty() {
        return Ok(total);
    }
    let of_pairs = pair_terms(values.pairs(), &values.all(), rho)?;
    add(&total, &add(&of_pairs, &pair_terms(&real, values.pairs(), rho)?)?)
}

/// `sum_ij ln|1 - μ_ij|²` for i in one list and j in another.
#[track_caller]
fn pair_terms(left: &[(f64, f64)], right: &[(f64, f64)], [rho_d, rho_o, rho_w]: [&Variable; 3]) -> Result<Variable> {
    let column = |[a, b]: [Variable; 2]| Ok([expand_dims(&a, &[1])?, expand_dims(&b, &[1])?]);
    let row = |[a, b]: [Variable; 2]| Ok([expand_dims(&a, &[0])?, expand_dims(&b, &[0])?]);
    let ([a, b], [c, d]) = (column(vectors(left))?, row(vectors(right))?);
    let mu =
        |x: &Variable, y: &Variable, both: Variable| add(&add(&mul(rho_o, x)?, &mul(rho_d, y)?)?, &mul(rho_w, &both)?);
    let re = mu(&a, &c, sub(&mul(&a, &c)?, &mul(&b, &d)?)?)?;
    let im = mu(&b, &d, add(&mul(&a, &d)?, &mul(&b, &c)?)?)?;
    sum(&log_squared(&re, &im)?)
}

/// `ln|1 - x|` as `log1p(-x)` up to 1 and `ln(x - 1)` beyond; the term that does not apply is zero.
fn log_real(x: &Variable) -> Result<Variable> {
    let below = le(x, 1.0)?;
    add(&log1p(&neg(&switch(&below, x, 0.0)?)?)?, &log(&sub(&switch(&below, 2.0, x)?, 1.0)?)?)
}

/// `ln|1 - z|²` for `z = x + i y`: `log1p(x² + y² - 2 x)` keeps digits near 0, `ln((1 - x)² + y²)` near 1.
fn log_squared(x: &Variable, y: &Variable) -> Result<Variable> {
    let excess = sub(&add(&sqr(x)?, &sqr(y)?)?, &mul(2.0, x)?)?;
    let square = add(&sqr(&sub(1.0, x)?)?, &sqr(y)?)?;
    let far = gt(&excess, -0.5)?;
    add(&log1p(&switch(&far, &excess, 0.0)?)?, &log(&switch(&far, 1.0, &square)?)?)
}
