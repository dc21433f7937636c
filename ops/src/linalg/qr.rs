//! The QR decomposition by Householder reflections (LAPACK: geqrf), through faer.
//!
//! Signs are LAPACK's: a reflection takes its column to minus its sign, so entries of R's diagonal are often negative;
//! a column that has nothing below the diagonal stays as it is.

use std::borrow::Cow;

use faer::linalg::householder::{
    apply_block_householder_sequence_on_the_left_in_place_scratch as apply_scratch,
    apply_block_householder_sequence_on_the_left_in_place_with_conj as apply_reflections,
};
use faer::linalg::qr::no_pivoting::factor::{qr_in_place, qr_in_place_scratch, recommended_block_size};
use faer::{Conj, Mat, Par};
use kronograph_graph::{
    BuildError, Dim, Grad, Grads, Io, NodeSpec, NodeView, Op, OpError, OpResult, OpState, Props, Result, Shape,
    Tangents, Variable, Why, apply_all, shape_of, sum_of,
};

use super::factor::{LinalgError, Trans};
use super::matmul::matmul;
use super::matrices::{Cores, Matrices, MatrixType, check_finite, cores, each_matrix, reshape};
use super::solve_triangular::divide_right;
use super::triangle::tril;
use crate::construct::full;
use crate::elemwise::{add, cast, neg, sub};
use crate::index::{Index, subtensor};
use crate::join::concatenate;
use crate::layout::matrix_transpose;
use crate::tensor::tensor_type;

/// What is computed of a QR decomposition.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum QrMode {
    /// Q is (m, k) and R is (k, n), with k the smaller of m and n (NumPy: `reduced`).
    Economic,
    /// Q is (m, m) and R is (m, n) (NumPy: `complete`).
    Full,
    /// R alone, (k, n).
    R,
}

/// The QR decompositions of matrices.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Qr {
    pub(super) mode: QrMode,
}

/// `A = Q R` with orthonormal columns of Q and an upper triangle R; (m, n) → Q, R, for every combination of the leading
/// axes. Signs are LAPACK's. For [`QrMode::R`] see [`qr_r`].
///
/// The derivative divides by the diagonal of R, so it fails where the first k columns are not independent.
/// [`QrMode::Full`] has derivatives only if A has, by its type, no more rows than columns: a basis of what is left over
/// is no function of A.
///
/// # Errors
///
/// When `a` has less than two axes, or the mode is [`QrMode::R`]; at run time, when it is not finite.
#[track_caller]
pub fn qr(a: &Variable, mode: QrMode) -> Result<(Variable, Variable)> {
    if mode == QrMode::R {
        return Err(BuildError::parameter("qr", "the mode `r` has one output: qr_r gives it"));
    }
    let mut outputs = apply_all(Qr { mode }, std::slice::from_ref(a))?.into_iter();
    let both = outputs.next().zip(outputs.next());
    Ok(both.expect("it has two outputs"))
}

/// R of [`qr`] alone, (k, n), which is cheaper.
///
/// # Errors
///
/// As [`qr`].
#[track_caller]
pub fn qr_r(a: &Variable) -> Result<Variable> {
    let outputs = apply_all(Qr { mode: QrMode::R }, std::slice::from_ref(a))?;
    Ok(outputs.into_iter().next().expect("it has one output"))
}

impl Qr {
    /// R to the last output, and Q, if it is wanted, to the first.
    fn decompose(self, work: &mut Matrices) -> Result<(), LinalgError> {
        let Matrices { inputs, outputs, between, memory, .. } = work;
        let a = &mut inputs[0];
        let (m, n) = a.shape();
        check_finite(a)?;
        let k = m.min(n);
        let block = recommended_block_size::<f64>(m, n).max(1);
        between.resize_with(1, Mat::new);
        reshape(&mut between[0], block, k);
        let reflections = &mut between[0];
        if k > 0 {
            let stack = memory.stack(qr_in_place_scratch::<f64>(m, n, block, Par::Seq, Default::default()));
            qr_in_place(a.as_mut(), reflections.as_mut(), Par::Seq, stack, Default::default());
        }
        let [before @ .., r] = &mut outputs[..] else { return Ok(()) };
        for j in 0..n {
            let column = r.col_as_slice_mut(j);
            column.fill(0.0);
            let above = k.min(j + 1);
            column[..above].copy_from_slice(&a.col_as_slice(j)[..above]);
        }
        for q in before {
            let columns = q.ncols();
            (0..columns).for_each(|j| q.col_as_slice_mut(j).fill(0.0));
            (0..columns).for_each(|j| q[(j, j)] = 1.0);
            if k > 0 {
                let stack = memory.stack(apply_scratch::<f64>(m, block, columns));
                let basis = a.as_ref().subcols(0, k);
                apply_reflections(basis, reflections.as_ref(), Conj::No, q.as_mut(), Par::Seq, stack);
            }
        }
        Ok(())
    }

