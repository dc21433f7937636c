//! The state after a call.
//!
//! It is an op of its own, beside the draws: a function that only hands a state on draws nothing, and the derivative
//! rules of a draw see one output.

use std::borrow::Cow;
use std::sync::Arc;

use kronograph_graph::{
    BuildError, Entry, Grad, Grads, Io, NodeSpec, NodeView, Op, OpResult, Params, Result, Sample, Shape, Tangents,
    Variable, Why, apply,
};

use super::state::{RngState, RngType};
use super::streams::{a_state, rng_of};
use crate::params::only;

/// The state after a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct NextState;

/// The state after a call: what each draw returns beside its numbers. For skipping a call.
///
/// # Errors
///
/// When `rng` is no random state.
#[track_caller]
pub fn next_state(rng: &Variable) -> Result<Variable> {
    apply(NextState, std::slice::from_ref(rng))
}

impl Op for NextState {
    fn name(&self) -> Cow<'static, str> {
        "random_next_state".into()
    }

    fn make_node(&self, inputs: &[Variable]) -> Result<NodeSpec> {
        let [rng] = inputs else { return Err(BuildError::arity(self.name(), 1, inputs)) };
        rng_of("random_next_state", rng)?;
        Ok(NodeSpec::one(RngType::shared()))
    }

    fn perform(&self, io: &mut Io<'_>) -> OpResult {
        *io.outputs[0].buffer::<RngState>() = io.inputs.get::<RngState>(0)?.next();
        Ok(())
    }

    fn l_op(&self, _node: &NodeView<'_>, _output_grads: &[Option<Variable>]) -> Result<Grads> {
        Ok(vec![Grad::Disconnected])
    }

    fn r_op(&self, _node: &NodeView<'_>, _tangents: &[Option<Variable>]) -> Result<Tangents> {
        Ok(vec![Grad::Disconnected])
    }

    fn infer_shape(&self, _node: &NodeView<'_>, _input_shapes: &[Shape]) -> Result<Vec<Shape>> {
        Ok(vec![Shape::new()])
    }

    fn connection_pattern(&self, _output: usize, _input: usize) -> bool {
        false
    }
}

/// The entry of this file.
pub(super) fn entries() -> Vec<Entry> {
    let build = |params: &Params<'_>, inputs: &[Variable]| Ok(vec![next_state(only(params, inputs)?)?]);
    let samples = || vec![Sample::new("a state", [a_state()])];
    let entry = Entry::function("random_next_state", "random", build, samples);
    vec![entry.without_derivative(Why::Random).parsed_by(|_| Ok(Arc::new(NextState)))]
}
