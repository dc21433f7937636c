//! Cholesky factorisation (LAPACK: potrf), through faer.
//!
//! Only the lower triangle of the matrix is read, so the derivative is supported on that triangle: an off-diagonal
//! entry stands for both.

use std::borrow::Cow;

use faer::linalg::cholesky::llt::factor as llt;
use faer::linalg::triangular_solve as tri;
use faer::{MatMut, MatRef, Par};
use kronograph_graph::{
    Grad, Grads, Io, NodeSpec, NodeView, Op, OpResult, OpState, Result, Shape, Tangents, Variable, apply,
};

use super::dense_factor::{DenseState, Square, dense_factor_node, factorise};
use super::factor::{Factor, LinalgError, Trans};
use super::triangle::{Triangle, folded, mirrored};

/// A factor of a symmetric positive definite matrix by Cholesky, from its lower triangle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CholeskyFactor;

/// A factor of a symmetric positive definite matrix, `A = L Lᵀ`, read from the lower triangle of `a`, for
/// [`factor_solve`](super::factor_solve) and [`factor_logdet`](super::factor_logdet); for a stack of matrices, a factor
/// of each. Cost: `1/3 n³`. The cotangent of the matrix is supported on the lower triangle.
///
/// # Errors
///
/// When `a` is no matrix, or not square; at run time, when it is not positive definite.
#[track_caller]
pub fn cholesky_factor(a: &Variable) -> Result<Variable> {
    apply(CholeskyFactor, std::slice::from_ref(a))
}

impl Op for CholeskyFactor {
    fn name(&self) -> Cow<'static, str> {
        "cholesky_factor".into()
    }

    fn make_node(&self, inputs: &[Variable]) -> Result<NodeSpec> {
        dense_factor_node("cholesky_factor", inputs, "cholesky")
    }

    fn perform(&self, io: &mut Io<'_>) -> OpResult {
        factorise(io, DenseCholesky::refactor)
    }

    /// A depends on the triangle T as `T + Tᵀ - diag T`, so the cotangent of T is the lower triangle of `g + gᵀ`,
    /// with the diagonal counted once.
    fn l_op(&self, _node: &NodeView<'_>, output_grads: &[Option<Variable>]) -> Result<Grads> {
        let Some(g) = &output_grads[0] else { return Ok(vec![Grad::Zero]) };
        Ok(vec![folded(g, Triangle::Lower)?.into()])
    }

    /// The tangent of A is that of the triangle, mirrored.
    fn r_op(&self, _node: &NodeView<'_>, tangents: &[Option<Variable>]) -> Result<Tangents> {
        let Some(t) = &tangents[0] else { return Ok(vec![Grad::Zero]) };
        Ok(vec![mirrored(t, Triangle::Lower)?.into()])
    }

    fn infer_shape(&self, _node: &NodeView<'_>, _input_shapes: &[Shape]) -> Result<Vec<Shape>> {
        Ok(vec![Shape::new()])
    }

    fn state(&self) -> Option<Box<dyn OpState>> {
        Some(Box::<DenseState>::default())
    }

    fn do_constant_folding(&self, _node: &NodeView<'_>) -> bool {
        false
    }
}

/// `A = L Lᵀ`, L in the lower triangle, column by column.
#[derive(Clone, Debug, Default)]
struct DenseCholesky {
    order: usize,
    packed: Vec<f64>,
}

impl DenseCholesky {
    fn refactor(&mut self, a: Square<'_>, state: &mut DenseState) -> Result<(), LinalgError> {
        let order = a.order;
        self.order = order;
        a.copy_columns(&mut self.packed);
        // faer does not take empty matrices.
        if order > 0 {
            let need = || llt::cholesky_in_place_scratch::<f64>(order, Par::Seq, Default::default());
            let packed = MatMut::from_column_major_slice_mut(&mut self.packed[..], order, order);
            let memory = state.memory(order, need);
            let outcome = llt::cholesky_in_place(packed, Default::default(), Par::Seq, memory, Default::default());
            outcome.map_err(|llt::LltError::NonPositivePivot { index }| match a.is_finite() {
                true => LinalgError::NotPositiveDefinite { pivot: index },
                false => LinalgError::NotFinite { pivot: index },
            })?;
        }
        let pivot = (0..order).find(|&i| !self.diagonal(i).is_finite());
        pivot.map_or(Ok(()), |pivot| Err(LinalgError::NotFinite { pivot }))
    }

    fn diagonal(&self, i: usize) -> f64 {
        self.packed[i * self.order + i]
    }
}

impl Factor for DenseCholesky {
    fn boxed_clone(&self) -> Box<dyn Factor> {
        Box::new(self.clone())
    }

    fn order(&self) -> usize {
        self.order
    }

    fn status(&self) -> Result<(), LinalgError> {
        Ok(())
    }

    fn row_in(&self, _trans: Trans, i: usize) -> usize {
        i
    }

    fn row_out(&self, _trans: Trans, i: usize) -> usize {
        i
    }

    fn panel_width(&self) -> usize {
        256
    }

    /// A is symmetric: the transposed solve is the same one.
    fn solve_panel(&self, _trans: Trans, panel: &mut [f64], width: usize) {
        let l = MatRef::from_column_major_slice(&self.packed, self.order, self.order);
        let mut x = MatMut::from_row_major_slice_mut(panel, self.order, width);
        tri::solve_lower_triangular_in_place(l, x.as_mut(), Par::Seq);
        tri::solve_upper_triangular_in_place(l.transpose(), x, Par::Seq);
    }

    fn slogdet(&self) -> Result<(f64, f64), LinalgError> {
        Ok((1.0, 2.0 * (0..self.order).map(|i| self.diagonal(i).ln()).sum::<f64>()))
    }

    fn bytes(&self) -> usize {
        8 * self.packed.len()
    }
}
