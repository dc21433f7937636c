//! Which way a flow system or a log-determinant is computed.

use kronograph_graph::{BuildError, Result, Variable};

use crate::matrix::SparseMatrix;
use crate::spectral::{Eigenvalues, Spectrum, eigenvalues, spectrum};
use crate::ty::SparseType;

/// The largest order of W up to which an unrestricted system goes through a decomposition without being asked.
pub(super) const SYSTEM_ORDER: usize = 2000;

/// The largest order of W up to which the log-determinant of a filter comes from eigenvalues without being asked.
pub(super) const LOGDET_ORDER: usize = 1500;

/// Which way a flow system or a log-determinant is computed. Both ways give the same numbers, to rounding.
///
/// `Auto` chooses when the expression is built. Where W is no constant it is `Sparse`. Where it is one:
///
/// | | `Auto` |
/// |---|---|
/// | separable solve | `Sparse`: the factors have the order of W |
/// | unrestricted solve and log-determinant | `Spectral` up to order 2000; the sparse factor has order n² and fills |
/// | other log-determinants | `Spectral` up to order 1500; derivatives of a factor's need its inverse on the pattern |
///
/// A decomposition is cubic in the order of W, with a larger constant where W is not similar to a symmetric matrix;
/// [`spectrum`] makes one that several systems share.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Route {
    /// The faster one, by the order of W and by whether W is a constant.
    #[default]
    Auto,
    /// Sparse LU factors, computed in each call; derivatives by W too. The gradient of the log-determinant of a singular
    /// matrix is a recoverable error.
    Sparse,
    /// A decomposition of W, computed while the expression is built; W must be a constant, and has no derivative.
    Spectral,
}

impl Route {
    /// What `Auto` means for this W, if the spectral route pays up to an order of `limit`.
    pub(super) fn settled(self, w: &Variable, limit: usize) -> Self {
        let small = w.type_as::<SparseType>().and_then(|ty| ty.shape()[0]).is_some_and(|order| order <= limit);
        match self {
            Route::Auto if small && w.constant().is_some() => Route::Spectral,
            Route::Auto => Route::Sparse,
            chosen => chosen,
        }
    }
}

/// The value of a constant W.
#[track_caller]
fn value_of<'a>(op: &'static str, w: &'a Variable) -> Result<&'a SparseMatrix> {
    let value = w.constant().and_then(|value| (&**value as &dyn std::any::Any).downcast_ref::<SparseMatrix>());
    let rule = "the spectral route needs a constant W";
    value.ok_or_else(|| BuildError::inputs(op, std::slice::from_ref(w), rule))
}

/// The decomposition of a constant W.
#[track_caller]
pub(super) fn spectrum_of(op: &'static str, w: &Variable) -> Result<Spectrum> {
    spectrum(value_of(op, w)?).map_err(BuildError::value)
}

/// The eigenvalues of a constant W.
#[track_caller]
pub(super) fn eigenvalues_of(op: &'static str, w: &Variable) -> Result<Eigenvalues> {
    eigenvalues(value_of(op, w)?).map_err(BuildError::value)
}
