//! The Cholesky factor as a matrix (LAPACK: potrf), through faer.
//!
//! For solving with it, [`cholesky_factor`](super::cholesky_factor) is cheaper: it makes a value of the factorisation.

use std::borrow::Cow;
use std::sync::Arc;

use faer::linalg::cholesky::llt::factor as llt;
use faer::{Mat, Par};
use kronograph_graph::{
    BuildError, Dim, Entry, Grad, Grads, Io, NodeSpec, NodeView, Op, OpResult, OpState, Params, Props, Result, Sample,
    Shape, Tangents, Variable, apply,
};

use super::diag::trace;
use super::eye::eye;
use super::factor::{LinalgError, Trans};
use super::matmul::matmul;
use super::matrices::{Matrices, MatrixType, cores, each_matrix, order_of};
use super::solve_triangular::solve_triangular;
use super::systems::dominant;
use super::triangle::{Triangle, folded, mirrored};
use super::triangular_factor::DiagonalKind;
use crate::elemwise::{add, cast, eq, mul, switch};
use crate::layout::{expand_dims, matrix_transpose};
use crate::params::only;
use crate::samples::{given, shaped};
use crate::tensor::tensor_type;

/// The Cholesky factors of symmetric positive definite matrices.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Cholesky {
    triangle: Triangle,
    /// Whether a matrix that has no factor has one of NaN.
    nan: bool,
}

/// The triangular factor of symmetric positive definite matrices: `A = L Lᵀ` for [`Triangle::Lower`], `A = Uᵀ U` for
/// [`Triangle::Upper`]; (n, n) → (n, n), for every combination of the leading axes. Cost: `1/3 n³`.
///
/// Only that triangle of A is read, so the derivative is supported on it: an entry beside the diagonal stands for two.
///
/// ```
/// use kronograph_graph::{Function, FunctionGraph};
/// use kronograph_ops::{Tensor, Triangle, cholesky, matrix};
///
/// let a = matrix("a");
/// let l = cholesky(&a, Triangle::Lower)?;
/// let mut f = Function::plan(FunctionGraph::new(&[a], &[l])?)?;
/// let l = f.call(&[&Tensor::new(&[2, 2], vec![4.0, f64::NAN, 2.0, 10.0])?])?;
/// assert_eq!(l.get::<Tensor>(0)?.to_vec::<f64>()?, [2.0, 0.0, 1.0, 3.0]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// When `a` has less than two axes, or is not square; at run time, when a matrix is not positive definite or not finite
/// ([`LinalgError`], recoverable).
#[track_caller]
pub fn cholesky(a: &Variable, triangle: Triangle) -> Result<Variable> {
    apply(Cholesky { triangle, nan: false }, std::slice::from_ref(a))
}

/// [`cholesky`] that gives a matrix of NaN where there is no factor (PyTensor: `on_error="nan"`).
///
/// # Errors
///
/// When `a` has less than two axes, or is not square.
#[track_caller]
pub fn cholesky_or_nan(a: &Variable, triangle: Triangle) -> Result<Variable> {
    apply(Cholesky { triangle, nan: true }, std::slice::from_ref(a))
}

/// The entry of this file: PyTensor's `lower` (true if absent) and `on_error`, which is `raise` if absent.
pub(crate) fn entries() -> Vec<Entry> {
    let parsed = |params: &Params<'_>| {
        let nan = match params.maybe_word("on_error")? {
            None | Some("raise") => false,
            Some("nan") => true,
            Some(other) => return Err(params.wrong_word("on_error", "raise or nan", other)),
        };
        Ok(Cholesky { triangle: Triangle::of(params, Triangle::Lower)?, nan })
    };
    let build = move |params: &Params<'_>, a: &[Variable]| {
        Ok(vec![apply(parsed(params)?, std::slice::from_ref(only(params, a)?))?])
    };
    let entry = Entry::function("cholesky", "linear algebra", build, samples);
    vec![entry.parsed_by(move |params| Ok(Arc::new(parsed(params)?)))]
}

fn samples() -> Vec<Sample> {
    let a = |shape: &[usize]| [given(dominant(shape, 1))];
    let indefinite = || [given(shaped(&[2, 2, 2], vec![4.0, 2.0, 2.0, 10.0, 1.0, 2.0, 2.0, 1.0]))];
    let single = shaped(&[2, 2], vec![4.0f32, 1.0, 1.0, 3.0]);
    vec![
        Sample::new("the default", a(&[3, 3])),
        Sample::new("upper", a(&[3, 3])).with("lower", false),
        Sample::new("a stack", a(&[2, 3, 3])).with("lower", true),
        Sample::new("upper, a stack of stacks", a(&[2, 1, 2, 2])).with("lower", false),
        Sample::new("one entry", a(&[1, 1])),
        Sample::new("no rows", a(&[0, 0])),
        Sample::new("an empty stack", a(&[0, 2, 2])),
        Sample::new("NaN instead of an error", a(&[2, 2])).with("on_error", "nan"),
        Sample::new("one without a factor", indefinite()).with("on_error", "nan").edge(),
        Sample::new("integers", [given(shaped(&[2, 2], vec![4i64, 2, 2, 10]))]).edge(),
        Sample::new("f32", [given(single)]).single(),
    ]
}

