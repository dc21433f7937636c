//! The sum over axes.

use std::borrow::Cow;
use std::sync::Arc;

use kronograph_graph::{
    Entry, Grad, Grads, Io, NodeSpec, NodeView, Op, OpResult, OpState, Props, Result, Sample, Shape, Tangents,
    Variable, apply,
};

use super::fold::{Accumulator, Term, Wide, reduce};
use super::spread_back;
use super::{Axes, all_axes_of, build, discrete_samples, kept, printed_axes, reduced_type, samples_on, sorted_axes};
use crate::dtype::DType;
use crate::elemwise::cast;
use crate::samples::dense;
use crate::tensor::{Strided, Tensor, tensor_type};

/// The sum over axes, which are dropped.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Sum {
    pub(crate) axes: Axes,
}

/// The sum of all elements, of none 0. Integers and truth values are summed in i64, with wrap-around.
///
/// # Errors
///
/// When `x` is not a dense tensor.
#[track_caller]
pub fn sum(x: &Variable) -> Result<Variable> {
    sum_axes(x, &all_axes_of("sum", x)?)
}

/// The sum over axes, which are dropped; `x` itself if there are none.
///
/// # Errors
///
/// When an axis does not exist or is named twice.
#[track_caller]
pub fn sum_axes(x: &Variable, axes: &[usize]) -> Result<Variable> {
    let ty = tensor_type("sum", x)?;
    let axes = sorted_axes("sum", x, axes)?;
    if axes.is_empty() {
        return cast(x, ty.dtype().sum());
    }
    apply(Sum { axes }, std::slice::from_ref(x))
}

pub(super) fn entries() -> Vec<Entry> {
    let samples = || {
        let nothing = Sample::new("nothing", [dense(&[2, 0], (-2.0, 2.0), 1)]).with("axis", 1i64);
        [samples_on((-2.0, 2.0)), discrete_samples().into(), vec![nothing]].concat()
    };
    vec![
        Entry::function("sum", "reductions", |params, x| build("sum", params, x, sum_axes), samples)
            .parsed_by(|params| Ok(Arc::new(Sum { axes: printed_axes(params)? }))),
    ]
}

impl Op for Sum {
    fn name(&self) -> Cow<'static, str> {
        "sum".into()
    }

    fn props(&self) -> Props {
        Props::default().with("axes", &self.axes[..])
    }

    fn make_node(&self, inputs: &[Variable]) -> Result<NodeSpec> {
        reduced_type("sum", inputs, &self.axes, DType::sum)
    }

    fn perform(&self, io: &mut Io<'_>) -> OpResult {
        fn add<T: Term>(x: &Strided<T>, axes: &Axes, out: &mut Tensor) {
            reduce(x, axes, out, T::Wide::ZERO, T::add_run, |total, x: T| total.plus(x.widen()));
        }
        let (accumulator, inputs, outputs) = io.with_state::<Accumulator>()?;
        let (axes, out) = (&self.axes, outputs[0].buffer::<Tensor>());
        match inputs.get::<Tensor>(0)? {
            Tensor::F64(x) => add(x, axes, out),
            Tensor::F32(x) => accumulator.reduce(x, axes, out, 0.0, f64::plus),
            Tensor::Bool(x) => add(x, axes, out),
            Tensor::U8(x) => add(x, axes, out),
            Tensor::I8(x) => add(x, axes, out),
            Tensor::I32(x) => add(x, axes, out),
            Tensor::I64(x) => add(x, axes, out),
        }
        Ok(())
    }

    /// The cotangent repeated along the summed axes.
    fn l_op(&self, node: &NodeView<'_>, output_grads: &[Option<Variable>]) -> Result<Grads> {
        let x = node.input(0);
        let (Some(g), Some(_)) = (&output_grads[0], x.ty().tangent()) else { return Ok(vec![Grad::Zero]) };
        Ok(vec![spread_back(g, x, &self.axes)?.into()])
    }

    fn r_op(&self, node: &NodeView<'_>, tangents: &[Option<Variable>]) -> Result<Tangents> {
        node.linear_tangent(0, tangents)
    }

    fn infer_shape(&self, _node: &NodeView<'_>, input_shapes: &[Shape]) -> Result<Vec<Shape>> {
        Ok(vec![kept(&input_shapes[0], &self.axes)])
    }

    fn state(&self) -> Option<Box<dyn OpState>> {
        Some(Box::<Accumulator>::default())
    }
}
