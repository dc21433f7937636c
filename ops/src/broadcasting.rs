//! Broadcasting by declared axes, at build time, at run time and in reverse.
//!
//! Axes are compared from the right. One of static length 1, or one that is missing, is repeated. An axis of unknown
//! length that turns out to be 1 is not, since the reverse rule could not know to sum over it. The same rule serves the
//! leading axes of stacks of matrices.

use kronograph_graph::{BuildError, Dim, Inputs, OpFailure, Result, Shape, Variable, shape_of};
use smallvec::SmallVec;

use crate::layout::{broadcast_to, expand_dims, pad_left};
use crate::reduce::sum_axes;
use crate::tensor::{Extents, Lengths, Tensor, check_size, shape_text, tensor_type};

/// Inputs of equal rank, and the static lengths of the result.
pub(crate) struct Aligned {
    pub(crate) inputs: Vec<Variable>,
    pub(crate) lengths: Lengths,
}

/// Brings the inputs to one rank and finds the static shape of the result.
pub(crate) fn align(op: &'static str, inputs: &[Variable]) -> Result<Aligned> {
    let mut rank = 0;
    for input in inputs {
        rank = rank.max(tensor_type(op, input)?.rank());
    }
    let padded: Vec<Variable> = inputs.iter().map(|input| pad_left(input, rank)).collect::<Result<_>>()?;
    let lengths = common_lengths(op, inputs, &declared_lengths(&padded))?;
    Ok(Aligned { inputs: padded, lengths })
}

fn declared_lengths(inputs: &[Variable]) -> SmallVec<[&[Option<usize>]; 3]> {
    inputs.iter().map(|input| input.ty().extents()).collect()
}

/// Which axis of its own something with so many axes has at an axis of a result.
fn own_axis(axis: usize, rank: usize, own: usize) -> Option<usize> {
    (axis + own).checked_sub(rank)
}

/// The static lengths of what operands with these ones are repeated to.
pub(crate) fn common_lengths(op: &'static str, inputs: &[Variable], declared: &[&[Option<usize>]]) -> Result<Lengths> {
    let rank = declared.iter().map(|own| own.len()).max().unwrap_or(0);
    let mut lengths = Lengths::from_elem(Some(1), rank);
    for own in declared {
        for (axis, length) in lengths[rank - own.len()..].iter_mut().enumerate() {
            *length = match (*length, own[axis]) {
                (Some(1), other) | (other, Some(1)) => other,
                (Some(a), Some(b)) if a != b => {
                    let axis = rank - own.len() + axis;
                    let rule = format!("axis {axis} of the result would be both {a} and {b} long");
                    return Err(BuildError::inputs(op, inputs, rule));
                }
                (Some(known), _) | (None, Some(known)) => Some(known),
                (None, None) => None,
            };
        }
    }
    Ok(lengths)
}

/// What operands of these shapes and static lengths are repeated to.
pub(crate) fn common_dims(shapes: &[&[Dim]], declared: &[&[Option<usize>]]) -> Shape {
    let rank = shapes.iter().map(|shape| shape.len()).max().unwrap_or(0);
    let candidates = |axis: usize| {
        let own = move |k: usize| own_axis(axis, rank, shapes[k].len()).map(|own| (k, own));
        let lasts = move |&(k, own): &(usize, usize)| declared[k][own] != Some(1);
        (0..shapes.len()).filter_map(own).filter(lasts).map(move |(k, own)| &shapes[k][own])
    };
    let pick = |axis: usize| {
        let known = candidates(axis).find(|dim| dim.known().is_some());
        known.or_else(|| candidates(axis).next()).cloned().unwrap_or_else(|| Dim::from(1))
    };
    (0..rank).map(pick).collect()
}

/// [`common_dims`] of variables, which have these shapes.
pub(crate) fn common_dims_of(inputs: &[Variable], shapes: &[Shape]) -> Shape {
    let shapes: SmallVec<[&[Dim]; 3]> = shapes.iter().map(|shape| &shape[..]).collect();
    common_dims(&shapes, &declared_lengths(inputs))
}

