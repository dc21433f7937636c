//! The function graph: a private arena in which rewriting happens.
//!
//! The needed part of an expression is copied in once; nodes keep their inputs in order and values keep their
//! clients, so replacing a value costs as much as it has uses. What a rule binds enters the replacement expression
//! as a bound leaf and is mapped back when that expression is imported; a rule never sees a stale handle.
//! petgraph serves the questions that need graph algorithms; the arena stays the truth, because petgraph's edges
//! have no order.

use std::sync::Arc;

use smallvec::SmallVec;

use crate::error::Result;
use crate::op::{NodeView, OpRef};
use crate::origin::{self, Origin, Role};
use crate::shared::Cell;
use crate::types::TypeRef;
use crate::value::Value;
use crate::variable::{Variable, VariableKey};
use crate::walk::AddressMap;

mod change;
mod dot;
mod import;
mod merge;
mod order;
mod undo;

use undo::Edit;

/// A node of a function graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct NodeId(pub(crate) u32);

/// A value of a function graph.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct ValueId(pub(crate) u32);

impl NodeId {
    /// A small number, for tables: below [`FunctionGraph::mark`].
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

/// One use of a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Client {
    /// As the input of a node, at a position.
    Node(NodeId, u32),
    /// As an output of the graph, at a position.
    Output(u32),
}

/// Where a value comes from.
#[derive(Clone, Debug)]
pub enum Producer {
    /// It is an input of the graph, at a position.
    Input(u32),
    /// It is a constant.
    Constant(Arc<dyn Value>),
    /// It is an output of a node, at a position.
    Node(NodeId, u32),
}

/// One application of a rewrite rule: what `explain()` tells.
#[derive(Clone, Debug)]
pub struct Application {
    /// The rule's name.
    pub rule: &'static str,
    /// Why the rule exists.
    pub reason: &'static str,
    /// The user's line of what was replaced.
    pub origin: Origin,
    /// What was replaced.
    pub before: String,
    /// What replaced it.
    pub after: String,
}

#[derive(Clone, Debug)]
pub(crate) struct NodeData {
    pub(crate) op: OpRef,
    pub(crate) inputs: SmallVec<[ValueId; 2]>,
    /// For each input, the place of this use among its clients: a use is taken out without searching.
    places: SmallVec<[u32; 2]>,
    pub(crate) outputs: SmallVec<[ValueId; 1]>,
    pub(crate) origin: Origin,
}

#[derive(Clone, Debug)]
pub(crate) struct ValueData {
    pub(crate) ty: TypeRef,
    pub(crate) name: Option<Arc<str>>,
    pub(crate) origin: Origin,
    pub(crate) producer: Producer,
    pub(crate) clients: SmallVec<[Client; 2]>,
    /// The handle of an input or constant; what a node makes is bound anew on request.
    leaf: Option<Variable>,
}

/// A mutable graph with ordered inputs and outputs.
#[derive(Debug)]
pub struct FunctionGraph {
    nodes: Vec<Option<NodeData>>,
    values: Vec<ValueData>,
    inputs: Vec<ValueId>,
    outputs: Vec<ValueId>,
    leaves: AddressMap<VariableKey, ValueId>,
    /// The values behind the inputs that are no arguments: those from `argument_count` on.
    shared: Vec<Arc<Cell>>,
    argument_count: usize,
    /// For the outputs that no caller sees, those from `result_count` on: the shared value that each becomes.
    updates: Vec<Arc<Cell>>,
    /// The outputs as they were written, before any rewriting.
    written: Vec<Variable>,
    result_count: usize,
    history: Vec<Application>,
    /// What was changed since the outermost open transaction began.
    journal: Option<Vec<Edit>>,
    /// Its address tells this graph's bound leaves from another's.
    token: Arc<u8>,
}

impl FunctionGraph {
    /// Copies what the outputs need.
    ///
    /// # Errors
    ///
    /// An input given twice, or that is a constant or an intermediate variable; a free variable among the ancestors
    /// of the outputs that is not an input.
    #[track_caller]
    pub fn new(inputs: &[Variable], outputs: &[Variable]) -> Result<Self> {
        let mut graph = Self {
            nodes: Vec::new(),
            values: Vec::new(),
            inputs: Vec::with_capacity(inputs.len()),
            outputs: Vec::with_capacity(outputs.len()),
            leaves: AddressMap::default(),
            shared: Vec::new(),
            argument_count: inputs.len(),
            updates: Vec::new(),
            written: outputs.to_vec(),
            result_count: outputs.len(),
            history: Vec::new(),
            journal: None,
            token: Arc::new(0),
        };
        for (position, variable) in inputs.iter().enumerate() {
            graph.add_input(position, variable)?;
        }
        graph.outputs = graph.import(outputs)?;
        for position in 0..outputs.len() {
            let output = graph.outputs[position];
            graph.list(output, Client::Output(position as u32));
        }
        Ok(graph)
    }

    fn node_mut(&mut self, id: NodeId) -> &mut NodeData {
        self.nodes[id.0 as usize].as_mut().expect("a client list names only living nodes")
    }

    fn value_mut(&mut self, id: ValueId) -> &mut ValueData {
        &mut self.values[id.0 as usize]
    }

    pub(crate) fn node(&self, id: NodeId) -> Option<&NodeData> {
        self.nodes.get(id.0 as usize)?.as_ref()
    }

    pub(crate) fn value(&self, id: ValueId) -> &ValueData {
        &self.values[id.0 as usize]
    }

