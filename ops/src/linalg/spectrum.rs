//! What decompositions share: scaling, the signs of vectors, differences of eigenvalues that may vanish.

use faer::Mat;
use kronograph_graph::{Result, Variable, origin};

use crate::dtype::DType;
use crate::elemwise::{abs, le, mul, reciprocal, sub, switch};
use crate::layout::expand_dims;
use crate::reduce::sum_axes;
use crate::tensor::tensor_type;

/// A power of two that brings a matrix of very large or very small entries near 1, so that no square of one overflows
/// or vanishes; 1 for all others.
pub(super) fn scale_of(a: &Mat<f64>) -> f64 {
    let columns = (0..a.ncols()).flat_map(|j| a.col_as_slice(j));
    let largest = columns.fold(0.0f64, |largest, x| largest.max(x.abs()));
    if largest == 0.0 || (1e-100..1e100).contains(&largest) {
        return 1.0;
    }
    (-largest.log2().round()).clamp(-1000.0, 1000.0).exp2()
}

/// Multiplies every entry.
pub(super) fn scale(a: &mut Mat<f64>, by: f64) {
    if by != 1.0 {
        (0..a.ncols()).for_each(|j| a.col_as_slice_mut(j).iter_mut().for_each(|x| *x *= by));
    }
}

/// Entries that are this near to the largest one count as equally large.
const EQUALLY_LARGE: f64 = 0.9;

/// Whether a vector has the other sign than the one it is given here: the first of its largest entries is positive.
pub(super) fn points_back(vector: &[f64]) -> bool {
    let largest = vector.iter().fold(0.0f64, |largest, x| largest.max(x.abs()));
    vector.iter().find(|x| x.abs() >= EQUALLY_LARGE * largest).is_some_and(|x| *x < 0.0)
}

/// Negates a vector.
pub(super) fn turn(vector: &mut [f64]) {
    vector.iter_mut().for_each(|x| *x = -*x);
}

/// Eigenvalues (or singular values) count as equal when they differ by no more than this many units of rounding of the
/// sum of the sizes of all.
const EQUAL: f64 = 8.0;

/// `F[i, j] = 1 / (w[j] - w[i])`, and 0 where the two count as equal, of vectors along the last axis.
///
/// Derivatives of eigenvectors are made of it. Where two eigenvalues are equal, the vectors may be any basis of their
/// common space and have no derivative; 0 is right for every function that does not depend on the choice of the basis.
pub(super) fn reciprocal_gaps(w: &Variable) -> Result<Variable> {
    reciprocal_or_zero(&sub(&along_columns(w)?, &along_rows(w)?)?, w)
}

/// The reciprocal, and 0 where `x` counts as zero beside eigenvalues `w`: vectors along the last axis of as many
/// leading axes.
pub(super) fn reciprocal_or_zero(x: &Variable, w: &Variable) -> Result<Variable> {
    let _scope = origin::here();
    let ty = tensor_type("reciprocal_or_zero", w)?;
    let (last, dtype) = (ty.rank() - 1, ty.dtype());
    let unit = if dtype == DType::F32 { f64::from(f32::EPSILON) } else { f64::EPSILON };
    let size = mul(&sum_axes(&abs(w)?, &[last])?, EQUAL * unit)?;
    let core: Vec<usize> = (last..x.ty().extents().len()).collect();
    let zero = le(&abs(x)?, &expand_dims(&size, &core)?)?;
    switch(&zero, 0.0, &reciprocal(&switch(&zero, 1.0, x)?)?)
}

/// A vector along the last axis as a row: to multiply the columns of a matrix by.
pub(super) fn along_columns(w: &Variable) -> Result<Variable> {
    expand_dims(w, &[w.ty().extents().len() - 1])
}

/// A vector along the last axis as a column: to multiply the rows of a matrix by.
pub(super) fn along_rows(w: &Variable) -> Result<Variable> {
    expand_dims(w, &[w.ty().extents().len()])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_size_is_brought_near_one_by_a_power_of_two() {
        for size in [5e-324, 1e-310, 1e-200, 1e-99, 1.0, 1e99, 1e200, f64::MAX] {
            let by = scale_of(&Mat::from_fn(2, 2, |i, _| if i == 0 { -size } else { 0.0 }));
            assert!(by.is_normal() && by.log2().fract() == 0.0, "{size:e}: {by:e}");
            assert!((1e-100..1e100).contains(&(size * by)), "{size:e} becomes {:e}", size * by);
        }
        assert_eq!(scale_of(&Mat::zeros(2, 2)), 1.0);
    }
}
