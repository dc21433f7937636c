//! LU factorisation with partial pivoting (LAPACK: getrf), through faer.

use faer::linalg::lu::partial_pivoting::factor as pp;
use faer::linalg::triangular_solve as tri;
use faer::{MatMut, MatRef, Par};
use kronograph_graph::{Result, Variable, apply};

use super::dense_factor::{DenseFactor, DenseState, Square};
use super::factor::{Factor, LinalgError, Trans, slogdet_of_pivots};

/// A factor of a square matrix, `P A = L U` with partial pivoting, for [`factor_solve`](super::factor_solve)
/// and [`factor_logdet`](super::factor_logdet); for a stack of matrices, a factor of each.
///
/// A singular matrix has a factor; solving with it is the error. Cost: `2/3 n³`.
///
/// # Errors
///
/// When `a` is no matrix and no stack of them, or not square.
#[track_caller]
pub fn lu_factor(a: &Variable) -> Result<Variable> {
    apply(DenseFactor::Lu, std::slice::from_ref(a))
}

/// `P A = L U`, packed column by column.
#[derive(Clone, Debug, Default)]
pub(super) struct DenseLu {
    order: usize,
    packed: Vec<f64>,
    perm: Vec<usize>,
    inverse: Vec<usize>,
    seen: Vec<bool>,
    sign: f64,
    status: Option<LinalgError>,
}

impl DenseLu {
    pub(super) fn refactor(&mut self, a: Square<'_>, state: &mut DenseState) -> Result<(), LinalgError> {
        let order = a.order;
        self.order = order;
        self.perm.resize(order, 0);
        self.inverse.resize(order, 0);
        a.copy_columns(&mut self.packed);
        // faer does not take empty matrices.
        if order > 0 {
            let need = || pp::lu_in_place_scratch::<usize, f64>(order, order, Par::Seq, Default::default());
            let packed = MatMut::from_column_major_slice_mut(&mut self.packed[..], order, order);
            let memory = state.memory(order, need);
            pp::lu_in_place(packed, &mut self.perm, &mut self.inverse, Par::Seq, memory, Default::default());
            // faer multiplies by the reciprocal of a pivot, which may be zero.
            if self.packed.iter().any(|x| !x.is_finite()) && a.is_finite() {
                a.copy_columns(&mut self.packed);
                self.eliminate();
            }
        }
        self.sign = permutation_sign(&self.perm, &mut self.seen);
        self.status = self.find_fault(a);
        Ok(())
    }

    /// The plain algorithm: a column without a pivot has multipliers that are zero (as LAPACK's getrf leaves it).
    fn eliminate(&mut self) {
        let n = self.order;
        self.perm.iter_mut().enumerate().for_each(|(i, row)| *row = i);
        for k in 0..n {
            let size = |i: &usize| self.packed[k * n + i].abs();
            let pivot = (k + 1..n).fold(k, |best, i| if size(&i) > size(&best) { i } else { best });
            self.perm.swap(k, pivot);
            (0..n).for_each(|j| self.packed.swap(j * n + k, j * n + pivot));
            let (done, rest) = self.packed.split_at_mut((k + 1) * n);
            let (top, below) = done[k * n + k..].split_first_mut().expect("column k has a row k");
            if *top == 0.0 {
                continue;
            }
            below.iter_mut().for_each(|x| *x /= *top);
            for column in rest.chunks_exact_mut(n) {
                let factor = column[k];
                column[k + 1..].iter_mut().zip(&*below).for_each(|(x, multiplier)| *x -= multiplier * factor);
            }
        }
        for (k, &row) in self.perm.iter().enumerate() {
            self.inverse[row] = k;
        }
    }

