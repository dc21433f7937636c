//! Structures as blocks on a diagonal, which are worked with one after another.

use kronograph_graph::{BuildError, Result, Variable};

use super::along::part;
use super::built::Covariance;
use super::kind::StructureKind;
use super::kronecker::common_assumption;
use super::operands::Operands;
use super::structure::Structure;
use crate::elemwise::add;
use crate::join::concatenate;
use crate::linalg::{Assume, block_diag};
use crate::tensor::constant;

/// Blocks on a diagonal.
#[derive(Debug)]
struct BlockDiagonal {
    shape: [usize; 2],
}

impl Structure {
    /// Two or more structures as blocks on a diagonal; they need not be square.
    ///
    /// # Errors
    ///
    /// When there are fewer operands, or all are plain matrices; when the order overflows.
    #[track_caller]
    pub fn block_diagonal(operands: impl Into<Operands>) -> Result<Self> {
        let operands = operands.into().checked("block_diagonal", 2..=usize::MAX)?;
        let axis = |k: usize| operands.shapes().iter().try_fold(0usize, |size, shape| size.checked_add(shape[k]));
        let Some(shape) = axis(0).zip(axis(1)) else {
            return Err(BuildError::parameter("block_diagonal", "the matrix is too large to be addressed"));
        };
        Self::operator(BlockDiagonal { shape: shape.into() }, operands)
    }
}

/// Each block at work on its part of an axis.
fn along_blocks(
    v: &Covariance,
    x: &Variable,
    axis: usize,
    mut each: impl FnMut(&Covariance, &Variable) -> Result<Variable>,
) -> Result<Variable> {
    let mut start = 0;
    let parts = v.operands().iter().map(|block| {
        let stop = start + block.shape()[1];
        let own = part(x, axis, start, stop)?;
        start = stop;
        each(block, &own)
    });
    concatenate(&parts.collect::<Result<Vec<_>>>()?, axis)
}

impl StructureKind for BlockDiagonal {
    fn name(&self) -> &'static str {
        "block_diagonal"
    }

    fn shape(&self) -> [usize; 2] {
        self.shape
    }

    fn assume(&self, v: &Covariance) -> Assume {
        common_assumption(v)
    }

    fn matrix(&self, v: &Covariance) -> Result<Variable> {
        block_diag(&v.operands().iter().map(Covariance::matrix).collect::<Result<Vec<_>>>()?)
    }

    fn matmul(&self, v: &Covariance, x: &Variable, axis: usize) -> Result<Variable> {
        along_blocks(v, x, axis, |block, x| block.matmul_axis(x, axis))
    }

    /// A block that is not square makes every such matrix singular.
    fn solve(&self, v: &Covariance, b: &Variable, axis: usize) -> Result<Variable> {
        along_blocks(v, b, axis, |block, b| block.solve_axis(b, axis))
    }

    fn logdet(&self, v: &Covariance) -> Result<Variable> {
        v.operands().iter().try_fold(constant(0.0), |total, block| add(&total, &block.logdet()?))
    }

    fn whiten(&self, v: &Covariance, x: &Variable, axis: usize) -> Result<Option<Variable>> {
        let mut all = true;
        let white = along_blocks(v, x, axis, |block, x| {
            let white = block.whiten_axis(x, axis)?;
            all &= white.is_some();
            Ok(white.unwrap_or_else(|| x.clone()))
        })?;
        Ok(all.then_some(white))
    }

    fn cholesky_matmul(&self, v: &Covariance, x: &Variable, axis: usize) -> Result<Variable> {
        along_blocks(v, x, axis, |block, x| block.cholesky_matmul_axis(x, axis))
    }

    fn diagonal(&self, v: &Covariance) -> Result<Variable> {
        for block in v.operands() {
            block.order()?;
        }
        concatenate(&v.operands().iter().map(Covariance::diagonal).collect::<Result<Vec<_>>>()?, 0)
    }
}
