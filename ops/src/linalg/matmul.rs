//! The matrix product of vectors and matrices.

use std::borrow::Cow;

use faer::{Accum, MatMut, MatRef, Par};
use kronograph_graph::{
    BuildError, Dim, Estimate, Grad, Grads, Io, NodeSpec, NodeView, Op, OpFailure, OpResult, Result, Shape, Tangents,
    Variable, apply, origin, shape_of, sum_of,
};

use crate::dtype::DType;
use crate::elemwise::{cast, mul};
use crate::layout::{dimshuffle, expand_dims, reshape, transpose};
use crate::tensor::{Element, Extents, Strided, Tensor, TensorType, shape_text, tensor_type};

/// `a b` for matrices and vectors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct MatMul;

/// The matrix product (NumPy: `matmul`): (m, k)(k, n) → (m, n); a vector is a row on the left and a column on the
/// right, and its axis is dropped.
///
/// # Errors
///
/// When an operand is no vector or matrix, or the inner lengths differ.
#[track_caller]
pub fn matmul(a: &Variable, b: &Variable) -> Result<Variable> {
    apply(MatMul, &[a.clone(), b.clone()])
}

/// `a` applied along an axis of `x`: `y[.., i, ..] = sum_j a[i, j] x[.., j, ..]`, the axis keeping its place.
///
/// # Errors
///
/// When `a` is no matrix, there is no such axis, or the lengths differ.
#[track_caller]
pub fn matmul_along(a: &Variable, x: &Variable, axis: usize) -> Result<Variable> {
    let _scope = origin::here();
    match (tensor_type("matmul", x)?.rank(), axis) {
        (1 | 2, 0) => return matmul(a, x),
        (2, 1) => return matmul(x, &transpose(a)?),
        _ => {}
    }
    fold_back(&matmul(a, &unfold(x, axis)?)?, x, axis)
}

/// Undoes [`unfold`]: a matrix whose rows run along an axis, as a tensor whose other axes are those of `like`.
///
/// # Errors
///
/// When the sizes differ.
#[track_caller]
pub fn fold_back(matrix: &Variable, like: &Variable, axis: usize) -> Result<Variable> {
    let _scope = origin::here();
    let mut shape = shape_of(like);
    check_axis("fold_back", like, axis)?;
    shape.remove(axis);
    shape.insert(0, Dim::axis(matrix, 0));
    let source = |k: usize| if k == axis { 0 } else { k + usize::from(k < axis) };
    let order: Vec<_> = (0..shape.len()).map(|k| Some(source(k))).collect();
    dimshuffle(&reshape(matrix, shape)?, &order)
}

/// `x` as a matrix whose rows run along an axis and whose columns run along all others.
///
/// # Errors
///
/// When there is no such axis.
#[track_caller]
pub fn unfold(x: &Variable, axis: usize) -> Result<Variable> {
    check_axis("unfold", x, axis)?;
    let shape = shape_of(x);
    let order: Vec<_> = std::iter::once(axis).chain((0..shape.len()).filter(|k| *k != axis)).map(Some).collect();
    let rest =
        shape.iter().enumerate().filter(|(k, _)| *k != axis).fold(Dim::from(1), |size, (_, dim)| size.times(dim));
    reshape(&dimshuffle(x, &order)?, [shape[axis].clone(), rest])
}

#[track_caller]
fn check_axis(op: &'static str, x: &Variable, axis: usize) -> Result<()> {
    if axis < x.ty().extents().len() {
        return Ok(());
    }
    Err(BuildError::inputs(op, std::slice::from_ref(x), format!("there is no axis {axis}")))
}