    fn find_fault(&self, a: Square<'_>) -> Option<LinalgError> {
        let n = self.order;
        let largest = |values: &mut dyn Iterator<Item = f64>| values.fold(0.0, |m: f64, x| m.max(x.abs()));
        // Before the pivots, where overflow looks the same.
        if let Some(pivot) = (0..n).find(|&j| !(0..n).all(|i| a.at(i, j).is_finite())) {
            return Some(LinalgError::NotFinite { pivot });
        }
        (0..n).find_map(|pivot| {
            let value = self.packed[pivot * n + pivot];
            let row = largest(&mut (0..n).map(|j| a.at(self.perm[pivot], j)));
            let column = largest(&mut (0..n).map(|i| a.at(i, pivot)));
            LinalgError::of_pivot(pivot, value, n, [row, column])
        })
    }

    /// The row of `L U` that each row of A is, by which `A = P L U`.
    pub(super) fn row_of(&self, i: usize) -> usize {
        self.inverse[i]
    }

    /// An entry of L, below the diagonal, or of U.
    pub(super) fn entry(&self, i: usize, j: usize) -> f64 {
        self.packed[j * self.order + i]
    }

    fn pivots(&self) -> impl Iterator<Item = f64> {
        (0..self.order).map(|i| self.packed[i * self.order + i])
    }

    fn matrix(&self) -> MatRef<'_, f64> {
        MatRef::from_column_major_slice(&self.packed, self.order, self.order)
    }
}

/// The sign of a permutation; `seen` is scratch space, kept so that a steady call allocates nothing.
pub fn permutation_sign<I: Copy + TryInto<usize>>(perm: &[I], seen: &mut Vec<bool>) -> f64 {
    seen.clear();
    seen.resize(perm.len(), false);
    let mut sign = 1.0;
    for start in 0..perm.len() {
        let (mut at, mut length) = (start, 0);
        while at < seen.len() && !std::mem::replace(&mut seen[at], true) {
            at = perm[at].try_into().unwrap_or(usize::MAX);
            length += 1;
        }
        if length > 0 && length % 2 == 0 {
            sign = -sign;
        }
    }
    sign
}

impl Factor for DenseLu {
    fn boxed_clone(&self) -> Box<dyn Factor> {
        Box::new(self.clone())
    }

    fn order(&self) -> usize {
        self.order
    }

    fn status(&self) -> Result<(), LinalgError> {
        self.status.clone().map_or(Ok(()), Err)
    }

    fn row_in(&self, trans: Trans, i: usize) -> usize {
        if trans == Trans::No { self.perm[i] } else { i }
    }

    fn row_out(&self, trans: Trans, i: usize) -> usize {
        if trans == Trans::No { i } else { self.perm[i] }
    }

    fn solve_panel(&self, trans: Trans, panel: &mut [f64], width: usize) {
        let (lu, mut x) = (self.matrix(), MatMut::from_row_major_slice_mut(panel, self.order, width));
        match trans {
            Trans::No => {
                tri::solve_unit_lower_triangular_in_place(lu, x.as_mut(), Par::Seq);
                tri::solve_upper_triangular_in_place(lu, x, Par::Seq);
            }
            Trans::Yes => {
                tri::solve_lower_triangular_in_place(lu.transpose(), x.as_mut(), Par::Seq);
                tri::solve_unit_upper_triangular_in_place(lu.transpose(), x, Par::Seq);
            }
        }
    }

    fn slogdet(&self) -> Result<(f64, f64), LinalgError> {
        slogdet_of_pivots(self.status.as_ref(), self.sign, self.pivots())
    }

    /// The product of the pivots, whether one of them is mere rounding or not; by logarithms where it leaves the range
    /// of floats on the way.
    fn det(&self) -> Result<f64, LinalgError> {
        let multiply = |(product, within): (f64, bool), pivot: f64| {
            let product = product * pivot;
            (product, within && product.is_normal())
        };
        let (product, within) = self.pivots().fold((self.sign, true), multiply);
        if within || self.pivots().any(f64::is_nan) {
            return Ok(product);
        }
        let (sign, log) = slogdet_of_pivots(None, self.sign, self.pivots())?;
        Ok(sign * log.exp())
    }

    fn bytes(&self) -> usize {
        8 * (self.packed.len() + self.perm.len() + self.inverse.len())
    }
}
