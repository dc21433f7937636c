//! The softmax function and its logarithm.

use std::borrow::Cow;
use std::sync::Arc;

use kronograph_graph::{
    BuildError, Entry, Grad, Grads, Io, NodeSpec, NodeView, Op, OpFailure, OpResult, Params, Prop, Props, Result,
    Sample, Shape, Tangents, Variable, apply,
};

use super::fold::{Slices, Term};
use super::logsumexp::top_of;
use super::{Axes, all_axes_of, discrete_samples, printed_axes, samples_on, sorted_axes, sum_axes};
use crate::elemwise::{cast, exp, mul, sub};
use crate::layout::expand_dims;
use crate::params::{axes_of, only};
use crate::samples::{given, shaped};
use crate::tensor::{Strided, Tensor, TensorType, row_major, tensor_type};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Scale {
    Plain,
    Log,
}

/// Exponentials, divided by their sum over axes; or the logarithm of that.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Softmax {
    scale: Scale,
    axes: Axes,
}

/// `exp(x) / Σ exp(x)` over all elements; see [`softmax_axes`].
///
/// # Errors
///
/// When `x` is not a dense tensor.
#[track_caller]
pub fn softmax(x: &Variable) -> Result<Variable> {
    softmax_axes(x, &all_axes_of("softmax", x)?)
}

/// `exp(x) / Σ exp(x)`, the sum over axes, without overflow: the largest element is taken out first.
///
/// NaN where a slice holds infinity or NaN, or minus infinity only. Integers are converted to f64.
///
/// # Errors
///
/// When an axis does not exist or is named twice.
#[track_caller]
pub fn softmax_axes(x: &Variable, axes: &[usize]) -> Result<Variable> {
    normalize(Scale::Plain, x, axes)
}

/// `x - ln Σ exp(x)` over all elements; see [`log_softmax_axes`].
///
/// # Errors
///
/// When `x` is not a dense tensor.
#[track_caller]
pub fn log_softmax(x: &Variable) -> Result<Variable> {
    log_softmax_axes(x, &all_axes_of("log_softmax", x)?)
}

/// `x - ln Σ exp(x)`, the sum over axes: the logarithm of [`softmax_axes`], also where that is too small for a number.
///
/// NaN where a slice holds infinity or NaN, or minus infinity only. Integers are converted to f64.
///
/// # Errors
///
/// When an axis does not exist or is named twice.
#[track_caller]
pub fn log_softmax_axes(x: &Variable, axes: &[usize]) -> Result<Variable> {
    normalize(Scale::Log, x, axes)
}

#[track_caller]
fn normalize(scale: Scale, x: &Variable, axes: &[usize]) -> Result<Variable> {
    let axes = sorted_axes(scale.name(), x, axes)?;
    apply(Softmax { scale, axes }, std::slice::from_ref(x))
}

impl Scale {
    fn name(self) -> &'static str {
        match self {
            Scale::Plain => "softmax",
            Scale::Log => "log_softmax",
        }
    }
}

impl Softmax {
    /// The sum over the axes, which stay with length 1.
    fn total(&self, x: &Variable) -> Result<Variable> {
        expand_dims(&sum_axes(x, &self.axes)?, &self.axes)
    }
}

pub(super) fn entries() -> Vec<Entry> {
    let entry = |scale: Scale| {
        let build = move |params: &Params<'_>, inputs: &[Variable]| {
            let x = only(params, inputs)?;
            Ok(vec![normalize(scale, x, &axes_of(scale.name(), params, x)?)?])
        };
        Entry::function(scale.name(), "reductions", build, samples)
            .parsed_by(move |params| Ok(Arc::new(Softmax { scale, axes: printed_axes(params)? })))
    };
    vec![entry(Scale::Plain), entry(Scale::Log)]
}

