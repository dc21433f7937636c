//! Linear equations whose unknown is a matrix: Sylvester's and Lyapunov's.
//!
//! Both sides are turned into the bases of complex Schur forms, where the unknown follows column by column (Bartels and
//! Stewart). So defective matrices are no exception, and the cost is cubic.

use std::borrow::Cow;

use faer::linalg::matmul::matmul as faer_matmul;
use faer::{Accum, Mat, MatRef, Par, c64};
use kronograph_graph::{
    BuildError, Grad, Grads, Io, NodeSpec, NodeView, Op, OpError, OpFailure, OpResult, OpState, Result, Shape,
    Tangents, Variable, apply, origin, sum_of,
};

use super::factor::LinalgError;
use super::matmul::matmul;
use super::matrices::{Cores, Matrices, MatrixType, check_finite, common_leading, cores, each_matrix, order_of};
use super::schur::SchurForm;
use crate::elemwise::{add, cast, neg};
use crate::layout::matrix_transpose;
use crate::tensor::shape_text;

/// The solutions X of `A X + X B = C`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SolveSylvester;

/// The solutions X of `A X Aᵀ - X + Q = 0`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SolveDiscreteLyapunov;

/// X with `A X + X B = C`; (m, m), (n, n), (m, n) → (m, n), for every combination of the leading axes.
///
/// Derivatives: with W the solution of `Aᵀ W + W Bᵀ = X̄`, C̄ is W, Ā is `-W Xᵀ`, and B̄ is `-Xᵀ W`.
///
/// # Errors
///
/// When A or B is not square, or C does not fit; at run time, when an input is not finite or A has an eigenvalue that
/// is minus one of B, so that there is no single solution.
#[track_caller]
pub fn solve_sylvester(a: &Variable, b: &Variable, c: &Variable) -> Result<Variable> {
    let _scope = origin::here();
    apply(SolveSylvester, &common_leading("solve_sylvester", &[a, b, c])?)
}

/// X with `A X + X Aᵀ = Q` (SciPy: `solve_continuous_lyapunov`); (n, n), (n, n) → (n, n).
///
/// # Errors
///
/// As [`solve_sylvester`], for `B = Aᵀ`.
#[track_caller]
pub fn solve_continuous_lyapunov(a: &Variable, q: &Variable) -> Result<Variable> {
    let _scope = origin::here();
    solve_sylvester(a, &matrix_transpose(a)?, q)
}

/// X with `A X Aᵀ - X + Q = 0` (SciPy: `solve_discrete_lyapunov`); (n, n), (n, n) → (n, n), for every combination of
/// the leading axes.
///
/// Derivatives: with W the solution of `Aᵀ W A - W + X̄ = 0`, Q̄ is W, and Ā is `W A Xᵀ + Wᵀ A X`.
///
/// # Errors
///
/// When A is not square, or Q does not fit; at run time, when an input is not finite or the product of two eigenvalues
/// of A is 1, so that there is no single solution.
#[track_caller]
pub fn solve_discrete_lyapunov(a: &Variable, q: &Variable) -> Result<Variable> {
    let _scope = origin::here();
    apply(SolveDiscreteLyapunov, &common_leading("solve_discrete_lyapunov", &[a, q])?)
}

fn product(a: MatRef<'_, c64>, b: MatRef<'_, c64>) -> Mat<c64> {
    let mut to = Mat::zeros(a.nrows(), b.ncols());
    faer_matmul(to.as_mut(), Accum::Replace, a, b, c64::new(1.0, 0.0), Par::Seq);
    to
}

/// A matrix in the bases of two Schur forms, `P C Pᴴ`.
fn into_bases(left: &SchurForm, c: &Mat<f64>, right: &SchurForm) -> Mat<c64> {
    let c = Mat::from_fn(c.nrows(), c.ncols(), |i, j| c64::new(c[(i, j)], 0.0));
    let adjoint = right.p.adjoint().to_owned();
    product(product(left.p.as_ref(), c.as_ref()).as_ref(), adjoint.as_ref())
}

/// Back from the bases: the real part of `Pᴴ Y P`.
fn out_of_bases(left: &SchurForm, y: &Mat<c64>, right: &SchurForm, out: &mut Mat<f64>) {
    let adjoint = left.p.adjoint().to_owned();
    let x = product(product(adjoint.as_ref(), y.as_ref()).as_ref(), right.p.as_ref());
    for j in 0..out.ncols() {
        out.col_as_slice_mut(j).iter_mut().enumerate().for_each(|(i, out)| *out = x[(i, j)].re);
    }
}

/// Replaces the right-hand side by the solution y of `(by S + shift I) y = f` for an upper triangle S; a pivot that is
/// no larger than `least` counts as zero.
fn solve_shifted(s: &Mat<c64>, by: c64, shift: c64, f: &mut [c64], least: f64) -> Result<(), LinalgError> {
    for i in (0..f.len()).rev() {
        let pivot = by * s[(i, i)] + shift;
        if pivot.norm() <= least {
            return Err(LinalgError::Singular { pivot: i });
        }
        f[i] /= pivot;
        let y = by * f[i];
        (0..i).for_each(|k| f[k] -= s[(k, i)] * y);
    }
    Ok(())
}

