//! Identities that change a derivative and no value.
//!
//! | function | value | cotangent, and tangent |
//! |---|---|---|
//! | [`stop_gradient`] | x | disconnected |
//! | [`zero_grad`] | x | zero |
//! | [`undefined_grad`] | x | undefined: asking for it is an error |
//! | [`grad_scale`] | x | times a factor |
//!
//! They act in every later differentiation, unlike `consider_constant`, which belongs to one.

use std::borrow::Cow;

use crate::dim::Shape;
use crate::error::{BuildError, Result};
use crate::op::{Grad, Grads, Io, NodeSpec, NodeView, Op, Props, Tangents, Why};
use crate::operators::{Operand, Verb, binary};
use crate::variable::{Variable, apply};

/// An identity with a derivative of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct GradientRule(Rule);

#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Rule {
    Stop,
    Zero,
    Undefined,
    /// The bits of the factor.
    Scale(u64),
}

/// `x`, which derivatives do not pass: by what it depends on they are disconnected (PyTensor: `disconnected_grad`).
///
/// # Errors
///
/// None of its own.
#[track_caller]
pub fn stop_gradient(x: &Variable) -> Result<Variable> {
    apply(GradientRule(Rule::Stop), std::slice::from_ref(x))
}

/// `x`, whose derivative is zero: it is connected, so that no error is raised.
///
/// # Errors
///
/// None of its own.
#[track_caller]
pub fn zero_grad(x: &Variable) -> Result<Variable> {
    apply(GradientRule(Rule::Zero), std::slice::from_ref(x))
}

/// `x`, of which no derivative may be taken: asking for one is an error.
///
/// # Errors
///
/// None of its own.
#[track_caller]
pub fn undefined_grad(x: &Variable) -> Result<Variable> {
    apply(GradientRule(Rule::Undefined), std::slice::from_ref(x))
}

/// `x`, whose cotangent (and tangent) is multiplied by a factor.
///
/// # Errors
///
/// When the factor is not finite, or x has no derivatives.
#[track_caller]
pub fn grad_scale(x: &Variable, factor: f64) -> Result<Variable> {
    if !factor.is_finite() || x.ty().tangent().is_none() {
        let rule = format!("it takes something that has derivatives and a finite factor, and was given {factor}");
        return Err(BuildError::inputs("grad_scale", std::slice::from_ref(x), rule));
    }
    apply(GradientRule(Rule::Scale(factor.to_bits())), std::slice::from_ref(x))
}

impl GradientRule {
    /// That of [`stop_gradient`].
    pub const STOP: Self = Self(Rule::Stop);
    /// That of [`zero_grad`].
    pub const ZERO: Self = Self(Rule::Zero);
    /// That of [`undefined_grad`].
    pub const UNDEFINED: Self = Self(Rule::Undefined);

    /// That of [`grad_scale`].
    pub fn scale(factor: f64) -> Self {
        Self(Rule::Scale(factor.to_bits()))
    }

    fn answer(self, term: &Option<Variable>) -> Result<Grad> {
        Ok(match (self.0, term) {
            (Rule::Stop, _) => Grad::Disconnected,
            (Rule::Undefined, _) => Grad::Undefined { why: Why::Declared },
            (Rule::Scale(bits), Some(term)) => {
                binary(Verb::Mul, Operand::Float(f64::from_bits(bits)), Operand::Variable(term))?.into()
            }
            (Rule::Zero | Rule::Scale(_), _) => Grad::Zero,
        })
    }
}

impl Op for GradientRule {
    fn name(&self) -> Cow<'static, str> {
        match self.0 {
            Rule::Stop => "stop_gradient",
            Rule::Zero => "zero_grad",
            Rule::Undefined => "undefined_grad",
            Rule::Scale(_) => "grad_scale",
        }
        .into()
    }

    fn props(&self) -> Props {
        match self.0 {
            Rule::Scale(bits) => Props::default().with("factor", f64::from_bits(bits)),
            Rule::Stop | Rule::Zero | Rule::Undefined => Props::default(),
        }
    }

    fn make_node(&self, inputs: &[Variable]) -> Result<NodeSpec> {
        let [x] = inputs else { return Err(BuildError::arity(self.name(), 1, inputs)) };
        Ok(NodeSpec::one(x.ty().clone()))
    }

    fn perform(&self, io: &mut Io<'_>) -> crate::error::OpResult {
        let value = io.inputs.value(0)?;
        io.outputs[0].assign(value);
        Ok(())
    }

    fn l_op(&self, _node: &NodeView<'_>, output_grads: &[Option<Variable>]) -> Result<Grads> {
        Ok(vec![self.answer(&output_grads[0])?])
    }

    fn r_op(&self, _node: &NodeView<'_>, tangents: &[Option<Variable>]) -> Result<Tangents> {
        Ok(vec![self.answer(&tangents[0])?])
    }

    fn infer_shape(&self, _node: &NodeView<'_>, input_shapes: &[Shape]) -> Result<Vec<Shape>> {
        Ok(input_shapes.to_vec())
    }

    fn view_map(&self) -> &[(usize, usize)] {
        &[(0, 0)]
    }

    fn connection_pattern(&self, _output: usize, _input: usize) -> bool {
        self.0 != Rule::Stop
    }
}
