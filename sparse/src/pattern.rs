//! Where a sparse matrix stores entries, apart from what they are.
//!
//! A pattern is shared between matrices by `Arc`: whoever keeps symbolic work keys it on that. It does not know
//! whether its slices are rows or columns; the matrix does.

use std::sync::Arc;

use kronograph_ops::check_size;
use sprs::CsMatViewI;

use crate::matrix::SparseError;

/// Stored positions, slice by slice ("major" is the axis of the slices, "minor" the other one).
///
/// Indices within a slice may be unsorted; there are no duplicates. They take 32 bits each, so that a length and the
/// number of entries may reach 2³² - 1.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Pattern {
    minor: usize,
    indptr: Vec<u32>,
    indices: Vec<u32>,
}

/// A pattern made of another one, and for each of its slots the slot that it comes from.
#[derive(Clone, Debug)]
pub(crate) struct Moved {
    pub(crate) pattern: Arc<Pattern>,
    pub(crate) slots: Vec<u32>,
}

impl Pattern {
    /// Checks and takes over `indptr` and `indices` (SciPy's words) for slices of length `minor`.
    ///
    /// # Errors
    ///
    /// An `indptr` that does not start at 0, decreases or does not end at the number of indices; an index out of
    /// range; a position that is stored twice; sizes beyond 32 bits.
    pub fn new(minor: usize, indptr: Vec<usize>, indices: Vec<usize>) -> Result<Self, SparseError> {
        check_indices(minor, &indices)?;
        Self::of_narrow(minor, narrow(indptr)?, narrow(indices)?)
    }

