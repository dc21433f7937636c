//! The sparse value: a format, a shared pattern, and data.

use std::any::Any;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use kronograph_graph::{OpFailure, Value};
use kronograph_ops::{DType, Element, Strided, Tensor, cast_into, each_dtype, shape_text};

use crate::number::{Number, each_number};
use crate::pattern::{Moved, Pattern, check_indices, narrow};

/// Whether the slices of a matrix are its rows or its columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Format {
    /// Compressed sparse rows.
    Csr,
    /// Compressed sparse columns.
    Csc,
}

impl Format {
    /// The other one.
    pub fn flip(self) -> Self {
        match self {
            Format::Csr => Format::Csc,
            Format::Csc => Format::Csr,
        }
    }

    /// `csr` or `csc`.
    pub fn name(self) -> &'static str {
        match self {
            Format::Csr => "csr",
            Format::Csc => "csc",
        }
    }

    /// (major, minor) of (rows, columns), and the other way round.
    pub(crate) fn swap<T>(self, (rows, columns): (T, T)) -> (T, T) {
        match self {
            Format::Csr => (rows, columns),
            Format::Csc => (columns, rows),
        }
    }
}

/// What is wrong with the parts of a sparse matrix.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SparseError {
    /// `indptr` has the wrong length for the shape.
    #[error("indptr has {got} entries, a matrix with {slices} slices needs {}", slices.saturating_add(1))]
    IndptrLength {
        /// The number of rows of CSR, or columns of CSC.
        slices: usize,
        /// The length given.
        got: usize,
    },
    /// A pattern with slices of another length.
    #[error("the slices of the pattern have length {pattern}, those of the matrix {minor}")]
    Minor {
        /// The length in the pattern.
        pattern: usize,
        /// The length in the matrix.
        minor: usize,
    },
    /// `indptr` does not start at 0 or does not end at the number of indices.
    #[error(
        "indptr must start at 0 and end at the number of indices, {nnz}; it starts at {first:?} and ends at {last:?}"
    )]
    IndptrEnds {
        /// Its first entry.
        first: Option<usize>,
        /// Its last entry.
        last: Option<usize>,
        /// The number of indices.
        nnz: usize,
    },
    /// `indptr` decreases.
    #[error("indptr decreases after slice {slice}")]
    IndptrDecreases {
        /// The slice.
        slice: usize,
    },
    /// An index is out of range.
    #[error("index {index} (slot {slot}) is out of range, the slices have length {minor}")]
    Index {
        /// Its position among the indices.
        slot: usize,
        /// The index.
        index: usize,
        /// The length of a slice.
        minor: usize,
    },
    /// A position is stored twice; [`SparseMatrix::new`] sums the entries.
    #[error("slice {slice} stores index {index} twice")]
    Duplicate {
        /// The slice.
        slice: usize,
        /// The index.
        index: usize,
    },
    /// There are not as many values as indices.
    #[error("there are {indices} indices and {data} values")]
    DataLength {
        /// The number of indices.
        indices: usize,
        /// The number of values.
        data: usize,
    },
    /// The values are not a vector of numbers.
    #[error("the values must be a vector of numbers, they are {0}")]
    Data(String),
    /// The sizes do not fit into 32 bits, or not into memory.
    #[error("a size or the number of entries does not fit into 32 bits, or not into memory")]
    TooLarge,
}

impl SparseError {
    /// As the failure of an op.
    pub(crate) fn failure(self) -> OpFailure {
        OpFailure::Shapes(self.to_string())
    }
}

/// A sparse matrix in CSR or CSC form. Copies share pattern and data.
#[derive(Clone, Debug)]
pub struct SparseMatrix {
    format: Format,
    /// Number of rows and columns.
    shape: [usize; 2],
    pattern: Arc<Pattern>,
    data: Tensor,
}

impl Default for SparseMatrix {
    fn default() -> Self {
        let pattern = Arc::new(Pattern::diagonal(0));
        Self { format: Format::Csr, shape: [0, 0], pattern, data: Tensor::vector(Vec::<f64>::new()) }
    }
}

