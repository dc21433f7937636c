//! Cofactors of a matrix and their derivatives along others, without dividing by anything that may vanish.
//!
//! With the singular value decomposition `A = U S Vᵀ`, `cof A = det U det V U (cof S) Vᵀ`, and its derivative along
//! matrices H is that at S along all `Uᵀ H V`. At a diagonal matrix it is a sum over sets of indices, one more than
//! there are matrices: the product of the other singular values, times what the set's rows and columns contribute.

use faer::diag::DiagMut;
use faer::linalg::lu::partial_pivoting::factor as pp;
use faer::linalg::matmul::matmul;
use faer::linalg::svd::{ComputeSvdVectors, svd, svd_scratch};
use faer::{Accum, Mat, MatRef, Par};
use kronograph_graph::OpState;

use super::factor::LinalgError;
use super::lu::permutation_sign;
use super::matrices::{Memory, check_finite, reshape};

/// The workspace: kept from call to call.
pub(super) struct Minors {
    a: Mat<f64>,
    u: Mat<f64>,
    v: Mat<f64>,
    scratch: Mat<f64>,
    /// The derivative at S, then the result.
    result: Mat<f64>,
    singular: Vec<f64>,
    /// The matrices along which it is differentiated, as S sees them.
    along: Vec<Mat<f64>>,
    exchanges: [Vec<usize>; 2],
    seen: Vec<bool>,
    memory: Memory,
}

impl Default for Minors {
    fn default() -> Self {
        let [a, u, v, scratch, result] = [(); 5].map(|()| Mat::new());
        let (exchanges, memory) = (Default::default(), Memory::default());
        Self { a, u, v, scratch, result, singular: Vec::new(), along: Vec::new(), exchanges, seen: Vec::new(), memory }
    }
}

impl std::fmt::Debug for Minors {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "workspace of order {}", self.a.nrows())
    }
}

impl OpState for Minors {
    fn fork(&self) -> Box<dyn OpState> {
        Box::<Self>::default()
    }
}

impl Minors {
    /// The cofactors of the first matrix, or their derivative along the others; all by rows, as is the result.
    pub(super) fn cofactors<'a>(
        &mut self,
        order: usize,
        mut matrices: impl ExactSizeIterator<Item = &'a [f64]>,
        out: &mut [f64],
    ) -> Result<(), LinalgError> {
        self.along.resize_with(matrices.len().saturating_sub(1), Mat::new);
        for matrix in [&mut self.u, &mut self.v, &mut self.scratch, &mut self.result] {
            reshape(matrix, order, order);
        }
        if let Some(a) = matrices.next() {
            read(a, order, &mut self.a);
        }
        check_finite(&self.a)?;
        self.decompose(order)?;
        for (from, to) in matrices.zip(&mut self.along) {
            read(from, order, to);
            check_finite(to)?;
            product(&mut self.scratch, self.u.transpose(), to.as_ref());
            product(to, self.scratch.as_ref(), self.v.as_ref());
        }
        let sign = self.sign_of(Side::Left) * self.sign_of(Side::Right);
        AtDiagonal { singular: &self.singular, along: &self.along, result: &mut self.result }.fill();
        product(&mut self.scratch, self.u.as_ref(), self.result.as_ref());
        product(&mut self.result, self.scratch.as_ref(), self.v.transpose());
        for (at, out) in out.iter_mut().enumerate() {
            *out = sign * self.result[(at / order, at % order)];
        }
        Ok(())
    }

    fn decompose(&mut self, order: usize) -> Result<(), LinalgError> {
        self.singular.resize(order, 0.0);
        let full = ComputeSvdVectors::Full;
        let memory = self.memory.stack(svd_scratch::<f64>(order, order, full, full, Par::Seq, Default::default()));
        let singular = DiagMut::from_slice_mut(&mut self.singular);
        let (u, v) = (Some(self.u.as_mut()), Some(self.v.as_mut()));
        let outcome = svd(self.a.as_ref(), singular, u, v, Par::Seq, memory, Default::default());
        outcome.map_err(|_| LinalgError::NoConvergence)
    }

    /// The determinant of U or of V, which is 1 or -1.
    fn sign_of(&mut self, side: Side) -> f64 {
        let orthogonal = if side == Side::Left { &self.u } else { &self.v };
        let order = orthogonal.nrows();
        if order == 0 {
            return 1.0;
        }
        self.scratch.copy_from(orthogonal);
        let [forward, backward] = &mut self.exchanges;
        forward.resize(order, 0);
        backward.resize(order, 0);
        let memory =
            self.memory.stack(pp::lu_in_place_scratch::<usize, f64>(order, order, Par::Seq, Default::default()));
        pp::lu_in_place(self.scratch.as_mut(), forward, backward, Par::Seq, memory, Default::default());
        let pivots = (0..order).map(|i| self.scratch[(i, i)].signum());
        pivots.product::<f64>() * permutation_sign(forward, &mut self.seen)
    }
}

