//! Taking part of a tensor.

use std::borrow::Cow;

use kronograph_graph::{
    Grad, Grads, Io, NodeSpec, NodeView, Op, OpFailure, OpResult, Props, Result, Shape, Tangents, Variable, apply,
    origin, shape_of,
};
use smallvec::SmallVec;

use super::inc_subtensor::IncSubtensor;
use super::part::{Part, check_inputs, index_prop, part_at_run_time, part_dims, static_part, walk};
use super::{AxisIndex, Index, lower};
use crate::construct::full;
use crate::tensor::{Element, Strided, Tensor, TensorType, each_dtype, tensor_type};

/// Part of a tensor. Inputs: x, then the positions that are not known when the op is made.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Subtensor {
    pub(crate) axes: SmallVec<[AxisIndex; 4]>,
}

/// Part of `x`: one [`Index`] for each leading axis; the other axes stay whole. A view where the step is positive.
///
/// ```
/// use kronograph_ops::{Index, matrix, subtensor};
/// let x = matrix("x");
/// let row = subtensor(&x, &[Index::at(-1)])?;
/// assert_eq!(row.ty().to_string(), "f64 (?,)");
/// # Ok::<(), kronograph_graph::BuildError>(())
/// ```
///
/// # Errors
///
/// When there are more indices than axes, a step is zero, or an integer is out of a statically known range.
#[track_caller]
pub fn subtensor(x: &Variable, index: &[Index]) -> Result<Variable> {
    let _scope = origin::here();
    let (axes, scalars) = lower("subtensor", x, index)?;
    apply(Subtensor { axes }, &[std::slice::from_ref(x), &scalars[..]].concat())
}

/// Part of `x` along the first axis: `x[start:stop]`.
///
/// # Errors
///
/// When `x` is a scalar.
#[track_caller]
pub fn slice(x: &Variable, start: impl Into<Option<i64>>, stop: impl Into<Option<i64>>) -> Result<Variable> {
    subtensor(x, &[Index::slice(start, stop, 1)])
}

impl Op for Subtensor {
    fn name(&self) -> Cow<'static, str> {
        "subtensor".into()
    }

    fn props(&self) -> Props {
        index_prop(&self.axes)
    }

    fn make_node(&self, inputs: &[Variable]) -> Result<NodeSpec> {
        check_inputs("subtensor", inputs, &self.axes, 1)?;
        let lengths = static_part("subtensor", inputs, &self.axes)?;
        Ok(NodeSpec::one(TensorType::shared(tensor_type("subtensor", &inputs[0])?.dtype(), &lengths)))
    }

    /// A view; a copy where a step is negative.
    fn perform(&self, io: &mut Io<'_>) -> OpResult {
        fn gather<T: Element>(x: &Strided<T>, part: &Part, out: &mut Tensor) {
            let out = out.reset::<T>(&part.shape);
            walk(part, |at, from, _| out[at] = x.storage()[from]);
        }
        let x = io.inputs.get::<Tensor>(0)?;
        let part = part_at_run_time(&self.axes, x.shape(), x.strides(), io, 1)?;
        let out = io.outputs[0].buffer::<Tensor>();
        if part.steps.iter().all(|step| *step >= 0) {
            let strides = part.steps.iter().map(|&step| step as usize).collect();
            *out = x.relaid(part.offset, part.shape, strides).ok_or(OpFailure::WrongValue(0))?;
        } else {
            each_dtype!(x, array => gather(array, &part, out));
        }
        Ok(())
    }

    /// The cotangent at its place among zeros.
    fn l_op(&self, node: &NodeView<'_>, output_grads: &[Option<Variable>]) -> Result<Grads> {
        let mut grads = vec![Grad::Disconnected; node.inputs().len()];
        grads[0] = match &output_grads[0] {
            Some(g) => {
                let dtype = tensor_type("subtensor", g)?.dtype();
                let zeros = full(0.0, dtype, shape_of(node.input(0)))?;
                let inputs = [&[zeros, g.clone()], &node.inputs()[1..]].concat();
                apply(IncSubtensor { axes: self.axes.clone() }, &inputs)?.into()
            }
            None => Grad::Zero,
        };
        Ok(grads)
    }

    fn r_op(&self, node: &NodeView<'_>, tangents: &[Option<Variable>]) -> Result<Tangents> {
        node.linear_tangent(0, tangents)
    }

    fn infer_shape(&self, _node: &NodeView<'_>, input_shapes: &[Shape]) -> Result<Vec<Shape>> {
        Ok(vec![part_dims(&self.axes, &input_shapes[0])])
    }

    fn view_map(&self) -> &[(usize, usize)] {
        &[(0, 0)]
    }

    fn connection_pattern(&self, _output: usize, input: usize) -> bool {
        input == 0
    }
}
