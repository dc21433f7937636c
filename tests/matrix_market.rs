//! Parts of sparse matrices and Matrix Market texts that are wrong: always an error in words, never a panic or a hang.

#![allow(clippy::unwrap_used, reason = "a test may")]

use std::fmt::Display;

use kronograph::prelude::*;
use kronograph::sparse::{Symmetry, write_matrix_market, write_matrix_market_file};

const GENERAL: &str =
    "%%MatrixMarket matrix coordinate real general\n% a comment\n\n3 4 3\n1 1 1.5\n2 3 -2e-1\n3 4 7\n";
const SKEW: &str = "%%MatrixMarket matrix coordinate integer skew-symmetric\n3 3 2\n2 1 4\n3 2 -5\n";
const PATTERN: &str = "%%MatrixMarket matrix coordinate pattern symmetric\n3 3 3\n1 1\n2 1\n3 2\n";

#[track_caller]
fn refuses<T, E: Display>(result: Result<T, E>, parts: &[&str]) {
    let text = result.err().map_or_else(|| "no error".to_owned(), |error| error.to_string());
    assert!(parts.iter().all(|part| text.contains(part)), "{parts:?} in {text}");
}

#[test]
fn whole_texts_are_read() {
    let read = |text: &str| read_matrix_market(text, Format::Csr).unwrap().to_dense().unwrap().to_vec::<f64>().unwrap();
    assert_eq!(read(GENERAL), [1.5, 0.0, 0.0, 0.0, 0.0, 0.0, -0.2, 0.0, 0.0, 0.0, 0.0, 7.0]);
    assert_eq!(read(SKEW), [0.0, -4.0, 0.0, 4.0, 0.0, 5.0, 0.0, -5.0, 0.0]);
    assert_eq!(read(PATTERN), [1.0, 1.0, 0.0, 1.0, 0.0, 1.0, 0.0, 1.0, 0.0]);
    assert_eq!(read(&GENERAL.replace('\n', "\r\n")), read(GENERAL));
}

/// What is written is read again, bit by bit, in every symmetry and dtype.
#[test]
fn what_is_written_can_be_read() {
    let write = |matrix: &SparseMatrix, symmetry| write_matrix_market(matrix, symmetry).unwrap();
    for (text, symmetry) in [
        (GENERAL, Symmetry::General),
        (SKEW, Symmetry::SkewSymmetric),
        (PATTERN, Symmetry::Symmetric),
        ("%%MatrixMarket matrix coordinate real hermitian\n2 2 2\n1 1 0.1\n2 1 1e-300\n", Symmetry::Symmetric),
    ] {
        for format in [Format::Csr, Format::Csc] {
            let matrix = read_matrix_market(text, format).unwrap();
            assert!(read_matrix_market(&write(&matrix, symmetry), format).unwrap().same_bits(&matrix), "{text}");
            let general = write(&matrix, Symmetry::General);
            assert!(read_matrix_market(&general, format).unwrap().same_bits(&matrix), "{text}");
        }
    }
    let zero = SparseMatrix::new(Format::Csr, [1, 2], vec![0.0, -0.0], vec![1, 0], vec![0, 2]).unwrap();
    let text = "%%MatrixMarket matrix coordinate real general\n1 2 2\n1 2 0.0\n1 1 -0.0\n";
    assert_eq!(write(&zero, Symmetry::General), text, "explicit zeros in the order of the slots");
    let bytes = SparseMatrix::new(Format::Csr, [1, 1], vec![-7i8], vec![0], vec![0, 1]).unwrap();
    assert!(write(&bytes, Symmetry::General).contains("integer general\n1 1 1\n1 1 -7\n"));
}

#[test]
fn what_a_file_cannot_hold_is_not_written() {
    let of = |at: &[(usize, usize, f64)]| from_triplets(Format::Csc, [2, 2], at).unwrap();
    let nearly = of(&[(0, 1, 1.0), (1, 0, 1.0 + 1e-15)]);
    refuses(write_matrix_market(&nearly, Symmetry::Symmetric), &["entry (", "not symmetric"]);
    refuses(write_matrix_market(&of(&[(1, 0, 2.0)]), Symmetry::Symmetric), &["entry (1, 0)", "not symmetric"]);
    refuses(write_matrix_market(&of(&[(0, 1, 2.0)]), Symmetry::Symmetric), &["entry (0, 1)", "not symmetric"]);
    refuses(write_matrix_market(&of(&[(1, 1, 2.0)]), Symmetry::SkewSymmetric), &["entry (1, 1)", "skew"]);
    refuses(write_matrix_market(&of(&[(1, 1, f64::NAN)]), Symmetry::General), &["entry (1, 1)", "NaN"]);
    let wide = from_triplets(Format::Csr, [1, 2], &[]).unwrap();
    refuses(write_matrix_market(&wide, Symmetry::Symmetric), &["square"]);
    let nowhere = write_matrix_market_file("/no/such/folder/a.mtx", &wide, Symmetry::General);
    refuses(nowhere, &["/no/such/folder/a.mtx"]);
}

/// A text that lacks its last line break, or the last digits of its last number, is still one that can be read.
#[test]
fn a_text_cut_off_anywhere_returns() {
    for text in [GENERAL, SKEW, PATTERN] {
        let last_line = text.trim_end().rfind('\n').unwrap();
        for cut in 0..text.len() {
            for format in [Format::Csr, Format::Csc] {
                let result = read_matrix_market(&text[..cut], format);
                assert!(cut > last_line || result.is_err(), "cut after {cut} bytes");
            }
        }
    }
}

