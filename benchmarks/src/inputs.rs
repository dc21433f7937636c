//! Inputs without a library's generator: SplitMix64 streams, two families of graphs, and a checksum.

use kronograph::prelude::*;
use kronograph::sparse::SparseError;

/// The stream of a seed: SplitMix64 started there. Arithmetic wraps.
pub fn u64s(seed: u64) -> impl Iterator<Item = u64> {
    (1u64..).map(move |i| {
        let z = seed.wrapping_add(i.wrapping_mul(0x9E37_79B9_7F4A_7C15));
        let z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    })
}

/// The first `length` numbers of a stream as floats in [0, 1): the upper 53 bits.
pub fn u01(seed: u64, length: usize) -> Vec<f64> {
    u64s(seed).take(length).map(|z| (z >> 11) as f64 * 0.5f64.powi(53)).collect()
}

/// The first `length` numbers of a stream as floats in [-1, 1).
pub fn sym(seed: u64, length: usize) -> Vec<f64> {
    u01(seed, length).into_iter().map(|u| 2.0 * u - 1.0).collect()
}

/// The numbers times a factor.
pub fn scaled(factor: f64, numbers: Vec<f64>) -> Vec<f64> {
    numbers.into_iter().map(|x| factor * x).collect()
}

/// The checksum `sum_i x_i (1 + (i mod 13) / 13)`.
pub fn chk(x: impl IntoIterator<Item = f64>) -> f64 {
    x.into_iter().enumerate().map(|(i, x)| x * (1.0 + (i % 13) as f64 / 13.0)).sum()
}

/// Row-standardised rook contiguity of n cells, cell k at `(k / c, k mod c)`, on `floor(sqrt n)` rows.
///
/// # Errors
///
/// When n is too large for 32-bit indices.
pub fn rook(n: usize) -> Result<SparseMatrix, SparseError> {
    let columns = n.div_ceil(n.isqrt().max(1)).max(1);
    let neighbours = |k: usize| {
        let (left, right) = (!k.is_multiple_of(columns), k % columns + 1 < columns && k + 1 < n);
        let candidates = [
            (k >= columns).then(|| k - columns),
            left.then(|| k - 1),
            right.then_some(k + 1),
            (k + columns < n).then_some(k + columns),
        ];
        candidates.into_iter().flatten().map(move |j| (k, j, 1.0))
    };
    let links: Vec<_> = (0..n).flat_map(neighbours).collect();
    Ok(from_triplets(Format::Csr, [n, n], &links)?.row_standardized())
}

/// The six nearest neighbours, each with weight 1/6, of n points of the R2 sequence; ties go to the lower index.
///
/// # Errors
///
/// When n is too large for 32-bit indices, or there are no six others.
pub fn knn6(n: usize) -> Result<SparseMatrix, SparseError> {
    let point = |i: usize| ((i as f64 * 0.7548776662466927) % 1.0, (i as f64 * 0.5698402909980532) % 1.0);
    let points: Vec<_> = (1..=n).map(point).collect();
    let mut links = Vec::with_capacity(6 * n);
    for (k, (x, y)) in points.iter().enumerate() {
        let distance = |j: usize| (x - points[j].0).powi(2) + (y - points[j].1).powi(2);
        let mut others: Vec<(f64, usize)> = (0..n).filter(|&j| j != k).map(|j| (distance(j), j)).collect();
        others.sort_by(|a, b| a.0.total_cmp(&b.0));
        links.extend(others.iter().take(6).map(|&(_, j)| (k, j, 1.0 / 6.0)));
    }
    from_triplets(Format::Csr, [n, n], &links)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_are_splitmix64() {
        // The first outputs of the published generator, started at 0.
        let want = [0xE220_A839_7B1D_CDAF, 0x6E78_9E6A_A1B9_65F4, 0x06C4_5D18_8009_454F];
        assert_eq!(u64s(0).take(3).collect::<Vec<_>>(), want);
        assert!(sym(1, 100).iter().all(|x| (-1.0..1.0).contains(x)));
    }

    #[test]
    fn rook_cells_touch_along_edges() -> Result<(), SparseError> {
        // Seven cells on two rows of four: 0 1 2 3 / 4 5 6.
        let w = rook(7)?;
        assert_eq!(w.nnz(), 16);
        assert_eq!(w.pattern().indices()[..6], [1, 4, 0, 2, 5, 1]);
        assert_eq!(w.pattern().range(3).len(), 1);
        Ok(())
    }

    #[test]
    fn every_point_has_six_neighbours() -> Result<(), SparseError> {
        let w = knn6(40)?;
        assert!((0..40).all(|k| w.pattern().range(k).len() == 6));
        Ok(())
    }
}
