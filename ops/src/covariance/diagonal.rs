//! A diagonal matrix with a variance for each row.

use kronograph_graph::{Result, Variable};

use super::along::{at_least, vector_along};
use super::built::Covariance;
use super::kind::StructureKind;
use super::parameter::ParameterSpec;
use super::structure::Structure;
use crate::elemwise::{log, mul, sqrt, true_div};
use crate::join::make_vector;
use crate::linalg::diag;
use crate::reduce::sum;

/// `diag(s)`.
#[derive(Debug)]
struct Diagonal {
    order: usize,
}

impl Structure {
    /// `diag(s_0, .., s_{n-1})`; parameters `sigma^2_0` and so on.
    ///
    /// # Errors
    ///
    /// When n is 0.
    #[track_caller]
    pub fn diagonal(n: usize) -> Result<Self> {
        at_least("diagonal", n, 1)?;
        Self::leaf(Diagonal { order: n })
    }
}

/// The variances as a vector.
fn variances(v: &Covariance) -> Result<Variable> {
    make_vector(&v.own_params())
}

impl StructureKind for Diagonal {
    fn name(&self) -> &'static str {
        "diagonal"
    }

    fn shape(&self) -> [usize; 2] {
        [self.order; 2]
    }

    fn parameters(&self) -> Vec<ParameterSpec> {
        (0..self.order).map(|i| ParameterSpec::variance(format!("sigma^2_{i}"))).collect()
    }

    fn matrix(&self, v: &Covariance) -> Result<Variable> {
        diag(&variances(v)?, 0)
    }

    fn matmul(&self, v: &Covariance, x: &Variable, axis: usize) -> Result<Variable> {
        mul(x, &vector_along(&variances(v)?, axis, x)?)
    }

    fn solve(&self, v: &Covariance, b: &Variable, axis: usize) -> Result<Variable> {
        true_div(b, &vector_along(&variances(v)?, axis, b)?)
    }

    fn logdet(&self, v: &Covariance) -> Result<Variable> {
        sum(&log(&variances(v)?)?)
    }

    fn whiten(&self, v: &Covariance, x: &Variable, axis: usize) -> Result<Option<Variable>> {
        true_div(x, &vector_along(&sqrt(&variances(v)?)?, axis, x)?).map(Some)
    }

    fn cholesky_matmul(&self, v: &Covariance, x: &Variable, axis: usize) -> Result<Variable> {
        mul(x, &vector_along(&sqrt(&variances(v)?)?, axis, x)?)
    }

    fn diagonal(&self, v: &Covariance) -> Result<Variable> {
        variances(v)
    }
}
