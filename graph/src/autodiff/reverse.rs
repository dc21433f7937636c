//! The reverse sweep: from cotangents of outputs to cotangents of what they depend on.

use smallvec::{SmallVec, smallvec};

use super::branches::Lazy;
use super::gathered::{Gathered, Keys, Table, check_count, check_term, keys, totals};
use crate::error::Result;
use crate::op::Grad;
use crate::origin::{self, Role};
use crate::variable::{Apply, Variable};
use crate::walk::toposort;

/// What a sweep starts from, and where it stops.
#[derive(Clone, Debug, Default)]
pub(super) struct Sweep {
    /// Variables with their cotangents; those of one that stands here twice are summed.
    pub(super) seeds: Vec<(Variable, Variable)>,
    /// Variables whose cotangents are known: what flows to them is ignored.
    pub(super) known: Vec<(Variable, Variable)>,
    /// Variables that the sweep does not pass.
    pub(super) constant: Vec<Variable>,
}

impl Sweep {
    pub(super) fn run(&self, wrt: &[Variable]) -> Result<Vec<Gathered>> {
        let starts = self.seeds.iter().chain(&self.known);
        let outputs: Vec<Variable> = starts.clone().map(|(output, _)| output.clone()).collect();
        let nodes = toposort(&outputs);
        let reached = reached_from(wrt, &nodes, &keys(&self.constant));
        let asked = keys(wrt);
        let lazy = Lazy::of(&nodes, &outputs);
        let front = Front { reached, asked, known: self.fixed(), lazy };
        let mut table = Table::default();
        for (output, cotangent) in starts.filter(|(output, _)| !front.known.contains_key(&output.key())) {
            table.entry(output.key()).or_default().terms.push(cotangent.clone());
        }
        for (variable, cotangent) in &self.known {
            table.insert(variable.key(), Gathered { terms: smallvec![cotangent.clone()], ..Gathered::default() });
        }
        for node in nodes.iter().rev().filter(|node| front.touches(node)) {
            let _scope = origin::within(node.origin().derived(Role::Gradient, node.op().name()));
            front.pull_back(node, &mut table)?;
        }
        let kept = |variable: &Variable| front.reached.contains_key(&variable.key());
        let take = |variable: &Variable| table.get(&variable.key()).filter(|_| kept(variable)).cloned();
        Ok(wrt.iter().map(|variable| take(variable).unwrap_or_default()).collect())
    }

    fn fixed(&self) -> Keys {
        self.known.iter().map(|(variable, _)| (variable.key(), ())).collect()
    }
}

/// The variables that depend on `wrt` through connected inputs, `wrt` included, without passing a constant one.
fn reached_from(wrt: &[Variable], nodes: &[Apply], constant: &Keys) -> Keys {
    let free = |variable: &&Variable| !constant.contains_key(&variable.key());
    let mut reached: Keys = wrt.iter().filter(free).map(|variable| (variable.key(), ())).collect();
    reached.reserve(nodes.len());
    for node in nodes {
        for (k, output) in node.outputs().iter().enumerate().filter(|(_, output)| free(output)) {
            let mut inputs = node.inputs().iter().enumerate();
            if inputs.any(|(i, input)| reached.contains_key(&input.key()) && node.op().connection_pattern(k, i)) {
                reached.insert(output.key(), ());
            }
        }
    }
    reached
}

/// Which variables matter to a sweep.
struct Front {
    reached: Keys,
    asked: Keys,
    known: Keys,
    lazy: Option<Lazy>,
}

impl Front {
    fn touches(&self, node: &Apply) -> bool {
        node.inputs().iter().any(|input| self.reached.contains_key(&input.key()))
    }

    /// One step of the sweep: from the cotangents of a node's outputs to terms for its inputs.
    ///
    /// The entries of the outputs leave the table, unless they are asked for: so it stays as small as the sweep's
    /// front.
    fn pull_back(&self, node: &Apply, table: &mut Table) -> Result<()> {
        let outputs = node.outputs();
        let mut take = |output: &Variable| match self.asked.contains_key(&output.key()) {
            true => table.get(&output.key()).cloned(),
            false => table.remove(&output.key()),
        };
        let gathered: SmallVec<[Gathered; 1]> = outputs.iter().map(|output| take(output).unwrap_or_default()).collect();
        if gathered.iter().all(Gathered::is_disconnected) {
            return Ok(());
        }
        let cotangents = totals(&outputs, &gathered)?;
        // What is asked for is needed as a sum only, not as terms: keep that in their place.
        for (output, total) in outputs.iter().zip(&cotangents) {
            if let (Some(total), Some(entry)) = (total, table.get_mut(&output.key())) {
                entry.terms = smallvec![total.clone()];
            }
        }
        let grads = if cotangents.iter().any(Option::is_some) {
            node.with_view(|view| node.op().l_op(view, &cotangents))?
        } else {
            vec![Grad::Zero; node.inputs().len()]
        };
        check_count(node, "reverse", grads.len(), node.inputs().len())?;
        for (i, (input, grad)) in node.inputs().iter().zip(grads).enumerate() {
            let mut connected = (0..outputs.len()).filter(|&k| node.op().connection_pattern(k, i)).peekable();
            let wanted = self.reached.contains_key(&input.key()) && !self.known.contains_key(&input.key());
            if !wanted || connected.peek().is_none() {
                continue;
            }
            check_term(node, "reverse", input, &grad)?;
            let grad = self.lazy.iter().try_fold(grad, |grad, lazy| lazy.leave(node, i, grad, &self.asked))?;
            let entry = table.entry(input.key()).or_default();
            if let Some(undefined) = connected.find_map(|k| gathered[k].undefined.clone()) {
                entry.undefined.get_or_insert(undefined);
            }
            entry.add(grad, node);
        }
        Ok(())
    }
}
