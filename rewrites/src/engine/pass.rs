//! Passes over a function graph: merging, and applying rules until none applies.

use std::collections::{BTreeMap, VecDeque};

use kronograph_graph::{
    Application, BuildError, Client, FunctionGraph, NodeId, Producer, Result, ValueId, Variable, ancestors,
    expression_text,
};

use super::database::RuleDb;
use super::rule::{Rule, RuleContext};

/// One step of a mode.
#[derive(Clone, Debug)]
pub enum Pass {
    /// Equal constants and equal nodes become one.
    Merge,
    /// Rules, applied until none applies any more.
    Rules(RuleDb),
}

impl Pass {
    /// Runs the pass.
    ///
    /// # Errors
    ///
    /// A rule that fails, changes a type, or does not come to rest.
    pub fn run(&self, graph: &mut FunctionGraph) -> Result<()> {
        match self {
            Pass::Merge => graph.merge().map(|_| ()),
            Pass::Rules(rules) => run_rules(graph, rules),
        }
    }
}

/// A worklist of nodes: those whose surroundings changed are looked at again.
fn run_rules(graph: &mut FunctionGraph, rules: &RuleDb) -> Result<()> {
    let mut pending: VecDeque<NodeId> = graph.toposort().into();
    let budget = 100 + 10 * pending.len();
    let mut fired: BTreeMap<&'static str, usize> = BTreeMap::new();
    while let Some(node) = pending.pop_front() {
        let Some((rule, replaced)) = apply_first(graph, rules, node)? else { continue };
        *fired.entry(rule).or_insert(0) += 1;
        let applications: usize = fired.values().sum();
        if applications > budget {
            let rule = fired.iter().max_by_key(|(_, count)| **count).map_or(rule, |(rule, _)| rule);
            return Err(BuildError::Budget { rule: rule.into(), applications });
        }
        pending.extend(replaced.iter().flat_map(|&value| neighbourhood(graph, value)));
    }
    Ok(())
}

/// Tries the rules at a node, in order; returns the one that fired and what took the node's place.
fn apply_first(
    graph: &mut FunctionGraph,
    rules: &RuleDb,
    node: NodeId,
) -> Result<Option<(&'static str, Vec<ValueId>)>> {
    let Some(op) = graph.op(node).map(|op| op.name()) else { return Ok(None) };
    for rule in rules.iter().filter(|rule| rule.roots().is_empty() || rule.roots().contains(&&*op)) {
        let Some(new) = propose(graph, rule, node)? else { continue };
        if let Some(replaced) = install(graph, rule, node, &new)? {
            return Ok(Some((rule.name(), replaced)));
        }
    }
    Ok(None)
}

fn propose(graph: &FunctionGraph, rule: &dyn Rule, node: NodeId) -> Result<Option<Vec<Variable>>> {
    let _scope = graph.rewriting(node, rule.name());
    let context = RuleContext::new(graph);
    graph.with_view(node, |view| rule.apply(&context, view)).unwrap_or(Ok(None))
}

/// Puts a replacement in and records it; `None` if it is what was there before.
fn install(graph: &mut FunctionGraph, rule: &dyn Rule, node: NodeId, new: &[Variable]) -> Result<Option<Vec<ValueId>>> {
    let old = graph.node_outputs(node).to_vec();
    if new.len() != old.len() {
        return Err(BuildError::parameter(rule.name(), "a rule must give a replacement for every output of the node"));
    }
    let bound: Vec<Variable> = old.iter().map(|&value| graph.bind(value)).collect();
    if bound == new {
        return Ok(None);
    }
    if ancestors(new).iter().any(|leaf| bound.contains(leaf)) {
        return Err(BuildError::parameter(rule.name(), "a replacement must not use what it replaces (nor its shape)"));
    }
    let before = graph.with_view(node, |view| {
        let inputs: Vec<String> = view.inputs().iter().map(|input| text_in(graph, input)).collect();
        format!("{}{}({})", view.op().name(), view.op().props(), inputs.join(", "))
    });
    let after = new.iter().map(|variable| text_of_new(graph, variable)).collect::<Vec<_>>().join("; ");
    let origin = bound[0].origin();
    let values = graph.import(new)?;
    for (&old, &new) in old.iter().zip(&values) {
        graph.replace(old, new, rule.name())?;
    }
    let (rule, reason) = (rule.name(), rule.reason());
    graph.record(Application { rule, reason, origin, before: before.unwrap_or_default(), after });
    Ok(Some(values))
}

/// A bound variable in words: its name, or the op that makes it and its inputs, to a small depth.
fn text_in(graph: &FunctionGraph, variable: &Variable) -> String {
    let nested = |node| {
        graph.with_view(node, |view| {
            let inputs: Vec<String> = view.inputs().iter().map(|input| leaf_text(graph, input)).collect();
            format!("{}({})", view.op().name(), inputs.join(", "))
        })
    };
    match graph.owner(variable) {
        Some((node, _)) if variable.name().is_none() => nested(node).unwrap_or_default(),
        _ => expression_text(variable),
    }
}

fn leaf_text(graph: &FunctionGraph, variable: &Variable) -> String {
    match graph.owner(variable) {
        Some((node, _)) if variable.name().is_none() => {
            graph.op(node).map_or_else(|| "?".to_owned(), |op| format!("{}(...)", op.name()))
        }
        _ => expression_text(variable),
    }
}

/// A replacement in words; what it binds is a node of the graph already.
fn text_of_new(graph: &FunctionGraph, variable: &Variable) -> String {
    if graph.owner(variable).is_some() { text_in(graph, variable) } else { expression_text(variable) }
}

/// The node that makes a value, those above it that a rule may have made, and those that use it.
fn neighbourhood(graph: &FunctionGraph, value: ValueId) -> Vec<NodeId> {
    let mut nodes = Vec::new();
    let mut stack = vec![(value, 4)];
    while let Some((value, depth)) = stack.pop() {
        if let Producer::Node(node, _) = *graph.producer(value) {
            nodes.push(node);
            if depth > 0 {
                stack.extend(graph.node_inputs(node).iter().map(|&input| (input, depth - 1)));
            }
        }
    }
    nodes.reverse();
    // Rules look two levels down: through a factor at what was factored, say.
    for &client in graph.clients(value) {
        let Client::Node(user, _) = client else { continue };
        nodes.push(user);
        for &output in graph.node_outputs(user) {
            nodes.extend(graph.clients(output).iter().filter_map(|client| match client {
                Client::Node(next, _) => Some(*next),
                Client::Output(_) => None,
            }));
        }
    }
    nodes
}