    /// Says that the last outputs are updates of shared variables, one for each of `targets`.
    pub(crate) fn set_updates(&mut self, targets: &[Variable]) -> Result<()> {
        // An update may be the only mention of a variable.
        self.import(targets)?;
        self.updates = targets.iter().filter_map(|target| target.cell().cloned()).collect();
        self.result_count = self.outputs.len() - self.updates.len();
        Ok(())
    }

    pub(crate) fn shared(&self) -> &[Arc<Cell>] {
        &self.shared
    }

    /// A graph of the same inputs and outputs as they were written, before any rewriting; without updates.
    pub(crate) fn as_written(&self) -> Result<Self> {
        let inputs: Vec<Variable> = self.inputs[..self.argument_count].iter().map(|&input| self.bind(input)).collect();
        Self::new(&inputs, &self.written)
    }

    pub(crate) fn updates(&self) -> &[Arc<Cell>] {
        &self.updates
    }

    /// How many of the inputs are arguments of a call; the rest are shared variables.
    pub fn argument_count(&self) -> usize {
        self.argument_count
    }

    /// How many of the outputs a caller sees; the rest are updates of shared variables.
    pub fn result_count(&self) -> usize {
        self.result_count
    }

    /// The inputs, in order: first the arguments of a call, then shared variables.
    pub fn inputs(&self) -> &[ValueId] {
        &self.inputs
    }

    /// The outputs, in order; they may repeat. The last ones may be updates of shared variables.
    pub fn outputs(&self) -> &[ValueId] {
        &self.outputs
    }

    /// Where a value comes from.
    pub fn producer(&self, id: ValueId) -> &Producer {
        &self.value(id).producer
    }

    pub(crate) fn is_leaf(&self, id: ValueId) -> bool {
        !matches!(self.producer(id), Producer::Node(..))
    }

    /// The type of a value.
    pub fn ty(&self, id: ValueId) -> &TypeRef {
        &self.value(id).ty
    }

    /// The uses of a value.
    pub fn clients(&self, id: ValueId) -> &[Client] {
        &self.value(id).clients
    }

    /// The op of a living node.
    pub fn op(&self, id: NodeId) -> Option<&OpRef> {
        self.node(id).map(|node| &node.op)
    }

    /// The outputs of a node; empty when it is gone.
    pub fn node_outputs(&self, id: NodeId) -> &[ValueId] {
        self.node(id).map_or(&[], |node| &node.outputs)
    }

    /// The inputs of a node; empty when it is gone.
    pub fn node_inputs(&self, id: NodeId) -> &[ValueId] {
        self.node(id).map_or(&[], |node| &node.inputs)
    }

    pub(crate) fn value_count(&self) -> usize {
        self.values.len()
    }

    /// A mark for [`nodes_since`](Self::nodes_since).
    pub fn mark(&self) -> usize {
        self.nodes.len()
    }

    /// The living nodes that were imported since a mark was taken, each after the nodes it depends on.
    pub fn nodes_since(&self, mark: usize) -> impl Iterator<Item = NodeId> {
        (mark..self.nodes.len()).map(|at| NodeId(at as u32)).filter(|id| self.node(*id).is_some())
    }

    /// How many nodes the graph has.
    pub fn node_count(&self) -> usize {
        self.nodes.iter().flatten().count()
    }

    /// What rules have done to this graph, in order.
    pub fn history(&self) -> &[Application] {
        &self.history
    }

    /// Adds to the history.
    pub fn record(&mut self, application: Application) {
        self.history.push(application);
    }

    fn token_number(&self) -> u64 {
        Arc::as_ptr(&self.token) as u64
    }

    /// A handle by which a rule may use a value in a replacement expression.
    pub fn bind(&self, id: ValueId) -> Variable {
        let value = self.value(id);
        match &value.leaf {
            Some(leaf) => leaf.clone(),
            None => {
                Variable::bound(value.ty.clone(), self.token_number(), id, value.origin.clone(), value.name.as_ref())
            }
        }
    }

    /// The node that makes a bound variable, in this graph as it is now, and which output it is.
    pub fn owner(&self, variable: &Variable) -> Option<(NodeId, usize)> {
        let (_, id) = variable.bound_to().filter(|(token, _)| *token == self.token_number())?;
        match self.producer(id) {
            Producer::Node(node, index) => Some((*node, *index as usize)),
            Producer::Input(_) | Producer::Constant(_) => None,
        }
    }

    /// The line of a living node, and the way from there to it.
    pub fn origin(&self, id: NodeId) -> Option<&Origin> {
        self.node(id).map(|node| &node.origin)
    }

    /// Calls `read` with a view of a node whose inputs and outputs are bound leaves; `None` when the node is gone.
    pub fn with_view<R>(&self, id: NodeId, read: impl FnOnce(&NodeView<'_>) -> R) -> Option<R> {
        let node = self.node(id)?;
        let inputs: SmallVec<[Variable; 2]> = node.inputs.iter().map(|&input| self.bind(input)).collect();
        let outputs: SmallVec<[Variable; 1]> = node.outputs.iter().map(|&output| self.bind(output)).collect();
        Some(read(&NodeView::new(&node.op, &inputs, &outputs, node.origin.clone())))
    }

    /// The scope in which a rule's replacement for a node is built: it keeps the node's line.
    pub fn rewriting(&self, node: NodeId, rule: &'static str) -> Option<origin::Scope> {
        let node = self.node(node)?;
        Some(origin::within(node.origin.clone().derived(Role::Rewritten(rule), node.op.name())))
    }
}
