//! What functions that were made for dense tensors mean for sparse matrices.
//!
//! A function that keeps zero (`sin`, `sqrt`, ...) is applied to what is stored. One that does not (`exp`, `cos`) would
//! make a full matrix, so it is refused with the two ways to say what is meant.

use kronograph_graph::{BuildError, Op, Operand, Result, Variable, apply};
use kronograph_ops::{BlockDiag, Cast, Diagonal, Elemwise};

use crate::cast::sparse_cast;
use crate::data::structured;
use crate::diag::sparse_diag;
use crate::stack::block_diag;

/// The answer of the sparse type; `None` where it has none.
pub(crate) fn overload(op: &dyn Op, operands: &[Operand<'_>]) -> Option<Result<Variable>> {
    let op = op as &dyn std::any::Any;
    if let Some(Elemwise(row)) = op.downcast_ref::<Elemwise>() {
        return match operands {
            [Operand::Variable(x)] if row.name == "neg" => {
                Some(kronograph_graph::unary(kronograph_graph::UnaryVerb::Neg, x))
            }
            [Operand::Variable(x)] if row.keeps_zero => {
                Some(structured(x, |stored| apply(Elemwise(row), std::slice::from_ref(stored))))
            }
            [Operand::Variable(x)] => Some(Err(BuildError::inputs(
                row.name,
                std::slice::from_ref(x),
                "of zero it is not zero: apply it to what is stored with `structured`, or to all entries of `dense_from_sparse`",
            ))),
            _ => None,
        };
    }
    if let Some(Cast { to }) = op.downcast_ref::<Cast>() {
        return operands.first().and_then(|operand| operand.variable()).map(|x| sparse_cast(x, *to));
    }
    if let Some(diagonal) = op.downcast_ref::<Diagonal>() {
        return operands.first().and_then(|operand| operand.variable()).map(|x| sparse_diag(x, diagonal.offset()));
    }
    if op.is::<BlockDiag>() {
        let blocks: Vec<Variable> = operands.iter().filter_map(|operand| operand.variable().cloned()).collect();
        return Some(block_diag(&blocks, None));
    }
    None
}
