//! The eigenvalues of a spatial weights matrix, and for which ρ they make `I - ρ W` singular.

use faer::diag::Diag;
use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::evd::{ComputeEigenvectors, evd_real, evd_scratch, self_adjoint_evd, self_adjoint_evd_scratch};
use faer::{Mat, Par};

use super::components::components;
use super::symmetrize::{Symmetrized, edges_of, symmetrize};
use super::{SpectrumError, check, dense_of};
use crate::matrix::SparseMatrix;

/// A double real eigenvalue may come out as a pair that is this far from the real axis, by its size; such a pair makes
/// the matrix singular to working precision all the same.
const REAL: f64 = 1.5e-8;

/// The eigenvalues of a real square matrix: the real ones, and one of each conjugate pair.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Eigenvalues {
    real: Vec<f64>,
    pairs: Vec<(f64, f64)>,
}

/// The eigenvalues of a square sparse matrix. A matrix that a diagonal scaling makes symmetric has real ones.
///
/// Cost: cubic in its order, in dense arithmetic.
///
/// ```
/// use kronograph_sparse::{Format, eigenvalues, from_triplets};
/// let ring = from_triplets(Format::Csr, [3, 3], &[(0, 1, 1.0), (1, 2, 1.0), (2, 0, 1.0)])?;
/// let found = eigenvalues(&ring)?;
/// assert!((found.real()[0] - 1.0).abs() < 1e-14 && (found.pairs()[0].0 + 0.5).abs() < 1e-14);
/// assert_eq!(found.rho_interval().0, f64::NEG_INFINITY);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// When the matrix is not square or not finite, or the iteration does not converge.
pub fn eigenvalues(w: &SparseMatrix) -> Result<Eigenvalues, SpectrumError> {
    let w = check(w)?;
    values(&w, symmetrize(&w).as_ref())
}

/// The eigenvalues of a matrix, and of the symmetric one that it is similar to, if there is one.
pub(super) fn values(w: &SparseMatrix, symmetric: Option<&Symmetrized>) -> Result<Eigenvalues, SpectrumError> {
    match symmetric {
        Some(symmetric) => Ok(Eigenvalues::of_real(symmetric_values(&symmetric.matrix, None)?)),
        None => general_values(w),
    }
}

/// The open interval of ρ around 0 in which `I - ρ W` is not singular: from 1/λ of the most negative real eigenvalue to
/// 1/λ of the largest one, infinite where there is none.
///
/// # Errors
///
/// As [`eigenvalues`].
pub fn rho_interval(w: &SparseMatrix) -> Result<(f64, f64), SpectrumError> {
    Ok(eigenvalues(w)?.rho_interval())
}

impl Eigenvalues {
    pub(super) fn of_real(real: Vec<f64>) -> Self {
        Self { real, pairs: Vec::new() }
    }

    /// The real ones, ascending.
    pub fn real(&self) -> &[f64] {
        &self.real
    }

    /// Real and imaginary part of one of each conjugate pair; the imaginary parts are positive.
    pub fn pairs(&self) -> &[(f64, f64)] {
        &self.pairs
    }

    /// All of them, as real and imaginary parts: the real ones, then the pairs.
    pub fn all(&self) -> Vec<(f64, f64)> {
        let pairs = self.pairs.iter().flat_map(|&(a, b)| [(a, b), (a, -b)]);
        self.real.iter().map(|&a| (a, 0.0)).chain(pairs).collect()
    }

    /// The open interval of ρ around 0 in which `I - ρ W` is not singular.
    pub fn rho_interval(&self) -> (f64, f64) {
        let (low, high) = self.real.iter().fold((0.0f64, 0.0f64), |(low, high), &x| (low.min(x), high.max(x)));
        let bound = |x: f64, none: f64| if x == 0.0 { none } else { 1.0 / x };
        (bound(low, f64::NEG_INFINITY), bound(high, f64::INFINITY))
    }
}

/// The eigenvalues of a symmetric matrix, ascending, and its eigenvectors if they are asked for.
pub(super) fn symmetric_values(s: &Mat<f64>, vectors: Option<&mut Mat<f64>>) -> Result<Vec<f64>, SpectrumError> {
    let n = s.nrows();
    if n == 0 {
        // faer counts its workspace for at least one row.
        return Ok(Vec::new());
    }
    let (mut values, settings) = (Diag::<f64>::zeros(n), Default::default());
    let compute = if vectors.is_some() { ComputeEigenvectors::Yes } else { ComputeEigenvectors::No };
    let mut memory = MemBuffer::new(self_adjoint_evd_scratch::<f64>(n, compute, Par::Seq, settings));
    let (vectors, stack) = (vectors.map(|vectors| vectors.as_mut()), MemStack::new(&mut memory));
    self_adjoint_evd(s.as_ref(), values.as_mut(), vectors, Par::Seq, stack, settings)
        .map_err(|_| SpectrumError::NoConvergence)?;
    Ok((0..n).map(|i| values[i]).collect())
}

/// The eigenvalues of a matrix without further structure, block by block.
fn general_values(w: &SparseMatrix) -> Result<Eigenvalues, SpectrumError> {
    let dense = dense_of(w);
    let mut neighbours = vec![Vec::new(); dense.nrows()];
    edges_of(w).into_iter().for_each(|(i, j)| neighbours[i].push(j));
    let mut found = Eigenvalues::default();
    for block in components(&neighbours) {
        match block[..] {
            [only] => found.real.push(dense[(only, only)]),
            _ => found.add_block(&Mat::from_fn(block.len(), block.len(), |i, j| dense[(block[i], block[j])]))?,
        }
    }
    found.real.sort_unstable_by(f64::total_cmp);
    Ok(found)
}

impl Eigenvalues {
    /// Adds the eigenvalues of a diagonal block.
    fn add_block(&mut self, block: &Mat<f64>) -> Result<(), SpectrumError> {
        let (n, no) = (block.nrows(), ComputeEigenvectors::No);
        let (mut re, mut im, settings) = (Diag::<f64>::zeros(n), Diag::<f64>::zeros(n), Default::default());
        let mut memory = MemBuffer::new(evd_scratch::<f64>(n, no, no, Par::Seq, settings));
        let stack = MemStack::new(&mut memory);
        evd_real(block.as_ref(), re.as_mut(), im.as_mut(), None, None, Par::Seq, stack, settings)
            .map_err(|_| SpectrumError::NoConvergence)?;
        for (a, b) in (0..n).map(|i| (re[i], im[i])) {
            if b.abs() <= REAL * a.abs() {
                self.real.push(a);
            } else if b > 0.0 {
                self.pairs.push((a, b));
            }
        }
        Ok(())
    }
}
