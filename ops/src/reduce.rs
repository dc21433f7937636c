//! Sums, means and maxima over axes.
//!
//! Sums of floats are accumulated in f64, long runs in blocks. The maximum over an empty axis is an error.

use std::borrow::Cow;
use std::sync::Arc;

use kronograph_graph::{
    BuildError, Dim, Entry, Grad, Grads, Io, NodeSpec, NodeView, Op, OpFailure, OpResult, Params, Prop, Props, Result,
    Sample, Shape, Tangents, Variable, apply, origin, shape_of,
};
use smallvec::SmallVec;

use crate::dtype::DType;
use crate::elemwise::{cast, eq, switch, true_div};
use crate::kernels::runs::for_each_run;
use crate::kernels::sums::blocked_sum;
use crate::layout::{broadcast_to, dim_variable, expand_dims};
use crate::params::{axes_of, only};
use crate::samples::{broadcasting, dense, given, spread_over};
use crate::tensor::{Element, Extents, Strided, Tensor, TensorType, each_dtype, row_major, shape_text, tensor_type};

type Axes = SmallVec<[usize; 4]>;

/// The sum over axes, which are dropped.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Sum {
    pub(crate) axes: Axes,
}

/// The maximum over axes, which are dropped.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Max {
    axes: Axes,
}

