//! Putting tensors of one shape along a new axis.

use kronograph_graph::{BuildError, Entry, Params, Result, Sample, Variable, origin};

use super::concatenate;
use crate::layout::expand_dims;
use crate::params::{new_axis, some};
use crate::samples::{dense, given};
use crate::tensor::tensor_type;

/// Tensors of one shape, one after another along a new axis of the result; dtypes are promoted.
///
/// # Errors
///
/// When there are none, their shapes differ, or the result has no such axis.
#[track_caller]
pub fn stack(tensors: &[Variable], axis: usize) -> Result<Variable> {
    let _scope = origin::here();
    let expanded = tensors.iter().map(|tensor| expand_dims(tensor, &[axis])).collect::<Result<Vec<_>>>()?;
    concatenate(&expanded, axis)
}

/// Scalars as the elements of a vector; dtypes are promoted.
///
/// # Errors
///
/// When there are none, or one is no scalar.
#[track_caller]
pub fn make_vector(scalars: &[Variable]) -> Result<Variable> {
    for scalar in scalars {
        if tensor_type("make_vector", scalar)?.rank() != 0 {
            return Err(BuildError::inputs("make_vector", std::slice::from_ref(scalar), "its elements are scalars"));
        }
    }
    stack(scalars, 0)
}

pub(super) fn entries() -> Vec<Entry> {
    let build = |params: &Params<'_>, inputs: &[Variable]| {
        let first = &some(params, inputs)?[0];
        let axis = params.maybe_int("axis")?.unwrap_or(0);
        Ok(vec![stack(inputs, new_axis("stack", first, axis, first.ty().extents().len() + 1)?)?])
    };
    let x = |seed| dense(&[2, 3], (-2.0, 2.0), seed);
    let stacks = move || {
        vec![
            Sample::new("first", [x(1), x(2)]).with("axis", 0i64),
            Sample::new("between", [x(1), x(2), x(3)]).with("axis", 1i64),
            Sample::new("last", [x(1), x(2)]).with("axis", -1i64),
            Sample::new("nothing", [dense(&[0], (-2.0, 2.0), 1)]).with("axis", 0i64),
        ]
    };
    let scalars = || {
        vec![
            Sample::new("floats", [given(0.5), given(-1.5)]),
            Sample::new("two dtypes", [given(0.5f32), given(3i64)]).single(),
        ]
    };
    vec![
        Entry::function("stack", "shape", build, stacks),
        Entry::function("make_vector", "construction", |_, inputs| Ok(vec![make_vector(inputs)?]), scalars),
    ]
}
