//! Shared, strided storage: what a tensor is made of.
//!
//! Copies and views share one buffer; writing happens only through [`Strided::reset`], which replaces a buffer that
//! somebody else still holds. Strides count elements and are never negative; zero means that an axis repeats.

use std::sync::Arc;

use kronograph_graph::OpFailure;
use ndarray::{ArrayViewD, IxDyn, ShapeBuilder};
use smallvec::SmallVec;

use super::{TensorError, shape_text};
use crate::kernels::runs::for_each_run;

/// The lengths or strides of a few axes, inline up to four.
pub type Extents = SmallVec<[usize; 4]>;

/// The static lengths of a few axes: `None` where nothing is known.
pub type Lengths = SmallVec<[Option<usize>; 4]>;

/// Elements in shared storage, with a shape and strides.
#[derive(Clone, Debug)]
pub struct Strided<T> {
    /// `None` is an empty buffer, so that letting go of one needs no other.
    data: Option<Arc<Vec<T>>>,
    offset: usize,
    shape: Extents,
    strides: Extents,
}

impl<T> Default for Strided<T> {
    /// A vector of length zero.
    fn default() -> Self {
        Self { data: None, offset: 0, shape: smallvec::smallvec![0], strides: smallvec::smallvec![1] }
    }
}

/// Row-major strides.
pub fn row_major(shape: &[usize]) -> Extents {
    let mut strides: Extents = SmallVec::from_elem(1, shape.len());
    for axis in (1..shape.len()).rev() {
        strides[axis - 1] = strides[axis] * shape[axis].max(1);
    }
    strides
}

/// The number of elements; `None` when it overflows.
pub fn size_of_shape(shape: &[usize]) -> Option<usize> {
    if shape.contains(&0) {
        return Some(0);
    }
    shape.iter().try_fold(1usize, |size, &length| size.checked_mul(length))
}

/// Checks that there is room for a tensor of a shape, whatever its dtype is; before storage is asked for, because a
/// refused allocation ends the process.
///
/// A length of zero does not excuse the others: strides are computed from them all the same.
///
/// # Errors
///
/// When the bytes cannot be counted, or the system refuses as many.
pub fn check_size(shape: &[usize]) -> Result<(), OpFailure> {
    let bytes = shape.iter().try_fold(size_of::<f64>(), |bytes, &length| bytes.checked_mul(length.max(1)));
    let refused = |bytes: &usize| *bytes > PROBED && Vec::<u8>::new().try_reserve_exact(*bytes).is_err();
    match bytes {
        Some(bytes) if bytes <= isize::MAX as usize && !refused(&bytes) => Ok(()),
        _ => Err(OpFailure::Shapes(format!("a tensor of shape {} is too large", shape_text(shape)))),
    }
}

/// Allocations up to this many bytes are made without asking first.
const PROBED: usize = 1 << 30;

impl<T: Clone + Default> Strided<T> {
    /// Row-major elements of a shape.
    ///
    /// # Errors
    ///
    /// When there are not as many elements as the shape asks for.
    pub fn new(shape: &[usize], data: Vec<T>) -> Result<Self, TensorError> {
        if size_of_shape(shape) != Some(data.len()) {
            return Err(TensorError::Length { shape: shape.to_vec(), elements: data.len() });
        }
        Ok(Self { data: Some(Arc::new(data)), offset: 0, shape: shape.into(), strides: row_major(shape) })
    }

    /// The lengths of the axes.
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// The distance, in elements, between neighbours along each axis.
    pub fn strides(&self) -> &[usize] {
        &self.strides
    }

    /// The number of elements.
    pub fn len(&self) -> usize {
        self.shape.iter().product()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The storage from the first element on; what the strides count in.
    pub fn storage(&self) -> &[T] {
        match &self.data {
            Some(data) if !self.is_empty() => &data[self.offset..],
            _ => &[],
        }
    }

    /// The elements as one row-major run, if they lie so.
    #[inline(always)]
    pub fn as_slice(&self) -> Option<&[T]> {
        if self.shape.is_empty() {
            // A scalar: no lengths to go through, which would cost as much as a small node.
            return self.data.as_ref()?.get(self.offset).map(std::slice::from_ref);
        }
        self.is_contiguous().then(|| &self.storage()[..self.len()])
    }

    /// Whether the elements are one row-major run.
    pub fn is_contiguous(&self) -> bool {
        let mut expected = 1;
        for (&length, &stride) in self.shape.iter().zip(&self.strides).rev() {
            if length != 1 && stride != expected {
                return self.is_empty();
            }
            expected *= length;
        }
        true
    }

    /// An ndarray view.
    pub fn view(&self) -> ArrayViewD<'_, T> {
        let layout = IxDyn(&self.shape).strides(IxDyn(&self.strides));
        match ArrayViewD::from_shape(layout, self.storage()) {
            Ok(view) => view,
            Err(_) => ArrayViewD::from_shape(IxDyn(&self.shape), &[]).expect("only empty arrays lack storage"),
        }
    }

