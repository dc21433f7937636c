//! Matrix Market files (NIST exchange format), coordinate form: read and written in every symmetry of real matrices.
//!
//! A reader of our own, because that of sprs runs for ever on a file that ends after its header.

mod read;
mod write;

pub use read::{read_matrix_market, read_matrix_market_file};
pub use write::{write_matrix_market, write_matrix_market_file};

use crate::matrix::SparseError;

/// Integers up to this one are numbers of f64, all of them.
const EXACT: u64 = 1 << 53;

/// Which entries a file holds, and what the others are.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Symmetry {
    /// All entries are written.
    General,
    /// The lower triangle is written, `A = Aᵀ`. For real matrices `hermitian` is the same.
    Symmetric,
    /// The part below the diagonal is written, `A = -Aᵀ`.
    SkewSymmetric,
}

impl Symmetry {
    /// Its word in a header.
    pub fn name(self) -> &'static str {
        match self {
            Symmetry::General => "general",
            Symmetry::Symmetric => "symmetric",
            Symmetry::SkewSymmetric => "skew-symmetric",
        }
    }
}

/// What is wrong with a Matrix Market file.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum MarketError {
    /// The file cannot be read.
    #[error("{path}: {source}")]
    Io {
        /// The file.
        path: String,
        /// The system's words.
        source: std::io::Error,
    },
    /// The header is not `%%MatrixMarket matrix coordinate <real|integer|pattern> <symmetry>`.
    #[error("line 1: `{0}` is no header of a real, integer or pattern coordinate matrix")]
    Header(String),
    /// A line cannot be understood.
    #[error("line {line}: `{text}`; {rule}")]
    Line {
        /// Its number, from 1.
        line: usize,
        /// Its text.
        text: String,
        /// What belongs there.
        rule: &'static str,
    },
    /// The file ends before all entries were read.
    #[error("the file ends after {got} of {want} entries; it may be cut off")]
    Short {
        /// The number of entries announced.
        want: usize,
        /// The number found.
        got: usize,
    },
    /// A matrix cannot be written: it is not of the symmetry asked for, or holds a value that a file cannot.
    #[error("entry ({row}, {column}): {rule}")]
    Entry {
        /// Its row, from 0.
        row: usize,
        /// Its column, from 0.
        column: usize,
        /// What is wrong.
        rule: &'static str,
    },
    /// The entries do not make a matrix.
    #[error(transparent)]
    Matrix(#[from] SparseError),
}
