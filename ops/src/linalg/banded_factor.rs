//! LU factorisation of banded matrices with partial pivoting (LAPACK: gbtrf), tridiagonal and diagonal ones included.
//!
//! What lies outside of the band is never read and has no derivative.

use kronograph_graph::{Result, Variable, apply};

use super::dense_factor::{DenseFactor, Square};
use super::factor::{Factor, LinalgError, Trans, slogdet_of_pivots};

/// A factor of the band of a square matrix by LU with partial pivoting, for [`factor_solve`](super::factor_solve) and
/// [`factor_logdet`](super::factor_logdet); for a stack of matrices, a factor of each.
///
/// Only the main diagonal and so many below and above it are read, and only they have a derivative. Cost:
/// `n below (below + above)`.
///
/// # Errors
///
/// When `a` is no matrix and no stack of them, or not square.
#[track_caller]
pub fn banded_factor(a: &Variable, below: usize, above: usize) -> Result<Variable> {
    apply(DenseFactor::Banded { below, above }, std::slice::from_ref(a))
}

/// `P A = L U` in a band: row i of U holds the columns from `i - below` on, as far as rows may be exchanged.
#[derive(Clone, Debug, Default)]
pub(super) struct BandedLu {
    order: usize,
    below: usize,
    /// The width of U: `above + below` columns beside the diagonal.
    reach: usize,
    upper: Vec<f64>,
    /// The multipliers of each step, `below` of them.
    lower: Vec<f64>,
    largest_in_row: Vec<f64>,
    largest_in_column: Vec<f64>,
    /// The row that each step exchanges its own with.
    exchanges: Vec<usize>,
    status: Option<LinalgError>,
}

impl BandedLu {
    pub(super) fn refactor(&mut self, a: Square<'_>, below: usize, above: usize) {
        let n = a.order;
        let most = n.saturating_sub(1);
        (self.order, self.below) = (n, below.min(most));
        self.reach = self.below + above.min(most);
        self.upper.clear();
        self.upper.resize(n * self.width(), 0.0);
        self.lower.clear();
        self.lower.resize(n * self.below, 0.0);
        self.exchanges.clear();
        for largest in [&mut self.largest_in_row, &mut self.largest_in_column] {
            largest.clear();
            largest.resize(n, 0.0);
        }
        self.status = None;
        for i in 0..n {
            for j in i.saturating_sub(self.below)..n.min(i + above.min(most) + 1) {
                let (at, x) = (self.at(i, j), a.at(i, j));
                self.upper[at] = x;
                self.largest_in_row[i] = self.largest_in_row[i].max(x.abs());
                self.largest_in_column[j] = self.largest_in_column[j].max(x.abs());
                if !x.is_finite() {
                    self.status = Some(LinalgError::NotFinite { pivot: j });
                }
            }
        }
        for k in 0..n {
            let fault = self.eliminate(k);
            self.status = self.status.take().or(fault);
        }
    }

    fn width(&self) -> usize {
        self.below + self.reach + 1
    }

    /// Where an entry lies; row i holds the columns from `i - below` to `i + reach`.
    fn at(&self, i: usize, j: usize) -> usize {
        i * self.width() + j + self.below - i
    }

    /// Columns of row k of U.
    fn row(&self, k: usize) -> std::ops::Range<usize> {
        k..self.order.min(k + self.reach + 1)
    }

