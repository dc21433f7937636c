//! Solving along an axis of a tensor, panel by panel, with one factor or a stack of them.

use kronograph_graph::{OpState, Result};

use super::factor::{Factor, FactorValue, LinalgError, Trans};
use super::panel::{column_offsets, pack, unpack};
use crate::kernels::runs::for_each_run;
use crate::tensor::{Extents, row_major};

/// The workspace of a solve: kept by the op, so that a steady call allocates nothing.
#[derive(Debug, Default)]
pub(super) struct SolveWorkspace {
    panel: Vec<f64>,
    sources: Vec<usize>,
    targets: Vec<usize>,
    rows_in: Vec<usize>,
    rows_out: Vec<usize>,
}

impl OpState for SolveWorkspace {
    fn fork(&self) -> Box<dyn OpState> {
        Box::new(Self::default())
    }
}

/// Solves along an axis of `b`, for every combination of the other axes; `out` is row-major, of shape `shape`, in which
/// b is laid out by `strides`: zero along axes in which it is repeated.
///
/// The axes of a stack of factors are those right before `axis`; one of length 1 serves all.
///
/// # Errors
///
/// When a matrix is singular or not finite.
pub(super) fn solve_along(
    factors: &FactorValue,
    trans: Trans,
    (b, strides): (&[f64], &[usize]),
    axis: usize,
    (out, shape): (&mut [f64], &[usize]),
    work: &mut SolveWorkspace,
) -> Result<(), LinalgError> {
    let (dense, batch) = (row_major(shape), factors.batch());
    let first = axis - batch.len();
    let mut columns: Extents = shape.into();
    (0..batch.len()).filter(|&k| batch[k] != 1).for_each(|k| columns[first + k] = 1);
    column_offsets(&mut work.sources, &columns, strides, axis);
    column_offsets(&mut work.targets, &columns, &dense, axis);
    if let Some(factor) = factors.get() {
        return solve_columns(factor, trans, (b, strides[axis]), (out, dense[axis]), work);
    }
    let (mut rest, mut outcome) = (factors.all().iter(), Ok(()));
    for_each_run(batch, [&strides[first..axis], &dense[first..axis]], |[from, to], [step, out_step], length| {
        for (i, factor) in rest.by_ref().take(length).enumerate() {
            if outcome.is_ok() {
                let source = (b.get(from + i * step..).unwrap_or_default(), strides[axis]);
                let target = (out.get_mut(to + i * out_step..).unwrap_or_default(), dense[axis]);
                outcome = solve_columns(&**factor, trans, source, target, work);
            }
        }
    });
    outcome
}

/// Solves for the columns in the workspace; the numbers beside the arrays are the steps along a column.
fn solve_columns(
    factor: &dyn Factor,
    trans: Trans,
    (b, step): (&[f64], usize),
    (out, out_step): (&mut [f64], usize),
    work: &mut SolveWorkspace,
) -> Result<(), LinalgError> {
    factor.status()?;
    let order = factor.order();
    invert(&mut work.rows_in, order, |i| factor.row_in(trans, i));
    invert(&mut work.rows_out, order, |i| factor.row_out(trans, i));
    let width = factor.panel_width().max(1);
    for (sources, targets) in work.sources.chunks(width).zip(work.targets.chunks(width)) {
        let width = sources.len();
        work.panel.resize(order * width, 0.0);
        let panel = &mut work.panel[..order * width];
        pack(b, step, sources, &work.rows_in, panel);
        factor.solve_panel(trans, panel, width);
        unpack(panel, &work.rows_out, out, out_step, targets);
    }
    Ok(())
}

/// The inverse of a permutation.
fn invert(inverse: &mut Vec<usize>, length: usize, permutation: impl Fn(usize) -> usize) {
    inverse.resize(length, 0);
    (0..length).for_each(|i| inverse[permutation(i)] = i);
}
