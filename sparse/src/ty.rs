//! The sparse type: format, dtype and static shape; what operators mean on sparse matrices.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use kronograph_graph::{
    BuildError, Op, OpFailure, Operand, Result, Type, TypeRef, UnaryVerb, Value, Variable, Verb, sum_of,
};
use kronograph_ops::{DType, TensorType, shape_text};

use crate::add::accumulated;
use crate::arithmetic::{add, divide, multiply, negative, subtract};
use crate::cast::sparse_cast;
use crate::dense::sparse_from_dense;
use crate::format::to_format;
use crate::like::sp_zeros_like;
use crate::matrix::{Format, SparseMatrix};
use crate::overload::overload;
use crate::product::{sparse_dot, sparse_matmul};
use crate::project::project_sparse;
use crate::transpose::sparse_transpose;

/// The type of sparse matrices of one format and dtype. A pattern is no part of it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SparseType {
    format: Format,
    dtype: DType,
    shape: [Option<usize>; 2],
}

impl SparseType {
    /// A sparse type behind a shared pointer, as variables want it.
    pub fn shared(format: Format, dtype: DType, shape: [Option<usize>; 2]) -> TypeRef {
        Arc::new(Self { format, dtype, shape })
    }

    /// The format.
    pub fn format(&self) -> Format {
        self.format
    }

    /// The dtype.
    pub fn dtype(&self) -> DType {
        self.dtype
    }

    /// Whether a sparse matrix may hold elements of a dtype: numbers, but no truth values.
    pub fn admits(dtype: DType) -> bool {
        dtype != DType::Bool
    }

    /// The static shape.
    pub fn shape(&self) -> [Option<usize>; 2] {
        self.shape
    }
}

/// The sparse type of a variable; an error that names op and variable if it has another type.
#[track_caller]
pub(crate) fn sparse_type<'a>(op: &str, variable: &'a Variable) -> Result<&'a SparseType> {
    // Not `ok_or_else`: the caller's line would be lost in the closure.
    match variable.type_as::<SparseType>() {
        Some(ty) => Ok(ty),
        None => Err(BuildError::inputs(op.to_owned(), std::slice::from_ref(variable), "a sparse matrix is needed")),
    }
}

/// The static shape of two that must be equal, each length from whichever knows it.
#[track_caller]
pub(crate) fn same_shape(
    op: &str,
    inputs: &[Variable],
    a: [Option<usize>; 2],
    b: [Option<usize>; 2],
) -> Result<[Option<usize>; 2]> {
    let clash = a.iter().zip(&b).any(|(a, b)| a.is_some() && b.is_some() && a != b);
    if clash {
        return Err(BuildError::inputs(op.to_owned(), inputs, "the shapes must be equal"));
    }
    Ok([a[0].or(b[0]), a[1].or(b[1])])
}

/// Checks shapes that must be equal, when they are known.
pub(crate) fn check_same_shape(a: &[usize], b: &[usize]) -> Result<(), OpFailure> {
    match a == b {
        true => Ok(()),
        false => Err(OpFailure::Shapes(format!("shapes {} and {} differ", shape_text(a), shape_text(b)))),
    }
}

/// The sparse f64 type of a variable; an error that names op and variable if it has another type.
pub(crate) fn sparse_f64<'a>(op: &'static str, variable: &'a Variable) -> Result<&'a SparseType> {
    let rule = "a sparse f64 matrix is needed";
    let wrong = || BuildError::inputs(op, std::slice::from_ref(variable), rule);
    variable.type_as::<SparseType>().filter(|ty| ty.dtype == DType::F64).ok_or_else(wrong)
}

/// Checks that an input is an f64 scalar.
pub(crate) fn check_scalar(op: &'static str, name: &str, variable: &Variable) -> Result<()> {
    match variable.type_as::<TensorType>() {
        Some(ty) if ty.rank() == 0 && ty.dtype() == DType::F64 => Ok(()),
        _ => Err(BuildError::inputs(op, std::slice::from_ref(variable), format!("{name} must be an f64 scalar"))),
    }
}

impl fmt::Display for SparseType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let [rows, columns] = self.shape.map(|length| length.map_or("?".to_owned(), |length| length.to_string()));
        write!(f, "{} {} ({rows}, {columns})", self.format.name(), self.dtype)
    }
}