impl Op for MatMul {
    fn name(&self) -> Cow<'static, str> {
        "matmul".into()
    }

    fn make_node(&self, inputs: &[Variable]) -> Result<NodeSpec> {
        let [a, b] = inputs else { return Err(BuildError::arity("matmul", 2, inputs)) };
        let (ta, tb) = (tensor_type("matmul", a)?, tensor_type("matmul", b)?);
        if !(1..=2).contains(&ta.rank()) || !(1..=2).contains(&tb.rank()) {
            return Err(BuildError::inputs("matmul", inputs, "vectors and matrices are needed"));
        }
        let (inner_a, inner_b) = (ta.lengths()[ta.rank() - 1], tb.lengths()[0]);
        if inner_a.is_some() && inner_b.is_some() && inner_a != inner_b {
            let rule = "the last axis of the first must be as long as the first axis of the second";
            return Err(BuildError::inputs("matmul", inputs, rule));
        }
        let dtype = match ta.dtype().promote(tb.dtype()) {
            DType::Bool | DType::U8 | DType::I8 | DType::I32 => DType::I64,
            wide => wide,
        };
        let lengths = [&ta.lengths()[..ta.rank() - 1], &tb.lengths()[1..]].concat();
        Ok(NodeSpec::one(TensorType::shared(dtype, &lengths)).with_inputs([cast(a, dtype)?, cast(b, dtype)?]))
    }

    fn perform(&self, io: &mut Io<'_>) -> OpResult {
        let (a, b) = (io.inputs.get::<Tensor>(0)?, io.inputs.get::<Tensor>(1)?);
        let out = io.outputs[0].buffer::<Tensor>();
        match (a, b) {
            (Tensor::F64(a), Tensor::F64(b)) => product(a, b, out, |to, a, b| faer_product(to, a, b, 1.0)),
            (Tensor::F32(a), Tensor::F32(b)) => product(a, b, out, |to, a, b| faer_product(to, a, b, 1.0)),
            (Tensor::I64(a), Tensor::I64(b)) => product(a, b, out, integer_product),
            _ => Err(OpFailure::WrongValue(0).into()),
        }
    }

    /// `ā = g bᵀ`, `b̄ = aᵀ g`; outer products where an operand is a vector.
    fn l_op(&self, node: &NodeView<'_>, output_grads: &[Option<Variable>]) -> Result<Grads> {
        let Some(g) = &output_grads[0] else { return Ok(vec![Grad::Zero; 2]) };
        let (a, b) = (node.input(0), node.input(1));
        let rank = |x: &Variable| x.ty().extents().len();
        let (a_bar, b_bar) = match (rank(a), rank(b)) {
            (1, 1) => (mul(g, b)?, mul(g, a)?),
            (1, _) => (matmul(b, g)?, mul(&expand_dims(a, &[1])?, &expand_dims(g, &[0])?)?),
            (_, 1) => (mul(&expand_dims(g, &[1])?, &expand_dims(b, &[0])?)?, matmul(&transpose(a)?, g)?),
            _ => (matmul(g, &transpose(b)?)?, matmul(&transpose(a)?, g)?),
        };
        Ok(vec![a_bar.into(), b_bar.into()])
    }

    /// `ȧ b + a ḃ`.
    fn r_op(&self, node: &NodeView<'_>, tangents: &[Option<Variable>]) -> Result<Tangents> {
        let left = tangents[0].as_ref().map(|t| matmul(t, node.input(1))).transpose()?;
        let right = tangents[1].as_ref().map(|t| matmul(node.input(0), t)).transpose()?;
        Ok(vec![sum_of(&[left, right])?.into()])
    }

    fn infer_shape(&self, _node: &NodeView<'_>, input_shapes: &[Shape]) -> Result<Vec<Shape>> {
        let (a, b) = (&input_shapes[0], &input_shapes[1]);
        Ok(vec![a[..a.len() - 1].iter().chain(&b[1..]).cloned().collect()])
    }

    fn estimate(&self, inputs: &[&[usize]], outputs: &[&[usize]]) -> Option<Estimate> {
        let size = |shape: &[usize]| shape.iter().product::<usize>() as f64;
        let inner = *inputs.first()?.last()? as f64;
        let moved: f64 = inputs.iter().chain(outputs).map(|shape| size(shape)).sum();
        Some(Estimate { flops: 2.0 * inner * size(outputs.first()?), bytes: 8.0 * moved })
    }
}

/// A matrix in storage, with a row and a column stride.
struct Matrix<'a, T> {
    storage: &'a [T],
    rows: usize,
    columns: usize,
    row_stride: usize,
    column_stride: usize,
}

