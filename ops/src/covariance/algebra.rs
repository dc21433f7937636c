//! Products, transposes, inverses, and matrices beside and below one another.

use kronograph_graph::{BuildError, Result, Variable, origin};

use super::built::Covariance;
use super::dense;
use super::kind::StructureKind;
use super::operands::Operands;
use super::structure::Structure;
use crate::elemwise::{add, neg};
use crate::join::concatenate;
use crate::layout::transpose;
use crate::linalg::{Assume, eye};

/// What is made of the operands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Verb {
    Product,
    Transpose,
    Inverse,
    Augment,
    Stack,
}

#[derive(Debug)]
struct Algebra {
    verb: Verb,
    shape: [usize; 2],
}

impl Structure {
    /// `A B` of two structures.
    ///
    /// # Errors
    ///
    /// When there are not two operands, both are plain matrices, or A is not as wide as B is high.
    #[track_caller]
    pub fn product(operands: impl Into<Operands>) -> Result<Self> {
        let operands = operands.into().checked("product", 2..=2)?;
        match operands.shapes()[..] {
            [[rows, inner], [height, columns]] if inner == height => {
                Self::operator(Algebra { verb: Verb::Product, shape: [rows, columns] }, operands)
            }
            ref other => Err(BuildError::parameter("product", format!("the inner lengths of {other:?} differ"))),
        }
    }

    /// `Aᵀ` of a structure.
    ///
    /// # Errors
    ///
    /// When there is not one operand, or it is a plain matrix.
    #[track_caller]
    pub fn transpose(operand: impl Into<Operands>) -> Result<Self> {
        let operand = operand.into().checked("transpose", 1..=1)?;
        let [rows, columns] = operand.shapes()[0];
        Self::operator(Algebra { verb: Verb::Transpose, shape: [columns, rows] }, operand)
    }

    /// `A⁻¹` of a square structure. A product with it is a solve, and a solve is a product.
    ///
    /// # Errors
    ///
    /// When there is not one operand, it is a plain matrix, or it is not square.
    #[track_caller]
    pub fn inverse(operand: impl Into<Operands>) -> Result<Self> {
        let operand = operand.into().checked("inverse", 1..=1)?;
        match operand.shapes()[0] {
            [rows, columns] if rows == columns => {
                Self::operator(Algebra { verb: Verb::Inverse, shape: [rows, rows] }, operand)
            }
            [rows, columns] => {
                Err(BuildError::parameter("inverse", format!("the operand must be square, it is ({rows}, {columns})")))
            }
        }
    }

    /// Two or more structures beside one another.
    ///
    /// # Errors
    ///
    /// When there are fewer operands, all are plain matrices, or they have not as many rows.
    #[track_caller]
    pub fn augment(operands: impl Into<Operands>) -> Result<Self> {
        Self::joined("augment", Verb::Augment, operands.into(), 1)
    }

    /// Two or more structures below one another.
    ///
    /// # Errors
    ///
    /// When there are fewer operands, all are plain matrices, or they have not as many columns.
    #[track_caller]
    pub fn stack(operands: impl Into<Operands>) -> Result<Self> {
        Self::joined("stack", Verb::Stack, operands.into(), 0)
    }

    #[track_caller]
    fn joined(op: &'static str, verb: Verb, operands: Operands, axis: usize) -> Result<Self> {
        let _scope = origin::here();
        let operands = operands.checked(op, 2..=usize::MAX)?;
        let shapes = operands.shapes();
        let mut shape = shapes[0];
        if shapes.iter().any(|other| other[1 - axis] != shape[1 - axis]) {
            return Err(BuildError::parameter(op, format!("the shapes {shapes:?} do not fit")));
        }
        let total = shapes.iter().try_fold(0usize, |total, shape| total.checked_add(shape[axis]));
        shape[axis] = total.ok_or_else(|| BuildError::parameter(op, "the matrix is too large to be addressed"))?;
        Self::operator(Algebra { verb, shape }, operands)
    }
}

impl StructureKind for Algebra {
    fn name(&self) -> &'static str {
        match self.verb {
            Verb::Product => "product",
            Verb::Transpose => "transpose",
            Verb::Inverse => "inverse",
            Verb::Augment => "augment",
            Verb::Stack => "stack",
        }
    }

    fn shape(&self) -> [usize; 2] {
        self.shape
    }

    fn assume(&self, v: &Covariance) -> Assume {
        match (self.verb, v.operands()[0].assume()) {
            (Verb::Transpose | Verb::Inverse, positive @ Assume::Positive(_)) => positive,
            _ => Assume::General,
        }
    }

    fn matrix(&self, v: &Covariance) -> Result<Variable> {
        let all = || v.operands().iter().map(Covariance::matrix).collect::<Result<Vec<_>>>();
        match self.verb {
            Verb::Product => v.operands()[0].matmul(&v.operands()[1].matrix()?),
            Verb::Transpose => transpose(&v.operands()[0].matrix()?),
            Verb::Inverse => v.operands()[0].solve(&eye(self.shape[0])?),
            Verb::Augment => concatenate(&all()?, 1),
            Verb::Stack => concatenate(&all()?, 0),
        }
    }

    fn matmul(&self, v: &Covariance, x: &Variable, axis: usize) -> Result<Variable> {
        match self.verb {
            Verb::Product => v.operands()[0].matmul_axis(&v.operands()[1].matmul_axis(x, axis)?, axis),
            Verb::Inverse => v.operands()[0].solve_axis(x, axis),
            Verb::Transpose | Verb::Augment | Verb::Stack => dense::matmul(v, x, axis),
        }
    }

    fn solve(&self, v: &Covariance, b: &Variable, axis: usize) -> Result<Variable> {
        match self.verb {
            Verb::Product if v.operands().iter().all(|factor| factor.order().is_ok()) => {
                v.operands()[1].solve_axis(&v.operands()[0].solve_axis(b, axis)?, axis)
            }
            Verb::Inverse => v.operands()[0].matmul_axis(b, axis),
            Verb::Product | Verb::Transpose | Verb::Augment | Verb::Stack => dense::solve(v, b, axis),
        }
    }

    fn logdet(&self, v: &Covariance) -> Result<Variable> {
        match self.verb {
            Verb::Product if v.operands().iter().all(|factor| factor.order().is_ok()) => {
                add(&v.operands()[0].logdet()?, &v.operands()[1].logdet()?)
            }
            Verb::Transpose => v.operands()[0].logdet(),
            Verb::Inverse => neg(&v.operands()[0].logdet()?),
            Verb::Product | Verb::Augment | Verb::Stack => dense::logdet(v),
        }
    }
}