impl Type for SparseType {
    fn extents(&self) -> &[Option<usize>] {
        &self.shape
    }

    fn is_super(&self, other: &dyn Type) -> bool {
        let Some(other) = (other as &dyn Any).downcast_ref::<Self>() else { return false };
        let covers = |(mine, theirs): (&Option<usize>, &Option<usize>)| mine.is_none() || mine == theirs;
        let same_kind = self.format == other.format && self.dtype == other.dtype;
        same_kind && self.shape.iter().zip(&other.shape).all(covers)
    }

    fn filter(&self, value: &dyn Value) -> Result<Option<Box<dyn Value>>, String> {
        let matrix = (value as &dyn Any).downcast_ref::<SparseMatrix>().ok_or("it is not a sparse matrix")?;
        let fits = |(want, &got): (&Option<usize>, &usize)| want.is_none_or(|want| want == got);
        if !self.shape.iter().zip(&matrix.shape()).all(fits) {
            return Err(format!("its shape is {:?}", matrix.shape()));
        }
        match matrix.data().dtype() {
            same if same == self.dtype && matrix.format() == self.format => Ok(None),
            narrow if narrow.fits_in(self.dtype) => {
                let converted =
                    matrix.to_format(self.format).to_dtype(self.dtype).map_err(|error| error.to_string())?;
                Ok(Some(Box::new(converted)))
            }
            wide => Err(format!("{wide} does not convert to {} without loss", self.dtype)),
        }
    }

    fn tangent(&self) -> Option<TypeRef> {
        self.dtype.tangent().map(|dtype| Self::shared(self.format, dtype, self.shape))
    }

    /// A matrix that stores nothing.
    fn zeros_like(&self, like: &Variable) -> Result<Variable> {
        sparse_cast(&sp_zeros_like(like)?, self.dtype)
    }

    fn ones_like(&self, like: &Variable) -> Result<Variable> {
        Err(BuildError::inputs("grad", std::slice::from_ref(like), "a sparse matrix is no scalar cost"))
    }

    /// The sum on the union of the patterns, in this format and dtype. Dense terms are summed first, and lose the zeros
    /// among their entries; nothing else is dropped.
    fn accumulate(&self, _like: &Variable, terms: &[Variable]) -> Result<Variable> {
        let (dense, sparse): (Vec<_>, Vec<_>) = terms.iter().cloned().partition(|term| !is_sparse(term));
        let dense: Vec<_> = dense.into_iter().map(Some).collect();
        let dense = sum_of(&dense)?.map(|sum| sparse_from_dense(&sum, self.format)).transpose()?;
        let mut sum: Option<Variable> = None;
        for term in sparse.into_iter().chain(dense) {
            let term = sparse_cast(&to_format(&term, self.format)?, self.dtype)?;
            sum = Some(match sum {
                Some(sum) => accumulated(&sum, &term)?,
                None => term,
            });
        }
        sum.ok_or_else(|| BuildError::arity("accumulate", 1, terms))
    }

    fn structured(&self, like: &Variable, cotangent: &Variable) -> Result<Variable> {
        project_sparse(like, cotangent)
    }

    fn binary(&self, verb: Verb, left: Operand<'_>, right: Operand<'_>) -> Option<Result<Variable>> {
        match (verb, left, right) {
            (Verb::Add, ..) => Some(add(left, right)),
            (Verb::Sub, ..) => Some(subtract(left, right)),
            (Verb::Mul, ..) => Some(multiply(left, right)),
            (Verb::Div, ..) => Some(divide(left, right)),
            (Verb::MatMul, Operand::Variable(a), Operand::Variable(b)) => Some(sparse_matmul(a, b)),
            (Verb::Dot, Operand::Variable(a), Operand::Variable(b)) => Some(sparse_dot(a, b)),
            _ => None,
        }
    }

    fn overload(&self, op: &dyn Op, operands: &[Operand<'_>]) -> Option<Result<Variable>> {
        overload(op, operands)
    }

    fn unary(&self, verb: UnaryVerb, operand: &Variable) -> Option<Result<Variable>> {
        Some(match verb {
            UnaryVerb::Neg => negative(operand),
            UnaryVerb::Transpose => sparse_transpose(operand),
        })
    }
}

/// Whether a variable is a sparse matrix.
pub fn is_sparse(x: &Variable) -> bool {
    x.type_as::<SparseType>().is_some()
}
