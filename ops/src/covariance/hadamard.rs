//! The elementwise product of structures.

use kronograph_graph::{Result, Variable};

use super::built::Covariance;
use super::kind::StructureKind;
use super::kronecker::common_assumption;
use super::operands::Operands;
use super::structure::Structure;
use super::sum::same_shape;
use crate::elemwise::mul;
use crate::linalg::Assume;

/// `A ∘ B`.
#[derive(Debug)]
struct HadamardProduct {
    shape: [usize; 2],
}

impl Structure {
    /// `A ∘ B`, entry by entry, of two structures of one shape; it is formed, and factorised by Cholesky.
    ///
    /// # Errors
    ///
    /// When there are not two operands, both are plain matrices, or the shapes differ.
    #[track_caller]
    pub fn hadamard_product(operands: impl Into<Operands>) -> Result<Self> {
        let operands = operands.into().checked("hadamard_product", 2..=2)?;
        let shape = same_shape("hadamard_product", &operands)?;
        Self::operator(HadamardProduct { shape }, operands)
    }
}

impl StructureKind for HadamardProduct {
    fn name(&self) -> &'static str {
        "hadamard_product"
    }

    fn shape(&self) -> [usize; 2] {
        self.shape
    }

    /// By Schur's theorem.
    fn assume(&self, v: &Covariance) -> Assume {
        common_assumption(v)
    }

    fn matrix(&self, v: &Covariance) -> Result<Variable> {
        mul(&v.operands()[0].matrix()?, &v.operands()[1].matrix()?)
    }

    fn diagonal(&self, v: &Covariance) -> Result<Variable> {
        mul(&v.operands()[0].diagonal()?, &v.operands()[1].diagonal()?)
    }
}
