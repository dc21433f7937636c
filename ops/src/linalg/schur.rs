//! The complex Schur form `W = Q S Qᴴ`: Hessenberg form by faer, then QR steps with one shift.
//!
//! faer shows no Schur form, and its QZ iteration was seen not to converge for weights of nearest neighbours.

use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::gevd::gen_hessenberg::{
    GeneralizedHessenbergParams, generalized_hessenberg, generalized_hessenberg_scratch,
};
use faer::{Auto, Mat, Par, c64};

use super::factor::LinalgError;

/// How many steps one eigenvalue may take.
const STEPS: usize = 90;

/// `W = Pᴴ S P` with a unitary P and an upper triangular S.
#[derive(Clone, Debug)]
pub struct SchurForm {
    /// The adjoint of the basis.
    pub p: Mat<c64>,
    /// The triangle; the eigenvalues are on its diagonal.
    pub s: Mat<c64>,
}

/// A matrix as its columns.
type Columns = Vec<Vec<c64>>;

/// A rotation `[[c, s], [-conj(s), c]]` of two neighbouring rows.
#[derive(Clone, Copy)]
struct Rotation {
    c: f64,
    s: c64,
}

impl SchurForm {
    /// The form of a finite real square matrix.
    ///
    /// # Errors
    ///
    /// When the iteration does not converge.
    pub fn of(w: &Mat<f64>) -> Result<Self, LinalgError> {
        let n = w.nrows();
        let (mut h, mut q) = hessenberg(w);
        let size = w.norm_l2();
        let (mut last, mut steps) = (n.saturating_sub(1), 0);
        while last > 0 {
            let first = (1..=last).rev().find(|&k| deflates(&mut h, k, size)).unwrap_or(0);
            if first == last {
                (last, steps) = (last - 1, 0);
                continue;
            }
            steps += 1;
            if steps > STEPS {
                return Err(LinalgError::NoConvergence);
            }
            let shift = if steps % 10 == 0 { h[last][last] + h[last - 1][last].norm() } else { wilkinson(&h, last) };
            step(&mut h, &mut q, first, last, shift);
        }
        let s = Mat::from_fn(n, n, |i, j| if i <= j { h[j][i] } else { c64::new(0.0, 0.0) });
        Ok(Self { p: Mat::from_fn(n, n, |i, j| q[i][j].conj()), s })
    }

    /// The form of the transpose: with J the reversal, `Wᵀ = P'ᴴ (J Sᵀ J) P'` and `P' = J conj(P)`.
    pub fn transposed(&self) -> Self {
        let n = self.s.nrows();
        let p = Mat::from_fn(n, n, |i, j| self.p[(n - 1 - i, j)].conj());
        let s = Mat::from_fn(n, n, |i, j| self.s[(n - 1 - j, n - 1 - i)]);
        Self { p, s }
    }
}

/// `W = Q H Qᵀ` with H zero below its first subdiagonal: the generalised form of the pair (W, I).
fn hessenberg(w: &Mat<f64>) -> (Columns, Columns) {
    let n = w.nrows();
    let (mut h, mut t) = (w.to_owned(), Mat::<f64>::identity(n, n));
    let (mut q, mut z) = (Mat::<f64>::identity(n, n), Mat::<f64>::identity(n, n));
    let settings: GeneralizedHessenbergParams = Auto::<f64>::auto();
    let mut memory = MemBuffer::new(generalized_hessenberg_scratch::<f64>(n, settings));
    let (q_mut, z_mut, stack) = (Some(q.as_mut()), Some(z.as_mut()), MemStack::new(&mut memory));
    generalized_hessenberg(h.as_mut(), t.as_mut(), q_mut, z_mut, Par::Seq, stack, settings);
    // W = Q H Zᵀ and I = Q T Zᵀ: T is orthogonal and triangular, so its diagonal is ±1, and W = Q (H T⁻¹) Qᵀ.
    let columns = |at: &dyn Fn(usize, usize) -> f64| -> Columns {
        (0..n).map(|j| (0..n).map(|i| c64::new(at(i, j), 0.0)).collect()).collect()
    };
    let reduced = columns(&|i, j| if i <= j + 1 { h[(i, j)] / t[(j, j)] } else { 0.0 });
    (reduced, columns(&|i, j| q[(i, j)]))
}

/// Whether the entry below the diagonal in row k is rounding; if it is, it becomes zero.
fn deflates(h: &mut Columns, k: usize, size: f64) -> bool {
    let around = h[k - 1][k - 1].norm() + h[k][k].norm();
    let small = h[k - 1][k].norm() <= f64::EPSILON * if around == 0.0 { size } else { around };
    if small {
        h[k - 1][k] = c64::new(0.0, 0.0);
    }
    small
}

