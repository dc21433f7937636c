//! The spatial lag model `y = ρ W y + X β + ε`, ε normal with variance σ², by maximum likelihood.

use std::f64::consts::PI;

use kronograph::prelude::*;

use super::Outcome;
use super::newton::{Fit, Newton, least_squares};

/// What is regressed on what, and who neighbours whom.
pub(crate) struct Data {
    /// Row-standardised neighbourhood.
    pub(crate) w: SparseMatrix,
    pub(crate) y: Vec<f64>,
    /// Rows of covariates, the first of them 1.
    pub(crate) x: Vec<f64>,
    /// The names of the covariates.
    pub(crate) names: Vec<&'static str>,
}

impl Data {
    /// A table's columns, each after a function, behind a constant.
    pub(crate) fn new(w: &SparseMatrix, y: Vec<f64>, columns: &[(&'static str, Vec<f64>)]) -> Self {
        let row = |i: usize| std::iter::once(1.0).chain(columns.iter().map(move |(_, column)| column[i]));
        let x = (0..y.len()).flat_map(row).collect();
        let names = std::iter::once("const").chain(columns.iter().map(|(name, _)| *name)).collect();
        Self { w: w.row_standardized(), y, x, names }
    }
}

/// The log-likelihood as an expression in ρ, β and σ², and the parts of it that are needed again.
pub(crate) struct SpatialLag {
    pub(crate) loglik: Variable,
    w: Variable,
    x: Variable,
    rho: Variable,
    beta: Variable,
    variance: Variable,
    logdet: Variable,
    y: Vec<f64>,
}

impl SpatialLag {
    /// `-n/2 ln(2π σ²) + ln|det(I - ρ W)| - eᵀe / 2σ²` with `e = y - ρ W y - X β`.
    pub(crate) fn new(data: &Data) -> Outcome<Self> {
        let (n, k) = (data.y.len(), data.names.len());
        let (rho, variance) = (scalar("rho"), scalar("sigma2"));
        let beta = tensor("beta", DType::F64, &[Some(k)]);
        let w = sparse_constant(data.w.clone()).named("W");
        let (x, y) = (constant(Tensor::new(&[n, k], data.x.clone())?).named("X"), constant(data.y.clone()).named("y"));
        let error = &y - &rho * matmul(&w, &y)? - matmul(&x, &beta)?;
        let logdet = factor_logdet(&sparse_lu(&filter(&w, &rho)?)?)?.1.named("logdet");
        let normal = -0.5 * n as f64 * log(&(2.0 * PI * &variance))? - 0.5 * sum(&sqr(&error)?)? / &variance;
        let loglik = (normal + &logdet).named("loglik");
        Ok(Self { loglik, w, x, rho, beta, variance, logdet, y: data.y.clone() })
    }

    /// Fits by Newton's method, from least squares at ρ = 0.
    pub(crate) fn fit(&self) -> Outcome<Fit> {
        let mut start = vec![0.0];
        start.extend(least_squares(&self.x, &constant(self.y.clone()))?);
        let free = start.len();
        Newton::new(&[self.rho.clone(), self.beta.clone(), self.variance.clone()], &self.loglik)?.maximise(&start, free)
    }

    /// Standard errors from the expected information at θ. With `G = W (I - ρ W)⁻¹`, in the order (ρ, β, σ²):
    /// `[[tr G² + tr GᵀG + |G X β|²/σ², (G X β)ᵀX/σ², tr G/σ²], [., XᵀX/σ², 0], [., 0, n/2σ⁴]]`.
    ///
    /// `tr G` and `tr G²` are derivatives of the log-determinant; `tr GᵀG` takes the dense inverse.
    pub(crate) fn asymptotic_errors(&self, theta: &[f64]) -> Outcome<Vec<f64>> {
        let minus_trace = grad(&self.logdet, std::slice::from_ref(&self.rho))?.remove(0);
        let minus_trace_of_square = grad(&minus_trace, std::slice::from_ref(&self.rho))?.remove(0);
        let factor = sparse_lu(&filter(&self.w, &self.rho)?)?;
        let inverse = factor_solve(&factor, &eye(self.y.len())?, Trans::No)?;
        let squares = sum(&sqr(&structured_dot(&self.w, &inverse)?)?)?;
        let spread = matmul(&self.w, &factor_solve(&factor, &matmul(&self.x, &self.beta)?, Trans::No)?)?;
        let columns = concatenate(&[expand_dims(&spread, &[1])?, self.x.clone()], 1)?;
        let products = matmul(&transpose(&columns)?, &columns)? / &self.variance;
        let outputs = [products, squares - minus_trace_of_square, neg(&minus_trace)? / &self.variance];
        let size = theta.len();
        let inputs = [self.rho.clone(), self.beta.clone(), self.variance.clone()];
        let (rho, variance) = (Tensor::scalar(theta[0]), Tensor::scalar(theta[size - 1]));
        let beta = Tensor::vector(theta[1..size - 1].to_vec());
        let out = compile(&inputs, &outputs, &Mode::run())?.call(&[&rho, &beta, &variance])?;
        let products = out.get::<Tensor>(0)?.to_vec::<f64>()?;
        let mut information = vec![0.0; size * size];
        for (i, row) in products.chunks_exact(size - 1).enumerate() {
            information[i * size..][..size - 1].copy_from_slice(row);
        }
        information[0] += out.scalar(1)?;
        information[size - 1] = out.scalar(2)?;
        information[(size - 1) * size] = out.scalar(2)?;
        information[size * size - 1] = 0.5 * self.y.len() as f64 / theta[size - 1].powi(2);
        errors_of(&Tensor::new(&[size, size], information)?)
    }
}

/// `I - ρ W`.
fn filter(w: &Variable, rho: &Variable) -> Outcome<Variable> {
    Ok(affine_on_pattern(&[(constant(1.0), identity_like(w)?), (neg(rho)?, w.clone())])?)
}

/// The square roots of the diagonal of the inverse of an information matrix.
fn errors_of(information: &Tensor) -> Outcome<Vec<f64>> {
    let j = matrix("J");
    let identity = eye(Dim::axis(&j, 0))?;
    let inverse = factor_solve(&cholesky_factor(&j)?, &identity, Trans::No)?;
    let errors = sqrt(&sum_axes(&(inverse * identity), &[1])?)?;
    let out = compile(&[j], &[errors], &Mode::run())?.call(&[information])?;
    Ok(out.get::<Tensor>(0)?.to_vec()?)
}

/// Prints the estimates with one or more columns of standard errors.
#[allow(clippy::print_stdout, reason = "an example tells its story")]
pub(crate) fn print_fit(data: &Data, fit: &Fit, errors: &[(&str, &[f64])]) {
    println!("  log-likelihood {:.6} after {} Newton steps, decrement {:.1e}", fit.loglik, fit.steps, fit.decrement);
    let heads: String = errors.iter().map(|(head, _)| format!("{head:>22}")).collect();
    println!("  {:<28}{:>16}{heads}", "", "estimate");
    let names = std::iter::once("rho").chain(data.names.iter().copied()).chain(["sigma2"]);
    for (k, name) in names.enumerate() {
        let errors: String = errors.iter().map(|(_, errors)| format!("{:>22.9}", errors[k])).collect();
        println!("  {name:<28}{:>16.9}{errors}", fit.theta[k]);
    }
    println!();
}
