//! The sums of all rows and of all columns of a matrix, in one pass over it.
//!
//! Sums are made in f64 and in blocks, so that rounding grows with the length of a block and with their number, not
//! with the number of elements.

use super::dispatch::widest;

/// A number that is summed in f64.
pub(crate) trait Addend: Copy + Into<f64> {
    /// Adds every row of `x` to `columns`, and writes the sum of each row to `rows`; `block` is as long as `columns`.
    fn axis_sums(x: &[Self], columns: &mut [f64], rows: &mut [f64], block: &mut [f64]);
}

widest! {
    /// Sums of f64.
    pub(crate) fn sums_of_f64(x: &[f64], columns: &mut [f64], rows: &mut [f64], block: &mut [f64]) = f64_sums;

    /// Sums of f32.
    pub(crate) fn sums_of_f32(x: &[f32], columns: &mut [f64], rows: &mut [f64], block: &mut [f64]) = f32_sums;
}

macro_rules! addends {
    ($($t:ty: $sums:ident, $body:ident;)+) => { $(
        impl Addend for $t {
            fn axis_sums(x: &[Self], columns: &mut [f64], rows: &mut [f64], block: &mut [f64]) {
                $sums(x, columns, rows, block);
            }
        }

        #[inline(always)]
        fn $body<const LANES: usize>(x: &[$t], columns: &mut [f64], rows: &mut [f64], block: &mut [f64]) {
            sums(x, columns, rows, block);
        }
    )+ };
}

addends! {
    f64: sums_of_f64, f64_sums;
    f32: sums_of_f32, f32_sums;
}

/// So many rows are added up before they are added to the columns' sums.
const ROWS: usize = 1024;

/// So many columns are added up before they are added to a row's sum.
const COLUMNS: usize = 4096;

/// Partial sums of a row.
const P: usize = 8;

#[inline(always)]
fn sums<T: Addend>(x: &[T], columns: &mut [f64], rows: &mut [f64], block: &mut [f64]) {
    let d = columns.len().max(1);
    for (x, rows) in x.chunks(ROWS * d).zip(rows.chunks_mut(ROWS)) {
        block.fill(0.0);
        let (fours, rest) = rows.as_chunks_mut::<4>();
        let (x_fours, x_rest) = x.split_at(4 * d * fours.len());
        for (sums, x) in fours.iter_mut().zip(x_fours.chunks_exact(4 * d)) {
            add_rows::<T, 4>(x, sums, block);
        }
        for (sum, x) in rest.iter_mut().zip(x_rest.chunks_exact(d)) {
            add_rows::<T, 1>(x, std::array::from_mut(sum), block);
        }
        for (column, sum) in columns.iter_mut().zip(block.iter()) {
            *column += *sum;
        }
    }
}

/// Adds R rows to `block`, and writes their sums.
#[inline(always)]
fn add_rows<T: Addend, const R: usize>(x: &[T], sums: &mut [f64; R], block: &mut [f64]) {
    let d = block.len();
    *sums = [0.0; R];
    let mut at = 0;
    while at < d {
        let end = (at + COLUMNS).min(d);
        let mut lanes = [[0.0; P]; R];
        while at + P <= end {
            let to: &mut [f64; P] = block[at..].first_chunk_mut().expect("there are P columns up to the end");
            let mut total = [0.0; P];
            for r in 0..R {
                let part: &[T; P] = x[r * d + at..].first_chunk().expect("a row is as long as the block");
                for c in 0..P {
                    let x: f64 = part[c].into();
                    lanes[r][c] += x;
                    total[c] += x;
                }
            }
            for c in 0..P {
                to[c] += total[c];
            }
            at += P;
        }
        for r in 0..R {
            let [a, b, c, d, e, f, g, h] = lanes[r];
            sums[r] += ((a + b) + (c + d)) + ((e + f) + (g + h));
        }
        while at < end {
            for r in 0..R {
                let x: f64 = x[r * d + at].into();
                sums[r] += x;
                block[at] += x;
            }
            at += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shape_is_summed_along_both_axes() {
        for (m, n) in [(1, 1), (4, 8), (5, 9), (3, 17), (1025, 3), (2, 4100), (0, 3)] {
            let x: Vec<f32> = (0..m * n).map(|i| ((i * 7) % 11) as f32 - 4.0).collect();
            let (mut columns, mut rows, mut block) = (vec![0.0; n], vec![f64::NAN; m], vec![f64::NAN; n]);
            f32::axis_sums(&x, &mut columns, &mut rows, &mut block);
            // Whole numbers: every order of additions is exact.
            let at = |i: usize, j: usize| f64::from(x[i * n + j]);
            assert!((0..m).all(|i| rows[i] == (0..n).map(|j| at(i, j)).sum::<f64>()), "rows of {m} by {n}");
            assert!((0..n).all(|j| columns[j] == (0..m).map(|i| at(i, j)).sum::<f64>()), "columns of {m} by {n}");
        }
    }

    #[test]
    fn a_million_tenths_lose_less_than_a_hundredth_of_what_plain_addition_loses() {
        let x = vec![0.1; 1 << 20];
        let (mut columns, mut rows, mut block) = ([0.0], vec![0.0; x.len()], [0.0]);
        f64::axis_sums(&x, &mut columns, &mut rows, &mut block);
        // 0.1 has 53 bits, so its double at a power of two is exact.
        let exact = 0.1 * (1 << 20) as f64;
        let plain: f64 = x.iter().sum();
        assert!((columns[0] - exact).abs() * 100.0 < (plain - exact).abs());
    }
}
