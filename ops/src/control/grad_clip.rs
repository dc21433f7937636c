//! An identity whose cotangent is clipped.

use std::borrow::Cow;
use std::sync::Arc;

use kronograph_graph::{
    BuildError, Entry, Grad, Grads, Io, NodeSpec, NodeView, Op, OpResult, Params, Props, Result, Sample, Shape,
    Tangents, Variable, apply,
};

use crate::elemwise::{maximum, minimum};
use crate::params::only;
use crate::samples::dense;

/// An identity whose cotangent is clipped to bounds, which are kept as bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct GradClip {
    low: u64,
    high: u64,
}

/// `x`, whose cotangent is clipped to `[low, high]`, element by element.
///
/// Clipping is not linear, and it is the cotangent that is clipped: a tangent passes, as through the identity.
///
/// # Errors
///
/// When `x` is no tensor with derivatives, or the bounds are not numbers in order.
#[track_caller]
pub fn grad_clip(x: &Variable, low: f64, high: f64) -> Result<Variable> {
    let ordered = low <= high;
    if !ordered || x.type_as::<crate::tensor::TensorType>().is_none_or(|ty| !ty.dtype().is_float()) {
        let rule = format!("it takes a float tensor and bounds in order, and was given {low} and {high}");
        return Err(BuildError::inputs("grad_clip", std::slice::from_ref(x), rule));
    }
    apply(GradClip { low: low.to_bits(), high: high.to_bits() }, std::slice::from_ref(x))
}

/// The entry of this file: PyTensor's `lower` and `upper`.
pub(crate) fn entries() -> Vec<Entry> {
    let bounds = |params: &Params<'_>| Ok::<_, BuildError>((params.float("lower")?, params.float("upper")?));
    let build = move |params: &Params<'_>, inputs: &[Variable]| {
        let (low, high) = bounds(params)?;
        Ok(vec![grad_clip(only(params, inputs)?, low, high)?])
    };
    let entry = Entry::function("grad_clip", "control", build, samples);
    vec![entry.parsed_by(move |params| {
        let (low, high) = bounds(params)?;
        Ok(Arc::new(GradClip { low: low.to_bits(), high: high.to_bits() }))
    })]
}

/// Bounds that no cotangent reaches leave the derivative of the identity; others are at odds with slopes.
fn samples() -> Vec<Sample> {
    let x = || dense(&[2, 3], (-2.0, 2.0), 1);
    let sample =
        |name: &'static str, low: f64, high: f64| Sample::new(name, [x()]).with("lower", low).with("upper", high);
    vec![sample("wide bounds", -1e9, 1e9), sample("no bounds", f64::NEG_INFINITY, f64::INFINITY)]
}

impl Op for GradClip {
    fn name(&self) -> Cow<'static, str> {
        "grad_clip".into()
    }

    fn props(&self) -> Props {
        Props::default().with("lower", f64::from_bits(self.low)).with("upper", f64::from_bits(self.high))
    }

    fn make_node(&self, inputs: &[Variable]) -> Result<NodeSpec> {
        let [x] = inputs else { return Err(BuildError::arity("grad_clip", 1, inputs)) };
        Ok(NodeSpec::one(x.ty().clone()))
    }

    fn perform(&self, io: &mut Io<'_>) -> OpResult {
        let value = io.inputs.value(0)?;
        io.outputs[0].assign(value);
        Ok(())
    }

    fn l_op(&self, _node: &NodeView<'_>, output_grads: &[Option<Variable>]) -> Result<Grads> {
        let clip = |g: &Variable| minimum(&maximum(g, f64::from_bits(self.low))?, f64::from_bits(self.high));
        Ok(vec![output_grads[0].as_ref().map_or(Ok(Grad::Zero), |g| clip(g).map(Grad::Var))?])
    }

    fn r_op(&self, _node: &NodeView<'_>, tangents: &[Option<Variable>]) -> Result<Tangents> {
        Ok(vec![tangents[0].clone().into()])
    }

    fn infer_shape(&self, _node: &NodeView<'_>, input_shapes: &[Shape]) -> Result<Vec<Shape>> {
        Ok(input_shapes.to_vec())
    }

    fn view_map(&self) -> &[(usize, usize)] {
        &[(0, 0)]
    }
}
