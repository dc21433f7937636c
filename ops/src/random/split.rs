//! Independent streams from one state.

use std::borrow::Cow;
use std::sync::Arc;

use kronograph_graph::{
    BuildError, Entry, Grad, Grads, Io, NodeSpec, NodeView, Op, OpResult, Params, Props, Result, Sample, Shape,
    Tangents, Variable, Why, apply_all, origin,
};

use super::next::next_state;
use super::state::{RngState, RngType};
use super::streams::{a_state, rng_of};
use crate::params::only;

/// The states of independent streams.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SplitState {
    streams: usize,
}

/// The next state, and those of so many independent streams; see [`RngState::split`], which does the same outside of a
/// function. A stream does not depend on how many there are.
///
/// ```
/// use kronograph_graph::{Function, FunctionGraph};
/// use kronograph_ops::random::{RngState, rng_constant, split};
///
/// let (_next, chains) = split(&rng_constant(RngState::new(7)), 3)?;
/// let mut f = Function::plan(FunctionGraph::new(&[], &chains)?)?;
/// assert_eq!(f.call(&[])?.get::<RngState>(2)?, &RngState::new(7).split(3)[2]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// When `rng` is no random state.
#[track_caller]
pub fn split(rng: &Variable, streams: usize) -> Result<(Variable, Vec<Variable>)> {
    let _scope = origin::here();
    let states = apply_all(SplitState { streams }, std::slice::from_ref(rng))?;
    Ok((next_state(rng)?, states.into_vec()))
}

impl Op for SplitState {
    fn name(&self) -> Cow<'static, str> {
        "random_split".into()
    }

    fn props(&self) -> Props {
        Props::default().with("streams", self.streams)
    }

    fn make_node(&self, inputs: &[Variable]) -> Result<NodeSpec> {
        let [rng] = inputs else { return Err(BuildError::arity(self.name(), 1, inputs)) };
        rng_of("random_split", rng)?;
        Ok(NodeSpec::many((0..self.streams).map(|_| RngType::shared())))
    }

    fn perform(&self, io: &mut Io<'_>) -> OpResult {
        let state = io.inputs.get::<RngState>(0)?;
        for (stream, output) in io.outputs.iter_mut().enumerate() {
            *output.buffer::<RngState>() = state.stream(stream as u64);
        }
        Ok(())
    }

    fn l_op(&self, _node: &NodeView<'_>, _output_grads: &[Option<Variable>]) -> Result<Grads> {
        Ok(vec![Grad::Disconnected])
    }

    fn r_op(&self, _node: &NodeView<'_>, _tangents: &[Option<Variable>]) -> Result<Tangents> {
        Ok(vec![Grad::Disconnected; self.streams])
    }

    fn infer_shape(&self, _node: &NodeView<'_>, _input_shapes: &[Shape]) -> Result<Vec<Shape>> {
        Ok(vec![Shape::new(); self.streams])
    }

    fn connection_pattern(&self, _output: usize, _input: usize) -> bool {
        false
    }
}

/// The entry of this file.
pub(super) fn entries() -> Vec<Entry> {
    let build = |params: &Params<'_>, inputs: &[Variable]| {
        let (next, states) = split(only(params, inputs)?, params.size("streams")?)?;
        Ok([vec![next], states].concat())
    };
    let samples = || vec![Sample::new("three", [a_state()]).with("streams", 3i64)];
    let entry = Entry::function("random_split", "random", build, samples).without_derivative(Why::Random);
    vec![entry.parsed_by(|params| Ok(Arc::new(SplitState { streams: params.size("streams")? })))]
}