    /// [`new`](Self::new) of 32-bit indices, which are taken over without a copy.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub fn of_narrow(minor: usize, indptr: Vec<u32>, indices: Vec<u32>) -> Result<Self, SparseError> {
        let pattern = Self::checked(minor, indptr, indices)?;
        match pattern.first_duplicate() {
            Some((slice, index)) => Err(SparseError::Duplicate { slice, index: index as usize }),
            None => Ok(pattern),
        }
    }

    /// A pattern of positions that may be stored several times, each kept where it stands first; with, if there are
    /// such, the slot that each given one has become.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new), but for positions that are stored twice.
    pub(crate) fn merged(
        minor: usize,
        indptr: Vec<u32>,
        indices: Vec<u32>,
    ) -> Result<(Self, Option<Vec<u32>>), SparseError> {
        let given = Self::checked(minor, indptr, indices)?;
        if given.first_duplicate().is_none() {
            return Ok((given, None));
        }
        let (mut merged, mut slots) = (Self { minor, indptr: vec![0], indices: Vec::new() }, vec![0; given.nnz()]);
        let mut order: Vec<usize> = Vec::new();
        for slice in 0..given.major() {
            order.clear();
            order.extend(given.range(slice));
            // Slots of one position stand together, the first of them first.
            order.sort_by_key(|&slot| given.indices[slot]);
            let mut first = vec![0; order.len()];
            let start = given.range(slice).start;
            for (at, &slot) in order.iter().enumerate() {
                let again = at > 0 && given.indices[order[at - 1]] == given.indices[slot];
                first[slot - start] = if again { first[order[at - 1] - start] } else { slot };
            }
            for slot in given.range(slice) {
                slots[slot] = if first[slot - start] == slot {
                    merged.indices.push(given.indices[slot]);
                    merged.indices.len() as u32 - 1
                } else {
                    slots[first[slot - start]]
                };
            }
            merged.indptr.push(merged.indices.len() as u32);
        }
        Ok((merged, Some(slots)))
    }

    fn checked(minor: usize, indptr: Vec<u32>, indices: Vec<u32>) -> Result<Self, SparseError> {
        check_indptr(&indptr, indices.len())?;
        if let Some(slot) = indices.iter().position(|&index| index as usize >= minor) {
            return Err(SparseError::Index { slot, index: indices[slot] as usize, minor });
        }
        match u32::try_from(minor) {
            Ok(_) => Ok(Self { minor, indptr, indices }),
            Err(_) => Err(SparseError::TooLarge),
        }
    }

    /// The square pattern of the diagonal.
    pub fn diagonal(size: u32) -> Self {
        Self { minor: size as usize, indptr: (0..=size).collect(), indices: (0..size).collect() }
    }

    /// The pattern of all positions.
    ///
    /// # Errors
    ///
    /// When they are too many for 32 bits, or for memory.
    pub(crate) fn full(major: usize, minor: usize) -> Result<Self, SparseError> {
        check_size(&[major, minor]).map_err(|_| SparseError::TooLarge)?;
        let count = major.checked_mul(minor);
        if count.is_none_or(|count| u32::try_from(count).is_err()) {
            return Err(SparseError::TooLarge);
        }
        let indptr = (0..=major).map(|slice| (slice * minor) as u32).collect();
        Self::of_narrow(minor, indptr, (0..major).flat_map(|_| 0..minor as u32).collect())
    }

    /// A slice and an index that it stores twice.
    fn first_duplicate(&self) -> Option<(usize, u32)> {
        let mut sorted: Vec<u32> = Vec::new();
        (0..self.major()).find_map(|slice| {
            let indices = self.slice(slice);
            if indices.is_sorted_by(|a, b| a < b) {
                return None;
            }
            sorted.clear();
            sorted.extend(indices);
            sorted.sort_unstable();
            sorted.windows(2).find(|pair| pair[0] == pair[1]).map(|pair| (slice, pair[0]))
        })
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

    /// The same positions with ascending indices.
    pub(crate) fn sorted(&self) -> Moved {
        let mut slots: Vec<u32> = (0..self.nnz() as u32).collect();
        for slice in 0..self.major() {
            slots[self.range(slice)].sort_unstable_by_key(|&slot| self.indices[slot as usize]);
        }
        let indices = slots.iter().map(|&slot| self.indices[slot as usize]).collect();
        let pattern = Self { minor: self.minor, indptr: self.indptr.clone(), indices };
        Moved { pattern: Arc::new(pattern), slots }
    }

    /// The same positions with slices along the other axis, and ascending indices.
    pub(crate) fn flipped(&self) -> Moved {
        let sorted = self.sorted();
        let shape = (self.major(), self.minor);
        let view = CsMatViewI::<u32, u32>::new(shape, self.indptr(), sorted.pattern.indices(), &sorted.slots);
        let (indptr, indices, slots) = view.to_other_storage().into_raw_storage();
        Moved { pattern: Arc::new(Self { minor: self.major(), indptr, indices }), slots }
    }

    /// The union of patterns of one shape, with sorted indices.
    ///
    /// # Errors
    ///
    /// When it stores more than 32 bits count.
    pub(crate) fn union(patterns: &[&Pattern]) -> Result<Self, SparseError> {
        let mut union = Self { minor: patterns[0].minor, indptr: vec![0], indices: Vec::new() };
        for slice in 0..patterns[0].major() {
            let from = union.indices.len();
            patterns.iter().for_each(|pattern| union.indices.extend(pattern.slice(slice)));
            let mut merged = union.indices.split_off(from);
            merged.sort_unstable();
            merged.dedup();
            union.indices.extend(merged);
            union.indptr.push(u32::try_from(union.indices.len()).map_err(|_| SparseError::TooLarge)?);
        }
        Ok(union)
    }

    /// The positions of slots that are kept, in their order; their slots are those of `Moved`.
    pub(crate) fn kept(&self, keep: impl Fn(usize) -> bool) -> Moved {
        let (mut indptr, mut slots) = (vec![0], Vec::new());
        for slice in 0..self.major() {
            slots.extend(self.range(slice).filter(|&slot| keep(slot)).map(|slot| slot as u32));
            indptr.push(slots.len() as u32);
        }
        let indices = slots.iter().map(|&slot| self.indices[slot as usize]).collect();
        Moved { pattern: Arc::new(Self { minor: self.minor, indptr, indices }), slots }
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

    /// [`slots_in`](Self::slots_in), without a place for each index.
    fn slots_searched(&self, other: &Pattern) -> Vec<u32> {
        let sorted = other.sorted();
        let slot = |slice: usize, index: u32| {
            let found = sorted.pattern.slice(slice).binary_search(&index);
            found.map_or(u32::MAX, |at| sorted.slots[sorted.pattern.range(slice).start + at])
        };
        (0..self.major())
            .flat_map(|slice| self.slice(slice).iter().map(move |&index| (slice, index)))
            .map(|(slice, index)| slot(slice, index))
            .collect()
    }

    /// For each slot, the slot of the same position in `other` (of the same shape); `u32::MAX` where there is none.
    pub(crate) fn slots_in(&self, other: &Pattern) -> Vec<u32> {
        if self.minor > PLACES && self.minor / 8 > self.nnz() + other.nnz() {
            return self.slots_searched(other);
        }
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

pub(crate) fn narrow(values: Vec<usize>) -> Result<Vec<u32>, SparseError> {
    values.into_iter().map(|value| u32::try_from(value).map_err(|_| SparseError::TooLarge)).collect()
}

/// A place for each index of a slice is kept for slices up to this long, and for longer ones that are not nearly empty.
const PLACES: usize = 1 << 20;

/// In full width, so that an index beyond 32 bits is told by its number.
pub(crate) fn check_indices(minor: usize, indices: &[usize]) -> Result<(), SparseError> {
    match indices.iter().position(|&index| index >= minor) {
        Some(slot) => Err(SparseError::Index { slot, index: indices[slot], minor }),
        None => Ok(()),
    }
}

fn check_indptr(indptr: &[u32], nnz: usize) -> Result<(), SparseError> {
    let [first, last] = [indptr.first(), indptr.last()].map(|end| end.map(|&end| end as usize));
    if (first, last) != (Some(0), Some(nnz)) {
        return Err(SparseError::IndptrEnds { first, last, nnz });
    }
    match indptr.windows(2).position(|pair| pair[0] > pair[1]) {
        Some(slice) => Err(SparseError::IndptrDecreases { slice }),
        None => Ok(()),
    }
}
