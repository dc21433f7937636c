//! What a structure must be able to do: the trait behind every leaf and operator, ours and a user's.

use std::any::Any;
use std::fmt;

use kronograph_graph::{Result, Variable};

use super::built::Covariance;
use super::dense;
use super::parameter::ParameterSpec;
use crate::linalg::{Assume, Triangle, diagonal};

/// From a structure's own natural parameters to all of its operand's.
pub type ParameterMap = dyn Fn(&[Variable]) -> Result<Vec<Variable>> + Send + Sync;

/// What a structure is: its shape, its own parameters, its matrix, and how it is worked with.
///
/// Name, shape and matrix must be written. The other methods form the matrix and work with it densely, and
/// are replaced wherever the structure knows better. They act along an axis of a tensor, so that a Kronecker product is
/// worked with one factor after another.
pub trait StructureKind: Any + fmt::Debug + Send + Sync {
    /// The name, in snake case.
    fn name(&self) -> &'static str;

    /// Rows and columns of the matrix.
    fn shape(&self) -> [usize; 2];

    /// Its own parameters, without those of operands.
    fn parameters(&self) -> Vec<ParameterSpec> {
        Vec::new()
    }

    /// For a structure whose operand has no parameters of its own: how those follow from this one's.
    fn operand_parameters(&self) -> Option<&ParameterMap> {
        None
    }

    /// What is known of the matrix when it is solved with. Unless it is overridden: symmetric and positive definite.
    fn assume(&self, _v: &Covariance) -> Assume {
        Assume::Positive(Triangle::Lower)
    }

    /// The matrix.
    ///
    /// # Errors
    ///
    /// What building the expression finds wrong.
    fn matrix(&self, v: &Covariance) -> Result<Variable>;

    /// `V x` along an axis of x.
    ///
    /// # Errors
    ///
    /// What building the expression finds wrong.
    fn matmul(&self, v: &Covariance, x: &Variable, axis: usize) -> Result<Variable> {
        dense::matmul(v, x, axis)
    }

    /// `V⁻¹ b` along an axis of b.
    ///
    /// # Errors
    ///
    /// What building the expression finds wrong.
    fn solve(&self, v: &Covariance, b: &Variable, axis: usize) -> Result<Variable> {
        dense::solve(v, b, axis)
    }

    /// `ln|det V|`.
    ///
    /// # Errors
    ///
    /// What building the expression finds wrong.
    fn logdet(&self, v: &Covariance) -> Result<Variable> {
        dense::logdet(v)
    }

    /// `W x` along an axis of x, for some W with `Wᵀ W = V⁻¹`; `None` where it is no cheaper than a solve.
    ///
    /// # Errors
    ///
    /// What building the expression finds wrong.
    fn whiten(&self, _v: &Covariance, _x: &Variable, _axis: usize) -> Result<Option<Variable>> {
        Ok(None)
    }

    /// `L x` along an axis of x, for the Cholesky factor L of V.
    ///
    /// # Errors
    ///
    /// What building the expression finds wrong.
    fn cholesky_matmul(&self, v: &Covariance, x: &Variable, axis: usize) -> Result<Variable> {
        dense::cholesky_matmul(v, x, axis)
    }

    /// The diagonal of V.
    ///
    /// # Errors
    ///
    /// What building the expression finds wrong.
    fn diagonal(&self, v: &Covariance) -> Result<Variable> {
        diagonal(&v.matrix()?, 0, 0, 1)
    }

    /// The scalar c, if V is `c I` whatever the parameters are.
    ///
    /// # Errors
    ///
    /// What building the expression finds wrong.
    fn multiple_of_identity(&self, _v: &Covariance) -> Result<Option<Variable>> {
        Ok(None)
    }
}