/// The sum of all elements. Integers and truth values are summed in i64.
///
/// # Errors
///
/// When `x` is not a dense tensor.
#[track_caller]
pub fn sum(x: &Variable) -> Result<Variable> {
    sum_axes(x, &all_axes("sum", x)?)
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

/// The mean of all elements; of none, NaN.
///
/// # Errors
///
/// When `x` is not a dense tensor.
#[track_caller]
pub fn mean(x: &Variable) -> Result<Variable> {
    mean_axes(x, &all_axes("mean", x)?)
}

/// The mean over axes, which are dropped: the sum divided by the number of elements.
///
/// # Errors
///
/// When an axis does not exist or is named twice.
#[track_caller]
pub fn mean_axes(x: &Variable, axes: &[usize]) -> Result<Variable> {
    let _scope = origin::here();
    let total = sum_axes(x, axes)?;
    let shape = shape_of(x);
    let count = axes.iter().fold(Dim::from(1), |count, &axis| count.times(&shape[axis]));
    let dtype = tensor_type("mean", &total)?.dtype().to_float();
    true_div(&cast(&total, dtype)?, &cast(&dim_variable(&count)?, dtype)?)
}

/// The largest element; NaN if one is NaN. For its derivative at ties, see [`max_axes`].
///
/// # Errors
///
/// When `x` is not a dense tensor; at run time, when it is empty.
#[track_caller]
pub fn max(x: &Variable) -> Result<Variable> {
    max_axes(x, &all_axes("max", x)?)
}

/// The maximum over axes, which are dropped. At ties each of the largest elements gets the whole derivative, as in
/// PyTensor; of a NaN none does.
///
/// # Errors
///
/// When an axis does not exist or is named twice; at run time, when one is empty.
#[track_caller]
pub fn max_axes(x: &Variable, axes: &[usize]) -> Result<Variable> {
    let axes = sorted_axes("max", x, axes)?;
    if axes.is_empty() {
        return Ok(x.clone());
    }
    apply(Max { axes }, std::slice::from_ref(x))
}

fn all_axes(op: &'static str, x: &Variable) -> Result<Vec<usize>> {
    Ok((0..tensor_type(op, x)?.rank()).collect())
}

#[track_caller]
fn sorted_axes(op: &'static str, x: &Variable, axes: &[usize]) -> Result<Axes> {
    let rank = tensor_type(op, x)?.rank();
    let mut sorted: Axes = axes.into();
    sorted.sort_unstable();
    if sorted.windows(2).any(|pair| pair[0] == pair[1]) || sorted.last().is_some_and(|&axis| axis >= rank) {
        let rule = format!("axes {axes:?} are not different axes of it");
        return Err(BuildError::inputs(op, std::slice::from_ref(x), rule));
    }
    Ok(sorted)
}

fn kept<T: Clone>(all: &[T], axes: &Axes) -> SmallVec<[T; 4]>
where
    [T; 4]: smallvec::Array<Item = T>,
{
    all.iter().enumerate().filter(|(axis, _)| !axes.contains(axis)).map(|(_, item)| item.clone()).collect()
}

/// A reduced tensor repeated along the axes that were dropped.
fn spread_back(reduced: &Variable, like: &Variable, axes: &Axes) -> Result<Variable> {
    broadcast_to(&expand_dims(reduced, axes)?, shape_of(like))
}

fn reduced_type(op: &'static str, inputs: &[Variable], axes: &Axes, dtype: fn(DType) -> DType) -> Result<NodeSpec> {
    let [x] = inputs else { return Err(BuildError::arity(op, 1, inputs)) };
    let ty = tensor_type(op, x)?;
    if axes.iter().any(|&axis| axis >= ty.rank()) {
        return Err(BuildError::inputs(op, inputs, format!("axes {axes:?} are not different axes of it")));
    }
    Ok(NodeSpec::one(TensorType::shared(dtype(ty.dtype()), &kept(ty.lengths(), axes))))
}

/// Folds every element into the output element that it belongs to: `whole` for a run that lies in one piece and belongs
/// to one output, `one` for single elements.
fn reduce<T: Element, O: Element>(
    x: &Strided<T>,
    axes: &Axes,
    out: &mut Tensor,
    start: O,
    whole: impl Fn(O, &[T]) -> O,
    one: impl Fn(O, T) -> O,
) {
    let shape: Extents = kept(x.shape(), axes);
    let out = out.reset::<O>(&shape);
    out.fill(start);
    let dense = row_major(&shape);
    let mut positions = dense.iter();
    let steps: Extents = (0..x.shape().len())
        .map(|axis| if axes.contains(&axis) { 0 } else { positions.next().copied().unwrap_or(0) })
        .collect();
    for_each_run(x.shape(), [x.strides(), &steps], |[from, to], [step, out_step], length| {
        let storage = &x.storage()[from..];
        match (step, out_step) {
            (1, 0) => out[to] = whole(out[to], &storage[..length]),
            _ => (0..length).for_each(|i| {
                let out = &mut out[to + i * out_step];
                *out = one(*out, storage[i * step]);
            }),
        }
    });
}

/// The entries of this file: PyTensor's `axis` (all if absent; one or several; negative from the end), `keepdims`.
pub(crate) fn entries() -> Vec<Entry> {
    let parsed = |params: &Params<'_>| Ok(Axes::from_vec(params.sizes("axes")?));
    vec![
        Entry::function("sum", "reductions", |params, x| reduced(params, x, sum_axes), samples)
            .parsed_by(move |params| Ok(Arc::new(Sum { axes: parsed(params)? }))),
        Entry::function("mean", "reductions", |params, x| reduced(params, x, mean_axes), samples),
        Entry::function("max", "reductions", |params, x| reduced(params, x, max_axes), samples)
            .parsed_by(move |params| Ok(Arc::new(Max { axes: parsed(params)? }))),
    ]
}

fn reduced(
    params: &Params<'_>,
    inputs: &[Variable],
    reduce: impl Fn(&Variable, &[usize]) -> Result<Variable>,
) -> Result<Vec<Variable>> {
    let x = only(params, inputs)?;
    let axes = axes_of("reduction", params, x)?;
    let y = reduce(x, &axes)?;
    Ok(vec![if params.flag("keepdims")? { expand_dims(&y, &axes)? } else { y }])
}

fn samples() -> Vec<Sample> {
    let x = || [dense(&[2, 3, 2], (-2.0, 2.0), 1)];
    let mut samples: Vec<Sample> = [&[][..], &[0], &[-1], &[0, 2], &[2, 1], &[0, 1, 2]]
        .iter()
        .map(|axes| Sample::new(format!("over {axes:?}"), x()).with("axis", Prop::Ints(axes.to_vec())))
        .collect();
    samples.push(Sample::new("over all", x()));
    samples.push(Sample::new("keeping the axis", x()).with("axis", 1i64).with("keepdims", true));
    samples.push(Sample::new("a scalar", [dense(&[], (-2.0, 2.0), 1)]));
    samples.push(Sample::new("a declared length of 1", [broadcasting(spread_over(&[3, 1], (-2.0, 2.0), 1), &[1])]));
    samples.push(Sample::new("no results", [dense(&[0, 3], (-2.0, 2.0), 1)]).with("axis", 1i64));
    samples.push(Sample::new("ties", [given(vec![1.0, 2.0, 2.0])]).edge());
    samples.push(Sample::new("integers", [given(vec![1i64, 3, 2])]).edge());
    samples
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
        fn count<T: Element + Into<i64>>(x: &Strided<T>, axes: &Axes, out: &mut Tensor) {
            let one = |total: i64, x: T| total.wrapping_add(x.into());
            reduce(x, axes, out, 0, |total, run| run.iter().copied().fold(total, one), one);
        }
        let (axes, out) = (&self.axes, io.outputs[0].buffer::<Tensor>());
        match io.inputs.get::<Tensor>(0)? {
            Tensor::F64(x) => reduce(x, axes, out, 0.0, |total, run| total + blocked_sum(run), |total, x| total + x),
            Tensor::F32(x) => {
                let mut wide = Tensor::default();
                let one = |total: f64, x: f32| total + f64::from(x);
                reduce(x, axes, &mut wide, 0.0, |total, run| run.iter().copied().fold(total, one), one);
                *out = crate::elemwise::cast_value(&wide, DType::F32);
            }
            Tensor::Bool(x) => count(x, axes, out),
            Tensor::U8(x) => count(x, axes, out),
            Tensor::I8(x) => count(x, axes, out),
            Tensor::I32(x) => count(x, axes, out),
            Tensor::I64(x) => count(x, axes, out),
        }
        Ok(())
    }

    /// The cotangent repeated along the summed axes.
    fn l_op(&self, node: &NodeView<'_>, output_grads: &[Option<Variable>]) -> Result<Grads> {
        let Some(g) = &output_grads[0] else { return Ok(vec![Grad::Zero]) };
        Ok(vec![spread_back(g, node.input(0), &self.axes)?.into()])
    }

    fn r_op(&self, node: &NodeView<'_>, tangents: &[Option<Variable>]) -> Result<Tangents> {
        node.linear_tangent(0, tangents)
    }

    fn infer_shape(&self, _node: &NodeView<'_>, input_shapes: &[Shape]) -> Result<Vec<Shape>> {
        Ok(vec![kept(&input_shapes[0], &self.axes)])
    }
}

