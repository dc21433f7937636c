//! Spatial weights to try things on. Unless a name says otherwise they are directed: no test may pass by symmetry.

use kronograph::ops::samples::Stream;
use kronograph::prelude::*;

/// Row-standardised weights of n regions, each with some others as its neighbours, whether they like it or not.
pub(crate) fn directed(n: usize, format: Format, seed: u64) -> SparseMatrix {
    let random = &mut Stream::new(seed);
    let mut triplets = Vec::new();
    for i in 0..n {
        for step in [1, 1 + random.below(n - 1)] {
            triplets.push((i, (i + step) % n, 0.5 + random.unit()));
        }
    }
    from_triplets(format, [n, n], &triplets).unwrap().row_standardized()
}

/// A square grid of regions with their neighbours in the rows and columns, row-standardised: not symmetric, but `D⁻¹ C`.
pub(crate) fn rook(side: usize, format: Format) -> SparseMatrix {
    let n = side * side;
    let mut triplets = Vec::new();
    for i in 0..n {
        if i % side + 1 < side {
            triplets.extend([(i, i + 1, 1.0), (i + 1, i, 1.0)]);
        }
        if i + side < n {
            triplets.extend([(i, i + side, 1.0), (i + side, i, 1.0)]);
        }
    }
    from_triplets(format, [n, n], &triplets).unwrap().row_standardized()
}

/// A chain in which each region leans on the next one: nilpotent, as far from diagonalisable as can be.
pub(crate) fn chain(n: usize) -> SparseMatrix {
    let triplets: Vec<_> = (1..n).map(|i| (i - 1, i, 1.0)).collect();
    from_triplets(Format::Csr, [n, n], &triplets).unwrap()
}

/// A chain in which each region leans on both neighbours, unequally. It is similar to a symmetric one, by a scaling that
/// grows along the chain.
pub(crate) fn drift(n: usize, [to_next, to_last]: [f64; 2]) -> SparseMatrix {
    let triplets: Vec<_> = (1..n).flat_map(|i| [(i - 1, i, to_next), (i, i - 1, to_last)]).collect();
    from_triplets(Format::Csr, [n, n], &triplets).unwrap()
}

/// A grid and beside it an island without neighbours, and explicit zeros.
pub(crate) fn with_island() -> SparseMatrix {
    let grid = rook(2, Format::Csr).to_dense().unwrap().to_vec::<f64>().unwrap();
    let mut triplets: Vec<_> = (0..16).map(|at| (at / 4, at % 4, grid[at])).collect();
    triplets.push((0, 4, 0.0));
    from_triplets(Format::Csr, [5, 5], &triplets).unwrap()
}

/// A region that nobody leans on it back: its row is empty, its column is not.
pub(crate) fn with_sink() -> SparseMatrix {
    from_triplets(Format::Csc, [3, 3], &[(0, 1, 0.5), (0, 2, 0.5), (1, 0, 1.0)]).unwrap()
}

/// One region, which leans on itself.
pub(crate) fn alone() -> SparseMatrix {
    from_triplets(Format::Csr, [1, 1], &[(0, 0, 0.5)]).unwrap()
}

/// Regions without any neighbours: nothing is stored.
pub(crate) fn empty(n: usize) -> SparseMatrix {
    from_triplets(Format::Csc, [n, n], &[]).unwrap()
}

/// A directed W whose rows are stored back to front, with explicit zeros.
pub(crate) fn unsorted() -> SparseMatrix {
    let data = vec![0.0, 0.4, 0.6, 1.0, 0.3, 0.7, 0.0];
    SparseMatrix::new(Format::Csr, [4, 4], data, vec![3, 2, 1, 2, 3, 0, 1], vec![0, 3, 4, 6, 7]).unwrap()
}
