//! Finding the part of an expression whose own derivative is wrong, by bisection.
//!
//! The nodes in their order are halved again and again; a part is checked with what flows into it as its inputs, at
//! the values they have in the whole.

use super::GradCheck;
use super::fault::Blame;
use super::system::System;
use crate::error::Result;
use crate::fgraph::FunctionGraph;
use crate::function::Function;
use crate::substitute::substitute;
use crate::value::Value;
use crate::variable::{Apply, Variable, VariableKey};
use crate::walk::{AddressMap, toposort};

/// The smallest part that is wrong by itself; `None` where only the whole is.
pub(super) fn blame(system: &System, options: &GradCheck) -> Option<Blame> {
    let whole = Whole::new(system).ok()?;
    let options = GradCheck { compiler: None, order: 1, ..options.clone() };
    let wrong = |low: usize, high: usize| whole.part(low, high).is_ok_and(|part| part.is_wrong(&options));
    let (mut low, mut high) = (0, whole.nodes.len());
    let mut narrowed = false;
    while high - low > 1 {
        let middle = low.midpoint(high);
        (low, high) = match () {
            () if wrong(low, middle) => (low, middle),
            () if wrong(middle, high) => (middle, high),
            () => break,
        };
        narrowed = true;
    }
    let nodes = &whole.nodes[low..high];
    let found = narrowed || wrong(low, high);
    found.then(|| Blame {
        ops: nodes.iter().map(|node| format!("{}{}", node.op().name(), node.op().props())).collect(),
        origin: nodes[nodes.len() - 1].origin(),
    })
}

/// An expression with the values of all its variables.
struct Whole {
    nodes: Vec<Apply>,
    outputs: Vec<Variable>,
    values: AddressMap<VariableKey, Box<dyn Value>>,
}

impl Whole {
    fn new(system: &System) -> Result<Self, super::CheckError> {
        let nodes = toposort(&system.outputs);
        let made: Vec<Variable> = nodes.iter().flat_map(|node| node.outputs()).collect();
        let mut function = Function::plan(FunctionGraph::new(&system.inputs, &made)?)?;
        let answers = function.call(&system.references())?.into_values();
        let inputs = system.inputs.iter().zip(&system.values).map(|(input, value)| (input.key(), value.clone()));
        let made = made.iter().map(Variable::key).zip(answers);
        Ok(Self { values: inputs.chain(made).collect(), nodes, outputs: system.outputs.clone() })
    }

    /// Some successive nodes, as a system by themselves: what flows in is its inputs, what is used outside its
    /// outputs.
    fn part(&self, low: usize, high: usize) -> Result<System> {
        let here = &self.nodes[low..high];
        let keys: AddressMap<usize, ()> = here.iter().map(|node| (node.key(), ())).collect();
        let inside = |variable: &Variable| variable.owner().is_some_and(|(owner, _)| keys.contains_key(&owner.key()));
        let mut seen: AddressMap<VariableKey, ()> = AddressMap::default();
        let outside = self.nodes[high..].iter().flat_map(|node| node.inputs()).chain(&self.outputs);
        let used = outside.filter(|variable| inside(variable));
        let outputs: Vec<Variable> =
            used.filter(|variable| seen.insert(variable.key(), ()).is_none()).cloned().collect();
        let mut pairs: Vec<(Variable, Variable)> = Vec::new();
        let mut values: Vec<Box<dyn Value>> = Vec::new();
        for variable in here.iter().flat_map(|node| node.inputs()) {
            let known = inside(variable) || seen.insert(variable.key(), ()).is_some();
            if let Some(value) = self.values.get(&variable.key()).filter(|_| !known) {
                let name = crate::print::expression_text(variable);
                pairs.push((variable.clone(), Variable::input(&name, variable.ty().clone())));
                values.push(value.clone());
            }
        }
        let outputs = substitute(&outputs, &pairs)?;
        Ok(System { inputs: pairs.into_iter().map(|(_, leaf)| leaf).collect(), outputs, values })
    }
}
