//! The stored values of a sparse matrix as a dense vector, and back: what functions of the stored values are made of.

use std::borrow::Cow;
use std::sync::Arc;

use kronograph_graph::{
    BuildError, Entry, Grad, Grads, Io, NodeSpec, NodeView, Op, OpFailure, OpResult, Result, Sample, Shape, Tangents,
    Variable, apply, origin,
};
use kronograph_ops::params::{exactly, only};
use kronograph_ops::{Tensor, TensorType, shape_text};

use crate::csm::stored;
use crate::matrix::{Format, SparseMatrix};
use crate::project::project_sparse;
use crate::samples::{Build, any_matrix, dense_input, nothing, op, wide};
use crate::ty::{SparseType, sparse_type};

/// The stored values of a sparse matrix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CsmData;

/// The stored values of a sparse matrix as a dense vector, in the order of the slots, explicit zeros included
/// (PyTensor: `csm_data`).
///
/// The cotangent is put back into the slots, so it is structured by construction. Nothing is copied.
///
/// # Errors
///
/// When `x` is no sparse matrix.
#[track_caller]
pub fn csm_data(x: &Variable) -> Result<Variable> {
    apply(CsmData, std::slice::from_ref(x))
}

/// A sparse matrix with other stored values. Inputs: the matrix with the pattern, the values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct WithData;

/// The matrix that stores `data`, a dense vector, where `like` stores its values: format and pattern are those of
/// `like`, the dtype that of `data`.
///
/// The cotangent of `data` is what the slots hold; `like` gives its pattern only.
///
/// # Errors
///
/// When `like` is no sparse matrix, or `data` no vector of numbers.
#[track_caller]
pub fn with_data(like: &Variable, data: &Variable) -> Result<Variable> {
    apply(WithData, &[like.clone(), data.clone()])
}

/// A sparse matrix with a function applied to its stored values, explicit zeros included; what is not stored stays
/// zero, whatever the function makes of zero. The derivative lives on the pattern.
///
/// ```
/// use kronograph_ops::{exp, mul};
/// use kronograph_sparse::{Format, sparse_matrix, structured};
///
/// let w = sparse_matrix("w", Format::Csr, [Some(3), Some(4)]);
/// let y = structured(&w, |stored| mul(&exp(stored)?, 2.0))?;
/// assert_eq!(y.ty().to_string(), "csr f64 (3, 4)");
/// # Ok::<(), kronograph_graph::BuildError>(())
/// ```
///
/// # Errors
///
/// When `x` is no sparse matrix, or the function fails or does not give a vector of numbers.
#[track_caller]
pub fn structured(x: &Variable, function: impl FnOnce(&Variable) -> Result<Variable>) -> Result<Variable> {
    let _scope = origin::here();
    with_data(x, &function(&csm_data(x)?)?)
}

/// The entries of this file.
pub(crate) fn entries() -> Vec<Entry> {
    let data: Build = |params, inputs| Ok(vec![csm_data(only(params, inputs)?)?]);
    let with: Build = |params, inputs| {
        let [like, data] = exactly(params, inputs)?;
        Ok(vec![with_data(like, data)?])
    };
    let values = |format: Format| {
        vec![
            Sample::new("in a wide one", [wide(format, 1), dense_input(&[5], 2)]),
            Sample::new("in nothing", [nothing(format), dense_input(&[0], 2)]),
        ]
    };
    vec![
        op("csm_data", data, any_matrix, |_| Ok(Arc::new(CsmData))),
        op("with_data", with, values, |_| Ok(Arc::new(WithData))),
    ]
}

impl Op for CsmData {
    fn name(&self) -> Cow<'static, str> {
        "csm_data".into()
    }

    fn make_node(&self, inputs: &[Variable]) -> Result<NodeSpec> {
        let [x] = inputs else { return Err(BuildError::arity("csm_data", 1, inputs)) };
        Ok(NodeSpec::one(TensorType::shared(sparse_type("csm_data", x)?.dtype(), &[None])))
    }

    fn perform(&self, io: &mut Io<'_>) -> OpResult {
        *io.outputs[0].buffer::<Tensor>() = io.inputs.get::<SparseMatrix>(0)?.data().clone();
        Ok(())
    }

    fn l_op(&self, node: &NodeView<'_>, output_grads: &[Option<Variable>]) -> Result<Grads> {
        let Some(g) = &output_grads[0] else { return Ok(vec![Grad::Zero]) };
        Ok(vec![with_data(node.input(0), g)?.into()])
    }

    fn r_op(&self, node: &NodeView<'_>, tangents: &[Option<Variable>]) -> Result<Tangents> {
        let Some(tangent) = &tangents[0] else { return Ok(vec![Grad::Zero]) };
        Ok(vec![csm_data(&project_sparse(node.input(0), tangent)?)?.into()])
    }

    /// The number of stored entries is no function of the shape.
    fn infer_shape(&self, node: &NodeView<'_>, _input_shapes: &[Shape]) -> Result<Vec<Shape>> {
        Ok(vec![Shape::from(vec![stored(node.input(0))?])])
    }

    fn view_map(&self) -> &[(usize, usize)] {
        &[(0, 0)]
    }
}

impl Op for WithData {
    fn name(&self) -> Cow<'static, str> {
        "with_data".into()
    }

    fn make_node(&self, inputs: &[Variable]) -> Result<NodeSpec> {
        let [like, data] = inputs else { return Err(BuildError::arity("with_data", 2, inputs)) };
        let ty = sparse_type("with_data", like)?;
        match data.type_as::<TensorType>() {
            Some(values) if values.rank() == 1 && SparseType::admits(values.dtype()) => {
                Ok(NodeSpec::one(SparseType::shared(ty.format(), values.dtype(), ty.shape())))
            }
            _ => Err(BuildError::inputs("with_data", inputs, "the second must be a vector of numbers")),
        }
    }

    fn perform(&self, io: &mut Io<'_>) -> OpResult {
        let (like, data) = (io.inputs.get::<SparseMatrix>(0)?, io.inputs.get::<Tensor>(1)?);
        if data.len() != like.nnz() {
            let (got, want) = (shape_text(data.shape()), like.nnz());
            return Err(OpFailure::Shapes(format!("values of shape {got} do not fill {want} slots")).into());
        }
        let pattern = like.pattern().clone();
        let filled = SparseMatrix::with_pattern(like.format(), like.shape(), pattern, data.clone());
        *io.outputs[0].buffer::<SparseMatrix>() = filled.map_err(|error| OpFailure::Shapes(error.to_string()))?;
        Ok(())
    }

    fn l_op(&self, node: &NodeView<'_>, output_grads: &[Option<Variable>]) -> Result<Grads> {
        let Some(g) = &output_grads[0] else { return Ok(vec![Grad::Disconnected, Grad::Zero]) };
        Ok(vec![Grad::Disconnected, csm_data(&project_sparse(node.input(0), g)?)?.into()])
    }

    fn r_op(&self, node: &NodeView<'_>, tangents: &[Option<Variable>]) -> Result<Tangents> {
        let Some(tangent) = &tangents[1] else { return Ok(vec![Grad::Zero]) };
        Ok(vec![with_data(node.input(0), tangent)?.into()])
    }

    fn infer_shape(&self, _node: &NodeView<'_>, input_shapes: &[Shape]) -> Result<Vec<Shape>> {
        Ok(vec![input_shapes[0].clone()])
    }

    fn connection_pattern(&self, _output: usize, input: usize) -> bool {
        input == 1
    }

    fn view_map(&self) -> &[(usize, usize)] {
        &[(0, 0), (0, 1)]
    }
}
