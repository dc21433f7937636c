//! Tensors with the same number everywhere: each is a view of one element.

use kronograph_graph::{Dim, Entry, Params, Prop, Result, Sample, Variable, Why, shape_of};

use crate::dtype::DType;
use crate::elemwise::{cast, cast_value};
use crate::layout::{broadcast_to, shape_param};
use crate::params::{dtype_of, only, some};
use crate::samples::{dense, given};
use crate::tensor::{Tensor, constant, tensor_type};

/// A tensor of a shape with the same number everywhere, which costs one element of storage.
///
/// # Errors
///
/// When a length is unknown.
#[track_caller]
pub fn full<D: Into<Dim>>(value: f64, dtype: DType, shape: impl IntoIterator<Item = D>) -> Result<Variable> {
    broadcast_to(&constant(cast_value(&Tensor::scalar(value), dtype)), shape)
}

/// Zeros of a shape, or false.
///
/// # Errors
///
/// When a length is unknown.
#[track_caller]
pub fn zeros<D: Into<Dim>>(dtype: DType, shape: impl IntoIterator<Item = D>) -> Result<Variable> {
    full(0.0, dtype, shape)
}

/// Ones of a shape, or true.
///
/// # Errors
///
/// When a length is unknown.
#[track_caller]
pub fn ones<D: Into<Dim>>(dtype: DType, shape: impl IntoIterator<Item = D>) -> Result<Variable> {
    full(1.0, dtype, shape)
}

/// A tensor of the shape and dtype of `x` with the same number everywhere. It does not depend on the elements of `x`.
///
/// # Errors
///
/// When `x` is not a dense tensor.
#[track_caller]
pub fn full_like(x: &Variable, value: f64) -> Result<Variable> {
    full(value, tensor_type("full_like", x)?.dtype(), shape_of(x))
}

/// Zeros of the shape and dtype of `x`.
///
/// # Errors
///
/// When `x` is not a dense tensor.
#[track_caller]
pub fn zeros_like(x: &Variable) -> Result<Variable> {
    full_like(x, 0.0)
}

/// Ones of the shape and dtype of `x`.
///
/// # Errors
///
/// When `x` is not a dense tensor.
#[track_caller]
pub fn ones_like(x: &Variable) -> Result<Variable> {
    full_like(x, 1.0)
}

/// `value` repeated to a shape: another name of [`broadcast_to`], as PyTensor has it. The derivative is the sum over
/// the new axes and those that were repeated.
///
/// # Errors
///
/// As [`broadcast_to`].
#[track_caller]
pub fn alloc<D: Into<Dim>>(value: &Variable, shape: impl IntoIterator<Item = D>) -> Result<Variable> {
    broadcast_to(value, shape)
}

pub(super) fn entries() -> Vec<Entry> {
    let shaped = |params: &Params<'_>, inputs: &[Variable], value: f64| {
        Ok(vec![full(value, dtype_of(params, "dtype")?.unwrap_or(DType::F64), shape_param(params, "shape", inputs)?)?])
    };
    let like = |params: &Params<'_>, inputs: &[Variable], value: f64| {
        let x = full_like(only(params, inputs)?, value)?;
        Ok(vec![dtype_of(params, "dtype")?.map_or(Ok(x.clone()), |dtype| cast(&x, dtype))?])
    };
    vec![
        Entry::function("zeros", "construction", move |params, inputs| shaped(params, inputs, 0.0), shapes)
            .without_derivative(Why::Discrete),
        Entry::function("ones", "construction", move |params, inputs| shaped(params, inputs, 1.0), shapes)
            .without_derivative(Why::Discrete),
        Entry::function("full", "construction", build_full, values).also_named("alloc"),
        Entry::function("zeros_like", "construction", move |params, inputs| like(params, inputs, 0.0), likes),
        Entry::function("ones_like", "construction", move |params, inputs| like(params, inputs, 1.0), likes),
        Entry::function("full_like", "construction", build_full_like, || {
            likes().into_iter().map(|sample| sample.with("fill_value", 2.0)).collect()
        }),
    ]
}

/// The value is the parameter `fill_value`, or the first input; then come the lengths.
fn build_full(params: &Params<'_>, inputs: &[Variable]) -> Result<Vec<Variable>> {
    let dtype = dtype_of(params, "dtype")?;
    let filled = match params.maybe_float("fill_value")? {
        Some(value) => full(value, dtype.unwrap_or(DType::F64), shape_param(params, "shape", inputs)?)?,
        None => {
            let (value, scalars) = some(params, inputs)?.split_at(1);
            let value = dtype.map_or(Ok(value[0].clone()), |dtype| cast(&value[0], dtype))?;
            alloc(&value, shape_param(params, "shape", scalars)?)?
        }
    };
    Ok(vec![filled])
}

fn build_full_like(params: &Params<'_>, inputs: &[Variable]) -> Result<Vec<Variable>> {
    let value = params.float("fill_value")?;
    Ok(vec![full_like(only(params, inputs)?, value)?])
}

fn shapes() -> Vec<Sample> {
    vec![
        Sample::new("a matrix", []).with("shape", Prop::Ints(vec![2, 3])),
        Sample::new("a scalar", []).with("shape", Prop::Ints(vec![])).with("dtype", "bool"),
        Sample::new("no elements", []).with("shape", Prop::Ints(vec![0, 2])).with("dtype", "int64"),
        Sample::new("symbolic", [given(3i64)]).with("shape", Prop::list(vec![Prop::from("input"), Prop::Int(2)])),
    ]
}

fn values() -> Vec<Sample> {
    vec![
        Sample::new("a number", []).with("shape", Prop::Ints(vec![2, 3])).with("fill_value", 1.5),
        Sample::new("a scalar", [given(0.5)]).with("shape", Prop::Ints(vec![2, 3])),
        Sample::new("a vector", [dense(&[2], (-2.0, 2.0), 1)]).with("shape", Prop::Ints(vec![3, 2])),
        Sample::new("symbolic", [given(0.5), given(3i64)]).with("shape", Prop::from("input")),
    ]
}

fn likes() -> Vec<Sample> {
    vec![
        Sample::new("a matrix", [dense(&[2, 3], (-2.0, 2.0), 1)]),
        Sample::new("integers", [given(vec![1i64, 2])]),
        Sample::new("no elements", [dense(&[0], (-2.0, 2.0), 1)]),
    ]
}
