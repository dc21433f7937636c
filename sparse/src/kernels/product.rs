//! Products with a row-major dense matrix of any width, and their adjoint.

use super::dispatch::{multiply_add, widest};

/// `y = S x` for S in CSR: `y` has one row of `width` numbers for each row of S.
pub(crate) fn gather_rows(indptr: &[u32], indices: &[u32], data: &[f64], x: &[f64], width: usize, y: &mut [f64]) {
    y.fill(0.0);
    if width == 0 {
        return;
    }
    for (row, y) in y.chunks_exact_mut(width).enumerate() {
        let span = indptr[row] as usize..indptr[row + 1] as usize;
        if let [y] = y {
            *y = indices[span.clone()].iter().zip(&data[span]).map(|(&col, a)| a * x[col as usize]).sum();
            continue;
        }
        for (&col, a) in indices[span.clone()].iter().zip(&data[span]) {
            let x = &x[col as usize * width..][..width];
            y.iter_mut().zip(x).for_each(|(y, x)| *y += a * x);
        }
    }
}

/// `y = S x` for S in CSC: `x` has one row of `width` numbers for each column of S.
pub(crate) fn scatter_columns(indptr: &[u32], indices: &[u32], data: &[f64], x: &[f64], width: usize, y: &mut [f64]) {
    y.fill(0.0);
    if width == 0 {
        return;
    }
    for (col, x) in x.chunks_exact(width).enumerate() {
        let span = indptr[col] as usize..indptr[col + 1] as usize;
        for (&row, a) in indices[span.clone()].iter().zip(&data[span]) {
            let y = &mut y[row as usize * width..][..width];
            y.iter_mut().zip(x).for_each(|(y, x)| *y += a * x);
        }
    }
}

/// Rows of a panel: row i is `width` numbers from `i * stride` on.
#[derive(Clone, Copy)]
pub(crate) struct Rows<'a> {
    pub(crate) data: &'a [f64],
    pub(crate) stride: usize,
}

impl<'a> Rows<'a> {
    #[inline(always)]
    fn row(self, i: usize, width: usize) -> &'a [f64] {
        &self.data[i * self.stride..][..width]
    }
}

widest! {
    /// Adds to each stored entry the inner product of the row of `slices` that its slice has and the row of `others`
    /// that its index has.
    pub(crate) fn add_sampled_products(
        indptr: &[u32],
        indices: &[u32],
        slices: Rows<'_>,
        others: Rows<'_>,
        width: usize,
        out: &mut [f64],
    ) = sampled_products;
}

#[inline(always)]
fn sampled_products<const LANES: usize>(
    indptr: &[u32],
    indices: &[u32],
    slices: Rows<'_>,
    others: Rows<'_>,
    width: usize,
    out: &mut [f64],
) {
    for slice in 0..indptr.len() - 1 {
        let row = slices.row(slice, width);
        let span = indptr[slice] as usize..indptr[slice + 1] as usize;
        for (&index, out) in indices[span.clone()].iter().zip(&mut out[span]) {
            *out += inner_product::<LANES>(row, others.row(index as usize, width));
        }
    }
}

/// The inner product of two runs of one length, in eight interleaved partial sums.
#[inline(always)]
fn inner_product<const LANES: usize>(a: &[f64], b: &[f64]) -> f64 {
    let ((a, rest_a), (b, rest_b)) = (a.as_chunks::<8>(), b.as_chunks::<8>());
    let mut lanes = [0.0; 8];
    for (a, b) in a.iter().zip(b) {
        for k in 0..8 {
            lanes[k] = multiply_add::<LANES>(a[k], b[k], lanes[k]);
        }
    }
    let mut total = 0.0;
    for (a, b) in rest_a.iter().zip(rest_b) {
        total = multiply_add::<LANES>(*a, *b, total);
    }
    for lane in lanes {
        total += lane;
    }
    total
}