fn samples() -> Vec<Sample> {
    let (nan, inf) = (f64::NAN, f64::INFINITY);
    let finite = shaped(&[3, 3], vec![1000.0, 1000.0, -1000.0, 0.0, -inf, 1.0, 1e300, 0.0, -1e300]);
    let others = shaped(&[3, 2], vec![inf, 1.0, nan, 1.0, -inf, -inf]);
    let edges = vec![
        Sample::new("far apart", [given(finite)]).with("axis", -1i64).edge(),
        Sample::new("not finite", [given(others)]).with("axis", Prop::Int(-1)).edge(),
    ];
    let keeps = |sample: &Sample| sample.props.get("keepdims").is_none();
    [samples_on((-2.0, 2.0)).into_iter().filter(keeps).collect(), discrete_samples().into(), edges].concat()
}

impl Op for Softmax {
    fn name(&self) -> Cow<'static, str> {
        self.scale.name().into()
    }

    fn props(&self) -> Props {
        Props::default().with("axes", &self.axes[..])
    }

    fn make_node(&self, inputs: &[Variable]) -> Result<NodeSpec> {
        let op = self.scale.name();
        let [x] = inputs else { return Err(BuildError::arity(op, 1, inputs)) };
        sorted_axes(op, x, &self.axes)?;
        let ty = tensor_type(op, x)?;
        let dtype = ty.dtype().to_float();
        Ok(NodeSpec::one(TensorType::shared(dtype, ty.lengths())).with_inputs([cast(x, dtype)?]))
    }

    fn perform(&self, io: &mut Io<'_>) -> OpResult {
        let out = io.outputs[0].buffer::<Tensor>();
        match io.inputs.get::<Tensor>(0)? {
            Tensor::F64(x) => run(self, x, out),
            Tensor::F32(x) => run(self, x, out),
            _ => return Err(OpFailure::WrongValue(0).into()),
        }
        Ok(())
    }

    /// `x̄ = y (g - Σ g y)`; of the logarithm `x̄ = g - exp(y) Σ g`.
    fn l_op(&self, node: &NodeView<'_>, output_grads: &[Option<Variable>]) -> Result<Grads> {
        let Some(g) = &output_grads[0] else { return Ok(vec![Grad::Zero]) };
        let y = node.output(0);
        Ok(vec![match self.scale {
            Scale::Plain => mul(y, &sub(g, &self.total(&mul(g, y)?)?)?)?.into(),
            Scale::Log => sub(g, &mul(&exp(y)?, &self.total(g)?)?)?.into(),
        }])
    }

    /// `ẏ = y (ẋ - Σ ẋ y)`; of the logarithm `ẏ = ẋ - Σ ẋ exp(y)`.
    fn r_op(&self, node: &NodeView<'_>, tangents: &[Option<Variable>]) -> Result<Tangents> {
        let Some(tangent) = &tangents[0] else { return Ok(vec![Grad::Zero]) };
        let y = node.output(0);
        let share = if self.scale == Scale::Plain { y.clone() } else { exp(y)? };
        let moved = sub(tangent, &self.total(&mul(tangent, &share)?)?)?;
        Ok(vec![if self.scale == Scale::Plain { mul(y, &moved)? } else { moved }.into()])
    }

    fn infer_shape(&self, _node: &NodeView<'_>, input_shapes: &[Shape]) -> Result<Vec<Shape>> {
        Ok(input_shapes.to_vec())
    }
}

fn run<T: Term<Wide = f64>>(op: &Softmax, x: &Strided<T>, out: &mut Tensor) {
    let strides = row_major(x.shape());
    let slices = Slices::along(&op.axes, x.shape(), [x.strides(), &strides]);
    let out = out.reset::<T>(x.shape());
    slices.for_each(|offsets| {
        let top = top_of(&slices, offsets, x, |[x, _]| x);
        let mut total = 0.0;
        slices.inside(offsets, |[from, to], [step, out_step], length| {
            for i in 0..length {
                let distance = x.storage()[from + i * step].widen() - top;
                let share = distance.exp();
                total += share;
                out[to + i * out_step] = T::narrow(if op.scale == Scale::Plain { share } else { distance });
            }
        });
        let log = total.ln();
        slices.inside(offsets, |[_, to], [_, out_step], length| {
            for i in 0..length {
                let out = &mut out[to + i * out_step];
                let wide = out.widen();
                *out = T::narrow(if op.scale == Scale::Plain { wide / total } else { wide - log });
            }
        });
    });
}
