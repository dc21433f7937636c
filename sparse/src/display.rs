//! How a sparse matrix is printed: small ones as a grid, large ones as a summary and their first entries.

use std::fmt;

use kronograph_graph::Value;
use kronograph_ops::{Strided, each_dtype};

use crate::matrix::{Format, SparseMatrix};

/// Up to so many rows and columns are shown as a grid.
const GRID: usize = 12;
/// So many entries of a larger matrix are shown.
const ENTRIES: usize = 8;

/// A grid in which a dot is a position that stores nothing, so that explicit zeros can be told from it; of a larger
/// matrix its density, the number of entries in its rows or columns, the range of its values, and its first entries.
///
/// ```
/// use kronograph_sparse::{Format, from_triplets};
///
/// let a = from_triplets(Format::Csr, [2, 3], &[(0, 0, 1.0), (0, 2, -2.5), (1, 1, 0.0)])?;
/// assert_eq!(a.to_string(), "csr f64 (2, 3) with 3 entries\n1 . -2.5\n. 0    .");
///
/// let line: Vec<_> = (0..1_000_000).map(|k| (k, k, 1.0 + k as f64)).collect();
/// let a = from_triplets(Format::Csr, [1_000_000, 1_000_000], &line)?;
/// let text = a.to_string();
/// let mut lines = text.lines();
/// assert_eq!(lines.next(), Some("csr f64 (1000000, 1000000) with 1000000 entries"));
/// assert_eq!(lines.next(), Some("density 1e-6; 1 to 1 entries a row, 0 rows empty; values 1.0 to 1000000.0"));
/// assert_eq!(lines.next(), Some("(0, 0) 1.0"));
/// assert_eq!(lines.last(), Some("and 999992 more"));
/// # Ok::<(), kronograph_sparse::SparseError>(())
/// ```
impl fmt::Display for SparseMatrix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.describe())?;
        match self.shape().iter().all(|&length| length <= GRID) {
            true => write!(f, "{}", grid(self)),
            false => write!(f, "{}", summary(self)),
        }
    }
}

fn grid(matrix: &SparseMatrix) -> String {
    let [rows, columns] = matrix.shape();
    let values = texts(matrix, usize::MAX);
    let mut cells = vec![".".to_owned(); rows * columns];
    matrix.for_each_position(|slot, i, j| {
        cells[i * columns + j] = values[slot].strip_suffix(".0").unwrap_or(&values[slot]).to_owned();
    });
    let width = |j: usize| (0..rows).map(|i| cells[i * columns + j].len()).max().unwrap_or(0);
    let widths: Vec<usize> = (0..columns).map(width).collect();
    let row = |i: usize| -> Vec<String> {
        (0..columns).map(|j| format!("{:>width$}", cells[i * columns + j], width = widths[j])).collect()
    };
    (0..rows).map(|i| row(i).join(" ")).collect::<Vec<_>>().join("\n")
}

fn summary(matrix: &SparseMatrix) -> String {
    let ([rows, columns], pattern) = (matrix.shape(), matrix.pattern());
    let counts = || (0..pattern.major()).map(|slice| pattern.range(slice).len());
    let slice = if matrix.format() == Format::Csr { "row" } else { "column" };
    let density = matrix.nnz() as f64 / (rows as f64 * columns as f64).max(1.0);
    let (least, most) = (counts().min().unwrap_or(0), counts().max().unwrap_or(0));
    let empty = counts().filter(|&count| count == 0).count();
    let mut text = format!("density {density:.3e}; {least} to {most} entries a {slice}, {empty} {slice}s empty");
    text = text.replace(".000e", "e");
    if let Some((low, high)) = range(matrix) {
        text += &format!("; values {low} to {high}");
    }
    let values = texts(matrix, ENTRIES);
    matrix.for_each_position(|slot, i, j| {
        if let Some(value) = values.get(slot) {
            text += &format!("\n({i}, {j}) {value}");
        }
    });
    match matrix.nnz().checked_sub(ENTRIES) {
        Some(more @ 1..) => text + &format!("\nand {more} more"),
        _ => text,
    }
}

/// The first stored values, as they are written.
fn texts(matrix: &SparseMatrix, count: usize) -> Vec<String> {
    fn of<T: fmt::Debug + Clone + Default>(data: &Strided<T>, count: usize) -> Vec<String> {
        data.as_slice().unwrap_or_default().iter().take(count).map(|value| format!("{value:?}")).collect()
    }
    each_dtype!(matrix.data(), data => of(data, count))
}

/// The smallest and the largest stored value; NaN counts as neither.
fn range(matrix: &SparseMatrix) -> Option<(String, String)> {
    fn of<T: fmt::Debug + Copy + Default + PartialOrd>(data: &Strided<T>) -> Option<(String, String)> {
        let numbers = || data.as_slice().unwrap_or_default().iter().copied().filter(|x| x.partial_cmp(x).is_some());
        let low = numbers().reduce(|a, b| if b < a { b } else { a })?;
        let high = numbers().reduce(|a, b| if b > a { b } else { a })?;
        Some((format!("{low:?}"), format!("{high:?}")))
    }
    each_dtype!(matrix.data(), data => of(data))
}
