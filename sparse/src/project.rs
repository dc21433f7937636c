//! Moving a sparse matrix onto the pattern of another.

use std::borrow::Cow;
use std::sync::Arc;

use kronograph_graph::{
    BuildError, Entry, Grad, Grads, Io, NodeSpec, NodeView, Op, OpFailure, OpResult, OpState, Result, Shape, Tangents,
    Variable, apply, origin,
};
use kronograph_ops::params::exactly;

use crate::convert::PatternOf;
use crate::format::to_format;
use crate::kept::Kept;
use crate::lu::{pattern_of, pattern_source};
use crate::matrix::SparseMatrix;
use crate::number::each_number;
use crate::samples::{Build, op, overlapping};
use crate::ty::{SparseType, check_same_shape, same_shape, sparse_type};

/// A sparse matrix moved onto the pattern of another. Inputs: the one with the pattern, the one with the values.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ProjectSparse;

/// `x` on the pattern of `like`: entries that `like` does not store are dropped, entries that `x` does not are zero.
/// `x` may be of another format, and of another dtype, which it keeps.
///
/// # Errors
///
/// When `like` has no pattern, `x` is no sparse matrix, or the shapes differ.
#[track_caller]
pub fn project_sparse(like: &Variable, x: &Variable) -> Result<Variable> {
    let _scope = origin::here();
    sparse_type("project_sparse", x)?;
    let x = to_format(x, pattern_source("project_sparse", like)?.format())?;
    apply(ProjectSparse, &[like.clone(), x])
}

/// The entries of this file.
pub(crate) fn entries() -> Vec<Entry> {
    let project: Build = |params, inputs| {
        let [like, x] = exactly(params, inputs)?;
        Ok(vec![project_sparse(like, x)?])
    };
    vec![op("project_sparse", project, overlapping, |_| Ok(Arc::new(ProjectSparse)))]
}

impl Op for ProjectSparse {
    fn name(&self) -> Cow<'static, str> {
        "project_sparse".into()
    }

    fn make_node(&self, inputs: &[Variable]) -> Result<NodeSpec> {
        let [like, x] = inputs else { return Err(BuildError::arity("project_sparse", 2, inputs)) };
        let (a, b) = (pattern_source("project_sparse", like)?, sparse_type("project_sparse", x)?);
        if a.format() != b.format() {
            return Err(BuildError::inputs("project_sparse", inputs, "the formats must be equal"));
        }
        let shape = same_shape("project_sparse", inputs, a.shape(), b.shape())?;
        Ok(NodeSpec::one(SparseType::shared(a.format(), b.dtype(), shape)))
    }

    fn perform(&self, io: &mut Io<'_>) -> OpResult {
        let (state, inputs, outputs) = io.with_state::<Kept<Vec<u32>>>()?;
        let like = pattern_of(inputs.value(0)?).ok_or(OpFailure::WrongValue(0))?;
        let x = inputs.get::<SparseMatrix>(1)?;
        let slots = slots(state, &like, x)?;
        each_number!(x.dtype(), T => {
            let values = x.slots::<T>()?;
            let out = outputs[0].buffer::<SparseMatrix>().reset::<T>(like.format, like.shape, like.pattern);
            match slots {
                Slots::Same => out.copy_from_slice(values),
                Slots::At(slots) => {
                    let value = |slot: u32| values.get(slot as usize).copied().unwrap_or_default();
                    out.iter_mut().zip(slots).for_each(|(out, &slot)| *out = value(slot));
                }
            }
        });
        Ok(())
    }

    /// The projection is regular in `x`, and its own adjoint.
    fn l_op(&self, node: &NodeView<'_>, output_grads: &[Option<Variable>]) -> Result<Grads> {
        let Some(g) = &output_grads[0] else { return Ok(vec![Grad::Disconnected, Grad::Zero]) };
        Ok(vec![Grad::Disconnected, project_sparse(node.input(0), g)?.into()])
    }

    fn r_op(&self, node: &NodeView<'_>, tangents: &[Option<Variable>]) -> Result<Tangents> {
        let Some(tangent) = &tangents[1] else { return Ok(vec![Grad::Zero]) };
        Ok(vec![project_sparse(node.input(0), tangent)?.into()])
    }

    fn infer_shape(&self, _node: &NodeView<'_>, input_shapes: &[Shape]) -> Result<Vec<Shape>> {
        Ok(vec![input_shapes[0].clone()])
    }

    fn connection_pattern(&self, _output: usize, input: usize) -> bool {
        input == 1
    }

    fn state(&self) -> Option<Box<dyn OpState>> {
        Some(Box::<Kept<Vec<u32>>>::default())
    }
}

/// Where the slots of one pattern are in another.
enum Slots<'a> {
    Same,
    At(&'a [u32]),
}

/// For each slot of `of`, its slot in `place`.
fn slots<'a>(state: &'a mut Kept<Vec<u32>>, of: &PatternOf<'_>, place: &SparseMatrix) -> Result<Slots<'a>, OpFailure> {
    if of.format != place.format() {
        return Err(OpFailure::Shapes("the matrices are of two formats".to_owned()));
    }
    check_same_shape(&of.shape, &place.shape())?;
    if Arc::ptr_eq(of.pattern, place.pattern()) {
        return Ok(Slots::Same);
    }
    let patterns = [of.pattern, place.pattern()];
    Ok(Slots::At(state.of_patterns(&patterns, || Ok(of.pattern.slots_in(place.pattern())))?))
}
