//! Reductions over axes: what they share, and the list of them.
//!
//! One family, one file. The reduced axes are dropped; `expand_dims` brings them back with length 1. A reduction of
//! nothing is the neutral element where there is one (sum 0, product 1, any false, all true, logsumexp minus
//! infinity), NaN for a mean, and an error for an extremum. Floats are accumulated in f64, integers and truth values
//! in i64.

use kronograph_graph::{BuildError, Entry, NodeSpec, Params, Prop, Result, Sample, Variable, shape_of};
use smallvec::SmallVec;

use crate::dtype::DType;
use crate::layout::{broadcast_to, expand_dims};
use crate::params::{axes_of, only};
use crate::samples::{broadcasting, dense, given, narrowed, spread_over};
use crate::tensor::{TensorType, tensor_type};

mod arg;
mod bincount;
mod cumulative;
mod extremum;
mod fold;
mod logsumexp;
mod moments;
mod prod;
mod recurrence;
mod softmax;
mod sum;
mod truth;

pub use arg::{ArgExtremum, argmax, argmax_axes, argmin, argmin_axes};
pub use bincount::{BinCount, bincount};
pub use cumulative::{Cumulative, cumprod, cumsum};
pub(crate) use extremum::Ordered;
pub use extremum::{Extremum, max, max_axes, min, min_axes};
pub(crate) use fold::Slices;
pub use logsumexp::{LogSumExp, logsumexp, logsumexp_axes};
pub use moments::{mean, mean_axes, std, std_axes, var, var_axes};
pub use prod::{Prod, prod, prod_axes, prod_without_zeros};
pub use recurrence::{LinearRecurrence, linear_recurrence};
pub use softmax::{Softmax, log_softmax, log_softmax_axes, softmax, softmax_axes};
pub use sum::{Sum, sum, sum_axes};
pub use truth::{Truth, all, all_axes, any, any_axes};

type Axes = SmallVec<[usize; 4]>;

/// The entries of this folder: PyTensor's `axis` (all if absent; one or several; negative from the end), `keepdims`.
pub(crate) fn entries() -> Vec<Entry> {
    [
        sum::entries(),
        prod::entries(),
        moments::entries(),
        extremum::entries(),
        arg::entries(),
        truth::entries(),
        logsumexp::entries(),
        softmax::entries(),
        cumulative::entries(),
        recurrence::entries(),
        bincount::entries(),
    ]
    .concat()
}

#[track_caller]
fn all_axes_of(op: &'static str, x: &Variable) -> Result<Vec<usize>> {
    Ok((0..tensor_type(op, x)?.rank()).collect())
}

#[track_caller]
fn sorted_axes(op: &'static str, x: &Variable, axes: &[usize]) -> Result<Axes> {
    let rank = tensor_type(op, x)?.rank();
    let mut sorted: Axes = axes.into();
    sorted.sort_unstable();
    if sorted.windows(2).any(|pair| pair[0] == pair[1]) || sorted.last().is_some_and(|&axis| axis >= rank) {
        let rule = format!("axes {axes:?} are not different axes of it");
        return Err(BuildError::inputs(op, std::slice::from_ref(x), rule));
    }
    Ok(sorted)
}

fn kept<T: Clone>(all: &[T], axes: &Axes) -> SmallVec<[T; 4]>
where
    [T; 4]: smallvec::Array<Item = T>,
{
    all.iter().enumerate().filter(|(axis, _)| !axes.contains(axis)).map(|(_, item)| item.clone()).collect()
}

/// A reduced tensor repeated along the axes that were dropped.
fn spread_back(reduced: &Variable, like: &Variable, axes: &Axes) -> Result<Variable> {
    broadcast_to(&expand_dims(reduced, axes)?, shape_of(like))
}

/// The type of a reduced tensor, for an op of one input.
fn reduced_type(op: &'static str, inputs: &[Variable], axes: &Axes, dtype: fn(DType) -> DType) -> Result<NodeSpec> {
    let [x] = inputs else { return Err(BuildError::arity(op, 1, inputs)) };
    let ty = tensor_type(op, x)?;
    if axes.iter().any(|&axis| axis >= ty.rank()) {
        return Err(BuildError::inputs(op, inputs, format!("axes {axes:?} are not different axes of it")));
    }
    Ok(NodeSpec::one(TensorType::shared(dtype(ty.dtype()), &kept(ty.lengths(), axes))))
}

/// Builds a reduction from what a registry is asked with.
fn build(
    op: &'static str,
    params: &Params<'_>,
    inputs: &[Variable],
    reduce: impl Fn(&Variable, &[usize]) -> Result<Variable>,
) -> Result<Vec<Variable>> {
    let x = only(params, inputs)?;
    let axes = axes_of(op, params, x)?;
    let y = reduce(x, &axes)?;
    if !params.flag("keepdims")? {
        return Ok(vec![y]);
    }
    Ok(vec![expand_dims(&y, &sorted_axes(op, x, &axes)?)?])
}

/// The axes that an op printed.
fn printed_axes(params: &Params<'_>) -> Result<Axes> {
    Ok(Axes::from_vec(params.sizes("axes")?))
}

/// Samples over each kind of choice of axes, and shapes without elements, for a function that is smooth on `range`.
fn samples_on(range: (f64, f64)) -> Vec<Sample> {
    let x = || [dense(&[2, 3, 2], range, 1)];
    let mut samples: Vec<Sample> = [&[][..], &[0], &[-1], &[0, 2], &[2, 1], &[0, 1, 2]]
        .iter()
        .map(|axes| Sample::new(format!("over {axes:?}"), x()).with("axis", Prop::Ints(axes.to_vec())))
        .collect();
    samples.push(Sample::new("over all", x()).with("axis", Prop::None));
    samples.push(Sample::new("keeping the axis", x()).with("axis", 1i64).with("keepdims", true));
    samples.push(Sample::new("a scalar", [dense(&[], range, 1)]));
    samples.push(Sample::new("a declared length of 1", [broadcasting(spread_over(&[3, 1], range, 1), &[1])]));
    samples.push(Sample::new("many elements", [dense(&[5, 67], range, 1)]).with("axis", 1i64));
    samples.push(Sample::new("no results", [dense(&[0, 3], range, 1)]).with("axis", 1i64));
    samples.push(Sample::new("f32", [narrowed(&spread_over(&[2, 3], range, 1))]).with("axis", 0i64).single());
    samples.push(Sample::new("f32, one run", [narrowed(&spread_over(&[2, 3], range, 1))]).with("axis", 1i64).single());
    samples
}

/// Samples of the dtypes other than floats.
fn discrete_samples() -> [Sample; 4] {
    [
        Sample::new("integers", [given(vec![1i64, 3, 2])]).edge(),
        Sample::new("small integers", [given(vec![100i8, 100, -3])]).edge(),
        Sample::new("small integers without sign", [given(vec![200u8, 100, 0])]).edge(),
        Sample::new("truth values", [given(vec![true, false, true])]).edge(),
    ]
}
