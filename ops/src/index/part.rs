//! The part of a tensor that slices and integers name: its layout at run time, and its static lengths.

use kronograph_graph::{BuildError, Dim, Inputs, OpError, OpFailure, Result, Shape, Variable};

use super::axis::{AxisIndex, Place};
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

/// What a slice selects of an axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Range {
    /// The first position.
    pub first: usize,
    /// How many there are.
    pub count: usize,
    /// How far one is from the one before.
    pub step: i64,
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

    /// The range of a slice whose ends are numbers.
    fn known(start: Option<Place>, stop: Option<Place>, step: i64, length: usize) -> Option<Self> {
        let number = |end: Option<Place>| match end {
            None => Some(None),
            Some(Place::Known(position)) => Some(Some(position)),
            Some(Place::Input) => None,
        };
        Some(Self::of(number(start)?, number(stop)?, step, length))
    }
}

/// The position from the start; `None` when out of range.
fn position(index: i64, length: usize) -> Option<usize> {
    let length = i64::try_from(length).ok()?;
    let from_start = if index < 0 { index.checked_add(length)? } else { index };
    (0..length).contains(&from_start).then_some(from_start as usize)
}

/// The position from the start on an axis of a shape.
///
/// # Errors
///
/// When it is out of range.
#[inline]
pub fn position_on(axis: usize, index: i64, shape: &[usize]) -> Result<usize, Box<dyn OpError>> {
    match position(index, shape[axis]) {
        Some(position) => Ok(position),
        None => Err(OutOfRange { index, axis, shape: shape_text(shape) }.into()),
    }
}

/// The inputs of a running node from the first one on that an index reads.
#[derive(Clone, Debug)]
pub struct Reading<'a, 'b> {
    pub(super) inputs: &'a Inputs<'b>,
    next: usize,
}

impl<'a, 'b> Reading<'a, 'b> {
    /// From an input on.
    pub fn new(inputs: &'a Inputs<'b>, from: usize) -> Self {
        Self { inputs, next: from }
    }

    /// The position of the next input.
    #[allow(clippy::should_implement_trait, reason = "it never ends")]
    pub fn next(&mut self) -> usize {
        self.next += 1;
        self.next - 1
    }

    pub(super) fn place(&mut self, place: Place) -> Result<i64, OpFailure> {
        match place {
            Place::Known(position) => Ok(position),
            Place::Input => {
                let input = self.next();
                self.inputs.value(input)?.as_index().ok_or(OpFailure::WrongValue(input))
            }
        }
    }

    fn end(&mut self, end: Option<Place>) -> Result<Option<i64>, OpFailure> {
        end.map(|place| self.place(place)).transpose()
    }

    /// What a slice selects of an axis of some length; all of it if there is no slice.
    ///
    /// # Errors
    ///
    /// When an input that is an end is no integer.
    pub fn range(&mut self, index: Option<&AxisIndex>, length: usize) -> Result<Range, OpFailure> {
        Ok(match index {
            Some(AxisIndex::Slice { start, stop, step }) => {
                Range::of(self.end(*start)?, self.end(*stop)?, *step, length)
            }
            _ => Range::of(None, None, 1, length),
        })
    }
}

/// The part that an index names, as a layout of storage: an offset, a shape, and steps, where a negative one comes in
/// two's complement.
#[derive(Default)]
pub(super) struct Part {
    pub(super) offset: usize,
    pub(super) shape: Extents,
    pub(super) steps: Extents,
}

impl Part {
    /// Leaves an axis whole, or takes a slice of it.
    pub(super) fn slice(
        &mut self,
        index: Option<&AxisIndex>,
        (length, stride): (usize, usize),
        reading: &mut Reading<'_, '_>,
    ) -> Result<(), OpFailure> {
        let range = reading.range(index, length)?;
        if range.count > 0 {
            self.offset += range.first * stride;
        }
        self.shape.push(range.count);
        self.steps.push(if range.count > 1 { (range.step as usize).wrapping_mul(stride) } else { 0 });
        Ok(())
    }

