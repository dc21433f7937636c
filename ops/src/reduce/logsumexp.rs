//! The logarithm of a sum of exponentials.

use std::borrow::Cow;
use std::sync::Arc;

use kronograph_graph::{
    Entry, Grad, Grads, Io, NodeSpec, NodeView, Op, OpFailure, OpResult, Props, Result, Sample, Shape, Tangents,
    Variable, apply, stop_gradient,
};

use super::extremum::{Ordered, Which};
use super::fold::{Slices, Term};
use super::{Axes, all_axes_of, build, discrete_samples, kept, printed_axes, reduced_type, samples_on, sorted_axes};
use super::{spread_back, sum_axes};
use crate::dtype::DType;
use crate::elemwise::{cast, eq, exp, isinf, mul, sub, switch, true_div};
use crate::layout::expand_dims;
use crate::samples::{dense, given, shaped};
use crate::tensor::{Extents, Strided, Tensor, tensor_type};

/// The logarithm of the sum of exponentials over axes, which are dropped.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct LogSumExp {
    axes: Axes,
}

/// `ln Σ exp(x)` of all elements; see [`logsumexp_axes`].
///
/// # Errors
///
/// When `x` is not a dense tensor.
#[track_caller]
pub fn logsumexp(x: &Variable) -> Result<Variable> {
    logsumexp_axes(x, &all_axes_of("logsumexp", x)?)
}

/// `ln Σ exp(x)` over axes, which are dropped, without overflow: the largest element is taken out first.
///
/// Where all are minus infinity, or there are none, it is minus infinity, and its derivative is zero; where one is
/// infinity it is infinity, where one is NaN it is NaN. Integers are converted to f64.
///
/// # Errors
///
/// When an axis does not exist or is named twice.
#[track_caller]
pub fn logsumexp_axes(x: &Variable, axes: &[usize]) -> Result<Variable> {
    let dtype = tensor_type("logsumexp", x)?.dtype().to_float();
    let axes = sorted_axes("logsumexp", x, axes)?;
    if axes.is_empty() {
        return cast(x, dtype);
    }
    apply(LogSumExp { axes }, std::slice::from_ref(x))
}

impl LogSumExp {
    /// The share of each element in its sum: `exp(x - y)`, and zero where y is minus infinity.
    ///
    /// The roundoff of a large y is a factor that all shares of a sum have in common: their sum takes it out again. With
    /// it y drops out, so it needs no derivative.
    fn shares(&self, node: &NodeView<'_>) -> Result<Variable> {
        let y = stop_gradient(node.output(0))?;
        let finite = switch(&eq(&y, f64::NEG_INFINITY)?, 0.0, &y)?;
        let shares = exp(&sub(node.input(0), &expand_dims(&finite, &self.axes)?)?)?;
        let total = switch(&isinf(&y)?, 1.0, &sum_axes(&shares, &self.axes)?)?;
        true_div(&shares, &expand_dims(&total, &self.axes)?)
    }
}

pub(super) fn entries() -> Vec<Entry> {
    let samples = || {
        let (nan, inf) = (f64::NAN, f64::INFINITY);
        let rows = shaped(&[5, 2], vec![1000.0, 999.5, -inf, 0.5, -inf, -inf, inf, 1.0, nan, 1.0]);
        let edges = vec![
            Sample::new("nothing", [dense(&[2, 0], (-2.0, 2.0), 1)]).with("axis", 1i64),
            Sample::new("large", [given(vec![1000.0, 1000.0, 999.0])]),
            Sample::new("so large that the sum rounds to the largest", [given(vec![1e17, 1e17])]).edge(),
            Sample::new("small", [given(vec![-1000.0, -1001.0])]),
            Sample::new("infinities and NaN", [given(rows)]).with("axis", 1i64).edge(),
        ];
        [samples_on((-2.0, 2.0)), discrete_samples().into(), edges].concat()
    };
    vec![
        Entry::function("logsumexp", "reductions", |params, x| build("logsumexp", params, x, logsumexp_axes), samples)
            .parsed_by(|params| Ok(Arc::new(LogSumExp { axes: printed_axes(params)? }))),
    ]
}

impl Op for LogSumExp {
    fn name(&self) -> Cow<'static, str> {
        "logsumexp".into()
    }

    fn props(&self) -> Props {
        Props::default().with("axes", &self.axes[..])
    }

    fn make_node(&self, inputs: &[Variable]) -> Result<NodeSpec> {
        let spec = reduced_type("logsumexp", inputs, &self.axes, DType::to_float)?;
        let dtype = tensor_type("logsumexp", &inputs[0])?.dtype().to_float();
        Ok(spec.with_inputs([cast(&inputs[0], dtype)?]))
    }

    fn perform(&self, io: &mut Io<'_>) -> OpResult {
        fn run<T: Term<Wide = f64>>(op: &LogSumExp, x: &Strided<T>, out: &mut Tensor) {
            let shape: Extents = kept(x.shape(), &op.axes);
            let slices = Slices::along(&op.axes, x.shape(), [x.strides()]);
            let mut results = out.reset::<T>(&shape).iter_mut();
            slices.for_each(|from| {
                let top = top_of(&slices, from, x, |[at]| at);
                let mut total = 0.0;
                slices.inside(from, |[from], [step], length| {
                    total += (0..length).map(|i| (x.storage()[from + i * step].widen() - top).exp()).sum::<f64>();
                });
                if let Some(result) = results.next() {
                    *result = T::narrow(if top.is_finite() { top + total.ln() } else { top });
                }
            });
        }
        let out = io.outputs[0].buffer::<Tensor>();
        match io.inputs.get::<Tensor>(0)? {
            Tensor::F64(x) => run(self, x, out),
            Tensor::F32(x) => run(self, x, out),
            _ => return Err(OpFailure::WrongValue(0).into()),
        }
        Ok(())
    }

    /// The cotangent times each element's share in the sum.
    fn l_op(&self, node: &NodeView<'_>, output_grads: &[Option<Variable>]) -> Result<Grads> {
        let Some(g) = &output_grads[0] else { return Ok(vec![Grad::Zero]) };
        Ok(vec![mul(&spread_back(g, node.input(0), &self.axes)?, &self.shares(node)?)?.into()])
    }

    /// The tangents weighted by the shares.
    fn r_op(&self, node: &NodeView<'_>, tangents: &[Option<Variable>]) -> Result<Tangents> {
        let Some(tangent) = &tangents[0] else { return Ok(vec![Grad::Zero]) };
        Ok(vec![sum_axes(&mul(tangent, &self.shares(node)?)?, &self.axes)?.into()])
    }

    fn infer_shape(&self, _node: &NodeView<'_>, input_shapes: &[Shape]) -> Result<Vec<Shape>> {
        Ok(vec![kept(&input_shapes[0], &self.axes)])
    }
}

/// The largest element of a slice, NaN before all others; of none, minus infinity. `of` picks the array x of several.
pub(super) fn top_of<T: Term<Wide = f64>, const K: usize>(
    slices: &Slices<K>,
    from: [usize; K],
    x: &Strided<T>,
    of: impl Fn([usize; K]) -> usize,
) -> f64 {
    let mut top = f64::LOWEST;
    slices.inside(from, |at, step, length| {
        let (at, step) = (of(at), of(step));
        for i in 0..length {
            let x = x.storage()[at + i * step].widen();
            top = if Which::Largest.prefers(x, top) { x } else { top };
        }
    });
    top
}
