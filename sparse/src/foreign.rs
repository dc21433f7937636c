//! Doors to sprs and faer, without copies where the storage is alike: 32-bit indices, sorted for views.

use faer::sparse::{SparseColMat, SparseColMatRef, SparseRowMat, SparseRowMatRef};
use faer::sparse::{SymbolicSparseColMatRef, SymbolicSparseRowMatRef};
use kronograph_ops::{Element, Tensor};
use sprs::{CsMatI, CsMatViewI};

use crate::matrix::{Format, SparseError, SparseMatrix};

impl SparseMatrix {
    /// A matrix of sprs, whose storage is taken over.
    ///
    /// ```
    /// use kronograph_sparse::SparseMatrix;
    ///
    /// let theirs = sprs::CsMatI::<f64, u32>::new((2, 3), vec![0, 2, 3], vec![0, 2, 2], vec![1.0, 2.0, 3.0]);
    /// let ours = SparseMatrix::from_sprs(theirs.clone())?;
    /// assert_eq!(ours.as_sprs::<f64>(), Some(theirs.view()));
    /// # Ok::<(), kronograph_sparse::SparseError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// For truth values, which no sparse matrix holds, and for storage that is inconsistent.
    pub fn from_sprs<T: Element>(matrix: CsMatI<T, u32>) -> Result<Self, SparseError> {
        let format = if matrix.is_csr() { Format::Csr } else { Format::Csc };
        let shape = [matrix.rows(), matrix.cols()];
        let (indptr, indices, data) = matrix.into_raw_storage();
        Self::of_narrow(format, shape, Tensor::vector(data), indices, indptr)
    }

    /// A view for sprs. `None` if the indices are not sorted ([`sorted`](Self::sorted) copies them so) or the values of
    /// another type.
    pub fn as_sprs<T: Element>(&self) -> Option<CsMatViewI<'_, T, u32>> {
        let ([rows, columns], pattern, values) = (self.shape(), self.pattern(), self.slots::<T>().ok()?);
        let (indptr, indices) = (pattern.indptr(), pattern.indices());
        match self.format() {
            Format::Csr => CsMatViewI::try_new((rows, columns), indptr, indices, values).ok(),
            Format::Csc => CsMatViewI::try_new_csc((rows, columns), indptr, indices, values).ok(),
        }
    }

    /// A matrix by rows of faer, whose storage is taken over, unless it has room between its rows.
    ///
    /// # Errors
    ///
    /// For truth values, which no sparse matrix holds, and for storage that is inconsistent.
    pub fn from_faer_rows<T: Element>(matrix: SparseRowMat<u32, T>) -> Result<Self, SparseError> {
        let (symbolic, data) = matrix.into_parts();
        let (rows, columns, indptr, filled, indices) = symbolic.into_parts();
        let storage = compressed(indptr, filled, indices, data);
        Self::of_narrow(Format::Csr, [rows, columns], Tensor::vector(storage.2), storage.1, storage.0)
    }

    /// A matrix by columns of faer, whose storage is taken over, unless it has room between its columns.
    ///
    /// # Errors
    ///
    /// For truth values, which no sparse matrix holds, and for storage that is inconsistent.
    pub fn from_faer_columns<T: Element>(matrix: SparseColMat<u32, T>) -> Result<Self, SparseError> {
        let (symbolic, data) = matrix.into_parts();
        let (rows, columns, indptr, filled, indices) = symbolic.into_parts();
        let storage = compressed(indptr, filled, indices, data);
        Self::of_narrow(Format::Csc, [rows, columns], Tensor::vector(storage.2), storage.1, storage.0)
    }

    /// A view by rows for faer. `None` if the matrix is CSC, its indices are not sorted, its
    /// values of another type, or a length is beyond 2³¹ - 1.
    pub fn as_faer_rows<T: Element>(&self) -> Option<SparseRowMatRef<'_, u32, T>> {
        let ([rows, columns], pattern) = (self.shape(), self.pattern());
        if self.format() != Format::Csr || !faer_takes(self) {
            return None;
        }
        let values = self.slots::<T>().ok()?;
        let symbolic = SymbolicSparseRowMatRef::new_checked(rows, columns, pattern.indptr(), None, pattern.indices());
        Some(SparseRowMatRef::new(symbolic, values))
    }

    /// A view by columns for faer. `None` if the matrix is CSR, its indices are not sorted, its
    /// values of another type, or a length is beyond 2³¹ - 1.
    pub fn as_faer_columns<T: Element>(&self) -> Option<SparseColMatRef<'_, u32, T>> {
        let ([rows, columns], pattern) = (self.shape(), self.pattern());
        if self.format() != Format::Csc || !faer_takes(self) {
            return None;
        }
        let values = self.slots::<T>().ok()?;
        let symbolic = SymbolicSparseColMatRef::new_checked(rows, columns, pattern.indptr(), None, pattern.indices());
        Some(SparseColMatRef::new(symbolic, values))
    }
}

/// Whether a view passes faer's checks: sorted indices, and lengths that its signed indices can count.
fn faer_takes(matrix: &SparseMatrix) -> bool {
    let counted = |length: usize| i32::try_from(length).is_ok();
    let lengths = matrix.shape().into_iter().all(counted) && counted(matrix.nnz());
    lengths && matrix.pattern().is_sorted()
}

/// Without the room between slices that faer may leave.
fn compressed<T: Element>(
    mut indptr: Vec<u32>,
    filled: Option<Vec<u32>>,
    indices: Vec<u32>,
    data: Vec<T>,
) -> (Vec<u32>, Vec<u32>, Vec<T>) {
    let Some(filled) = filled else { return (indptr, indices, data) };
    let (mut kept, mut values) = (Vec::new(), Vec::new());
    for (slice, &count) in filled.iter().enumerate() {
        let from = indptr[slice] as usize;
        indptr[slice] = kept.len() as u32;
        kept.extend_from_slice(&indices[from..from + count as usize]);
        values.extend_from_slice(&data[from..from + count as usize]);
    }
    if let Some(end) = indptr.last_mut() {
        *end = kept.len() as u32;
    }
    (indptr, kept, values)
}
