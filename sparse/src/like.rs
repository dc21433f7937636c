//! Matrices of the shape of another one: ones where it stores something, and nothing at all.

use std::borrow::Cow;
use std::sync::Arc;

use kronograph_graph::{
    BuildError, Entry, Grad, Grads, Io, NodeSpec, NodeView, Op, OpResult, OpState, Result, Shape, Tangents, Variable,
    apply,
};
use kronograph_ops::params::only;

use crate::kept::Kept;
use crate::matrix::SparseMatrix;
use crate::number::{Number, each_number};
use crate::pattern::Moved;
use crate::samples::{Build, any_matrix, op};
use crate::ty::sparse_type;

/// What a [`Like`] stores.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Stores {
    Ones,
    Nothing,
}

/// A sparse matrix of the type of another one, whose values do not matter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Like(Stores);

/// One at every stored position of `x`, explicit zeros included (PyTensor: `sp_ones_like`).
///
/// # Errors
///
/// When `x` is no sparse matrix.
#[track_caller]
pub fn sp_ones_like(x: &Variable) -> Result<Variable> {
    apply(Like(Stores::Ones), std::slice::from_ref(x))
}

/// A matrix of the shape, format and dtype of `x` that stores nothing (PyTensor: `sp_zeros_like`).
///
/// # Errors
///
/// When `x` is no sparse matrix.
#[track_caller]
pub fn sp_zeros_like(x: &Variable) -> Result<Variable> {
    apply(Like(Stores::Nothing), std::slice::from_ref(x))
}

/// The entries of this file.
pub(crate) fn entries() -> Vec<Entry> {
    let ones: Build = |params, inputs| Ok(vec![sp_ones_like(only(params, inputs)?)?]);
    let nothing: Build = |params, inputs| Ok(vec![sp_zeros_like(only(params, inputs)?)?]);
    vec![
        op("sp_ones_like", ones, any_matrix, |_| Ok(Arc::new(Like(Stores::Ones)))),
        op("sp_zeros_like", nothing, any_matrix, |_| Ok(Arc::new(Like(Stores::Nothing)))),
    ]
}

impl Op for Like {
    fn name(&self) -> Cow<'static, str> {
        match self.0 {
            Stores::Ones => "sp_ones_like".into(),
            Stores::Nothing => "sp_zeros_like".into(),
        }
    }

    fn make_node(&self, inputs: &[Variable]) -> Result<NodeSpec> {
        let [x] = inputs else { return Err(BuildError::arity(self.name(), 1, inputs)) };
        sparse_type(&self.name(), x)?;
        Ok(NodeSpec::one(x.ty().clone()))
    }

    fn perform(&self, io: &mut Io<'_>) -> OpResult {
        let (state, inputs, outputs) = io.with_state::<Kept<Moved>>()?;
        let x = inputs.get::<SparseMatrix>(0)?;
        let out = outputs[0].buffer::<SparseMatrix>();
        match self.0 {
            Stores::Ones => {
                each_number!(x.dtype(), T => out.reset::<T>(x.format(), x.shape(), x.pattern()).fill(T::ONE))
            }
            Stores::Nothing => {
                let empty = state.of_patterns(&[x.pattern()], || Ok(x.pattern().kept(|_| false)))?;
                out.reset_moved(x.format(), x.shape(), empty, x);
            }
        }
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
        Some(Box::<Kept<Moved>>::default())
    }
}
