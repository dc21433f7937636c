//! Parts of sparse matrices: what is accepted is one matrix in every form.

#![no_main]

use kronograph::SparseMatrix;
use kronograph::sparse::Format;
use libfuzzer_sys::fuzz_target;

/// Indices as they come, most of them small, so that some are accepted.
fn wide(bytes: &[u8]) -> Vec<usize> {
    bytes.iter().map(|&byte| if byte == 255 { usize::MAX } else { usize::from(byte) }).collect()
}

fuzz_target!(|data: (bool, [u8; 2], Vec<i8>, Vec<u8>, Vec<u8>)| {
    let (rows, shape, values, indices, indptr) = data;
    let format = if rows { Format::Csr } else { Format::Csc };
    let [m, n] = shape.map(usize::from);
    let shape = if m == 255 { [usize::MAX, n] } else { [m, n] };
    let count = indices.len();
    let Ok(matrix) = SparseMatrix::new(format, shape, values.clone(), wide(&indices), wide(&indptr)) else { return };
    assert_eq!(values.len(), count);
    assert!(matrix.nnz() <= count);
    let mut want = vec![0i8; m * n];
    for slice in 0..indptr.len() - 1 {
        for slot in usize::from(indptr[slice])..usize::from(indptr[slice + 1]) {
            let index = usize::from(indices[slot]);
            let (i, j) = if rows { (slice, index) } else { (index, slice) };
            want[i * n + j] = want[i * n + j].wrapping_add(values[slot]);
        }
    }
    for form in [matrix.clone(), matrix.sorted(), matrix.to_format(Format::Csr), matrix.to_format(Format::Csc)] {
        assert_eq!(form.to_dense().unwrap().to_vec::<i8>().unwrap(), want);
    }
    let turned = matrix.transposed().transposed().to_dense().unwrap();
    assert_eq!(turned.to_vec::<i8>().unwrap(), want);
    assert!(!matrix.to_string().is_empty());
});
