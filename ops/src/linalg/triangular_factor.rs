//! A triangular matrix as a factor of itself.
//!
//! The other triangle is never read, and neither is a diagonal that is taken to be one: neither has a derivative.

use faer::linalg::triangular_solve as tri;
use faer::{MatMut, MatRef, Par};
use kronograph_graph::{Params, Result, Variable, apply};

use super::dense_factor::{DenseFactor, Square};
use super::factor::{Factor, LinalgError, Trans, slogdet_of_pivots};
use super::triangle::Triangle;

/// What stands on the diagonal of a triangular matrix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DiagonalKind {
    /// What is written there.
    Stored,
    /// Ones, whatever is written there.
    Unit,
}

impl DiagonalKind {
    /// PyTensor's `unit_diagonal`.
    pub(super) fn of(params: &Params<'_>) -> Result<Self> {
        Ok(if params.flag("unit_diagonal")? { DiagonalKind::Unit } else { DiagonalKind::Stored })
    }
}

/// One triangle of a square matrix as a factor, for [`factor_solve`](super::factor_solve) and
/// [`factor_logdet`](super::factor_logdet); for a stack of matrices, a factor of each. Cost: `n²`, a copy.
///
/// The other triangle is not read and has no derivative; nor has the diagonal, if it is taken to be one. A matrix with
/// a zero on its diagonal has a factor; solving with it is the error.
///
/// # Errors
///
/// When `a` is no matrix and no stack of them, or not square.
#[track_caller]
pub fn triangular_factor(a: &Variable, triangle: Triangle, diagonal: DiagonalKind) -> Result<Variable> {
    apply(DenseFactor::Triangular(triangle, diagonal), std::slice::from_ref(a))
}

/// A lower or an upper triangular matrix, column by column, with zeros in the other triangle.
#[derive(Clone, Debug, Default)]
pub(super) struct DenseTriangle {
    order: usize,
    packed: Vec<f64>,
    upper: bool,
    unit: bool,
    status: Option<LinalgError>,
}

impl DenseTriangle {
    pub(super) fn refactor(&mut self, a: Square<'_>, triangle: Triangle, diagonal: DiagonalKind) {
        (self.order, self.upper, self.unit) = (a.order, triangle == Triangle::Upper, diagonal == DiagonalKind::Unit);
        self.packed.clear();
        self.packed.resize(a.order * a.order, 0.0);
        self.status = None;
        for (j, column) in self.packed.chunks_exact_mut(a.order.max(1)).enumerate() {
            let rows = if self.upper { 0..j } else { j + 1..a.order };
            rows.for_each(|i| column[i] = a.at(i, j));
            column[j] = if self.unit { 1.0 } else { a.at(j, j) };
            if self.status.is_none() && !column.iter().all(|x| x.is_finite()) {
                self.status = Some(LinalgError::NotFinite { pivot: j });
            }
        }
        let zero = (0..a.order).find(|&i| self.packed[i * a.order + i] == 0.0);
        self.status = self.status.take().or(zero.map(|pivot| LinalgError::Singular { pivot }));
    }
}

impl Factor for DenseTriangle {
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
        let a = MatRef::from_column_major_slice(&self.packed, self.order, self.order);
        let x = MatMut::from_row_major_slice_mut(panel, self.order, width);
        let (a, upper) = match trans {
            Trans::No => (a, self.upper),
            Trans::Yes => (a.transpose(), !self.upper),
        };
        match (upper, self.unit) {
            (false, false) => tri::solve_lower_triangular_in_place(a, x, Par::Seq),
            (false, true) => tri::solve_unit_lower_triangular_in_place(a, x, Par::Seq),
            (true, false) => tri::solve_upper_triangular_in_place(a, x, Par::Seq),
            (true, true) => tri::solve_unit_upper_triangular_in_place(a, x, Par::Seq),
        }
    }

    fn slogdet(&self) -> Result<(f64, f64), LinalgError> {
        let pivots = (0..self.order).map(|i| self.packed[i * self.order + i]);
        slogdet_of_pivots(self.status.as_ref(), 1.0, pivots)
    }

    fn bytes(&self) -> usize {
        8 * self.packed.len()
    }
}
