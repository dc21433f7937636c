//! What products and sums that are formed have in common: nested ones are taken apart, and there must be room.

use kronograph_graph::{Op, OpError, Result, Variable};

use crate::dtype::DType;
use crate::tensor::{check_size, shape_text, tensor_type};

/// The factors, and the factors of those that are themselves made by the op `O` in the same dtype.
#[track_caller]
pub(super) fn flattened<O: Op>(op: &'static str, factors: &[Variable]) -> Result<Vec<Variable>> {
    let mut dtype = DType::Bool;
    for factor in factors {
        dtype = dtype.promote(tensor_type(op, factor)?.dtype());
    }
    let mut flat = Vec::new();
    for factor in factors {
        match factor.owner() {
            Some((node, _)) if node.op_as::<O>().is_some() && tensor_type(op, factor)?.dtype() == dtype => {
                flat.extend_from_slice(node.inputs());
            }
            _ => flat.push(factor.clone()),
        }
    }
    Ok(flat)
}

/// There is no room for a product or sum of factors of these shapes.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the {what} of {} is too large to be formed", self.shapes.join(", "))]
pub(super) struct TooLarge {
    what: &'static str,
    shapes: Vec<String>,
}

impl OpError for TooLarge {}

impl TooLarge {
    /// The lengths of the result, if all are numbers and there is room.
    pub(super) fn unless<'a, L: AsRef<[usize]>>(
        what: &'static str,
        lengths: Option<L>,
        shapes: impl Iterator<Item = &'a [usize]>,
    ) -> Result<L, Self> {
        let fits = |lengths: &L| check_size(lengths.as_ref()).is_ok();
        lengths.filter(fits).ok_or_else(|| Self { what, shapes: shapes.map(shape_text).collect() })
    }
}
