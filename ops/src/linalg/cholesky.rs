//! Cholesky factorisation (LAPACK: potrf), through faer.
//!
//! Only the lower triangle of the matrix is read, so the derivative is supported on that triangle: an off-diagonal
//! entry stands for both.

use std::borrow::Cow;

use faer::linalg::cholesky::llt::factor as llt;
use faer::linalg::triangular_solve as tri;
use faer::{MatMut, MatRef, Par};
use kronograph_graph::{
    Grad, Grads, Io, NodeSpec, NodeView, Op, OpFailure, OpResult, OpState, Result, Shape, Tangents, Variable, apply,
};

use super::factor::{Factor, FactorValue, LinalgError, Trans};
use super::lu::{DenseState, copy_columns, dense_factor_node, square_order};
use super::triangle::{Triangle, folded, mirrored};
use crate::tensor::{Strided, Tensor};

/// A factor of a symmetric positive definite matrix by Cholesky, from its lower triangle.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CholeskyFactor;

/// A factor of a symmetric positive definite matrix, `A = L Lᵀ`, read from the lower triangle of `a`, for
/// [`factor_solve`](super::factor_solve) and [`factor_logdet`](super::factor_logdet). Cost: `1/3 n³`.
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
        let (state, inputs, outputs) = io.with_state::<DenseState>()?;
        let a = inputs.get::<Tensor>(0)?.array::<f64>().map_err(|_| OpFailure::WrongValue(0))?;
        let order = square_order(a)?;
        state.factorisations += 1;
        let memory = state.memory(order, || llt::cholesky_in_place_scratch::<f64>(order, Par::Seq, Default::default()));
        let factor = outputs[0].buffer::<FactorValue>().reuse::<DenseCholesky>();
        factor.order = order;
        factor.packed.resize(order * order, 0.0);
        copy_columns(a, &mut factor.packed);
        let packed = MatMut::from_column_major_slice_mut(&mut factor.packed[..], order, order);
        llt::cholesky_in_place(packed, Default::default(), Par::Seq, memory, Default::default())
            .map_err(|llt::LltError::NonPositivePivot { index }| not_positive(a, index))?;
        match (0..order).find(|&i| !factor.diagonal(i).is_finite()) {
            Some(pivot) => Err(LinalgError::NotFinite { pivot }.into()),
            None => Ok(()),
        }
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

fn not_positive(a: &Strided<f64>, pivot: usize) -> LinalgError {
    match a.view().iter().all(|x| x.is_finite()) {
        true => LinalgError::NotPositiveDefinite { pivot },
        false => LinalgError::NotFinite { pivot },
    }
}

/// `A = L Lᵀ`, L in the lower triangle, column by column.
#[derive(Clone, Debug, Default)]
struct DenseCholesky {
    order: usize,
    packed: Vec<f64>,
}

impl DenseCholesky {
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
