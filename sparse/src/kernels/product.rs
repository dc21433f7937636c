//! Products with a row-major dense matrix of any width, and their adjoint.

use super::dispatch::{in_blocks, multiply_add, part, widest};

widest! {
    /// `y = S x` for S in CSR: `y` has one row of `width` numbers for each row of S.
    pub(crate) fn gather_rows(
        indptr: &[u32],
        indices: &[u32],
        data: &[f64],
        x: &[f64],
        width: usize,
        y: &mut [f64],
    ) = gather;

    /// `y = S x` for S in CSC: `x` has one row of `width` numbers for each column of S.
    pub(crate) fn scatter_columns(
        indptr: &[u32],
        indices: &[u32],
        data: &[f64],
        x: &[f64],
        width: usize,
        y: &mut [f64],
    ) = scatter;
}

#[inline(always)]
fn gather<const LANES: usize>(indptr: &[u32], indices: &[u32], data: &[f64], x: &[f64], width: usize, y: &mut [f64]) {
    for row in 0..indptr.len() - 1 {
        let span = indptr[row] as usize..indptr[row + 1] as usize;
        let (indices, data, y) = (&indices[span.clone()], &data[span], &mut y[row * width..][..width]);
        in_blocks!(LANES, width, at, gather_block(indices, data, x, width, at, y));
    }
}

/// The P columns from `at` on of one row of the product; gives P.
#[inline(always)]
fn gather_block<const P: usize, const LANES: usize>(
    indices: &[u32],
    data: &[f64],
    x: &[f64],
    width: usize,
    at: usize,
    y: &mut [f64],
) -> usize {
    let mut sum = [0.0; P];
    for (&index, &a) in indices.iter().zip(data) {
        let row = part::<P>(x, index as usize * width + at);
        for c in 0..P {
            sum[c] = multiply_add::<LANES>(a, row[c], sum[c]);
        }
    }
    y[at..][..P].copy_from_slice(&sum);
    P
}

#[inline(always)]
fn scatter<const LANES: usize>(indptr: &[u32], indices: &[u32], data: &[f64], x: &[f64], width: usize, y: &mut [f64]) {
    y.fill(0.0);
    for column in 0..indptr.len() - 1 {
        let (span, x) = (indptr[column] as usize..indptr[column + 1] as usize, &x[column * width..][..width]);
        for (&index, &a) in indices[span.clone()].iter().zip(&data[span]) {
            let y = &mut y[index as usize * width..][..width];
            for (y, x) in y.iter_mut().zip(x) {
                *y = multiply_add::<LANES>(a, *x, *y);
            }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn products_of_every_width_agree_with_single_columns() {
        // [[2, 0, 3], [0, 0, 0], [0, 5, 7]], by rows and by columns.
        let (indptr, indices, data) = ([0, 2, 2, 4], [0, 2, 1, 2], [2.0, 3.0, 5.0, 7.0]);
        let (starts, rows, values) = ([0, 1, 2, 4], [0, 2, 0, 2], [2.0, 5.0, 3.0, 7.0]);
        for width in [0, 1, 2, 3, 7, 16, 33, 64, 127] {
            let x: Vec<f64> = (0..3 * width).map(|k| k as f64).collect();
            let at = |row: usize, c: usize| x[row * width + c];
            let row =
                |row: usize, c: usize| [2.0 * at(0, c) + 3.0 * at(2, c), 0.0, 5.0 * at(1, c) + 7.0 * at(2, c)][row];
            let want: Vec<f64> = (0..3).flat_map(|r| (0..width).map(move |c| (r, c))).map(|(r, c)| row(r, c)).collect();
            let (mut gathered, mut scattered) = (vec![f64::NAN; 3 * width], vec![f64::NAN; 3 * width]);
            gather_rows(&indptr, &indices, &data, &x, width, &mut gathered);
            scatter_columns(&starts, &rows, &values, &x, width, &mut scattered);
            assert_eq!((&gathered, &scattered), (&want, &want), "width {width}");
            let mut sampled = vec![1.0; 4];
            let rows = Rows { data: &x, stride: width };
            add_sampled_products(&indptr, &indices, rows, rows, width, &mut sampled);
            let products =
                [(0, 0), (0, 2), (2, 1), (2, 2)].map(|(i, j)| (0..width).map(|c| at(i, c) * at(j, c)).sum::<f64>());
            assert_eq!(sampled, products.map(|product| 1.0 + product), "width {width}");
        }
    }
}
