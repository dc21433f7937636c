//! The pseudo-inverse of Moore and Penrose, through the singular value decomposition.

use std::borrow::Cow;
use std::sync::Arc;

use faer::linalg::svd::{ComputeSvdVectors, pseudoinverse_from_svd, pseudoinverse_from_svd_scratch, svd, svd_scratch};
use faer::{Mat, Par};
use kronograph_graph::{
    BuildError, Entry, Grad, Grads, Io, NodeSpec, NodeView, Op, OpResult, OpState, Params, Result, Sample, Shape,
    Tangents, Variable, apply,
};

use super::factor::LinalgError;
use super::matmul::matmul;
use super::matrices::{Matrices, MatrixType, check_finite, cores, each_matrix, reshape};
use super::spectrum::{scale, scale_of};
use crate::elemwise::{add, cast, sub};
use crate::layout::matrix_transpose;
use crate::params::only;
use crate::samples::{dense, given, shaped};

/// The pseudo-inverses of matrices.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Pinv;

/// The pseudo-inverse Y of matrices: `A Y A = A`, `Y A Y = Y`, and `A Y` and `Y A` are symmetric; (m, n) → (n, m), for
/// every combination of the leading axes.
///
/// Singular values that are no larger than `max(m, n) ε` times the largest one count as zero. The derivative is that
/// along matrices of equal rank; where the rank changes there is none.
///
/// # Errors
///
/// When `a` has less than two axes; at run time, when it is not finite.
#[track_caller]
pub fn pinv(a: &Variable) -> Result<Variable> {
    apply(Pinv, std::slice::from_ref(a))
}

/// The entry of this file. PyTensor's `hermitian` only says that a faster method may be used.
pub(crate) fn entries() -> Vec<Entry> {
    let build = |params: &Params<'_>, a: &[Variable]| {
        params.flag("hermitian")?;
        Ok(vec![pinv(only(params, a)?)?])
    };
    vec![Entry::function("pinv", "linear algebra", build, samples).parsed_by(|_| Ok(Arc::new(Pinv)))]
}

fn samples() -> Vec<Sample> {
    let a = |shape: &[usize]| [dense(shape, (-2.0, 2.0), 3)];
    let rank_one = [given(shaped(&[3, 2], vec![1.0, 2.0, 2.0, 4.0, 3.0, 6.0]))];
    vec![
        Sample::new("square", a(&[3, 3])),
        Sample::new("tall", a(&[4, 2])),
        Sample::new("wide", a(&[2, 3])).with("hermitian", false),
        Sample::new("a stack", a(&[2, 3, 2])),
        Sample::new("one entry", a(&[1, 1])),
        Sample::new("no rows", a(&[0, 2])),
        Sample::new("an empty stack", a(&[0, 3, 2])),
        Sample::new("dependent columns", rank_one).edge(),
        Sample::new("zero", [given(shaped(&[2, 2], vec![0.0; 4]))]).edge(),
        Sample::new("integers", [given(shaped(&[2, 2], vec![1i64, 2, 3, 5]))]).edge(),
        Sample::new("f32", [given(shaped(&[2, 2], vec![1.5f32, 2.0, 3.0, -4.0]))]).single(),
    ]
}

fn invert(work: &mut Matrices) -> Result<(), LinalgError> {
    let Matrices { inputs, outputs, between, memory, .. } = work;
    let (a, out) = (&mut inputs[0], &mut outputs[0]);
    let ((m, n), thin) = (a.shape(), ComputeSvdVectors::Thin);
    let k = m.min(n);
    check_finite(a)?;
    if k == 0 {
        return Ok(());
    }
    let by = scale_of(a);
    scale(a, by);
    between.resize_with(3, Mat::new);
    let [u, s, v] = &mut between[..] else { return Ok(()) };
    reshape(u, m, k);
    reshape(s, k, 1);
    reshape(v, n, k);
    let stack = memory.stack(svd_scratch::<f64>(m, n, thin, thin, Par::Seq, Default::default()));
    let values = s.col_mut(0).as_diagonal_mut();
    svd(a.as_ref(), values, Some(u.as_mut()), Some(v.as_mut()), Par::Seq, stack, Default::default())
        .map_err(|_| LinalgError::NoConvergence)?;
    let stack = memory.stack(pseudoinverse_from_svd_scratch::<f64>(m, n, Par::Seq));
    let values = s.col(0).as_diagonal();
    pseudoinverse_from_svd(out.as_mut(), values, u.as_ref(), v.as_ref(), Par::Seq, stack);
    scale(out, by);
    Ok(())
}

impl Op for Pinv {
    fn name(&self) -> Cow<'static, str> {
        "pinv".into()
    }

    fn make_node(&self, inputs: &[Variable]) -> Result<NodeSpec> {
        let [a] = inputs else { return Err(BuildError::arity("pinv", 1, inputs)) };
        let ty = MatrixType::of("pinv", a)?;
        Ok(NodeSpec::one(ty.stack(&[ty.columns, ty.rows])).with_inputs([cast(a, ty.dtype)?]))
    }

    fn perform(&self, io: &mut Io<'_>) -> OpResult {
        each_matrix(io, |[[m, n]]: [[usize; 2]; 1]| Ok(cores([&[n, m]])), invert)
    }

    /// `Āᵀ = -Y Ȳᵀ Y + Y Yᵀ Ȳ (I - A Y) + (I - Y A) Ȳ Yᵀ Y`.
    fn l_op(&self, node: &NodeView<'_>, output_grads: &[Option<Variable>]) -> Result<Grads> {
        let Some(g) = &output_grads[0] else { return Ok(vec![Grad::Zero]) };
        let moved = moved(node.input(0), node.output(0), &matrix_transpose(g)?, g)?;
        Ok(vec![matrix_transpose(&moved)?.into()])
    }

    /// `Ẏ = -Y Ȧ Y + Y Yᵀ Ȧᵀ (I - A Y) + (I - Y A) Ȧᵀ Yᵀ Y`.
    fn r_op(&self, node: &NodeView<'_>, tangents: &[Option<Variable>]) -> Result<Tangents> {
        let Some(t) = &tangents[0] else { return Ok(vec![Grad::Zero]) };
        Ok(vec![moved(node.input(0), node.output(0), t, &matrix_transpose(t)?)?.into()])
    }

    fn infer_shape(&self, _node: &NodeView<'_>, input_shapes: &[Shape]) -> Result<Vec<Shape>> {
        let mut shape = input_shapes[0].clone();
        let last = shape.len() - 1;
        shape.swap(last - 1, last);
        Ok(vec![shape])
    }

    fn state(&self) -> Option<Box<dyn OpState>> {
        Some(Box::<Matrices>::default())
    }
}

/// `-Y H Y + Y Yᵀ Hᵀ (I - A Y) + (I - Y A) Hᵀ Yᵀ Y`, for H and its transpose.
fn moved(a: &Variable, y: &Variable, h: &Variable, ht: &Variable) -> Result<Variable> {
    let yt = matrix_transpose(y)?;
    let left = matmul(y, &matmul(&yt, ht)?)?;
    let right = matmul(&matmul(ht, &yt)?, y)?;
    let left = sub(&left, &matmul(&matmul(&left, a)?, y)?)?;
    let right = sub(&right, &matmul(y, &matmul(a, &right)?)?)?;
    sub(&add(&left, &right)?, &matmul(&matmul(y, h)?, y)?)
}
