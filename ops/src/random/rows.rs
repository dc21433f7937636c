//! Probabilities along the last axis, row by row.

use kronograph_graph::{BuildError, Result, Variable, shape_of};

use super::error::{RandomError, Range};
use super::size::Size;
use crate::kernels::runs::for_each_run;
use crate::layout::broadcast_to;
use crate::tensor::Strided;

/// What lies along the last axis, repeated to a size of the leading axes.
#[track_caller]
pub(super) fn rows_of(op: &'static str, p: &Variable, size: Size) -> Result<Variable> {
    let shape = shape_of(p);
    let Some(last) = shape.last().cloned() else {
        return Err(BuildError::inputs(op, std::slice::from_ref(p), "an axis of probabilities is needed"));
    };
    match size.with_last(last) {
        None => Ok(p.clone()),
        Some(size) => broadcast_to(p, size.dims(op, std::slice::from_ref(p))?),
    }
}

/// Calls `draw(row, probabilities, their sum)` for each row that is one of probabilities, up to the first that is not.
///
/// # Errors
///
/// When a row is none, or `draw` fails.
pub(super) fn for_each_row(
    of: &'static str,
    array: &Strided<f64>,
    mut draw: impl FnMut(usize, &[f64], f64) -> Result<(), RandomError>,
) -> Result<(), RandomError> {
    let (Some((&length, leading)), Some((&step, strides))) = (array.shape().split_last(), array.strides().split_last())
    else {
        return Ok(());
    };
    let (storage, mut gathered, mut row, mut outcome) = (array.storage(), Vec::new(), 0, Ok(()));
    for_each_run(leading, [strides], |[from], [stride], count| {
        for at in (0..count).map(|k| from + k * stride) {
            let p = match step {
                _ if length == 0 => &[],
                1 => &storage[at..at + length],
                _ => {
                    gathered.clear();
                    gathered.extend((0..length).map(|k| storage[at + k * step]));
                    &gathered[..]
                }
            };
            if outcome.is_ok() {
                outcome = sum_of(of, row, |k| row * p.len() + k, p).and_then(|sum| draw(row, p, sum));
            }
            row += 1;
        }
    });
    outcome
}

/// The sum of a row of probabilities, of which these are the elements; rounding, of f32 too, is forgiven.
pub(super) fn sum_of(
    of: &'static str,
    row: usize,
    element: impl Fn(usize) -> usize,
    p: &[f64],
) -> Result<f64, RandomError> {
    let mut sum = 0.0;
    for (k, &p_k) in p.iter().enumerate() {
        sum += Range::Probability.check((of, "p"), element(k), p_k)?;
    }
    let near = (sum - 1.0).abs() <= 1e-6 * (p.len() as f64).sqrt();
    if near { Ok(sum) } else { Err(RandomError::Sum { distribution: of, row, sum }) }
}
