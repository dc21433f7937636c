//! What functions that were made for dense tensors mean for sparse matrices.
//!
//! A function that keeps zero (`sin`, `sqrt`, ...) is applied to what is stored. One that does not (`exp`, `cos`) would
//! make a full matrix, so it is refused with the two ways to say what is meant.

use kronograph_graph::{BuildError, Op, Operand, Result, Variable, apply};
use kronograph_ops::{BlockDiag, Cast, Diagonal, Elemwise, Row};

use crate::arithmetic::{add, divide, multiply, subtract};
use crate::cast::sparse_cast;
use crate::compare::{Relation, compare};
use crate::data::structured;
use crate::diag::sparse_diag;
use crate::stack::block_diag;

/// The answer of the sparse type; `None` where it has none.
pub(crate) fn overload(op: &dyn Op, operands: &[Operand<'_>]) -> Option<Result<Variable>> {
    let op = op as &dyn std::any::Any;
    if let Some(Elemwise(row)) = op.downcast_ref::<Elemwise>() {
        return Some(elementwise(row, operands));
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

fn elementwise(row: &'static Row, operands: &[Operand<'_>]) -> Result<Variable> {
    match (operands, row.name) {
        ([Operand::Variable(x)], _) if row.keeps_zero && !row.is_discrete() => {
            structured(x, |stored| apply(Elemwise(row), std::slice::from_ref(stored)))
        }
        (&[x, y], "add") => add(x, y),
        (&[x, y], "sub") => subtract(x, y),
        (&[x, y], "mul") => multiply(x, y),
        (&[x, y], "true_div") => divide(x, y),
        (&[x, y], name) => match Relation::named(name) {
            Some(relation) => compare(relation, x, y),
            None => Err(refusal(row, operands)),
        },
        _ => Err(refusal(row, operands)),
    }
}

fn refusal(row: &Row, operands: &[Operand<'_>]) -> BuildError {
    let variables: Vec<Variable> = operands.iter().filter_map(|operand| operand.variable().cloned()).collect();
    let rule = match operands.len() {
        1 => {
            "of zero it is not zero: apply it to what is stored with `structured`, or to all entries of \
             `dense_from_sparse`"
        }
        _ => {
            "it has no meaning for sparse matrices: apply it to what is stored with `structured`, or to all entries of \
             `dense_from_sparse`"
        }
    };
    BuildError::inputs(row.name, &variables, rule)
}