/// An order with a least element, in which NaN is the largest.
trait Lowest {
    const LOWEST: Self;
    fn larger(self, other: Self) -> Self;
}

macro_rules! lowest {
    ($($t:ty: $lowest:expr, |$a:ident, $b:ident| $larger:expr;)+) => { $(
        impl Lowest for $t {
            const LOWEST: Self = $lowest;

            fn larger(self, other: Self) -> Self {
                let ($a, $b) = (self, other);
                $larger
            }
        }
    )+ };
}

lowest! {
    bool: false, |a, b| a | b;
    u8: u8::MIN, |a, b| a.max(b);
    i8: i8::MIN, |a, b| a.max(b);
    i32: i32::MIN, |a, b| a.max(b);
    i64: i64::MIN, |a, b| a.max(b);
    f32: f32::NEG_INFINITY, |a, b| if a >= b || a.is_nan() { a } else { b };
    f64: f64::NEG_INFINITY, |a, b| if a >= b || a.is_nan() { a } else { b };
}

impl Op for Max {
    fn name(&self) -> Cow<'static, str> {
        "max".into()
    }

    fn props(&self) -> Props {
        Props::default().with("axes", &self.axes[..])
    }

    fn make_node(&self, inputs: &[Variable]) -> Result<NodeSpec> {
        reduced_type("max", inputs, &self.axes, |dtype| dtype)
    }

    fn perform(&self, io: &mut Io<'_>) -> OpResult {
        fn largest<T: Element + Lowest>(x: &Strided<T>, axes: &Axes, out: &mut Tensor) {
            reduce(x, axes, out, T::LOWEST, |best, run| run.iter().copied().fold(best, T::larger), T::larger);
        }
        let x = io.inputs.get::<Tensor>(0)?;
        if self.axes.iter().any(|&axis| x.shape()[axis] == 0) {
            let rule = format!("the maximum over an empty axis of shape {} does not exist", shape_text(x.shape()));
            return Err(OpFailure::Shapes(rule).into());
        }
        let out = io.outputs[0].buffer::<Tensor>();
        each_dtype!(x, array => largest(array, &self.axes, out));
        Ok(())
    }

    /// The cotangent where the element is the largest; nothing is multiplied.
    fn l_op(&self, node: &NodeView<'_>, output_grads: &[Option<Variable>]) -> Result<Grads> {
        let Some(g) = &output_grads[0] else { return Ok(vec![Grad::Zero]) };
        let x = node.input(0);
        let mask = eq(x, &expand_dims(node.output(0), &self.axes)?)?;
        Ok(vec![switch(&mask, &spread_back(g, x, &self.axes)?, 0.0)?.into()])
    }

    fn r_op(&self, node: &NodeView<'_>, tangents: &[Option<Variable>]) -> Result<Tangents> {
        let Some(tangent) = &tangents[0] else { return Ok(vec![Grad::Zero]) };
        let mask = eq(node.input(0), &expand_dims(node.output(0), &self.axes)?)?;
        Ok(vec![sum_axes(&switch(&mask, tangent, 0.0)?, &self.axes)?.into()])
    }

    fn infer_shape(&self, _node: &NodeView<'_>, input_shapes: &[Shape]) -> Result<Vec<Shape>> {
        Ok(vec![kept(&input_shapes[0], &self.axes)])
    }
}