#[test]
fn broken_texts_are_refused_with_their_line() {
    let read = |text: &str| read_matrix_market(text, Format::Csr);
    let body = |lines: &str| read(&format!("%%MatrixMarket matrix coordinate real general\n{lines}"));
    refuses(read(""), &["line 1"]);
    refuses(read("hello"), &["line 1", "hello"]);
    refuses(read("%%MatrixMarket matrix array real general\n2 2\n1\n2\n3\n4\n"), &["line 1", "array"]);
    refuses(read("%%MatrixMarket matrix coordinate complex general\n1 1 0\n"), &["line 1", "complex"]);
    refuses(read("%%MatrixMarket matrix coordinate complex hermitian\n1 1 0\n"), &["line 1", "hermitian"]);
    refuses(body("2 2\n"), &["line 2", "2 2"]);
    refuses(body("2 2 -1\n"), &["line 2"]);
    refuses(body("2 2 99999999999999999999999\n"), &["line 2"]);
    refuses(body("2 2 18446744073709551615\n1 1 1\n"), &["line 2", "32 bits"]);
    refuses(body("2 2 4000000000\n1 1 1\n"), &["after 1 of 4000000000"]);
    refuses(body("99999999999 2 0\n"), &["line 2", "32 bits"]);
    // Nothing is made room for: these would need gigabytes for their pointers alone.
    refuses(body("1000000000000000000 2 1\n1 1 1.0\n"), &["line 2", "32 bits"]);
    refuses(body("4000000000 4000000000 1\n1 1 1.0\n"), &["line 2", "broken file"]);
    let integer = "%%MatrixMarket matrix coordinate integer general\n1 1 1\n1 1 9007199254740993\n";
    refuses(read(integer), &["line 3", "no finite number"]);
    refuses(body("2 2 1\n0 1 1.0\n"), &["line 3", "from 1"]);
    refuses(body("2 2 1\n3 1 1.0\n"), &["index 2", "out of range"]);
    refuses(body("2 2 1\n1 3 1.0\n"), &["index 2", "out of range"]);
    refuses(body("2 2 1\n1 1\n"), &["line 3", "1 1"]);
    refuses(body("2 2 1\n1 1 one\n"), &["line 3", "no finite number"]);
    refuses(body("2 2 1\n1.5 1 1\n"), &["line 3"]);
    refuses(body("2 2 1\n1 1 1 1\n"), &["line 3"]);
    refuses(body("2 2 1\n1 1 1\n2 2 1\n"), &["line 4", "more entries"]);
    refuses(body("2 2 1\n1 1 \u{663}\n"), &["line 3"]);
    refuses(read_matrix_market_file("no such file.mtx", Format::Csr), &["no such file.mtx"]);
}

#[test]
fn broken_parts_are_refused() {
    let csr = |shape, data: Vec<f64>, indices, indptr| SparseMatrix::new(Format::Csr, shape, data, indices, indptr);
    refuses(csr([2, 2], vec![], vec![], vec![0, 0]), &["indptr has 2 entries", "needs 3"]);
    refuses(csr([2, 2], vec![], vec![], vec![]), &["indptr has 0 entries"]);
    refuses(csr([usize::MAX, 2], vec![], vec![], vec![0]), &["indptr"]);
    refuses(csr([2, 2], vec![1.0], vec![0], vec![1, 1, 1]), &["start at 0"]);
    refuses(csr([2, 2], vec![1.0], vec![0], vec![0, 0, 2]), &["end at the number of indices, 1"]);
    refuses(csr([2, 2], vec![1.0], vec![0], vec![0, 2, 1]), &["decreases after slice 1"]);
    refuses(csr([2, 2], vec![1.0], vec![2], vec![0, 1, 1]), &["index 2", "slot 0", "out of range"]);
    refuses(csr([2, 2], vec![1.0, 2.0], vec![1], vec![0, 1, 1]), &["1 indices and 2 values"]);
    refuses(SparseMatrix::new(Format::Csc, [2, 3], vec![1.0], vec![2], vec![0, 1, 1, 1]), &["index 2"]);
    refuses(SparseMatrix::new(Format::Csr, [1, 1], vec![true], vec![0], vec![0, 1]), &["bool"]);
    let matrix = Tensor::new(&[1, 1], vec![1.0]).unwrap();
    refuses(SparseMatrix::new(Format::Csr, [1, 1], matrix, vec![0], vec![0, 1]), &["f64 (1, 1)"]);
    refuses(from_triplets(Format::Csr, [2, 2], &[(0, 2, 1.0)]), &["index 2", "out of range"]);
    refuses(from_triplets(Format::Csc, [2, 2], &[(2, 0, 1.0)]), &["index 2", "out of range"]);
    refuses(from_triplets(Format::Csr, [1 << 40, 2], &[]), &["32 bits"]);
    refuses(Tensor::new(&[2, 2], vec![1.0]), &["[2, 2]", "1 element"]);
    refuses(Tensor::new(&[usize::MAX, 2], vec![1.0]), &["1 element"]);
}

#[test]
fn empty_and_nan_matrices_are_values() {
    let empty = from_triplets(Format::Csr, [0, 3], &[]).unwrap();
    assert_eq!((empty.nnz(), empty.to_dense().unwrap().shape()), (0, &[0, 3][..]));
    assert_eq!(empty.to_format(Format::Csc).shape(), [0, 3]);
    let nan = from_triplets(Format::Csr, [1, 1], &[(0, 0, f64::NAN)]).unwrap();
    assert!(nan.values().unwrap()[0].is_nan());
}
