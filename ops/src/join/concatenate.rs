//! Joining tensors along an axis.

use std::borrow::Cow;
use std::sync::Arc;

use kronograph_graph::{
    BuildError, Dim, Entry, Grad, Grads, Io, NodeSpec, NodeView, Op, OpFailure, OpResult, Params, Props, Result,
    Sample, Shape, Tangents, Variable, apply, shape_of,
};

use crate::construct::full;
use crate::dtype::DType;
use crate::elemwise::cast;
use crate::index::{Index, index_axis};
use crate::kernels::runs::for_each_run;
use crate::params::{axis_of, some};
use crate::samples::{dense, given};
use crate::tensor::{Element, Extents, Strided, Tensor, TensorType, each_dtype, row_major, shape_text, tensor_type};

/// Tensors one after another along an axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Join {
    /// The axis.
    pub axis: usize,
}

/// Tensors of one rank, one after another along an axis (NumPy: `concatenate`); dtypes are promoted.
///
/// # Errors
///
/// When there are none, or their ranks or other lengths differ.
#[track_caller]
pub fn concatenate(parts: &[Variable], axis: usize) -> Result<Variable> {
    apply(Join { axis }, parts)
}

pub(super) fn entries() -> Vec<Entry> {
    let build = |params: &Params<'_>, inputs: &[Variable]| {
        let axis = params.maybe_int("axis")?.unwrap_or(0);
        Ok(vec![concatenate(inputs, axis_of("join", &some(params, inputs)?[0], axis)?)?])
    };
    let samples = || {
        let part = |shape: &[usize], seed| dense(shape, (-2.0, 2.0), seed);
        vec![
            Sample::new("rows", [part(&[2, 2], 1), part(&[1, 2], 2), part(&[2, 2], 3)]).with("axis", 0i64),
            Sample::new("columns", [part(&[2, 2], 1), part(&[2, 1], 2)]).with("axis", -1i64),
            Sample::new("one", [part(&[2], 1)]).with("axis", 0i64),
            Sample::new("an empty part", [part(&[0, 2], 1), part(&[2, 2], 2)]).with("axis", 0i64),
            Sample::new("nothing", [part(&[2, 0], 1), part(&[1, 0], 2)]).with("axis", 0i64),
            Sample::new("two dtypes", [given(vec![0.5f32, 1.5]), part(&[3], 2)]).with("axis", 0i64).single(),
            Sample::new("integers", [given(vec![1i64, 2]), given(vec![3i8])]).with("axis", 0i64),
            Sample::new("truth values", [given(vec![true]), given(vec![false])]).with("axis", 0i64),
        ]
    };
    let entry = Entry::function("join", "shape", build, samples);
    vec![entry.parsed_by(|params| Ok(Arc::new(Join { axis: params.size("axis")? })))]
}

