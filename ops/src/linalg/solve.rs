//! Systems of linear equations: a factorisation and its use in one call.

use kronograph_graph::{BuildError, Params, Prop, Result, Variable, origin};

use super::banded_factor::banded_factor;
use super::cholesky::cholesky_factor;
use super::factor::Trans;
use super::factor_logdet::factor_logdet;
use super::factor_solve::factor_solve_axis;
use super::lu::lu_factor;
use super::triangle::{Triangle, mirrored};
use super::triangular_factor::{DiagonalKind, triangular_factor};
use crate::dtype::DType;
use crate::elemwise::cast;
use crate::layout::matrix_transpose;
use crate::tensor::tensor_type;

/// What is known of a matrix that is solved with, which decides how it is factorised and what of it is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Assume {
    /// Nothing: LU with partial pivoting.
    General,
    /// It is symmetric, and this triangle of it is read.
    Symmetric(Triangle),
    /// It is symmetric and positive definite, and this triangle of it is read: Cholesky.
    Positive(Triangle),
    /// Only so many diagonals below and above the main one are read: banded LU.
    Banded {
        /// Diagonals below the main one.
        below: usize,
        /// Diagonals above the main one.
        above: usize,
    },
    /// One triangle is read: substitution.
    Triangular(Triangle, DiagonalKind),
}

/// What right-hand sides look like behind the leading axes of a stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Rhs {
    /// A vector, along the last axis (PyTensor: `b_ndim=1`).
    Vector,
    /// The columns of a matrix, along the last axis but one (PyTensor: `b_ndim=2`).
    Columns,
}

impl Assume {
    /// A factor of a matrix, or of each of a stack. The derivative by what is not read is zero; an entry that stands
    /// for two, in a triangle of a symmetric matrix, has the derivative by both.
    ///
    /// # Errors
    ///
    /// When `a` is no matrix and no stack of them, or not square.
    #[track_caller]
    pub fn factor(self, a: &Variable) -> Result<Variable> {
        let _scope = origin::here();
        match self {
            Assume::General => lu_factor(a),
            Assume::Symmetric(triangle) => lu_factor(&mirrored(a, triangle)?),
            Assume::Positive(Triangle::Lower) => cholesky_factor(a),
            Assume::Positive(Triangle::Upper) => cholesky_factor(&matrix_transpose(a)?),
            Assume::Banded { below, above } => banded_factor(a, below, above),
            Assume::Triangular(triangle, diagonal) => triangular_factor(a, triangle, diagonal),
        }
    }
}

impl Rhs {
    /// A vector if there is one axis, else columns.
    pub fn of(b: &Variable) -> Self {
        if b.ty().extents().len() == 1 { Rhs::Vector } else { Rhs::Columns }
    }

    /// The axis of b along which a matrix acts.
    pub(crate) fn axis(self, op: &'static str, b: &Variable) -> Result<usize> {
        let behind = if self == Rhs::Vector { 1 } else { 2 };
        let axis = tensor_type(op, b)?.rank().checked_sub(behind);
        axis.ok_or_else(|| {
            let rule = format!("a right-hand side of at least {behind} axes is needed");
            BuildError::inputs(op, std::slice::from_ref(b), rule)
        })
    }

    /// PyTensor's `b_ndim`, which is that of b, and 2 at most, if it is absent.
    pub(super) fn of_params(params: &Params<'_>, b: &Variable) -> Result<Self> {
        match params.maybe_int("b_ndim")? {
            None => Ok(Self::of(b)),
            Some(1) => Ok(Rhs::Vector),
            Some(2) => Ok(Rhs::Columns),
            Some(other) => Err(params.wrong("b_ndim", "1 or 2", &Prop::Int(other))),
        }
    }
}

/// `x` with `A x = b`, for a vector b or for the columns of a matrix (NumPy: `linalg.solve`), for a stack of either.
///
/// The same as `factor_solve(&lu_factor(a)?, b, Trans::No)`; equal factors of one graph are computed once.
///
/// # Errors
///
/// When `a` is not a square matrix or `b` does not fit it; at run time, when A is singular.
#[track_caller]
pub fn solve(a: &Variable, b: &Variable) -> Result<Variable> {
    solve_assuming(a, b, Assume::General, Trans::No, Rhs::of(b))
}

/// `x` with `A x = b`, or `Aᵀ x = b`, of which something is known (PyTensor: `solve` with `assume_a`).
///
/// Leading axes of both broadcast. Solved in f64; the result is an f32 if both are.
///
/// ```
/// use kronograph_ops::{Assume, Rhs, Trans, Triangle, matrix, solve_assuming, vector};
///
/// let (a, b) = (matrix("a"), vector("b"));
/// let x = solve_assuming(&a, &b, Assume::Positive(Triangle::Lower), Trans::No, Rhs::Vector)?;
/// assert_eq!(x.ty().to_string(), "f64 (?,)");
/// # Ok::<(), kronograph_graph::BuildError>(())
/// ```
///
/// # Errors
///
/// When `a` is not a square matrix or `b` does not fit it; at run time, when A is singular or not what is assumed.
#[track_caller]
pub fn solve_assuming(a: &Variable, b: &Variable, assume: Assume, trans: Trans, rhs: Rhs) -> Result<Variable> {
    let _scope = origin::here();
    let dtype = solution_dtype(&[a, b])?;
    let axis = rhs.axis("solve", b)?;
    cast(&factor_solve_axis(&assume.factor(a)?, b, axis, trans)?, dtype)
}

/// The float dtype of a solution: f32 if no operand is wider.
pub(super) fn solution_dtype(operands: &[&Variable]) -> Result<DType> {
    let mut dtype = DType::Bool;
    for operand in operands {
        dtype = dtype.promote(tensor_type("solve", operand)?.dtype());
    }
    Ok(dtype.to_float())
}

/// The sign of det A and ln|det A| (NumPy: `linalg.slogdet`), without forming the determinant; for a stack of matrices,
/// of each.
///
/// # Errors
///
/// When `a` is not a square matrix.
#[track_caller]
pub fn slogdet(a: &Variable) -> Result<(Variable, Variable)> {
    let _scope = origin::here();
    let dtype = solution_dtype(&[a])?;
    let (sign, log) = factor_logdet(&lu_factor(a)?)?;
    Ok((cast(&sign, dtype)?, cast(&log, dtype)?))
}
