//! Products with a row-major dense matrix of any width, and their adjoint.

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

/// The inner product of two runs, in eight interleaved partial sums.
pub(crate) fn dot(a: &[f64], b: &[f64]) -> f64 {
    let mut lanes = [0.0; 8];
    let (chunks_a, chunks_b) = (a.chunks_exact(8), b.chunks_exact(8));
    let rest: f64 = chunks_a.remainder().iter().zip(chunks_b.remainder()).map(|(a, b)| a * b).sum();
    for (a, b) in chunks_a.zip(chunks_b) {
        lanes.iter_mut().zip(a.iter().zip(b)).for_each(|(lane, (a, b))| *lane += a * b);
    }
    lanes.iter().sum::<f64>() + rest
}
