//! The order of elements: sorting, positions in it, places in a sorted vector.
//!
//! The ops work along the last axis; another one is brought there by views. NaN stands behind all numbers.

mod argsort;
mod searchsorted;
mod sorted;

use std::cmp::Ordering;

use kronograph_graph::{Entry, Params, Prop, Result, Sample, Variable};

pub use argsort::{ArgSort, argsort};
pub use searchsorted::{SearchSorted, Side, searchsorted};
pub use sorted::{Sort, sort};

use crate::layout::{moveaxis, ravel};
use crate::params::{axis_of, only};
use crate::reduce::Ordered;
use crate::samples::{dense, given, shaped};
use crate::tensor::{checked_rank, tensor_type};

/// The entries of this folder.
pub(crate) fn entries() -> Vec<Entry> {
    [sorted::entries(), argsort::entries(), searchsorted::entries()].concat()
}

fn order<T: Ordered>(a: T, b: T) -> Ordering {
    match () {
        () if b.above(a) => Ordering::Less,
        () if a.above(b) => Ordering::Greater,
        () => Ordering::Equal,
    }
}

/// Applies to an axis what works along the last one; without an axis, to the elements in row-major order.
#[track_caller]
fn along(
    op: &'static str,
    x: &Variable,
    axis: Option<usize>,
    apply: impl Fn(&Variable) -> Result<Variable>,
) -> Result<Variable> {
    let Some(axis) = axis else {
        tensor_type(op, x)?;
        return apply(&ravel(x)?);
    };
    let last = [checked_rank(op, x, &[axis])? - 1];
    if axis == last[0] {
        return apply(x);
    }
    moveaxis(&apply(&moveaxis(x, &[axis], &last)?)?, &last, &[axis])
}

/// The input and the axis that the registry is asked with: the last one where the parameter is absent, none where it is
/// `none`.
fn input_and_axis<'a>(
    op: &'static str,
    params: &Params<'_>,
    inputs: &'a [Variable],
) -> Result<(&'a Variable, Option<usize>)> {
    let x = only(params, inputs)?;
    if params.is_none("axis") {
        return Ok((x, None));
    }
    Ok((x, Some(axis_of(op, x, params.maybe_int("axis")?.unwrap_or(-1))?)))
}

fn samples() -> Vec<Sample> {
    let x = || [dense(&[2, 3, 2], (-2.0, 2.0), 1)];
    let (nan, inf) = (f64::NAN, f64::INFINITY);
    vec![
        Sample::new("the last axis", x()),
        Sample::new("the first axis", x()).with("axis", 0i64),
        Sample::new("all elements", x()).with("axis", Prop::None),
        Sample::new("one element", [dense(&[2, 1], (-2.0, 2.0), 1)]),
        Sample::new("nothing", [dense(&[2, 0], (-2.0, 2.0), 1)]),
        Sample::new("no results", [dense(&[0, 2], (-2.0, 2.0), 1)]),
        Sample::new("many elements", [dense(&[50], (-2.0, 2.0), 1)]),
        Sample::new("ties and NaN", [given(shaped(&[2, 4], vec![2.0, 1.0, 2.0, 1.0, nan, inf, -inf, nan]))]).edge(),
        Sample::new("f32", [given(vec![1.5f32, -0.5, 0.25])]).single(),
        Sample::new("integers", [given(vec![3i64, 1, 2])]).edge(),
        Sample::new("truth values", [given(vec![true, false, true])]).edge(),
    ]
}