    /// Whether Q and R are those of the economic mode.
    fn is_economic(self, node: &NodeView<'_>) -> bool {
        let wide = match node.input(0).ty().extents() {
            [.., Some(rows), Some(columns)] => rows <= columns,
            _ => false,
        };
        self.mode == QrMode::Economic || (self.mode == QrMode::Full && wide)
    }

    fn economic(self, node: &NodeView<'_>) -> Result<(Variable, Variable)> {
        match node.outputs() {
            [q, r] if self.is_economic(node) => Ok((q.clone(), r.clone())),
            _ => qr(node.input(0), QrMode::Economic),
        }
    }
}

/// The first k columns of a matrix of n, and the others if there may be some.
fn columns_of(x: &Variable, a: &Variable) -> Result<(Variable, Option<Variable>)> {
    let shape = shape_of(a);
    let (m, n) = (&shape[shape.len() - 2], &shape[shape.len() - 1]);
    if let (Some(m), Some(n)) = (m.known(), n.known())
        && m >= n
    {
        return Ok((x.clone(), None));
    }
    let (all, k) = (vec![Index::ALL; shape.len() - 1], m.min(n));
    let part = |from: Dim, to: &Dim| subtensor(x, &[&all[..], &[Index::between(from, to.clone())]].concat());
    Ok((part(Dim::from(0), &k)?, Some(part(k.clone(), n)?)))
}

