//! What the products have in common: which operands they take, and the loops of those whose result is dense.

use std::any::Any;

use kronograph_graph::{BuildError, OpFailure, OpState, Result, Value, Variable};
use kronograph_ops::{DType, Element, Strided, Tensor, TensorType, cast, check_size, shape_text, transpose};

use crate::kernels::product::{gather_rows, scatter_columns};
use crate::kernels::slices::{Slices, add_products_with_rows, add_products_with_slices};
use crate::matrix::{Format, SparseMatrix};
use crate::number::{Number, each_number};
use crate::ty::{SparseType, is_sparse};

/// The rank of the dense operands that a product takes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Dense {
    Matrix,
    VectorOrMatrix,
}

/// Both operands of a product, one of them sparse at least, in the dtype that both convert to.
#[track_caller]
pub(crate) fn operands(op: &'static str, x: &Variable, y: &Variable, dense: Dense) -> Result<[Variable; 2]> {
    let both = [x.clone(), y.clone()];
    if !both.iter().any(is_sparse) {
        return Err(BuildError::inputs(op, &both, "at least one operand must be a sparse matrix"));
    }
    check_operand(op, x, dense)?;
    check_operand(op, y, dense)?;
    result_lengths(op, &both)?;
    match (dtype_of(x), dtype_of(y)) {
        (Some(a), Some(b)) => Ok([cast(x, a.promote(b))?, cast(y, a.promote(b))?]),
        _ => Err(BuildError::inputs(op, &both, "sparse matrices and dense tensors are needed")),
    }
}

/// The dtype of a sparse matrix or a dense tensor.
pub(crate) fn dtype_of(x: &Variable) -> Option<DType> {
    let dense = || x.type_as::<TensorType>().map(TensorType::dtype);
    x.type_as::<SparseType>().map(SparseType::dtype).or_else(dense)
}

/// Checks that an operand is a sparse matrix, or a dense one of the right rank.
#[track_caller]
pub(crate) fn check_operand(op: &'static str, x: &Variable, dense: Dense) -> Result<()> {
    let rank = x.type_as::<TensorType>().map(TensorType::rank);
    let rule = match (rank, dense) {
        (None, _) if is_sparse(x) => return Ok(()),
        (Some(2), _) | (Some(1), Dense::VectorOrMatrix) => return Ok(()),
        (None, _) => "a sparse matrix or a dense tensor is needed",
        (Some(0), _) => "a scalar has no axis to sum over; `mul` scales",
        (Some(1), Dense::Matrix) => {
            "it must be a matrix; `matmul`, with the structured gradient, and `dot`, with the regular one, take vectors"
        }
        (Some(_), _) => {
            "stacks have no product with a sparse matrix: reshape to a matrix, or use `structured_dot_along` or `map`"
        }
    };
    Err(BuildError::inputs(op, std::slice::from_ref(x), rule))
}

/// The lengths of the result, of which a vector has one; an error where the inner lengths are known to differ.
#[track_caller]
pub(crate) fn result_lengths(op: &'static str, inputs: &[Variable]) -> Result<Vec<Option<usize>>> {
    let (x, y) = (inputs[0].ty().extents(), inputs[1].ty().extents());
    let (Some((inner, rows)), Some((other, columns))) = (x.split_last(), y.split_first()) else {
        return Err(BuildError::inputs(op, inputs, "a scalar has no axis to sum over"));
    };
    if inner.is_some() && other.is_some() && inner != other {
        let rule = "the last axis of the first must be as long as the first axis of the second";
        return Err(BuildError::inputs(op, inputs, rule));
    }
    Ok([rows, columns].concat())
}

/// The transpose; a vector is its own.
pub(crate) fn flipped(x: &Variable) -> Result<Variable> {
    if x.ty().extents().len() == 1 { Ok(x.clone()) } else { transpose(x) }
}

/// An error that names both shapes where the inner lengths of a product differ.
pub(crate) fn check_inner(x: &[usize], y: &[usize]) -> Result<(), OpFailure> {
    match x.last() == y.first() {
        true => Ok(()),
        false => {
            let (a, b) = (shape_text(x), shape_text(y));
            Err(OpFailure::Shapes(format!("the inner lengths of {a} and {b} differ")))
        }
    }
}

/// Space for a dense operand that does not lie row by row.
#[derive(Debug, Default)]
pub(crate) struct Packed(Tensor);

impl Packed {
    /// The elements row by row: where they are if they lie so, else copied.
    pub(crate) fn rows<'a, T: Element>(&'a mut self, x: &'a Strided<T>) -> &'a [T] {
        if let Some(rows) = x.as_slice() {
            return rows;
        }
        let rows = self.0.reset::<T>(x.shape());
        x.write_to(rows);
        rows
    }
}

impl OpState for Packed {
    fn fork(&self) -> Box<dyn OpState> {
        Box::<Self>::default()
    }
}

/// The slices of a sparse matrix with elements of a type.
pub(crate) fn slices<T: Number>(x: &SparseMatrix) -> Result<Slices<'_, T>, OpFailure> {
    Ok(Slices { indptr: x.pattern().indptr(), indices: x.pattern().indices(), data: x.slots::<T>()? })
}

/// Writes `S y` to `out`, for y a dense vector or matrix, or a sparse matrix of the format of S.
pub(crate) fn multiply(
    s: &SparseMatrix,
    y: &dyn Value,
    packed: &mut Packed,
    out: &mut Tensor,
) -> Result<(), OpFailure> {
    check_inner(&s.shape(), y.extents())?;
    let y: &dyn Any = y;
    if let Some(y) = y.downcast_ref::<SparseMatrix>() {
        return multiply_sparse(s, y, out);
    }
    let y = y.downcast_ref::<Tensor>().ok_or(OpFailure::WrongValue(1))?;
    let shape = [s.shape()[0], y.shape().get(1).copied().unwrap_or(1)];
    let (width, lengths) = (shape[1], &shape[..y.shape().len()]);
    check_size(lengths)?;
    let (indptr, indices) = (s.pattern().indptr(), s.pattern().indices());
    if let (Some(values), Some(y)) = (s.values(), f64::of(y)) {
        let (y, out) = (packed.rows(y), out.reset::<f64>(lengths));
        match s.format() {
            Format::Csr => gather_rows(indptr, indices, values, y, width, out),
            Format::Csc => scatter_columns(indptr, indices, values, y, width, out),
        }
        return Ok(());
    }
    each_number!(s.dtype(), T => {
        let y = packed.rows(T::of(y).ok_or(OpFailure::WrongValue(1))?);
        let out = out.reset::<T>(lengths);
        out.fill(T::default());
        add_products_with_rows(slices::<T>(s)?, s.format() == Format::Csr, y, width, out);
    });
    Ok(())
}

/// Writes the product of two sparse matrices of one format to a dense one.
fn multiply_sparse(x: &SparseMatrix, y: &SparseMatrix, out: &mut Tensor) -> Result<(), OpFailure> {
    if x.format() != y.format() {
        return Err(OpFailure::Shapes("the matrices are of two formats".to_owned()));
    }
    let shape = [x.shape()[0], y.shape()[1]];
    check_size(&shape)?;
    let (left, right) = x.format().swap((x, y));
    let strides = x.format().swap((shape[1], 1));
    each_number!(x.dtype(), T => {
        let out = out.reset::<T>(&shape);
        out.fill(T::default());
        add_products_with_slices(slices::<T>(left)?, slices::<T>(right)?, strides, out);
    });
    Ok(())
}
