//! Panels: the columns of an array along one axis, copied side by side into a row-major matrix and back.
//!
//! What works along an axis works on panels, whatever the layout. Copying reads and writes the array in the order in
//! which it lies in memory; the panel, which is small, takes the jumps.

use crate::kernels::runs::for_each_run;
use crate::tensor::Extents;

/// Columns that do not lie side by side are copied in groups of so many, one cache line of the panel.
const GROUP: usize = 8;

/// Shorter runs of neighbouring columns are not worth a copy of their own.
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
    for (at, piece) in pieces(offsets) {
        match piece {
            Piece::Run { offset, length } => {
                for (i, &row) in rows.iter().enumerate() {
                    let from = &array[offset + i * step..][..length];
                    panel[row * width + at..][..length].copy_from_slice(from);
                }
            }
            Piece::Group(offsets) if step == 1 => {
                let columns = offsets.map(|offset| &array[offset..][..rows.len()]);
                pack_group(&columns, rows, &mut panel[at..], width);
            }
            Piece::Group(offsets) => {
                for (i, &row) in rows.iter().enumerate() {
                    let to = &mut panel[row * width + at..][..GROUP];
                    to.iter_mut().zip(&offsets).for_each(|(to, offset)| *to = array[offset + i * step]);
                }
            }
            Piece::One(offset) => {
                rows.iter().enumerate().for_each(|(i, &row)| panel[row * width + at] = array[offset + i * step]);
            }
        }
    }
}

/// Copies columns that lie along the array, in square tiles.
fn pack_group(columns: &[&[f64]; GROUP], rows: &[usize], panel: &mut [f64], width: usize) {
    let tiles = rows.as_chunks::<GROUP>();
    for (tile, rows) in tiles.0.iter().enumerate() {
        let mut square = [[0.0; GROUP]; GROUP];
        for (square, column) in square.iter_mut().zip(columns) {
            square.copy_from_slice(&column[tile * GROUP..][..GROUP]);
        }
        for (i, &row) in rows.iter().enumerate() {
            let to = &mut panel[row * width..][..GROUP];
            for (to, square) in to.iter_mut().zip(&square) {
                *to = square[i];
            }
        }
    }
    let done = tiles.0.len() * GROUP;
    for (i, &row) in tiles.1.iter().enumerate() {
        let to = &mut panel[row * width..][..GROUP];
        to.iter_mut().zip(columns).for_each(|(to, column)| *to = column[done + i]);
    }
}

/// Copies the columns of a panel back: row `rows[i]` goes to `array[offset + i step]`.
pub fn unpack(panel: &[f64], rows: &[usize], array: &mut [f64], step: usize, offsets: &[usize]) {
    let width = offsets.len();
    for (at, piece) in pieces(offsets) {
        match piece {
            Piece::Run { offset, length } => {
                for (i, &row) in rows.iter().enumerate() {
                    let from = &panel[row * width + at..][..length];
                    array[offset + i * step..][..length].copy_from_slice(from);
                }
            }
            Piece::Group(offsets) => {
                for (i, &row) in rows.iter().enumerate() {
                    let from = &panel[row * width + at..][..GROUP];
                    offsets.iter().zip(from).for_each(|(offset, value)| array[offset + i * step] = *value);
                }
            }
            Piece::One(offset) => {
                rows.iter().enumerate().for_each(|(i, &row)| array[offset + i * step] = panel[row * width + at]);
            }
        }
    }
}

/// Columns that are copied together.
enum Piece {
    /// Neighbours in the array.
    Run {
        offset: usize,
        length: usize,
    },
    Group([usize; GROUP]),
    One(usize),
}

/// Splits columns into pieces, each with its first column.
fn pieces(offsets: &[usize]) -> impl Iterator<Item = (usize, Piece)> + '_ {
    let mut at = 0;
    std::iter::from_fn(move || {
        let rest = &offsets[at..];
        let (&offset, start) = (rest.first()?, at);
        let length = rest.iter().zip(offset..).take_while(|(have, want)| *have == want).count();
        let piece = match rest.first_chunk() {
            _ if length >= SHORT => Piece::Run { offset, length },
            Some(&group) => Piece::Group(group),
            None => Piece::One(offset),
        };
        at += match piece {
            Piece::Run { length, .. } => length,
            Piece::Group(_) => GROUP,
            Piece::One(_) => 1,
        };
        Some((start, piece))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_of_every_layout_come_back() {
        let rows = [2, 0, 1];
        for (shape, axis) in [([3, 1, 20], 0), ([19, 3, 1], 1), ([5, 3, 2], 1), ([5, 3, 10], 1), ([21, 1, 3], 2)] {
            let size: usize = shape.iter().product();
            let (array, strides) = ((0..size).map(|k| k as f64).collect::<Vec<_>>(), crate::tensor::row_major(&shape));
            let mut offsets = Vec::new();
            column_offsets(&mut offsets, &shape, &strides, axis);
            let (mut panel, mut back) = (vec![f64::NAN; size], vec![f64::NAN; size]);
            pack(&array, strides[axis], &offsets, &rows, &mut panel);
            let first: Vec<f64> = offsets.iter().map(|&offset| offset as f64).collect();
            assert_eq!(panel[2 * offsets.len()..], first, "row 0 of the array is row 2 of the panel");
            unpack(&panel, &rows, &mut back, strides[axis], &offsets);
            assert_eq!(back, array, "{shape:?} along {axis}");
        }
    }
}
