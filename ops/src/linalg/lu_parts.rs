//! The parts of an LU factorisation as matrices.

use std::any::Any;
use std::borrow::Cow;
use std::sync::Arc;

use kronograph_graph::{
    BuildError, Entry, Grad, Grads, Io, NodeSpec, NodeView, Op, OpFailure, OpResult, Params, Result, Sample, Shape,
    Tangents, Variable, apply_all, origin, sum_of,
};

use super::factor::{FactorValue, Trans, batch_dims, order_dim};
use super::factor_solve::factor_type;
use super::lu::{DenseLu, lu_factor};
use super::matmul::matmul;
use super::solve::solution_dtype;
use super::solve_triangular::{divide_right, solve_triangular};
use super::systems::{general, matrices};
use super::triangle::{Triangle, tril, triu};
use super::triangular_factor::DiagonalKind;
use crate::dtype::DType;
use crate::elemwise::cast;
use crate::layout::matrix_transpose;
use crate::params::only;
use crate::samples::{given, shaped};
use crate::tensor::{Extents, Tensor, TensorType};

/// `(P, p, L, U)` with `A = P L U` from a dense LU factor of A; `p[i]` is the column of the one in row i of P.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LuParts;

/// `(P, L, U)` with `A = P L U`, L unit lower and U upper triangular (SciPy: `linalg.lu`), for a square matrix or each
/// of a stack. P is piecewise constant.
///
/// # Errors
///
/// When `a` is not a square matrix.
#[track_caller]
pub fn lu(a: &Variable) -> Result<[Variable; 3]> {
    let _scope = origin::here();
    let [p, _, l, u] = parts(a)?;
    Ok([p, l, u])
}

/// `(p, L, U)` with `A[i] = (L U)[p[i]]`: as [`lu`], with the permutation as indices.
///
/// # Errors
///
/// When `a` is not a square matrix.
#[track_caller]
pub fn lu_indices(a: &Variable) -> Result<[Variable; 3]> {
    let _scope = origin::here();
    let [_, p, l, u] = parts(a)?;
    Ok([p, l, u])
}

#[track_caller]
fn parts(a: &Variable) -> Result<[Variable; 4]> {
    let dtype = solution_dtype(&[a])?;
    let outputs = apply_all(LuParts, &[lu_factor(a)?])?;
    let float = |k: usize| cast(&outputs[k], dtype);
    Ok([float(0)?, outputs[1].clone(), float(2)?, float(3)?])
}

/// The entry of this file: PyTensor's `permute_l` and `p_indices`.
pub(crate) fn entries() -> Vec<Entry> {
    let build = |params: &Params<'_>, inputs: &[Variable]| {
        let a = only(params, inputs)?;
        if params.flag("permute_l")? {
            let [p, l, u] = lu(a)?;
            return Ok(vec![matmul(&p, &l)?, u]);
        }
        Ok((if params.flag("p_indices")? { lu_indices(a)? } else { lu(a)? }).to_vec())
    };
    vec![Entry::function("lu", "linear systems", build, samples).parsed_by(|_| Ok(Arc::new(LuParts)))]
}

fn samples() -> Vec<Sample> {
    let mut plain = matrices(general);
    // L and U of a single number are linear in it: a power of two leaves no rounding to be taken for a curvature.
    plain.retain(|sample| sample.name != "order 1");
    plain.push(Sample::new("order 1", [given(shaped(&[1, 1], vec![2.0]))]));
    let with = |flag: &'static str| plain.clone().into_iter().map(move |sample| sample.with(flag, true));
    plain.iter().cloned().chain(with("permute_l")).chain(with("p_indices")).collect()
}

