//! The flow system in the basis of a Schur form: `Y - ρ_r S Y - ρ_c Y Sᵀ - ρ_w S Y Sᵀ = F` with S upper triangular.
//!
//! The last row and column are known first, so the equation is halved along its longer side, the later half solved and
//! taken over to the right-hand side of the other: all but small blocks is matrix products.

use faer::linalg::matmul::matmul;
use faer::{Accum, Mat, MatMut, MatRef, Par, c64};

use crate::kernels::sylvester::{Block, SIDE, solve_block};

/// The coefficients: of the rows, of the columns, of both.
pub(super) type Rho = [f64; 3];

/// Replaces F by Y. `rows` and `columns` are the diagonal blocks of S that belong to the rows and columns of F.
pub(super) fn solve(f: MatMut<'_, c64>, rows: MatRef<'_, c64>, columns: MatRef<'_, c64>, rho: Rho) {
    let (m, n) = (f.nrows(), f.ncols());
    if m <= SIDE && n <= SIDE {
        return solve_small(f, rows, columns, rho);
    }
    let [rho_r, rho_c, rho_w] = rho;
    if m >= n {
        let (s11, s12, _, s22) = rows.split_at(m / 2, m / 2);
        let (mut first, mut last) = f.split_at_row_mut(m / 2);
        solve(last.as_mut(), s22, columns, rho);
        let carried = combined(last.as_ref(), rho_r, rho_w, |to| product(to, last.as_ref(), columns.transpose()));
        add_product(first.as_mut(), s12, carried.as_ref());
        solve(first, s11, columns, rho);
    } else {
        let (s11, s12, _, s22) = columns.split_at(n / 2, n / 2);
        let (mut first, mut last) = f.split_at_col_mut(n / 2);
        solve(last.as_mut(), rows, s22, rho);
        let carried = combined(last.as_ref(), rho_c, rho_w, |to| product(to, rows, last.as_ref()));
        add_product(first.as_mut(), carried.as_ref(), s12.transpose());
        solve(first, rows, s11, rho);
    }
}

/// `a y + w z` for the z that is written by `make`.
fn combined(y: MatRef<'_, c64>, a: f64, w: f64, make: impl FnOnce(MatMut<'_, c64>)) -> Mat<c64> {
    let mut z = Mat::zeros(y.nrows(), y.ncols());
    if w != 0.0 {
        make(z.as_mut());
    }
    faer::zip!(z.as_mut(), y).for_each(|faer::unzip!(z, y)| *z = *z * w + *y * a);
    z
}

fn product(to: MatMut<'_, c64>, a: MatRef<'_, c64>, b: MatRef<'_, c64>) {
    matmul(to, Accum::Replace, a, b, c64::new(1.0, 0.0), Par::Seq);
}

fn add_product(to: MatMut<'_, c64>, a: MatRef<'_, c64>, b: MatRef<'_, c64>) {
    matmul(to, Accum::Add, a, b, c64::new(1.0, 0.0), Par::Seq);
}

fn solve_small(mut f: MatMut<'_, c64>, rows: MatRef<'_, c64>, columns: MatRef<'_, c64>, rho: Rho) {
    let block = |a: MatRef<'_, c64>| Block::from_fn(a.nrows(), a.ncols(), |i, j| (a[(i, j)].re, a[(i, j)].im));
    let (size, mut y) = ([f.nrows(), f.ncols()], block(f.as_ref()));
    solve_block(&mut y, &block(rows), &block(columns), size, rho);
    for j in 0..size[1] {
        for i in 0..size[0] {
            f[(i, j)] = c64::new(y.re[j][i], y.im[j][i]);
        }
    }
}