    /// The elements in row-major order.
    pub fn to_vec(&self) -> Vec<T> {
        match self.as_slice() {
            Some(slice) => slice.to_vec(),
            None => {
                let mut elements = Vec::with_capacity(self.len());
                self.for_each_run(|run, step, length| elements.extend(run.iter().step_by(step).take(length).cloned()));
                elements
            }
        }
    }

    /// Writes the elements in row-major order to a run of as many.
    pub fn write_to(&self, out: &mut [T]) {
        let mut rest = out;
        self.for_each_run(|run, step, length| {
            let (here, behind) = std::mem::take(&mut rest).split_at_mut(length);
            here.iter_mut().zip(run.iter().step_by(step)).for_each(|(to, from)| *to = from.clone());
            rest = behind;
        });
    }

    /// Calls `run(elements, step, length)` in row-major order, once for each repetition of an element.
    fn for_each_run(&self, mut run: impl FnMut(&[T], usize, usize)) {
        for_each_run(&self.shape, [&self.strides], |[offset], [step], length| match step {
            0 => (0..length).for_each(|_| run(&self.storage()[offset..], 1, 1)),
            _ => run(&self.storage()[offset..], step, length),
        });
    }

    /// The same elements as one row-major run: shared if they lie so already, copied if not.
    pub fn to_contiguous(&self) -> Self {
        if self.is_contiguous() {
            return self.clone();
        }
        Self {
            data: Some(Arc::new(self.to_vec())),
            offset: 0,
            shape: self.shape.clone(),
            strides: row_major(&self.shape),
        }
    }

    /// The same storage seen otherwise; `None` when the new layout would reach outside of it.
    pub fn relaid(&self, skip: usize, shape: Extents, strides: Extents) -> Option<Self> {
        let empty = shape.contains(&0);
        let last = shape
            .iter()
            .zip(&strides)
            .try_fold(skip, |at, (&length, &stride)| at.checked_add(length.saturating_sub(1).checked_mul(stride)?))?;
        if !empty && last >= self.storage().len() {
            return None;
        }
        let offset = if empty { self.offset } else { self.offset + skip };
        Some(Self { data: self.data.clone(), offset, shape, strides })
    }

    /// A row-major buffer of a shape that nobody else holds: this one's own if it can be reused.
    ///
    /// Its contents are arbitrary; every element must be written.
    pub fn reset(&mut self, shape: &[usize]) -> &mut [T] {
        let length = shape.iter().product();
        self.offset = 0;
        // A scalar that was one has its layout.
        if !(shape.is_empty() && self.shape.is_empty()) {
            self.lay_out(shape);
        }
        // Nobody makes weak references to a buffer, so one strong reference is the only one.
        if self.data.as_ref().is_none_or(|data| Arc::strong_count(data) != 1) {
            self.begin();
        }
        let data = self.data.as_mut().and_then(Arc::get_mut).expect("it is unique, or was made in the lines above");
        if data.len() != length {
            resize(data, length);
        }
        data
    }

    #[cold]
    fn begin(&mut self) {
        self.data = Some(Arc::new(Vec::new()));
    }

    /// Apart, so that a scalar does not pay for room on the stack.
    #[inline(never)]
    fn lay_out(&mut self, shape: &[usize]) {
        if self.shape.as_slice() != shape {
            self.shape = shape.into();
        }
        self.strides = row_major(shape);
    }

    /// The buffer of the last [`reset`](Self::reset), to go on writing to it; empty if somebody shares it by now.
    pub fn buffer_mut(&mut self) -> &mut [T] {
        self.data.as_mut().and_then(Arc::get_mut).map_or(&mut [], |data| data.as_mut_slice())
    }

    /// Lets go of the storage.
    pub(super) fn release(&mut self) {
        if self.data.as_ref().is_some_and(|data| Arc::strong_count(data) > 1) {
            *self = Self::default();
        }
    }
}

/// Gives a buffer another length; its contents are not kept when it has to grow.
#[cold]
fn resize<T: Clone + Default>(data: &mut Vec<T>, length: usize) {
    if data.capacity() < length {
        data.clear();
    }
    data.resize(length, T::default());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_shared_buffer_is_replaced_and_a_unique_one_is_reused() {
        let mut a = Strided::new(&[2, 2], vec![1.0, 2.0, 3.0, 4.0]).expect("four elements");
        let address = a.storage().as_ptr();
        assert_eq!(a.reset(&[4]).as_ptr(), address);
        let b = a.clone();
        a.reset(&[2])[0] = 9.0;
        assert_eq!(b.to_vec(), [1.0, 2.0, 3.0, 4.0]);
    }

    #[test]
    fn a_layout_that_reaches_outside_is_refused() {
        let a = Strided::new(&[6], vec![0; 6]).expect("six elements");
        let at = |shape: &[usize], strides: &[usize]| a.relaid(0, shape.into(), strides.into()).is_some();
        assert!(at(&[3, 2], &[2, 1]) && at(&[2, 3], &[0, 1]) && at(&[0, 9], &[1, 1]));
        assert!(!at(&[3, 3], &[2, 1]) && !at(&[2, 2], &[usize::MAX, 1]));
        assert_eq!(Strided::<f64>::default().view().len(), 0);
    }
}
