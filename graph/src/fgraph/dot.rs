//! A function graph as a picture.

use std::fmt::Write;

use petgraph::dot::{Config, Dot};
use petgraph::graph::DiGraph;

use super::{FunctionGraph, NodeId, Producer};

impl FunctionGraph {
    /// The graph in the DOT language, for Graphviz: ops as boxes, inputs and constants as ellipses, an edge for each
    /// input with its type and, where there are several, its position.
    pub fn dot(&self) -> String {
        let mut picture: DiGraph<String, String> = DiGraph::new();
        let mut at = vec![None; self.values.len()];
        for id in self.toposort() {
            let Some(node) = self.node(id) else { continue };
            let here = picture.add_node(self.box_text(id));
            for (position, &input) in node.inputs.iter().enumerate() {
                let from = *at[input.0 as usize].get_or_insert_with(|| picture.add_node(self.leaf_text(input)));
                let place = if node.inputs.len() > 1 { format!("{position}: ") } else { String::new() };
                picture.add_edge(from, here, format!("{place}{}", self.ty(input)));
            }
            node.outputs.iter().for_each(|output| at[output.0 as usize] = Some(here));
        }
        for (position, &output) in self.outputs.iter().enumerate() {
            let from = *at[output.0 as usize].get_or_insert_with(|| picture.add_node(self.leaf_text(output)));
            let to = picture.add_node(format!("shape=plaintext,label=\"output {position}\""));
            picture.add_edge(from, to, self.ty(output).to_string());
        }
        let label = |_, edge: petgraph::graph::EdgeReference<'_, String>| format!("label={:?}", edge.weight());
        let shape = |_, (_, text): (_, &String)| text.clone();
        let config = [Config::NodeNoLabel, Config::EdgeNoLabel];
        format!("{}", Dot::with_attr_getters(&picture, &config, &label, &shape))
    }

    fn box_text(&self, id: NodeId) -> String {
        let Some(node) = self.node(id) else { return String::new() };
        let mut text = format!("{}{}", node.op.name(), node.op.props());
        for name in node.outputs.iter().filter_map(|&output| self.value(output).name.as_ref()) {
            let _ = write!(text, "\n{name}");
        }
        format!("shape=box,label={text:?},tooltip={:?}", node.origin.to_string())
    }

    fn leaf_text(&self, id: super::ValueId) -> String {
        let text = crate::print::expression_text(&self.bind(id));
        let color = if matches!(self.producer(id), Producer::Input(_)) { "black" } else { "gray" };
        format!("shape=ellipse,color={color},label={text:?}")
    }
}
