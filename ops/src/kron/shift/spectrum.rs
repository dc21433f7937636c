//! The numbers behind shifted Kronecker products: eigenvalues, and changes to the basis of the vectors and back.

use faer::linalg::matmul::matmul;
use faer::{Accum, MatMut, MatRef, Par};
use kronograph_graph::{BuildError, Inputs, OpFailure, Result, Variable};
use smallvec::SmallVec;

use crate::dtype::DType;
use crate::elemwise::cast;
use crate::linalg::{LinalgError, SymmetricEigen, eigh_factor_type};
use crate::tensor::{Extents, Tensor, tensor_type};

/// Checks the first inputs of an op: so many factors and a scalar, which is cast to f64.
#[track_caller]
pub(super) fn checked(op: &'static str, count: usize, inputs: &[Variable]) -> Result<Vec<Variable>> {
    if count == 0 || inputs.len() <= count {
        return Err(BuildError::arity(op, count.max(1) + 1, inputs));
    }
    for factor in &inputs[..count] {
        eigh_factor_type(op, factor)?;
    }
    if tensor_type(op, &inputs[count])?.rank() != 0 {
        return Err(BuildError::inputs(op, &inputs[count..=count], "the shift is a scalar"));
    }
    let mut inputs = inputs.to_vec();
    inputs[count] = cast(&inputs[count], DType::F64)?;
    Ok(inputs)
}

/// The decompositions of the factors, and the shift.
pub(super) struct Spectrum<'a> {
    pub(super) factors: SmallVec<[&'a SymmetricEigen; 4]>,
    pub(super) shift: f64,
}

impl<'a> Spectrum<'a> {
    pub(super) fn of(inputs: &Inputs<'a>, count: usize) -> Result<Self, OpFailure> {
        let factors = (0..count).map(|k| SymmetricEigen::of(inputs, k)).collect::<Result<_, _>>()?;
        let shift = inputs.get::<Tensor>(count)?.view::<f64>().map_err(|_| OpFailure::WrongValue(count))?;
        Ok(Self { factors, shift: shift.first().copied().ok_or(OpFailure::WrongValue(count))? })
    }

    pub(super) fn orders(&self) -> Extents {
        self.factors.iter().map(|factor| factor.values().len()).collect()
    }

    /// Writes the eigenvalues of the Kronecker product, without the shift, the last index fastest.
    pub(super) fn write_products(&self, all: &mut Vec<f64>) {
        all.clear();
        all.resize(self.orders().iter().product(), 1.0);
        let mut behind = all.len();
        for factor in &self.factors {
            let values = factor.values();
            behind /= values.len().max(1);
            for (i, run) in all.chunks_exact_mut(behind.max(1)).enumerate() {
                run.iter_mut().for_each(|x| *x *= values[i % values.len()]);
            }
        }
    }

    /// Writes the eigenvalues of the inverse.
    pub(super) fn write_inverses(&self, all: &mut Vec<f64>) -> Result<(), LinalgError> {
        self.write_products(all);
        let largest = all.iter().fold(0.0f64, |largest, x| largest.max(x.abs())).max(self.shift.abs());
        for (pivot, x) in all.iter_mut().enumerate() {
            let eigenvalue = *x + self.shift;
            if !eigenvalue.is_finite() {
                return Err(LinalgError::NotFinite { pivot });
            }
            if eigenvalue.abs() <= f64::EPSILON * largest {
                return Err(LinalgError::Singular { pivot });
            }
            *x = eigenvalue.recip();
        }
        Ok(())
    }
}

/// A matrix applied along one axis of a tensor of `before` times d times `after` elements, d its order.
pub(super) fn along(m: MatRef<'_, f64>, [before, after]: [usize; 2], from: &[f64], to: &mut [f64]) {
    let d = m.nrows();
    if from.is_empty() {
        return;
    }
    if after == 1 {
        let (from, to) =
            (MatRef::from_row_major_slice(from, before, d), MatMut::from_row_major_slice_mut(to, before, d));
        return matmul(to, Accum::Replace, from, m.transpose(), 1.0, Par::Seq);
    }
    for (from, to) in from.chunks_exact(d * after).zip(to.chunks_exact_mut(d * after)) {
        let (from, to) = (MatRef::from_row_major_slice(from, d, after), MatMut::from_row_major_slice_mut(to, d, after));
        matmul(to, Accum::Replace, m, from, 1.0, Par::Seq);
    }
}

/// How many elements lie before and behind axis k of a tensor, between as many outside of it.
pub(super) fn around(orders: &[usize], k: usize, [before, after]: [usize; 2]) -> [usize; 2] {
    [before * orders[..k].iter().product::<usize>(), after * orders[k + 1..].iter().product::<usize>()]
}

/// Matrices applied along all axes but the omitted one, in place; `spare` is overwritten.
pub(super) fn along_all<'m>(
    orders: &[usize],
    outside: [usize; 2],
    x: &mut Vec<f64>,
    spare: &mut Vec<f64>,
    matrices: impl Fn(usize) -> Option<MatRef<'m, f64>>,
) {
    spare.resize(x.len(), 0.0);
    for k in 0..orders.len() {
        if let Some(m) = matrices(k) {
            along(m, around(orders, k, outside), x, spare);
            std::mem::swap(x, spare);
        }
    }
}