fn largest_eigenvalue(form: &SchurForm) -> f64 {
    (0..form.s.nrows()).map(|i| form.s[(i, i)].norm()).fold(0.0, f64::max)
}

/// Subtracts a multiple of a column from another one.
fn subtract(from: &mut [c64], by: c64, column: &[c64]) {
    from.iter_mut().zip(column).for_each(|(x, y)| *x -= by * *y);
}

/// `S Y + Y T = F`: `(S + T_jj I) y_j = f_j - sum_{k<j} T_kj y_k`.
fn sylvester(work: &mut Matrices) -> Result<(), LinalgError> {
    let Matrices { inputs, outputs, .. } = work;
    let [a, b, c] = &inputs[..] else { return Ok(()) };
    if c.nrows() == 0 || c.ncols() == 0 {
        return Ok(());
    }
    inputs.iter().try_for_each(check_finite)?;
    let (left, right) = (SchurForm::of(a)?, SchurForm::of(b)?);
    let least = f64::EPSILON * (largest_eigenvalue(&left) + largest_eigenvalue(&right));
    let mut y = into_bases(&left, c, &right);
    for j in 0..y.ncols() {
        let mut column = y.col_as_slice(j).to_vec();
        (0..j).for_each(|k| subtract(&mut column, right.s[(k, j)], y.col_as_slice(k)));
        solve_shifted(&left.s, ONE, right.s[(j, j)], &mut column, least)?;
        y.col_as_slice_mut(j).copy_from_slice(&column);
    }
    out_of_bases(&left, &y, &right, &mut outputs[0]);
    Ok(())
}

/// `S Y Sᴴ - Y = -F`: `(conj(S_jj) S - I) y_j = -f_j - S sum_{k>j} conj(S_jk) y_k`.
fn discrete_lyapunov(work: &mut Matrices) -> Result<(), LinalgError> {
    let Matrices { inputs, outputs, .. } = work;
    let [a, q] = &inputs[..] else { return Ok(()) };
    if q.nrows() == 0 {
        return Ok(());
    }
    inputs.iter().try_for_each(check_finite)?;
    let form = SchurForm::of(a)?;
    let (n, largest) = (a.nrows(), largest_eigenvalue(&form));
    let least = f64::EPSILON * largest.mul_add(largest, 1.0);
    let mut y = into_bases(&form, q, &form);
    for j in (0..n).rev() {
        let mut later = Mat::zeros(n, 1);
        (j + 1..n).for_each(|k| subtract(later.col_as_slice_mut(0), form.s[(j, k)].conj(), y.col_as_slice(k)));
        let mut column = product(form.s.as_ref(), later.as_ref()).col_as_slice(0).to_vec();
        subtract(&mut column, ONE, y.col_as_slice(j));
        solve_shifted(&form.s, form.s[(j, j)].conj(), -ONE, &mut column, least)?;
        y.col_as_slice_mut(j).copy_from_slice(&column);
    }
    out_of_bases(&form, &y, &form, &mut outputs[0]);
    Ok(())
}

const ONE: c64 = c64::new(1.0, 0.0);

/// The types of square inputs and of a right-hand side that fits them, and the inputs in one float dtype.
fn node(op: &'static str, inputs: &[Variable], squares: usize) -> Result<NodeSpec> {
    if inputs.len() != squares + 1 {
        return Err(BuildError::arity(op, squares + 1, inputs));
    }
    let right = MatrixType::of(op, &inputs[squares])?;
    let (mut dtype, mut orders) = (right.dtype, Vec::with_capacity(squares));
    for input in &inputs[..squares] {
        let ty = MatrixType::square(op, input)?;
        dtype = dtype.promote(ty.dtype);
        orders.push(ty.rows);
    }
    let (rows, columns) = (orders[0], orders[squares - 1]);
    let fits = |want: Option<usize>, got: Option<usize>| want.is_none() || got.is_none() || want == got;
    if !fits(rows, right.rows) || !fits(columns, right.columns) {
        return Err(BuildError::inputs(
            op,
            inputs,
            "the last one must have the rows of the first and the columns of the one before it",
        ));
    }
    let ty = MatrixType { dtype, rows: right.rows.or(rows), columns: right.columns.or(columns), ..right };
    let inputs = inputs.iter().map(|input| cast(input, dtype)).collect::<Result<Vec<_>>>()?;
    Ok(NodeSpec::one(ty.stack(&[ty.rows, ty.columns])).with_inputs(inputs))
}