impl Op for Join {
    fn name(&self) -> Cow<'static, str> {
        "join".into()
    }

    fn props(&self) -> Props {
        Props::default().with("axis", self.axis)
    }

    fn make_node(&self, inputs: &[Variable]) -> Result<NodeSpec> {
        let Some(first) = inputs.first() else { return Err(BuildError::arity("join", 1, inputs)) };
        let first = tensor_type("join", first)?;
        let (mut dtype, mut lengths) = (first.dtype(), first.lengths().to_vec());
        if self.axis >= lengths.len() {
            return Err(BuildError::inputs("join", inputs, format!("there is no axis {}", self.axis)));
        }
        for input in &inputs[1..] {
            let ty = tensor_type("join", input)?;
            if ty.rank() != lengths.len() {
                return Err(BuildError::inputs("join", inputs, "the ranks must be equal"));
            }
            dtype = dtype.promote(ty.dtype());
            for (axis, (length, &other)) in lengths.iter_mut().zip(ty.lengths()).enumerate() {
                *length = match (*length, other) {
                    (Some(a), Some(b)) if axis == self.axis => a.checked_add(b),
                    _ if axis == self.axis => None,
                    (Some(a), Some(b)) if a != b => {
                        let rule = format!("axis {axis} must have one length, not {a} and {b}");
                        return Err(BuildError::inputs("join", inputs, rule));
                    }
                    (known, other) => known.or(other),
                };
            }
        }
        let inputs = inputs.iter().map(|input| cast(input, dtype)).collect::<Result<Vec<_>>>()?;
        Ok(NodeSpec::one(TensorType::shared(dtype, &lengths)).with_inputs(inputs))
    }

    fn perform(&self, io: &mut Io<'_>) -> OpResult {
        fn write<T: Element>(part: &Strided<T>, out: &mut Tensor, from: usize, strides: &[usize]) {
            let Some(out) = T::of_mut(out).map(|out| out.buffer_mut()) else { return };
            for_each_run(part.shape(), [part.strides(), strides], |[at, to], [step, out_step], length| {
                let part = &part.storage()[at..];
                (0..length).for_each(|i| out[from + to + i * out_step] = part[i * step]);
            });
        }
        fn clear<T: Element>(_: &Strided<T>, out: &mut Tensor, shape: &[usize]) {
            out.reset::<T>(shape);
        }
        let first = io.inputs.get::<Tensor>(0)?;
        let mut shape: Extents = first.shape().into();
        for k in 1..io.inputs.len() {
            let other = io.inputs.get::<Tensor>(k)?.shape();
            let fits = |axis: usize| axis == self.axis || shape.get(axis) == other.get(axis);
            if other.len() != shape.len() || !(0..shape.len()).all(fits) {
                let (a, b) = (shape_text(&shape), shape_text(other));
                return Err(
                    OpFailure::Shapes(format!("shapes {a} and {b} differ outside of axis {}", self.axis)).into()
                );
            }
            shape[self.axis] += other[self.axis];
        }
        let strides = row_major(&shape);
        let out = io.outputs[0].buffer::<Tensor>();
        each_dtype!(first, array => clear(array, out, &shape));
        let mut from = 0;
        for k in 0..io.inputs.len() {
            let part = io.inputs.get::<Tensor>(k)?;
            each_dtype!(part, array => write(array, out, from, &strides));
            from += part.shape()[self.axis] * strides[self.axis];
        }
        Ok(())
    }

    /// Each part gets its piece of the cotangent.
    fn l_op(&self, node: &NodeView<'_>, output_grads: &[Option<Variable>]) -> Result<Grads> {
        let Some(g) = &output_grads[0] else { return Ok(vec![Grad::Zero; node.inputs().len()]) };
        let mut start = Dim::from(0);
        let mut grads = Grads::new();
        for input in node.inputs() {
            let stop = start.plus(&shape_of(input)[self.axis]);
            grads.push(index_axis(g, self.axis, Index::between(start, stop.clone()))?.into());
            start = stop;
        }
        Ok(grads)
    }

    fn r_op(&self, node: &NodeView<'_>, tangents: &[Option<Variable>]) -> Result<Tangents> {
        let parts = node.inputs().iter().zip(tangents).map(|(input, tangent)| match tangent {
            Some(tangent) => Ok(tangent.clone()),
            None => {
                let dtype = tensor_type("join", input)?.dtype().tangent().unwrap_or(DType::F64);
                full(0.0, dtype, shape_of(input))
            }
        });
        Ok(vec![concatenate(&parts.collect::<Result<Vec<_>>>()?, self.axis)?.into()])
    }

    fn infer_shape(&self, _node: &NodeView<'_>, input_shapes: &[Shape]) -> Result<Vec<Shape>> {
        let mut shape = input_shapes[0].clone();
        for other in &input_shapes[1..] {
            shape[self.axis] = shape[self.axis].plus(&other[self.axis]);
        }
        Ok(vec![shape])
    }
}
