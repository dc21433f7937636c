//! Multiples of the identity: one with a variance, and the identity itself.

use kronograph_graph::{Result, Variable};

use super::along::at_least;
use super::built::Covariance;
use super::kind::StructureKind;
use super::parameter::ParameterSpec;
use super::structure::Structure;
use crate::elemwise::{log, mul, reciprocal, sqrt};
use crate::layout::broadcast_to;
use crate::linalg::eye;
use crate::tensor::constant;

/// `c I`.
#[derive(Debug)]
struct MultipleOfIdentity {
    name: &'static str,
    order: usize,
    parameters: Vec<ParameterSpec>,
}

impl Structure {
    /// `s I` of order n; one parameter, `sigma^2`.
    ///
    /// # Errors
    ///
    /// When n is 0.
    #[track_caller]
    pub fn scalar(n: usize) -> Result<Self> {
        at_least("scalar", n, 1)?;
        Self::leaf(MultipleOfIdentity {
            name: "scalar",
            order: n,
            parameters: vec![ParameterSpec::variance("sigma^2")],
        })
    }

    /// The identity of order n, without parameters.
    ///
    /// # Errors
    ///
    /// When n is 0.
    #[track_caller]
    pub fn identity(n: usize) -> Result<Self> {
        at_least("identity", n, 1)?;
        Self::leaf(MultipleOfIdentity { name: "identity", order: n, parameters: Vec::new() })
    }
}

impl MultipleOfIdentity {
    /// `f(c) x`; x itself for the identity.
    fn times(v: &Covariance, x: &Variable, f: impl FnOnce(&Variable) -> Result<Variable>) -> Result<Variable> {
        match v.own_params().first() {
            Some(c) => mul(&f(c)?, x),
            None => Ok(x.clone()),
        }
    }
}

impl StructureKind for MultipleOfIdentity {
    fn name(&self) -> &'static str {
        self.name
    }

    fn shape(&self) -> [usize; 2] {
        [self.order; 2]
    }

    fn parameters(&self) -> Vec<ParameterSpec> {
        self.parameters.clone()
    }

    fn matrix(&self, v: &Covariance) -> Result<Variable> {
        Self::times(v, &eye(self.order)?, |c| Ok(c.clone()))
    }

    fn matmul(&self, v: &Covariance, x: &Variable, _axis: usize) -> Result<Variable> {
        Self::times(v, x, |c| Ok(c.clone()))
    }

    fn solve(&self, v: &Covariance, b: &Variable, _axis: usize) -> Result<Variable> {
        Self::times(v, b, reciprocal)
    }

    fn logdet(&self, v: &Covariance) -> Result<Variable> {
        match v.own_params().first() {
            Some(c) => mul(self.order as f64, &log(c)?),
            None => Ok(constant(0.0)),
        }
    }

    fn whiten(&self, v: &Covariance, x: &Variable, _axis: usize) -> Result<Option<Variable>> {
        Self::times(v, x, |c| reciprocal(&sqrt(c)?)).map(Some)
    }

    fn cholesky_matmul(&self, v: &Covariance, x: &Variable, _axis: usize) -> Result<Variable> {
        Self::times(v, x, sqrt)
    }

    fn diagonal(&self, v: &Covariance) -> Result<Variable> {
        let c = v.own_params().into_iter().next().unwrap_or_else(|| constant(1.0));
        broadcast_to(&c, [self.order])
    }

    fn multiple_of_identity(&self, v: &Covariance) -> Result<Option<Variable>> {
        Ok(Some(v.own_params().into_iter().next().unwrap_or_else(|| constant(1.0))))
    }
}
