//! The loops of matrix products: single ones, and stacks of them.

use faer::{Accum, MatMut, MatRef, Par};
use kronograph_graph::{OpFailure, OpResult};
use smallvec::SmallVec;

use crate::broadcasting::{common_extents, spread_strides};
use crate::kernels::runs::for_each_run;
use crate::tensor::{Element, Extents, Strided, Tensor, shape_text};

/// A matrix in storage, with a row and a column stride.
pub(super) struct Matrix<'a, T> {
    storage: &'a [T],
    rows: usize,
    columns: usize,
    row_stride: usize,
    column_stride: usize,
}

impl<'a, T> Matrix<'a, T> {
    /// The first matrix of a stack; a vector is a row (`as_row`) or a column.
    fn of(x: &'a Strided<T>, as_row: bool) -> Self
    where
        T: Element,
    {
        let (storage, strides) = (x.storage(), x.strides());
        let (rows, columns, row_stride, column_stride) = match (x.shape(), as_row) {
            ([length], true) => (1, *length, 0, strides[0]),
            ([length], false) => (*length, 1, strides[0], 0),
            (shape, _) => {
                let at = shape.len() - 2;
                (shape[at], shape[at + 1], strides[at], strides[at + 1])
            }
        };
        Self { storage, rows, columns, row_stride, column_stride }
    }

    /// The matrix of the same layout that lies so many elements further on.
    fn moved(&self, by: usize) -> Self {
        Self { storage: &self.storage[by..], ..*self }
    }

    fn at(&self, row: usize, column: usize) -> &T {
        &self.storage[row * self.row_stride + column * self.column_stride]
    }
}

/// The product of two stacks of matrices; a vector is a row on the left and a column on the right, and its axis is
/// dropped. `declared` are the static lengths.
pub(super) fn product<T: Element>(
    [a, b]: [&Strided<T>; 2],
    declared: [&[Option<usize>]; 2],
    out: &mut Tensor,
    multiply: impl Fn(&mut [T], &Matrix<'_, T>, &Matrix<'_, T>),
) -> OpResult {
    if a.shape().len() > 2 || b.shape().len() > 2 {
        return stacked(&[with_unit_stride(a), with_unit_stride(b)], declared, out, multiply);
    }
    let (ma, mb) = (Matrix::of(a, true), Matrix::of(b, false));
    check_inner(a, b, &ma, &mb)?;
    let shape: Extents = a.shape()[..a.shape().len() - 1].iter().chain(&b.shape()[1..]).copied().collect();
    let to = out.reset::<T>(&shape);
    if ma.columns == 0 {
        to.fill(T::default());
    } else if !to.is_empty() {
        multiply(to, &ma, &mb);
    }
    Ok(())
}

fn check_inner<T: Element>(a: &Strided<T>, b: &Strided<T>, ma: &Matrix<'_, T>, mb: &Matrix<'_, T>) -> OpResult {
    if ma.columns == mb.rows {
        return Ok(());
    }
    let (a, b) = (shape_text(a.shape()), shape_text(b.shape()));
    Err(OpFailure::Shapes(format!("the inner lengths of {a} and {b} differ")).into())
}

/// The same stack; copied if its matrices lie neither row by row nor column by column, so that no single one is.
fn with_unit_stride<T: Element>(x: &Strided<T>) -> Strided<T> {
    let core = x.shape().len().saturating_sub(2);
    let unit = (core..x.shape().len()).any(|axis| x.strides()[axis] == 1 || x.shape()[axis] == 1);
    if unit { x.clone() } else { x.to_contiguous() }
}

fn stacked<T: Element>(
    [a, b]: &[Strided<T>; 2],
    declared: [&[Option<usize>]; 2],
    out: &mut Tensor,
    multiply: impl Fn(&mut [T], &Matrix<'_, T>, &Matrix<'_, T>),
) -> OpResult {
    let (mut ma, mb) = (Matrix::of(a, true), Matrix::of(b, false));
    check_inner(a, b, &ma, &mb)?;
    let leading = |x: &Strided<T>| x.shape().len().saturating_sub(2);
    let (lead_a, lead_b) = (leading(a), leading(b));
    let is_one = |k: usize, axis: usize| declared[k].get(axis) == Some(&Some(1));
    let batch = common_extents(&[&a.shape()[..lead_a], &b.shape()[..lead_b]], is_one)?;
    let mut shape = batch.clone();
    shape.extend((a.shape().len() > 1).then_some(ma.rows));
    shape.extend((b.shape().len() > 1).then_some(mb.columns));
    let to = out.reset::<T>(&shape);
    if ma.columns == 0 {
        to.fill(T::default());
        return Ok(());
    }
    if to.is_empty() {
        return Ok(());
    }
    let steps = [
        spread_strides(&a.shape()[..lead_a], &a.strides()[..lead_a], &batch),
        spread_strides(&b.shape()[..lead_b], &b.strides()[..lead_b], &batch),
    ];
    if let Some(step) = joined_rows(&batch, &steps, &ma) {
        (ma.rows, ma.row_stride) = (batch.iter().product::<usize>() * ma.rows, step);
        multiply(to, &ma, &mb);
        return Ok(());
    }
    let mut rest = to.chunks_exact_mut(ma.rows * mb.columns);
    for_each_run(&batch, [&steps[0], &steps[1]], |[from_a, from_b], [step_a, step_b], length| {
        for (i, to) in rest.by_ref().take(length).enumerate() {
            multiply(to, &ma.moved(from_a + i * step_a), &mb.moved(from_b + i * step_b));
        }
    });
    Ok(())
}

/// Where all matrices of `a` meet the same `b` and their rows lie at one distance, they are one matrix: that distance.
fn joined_rows<T>(batch: &[usize], [a, b]: &[Extents; 2], first: &Matrix<'_, T>) -> Option<usize> {
    let mut axes: SmallVec<[(usize, usize); 5]> = batch.iter().copied().zip(a.iter().copied()).collect();
    axes.push((first.rows, first.row_stride));
    axes.retain(|(length, _)| *length != 1);
    let same_b = batch.iter().zip(b).all(|(length, step)| *length == 1 || *step == 0);
    let joined = axes.windows(2).all(|pair| pair[0].1 == pair[1].0 * pair[1].1);
    (same_b && joined).then(|| axes.last().map_or(0, |(_, step)| *step)).filter(|step| *step > 0)
}

pub(super) fn integer_product(to: &mut [i64], a: &Matrix<'_, i64>, b: &Matrix<'_, i64>) {
    for (at, to) in to.iter_mut().enumerate() {
        let (row, column) = (at / b.columns, at % b.columns);
        let terms = (0..a.columns).map(|k| a.at(row, k).wrapping_mul(*b.at(k, column)));
        *to = terms.fold(0, i64::wrapping_add);
    }
}

/// Products with a vector are plain loops; others are faer's, on views where the strides allow it.
pub(super) fn faer_product<T>(to: &mut [T], a: &Matrix<'_, T>, b: &Matrix<'_, T>, one: T)
where
    T: Element + faer::traits::ComplexField + std::ops::Mul<Output = T> + std::ops::AddAssign,
{
    if b.columns == 1 || a.rows == 1 {
        return vector_product(to, a, b);
    }
    let (rows, columns) = (a.rows, b.columns);
    let to = MatMut::from_row_major_slice_mut(to, rows, columns);
    with_faer(a, |a| with_faer(b, |b| faer::linalg::matmul::matmul(to, Accum::Replace, a, b, one, Par::Seq)));
}

fn vector_product<T>(to: &mut [T], a: &Matrix<'_, T>, b: &Matrix<'_, T>)
where
    T: Element + std::ops::Mul<Output = T> + std::ops::AddAssign,
{
    to.fill(T::default());
    for row in 0..a.rows {
        for k in 0..a.columns {
            let left = *a.at(row, k);
            let to = &mut to[row * b.columns..][..b.columns];
            to.iter_mut().enumerate().for_each(|(column, to)| *to += left * *b.at(k, column));
        }
    }
}

fn with_faer<T: Element, R>(x: &Matrix<'_, T>, run: impl FnOnce(MatRef<'_, T>) -> R) -> R {
    let Matrix { storage, rows, columns, row_stride, column_stride } = *x;
    if column_stride == 1 && row_stride >= columns {
        let used = &storage[..(rows - 1) * row_stride + columns];
        return run(MatRef::from_row_major_slice_with_stride(used, rows, columns, row_stride));
    }
    if row_stride == 1 && column_stride >= rows {
        let used = &storage[..(columns - 1) * column_stride + rows];
        return run(MatRef::from_column_major_slice_with_stride(used, rows, columns, column_stride));
    }
    let copy: Vec<T> = (0..rows * columns).map(|at| *x.at(at / columns, at % columns)).collect();
    run(MatRef::from_row_major_slice(&copy, rows, columns))
}
