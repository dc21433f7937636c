//! The flow system in the basis of a Schur form: `Y - ρ_r S Y - ρ_c Y Sᵀ - ρ_w S Y Sᵀ = F` with S upper triangular.
//!
//! The last row and column are known first, so the equation is halved along its longer side, the later half solved and
//! taken over to the right-hand side of the other: all but small blocks is matrix products.

use faer::linalg::matmul::matmul;
use faer::{Accum, Mat, MatMut, MatRef, Par, c64};

/// Blocks of at most this many rows and columns are solved entry by entry.
const SMALL: usize = 12;

/// The coefficients: of the rows, of the columns, of both.
pub(super) type Rho = [f64; 3];

/// Replaces F by Y. `rows` and `columns` are the diagonal blocks of S that belong to the rows and columns of F.
pub(super) fn solve(f: MatMut<'_, c64>, rows: MatRef<'_, c64>, columns: MatRef<'_, c64>, rho: Rho) {
    let (m, n) = (f.nrows(), f.ncols());
    if m <= SMALL && n <= SMALL {
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

/// Column by column from the last: `[(1 - ρ_c s_jj) I - (ρ_r + ρ_w s_jj) S] y_j = f_j + (ρ_c I + ρ_w S) r_j` with
/// `r_j = sum_{k>j} s_jk y_k`.
fn solve_small(mut f: MatMut<'_, c64>, rows: MatRef<'_, c64>, columns: MatRef<'_, c64>, [r, c, w]: Rho) {
    let (m, n) = (f.nrows(), f.ncols());
    let mut carried = [c64::new(0.0, 0.0); SMALL];
    for j in (0..n).rev() {
        let (scale, factor) = (1.0 - columns[(j, j)] * c, columns[(j, j)] * w + r);
        for (i, sum) in carried[..m].iter_mut().enumerate() {
            *sum = (j + 1..n).map(|k| columns[(j, k)] * f[(i, k)]).sum();
        }
        for i in (0..m).rev() {
            let through: c64 = (i..m).map(|k| rows[(i, k)] * carried[k]).sum();
            let known: c64 = (i + 1..m).map(|k| rows[(i, k)] * f[(k, j)]).sum();
            let right = f[(i, j)] + carried[i] * c + through * w + factor * known;
            f[(i, j)] = right / (scale - factor * rows[(i, i)]);
        }
    }
}
