//! Eigenvalues and eigenvectors of symmetric matrices, through faer.
//!
//! One triangle of the matrix is read, so the derivative is supported on it. Eigenvalues ascend; the first of the
//! largest entries of each eigenvector is positive.

use std::borrow::Cow;

use faer::Par;
use faer::linalg::evd::{ComputeEigenvectors, self_adjoint_evd, self_adjoint_evd_scratch};
use kronograph_graph::{
    BuildError, Grad, Grads, Io, NodeSpec, NodeView, Op, OpResult, OpState, Props, Result, Shape, Tangents, Variable,
    apply_all, origin, sum_of,
};

use super::cholesky_matrix::{cholesky, divide};
use super::diag::diagonal;
use super::factor::{LinalgError, Trans};
use super::matmul::matmul;
use super::matrices::{Matrices, MatrixType, check_finite, cores, each_matrix, order_of};
use super::spectrum::{along_columns, points_back, reciprocal_gaps, scale, scale_of, turn};
use super::triangle::{Triangle, folded, mirrored};
use crate::elemwise::{cast, mul};
use crate::layout::matrix_transpose;

/// The eigenvalues and, if asked for, the eigenvectors of symmetric matrices.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Eigh {
    pub(super) triangle: Triangle,
    pub(super) vectors: bool,
}

/// The eigenvalues `w`, ascending, and eigenvectors `V` of symmetric matrices: `A V = V diag(w)`, `Vᵀ V = I`; (n, n) →
/// (n), (n, n), for every combination of the leading axes. Only one triangle is read. Cost: cubic.
///
/// The first of the largest entries of a vector is positive.
///
/// Derivatives live on the triangle that is read. If only the eigenvalues are used, they are those of every symmetric
/// function of them, equal ones included. Those of the vectors have `1 / (w_j - w_i)` in them, which counts as 0 where
/// the two differ by no more than `8 ε sum |w|`: right for functions that do not depend on the choice of a basis for
/// equal eigenvalues, nor tell these apart. Second derivatives at equal eigenvalues lack what mixes their vectors.
///
/// # Errors
///
/// When `a` has less than two axes, or is not square; at run time, when it is not finite.
///
/// ```
/// use kronograph_ops::{DType, Triangle, eigh, tensor};
/// let a = tensor("a", DType::F64, &[Some(7), Some(3), Some(3)]);
/// let (w, v) = eigh(&a, Triangle::Lower)?;
/// assert_eq!((w.ty().to_string(), v.ty().to_string()), ("f64 (7, 3)".to_owned(), "f64 (7, 3, 3)".to_owned()));
/// # Ok::<(), kronograph_graph::BuildError>(())
/// ```
#[track_caller]
pub fn eigh(a: &Variable, triangle: Triangle) -> Result<(Variable, Variable)> {
    let mut outputs = apply_all(Eigh { triangle, vectors: true }, std::slice::from_ref(a))?.into_iter();
    let both = outputs.next().zip(outputs.next());
    Ok(both.expect("it has two outputs"))
}

/// The eigenvalues of symmetric matrices, ascending; see [`eigh`]. Cheaper than with vectors.
///
/// # Errors
///
/// As [`eigh`].
#[track_caller]
pub fn eigvalsh(a: &Variable, triangle: Triangle) -> Result<Variable> {
    let outputs = apply_all(Eigh { triangle, vectors: false }, std::slice::from_ref(a))?;
    Ok(outputs.into_iter().next().expect("it has one output"))
}

/// [`eigh`] of symmetric pairs with a positive definite B: `A V = B V diag(w)`, `Vᵀ B V = I`. One triangle of each is
/// read.
///
/// With `B = L Lᵀ`, the eigenvalues are those of `L⁻¹ A L⁻ᵀ`, whose vectors are `Lᵀ V`.
///
/// # Errors
///
/// As [`eigh`]; at run time, when B is not positive definite.
#[track_caller]
pub fn eigh_generalized(a: &Variable, b: &Variable, triangle: Triangle) -> Result<(Variable, Variable)> {
    let _scope = origin::here();
    let (l, reduced) = reduce(a, b, triangle)?;
    let (w, y) = eigh(&reduced, Triangle::Lower)?;
    Ok((w, divide(&l, &y, Trans::Yes)?))
}

/// The eigenvalues of [`eigh_generalized`].
///
/// # Errors
///
/// As [`eigh_generalized`].
#[track_caller]
pub fn eigvalsh_generalized(a: &Variable, b: &Variable, triangle: Triangle) -> Result<Variable> {
    let _scope = origin::here();
    eigvalsh(&reduce(a, b, triangle)?.1, Triangle::Lower)
}

/// L and `L⁻¹ A L⁻ᵀ`.
fn reduce(a: &Variable, b: &Variable, triangle: Triangle) -> Result<(Variable, Variable)> {
    let factor = cholesky(b, triangle)?;
    let l = if triangle == Triangle::Lower { factor } else { matrix_transpose(&factor)? };
    let left = divide(&l, &mirrored(a, triangle)?, Trans::No)?;
    let reduced = divide(&l, &matrix_transpose(&left)?, Trans::No)?;
    Ok((l, reduced))
}

