//! Running a plan, step by step.

use std::borrow::Cow;
use std::sync::Arc;

use super::Function;
use super::plan::{Plan, Source, Step};
use super::watch::Watch;
use crate::error::{Described, OpError, OpFailure, OpResult, Result, RunError};
use crate::op::{Inputs, Io, Lookup, NodeView, OpState};
use crate::print::expression_text;
use crate::shared;
use crate::types::TypeRef;
use crate::value::{Slot, Value};
use crate::variable::Variable;

/// The arguments of a call, as the caller keeps them.
#[derive(Debug, Clone, Copy)]
pub(super) enum Arguments<'a> {
    Borrowed(&'a [&'a dyn Value]),
    Boxed(&'a [Box<dyn Value>]),
}

impl<'a> Arguments<'a> {
    fn len(self) -> usize {
        match self {
            Arguments::Borrowed(values) => values.len(),
            Arguments::Boxed(values) => values.len(),
        }
    }

    fn get(self, at: usize) -> Option<&'a dyn Value> {
        match self {
            Arguments::Borrowed(values) => values.get(at).copied(),
            Arguments::Boxed(values) => values.get(at).map(|value| &**value),
        }
    }
}

/// All the places where a value may be.
#[derive(Debug, Clone, Copy)]
pub(super) struct Places<'a> {
    plan: &'a Plan,
    slots: &'a [Slot],
    arguments: Arguments<'a>,
    converted: &'a [Option<Box<dyn Value>>],
    shared: &'a [Arc<dyn Value>],
}

impl<'a> Places<'a> {
    pub(super) fn find(&self, source: Source) -> Option<&'a dyn Value> {
        match source {
            Source::Argument(at) => match self.converted.get(at as usize) {
                Some(Some(value)) => Some(&**value),
                Some(None) => self.arguments.get(at as usize),
                None => self.shared.get(at as usize - self.converted.len()).map(|value| &**value),
            },
            Source::Constant(at) => self.plan.constants.get(at as usize).map(|value| &**value),
            Source::Slot(at) => self.slots.get(at as usize)?.value(),
        }
    }
}

/// The inputs of one step.
#[derive(Debug)]
struct StepInputs<'a> {
    places: Places<'a>,
    step: &'a Step,
}

impl Lookup for StepInputs<'_> {
    fn value(&self, input: usize) -> Option<&dyn Value> {
        self.places.find(*self.step.inputs.get(input)?)
    }

    fn ty(&self, input: usize) -> Option<&TypeRef> {
        let graph = &self.places.plan.graph;
        let value = graph.node(self.step.node)?.inputs.get(input)?;
        Some(graph.ty(*value))
    }
}

impl Function {
    pub(super) fn lookup<'a>(&'a self, arguments: Arguments<'a>) -> Places<'a> {
        let Self { plan, slots, converted, snapshot, .. } = self;
        Places { plan, slots, arguments, converted, shared: snapshot }
    }

    /// Checks the arguments against the inputs' types, and converts those that need it.
    pub(super) fn accept(&mut self, arguments: Arguments<'_>) -> Result<(), RunError> {
        let graph = &self.plan.graph;
        let want = graph.argument_count();
        if arguments.len() != want {
            return Err(RunError::Arity { want, got: arguments.len() });
        }
        for (position, &input) in graph.inputs()[..want].iter().enumerate() {
            let Some(argument) = arguments.get(position) else { continue };
            let converted = graph.ty(input).filter(argument).map_err(|rule| RunError::Argument {
                position,
                input: Box::new(Described::new(&graph.bind(input))),
                got: argument.describe(),
                rule,
                origin: graph.value(input).origin.clone(),
            })?;
            let place = &mut self.converted[position];
            if converted.is_some() || place.is_some() {
                *place = converted;
            }
        }
        Ok(())
    }

    /// Runs the plan, and then the updates of shared variables; a call that fails changes none.
    pub(super) fn run(&mut self, arguments: Arguments<'_>, watch: &mut impl Watch) -> Result<(), RunError> {
        shared::snapshot(self.plan.graph.shared(), &mut self.snapshot);
        let result = self.steps(arguments, watch).map_err(|(at, failure)| self.failure(at, arguments, failure));
        if result.is_ok() {
            self.update();
        }
        self.snapshot.clear();
        result
    }

