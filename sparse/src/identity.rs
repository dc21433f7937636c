//! The sparse identity matrix.

use std::borrow::Cow;
use std::sync::Arc;

use kronograph_graph::{
    BuildError, Entry, Grad, Grads, Io, NodeSpec, NodeView, Op, OpResult, OpState, Result, Sample, Shape, Tangents,
    Variable, apply,
};
use kronograph_ops::params::only;
use kronograph_ops::{DType, LinalgError};

use crate::matrix::SparseMatrix;
use crate::pattern::Pattern;
use crate::samples::{Build, op, weights};
use crate::ty::{SparseType, sparse_f64};

/// The identity matrix in the format and of the size of a square sparse matrix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct IdentityLike;

/// The identity matrix in the format and of the size of a square sparse matrix.
///
/// # Errors
///
/// When `like` is no sparse f64 matrix, or not square.
#[track_caller]
pub fn identity_like(like: &Variable) -> Result<Variable> {
    apply(IdentityLike, std::slice::from_ref(like))
}

/// Checks that a sparse input may be square, and returns its type.
pub(crate) fn square_type<'a>(op: &'static str, matrix: &'a Variable) -> Result<&'a SparseType> {
    let ty = sparse_f64(op, matrix)?;
    match ty.shape() {
        [Some(rows), Some(columns)] if rows != columns => {
            Err(BuildError::inputs(op, std::slice::from_ref(matrix), "the matrix must be square"))
        }
        _ => Ok(ty),
    }
}

/// The entry of this file.
pub(crate) fn entries() -> Vec<Entry> {
    let build: Build = |params, inputs| Ok(vec![identity_like(only(params, inputs)?)?]);
    let samples = |format| vec![Sample::new("of weights", [weights(format, 1)])];
    vec![op("identity_like", build, samples, |_| Ok(Arc::new(IdentityLike)))]
}

impl Op for IdentityLike {
    fn name(&self) -> Cow<'static, str> {
        "identity_like".into()
    }

    fn make_node(&self, inputs: &[Variable]) -> Result<NodeSpec> {
        let [like] = inputs else { return Err(BuildError::arity("identity_like", 1, inputs)) };
        let ty = square_type("identity_like", like)?;
        let size = ty.shape()[0].or(ty.shape()[1]);
        Ok(NodeSpec::one(SparseType::shared(ty.format(), DType::F64, [size, size])))
    }

    fn perform(&self, io: &mut Io<'_>) -> OpResult {
        let (state, inputs, outputs) = io.with_state::<DiagonalState>()?;
        let like = inputs.get::<SparseMatrix>(0)?;
        let [rows, columns] = like.shape();
        let size = match u32::try_from(rows) {
            Ok(size) if rows == columns => size,
            _ => return Err(LinalgError::NotSquare { rows, columns }.into()),
        };
        let pattern = match state.0.take() {
            Some(pattern) if pattern.major() == rows => pattern,
            _ => Arc::new(Pattern::diagonal(size)),
        };
        outputs[0].buffer::<SparseMatrix>().reset(like.format(), like.shape(), &pattern).fill(1.0);
        state.0 = Some(pattern);
        Ok(())
    }

    fn l_op(&self, _node: &NodeView<'_>, _output_grads: &[Option<Variable>]) -> Result<Grads> {
        Ok(vec![Grad::Disconnected])
    }

    fn r_op(&self, _node: &NodeView<'_>, _tangents: &[Option<Variable>]) -> Result<Tangents> {
        Ok(vec![Grad::Disconnected])
    }

    fn infer_shape(&self, _node: &NodeView<'_>, input_shapes: &[Shape]) -> Result<Vec<Shape>> {
        Ok(vec![input_shapes[0].clone()])
    }

    fn connection_pattern(&self, _output: usize, _input: usize) -> bool {
        false
    }

    fn state(&self) -> Option<Box<dyn OpState>> {
        Some(Box::<DiagonalState>::default())
    }
}

/// The pattern of the diagonal, kept so that it has the same address in every call.
#[derive(Clone, Debug, Default)]
struct DiagonalState(Option<Arc<Pattern>>);

impl OpState for DiagonalState {
    fn fork(&self) -> Box<dyn OpState> {
        Box::new(self.clone())
    }
}
