//! The position of the largest or the smallest element.

use std::borrow::Cow;
use std::sync::Arc;

use kronograph_graph::{
    Entry, Grad, Grads, Io, NodeSpec, NodeView, Op, OpResult, Params, Prop, Props, Result, Sample, Shape, Tangents,
    Variable, Why, apply,
};

use super::extremum::{Ordered, Which};
use super::fold::Slices;
use super::{Axes, all_axes_of, build, discrete_samples, kept, printed_axes, reduced_type, sorted_axes};
use crate::dtype::DType;
use crate::samples::{dense, given, shaped};
use crate::tensor::{Extents, Strided, Tensor, each_dtype};

/// The position of the largest or the smallest element over axes, which are dropped.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ArgExtremum {
    which: Which,
    axes: Axes,
}

/// The position of the largest of all elements, in row-major order; see [`argmax_axes`].
///
/// # Errors
///
/// When `x` is not a dense tensor; at run time, when it is empty.
#[track_caller]
pub fn argmax(x: &Variable) -> Result<Variable> {
    argmax_axes(x, &all_axes_of("argmax", x)?)
}

/// The position of the largest element over axes, in i64. Of several axes, which are sorted, it is counted in
/// row-major order.
///
/// Of equal elements the first counts; a NaN counts as larger than all numbers. The derivative is zero.
///
/// # Errors
///
/// When an axis does not exist or is named twice; at run time, when one is empty.
#[track_caller]
pub fn argmax_axes(x: &Variable, axes: &[usize]) -> Result<Variable> {
    position(Which::Largest, x, axes)
}

/// The position of the smallest of all elements, in row-major order; see [`argmin_axes`].
///
/// # Errors
///
/// When `x` is not a dense tensor; at run time, when it is empty.
#[track_caller]
pub fn argmin(x: &Variable) -> Result<Variable> {
    argmin_axes(x, &all_axes_of("argmin", x)?)
}

/// The position of the smallest element over axes, in i64. Of several axes, which are sorted, it is counted in
/// row-major order.
///
/// Of equal elements the first counts; a NaN counts as smaller than all numbers. The derivative is zero.
///
/// # Errors
///
/// When an axis does not exist or is named twice; at run time, when one is empty.
#[track_caller]
pub fn argmin_axes(x: &Variable, axes: &[usize]) -> Result<Variable> {
    position(Which::Smallest, x, axes)
}

#[track_caller]
fn position(which: Which, x: &Variable, axes: &[usize]) -> Result<Variable> {
    let axes = sorted_axes(name(which), x, axes)?;
    apply(ArgExtremum { which, axes }, std::slice::from_ref(x))
}

fn name(which: Which) -> &'static str {
    match which {
        Which::Largest => "argmax",
        Which::Smallest => "argmin",
    }
}

pub(super) fn entries() -> Vec<Entry> {
    let entry = |which: Which| {
        let build_it = move |params: &Params<'_>, x: &[Variable]| {
            build(name(which), params, x, |x, axes| position(which, x, axes))
        };
        Entry::function(name(which), "reductions", build_it, samples)
            .parsed_by(move |params| Ok(Arc::new(ArgExtremum { which, axes: printed_axes(params)? })))
            .without_derivative(Why::Discrete)
    };
    vec![entry(Which::Largest), entry(Which::Smallest)]
}

fn samples() -> Vec<Sample> {
    let x = || [dense(&[2, 3, 2], (-2.0, 2.0), 1)];
    let nan = f64::NAN;
    let rows = shaped(&[4, 3], vec![1.0, 3.0, 3.0, 2.0, 2.0, 2.0, 1.0, nan, nan, nan, -5.0, 7.0]);
    let mut samples = vec![
        Sample::new("over all", x()),
        Sample::new("over the first axis", x()).with("axis", 0i64),
        Sample::new("keeping the last axis", x()).with("axis", -1i64).with("keepdims", true),
        Sample::new("over two axes", x()).with("axis", Prop::Ints(vec![2, 0])),
        Sample::new("over no axis", x()).with("axis", Prop::Ints(vec![])),
        Sample::new("a scalar", [dense(&[], (-2.0, 2.0), 1)]),
        Sample::new("no results", [dense(&[0, 3], (-2.0, 2.0), 1)]).with("axis", 1i64),
        Sample::new("ties and NaN", [given(rows)]).with("axis", 1i64).edge(),
        Sample::new("f32", [given(vec![1.5f32, -0.5, 1.5])]).single(),
    ];
    samples.extend(discrete_samples());
    samples
}

impl Op for ArgExtremum {
    fn name(&self) -> Cow<'static, str> {
        name(self.which).into()
    }

    fn props(&self) -> Props {
        Props::default().with("axes", &self.axes[..])
    }

    fn make_node(&self, inputs: &[Variable]) -> Result<NodeSpec> {
        reduced_type(name(self.which), inputs, &self.axes, |_| DType::I64)
    }

    fn perform(&self, io: &mut Io<'_>) -> OpResult {
        let x = io.inputs.get::<Tensor>(0)?;
        self.which.needs_elements(x.shape(), &self.axes)?;
        let shape: Extents = kept(x.shape(), &self.axes);
        let out = io.outputs[0].buffer::<Tensor>().reset::<i64>(&shape);
        each_dtype!(x, array => find(self, array, out));
        Ok(())
    }

    fn l_op(&self, _node: &NodeView<'_>, _output_grads: &[Option<Variable>]) -> Result<Grads> {
        Ok(vec![Grad::Zero])
    }

    fn r_op(&self, _node: &NodeView<'_>, _tangents: &[Option<Variable>]) -> Result<Tangents> {
        Ok(vec![Grad::Zero])
    }

    fn infer_shape(&self, _node: &NodeView<'_>, input_shapes: &[Shape]) -> Result<Vec<Shape>> {
        Ok(vec![kept(&input_shapes[0], &self.axes)])
    }
}

fn find<T: Ordered>(op: &ArgExtremum, x: &Strided<T>, out: &mut [i64]) {
    let slices = Slices::along(&op.axes, x.shape(), [x.strides()]);
    let mut results = out.iter_mut();
    slices.for_each(|[first]| {
        let (mut best, mut at, mut seen) = (x.storage()[first], 0, 0);
        slices.inside([first], |[from], [step], length| {
            for i in 0..length {
                let candidate = x.storage()[from + i * step];
                if op.which.prefers(candidate, best) {
                    (best, at) = (candidate, seen + i);
                }
            }
            seen += length;
        });
        if let Some(result) = results.next() {
            *result = at as i64;
        }
    });
}
