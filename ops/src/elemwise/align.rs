//! Broadcasting by declared axes, at build time, at run time and in reverse.
//!
//! Inputs of lower rank get leading axes of length 1; an axis broadcasts where its static length is 1. An axis of
//! unknown length that turns out to be 1 does not, since the reverse rule could not know to sum over it.

use kronograph_graph::{BuildError, Dim, Inputs, OpFailure, Result, Shape, Type, Variable, shape_of};

use crate::layout;
use crate::reduce;
use crate::tensor::{Extents, Tensor, TensorType, check_size, shape_text, tensor_type};

/// Inputs of equal rank, and the static lengths of the result.
pub(crate) struct Aligned {
    pub(crate) inputs: Vec<Variable>,
    pub(crate) lengths: Vec<Option<usize>>,
}

/// Brings the inputs to one rank and finds the static shape of the result.
pub(crate) fn align(op: &'static str, inputs: &[Variable]) -> Result<Aligned> {
    let mut rank = 0;
    for input in inputs {
        rank = rank.max(tensor_type(op, input)?.rank());
    }
    let padded: Vec<Variable> = inputs.iter().map(|input| layout::pad_left(input, rank)).collect::<Result<_>>()?;
    let mut lengths = vec![Some(1); rank];
    for input in &padded {
        for (axis, (length, &new)) in lengths.iter_mut().zip(input.ty().extents()).enumerate() {
            *length = match (*length, new) {
                (Some(1), other) | (other, Some(1)) => other,
                (Some(a), Some(b)) if a != b => {
                    let rule = format!("axis {axis} of the result would be both {a} and {b} long");
                    return Err(BuildError::inputs(op, inputs, rule));
                }
                (Some(known), _) | (None, Some(known)) => Some(known),
                (None, None) => None,
            };
        }
    }
    Ok(Aligned { inputs: padded, lengths })
}

/// Undoes broadcasting: sums a term over the axes along which `like` was repeated.
pub(crate) fn reduce_like(term: Variable, like: &Variable) -> Result<Variable> {
    let (term_lengths, own) = (term.ty().extents(), like.ty().extents());
    let repeated = |axis: &usize| own[*axis] == Some(1) && term_lengths[*axis] != Some(1);
    let axes: Vec<usize> = (0..own.len()).filter(repeated).collect();
    if axes.is_empty() {
        return Ok(term);
    }
    let summed = reduce::sum_axes(&term, &axes)?;
    layout::expand_dims(&summed, &axes)
}

/// The shape of the result in terms of the inputs' shapes.
pub(crate) fn common_dims(inputs: &[Variable], shapes: &[Shape]) -> Shape {
    let rank = shapes.iter().map(Shape::len).max().unwrap_or(0);
    let pick = |axis: usize| {
        let stretched = |k: &usize| inputs[*k].ty().extents()[axis] == Some(1);
        let candidates = (0..shapes.len()).filter(|k| !stretched(k)).map(|k| &shapes[k][axis]);
        let best = candidates.clone().find(|dim| dim.known().is_some()).or_else(|| candidates.clone().next());
        best.cloned().unwrap_or_else(|| Dim::from(1))
    };
    (0..rank).map(pick).collect()
}

/// A tangent repeated along the axes in which the output is longer: the inputs that are longer there do not move.
pub(crate) fn spread_like(term: Variable, output: &Variable) -> Result<Variable> {
    let (mine, want) = (term.ty().extents(), output.ty().extents());
    let shorter = mine.iter().zip(want).any(|(mine, want)| *mine == Some(1) && *want != Some(1));
    if shorter { layout::broadcast_to(&term, shape_of(output)) } else { Ok(term) }
}

/// The shape of the result at run time; an error if the inputs disagree other than by declared broadcasting.
pub(crate) fn common_shape(inputs: &Inputs<'_>) -> Result<Extents, OpFailure> {
    let mut shape: Extents = inputs.get::<Tensor>(0)?.shape().into();
    for k in 1..inputs.len() {
        let other = inputs.get::<Tensor>(k)?.shape();
        if other.len() != shape.len() {
            return Err(disagreement(&shape, other));
        }
        for axis in 0..shape.len() {
            let (mine, theirs) = (shape[axis], other[axis]);
            if mine == theirs {
                continue;
            }
            if theirs == 1 && declared(inputs, k, axis) {
                continue;
            }
            if mine == 1 && (0..k).all(|before| declared(inputs, before, axis)) {
                shape[axis] = theirs;
                continue;
            }
            return Err(disagreement(&shape, other));
        }
    }
    check_size(&shape)?;
    Ok(shape)
}

fn declared(inputs: &Inputs<'_>, input: usize, axis: usize) -> bool {
    let ty = inputs.ty(input).map(|ty| &**ty as &dyn std::any::Any);
    let lengths = ty.and_then(|ty| ty.downcast_ref::<TensorType>()).map(Type::extents);
    lengths.is_some_and(|lengths| lengths.get(axis) == Some(&Some(1)))
}

fn disagreement(a: &[usize], b: &[usize]) -> OpFailure {
    let (a, b) = (shape_text(a), shape_text(b));
    OpFailure::Shapes(format!(
        "shapes {a} and {b} do not fit; an axis broadcasts only if its type says that its length is 1"
    ))
}

/// The strides of a tensor over a common shape: zero along the axes that are repeated.
pub(crate) fn spread(tensor: &Tensor, shape: &[usize]) -> Extents {
    let own = tensor.shape().iter().zip(tensor.strides());
    own.zip(shape).map(|((&length, &stride), &common)| if length == common { stride } else { 0 }).collect()
}
