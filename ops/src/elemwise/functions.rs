//! Functions made of rows, and the entries of the ops beside the tables.

use std::sync::Arc;

use kronograph_graph::{Entry, Params, Prop, Result, Sample, Variable, Why, origin};

use super::{
    Second, Switch, abs, add, and_, cast, eq, isfinite, isnan, le, mul, neq, or_, round, round_half_away_from_zero,
    second, sub, switch,
};
use crate::dtype::DType;
use crate::params::exactly;
use crate::samples::{broadcasting, dense, given};
use crate::tensor::{Tensor, tensor_type};

/// Whether NaN is close to NaN.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EqualNan {
    /// It is.
    Yes,
    /// It is close to nothing.
    No,
}

/// Whether `|a - b| ≤ atol + rtol |b|`; an infinity is close to itself alone.
///
/// Elementwise, with broadcasting along axes whose static length is 1. NumPy's defaults are 1e-5 and 1e-8.
///
/// # Errors
///
/// When an operand is not a dense tensor, or the shapes do not fit.
#[track_caller]
pub fn isclose(a: &Variable, b: &Variable, rtol: f64, atol: f64, equal_nan: EqualNan) -> Result<Variable> {
    let _scope = origin::here();
    let near = le(&abs(&sub(a, b)?)?, &add(atol, &mul(rtol, &abs(b)?)?)?)?;
    // Infinite numbers are near everything by the tolerance.
    let same = eq(a, b)?;
    let close = or_(&same, &and_(&near, &and_(&isfinite(a)?, &isfinite(b)?)?)?)?;
    match equal_nan {
        EqualNan::Yes => or_(&close, &and_(&isnan(a)?, &isnan(b)?)?),
        EqualNan::No => Ok(close),
    }
}

/// What PyTensor's `round` calls `mode`.
pub(super) fn round_by(params: &Params<'_>, x: &Variable) -> Result<Variable> {
    match params.maybe_word("mode")? {
        None | Some("half_to_even") => round(x),
        Some("half_away_from_zero") => round_half_away_from_zero(x),
        Some(other) => {
            let want = "`half_to_even` or `half_away_from_zero`";
            Err(params.wrong("mode", want, &Prop::Word(other.to_owned().into())))
        }
    }
}

/// A condition as truth values: a number holds where it is not zero.
fn choose(params: &Params<'_>, inputs: &[Variable]) -> Result<Vec<Variable>> {
    let [condition, a, b] = exactly(params, inputs)?;
    let is_truth = tensor_type("switch", condition)?.dtype() == DType::Bool;
    let condition = if is_truth { condition.clone() } else { neq(condition, 0)? };
    Ok(vec![switch(&condition, a, b)?])
}

pub(super) fn entries() -> Vec<Entry> {
    let switches = |name| Entry::function(name, "elementwise", choose, choices);
    let fill = |params: &Params<'_>, inputs: &[Variable]| {
        let [a, b] = exactly(params, inputs)?;
        Ok(vec![second(a, b)?])
    };
    let seconds = move |name| Entry::function(name, "elementwise", fill, shapes_beside);
    vec![
        switches("switch").parsed_by(|_| Ok(Arc::new(Switch))),
        switches("where"),
        seconds("second").parsed_by(|_| Ok(Arc::new(Second))),
        seconds("fill"),
        cast::entry(),
        Entry::function("isclose", "elementwise", close, closeness).without_derivative(Why::Discrete),
    ]
}

fn close(params: &Params<'_>, inputs: &[Variable]) -> Result<Vec<Variable>> {
    let [a, b] = exactly(params, inputs)?;
    let number = |name, default| Ok(params.maybe_float(name)?.unwrap_or(default));
    let equal_nan = if params.flag("equal_nan")? { EqualNan::Yes } else { EqualNan::No };
    Ok(vec![isclose(a, b, number("rtol", 1e-5)?, number("atol", 1e-8)?, equal_nan)?])
}

const RANGE: (f64, f64) = (-2.0, 2.0);

fn choices() -> Vec<Sample> {
    let truth = || given(vec![true, false, true]);
    vec![
        Sample::new("interior", [truth(), dense(&[3], RANGE, 1), dense(&[3], RANGE, 2)]),
        Sample::new(
            "a condition for each row",
            [
                broadcasting(Tensor::new(&[2, 1], vec![true, false]).unwrap_or_default(), &[1]),
                broadcasting(crate::samples::spread_over(&[1, 3], RANGE, 1), &[0]),
                broadcasting(crate::samples::spread_over(&[2, 1], RANGE, 2), &[1]),
            ],
        ),
        Sample::new("a scalar branch", [truth(), dense(&[], RANGE, 1), dense(&[3], RANGE, 2)]),
        Sample::new("no elements", [given(Vec::<bool>::new()), dense(&[0], RANGE, 1), dense(&[0], RANGE, 2)]),
        Sample::new("integers and floats", [truth(), given(vec![1i64, 2, 3]), dense(&[3], RANGE, 2)]),
        Sample::new("f32", [truth(), given(vec![1f32, 2.0, 3.0]), given(vec![4f32, 5.0, 6.0])]).single(),
        Sample::new(
            "a branch that is not taken is infinite",
            [truth(), given(vec![1.0, f64::NAN, f64::INFINITY]), given(vec![f64::NAN, 2.0, f64::NAN])],
        )
        .edge(),
    ]
}

fn shapes_beside() -> Vec<Sample> {
    let column = broadcasting(crate::samples::spread_over(&[2, 1], RANGE, 1), &[1]);
    vec![
        Sample::new("a scalar beside a matrix", [dense(&[2, 3], RANGE, 1), dense(&[], RANGE, 2)]),
        Sample::new("a vector beside a column", [column, dense(&[3], RANGE, 2)]),
        Sample::new("equal shapes", [dense(&[3], RANGE, 1), dense(&[3], RANGE, 2)]),
        Sample::new("no elements", [dense(&[0, 2], RANGE, 1), dense(&[], RANGE, 2)]),
        Sample::new("integers", [dense(&[3], RANGE, 1), given(7i64)]),
        Sample::new("f32", [dense(&[3], RANGE, 1), given(7f32)]).single(),
    ]
}

fn closeness() -> Vec<Sample> {
    let (inf, nan) = (f64::INFINITY, f64::NAN);
    let left = || given(vec![1e10, 1e-7, inf, inf, nan, 1.0]);
    let right = || given(vec![1.00001e10, 1e-8, inf, -inf, nan, 1.0]);
    vec![
        Sample::new("near and far", [left(), right()]).edge(),
        Sample::new("NaN is close to NaN", [left(), right()]).with("equal_nan", true).edge(),
        Sample::new("wide", [left(), right()]).with("atol", 1e-6).with("rtol", 1e-3).edge(),
        Sample::new("integers", [given(vec![1i64, 2]), given(vec![1i64, 3])]).edge(),
    ]
}