impl SparseMatrix {
    /// A matrix from its parts, in SciPy's words and order: data, indices, indptr. Indices may be unsorted, and zeros
    /// stay stored; values of one position are summed, at the place of the first.
    ///
    /// ```
    /// use kronograph_sparse::{Format, SparseMatrix};
    /// let a = SparseMatrix::new(Format::Csr, [2, 3], vec![1.0, 2.0, 3.0], vec![0, 2, 2], vec![0, 2, 3])?;
    /// assert_eq!(a.to_dense()?.to_vec::<f64>()?, [1.0, 0.0, 2.0, 0.0, 0.0, 3.0]);
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Parts that are inconsistent.
    pub fn new(
        format: Format,
        shape: [usize; 2],
        data: impl Into<Tensor>,
        indices: Vec<usize>,
        indptr: Vec<usize>,
    ) -> Result<Self, SparseError> {
        let (major, minor) = format.swap((shape[0], shape[1]));
        check_slices(major, indptr.len())?;
        check_indices(minor, &indices)?;
        Self::of_narrow(format, shape, data, narrow(indices)?, narrow(indptr)?)
    }

    /// [`new`](Self::new) of 32-bit indices, which are taken over without a copy, as the data are.
    ///
    /// # Errors
    ///
    /// As [`new`](Self::new).
    pub fn of_narrow(
        format: Format,
        shape: [usize; 2],
        data: impl Into<Tensor>,
        indices: Vec<u32>,
        indptr: Vec<u32>,
    ) -> Result<Self, SparseError> {
        let (major, minor) = format.swap((shape[0], shape[1]));
        check_slices(major, indptr.len())?;
        let (given, data) = (indices.len(), data.into());
        let (pattern, slots) = Pattern::merged(minor, indptr, indices)?;
        let data = match slots {
            Some(slots) => summed(&check_data(data, given)?, &slots, pattern.nnz())?,
            None => data,
        };
        Self::with_pattern(format, shape, Arc::new(pattern), data)
    }

    /// A matrix on a pattern that is shared.
    ///
    /// # Errors
    ///
    /// A pattern of another shape, or data that is no vector of numbers of the right length.
    pub fn with_pattern(
        format: Format,
        shape: [usize; 2],
        pattern: Arc<Pattern>,
        data: Tensor,
    ) -> Result<Self, SparseError> {
        let (major, minor) = format.swap((shape[0], shape[1]));
        check_slices(major, pattern.indptr().len())?;
        if pattern.minor() != minor {
            return Err(SparseError::Minor { pattern: pattern.minor(), minor });
        }
        let data = check_data(data, pattern.nnz())?;
        Ok(Self { format, shape, pattern, data })
    }

    /// The format.
    pub fn format(&self) -> Format {
        self.format
    }

    /// The number of rows and columns.
    pub fn shape(&self) -> [usize; 2] {
        self.shape
    }

    /// The stored positions.
    pub fn pattern(&self) -> &Arc<Pattern> {
        &self.pattern
    }

    /// The stored values, in the order of the slots.
    pub fn data(&self) -> &Tensor {
        &self.data
    }

    /// The stored values, if they are f64.
    pub fn values(&self) -> Option<&[f64]> {
        self.data.as_f64()
    }

    /// The stored values, if they are of this type.
    pub fn slots<T: Element>(&self) -> Result<&[T], OpFailure> {
        T::of(&self.data).and_then(Strided::as_slice).ok_or(OpFailure::WrongValue(0))
    }

    /// The dtype of the stored values.
    pub fn dtype(&self) -> DType {
        self.data.dtype()
    }

    /// The number of stored entries, explicit zeros included.
    pub fn nnz(&self) -> usize {
        self.pattern.nnz()
    }

    /// Turns this value into one on a given pattern, and returns the values to write.
    pub(crate) fn reset<T: Element>(&mut self, format: Format, shape: [usize; 2], pattern: &Arc<Pattern>) -> &mut [T] {
        self.format = format;
        self.shape = shape;
        if !Arc::ptr_eq(&self.pattern, pattern) {
            self.pattern = pattern.clone();
        }
        self.data.reset::<T>(&[pattern.nnz()])
    }

    /// Turns this value into the entries of another one that a moved pattern of it keeps.
    pub(crate) fn reset_moved(&mut self, format: Format, shape: [usize; 2], moved: &Moved, from: &Self) {
        fn gather<T: Element>(out: &mut [T], from: &[T], slots: &[u32]) {
            out.iter_mut().zip(slots).for_each(|(out, &slot)| *out = from[slot as usize]);
        }
        fn of<T: Element>(matrix: &Strided<T>) -> &[T] {
            matrix.as_slice().expect("the values of a sparse matrix are one run")
        }
        each_dtype!(&from.data, data => gather(self.reset(format, shape, &moved.pattern), of(data), &moved.slots));
    }