impl Op for LuParts {
    fn name(&self) -> Cow<'static, str> {
        "lu".into()
    }

    fn make_node(&self, inputs: &[Variable]) -> Result<NodeSpec> {
        let [factor] = inputs else { return Err(BuildError::arity("lu", 1, inputs)) };
        let ty = factor_type("lu", factor)?;
        if ty.kind().name() != "lu" {
            return Err(BuildError::inputs("lu", inputs, "a factor that lu_factor makes is needed"));
        }
        let stack =
            |dtype, core: usize| TensorType::shared(dtype, &[ty.batch(), &[ty.order(), ty.order()][..core]].concat());
        let matrix = stack(DType::F64, 2);
        Ok(NodeSpec::many([matrix.clone(), stack(DType::I32, 1), matrix.clone(), matrix]))
    }

    fn perform(&self, io: &mut Io<'_>) -> OpResult {
        let factors = io.inputs.get::<FactorValue>(0)?;
        let order = factors.order();
        let shape: Extents = factors.batch().iter().copied().chain([order, order]).collect();
        let [p, indices, l, u] = io.outputs else { return Err(OpFailure::WrongValue(0).into()) };
        let p = p.buffer::<Tensor>().reset::<f64>(&shape);
        let indices = indices.buffer::<Tensor>().reset::<i32>(&shape[..shape.len() - 1]);
        let (l, u) = (l.buffer::<Tensor>().reset::<f64>(&shape), u.buffer::<Tensor>().reset::<f64>(&shape));
        p.fill(0.0);
        for (number, factor) in factors.all().iter().enumerate() {
            let lu = (&**factor as &dyn Any).downcast_ref::<DenseLu>().ok_or(OpFailure::WrongValue(0))?;
            let matrix = number * order * order;
            for i in 0..order {
                indices[number * order + i] = lu.row_of(i) as i32;
                p[matrix + i * order + lu.row_of(i)] = 1.0;
                for j in 0..order {
                    let (at, entry) = (matrix + i * order + j, lu.entry(i, j));
                    (l[at], u[at]) = if j < i { (entry, 0.0) } else { (f64::from(u8::from(i == j)), entry) };
                }
            }
        }
        Ok(())
    }

    /// `P L⁻ᵀ X U⁻ᵀ` with X of the strictly lower triangle of `Lᵀ gL` and the upper one of `gU Uᵀ`.
    fn l_op(&self, node: &NodeView<'_>, output_grads: &[Option<Variable>]) -> Result<Grads> {
        let (p, l, u) = (node.output(0), node.output(2), node.output(3));
        let lower = output_grads[2].as_ref().map(|g| tril(&matmul(&matrix_transpose(l)?, g)?, -1)).transpose()?;
        let upper = output_grads[3].as_ref().map(|g| triu(&matmul(g, &matrix_transpose(u)?)?, 0)).transpose()?;
        let Some(x) = sum_of(&[lower, upper])? else { return Ok(vec![Grad::Zero]) };
        let half = solve_triangular(l, &x, Triangle::Lower, Trans::Yes, DiagonalKind::Unit)?;
        Ok(vec![matmul(p, &divide_right(&half, u, Trans::Yes)?)?.into()])
    }

    /// With `W = L⁻¹ Pᵀ Ȧ U⁻¹`: L times its strictly lower triangle, and its upper triangle times U.
    fn r_op(&self, node: &NodeView<'_>, tangents: &[Option<Variable>]) -> Result<Tangents> {
        let (p, l, u) = (node.output(0), node.output(2), node.output(3));
        let Some(tangent) = &tangents[0] else { return Ok(vec![Grad::Zero; 4]) };
        let rows = matmul(&matrix_transpose(p)?, tangent)?;
        let half = solve_triangular(l, &rows, Triangle::Lower, Trans::No, DiagonalKind::Unit)?;
        let w = divide_right(&half, u, Trans::No)?;
        let (l, u) = (matmul(l, &tril(&w, -1)?)?, matmul(&triu(&w, 0)?, u)?);
        Ok(vec![Grad::Zero, Grad::Zero, l.into(), u.into()])
    }

    fn infer_shape(&self, node: &NodeView<'_>, _input_shapes: &[Shape]) -> Result<Vec<Shape>> {
        let order = order_dim(node.input(0));
        let mut indices = batch_dims(node.input(0));
        indices.push(order.clone());
        let mut matrix = indices.clone();
        matrix.push(order);
        Ok(vec![matrix.clone(), indices, matrix.clone(), matrix])
    }
}
