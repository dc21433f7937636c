//! Changing a function graph: replacing values and dropping what nobody uses, and the invariants that this keeps.
//!
//! A value lists its clients and a node knows its place in each list, so a change costs as much as the uses that it
//! touches, however many others there are: a constant may have a million.

use super::undo::Edit;
use super::{Client, FunctionGraph, NodeData, NodeId, Producer, ValueId};
use crate::error::{BuildError, Described, Result, StructureError};

impl FunctionGraph {
    /// Adds a use to a value's list; returns its place there.
    pub(super) fn list(&mut self, value: ValueId, client: Client) -> u32 {
        let clients = &mut self.value_mut(value).clients;
        clients.push(client);
        clients.len() as u32 - 1
    }

    /// Takes a use out of a value's list; the last one of the list moves to its place.
    pub(super) fn unlist(&mut self, value: ValueId, place: u32) {
        let clients = &mut self.value_mut(value).clients;
        clients.swap_remove(place as usize);
        if let Some(&Client::Node(moved, position)) = clients.get(place as usize) {
            self.node_mut(moved).places[position as usize] = place;
        }
    }

    /// Lets every use of `old` use `new` instead, and drops what nobody uses any more.
    ///
    /// The new value inherits the old one's name.
    ///
    /// # Errors
    ///
    /// When the new type is neither the same nor more precise, or the node of the new value is gone.
    pub fn replace(&mut self, old: ValueId, new: ValueId, rule: &'static str) -> Result<()> {
        if old == new {
            return Ok(());
        }
        let gone = matches!(*self.producer(new), Producer::Node(node, _) if self.node(node).is_none());
        if gone || !self.ty(old).is_super(&**self.ty(new)) {
            let why = match gone {
                true => "the node of the replacement was removed from the graph",
                false => "a replacement must have the same type, or a more precise one",
            };
            return Err(BuildError::Replacement {
                rule: rule.into(),
                old: Box::new(Described::of(self, old)),
                new: Box::new(Described::of(self, new)),
                why,
                origin: self.value(old).origin.clone(),
            });
        }
        let clients = std::mem::take(&mut self.value_mut(old).clients);
        let named = self.value(old).name.is_some() && self.value(new).name.is_none();
        self.note(|| Edit::Replaced { old, new, clients: clients.to_vec(), named });
        for client in clients {
            let place = self.list(new, client);
            match client {
                Client::Node(node, position) => {
                    let node = self.node_mut(node);
                    (node.inputs[position as usize], node.places[position as usize]) = (new, place);
                }
                Client::Output(position) => self.outputs[position as usize] = new,
            }
        }
        let name = self.value(old).name.clone();
        let value = self.value_mut(new);
        value.name = value.name.take().or(name);
        if let Producer::Node(node, _) = *self.producer(old) {
            self.prune(node);
        }
        Ok(())
    }

    /// Removes a node without clients, and then those that only it kept.
    pub fn prune(&mut self, node: NodeId) {
        let mut pending = vec![node];
        while let Some(id) = pending.pop() {
            let unused = |data: &NodeData| data.outputs.iter().all(|&output| self.value(output).clients.is_empty());
            if !self.node(id).is_some_and(unused) {
                continue;
            }
            for position in 0..self.node_inputs(id).len() {
                let node = self.node_mut(id);
                let (input, place) = (node.inputs[position], node.places[position]);
                self.unlist(input, place);
                if let Producer::Node(owner, _) = *self.producer(input) {
                    pending.push(owner);
                }
            }
            if let Some(data) = self.nodes[id.0 as usize].take() {
                self.note(|| Edit::Pruned(id, data));
            }
        }
    }

    /// Checks the invariants: client lists are the exact inverse of inputs, and there is no cycle.
    ///
    /// # Errors
    ///
    /// The first invariant that is broken.
    pub fn check(&self) -> Result<(), StructureError> {
        for (index, node) in self.nodes.iter().enumerate() {
            let Some(node) = node else { continue };
            for (position, (&input, &place)) in node.inputs.iter().zip(&node.places).enumerate() {
                let client = Client::Node(NodeId(index as u32), position as u32);
                if self.clients(input).get(place as usize) != Some(&client) {
                    return Err(StructureError(format!("{} is no client of its input {position}", node.op.name())));
                }
            }
        }
        for (index, value) in self.values.iter().enumerate() {
            for (place, client) in value.clients.iter().enumerate() {
                if !self.is_use(client, ValueId(index as u32), place) {
                    return Err(StructureError("a value lists a client that does not use it".to_owned()));
                }
            }
        }
        self.check_acyclic()
    }

    /// Whether a client that a value lists at a place uses that value, and knows the place.
    fn is_use(&self, client: &Client, value: ValueId, place: usize) -> bool {
        match *client {
            Client::Node(node, at) => self.node(node).is_some_and(|node| {
                let at = at as usize;
                node.inputs.get(at) == Some(&value) && node.places.get(at) == Some(&(place as u32))
            }),
            Client::Output(at) => self.outputs.get(at as usize) == Some(&value),
        }
    }
}
