//! The singular value decomposition, through faer.
//!
//! Singular values descend; the first of the largest entries of each left vector is positive.

use std::borrow::Cow;

use faer::linalg::svd::{ComputeSvdVectors, svd as faer_svd, svd_scratch};
use faer::{Mat, Par};
use kronograph_graph::{
    BuildError, Dim, Grad, Grads, Io, NodeSpec, NodeView, Op, OpError, OpResult, OpState, Props, Result, Shape,
    Tangents, Variable, Why, apply_all, sum_of,
};

use super::diag::diagonal;
use super::factor::LinalgError;
use super::matmul::matmul;
use super::matrices::{Cores, Matrices, MatrixType, check_finite, cores, each_matrix, reshape};
use super::spectrum::{
    along_columns, along_rows, points_back, reciprocal_gaps, reciprocal_or_zero, scale, scale_of, turn,
};
use crate::elemwise::{add, cast, mul, sub};
use crate::layout::matrix_transpose;

/// Which singular vectors are computed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SingularVectors {
    /// Those of the singular values: U is (m, k) and Vᵀ is (k, n), with k the smaller of m and n.
    Thin,
    /// A whole basis: U is (m, m) and Vᵀ is (n, n).
    Full,
}

/// The singular values and, if asked for, vectors of matrices.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Svd {
    pub(super) vectors: Option<SingularVectors>,
}

/// `A = U diag(s) Vᵀ` with orthonormal columns of U and V and s descending; (m, n) → U, (k), Vᵀ with k the smaller of m
/// and n, for every combination of the leading axes.
///
/// The first of the largest entries of a column of U is positive.
///
/// If only s is used, derivatives are those of every symmetric function of the singular values, equal ones included; at
/// zero, where a singular value has a kink, one of its slopes. Those of the vectors have `1 / (s_j - s_i)` in them,
/// which counts as 0 where the two differ by no more than `8 ε sum s`, and `1 / s_i`, which counts as 0 where `s_i` is
/// no larger than that: right for functions that do not depend on the choice of a basis for equal values, nor tell
/// these apart.
///
/// [`SingularVectors::Full`] has derivatives by U and Vᵀ only if A is square by its type: a basis of what is left over
/// is no function of A.
///
/// # Errors
///
/// When `a` has less than two axes; at run time, when it is not finite.
#[track_caller]
pub fn svd(a: &Variable, vectors: SingularVectors) -> Result<[Variable; 3]> {
    let outputs = apply_all(Svd { vectors: Some(vectors) }, std::slice::from_ref(a))?;
    Ok(outputs.into_vec().try_into().expect("it has three outputs"))
}

/// The singular values of matrices, descending (NumPy: `svdvals`); see [`svd`].
///
/// # Errors
///
/// As [`svd`].
#[track_caller]
pub fn svdvals(a: &Variable) -> Result<Variable> {
    let outputs = apply_all(Svd { vectors: None }, std::slice::from_ref(a))?;
    Ok(outputs.into_iter().next().expect("it has one output"))
}

impl Svd {
    /// s to the only output, or U, s and Vᵀ.
    fn decompose(self, work: &mut Matrices) -> Result<(), LinalgError> {
        let Matrices { inputs, outputs, between, memory, .. } = work;
        let a = &mut inputs[0];
        let (m, n) = a.shape();
        if m.min(n) == 0 {
            outputs.iter_mut().for_each(set_identity);
            return Ok(());
        }
        check_finite(a)?;
        let by = scale_of(a);
        scale(a, by);
        let Some(vectors) = self.vectors else {
            let no = ComputeSvdVectors::No;
            let stack = memory.stack(svd_scratch::<f64>(m, n, no, no, Par::Seq, Default::default()));
            let s = outputs[0].col_mut(0).as_diagonal_mut();
            faer_svd(a.as_ref(), s, None, None, Par::Seq, stack, Default::default())
                .map_err(|_| LinalgError::NoConvergence)?;
            scale(&mut outputs[0], 1.0 / by);
            return Ok(());
        };
        let kind = match vectors {
            SingularVectors::Thin => ComputeSvdVectors::Thin,
            SingularVectors::Full => ComputeSvdVectors::Full,
        };
        let stack = memory.stack(svd_scratch::<f64>(m, n, kind, kind, Par::Seq, Default::default()));
        let [u, s, vt] = &mut outputs[..] else { return Ok(()) };
        between.resize_with(1, Mat::new);
        reshape(&mut between[0], n, vt.nrows());
        let v = &mut between[0];
        // faer leaves what is beside a whole basis as it was.
        [&mut *u, &mut *v].into_iter().for_each(|basis| basis.fill(0.0));
        let values = s.col_mut(0).as_diagonal_mut();
        faer_svd(a.as_ref(), values, Some(u.as_mut()), Some(v.as_mut()), Par::Seq, stack, Default::default())
            .map_err(|_| LinalgError::NoConvergence)?;
        scale(s, 1.0 / by);
        orient(u, v, s.nrows());
        vt.as_mut().copy_from(v.transpose());
        Ok(())
    }

