//! A structure that is a user's expression.

use std::fmt;

use kronograph_graph::{BuildError, Result, Variable};

use super::along::at_least;
use super::built::Covariance;
use super::kind::StructureKind;
use super::parameter::ParameterSpec;
use super::structure::Structure;
use crate::tensor::tensor_type;
use crate::transform::Transform;

type Expression = dyn Fn(&[Variable]) -> Result<Variable> + Send + Sync;

/// A user's expression in p parameters.
struct Simple {
    shape: [usize; 2],
    count: usize,
    expression: Box<Expression>,
}

impl Structure {
    /// A symmetric positive definite matrix of order n as an expression in p parameters, `theta_0` and so on, each any
    /// number.
    ///
    /// For a leaf with closed forms, transforms or names of its own, implement [`StructureKind`].
    ///
    /// ```
    /// use kronograph_ops::covariance::Structure;
    /// use kronograph_ops::{add, eye, mul, scalar};
    ///
    /// let ridge = Structure::simple(3, 1, |theta| mul(&theta[0], &eye(3usize)?))?;
    /// let v = ridge.build_natural(&[("theta_0", scalar("t"))])?;
    /// assert_eq!(v.matrix()?.ty().to_string(), "f64 (3, 3)");
    /// # Ok::<(), kronograph_graph::BuildError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// When n is 0. An expression of another shape is an error of building.
    #[track_caller]
    pub fn simple(
        n: usize,
        p: usize,
        expression: impl Fn(&[Variable]) -> Result<Variable> + Send + Sync + 'static,
    ) -> Result<Self> {
        at_least("simple", n, 1)?;
        Self::leaf(Simple { shape: [n, n], count: p, expression: Box::new(expression) })
    }
}

impl fmt::Debug for Simple {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Simple({}, {}) of {} parameters", self.shape[0], self.shape[1], self.count)
    }
}

impl StructureKind for Simple {
    fn name(&self) -> &'static str {
        "simple"
    }

    fn shape(&self) -> [usize; 2] {
        self.shape
    }

    fn parameters(&self) -> Vec<ParameterSpec> {
        (0..self.count).map(|i| ParameterSpec::new(format!("theta_{i}"), Transform::Identity)).collect()
    }

    fn matrix(&self, v: &Covariance) -> Result<Variable> {
        let matrix = (self.expression)(&v.own_params())?;
        let fits = |(own, want): (&Option<usize>, &usize)| own.is_none_or(|own| own == *want);
        let lengths = tensor_type("simple", &matrix)?.lengths();
        if lengths.len() != 2 || !lengths.iter().zip(&self.shape).all(fits) {
            let rule = format!("the expression must be a matrix ({}, {})", self.shape[0], self.shape[1]);
            return Err(BuildError::inputs("simple", &[matrix], rule));
        }
        Ok(matrix)
    }
}