    /// One step of the elimination.
    fn eliminate(&mut self, k: usize) -> Option<LinalgError> {
        let last = self.order.min(k + self.below + 1);
        let size = |lu: &Self, i: usize| lu.upper[lu.at(i, k)].abs();
        let pivot = (k + 1..last).fold(k, |best, i| if size(self, i) > size(self, best) { i } else { best });
        self.exchanges.push(pivot);
        if pivot != k {
            self.largest_in_row.swap(k, pivot);
            for j in self.row(k) {
                let (a, b) = (self.at(k, j), self.at(pivot, j));
                self.upper.swap(a, b);
            }
        }
        let diagonal = self.upper[self.at(k, k)];
        for i in (k + 1..last).filter(|_| diagonal != 0.0) {
            let factor = self.upper[self.at(i, k)] / diagonal;
            self.lower[k * self.below + i - k - 1] = factor;
            for j in self.row(k) {
                let (to, from) = (self.at(i, j), self.at(k, j));
                self.upper[to] -= factor * self.upper[from];
            }
        }
        LinalgError::of_pivot(k, diagonal, self.order, [self.largest_in_row[k], self.largest_in_column[k]])
    }

    /// `x[to] -= factor x[from]` for rows of a panel.
    fn subtract(panel: &mut [f64], width: usize, to: usize, from: usize, factor: f64) {
        let (low, high) = (to.min(from), to.max(from));
        let (head, tail) = panel.split_at_mut(high * width);
        let (low, high) = (&mut head[low * width..][..width], &mut tail[..width]);
        let (to, from) = if to < from { (low, high) } else { (high, low) };
        to.iter_mut().zip(from.iter()).for_each(|(to, from)| *to -= factor * *from);
    }

    fn exchange(&self, panel: &mut [f64], width: usize, k: usize) {
        let other = self.exchanges[k];
        if other != k {
            let (head, tail) = panel.split_at_mut(other * width);
            head[k * width..][..width].swap_with_slice(&mut tail[..width]);
        }
    }

    fn divide(&self, panel: &mut [f64], width: usize, k: usize) {
        let pivot = self.upper[self.at(k, k)];
        panel[k * width..][..width].iter_mut().for_each(|x| *x /= pivot);
    }

    fn solve(&self, panel: &mut [f64], width: usize) {
        let n = self.order;
        for k in 0..n {
            self.exchange(panel, width, k);
            for i in k + 1..n.min(k + self.below + 1) {
                Self::subtract(panel, width, i, k, self.lower[k * self.below + i - k - 1]);
            }
        }
        for k in (0..n).rev() {
            for j in self.row(k).skip(1) {
                Self::subtract(panel, width, k, j, self.upper[self.at(k, j)]);
            }
            self.divide(panel, width, k);
        }
    }

    fn solve_transposed(&self, panel: &mut [f64], width: usize) {
        let n = self.order;
        for k in 0..n {
            self.divide(panel, width, k);
            for j in self.row(k).skip(1) {
                Self::subtract(panel, width, j, k, self.upper[self.at(k, j)]);
            }
        }
        for k in (0..n).rev() {
            for i in k + 1..n.min(k + self.below + 1) {
                Self::subtract(panel, width, k, i, self.lower[k * self.below + i - k - 1]);
            }
            self.exchange(panel, width, k);
        }
    }
}

impl Factor for BandedLu {
    fn boxed_clone(&self) -> Box<dyn Factor> {
        Box::new(self.clone())
    }

    fn order(&self) -> usize {
        self.order
    }

    fn status(&self) -> Result<(), LinalgError> {
        self.status.clone().map_or(Ok(()), Err)
    }

    fn solve_panel(&self, trans: Trans, panel: &mut [f64], width: usize) {
        match trans {
            Trans::No => self.solve(panel, width),
            Trans::Yes => self.solve_transposed(panel, width),
        }
    }

    fn slogdet(&self) -> Result<(f64, f64), LinalgError> {
        let exchanged = (0..self.exchanges.len()).filter(|&k| self.exchanges[k] != k).count();
        let sign = if exchanged % 2 == 0 { 1.0 } else { -1.0 };
        slogdet_of_pivots(self.status.as_ref(), sign, (0..self.order).map(|k| self.upper[self.at(k, k)]))
    }

    fn bytes(&self) -> usize {
        8 * (self.upper.len() + self.lower.len() + self.exchanges.len())
    }
}
