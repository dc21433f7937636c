//! The plan of a function: the order of the nodes, and which slot holds what and for how long.
//!
//! Lifetimes are those of a fixed order. A view extends the life of what it is a view of, and lets go of it at its
//! own last use, so that the base is the only holder of its storage again when the next call wants to reuse it.

use std::collections::hash_map::DefaultHasher;
use std::hash::Hasher;
use std::sync::Arc;

use smallvec::SmallVec;

use crate::error::Result;
use crate::fgraph::{FunctionGraph, NodeId, Producer, ValueId};
use crate::needs::Need;
use crate::op::OpRef;
use crate::types::TypeRef;
use crate::value::Value;
use crate::walk::AddressMap;

/// Where a step finds a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Source {
    Argument(u32),
    Constant(u32),
    Slot(u32),
}

#[derive(Debug)]
pub(super) struct Step {
    pub(super) op: OpRef,
    pub(super) inputs: Box<[Source]>,
    pub(super) outputs: SmallVec<[u32; 1]>,
    /// The place of the op's state, if it keeps one.
    pub(super) state: Option<u32>,
    /// Slots of views whose last use this step is.
    pub(super) release: SmallVec<[u32; 1]>,
    /// For errors.
    pub(super) node: NodeId,
}

#[derive(Debug)]
pub(super) struct Plan {
    pub(super) graph: FunctionGraph,
    /// The types of a call's arguments.
    pub(super) arguments: Vec<TypeRef>,
    pub(super) steps: Vec<Step>,
    pub(super) constants: Vec<Arc<dyn Value>>,
    /// The results, and then the new values of shared variables.
    pub(super) outputs: Vec<Source>,
    /// Arguments that are outputs too, and the slots they are copied to: outputs outlive the borrow of arguments.
    pub(super) passed: Vec<(u32, u32)>,
    /// Slots of outputs that are views: they let go of the last call's storage before the next one writes to it.
    pub(super) output_views: Vec<u32>,
    pub(super) slot_count: usize,
    pub(super) state_count: usize,
    pub(super) most_outputs: usize,
    /// The conditions under which each step runs; empty if all run in every call.
    pub(super) guards: Vec<Conditions>,
}

/// Conditions and the values that they must have, from the outermost in: one is computed only where those before hold.
pub(super) type Conditions = SmallVec<[(Source, bool); 1]>;

impl Plan {
    pub(super) fn new(graph: FunctionGraph) -> Result<Self> {
        let Order { nodes: order, conditions } = Order::of(&graph);
        let lives = Lives::new(&graph, &order, &conditions)?;
        let mut planner = Planner::new(&graph, lives, order.len());
        let steps: Vec<Step> = order.iter().enumerate().filter_map(|(at, &id)| planner.step(at, id)).collect();
        let guards = conditions.iter().map(|conditions| planner.guard(conditions)).collect();
        let arguments = graph.inputs()[..graph.argument_count()].iter().map(|&input| graph.ty(input).clone()).collect();
        let mut passed = Vec::new();
        let outputs = graph.outputs().iter().map(|&output| planner.output(output, &mut passed)).collect();
        let most_outputs = steps.iter().map(|step| step.outputs.len()).max().unwrap_or(0);
        let output_views = planner.output_views();
        let Planner { constants, slot_count, state_count, .. } = planner;
        Ok(Self {
            arguments,
            steps,
            constants,
            outputs,
            passed,
            output_views,
            slot_count,
            state_count,
            most_outputs,
            guards,
            graph,
        })
    }
}

/// The nodes in the order in which they run.
struct Order {
    nodes: Vec<NodeId>,
    /// The conditions of each, with the values that they must have, from the outermost in; empty if there are none.
    conditions: Vec<Vec<(ValueId, bool)>>,
}

impl Order {
    /// What is needed under a condition only runs after it.
    fn of(graph: &FunctionGraph) -> Self {
        let nodes = graph.toposort();
        let Some((tree, needs)) = graph.lazy_needs(&nodes) else { return Self { nodes, conditions: Vec::new() } };
        let conditions = |need: Need| tree.between(need, Need::ALWAYS).map(|(&value, holds)| (value, holds));
        let first: Vec<Vec<ValueId>> =
            needs.iter().map(|&need| conditions(need).map(|(value, _)| value).collect()).collect();
        let nodes = graph.toposort_after(|id| &first[id.index()]);
        let outermost_first = |id: &NodeId| {
            let mut conditions: Vec<_> = conditions(needs[id.index()]).collect();
            conditions.reverse();
            conditions
        };
        let conditions = nodes.iter().map(outermost_first).collect();
        Self { nodes, conditions }
    }
}

/// For each value: the step of its last use (outputs live for ever), and what it is a view of.
struct Lives {
    last: Vec<usize>,
    bases: Vec<SmallVec<[ValueId; 1]>>,
}

