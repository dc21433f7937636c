//! Reading a file. Nothing is made room for before the sizes that it declares have been checked.

use std::path::Path;

use super::{EXACT, MarketError, Symmetry};
use crate::convert::from_triplets;
use crate::matrix::{Format, SparseMatrix};

#[derive(Clone, Copy)]
enum Field {
    Real,
    Integer,
    Pattern,
}

/// A file may declare so many rows and columns, however few entries it has; more only with entries to go with them.
const ROWS: usize = 1 << 24;
/// So many rows or columns for each entry.
const ROWS_PER_ENTRY: usize = 64;

/// Reads a file; see [`read_matrix_market`].
///
/// # Errors
///
/// A file that cannot be read or understood.
pub fn read_matrix_market_file(path: impl AsRef<Path>, format: Format) -> Result<SparseMatrix, MarketError> {
    let path = path.as_ref();
    let text =
        std::fs::read_to_string(path).map_err(|source| MarketError::Io { path: path.display().to_string(), source })?;
    read_matrix_market(&text, format)
}

/// Reads the text of a Matrix Market file, as f64. Entries of a pattern are 1; entries of one position are summed; of a
/// symmetric matrix both triangles are stored.
///
/// ```
/// use kronograph_sparse::{Format, read_matrix_market};
/// let text = "%%MatrixMarket matrix coordinate pattern symmetric\n3 3 2\n2 1\n3 2\n";
/// assert_eq!(read_matrix_market(text, Format::Csr)?.nnz(), 4);
/// # Ok::<(), kronograph_sparse::MarketError>(())
/// ```
///
/// # Errors
///
/// A text that is no Matrix Market file, is cut off, or whose entries are out of range.
pub fn read_matrix_market(text: &str, format: Format) -> Result<SparseMatrix, MarketError> {
    let mut lines = text.lines().enumerate().map(|(number, line)| (number + 1, line.trim()));
    let (field, symmetry) = header(lines.next().map_or("", |(_, line)| line))?;
    let mut lines = lines.filter(|(_, line)| !line.is_empty() && !line.starts_with('%'));
    let (line, size) = lines.next().ok_or(MarketError::Short { want: 1, got: 0 })?;
    let bad = || MarketError::Line { line, text: size.to_owned(), rule: "rows, columns and entries belong here" };
    let [rows, columns, entries] = fields(size).ok_or_else(bad)?;
    if let Some(rule) = refuses_size(rows, columns, entries, symmetry) {
        return Err(MarketError::Line { line, text: size.to_owned(), rule });
    }
    let mut triplets = Vec::new();
    for got in 0..entries {
        let (line, text) = lines.next().ok_or(MarketError::Short { want: entries, got })?;
        let (row, column, value) = entry(line, text, field)?;
        if let Some(rule) = symmetry.refuses(row, column) {
            return Err(MarketError::Line { line, text: text.to_owned(), rule });
        }
        triplets.push((row, column, value));
        if symmetry != Symmetry::General && row != column {
            triplets.push((column, row, if symmetry == Symmetry::SkewSymmetric { -value } else { value }));
        }
    }
    if let Some((line, text)) = lines.next() {
        let rule = "there are more entries than announced";
        return Err(MarketError::Line { line, text: text.to_owned(), rule });
    }
    Ok(from_triplets(format, [rows, columns], &triplets)?)
}

/// Why a file cannot have these sizes, if it cannot.
fn refuses_size(rows: usize, columns: usize, entries: usize, symmetry: Symmetry) -> Option<&'static str> {
    let most = rows.max(columns);
    if symmetry != Symmetry::General && rows != columns {
        return Some("a symmetric matrix is square");
    }
    if u32::try_from(most).is_err() || u32::try_from(entries).is_err() {
        return Some("sizes and entries must fit into 32 bits");
    }
    let broken = most > ROWS && most / ROWS_PER_ENTRY > entries;
    broken.then_some("so many rows or columns for so few entries are taken for a broken file; use `from_triplets`")
}

impl Symmetry {
    /// Why an entry cannot be in a file of this symmetry, if it cannot: one triangle tells all.
    fn refuses(self, row: usize, column: usize) -> Option<&'static str> {
        match self {
            Symmetry::Symmetric | Symmetry::SkewSymmetric if column > row => {
                Some("only the lower triangle belongs into the file")
            }
            Symmetry::SkewSymmetric if column == row => Some("a skew-symmetric matrix has no diagonal"),
            Symmetry::General | Symmetry::Symmetric | Symmetry::SkewSymmetric => None,
        }
    }
}

fn header(line: &str) -> Result<(Field, Symmetry), MarketError> {
    let words = line.to_ascii_lowercase();
    let words: Vec<&str> = words.split_whitespace().collect();
    let bad = || MarketError::Header(line.to_owned());
    let ["%%matrixmarket", "matrix", "coordinate", field, symmetry] = words[..] else { return Err(bad()) };
    let symmetry = match symmetry {
        "general" => Symmetry::General,
        "symmetric" | "hermitian" => Symmetry::Symmetric,
        "skew-symmetric" => Symmetry::SkewSymmetric,
        _ => return Err(bad()),
    };
    match field {
        "real" | "double" => Ok((Field::Real, symmetry)),
        "integer" => Ok((Field::Integer, symmetry)),
        "pattern" => Ok((Field::Pattern, symmetry)),
        _ => Err(bad()),
    }
}

fn fields<const K: usize>(text: &str) -> Option<[usize; K]> {
    let numbers: Result<Vec<usize>, _> = text.split_whitespace().map(str::parse).collect();
    numbers.ok()?.try_into().ok()
}

fn entry(line: usize, text: &str, field: Field) -> Result<(usize, usize, f64), MarketError> {
    let bad = |rule| MarketError::Line { line, text: text.to_owned(), rule };
    let (position, value) = match field {
        Field::Pattern => (text, "1"),
        Field::Real | Field::Integer => {
            text.rsplit_once(char::is_whitespace).ok_or_else(|| bad("row, column and value belong here"))?
        }
    };
    let [row, column] = fields(position).ok_or_else(|| bad("row and column belong here"))?;
    let value: Option<f64> = match field {
        Field::Integer => {
            value.parse::<i64>().ok().filter(|value| value.unsigned_abs() <= EXACT).map(|value| value as f64)
        }
        Field::Real | Field::Pattern => value.parse().ok(),
    };
    let value =
        value.filter(|value| value.is_finite()).ok_or_else(|| bad("the value is no finite number of the field"))?;
    match (row.checked_sub(1), column.checked_sub(1)) {
        (Some(row), Some(column)) => Ok((row, column, value)),
        _ => Err(bad("rows and columns are counted from 1")),
    }
}
