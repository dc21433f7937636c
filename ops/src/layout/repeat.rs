//! Repeating elements and whole tensors: views that are copied once.

use kronograph_graph::{BuildError, Dim, Entry, Params, Prop, Result, Sample, Variable, origin, shape_of};

use super::{broadcast_to, dimshuffle, expand_dims, pad_left, ravel, reshape, shape_param, specify_shape};
use crate::construct::arange;
use crate::dtype::DType;
use crate::elemwise::{and_, cast, ge, le, switch};
use crate::index::take;
use crate::params::{axis_of, some};
use crate::reduce::{all, cumsum, sum};
use crate::samples::{broadcasting, dense, given, spread_over};
use crate::sort::{Side, searchsorted};
use crate::tensor::{checked_rank, constant, tensor_type};

/// `x` laid side by side with itself, `reps[k]` times along axis k (NumPy: `tile`).
///
/// Where there are more repetitions than axes, `x` gets leading axes; where there are fewer, they count for the last
/// axes. The derivative is the sum over the copies.
///
/// # Errors
///
/// When a number of repetitions is unknown.
#[track_caller]
pub fn tile<D: Into<Dim>>(x: &Variable, reps: impl IntoIterator<Item = D>) -> Result<Variable> {
    let _scope = origin::here();
    let mut reps: Vec<Dim> = reps.into_iter().map(Into::into).collect();
    let rank = tensor_type("tile", x)?.rank().max(reps.len());
    reps.splice(0..0, vec![Dim::from(1); rank - reps.len()]);
    let x = pad_left(x, rank)?;
    let shape = shape_of(&x);
    let order: Vec<_> = (0..rank).flat_map(|axis| [None, Some(axis)]).collect();
    let wide = reps.iter().zip(&shape).flat_map(|(times, length)| [times.clone(), length.clone()]);
    let wide = broadcast_to(&dimshuffle(&x, &order)?, wide)?;
    reshape(&wide, reps.iter().zip(&shape).map(|(times, length)| length.times(times)))
}

/// `x` with each element along an axis repeated; without an axis, each of the elements in row-major order
/// (NumPy: `repeat`).
///
/// The derivative is the sum over the copies.
///
/// # Errors
///
/// When there is no such axis, or the number of repetitions is unknown.
#[track_caller]
pub fn repeat(x: &Variable, repeats: impl Into<Dim>, axis: impl Into<Option<usize>>) -> Result<Variable> {
    let _scope = origin::here();
    let Some(axis) = axis.into() else {
        return repeat(&ravel(x)?, repeats, 0);
    };
    let repeats = repeats.into();
    let mut shape = shape_of(x);
    checked_rank("repeat", x, &[axis])?;
    let mut wide = shape.clone();
    wide.insert(axis + 1, repeats.clone());
    shape[axis] = shape[axis].times(&repeats);
    reshape(&broadcast_to(&expand_dims(x, &[axis + 1])?, wide)?, shape)
}

/// `x` with each element along an axis repeated as often as a vector of integers says for it (NumPy: `repeat` with a
/// vector).
///
/// The derivative is the sum over the copies.
///
/// # Errors
///
/// When there is no such axis, or `repeats` is no vector of integers; at run time, when it has another length than the
/// axis, or one of them is negative, or there are more than 2⁵³ copies.
#[track_caller]
pub fn repeat_each(x: &Variable, repeats: &Variable, axis: usize) -> Result<Variable> {
    let _scope = origin::here();
    let of_repeats = tensor_type("repeat", repeats)?;
    let shape = shape_of(x);
    if axis >= tensor_type("repeat", x)?.rank() || of_repeats.rank() != 1 || of_repeats.dtype().is_float() {
        let both = [x.clone(), repeats.clone()];
        return Err(BuildError::inputs(
            "repeat",
            &both,
            format!("it takes integers, one for each place of axis {axis}"),
        ));
    }
    let repeats = specify_shape(&cast(repeats, DType::I64)?, [shape[axis].clone()])?;
    // The k-th place of the result lies before the first cumulative sum that is larger than k.
    let places = arange(0, &sum(&repeats)?, 1)?;
    let places = specify_shape(&places, [Dim::value_of(&total_of(&repeats)?)])?;
    take(x, &searchsorted(&cumsum(&repeats, 0)?, &places, Side::Right)?, axis)
}

