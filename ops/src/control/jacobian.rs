//! Jacobians and Hessians as arrays, by a map over the directions.
//!
//! One direction is pushed or pulled at a time, so the memory is that of the result; what does not depend on the
//! direction (the model's values, factorisations) is computed once. They are expressions: they can be differentiated,
//! rewritten, and compiled together with anything else.

use std::ops::Range;

use kronograph_graph::{BuildError, Dim, Grad, Gradient, Result, Variable, grad, origin, rop_kinds, shape_of};

use super::map::map;
use crate::construct::full;
use crate::index::slice;
use crate::layout::{reshape, size_of, transpose_axes};
use crate::linalg::eye;
use crate::tensor::{TensorType, tensor_type};

/// `∂f/∂x`, of shape `f.shape + x.shape`; see [`Jacobian`] for the options.
///
/// ```
/// use kronograph_ops::{jacobian, sqr, tensor, DType};
/// let x = tensor("x", DType::F64, &[Some(3)]);
/// assert_eq!(jacobian(&sqr(&x)?, &x)?.ty().to_string(), "f64 (3, 3)");
/// # Ok::<(), kronograph_graph::BuildError>(())
/// ```
///
/// # Errors
///
/// When `f` or `x` is no dense float tensor, or `f` does not depend on `x`, or a derivative is missing or undefined.
#[track_caller]
pub fn jacobian(f: &Variable, x: &Variable) -> Result<Variable> {
    Jacobian::of(f, x).build()
}

/// A Jacobian with options.
#[derive(Clone, Debug)]
pub struct Jacobian {
    f: Variable,
    x: Variable,
    by: Option<By>,
    rows: Option<Range<usize>>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum By {
    Rows,
    Columns,
}

impl Jacobian {
    /// Of `f` by `x`. Forward mode is taken where `x` is known to have fewer elements than `f`, else reverse mode.
    pub fn of(f: &Variable, x: &Variable) -> Self {
        Self { f: f.clone(), x: x.clone(), by: None, rows: None }
    }

    /// By reverse mode, one element of `f` at a time.
    pub fn reverse(self) -> Self {
        Self { by: Some(By::Rows), ..self }
    }

    /// By forward mode, one element of `x` at a time.
    pub fn forward(self) -> Self {
        Self { by: Some(By::Columns), ..self }
    }

    /// Only a chunk of the rows, by reverse mode: those of the elements of `f`, in row-major order, in a range. The
    /// result has shape `(rows,) + x.shape`; so a Jacobian too large for memory is had chunk by chunk.
    pub fn rows(self, rows: Range<usize>) -> Self {
        Self { rows: Some(rows), ..self }
    }

    /// The expression.
    ///
    /// # Errors
    ///
    /// As [`jacobian`]; also when rows are asked for in forward mode, or outside of `f`.
    #[track_caller]
    pub fn build(&self) -> Result<Variable> {
        let _scope = origin::here();
        let (m, n) = (length_of(&self.f)?, length_of(&self.x)?);
        match (self.by, &self.rows) {
            (Some(By::Columns), Some(_)) => {
                Err(BuildError::parameter("jacobian", "a range of rows needs reverse mode"))
            }
            (_, Some(rows)) => self.by_rows(&self.part(&m, rows)?, &Dim::from(rows.len())),
            (Some(By::Rows), None) => self.by_rows(&self.f, &m),
            (Some(By::Columns), None) => self.by_columns(&n),
            (None, None) => match (m.known(), n.known()) {
                (Some(m_known), Some(n_known)) if n_known < m_known => self.by_columns(&n),
                _ => self.by_rows(&self.f, &m),
            },
        }
    }

    /// The elements of `f` in a range, so that no direction is longer than they are many.
    fn part(&self, m: &Dim, Range { start, end }: &Range<usize>) -> Result<Variable> {
        let inside = start <= end && m.known().is_none_or(|m| *end <= m);
        match (i64::try_from(*start), i64::try_from(*end)) {
            (Ok(start), Ok(end)) if inside => slice(&reshape(&self.f, [m.clone()])?, start, end),
            _ => {
                let rule = format!("rows {start}..{end} are not among the {m} of `f`");
                Err(BuildError::parameter("jacobian", rule))
            }
        }
    }

