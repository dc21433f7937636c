//! Elements put around a tensor, and differences of neighbours.

use kronograph_graph::{BuildError, Dim, Entry, Params, Prop, Result, Sample, Variable, origin, shape_of};

use super::concatenate;
use crate::DType;
use crate::construct::full;
use crate::elemwise::{neq, sub};
use crate::index::{Index, index_axis};
use crate::params::{axis_of, only};
use crate::samples::{dense, given};
use crate::tensor::{checked_rank, tensor_type};

/// `x` with copies of a number before and behind it: as many as the pair of each axis says (NumPy: `pad` with
/// mode `constant`). The number is converted to the dtype of `x`.
///
/// # Errors
///
/// When there are not as many pairs as axes.
#[track_caller]
pub fn pad(x: &Variable, pad_width: &[(usize, usize)], value: f64) -> Result<Variable> {
    let _scope = origin::here();
    let ty = tensor_type("pad", x)?;
    if pad_width.len() != ty.rank() {
        let rule = format!("{} pair(s) of widths do not fit it", pad_width.len());
        return Err(BuildError::inputs("pad", std::slice::from_ref(x), rule));
    }
    let mut padded = x.clone();
    for (axis, &(before, behind)) in pad_width.iter().enumerate() {
        let block = |count: usize| {
            let mut shape = shape_of(&padded);
            shape[axis] = Dim::from(count);
            full(value, ty.dtype(), shape)
        };
        padded = match (before, behind) {
            (0, 0) => continue,
            (_, 0) => concatenate(&[block(before)?, padded], axis)?,
            (0, _) => concatenate(&[padded.clone(), block(behind)?], axis)?,
            _ => concatenate(&[block(before)?, padded.clone(), block(behind)?], axis)?,
        };
    }
    Ok(padded)
}

/// The differences of neighbours along an axis, `n` times: `x[i + 1] - x[i]` (NumPy: `diff`). Of truth values, whether
/// neighbours differ.
///
/// # Errors
///
/// When there is no such axis; for more than 1,024 times, where the binomial coefficients that are the weights of the
/// elements leave the range of f64.
#[track_caller]
pub fn diff(x: &Variable, n: usize, axis: usize) -> Result<Variable> {
    let _scope = origin::here();
    checked_rank("diff", x, &[axis])?;
    let ty = tensor_type("diff", x)?;
    // The graph grows with every time: an absurd number must not become an absurd graph.
    if n > 1024 {
        return Err(BuildError::parameter("diff", format!("`n` must be at most 1024, it is {n}")));
    }
    let mut differences = x.clone();
    for _ in 0..n {
        let behind = index_axis(&differences, axis, Index::slice(1, None, 1))?;
        let before = index_axis(&differences, axis, Index::slice(None, -1, 1))?;
        differences = if ty.dtype() == DType::Bool { neq(&behind, &before)? } else { sub(&behind, &before)? };
    }
    Ok(differences)
}

pub(super) fn entries() -> Vec<Entry> {
    let x = || [dense(&[2, 3], (-2.0, 2.0), 1)];
    let pair = |before: i64, behind: i64| Prop::Ints(vec![before, behind]);
    let pads = move || {
        vec![
            Sample::new("the same everywhere", x()).with("pad_width", 1i64),
            Sample::new("the same for each axis", x()).with("pad_width", pair(0, 2)).with("constant_values", 1.5),
            Sample::new("each side", x()).with("pad_width", Prop::list(vec![pair(1, 0), pair(2, 1)])),
            Sample::new("nothing", [dense(&[0], (-2.0, 2.0), 1)]).with("pad_width", 2i64),
            Sample::new("integers", [given(vec![1i64, 2])]).with("pad_width", 1i64).with("constant_values", 3i64),
        ]
    };
    let diffs = move || {
        vec![
            Sample::new("the last axis", x()),
            Sample::new("the first axis", x()).with("axis", 0i64),
            Sample::new("twice", x()).with("n", 2i64),
            Sample::new("never", x()).with("n", 0i64),
            Sample::new("nothing", [dense(&[0], (-2.0, 2.0), 1)]),
            Sample::new("more than there are", [dense(&[2], (-2.0, 2.0), 1)]).with("n", 3i64),
            Sample::new("truth values", [given(vec![true, false, false])]),
        ]
    };
    vec![Entry::function("pad", "shape", build_pad, pads), Entry::function("diff", "shape", build_diff, diffs)]
}

fn build_pad(params: &Params<'_>, inputs: &[Variable]) -> Result<Vec<Variable>> {
    let x = only(params, inputs)?;
    if let Some(mode) = params.maybe_word("mode")?.filter(|mode| *mode != "constant") {
        return Err(params.wrong_word("mode", "`constant`", mode));
    }
    let widths = params.get("pad_width").ok_or_else(|| params.wrong("pad_width", "widths", &Prop::None))?;
    let wrong = || params.wrong("pad_width", "a width, a pair of them, or a pair for each axis", widths);
    let size = |width: i64| usize::try_from(width).map_err(|_| wrong());
    let pair = |member: &Prop| match member {
        Prop::Int(both) => Ok((size(*both)?, size(*both)?)),
        Prop::Ints(pair) => match pair[..] {
            [both] => Ok((size(both)?, size(both)?)),
            [before, behind] => Ok((size(before)?, size(behind)?)),
            _ => Err(wrong()),
        },
        _ => Err(wrong()),
    };
    let rank = x.ty().extents().len();
    let pairs = match widths {
        Prop::List(pairs) if pairs.len() == 1 => vec![pair(&pairs[0])?; rank],
        Prop::List(pairs) => pairs.iter().map(pair).collect::<Result<_>>()?,
        one => vec![pair(one)?; rank],
    };
    Ok(vec![pad(x, &pairs, params.maybe_float("constant_values")?.unwrap_or(0.0))?])
}

fn build_diff(params: &Params<'_>, inputs: &[Variable]) -> Result<Vec<Variable>> {
    let x = only(params, inputs)?;
    let n = if params.get("n").is_some() { params.size("n")? } else { 1 };
    Ok(vec![diff(x, n, axis_of("diff", x, params.maybe_int("axis")?.unwrap_or(-1))?)?])
}
