//! Changes that are made together or not at all.

use super::{Client, FunctionGraph, NodeData, NodeId, ValueId};
use crate::error::{BuildError, Described, Result};

/// One change, with what it takes to take it back.
#[derive(Debug)]
pub(super) enum Edit {
    /// The uses of one value became uses of another, which may have inherited the name.
    Replaced { old: ValueId, new: ValueId, clients: Vec<Client>, named: bool },
    /// A node was removed.
    Pruned(NodeId, NodeData),
}

impl FunctionGraph {
    /// Runs some changes; if they fail, the graph is as it was before. Transactions may be nested.
    ///
    /// # Errors
    ///
    /// Those of `change`.
    pub fn transaction<T>(&mut self, change: impl FnOnce(&mut Self) -> Result<T>) -> Result<T> {
        let outermost = self.journal.is_none();
        let start = self.journal.get_or_insert_default().len();
        let (nodes, inputs, history) = (self.mark(), self.inputs.len(), self.history.len());
        let result = change(self);
        if result.is_err() {
            self.undo(start);
            self.history.truncate(history);
            let imported: Vec<NodeId> = self.nodes_since(nodes).collect();
            imported.into_iter().for_each(|node| self.forget(node));
            self.forget_shared(inputs);
        }
        if outermost {
            self.journal = None;
        }
        result
    }

    /// Replaces values by others, all or none, and only if the result is acyclic and `validate` accepts it
    /// (PyTensor: `replace_all_validate`).
    ///
    /// # Errors
    ///
    /// As [`replace`](Self::replace); a replacement that depends on what it replaces; what `validate` finds wrong.
    pub fn replace_all_validate(
        &mut self,
        pairs: &[(ValueId, ValueId)],
        rule: &'static str,
        validate: impl FnOnce(&Self) -> Result<()>,
    ) -> Result<()> {
        self.transaction(|graph| {
            for &(old, new) in pairs {
                graph.replace(old, new, rule)?;
            }
            if let (Err(_), Some(&(old, new))) = (graph.check_acyclic(), pairs.first()) {
                let describe = |id| Box::new(Described::of(graph, id));
                return Err(BuildError::Replacement {
                    rule: rule.into(),
                    old: describe(old),
                    new: describe(new),
                    why: "the replacement depends on what it replaces",
                    origin: graph.value(old).origin.clone(),
                });
            }
            validate(graph)
        })
    }

    /// Notes a change, if a transaction is open.
    pub(super) fn note(&mut self, edit: impl FnOnce() -> Edit) {
        if let Some(journal) = &mut self.journal {
            journal.push(edit());
        }
    }

    /// Removes a node; what it used stays, even if nobody else uses it.
    fn forget(&mut self, id: NodeId) {
        for position in 0..self.node_inputs(id).len() {
            let node = self.node_mut(id);
            let (input, place) = (node.inputs[position], node.places[position]);
            self.unlist(input, place);
        }
        self.nodes[id.0 as usize] = None;
    }

    /// Removes the shared variables that are inputs from a position on.
    fn forget_shared(&mut self, from: usize) {
        let gone = self.inputs.split_off(from);
        self.shared.truncate(from - self.argument_count);
        self.leaves.retain(|_, id| !gone.contains(id));
    }

    fn undo(&mut self, start: usize) {
        let edits = self.journal.as_mut().map(|journal| journal.split_off(start)).unwrap_or_default();
        // What is taken back is not noted again.
        let journal = self.journal.take();
        for edit in edits.into_iter().rev() {
            match edit {
                Edit::Replaced { old, new, clients, named } => self.unreplace(old, new, clients, named),
                Edit::Pruned(id, data) => self.unprune(id, data),
            }
        }
        self.journal = journal;
    }

    fn unreplace(&mut self, old: ValueId, new: ValueId, clients: Vec<Client>, named: bool) {
        for client in clients {
            let place = match client {
                Client::Node(node, position) => self.node_mut(node).places[position as usize],
                Client::Output(_) => {
                    let found = self.clients(new).iter().position(|other| *other == client);
                    found.expect("a use that was moved is listed where it was moved to") as u32
                }
            };
            self.unlist(new, place);
            let place = self.list(old, client);
            match client {
                Client::Node(node, position) => {
                    let node = self.node_mut(node);
                    (node.inputs[position as usize], node.places[position as usize]) = (old, place);
                }
                Client::Output(position) => self.outputs[position as usize] = old,
            }
        }
        if named {
            self.value_mut(new).name = None;
        }
    }

    fn unprune(&mut self, id: NodeId, data: NodeData) {
        let inputs = data.inputs.clone();
        self.nodes[id.0 as usize] = Some(data);
        for (position, input) in inputs.into_iter().enumerate() {
            let place = self.list(input, Client::Node(id, position as u32));
            self.node_mut(id).places[position] = place;
        }
    }
}
