//! One tensor in the shape that it has beside another.

use std::borrow::Cow;
use std::sync::Arc;

use kronograph_graph::{
    BuildError, Entry, Grad, Grads, Io, NodeSpec, NodeView, Op, OpFailure, OpResult, Params, Result, Sample, Shape,
    Tangents, Variable, apply,
};

use crate::broadcasting::{align, common_dims_of, common_shape, reduce_like, spread, spread_like};
use crate::kernels::runs::for_each_run;
use crate::params::exactly;
use crate::samples::{broadcasting, dense, given, spread_over};
use crate::tensor::{Element, Tensor, TensorType, each_dtype, tensor_type};

/// The second of two tensors, repeated as broadcasting with the first one says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Second;

/// `b` in the shape that it has beside `a` (PyTensor: `second`, `fill`).
///
/// Of `a` only the shape counts, so nothing flows back to it; the dtype is that of `b`.
///
/// # Errors
///
/// When one is not a dense tensor, or the shapes do not fit.
#[track_caller]
pub fn second(a: &Variable, b: &Variable) -> Result<Variable> {
    apply(Second, &[a.clone(), b.clone()])
}

/// The entry of this file.
pub(super) fn entry() -> Entry {
    let build = |params: &Params<'_>, inputs: &[Variable]| {
        let [a, b] = exactly(params, inputs)?;
        Ok(vec![second(a, b)?])
    };
    Entry::function("second", "elementwise", build, samples).also_named("fill").parsed_by(|_| Ok(Arc::new(Second)))
}

fn samples() -> Vec<Sample> {
    const RANGE: (f64, f64) = (-2.0, 2.0);
    let column = broadcasting(spread_over(&[2, 1], RANGE, 1), &[1]);
    vec![
        Sample::new("a scalar beside a matrix", [dense(&[2, 3], RANGE, 1), dense(&[], RANGE, 2)]),
        Sample::new("a vector beside a column", [column, dense(&[3], RANGE, 2)]),
        Sample::new("equal shapes", [dense(&[3], RANGE, 1), dense(&[3], RANGE, 2)]),
        Sample::new("no elements", [dense(&[0, 2], RANGE, 1), dense(&[], RANGE, 2)]),
        Sample::new("integers", [dense(&[3], RANGE, 1), given(7i64)]),
        Sample::new("f32", [dense(&[3], RANGE, 1), given(7f32)]).single(),
    ]
}

impl Op for Second {
    fn name(&self) -> Cow<'static, str> {
        "second".into()
    }

    fn make_node(&self, inputs: &[Variable]) -> Result<NodeSpec> {
        let [_, b] = inputs else { return Err(BuildError::arity("second", 2, inputs)) };
        let (aligned, dtype) = (align("second", inputs)?, tensor_type("second", b)?.dtype());
        Ok(NodeSpec::one(TensorType::shared(dtype, &aligned.lengths)).with_inputs(aligned.inputs))
    }

    fn perform(&self, io: &mut Io<'_>) -> OpResult {
        fn repeat<T: Element>(_: &crate::tensor::Strided<T>, io: &mut Io<'_>) -> OpResult {
            let shape = common_shape(&io.inputs)?;
            let b = io.inputs.get::<Tensor>(1)?;
            let strides = spread(b, &shape);
            let b = T::of(b).ok_or(OpFailure::WrongValue(1))?.storage();
            let out = io.outputs[0].buffer::<Tensor>().reset::<T>(&shape);
            let mut at = 0;
            for_each_run(&shape, [&strides], |[from], [step], length| {
                out[at..at + length].iter_mut().enumerate().for_each(|(i, out)| *out = b[from + i * step]);
                at += length;
            });
            Ok(())
        }
        let b = io.inputs.get::<Tensor>(1)?;
        each_dtype!(b, array => repeat(array, io))
    }

    fn l_op(&self, node: &NodeView<'_>, output_grads: &[Option<Variable>]) -> Result<Grads> {
        let Some(g) = &output_grads[0] else { return Ok(vec![Grad::Disconnected, Grad::Zero]) };
        Ok(vec![Grad::Disconnected, reduce_like(g.clone(), node.input(1))?.into()])
    }

    fn r_op(&self, node: &NodeView<'_>, tangents: &[Option<Variable>]) -> Result<Tangents> {
        let moved = tangents[1].as_ref().map(|tangent| spread_like(tangent.clone(), node.output(0)));
        Ok(vec![moved.transpose()?.into()])
    }

    fn infer_shape(&self, node: &NodeView<'_>, input_shapes: &[Shape]) -> Result<Vec<Shape>> {
        Ok(vec![common_dims_of(node.inputs(), input_shapes)])
    }

    fn connection_pattern(&self, _output: usize, input: usize) -> bool {
        input != 0
    }
}
