//! Which values of a write by arrays are still there after it.

use std::borrow::Cow;
use std::sync::Arc;

use kronograph_graph::{
    BuildError, Entry, Grad, Grads, Io, NodeSpec, NodeView, Op, OpResult, OpState, Params, Props, Result, Sample,
    Shape, Tangents, Variable, Why, apply,
};

use super::advanced::{Pattern, patterns};
use super::axis::{Axes, index_props, parse_index};
use super::selection::{Checked, Selection, Workspace, leading_slices, selected_dims};
use crate::dtype::DType;
use crate::layout::dimshuffle;
use crate::params::some;
use crate::samples::dense;
use crate::tensor::{Tensor, TensorType};

/// For each combination of positions, whether it is the last one for its place. Inputs: x, which is read for its
/// shape, then the arrays, masks and positions that the index reads, in its order.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct LastWrites {
    pub(crate) axes: Axes,
}

impl LastWrites {
    /// The same for every element of the part.
    pub(super) fn over_part(self, inputs: &[Variable]) -> Result<Variable> {
        let lead = leading_slices(&self.axes);
        let checked = Checked::new("last_writes", inputs, &self.axes, 1)?;
        let spots = (0..checked.spots.len()).map(Some);
        let order: Vec<Option<usize>> = (std::iter::repeat_n(None, lead).chain(spots))
            .chain(std::iter::repeat_n(None, checked.slices.len() - lead))
            .collect();
        dimshuffle(&apply(self, inputs)?, &order)
    }
}

/// The entry of this file: `pattern` as `advanced_subtensor` has it.
pub(super) fn entries() -> Vec<Entry> {
    let op = |params: &Params<'_>| Ok(LastWrites { axes: parse_index(params, "pattern")? });
    let entry = Entry::function(
        "last_writes",
        "indexing",
        move |params, inputs| Ok(vec![apply(op(params)?, some(params, inputs)?)?]),
        samples,
    );
    vec![entry.parsed_by(move |params| Ok(Arc::new(op(params)?))).without_derivative(Why::Index)]
}

fn samples() -> Vec<Sample> {
    let sample = |Pattern { name, x, pattern, inputs, .. }| {
        let x = dense(x, (-2.0, 2.0), 1);
        Sample::new(name, std::iter::once(x).chain(inputs)).with("pattern", pattern).edge()
    };
    patterns().into_iter().map(sample).collect()
}

impl Op for LastWrites {
    fn name(&self) -> Cow<'static, str> {
        "last_writes".into()
    }

    fn props(&self) -> Props {
        index_props("pattern", &self.axes)
    }

    fn make_node(&self, inputs: &[Variable]) -> Result<NodeSpec> {
        if inputs.is_empty() {
            return Err(BuildError::arity("last_writes", 1, inputs));
        }
        let checked = Checked::new("last_writes", inputs, &self.axes, 1)?;
        Ok(NodeSpec::one(TensorType::shared(DType::Bool, &checked.spots)).with_inputs(checked.inputs))
    }

    /// Sorts the combinations by their places: the last of those that have one place wrote last.
    fn perform(&self, io: &mut Io<'_>) -> OpResult {
        let (workspace, inputs, outputs) = io.with_state::<Workspace>()?;
        let x = inputs.get::<Tensor>(0)?;
        let strides = crate::tensor::row_major(x.shape());
        let spots = Selection::new(&self.axes, (x.shape(), &strides), inputs, 1, workspace)?.spots;
        let Workspace { offsets, order, .. } = workspace;
        order.clear();
        order.extend(0..offsets.len());
        order.sort_unstable_by_key(|&at| (offsets[at], at));
        let out = outputs[0].buffer::<Tensor>().reset::<bool>(&spots);
        let next = order.iter().skip(1).map(Some).chain(std::iter::once(None));
        for (&at, next) in order.iter().zip(next) {
            out[at] = next.is_none_or(|&next| offsets[next] != offsets[at]);
        }
        Ok(())
    }

    fn l_op(&self, node: &NodeView<'_>, _output_grads: &[Option<Variable>]) -> Result<Grads> {
        Ok(vec![Grad::Disconnected; node.inputs().len()])
    }

    fn r_op(&self, _node: &NodeView<'_>, _tangents: &[Option<Variable>]) -> Result<Tangents> {
        Ok(vec![Grad::Disconnected])
    }

    fn infer_shape(&self, node: &NodeView<'_>, input_shapes: &[Shape]) -> Result<Vec<Shape>> {
        let [_, spots] = selected_dims(&self.axes, node.inputs(), input_shapes, 1);
        Ok(vec![spots])
    }

    fn connection_pattern(&self, _output: usize, _input: usize) -> bool {
        false
    }

    fn state(&self) -> Option<Box<dyn OpState>> {
        Some(Box::<Workspace>::default())
    }
}
