//! The transpose of a sparse matrix: the same storage, read in the other format.

use std::borrow::Cow;
use std::sync::Arc;

use kronograph_graph::{
    BuildError, Entry, Grad, Grads, Io, NodeSpec, NodeView, Op, OpResult, Result, Shape, Tangents, Variable, apply,
};
use kronograph_ops::params::only;

use crate::matrix::SparseMatrix;
use crate::samples::{Build, any_matrix, op};
use crate::ty::{SparseType, sparse_type};

/// `Aᵀ`, in the other format.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SparseTranspose;

/// `Aᵀ` of a sparse matrix, in the other format: slots and their order stay, nothing is copied.
///
/// # Errors
///
/// When `a` is no sparse matrix.
#[track_caller]
pub fn sparse_transpose(a: &Variable) -> Result<Variable> {
    apply(SparseTranspose, std::slice::from_ref(a))
}

/// The entry of this file.
pub(crate) fn entries() -> Vec<Entry> {
    let build: Build = |params, inputs| Ok(vec![sparse_transpose(only(params, inputs)?)?]);
    vec![op("sparse_transpose", build, any_matrix, |_| Ok(Arc::new(SparseTranspose)))]
}

impl Op for SparseTranspose {
    fn name(&self) -> Cow<'static, str> {
        "sparse_transpose".into()
    }

    fn make_node(&self, inputs: &[Variable]) -> Result<NodeSpec> {
        let [a] = inputs else { return Err(BuildError::arity("sparse_transpose", 1, inputs)) };
        let ty = sparse_type("sparse_transpose", a)?;
        let [rows, columns] = ty.shape();
        Ok(NodeSpec::one(SparseType::shared(ty.format().flip(), ty.dtype(), [columns, rows])))
    }

    fn perform(&self, io: &mut Io<'_>) -> OpResult {
        let transposed = io.inputs.get::<SparseMatrix>(0)?.transposed();
        *io.outputs[0].buffer::<SparseMatrix>() = transposed;
        Ok(())
    }

    fn l_op(&self, _node: &NodeView<'_>, output_grads: &[Option<Variable>]) -> Result<Grads> {
        let Some(g) = &output_grads[0] else { return Ok(vec![Grad::Zero]) };
        Ok(vec![sparse_transpose(g)?.into()])
    }

    fn r_op(&self, node: &NodeView<'_>, tangents: &[Option<Variable>]) -> Result<Tangents> {
        node.linear_tangent(0, tangents)
    }

    fn infer_shape(&self, _node: &NodeView<'_>, input_shapes: &[Shape]) -> Result<Vec<Shape>> {
        Ok(vec![input_shapes[0].iter().rev().cloned().collect()])
    }

    fn view_map(&self) -> &[(usize, usize)] {
        &[(0, 0)]
    }
}