    fn by_rows(&self, f: &Variable, m: &Dim) -> Result<Variable> {
        let x = &self.x;
        let stacked = map(&[eye(m.clone())?], |row| {
            let cotangent = reshape(&row[0], shape_of(f))?;
            Gradient::of_outputs(std::slice::from_ref(f), &[cotangent])?.wrt(std::slice::from_ref(x))
        })?;
        reshape(&stacked[0], [shape_of(f), shape_of(x)].concat())
    }

    fn by_columns(&self, n: &Dim) -> Result<Variable> {
        let (f, x) = (&self.f, &self.x);
        let mut missing = false;
        let stacked = map(&[eye(n.clone())?], |column| {
            let tangent = reshape(&column[0], shape_of(x))?;
            let kinds = rop_kinds(std::slice::from_ref(f), std::slice::from_ref(x), &[tangent])?;
            missing = !matches!(kinds[0], Grad::Var(_));
            Ok(vec![block_or_zeros(kinds[0].clone(), f)?])
        })?;
        if missing {
            // Reverse mode tells zero, disconnected and undefined apart.
            return self.by_rows(f, &length_of(f)?);
        }
        let joined = reshape(&stacked[0], [shape_of(x), shape_of(f)].concat())?;
        swap_groups(&joined, x.ty().extents().len())
    }
}

/// The Hessian of a scalar, in blocks: `blocks[i][j]` is `∂²cost/∂x_i∂x_j`, of shape `x_i.shape + x_j.shape`.
///
/// Forward over reverse, one element of one variable at a time; a block below the diagonal is the transpose of the one
/// above it. Blocks that are zero everywhere come as zeros.
///
/// # Errors
///
/// As [`grad`]; also when one of `wrt` is no dense tensor.
#[track_caller]
pub fn hessian(cost: &Variable, wrt: &[Variable]) -> Result<Vec<Vec<Variable>>> {
    let _scope = origin::here();
    let gradients = grad(cost, wrt)?;
    let mut blocks: Vec<Vec<Variable>> = vec![Vec::with_capacity(wrt.len()); wrt.len()];
    for (j, x) in wrt.iter().enumerate() {
        // Row j from the diagonal on: the tangents of the later gradients by this variable.
        let stacked = map(&[eye(length_of(x)?)?], |direction| {
            let tangent = reshape(&direction[0], shape_of(x))?;
            let kinds = rop_kinds(&gradients[j..], std::slice::from_ref(x), &[tangent])?;
            kinds.into_iter().zip(&wrt[j..]).map(|(kind, like)| block_or_zeros(kind, like)).collect()
        })?;
        for i in 0..j {
            let above = blocks[i][j].clone();
            blocks[j].push(swap_groups(&above, wrt[i].ty().extents().len())?);
        }
        for (later, stacked) in wrt[j..].iter().zip(&stacked) {
            blocks[j].push(reshape(stacked, [shape_of(x), shape_of(later)].concat())?);
        }
    }
    Ok(blocks)
}

fn block_or_zeros(kind: Grad, like: &Variable) -> Result<Variable> {
    match kind {
        Grad::Var(term) => Ok(term),
        Grad::Undefined { .. } => {
            let rule = "a derivative that the Jacobian or Hessian needs is undefined";
            Err(BuildError::inputs("jacobian", std::slice::from_ref(like), rule))
        }
        Grad::Zero | Grad::Disconnected => full(0.0, tensor_type("jacobian", like)?.dtype(), shape_of(like)),
    }
}

/// The number of elements of a dense float tensor.
fn length_of(variable: &Variable) -> Result<Dim> {
    match variable.type_as::<TensorType>() {
        Some(ty) if ty.dtype().is_float() => Ok(size_of(&shape_of(variable))),
        _ => {
            let rule = "a Jacobian or Hessian is that of dense float tensors";
            Err(BuildError::inputs("jacobian", std::slice::from_ref(variable), rule))
        }
    }
}

/// Moves the first `count` axes to the end.
fn swap_groups(x: &Variable, count: usize) -> Result<Variable> {
    let rank = x.ty().extents().len();
    let order: Vec<usize> = (count..rank).chain(0..count).collect();
    transpose_axes(x, &order)
}