/// The eigenvalue of the last two rows and columns that is nearer to the last diagonal entry.
fn wilkinson(h: &Columns, last: usize) -> c64 {
    let (a, b, c, d) = (h[last - 1][last - 1], h[last][last - 1], h[last - 1][last], h[last][last]);
    let half = (a - d) * 0.5;
    let root = (half * half + b * c).sqrt();
    let far = if (half + root).norm() >= (half - root).norm() { half + root } else { half - root };
    if far.norm() == 0.0 { d } else { d - b * c / far }
}

/// `H - σ I = G R` on the rows and columns from `first` to `last`, then `R G + σ I`, as a similarity of the whole H.
fn step(h: &mut Columns, q: &mut Columns, first: usize, last: usize, shift: c64) {
    (first..=last).for_each(|k| h[k][k] -= shift);
    let mut rotations: Vec<Rotation> = Vec::with_capacity(last - first);
    for (j, column) in h.iter_mut().enumerate().skip(first) {
        for (k, rotation) in (first..).zip(&rotations) {
            let (a, b) = (column[k], column[k + 1]);
            column[k] = a * rotation.c + rotation.s * b;
            column[k + 1] = b * rotation.c - rotation.s.conj() * a;
        }
        if j < last {
            let rotation = Rotation::onto_first(column[j], column[j + 1]);
            column[j] = column[j] * rotation.c + rotation.s * column[j + 1];
            column[j + 1] = c64::new(0.0, 0.0);
            rotations.push(rotation);
        }
    }
    for (k, rotation) in (first..).zip(&rotations) {
        rotation.turn_columns(h, k, k + 2);
        rotation.turn_columns(q, k, q.len());
    }
    (first..=last).for_each(|k| h[k][k] += shift);
}

impl Rotation {
    /// The rotation that takes (a, b) to (r, 0).
    fn onto_first(a: c64, b: c64) -> Self {
        let r = a.norm().hypot(b.norm());
        if r == 0.0 {
            return Self { c: 1.0, s: c64::new(0.0, 0.0) };
        }
        let direction = if a.norm() == 0.0 { c64::new(1.0, 0.0) } else { a / a.norm() };
        Self { c: a.norm() / r, s: direction * b.conj() / r }
    }

    /// Columns k and k + 1 times the adjoint of the rotation, in the first rows.
    fn turn_columns(self, x: &mut Columns, k: usize, rows: usize) {
        let (left, right) = x.split_at_mut(k + 1);
        for (a, b) in left[k][..rows].iter_mut().zip(&mut right[0][..rows]) {
            (*a, *b) = (*a * self.c + *b * self.s.conj(), *b * self.c - *a * self.s);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(name: &str, w: &Mat<f64>) {
        let n = w.nrows();
        let plain = SchurForm::of(w).unwrap_or_else(|error| panic!("{name}: {error}"));
        for (form, w) in [(&plain, w.to_owned()), (&plain.transposed(), w.transpose().to_owned())] {
            let (product, gram) = (form.p.adjoint() * &form.s * &form.p, form.p.adjoint() * &form.p);
            for j in 0..n {
                for i in 0..n {
                    let one = if i == j { 1.0 } else { 0.0 };
                    assert!((product[(i, j)] - w[(i, j)]).norm() <= 1e-13 * n as f64, "{name}: product");
                    assert!((gram[(i, j)] - one).norm() <= 1e-13 * n as f64, "{name}: unitary");
                    assert!(i <= j || form.s[(i, j)].norm() == 0.0, "{name}: triangular");
                }
            }
        }
    }

    #[test]
    fn matrices_of_all_kinds_have_one() {
        for n in [0, 1, 2, 3, 4, 17, 40] {
            check("zero", &Mat::zeros(n, n));
            check("identity", &Mat::identity(n, n));
            check("ring", &Mat::from_fn(n, n, |i, j| if (i + 1) % n == j { 1.0 } else { 0.0 }));
            check("nilpotent", &Mat::from_fn(n, n, |i, j| if j > i { 1.0 } else { 0.0 }));
            check("nilpotent, turned", &Mat::from_fn(n, n, |i, j| if i > j { 1.0 } else { 0.0 }));
            check("rank one", &Mat::from_fn(n, n, |i, j| (i as f64 - 2.5) / (1.0 + j as f64)));
            check("rows", &Mat::from_fn(n, n, |i, j| ((7 * i + 3 * j * j) % 11) as f64 / 11.0 - 0.4));
        }
    }
}
