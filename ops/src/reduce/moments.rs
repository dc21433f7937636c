//! Mean, variance and standard deviation: functions made of sums.

use kronograph_graph::{Entry, Params, Prop, Result, Sample, Variable, origin, shape_of};

use super::{all_axes_of, build, discrete_samples, samples_on, sorted_axes, sum_axes};
use crate::dtype::DType;
use crate::elemwise::{cast, sqr, sqrt, sub, true_div};
use crate::layout::{dim_variable, expand_dims, size_of};
use crate::samples::{dense, given};
use crate::tensor::tensor_type;

/// The mean of all elements; of none, NaN. Of integers and truth values in f64.
///
/// # Errors
///
/// When `x` is not a dense tensor.
#[track_caller]
pub fn mean(x: &Variable) -> Result<Variable> {
    mean_axes(x, &all_axes_of("mean", x)?)
}

/// The mean over axes, which are dropped: the sum divided by the number of elements.
///
/// # Errors
///
/// When an axis does not exist or is named twice.
#[track_caller]
pub fn mean_axes(x: &Variable, axes: &[usize]) -> Result<Variable> {
    let _scope = origin::here();
    let total = sum_axes(x, axes)?;
    let dtype = tensor_type("mean", &total)?.dtype().to_float();
    true_div(&cast(&total, dtype)?, &count(x, axes, dtype)?)
}

/// The variance of all elements: the mean of the squared distances from their mean.
///
/// # Errors
///
/// When `x` is not a dense tensor.
#[track_caller]
pub fn var(x: &Variable) -> Result<Variable> {
    var_axes(x, &all_axes_of("var", x)?, 0)
}

/// The variance over axes, which are dropped: `Σ (x - mean)² / (n - ddof)`.
///
/// The mean is found first, so that numbers far from zero lose no digits. Of `ddof` elements it is NaN.
///
/// # Errors
///
/// When an axis does not exist or is named twice.
#[track_caller]
pub fn var_axes(x: &Variable, axes: &[usize], ddof: usize) -> Result<Variable> {
    let _scope = origin::here();
    let center = expand_dims(&mean_axes(x, axes)?, &sorted_axes("var", x, axes)?)?;
    let total = sum_axes(&sqr(&sub(x, &center)?)?, axes)?;
    let count = count(x, axes, tensor_type("var", &total)?.dtype())?;
    true_div(&total, &if ddof == 0 { count } else { sub(&count, ddof as f64)? })
}

/// The standard deviation of all elements.
///
/// # Errors
///
/// When `x` is not a dense tensor.
#[track_caller]
pub fn std(x: &Variable) -> Result<Variable> {
    std_axes(x, &all_axes_of("std", x)?, 0)
}

/// The standard deviation over axes, which are dropped: the square root of [`var_axes`]. Where all elements are equal
/// its derivative does not exist and is NaN.
///
/// # Errors
///
/// When an axis does not exist or is named twice.
#[track_caller]
pub fn std_axes(x: &Variable, axes: &[usize], ddof: usize) -> Result<Variable> {
    let _scope = origin::here();
    sqrt(&var_axes(x, axes, ddof)?)
}

/// How many elements are reduced to one, as a float.
fn count(x: &Variable, axes: &[usize], dtype: DType) -> Result<Variable> {
    let shape = shape_of(x);
    let count = size_of(axes.iter().map(|&axis| &shape[axis]));
    cast(&dim_variable(&count)?, dtype)
}

fn ddof(params: &Params<'_>) -> Result<usize> {
    Ok(params.maybe_size("ddof")?.unwrap_or(0))
}

pub(super) fn entries() -> Vec<Entry> {
    let samples = || [samples_on((-2.0, 2.0)), discrete_samples().into()].concat();
    let of_var = |params: &Params<'_>, x: &[Variable]| {
        let ddof = ddof(params)?;
        build("var", params, x, |x, axes| var_axes(x, axes, ddof))
    };
    let of_std = |params: &Params<'_>, x: &[Variable]| {
        let ddof = ddof(params)?;
        build("std", params, x, |x, axes| std_axes(x, axes, ddof))
    };
    vec![
        Entry::function("mean", "reductions", |params, x| build("mean", params, x, mean_axes), samples),
        Entry::function("var", "reductions", of_var, move || [samples(), spread_samples()].concat()),
        Entry::function("std", "reductions", of_std, spread_samples),
    ]
}

/// Samples without a result of a single element, whose deviation is zero.
fn spread_samples() -> Vec<Sample> {
    let x = || [dense(&[2, 3, 2], (-2.0, 2.0), 1)];
    vec![
        Sample::new("of all", x()),
        Sample::new("of an axis, kept", x()).with("axis", -2i64).with("keepdims", true),
        Sample::new("of two axes", x()).with("axis", Prop::Ints(vec![2, 0])),
        Sample::new("ddof", [dense(&[2, 4], (-2.0, 2.0), 1)]).with("axis", 1i64).with("ddof", 1i64),
        Sample::new("no results, ddof", [dense(&[0, 3], (-2.0, 2.0), 1)]).with("axis", 1i64).with("ddof", 2i64),
        // A step that is small beside the elements is large beside their distances.
        Sample::new("far from zero", [given(vec![1e8, 1e8 + 1.0, 1e8 + 3.0])]).edge(),
        Sample::new("equal elements", [given(vec![2.0, 2.0])]).edge(),
        Sample::new("integers, ddof", [given(vec![1i64, 3, 2])]).with("ddof", 1i64).edge(),
    ]
}
