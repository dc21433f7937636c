//! What is told of an op that failed in a call: its node, what it was given, where it comes from, who waits for it.
//!
//! The values are described when the op fails, because they do not outlive the call; all else is read from the plan
//! when somebody asks, so that a sampler which rejects a point pays for little.

use std::error::Error;
use std::fmt;
use std::sync::Arc;

use super::plan::Plan;
use super::watch::Guarded;
use crate::error::OpError;
use crate::fgraph::{Client, FunctionGraph, NodeId, ValueId};
use crate::op::{OpRef, OpState, Part};
use crate::origin::Origin;
use crate::print::value_text;
use crate::value::Value;

/// Of a value that goes to many places so many are named.
const PLACES: usize = 3;
/// Values of at most so many numbers are shown.
const NUMBERS: usize = 6;

/// An op that failed in a call, with what is known of its node. It prints as a block of lines.
pub struct NodeFailure {
    plan: Arc<Plan>,
    step: usize,
    given: Vec<String>,
    part: Option<Part>,
    failure: Box<dyn OpError>,
}

/// An input of a node that failed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct GivenInput {
    /// Its name, or a short expression.
    pub name: String,
    /// The type that was declared.
    pub ty: String,
    /// What it was in this call: dtype and shape, strides where it is not row-major, the numbers where they are few.
    pub value: String,
}

impl NodeFailure {
    pub(super) fn new<'v>(
        plan: &Arc<Plan>,
        step: usize,
        state: Option<&dyn OpState>,
        inputs: impl Iterator<Item = Option<&'v dyn Value>>,
        failure: Box<dyn OpError>,
    ) -> Box<Self> {
        let given = inputs.map(|value| value.map_or_else(|| "nothing".to_owned(), described)).collect();
        let error: &(dyn Error + 'static) = &*failure;
        let guarded = error.downcast_ref::<Guarded>();
        let part = guarded.and_then(|guarded| plan.steps[step].op.blame(state, &|x| guarded.guard.refuses(x)));
        Box::new(Self { plan: plan.clone(), step, given, part, failure })
    }

    /// The op, with its parameters.
    pub fn op(&self) -> &OpRef {
        &self.plan.steps[self.step].op
    }

    /// The op's own words.
    pub fn failure(&self) -> &(dyn OpError + 'static) {
        &*self.failure
    }

    /// The position of the node in the order in which nodes run, from 0.
    pub fn position(&self) -> usize {
        self.step
    }

    /// The user's line, and the way from there to the node.
    pub fn origin(&self) -> Origin {
        self.graph().origin(self.node()).cloned().unwrap_or_else(Origin::caller)
    }

    /// Where the op stands for many nodes, and this is known: the first of them that went wrong.
    pub fn part(&self) -> Option<&Part> {
        self.part.as_ref()
    }

    /// The inputs, in order.
    pub fn inputs(&self) -> Vec<GivenInput> {
        let inputs = self.graph().node_inputs(self.node()).iter().zip(&self.given);
        let given = |(&id, value): (&ValueId, &String)| GivenInput {
            name: value_text(self.graph(), id),
            ty: self.graph().ty(id).to_string(),
            value: value.clone(),
        };
        inputs.map(given).collect()
    }

    /// For each output, what waits for it, in words.
    pub fn consumers(&self) -> Vec<Vec<String>> {
        let of = |&id: &ValueId| self.graph().clients(id).iter().map(|client| self.place(client)).collect();
        self.graph().node_outputs(self.node()).iter().map(of).collect()
    }

    /// The op and its own words, without the lines on the node.
    pub(crate) fn headline(&self) -> String {
        format!("{}: {}", self.op().name(), self.failure)
    }

    fn graph(&self) -> &FunctionGraph {
        &self.plan.graph
    }

    fn node(&self) -> NodeId {
        self.plan.steps[self.step].node
    }

    fn place(&self, client: &Client) -> String {
        match client {
            Client::Node(node, position) => match self.graph().node(*node) {
                Some(user) => format!("input {position} of {}{} at {}", user.op.name(), user.op.props(), user.origin),
                None => "a node that is gone".to_owned(),
            },
            Client::Output(position) => match (*position as usize).checked_sub(self.graph().result_count()) {
                None => format!("output {position} of the function"),
                Some(update) => format!("the update of shared variable `{}`", updated(self.graph(), update)),
            },
        }
    }
}

/// The name of the shared variable of an update.
fn updated(graph: &FunctionGraph, update: usize) -> String {
    let cell = graph.updates().get(update);
    let place = cell.and_then(|cell| graph.shared().iter().position(|other| Arc::ptr_eq(cell, other)));
    let input = place.and_then(|place| graph.inputs().get(graph.argument_count() + place));
    input.map_or_else(String::new, |&input| value_text(graph, input))
}

impl fmt::Display for NodeFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let op = self.op();
        f.write_str(&self.headline())?;
        write!(f, "\n  node {} of {}: {}{}", self.step, self.plan.steps.len(), op.name(), op.props())?;
        for (position, GivenInput { name, ty, value }) in self.inputs().into_iter().enumerate() {
            // A constant is named by its numbers already.
            let value = value.strip_suffix(&format!(" = {name}")).unwrap_or(&value);
            write!(f, "\n  input {position}: `{name}` {value}")?;
            if !value.starts_with(&ty) {
                write!(f, ", of type {ty}")?;
            }
        }
        for (position, places) in self.consumers().iter().enumerate().filter(|(_, places)| !places.is_empty()) {
            let (shown, more) = (places.len().min(PLACES), places.len().saturating_sub(PLACES));
            write!(f, "\n  output {position} goes to {}", places[..shown].join(", to "))?;
            if more > 0 {
                write!(f, ", and to {more} more")?;
            }
        }
        write!(f, "\n  built at {:#}", self.origin())?;
        if let Some(Part { op, origin }) = &self.part {
            write!(f, "\n  the first of its parts that went wrong is {op}, built at {origin:#}")?;
        }
        match self.failure.inside() {
            Some(inner) => write!(f, "\n  inside: {}", inner.to_string().replace('\n', "\n  ")),
            None => Ok(()),
        }
    }
}

/// As it is displayed: what `unwrap` prints should be read, too.
impl fmt::Debug for NodeFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

/// Dtype and shape, strides where they are unusual, numbers where they are few.
fn described(value: &dyn Value) -> String {
    let layout = value.layout().map_or(String::new(), |layout| format!(", {layout}"));
    let numbers = value.brief().or_else(|| few_numbers(value)).map_or(String::new(), |few| format!(" = {few}"));
    format!("{}{layout}{numbers}", value.describe())
}

/// The numbers of a small tensor, in the brackets of its axes.
fn few_numbers(value: &dyn Value) -> Option<String> {
    let numbers = value.as_f64().filter(|numbers| (1..=NUMBERS).contains(&numbers.len()))?;
    let mut texts: Vec<String> = numbers.iter().map(|x| format!("{x:?}")).collect();
    for &length in value.extents().iter().rev() {
        texts = texts.chunks(length).map(|row| format!("[{}]", row.join(", "))).collect();
    }
    texts.pop()
}
