//! Matrices that are given: operands without parameters.

use kronograph_graph::{BuildError, Result, Variable};

use super::built::Covariance;
use super::kind::StructureKind;
use super::structure::Structure;
use crate::dtype::DType;
use crate::elemwise::cast;
use crate::linalg::{Assume, Triangle};
use crate::tensor::tensor_type;

/// A given matrix.
#[derive(Debug)]
pub(super) struct Plain {
    matrix: Variable,
    shape: [usize; 2],
    assume: Assume,
}

impl Structure {
    /// A given matrix of known shape, as an operand. It is taken for a general one, which is solved with by LU.
    ///
    /// # Errors
    ///
    /// When it is no matrix of known shape.
    #[track_caller]
    pub fn plain(matrix: &Variable) -> Result<Self> {
        Self::given(matrix, Assume::General)
    }

    /// A given symmetric and positive definite matrix of known order, as an operand. Its lower triangle is read.
    ///
    /// # Errors
    ///
    /// When it is no square matrix of known order.
    #[track_caller]
    pub fn plain_covariance(matrix: &Variable) -> Result<Self> {
        match matrix.ty().extents() {
            [rows, columns] if rows != columns => {
                let rule = "a covariance is square";
                Err(BuildError::inputs("plain_covariance", std::slice::from_ref(matrix), rule))
            }
            _ => Self::given(matrix, Assume::Positive(Triangle::Lower)),
        }
    }

    #[track_caller]
    fn given(matrix: &Variable, assume: Assume) -> Result<Self> {
        let [Some(rows), Some(columns)] = *tensor_type("plain", matrix)?.lengths() else {
            let rule = "a matrix of known shape is needed";
            return Err(BuildError::inputs("plain", std::slice::from_ref(matrix), rule));
        };
        Self::leaf(Plain { matrix: cast(matrix, DType::F64)?, shape: [rows, columns], assume })
    }
}

impl StructureKind for Plain {
    fn name(&self) -> &'static str {
        "plain"
    }

    fn shape(&self) -> [usize; 2] {
        self.shape
    }

    fn assume(&self, _v: &Covariance) -> Assume {
        self.assume
    }

    fn matrix(&self, _v: &Covariance) -> Result<Variable> {
        Ok(self.matrix.clone())
    }
}
