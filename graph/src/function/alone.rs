//! One node performed by itself, outside any function: for constant folding, and for proofs of an op.

use crate::error::{OpError, OpFailure, OpResult};
use crate::op::{Inputs, Io, Lookup, NodeView, OpRef};
use crate::types::TypeRef;
use crate::value::{Slot, Value};
use crate::variable::{Apply, Variable};

/// Given inputs of a node, with the types that the node declares for them.
#[derive(Debug)]
struct Given<'a> {
    inputs: &'a [Variable],
    values: &'a [&'a dyn Value],
}

impl Lookup for Given<'_> {
    fn value(&self, input: usize) -> Option<&dyn Value> {
        self.values.get(input).copied()
    }

    fn ty(&self, input: usize) -> Option<&TypeRef> {
        self.inputs.get(input).map(Variable::ty)
    }
}

fn perform(op: &OpRef, given: Given<'_>, slots: &mut [Slot]) -> OpResult {
    let mut state = op.state();
    let inputs = Inputs { values: &given, count: given.values.len() };
    op.perform(&mut Io { inputs, outputs: slots, state: state.as_deref_mut() })
}

/// Performs a node on values, into slots that may hold anything.
///
/// # Errors
///
/// What the op finds wrong with the values.
pub fn perform_alone(node: &Apply, values: &[&dyn Value], slots: &mut [Slot]) -> OpResult {
    perform(node.op(), Given { inputs: node.inputs(), values }, slots)
}

/// The values of a node's outputs on given values.
///
/// # Errors
///
/// What the op finds wrong with the values.
pub fn evaluate(node: &NodeView<'_>, values: &[&dyn Value]) -> Result<Vec<Box<dyn Value>>, Box<dyn OpError>> {
    let mut slots: Vec<Slot> = std::iter::repeat_with(Slot::default).take(node.outputs().len()).collect();
    perform(node.op(), Given { inputs: node.inputs(), values }, &mut slots)?;
    slots.iter_mut().map(|slot| slot.take().ok_or(OpFailure::WrongValue(0).into())).collect()
}
