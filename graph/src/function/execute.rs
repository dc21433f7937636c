//! Running a plan, step by step.

use std::sync::Arc;

use super::Function;
use super::failure::NodeFailure;
use super::plan::{Plan, Source, Step};
use super::watch::Watch;
use crate::error::{Described, OpError, OpResult, Result, RunError};
use crate::fgraph::FunctionGraph;
use crate::op::{Inputs, Io, Lookup, OpState};
use crate::shared;
use crate::types::TypeRef;
use crate::value::{Slot, Value};

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

    #[inline]
    fn get(self, at: usize) -> Option<&'a dyn Value> {
        match self {
            Arguments::Borrowed(values) => values.get(at).copied(),
            Arguments::Boxed(values) => values.get(at).map(|value| &**value),
        }
    }
}

/// The places where a value may be that no step writes to.
#[derive(Debug, Clone, Copy)]
pub(super) struct Given<'a> {
    plan: &'a Plan,
    /// By reference: a copy in one wide piece would wait for the two narrow ones it was just written in.
    arguments: &'a Arguments<'a>,
    converted: &'a [Option<Box<dyn Value>>],
    shared: &'a [Arc<dyn Value>],
}

impl<'a> Given<'a> {
    /// A value that is there or in a slot.
    #[inline]
    pub(super) fn find(&self, source: Source, slots: &'a [Slot]) -> Option<&'a dyn Value> {
        match source {
            Source::Argument(at) => match self.converted.get(at as usize) {
                Some(Some(value)) => Some(&**value),
                Some(None) => self.arguments.get(at as usize),
                None => self.shared.get(at as usize - self.converted.len()).map(|value| &**value),
            },
            Source::Constant(at) => self.plan.constants.get(at as usize).map(|value| &**value),
            Source::Slot(at) => slots.get(at as usize)?.value(),
        }
    }
}

impl Given<'_> {
    /// Whether nothing needs a step in this call. The conditions after one that fails were not computed.
    fn is_idle(&self, step: usize, slots: &[Slot]) -> bool {
        let differs = |&(condition, holds): &(Source, bool)| {
            self.find(condition, slots).and_then(Value::as_truth).is_some_and(|truth| truth != holds)
        };
        self.plan.guards[step].iter().any(differs)
    }
}

/// The inputs of one step.
#[derive(Debug)]
struct StepInputs<'a> {
    given: &'a Given<'a>,
    slots: &'a [Slot],
    step: &'a Step,
}

impl Lookup for StepInputs<'_> {
    fn value(&self, input: usize) -> Option<&dyn Value> {
        self.given.find(*self.step.inputs.get(input)?, self.slots)
    }

    fn ty(&self, input: usize) -> Option<&TypeRef> {
        let graph = &self.given.plan.graph;
        let value = graph.node(self.step.node)?.inputs.get(input)?;
        Some(graph.ty(*value))
    }
}

impl Function {
    #[inline]
    pub(super) fn find<'a>(&'a self, arguments: &'a Arguments<'a>, source: Source) -> Option<&'a dyn Value> {
        let Self { plan, slots, converted, snapshot: shared, .. } = self;
        Given { plan, arguments, converted, shared }.find(source, slots)
    }

    /// Checks the arguments against the inputs' types, and converts those that need it.
    pub(super) fn accept(&mut self, arguments: Arguments<'_>) -> Result<(), RunError> {
        let Self { plan, converted, .. } = self;
        let (want, got) = (converted.len(), arguments.len());
        if got != want {
            return Err(RunError::Arity { want, got });
        }
        for (position, (ty, place)) in plan.arguments.iter().zip(converted).enumerate() {
            let Some(argument) = arguments.get(position) else { continue };
            match ty.filter(argument) {
                // The usual case: nothing was converted in the last call, and nothing is in this one.
                Ok(None) if place.is_none() => {}
                Ok(value) => *place = value,
                Err(rule) => return Err(refused(&plan.graph, position, argument, rule)),
            }
        }
        Ok(())
    }

    /// Runs the plan, and then the updates of shared variables; a call that fails changes none.
    pub(super) fn run(&mut self, arguments: Arguments<'_>, watch: &mut impl Watch) -> Result<(), RunError> {
        let has_cells = !self.plan.graph.shared().is_empty();
        if has_cells {
            shared::snapshot(self.plan.graph.shared(), &mut self.snapshot);
        }
        let outcome = match self.plan.guards.is_empty() {
            true => self.steps::<false>(arguments, watch),
            false => self.steps::<true>(arguments, watch),
        };
        outcome.inspect_err(|_| self.snapshot.clear())?;
        if has_cells {
            self.update();
            self.snapshot.clear();
        }
        Ok(())
    }

    /// Runs the steps in order; `LAZY` where some have conditions, so that other functions do not pay for them.
    #[inline]
    fn steps<const LAZY: bool>(&mut self, arguments: Arguments<'_>, watch: &mut impl Watch) -> Result<(), RunError> {
        let Self { plan, slots, states, converted, snapshot: shared, scratch, .. } = self;
        for &slot in &plan.output_views {
            slots[slot as usize].release();
        }
        let given = Given { plan, arguments: &arguments, converted, shared };
        for (at, step) in plan.steps.iter().enumerate() {
            if LAZY && given.is_idle(at, slots) {
                step.release.iter().for_each(|&slot| slots[slot as usize].release());
                continue;
            }
            let outputs = &mut scratch[..step.outputs.len()];
            swap(outputs, &step.outputs, slots);
            let inputs = StepInputs { given: &given, slots, step };
            watch.before();
            let result = perform(&inputs, outputs, step.state.map(|at| &mut states[at as usize]));
            let result = result.and_then(|()| watch.after(at, outputs));
            swap(outputs, &step.outputs, slots);
            if let Err(failure) = result {
                return Err(self.failure(at, arguments, failure));
            }
            for &slot in &step.release {
                slots[slot as usize].release();
            }
        }
        for &(position, slot) in &plan.passed {
            let mut place = std::mem::take(&mut slots[slot as usize]);
            let value = given.find(Source::Argument(position), slots);
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
        let value = |&source: &Source| Some(Arc::from(self.find(&Arguments::Borrowed(&[]), source)?.boxed_clone()));
        let values: Vec<Option<Arc<dyn Value>>> = self.plan.outputs[graph.result_count()..].iter().map(value).collect();
        shared::commit(graph.updates(), values);
    }

    #[cold]
    fn failure(&self, at: usize, arguments: Arguments<'_>, failure: Box<dyn OpError>) -> RunError {
        let step = &self.plan.steps[at];
        let state = step.state.and_then(|at| self.states[at as usize].as_deref());
        let inputs = step.inputs.iter().map(|&source| self.find(&arguments, source));
        RunError::Op(NodeFailure::new(&self.plan, at, state, inputs, failure))
    }
}

#[cold]
fn refused(graph: &FunctionGraph, position: usize, argument: &dyn Value, rule: String) -> RunError {
    let input = graph.inputs()[position];
    RunError::Argument {
        position,
        input: Box::new(Described::new(&graph.bind(input))),
        got: argument.describe(),
        rule,
        origin: graph.value(input).origin.clone(),
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