#[derive(Clone, Copy, PartialEq)]
enum Side {
    Left,
    Right,
}

fn read(rows: &[f64], order: usize, to: &mut Mat<f64>) {
    reshape(to, order, order);
    for j in 0..order {
        to.col_as_slice_mut(j).iter_mut().enumerate().for_each(|(i, to)| *to = rows[i * order + j]);
    }
}

fn product(to: &mut Mat<f64>, a: MatRef<'_, f64>, b: MatRef<'_, f64>) {
    matmul(to.as_mut(), Accum::Replace, a, b, 1.0, Par::Seq);
}

/// The derivative of cofactors at a diagonal matrix.
struct AtDiagonal<'a> {
    singular: &'a [f64],
    along: &'a [Mat<f64>],
    result: &'a mut Mat<f64>,
}

impl AtDiagonal<'_> {
    fn fill(&mut self) {
        self.result.fill(0.0);
        let mut set = Vec::with_capacity(self.along.len() + 1);
        self.sets(&mut set, 0);
    }

    /// Every set of one index more than there are matrices, from those that begin with `set`.
    fn sets(&mut self, set: &mut Vec<usize>, from: usize) {
        if set.len() == self.along.len() + 1 {
            let others = (0..self.singular.len()).filter(|index| !set.contains(index));
            let weight = others.map(|index| self.singular[index]).product();
            return self.place(set, 0, Placed { columns: 0, used: 0, hole: None }, weight);
        }
        for index in from..self.singular.len() {
            set.push(index);
            self.sets(set, index + 1);
            set.pop();
        }
    }

    /// Each row of the set takes a column that is left, and either an entry of a matrix that is left, or the hole: the
    /// entry of the cofactors to which the product belongs.
    fn place(&mut self, set: &[usize], row: usize, placed: Placed, product: f64) {
        let Some(&i) = set.get(row) else {
            let (i, j) = placed.hole.expect("there is a row more than there are matrices");
            self.result[(i, j)] += product;
            return;
        };
        for (column, &j) in set.iter().enumerate().filter(|(column, _)| placed.columns >> column & 1 == 0) {
            // Each column behind it that is taken already is an exchange.
            let sign = if (placed.columns >> column).count_ones().is_multiple_of(2) { product } else { -product };
            let columns = placed.columns | 1 << column;
            if placed.hole.is_none() {
                self.place(set, row + 1, Placed { columns, hole: Some((i, j)), ..placed }, sign);
            }
            for k in (0..self.along.len()).filter(|k| placed.used >> k & 1 == 0) {
                let product = sign * self.along[k][(i, j)];
                self.place(set, row + 1, Placed { columns, used: placed.used | 1 << k, ..placed }, product);
            }
        }
    }
}

/// Which columns and matrices are taken, one bit for each, and where the hole is.
#[derive(Clone, Copy)]
struct Placed {
    columns: u64,
    used: u64,
    hole: Option<(usize, usize)>,
}
