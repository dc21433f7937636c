//! The log-determinant from a factor that was computed elsewhere.

use std::borrow::Cow;

use kronograph_graph::{
    BuildError, Grad, Grads, Io, NodeSpec, NodeView, Op, OpFailure, OpResult, Result, Shape, Tangents, Variable,
    apply_all,
};

use super::factor::{FactorValue, batch_dims};
use super::factor_solve::factor_type;
use crate::dtype::DType;
use crate::tensor::{Tensor, TensorType};

/// `(sign, ln|det A|)` from a factor of A, or from each of a stack.
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
        let factors = factor_type("factor_logdet", factor)?;
        let stack = TensorType::shared(DType::F64, factors.batch());
        Ok(NodeSpec::many([stack.clone(), stack]))
    }

    fn perform(&self, io: &mut Io<'_>) -> OpResult {
        let factors = io.inputs.get::<FactorValue>(0)?;
        if factors.batch().is_empty() && factors.get().is_none() {
            return Err(OpFailure::WrongValue(0).into());
        }
        let [sign, log] = io.outputs else { return Err(OpFailure::WrongValue(0).into()) };
        let sign = sign.buffer::<Tensor>().reset::<f64>(factors.batch());
        let log = log.buffer::<Tensor>().reset::<f64>(factors.batch());
        for (k, factor) in factors.all().iter().enumerate() {
            (sign[k], log[k]) = factor.slogdet()?;
        }
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

    fn infer_shape(&self, node: &NodeView<'_>, _input_shapes: &[Shape]) -> Result<Vec<Shape>> {
        Ok(vec![batch_dims(node.input(0)); 2])
    }
}
