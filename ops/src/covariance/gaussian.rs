//! Gaussian log-densities of a covariance: with a given mean, and with a mean of unknown coefficients left out.

use std::f64::consts::PI;

use kronograph_graph::{BuildError, Result, Variable, origin};

use super::built::Covariance;
use crate::elemwise::{add, mul, sqr, sub};
use crate::layout::transpose;
use crate::linalg::{Trans, cholesky_factor, factor_logdet, factor_solve, matmul};
use crate::reduce::sum;
use crate::tensor::tensor_type;

/// Whether a restricted log-likelihood has the terms that depend on no parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Constants {
    /// It has none, as in ASReml and torch-openreml.
    Omitted,
    /// It has `-(N - q)/2 ln 2π + 1/2 ln|det XᵀX|`: the log-density of what is orthogonal to X.
    Included,
}

/// The generalised least squares of y on X: coefficients, and `eᵀ V⁻¹ e` for what they leave.
struct LeastSquares {
    beta: Variable,
    logdet_information: Variable,
    rest: Variable,
}

impl Covariance {
    /// `ln N(y; mean, V) = -1/2 (N ln 2π + ln|det V| + (y - mean)ᵀ V⁻¹ (y - mean))` for vectors y and mean.
    ///
    /// The mean may be a scalar literal or variable, as it broadcasts.
    ///
    /// ```
    /// use kronograph_graph::grad;
    /// use kronograph_ops::covariance::Structure;
    /// use kronograph_ops::{tensor, DType, vector};
    ///
    /// let noisy = Structure::sum([
    ///     Structure::kronecker_product([Structure::ar1(20)?, Structure::ar1(30)?])?,
    ///     Structure::scalar(600)?,
    /// ])?;
    /// let raw = tensor("raw", DType::F64, &[Some(5)]);
    /// let logp = noisy.build(&raw)?.logp(&vector("y"), &vector("mean"))?;
    /// let gradient = grad(&logp, &[raw])?;
    /// # Ok::<(), kronograph_graph::BuildError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// As [`quadratic`](Self::quadratic); also when the mean does not fit.
    #[track_caller]
    pub fn logp(&self, y: &Variable, mean: &Variable) -> Result<Variable> {
        let _scope = origin::here();
        let constant = self.order()? as f64 * (2.0 * PI).ln();
        let distance = add(&self.logdet()?, &self.quadratic(&sub(y, mean)?)?)?;
        mul(-0.5, &add(constant, &distance)?)
    }

    /// The restricted log-likelihood of `y ~ N(X β, V)`, β left out:
    /// `-1/2 (ln|det V| + ln|det XᵀV⁻¹X| + eᵀ V⁻¹ e)` with `e = y - X β̂`.
    ///
    /// X is a matrix (N, q) of full rank, y a vector. Source: Patterson and Thompson (1971); Harville (1974).
    ///
    /// # Errors
    ///
    /// As [`solve`](Self::solve); also when X is no matrix or y no vector; at run time, when X is not of full rank
    /// (recoverable).
    #[track_caller]
    pub fn reml(&self, y: &Variable, x: &Variable, constants: Constants) -> Result<Variable> {
        let _scope = origin::here();
        let LeastSquares { logdet_information, rest, .. } = self.least_squares(y, x)?;
        let varying = add(&add(&self.logdet()?, &logdet_information)?, &rest)?;
        match constants {
            Constants::Omitted => mul(-0.5, &varying),
            Constants::Included => {
                let [_, Some(q)] = *tensor_type("reml", x)?.lengths() else {
                    let rule = "the number of columns must be known";
                    return Err(BuildError::inputs("reml", std::slice::from_ref(x), rule));
                };
                let (_, of_x) = factor_logdet(&cholesky_factor(&matmul(&transpose(x)?, x)?)?)?;
                let constant = (self.order()? as f64 - q as f64) * (2.0 * PI).ln();
                mul(0.5, &sub(&sub(&of_x, constant)?, &varying)?)
            }
        }
    }

    /// The generalised least squares of y on X: `β̂ = (XᵀV⁻¹X)⁻¹ XᵀV⁻¹y`, the best linear unbiased estimate.
    ///
    /// # Errors
    ///
    /// As [`reml`](Self::reml).
    #[track_caller]
    pub fn blue(&self, y: &Variable, x: &Variable) -> Result<Variable> {
        let _scope = origin::here();
        Ok(self.least_squares(y, x)?.beta)
    }

    /// `P y = V⁻¹ (y - X β̂)`; a random effect of covariance `G Zᵀ` with y is predicted by `G Zᵀ P y`.
    ///
    /// # Errors
    ///
    /// As [`reml`](Self::reml).
    #[track_caller]
    pub fn projected(&self, y: &Variable, x: &Variable) -> Result<Variable> {
        let _scope = origin::here();
        self.solve(&sub(y, &matmul(x, &self.least_squares(y, x)?.beta)?)?)
    }

    /// Both sides are whitened where that is cheap; `e` is formed, so that nothing cancels.
    #[track_caller]
    fn least_squares(&self, y: &Variable, x: &Variable) -> Result<LeastSquares> {
        if (tensor_type("reml", y)?.rank(), tensor_type("reml", x)?.rank()) != (1, 2) {
            let rule = "a vector and a matrix with as many rows are needed";
            return Err(BuildError::inputs("reml", &[y.clone(), x.clone()], rule));
        }
        let white = self.whiten_axis(y, 0)?.zip(self.whiten_axis(x, 0)?);
        let (left, right) = match &white {
            Some((_, x)) => (transpose(x)?, x.clone()),
            None => (transpose(x)?, self.solve(x)?),
        };
        let information = cholesky_factor(&matmul(&left, &right)?)?;
        let beta = match &white {
            Some((y, _)) => factor_solve(&information, &matmul(&left, y)?, Trans::No)?,
            None => factor_solve(&information, &matmul(&transpose(&right)?, y)?, Trans::No)?,
        };
        let rest = match &white {
            Some((y, x)) => sum(&sqr(&sub(y, &matmul(x, &beta)?)?)?)?,
            None => self.quadratic(&sub(y, &matmul(x, &beta)?)?)?,
        };
        Ok(LeastSquares { beta, logdet_information: factor_logdet(&information)?.1, rest })
    }
}
