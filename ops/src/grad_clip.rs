//! An identity whose cotangent is clipped.

use std::borrow::Cow;

use kronograph_graph::{
    BuildError, Grad, Grads, Io, NodeSpec, NodeView, Op, OpResult, Props, Result, Shape, Variable, apply,
};

use crate::elemwise::{maximum, minimum};

/// An identity whose cotangent is clipped to bounds, which are kept as bits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct GradClip {
    low: u64,
    high: u64,
}

/// `x`, whose cotangent is clipped to `[low, high]`, element by element.
///
/// Clipping is not linear, so forward mode has no tangent for it, and says so.
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

impl Op for GradClip {
    fn name(&self) -> Cow<'static, str> {
        "grad_clip".into()
    }

    fn props(&self) -> Props {
        let text = |bits: u64| f64::from_bits(bits).to_string();
        Props::default().with("low", text(self.low)).with("high", text(self.high))
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

    fn infer_shape(&self, _node: &NodeView<'_>, input_shapes: &[Shape]) -> Result<Vec<Shape>> {
        Ok(input_shapes.to_vec())
    }

    fn view_map(&self) -> &[(usize, usize)] {
        &[(0, 0)]
    }
}
