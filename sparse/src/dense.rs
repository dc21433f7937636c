//! Between sparse and dense: all entries of a sparse matrix, and a dense matrix sampled on a pattern.

use std::borrow::Cow;
use std::sync::Arc;

use kronograph_graph::{
    BuildError, Entry, Grad, Grads, Io, NodeSpec, NodeView, Op, OpFailure, OpResult, Result, Sample, Shape, Tangents,
    Variable, apply,
};
use kronograph_ops::params::{exactly, only};
use kronograph_ops::{DType, Tensor, TensorType, check_size};

use crate::inner::project_sparse;
use crate::lu::pattern_source;
use crate::matrix::SparseMatrix;
use crate::samples::{Build, any_shape, dense_input, nothing, op, wide};
use crate::ty::{SparseType, sparse_type};

/// A sparse matrix with its zeros written out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct DenseFromSparse;

/// All entries of a sparse f64 matrix, as a dense one (PyTensor: `dense_from_sparse` with its structured gradient).
///
/// The cotangent is sampled on the stored pattern, explicit zeros included.
///
/// # Errors
///
/// When `x` is no sparse f64 matrix.
#[track_caller]
pub fn dense_from_sparse(x: &Variable) -> Result<Variable> {
    apply(DenseFromSparse, std::slice::from_ref(x))
}

/// A dense matrix sampled on a pattern. Inputs: what has the pattern (a sparse matrix or factor), the dense matrix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SampleDense;

/// The entries of a dense matrix at the stored positions of `like`, a sparse matrix or a sparse factor.
///
/// # Errors
///
/// When `like` has no pattern or `x` is no matrix of its shape.
#[track_caller]
pub fn sample_dense(like: &Variable, x: &Variable) -> Result<Variable> {
    apply(SampleDense, &[like.clone(), x.clone()])
}

/// The entries of this file.
pub(crate) fn entries() -> Vec<Entry> {
    let to_dense: Build = |params, inputs| Ok(vec![dense_from_sparse(only(params, inputs)?)?]);
    let sample: Build = |params, inputs| {
        let [like, x] = exactly(params, inputs)?;
        Ok(vec![sample_dense(like, x)?])
    };
    let patterns = |format| {
        vec![
            Sample::new("on a wide pattern", [wide(format, 1), dense_input(&[3, 4], 2)]),
            Sample::new("on an empty pattern", [nothing(format), dense_input(&[3, 4], 2)]),
        ]
    };
    vec![
        op("dense_from_sparse", to_dense, any_shape, |_| Ok(Arc::new(DenseFromSparse))),
        op("sample_dense", sample, patterns, |_| Ok(Arc::new(SampleDense))),
    ]
}

impl Op for DenseFromSparse {
    fn name(&self) -> Cow<'static, str> {
        "dense_from_sparse".into()
    }

    fn make_node(&self, inputs: &[Variable]) -> Result<NodeSpec> {
        let [x] = inputs else { return Err(BuildError::arity("dense_from_sparse", 1, inputs)) };
        let shape = sparse_type("dense_from_sparse", x)?.shape();
        Ok(NodeSpec::one(TensorType::shared(DType::F64, &shape)))
    }

    fn perform(&self, io: &mut Io<'_>) -> OpResult {
        let x = io.inputs.get::<SparseMatrix>(0)?;
        let values = x.values().ok_or(OpFailure::WrongValue(0))?;
        let [rows, columns] = x.shape();
        check_size(&[rows, columns])?;
        let out = io.outputs[0].buffer::<Tensor>().reset::<f64>(&[rows, columns]);
        out.fill(0.0);
        x.for_each_position(|slot, i, j| out[i * columns + j] = values[slot]);
        Ok(())
    }

    /// `1_X ∘ G`.
    fn l_op(&self, node: &NodeView<'_>, output_grads: &[Option<Variable>]) -> Result<Grads> {
        let Some(g) = &output_grads[0] else { return Ok(vec![Grad::Zero]) };
        Ok(vec![sample_dense(node.input(0), g)?.into()])
    }

    /// Only the tangent's part on the pattern counts.
    fn r_op(&self, node: &NodeView<'_>, tangents: &[Option<Variable>]) -> Result<Tangents> {
        let Some(tangent) = &tangents[0] else { return Ok(vec![Grad::Zero]) };
        Ok(vec![dense_from_sparse(&project_sparse(node.input(0), tangent)?)?.into()])
    }

    fn infer_shape(&self, _node: &NodeView<'_>, input_shapes: &[Shape]) -> Result<Vec<Shape>> {
        Ok(vec![input_shapes[0].clone()])
    }
}

impl Op for SampleDense {
    fn name(&self) -> Cow<'static, str> {
        "sample_dense".into()
    }

    fn make_node(&self, inputs: &[Variable]) -> Result<NodeSpec> {
        let [like, x] = inputs else { return Err(BuildError::arity("sample_dense", 2, inputs)) };
        let source = pattern_source("sample_dense", like)?;
        match x.type_as::<TensorType>() {
            Some(ty) if ty.rank() == 2 && ty.dtype() == DType::F64 => {}
            _ => return Err(BuildError::inputs("sample_dense", inputs, "the second must be a dense f64 matrix")),
        }
        let clash = |(a, b): (&Option<usize>, &Option<usize>)| a.is_some() && b.is_some() && a != b;
        if source.shape().iter().zip(x.ty().extents()).any(clash) {
            return Err(BuildError::inputs("sample_dense", inputs, "the shapes must be equal"));
        }
        Ok(NodeSpec::one(SparseType::shared(source.format(), DType::F64, source.shape())))
    }

    fn perform(&self, io: &mut Io<'_>) -> OpResult {
        let like = crate::lu::pattern_of(io.inputs.value(0)?).ok_or(OpFailure::WrongValue(0))?;
        let x = io.inputs.get::<Tensor>(1)?.array::<f64>().map_err(|_| OpFailure::WrongValue(1))?;
        if x.shape() != like.shape {
            let rule =
                format!("a matrix of shape {:?} cannot be sampled on a pattern of shape {:?}", x.shape(), like.shape);
            return Err(OpFailure::Shapes(rule).into());
        }
        let (storage, strides) = (x.storage(), x.strides());
        let out = io.outputs[0].buffer::<SparseMatrix>().reset(like.format, like.shape, like.pattern);
        for slice in 0..like.pattern.major() {
            for slot in like.pattern.range(slice) {
                let (i, j) = like.format.swap((slice, like.pattern.indices()[slot] as usize));
                out[slot] = storage[i * strides[0] + j * strides[1]];
            }
        }
        Ok(())
    }

    /// The cotangent at its places among zeros.
    fn l_op(&self, _node: &NodeView<'_>, output_grads: &[Option<Variable>]) -> Result<Grads> {
        let Some(g) = &output_grads[0] else { return Ok(vec![Grad::Disconnected, Grad::Zero]) };
        Ok(vec![Grad::Disconnected, dense_from_sparse(g)?.into()])
    }

    fn r_op(&self, node: &NodeView<'_>, tangents: &[Option<Variable>]) -> Result<Tangents> {
        node.linear_tangent(1, tangents)
    }

    fn infer_shape(&self, _node: &NodeView<'_>, input_shapes: &[Shape]) -> Result<Vec<Shape>> {
        Ok(vec![input_shapes[1].clone()])
    }

    fn connection_pattern(&self, _output: usize, input: usize) -> bool {
        input == 1
    }
}