    /// The part that integers and slices name.
    pub(super) fn of(
        axes: &[AxisIndex],
        shape: &[usize],
        strides: &[usize],
        mut reading: Reading<'_, '_>,
    ) -> Result<Self, Box<dyn OpError>> {
        let mut part = Part::default();
        for (axis, (&length, &stride)) in shape.iter().zip(strides).enumerate() {
            match axes.get(axis) {
                Some(AxisIndex::At(at)) => part.offset += position_on(axis, reading.place(*at)?, shape)? * stride,
                index => part.slice(index, (length, stride), &mut reading)?,
            }
        }
        Ok(part)
    }
}

/// The static length that an index leaves of an axis; `None` where it drops the axis.
///
/// # Errors
///
/// When a known position is out of a known range.
#[track_caller]
pub fn static_length(
    op: &'static str,
    x: &Variable,
    axis: usize,
    index: Option<&AxisIndex>,
) -> Result<Option<Option<usize>>> {
    let length = x.ty().extents()[axis];
    Ok(match (index, length) {
        (Some(AxisIndex::At(Place::Known(index))), Some(length)) if position(*index, length).is_none() => {
            let rule = format!("index {index} is out of range on axis {axis}");
            return Err(BuildError::inputs(op, std::slice::from_ref(x), rule));
        }
        (Some(AxisIndex::Slice { start, stop, step }), Some(length)) => {
            Some(Range::known(*start, *stop, *step, length).map(|range| range.count))
        }
        (Some(AxisIndex::Slice { start: None, stop: None, step: 1 | -1 }), None) | (None, None) => Some(None),
        (Some(AxisIndex::Slice { .. }), None) => Some(None),
        (None, length) => Some(length),
        (Some(AxisIndex::At(_) | AxisIndex::Array | AxisIndex::Mask), _) => None,
    })
}

/// The static lengths of the part that integers and slices name.
pub(super) fn static_part(op: &'static str, x: &Variable, axes: &[AxisIndex]) -> Result<Vec<Option<usize>>> {
    let rank = tensor_type(op, x)?.rank();
    check_rank(op, x, axes.len())?;
    if axes.iter().any(|axis| axis.is_array()) {
        return Err(BuildError::parameter(op, "arrays and masks are indices of the advanced op"));
    }
    let lengths = (0..rank).map(|axis| static_length(op, x, axis, axes.get(axis)));
    Ok(lengths.collect::<Result<Vec<_>>>()?.into_iter().flatten().collect())
}

#[track_caller]
pub(super) fn check_rank(op: &'static str, x: &Variable, indexed: usize) -> Result<()> {
    let rank = x.ty().extents().len();
    if indexed <= rank {
        return Ok(());
    }
    let rule = format!("{indexed} indices are too many for {rank} axes");
    Err(BuildError::inputs(op, std::slice::from_ref(x), rule))
}

/// The length that a slice leaves of an axis.
pub fn slice_dim(index: Option<&AxisIndex>, dim: &Dim) -> Dim {
    match index {
        Some(AxisIndex::Slice { start: None, stop: None, step: 1 | -1 }) | None => dim.clone(),
        Some(AxisIndex::Slice { start, stop, step }) => {
            let range = dim.known().and_then(|length| Range::known(*start, *stop, *step, length));
            range.map_or(Dim::UNKNOWN, |range| Dim::from(range.count))
        }
        Some(AxisIndex::At(_) | AxisIndex::Array | AxisIndex::Mask) => Dim::UNKNOWN,
    }
}

/// The lengths of the part that integers and slices name.
pub(super) fn part_dims(axes: &[AxisIndex], x: &Shape) -> Shape {
    let kept = |axis: &usize| !matches!(axes.get(*axis), Some(AxisIndex::At(_)));
    (0..x.len()).filter(kept).map(|axis| slice_dim(axes.get(axis), &x[axis])).collect()
}
