//! What the eigenvalues of a constant W give: flow systems of n² unknowns solved as n × n problems.
//!
//! A flow system is a polynomial in the commuting `W ⊗ I` and `I ⊗ W`, so one decomposition of W serves every ρ. A W
//! that a diagonal scaling makes symmetric has real eigenvectors; any other W has a complex Schur form.

mod components;
mod eigenvalues;
mod solve;
mod sylvester;
mod symmetrize;

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use faer::{Mat, c64};
use kronograph_graph::Value;
use kronograph_ops::{LinalgError, SchurForm, Trans, check_size};

use crate::matrix::SparseMatrix;
use eigenvalues::{symmetric_values, values};
use symmetrize::{Symmetrized, symmetrize};

pub use eigenvalues::{Eigenvalues, eigenvalues, rho_interval};
pub use solve::{SpectralFlowSolve, spectral_flow_solve};

/// Why a matrix has no decomposition.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SpectrumError {
    /// It is not square, or not finite.
    #[error("{0}")]
    Matrix(LinalgError),
    /// It is too large to be written out.
    #[error("the matrix is too large to be decomposed")]
    TooLarge,
    /// The iteration does not converge.
    #[error("the iteration for the eigenvalues does not converge")]
    NoConvergence,
}

/// A decomposition of a constant matrix W, for [`spectral_flow_solve`]. Copies share it.
///
/// Two are equal when their matrices are.
#[derive(Clone, Debug)]
pub struct Spectrum(Arc<Decomposition>);

#[derive(Debug)]
struct Decomposition {
    w: SparseMatrix,
    eigenvalues: Eigenvalues,
    form: Form,
}

/// How W is brought to triangular form.
#[derive(Debug)]
enum Form {
    /// `W = V Λ V⁻¹`, all real.
    Diagonal { values: Vec<f64>, v: Mat<f64>, inverse: Mat<f64> },
    /// Schur forms of W and of its transpose.
    Triangular { plain: SchurForm, transposed: SchurForm },
}

/// Decomposes a square matrix: by a symmetric eigendecomposition if a diagonal scaling makes it symmetric (row
/// standardised neighbours) and costs no more than four digits, else by a complex Schur form.
///
/// Cost: cubic in its order n, in dense arithmetic, once; 16 n² or 64 n² bytes are kept.
///
/// ```
/// use kronograph_ops::{scalar, vector};
/// use kronograph_sparse::{Format, from_triplets, spectral_flow_solve, spectrum};
/// let w = from_triplets(Format::Csr, [3, 3], &[(0, 1, 1.0), (1, 2, 1.0), (2, 0, 0.5), (2, 1, 0.5)])?;
/// let (decomposed, [d, o, both]) = (spectrum(&w)?, ["rho_d", "rho_o", "rho_w"].map(scalar));
/// let eta = spectral_flow_solve(&decomposed, &d, &o, &both, &vector("b"))?;
/// assert_eq!(eta.ty().to_string(), "f64 (9,)");
/// assert!((decomposed.eigenvalues().rho_interval().1 - 1.0).abs() < 1e-14);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// When the matrix is not square or not finite, or the iteration does not converge.
pub fn spectrum(w: &SparseMatrix) -> Result<Spectrum, SpectrumError> {
    let w = check(w)?;
    let symmetric = symmetrize(&w);
    let roots = symmetric.as_ref().and_then(Symmetrized::roots);
    let (eigenvalues, form) = match (&symmetric, roots) {
        (Some(symmetric), Some(roots)) => diagonal_form(symmetric, &roots)?,
        (symmetric, _) => {
            let plain = SchurForm::of(&dense_of(&w)).map_err(|_| SpectrumError::NoConvergence)?;
            (values(&w, symmetric.as_ref())?, Form::Triangular { transposed: plain.transposed(), plain })
        }
    };
    Ok(Spectrum(Arc::new(Decomposition { w, eigenvalues, form })))
}

/// With `S = U Λ Uᵀ`: `V = D^-½ U` and `V⁻¹ = Uᵀ D^½`.
fn diagonal_form(symmetric: &Symmetrized, roots: &[f64]) -> Result<(Eigenvalues, Form), SpectrumError> {
    let n = roots.len();
    let mut u = Mat::zeros(n, n);
    let values = symmetric_values(&symmetric.matrix, Some(&mut u))?;
    let (v, inverse) =
        (Mat::from_fn(n, n, |i, j| u[(i, j)] / roots[i]), Mat::from_fn(n, n, |i, j| u[(j, i)] * roots[j]));
    Ok((Eigenvalues::of_real(values.clone()), Form::Diagonal { values, v, inverse }))
}

impl Spectrum {
    /// The matrix.
    pub fn matrix(&self) -> &SparseMatrix {
        &self.0.w
    }

    /// Its eigenvalues.
    pub fn eigenvalues(&self) -> &Eigenvalues {
        &self.0.eigenvalues
    }

    /// The order of the matrix.
    pub fn order(&self) -> usize {
        self.0.w.shape()[0]
    }

    /// The eigenvalues in the order of the form.
    fn diagonal(&self, trans: Trans) -> Vec<c64> {
        match &self.0.form {
            Form::Diagonal { values, .. } => values.iter().map(|&value| c64::new(value, 0.0)).collect(),
            Form::Triangular { plain, transposed } => {
                let form = if trans == Trans::No { plain } else { transposed };
                (0..self.order()).map(|i| form.s[(i, i)]).collect()
            }
        }
    }
}

impl PartialEq for Spectrum {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.0.w.same_bits(&other.0.w)
    }
}

impl Eq for Spectrum {}

impl Hash for Spectrum {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.w.digest(state);
    }
}

/// The matrix in f64; an error if it has no decomposition.
fn check(w: &SparseMatrix) -> Result<SparseMatrix, SpectrumError> {
    let [rows, columns] = w.shape();
    if rows != columns {
        return Err(SpectrumError::Matrix(LinalgError::NotSquare { rows, columns }));
    }
    check_size(&[rows, columns]).map_err(|_| SpectrumError::TooLarge)?;
    let w = w.to_format(w.format());
    match values_of(&w).iter().position(|value| !value.is_finite()) {
        Some(pivot) => Err(SpectrumError::Matrix(LinalgError::NotFinite { pivot })),
        None => Ok(w),
    }
}

/// The stored values of a matrix that went through [`check`].
fn values_of(w: &SparseMatrix) -> &[f64] {
    w.values().expect("`check` converts to f64")
}

/// The matrix with its zeros written out.
fn dense_of(w: &SparseMatrix) -> Mat<f64> {
    let (mut dense, values) = (Mat::zeros(w.shape()[0], w.shape()[1]), values_of(w));
    w.for_each_position(|slot, i, j| dense[(i, j)] = values[slot]);
    dense
}