impl Op for Qr {
    fn name(&self) -> Cow<'static, str> {
        "qr".into()
    }

    fn props(&self) -> Props {
        let mode = match self.mode {
            QrMode::Economic => "economic",
            QrMode::Full => "full",
            QrMode::R => "r",
        };
        Props::default().with("mode", mode)
    }

    fn make_node(&self, inputs: &[Variable]) -> Result<NodeSpec> {
        let [a] = inputs else { return Err(BuildError::arity("qr", 1, inputs)) };
        let ty = MatrixType::of("qr", a)?;
        let (m, n, k) = (ty.rows, ty.columns, ty.least());
        let outputs = match self.mode {
            QrMode::Economic => vec![ty.stack(&[m, k]), ty.stack(&[k, n])],
            QrMode::Full => vec![ty.stack(&[m, m]), ty.stack(&[m, n])],
            QrMode::R => vec![ty.stack(&[k, n])],
        };
        Ok(NodeSpec::many(outputs).with_inputs([cast(a, ty.dtype)?]))
    }

    fn perform(&self, io: &mut Io<'_>) -> OpResult {
        let shapes = |[[m, n]]: [[usize; 2]; 1]| -> Result<Cores, Box<dyn OpError>> {
            let k = m.min(n);
            Ok(match self.mode {
                QrMode::Economic => cores([&[m, k], &[k, n]]),
                QrMode::Full => cores([&[m, m], &[m, n]]),
                QrMode::R => cores([&[k, n]]),
            })
        };
        each_matrix(io, shapes, |work| self.decompose(work))
    }

    /// Of the first k columns A₁, with `M = R₁ R̄₁ᵀ - Q̄ᵀ Q`: `Ā₁ = (Q̄ + Q (tril M + tril(M, -1)ᵀ)) R₁⁻ᵀ`. The others,
    /// A₂, give `R₂ = Qᵀ A₂`, so `Ā₂ = Q R̄₂`, and `A₂ R̄₂ᵀ` is one more term of Q̄.
    fn l_op(&self, node: &NodeView<'_>, output_grads: &[Option<Variable>]) -> Result<Grads> {
        let (gq, gr) = match output_grads {
            [gq, gr] => (gq.clone(), gr.as_ref()),
            _ => (None, output_grads[0].as_ref()),
        };
        if self.mode == QrMode::Full && !self.is_economic(node) {
            return Err(node.no_derivative("reverse", 0));
        }
        let a = node.input(0);
        let (q, r) = self.economic(node)?;
        let (r1, _) = columns_of(&r, a)?;
        let (_, a2) = columns_of(a, a)?;
        let (gr1, gr2) = match gr {
            Some(gr) => columns_of(gr, a).map(|(first, second)| (Some(first), second))?,
            None => (None, None),
        };
        let turned = a2.as_ref().zip(gr2.as_ref()).map(|(a2, gr2)| matmul(a2, &matrix_transpose(gr2)?)).transpose()?;
        let gq = sum_of(&[gq, turned])?;
        let of_r = gr1.map(|gr1| matmul(&r1, &matrix_transpose(&gr1)?)).transpose()?;
        let of_q = gq.as_ref().map(|gq| neg(&matmul(&matrix_transpose(gq)?, &q)?)).transpose()?;
        let Some(m) = sum_of(&[of_r, of_q])? else { return Ok(vec![Grad::Zero]) };
        let mirrored = add(&tril(&m, 0)?, &matrix_transpose(&tril(&m, -1)?)?)?;
        let along = sum_of(&[gq, Some(matmul(&q, &mirrored)?)])?;
        let Some(along) = along else { return Ok(vec![Grad::Zero]) };
        let first = divide_right(&along, &r1, Trans::Yes)?;
        let last = first.ty().extents().len() - 1;
        Ok(vec![match (gr2, a2) {
            (Some(gr2), _) => concatenate(&[first, matmul(&q, &gr2)?], last)?.into(),
            (None, Some(a2)) => {
                let zeros = full(0.0, tensor_type("qr", &first)?.dtype(), shape_of(&a2))?;
                concatenate(&[first, zeros], last)?.into()
            }
            (None, None) => first.into(),
        }])
    }

    /// Of the first k columns, with `C = Qᵀ Ȧ₁ R₁⁻¹` and `W = tril(C, -1) - tril(C, -1)ᵀ`: `Ṙ₁ = (C - W) R₁` and
    /// `Q̇ = Ȧ₁ R₁⁻¹ - Q (C - W)`; of the others, `Ṙ₂ = Q̇ᵀ A₂ + Qᵀ Ȧ₂`.
    fn r_op(&self, node: &NodeView<'_>, tangents: &[Option<Variable>]) -> Result<Tangents> {
        let Some(t) = &tangents[0] else { return Ok(vec![Grad::Zero; node.outputs().len()]) };
        if self.mode == QrMode::Full && !self.is_economic(node) {
            return Ok(vec![Grad::Undefined { why: Why::Unwritten }; 2]);
        }
        let a = node.input(0);
        let (q, r) = self.economic(node)?;
        let (r1, _) = columns_of(&r, a)?;
        let (_, a2) = columns_of(a, a)?;
        let (t1, t2) = columns_of(t, a)?;
        let scaled = divide_right(&t1, &r1, Trans::No)?;
        let c = matmul(&matrix_transpose(&q)?, &scaled)?;
        let below = tril(&c, -1)?;
        let upper = sub(&c, &sub(&below, &matrix_transpose(&below)?)?)?;
        let q_dot = sub(&scaled, &matmul(&q, &upper)?)?;
        let mut r_dot = matmul(&upper, &r1)?;
        if let (Some(a2), Some(t2)) = (a2, t2) {
            let second = add(&matmul(&matrix_transpose(&q_dot)?, &a2)?, &matmul(&matrix_transpose(&q)?, &t2)?)?;
            let last = second.ty().extents().len() - 1;
            r_dot = concatenate(&[r_dot, second], last)?;
        }
        Ok(if self.mode == QrMode::R { vec![r_dot.into()] } else { vec![q_dot.into(), r_dot.into()] })
    }

    fn infer_shape(&self, _node: &NodeView<'_>, input_shapes: &[Shape]) -> Result<Vec<Shape>> {
        let [batch @ .., m, n] = &input_shapes[0][..] else { return Ok(Vec::new()) };
        let k = m.min(n);
        let stack = |core: [&Dim; 2]| batch.iter().chain(core).cloned().collect();
        Ok(match self.mode {
            QrMode::Economic => vec![stack([m, &k]), stack([&k, n])],
            QrMode::Full => vec![stack([m, m]), stack([m, n])],
            QrMode::R => vec![stack([&k, n])],
        })
    }

    fn state(&self) -> Option<Box<dyn OpState>> {
        Some(Box::<Matrices>::default())
    }
}
