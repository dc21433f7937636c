//! Tidying what a sparse matrix stores: ascending indices, no stored zeros.

use std::borrow::Cow;
use std::sync::Arc;

use kronograph_graph::{
    BuildError, Entry, Grads, Io, NodeSpec, NodeView, Op, OpFailure, OpResult, OpState, Result, Shape, Tangents,
    Variable, apply, origin,
};
use kronograph_ops::params::only;

use crate::kept::Kept;
use crate::matrix::SparseMatrix;
use crate::number::each_number;
use crate::pattern::{Moved, Pattern};
use crate::samples::{Build, any_matrix, function, op};
use crate::ty::sparse_type;

/// A sparse matrix with ascending indices.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct EnsureSortedIndices;

/// A sparse matrix without stored zeros.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Remove0;

/// `x` with ascending indices in every row (CSR) or column (CSC), explicit zeros included; a view where they ascend
/// already (PyTensor: `ensure_sorted_indices`). The derivative is regular.
///
/// # Errors
///
/// When `x` is no sparse matrix.
#[track_caller]
pub fn ensure_sorted_indices(x: &Variable) -> Result<Variable> {
    apply(EnsureSortedIndices, std::slice::from_ref(x))
}

/// `x` without stored zeros of either sign, the other entries in their order; a view where there are none (PyTensor:
/// `remove0`, Aesara: `eliminate_zeros`). NaN stays. The derivative is regular.
///
/// # Errors
///
/// When `x` is no sparse matrix.
#[track_caller]
pub fn remove0(x: &Variable) -> Result<Variable> {
    apply(Remove0, std::slice::from_ref(x))
}

/// `x` without stored zeros and with ascending indices (PyTensor: `clean`). The derivative is regular.
///
/// # Errors
///
/// When `x` is no sparse matrix.
#[track_caller]
pub fn clean(x: &Variable) -> Result<Variable> {
    let _scope = origin::here();
    ensure_sorted_indices(&remove0(x)?)
}

/// The entries of this file.
pub(crate) fn entries() -> Vec<Entry> {
    let sort: Build = |params, inputs| Ok(vec![ensure_sorted_indices(only(params, inputs)?)?]);
    let remove: Build = |params, inputs| Ok(vec![remove0(only(params, inputs)?)?]);
    let both: Build = |params, inputs| Ok(vec![clean(only(params, inputs)?)?]);
    vec![
        op("ensure_sorted_indices", sort, any_matrix, |_| Ok(Arc::new(EnsureSortedIndices))),
        op("remove0", remove, any_matrix, |_| Ok(Arc::new(Remove0))).also_named("eliminate_zeros"),
        function("clean", both, any_matrix),
    ]
}

impl Op for EnsureSortedIndices {
    fn name(&self) -> Cow<'static, str> {
        "ensure_sorted_indices".into()
    }

    fn make_node(&self, inputs: &[Variable]) -> Result<NodeSpec> {
        rearranged("ensure_sorted_indices", inputs)
    }

    fn perform(&self, io: &mut Io<'_>) -> OpResult {
        let (state, inputs, outputs) = io.with_state::<Kept<Option<Moved>>>()?;
        let (x, out) = (inputs.get::<SparseMatrix>(0)?, outputs[0].buffer::<SparseMatrix>());
        let sort = || Ok((!x.pattern().is_sorted()).then(|| x.pattern().sorted()));
        match state.of_patterns(&[x.pattern()], sort)? {
            Some(moved) => out.reset_moved(x.format(), x.shape(), moved, x),
            None => *out = x.clone(),
        }
        Ok(())
    }

    fn l_op(&self, _node: &NodeView<'_>, output_grads: &[Option<Variable>]) -> Result<Grads> {
        Ok(vec![output_grads[0].clone().into()])
    }

    fn r_op(&self, _node: &NodeView<'_>, tangents: &[Option<Variable>]) -> Result<Tangents> {
        Ok(vec![tangents[0].clone().into()])
    }

    fn infer_shape(&self, _node: &NodeView<'_>, input_shapes: &[Shape]) -> Result<Vec<Shape>> {
        Ok(vec![input_shapes[0].clone()])
    }

    fn view_map(&self) -> &[(usize, usize)] {
        &[(0, 0)]
    }

    fn state(&self) -> Option<Box<dyn OpState>> {
        Some(Box::<Kept<Option<Moved>>>::default())
    }
}

