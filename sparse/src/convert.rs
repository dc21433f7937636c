//! Doors: triplets, dense tensors, the other format, and variables.
//!
//! sprs serves for summing triplets.

use std::sync::Arc;

use kronograph_graph::{Value, Variable};
use kronograph_ops::{DType, Element, Strided, Tensor, TensorError, check_size, constant, each_dtype};
use sprs::TriMatI;

use crate::matrix::{Format, SparseError, SparseMatrix};
use crate::pattern::Pattern;
use crate::ty::SparseType;

/// A matrix from (row, column, value) triplets; values of one position are summed.
///
/// ```
/// use kronograph_sparse::{Format, from_triplets};
/// let a = from_triplets(Format::Csc, [2, 2], &[(0, 1, 1.5), (0, 1, 0.5), (1, 0, 3.0)])?;
/// assert_eq!((a.nnz(), a.values()), (2, Some(&[3.0, 2.0][..])));
/// # Ok::<(), kronograph_sparse::SparseError>(())
/// ```
///
/// # Errors
///
/// A position out of range, or sizes beyond 32 bits.
pub fn from_triplets(
    format: Format,
    shape: [usize; 2],
    triplets: &[(usize, usize, f64)],
) -> Result<SparseMatrix, SparseError> {
    let fits = |size: usize| u32::try_from(size).is_ok();
    if !fits(shape[0]) || !fits(shape[1]) || !fits(triplets.len()) {
        return Err(SparseError::TooLarge);
    }
    // An index pointer for each row or column has to be stored, however few entries there are.
    check_size(&[shape[0].max(shape[1]) + 1]).map_err(|_| SparseError::TooLarge)?;
    let mut sum = TriMatI::<f64, u32>::with_capacity((shape[0], shape[1]), triplets.len());
    for (slot, &(row, column, value)) in triplets.iter().enumerate() {
        for (index, minor) in [(row, shape[0]), (column, shape[1])] {
            if index >= minor {
                return Err(SparseError::Index { slot, index, minor });
            }
        }
        sum.add_triplet(row, column, value);
    }
    let (indptr, indices, data) = match format {
        Format::Csr => sum.to_csr::<u32>().into_raw_storage(),
        Format::Csc => sum.to_csc::<u32>().into_raw_storage(),
    };
    SparseMatrix::of_narrow(format, shape, data, indices, indptr)
}

impl SparseMatrix {
    /// All entries as a dense matrix of the same dtype.
    ///
    /// # Errors
    ///
    /// When there is no room for it.
    pub fn to_dense(&self) -> Result<Tensor, SparseError> {
        fn fill<T: Element>(matrix: &SparseMatrix, data: &Strided<T>) -> Result<Tensor, TensorError> {
            let [rows, columns] = matrix.shape();
            let (mut out, values) = (vec![T::default(); rows * columns], data.to_vec());
            matrix.for_each_position(|slot, i, j| out[i * columns + j] = values[slot]);
            Tensor::new(&[rows, columns], out)
        }
        check_size(&self.shape()).map_err(|_| SparseError::TooLarge)?;
        let dense = each_dtype!(self.data(), data => fill(self, data));
        dense.map_err(|error| SparseError::Data(error.to_string()))
    }

    /// Calls `visit(slot, row, column)` for each stored entry.
    pub(crate) fn for_each_position(&self, mut visit: impl FnMut(usize, usize, usize)) {
        let pattern = self.pattern();
        for slice in 0..pattern.major() {
            for slot in pattern.range(slice) {
                let (i, j) = self.format().swap((slice, pattern.indices()[slot] as usize));
                visit(slot, i, j);
            }
        }
    }

    /// The same matrix in the given format, with sorted indices; itself if it is that already.
    pub fn to_format(&self, format: Format) -> Self {
        match format == self.format() {
            true => self.sorted(),
            false => self.moved(format, &self.pattern().flipped()),
        }
    }

    /// The same matrix with ascending indices in every slice; itself if it has them.
    pub fn sorted(&self) -> Self {
        match self.pattern().is_sorted() {
            true => self.clone(),
            false => self.moved(self.format(), &self.pattern().sorted()),
        }
    }

    /// The same matrix with values of another dtype, converted as [`cast`](kronograph_ops::cast) does.
    ///
    /// # Errors
    ///
    /// For truth values, which no sparse matrix holds.
    pub fn to_dtype(&self, dtype: DType) -> Result<Self, SparseError> {
        Self::with_pattern(self.format(), self.shape(), self.pattern().clone(), self.data().to_dtype(dtype))
    }

    /// The same positions with each row divided by its sum; rows that sum to zero stay as they are.
    pub fn row_standardized(&self) -> Self {
        let mut sums = vec![0.0; self.shape()[0]];
        let data = self.data().to_dtype(DType::F64);
        let mut values = data.as_f64().map_or_else(Vec::new, <[f64]>::to_vec);
        self.for_each_position(|slot, i, _| sums[i] += values[slot]);
        self.for_each_position(|slot, i, _| {
            if sums[i] != 0.0 {
                values[slot] /= sums[i];
            }
        });
        let data = Tensor::vector(values);
        Self::with_pattern(self.format(), self.shape(), self.pattern().clone(), data).expect("the pattern is unchanged")
    }
}

/// A constant sparse matrix.
#[track_caller]
pub fn sparse_constant(value: SparseMatrix) -> Variable {
    let [rows, columns] = value.shape();
    let ty = SparseType::shared(value.format(), value.data().dtype(), [Some(rows), Some(columns)]);
    Variable::constant_of(ty, Arc::new(value))
}

/// A free variable: a sparse f64 matrix of static shape `shape`, `None` where a length is known only at run time.
#[track_caller]
pub fn sparse_matrix(name: &str, format: Format, shape: [Option<usize>; 2]) -> Variable {
    Variable::input(name, SparseType::shared(format, DType::F64, shape))
}

/// An f64 scalar constant, for coefficients.
pub(crate) fn number(value: f64) -> Variable {
    constant(value)
}

/// The pattern of a value that has one: a sparse matrix, or a sparse factor.
#[derive(Debug)]
pub(crate) struct PatternOf<'a> {
    pub(crate) format: Format,
    pub(crate) shape: [usize; 2],
    pub(crate) pattern: &'a Arc<Pattern>,
}

impl<'a> PatternOf<'a> {
    pub(crate) fn matrix(matrix: &'a SparseMatrix) -> Self {
        Self { format: matrix.format(), shape: matrix.shape(), pattern: matrix.pattern() }
    }
}
