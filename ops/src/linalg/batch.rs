//! Leading axes: an op on matrices runs on stacks of them, whose leading axes broadcast as everywhere.
//!
//! Leading axes are compared from the right; one of static length 1, or one that is missing, is repeated.

use kronograph_graph::{BuildError, Dim, OpFailure, Result, Shape, Variable};
use smallvec::SmallVec;

use crate::layout::{dimshuffle, expand_dims};
use crate::reduce::sum_axes;
use crate::tensor::{Extents, check_size, shape_text, tensor_type};

/// Static lengths of a few axes.
pub(super) type Lengths = SmallVec<[Option<usize>; 4]>;

/// `x` with its last two axes exchanged: the transpose of each matrix of a stack (PyTensor: `matrix_transpose`).
///
/// # Errors
///
/// When `x` has fewer than two axes.
#[track_caller]
pub fn swap_last(x: &Variable) -> Result<Variable> {
    let rank = tensor_type("matrix_transpose", x)?.rank();
    if rank < 2 {
        return Err(BuildError::inputs("matrix_transpose", std::slice::from_ref(x), "a matrix is needed"));
    }
    let mut order: SmallVec<[Option<usize>; 4]> = (0..rank).map(Some).collect();
    order.swap(rank - 2, rank - 1);
    dimshuffle(x, &order)
}

/// The static lengths of the common leading axes of two stacks.
pub(super) fn static_batch(op: &'static str, inputs: &[Variable], stacks: [&[Option<usize>]; 2]) -> Result<Lengths> {
    let rank = stacks[0].len().max(stacks[1].len());
    let at = |stack: &[Option<usize>], axis: usize| match (axis + stack.len()).checked_sub(rank) {
        Some(own) => stack[own],
        None => Some(1),
    };
    let common = |axis: usize| match (at(stacks[0], axis), at(stacks[1], axis)) {
        (Some(1), other) | (other, Some(1)) => Ok(other),
        (Some(a), Some(b)) if a != b => {
            let rule = format!("axis {axis} of the result would be both {a} and {b} long");
            Err(BuildError::inputs(op, inputs, rule))
        }
        (Some(known), _) | (None, Some(known)) => Ok(Some(known)),
        (None, None) => Ok(None),
    };
    (0..rank).map(common).collect()
}

/// The common leading axes of two stacks in terms of theirs; `declared` are the static lengths.
pub(super) fn batch_dims(stacks: [&[Dim]; 2], declared: [&[Option<usize>]; 2]) -> Shape {
    let rank = stacks[0].len().max(stacks[1].len());
    let candidates = |axis: usize| {
        let own = move |k: usize| (axis + stacks[k].len()).checked_sub(rank).map(|own| (k, own));
        let repeated = move |&(k, own): &(usize, usize)| declared[k][own] == Some(1);
        (0..2).filter_map(own).filter(move |place| !repeated(place)).map(move |(k, own)| &stacks[k][own])
    };
    let pick = |axis: usize| {
        let known = candidates(axis).find(|dim| dim.known().is_some());
        known.or_else(|| candidates(axis).next()).cloned().unwrap_or_else(|| Dim::from(1))
    };
    (0..rank).map(pick).collect()
}

/// The lengths of the common leading axes at run time.
///
/// # Errors
///
/// When they disagree other than by declared broadcasting.
pub(super) fn batch_at_run_time(stacks: [&[usize]; 2], declared: [&[Option<usize>]; 2]) -> Result<Extents, OpFailure> {
    let rank = stacks[0].len().max(stacks[1].len());
    let mut common: Extents = SmallVec::from_elem(1, rank);
    for axis in 0..rank {
        let mut free = true;
        for k in 0..2 {
            let Some(own) = (axis + stacks[k].len()).checked_sub(rank) else { continue };
            if declared[k].get(own) == Some(&Some(1)) && stacks[k][own] == 1 {
                continue;
            }
            if !free && common[axis] != stacks[k][own] {
                let (a, b) = (shape_text(stacks[0]), shape_text(stacks[1]));
                let rule = format!(
                    "leading axes {a} and {b} do not fit; one broadcasts only if its type says that its length is 1"
                );
                return Err(OpFailure::Shapes(rule));
            }
            (common[axis], free) = (stacks[k][own], false);
        }
    }
    check_size(&common)?;
    Ok(common)
}

/// The strides of a stack's leading axes over the common ones: zero where they are repeated.
pub(super) fn batch_strides(shape: &[usize], strides: &[usize], common: &[usize]) -> Extents {
    let missing = common.len() - shape.len();
    let stride = |axis: usize| match axis.checked_sub(missing) {
        Some(own) if shape[own] == common[axis] => strides[own],
        _ => 0,
    };
    (0..common.len()).map(stride).collect()
}

/// Undoes the broadcasting of leading axes: sums over those along which something of static lengths `own`, whose last
/// `core` axes are not leading ones, was repeated.
pub(super) fn reduce_batch(term: &Variable, own: &[Option<usize>], core: usize) -> Result<Variable> {
    let lengths = term.ty().extents();
    let missing = lengths.len() - own.len();
    let repeated = |axis: &usize| own[*axis] == Some(1) && lengths[missing + axis] != Some(1);
    let kept: Vec<usize> = (0..own.len() - core).filter(repeated).collect();
    let summed: Vec<usize> = (0..missing).chain(kept.iter().map(|axis| missing + axis)).collect();
    if summed.is_empty() {
        return Ok(term.clone());
    }
    expand_dims(&sum_axes(term, &summed)?, &kept)
}
