//! Whether numbers are close to each other.

use kronograph_graph::{Entry, Params, Result, Sample, Variable, Why, origin};

use super::{abs, add, and_, eq, isfinite, isnan, le, mul, or_, sub};
use crate::params::exactly;
use crate::samples::given;

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

pub(super) fn entry() -> Entry {
    Entry::function("isclose", "elementwise", close, closeness).without_derivative(Why::Discrete)
}

fn close(params: &Params<'_>, inputs: &[Variable]) -> Result<Vec<Variable>> {
    let [a, b] = exactly(params, inputs)?;
    let number = |name, default| Ok(params.maybe_float(name)?.unwrap_or(default));
    let equal_nan = if params.flag("equal_nan")? { EqualNan::Yes } else { EqualNan::No };
    Ok(vec![isclose(a, b, number("rtol", 1e-5)?, number("atol", 1e-8)?, equal_nan)?])
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
