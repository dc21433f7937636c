//! Writing a file.

use std::fmt::Write;
use std::path::Path;

use kronograph_graph::Value;
use kronograph_ops::{Element, Tensor};

use super::{EXACT, MarketError, Symmetry};
use crate::matrix::{Format, SparseError, SparseMatrix};

/// Writes a file; see [`write_matrix_market`].
///
/// # Errors
///
/// A file that cannot be written, or a matrix that cannot be put into one.
pub fn write_matrix_market_file(
    path: impl AsRef<Path>,
    matrix: &SparseMatrix,
    symmetry: Symmetry,
) -> Result<(), MarketError> {
    let (path, text) = (path.as_ref(), write_matrix_market(matrix, symmetry)?);
    std::fs::write(path, text).map_err(|source| MarketError::Io { path: path.display().to_string(), source })
}

/// The text of a Matrix Market file with a matrix: `real`, or `integer` where its dtype is one. Explicit zeros are
/// written; floats are written so that reading gives the same bits back.
///
/// ```
/// use kronograph_sparse::{Format, Symmetry, from_triplets, read_matrix_market, write_matrix_market};
///
/// let a = from_triplets(Format::Csr, [2, 2], &[(0, 0, 0.1), (0, 1, -3.0), (1, 0, -3.0)])?;
/// let text = write_matrix_market(&a, Symmetry::Symmetric)?;
/// assert_eq!(text, "%%MatrixMarket matrix coordinate real symmetric\n2 2 2\n1 1 0.1\n2 1 -3.0\n");
/// assert_eq!(read_matrix_market(&text, Format::Csr)?.values(), a.values());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// A matrix that is not of the symmetry; NaN, infinities, and integers beyond 2⁵³, which are not read again.
pub fn write_matrix_market(matrix: &SparseMatrix, symmetry: Symmetry) -> Result<String, MarketError> {
    let (field, texts) = match matrix.data() {
        Tensor::F64(_) => ("real", texts::<f64>(matrix, |x| x.is_finite())?),
        Tensor::F32(_) => ("real", texts::<f32>(matrix, |x| x.is_finite())?),
        Tensor::I64(_) => ("integer", texts::<i64>(matrix, |x| x.unsigned_abs() <= EXACT)?),
        Tensor::I32(_) => ("integer", texts::<i32>(matrix, |_| true)?),
        Tensor::I8(_) => ("integer", texts::<i8>(matrix, |_| true)?),
        Tensor::U8(_) => ("integer", texts::<u8>(matrix, |_| true)?),
        Tensor::Bool(_) => return Err(SparseError::Data(matrix.data().describe()).into()),
    };
    // All values are numbers of f64 now, so that comparing them there is exact.
    check_symmetry(matrix, symmetry)?;
    let written = |i: usize, j: usize| match symmetry {
        Symmetry::General => true,
        Symmetry::Symmetric => i >= j,
        Symmetry::SkewSymmetric => i > j,
    };
    let (mut count, mut lines) = (0, String::new());
    matrix.for_each_position(|slot, i, j| {
        if written(i, j) {
            count += 1;
            writeln!(lines, "{} {} {}", i + 1, j + 1, texts[slot]).expect("a text takes all that is written to it");
        }
    });
    let [rows, columns] = matrix.shape();
    let kind = symmetry.name();
    Ok(format!("%%MatrixMarket matrix coordinate {field} {kind}\n{rows} {columns} {count}\n{lines}"))
}

/// The stored values as they are written.
fn texts<T: Element>(matrix: &SparseMatrix, has_words: fn(&T) -> bool) -> Result<Vec<String>, MarketError> {
    let values = matrix.slots::<T>().unwrap_or_default();
    if let Some(wrong) = values.iter().position(|value| !has_words(value)) {
        let mut at = (0, 0);
        matrix.for_each_position(|slot, i, j| {
            if slot == wrong {
                at = (i, j);
            }
        });
        return Err(MarketError::Entry {
            row: at.0,
            column: at.1,
            rule: "NaN, infinities and integers beyond 2^53 are not written",
        });
    }
    Ok(values.iter().map(|value| format!("{value:?}")).collect())
}

/// Compares each entry with the one across the diagonal; what is not stored is zero.
fn check_symmetry(matrix: &SparseMatrix, symmetry: Symmetry) -> Result<(), MarketError> {
    let (sign, rule) = match symmetry {
        Symmetry::General => return Ok(()),
        Symmetry::Symmetric => (1.0, "the matrix is not symmetric here"),
        Symmetry::SkewSymmetric => (-1.0, "the matrix is not skew-symmetric here"),
    };
    let [rows, columns] = matrix.shape();
    if rows != columns {
        return Err(MarketError::Entry { row: rows.min(columns), column: 0, rule: "a symmetric matrix is square" });
    }
    let wide = matrix.to_dtype(kronograph_ops::DType::F64)?;
    let (mine, other) = (wide.to_format(Format::Csr), wide.transposed().to_format(Format::Csr));
    let across = mine.pattern().slots_in(other.pattern());
    let (values, others) = (mine.values().unwrap_or_default(), other.values().unwrap_or_default());
    let mut wrong = None;
    mine.for_each_position(|slot, row, column| {
        let other = others.get(across[slot] as usize).copied().unwrap_or(0.0);
        let same = values[slot] == sign * other || (values[slot].is_nan() && other.is_nan());
        if !same && wrong.is_none() {
            wrong = Some((row, column));
        }
    });
    wrong.map_or(Ok(()), |(row, column)| Err(MarketError::Entry { row, column, rule }))
}