impl Op for SolveSylvester {
    fn name(&self) -> Cow<'static, str> {
        "solve_sylvester".into()
    }

    fn make_node(&self, inputs: &[Variable]) -> Result<NodeSpec> {
        node("solve_sylvester", inputs, 2)
    }

    fn perform(&self, io: &mut Io<'_>) -> OpResult {
        let shapes = |[a, b, c]: [[usize; 2]; 3]| fitting([order_of(a)?, order_of(b)?], c);
        each_matrix(io, shapes, sylvester)
    }

    /// With `Aᵀ W + W Bᵀ = X̄`: `C̄ = W`, `Ā = -W Xᵀ`, `B̄ = -Xᵀ W`.
    fn l_op(&self, node: &NodeView<'_>, output_grads: &[Option<Variable>]) -> Result<Grads> {
        let Some(g) = &output_grads[0] else { return Ok(vec![Grad::Zero; 3]) };
        let xt = matrix_transpose(node.output(0))?;
        let w = solve_sylvester(&matrix_transpose(node.input(0))?, &matrix_transpose(node.input(1))?, g)?;
        Ok(vec![neg(&matmul(&w, &xt)?)?.into(), neg(&matmul(&xt, &w)?)?.into(), w.into()])
    }

    /// `A Ẋ + Ẋ B = Ċ - Ȧ X - X Ḃ`.
    fn r_op(&self, node: &NodeView<'_>, tangents: &[Option<Variable>]) -> Result<Tangents> {
        let x = node.output(0);
        let of_a = tangents[0].as_ref().map(|t| neg(&matmul(t, x)?)).transpose()?;
        let of_b = tangents[1].as_ref().map(|t| neg(&matmul(x, t)?)).transpose()?;
        let moved = sum_of(&[tangents[2].clone(), of_a, of_b])?;
        let solved = moved.map(|moved| solve_sylvester(node.input(0), node.input(1), &moved));
        Ok(vec![solved.transpose()?.into()])
    }

    fn infer_shape(&self, _node: &NodeView<'_>, input_shapes: &[Shape]) -> Result<Vec<Shape>> {
        Ok(vec![input_shapes[2].clone()])
    }

    fn state(&self) -> Option<Box<dyn OpState>> {
        Some(Box::<Matrices>::default())
    }
}

impl Op for SolveDiscreteLyapunov {
    fn name(&self) -> Cow<'static, str> {
        "solve_discrete_lyapunov".into()
    }

    fn make_node(&self, inputs: &[Variable]) -> Result<NodeSpec> {
        node("solve_discrete_lyapunov", inputs, 1)
    }

    fn perform(&self, io: &mut Io<'_>) -> OpResult {
        let shapes = |[a, q]: [[usize; 2]; 2]| fitting([order_of(a)?; 2], q);
        each_matrix(io, shapes, discrete_lyapunov)
    }

    /// With `Aᵀ W A - W + X̄ = 0`: `Q̄ = W`, `Ā = W A Xᵀ + Wᵀ A X`.
    fn l_op(&self, node: &NodeView<'_>, output_grads: &[Option<Variable>]) -> Result<Grads> {
        let Some(g) = &output_grads[0] else { return Ok(vec![Grad::Zero; 2]) };
        let (a, x) = (node.input(0), node.output(0));
        let w = solve_discrete_lyapunov(&matrix_transpose(a)?, g)?;
        let plain = matmul(&w, &matmul(a, &matrix_transpose(x)?)?)?;
        let turned = matmul(&matrix_transpose(&w)?, &matmul(a, x)?)?;
        Ok(vec![add(&plain, &turned)?.into(), w.into()])
    }

    /// `A Ẋ Aᵀ - Ẋ + (Q̇ + Ȧ X Aᵀ + A X Ȧᵀ) = 0`.
    fn r_op(&self, node: &NodeView<'_>, tangents: &[Option<Variable>]) -> Result<Tangents> {
        let (a, x) = (node.input(0), node.output(0));
        let of_a = tangents[0].as_ref().map(|t| {
            let left = matmul(t, &matmul(x, &matrix_transpose(a)?)?)?;
            add(&left, &matmul(&matmul(a, x)?, &matrix_transpose(t)?)?)
        });
        let moved = sum_of(&[tangents[1].clone(), of_a.transpose()?])?;
        Ok(vec![moved.map(|moved| solve_discrete_lyapunov(a, &moved)).transpose()?.into()])
    }

    fn infer_shape(&self, _node: &NodeView<'_>, input_shapes: &[Shape]) -> Result<Vec<Shape>> {
        Ok(vec![input_shapes[1].clone()])
    }

    fn state(&self) -> Option<Box<dyn OpState>> {
        Some(Box::<Matrices>::default())
    }
}

/// The shape of the solution, if the right-hand side fits.
fn fitting(want: [usize; 2], got: [usize; 2]) -> Result<Cores, Box<dyn OpError>> {
    if want == got {
        return Ok(cores([&got]));
    }
    let (want, got) = (shape_text(&want), shape_text(&got));
    Err(OpFailure::Shapes(format!("a right-hand side of shape {got} was given, {want} is needed")).into())
}
