//! Determinants.

use std::borrow::Cow;
use std::sync::Arc;

use kronograph_graph::{
    BuildError, Entry, Grad, Grads, Io, NodeSpec, NodeView, Op, OpFailure, OpResult, Params, Result, Sample, Shape,
    Tangents, Variable, apply, origin,
};

use super::cofactor::cofactor;
use super::factor::FactorValue;
use super::factor_solve::factor_type;
use super::lu::lu_factor;
use super::solve::solution_dtype;
use super::systems::{general, matrices, singular};
use crate::dtype::DType;
use crate::elemwise::{cast, mul};
use crate::layout::expand_dims;
use crate::params::only;
use crate::reduce::sum_axes;
use crate::samples::{given, shaped};
use crate::tensor::{Tensor, TensorType, tensor_type};

/// The determinant of a matrix, read off a factor of it. Inputs: the matrix, and the factor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Det;

/// The determinant (NumPy: `linalg.det`): of a matrix, or of each of a stack. Of an empty matrix it is 1.
///
/// The cotangent is `g` times the cofactors ([`cofactor`]), which exist for singular matrices as well, at every order.
/// Where only its logarithm is wanted, [`slogdet`](super::slogdet) neither overflows nor underflows.
///
/// # Errors
///
/// When `a` is not a square matrix.
#[track_caller]
pub fn det(a: &Variable) -> Result<Variable> {
    let _scope = origin::here();
    let (dtype, a) = (solution_dtype(&[a])?, cast(a, DType::F64)?);
    cast(&apply(Det, &[a.clone(), lu_factor(&a)?])?, dtype)
}

/// The entry of this file.
pub(crate) fn entries() -> Vec<Entry> {
    let build = |params: &Params<'_>, inputs: &[Variable]| Ok(vec![det(only(params, inputs)?)?]);
    vec![Entry::function("det", "linear systems", build, samples).parsed_by(|_| Ok(Arc::new(Det)))]
}

fn samples() -> Vec<Sample> {
    let mut samples = matrices(general);
    samples.push(Sample::new("singular", [given(singular(3, 2))]));
    samples.push(Sample::new("singular, of order 2", [given(singular(2, 1))]));
    // The first derivative is zero, and slopes are rounding.
    samples.push(Sample::new("the first derivative vanishes", [given(singular(3, 1))]).edge());
    samples.push(Sample::new("zero", [given(singular(2, 0))]));
    samples.push(Sample::new("columns without a pivot", [given(shaped(&[3, 3], vec![1.0; 9]))]).edge());
    samples
}

impl Op for Det {
    fn name(&self) -> Cow<'static, str> {
        "det".into()
    }

    fn make_node(&self, inputs: &[Variable]) -> Result<NodeSpec> {
        let [a, factor] = inputs else { return Err(BuildError::arity("det", 2, inputs)) };
        let (ty, factors) = (tensor_type("det", a)?, factor_type("det", factor)?);
        if ty.rank() < 2 || ty.rank() - 2 != factors.batch().len() {
            return Err(BuildError::inputs("det", inputs, "a matrix and a factor of it are needed"));
        }
        Ok(NodeSpec::one(TensorType::shared(DType::F64, factors.batch())))
    }

    fn perform(&self, io: &mut Io<'_>) -> OpResult {
        let factors = io.inputs.get::<FactorValue>(1)?;
        let out = io.outputs[0].buffer::<Tensor>().reset::<f64>(factors.batch());
        if out.len() != factors.all().len() {
            return Err(OpFailure::WrongValue(1).into());
        }
        for (out, factor) in out.iter_mut().zip(factors.all()) {
            *out = factor.det()?;
        }
        Ok(())
    }

    /// `g cof A`. The factor only saves the work of the value.
    fn l_op(&self, node: &NodeView<'_>, output_grads: &[Option<Variable>]) -> Result<Grads> {
        let Some(g) = &output_grads[0] else { return Ok(vec![Grad::Zero, Grad::Disconnected]) };
        let rank = g.ty().extents().len();
        let cofactors = cofactor(node.input(0), &[])?;
        Ok(vec![mul(&expand_dims(g, &[rank, rank + 1])?, &cofactors)?.into(), Grad::Disconnected])
    }

    /// `sum(cof A ∘ Ȧ)`.
    fn r_op(&self, node: &NodeView<'_>, tangents: &[Option<Variable>]) -> Result<Tangents> {
        let Some(tangent) = &tangents[0] else { return Ok(vec![Grad::Zero]) };
        let terms = mul(&cofactor(node.input(0), &[])?, tangent)?;
        let rank = terms.ty().extents().len();
        Ok(vec![sum_axes(&terms, &[rank - 2, rank - 1])?.into()])
    }

    fn infer_shape(&self, _node: &NodeView<'_>, input_shapes: &[Shape]) -> Result<Vec<Shape>> {
        let shape = &input_shapes[0];
        Ok(vec![shape[..shape.len() - 2].iter().cloned().collect()])
    }

    fn connection_pattern(&self, _output: usize, input: usize) -> bool {
        input == 0
    }
}
