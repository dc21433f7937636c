//! Indexing as in NumPy: integers, slices, arrays of positions, masks; and writing to what they name.
//!
//! Positions count from the end when they are negative. A slice that reaches outside is cut; an integer that does is
//! an error: while building where the length is known, else at run time. A position that is a variable is an i64 scalar
//! input of the op. Integers and slices alone are the basic ops (`subtensor`, `inc_subtensor`), arrays and masks the
//! advanced ones.

use kronograph_graph::{Dim, Entry, Result, Variable, apply, origin};
use smallvec::SmallVec;

use crate::dtype::DType;
use crate::layout::dim_variable;
use crate::tensor::tensor_type;

mod advanced;
mod advanced_inc;
mod axis;
mod inc_subtensor;
mod last_writes;
mod nonzero;
mod part;
mod selection;
mod subtensor;
mod take;

pub use advanced::AdvancedSubtensor;
pub use advanced_inc::AdvancedIncSubtensor;
pub(crate) use axis::Axes;
pub use axis::{AxisIndex, Place, check_inputs, index_prop, parse_index};
pub use inc_subtensor::IncSubtensor;
pub(crate) use inc_subtensor::Write;
pub use last_writes::LastWrites;
pub use nonzero::{Nonzero, flatnonzero, nonzero};
pub use part::{Range, Reading, position_on, slice_dim, static_length};
pub use subtensor::Subtensor;
pub use take::{compress, segment_sum, take, take_along_axis};

/// How one axis is indexed, or several by a mask.
#[derive(Clone, Debug)]
pub struct Index(Kind);

#[derive(Clone, Debug)]
enum Kind {
    At(Position),
    Slice { start: Option<i64>, stop: Option<i64>, step: i64 },
    Between(Position, Position),
    Array(Variable),
}

/// A position along an axis: a number, a dimension, or an integer scalar variable.
#[derive(Clone, Debug)]
pub struct Position(Where);

#[derive(Clone, Debug)]
enum Where {
    Known(i64),
    Dim(Dim),
    Variable(Variable),
}

impl From<i64> for Position {
    fn from(position: i64) -> Self {
        Self(Where::Known(position))
    }
}

impl From<Dim> for Position {
    fn from(dim: Dim) -> Self {
        Self(dim.known().and_then(|length| i64::try_from(length).ok()).map_or(Where::Dim(dim), Where::Known))
    }
}

impl From<&Variable> for Position {
    fn from(scalar: &Variable) -> Self {
        Self(Where::Variable(scalar.clone()))
    }
}

impl Position {
    /// The place in the op, and the input that it stands for.
    fn lower(&self, inputs: &mut Vec<Variable>) -> Result<Place> {
        inputs.push(match &self.0 {
            Where::Known(position) => return Ok(Place::Known(*position)),
            Where::Dim(dim) => dim_variable(dim)?,
            Where::Variable(scalar) => scalar.clone(),
        });
        Ok(Place::Input)
    }
}

impl Index {
    /// The whole axis.
    pub const ALL: Self = Self(Kind::Slice { start: None, stop: None, step: 1 });

    /// One position; the axis is dropped.
    pub fn at(position: impl Into<Position>) -> Self {
        Self(Kind::At(position.into()))
    }

    /// From `start` up to, but not including, `stop`, every `step`-th; as in Python.
    pub fn slice(start: impl Into<Option<i64>>, stop: impl Into<Option<i64>>, step: i64) -> Self {
        Self(Kind::Slice { start: start.into(), stop: stop.into(), step })
    }

    /// From one position up to another, of which some are variables or lengths.
    pub fn between(start: impl Into<Position>, stop: impl Into<Position>) -> Self {
        Self(Kind::Between(start.into(), stop.into()))
    }

    /// The positions that an array of integers holds, or those at which a mask is true, row by row.
    ///
    /// Several arrays broadcast against each other (along axes of static length 1), and are walked together. Their axes
    /// come where the first of them stood; or first of all, where a slice stands between two of them. A mask takes
    /// as many axes as it has.
    pub fn array(positions: &Variable) -> Self {
        Self(Kind::Array(positions.clone()))
    }
}

/// An index as an op has it, and the inputs that it reads.
#[derive(Debug)]
pub struct Lowered {
    /// One for each leading axis; a mask may be of several.
    pub axes: SmallVec<[AxisIndex; 4]>,
    /// The inputs that they read, in their order.
    pub inputs: Vec<Variable>,
}

impl Lowered {
    fn is_advanced(&self) -> bool {
        self.axes.iter().any(|axis| axis.is_array())
    }
}