    /// Whether there are no vectors but those of the singular values.
    fn is_thin(self, node: &NodeView<'_>) -> bool {
        let square = match node.input(0).ty().extents() {
            [.., rows, columns] => rows.is_some() && rows == columns,
            _ => false,
        };
        self.vectors == Some(SingularVectors::Thin) || (self.vectors.is_some() && square)
    }

    /// The thin decomposition: the node's own outputs, if they are that.
    fn thin(self, node: &NodeView<'_>) -> Result<[Variable; 3]> {
        match node.outputs() {
            [u, s, vt] if self.is_thin(node) => Ok([u.clone(), s.clone(), vt.clone()]),
            _ => svd(node.input(0), SingularVectors::Thin),
        }
    }

    /// `1 / (s_j² - s_i²)`, as a product so that squares of equal values are told to be equal.
    fn gaps(s: &Variable) -> Result<Variable> {
        let sums = add(&along_columns(s)?, &along_rows(s)?)?;
        mul(&reciprocal_gaps(s)?, &reciprocal_or_zero(&sums, s)?)
    }
}

/// Ones on the diagonal, zeros elsewhere.
fn set_identity(x: &mut Mat<f64>) {
    for j in 0..x.ncols() {
        x.col_as_slice_mut(j).iter_mut().enumerate().for_each(|(i, x)| *x = f64::from(u8::from(i == j)));
    }
}

/// Gives the vectors their signs: of a pair by the left one, of those beyond the pairs each by itself.
fn orient(u: &mut Mat<f64>, v: &mut Mat<f64>, pairs: usize) {
    for j in 0..u.ncols() {
        if points_back(u.col_as_slice(j)) {
            turn(u.col_as_slice_mut(j));
            if j < pairs {
                turn(v.col_as_slice_mut(j));
            }
        }
    }
    for j in pairs..v.ncols() {
        if points_back(v.col_as_slice(j)) {
            turn(v.col_as_slice_mut(j));
        }
    }
}

/// `x - U (Uᵀ x)`: what is orthogonal to the columns of U.
fn beside(u: &Variable, x: &Variable) -> Result<Variable> {
    sub(x, &matmul(u, &matmul(&matrix_transpose(u)?, x)?)?)
}