impl<'a, T> Matrix<'a, T> {
    /// A vector is a row (`as_row`) or a column.
    fn of(x: &'a Strided<T>, as_row: bool) -> Self
    where
        T: Element,
    {
        let (storage, strides) = (x.storage(), x.strides());
        let (rows, columns, row_stride, column_stride) = match (x.shape(), as_row) {
            ([length], true) => (1, *length, 0, strides[0]),
            ([length], false) => (*length, 1, strides[0], 0),
            (shape, _) => (shape[0], shape[1], strides[0], strides[1]),
        };
        Self { storage, rows, columns, row_stride, column_stride }
    }

    fn at(&self, row: usize, column: usize) -> &T {
        &self.storage[row * self.row_stride + column * self.column_stride]
    }
}

fn product<T: Element>(
    a: &Strided<T>,
    b: &Strided<T>,
    out: &mut Tensor,
    multiply: impl Fn(&mut [T], &Matrix<'_, T>, &Matrix<'_, T>),
) -> OpResult {
    let (ma, mb) = (Matrix::of(a, true), Matrix::of(b, false));
    if ma.columns != mb.rows {
        let (a, b) = (shape_text(a.shape()), shape_text(b.shape()));
        return Err(OpFailure::Shapes(format!("the inner lengths of {a} and {b} differ")).into());
    }
    let shape: Extents = a.shape()[..a.shape().len() - 1].iter().chain(&b.shape()[1..]).copied().collect();
    let to = out.reset::<T>(&shape);
    if ma.columns == 0 {
        to.fill(T::default());
    } else if !to.is_empty() {
        multiply(to, &ma, &mb);
    }
    Ok(())
}

fn integer_product(to: &mut [i64], a: &Matrix<'_, i64>, b: &Matrix<'_, i64>) {
    for (at, to) in to.iter_mut().enumerate() {
        let (row, column) = (at / b.columns, at % b.columns);
        let terms = (0..a.columns).map(|k| a.at(row, k).wrapping_mul(*b.at(k, column)));
        *to = terms.fold(0, i64::wrapping_add);
    }
}

/// Products with a vector are plain loops; others are faer's, on views where the strides allow it.
fn faer_product<T>(to: &mut [T], a: &Matrix<'_, T>, b: &Matrix<'_, T>, one: T)
where
    T: Element + faer::traits::ComplexField + std::ops::Mul<Output = T> + std::ops::AddAssign,
{
    if b.columns == 1 || a.rows == 1 {
        return vector_product(to, a, b);
    }
    let (rows, columns) = (a.rows, b.columns);
    let to = MatMut::from_row_major_slice_mut(to, rows, columns);
    with_faer(a, |a| with_faer(b, |b| faer::linalg::matmul::matmul(to, Accum::Replace, a, b, one, Par::Seq)));
}

fn vector_product<T>(to: &mut [T], a: &Matrix<'_, T>, b: &Matrix<'_, T>)
where
    T: Element + std::ops::Mul<Output = T> + std::ops::AddAssign,
{
    to.fill(T::default());
    for row in 0..a.rows {
        for k in 0..a.columns {
            let left = *a.at(row, k);
            let to = &mut to[row * b.columns..][..b.columns];
            to.iter_mut().enumerate().for_each(|(column, to)| *to += left * *b.at(k, column));
        }
    }
}

fn with_faer<T: Element, R>(x: &Matrix<'_, T>, run: impl FnOnce(MatRef<'_, T>) -> R) -> R {
    let Matrix { storage, rows, columns, row_stride, column_stride } = *x;
    if column_stride == 1 && row_stride >= columns {
        let used = &storage[..(rows - 1) * row_stride + columns];
        return run(MatRef::from_row_major_slice_with_stride(used, rows, columns, row_stride));
    }
    if row_stride == 1 && column_stride >= rows {
        let used = &storage[..(columns - 1) * column_stride + rows];
        return run(MatRef::from_column_major_slice_with_stride(used, rows, columns, column_stride));
    }
    let copy: Vec<T> = (0..rows * columns).map(|at| *x.at(at / columns, at % columns)).collect();
    run(MatRef::from_row_major_slice(&copy, rows, columns))
}
