//! Sums of one run of numbers, and small products of a matrix with a vector; each in one fixed order of additions.

/// The sum in eight interleaved partial sums: fast, and more accurate than one.
pub(crate) fn blocked_sum(slice: &[f64]) -> f64 {
    let mut lanes = [0.0; 8];
    let chunks = slice.chunks_exact(8);
    let rest: f64 = chunks.remainder().iter().sum();
    chunks.for_each(|chunk| lanes.iter_mut().zip(chunk).for_each(|(lane, x)| *lane += x));
    lanes.iter().sum::<f64>() + rest
}

/// [`blocked_sum`] of registers that lie anywhere.
pub(crate) fn picked_sum(x: &[f64], at: &[u32]) -> f64 {
    let mut lanes = [0.0; 8];
    let chunks = at.chunks_exact(8);
    let rest: f64 = chunks.remainder().iter().map(|&at| x[at as usize]).sum();
    chunks.for_each(|chunk| lanes.iter_mut().zip(chunk).for_each(|(lane, &at)| *lane += x[at as usize]));
    lanes.iter().sum::<f64>() + rest
}

/// `Σ_k x[k step] y[k]` in eight interleaved partial sums.
pub(crate) fn blocked_dot<T: Copy + Into<f64>>(x: &[T], step: usize, y: &[f64]) -> f64 {
    if let [y] = y {
        return x[0].into() * y;
    }
    let mut lanes = [0.0; 8];
    if step == 1 {
        for (x, y) in x[..y.len()].chunks(8).zip(y.chunks(8)) {
            lanes.iter_mut().zip(x.iter().zip(y)).for_each(|(lane, (x, y))| *lane += (*x).into() * y);
        }
    } else {
        y.iter().enumerate().for_each(|(k, y)| lanes[k % 8] += x[k * step].into() * y);
    }
    lanes.iter().sum()
}

/// `out[r] = Σ_k m[r, k] v[k]`, the matrix row by row.
pub(crate) fn product_of_rows(matrix: &[f64], vector: &[f64], out: &mut [f64]) {
    for (row, out) in matrix.chunks_exact(vector.len()).zip(out) {
        *out = row.iter().zip(vector).fold(0.0, |sum, (a, b)| sum + a * b);
    }
}

/// The same sums in the same order, the matrix column by column.
pub(crate) fn product_of_columns(matrix: &[f64], vector: &[f64], out: &mut [f64]) {
    out.fill(0.0);
    for (column, b) in matrix.chunks_exact(out.len()).zip(vector) {
        out.iter_mut().zip(column).for_each(|(out, a)| *out += a * b);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_forms_of_a_sum_agree_to_the_bit() {
        let x: Vec<f64> = (0..77).map(|i| (f64::from(i) * 0.7).sin() * 1e3).collect();
        let at: Vec<u32> = (0..77).collect();
        assert_eq!(blocked_sum(&x).to_bits(), picked_sum(&x, &at).to_bits());
        let transposed: Vec<f64> = (0..77).map(|at| x[(at % 7) * 11 + at / 7]).collect();
        let (mut rows, mut columns) = ([0.0; 7], [1.0; 7]);
        product_of_rows(&x, &x[..11], &mut rows);
        product_of_columns(&transposed, &x[..11], &mut columns);
        assert_eq!(rows.map(f64::to_bits), columns.map(f64::to_bits));
    }
}
