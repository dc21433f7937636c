//! The open trait of run-time values, and the slots of a function that hold them between calls.

use std::any::Any;
use std::fmt::Debug;
use std::hash::Hasher;

/// A run-time value: a tensor, a sparse matrix, a factor, or a user's own.
///
/// Cloning should be cheap (shared storage), and writing to shared storage must not be seen by other holders.
pub trait Value: Any + Debug + Send + Sync {
    /// A copy behind a box.
    fn boxed_clone(&self) -> Box<dyn Value>;

    /// The lengths of the axes; empty for scalars and for things without axes.
    fn extents(&self) -> &[usize] {
        &[]
    }

    /// Kind, dtype and shape, as errors show them: `f64 (3, 4)`.
    fn describe(&self) -> String;

    /// How the elements lie in memory, in words, where that is not row by row: `strides (1, 3)`.
    fn layout(&self) -> Option<String> {
        None
    }

    /// How many bytes of data it holds.
    fn bytes(&self) -> usize;

    /// Lets go of storage that is shared with another value, so that the other is its only holder again.
    /// What the value is afterwards is not read, only overwritten.
    fn release(&mut self) {}

    /// Becomes a copy of a value of the same concrete type, which shares its storage; `false` where the other is none.
    /// A type that leaves this is copied behind a new box.
    fn assign(&mut self, _other: &dyn Value) -> bool {
        false
    }

    /// Whether the other value has the same type and the same bits; `false` where that cannot be said.
    fn same_bits(&self, _other: &dyn Value) -> bool {
        false
    }

    /// Feeds what [`same_bits`](Self::same_bits) compares to a hasher.
    fn digest(&self, _hasher: &mut dyn Hasher) {}

    /// The data as one row-major run of `f64`, where it is that.
    fn as_f64(&self) -> Option<&[f64]> {
        None
    }

    /// The floats of the value, in a fixed order: the elements of a tensor row by row, the stored entries of a sparse
    /// matrix. `None` where there are no floats to move: integers, factors.
    fn to_floats(&self) -> Option<Vec<f64>> {
        None
    }

    /// The same value with other numbers in the places of [`to_floats`](Self::to_floats), rounded to its dtype.
    fn with_floats(&self, _floats: &[f64]) -> Option<Box<dyn Value>> {
        None
    }

    /// The inner product with another value of the same shape: position by position, whatever is stored.
    fn inner(&self, other: &dyn Value) -> Option<f64> {
        let (a, b) = (self.to_floats()?, other.to_floats()?);
        let same = self.extents() == other.extents() && a.len() == b.len();
        same.then(|| a.iter().zip(&b).map(|(a, b)| a * b).sum())
    }

    /// The value of an integer scalar.
    fn as_index(&self) -> Option<i64> {
        None
    }

    /// The value of a scalar that is true or false.
    fn as_truth(&self) -> Option<bool> {
        None
    }

    /// A few words that stand for a small constant in a printout (`2.5`, `[1, 2, 3]`).
    fn brief(&self) -> Option<String> {
        None
    }
}

impl Clone for Box<dyn Value> {
    fn clone(&self) -> Self {
        (**self).boxed_clone()
    }
}

/// A place of a function that keeps a value, and its buffer, from call to call.
#[derive(Debug, Default)]
pub struct Slot(Option<Box<dyn Value>>);

impl Slot {
    /// The value that the slot held before, for reuse of its storage; a default one if it held none of this type.
    ///
    /// Its contents are those of an earlier call, or of another node: overwrite them.
    pub fn buffer<T: Value + Default>(&mut self) -> &mut T {
        if !self.holds::<T>() {
            self.begin::<T>();
        }
        let value = self.0.as_deref_mut().expect("filled in the lines above");
        (value as &mut dyn Any).downcast_mut().expect("the type was checked above")
    }

    #[cold]
    fn begin<T: Value + Default>(&mut self) {
        self.0 = Some(Box::new(T::default()));
    }

    fn holds<T: Value>(&self) -> bool {
        self.0.as_deref().is_some_and(|value| (value as &dyn Any).is::<T>())
    }

    /// Puts a value in.
    pub fn set(&mut self, value: Box<dyn Value>) {
        self.0 = Some(value);
    }

    /// Puts a copy of a value in, which shares its storage.
    pub fn assign(&mut self, value: &dyn Value) {
        if !self.0.as_mut().is_some_and(|mine| mine.assign(value)) {
            self.0 = Some(value.boxed_clone());
        }
    }

    /// The value, if there is one.
    pub fn value(&self) -> Option<&dyn Value> {
        self.0.as_deref()
    }

    pub(crate) fn take(&mut self) -> Option<Box<dyn Value>> {
        self.0.take()
    }

    pub(crate) fn release(&mut self) {
        if let Some(value) = &mut self.0 {
            value.release();
        }
    }
}