impl Cholesky {
    fn factor(self, work: &mut Matrices) -> Result<(), LinalgError> {
        let Matrices { inputs, outputs, memory, .. } = work;
        let (a, out) = (&mut inputs[0], &mut outputs[0]);
        let n = a.nrows();
        if self.triangle == Triangle::Upper {
            (0..n).for_each(|j| (0..j).for_each(|i| a[(j, i)] = a[(i, j)]));
        }
        let read: f64 = (0..n).map(|j| a.col_as_slice(j)[j..].iter().sum::<f64>()).sum();
        let stack = memory.stack(llt::cholesky_in_place_scratch::<f64>(n, Par::Seq, Default::default()));
        let found = match n {
            0 => Ok(()),
            _ => {
                llt::cholesky_in_place(a.as_mut(), Default::default(), Par::Seq, stack, Default::default()).map(|_| ())
            }
        };
        let outcome = match found {
            Err(llt::LltError::NonPositivePivot { index: pivot }) if read.is_finite() => {
                Err(LinalgError::NotPositiveDefinite { pivot })
            }
            Err(llt::LltError::NonPositivePivot { index: pivot }) => Err(LinalgError::NotFinite { pivot }),
            Ok(()) => not_finite(a).map_or(Ok(()), |pivot| Err(LinalgError::NotFinite { pivot })),
        };
        if outcome.is_err() && self.nan {
            (0..n).for_each(|j| out.col_as_slice_mut(j).fill(f64::NAN));
            return Ok(());
        }
        for j in 0..n {
            for i in 0..n {
                let (row, column) = if self.triangle == Triangle::Lower { (i, j) } else { (j, i) };
                out[(i, j)] = if row >= column { a[(row, column)] } else { 0.0 };
            }
        }
        outcome
    }

    /// L from the output, or back.
    fn lower(self, factor: &Variable) -> Result<Variable> {
        if self.triangle == Triangle::Lower { Ok(factor.clone()) } else { matrix_transpose(factor) }
    }

    /// A derivative from L. Where that is NaN, it is NaN too: no system is solved with it.
    fn guarded(self, factor: &Variable, derive: impl FnOnce(&Variable) -> Result<Variable>) -> Result<Variable> {
        let l = self.lower(factor)?;
        if !self.nan {
            return derive(&l);
        }
        let last = l.ty().extents().len() - 1;
        let mark = expand_dims(&trace(&l, 0, last - 1, last)?, &[last - 1, last])?;
        let found = eq(&mark, &mark)?;
        let one = cast(&eye(Dim::axis(&l, last))?, tensor_type("cholesky", &l)?.dtype())?;
        switch(&found, &derive(&switch(&found, &l, &one)?)?, f64::NAN)
    }
}

fn not_finite(a: &Mat<f64>) -> Option<usize> {
    (0..a.ncols()).find(|&j| !a.col_as_slice(j)[j..].iter().all(|x| x.is_finite()))
}

/// `L⁻¹ b`, or `L⁻ᵀ b`.
pub(super) fn divide(l: &Variable, b: &Variable, trans: Trans) -> Result<Variable> {
    solve_triangular(l, b, Triangle::Lower, trans, DiagonalKind::Stored)
}

/// The lower triangle with half the diagonal.
fn phi(x: &Variable) -> Result<Variable> {
    mul(&add(&Triangle::Lower.part(x, true)?, &Triangle::Lower.part(x, false)?)?, 0.5)
}

impl Op for Cholesky {
    fn name(&self) -> Cow<'static, str> {
        "cholesky".into()
    }

    fn props(&self) -> Props {
        let on_error = if self.nan { "nan" } else { "raise" };
        Props::default().with("lower", self.triangle == Triangle::Lower).with("on_error", on_error)
    }

    fn make_node(&self, inputs: &[Variable]) -> Result<NodeSpec> {
        let [a] = inputs else { return Err(BuildError::arity("cholesky", 1, inputs)) };
        let ty = MatrixType::square("cholesky", a)?;
        Ok(NodeSpec::one(ty.stack(&[ty.rows, ty.rows])).with_inputs([cast(a, ty.dtype)?]))
    }

    fn perform(&self, io: &mut Io<'_>) -> OpResult {
        each_matrix(io, |[shape]: [_; 1]| Ok(cores([&[order_of(shape)?; 2]])), |work| self.factor(work))
    }

    /// With `Φ` the lower triangle with half the diagonal: the cotangent of A is `S = L⁻ᵀ Φ(Lᵀ L̄) L⁻¹`, which is
    /// folded on the triangle that is read.
    fn l_op(&self, node: &NodeView<'_>, output_grads: &[Option<Variable>]) -> Result<Grads> {
        let Some(g) = &output_grads[0] else { return Ok(vec![Grad::Zero]) };
        let g = Triangle::Lower.part(&self.lower(g)?, true)?;
        let reverse = |l: &Variable| {
            let left = divide(l, &phi(&matmul(&matrix_transpose(l)?, &g)?)?, Trans::Yes)?;
            folded(&divide(l, &matrix_transpose(&left)?, Trans::Yes)?, self.triangle)
        };
        Ok(vec![self.guarded(node.output(0), reverse)?.into()])
    }

    /// `L̇ = L Φ(L⁻¹ Ȧ L⁻ᵀ)`.
    fn r_op(&self, node: &NodeView<'_>, tangents: &[Option<Variable>]) -> Result<Tangents> {
        let Some(t) = &tangents[0] else { return Ok(vec![Grad::Zero]) };
        let forward = |l: &Variable| {
            let left = divide(l, &mirrored(t, self.triangle)?, Trans::No)?;
            let both = divide(l, &matrix_transpose(&left)?, Trans::No)?;
            self.lower(&matmul(l, &phi(&both)?)?)
        };
        Ok(vec![self.guarded(node.output(0), forward)?.into()])
    }

    fn infer_shape(&self, _node: &NodeView<'_>, input_shapes: &[Shape]) -> Result<Vec<Shape>> {
        Ok(vec![input_shapes[0].clone()])
    }

    fn state(&self) -> Option<Box<dyn OpState>> {
        Some(Box::<Matrices>::default())
    }
}