impl Op for Remove0 {
    fn name(&self) -> Cow<'static, str> {
        "remove0".into()
    }

    fn make_node(&self, inputs: &[Variable]) -> Result<NodeSpec> {
        rearranged("remove0", inputs)
    }

    fn perform(&self, io: &mut Io<'_>) -> OpResult {
        let (state, inputs, outputs) = io.with_state::<Kept<Moved>>()?;
        let (x, out) = (inputs.get::<SparseMatrix>(0)?, outputs[0].buffer::<SparseMatrix>());
        match without_zeros(state, x)? {
            Some(moved) => out.reset_moved(x.format(), x.shape(), moved, x),
            None => *out = x.clone(),
        }
        Ok(())
    }

    fn l_op(&self, _node: &NodeView<'_>, output_grads: &[Option<Variable>]) -> Result<Grads> {
        Ok(vec![output_grads[0].clone().into()])
    }

    fn r_op(&self, _node: &NodeView<'_>, tangents: &[Option<Variable>]) -> Result<Tangents> {
        Ok(vec![tangents[0].clone().into()])
    }

    fn infer_shape(&self, _node: &NodeView<'_>, input_shapes: &[Shape]) -> Result<Vec<Shape>> {
        Ok(vec![input_shapes[0].clone()])
    }

    fn view_map(&self) -> &[(usize, usize)] {
        &[(0, 0)]
    }

    fn state(&self) -> Option<Box<dyn OpState>> {
        Some(Box::<Kept<Moved>>::default())
    }
}

/// The type of an op that stores a matrix otherwise.
fn rearranged(op: &'static str, inputs: &[Variable]) -> Result<NodeSpec> {
    let [x] = inputs else { return Err(BuildError::arity(op, 1, inputs)) };
    sparse_type(op, x)?;
    Ok(NodeSpec::one(x.ty().clone()))
}

/// The slots of a matrix that are not zero, those of the last call if they are the same; `None` if all are.
fn without_zeros<'a>(state: &'a mut Kept<Moved>, x: &SparseMatrix) -> Result<Option<&'a Moved>, OpFailure> {
    each_number!(x.dtype(), T => {
        let (zero, values) = (T::default(), x.slots::<T>()?);
        if !values.contains(&zero) {
            return Ok(None);
        }
        kept_slots(state, x.pattern(), |slot| values[slot] != zero).map(Some)
    })
}

/// The slots of a pattern that are to be kept, those of the last call if they are the same.
pub(crate) fn kept_slots<'a>(
    state: &'a mut Kept<Moved>,
    pattern: &Arc<Pattern>,
    keep: impl Fn(usize) -> bool,
) -> Result<&'a Moved, OpFailure> {
    let same = |moved: &Moved| {
        let now = (0..pattern.nnz()).filter(|&slot| keep(slot));
        now.eq(moved.slots.iter().map(|&slot| slot as usize))
    };
    state.of(&[pattern], same, || Ok(pattern.kept(&keep)))
}

/// Takes out of what an op has computed the slots that it does not store.
#[derive(Debug, Default)]
pub(crate) struct SlotFilter {
    keep: Vec<bool>,
    stored: Kept<Moved>,
    whole: SparseMatrix,
}

impl SlotFilter {
    /// For each of so many slots, whether it is kept: all are, until one says otherwise.
    pub(crate) fn marks(&mut self, count: usize) -> &mut [bool] {
        self.keep.clear();
        self.keep.resize(count, true);
        &mut self.keep
    }

    /// `x` without its zeros, of either sign.
    pub(crate) fn drop_zeros(&mut self, x: &mut SparseMatrix) -> Result<(), OpFailure> {
        let Some(moved) = without_zeros(&mut self.stored, x)? else { return Ok(()) };
        std::mem::swap(x, &mut self.whole);
        x.reset_moved(self.whole.format(), self.whole.shape(), moved, &self.whole);
        Ok(())
    }

    /// `x` with the slots that are marked.
    pub(crate) fn drop_unmarked(&mut self, x: &mut SparseMatrix) -> Result<(), OpFailure> {
        let Self { keep, stored, whole } = self;
        if keep.iter().all(|&keep| keep) {
            return Ok(());
        }
        let moved = kept_slots(stored, x.pattern(), |slot| keep[slot])?;
        std::mem::swap(x, whole);
        x.reset_moved(whole.format(), whole.shape(), moved, whole);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;
    use crate::matrix::Format;

    #[test]
    fn the_pattern_stays_the_same_while_the_same_slots_are_kept() {
        let matrix = |data: Vec<f64>| SparseMatrix::new(Format::Csr, [1, 3], data, vec![0, 1, 2], vec![0, 3]).unwrap();
        let (mut state, first) = (SlotFilter::default(), matrix(vec![1.0, 0.0, 2.0]));
        let run = |state: &mut SlotFilter, data: Vec<f64>| {
            let pattern = first.pattern().clone();
            let mut x = SparseMatrix::with_pattern(Format::Csr, [1, 3], pattern, data.into()).unwrap();
            let values = x.values().unwrap().to_vec();
            state.marks(3).iter_mut().zip(values).for_each(|(keep, value)| *keep = value != 0.0);
            state.drop_unmarked(&mut x).unwrap();
            x
        };
        let (a, b) = (run(&mut state, vec![1.0, 0.0, 2.0]), run(&mut state, vec![5.0, -0.0, f64::NAN]));
        assert!(Arc::ptr_eq(a.pattern(), b.pattern()));
        assert_eq!(run(&mut state, vec![0.0, 3.0, 0.0]).values(), Some(&[3.0][..]));
    }
}
