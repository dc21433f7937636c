//! The eigendecomposition of a symmetric matrix as a factor: a value that what needs eigenvalues and vectors shares.
//!
//! No op gives the vectors away, so that nothing is ever differentiated through them: their derivatives do not exist
//! where eigenvalues are equal, those of what is made of this factor do.

use std::any::Any;
use std::borrow::Cow;
use std::sync::Arc;

use faer::linalg::evd::{ComputeEigenvectors, self_adjoint_evd, self_adjoint_evd_scratch};
use faer::linalg::matmul::matmul as faer_matmul;
use faer::{Accum, Mat, MatMut, MatRef, Par};
use kronograph_graph::{
    BuildError, Entry, Grads, Io, NodeSpec, NodeView, Op, OpFailure, OpResult, Params, Result, Sample, Shape, Tangents,
    Variable, apply,
};

use super::dense_factor::{DenseFactor, DenseState, Square};
use super::factor::{Factor, FactorType, FactorValue, LinalgError, Trans, order_dim, slogdet_of_pivots};
use super::factor_solve::factor_type;
use super::systems::{few_systems, matrices, positive};
use crate::dtype::DType;
use crate::params::only;
use crate::samples::{given, shaped};
use crate::tensor::{Tensor, TensorType};

const KIND: &str = "eigh";

/// A factor of a symmetric matrix, `A = U diag(w) Uᵀ`, read from the lower triangle of `a`, for
/// [`factor_solve`](super::factor_solve), [`factor_logdet`](super::factor_logdet) and
/// [`kron_shift_solve`](crate::kron_shift_solve). Cost: `9 n³`. The cotangent of the matrix is supported on the lower
/// triangle, and finite at equal eigenvalues.
///
/// # Errors
///
/// When `a` is no matrix, or not square; at run time, when it is not finite.
#[track_caller]
pub fn eigh_factor(a: &Variable) -> Result<Variable> {
    apply(DenseFactor::Eigh, std::slice::from_ref(a))
}

/// The factor type of a variable that [`eigh_factor`] made of a single matrix.
#[track_caller]
pub(crate) fn eigh_factor_type<'a>(op: &'static str, factor: &'a Variable) -> Result<&'a FactorType> {
    let ty = factor_type(op, factor)?;
    if ty.kind().name() == KIND && ty.batch().is_empty() {
        return Ok(ty);
    }
    Err(BuildError::inputs(op, std::slice::from_ref(factor), "a factor of one matrix is needed, as eigh_factor makes"))
}

/// `A = U diag(w) Uᵀ`.
#[derive(Clone, Debug)]
pub(crate) struct SymmetricEigen {
    matrix: Mat<f64>,
    vectors: Mat<f64>,
    values: Vec<f64>,
}

impl Default for SymmetricEigen {
    fn default() -> Self {
        Self { matrix: Mat::new(), vectors: Mat::new(), values: Vec::new() }
    }
}

impl SymmetricEigen {
    /// The decomposition in an input of a node.
    pub(crate) fn of<'a>(io: &kronograph_graph::Inputs<'a>, input: usize) -> Result<&'a Self, OpFailure> {
        let factor = io.get::<FactorValue>(input)?.get().ok_or(OpFailure::WrongValue(input))?;
        (factor as &dyn Any).downcast_ref().ok_or(OpFailure::WrongValue(input))
    }

    pub(crate) fn values(&self) -> &[f64] {
        &self.values
    }

    /// U, whose columns are the vectors.
    pub(crate) fn vectors(&self) -> MatRef<'_, f64> {
        self.vectors.as_ref()
    }

    pub(super) fn refactor(&mut self, a: Square<'_>, state: &mut DenseState) -> Result<(), LinalgError> {
        let n = a.order;
        if self.matrix.shape() != (n, n) {
            (self.matrix, self.vectors) = (Mat::zeros(n, n), Mat::zeros(n, n));
        }
        self.values.resize(n, 0.0);
        for j in 0..n {
            for i in j..n {
                let x = a.at(i, j);
                if !x.is_finite() {
                    return Err(LinalgError::NotFinite { pivot: j });
                }
                (self.matrix[(i, j)], self.matrix[(j, i)]) = (x, x);
            }
        }
        if n == 0 {
            return Ok(());
        }
        let need = || self_adjoint_evd_scratch::<f64>(n, ComputeEigenvectors::Yes, Par::Seq, Default::default());
        let memory = state.memory(n, need);
        let values = MatMut::from_column_major_slice_mut(&mut self.values, n, 1);
        let values = values.col_mut(0).as_diagonal_mut();
        let vectors = Some(self.vectors.as_mut());
        self_adjoint_evd(self.matrix.as_ref(), values, vectors, Par::Seq, memory, Default::default())
            .map_err(|_| LinalgError::NoConvergence)
    }

    /// The eigenvalue that vanishes beside the largest, if one does.
    fn vanishing(&self) -> Option<LinalgError> {
        let largest = self.values.iter().fold(0.0f64, |largest, w| largest.max(w.abs()));
        let rounding = self.values.len() as f64 * f64::EPSILON * largest;
        let pivot = self.values.iter().position(|w| w.abs() <= rounding)?;
        Some(LinalgError::Singular { pivot })
    }
}

