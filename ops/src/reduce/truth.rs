//! Whether any or all elements are true.

use std::borrow::Cow;
use std::sync::Arc;

use kronograph_graph::{
    Entry, Grad, Grads, Io, NodeSpec, NodeView, Op, OpFailure, OpResult, Params, Prop, Props, Result, Sample, Shape,
    Tangents, Variable, Why, apply,
};

use super::fold::reduce;
use super::{Axes, all_axes_of, build, discrete_samples, kept, printed_axes, reduced_type, sorted_axes};
use crate::dtype::DType;
use crate::elemwise::cast;
use crate::samples::{given, shaped};
use crate::tensor::{Element, Tensor};

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Quantifier {
    Any,
    All,
}

/// Whether any or all elements over axes are true.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Truth {
    quantifier: Quantifier,
    axes: Axes,
}

/// Whether any element is true; of none, false. What is not zero is true, NaN included.
///
/// # Errors
///
/// When `x` is not a dense tensor.
#[track_caller]
pub fn any(x: &Variable) -> Result<Variable> {
    any_axes(x, &all_axes_of("any", x)?)
}

/// Whether any element over axes, which are dropped, is true; of none, false.
///
/// # Errors
///
/// When an axis does not exist or is named twice.
#[track_caller]
pub fn any_axes(x: &Variable, axes: &[usize]) -> Result<Variable> {
    quantify(Quantifier::Any, x, axes)
}

/// Whether all elements are true; of none, true. What is not zero is true, NaN included.
///
/// # Errors
///
/// When `x` is not a dense tensor.
#[track_caller]
pub fn all(x: &Variable) -> Result<Variable> {
    all_axes(x, &all_axes_of("all", x)?)
}

/// Whether all elements over axes, which are dropped, are true; of none, true.
///
/// # Errors
///
/// When an axis does not exist or is named twice.
#[track_caller]
pub fn all_axes(x: &Variable, axes: &[usize]) -> Result<Variable> {
    quantify(Quantifier::All, x, axes)
}

#[track_caller]
fn quantify(quantifier: Quantifier, x: &Variable, axes: &[usize]) -> Result<Variable> {
    let axes = sorted_axes(quantifier.name(), x, axes)?;
    if axes.is_empty() {
        return cast(x, DType::Bool);
    }
    apply(Truth { quantifier, axes }, std::slice::from_ref(x))
}

impl Quantifier {
    fn name(self) -> &'static str {
        match self {
            Quantifier::Any => "any",
            Quantifier::All => "all",
        }
    }
}

pub(super) fn entries() -> Vec<Entry> {
    let entry = |quantifier: Quantifier| {
        let build_it = move |params: &Params<'_>, x: &[Variable]| {
            build(quantifier.name(), params, x, |x, axes| quantify(quantifier, x, axes))
        };
        Entry::function(quantifier.name(), "reductions", build_it, samples)
            .parsed_by(move |params| Ok(Arc::new(Truth { quantifier, axes: printed_axes(params)? })))
            .without_derivative(Why::Discrete)
    };
    vec![entry(Quantifier::Any), entry(Quantifier::All)]
}

fn samples() -> Vec<Sample> {
    let x = || [given(shaped(&[2, 3], vec![true, false, true, true, true, false]))];
    let mut samples = vec![
        Sample::new("over all", x()),
        Sample::new("over the first axis", x()).with("axis", 0i64),
        Sample::new("keeping the last axis", x()).with("axis", -1i64).with("keepdims", true),
        Sample::new("over no axis", x()).with("axis", Prop::Ints(vec![])),
        Sample::new("nothing", [given(Vec::<bool>::new())]),
        Sample::new("floats", [given(vec![0.0, -0.0, f64::NAN])]).edge(),
    ];
    samples.extend(discrete_samples());
    samples
}

impl Op for Truth {
    fn name(&self) -> Cow<'static, str> {
        self.quantifier.name().into()
    }

    fn props(&self) -> Props {
        Props::default().with("axes", &self.axes[..])
    }

    fn make_node(&self, inputs: &[Variable]) -> Result<NodeSpec> {
        let spec = reduced_type(self.quantifier.name(), inputs, &self.axes, |_| DType::Bool)?;
        let truths = inputs.iter().map(|x| cast(x, DType::Bool)).collect::<Result<Vec<_>>>()?;
        Ok(spec.with_inputs(truths))
    }

    fn perform(&self, io: &mut Io<'_>) -> OpResult {
        let x = bool::of(io.inputs.get::<Tensor>(0)?).ok_or(OpFailure::WrongValue(0))?;
        let out = io.outputs[0].buffer::<Tensor>();
        match self.quantifier {
            Quantifier::Any => reduce(x, &self.axes, out, false, |any, run| any || run.contains(&true), |a, b| a | b),
            Quantifier::All => reduce(x, &self.axes, out, true, |all, run| all && !run.contains(&false), |a, b| a & b),
        }
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
