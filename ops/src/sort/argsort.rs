//! The positions of the elements in ascending order.

use std::borrow::Cow;
use std::sync::Arc;

use kronograph_graph::{
    BuildError, Entry, Grad, Grads, Io, NodeSpec, NodeView, Op, OpResult, Result, Shape, Tangents, Variable, Why,
    apply, origin,
};

use super::{along, input_and_axis, order, samples};
use crate::dtype::DType;
use crate::reduce::{Ordered, Slices};
use crate::tensor::{Strided, Tensor, TensorType, each_dtype, tensor_type};

/// The positions of the elements in ascending order along the last axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ArgSort;

/// The positions, in i64, at which the elements of `x` stand that would be first, second, .. along an axis; without an
/// axis, of its elements in row-major order.
///
/// Equal elements keep their order; NaN is last. The derivative is zero.
///
/// # Errors
///
/// When there is no such axis.
#[track_caller]
pub fn argsort(x: &Variable, axis: impl Into<Option<usize>>) -> Result<Variable> {
    let _scope = origin::here();
    along("argsort", x, axis.into(), |x| apply(ArgSort, std::slice::from_ref(x)))
}

pub(super) fn entries() -> Vec<Entry> {
    let entry = Entry::function(
        "argsort",
        "order",
        |params, inputs| {
            let (x, axis) = input_and_axis("argsort", params, inputs)?;
            Ok(vec![argsort(x, axis)?])
        },
        samples,
    );
    vec![entry.parsed_by(|_| Ok(Arc::new(ArgSort))).without_derivative(Why::Discrete)]
}

impl Op for ArgSort {
    fn name(&self) -> Cow<'static, str> {
        "argsort".into()
    }

    fn make_node(&self, inputs: &[Variable]) -> Result<NodeSpec> {
        let [x] = inputs else { return Err(BuildError::arity("argsort", 1, inputs)) };
        let ty = tensor_type("argsort", x)?;
        if ty.rank() == 0 {
            return Err(BuildError::inputs("argsort", inputs, "a scalar has no axis to sort along"));
        }
        Ok(NodeSpec::one(TensorType::shared(DType::I64, ty.lengths())))
    }

    fn perform(&self, io: &mut Io<'_>) -> OpResult {
        fn run<T: Ordered>(x: &Strided<T>, out: &mut Tensor) {
            let last = x.shape().len() - 1;
            let mut rows = out.reset::<i64>(x.shape()).chunks_exact_mut(x.shape()[last].max(1));
            let slices = Slices::along(&[last], x.shape(), [x.strides()]);
            let step = x.strides()[last];
            slices.for_each(|[from]| {
                let Some(row) = rows.next() else { return };
                let at = |position: i64| x.storage()[from + position as usize * step];
                row.iter_mut().zip(0..).for_each(|(out, position)| *out = position);
                // The positions break ties, so that the order is that of a stable sort, which would need memory.
                row.sort_unstable_by(|a, b| order(at(*a), at(*b)).then(a.cmp(b)));
            });
        }
        let x = io.inputs.get::<Tensor>(0)?;
        let out = io.outputs[0].buffer::<Tensor>();
        each_dtype!(x, array => run(array, out));
        Ok(())
    }

    fn l_op(&self, _node: &NodeView<'_>, _output_grads: &[Option<Variable>]) -> Result<Grads> {
        Ok(vec![Grad::Zero])
    }

    fn r_op(&self, _node: &NodeView<'_>, _tangents: &[Option<Variable>]) -> Result<Tangents> {
        Ok(vec![Grad::Zero])
    }

    fn infer_shape(&self, _node: &NodeView<'_>, input_shapes: &[Shape]) -> Result<Vec<Shape>> {
        Ok(input_shapes.to_vec())
    }
}