impl Lives {
    fn new(graph: &FunctionGraph, order: &[NodeId], conditions: &[Vec<(ValueId, bool)>]) -> Result<Self> {
        let count = graph.value_count();
        let mut lives = Self { last: vec![0; count], bases: vec![SmallVec::new(); count] };
        let mut made = vec![false; graph.value_count()];
        for (at, id) in order.iter().enumerate() {
            let Some(node) = graph.node(*id) else { continue };
            let is_made = |&input: &ValueId| made[input.0 as usize] || graph.is_leaf(input);
            if !node.inputs.iter().all(is_made) {
                return Err(super::cyclic(&*node.op));
            }
            node.outputs.iter().for_each(|output| made[output.0 as usize] = true);
            let looked_at = conditions.get(at).into_iter().flatten().map(|(condition, _)| condition);
            for &value in node.inputs.iter().chain(&node.outputs).chain(looked_at) {
                lives.last[value.0 as usize] = at;
            }
            for &(output, input) in node.op.view_map() {
                match (node.outputs.get(output), node.inputs.get(input)) {
                    (Some(&view), Some(&base)) => lives.bases[view.0 as usize].push(base),
                    _ => return Err(super::bad_declaration(&*node.op)),
                }
            }
        }
        for &output in graph.outputs() {
            lives.last[output.0 as usize] = usize::MAX;
        }
        // Later nodes first: a view of a view hands its life on.
        for id in order.iter().rev() {
            for &view in graph.node_outputs(*id) {
                let last = lives.last[view.0 as usize];
                for base in &lives.bases[view.0 as usize] {
                    let base = &mut lives.last[base.0 as usize];
                    *base = last.max(*base);
                }
            }
        }
        Ok(lives)
    }
}

/// A slot whose value is not needed any more.
#[derive(Clone, Copy)]
struct Ending {
    slot: u32,
    is_view: bool,
    class: u64,
}

struct Planner<'a> {
    graph: &'a FunctionGraph,
    lives: Lives,
    slots: Vec<Option<u32>>,
    constants: Vec<Arc<dyn Value>>,
    constant_of: AddressMap<ValueId, u32>,
    /// Free slots by type: only values of equal types share one.
    free: AddressMap<u64, Vec<u32>>,
    /// The slots that become free after each step: filled as values are born.
    ending: Vec<SmallVec<[Ending; 1]>>,
    slot_count: usize,
    state_count: usize,
}

impl<'a> Planner<'a> {
    fn new(graph: &'a FunctionGraph, lives: Lives, steps: usize) -> Self {
        Self {
            slots: vec![None; graph.value_count()],
            graph,
            lives,
            constants: Vec::new(),
            constant_of: AddressMap::default(),
            free: AddressMap::default(),
            ending: vec![SmallVec::new(); steps],
            slot_count: 0,
            state_count: 0,
        }
    }

    fn step(&mut self, at: usize, id: NodeId) -> Option<Step> {
        let node = self.graph.node(id)?;
        let inputs = node.inputs.iter().map(|&input| self.source(input)).collect();
        let outputs = node.outputs.iter().map(|&output| self.give_slot(output)).collect();
        let state = node.op.state().map(|_| {
            self.state_count += 1;
            self.state_count as u32 - 1
        });
        let mut release = SmallVec::new();
        for Ending { slot, is_view, class } in std::mem::take(&mut self.ending[at]) {
            release.extend(is_view.then_some(slot));
            self.free.entry(class).or_default().push(slot);
        }
        Some(Step { op: node.op.clone(), inputs, outputs, state, release, node: id })
    }

    fn guard(&mut self, conditions: &[(ValueId, bool)]) -> Conditions {
        conditions.iter().map(|&(condition, holds)| (self.source(condition), holds)).collect()
    }

    fn give_slot(&mut self, value: ValueId) -> u32 {
        let is_view = !self.lives.bases[value.0 as usize].is_empty();
        let class = self.class(value, is_view);
        let reused = self.free.get_mut(&class).and_then(Vec::pop);
        let slot = reused.unwrap_or_else(|| {
            self.slot_count += 1;
            self.slot_count as u32 - 1
        });
        self.slots[value.0 as usize] = Some(slot);
        if let Some(ending) = self.ending.get_mut(self.lives.last[value.0 as usize]) {
            ending.push(Ending { slot, is_view, class });
        }
        slot
    }

    fn output(&mut self, value: ValueId, passed: &mut Vec<(u32, u32)>) -> Source {
        match self.source(value) {
            Source::Argument(position) => {
                let slot = self.slot_count as u32;
                self.slot_count += 1;
                passed.push((position, slot));
                Source::Slot(slot)
            }
            other => other,
        }
    }

    fn output_views(&self) -> Vec<u32> {
        let views =
            (0..self.slots.len()).filter(|&at| !self.lives.bases[at].is_empty() && self.lives.last[at] == usize::MAX);
        views.filter_map(|at| self.slots[at]).collect()
    }

    /// A view shares its slot with nothing: where an op that may view has to copy instead, its buffer is there in the
    /// next call.
    fn class(&self, value: ValueId, is_view: bool) -> u64 {
        let mut hasher = DefaultHasher::new();
        self.graph.ty(value).digest_type(&mut hasher);
        hasher.write_u32(if is_view { value.0 } else { u32::MAX });
        hasher.finish()
    }

    fn source(&mut self, value: ValueId) -> Source {
        match self.graph.producer(value) {
            Producer::Input(position) => Source::Argument(*position),
            Producer::Constant(bits) => {
                let constants = &mut self.constants;
                let index = self.constant_of.entry(value).or_insert_with(|| {
                    constants.push(bits.clone());
                    constants.len() as u32 - 1
                });
                Source::Constant(*index)
            }
            Producer::Node(..) => Source::Slot(self.slots[value.0 as usize].expect("owners come first in the order")),
        }
    }
}
