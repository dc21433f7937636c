//! Small blocks of the flow system in the basis of a Schur form, with the rows of a column in registers.

use super::dispatch::{multiply_add, widest};

/// The most rows and columns that a block may have.
pub(crate) const SIDE: usize = 32;

/// Complex numbers by columns, real and imaginary parts apart; what is not set is zero.
#[derive(Clone)]
pub(crate) struct Block {
    pub(crate) re: [[f64; SIDE]; SIDE],
    pub(crate) im: [[f64; SIDE]; SIDE],
}

impl Block {
    /// The block whose entry in row i and column j is given by a function.
    pub(crate) fn from_fn(rows: usize, columns: usize, entry: impl Fn(usize, usize) -> (f64, f64)) -> Self {
        let mut block = Self { re: [[0.0; SIDE]; SIDE], im: [[0.0; SIDE]; SIDE] };
        for j in 0..columns {
            for i in 0..rows {
                (block.re[j][i], block.im[j][i]) = entry(i, j);
            }
        }
        block
    }

    #[inline(always)]
    fn at(&self, i: usize, j: usize) -> (f64, f64) {
        (self.re[j][i], self.im[j][i])
    }
}

widest! {
    /// Replaces F by the Y of `Y - r S Y - c Y Cᵀ - w S Y Cᵀ = F` for upper triangles S and C, of as many rows as
    /// `size` says.
    ///
    /// Column by column from the last: `[(1 - c C_jj) I - (r + w C_jj) S] y_j = f_j + (c I + w S) q_j` with
    /// `q_j = sum_{k>j} C_jk y_k`.
    pub(crate) fn solve_block(f: &mut Block, s: &Block, columns: &Block, size: [usize; 2], rho: [f64; 3]) = solve;
}

/// A column of a block.
#[derive(Clone, Copy)]
struct Column {
    re: [f64; SIDE],
    im: [f64; SIDE],
}

impl Column {
    /// Adds a complex multiple of column `j` of a block.
    #[inline(always)]
    fn add<const LANES: usize>(&mut self, by: (f64, f64), block: &Block, j: usize) {
        let (re, im) = (&block.re[j], &block.im[j]);
        for i in 0..SIDE {
            self.re[i] = multiply_add::<LANES>(by.0, re[i], multiply_add::<LANES>(-by.1, im[i], self.re[i]));
            self.im[i] = multiply_add::<LANES>(by.0, im[i], multiply_add::<LANES>(by.1, re[i], self.im[i]));
        }
    }
}

#[inline(always)]
fn solve<const LANES: usize>(f: &mut Block, s: &Block, columns: &Block, [m, n]: [usize; 2], [r, c, w]: [f64; 3]) {
    for j in (0..n).rev() {
        let mut carried = Column { re: [0.0; SIDE], im: [0.0; SIDE] };
        for k in j + 1..n {
            carried.add::<LANES>(columns.at(j, k), f, k);
        }
        let mut right = Column { re: f.re[j], im: f.im[j] };
        for i in 0..SIDE {
            right.re[i] = multiply_add::<LANES>(c, carried.re[i], right.re[i]);
            right.im[i] = multiply_add::<LANES>(c, carried.im[i], right.im[i]);
        }
        if w != 0.0 {
            for k in 0..m {
                right.add::<LANES>((w * carried.re[k], w * carried.im[k]), s, k);
            }
        }
        let (diagonal_re, diagonal_im) = columns.at(j, j);
        let (scale, factor) = ((1.0 - c * diagonal_re, -c * diagonal_im), (r + w * diagonal_re, w * diagonal_im));
        for i in (0..m).rev() {
            let through = product(factor, s.at(i, i));
            let y = quotient((right.re[i], right.im[i]), (scale.0 - through.0, scale.1 - through.1));
            right.add::<LANES>(product(factor, y), s, i);
            (f.re[j][i], f.im[j][i]) = y;
        }
    }
}

#[inline(always)]
fn product(a: (f64, f64), b: (f64, f64)) -> (f64, f64) {
    (a.0 * b.0 - a.1 * b.1, a.0 * b.1 + a.1 * b.0)
}

#[inline(always)]
fn quotient(a: (f64, f64), b: (f64, f64)) -> (f64, f64) {
    let square = b.0 * b.0 + b.1 * b.1;
    ((a.0 * b.0 + a.1 * b.1) / square, (a.1 * b.0 - a.0 * b.1) / square)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_block_solves_its_equation() {
        let number = |i: usize, j: usize| ((i * 7 + j * 3) as f64).sin() * 0.2;
        let triangle = |i, j| if i <= j { (number(i, j), number(j + 5, i)) } else { (0.0, 0.0) };
        let ([m, n], [r, c, w]) = ([7, 5], [0.3, 0.2, -0.4]);
        let (s, columns) = (Block::from_fn(m, m, triangle), Block::from_fn(n, n, triangle));
        let f = Block::from_fn(m, n, |i, j| (number(i, j), number(j, i + 1)));
        let mut y = f.clone();
        solve_block(&mut y, &s, &columns, [m, n], [r, c, w]);
        let (add, times) =
            (|a: (f64, f64), b: (f64, f64)| (a.0 + b.0, a.1 + b.1), |a: f64, b: (f64, f64)| (a * b.0, a * b.1));
        let s_y =
            Block::from_fn(m, n, |i, j| (0..m).fold((0.0, 0.0), |sum, k| add(sum, product(s.at(i, k), y.at(k, j)))));
        for i in 0..m {
            for j in 0..n {
                let through =
                    |x: &Block| (0..n).fold((0.0, 0.0), |sum, k| add(sum, product(x.at(i, k), columns.at(j, k))));
                let terms = [times(-r, s_y.at(i, j)), times(-c, through(&y)), times(-w, through(&s_y))];
                let (left, right) = (terms.into_iter().fold(y.at(i, j), add), f.at(i, j));
                assert!((left.0 - right.0).abs() + (left.1 - right.1).abs() < 1e-14, "({i}, {j})");
            }
        }
    }
}