impl Op for Svd {
    fn name(&self) -> Cow<'static, str> {
        "svd".into()
    }

    fn props(&self) -> Props {
        let full = self.vectors == Some(SingularVectors::Full);
        Props::default().with("full_matrices", full).with("compute_uv", self.vectors.is_some())
    }

    fn make_node(&self, inputs: &[Variable]) -> Result<NodeSpec> {
        let [a] = inputs else { return Err(BuildError::arity("svd", 1, inputs)) };
        let ty = MatrixType::of("svd", a)?;
        let (m, n, k) = (ty.rows, ty.columns, ty.least());
        let outputs = match self.vectors {
            None => vec![ty.stack(&[k])],
            Some(SingularVectors::Thin) => vec![ty.stack(&[m, k]), ty.stack(&[k]), ty.stack(&[k, n])],
            Some(SingularVectors::Full) => vec![ty.stack(&[m, m]), ty.stack(&[k]), ty.stack(&[n, n])],
        };
        Ok(NodeSpec::many(outputs).with_inputs([cast(a, ty.dtype)?]))
    }

    fn perform(&self, io: &mut Io<'_>) -> OpResult {
        let shapes = |[[m, n]]: [[usize; 2]; 1]| -> Result<Cores, Box<dyn OpError>> {
            let k = m.min(n);
            Ok(match self.vectors {
                None => cores([&[k]]),
                Some(SingularVectors::Thin) => cores([&[m, k], &[k], &[k, n]]),
                Some(SingularVectors::Full) => cores([&[m, m], &[k], &[n, n]]),
            })
        };
        each_matrix(io, shapes, |work| self.decompose(work))
    }

    /// With `F[i, j] = 1 / (s_j² - s_i²)`, `J = F ∘ (Uᵀ Ū)` and `K = F ∘ (Vᵀ V̄)`:
    /// `Ā = U ((J + Jᵀ) S + S (K + Kᵀ) + diag s̄) Vᵀ + (I - U Uᵀ) Ū S⁻¹ Vᵀ + U S⁻¹ V̄ᵀ (I - V Vᵀ)`.
    fn l_op(&self, node: &NodeView<'_>, output_grads: &[Option<Variable>]) -> Result<Grads> {
        let (gu, gs, gvt) = match output_grads {
            [gs] => (None, gs.as_ref(), None),
            [gu, gs, gvt] => (gu.as_ref(), gs.as_ref(), gvt.as_ref()),
            _ => (None, None, None),
        };
        if (gu.is_some() || gvt.is_some()) && !self.is_thin(node) {
            return Err(node.no_derivative("reverse", 0));
        }
        let [u, s, vt] = self.thin(node)?;
        let (ut, v, inverse) = (matrix_transpose(&u)?, matrix_transpose(&vt)?, reciprocal_or_zero(&s, &s)?);
        let symmetric = |x: Variable| add(&x, &matrix_transpose(&x)?);
        let (mut inner, mut outer) = (Vec::new(), Vec::new());
        if let Some(gs) = gs {
            // A diagonal matrix in the middle only scales columns.
            outer.push(Some(matmul(&mul(&u, &along_columns(gs)?)?, &vt)?));
        }
        if let Some(gu) = gu {
            let j = symmetric(mul(&Self::gaps(&s)?, &matmul(&ut, gu)?)?)?;
            inner.push(Some(mul(&j, &along_columns(&s)?)?));
            outer.push(Some(matmul(&mul(&beside(&u, gu)?, &along_columns(&inverse)?)?, &vt)?));
        }
        if let Some(gvt) = gvt {
            let gv = matrix_transpose(gvt)?;
            let k = symmetric(mul(&Self::gaps(&s)?, &matmul(&vt, &gv)?)?)?;
            inner.push(Some(mul(&along_rows(&s)?, &k)?));
            let scaled = mul(&beside(&v, &gv)?, &along_columns(&inverse)?)?;
            outer.push(Some(matmul(&u, &matrix_transpose(&scaled)?)?));
        }
        if let Some(inner) = sum_of(&inner)? {
            outer.push(Some(matmul(&u, &matmul(&inner, &vt)?)?));
        }
        Ok(vec![sum_of(&outer)?.into()])
    }

    /// With `D = Uᵀ Ȧ V`: `ṡ = diag D`, `U̇ = U (F ∘ (D S + S Dᵀ)) + (I - U Uᵀ) Ȧ V S⁻¹` and
    /// `V̇ = V (F ∘ (S D + Dᵀ S)) + (I - V Vᵀ) Ȧᵀ U S⁻¹`.
    fn r_op(&self, node: &NodeView<'_>, tangents: &[Option<Variable>]) -> Result<Tangents> {
        let Some(t) = &tangents[0] else { return Ok(vec![Grad::Zero; node.outputs().len()]) };
        let [u, s, vt] = self.thin(node)?;
        let (v, av) = (matrix_transpose(&vt)?, matmul(t, &matrix_transpose(&vt)?)?);
        let d = matmul(&matrix_transpose(&u)?, &av)?;
        let last = d.ty().extents().len() - 1;
        let moved = diagonal(&d, 0, last - 1, last)?;
        if self.vectors.is_none() {
            return Ok(vec![moved.into()]);
        }
        if !self.is_thin(node) {
            let unwritten = Grad::Undefined { why: Why::Unwritten };
            return Ok(vec![unwritten.clone(), moved.into(), unwritten]);
        }
        let (f, inverse) = (Self::gaps(&s)?, reciprocal_or_zero(&s, &s)?);
        let (columns, rows, dt) = (along_columns(&s)?, along_rows(&s)?, matrix_transpose(&d)?);
        let left = mul(&f, &add(&mul(&d, &columns)?, &mul(&rows, &dt)?)?)?;
        let right = mul(&f, &add(&mul(&rows, &d)?, &mul(&dt, &columns)?)?)?;
        let away = |basis: &Variable, x: &Variable| mul(&beside(basis, x)?, &along_columns(&inverse)?);
        let u_dot = add(&matmul(&u, &left)?, &away(&u, &av)?)?;
        let v_dot = add(&matmul(&v, &right)?, &away(&v, &matmul(&matrix_transpose(t)?, &u)?)?)?;
        Ok(vec![u_dot.into(), moved.into(), matrix_transpose(&v_dot)?.into()])
    }

    fn infer_shape(&self, _node: &NodeView<'_>, input_shapes: &[Shape]) -> Result<Vec<Shape>> {
        let [batch @ .., m, n] = &input_shapes[0][..] else { return Ok(Vec::new()) };
        let k = m.min(n);
        let stack = |core: &[&Dim]| batch.iter().chain(core.iter().copied()).cloned().collect();
        Ok(match self.vectors {
            None => vec![stack(&[&k])],
            Some(SingularVectors::Thin) => vec![stack(&[m, &k]), stack(&[&k]), stack(&[&k, n])],
            Some(SingularVectors::Full) => vec![stack(&[m, m]), stack(&[&k]), stack(&[n, n])],
        })
    }

    fn state(&self) -> Option<Box<dyn OpState>> {
        Some(Box::<Matrices>::default())
    }
}
