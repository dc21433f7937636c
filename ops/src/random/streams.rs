//! What all random ops share: reading their state, their entries, their samples.

use std::any::Any;
use std::sync::Arc;

use kronograph_graph::{BuildError, Entry, Io, Op, OpFailure, Params, Result, Sample, SampleInput, Variable, Why};

use super::size::Size;
use super::state::{RngState, RngType};
use super::words::Words;
use crate::layout::shape_param;

/// Checks that a variable is a random state.
///
/// # Errors
///
/// When it is none.
#[track_caller]
pub fn rng_of(op: &'static str, rng: &Variable) -> Result<()> {
    match (&**rng.ty() as &dyn Any).is::<RngType>() {
        true => Ok(()),
        false => Err(BuildError::inputs(op, std::slice::from_ref(rng), "a random state is needed")),
    }
}

/// The words of the state that is a node's first input.
pub(super) fn words_of(io: &Io<'_>) -> Result<Words, OpFailure> {
    Ok(io.inputs.get::<RngState>(0)?.words())
}

/// The state and the inputs behind it, at least so many.
#[track_caller]
pub(super) fn state_and<'a>(
    params: &Params<'_>,
    inputs: &'a [Variable],
    least: usize,
) -> Result<(&'a Variable, &'a [Variable])> {
    match inputs.split_first() {
        Some((rng, rest)) if rest.len() >= least => Ok((rng, rest)),
        _ => Err(params.arity(least + 1, inputs)),
    }
}

/// The parameter `size`, whose lengths that it calls `input` are these scalars.
#[track_caller]
pub(super) fn size_param(params: &Params<'_>, scalars: &[Variable]) -> Result<Size> {
    match params.get("size") {
        None if scalars.is_empty() => Ok(Size::from(None)),
        None => Err(params.arity(0, scalars)),
        Some(_) => Ok(shape_param(params, "size", scalars)?.into()),
    }
}

/// What a function of this crate returns as the outputs that a registry wants: the next state first.
pub(super) fn outputs((next, draw): (Variable, Variable)) -> Vec<Variable> {
    vec![next, draw]
}

/// The entry of a function `(state, parameters.., size) -> (next state, draw)` of so many parameters.
pub(super) fn drawing<const N: usize>(
    name: &'static str,
    draw: impl Fn(&Variable, [&Variable; N], Size) -> Result<(Variable, Variable)> + Send + Sync + 'static,
    samples: impl Fn() -> Vec<Sample> + Send + Sync + 'static,
) -> Entry {
    let build = move |params: &Params<'_>, inputs: &[Variable]| {
        let (rng, rest) = state_and(params, inputs, N)?;
        let (parameters, scalars) = rest.split_at(N);
        draw(rng, std::array::from_fn(|k| &parameters[k]), size_param(params, scalars)?).map(outputs)
    };
    Entry::function(name, "random", build, samples)
}

/// The entry of a discrete draw, whose name also is that of an op without parameters.
pub(super) fn discrete<O: Op + Clone>(entry: Entry, op: O) -> Entry {
    entry.without_derivative(Why::Random).parsed_by(move |_| Ok(Arc::new(op.clone())))
}

/// A state for samples.
pub(super) fn a_state() -> SampleInput {
    SampleInput { value: Box::new(RngState::new(20_111)), types: vec![RngType::shared()] }
}
