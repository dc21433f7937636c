//! The part of a tensor that an index names: its layout at run time, its static lengths, its elements.

use kronograph_graph::{BuildError, Dim, Io, OpError, OpFailure, Props, Result, Shape, Variable};
use smallvec::SmallVec;

use super::AxisIndex;
use crate::tensor::{Extents, shape_text, tensor_type};

/// An index that is impossible at run time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("index {index} is out of range on axis {axis} of shape {shape}")]
struct OutOfRange {
    index: i64,
    axis: usize,
    shape: String,
}

impl OpError for OutOfRange {}

/// What a slice selects of an axis: first position, count, step.
#[derive(Clone, Copy)]
struct Range {
    first: usize,
    count: usize,
    step: i64,
}

impl Range {
    /// Python's rule for slices, including negative steps.
    fn of(start: Option<i64>, stop: Option<i64>, step: i64, length: usize) -> Self {
        let length = i64::try_from(length).unwrap_or(i64::MAX);
        let (low, high) = if step > 0 { (0, length) } else { (-1, length - 1) };
        let place = |position: i64| {
            let from_start = if position < 0 { position.saturating_add(length) } else { position };
            from_start.clamp(low, high)
        };
        let (default_start, default_stop) = if step > 0 { (low, high) } else { (high, low) };
        let (first, last) = (start.map_or(default_start, place), stop.map_or(default_stop, place));
        let span = if step > 0 { last - first } else { first - last };
        let count = if span > 0 { (span - 1) / step.saturating_abs() + 1 } else { 0 };
        Self { first: first.max(0) as usize, count: count as usize, step }
    }
}

/// The position from the start; `None` when out of range.
fn position(index: i64, length: usize) -> Option<usize> {
    let length = i64::try_from(length).ok()?;
    let from_start = if index < 0 { index.checked_add(length)? } else { index };
    (0..length).contains(&from_start).then_some(from_start as usize)
}

/// The part that an index names, as a layout of storage: an offset, a shape, and steps that may be negative.
pub(super) struct Part {
    pub(super) offset: usize,
    pub(super) shape: Extents,
    pub(super) steps: SmallVec<[i64; 4]>,
}

pub(super) fn part_at_run_time(
    axes: &[AxisIndex],
    shape: &[usize],
    strides: &[usize],
    io: &Io<'_>,
    from: usize,
) -> Result<Part, Box<dyn OpError>> {
    let mut part = Part { offset: 0, shape: Extents::new(), steps: SmallVec::new() };
    let mut scalar = from;
    let mut next = || {
        scalar += 1;
        io.inputs.value(scalar - 1)?.as_index().ok_or(OpFailure::WrongValue(scalar - 1))
    };
    for (axis, (&length, &stride)) in shape.iter().zip(strides).enumerate() {
        let range = match axes.get(axis) {
            Some(AxisIndex::At(index)) => {
                let out = || OutOfRange { index: *index, axis, shape: shape_text(shape) };
                part.offset += position(*index, length).ok_or_else(out)? * stride;
                continue;
            }
            Some(AxisIndex::Slice { start, stop, step }) => Range::of(*start, *stop, *step, length),
            Some(AxisIndex::Between) => Range::of(Some(next()?), Some(next()?), 1, length),
            None => Range::of(None, None, 1, length),
        };
        if range.count > 0 {
            part.offset += range.first * stride;
        }
        part.shape.push(range.count);
        part.steps.push(if range.count > 1 { range.step * stride as i64 } else { 0 });
    }
    Ok(part)
}

/// The static lengths of the part.
pub(super) fn static_part(op: &'static str, inputs: &[Variable], axes: &[AxisIndex]) -> Result<Vec<Option<usize>>> {
    let ty = tensor_type(op, &inputs[0])?;
    if axes.len() > ty.rank() {
        return Err(BuildError::inputs(op, &inputs[..1], format!("{} indices are too many for it", axes.len())));
    }
    let mut lengths = Vec::with_capacity(ty.rank());
    for (axis, length) in ty.lengths().iter().enumerate() {
        lengths.push(match (axes.get(axis), length) {
            (Some(AxisIndex::At(index)), Some(length)) if position(*index, *length).is_none() => {
                let rule = format!("index {index} is out of range on axis {axis}");
                return Err(BuildError::inputs(op, &inputs[..1], rule));
            }
            (Some(AxisIndex::At(_)), _) => continue,
            (Some(AxisIndex::Slice { start, stop, step }), Some(length)) => {
                Some(Range::of(*start, *stop, *step, *length).count)
            }
            (Some(AxisIndex::Slice { .. } | AxisIndex::Between), _) => None,
            (None, length) => *length,
        });
    }
    Ok(lengths)
}

pub(super) fn check_inputs(op: &'static str, inputs: &[Variable], axes: &[AxisIndex], tensors: usize) -> Result<()> {
    let scalars = 2 * axes.iter().filter(|axis| **axis == AxisIndex::Between).count();
    if inputs.len() != tensors + scalars {
        return Err(BuildError::arity(op, tensors + scalars, inputs));
    }
    Ok(())
}

pub(super) fn index_prop(axes: &[AxisIndex]) -> Props {
    let text = |axis: &AxisIndex| match axis {
        AxisIndex::At(index) => index.to_string(),
        AxisIndex::Slice { start, stop, step } => {
            let place = |position: &Option<i64>| position.map_or(String::new(), |position| position.to_string());
            format!("{}:{}:{step}", place(start), place(stop))
        }
        AxisIndex::Between => "i:i:1".to_owned(),
    };
    Props::default().with("index", axes.iter().map(text).collect::<Vec<_>>().join(" "))
}

pub(super) fn part_dims(axes: &[AxisIndex], x: &Shape) -> Shape {
    let mut dims = Shape::new();
    for (axis, dim) in x.iter().enumerate() {
        dims.push(match axes.get(axis) {
            Some(AxisIndex::At(_)) => continue,
            Some(AxisIndex::Slice { start: None, stop: None, step: 1 }) | None => dim.clone(),
            Some(AxisIndex::Slice { start, stop, step }) => {
                dim.known().map_or(Dim::UNKNOWN, |length| Dim::from(Range::of(*start, *stop, *step, length).count))
            }
            Some(AxisIndex::Between) => Dim::UNKNOWN,
        });
    }
    dims
}

/// Visits the elements of a part in row-major order: their number, their place in storage, and their indices.
pub(super) fn walk(part: &Part, mut visit: impl FnMut(usize, usize, &[usize])) {
    let mut counters: Extents = SmallVec::from_elem(0, part.shape.len());
    for at in 0..part.shape.iter().product() {
        let moved: i64 = counters.iter().zip(&part.steps).map(|(&counter, &step)| counter as i64 * step).sum();
        visit(at, (part.offset as i64 + moved) as usize, &counters);
        for (counter, &length) in counters.iter_mut().zip(&part.shape).rev() {
            *counter += 1;
            if *counter < length {
                break;
            }
            *counter = 0;
        }
    }
}
