//! Orders over a function graph, and the petgraph view of it.

use petgraph::graph::DiGraph;

use super::{FunctionGraph, NodeId, Producer, ValueId};
use crate::error::StructureError;
use crate::needs::{Need, Needs};

impl FunctionGraph {
    /// The nodes that the outputs need, each after the nodes it depends on. Deterministic.
    pub fn toposort(&self) -> Vec<NodeId> {
        self.toposort_after(|_| &[])
    }

    /// [`toposort`](Self::toposort), each node also after the owners of further values, which it does not depend on.
    pub(crate) fn toposort_after<'a>(&'a self, first: impl Fn(NodeId) -> &'a [ValueId]) -> Vec<NodeId> {
        let mut order = Vec::new();
        let mut seen = vec![false; self.nodes.len()];
        let mut stack: Vec<(NodeId, usize)> = Vec::new();
        for &output in &self.outputs {
            self.visit(output, &mut seen, &mut stack);
            while let Some((id, next)) = stack.last_mut() {
                let (first, inputs) = (first(*id), self.node_inputs(*id));
                let input = first.get(*next).or_else(|| inputs.get(*next - first.len())).copied();
                *next += 1;
                match input {
                    Some(input) => self.visit(input, &mut seen, &mut stack),
                    None => order.extend(stack.pop().map(|(id, _)| id)),
                }
            }
        }
        order
    }

    /// When each node is needed, by [`NodeId::index`]; `None` if nobody needs any node under a condition.
    pub fn needs(&self) -> Option<Vec<Need>> {
        self.lazy_needs(&self.toposort()).map(|(_, needs)| needs)
    }

    /// [`needs`](Self::needs) with the conditions, for the nodes in an order.
    pub(crate) fn lazy_needs(&self, order: &[NodeId]) -> Option<(Needs<ValueId>, Vec<Need>)> {
        let node = |id: &NodeId| self.node(*id);
        if !order.iter().filter_map(node).any(|node| node.op.branches().is_some()) {
            return None;
        }
        let (mut tree, mut needs) = (Needs::default(), vec![None; self.nodes.len()]);
        let need = |value: ValueId, new: Need, tree: &Needs<ValueId>, needs: &mut [Option<Need>]| {
            if let Producer::Node(owner, _) = *self.producer(value) {
                let old = &mut needs[owner.0 as usize];
                *old = Some(old.map_or(new, |old| tree.meet(old, new)));
            }
        };
        self.outputs.iter().for_each(|&output| need(output, Need::ALWAYS, &tree, &mut needs));
        for id in order.iter().rev() {
            let (Some(node), Some(own)) = (self.node(*id), needs[id.0 as usize]) else { continue };
            for (at, &input) in node.inputs.iter().enumerate() {
                let new = tree.of_input(&*node.op, &node.inputs, at, own);
                need(input, new, &tree, &mut needs);
            }
        }
        Some((tree, needs.into_iter().map(|need| need.unwrap_or(Need::ALWAYS)).collect()))
    }

    fn visit(&self, value: ValueId, seen: &mut [bool], stack: &mut Vec<(NodeId, usize)>) {
        if let Producer::Node(node, _) = *self.producer(value)
            && !std::mem::replace(&mut seen[node.0 as usize], true)
        {
            stack.push((node, 0));
        }
    }

    /// The nodes and their dependencies as a petgraph graph; an edge's weight is the position of the input.
    pub fn petgraph(&self) -> DiGraph<NodeId, u32> {
        let mut view = DiGraph::new();
        let mut index = vec![None; self.nodes.len()];
        for (at, _) in self.nodes.iter().enumerate().filter(|(_, node)| node.is_some()) {
            index[at] = Some(view.add_node(NodeId(at as u32)));
        }
        for (at, node) in self.nodes.iter().enumerate() {
            for (position, &input) in node.iter().flat_map(|node| node.inputs.iter().enumerate()) {
                if let Producer::Node(owner, _) = *self.producer(input)
                    && let (Some(from), Some(to)) = (index[owner.0 as usize], index[at])
                {
                    view.add_edge(from, to, position as u32);
                }
            }
        }
        view
    }

    pub(super) fn check_acyclic(&self) -> Result<(), StructureError> {
        match petgraph::algo::toposort(&self.petgraph(), None) {
            Ok(_) => Ok(()),
            Err(_) => Err(StructureError("it has a cycle".to_owned())),
        }
    }
}
