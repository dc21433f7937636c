//! Solving with a factor that was computed elsewhere.

use std::borrow::Cow;

use kronograph_graph::{
    BuildError, Grad, Grads, Io, NodeSpec, NodeView, Op, OpFailure, OpResult, OpState, Props, Result, Shape, Tangents,
    UnaryVerb, Variable, apply, sum_of, unary,
};

use super::factor::{FactorType, FactorValue, LinalgError, SolveWorkspace, Trans, solve_along};
use crate::dtype::DType;
use crate::elemwise::{cast, neg};
use crate::tensor::{Tensor, TensorType, shape_text, tensor_type};

/// `x = A⁻¹ b` or `A⁻ᵀ b` from a factor of A, along an axis of b.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FactorSolve {
    /// Whether A or its transpose is solved with.
    pub trans: Trans,
    /// The axis of b along which A acts.
    pub axis: usize,
}

/// `x = A⁻¹ b` (or `A⁻ᵀ b`) from a factor of A, for a vector b, or for the columns of a matrix.
///
/// Derivatives, with `w = A⁻ᵀ g`: the cotangent of b is w, that of A is `-w xᵀ` (on the pattern of A if it is sparse).
///
/// # Errors
///
/// When `factor` is no factor, or b's first axis is not as long as A; at run time, when A is singular.
#[track_caller]
pub fn factor_solve(factor: &Variable, b: &Variable, trans: Trans) -> Result<Variable> {
    factor_solve_axis(factor, b, 0, trans)
}

/// [`factor_solve`] along any axis of `b`: the system is solved for every combination of the other axes.
///
/// # Errors
///
/// As [`factor_solve`]; also when `b` has no such axis.
#[track_caller]
pub fn factor_solve_axis(factor: &Variable, b: &Variable, axis: usize, trans: Trans) -> Result<Variable> {
    apply(FactorSolve { trans, axis }, &[factor.clone(), b.clone()])
}

/// The factor type of a variable; an error that names it if it has another type.
pub(crate) fn factor_type<'a>(op: &'static str, variable: &'a Variable) -> Result<&'a FactorType> {
    let wrong =
        || BuildError::inputs(op, std::slice::from_ref(variable), "a factor is needed, such as lu_factor makes");
    variable.type_as::<FactorType>().ok_or_else(wrong)
}

impl Op for FactorSolve {
    fn name(&self) -> Cow<'static, str> {
        "factor_solve".into()
    }

    fn props(&self) -> Props {
        Props::default().with("trans", self.trans == Trans::Yes).with("axis", self.axis)
    }

    fn make_node(&self, inputs: &[Variable]) -> Result<NodeSpec> {
        let [factor, b] = inputs else { return Err(BuildError::arity("factor_solve", 2, inputs)) };
        let (order, ty) = (factor_type("factor_solve", factor)?.order(), tensor_type("factor_solve", b)?);
        let Some(&length) = ty.lengths().get(self.axis) else {
            return Err(BuildError::inputs("factor_solve", &inputs[1..], format!("there is no axis {}", self.axis)));
        };
        if order.is_some() && length.is_some() && order != length {
            let rule = format!("axis {} of the second must be as long as the matrix", self.axis);
            return Err(BuildError::inputs("factor_solve", inputs, rule));
        }
        let mut lengths = ty.lengths().to_vec();
        lengths[self.axis] = length.or(order);
        let inputs = [factor.clone(), cast(b, DType::F64)?];
        Ok(NodeSpec::one(TensorType::shared(DType::F64, &lengths)).with_inputs(inputs))
    }

    fn perform(&self, io: &mut Io<'_>) -> OpResult {
        let (work, inputs, outputs) = io.with_state::<SolveWorkspace>()?;
        let factor = inputs.get::<FactorValue>(0)?.get().ok_or(OpFailure::WrongValue(0))?;
        let b = inputs.get::<Tensor>(1)?.array::<f64>().map_err(|_| OpFailure::WrongValue(1))?;
        if b.shape()[self.axis] != factor.order() {
            let (order, shape) = (factor.order(), shape_text(b.shape()));
            let rule = format!(
                "a right-hand side of shape {shape} does not fit a matrix of order {order} along axis {}",
                self.axis
            );
            return Err(OpFailure::Shapes(rule).into());
        }
        let out = outputs[0].buffer::<Tensor>().reset::<f64>(b.shape());
        solve_along(factor, self.trans, b, self.axis, out, work).map_err(|error: LinalgError| error.into())
    }

    /// With `w = A⁻ᵀ g`: the cotangent of b is w, the cotangent of A is `-w xᵀ`; of Aᵀ, the transpose of that.
    fn l_op(&self, node: &NodeView<'_>, output_grads: &[Option<Variable>]) -> Result<Grads> {
        let Some(g) = &output_grads[0] else { return Ok(vec![Grad::Zero; 2]) };
        let (factor, x) = (node.input(0), node.output(0));
        let w = factor_solve_axis(factor, g, self.axis, self.trans.flip())?;
        let kind = factor_type("factor_solve", factor)?.kind();
        let a_bar = match self.trans {
            Trans::No => kind.outer(factor, &w, x, self.axis)?,
            Trans::Yes => kind.outer(factor, x, &w, self.axis)?,
        };
        // The sign goes on the matrix: on a pattern that is far less than the right-hand sides.
        Ok(vec![unary(UnaryVerb::Neg, &a_bar)?.into(), w.into()])
    }

    /// `A x = b` gives `A ẋ = ḃ - Ȧ x`: one more solve with the same factor.
    fn r_op(&self, node: &NodeView<'_>, tangents: &[Option<Variable>]) -> Result<Tangents> {
        let (factor, x) = (node.input(0), node.output(0));
        let kind = factor_type("factor_solve", factor)?.kind();
        let moved = tangents[0].as_ref().map(|a| neg(&kind.product(a, x, self.axis, self.trans)?)).transpose()?;
        let rhs = sum_of(&[tangents[1].clone(), moved])?;
        let solved = rhs.map(|rhs| factor_solve_axis(factor, &rhs, self.axis, self.trans)).transpose()?;
        Ok(vec![solved.into()])
    }

    fn infer_shape(&self, _node: &NodeView<'_>, input_shapes: &[Shape]) -> Result<Vec<Shape>> {
        Ok(vec![input_shapes[1].clone()])
    }

    fn state(&self) -> Option<Box<dyn OpState>> {
        Some(Box::<SolveWorkspace>::default())
    }

    fn do_constant_folding(&self, _node: &NodeView<'_>) -> bool {
        false
    }
}
