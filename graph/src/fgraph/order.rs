//! Orders over a function graph, and the petgraph view of it.

use petgraph::graph::DiGraph;

use super::{FunctionGraph, NodeId, Producer, ValueId};
use crate::error::StructureError;

impl FunctionGraph {
    /// The nodes that the outputs need, each after the nodes it depends on. Deterministic.
    pub fn toposort(&self) -> Vec<NodeId> {
        let mut order = Vec::new();
        let mut seen = vec![false; self.nodes.len()];
        let mut stack: Vec<(NodeId, usize)> = Vec::new();
        for &output in &self.outputs {
            self.visit(output, &mut seen, &mut stack);
            while let Some((id, next)) = stack.last_mut() {
                let input = self.node(*id).and_then(|node| node.inputs.get(*next)).copied();
                *next += 1;
                match input {
                    Some(input) => self.visit(input, &mut seen, &mut stack),
                    None => order.extend(stack.pop().map(|(id, _)| id)),
                }
            }
        }
        order
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
