//! Products of a sparse matrix with a dense vector or matrix, with the structured gradient.
//!
//! The cotangent of the matrix lives on its pattern: nothing in this file may create a dense matrix of the sparse
//! operand's shape.

use std::borrow::Cow;
use std::sync::Arc;

use kronograph_graph::{
    BuildError, Dim, Entry, Grad, Grads, Io, NodeSpec, NodeView, Op, OpResult, OpState, Params, Result, Sample, Shape,
    Tangents, Variable, apply, origin, sum_of,
};
use kronograph_ops::params::exactly;
use kronograph_ops::{Tensor, TensorType, Trans, fold_back, transpose, unfold};

use super::multiply::{Dense, Packed, check_operand, dtype_of, flipped, multiply, operands, result_lengths};
use super::samples::{kinds, single_and_whole};
use super::true_dot::structured_product;
use crate::matrix::{Format, SparseMatrix};
use crate::project::project_sparse;
use crate::sampled::sampled_outer;
use crate::samples::{dense_input, function, no_rows, nothing, op, wide};
use crate::transpose::sparse_transpose;
use crate::ty::{is_sparse, sparse_type};

/// `S x` of a sparse matrix and a dense vector or matrix, with the structured gradient.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct StructuredDot;

/// `a b` of matrices (m, k) and (k, n), one of them sparse at least (PyTensor: `structured_dot`): dense if the other is
/// dense, else sparse in the format of `a`, where exact zeros are not stored. In the dtype that both convert to.
///
/// Derivatives: `ā[i, j] = sum_c g[i, c] b[j, c]` where a sparse `a` stores an entry, and `b̄ = aᵀ g`; of a dense `a` and
/// a sparse `b` the structured one is that of `b`. Cost: two operations for each stored entry and column.
/// [`matmul`](kronograph_ops::matmul) of sparse matrices is the same, and takes vectors.
///
/// ```
/// use kronograph_ops::matrix;
/// use kronograph_sparse::{Format, sparse_matrix, structured_dot};
///
/// let a = sparse_matrix("a", Format::Csr, [Some(2), Some(3)]);
/// assert_eq!(structured_dot(&a, &matrix("b"))?.ty().to_string(), "f64 (2, ?)");
/// # Ok::<(), kronograph_graph::BuildError>(())
/// ```
///
/// # Errors
///
/// When neither is sparse, a dense one is no matrix, or the inner lengths differ.
#[track_caller]
pub fn structured_dot(a: &Variable, b: &Variable) -> Result<Variable> {
    let _scope = origin::here();
    product(operands("structured_dot", a, b, Dense::Matrix)?)
}

/// What `matmul` means where an operand is sparse: [`structured_dot`] with vectors too.
#[track_caller]
pub(crate) fn sparse_matmul(a: &Variable, b: &Variable) -> Result<Variable> {
    let _scope = origin::here();
    product(operands("matmul", a, b, Dense::VectorOrMatrix)?)
}

/// The same under the op's own name.
#[track_caller]
fn of_any_rank(s: &Variable, x: &Variable) -> Result<Variable> {
    product(operands("structured_dot", s, x, Dense::VectorOrMatrix)?)
}

fn product([a, b]: [Variable; 2]) -> Result<Variable> {
    match (is_sparse(&a), is_sparse(&b)) {
        (true, true) => structured_product(&a, &b),
        (true, false) => apply(StructuredDot, &[a, b]),
        (false, _) => flipped(&apply(StructuredDot, &[sparse_transpose(&b)?, flipped(&a)?])?),
    }
}

/// A sparse matrix, or its transpose, applied along an axis of a dense tensor, the axis keeping its place.
///
/// # Errors
///
/// When `x` has no such axis, or the lengths differ.
#[track_caller]
pub fn structured_dot_along(s: &Variable, x: &Variable, axis: usize, trans: Trans) -> Result<Variable> {
    let _scope = origin::here();
    sparse_type("structured_dot", s)?;
    let s = if trans == Trans::Yes { sparse_transpose(s)? } else { s.clone() };
    match x.ty().extents().len() {
        1 | 2 if axis == 0 => of_any_rank(&s, x),
        2 if axis == 1 => transpose(&of_any_rank(&s, &transpose(x)?)?),
        _ => fold_back(&of_any_rank(&s, &unfold(x, axis)?)?, x, axis),
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
    let mut samples = kinds(format);
    samples.extend([
        Sample::new("with a column", [wide(format, 1), dense_input(&[4, 1], 2)]),
        Sample::new("with no columns", [wide(format, 1), dense_input(&[4, 0], 2)]),
        Sample::new("of no rows", [no_rows(format), dense_input(&[4, 2], 2)]),
        Sample::new("of nothing", [nothing(format), dense_input(&[4, 2], 2)]),
    ]);
    samples.extend(single_and_whole(format));
    samples
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
        let dtype = sparse_type("structured_dot", s)?.dtype();
        check_operand("structured_dot", x, Dense::VectorOrMatrix)?;
        let lengths = result_lengths("structured_dot", inputs)?;
        if is_sparse(x) || dtype_of(x) != Some(dtype) {
            return Err(BuildError::inputs("structured_dot", inputs, "the second must be dense, of the same dtype"));
        }
        Ok(NodeSpec::one(TensorType::shared(dtype, &lengths)))
    }

    fn perform(&self, io: &mut Io<'_>) -> OpResult {
        let (packed, inputs, outputs) = io.with_state::<Packed>()?;
        let s = inputs.get::<SparseMatrix>(0)?;
        Ok(multiply(s, inputs.value(1)?, packed, outputs[0].buffer::<Tensor>())?)
    }

    /// `S̄ = g xᵀ` on the pattern of S, `x̄ = Sᵀ g`.
    fn l_op(&self, node: &NodeView<'_>, output_grads: &[Option<Variable>]) -> Result<Grads> {
        let Some(g) = &output_grads[0] else { return Ok(vec![Grad::Zero; 2]) };
        let (s, x) = (node.input(0), node.input(1));
        let s_bar = sampled_outer(s, g, x, 0)?;
        Ok(vec![s_bar.into(), of_any_rank(&sparse_transpose(s)?, g)?.into()])
    }

    /// `Ṡ x + S ẋ`, the tangent restricted to the pattern of S.
    fn r_op(&self, node: &NodeView<'_>, tangents: &[Option<Variable>]) -> Result<Tangents> {
        let (s, x) = (node.input(0), node.input(1));
        let left = tangents[0].as_ref().map(|t| of_any_rank(&project_sparse(s, t)?, x)).transpose()?;
        let right = tangents[1].as_ref().map(|t| of_any_rank(s, t)).transpose()?;
        Ok(vec![sum_of(&[left, right])?.into()])
    }

    fn infer_shape(&self, _node: &NodeView<'_>, input_shapes: &[Shape]) -> Result<Vec<Shape>> {
        let shape: Vec<Dim> = [&input_shapes[0][..1], &input_shapes[1][1..]].concat();
        Ok(vec![shape.into_iter().collect()])
    }

    fn state(&self) -> Option<Box<dyn OpState>> {
        Some(Box::<Packed>::default())
    }
}
