//! What the nodes of a function cost: calls, time and bytes.

use std::collections::BTreeMap;
use std::fmt;
use std::time::{Duration, Instant};

use super::plan::Plan;
use crate::origin::Origin;
use crate::value::{Slot, Value};

/// Measurements of each node of a function. It prints as a table, the most expensive first.
#[derive(Clone, Debug)]
pub struct Profile {
    nodes: Vec<NodeProfile>,
    pub(super) started: Option<Instant>,
}

/// Measurements of one node.
#[derive(Clone, Debug)]
pub struct NodeProfile {
    /// The op with its parameters.
    pub op: String,
    /// Where it was built.
    pub origin: Origin,
    /// How often it ran.
    pub calls: u64,
    /// How long that took.
    pub time: Duration,
    /// The bytes of the outputs of its last run.
    pub bytes: usize,
}

impl Profile {
    pub(super) fn new(plan: &Plan) -> Self {
        let node = |step: &super::plan::Step| {
            let origin = plan.graph.node(step.node).map_or_else(crate::origin::current, |node| node.origin.clone());
            let op = format!("{}{}", step.op.name(), step.op.props());
            NodeProfile { op, origin, calls: 0, time: Duration::ZERO, bytes: 0 }
        };
        Self { nodes: plan.steps.iter().map(node).collect(), started: None }
    }

    pub(super) fn note(&mut self, step: usize, outputs: &[Slot]) {
        let node = &mut self.nodes[step];
        node.time += self.started.take().map_or(Duration::ZERO, |started| started.elapsed());
        node.calls += 1;
        node.bytes = outputs.iter().filter_map(Slot::value).map(Value::bytes).sum();
    }

    /// The nodes, in the order in which they run.
    pub fn nodes(&self) -> &[NodeProfile] {
        &self.nodes
    }

    /// The time of all nodes together.
    pub fn total(&self) -> Duration {
        self.nodes.iter().map(|node| node.time).sum()
    }

    /// The time by the user's line, named scope and role: what a line of the model costs, and its gradient.
    pub fn by_line(&self) -> BTreeMap<String, Duration> {
        let mut lines = BTreeMap::new();
        for node in &self.nodes {
            *lines.entry(node.origin.to_string()).or_insert(Duration::ZERO) += node.time;
        }
        lines
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let total = self.total().as_secs_f64();
        let mut order: Vec<&NodeProfile> = self.nodes.iter().collect();
        order.sort_by_key(|node| std::cmp::Reverse(node.time));
        writeln!(f, "{:>6}  {:>8}  {:>12}  {:>12}  op", "share", "calls", "us per call", "bytes")?;
        for NodeProfile { op, origin, calls, time, bytes } in order {
            let seconds = time.as_secs_f64();
            let share = if total > 0.0 { 100.0 * seconds / total } else { 0.0 };
            let each = if *calls > 0 { 1e6 * seconds / *calls as f64 } else { 0.0 };
            writeln!(f, "{share:>5.1}%  {calls:>8}  {each:>12.3}  {bytes:>12}  {op} at {origin}")?;
        }
        Ok(())
    }
}
