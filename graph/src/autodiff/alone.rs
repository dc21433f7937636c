//! A node cut out of its expression: what is built of it then costs as much as the node, however large the expression
//! above it is.

use crate::error::Result;
use crate::op::{NodeView, OpRef};
use crate::origin::Origin;
use crate::substitute::substitute;
use crate::variable::{Variable, VariableKey};
use crate::walk::{AddressMap, toposort};

/// The inputs and outputs of a node as leaves; constants stay.
pub(crate) struct Alone {
    inputs: Vec<Variable>,
    outputs: Vec<Variable>,
    /// The leaves and what they stand for.
    back: Vec<(Variable, Variable)>,
    leaf_of: AddressMap<VariableKey, Variable>,
}

impl Alone {
    pub(crate) fn new(inputs: &[Variable], outputs: &[Variable]) -> Self {
        let mut alone =
            Self { inputs: Vec::new(), outputs: Vec::new(), back: Vec::new(), leaf_of: AddressMap::default() };
        alone.inputs = inputs.iter().map(|input| alone.leaf(input)).collect();
        alone.outputs = outputs.iter().map(|output| alone.leaf(output)).collect();
        alone
    }

    /// The leaf that stands for a variable.
    pub(crate) fn leaf(&mut self, variable: &Variable) -> Variable {
        if variable.constant().is_some() {
            return variable.clone();
        }
        let back = &mut self.back;
        let leaf = self.leaf_of.entry(variable.key()).or_insert_with(|| {
            let leaf = Variable::input("", variable.ty().clone());
            back.push((leaf.clone(), variable.clone()));
            leaf
        });
        leaf.clone()
    }

    /// The node by itself.
    pub(crate) fn view<'a>(&'a self, op: &'a OpRef, origin: Origin) -> NodeView<'a> {
        NodeView::new(op, &self.inputs, &self.outputs, origin)
    }

    /// What was built of the leaves, in its place in the expression; `None` where it depends on the elements of a
    /// stand-in. One that is read for its lengths alone gives way to what has the same shape.
    pub(crate) fn put_back(&self, built: &Variable, stand_ins: &[(Variable, Variable)]) -> Result<Option<Variable>> {
        let mut reached: AddressMap<VariableKey, ()> = stand_ins.iter().map(|(free, _)| (free.key(), ())).collect();
        for node in toposort(std::slice::from_ref(built)) {
            let mut inputs = node.inputs().iter().enumerate();
            if inputs.any(|(k, input)| reached.contains_key(&input.key()) && node.op().reads_elements(k)) {
                reached.extend(node.outputs().iter().map(|output| (output.key(), ())));
            }
        }
        if reached.contains_key(&built.key()) {
            return Ok(None);
        }
        let fits = |(free, like): &&(Variable, Variable)| free.ty().is_super(&**like.ty());
        let pairs: Vec<_> = self.back.iter().chain(stand_ins.iter().filter(fits)).cloned().collect();
        Ok(Some(substitute(std::slice::from_ref(built), &pairs)?.remove(0)))
    }
}
