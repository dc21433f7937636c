//! Equal correlations between all pairs, with variance 1 or a common one.
//!
//! V has the eigenvalue `s (1 + (n-1) ρ)` for the constant vector and `s (1 - ρ)` for everything orthogonal to it, so
//! each function of V takes the mean along the axis apart. Where the raw number x of ρ is known, the two are
//! `s n sigmoid(x)` and `s n/(n-1) sigmoid(-x)`, which keep their digits at the borders of the domain.

use kronograph_graph::{Result, Variable};

use super::along::at_least;
use super::built::Covariance;
use super::kind::StructureKind;
use super::parameter::ParameterSpec;
use super::structure::Structure;
use crate::elemwise::{add, log, mul, neg, reciprocal, sigmoid, sqrt, sub};
use crate::layout::{broadcast_to, expand_dims};
use crate::linalg::eye;
use crate::reduce::mean_axes;
use crate::tensor::constant;

/// `s ((1 - ρ) I + ρ J)`.
#[derive(Debug)]
struct EqualCorrelations {
    order: usize,
    variance: Variance,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Variance {
    One,
    Common,
}

impl Structure {
    /// `(1 - ρ) I + ρ J` of order n, J all ones; one parameter, `rho`, which lies between `-1/(n-1)` and 1.
    ///
    /// # Errors
    ///
    /// When n is below 2.
    #[track_caller]
    pub fn equicorrelation(n: usize) -> Result<Self> {
        at_least("equicorrelation", n, 2)?;
        Self::leaf(EqualCorrelations { order: n, variance: Variance::One })
    }

    /// `s ((1 - ρ) I + ρ J)` of order n, J all ones; parameters `sigma^2` and `rho`, which lies between `-1/(n-1)` and
    /// 1.
    ///
    /// # Errors
    ///
    /// When n is below 2.
    #[track_caller]
    pub fn compound_symmetric(n: usize) -> Result<Self> {
        at_least("compound_symmetric", n, 2)?;
        Self::leaf(EqualCorrelations { order: n, variance: Variance::Common })
    }
}

impl EqualCorrelations {
    fn scaled(&self, v: &Covariance, x: Variable) -> Result<Variable> {
        match self.variance {
            Variance::One => Ok(x),
            Variance::Common => mul(&v.param("sigma^2")?, &x),
        }
    }

    /// The eigenvalue of the constant vector, and the others'.
    fn eigenvalues(&self, v: &Covariance) -> Result<[Variable; 2]> {
        let n = self.order as f64;
        let of_correlations = match v.raw_param("rho") {
            Some(raw) => [mul(n, &sigmoid(&raw)?)?, mul(n / (n - 1.0), &sigmoid(&neg(&raw)?)?)?],
            None => {
                let rho = v.param("rho")?;
                [add(1.0, &mul(n - 1.0, &rho)?)?, sub(1.0, &rho)?]
            }
        };
        let [constant, others] = of_correlations;
        Ok([self.scaled(v, constant)?, self.scaled(v, others)?])
    }

    /// The mean along the axis times one number, and what is left of x times another.
    fn spectral(&self, x: &Variable, axis: usize, [constant, others]: [&Variable; 2]) -> Result<Variable> {
        let mean = expand_dims(&mean_axes(x, &[axis])?, &[axis])?;
        add(&mul(others, &sub(x, &mean)?)?, &mul(constant, &mean)?)
    }
}

impl StructureKind for EqualCorrelations {
    fn name(&self) -> &'static str {
        match self.variance {
            Variance::One => "equicorrelation",
            Variance::Common => "compound_symmetric",
        }
    }

    fn shape(&self) -> [usize; 2] {
        [self.order; 2]
    }

    fn parameters(&self) -> Vec<ParameterSpec> {
        let rho = ParameterSpec::correlation("rho", -1.0 / (self.order as f64 - 1.0));
        match self.variance {
            Variance::One => vec![rho],
            Variance::Common => vec![ParameterSpec::variance("sigma^2"), rho],
        }
    }

    fn matrix(&self, v: &Covariance) -> Result<Variable> {
        let rho = v.param("rho")?;
        self.scaled(v, add(&mul(&sub(1.0, &rho)?, &eye(self.order)?)?, &rho)?)
    }

    fn matmul(&self, v: &Covariance, x: &Variable, axis: usize) -> Result<Variable> {
        let [constant, others] = self.eigenvalues(v)?;
        self.spectral(x, axis, [&constant, &others])
    }

    fn solve(&self, v: &Covariance, b: &Variable, axis: usize) -> Result<Variable> {
        let [constant, others] = self.eigenvalues(v)?;
        self.spectral(b, axis, [&reciprocal(&constant)?, &reciprocal(&others)?])
    }

    fn logdet(&self, v: &Covariance) -> Result<Variable> {
        let [constant, others] = self.eigenvalues(v)?;
        add(&log(&constant)?, &mul(self.order as f64 - 1.0, &log(&others)?)?)
    }

    /// By the symmetric root.
    fn whiten(&self, v: &Covariance, x: &Variable, axis: usize) -> Result<Option<Variable>> {
        let [constant, others] = self.eigenvalues(v)?;
        self.spectral(x, axis, [&reciprocal(&sqrt(&constant)?)?, &reciprocal(&sqrt(&others)?)?]).map(Some)
    }

    fn diagonal(&self, v: &Covariance) -> Result<Variable> {
        broadcast_to(&self.scaled(v, constant(1.0))?, [self.order])
    }
}