    /// Runs the steps in order; an error comes with the position of its step.
    fn steps(&mut self, arguments: Arguments<'_>, watch: &mut impl Watch) -> Result<(), (usize, Box<dyn OpError>)> {
        let Self { plan, slots, states, converted, snapshot: shared, scratch, .. } = self;
        for &slot in &plan.output_views {
            slots[slot as usize].release();
        }
        for (at, step) in plan.steps.iter().enumerate() {
            let outputs = &mut scratch[..step.outputs.len()];
            swap(outputs, &step.outputs, slots);
            let inputs = StepInputs { places: Places { plan, slots, arguments, converted, shared }, step };
            watch.before();
            let result = perform(&inputs, outputs, step.state.map(|at| &mut states[at as usize]));
            let result = result.and_then(|()| watch.after(at, outputs));
            swap(outputs, &step.outputs, slots);
            result.map_err(|failure| (at, failure))?;
            for &slot in &step.release {
                slots[slot as usize].release();
            }
        }
        for &(position, slot) in &plan.passed {
            let mut place = std::mem::take(&mut slots[slot as usize]);
            let value = Places { plan, slots, arguments, converted, shared }.find(Source::Argument(position));
            value.into_iter().for_each(|value| place.assign(value));
            slots[slot as usize] = place;
        }
        Ok(())
    }

    /// All new values are taken before the first is put, for one may be computed from another's old value.
    fn update(&self) {
        let graph = &self.plan.graph;
        if graph.updates().is_empty() {
            return;
        }
        let places = self.lookup(Arguments::Borrowed(&[]));
        let value = |&source: &Source| Some(Arc::from(places.find(source)?.boxed_clone()));
        let values: Vec<Option<Arc<dyn Value>>> = self.plan.outputs[graph.result_count()..].iter().map(value).collect();
        shared::commit(graph.updates(), values);
    }

    fn failure(&self, at: usize, arguments: Arguments<'_>, failure: Box<dyn OpError>) -> RunError {
        let (graph, step) = (&self.plan.graph, &self.plan.steps[at]);
        let handles: Vec<Variable> = graph.with_view(step.node, |view| view.inputs().to_vec()).unwrap_or_default();
        let places = self.lookup(arguments);
        let describe = |(variable, &source): (&Variable, &Source)| {
            let value = places.find(source).map_or_else(|| "nothing".to_owned(), |value| value.describe());
            format!("`{}` {value}", self.name_of(variable))
        };
        let inputs: Vec<String> = handles.iter().zip(&step.inputs).map(describe).collect();
        let origin = graph.node(step.node).map(|node| node.origin.clone()).unwrap_or_else(crate::origin::current);
        RunError::Op { op: step.op.name(), inputs: inputs.join(", "), origin, failure }
    }

    /// The name of a bound variable, or a short expression for it.
    fn name_of(&self, variable: &Variable) -> String {
        let graph = &self.plan.graph;
        match graph.owner(variable) {
            Some((node, _)) if variable.name().is_none() => {
                let inputs =
                    graph.with_view(node, |view| view.inputs().iter().map(expression_text).collect::<Vec<_>>());
                let op: Cow<'static, str> = graph.op(node).map_or("?".into(), |op| op.name());
                format!("{op}({})", inputs.unwrap_or_default().join(", "))
            }
            _ => expression_text(variable),
        }
    }
}

/// Exchanges a step's output slots with those of the function; twice, and all are where they were.
fn swap(outputs: &mut [Slot], places: &[u32], slots: &mut [Slot]) {
    outputs.iter_mut().zip(places).for_each(|(output, &slot)| std::mem::swap(output, &mut slots[slot as usize]));
}

fn perform(inputs: &StepInputs<'_>, outputs: &mut [Slot], state: Option<&mut Option<Box<dyn OpState>>>) -> OpResult {
    let Step { op, inputs: sources, .. } = inputs.step;
    let state = state.and_then(|place| {
        if place.is_none() {
            *place = op.state();
        }
        place.as_deref_mut()
    });
    op.perform(&mut Io { inputs: Inputs { values: inputs, count: sources.len() }, outputs, state })
}

/// Given values, for [`evaluate`].
#[derive(Debug)]
struct Given<'a> {
    node: &'a NodeView<'a>,
    values: &'a [&'a dyn Value],
}

impl Lookup for Given<'_> {
    fn value(&self, input: usize) -> Option<&dyn Value> {
        self.values.get(input).copied()
    }

    fn ty(&self, input: usize) -> Option<&TypeRef> {
        self.node.inputs().get(input).map(Variable::ty)
    }
}

/// Runs one node on given values; for constant folding and for tests of an op alone.
///
/// # Errors
///
/// What the op finds wrong.
pub fn evaluate(node: &NodeView<'_>, values: &[&dyn Value]) -> Result<Vec<Box<dyn Value>>, Box<dyn OpError>> {
    let mut slots: Vec<Slot> = std::iter::repeat_with(Slot::default).take(node.outputs().len()).collect();
    let mut state = node.op().state();
    let given = Given { node, values };
    let inputs = Inputs { values: &given, count: values.len() };
    node.op().perform(&mut Io { inputs, outputs: &mut slots, state: state.as_deref_mut() })?;
    slots.iter_mut().map(|slot| slot.take().ok_or(OpFailure::WrongValue(0).into())).collect()
}
