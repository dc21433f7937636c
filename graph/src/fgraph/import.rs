//! Copying expressions into a function graph, and out of it again.

use smallvec::SmallVec;

use super::{Client, FunctionGraph, NodeData, NodeId, Producer, ValueData, ValueId};
use crate::error::{BuildError, Result};
use crate::origin::Origin;
use crate::types::TypeRef;
use crate::variable::{Apply, Variable, VariableKey};
use crate::walk::{AddressMap, toposort_until};

impl FunctionGraph {
    pub(super) fn add_input(&mut self, position: usize, variable: &Variable) -> Result<()> {
        let rule = match () {
            () if self.leaves.contains_key(&variable.key()) => Some("it is given twice"),
            () if variable.constant().is_some() => Some("a constant cannot be an input"),
            () if variable.cell().is_some() => Some("a shared variable has a value already; set that instead"),
            () if !variable.is_input() => {
                Some("it is computed from other variables; only free variables can be inputs")
            }
            () => None,
        };
        if let Some(rule) = rule {
            let name = crate::print::expression_text(variable);
            return Err(BuildError::BadInput { position, variable: name, rule, origin: variable.origin() });
        }
        let id = self.add_leaf(variable, Producer::Input(position as u32));
        self.inputs.push(id);
        Ok(())
    }

    fn add_leaf(&mut self, variable: &Variable, producer: Producer) -> ValueId {
        let (ty, name, origin) = (variable.ty().clone(), variable.shared_name(), variable.origin());
        let id = self.add_value(ty, name, origin, producer);
        self.value_mut(id).leaf = Some(variable.clone());
        self.leaves.insert(variable.key(), id);
        id
    }

    fn add_value(
        &mut self,
        ty: TypeRef,
        name: Option<std::sync::Arc<str>>,
        origin: Origin,
        producer: Producer,
    ) -> ValueId {
        let id = ValueId(self.values.len() as u32);
        self.values.push(ValueData { ty, name, origin, producer, clients: SmallVec::new(), leaf: None });
        id
    }

    /// Copies expressions in, and returns the values that they are here.
    ///
    /// # Errors
    ///
    /// A free variable that is not an input of this graph, or a bound leaf of another graph.
    pub fn import(&mut self, variables: &[Variable]) -> Result<Vec<ValueId>> {
        let order = toposort_until(variables, |variable| variable.bound_to().is_some());
        let mut here: AddressMap<VariableKey, ValueId> = AddressMap::default();
        here.reserve(order.len());
        self.nodes.reserve(order.len());
        self.values.reserve(order.len());
        for node in order {
            let inputs = node.inputs().iter().map(|input| self.find(input, &here)).collect::<Result<_>>()?;
            let outputs = self.add_node(&node, inputs);
            for (k, id) in outputs.into_iter().enumerate() {
                here.insert(node.output(k).key(), id);
            }
        }
        variables.iter().map(|variable| self.find(variable, &here)).collect()
    }

    fn add_node(&mut self, node: &Apply, inputs: SmallVec<[ValueId; 2]>) -> SmallVec<[ValueId; 1]> {
        let id = NodeId(self.nodes.len() as u32);
        let uses = inputs.iter().enumerate();
        let places = uses.map(|(position, &input)| self.list(input, Client::Node(id, position as u32))).collect();
        let outputs: SmallVec<[ValueId; 1]> = (node.outputs().iter().enumerate())
            .map(|(k, output)| {
                let producer = Producer::Node(id, k as u32);
                self.add_value(output.ty().clone(), output.shared_name(), node.origin(), producer)
            })
            .collect();
        let (op, origin) = (node.op().clone(), node.origin());
        self.nodes.push(Some(NodeData { op, inputs, places, outputs: outputs.clone(), origin }));
        outputs
    }

    fn find(&mut self, variable: &Variable, here: &AddressMap<VariableKey, ValueId>) -> Result<ValueId> {
        if let Some((_, id)) = variable.bound_to().filter(|(token, _)| *token == self.token_number()) {
            return Ok(id);
        }
        if let Some(&id) = here.get(&variable.key()).or_else(|| self.leaves.get(&variable.key())) {
            return Ok(id);
        }
        match (variable.constant(), variable.cell()) {
            (Some(value), _) => Ok(self.add_leaf(variable, Producer::Constant(value.clone()))),
            (None, Some(cell)) => {
                let id = self.add_leaf(variable, Producer::Input(self.inputs.len() as u32));
                self.inputs.push(id);
                self.shared.push(cell.clone());
                Ok(id)
            }
            (None, None) => Err(BuildError::MissingInput {
                variable: crate::print::expression_text(variable),
                ty: variable.ty().to_string(),
                origin: variable.origin(),
            }),
        }
    }

    /// The outputs as expressions again, on the same input variables.
    pub fn export(&self) -> Vec<Variable> {
        let mut made: Vec<Option<Variable>> = self.values.iter().map(|value| value.leaf.clone()).collect();
        for id in self.toposort() {
            let Some(node) = self.node(id) else { continue };
            let inputs = node.inputs.iter().map(|input| made[input.0 as usize].clone());
            let inputs: SmallVec<[Variable; 2]> =
                inputs.map(|input| input.expect("the order puts owners first")).collect();
            let types = node.outputs.iter().map(|&output| self.ty(output).clone()).collect();
            let apply = Apply::build(node.op.clone(), inputs, types, node.origin.clone());
            for (k, output) in node.outputs.iter().enumerate() {
                let variable = apply.output(k);
                if let Some(name) = &self.value(*output).name {
                    variable.set_shared_name(name);
                }
                made[output.0 as usize] = Some(variable);
            }
        }
        let outputs = self.outputs.iter().map(|output| made[output.0 as usize].clone());
        outputs.map(|output| output.expect("every output is a leaf or made by a node in the order")).collect()
    }
}
