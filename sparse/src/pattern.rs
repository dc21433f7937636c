//! Where a sparse matrix stores entries, apart from what they are.
//!
//! A pattern is shared between matrices by `Arc`: whoever keeps symbolic work keys it on that. It does not know
//! whether its slices are rows or columns; the matrix does.

use crate::matrix::SparseError;

/// Stored positions, slice by slice ("major" is the axis of the slices, "minor" the other one).
///
/// Indices within a slice may be unsorted; there are no duplicates.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Pattern {
    minor: usize,
    indptr: Vec<u32>,
    indices: Vec<u32>,
}

impl Pattern {
    /// Checks and takes over `indptr` and `indices` (SciPy's words) for slices of length `minor`.
    ///
    /// # Errors
    ///
    /// An `indptr` that does not start at 0, decreases or does not end at the number of indices; an index out of
    /// range; a position that is stored twice; sizes beyond 32 bits.
    pub fn new(minor: usize, indptr: Vec<usize>, indices: Vec<usize>) -> Result<Self, SparseError> {
        let narrow = |values: Vec<usize>| values.into_iter().map(u32::try_from).collect::<Result<Vec<_>, _>>();
        check_indptr(&indptr, indices.len())?;
        if let Some(slot) = indices.iter().position(|&index| index >= minor) {
            return Err(SparseError::Index { slot, index: indices[slot], minor });
        }
        let too_large = |_| SparseError::TooLarge;
        if u32::try_from(minor).is_err() {
            return Err(SparseError::TooLarge);
        }
        let pattern =
            Self { minor, indptr: narrow(indptr).map_err(too_large)?, indices: narrow(indices).map_err(too_large)? };
        pattern.check_duplicates()?;
        Ok(pattern)
    }

    /// The square pattern of the diagonal.
    pub fn diagonal(size: u32) -> Self {
        Self { minor: size as usize, indptr: (0..=size).collect(), indices: (0..size).collect() }
    }

    fn check_duplicates(&self) -> Result<(), SparseError> {
        let mut last_seen = vec![u32::MAX; self.minor];
        for slice in 0..self.major() {
            for &index in self.slice(slice) {
                if std::mem::replace(&mut last_seen[index as usize], slice as u32) == slice as u32 {
                    return Err(SparseError::Duplicate { slice, index: index as usize });
                }
            }
        }
        Ok(())
    }

    /// The number of slices.
    pub fn major(&self) -> usize {
        self.indptr.len() - 1
    }

    /// The length of a slice.
    pub fn minor(&self) -> usize {
        self.minor
    }

    /// The number of stored positions, explicit zeros included.
    pub fn nnz(&self) -> usize {
        self.indices.len()
    }

    /// Where each slice starts; one longer than the number of slices.
    pub fn indptr(&self) -> &[u32] {
        &self.indptr
    }

    /// The minor index of each slot.
    pub fn indices(&self) -> &[u32] {
        &self.indices
    }

    /// The slots of a slice.
    pub fn range(&self, slice: usize) -> std::ops::Range<usize> {
        self.indptr[slice] as usize..self.indptr[slice + 1] as usize
    }

    /// The minor indices of a slice.
    pub fn slice(&self, slice: usize) -> &[u32] {
        &self.indices[self.range(slice)]
    }

    /// Whether the indices ascend within every slice.
    pub fn is_sorted(&self) -> bool {
        (0..self.major()).all(|slice| self.slice(slice).is_sorted())
    }

    /// The union of patterns of one shape, with sorted indices.
    pub(crate) fn union(patterns: &[&Pattern]) -> Self {
        let mut union = Self { minor: patterns[0].minor, indptr: vec![0], indices: Vec::new() };
        for slice in 0..patterns[0].major() {
            let from = union.indices.len();
            patterns.iter().for_each(|pattern| union.indices.extend(pattern.slice(slice)));
            let mut merged = union.indices.split_off(from);
            merged.sort_unstable();
            merged.dedup();
            union.indices.extend(merged);
            union.indptr.push(union.indices.len() as u32);
        }
        union
    }

    /// The pattern of a Kronecker product: slots of one pair of slices stand together, the slots of `other` varying
    /// fastest, so sorted factors have a sorted product.
    ///
    /// # Errors
    ///
    /// When the product does not fit into 32 bits.
    pub(crate) fn kron(&self, other: &Pattern) -> Result<Self, SparseError> {
        let fits = |a: usize, b: usize| {
            let product = a.checked_mul(b).filter(|&product| u32::try_from(product).is_ok());
            product.ok_or(SparseError::TooLarge)
        };
        let (major, minor) = (fits(self.major(), other.major())?, fits(self.minor, other.minor)?);
        let nnz = fits(self.nnz(), other.nnz())?;
        let (mut indptr, mut indices) = (Vec::with_capacity(major + 1), Vec::with_capacity(nnz));
        indptr.push(0);
        for i in 0..self.major() {
            for k in 0..other.major() {
                for &left in self.slice(i) {
                    indices.extend(other.slice(k).iter().map(|&right| left * other.minor as u32 + right));
                }
                indptr.push(indices.len() as u32);
            }
        }
        Ok(Self { minor, indptr, indices })
    }

    /// Calls `visit(s, t)` for each slot of the product that [`kron`](Self::kron) makes, in its order.
    pub(crate) fn for_each_pair(&self, other: &Pattern, mut visit: impl FnMut(usize, usize)) {
        for i in 0..self.major() {
            for k in 0..other.major() {
                for s in self.range(i) {
                    other.range(k).for_each(|t| visit(s, t));
                }
            }
        }
    }

    /// For each slot, the slot of the same position in `other` (of the same shape); `u32::MAX` where there is none.
    pub(crate) fn slots_in(&self, other: &Pattern) -> Vec<u32> {
        let mut place = vec![u32::MAX; self.minor];
        let mut slots = Vec::with_capacity(self.nnz());
        for slice in 0..self.major() {
            other.range(slice).for_each(|slot| place[other.indices[slot] as usize] = slot as u32);
            slots.extend(self.slice(slice).iter().map(|&index| place[index as usize]));
            other.slice(slice).iter().for_each(|&index| place[index as usize] = u32::MAX);
        }
        slots
    }
}

fn check_indptr(indptr: &[usize], nnz: usize) -> Result<(), SparseError> {
    match (indptr.first(), indptr.last()) {
        (Some(0), Some(&last)) if last == nnz => {}
        _ => return Err(SparseError::IndptrEnds { first: indptr.first().copied(), last: indptr.last().copied(), nnz }),
    }
    match indptr.windows(2).position(|pair| pair[0] > pair[1]) {
        Some(slice) => Err(SparseError::IndptrDecreases { slice }),
        None => Ok(()),
    }
}