impl Factor for SymmetricEigen {
    fn boxed_clone(&self) -> Box<dyn Factor> {
        Box::new(self.clone())
    }

    fn order(&self) -> usize {
        self.values.len()
    }

    fn status(&self) -> Result<(), LinalgError> {
        self.vanishing().map_or(Ok(()), Err)
    }

    /// A is symmetric: the transposed solve is the same one.
    fn solve_panel(&self, _trans: Trans, panel: &mut [f64], width: usize) {
        let mut turned = Mat::<f64>::zeros(self.order(), width);
        let x = MatRef::from_row_major_slice(panel, self.order(), width);
        faer_matmul(turned.as_mut(), Accum::Replace, self.vectors().transpose(), x, 1.0, Par::Seq);
        for j in 0..width {
            turned.col_as_slice_mut(j).iter_mut().zip(&self.values).for_each(|(x, w)| *x /= w);
        }
        let x = MatMut::from_row_major_slice_mut(panel, self.order(), width);
        faer_matmul(x, Accum::Replace, self.vectors(), turned.as_ref(), 1.0, Par::Seq);
    }

    fn slogdet(&self) -> Result<(f64, f64), LinalgError> {
        slogdet_of_pivots(self.vanishing().as_ref(), 1.0, self.values.iter().copied())
    }

    fn bytes(&self) -> usize {
        8 * (2 * self.order() * self.order() + self.order())
    }
}

/// The matrix of which there is a factor.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FactorMatrix;

/// The symmetric matrix of a factor that [`eigh_factor`] made: its lower triangle, mirrored.
///
/// # Errors
///
/// When `factor` is no such factor.
#[track_caller]
pub fn factor_matrix(factor: &Variable) -> Result<Variable> {
    apply(FactorMatrix, std::slice::from_ref(factor))
}

impl Op for FactorMatrix {
    fn name(&self) -> Cow<'static, str> {
        "factor_matrix".into()
    }

    fn make_node(&self, inputs: &[Variable]) -> Result<NodeSpec> {
        let [factor] = inputs else { return Err(BuildError::arity("factor_matrix", 1, inputs)) };
        let order = eigh_factor_type("factor_matrix", factor)?.order();
        Ok(NodeSpec::one(TensorType::shared(DType::F64, &[order, order])))
    }

    fn perform(&self, io: &mut Io<'_>) -> OpResult {
        let matrix = &SymmetricEigen::of(&io.inputs, 0)?.matrix;
        let n = matrix.nrows();
        let out = io.outputs[0].buffer::<Tensor>().reset::<f64>(&[n, n]);
        // Column j is row j: it is symmetric.
        for (j, row) in out.chunks_exact_mut(n.max(1)).enumerate() {
            row.copy_from_slice(matrix.col_as_slice(j));
        }
        Ok(())
    }

    /// By convention the cotangent of a factor is that of its matrix.
    fn l_op(&self, _node: &NodeView<'_>, output_grads: &[Option<Variable>]) -> Result<Grads> {
        Ok(vec![output_grads[0].clone().into()])
    }

    fn r_op(&self, _node: &NodeView<'_>, tangents: &[Option<Variable>]) -> Result<Tangents> {
        Ok(vec![tangents[0].clone().into()])
    }

    fn infer_shape(&self, node: &NodeView<'_>, _input_shapes: &[Shape]) -> Result<Vec<Shape>> {
        let order = order_dim(node.input(0));
        Ok(vec![Shape::from_iter([order.clone(), order])])
    }

    fn do_constant_folding(&self, _node: &NodeView<'_>) -> bool {
        false
    }
}

/// The matrix of a factor. A factor cannot be an argument: where one is needed, a matrix is given.
pub(crate) fn entries() -> Vec<Entry> {
    let of_matrix = |params: &Params<'_>, inputs: &[Variable]| {
        let a = only(params, inputs)?;
        let factor = if a.type_as::<FactorType>().is_some() { a.clone() } else { eigh_factor(a)? };
        Ok(vec![factor_matrix(&factor)?])
    };
    vec![
        Entry::function("factor_matrix", "linear systems", of_matrix, matrices_of_factors)
            .parsed_by(|_| Ok(Arc::new(FactorMatrix))),
    ]
}

/// Systems with symmetric matrices, and one whose eigenvalues are equal.
pub(super) fn symmetric_systems() -> Vec<Sample> {
    let mut samples = few_systems(positive);
    let equal = shaped(&[2, 2], vec![2.0, 0.0, 0.0, 2.0]);
    samples.push(Sample::new("equal eigenvalues", [given(equal), given(vec![1.0, -0.5])]));
    samples
}

fn matrices_of_factors() -> Vec<Sample> {
    let single = |sample: &Sample| sample.inputs[0].value.extents().len() == 2;
    matrices(positive).into_iter().filter(single).collect()
}
