//! The log-determinant from a factor that was computed elsewhere.

use std::borrow::Cow;

use kronograph_graph::{
    BuildError, Grad, Grads, Io, NodeSpec, NodeView, Op, OpFailure, OpResult, Result, Shape, Tangents, Variable,
    apply_all,
};

use super::factor::FactorValue;
use super::factor_solve::factor_type;
use crate::dtype::DType;
use crate::tensor::{Tensor, TensorType};

/// `(sign, ln|det A|)` from a factor of A.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FactorLogdet;

/// The sign of det A and ln|det A| from a factor of A; `(0, -∞)` for a matrix that is singular to working
/// precision, with which [`factor_solve`](super::factor_solve::factor_solve) fails.
///
/// The determinant itself is never formed. The cotangent of A is `g A⁻ᵀ`; the sign's derivative is zero.
///
/// # Errors
///
/// When `factor` is no factor; at run time, when A is not finite.
#[track_caller]
pub fn factor_logdet(factor: &Variable) -> Result<(Variable, Variable)> {
    let outputs = apply_all(FactorLogdet, std::slice::from_ref(factor))?;
    Ok((outputs[0].clone(), outputs[1].clone()))
}

impl Op for FactorLogdet {
    fn name(&self) -> Cow<'static, str> {
        "factor_logdet".into()
    }

    fn make_node(&self, inputs: &[Variable]) -> Result<NodeSpec> {
        let [factor] = inputs else { return Err(BuildError::arity("factor_logdet", 1, inputs)) };
        factor_type("factor_logdet", factor)?;
        let scalar = TensorType::shared(DType::F64, &[]);
        Ok(NodeSpec::many([scalar.clone(), scalar]))
    }

    fn perform(&self, io: &mut Io<'_>) -> OpResult {
        let factor = io.inputs.get::<FactorValue>(0)?.get().ok_or(OpFailure::WrongValue(0))?;
        let (sign, log) = factor.slogdet()?;
        io.outputs[0].buffer::<Tensor>().reset::<f64>(&[])[0] = sign;
        io.outputs[1].buffer::<Tensor>().reset::<f64>(&[])[0] = log;
        Ok(())
    }

    /// `g A⁻ᵀ`.
    fn l_op(&self, node: &NodeView<'_>, output_grads: &[Option<Variable>]) -> Result<Grads> {
        let Some(g) = &output_grads[1] else { return Ok(vec![Grad::Zero]) };
        let factor = node.input(0);
        Ok(vec![factor_type("factor_logdet", factor)?.kind().logdet_cotangent(factor, g)?.into()])
    }

    /// `tr(A⁻¹ Ȧ)`.
    fn r_op(&self, node: &NodeView<'_>, tangents: &[Option<Variable>]) -> Result<Tangents> {
        let Some(tangent) = &tangents[0] else { return Ok(vec![Grad::Zero; 2]) };
        let factor = node.input(0);
        let kind = factor_type("factor_logdet", factor)?.kind();
        let inverse = kind.logdet_cotangent(factor, &crate::tensor::constant(1.0))?;
        Ok(vec![Grad::Zero, kind.inner(&inverse, tangent)?.into()])
    }

    fn infer_shape(&self, _node: &NodeView<'_>, _input_shapes: &[Shape]) -> Result<Vec<Shape>> {
        Ok(vec![Shape::new(), Shape::new()])
    }
}
