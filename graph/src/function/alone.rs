//! One node performed by itself, outside any function.

use crate::error::OpResult;
use crate::op::{Inputs, Io, Lookup};
use crate::types::TypeRef;
use crate::value::{Slot, Value};
use crate::variable::Apply;

/// Given inputs of a node, with the types that the node declares for them.
#[derive(Debug)]
struct NodeInputs<'a> {
    node: &'a Apply,
    values: &'a [&'a dyn Value],
}

impl Lookup for NodeInputs<'_> {
    fn value(&self, input: usize) -> Option<&dyn Value> {
        self.values.get(input).copied()
    }

    fn ty(&self, input: usize) -> Option<&TypeRef> {
        self.node.inputs().get(input).map(|input| input.ty())
    }
}

/// Performs a node on values, into slots that may hold anything: what proofs of an op need, not models.
///
/// # Errors
///
/// What the op finds wrong with the values.
pub fn perform_alone(node: &Apply, values: &[&dyn Value], slots: &mut [Slot]) -> OpResult {
    let mut state = node.op().state();
    let lookup = NodeInputs { node, values };
    let inputs = Inputs { values: &lookup, count: values.len() };
    node.op().perform(&mut Io { inputs, outputs: slots, state: state.as_deref_mut() })
}
