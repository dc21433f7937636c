//! Products over the slices of sparse matrices, for elements of every type.

use crate::number::Number;

/// A sparse matrix as its slices: rows of CSR, or columns of CSC.
#[derive(Clone, Copy)]
pub(crate) struct Slices<'a, T> {
    pub(crate) indptr: &'a [u32],
    pub(crate) indices: &'a [u32],
    pub(crate) data: &'a [T],
}

impl<'a, T: Copy> Slices<'a, T> {
    /// The number of slices.
    #[inline(always)]
    pub(crate) fn count(self) -> usize {
        self.indptr.len() - 1
    }

    /// The indices of a slice, each with its value.
    #[inline(always)]
    pub(crate) fn slice(self, slice: usize) -> impl Iterator<Item = (usize, T)> + 'a {
        let span = self.indptr[slice] as usize..self.indptr[slice + 1] as usize;
        self.indices[span.clone()].iter().map(|&index| index as usize).zip(self.data[span].iter().copied())
    }
}

/// Adds `S x` to `y`, both with rows of `width` elements; the slices are the rows of S, or its columns.
pub(crate) fn add_products_with_rows<T: Number>(
    s: Slices<'_, T>,
    slices_are_rows: bool,
    x: &[T],
    width: usize,
    y: &mut [T],
) {
    for slice in 0..s.count() {
        for (index, a) in s.slice(slice) {
            let (to, from) = if slices_are_rows { (slice, index) } else { (index, slice) };
            let (y, x) = (&mut y[to * width..][..width], &x[from * width..][..width]);
            y.iter_mut().zip(x).for_each(|(y, &x)| *y = y.plus(a.times(x)));
        }
    }
}

/// Adds the product of two matrices, both by slices, to a dense one with strides along the slices of the left and the
/// indices of the right.
pub(crate) fn add_products_with_slices<T: Number>(
    left: Slices<'_, T>,
    right: Slices<'_, T>,
    (major, minor): (usize, usize),
    out: &mut [T],
) {
    for slice in 0..left.count() {
        for (through, a) in left.slice(slice) {
            for (index, b) in right.slice(through) {
                let out = &mut out[slice * major + index * minor];
                *out = out.plus(a.times(b));
            }
        }
    }
}

/// The product of two matrices, both by slices, on the pattern that it has; `sums` has room for one slice of it.
pub(crate) fn multiply_on_pattern<T: Number>(
    left: Slices<'_, T>,
    right: Slices<'_, T>,
    (indptr, indices): (&[u32], &[u32]),
    sums: &mut [T],
    out: &mut [T],
) {
    for slice in 0..left.count() {
        let span = indptr[slice] as usize..indptr[slice + 1] as usize;
        let places = &indices[span.clone()];
        places.iter().for_each(|&place| sums[place as usize] = T::default());
        for (through, a) in left.slice(slice) {
            for (index, b) in right.slice(through) {
                sums[index] = sums[index].plus(a.times(b));
            }
        }
        out[span].iter_mut().zip(places).for_each(|(out, &place)| *out = sums[place as usize]);
    }
}

/// For each slot of a pattern the inner product of the slice of `slices` that its slice has and the slice of `others`
/// that its index has, over what both store. `place` is all `u32::MAX` before and after.
pub(crate) fn inner_products<T: Number>(
    (indptr, indices): (&[u32], &[u32]),
    slices: Slices<'_, T>,
    others: Slices<'_, T>,
    place: &mut [u32],
    out: &mut [T],
) {
    for slice in 0..slices.count() {
        let own = slices.indptr[slice]..slices.indptr[slice + 1];
        own.clone().for_each(|slot| place[slices.indices[slot as usize] as usize] = slot);
        for slot in indptr[slice] as usize..indptr[slice + 1] as usize {
            let mut sum = T::default();
            for (index, b) in others.slice(indices[slot] as usize) {
                if place[index] != u32::MAX {
                    sum = sum.plus(slices.data[place[index] as usize].times(b));
                }
            }
            out[slot] = sum;
        }
        own.for_each(|slot| place[slices.indices[slot as usize] as usize] = u32::MAX);
    }
}
