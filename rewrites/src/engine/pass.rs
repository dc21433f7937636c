//! Passes over a function graph: merging, and applying rules until none applies.

use std::collections::{BTreeMap, VecDeque};

use kronograph_graph::{
    Application, BuildError, Client, FunctionGraph, NodeId, NodeView, Result, ValueId, Variable, ancestors,
    expression_text,
};

use super::database::RuleDb;
use super::fusion::fuse;
use super::rule::{Rule, RuleContext};

/// One step of a mode.
#[derive(Clone, Debug)]
pub enum Pass {
    /// Equal constants and equal nodes become one.
    Merge,
    /// Rules, applied until none applies any more.
    Rules(RuleDb),
    /// Rules that are for compiling only: what they make may have other derivatives than what was written.
    Lower(RuleDb),
    /// Connected nodes of small, known shapes become one step. For compiling only: what it makes has no derivative.
    Fuse,
}

impl Pass {
    /// Whether the pass makes what can only be run, and no longer be differentiated or rewritten.
    pub(crate) fn lowers(&self) -> bool {
        match self {
            Pass::Merge | Pass::Rules(_) => false,
            Pass::Lower(_) | Pass::Fuse => true,
        }
    }

    fn run(&self, graph: &mut FunctionGraph, all: &[Pass]) -> Result<()> {
        match self {
            Pass::Merge => graph.merge().map(|_| ()),
            Pass::Rules(rules) | Pass::Lower(rules) => run_rules(graph, rules, all),
            Pass::Fuse => fuse(graph),
        }
    }
}

/// Runs passes one after another.
///
/// # Errors
///
/// A rule that fails, changes a type, or does not come to rest.
pub(crate) fn run_passes(graph: &mut FunctionGraph, passes: &[Pass]) -> Result<()> {
    for pass in passes {
        pass.run(graph, passes)?;
        debug_assert_eq!(graph.check(), Ok(()), "after {pass:?}");
    }
    Ok(())
}

/// A worklist of nodes: those whose surroundings changed are looked at again.
fn run_rules(graph: &mut FunctionGraph, rules: &RuleDb, passes: &[Pass]) -> Result<()> {
    let mut pending: VecDeque<NodeId> = graph.toposort().into();
    let budget = 100 + 10 * pending.len();
    let mut fired: BTreeMap<&'static str, usize> = BTreeMap::new();
    while let Some(node) = pending.pop_front() {
        let Some((rule, changed)) = apply_first(graph, (rules, passes), node)? else { continue };
        *fired.entry(rule).or_insert(0) += 1;
        let applications: usize = fired.values().sum();
        if applications > budget {
            let rule = fired.iter().max_by_key(|(_, count)| **count).map_or(rule, |(rule, _)| rule);
            return Err(BuildError::Budget { rule: rule.into(), applications });
        }
        pending.extend(changed);
    }
    Ok(())
}

/// Tries the rules at a node, in order; returns the one that fired and the nodes to look at again.
fn apply_first(
    graph: &mut FunctionGraph,
    (rules, passes): (&RuleDb, &[Pass]),
    node: NodeId,
) -> Result<Option<(&'static str, Vec<NodeId>)>> {
    let proposal = graph.with_view(node, |view| {
        let op = view.op().name();
        let fitting = rules.iter().filter(|rule| rule.roots().is_empty() || rule.roots().contains(&&*op));
        fitting
            .map(|rule| Ok((rule, propose(&RuleContext::new(graph, passes), (graph, node), rule, view)?)))
            .find(|answer| !matches!(answer, Ok((_, None))))
    });
    match proposal.flatten().transpose()? {
        Some((rule, Some(new))) => Ok(Some((rule.name(), install(graph, rule, node, &new)?))),
        Some((_, None)) | None => Ok(None),
    }
}

/// What a rule would put in place of a node's outputs; `None` also if that is what is there.
fn propose(
    context: &RuleContext<'_>,
    (graph, node): (&FunctionGraph, NodeId),
    rule: &dyn Rule,
    view: &NodeView<'_>,
) -> Result<Option<Vec<Variable>>> {
    let _scope = graph.rewriting(node, rule.name());
    let new = rule.apply(context, view)?;
    Ok(new.filter(|new| new != view.outputs()))
}

/// Puts a replacement in and records it; returns the nodes to look at again.
fn install(graph: &mut FunctionGraph, rule: &dyn Rule, node: NodeId, new: &[Variable]) -> Result<Vec<NodeId>> {
    let old = graph.node_outputs(node).to_vec();
    if new.len() != old.len() {
        return Err(BuildError::parameter(rule.name(), "a rule must give a replacement for every output of the node"));
    }
    let bound: Vec<Variable> = old.iter().map(|&value| graph.bind(value)).collect();
    if ancestors(new).iter().any(|leaf| bound.contains(leaf)) {
        return Err(BuildError::parameter(rule.name(), "a replacement must not use what it replaces (nor its shape)"));
    }
    let application = describe(graph, rule, node, new);
    let users = users(graph, &old);
    let mark = graph.mark();
    let values = graph.import(new)?;
    for (&old, &new) in old.iter().zip(&values) {
        graph.replace(old, new, rule.name())?;
    }
    application.into_iter().for_each(|application| graph.record(application));
    Ok(graph.nodes_since(mark).chain(users).collect())
}

/// What is about to be replaced by what, for the record.
fn describe(graph: &FunctionGraph, rule: &dyn Rule, node: NodeId, new: &[Variable]) -> Option<Application> {
    graph.with_view(node, |view| {
        let inputs: Vec<String> = view.inputs().iter().map(|input| text_in(graph, input)).collect();
        let outputs: Vec<String> = new.iter().map(|variable| text_of_new(graph, variable)).collect();
        Application {
            rule: rule.name(),
            reason: rule.reason(),
            origin: view.origin(),
            before: format!("{}{}({})", view.op().name(), view.op().props(), inputs.join(", ")),
            after: outputs.join("; "),
        }
    })
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

/// The nodes that use some values, and the users of those: rules look through one node at the next.
fn users(graph: &FunctionGraph, values: &[ValueId]) -> Vec<NodeId> {
    let of = |value: ValueId| {
        graph.clients(value).iter().filter_map(|client| match client {
            Client::Node(node, _) => Some(*node),
            Client::Output(_) => None,
        })
    };
    let near: Vec<NodeId> = values.iter().flat_map(|&value| of(value)).collect();
    let far = near.iter().flat_map(|&node| graph.node_outputs(node)).flat_map(|&output| of(output));
    let far: Vec<NodeId> = far.collect();
    [near, far].concat()
}
