//! Connected nodes of small, known shapes become one step: a [`ScalarProgram`].
//!
//! Every node gets a stage: the number of times that a way to it leaves a node that suits a program for one that does
//! not, and comes back. The nodes of one stage that suit are a program. A way from one of them through a node that
//! does not suit leads to a later stage only, so no program waits for itself; and each node is in one program, so
//! nothing is computed twice. What is needed under other conditions is in another program.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap, HashSet};

use kronograph_graph::{
    Application, Client, FunctionGraph, Need, NodeId, Producer, Result, ValueId, Variable, apply_all,
};
use kronograph_ops::{ProgramBuilder, ProgramValue, ScalarProgram};

const RULE: &str = "fuse";
/// A program has about this many elements at most, so that its registers stay near the processor.
const MOST_ELEMENTS: usize = 1 << 15;
const REASON: &str = "small nodes of known shapes run as one step over registers, with the same numbers";

/// Replaces every group of at least two nodes that suit a program.
pub(super) fn fuse(graph: &mut FunctionGraph) -> Result<()> {
    for nodes in groups(graph) {
        if nodes.iter().filter(|&&node| computes(graph, node)).count() < 2 {
            continue;
        }
        if let Some(group) = Group::of(graph, &nodes) {
            group.install(graph)?;
        }
    }
    Ok(())
}

/// The nodes of each stage that suit a program, each after those that it depends on.
fn groups(graph: &FunctionGraph) -> Vec<Vec<NodeId>> {
    let mut stages = vec![(0, false); graph.mark()];
    let needs = graph.needs();
    let need = |node: NodeId| needs.as_ref().map_or(Need::ALWAYS, |needs| needs[node.index()]);
    let mut groups: BTreeMap<(u32, Need), Vec<NodeId>> = BTreeMap::new();
    for node in graph.toposort() {
        let suits = suits(graph, node);
        let after = |&input: &ValueId| match graph.producer(input) {
            Producer::Node(owner, _) => {
                let (stage, fused) = stages[owner.index()];
                stage + u32::from(suits && !fused)
            }
            Producer::Input(_) | Producer::Constant(_) => 0,
        };
        let stage = graph.node_inputs(node).iter().map(after).max().unwrap_or(0);
        stages[node.index()] = (stage, suits);
        if suits {
            groups.entry((stage, need(node))).or_default().push(node);
        }
    }
    groups.into_values().flat_map(|nodes| pieces(graph, nodes)).collect()
}

/// Cuts a group that is too large for one program. A piece depends on earlier pieces only.
fn pieces(graph: &FunctionGraph, nodes: Vec<NodeId>) -> Vec<Vec<NodeId>> {
    let size = |node: NodeId| {
        let lengths = graph.node_outputs(node).iter().flat_map(|&output| graph.ty(output).extents());
        lengths.flatten().product::<usize>()
    };
    let (mut pieces, mut elements) = (vec![Vec::new()], 0);
    for node in nodes {
        elements += size(node);
        if elements > MOST_ELEMENTS {
            elements = size(node);
            pieces.push(Vec::new());
        }
        pieces.last_mut().expect("there is one from the start").push(node);
    }
    pieces
}

fn suits(graph: &FunctionGraph, node: NodeId) -> bool {
    let (Some(op), &[output]) = (graph.op(node), graph.node_outputs(node)) else { return false };
    let inputs: Vec<_> = graph.node_inputs(node).iter().map(|&input| graph.ty(input)).collect();
    ProgramBuilder::admits(op, &inputs, graph.ty(output))
}

/// Whether a node computes anything, rather than being a view.
fn computes(graph: &FunctionGraph, node: NodeId) -> bool {
    graph.op(node).is_some_and(|op| op.view_map().is_empty())
}

/// A program, the values that it is given, and the values that it takes the place of.
struct Group {
    program: ScalarProgram,
    inputs: Vec<ValueId>,
    outputs: Vec<ValueId>,
    record: Application,
}

impl Group {
    /// `None` if a node has no form in registers after all.
    fn of(graph: &FunctionGraph, nodes: &[NodeId]) -> Option<Self> {
        let mut program = ProgramBuilder::default();
        let mut known: HashMap<ValueId, ProgramValue> = HashMap::new();
        let (mut inputs, mut outputs) = (Vec::new(), Vec::new());
        for &node in nodes {
            let mut operands = Vec::with_capacity(graph.node_inputs(node).len());
            for &input in graph.node_inputs(node) {
                let operand = match (known.get(&input), graph.producer(input)) {
                    (Some(&operand), _) => operand,
                    (None, Producer::Constant(value)) => program.constant(graph.ty(input), &**value)?,
                    (None, Producer::Input(_) | Producer::Node(..)) => {
                        inputs.push(input);
                        program.input(graph.ty(input))?
                    }
                };
                known.insert(input, operand);
                operands.push(operand);
            }
            let &[output] = graph.node_outputs(node) else { return None };
            let origin = graph.origin(node)?.clone();
            known.insert(output, program.node(graph.op(node)?, &operands, graph.ty(output), origin)?);
        }
        let inside: HashSet<NodeId> = nodes.iter().copied().collect();
        let leaves = |client: &Client| !matches!(client, Client::Node(user, _) if inside.contains(user));
        let made = nodes.iter().flat_map(|&node| graph.node_outputs(node).iter().copied());
        outputs.extend(made.filter(|&value| graph.clients(value).iter().any(leaves)));
        let results: Vec<ProgramValue> = outputs.iter().map(|output| known[output]).collect();
        let record = record(graph, nodes, inputs.len(), outputs.len())?;
        Some(Self { program: program.finish(&results)?, inputs, outputs, record })
    }

    fn install(self, graph: &mut FunctionGraph) -> Result<()> {
        let inputs: Vec<Variable> = self.inputs.iter().map(|&input| graph.bind(input)).collect();
        let Some(Producer::Node(last, _)) = self.outputs.last().map(|&output| graph.producer(output).clone()) else {
            return Ok(());
        };
        let made = {
            let _scope = graph.rewriting(last, RULE);
            apply_all(self.program, &inputs)?
        };
        for (&old, new) in self.outputs.iter().zip(graph.import(&made)?) {
            graph.replace(old, new, RULE)?;
        }
        graph.record(self.record);
        Ok(())
    }
}

/// What was fused, by op and number.
fn record(graph: &FunctionGraph, nodes: &[NodeId], inputs: usize, outputs: usize) -> Option<Application> {
    let mut counts: BTreeMap<Cow<'static, str>, usize> = BTreeMap::new();
    for &node in nodes {
        *counts.entry(graph.op(node)?.name()).or_insert(0) += 1;
    }
    let counts: Vec<String> = counts.iter().map(|(op, count)| format!("{count} {op}")).collect();
    Some(Application {
        rule: RULE,
        reason: REASON,
        origin: graph.origin(*nodes.last()?)?.clone(),
        before: counts.join(", "),
        after: format!("one scalar_program of {inputs} input(s) and {outputs} output(s)"),
    })
}
