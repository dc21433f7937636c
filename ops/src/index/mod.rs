//! Basic indexing: integers and slices, and its adjoint.
//!
//! Positions count from the end when they are negative. A slice that reaches outside is cut; an integer that does is
//! an error, at run time. A position that depends on lengths (`Index::between`) is an i64 scalar input of the op.

use kronograph_graph::{BuildError, Dim, Result, Variable};
use smallvec::SmallVec;

use crate::layout::dim_variable;
use crate::tensor::tensor_type;

mod inc_subtensor;
mod part;
mod subtensor;

pub use inc_subtensor::{IncSubtensor, inc_subtensor};
pub use subtensor::{Subtensor, slice, subtensor};

/// How one axis is indexed.
#[derive(Clone, Debug)]
pub struct Index(Kind);

#[derive(Clone, Debug)]
enum Kind {
    At(i64),
    Slice { start: Option<i64>, stop: Option<i64>, step: i64 },
    Between(Dim, Dim),
}

impl Index {
    /// The whole axis.
    pub const ALL: Self = Self(Kind::Slice { start: None, stop: None, step: 1 });

    /// One position; the axis is dropped.
    pub fn at(position: i64) -> Self {
        Self(Kind::At(position))
    }

    /// From `start` up to, but not including, `stop`, every `step`-th; as in Python.
    pub fn slice(start: impl Into<Option<i64>>, stop: impl Into<Option<i64>>, step: i64) -> Self {
        Self(Kind::Slice { start: start.into(), stop: stop.into(), step })
    }

    /// From one dimension up to another.
    pub fn between(start: Dim, stop: Dim) -> Self {
        match (start.known(), stop.known()) {
            (Some(start), Some(stop)) => Self::slice(start as i64, stop as i64, 1),
            _ => Self(Kind::Between(start, stop)),
        }
    }
}

/// One axis of an index, as part of an op.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum AxisIndex {
    At(i64),
    Slice {
        start: Option<i64>,
        stop: Option<i64>,
        step: i64,
    },
    /// Start and stop are the next two scalar inputs.
    Between,
}

type LoweredIndex = (SmallVec<[AxisIndex; 4]>, Vec<Variable>);

fn lower(op: &'static str, x: &Variable, index: &[Index]) -> Result<LoweredIndex> {
    let rank = tensor_type(op, x)?.rank();
    if index.len() > rank {
        let rule = format!("{} indices are too many for {rank} axes", index.len());
        return Err(BuildError::inputs(op, std::slice::from_ref(x), rule));
    }
    let (mut axes, mut scalars) = (SmallVec::new(), Vec::new());
    for index in index {
        axes.push(match &index.0 {
            Kind::At(position) => AxisIndex::At(*position),
            Kind::Slice { step: 0, .. } => return Err(BuildError::parameter(op, "the step of a slice cannot be zero")),
            Kind::Slice { start, stop, step } => AxisIndex::Slice { start: *start, stop: *stop, step: *step },
            Kind::Between(start, stop) => {
                scalars.extend([dim_variable(start)?, dim_variable(stop)?]);
                AxisIndex::Between
            }
        });
    }
    Ok((axes, scalars))
}