/// An index as an op has it.
///
/// # Errors
///
/// When the step of a slice is zero, or an array is no tensor.
#[track_caller]
pub fn lower(op: &'static str, index: &[Index]) -> Result<Lowered> {
    let (mut axes, mut inputs) = (Axes::new(), Vec::new());
    for index in index {
        axes.push(match &index.0 {
            Kind::At(position) => AxisIndex::At(position.lower(&mut inputs)?),
            Kind::Slice { step: 0, .. } => {
                let rule = "the step of a slice cannot be zero";
                return Err(kronograph_graph::BuildError::parameter(op, rule));
            }
            Kind::Slice { start, stop, step } => {
                AxisIndex::Slice { start: start.map(Place::Known), stop: stop.map(Place::Known), step: *step }
            }
            Kind::Between(start, stop) => {
                let (start, stop) = (start.lower(&mut inputs)?, stop.lower(&mut inputs)?);
                AxisIndex::Slice { start: Some(start), stop: Some(stop), step: 1 }
            }
            Kind::Array(positions) => {
                inputs.push(positions.clone());
                let is_mask = tensor_type(op, positions)?.dtype() == DType::Bool;
                if is_mask { AxisIndex::Mask } else { AxisIndex::Array }
            }
        });
    }
    Ok(Lowered { axes, inputs })
}

/// Part of `x`: one [`Index`] for each leading axis; the other axes stay whole.
///
/// A view where the index is of integers and slices of positive step, else a copy. The derivative puts the cotangent
/// among zeros; where a position is taken twice, its cotangents are added in the order of the result.
///
/// ```
/// use kronograph_ops::{DType, Index, matrix, subtensor, tensor};
/// let x = matrix("x");
/// let row = subtensor(&x, &[Index::at(-1)])?;
/// assert_eq!(row.ty().to_string(), "f64 (?,)");
/// let rows = subtensor(&x, &[Index::array(&tensor("i", DType::I64, &[Some(2)]))])?;
/// assert_eq!(rows.ty().to_string(), "f64 (2, ?)");
/// # Ok::<(), kronograph_graph::BuildError>(())
/// ```
///
/// # Errors
///
/// When there are more indices than axes, a step is zero, an integer is out of a statically known range, or an array is
/// of floats; at run time, when a position is out of range, arrays do not broadcast, or a mask has another shape than the
/// axes it is over.
#[track_caller]
pub fn subtensor(x: &Variable, index: &[Index]) -> Result<Variable> {
    let _scope = origin::here();
    tensor_type("subtensor", x)?;
    let lowered = lower("subtensor", index)?;
    let inputs = [std::slice::from_ref(x), &lowered.inputs[..]].concat();
    match lowered.is_advanced() {
        true => apply(AdvancedSubtensor { axes: lowered.axes }, &inputs),
        false => apply(Subtensor { axes: lowered.axes }, &inputs),
    }
}

/// Part of `x` along the first axis: `x[start:stop]`.
///
/// # Errors
///
/// When `x` is a scalar.
#[track_caller]
pub fn slice(x: &Variable, start: impl Into<Option<i64>>, stop: impl Into<Option<i64>>) -> Result<Variable> {
    subtensor(x, &[Index::slice(start, stop, 1)])
}

/// One axis of `x` indexed, the others whole: `x[.., index, ..]`.
#[track_caller]
pub(crate) fn index_axis(x: &Variable, axis: usize, index: Index) -> Result<Variable> {
    let mut all = vec![Index::ALL; axis];
    all.push(index);
    subtensor(x, &all)
}

/// `x` with `y` added to the part that the index names; `y` broadcasts to that part. What is added to one place
/// several times accumulates, in the order of `y`.
///
/// # Errors
///
/// As [`subtensor`]; also when `y` does not fit the part, or its dtype does not convert to that of `x` without loss.
#[track_caller]
pub fn inc_subtensor(x: &Variable, y: &Variable, index: &[Index]) -> Result<Variable> {
    write("inc_subtensor", Write::Add, [x, y], index)
}

/// `x` with the part that the index names replaced by `y`, which broadcasts to that part. Of several values for one
/// place the last one stays, and has the derivative: the others have none.
///
/// # Errors
///
/// As [`inc_subtensor`].
#[track_caller]
pub fn set_subtensor(x: &Variable, y: &Variable, index: &[Index]) -> Result<Variable> {
    write("set_subtensor", Write::Set, [x, y], index)
}

#[track_caller]
fn write(op: &'static str, write: Write, [x, y]: [&Variable; 2], index: &[Index]) -> Result<Variable> {
    let _scope = origin::here();
    tensor_type(op, x)?;
    let lowered = lower(op, index)?;
    let inputs = [&[x.clone(), y.clone()], &lowered.inputs[..]].concat();
    match lowered.is_advanced() {
        true => apply(AdvancedIncSubtensor { axes: lowered.axes, write }, &inputs),
        false => apply(IncSubtensor { axes: lowered.axes, write }, &inputs),
    }
}

/// The entries of this folder.
pub(crate) fn entries() -> Vec<Entry> {
    let files = [subtensor::entries, inc_subtensor::entries, advanced::entries, advanced_inc::entries];
    let more = [last_writes::entries, nonzero::entries, take::entries];
    files.into_iter().chain(more).flat_map(|entries| entries()).collect()
}
