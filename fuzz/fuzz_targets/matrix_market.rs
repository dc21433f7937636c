//! Texts of Matrix Market files: what is read can be written, and read again to the same bits.

#![no_main]

use kronograph::graph::Value;
use kronograph::sparse::{Format, Symmetry, read_matrix_market, write_matrix_market};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|data: (bool, &str)| {
    let (rows, text) = data;
    let format = if rows { Format::Csr } else { Format::Csc };
    let Ok(matrix) = read_matrix_market(text, format) else { return };
    let _ = matrix.to_string();
    for symmetry in [Symmetry::General, Symmetry::Symmetric, Symmetry::SkewSymmetric] {
        match write_matrix_market(&matrix, symmetry) {
            // Sums of entries that are stored twice may overflow; nothing else is without words.
            Err(error) => assert!(symmetry != Symmetry::General || error.to_string().contains("not written"), "{error}"),
            Ok(written) => {
                let again = read_matrix_market(&written, format).expect("what was written");
                let wide = |matrix: &kronograph::SparseMatrix| matrix.sorted();
                assert!(symmetry != Symmetry::General || wide(&again).same_bits(&wide(&matrix)));
            }
        }
    }
});
