//! Products of a sparse matrix whose result is dense, with the regular gradient.

use std::borrow::Cow;
use std::sync::Arc;

use kronograph_graph::{
    BuildError, Dim, Entry, Grad, Grads, Io, NodeSpec, NodeView, Op, OpResult, OpState, Result, Sample, Shape,
    Tangents, Variable, apply, origin, sum_of,
};
use kronograph_ops::params::exactly;
use kronograph_ops::{Tensor, TensorType, matmul, outer, transpose};

use super::multiply::{Dense, Packed, check_operand, dtype_of, flipped, multiply, operands, result_lengths};
use super::samples::{kinds, single_and_whole};
use crate::format::to_format;
use crate::matrix::{Format, SparseMatrix};
use crate::samples::{Build, dense_input, no_rows, nothing, op, wide};
use crate::transpose::sparse_transpose;
use crate::ty::{SparseType, is_sparse, sparse_type};

/// `X y` as a dense tensor, with the regular gradient: X sparse, y a dense vector or matrix, or sparse of X's format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SparseDot;

/// What [`dot`](kronograph_ops::dot) means where an operand is sparse (PyTensor: `sparse.dot`): a dense result, of
/// vectors too.
///
/// Derivatives: `x̄ = g yᵀ`, `ȳ = xᵀ g`, regular: all entries, whatever a sparse operand stores.
///
/// # Errors
///
/// When neither is sparse, a dense one is no vector or matrix, or the inner lengths differ.
#[track_caller]
pub(crate) fn sparse_dot(x: &Variable, y: &Variable) -> Result<Variable> {
    let _scope = origin::here();
    let [x, y] = operands("dot", x, y, Dense::VectorOrMatrix)?;
    match (x.type_as::<SparseType>(), is_sparse(&y)) {
        (Some(ty), true) => apply(SparseDot, &[x.clone(), to_format(&y, ty.format())?]),
        (Some(_), false) => apply(SparseDot, &[x, y]),
        (None, _) => flipped(&apply(SparseDot, &[sparse_transpose(&y)?, flipped(&x)?])?),
    }
}

/// The entry of this file.
pub(crate) fn entries() -> Vec<Entry> {
    let build: Build = |params, inputs| {
        let [x, y] = exactly(params, inputs)?;
        Ok(vec![sparse_dot(x, y)?])
    };
    let samples = |format: Format| {
        let mut samples = kinds(format);
        samples.extend([
            Sample::new("with a vector", [wide(format, 1), dense_input(&[4], 2)]),
            Sample::new("a vector with it", [dense_input(&[3], 2), wide(format, 1)]),
            Sample::new("with no columns", [wide(format, 1), dense_input(&[4, 0], 2)]),
            Sample::new("of no rows", [no_rows(format), dense_input(&[4, 2], 2)]),
            Sample::new("of nothing", [nothing(format), dense_input(&[4], 2)]),
        ]);
        samples.extend(single_and_whole(format));
        samples
    };
    vec![op("sparse_dot", build, samples, |_| Ok(Arc::new(SparseDot)))]
}

impl Op for SparseDot {
    fn name(&self) -> Cow<'static, str> {
        "sparse_dot".into()
    }

    fn make_node(&self, inputs: &[Variable]) -> Result<NodeSpec> {
        let [x, y] = inputs else { return Err(BuildError::arity("sparse_dot", 2, inputs)) };
        let ty = sparse_type("sparse_dot", x)?;
        check_operand("sparse_dot", y, Dense::VectorOrMatrix)?;
        let lengths = result_lengths("sparse_dot", inputs)?;
        let one_format = y.type_as::<SparseType>().is_none_or(|other| other.format() == ty.format());
        match one_format && dtype_of(y) == Some(ty.dtype()) {
            true => Ok(NodeSpec::one(TensorType::shared(ty.dtype(), &lengths))),
            false => Err(BuildError::inputs("sparse_dot", inputs, "formats and dtypes must be equal")),
        }
    }

    fn perform(&self, io: &mut Io<'_>) -> OpResult {
        let (packed, inputs, outputs) = io.with_state::<Packed>()?;
        let x = inputs.get::<SparseMatrix>(0)?;
        Ok(multiply(x, inputs.value(1)?, packed, outputs[0].buffer::<Tensor>())?)
    }

    /// `x̄ = g yᵀ`, `ȳ = xᵀ g`.
    fn l_op(&self, node: &NodeView<'_>, output_grads: &[Option<Variable>]) -> Result<Grads> {
        let Some(g) = &output_grads[0] else { return Ok(vec![Grad::Zero; 2]) };
        let (x, y) = (node.input(0), node.input(1));
        Ok(vec![cotangent_of_left(g, y)?.into(), sparse_dot(&sparse_transpose(x)?, g)?.into()])
    }

    fn r_op(&self, node: &NodeView<'_>, tangents: &[Option<Variable>]) -> Result<Tangents> {
        let left = tangents[0].as_ref().map(|t| sparse_dot(t, node.input(1))).transpose()?;
        let right = tangents[1].as_ref().map(|t| sparse_dot(node.input(0), t)).transpose()?;
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

/// `g yᵀ`, all of it: dense.
pub(super) fn cotangent_of_left(g: &Variable, y: &Variable) -> Result<Variable> {
    match (is_sparse(y), g.ty().extents().len()) {
        (true, _) => sparse_dot(g, &sparse_transpose(y)?),
        (false, 1) => outer(g, y),
        (false, _) => matmul(g, &transpose(y)?),
    }
}