/// How often all elements are repeated together; -1, which is no length, where that has no meaning.
fn total_of(repeats: &Variable) -> Result<Variable> {
    // A sum of integers may wrap; that of floats tells.
    let countable = and_(&le(&sum(&cast(repeats, DType::F64)?)?, 2f64.powi(53))?, &all(&ge(repeats, 0i64)?)?)?;
    switch(&countable, &sum(repeats)?, -1i64)
}

pub(super) fn entries() -> Vec<Entry> {
    let x = || [dense(&[2, 3], (-2.0, 2.0), 1)];
    let reps = |sample: Sample, reps: &[i64]| sample.with("reps", Prop::Ints(reps.to_vec()));
    let tiles = move || {
        vec![
            reps(Sample::new("each axis", x()), &[2, 3]),
            reps(Sample::new("fewer than axes", x()), &[2]),
            reps(Sample::new("more than axes", x()), &[2, 1, 2]),
            reps(Sample::new("never", x()), &[0, 2]),
            reps(Sample::new("a scalar", [dense(&[], (-2.0, 2.0), 1)]), &[3]),
            reps(Sample::new("no elements", [dense(&[2, 0], (-2.0, 2.0), 1)]), &[2, 2]),
            reps(
                Sample::new("an axis of length 1", [broadcasting(spread_over(&[1, 2], (-2.0, 2.0), 1), &[0])]),
                &[2, 2],
            ),
            Sample::new("symbolic", [x()[0].clone(), given(2i64)])
                .with("reps", Prop::list(vec![Prop::from("input"), Prop::Int(2)])),
        ]
    };
    let repeats = move || {
        vec![
            Sample::new("an axis", x()).with("repeats", 2i64).with("axis", 0i64),
            Sample::new("the last axis", x()).with("repeats", 3i64).with("axis", -1i64),
            Sample::new("all elements", x()).with("repeats", 2i64).with("axis", Prop::None),
            Sample::new("never", x()).with("repeats", 0i64).with("axis", 1i64),
            Sample::new("a scalar", [dense(&[], (-2.0, 2.0), 1)]).with("repeats", 2i64),
            Sample::new("symbolic", [x()[0].clone(), given(2i64)]).with("repeats", "input").with("axis", 1i64),
            Sample::new("each as often as it says", x()).with("repeats", Prop::Ints(vec![2, 0, 1])).with("axis", 1i64),
            Sample::new("a vector", [x()[0].clone(), given(vec![0i64, 3])]).with("axis", 0i64),
        ]
    };
    vec![Entry::function("tile", "shape", build_tile, tiles), Entry::function("repeat", "shape", build_repeat, repeats)]
}

fn build_tile(params: &Params<'_>, inputs: &[Variable]) -> Result<Vec<Variable>> {
    let (x, scalars) = some(params, inputs)?.split_at(1);
    Ok(vec![tile(&x[0], shape_param(params, "reps", scalars)?)?])
}

/// One number counts for all places; a list, or a vector that is the second input, has one for each.
fn build_repeat(params: &Params<'_>, inputs: &[Variable]) -> Result<Vec<Variable>> {
    let (x, given) = some(params, inputs)?.split_at(1);
    let (x, axis) = match params.maybe_int("axis")? {
        Some(axis) => (x[0].clone(), axis_of("repeat", &x[0], axis)?),
        None => (ravel(&x[0])?, 0),
    };
    let each = match (params.get("repeats"), given) {
        (Some(Prop::Ints(each)), []) if each.len() != 1 => {
            let size = |&times: &i64| usize::try_from(times).map(|_| times);
            let wrong = |_| params.wrong("repeats", "numbers that are not negative", &Prop::Ints(each.clone()));
            Some(constant(each.iter().map(size).collect::<std::result::Result<Vec<i64>, _>>().map_err(wrong)?))
        }
        (None, [each]) if each.ty().extents().len() == 1 => Some(each.clone()),
        (None, [times]) => return Ok(vec![repeat(&x, Dim::value_of(times), axis)?]),
        _ => None,
    };
    if let Some(each) = each {
        return Ok(vec![repeat_each(&x, &each, axis)?]);
    }
    let repeats = shape_param(params, "repeats", given)?;
    let [repeats] = &repeats[..] else {
        return Err(params.wrong("repeats", "numbers", params.get("repeats").unwrap_or(&Prop::None)));
    };
    Ok(vec![repeat(&x, repeats.clone(), axis)?])
}
