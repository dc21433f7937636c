//! Matrices whose entries are parameters themselves: a symmetric one, and a lower trapezoid.

use kronograph_graph::{Result, Variable};

use super::along::at_least;
use super::built::Covariance;
use super::kind::StructureKind;
use super::parameter::ParameterSpec;
use super::structure::Structure;
use crate::construct::zeros;
use crate::dtype::DType;
use crate::index::take;
use crate::join::{concatenate, make_vector};
use crate::linalg::{Assume, DiagonalKind, Triangle};
use crate::tensor::{Tensor, constant};
use crate::transform::Transform;

/// A symmetric matrix of its lower triangle.
#[derive(Debug)]
struct Unconstrained {
    order: usize,
}

/// A lower trapezoid.
#[derive(Debug)]
struct LowerTriangular {
    shape: [usize; 2],
}

impl Structure {
    /// A symmetric matrix of order n with a parameter for each entry of the lower triangle, row by row: `sigma^2_0_0`,
    /// `sigma^2_1_0`, `sigma^2_1_1` and so on. Those on the diagonal are positive.
    ///
    /// It need not be positive definite; the Gram matrix of [`lower_triangular`](Self::lower_triangular) is.
    ///
    /// # Errors
    ///
    /// When n is 0.
    #[track_caller]
    pub fn unconstrained(n: usize) -> Result<Self> {
        at_least("unconstrained", n, 1)?;
        Self::leaf(Unconstrained { order: n })
    }

    /// A lower triangular matrix of shape (n, m), a trapezoid where n is larger, with a parameter for each entry on and
    /// below the diagonal, row by row: `L_0_0`, `L_1_0`, `L_1_1` and so on. Their defaults are 1.
    ///
    /// # Errors
    ///
    /// When n or m is 0.
    #[track_caller]
    pub fn lower_triangular(n: usize, m: usize) -> Result<Self> {
        at_least("lower_triangular", n.min(m), 1)?;
        Self::leaf(LowerTriangular { shape: [n, m] })
    }
}

/// Rows and columns of the entries on and below the diagonal, row by row.
fn lower([rows, columns]: [usize; 2]) -> impl Iterator<Item = (usize, usize)> {
    (0..rows).flat_map(move |i| (0..columns.min(i + 1)).map(move |j| (i, j)))
}

/// A matrix of numbers out of a vector, with their positions.
fn arranged(vector: &Variable, shape: [usize; 2], position: impl Fn(usize, usize) -> usize) -> Result<Variable> {
    let [rows, columns] = shape;
    let positions = (0..rows * columns).map(|k| position(k / columns, k % columns) as i64).collect();
    let positions = Tensor::new(&shape, positions).expect("as many positions as entries");
    take(vector, &constant(positions), 0)
}

impl StructureKind for Unconstrained {
    fn name(&self) -> &'static str {
        "unconstrained"
    }

    fn shape(&self) -> [usize; 2] {
        [self.order; 2]
    }

    fn parameters(&self) -> Vec<ParameterSpec> {
        let parameter = |(i, j)| match format!("sigma^2_{i}_{j}") {
            name if i == j => ParameterSpec::variance(name),
            name => ParameterSpec::new(name, Transform::Identity),
        };
        lower([self.order; 2]).map(parameter).collect()
    }

    fn matrix(&self, v: &Covariance) -> Result<Variable> {
        let position = |i: usize, j: usize| i.max(j) * (i.max(j) + 1) / 2 + i.min(j);
        arranged(&make_vector(&v.own_params())?, self.shape(), position)
    }
}

impl StructureKind for LowerTriangular {
    fn name(&self) -> &'static str {
        "lower_triangular"
    }

    fn shape(&self) -> [usize; 2] {
        self.shape
    }

    fn parameters(&self) -> Vec<ParameterSpec> {
        let parameter = |(i, j)| ParameterSpec::new(format!("L_{i}_{j}"), Transform::Identity).with_default(1.0);
        lower(self.shape).map(parameter).collect()
    }

    fn assume(&self, _v: &Covariance) -> Assume {
        Assume::Triangular(Triangle::Lower, DiagonalKind::Stored)
    }

    /// Behind the parameters stands a zero, for the entries above the diagonal.
    fn matrix(&self, v: &Covariance) -> Result<Variable> {
        let with_zero = concatenate(&[make_vector(&v.own_params())?, zeros(DType::F64, [1usize])?], 0)?;
        let [rows, columns] = self.shape;
        // Rows behind the triangle are full.
        let before = |i: usize| i.min(columns) * (i.min(columns) + 1) / 2 + i.saturating_sub(columns) * columns;
        let position = |i: usize, j: usize| if j > i { before(rows) } else { before(i) + j };
        arranged(&with_zero, self.shape, position)
    }
}