/// What operands of these shapes are repeated to at run time; `declared(operand, axis)` says whether the type of an
/// operand gives one of its axes the length 1.
///
/// # Errors
///
/// When they disagree other than by declared broadcasting.
pub(crate) fn common_extents(
    shapes: &[&[usize]],
    declared: impl Fn(usize, usize) -> bool,
) -> Result<Extents, OpFailure> {
    let rank = shapes.iter().map(|shape| shape.len()).max().unwrap_or(0);
    let mut common = Extents::from_elem(1, rank);
    for axis in 0..rank {
        let mut giver: Option<usize> = None;
        for (k, shape) in shapes.iter().enumerate() {
            let Some(own) = own_axis(axis, rank, shape.len()) else { continue };
            let length = shape[own];
            match giver {
                _ if length == 1 && declared(k, own) => {}
                Some(giver) if common[axis] != length => return Err(disagreement(shapes[giver], shape)),
                _ => (common[axis], giver) = (length, Some(k)),
            }
        }
    }
    check_size(&common)?;
    Ok(common)
}

/// The shape of an elementwise result at run time.
///
/// # Errors
///
/// When the inputs disagree other than by declared broadcasting.
pub(crate) fn common_shape(inputs: &Inputs<'_>) -> Result<Extents, OpFailure> {
    let mut shapes: SmallVec<[&[usize]; 3]> = SmallVec::new();
    for k in 0..inputs.len() {
        shapes.push(inputs.get::<Tensor>(k)?.shape());
    }
    common_extents(&shapes, |k, axis| inputs.ty(k).is_some_and(|ty| ty.extents().get(axis) == Some(&Some(1))))
}

fn disagreement(a: &[usize], b: &[usize]) -> OpFailure {
    let (a, b) = (shape_text(a), shape_text(b));
    OpFailure::Shapes(format!(
        "shapes {a} and {b} do not fit; an axis broadcasts only if its type says that its length is 1"
    ))
}

/// The strides of something over a common shape: zero along the axes that are repeated.
pub(crate) fn spread_strides(shape: &[usize], strides: &[usize], common: &[usize]) -> Extents {
    let stride = |axis: usize| match own_axis(axis, common.len(), shape.len()) {
        Some(own) if shape[own] == common[axis] => strides[own],
        _ => 0,
    };
    (0..common.len()).map(stride).collect()
}

/// The strides of a tensor over a common shape.
pub(crate) fn spread(tensor: &Tensor, common: &[usize]) -> Extents {
    spread_strides(tensor.shape(), tensor.strides(), common)
}

/// Undoes broadcasting: sums a term over the axes along which `like` was repeated.
pub(crate) fn reduce_like(term: Variable, like: &Variable) -> Result<Variable> {
    reduce_leading(term, like.ty().extents(), 0)
}

/// Undoes the broadcasting of something of static lengths `own`, whose last `core` axes do not broadcast.
pub(crate) fn reduce_leading(term: Variable, own: &[Option<usize>], core: usize) -> Result<Variable> {
    let lengths = term.ty().extents();
    let missing = lengths.len() - own.len();
    let repeated = |axis: &usize| own[*axis] == Some(1) && lengths[missing + axis] != Some(1);
    let kept: Vec<usize> = (0..own.len() - core).filter(repeated).collect();
    let summed: Vec<usize> = (0..missing).chain(kept.iter().map(|axis| missing + axis)).collect();
    if summed.is_empty() {
        return Ok(term);
    }
    expand_dims(&sum_axes(&term, &summed)?, &kept)
}

/// A tangent repeated along the axes in which the output is longer: the inputs that are longer there do not move.
pub(crate) fn spread_like(term: Variable, output: &Variable) -> Result<Variable> {
    let (mine, want) = (term.ty().extents(), output.ty().extents());
    let shorter = mine.iter().zip(want).any(|(mine, want)| *mine == Some(1) && *want != Some(1));
    if shorter { broadcast_to(&term, shape_of(output)) } else { Ok(term) }
}
