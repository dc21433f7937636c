//! The elements in ascending order.

use std::borrow::Cow;
use std::sync::Arc;

use kronograph_graph::{
    BuildError, Entry, Grad, Grads, Io, NodeSpec, NodeView, Op, OpResult, Result, Shape, Tangents, Variable, apply,
    origin,
};

use super::{along, argsort, input_and_axis, order, samples};
use crate::index::take_along_axis;
use crate::reduce::Ordered;
use crate::tensor::{Strided, Tensor, each_dtype, tensor_type};

/// The elements in ascending order along the last axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Sort;

/// `x` in ascending order along an axis, NaN last; without an axis, its elements as a vector.
///
/// The derivative goes to the places that the elements come from; of equal ones, in the order of [`argsort`].
///
/// # Errors
///
/// When there is no such axis.
#[track_caller]
pub fn sort(x: &Variable, axis: impl Into<Option<usize>>) -> Result<Variable> {
    let _scope = origin::here();
    along("sort", x, axis.into(), |x| apply(Sort, std::slice::from_ref(x)))
}

pub(super) fn entries() -> Vec<Entry> {
    let entry = Entry::function(
        "sort",
        "order",
        |params, inputs| {
            let (x, axis) = input_and_axis("sort", params, inputs)?;
            Ok(vec![sort(x, axis)?])
        },
        samples,
    );
    vec![entry.parsed_by(|_| Ok(Arc::new(Sort)))]
}

impl Op for Sort {
    fn name(&self) -> Cow<'static, str> {
        "sort".into()
    }

    fn make_node(&self, inputs: &[Variable]) -> Result<NodeSpec> {
        let [x] = inputs else { return Err(BuildError::arity("sort", 1, inputs)) };
        if tensor_type("sort", x)?.rank() == 0 {
            return Err(BuildError::inputs("sort", inputs, "a scalar has no axis to sort along"));
        }
        Ok(NodeSpec::one(x.ty().clone()))
    }

    fn perform(&self, io: &mut Io<'_>) -> OpResult {
        fn run<T: Ordered>(x: &Strided<T>, out: &mut Tensor) {
            let out = out.reset::<T>(x.shape());
            x.write_to(out);
            let length = x.shape().last().copied().unwrap_or(0).max(1);
            out.chunks_exact_mut(length).for_each(|row| row.sort_unstable_by(|a, b| order(*a, *b)));
        }
        let x = io.inputs.get::<Tensor>(0)?;
        let out = io.outputs[0].buffer::<Tensor>();
        each_dtype!(x, array => run(array, out));
        Ok(())
    }

    /// Each cotangent goes back to the place of its element.
    fn l_op(&self, node: &NodeView<'_>, output_grads: &[Option<Variable>]) -> Result<Grads> {
        let Some(g) = &output_grads[0] else { return Ok(vec![Grad::Zero]) };
        let last = g.ty().extents().len() - 1;
        // The order of a permutation is its inverse.
        let places = argsort(&argsort(node.input(0), last)?, last)?;
        Ok(vec![take_along_axis(g, &places, last)?.into()])
    }

    /// The tangents move with the elements.
    fn r_op(&self, node: &NodeView<'_>, tangents: &[Option<Variable>]) -> Result<Tangents> {
        let Some(tangent) = &tangents[0] else { return Ok(vec![Grad::Zero]) };
        let last = tangent.ty().extents().len() - 1;
        Ok(vec![take_along_axis(tangent, &argsort(node.input(0), last)?, last)?.into()])
    }

    fn infer_shape(&self, _node: &NodeView<'_>, input_shapes: &[Shape]) -> Result<Vec<Shape>> {
        Ok(input_shapes.to_vec())
    }
}