impl Eigh {
    /// Eigenvalues to the first output, vectors to the second.
    fn decompose(self, work: &mut Matrices) -> Result<(), LinalgError> {
        let Matrices { inputs, outputs, memory, .. } = work;
        let a = &mut inputs[0];
        let n = a.nrows();
        if n == 0 {
            // faer counts its workspace for at least one row.
            return Ok(());
        }
        for j in 0..n {
            for i in 0..j {
                match self.triangle {
                    Triangle::Lower => a[(i, j)] = a[(j, i)],
                    Triangle::Upper => a[(j, i)] = a[(i, j)],
                }
            }
        }
        check_finite(a)?;
        let by = scale_of(a);
        scale(a, by);
        let compute = if self.vectors { ComputeEigenvectors::Yes } else { ComputeEigenvectors::No };
        let stack = memory.stack(self_adjoint_evd_scratch::<f64>(n, compute, Par::Seq, Default::default()));
        let (values, vectors) = outputs.split_at_mut(1);
        let into = vectors.first_mut().map(|vectors| vectors.as_mut());
        let diagonal = values[0].col_mut(0).as_diagonal_mut();
        self_adjoint_evd(a.as_ref(), diagonal, into, Par::Seq, stack, Default::default())
            .map_err(|_| LinalgError::NoConvergence)?;
        scale(&mut values[0], 1.0 / by);
        for vectors in vectors {
            for j in 0..n {
                if points_back(vectors.col_as_slice(j)) {
                    turn(vectors.col_as_slice_mut(j));
                }
            }
        }
        Ok(())
    }

    /// `V X Vᵀ` on the triangle, for `V X` given.
    fn back(self, vx: &Variable, v: &Variable) -> Result<Grad> {
        Ok(folded(&matmul(vx, &matrix_transpose(v)?)?, self.triangle)?.into())
    }
}

impl Op for Eigh {
    fn name(&self) -> Cow<'static, str> {
        if self.vectors { "eigh".into() } else { "eigvalsh".into() }
    }

    fn props(&self) -> Props {
        Props::default().with("lower", self.triangle == Triangle::Lower)
    }

    fn make_node(&self, inputs: &[Variable]) -> Result<NodeSpec> {
        let [a] = inputs else { return Err(BuildError::arity(self.name(), 1, inputs)) };
        let ty = MatrixType::square(if self.vectors { "eigh" } else { "eigvalsh" }, a)?;
        let mut outputs = vec![ty.stack(&[ty.rows])];
        if self.vectors {
            outputs.push(ty.stack(&[ty.rows, ty.rows]));
        }
        Ok(NodeSpec::many(outputs).with_inputs([cast(a, ty.dtype)?]))
    }

    fn perform(&self, io: &mut Io<'_>) -> OpResult {
        let shapes = |[shape]: [[usize; 2]; 1]| {
            let n = order_of(shape)?;
            Ok(if self.vectors { cores([&[n], &[n, n]]) } else { cores([&[n]]) })
        };
        each_matrix(io, shapes, |work| self.decompose(work))
    }

    /// With `F[i, j] = 1 / (w_j - w_i)`: `Ā = V (diag w̄ + F ∘ (Vᵀ V̄)) Vᵀ`, on the triangle; without V̄, no F.
    fn l_op(&self, node: &NodeView<'_>, output_grads: &[Option<Variable>]) -> Result<Grads> {
        if !self.vectors {
            let Some(gw) = &output_grads[0] else { return Ok(vec![Grad::Zero]) };
            let (_, v) = eigh(node.input(0), self.triangle)?;
            return Ok(vec![self.back(&mul(&v, &along_columns(gw)?)?, &v)?]);
        }
        let (w, v) = (node.output(0), node.output(1));
        let of_values = output_grads[0].as_ref().map(|gw| mul(v, &along_columns(gw)?)).transpose()?;
        let of_vectors = output_grads[1].as_ref().map(|gv| {
            let turned = mul(&reciprocal_gaps(w)?, &matmul(&matrix_transpose(v)?, gv)?)?;
            matmul(v, &turned)
        });
        let Some(vx) = sum_of(&[of_values, of_vectors.transpose()?])? else { return Ok(vec![Grad::Zero]) };
        Ok(vec![self.back(&vx, v)?])
    }

    /// With `D = Vᵀ Ȧ V`: `ẇ = diag D` and `V̇ = V (F ∘ D)`.
    fn r_op(&self, node: &NodeView<'_>, tangents: &[Option<Variable>]) -> Result<Tangents> {
        let count = node.outputs().len();
        let Some(t) = &tangents[0] else { return Ok(vec![Grad::Zero; count]) };
        let v = if self.vectors { node.output(1).clone() } else { eigh(node.input(0), self.triangle)?.1 };
        let d = matmul(&matrix_transpose(&v)?, &matmul(&mirrored(t, self.triangle)?, &v)?)?;
        let last = d.ty().extents().len() - 1;
        let mut moved = vec![diagonal(&d, 0, last - 1, last)?.into()];
        if self.vectors {
            moved.push(matmul(&v, &mul(&reciprocal_gaps(node.output(0))?, &d)?)?.into());
        }
        Ok(moved)
    }

    fn infer_shape(&self, _node: &NodeView<'_>, input_shapes: &[Shape]) -> Result<Vec<Shape>> {
        let values: Shape = input_shapes[0][..input_shapes[0].len() - 1].into();
        Ok(if self.vectors { vec![values, input_shapes[0].clone()] } else { vec![values] })
    }

    fn state(&self) -> Option<Box<dyn OpState>> {
        Some(Box::<Matrices>::default())
    }
}
