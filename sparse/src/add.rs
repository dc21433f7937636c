//! The sum of two sparse matrices.

use std::borrow::Cow;
use std::sync::Arc;

use kronograph_graph::{
    BuildError, Entry, Grads, Io, NodeSpec, NodeView, Op, OpFailure, OpResult, OpState, Params, Props, Result, Sample,
    Shape, Tangents, Variable, apply, origin,
};
use kronograph_ops::params::exactly;

use crate::cast::sparse_cast;
use crate::clean::SlotFilter;
use crate::format::to_format;
use crate::kept::Kept;
use crate::matrix::{Format, SparseError, SparseMatrix};
use crate::number::{Number, each_number};
use crate::pattern::Pattern;
use crate::samples::{Build, op, overlapping};
use crate::ty::{SparseType, check_same_shape, same_shape, sparse_type};

/// `X + Y` on the union of the patterns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AddSS {
    /// Whether entries that cancel stay stored as zeros.
    keep_zeros: bool,
}

/// `X + Y` of sparse matrices of one shape, in the format of X and the dtype that both convert to (PyTensor:
/// `add_s_s`). The result stores the union of both patterns, sorted, but for entries that cancel. Explicit zeros stay,
/// unlike PyTensor's: a matrix such as `I - ρ W` has the pattern of W at ρ = 0 too, where the derivative of its
/// factor, which is structured, would lose it.
///
/// Derivatives: G to both, regular.
///
/// # Errors
///
/// When an operand is no sparse matrix, or the shapes differ: a row does not broadcast.
#[track_caller]
pub fn add_s_s(x: &Variable, y: &Variable) -> Result<Variable> {
    sum(x, y, AddSS { keep_zeros: false })
}

/// The same with what cancels, so that the pattern depends on patterns only: for sums of cotangents.
#[track_caller]
pub(crate) fn accumulated(x: &Variable, y: &Variable) -> Result<Variable> {
    sum(x, y, AddSS { keep_zeros: true })
}

/// The sum of two terms of a sparse tangent, either of which may be missing, with all zeros.
pub(crate) fn sum_of_terms(terms: [Option<Variable>; 2]) -> Result<Option<Variable>> {
    match terms {
        [Some(x), Some(y)] => accumulated(&x, &y).map(Some),
        [x, y] => Ok(x.or(y)),
    }
}

#[track_caller]
fn sum(x: &Variable, y: &Variable, op: AddSS) -> Result<Variable> {
    let _scope = origin::here();
    let (a, b) = (sparse_type("add_s_s", x)?, sparse_type("add_s_s", y)?);
    same_shape("add_s_s", &[x.clone(), y.clone()], a.shape(), b.shape())?;
    let dtype = a.dtype().promote(b.dtype());
    apply(op, &[sparse_cast(x, dtype)?, sparse_cast(&to_format(y, a.format())?, dtype)?])
}

/// The entry of this file.
pub(crate) fn entries() -> Vec<Entry> {
    let build: Build = |params, inputs| {
        let [x, y] = exactly(params, inputs)?;
        Ok(vec![sum(x, y, op_of(params)?)?])
    };
    let samples = |format: Format| {
        let kept = overlapping(format).into_iter().map(|sample| {
            let name = format!("{}, zeros kept", sample.name);
            Sample { name: name.into(), ..sample }.with("keep_zeros", true)
        });
        [overlapping(format), kept.collect()].concat()
    };
    vec![op("add_s_s", build, samples, |params| Ok(Arc::new(op_of(params)?)))]
}

fn op_of(params: &Params<'_>) -> Result<AddSS> {
    Ok(AddSS { keep_zeros: params.flag("keep_zeros")? })
}

/// The union of two patterns, and where the slots of each are in it.
#[derive(Debug)]
struct Union {
    pattern: Arc<Pattern>,
    slots: [Vec<u32>; 2],
}

