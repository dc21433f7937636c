//! The complex Schur form `W = Q S Qᴴ`, by way of the QZ form of the pair (W, I).
//!
//! faer shows no Schur form, and its blocked QZ iteration was seen to stall; the unblocked one is used, and what it
//! returns is checked.

use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::gevd::gen_hessenberg::{
    GeneralizedHessenbergParams, generalized_hessenberg, generalized_hessenberg_scratch,
};
use faer::linalg::gevd::qz_cplx::{hessenberg_to_qz, hessenberg_to_qz_scratch};
use faer::linalg::gevd::{ComputeEigenvectors, GeneralizedSchurParams};
use faer::{Auto, Col, Mat, Par, c64};

use super::SpectrumError;

/// The residual that is accepted, by the size of the matrix.
const RESIDUAL: f64 = 1e-12;

/// `W = Pᴴ S P` with a unitary P and an upper triangular S.
#[derive(Clone, Debug)]
pub(super) struct SchurForm {
    pub(super) p: Mat<c64>,
    pub(super) s: Mat<c64>,
}

impl SchurForm {
    /// The form of a real matrix.
    pub(super) fn of(w: &Mat<f64>) -> Result<Self, SpectrumError> {
        let n = w.nrows();
        let (mut s, mut t) = (Mat::from_fn(n, n, |i, j| c64::new(w[(i, j)], 0.0)), Mat::<c64>::identity(n, n));
        let (mut q, mut z) = (Mat::<c64>::identity(n, n), Mat::<c64>::identity(n, n));
        let hessenberg: GeneralizedHessenbergParams = Auto::<c64>::auto();
        let mut qz: GeneralizedSchurParams = Auto::<c64>::auto();
        qz.blocking_threshold = n.max(qz.blocking_threshold) + 1;
        let need = generalized_hessenberg_scratch::<c64>(n, hessenberg);
        let mut memory = MemBuffer::new(need.or(hessenberg_to_qz_scratch::<c64>(n, Par::Seq, qz)));
        let stack = MemStack::new(&mut memory);
        let (q_mut, z_mut) = (Some(q.as_mut()), Some(z.as_mut()));
        generalized_hessenberg(s.as_mut(), t.as_mut(), q_mut, z_mut, Par::Seq, stack, hessenberg);
        let (mut alpha, mut beta) = (Col::<c64>::zeros(n), Col::<c64>::zeros(n));
        let (q_mut, z_mut, yes) = (Some(q.as_mut()), Some(z.as_mut()), ComputeEigenvectors::Yes);
        let (alpha, beta) = (alpha.as_mut(), beta.as_mut());
        hessenberg_to_qz(s.as_mut(), t.as_mut(), q_mut, z_mut, alpha, beta, yes, Par::Seq, qz, stack);
        // W = Q S Zᴴ and I = Q T Zᴴ: T is unitary and triangular, so diagonal, and W = Q (S T⁻¹) Qᴴ.
        let s = Mat::from_fn(n, n, |i, j| if i <= j { s[(i, j)] / t[(j, j)] } else { c64::new(0.0, 0.0) });
        let form = Self { p: q.adjoint().to_owned(), s };
        form.fits(w).then_some(form).ok_or(SpectrumError::NoConvergence)
    }

    /// Whether it is a Schur form of W: unitary, and with W as the product.
    fn fits(&self, w: &Mat<f64>) -> bool {
        let n = w.nrows();
        let (product, gram) = (self.p.adjoint() * &self.s * &self.p, self.p.adjoint() * &self.p);
        let size = w.norm_max().max(f64::MIN_POSITIVE);
        let near = |i: usize, j: usize| {
            let one = if i == j { 1.0 } else { 0.0 };
            let (off, turn) = (product[(i, j)] - w[(i, j)], gram[(i, j)] - one);
            off.norm() <= RESIDUAL * n as f64 * size && turn.norm() <= RESIDUAL * n as f64
        };
        (0..n).all(|j| (0..n).all(|i| near(i, j)))
    }

    /// The form of the transpose: with J the reversal, `Wᵀ = P'ᴴ (J Sᵀ J) P'` and `P' = J conj(P)`.
    pub(super) fn transposed(&self) -> Self {
        let n = self.s.nrows();
        let p = Mat::from_fn(n, n, |i, j| self.p[(n - 1 - i, j)].conj());
        let s = Mat::from_fn(n, n, |i, j| self.s[(n - 1 - j, n - 1 - i)]);
        Self { p, s }
    }
}