    /// Turns this value into another one with values converted to a dtype.
    pub(crate) fn reset_cast(&mut self, from: &Self, to: DType) {
        self.format = from.format;
        self.shape = from.shape;
        if !Arc::ptr_eq(&self.pattern, &from.pattern) {
            self.pattern = from.pattern.clone();
        }
        cast_into(&from.data, to, &mut self.data);
    }

    /// The entries that a moved pattern keeps.
    pub(crate) fn moved(&self, format: Format, moved: &Moved) -> Self {
        let mut result = Self::default();
        result.reset_moved(format, self.shape, moved, self);
        result
    }

    /// The same storage read as the transpose, which flips the format.
    pub fn transposed(&self) -> Self {
        let [rows, columns] = self.shape;
        Self { format: self.format.flip(), shape: [columns, rows], ..self.clone() }
    }
}

fn check_slices(slices: usize, got: usize) -> Result<(), SparseError> {
    match got == slices.saturating_add(1) {
        true => Ok(()),
        false => Err(SparseError::IndptrLength { slices, got }),
    }
}

/// Values of as many slots: a vector of numbers, in one run.
fn check_data(data: Tensor, slots: usize) -> Result<Tensor, SparseError> {
    if data.shape().len() != 1 || data.dtype() == DType::Bool {
        return Err(SparseError::Data(data.describe()));
    }
    match data.len() == slots {
        true => Ok(data.to_contiguous()),
        false => Err(SparseError::DataLength { indices: slots, data: data.len() }),
    }
}

/// The sums of the values that become one slot.
fn summed(data: &Tensor, slots: &[u32], count: usize) -> Result<Tensor, SparseError> {
    fn sum<T: Number>(data: &Tensor, slots: &[u32], count: usize) -> Result<Tensor, OpFailure> {
        let values = T::of(data).and_then(Strided::as_slice).ok_or(OpFailure::WrongValue(0))?;
        let mut sums = vec![T::default(); count];
        slots.iter().zip(values).for_each(|(&slot, &value)| sums[slot as usize] = sums[slot as usize].plus(value));
        Ok(Tensor::vector(sums))
    }
    let sums = || each_number!(data.dtype(), T => sum::<T>(data, slots, count));
    sums().map_err(|_: OpFailure| SparseError::Data(data.describe()))
}

impl Value for SparseMatrix {
    fn boxed_clone(&self) -> Box<dyn Value> {
        Box::new(self.clone())
    }

    fn extents(&self) -> &[usize] {
        &self.shape
    }

    fn describe(&self) -> String {
        format!("{} {} {} with {} entries", self.format.name(), self.data.dtype(), shape_text(&self.shape), self.nnz())
    }

    fn bytes(&self) -> usize {
        self.data.bytes() + 4 * (self.pattern.nnz() + self.pattern.indptr().len())
    }

    fn release(&mut self) {
        self.data.release();
    }

    fn to_floats(&self) -> Option<Vec<f64>> {
        self.data.to_floats()
    }

    fn with_floats(&self, floats: &[f64]) -> Option<Box<dyn Value>> {
        let data: Box<dyn Any> = self.data.with_floats(floats)?;
        let moved = Self { data: *data.downcast().ok()?, ..self.clone() };
        Some(Box::new(moved))
    }

    /// Entry by entry where the patterns are the same; else through dense copies, which is for checks only.
    fn inner(&self, other: &dyn Value) -> Option<f64> {
        let matrix = (other as &dyn Any).downcast_ref::<SparseMatrix>();
        match matrix {
            Some(other) if self.format == other.format && self.pattern == other.pattern => self.data.inner(&other.data),
            Some(other) => self.to_dense().ok()?.inner(&other.to_dense().ok()?),
            None => self.to_dense().ok()?.inner(other),
        }
    }

    fn same_bits(&self, other: &dyn Value) -> bool {
        let Some(other) = (other as &dyn Any).downcast_ref::<SparseMatrix>() else { return false };
        let same_pattern = Arc::ptr_eq(&self.pattern, &other.pattern) || self.pattern == other.pattern;
        self.format == other.format && self.shape == other.shape && same_pattern && self.data.same_bits(&other.data)
    }

    fn digest(&self, mut hasher: &mut dyn Hasher) {
        self.format.hash(&mut hasher);
        self.shape.hash(&mut hasher);
        self.pattern.hash(&mut hasher);
        self.data.digest(hasher);
    }
}
