//! Derivatives of what is computed only where a condition holds.
//!
//! Inside a branch cotangents flow as if it were taken. A term for something that is needed elsewhere too, or in every
//! call, is chosen by the branch's condition: the term where the branch is taken, zero where it is not. So nothing but
//! that choice needs the derivative of the branch, and a function does not compute it where the branch is not taken.

use std::collections::HashMap;

use super::gathered::Keys;
use crate::error::Result;
use crate::needs::{Need, Needs};
use crate::op::{Grad, OpRef};
use crate::variable::{Apply, Variable, VariableKey, build_node};

/// When the variables of an expression are needed for its outputs.
pub(super) struct Lazy {
    tree: Needs<Variable>,
    needs: HashMap<VariableKey, Need>,
    chooser: OpRef,
}

impl Lazy {
    /// `None` where no node has branches.
    pub(super) fn of(nodes: &[Apply], outputs: &[Variable]) -> Option<Self> {
        let chooser = nodes.iter().find_map(|node| node.op().branches())?.chooser;
        let mut lazy = Self { tree: Needs::default(), needs: HashMap::new(), chooser };
        outputs.iter().for_each(|output| lazy.need(output, Need::ALWAYS));
        for node in nodes.iter().rev() {
            let own = lazy.of_node(node);
            for (i, input) in node.inputs().iter().enumerate() {
                let need = lazy.tree.of_input(&**node.op(), node.inputs(), i, own);
                lazy.need(input, need);
            }
        }
        Some(lazy)
    }

    fn need(&mut self, variable: &Variable, new: Need) {
        let old = self.needs.get(&variable.key()).copied();
        self.needs.insert(variable.key(), old.map_or(new, |old| self.tree.meet(old, new)));
    }

    fn of_node(&self, node: &Apply) -> Need {
        let outputs = node.outputs();
        let mut needs = outputs.iter().filter_map(|output| self.needs.get(&output.key()).copied());
        let first = needs.next().unwrap_or(Need::ALWAYS);
        needs.fold(first, |a, b| self.tree.meet(a, b))
    }

    /// The term of a node for one of its inputs, where the need for the latter goes further: the cotangents of leaves
    /// and of what is asked for are needed in every call.
    pub(super) fn leave(&self, node: &Apply, input: usize, grad: Grad, asked: &Keys) -> Result<Grad> {
        let Grad::Var(mut term) = grad else { return Ok(grad) };
        let variable = &node.inputs()[input];
        let Some(tangent) = variable.ty().tangent() else { return Ok(Grad::Var(term)) };
        let inner = self.tree.found(&**node.op(), node.inputs(), input, self.of_node(node));
        let always = variable.owner().is_none() || asked.contains_key(&variable.key());
        let outer = self.needs.get(&variable.key()).copied().filter(|_| !always).unwrap_or(Need::ALWAYS);
        for (condition, holds) in self.tree.between(inner, outer) {
            let zeros = tangent.zeros_like(variable)?;
            let [then, other] = if holds { [term, zeros] } else { [zeros, term] };
            term = build_node(self.chooser.clone(), &[condition.clone(), then, other])?.output(0);
        }
        Ok(Grad::Var(term))
    }
}
