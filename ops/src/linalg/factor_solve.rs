//! Solving with a factor that was computed elsewhere.

use std::any::Any;
use std::borrow::Cow;

use kronograph_graph::{
    BuildError, Grad, Grads, Io, NodeSpec, NodeView, Op, OpFailure, OpResult, OpState, Props, Result, Shape, Tangents,
    UnaryVerb, Variable, apply, unary,
};

use super::factor::{FactorType, FactorValue, Trans, batch_dims};
use super::solve_along::{SolveWorkspace, solve_along};
use crate::broadcasting::{common_dims, common_extents, common_lengths, reduce_leading, spread_strides};
use crate::dtype::DType;
use crate::elemwise::{add, cast, neg};
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
/// The leading axes of a stack of factors are those right before `axis`; both broadcast, where a static length is 1 or
/// an axis is missing.
///
/// # Errors
///
/// As [`factor_solve`]; also when `b` has no such axis.
#[track_caller]
pub fn factor_solve_axis(factor: &Variable, b: &Variable, axis: usize, trans: Trans) -> Result<Variable> {
    apply(FactorSolve { trans, axis }, &[factor.clone(), b.clone()])
}

/// The factor type of a variable; an error that names it if it has another type.
#[track_caller]
pub(crate) fn factor_type<'a>(op: &'static str, variable: &'a Variable) -> Result<&'a FactorType> {
    match variable.type_as::<FactorType>() {
        Some(ty) => Ok(ty),
        None => {
            let rule = "a factor is needed, such as lu_factor makes";
            Err(BuildError::inputs(op, std::slice::from_ref(variable), rule))
        }
    }
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
        let (factors, ty) = (factor_type("factor_solve", factor)?, tensor_type("factor_solve", b)?);
        let (order, own) = (factors.order(), ty.lengths());
        let Some(&length) = own.get(self.axis) else {
            return Err(BuildError::inputs("factor_solve", &inputs[1..], format!("there is no axis {}", self.axis)));
        };
        if order.is_some() && length.is_some() && order != length {
            let rule = format!("axis {} of the second must be as long as the matrix", self.axis);
            return Err(BuildError::inputs("factor_solve", inputs, rule));
        }
        let mut lengths = common_lengths("factor_solve", inputs, &[factors.batch(), &own[..self.axis]])?;
        lengths.push(length.or(order));
        lengths.extend_from_slice(&own[self.axis + 1..]);
        let inputs = [factor.clone(), cast(b, DType::F64)?];
        Ok(NodeSpec::one(TensorType::shared(DType::F64, &lengths)).with_inputs(inputs))
    }

    fn perform(&self, io: &mut Io<'_>) -> OpResult {
        let (work, inputs, outputs) = io.with_state::<SolveWorkspace>()?;
        let factors = inputs.get::<FactorValue>(0)?;
        let b = inputs.get::<Tensor>(1)?.array::<f64>().map_err(|_| OpFailure::WrongValue(1))?;
        let single = factors.get();
        if single.is_none() && factors.batch().is_empty() {
            return Err(OpFailure::WrongValue(0).into());
        }
        if b.shape()[self.axis] != factors.order() {
            return Err(misfit(factors.order(), b.shape(), self.axis).into());
        }
        let out = outputs[0].buffer::<Tensor>();
        if single.is_some() {
            let out = (out.reset::<f64>(b.shape()), b.shape());
            return Ok(solve_along(factors, self.trans, (b.storage(), b.strides()), self.axis, out, work)?);
        }
        let declared = |k: usize| inputs.ty(k).map(|ty| &**ty as &dyn Any);
        let ours = declared(0).and_then(|ty| ty.downcast_ref::<FactorType>()).map_or(&[][..], FactorType::batch);
        let theirs = inputs.ty(1).map_or(&[][..], |ty| ty.extents());
        let (lead, rest) = b.shape().split_at(self.axis);
        let declared = [ours, theirs];
        let is_one = |k: usize, axis: usize| declared[k].get(axis) == Some(&Some(1));
        let mut shape = common_extents(&[factors.batch(), lead], is_one)?;
        let mut strides = spread_strides(lead, &b.strides()[..self.axis], &shape);
        let axis = shape.len();
        shape.extend_from_slice(rest);
        strides.extend_from_slice(&b.strides()[self.axis..]);
        let out = (out.reset::<f64>(&shape), &shape[..]);
        Ok(solve_along(factors, self.trans, (b.storage(), &strides), axis, out, work)?)
    }

    /// With `w = A⁻ᵀ g`: the cotangent of b is w, the cotangent of A is `-w xᵀ`; of Aᵀ, the transpose of that. What was
    /// repeated is summed over.
    fn l_op(&self, node: &NodeView<'_>, output_grads: &[Option<Variable>]) -> Result<Grads> {
        let Some(g) = &output_grads[0] else { return Ok(vec![Grad::Zero; 2]) };
        let (factor, b, x, axis) = (node.input(0), node.input(1), node.output(0), self.output_axis(node));
        let w = factor_solve_axis(factor, g, axis, self.trans.flip())?;
        let kind = factor_type("factor_solve", factor)?.kind();
        let a_bar = match self.trans {
            Trans::No => kind.outer(factor, &w, x, axis)?,
            Trans::Yes => kind.outer(factor, x, &w, axis)?,
        };
        let own = b.ty().extents();
        let b_bar = reduce_leading(w, own, own.len() - self.axis)?;
        // The sign goes on the matrix: on a pattern that is far less than the right-hand sides.
        Ok(vec![unary(UnaryVerb::Neg, &a_bar)?.into(), b_bar.into()])
    }

    /// `A x = b` gives `A ẋ = ḃ - Ȧ x`: one more solve with the same factor.
    fn r_op(&self, node: &NodeView<'_>, tangents: &[Option<Variable>]) -> Result<Tangents> {
        let (factor, x, axis) = (node.input(0), node.output(0), self.output_axis(node));
        let kind = factor_type("factor_solve", factor)?.kind();
        let moved = tangents[0].as_ref().map(|a| neg(&kind.product(a, x, axis, self.trans)?)).transpose()?;
        let solved = match (moved, &tangents[1]) {
            (None, None) => None,
            (None, Some(b)) => Some(factor_solve_axis(factor, b, self.axis, self.trans)?),
            (Some(moved), None) => Some(factor_solve_axis(factor, &moved, axis, self.trans)?),
            (Some(moved), Some(b)) => Some(factor_solve_axis(factor, &add(b, &moved)?, axis, self.trans)?),
        };
        Ok(vec![solved.into()])
    }

    fn infer_shape(&self, node: &NodeView<'_>, input_shapes: &[Shape]) -> Result<Vec<Shape>> {
        let factors = factor_type("factor_solve", node.input(0))?;
        let (lead, rest) = input_shapes[1].split_at(self.axis);
        let mut shape =
            common_dims(&[&batch_dims(node.input(0)), lead], &[factors.batch(), node.input(1).ty().extents()]);
        shape.extend(rest.iter().cloned());
        Ok(vec![shape])
    }

    fn state(&self) -> Option<Box<dyn OpState>> {
        Some(Box::<SolveWorkspace>::default())
    }

    fn do_constant_folding(&self, _node: &NodeView<'_>) -> bool {
        false
    }
}

impl FactorSolve {
    /// The axis of the solution along which A acts: behind as many leading axes as the factor brings.
    fn output_axis(&self, node: &NodeView<'_>) -> usize {
        self.axis + node.output(0).ty().extents().len() - node.input(1).ty().extents().len()
    }
}

fn misfit(order: usize, shape: &[usize], axis: usize) -> OpFailure {
    let shape = shape_text(shape);
    OpFailure::Shapes(format!(
        "a right-hand side of shape {shape} does not fit a matrix of order {order} along axis {axis}"
    ))
}
