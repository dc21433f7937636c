//! Cholesky factorisation (LAPACK: potrf), through faer.
//!
//! Only the lower triangle of the matrix is read, so the derivative is supported on that triangle: an off-diagonal
//! entry stands for both.

use faer::linalg::cholesky::llt::factor as llt;
use faer::linalg::triangular_solve as tri;
use faer::{MatMut, MatRef, Par};
use kronograph_graph::{Result, Variable, apply};

use super::dense_factor::{DenseFactor, DenseState, Square};
use super::factor::{Factor, LinalgError, Trans};

/// A factor of a symmetric positive definite matrix, `A = L Lᵀ`, read from the lower triangle of `a`, for
/// [`factor_solve`](super::factor_solve) and [`factor_logdet`](super::factor_logdet); for a stack of matrices, a factor
/// of each. Cost: `1/3 n³`. The cotangent of the matrix is supported on the lower triangle.
///
/// # Errors
///
/// When `a` is no matrix, or not square; at run time, when it is not positive definite.
#[track_caller]
pub fn cholesky_factor(a: &Variable) -> Result<Variable> {
    apply(DenseFactor::Cholesky, std::slice::from_ref(a))
}

/// `A = L Lᵀ`, L in the lower triangle, column by column.
#[derive(Clone, Debug, Default)]
pub(super) struct DenseCholesky {
    order: usize,
    packed: Vec<f64>,
}

impl DenseCholesky {
    pub(super) fn refactor(&mut self, a: Square<'_>, state: &mut DenseState) -> Result<(), LinalgError> {
        let order = a.order;
        self.order = order;
        a.copy_columns(&mut self.packed);
        // faer does not take empty matrices.
        if order > 0 {
            let need = || llt::cholesky_in_place_scratch::<f64>(order, Par::Seq, Default::default());
            let packed = MatMut::from_column_major_slice_mut(&mut self.packed[..], order, order);
            let memory = state.memory(order, need);
            let outcome = llt::cholesky_in_place(packed, Default::default(), Par::Seq, memory, Default::default());
            outcome.map_err(|llt::LltError::NonPositivePivot { index }| match a.is_finite() {
                true => LinalgError::NotPositiveDefinite { pivot: index },
                false => LinalgError::NotFinite { pivot: index },
            })?;
        }
        let pivot = (0..order).find(|&i| !self.diagonal(i).is_finite());
        pivot.map_or(Ok(()), |pivot| Err(LinalgError::NotFinite { pivot }))
    }

    fn diagonal(&self, i: usize) -> f64 {
        self.packed[i * self.order + i]
    }
}

impl Factor for DenseCholesky {
    fn boxed_clone(&self) -> Box<dyn Factor> {
        Box::new(self.clone())
    }

    fn order(&self) -> usize {
        self.order
    }

    fn status(&self) -> Result<(), LinalgError> {
        Ok(())
    }

    /// A is symmetric: the transposed solve is the same one.
    fn solve_panel(&self, _trans: Trans, panel: &mut [f64], width: usize) {
        let l = MatRef::from_column_major_slice(&self.packed, self.order, self.order);
        let mut x = MatMut::from_row_major_slice_mut(panel, self.order, width);
        tri::solve_lower_triangular_in_place(l, x.as_mut(), Par::Seq);
        tri::solve_upper_triangular_in_place(l.transpose(), x, Par::Seq);
    }

    fn slogdet(&self) -> Result<(f64, f64), LinalgError> {
        Ok((1.0, 2.0 * (0..self.order).map(|i| self.diagonal(i).ln()).sum::<f64>()))
    }

    fn bytes(&self) -> usize {
        8 * self.packed.len()
    }
}
