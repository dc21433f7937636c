//! Products that sum over axes of one's choice, and those that NumPy has names for.

use kronograph_graph::{BuildError, Result, Variable, Verb, binary, origin, shape_of};

use super::contract::{Label, Labelled, contract};
use super::matmul::matmul;
use crate::elemwise::mul;
use crate::layout::{expand_dims, matrix_transpose, reshape, size_of, squeeze};
use crate::tensor::{is_tensor, tensor_type};

/// The sum of products over pairs of axes, `axes_a[k]` of `a` with `axes_b[k]` of `b` (NumPy: `tensordot`): the other
/// axes of `a`, then those of `b`.
///
/// ```
/// use kronograph_ops::{DType, tensor, tensordot};
/// let a = tensor("a", DType::F64, &[Some(2), Some(3), Some(4)]);
/// let b = tensor("b", DType::F64, &[Some(4), Some(5), Some(3)]);
/// assert_eq!(tensordot(&a, &b, &[1, 2], &[2, 0])?.ty().to_string(), "f64 (2, 5)");
/// # Ok::<(), kronograph_graph::BuildError>(())
/// ```
///
/// # Errors
///
/// When an axis does not exist or is named twice, or axes of a pair have different lengths.
#[track_caller]
pub fn tensordot(a: &Variable, b: &Variable, axes_a: &[usize], axes_b: &[usize]) -> Result<Variable> {
    let _scope = origin::here();
    let (rank_a, rank_b) = (tensor_type("tensordot", a)?.rank(), tensor_type("tensordot", b)?.rank());
    let distinct = |axes: &[usize], rank: usize| {
        axes.iter().enumerate().all(|(k, axis)| *axis < rank && !axes[..k].contains(axis))
    };
    if axes_a.len() != axes_b.len() || !distinct(axes_a, rank_a) || !distinct(axes_b, rank_b) {
        let rule = format!("axes {axes_a:?} and {axes_b:?} are not pairs of different axes of them");
        return Err(BuildError::inputs("tensordot", &[a.clone(), b.clone()], rule));
    }
    let (ea, eb) = (a.ty().extents(), b.ty().extents());
    for (&i, &j) in axes_a.iter().zip(axes_b) {
        if ea[i].is_some() && eb[j].is_some() && ea[i] != eb[j] {
            let rule = format!("axis {i} of the first must be as long as axis {j} of the second");
            return Err(BuildError::inputs("tensordot", &[a.clone(), b.clone()], rule));
        }
    }
    let pair = |axis: usize| axes_b.iter().position(|own| *own == axis).map(|k| axes_a[k]);
    let labels_b = (0..rank_b).map(|axis| pair(axis).unwrap_or(rank_a + axis) as Label).collect();
    let left = Labelled { variable: a.clone(), labels: (0..rank_a as Label).collect() };
    let right = Labelled { variable: b.clone(), labels: labels_b };
    let summed = |label: Label| axes_a.contains(&(label as usize));
    Ok(contract("tensordot", left, right, &|label| !summed(label))?.variable)
}

/// The product of PyTensor's `dot`: elementwise with a scalar; for vectors and matrices the matrix product; for more
/// axes, the sum over the last axis of `a` and the last but one of `b`, every other axis of `a` before those of `b`.
///
/// # Errors
///
/// When those axes have different lengths.
#[track_caller]
pub fn dot(a: &Variable, b: &Variable) -> Result<Variable> {
    let _scope = origin::here();
    if !is_tensor(a) || !is_tensor(b) {
        return binary(Verb::Dot, a, b);
    }
    match (tensor_type("dot", a)?.rank(), tensor_type("dot", b)?.rank()) {
        (0, _) | (_, 0) => mul(a, b),
        (1 | 2, 1 | 2) => matmul(a, b),
        (rank_a, rank_b) => tensordot(a, b, &[rank_a - 1], &[rank_b.saturating_sub(2)]),
    }
}

/// The outer product of vectors, `y[i, j] = a[i] b[j]`; what is no vector is flattened first.
///
/// # Errors
///
/// When an operand is no dense tensor.
#[track_caller]
pub fn outer(a: &Variable, b: &Variable) -> Result<Variable> {
    let _scope = origin::here();
    let flat = |x: &Variable| match tensor_type("outer", x)?.rank() {
        1 => Ok(x.clone()),
        _ => reshape(x, [size_of(&shape_of(x))]),
    };
    mul(&expand_dims(&flat(a)?, &[1])?, &expand_dims(&flat(b)?, &[0])?)
}

/// Products of vectors along the last axis (NumPy: `vecdot`): (.., k)(.., k) → (..).
///
/// # Errors
///
/// When the lengths differ, or the leading axes do not fit.
#[track_caller]
pub fn vecdot(a: &Variable, b: &Variable) -> Result<Variable> {
    let _scope = origin::here();
    let rank = |x: &Variable| vector_rank("vecdot", x);
    let y = matmul(&expand_dims(a, &[rank(a)? - 1])?, &expand_dims(b, &[rank(b)?])?)?;
    let last = y.ty().extents().len() - 1;
    squeeze(&y, &[last - 1, last])
}

/// Products of matrices and vectors (NumPy: `matvec`): (.., m, k)(.., k) → (.., m).
///
/// # Errors
///
/// When the inner lengths differ, or the leading axes do not fit.
#[track_caller]
pub fn matvec(a: &Variable, x: &Variable) -> Result<Variable> {
    let _scope = origin::here();
    let y = matmul(matrices("matvec", a)?, &expand_dims(x, &[vector_rank("matvec", x)?])?)?;
    squeeze(&y, &[y.ty().extents().len() - 1])
}

/// Products of vectors and matrices (NumPy: `vecmat`): (.., k)(.., k, n) → (.., n).
///
/// # Errors
///
/// When the inner lengths differ, or the leading axes do not fit.
#[track_caller]
pub fn vecmat(x: &Variable, a: &Variable) -> Result<Variable> {
    let _scope = origin::here();
    matvec(&matrix_transpose(matrices("vecmat", a)?)?, x)
}

/// [`dot`] for each member of two stacks of vectors or matrices (PyTensor: `batched_dot`).
///
/// # Errors
///
/// When an operand does not have two or three axes, the first axes differ, or the inner lengths do.
#[track_caller]
pub fn batched_dot(a: &Variable, b: &Variable) -> Result<Variable> {
    let _scope = origin::here();
    let (rank_a, rank_b) = (tensor_type("batched_dot", a)?.rank(), tensor_type("batched_dot", b)?.rank());
    match (rank_a, rank_b) {
        (2, 2) => vecdot(a, b),
        (3, 2) => matvec(a, b),
        (2, 3) => vecmat(a, b),
        (3, 3) => matmul(a, b),
        _ => {
            let rule = "stacks of vectors or matrices are needed";
            Err(BuildError::inputs("batched_dot", &[a.clone(), b.clone()], rule))
        }
    }
}

#[track_caller]
fn vector_rank(op: &'static str, x: &Variable) -> Result<usize> {
    match tensor_type(op, x)?.rank() {
        0 => Err(BuildError::inputs(op, std::slice::from_ref(x), "a vector, or a stack of them, is needed")),
        rank => Ok(rank),
    }
}

#[track_caller]
fn matrices<'a>(op: &'static str, x: &'a Variable) -> Result<&'a Variable> {
    match tensor_type(op, x)?.rank() {
        0 | 1 => Err(BuildError::inputs(op, std::slice::from_ref(x), "a matrix, or a stack of them, is needed")),
        _ => Ok(x),
    }
}
