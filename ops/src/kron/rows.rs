//! Rows of Kronecker products, made of one row of each factor.

use smallvec::SmallVec;

/// A matrix in row-major order; a vector is a single row.
#[derive(Clone, Copy, Debug)]
pub(super) struct Rows<'a, T> {
    elements: &'a [T],
    shape: [usize; 2],
}

/// The matrices of the factors.
pub(super) type Factors<'a, T> = SmallVec<[Rows<'a, T>; 4]>;

/// Rows and columns: the last two axes; those of a vector are 1 and its length.
pub(super) fn matrix_shape(shape: &[usize]) -> [usize; 2] {
    match shape {
        [.., rows, columns] => [*rows, *columns],
        [columns] => [1, *columns],
        [] => [1, 1],
    }
}

impl<'a, T: Copy> Rows<'a, T> {
    /// Matrix `number` of a stack.
    pub(super) fn of_stack(elements: &'a [T], shape: [usize; 2], number: usize) -> Self {
        let size = shape[0] * shape[1];
        Self { elements: &elements[number * size..][..size], shape }
    }

    pub(super) fn rows(&self) -> usize {
        self.shape[0]
    }

    pub(super) fn columns(&self) -> usize {
        self.shape[1]
    }

    pub(super) fn row(&self, i: usize) -> &'a [T] {
        &self.elements[i * self.shape[1]..][..self.shape[1]]
    }
}

/// How many rows and columns the product has; its factors were checked to leave room for it.
pub(super) fn product_size<T: Copy>(factors: &[Rows<'_, T>]) -> [usize; 2] {
    factors.iter().fold([1, 1], |size, factor| [size[0] * factor.rows(), size[1] * factor.columns()])
}

/// Row `at` of the product, from left to right; `row` has as many places as the product has columns.
pub(super) fn write_row<T: Copy>(factors: &[Rows<'_, T>], at: usize, one: T, times: impl Fn(T, T) -> T, row: &mut [T]) {
    if row.is_empty() {
        return;
    }
    let (mut stride, mut length) = (product_size(factors)[0], 1);
    row[0] = one;
    for (k, factor) in factors.iter().enumerate() {
        stride /= factor.rows();
        let own = factor.row(at / stride % factor.rows());
        if k == 0 {
            row[..own.len()].copy_from_slice(own);
        } else {
            // From the end on, so that nothing is overwritten before it is read.
            for i in (0..length).rev() {
                let x = row[i];
                let places = &mut row[i * own.len()..][..own.len()];
                places.iter_mut().zip(own).for_each(|(out, y)| *out = times(x, *y));
            }
        }
        length *= own.len();
    }
}
