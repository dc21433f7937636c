//! Parts of sparse matrices and Matrix Market texts that are wrong: always an error in words, never a panic or a hang.

#![allow(clippy::unwrap_used, reason = "a test may")]

use std::fmt::Display;

use kronograph::prelude::*;

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
    refuses(read("%%MatrixMarket matrix coordinate real hermitian\n1 1 0\n"), &["line 1", "hermitian"]);
    refuses(body("2 2\n"), &["line 2", "2 2"]);
    refuses(body("2 2 -1\n"), &["line 2"]);
    refuses(body("2 2 99999999999999999999999\n"), &["line 2"]);
    refuses(body("2 2 18446744073709551615\n1 1 1\n"), &["after 1 of 18446744073709551615"]);
    refuses(body("99999999999 2 0\n"), &["32 bits"]);
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
