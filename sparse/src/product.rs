//! Products of a sparse matrix with a dense vector or matrix.
//!
//! The cotangent of the matrix lives on its pattern: nothing in this file may create a dense matrix of the sparse
//! operand's shape.

use std::borrow::Cow;

use kronograph_graph::{
    BuildError, Dim, Grad, Grads, Io, NodeSpec, NodeView, Op, OpFailure, OpResult, Result, Shape, Tangents, Variable,
    apply, origin, sum_of,
};
use kronograph_ops::{DType, Tensor, TensorType, Trans, cast, fold_back, shape_text, transpose, unfold};

use crate::inner::project_sparse;
use crate::kernels::product::{gather_rows, scatter_columns};
use crate::matrix::{Format, SparseMatrix};
use crate::sampled::sampled_outer;
use crate::transpose::sparse_transpose;
use crate::ty::sparse_type;

/// `S x` with the structured gradient.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct StructuredDot;

/// `S x` of a sparse matrix (m, n) and a dense vector (n) or matrix (n, k), dense.
///
/// Derivatives: `S̄[i, j] = sum_c g[i, c] x[j, c]` where S stores an entry, `x̄ = Sᵀ g`. Cost: two operations for each
/// stored entry and column. Source: PyTensor `structured_dot`.
///
/// # Errors
///
/// When `s` is no sparse f64 matrix, `x` no dense vector or matrix, or the inner lengths differ.
#[track_caller]
pub fn structured_dot(s: &Variable, x: &Variable) -> Result<Variable> {
    apply(StructuredDot, &[s.clone(), x.clone()])
}

/// A sparse matrix, or its transpose, applied along an axis of a dense tensor, the axis keeping its place.
///
/// # Errors
///
/// When `x` has no such axis, or the lengths differ.
#[track_caller]
pub fn structured_dot_along(s: &Variable, x: &Variable, axis: usize, trans: Trans) -> Result<Variable> {
    let _scope = origin::here();
    let s = if trans == Trans::Yes { sparse_transpose(s)? } else { s.clone() };
    match x.ty().extents().len() {
        1 | 2 if axis == 0 => structured_dot(&s, x),
        2 if axis == 1 => transpose(&structured_dot(&s, &transpose(x)?)?),
        _ => fold_back(&structured_dot(&s, &unfold(x, axis)?)?, x, axis),
    }
}

impl Op for StructuredDot {
    fn name(&self) -> Cow<'static, str> {
        "structured_dot".into()
    }

    fn make_node(&self, inputs: &[Variable]) -> Result<NodeSpec> {
        let [s, x] = inputs else { return Err(BuildError::arity("structured_dot", 2, inputs)) };
        let [rows, columns] = sparse_type("structured_dot", s)?.shape();
        let lengths = match x.type_as::<TensorType>() {
            Some(ty) if (1..=2).contains(&ty.rank()) => ty.lengths().to_vec(),
            _ => {
                return Err(BuildError::inputs(
                    "structured_dot",
                    inputs,
                    "the second must be a dense vector or matrix",
                ));
            }
        };
        if columns.is_some() && lengths[0].is_some() && columns != lengths[0] {
            let rule = "the columns of the first must be as many as the rows of the second";
            return Err(BuildError::inputs("structured_dot", inputs, rule));
        }
        let result = [&[rows], &lengths[1..]].concat();
        Ok(NodeSpec::one(TensorType::shared(DType::F64, &result)).with_inputs([s.clone(), cast(x, DType::F64)?]))
    }

    fn perform(&self, io: &mut Io<'_>) -> OpResult {
        let s = io.inputs.get::<SparseMatrix>(0)?;
        let x = io.inputs.get::<Tensor>(1)?.array::<f64>().map_err(|_| OpFailure::WrongValue(1))?;
        let values = s.values().ok_or(OpFailure::WrongValue(0))?;
        let [rows, columns] = s.shape();
        if x.shape()[0] != columns {
            let (a, b) = (shape_text(&s.shape()), shape_text(x.shape()));
            return Err(OpFailure::Shapes(format!("the inner lengths of {a} and {b} differ")).into());
        }
        let width = x.shape().get(1).copied();
        let shape = [rows, width.unwrap_or(1)];
        let (rank, x) = (x.shape().len(), x.to_contiguous());
        let x = x.as_slice().ok_or(OpFailure::WrongValue(1))?;
        let out = io.outputs[0].buffer::<Tensor>().reset::<f64>(&shape[..rank]);
        let (indptr, indices) = (s.pattern().indptr(), s.pattern().indices());
        match s.format() {
            Format::Csr => gather_rows(indptr, indices, values, x, width.unwrap_or(1), out),
            Format::Csc => scatter_columns(indptr, indices, values, x, width.unwrap_or(1), out),
        }
        Ok(())
    }

    /// `S̄ = g xᵀ` on the pattern of S, `x̄ = Sᵀ g`.
    fn l_op(&self, node: &NodeView<'_>, output_grads: &[Option<Variable>]) -> Result<Grads> {
        let Some(g) = &output_grads[0] else { return Ok(vec![Grad::Zero; 2]) };
        let (s, x) = (node.input(0), node.input(1));
        let s_bar = sampled_outer(s, g, x, 0)?;
        Ok(vec![s_bar.into(), structured_dot(&sparse_transpose(s)?, g)?.into()])
    }

    /// `Ṡ x + S ẋ`, the tangent restricted to the pattern of S.
    fn r_op(&self, node: &NodeView<'_>, tangents: &[Option<Variable>]) -> Result<Tangents> {
        let (s, x) = (node.input(0), node.input(1));
        let left = tangents[0].as_ref().map(|t| structured_dot(&project_sparse(s, t)?, x)).transpose()?;
        let right = tangents[1].as_ref().map(|t| structured_dot(s, t)).transpose()?;
        Ok(vec![sum_of(&[left, right])?.into()])
    }

    fn infer_shape(&self, _node: &NodeView<'_>, input_shapes: &[Shape]) -> Result<Vec<Shape>> {
        let shape: Vec<Dim> = [&input_shapes[0][..1], &input_shapes[1][1..]].concat();
        Ok(vec![shape.into_iter().collect()])
    }
}
