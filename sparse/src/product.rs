//! Products of a sparse matrix with a dense vector or matrix.
//!
//! The cotangent of the matrix lives on its pattern: nothing in this file may create a dense matrix of the sparse
//! operand's shape.

use std::borrow::Cow;
use std::sync::Arc;

use kronograph_graph::{
    BuildError, Dim, Entry, Grad, Grads, Io, NodeSpec, NodeView, Op, OpFailure, OpResult, Params, Result, Sample,
    Shape, Tangents, Variable, apply, origin, sum_of,
};
use kronograph_ops::params::exactly;
use kronograph_ops::{DType, Tensor, TensorType, Trans, cast, fold_back, shape_text, transpose, unfold};

use crate::inner::project_sparse;
use crate::kernels::product::{gather_rows, scatter_columns};
use crate::matrix::{Format, SparseMatrix};
use crate::sampled::sampled_outer;
use crate::samples::{dense_input, function, no_rows, nothing, op, wide};
use crate::transpose::sparse_transpose;
use crate::ty::sparse_f64;

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

/// The entries of this file.
pub(crate) fn entries() -> Vec<Entry> {
    vec![
        op("structured_dot", build_dot, dot_samples, |_| Ok(Arc::new(StructuredDot))),
        function("structured_dot_along", build_dot_along, dot_along_samples),
    ]
}

fn build_dot(params: &Params<'_>, v: &[Variable]) -> Result<Vec<Variable>> {
    let [s, x] = exactly(params, v)?;
    Ok(vec![structured_dot(s, x)?])
}

fn dot_samples(format: Format) -> Vec<Sample> {
    vec![
        Sample::new("with a vector", [wide(format, 1), dense_input(&[4], 2)]),
        Sample::new("with a matrix", [wide(format, 1), dense_input(&[4, 2], 2)]),
        Sample::new("with a column", [wide(format, 1), dense_input(&[4, 1], 2)]),
        Sample::new("with no columns", [wide(format, 1), dense_input(&[4, 0], 2)]),
        Sample::new("of no rows", [no_rows(format), dense_input(&[4, 2], 2)]),
        Sample::new("of nothing", [nothing(format), dense_input(&[4], 2)]),
    ]
}

fn build_dot_along(params: &Params<'_>, v: &[Variable]) -> Result<Vec<Variable>> {
    let [s, x] = exactly(params, v)?;
    Ok(vec![structured_dot_along(s, x, params.size("axis")?, Trans::of(params)?)?])
}

fn dot_along_samples(format: Format) -> Vec<Sample> {
    let shapes: [(&'static str, &[usize], &[usize], usize); 5] = [
        ("a vector", &[4], &[3], 0),
        ("columns", &[4, 2], &[3, 2], 0),
        ("rows", &[2, 4], &[2, 3], 1),
        ("the middle axis", &[2, 4, 2], &[2, 3, 2], 1),
        ("the last axis", &[2, 2, 4], &[2, 2, 3], 2),
    ];
    let both = |(name, no, yes, axis): (&'static str, &[usize], &[usize], usize)| {
        let sample = |shape, trans: bool| {
            Sample::new(name, [wide(format, 1), dense_input(shape, 2)]).with("axis", axis).with("trans", trans)
        };
        [sample(no, false), sample(yes, true)]
    };
    shapes.into_iter().flat_map(both).collect()
}

impl Op for StructuredDot {
    fn name(&self) -> Cow<'static, str> {
        "structured_dot".into()
    }

    fn make_node(&self, inputs: &[Variable]) -> Result<NodeSpec> {
        let [s, x] = inputs else { return Err(BuildError::arity("structured_dot", 2, inputs)) };
        let [rows, columns] = sparse_f64("structured_dot", s)?.shape();
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
