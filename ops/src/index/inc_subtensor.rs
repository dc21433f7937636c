//! Adding to part of a tensor: the adjoint of taking it.

use std::borrow::Cow;

use kronograph_graph::{
    BuildError, Grad, Grads, Io, NodeSpec, NodeView, Op, OpFailure, OpResult, Props, Result, Shape, Tangents, Variable,
    apply, origin, shape_of, sum_of,
};
use smallvec::SmallVec;

use super::part::{check_inputs, index_prop, part_at_run_time, static_part, walk};
use super::subtensor::Subtensor;
use super::{AxisIndex, Index, lower};
use crate::construct::full;
use crate::dtype::DType;
use crate::elemwise::{cast, reduce_like, spread};
use crate::layout::pad_left;
use crate::tensor::{Element, Strided, Tensor, row_major, shape_text, tensor_type};

/// A tensor with something added to a part of it. Inputs: x, y, then the positions.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct IncSubtensor {
    pub(crate) axes: SmallVec<[AxisIndex; 4]>,
}

/// `x` with `y` added to the part that the index names; `y` broadcasts to that part.
///
/// # Errors
///
/// As [`subtensor`](super::subtensor::subtensor); also when `y` does not fit the part.
#[track_caller]
pub fn inc_subtensor(x: &Variable, y: &Variable, index: &[Index]) -> Result<Variable> {
    let _scope = origin::here();
    let (axes, scalars) = lower("inc_subtensor", x, index)?;
    apply(IncSubtensor { axes }, &[&[x.clone(), y.clone()], &scalars[..]].concat())
}

impl Op for IncSubtensor {
    fn name(&self) -> Cow<'static, str> {
        "inc_subtensor".into()
    }

    fn props(&self) -> Props {
        index_prop(&self.axes)
    }

    fn make_node(&self, inputs: &[Variable]) -> Result<NodeSpec> {
        check_inputs("inc_subtensor", inputs, &self.axes, 2)?;
        let x = tensor_type("inc_subtensor", &inputs[0])?;
        let y = tensor_type("inc_subtensor", &inputs[1])?;
        if x.dtype() == DType::Bool || !y.dtype().fits_in(x.dtype()) {
            let rule = "the second must convert to the dtype of the first without loss";
            return Err(BuildError::inputs("inc_subtensor", &inputs[..2], rule));
        }
        let lengths = static_part("inc_subtensor", inputs, &self.axes)?;
        let refuse = || {
            let rule = "the second must broadcast to the part of the first";
            Err(BuildError::inputs("inc_subtensor", &inputs[..2], rule))
        };
        if y.rank() > lengths.len() {
            return refuse();
        }
        let y = pad_left(&inputs[1], lengths.len())?;
        let mut axes = y.ty().extents().iter().zip(&lengths);
        if !axes.all(|(own, part)| own.is_none() || part.is_none() || own == part || *own == Some(1)) {
            return refuse();
        }
        let y = cast(&y, x.dtype())?;
        let ty = inputs[0].ty().clone();
        Ok(NodeSpec::one(ty).with_inputs([&[inputs[0].clone(), y], &inputs[2..]].concat()))
    }

    fn perform(&self, io: &mut Io<'_>) -> OpResult {
        fn put<T: Element>(op: &IncSubtensor, x: &Strided<T>, io: &mut Io<'_>, sum: impl Fn(T, T) -> T) -> OpResult {
            let y = io.inputs.get::<Tensor>(1)?;
            let strides = row_major(x.shape());
            let part = part_at_run_time(&op.axes, x.shape(), &strides, io, 2)?;
            let declared = io.inputs.ty(1).map(|ty| ty.extents()).unwrap_or_default();
            let repeats = |axis: usize| y.shape()[axis] == 1 && declared.get(axis) == Some(&Some(1));
            if !(0..part.shape.len()).all(|axis| y.shape()[axis] == part.shape[axis] || repeats(axis)) {
                let (a, b) = (shape_text(&part.shape), shape_text(y.shape()));
                return Err(OpFailure::Shapes(format!("the part has shape {a}, what is added to it has {b}")).into());
            }
            let steps = spread(y, &part.shape);
            let y = T::of(y).ok_or(OpFailure::WrongValue(1))?;
            let out = io.outputs[0].buffer::<Tensor>().reset::<T>(x.shape());
            x.write_to(out);
            walk(&part, |_, to, counters| {
                let from: usize = counters.iter().zip(&steps).map(|(counter, step)| counter * step).sum();
                out[to] = sum(out[to], y.storage()[from]);
            });
            Ok(())
        }
        match io.inputs.get::<Tensor>(0)? {
            Tensor::F64(x) => put(self, x, io, |a, b| a + b),
            Tensor::F32(x) => put(self, x, io, |a, b| a + b),
            Tensor::I64(x) => put(self, x, io, i64::wrapping_add),
            Tensor::I32(x) => put(self, x, io, i32::wrapping_add),
            Tensor::I8(x) => put(self, x, io, i8::wrapping_add),
            Tensor::U8(x) => put(self, x, io, u8::wrapping_add),
            Tensor::Bool(_) => Err(OpFailure::WrongValue(0).into()),
        }
    }

    /// The cotangent as it is, and its part.
    fn l_op(&self, node: &NodeView<'_>, output_grads: &[Option<Variable>]) -> Result<Grads> {
        let mut grads = vec![Grad::Disconnected; node.inputs().len()];
        (grads[0], grads[1]) = match &output_grads[0] {
            Some(g) => {
                let inputs = [std::slice::from_ref(g), &node.inputs()[2..]].concat();
                let part = apply(Subtensor { axes: self.axes.clone() }, &inputs)?;
                (g.clone().into(), reduce_like(part, node.input(1))?.into())
            }
            None => (Grad::Zero, Grad::Zero),
        };
        Ok(grads)
    }

    fn r_op(&self, node: &NodeView<'_>, tangents: &[Option<Variable>]) -> Result<Tangents> {
        let placed = match &tangents[1] {
            Some(y) => {
                let dtype = tensor_type("inc_subtensor", y)?.dtype();
                let zeros = full(0.0, dtype, shape_of(node.input(0)))?;
                Some(apply(self.clone(), &[&[zeros, y.clone()], &node.inputs()[2..]].concat())?)
            }
            None => None,
        };
        Ok(vec![sum_of(&[tangents[0].clone(), placed])?.into()])
    }

    fn infer_shape(&self, _node: &NodeView<'_>, input_shapes: &[Shape]) -> Result<Vec<Shape>> {
        Ok(vec![input_shapes[0].clone()])
    }

    fn connection_pattern(&self, _output: usize, input: usize) -> bool {
        input < 2
    }
}
