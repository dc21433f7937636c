//! Triangular solves with sparse factors for a row-major panel of right-hand sides.
//!
//! L has a unit diagonal that is not stored; U's diagonal is given inverted. Every sweep reads a triangle by rows, so
//! that a row of the panel is written once; a block of columns has a width that is a constant, so that a row of it is
//! a few registers.

use super::dispatch::{in_blocks, multiply_add, part, widest};

/// One triangle of a factor, slice by slice, without its diagonal.
#[derive(Clone, Debug, Default)]
pub(crate) struct Columns {
    pub(crate) start: Vec<u32>,
    pub(crate) index: Vec<u32>,
    pub(crate) value: Vec<f64>,
}

impl Columns {
    #[inline(always)]
    fn column(&self, j: usize) -> impl Iterator<Item = (usize, f64)> + '_ {
        let span = self.start[j] as usize..self.start[j + 1] as usize;
        self.index[span.clone()].iter().zip(&self.value[span]).map(|(&i, &v)| (i as usize, v))
    }

    /// Makes this the transpose of another.
    pub(crate) fn transpose_of(&mut self, other: &Self) {
        let n = other.start.len().saturating_sub(1);
        self.start.clear();
        self.start.resize(n + 2, 0);
        other.index.iter().for_each(|&i| self.start[i as usize + 2] += 1);
        (2..n + 2).for_each(|i| self.start[i] += self.start[i - 1]);
        self.index.resize(other.index.len(), 0);
        self.value.resize(other.value.len(), 0.0);
        for j in 0..n {
            for (i, v) in other.column(j) {
                let slot = self.start[i + 1] as usize;
                (self.index[slot], self.value[slot]) = (j as u32, v);
                self.start[i + 1] += 1;
            }
        }
        self.start.truncate(n + 1);
    }
}

widest! {
    /// `x <- T⁻¹ x` for a lower triangle given by rows; its diagonal is one, or is given inverted.
    pub(crate) fn solve_lower(rows: &Columns, inverse_diagonal: Option<&[f64]>, x: &mut [f64], width: usize) = lower;

    /// `x <- T⁻¹ x` for an upper triangle given by rows; its diagonal is one, or is given inverted.
    pub(crate) fn solve_upper(rows: &Columns, inverse_diagonal: Option<&[f64]>, x: &mut [f64], width: usize) = upper;
}

#[inline(always)]
fn lower<const LANES: usize>(rows: &Columns, inverse_diagonal: Option<&[f64]>, x: &mut [f64], width: usize) {
    let order = 0..rows.start.len() - 1;
    in_blocks!(LANES, width, at, sweep(rows, inverse_diagonal, order.clone(), x, width, at));
}

#[inline(always)]
fn upper<const LANES: usize>(rows: &Columns, inverse_diagonal: Option<&[f64]>, x: &mut [f64], width: usize) {
    let order = (0..rows.start.len() - 1).rev();
    in_blocks!(LANES, width, at, sweep(rows, inverse_diagonal, order.clone(), x, width, at));
}

/// One sweep over the P columns from `at` on; gives P.
#[inline(always)]
fn sweep<const P: usize, const LANES: usize>(
    rows: &Columns,
    inverse_diagonal: Option<&[f64]>,
    order: impl Iterator<Item = usize>,
    x: &mut [f64],
    width: usize,
    at: usize,
) -> usize {
    for j in order {
        let mut sum = *part::<P>(x, j * width + at);
        for (i, v) in rows.column(j) {
            let row = part::<P>(x, i * width + at);
            for c in 0..P {
                sum[c] = multiply_add::<LANES>(-v, row[c], sum[c]);
            }
        }
        if let Some(inverse) = inverse_diagonal {
            for sum in &mut sum {
                *sum *= inverse[j];
            }
        }
        x[j * width + at..][..P].copy_from_slice(&sum);
    }
    P
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_width_solves_both_ways() {
        // L = [[1, 0], [3, 1]], U = [[2, 5], [0, 4]], so A = L U = [[2, 5], [6, 19]].
        let l = Columns { start: vec![0, 1, 1], index: vec![1], value: vec![3.0] };
        let u = Columns { start: vec![0, 0, 1], index: vec![0], value: vec![5.0] };
        let (mut l_rows, mut u_rows) = (Columns::default(), Columns::default());
        l_rows.transpose_of(&l);
        u_rows.transpose_of(&u);
        let inverse = Some(&[0.5, 0.25][..]);
        for width in [1, 2, 3, 4, 5, 8, 16, 32, 64, 65, 127] {
            let column = |a: f64, b: f64| [vec![a; width], vec![b; width]].concat();
            let mut x = column(7.0, 25.0);
            solve_lower(&l_rows, None, &mut x, width);
            solve_upper(&u_rows, inverse, &mut x, width);
            assert_eq!(x, column(1.0, 1.0), "A x = b, width {width}");
            let mut x = column(8.0, 24.0);
            solve_lower(&u, inverse, &mut x, width);
            solve_upper(&l, None, &mut x, width);
            assert_eq!(x, column(1.0, 1.0), "Aᵀ x = b, width {width}");
        }
    }

    #[test]
    fn transposing_twice_gives_the_triangle_back() {
        let l = Columns { start: vec![0, 2, 3, 3], index: vec![1, 2, 2], value: vec![3.0, 4.0, 5.0] };
        let (mut rows, mut back) = (Columns::default(), Columns::default());
        rows.transpose_of(&l);
        assert_eq!((&rows.start[..], &rows.index[..]), (&[0, 0, 1, 3][..], &[0, 0, 1][..]));
        back.transpose_of(&rows);
        assert_eq!((back.start, back.index, back.value), (l.start, l.index, l.value));
    }
}
