//! Panels: the columns of an array along one axis, copied side by side into a row-major matrix and back.
//!
//! What works along an axis works on panels, whatever the layout. Copying reads and writes the array in the order in
//! which it lies in memory; the panel, which is small, takes the jumps.

use smallvec::SmallVec;

use crate::kernels::runs::for_each_run;
use crate::tensor::Extents;

/// Columns that do not lie side by side are copied in groups of so many, one cache line of the panel.
const GROUP: usize = 8;

/// Runs of neighbouring columns that are shorter are not worth a copy of their own.
const SHORT: usize = 4;

/// The offsets of all columns along an axis, in row-major order of the other axes.
pub fn column_offsets(offsets: &mut Vec<usize>, shape: &[usize], strides: &[usize], axis: usize) {
    offsets.clear();
    let mut shape: Extents = shape.into();
    let empty = shape[axis] == 0;
    shape[axis] = 1;
    if empty {
        return;
    }
    for_each_run(&shape, [strides], |[offset], [step], length| {
        offsets.extend((0..length).map(|i| offset + i * step));
    });
}

/// Copies columns into a panel: element i of the column at `offset` is `array[offset + i step]` and goes to row
/// `rows[i]`.
pub fn pack(array: &[f64], step: usize, offsets: &[usize], rows: &[usize], panel: &mut [f64]) {
    let width = offsets.len();
    if let Some(runs) = runs_of(offsets) {
        for (i, &row) in rows.iter().enumerate() {
            let to = &mut panel[row * width..][..width];
            for run in &runs {
                to[run.at..][..run.length].copy_from_slice(&array[run.offset + i * step..][..run.length]);
            }
        }
        return;
    }
    let (groups, rest) = offsets.as_chunks::<GROUP>();
    for (group, offsets) in groups.iter().enumerate() {
        pack_group(array, step, offsets, rows, &mut panel[group * GROUP..], width);
    }
    for (at, offset) in (width - rest.len()..).zip(rest) {
        rows.iter().enumerate().for_each(|(i, &row)| panel[row * width + at] = array[offset + i * step]);
    }
}

/// Copies a group of columns: where they lie along the array, in square tiles.
fn pack_group(array: &[f64], step: usize, offsets: &[usize; GROUP], rows: &[usize], panel: &mut [f64], width: usize) {
    let mut done = 0;
    if step == 1 {
        for (tile, rows) in rows.as_chunks::<GROUP>().0.iter().enumerate() {
            let mut square = [[0.0; GROUP]; GROUP];
            for (square, offset) in square.iter_mut().zip(offsets) {
                square.copy_from_slice(&array[offset + tile * GROUP..][..GROUP]);
            }
            for (i, &row) in rows.iter().enumerate() {
                let to = &mut panel[row * width..][..GROUP];
                for (to, square) in to.iter_mut().zip(&square) {
                    *to = square[i];
                }
            }
            done += GROUP;
        }
    }
    for (i, &row) in rows.iter().enumerate().skip(done) {
        let to = &mut panel[row * width..][..GROUP];
        to.iter_mut().zip(offsets).for_each(|(to, offset)| *to = array[offset + i * step]);
    }
}

/// Copies the columns of a panel back: row `rows[i]` goes to `array[offset + i step]`.
pub(super) fn unpack(panel: &[f64], rows: &[usize], array: &mut [f64], step: usize, offsets: &[usize]) {
    let width = offsets.len();
    if let Some(runs) = runs_of(offsets) {
        for (i, &row) in rows.iter().enumerate() {
            let values = &panel[row * width..][..width];
            for run in &runs {
                array[run.offset + i * step..][..run.length].copy_from_slice(&values[run.at..][..run.length]);
            }
        }
        return;
    }
    for (group, offsets) in offsets.chunks(GROUP).enumerate() {
        for (i, &row) in rows.iter().enumerate() {
            let values = &panel[row * width + group * GROUP..][..offsets.len()];
            offsets.iter().zip(values).for_each(|(offset, value)| array[offset + i * step] = *value);
        }
    }
}

/// Columns that are neighbours in the array: `length` of them, from column `at` of the panel on.
struct Run {
    at: usize,
    offset: usize,
    length: usize,
}

/// The runs that columns form, where they are not too short to be copied one by one.
fn runs_of(offsets: &[usize]) -> Option<SmallVec<[Run; 32]>> {
    let (mut runs, mut at) = (SmallVec::<[Run; 32]>::new(), 0);
    while let Some(&offset) = offsets.get(at) {
        let length = offsets[at..].iter().zip(offset..).take_while(|(have, want)| *have == want).count();
        runs.push(Run { at, offset, length });
        at += length;
        // The first and the last run may be parts of longer ones; a list that is full would have to be allocated.
        if runs.len() > 2 + offsets.len() / SHORT || runs.len() == runs.inline_size() {
            return None;
        }
    }
    Some(runs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_of_every_layout_come_back() {
        let cases =
            [([17, 1, 20], 0), ([19, 17, 1], 1), ([5, 17, 2], 1), ([5, 17, 10], 1), ([21, 1, 17], 2), ([70, 3, 5], 1)];
        for (shape, axis) in cases {
            let (size, order) = (shape.iter().product::<usize>(), shape[axis]);
            // A permutation, since no order here has a factor in common with 5.
            let rows: Vec<usize> = (0..order).map(|i| (5 * i + 2) % order).collect();
            let (array, strides) = ((0..size).map(|k| k as f64).collect::<Vec<_>>(), crate::tensor::row_major(&shape));
            let mut offsets = Vec::new();
            column_offsets(&mut offsets, &shape, &strides, axis);
            let (mut panel, mut back) = (vec![f64::NAN; size], vec![f64::NAN; size]);
            pack(&array, strides[axis], &offsets, &rows, &mut panel);
            for (i, row) in rows.iter().enumerate() {
                let want: Vec<f64> = offsets.iter().map(|offset| (offset + i * strides[axis]) as f64).collect();
                assert_eq!(panel[row * offsets.len()..][..offsets.len()], want, "{shape:?} along {axis}, element {i}");
            }
            unpack(&panel, &rows, &mut back, strides[axis], &offsets);
            assert_eq!(back, array, "{shape:?} along {axis}");
        }
    }
}