impl Union {
    fn of(x: &Arc<Pattern>, y: &Arc<Pattern>) -> Result<Self, OpFailure> {
        let shared = x == y && x.is_sorted();
        let pattern = if shared { x.clone() } else { Arc::new(Pattern::union(&[x, y]).map_err(SparseError::failure)?) };
        let slots = [x.slots_in(&pattern), y.slots_in(&pattern)];
        Ok(Self { pattern, slots })
    }
}

impl Op for AddSS {
    fn name(&self) -> Cow<'static, str> {
        "add_s_s".into()
    }

    fn props(&self) -> Props {
        Props::default().with("keep_zeros", self.keep_zeros)
    }

    fn make_node(&self, inputs: &[Variable]) -> Result<NodeSpec> {
        let [x, y] = inputs else { return Err(BuildError::arity("add_s_s", 2, inputs)) };
        let (a, b) = (sparse_type("add_s_s", x)?, sparse_type("add_s_s", y)?);
        if (a.format(), a.dtype()) != (b.format(), b.dtype()) {
            return Err(BuildError::inputs("add_s_s", inputs, "formats and dtypes must be equal"));
        }
        let shape = same_shape("add_s_s", inputs, a.shape(), b.shape())?;
        Ok(NodeSpec::one(SparseType::shared(a.format(), a.dtype(), shape)))
    }

    fn perform(&self, io: &mut Io<'_>) -> OpResult {
        let (state, inputs, outputs) = io.with_state::<State>()?;
        let (x, y) = (inputs.get::<SparseMatrix>(0)?, inputs.get::<SparseMatrix>(1)?);
        check_same_shape(&x.shape(), &y.shape())?;
        let union = state.union.of_patterns(&[x.pattern(), y.pattern()], || Union::of(x.pattern(), y.pattern()))?;
        let result = outputs[0].buffer::<SparseMatrix>();
        each_number!(x.dtype(), T => {
            let out = result.reset::<T>(x.format(), x.shape(), &union.pattern);
            out.fill(T::default());
            for (matrix, slots) in [x, y].into_iter().zip(&union.slots) {
                slots.iter().zip(matrix.slots::<T>()?).for_each(|(&slot, &value)| {
                    out[slot as usize] = out[slot as usize].plus(value);
                });
            }
            if !self.keep_zeros {
                let marks = state.cancelled.marks(out.len());
                // Where one of two terms is not zero and the sum is, they cancel.
                union.slots[0].iter().zip(x.slots::<T>()?).for_each(|(&slot, &value)| {
                    marks[slot as usize] = value == T::default() || out[slot as usize] != T::default();
                });
                state.cancelled.drop_unmarked(result)?;
            }
        });
        Ok(())
    }

    fn l_op(&self, _node: &NodeView<'_>, output_grads: &[Option<Variable>]) -> Result<Grads> {
        Ok(vec![output_grads[0].clone().into(); 2])
    }

    fn r_op(&self, _node: &NodeView<'_>, tangents: &[Option<Variable>]) -> Result<Tangents> {
        Ok(vec![sum_of_terms([tangents[0].clone(), tangents[1].clone()])?.into()])
    }

    fn infer_shape(&self, _node: &NodeView<'_>, input_shapes: &[Shape]) -> Result<Vec<Shape>> {
        Ok(vec![input_shapes[0].clone()])
    }

    fn state(&self) -> Option<Box<dyn OpState>> {
        Some(Box::<State>::default())
    }
}

/// The union of the patterns, and which entries cancelled.
#[derive(Debug, Default)]
struct State {
    union: Kept<Union>,
    cancelled: SlotFilter,
}

impl OpState for State {
    fn fork(&self) -> Box<dyn OpState> {
        Box::new(Self { union: self.union.forked(), cancelled: SlotFilter::default() })
    }

    fn counts(&self) -> Vec<(&'static str, u64)> {
        self.union.counts()
    }
}
