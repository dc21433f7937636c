//! How an op names the part of each axis, and how that is printed and read back.

use kronograph_graph::{BuildError, Params, Prop, Props, Result, Variable};
use smallvec::SmallVec;

use crate::dtype::DType;
use crate::tensor::tensor_type;

/// A position along an axis.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Place {
    /// A number.
    Known(i64),
    /// The value of the next input, an integer scalar.
    Input,
}

/// One axis of an index, as part of an op.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum AxisIndex {
    /// One position; the axis is dropped.
    At(Place),
    /// Python's slice.
    Slice {
        /// The first position; that of the end where the step starts from if open.
        start: Option<Place>,
        /// The position behind the last one.
        stop: Option<Place>,
        /// Not zero.
        step: i64,
    },
    /// The next input: integers.
    Array,
    /// The next input: truth values, over as many axes as they have.
    Mask,
}

/// An index as part of an op: of the leading axes; the others stay whole.
pub(crate) type Axes = SmallVec<[AxisIndex; 4]>;

impl AxisIndex {
    /// How many inputs of the node it reads.
    pub fn inputs(self) -> usize {
        let input = |place: Option<Place>| usize::from(place == Some(Place::Input));
        match self {
            AxisIndex::At(place) => input(Some(place)),
            AxisIndex::Slice { start, stop, .. } => input(start) + input(stop),
            AxisIndex::Array | AxisIndex::Mask => 1,
        }
    }

    pub(super) fn is_array(self) -> bool {
        matches!(self, AxisIndex::Array | AxisIndex::Mask)
    }

    pub(super) fn is_slice(self) -> bool {
        matches!(self, AxisIndex::Slice { .. })
    }
}

/// Checks that a node has an input for each place that is one, of the kind that is needed; `tensors` come before them.
///
/// # Errors
///
/// When there are more or fewer, or one is of another kind.
#[track_caller]
pub fn check_inputs(op: &'static str, inputs: &[Variable], axes: &[AxisIndex], tensors: usize) -> Result<()> {
    let want = tensors + axes.iter().map(|axis| axis.inputs()).sum::<usize>();
    if inputs.len() != want {
        return Err(BuildError::arity(op, want, inputs));
    }
    let mut rest = inputs[tensors..].iter();
    for axis in axes {
        for input in rest.by_ref().take(axis.inputs()) {
            let (dtype, rank) = tensor_type(op, input).map(|ty| (ty.dtype(), ty.rank()))?;
            let is_integer = dtype != DType::Bool && !dtype.is_float();
            let (fits, rule) = match axis {
                AxisIndex::At(_) | AxisIndex::Slice { .. } => (is_integer && rank == 0, "a position is an integer"),
                AxisIndex::Array => (is_integer, "an array of positions holds integers"),
                AxisIndex::Mask => (dtype == DType::Bool && rank > 0, "a mask holds truth values, along axes"),
            };
            if !fits {
                return Err(BuildError::inputs(op, std::slice::from_ref(input), rule));
            }
        }
    }
    Ok(())
}

/// An index as a parameter: `[1, [none, 4, 2], input, array, mask]`.
pub fn index_prop(axes: &[AxisIndex]) -> Prop {
    let place = |place: Place| match place {
        Place::Known(position) => Prop::Int(position),
        Place::Input => "input".into(),
    };
    let open = |end: Option<Place>| end.map_or(Prop::None, place);
    let prop = |axis: &AxisIndex| match *axis {
        AxisIndex::At(at) => place(at),
        AxisIndex::Slice { start, stop, step } => Prop::list(vec![open(start), open(stop), Prop::Int(step)]),
        AxisIndex::Array => "array".into(),
        AxisIndex::Mask => "mask".into(),
    };
    Prop::list(axes.iter().map(prop).collect())
}

/// Reads what [`index_prop`] makes, and what PyTensor's indices look like: an integer, `[start, stop, step]` with
/// `none` for what is left open, `slice` for a whole axis, `array`, `mask`.
///
/// # Errors
///
/// When the parameter is absent or looks otherwise, or the step of a slice is zero.
#[track_caller]
pub fn parse_index(params: &Params<'_>, name: &str) -> Result<SmallVec<[AxisIndex; 4]>> {
    let missing = || params.wrong(name, "a list of indices", &Prop::None);
    let list = params.maybe_list(name)?.ok_or_else(missing)?;
    let place = |prop: &Prop| match prop {
        Prop::Int(position) => Ok(Place::Known(*position)),
        Prop::Word(word) if word == "input" => Ok(Place::Input),
        other => Err(params.wrong(name, "made of positions and slices", other)),
    };
    let open = |prop: &Prop| if *prop == Prop::None { Ok(None) } else { place(prop).map(Some) };
    let slice = |ends: &[Prop]| match ends {
        [_, _, Prop::Int(0)] => Err(params.wrong(name, "slices whose step is not zero", &Prop::Int(0))),
        [start, stop, Prop::Int(step)] => Ok(AxisIndex::Slice { start: open(start)?, stop: open(stop)?, step: *step }),
        [start, stop, Prop::None] => Ok(AxisIndex::Slice { start: open(start)?, stop: open(stop)?, step: 1 }),
        other => Err(params.wrong(name, "made of slices of a start, a stop and a step", &Prop::list(other.to_vec()))),
    };
    let axis = |member: &Prop| match member {
        Prop::List(ends) => slice(ends),
        Prop::Ints(ends) => slice(&ends.iter().map(|&end| Prop::Int(end)).collect::<Vec<_>>()),
        Prop::Word(word) => match &**word {
            "array" => Ok(AxisIndex::Array),
            "mask" | "mask_axis0" => Ok(AxisIndex::Mask),
            "slice" => Ok(AxisIndex::Slice { start: None, stop: None, step: 1 }),
            _ => place(member).map(AxisIndex::At),
        },
        other => place(other).map(AxisIndex::At),
    };
    list.iter().map(axis).collect()
}

/// The parameters of an op that has an index and nothing else.
pub(super) fn index_props(name: &'static str, axes: &[AxisIndex]) -> Props {
    Props::default().with(name, index_prop(axes))
}
