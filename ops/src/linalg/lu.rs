//! LU factorisation with partial pivoting (LAPACK: getrf), through faer.

use std::borrow::Cow;
use std::sync::Arc;

use faer::dyn_stack::{MemBuffer, MemStack};
use faer::linalg::lu::partial_pivoting::factor as pp;
use faer::linalg::triangular_solve as tri;
use faer::{MatMut, MatRef, Par};
use kronograph_graph::{
    BuildError, Grads, Io, NodeSpec, NodeView, Op, OpFailure, OpResult, OpState, Result, Shape, Tangents, TypeRef,
    Variable, apply,
};

use super::eye::eye;
use super::factor::{Factor, FactorKind, FactorType, FactorValue, LinalgError, Trans, order_dim, slogdet_of_pivots};
use super::factor_solve::factor_solve;
use super::matmul::matmul;
use super::unfold::{matmul_along, unfold};
use crate::dtype::DType;
use crate::elemwise::{cast, mul};
use crate::layout::transpose;
use crate::reduce::sum;
use crate::tensor::{Strided, Tensor, TensorType, tensor_type};

/// A factor of a square matrix by LU with partial pivoting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LuFactor;

/// A factor of a square matrix, `P A = L U` with partial pivoting, for [`factor_solve`] and
/// [`factor_logdet`](super::factor_logdet).
///
/// A singular matrix has a factor; solving with it is the error. Cost: `2/3 n³`.
///
/// # Errors
///
/// When `a` is no matrix, or not square.
#[track_caller]
pub fn lu_factor(a: &Variable) -> Result<Variable> {
    apply(LuFactor, std::slice::from_ref(a))
}

/// Checks that an input is a float matrix that may be square, and returns the type of its factor.
pub(super) fn dense_factor_node(op: &'static str, inputs: &[Variable], name: &'static str) -> Result<NodeSpec> {
    let [a] = inputs else { return Err(BuildError::arity(op, 1, inputs)) };
    let ty = tensor_type(op, a)?;
    let [rows, columns] = ty.lengths() else {
        return Err(BuildError::inputs(op, inputs, "a matrix is needed"));
    };
    if rows.is_some() && columns.is_some() && rows != columns {
        return Err(BuildError::inputs(op, inputs, "the matrix must be square"));
    }
    let order = rows.or(*columns);
    let kind = DenseKind { name, matrix: TensorType::shared(DType::F64, &[order, order]) };
    Ok(NodeSpec::one(FactorType::shared(Arc::new(kind), order)).with_inputs([cast(a, DType::F64)?]))
}

/// The order of a square matrix.
pub(super) fn square_order(a: &Strided<f64>) -> Result<usize, LinalgError> {
    match a.shape() {
        [rows, columns] if rows == columns => Ok(*rows),
        [rows, columns] => Err(LinalgError::NotSquare { rows: *rows, columns: *columns }),
        other => Err(LinalgError::NotSquare { rows: other.len(), columns: 0 }),
    }
}

impl Op for LuFactor {
    fn name(&self) -> Cow<'static, str> {
        "lu_factor".into()
    }

    fn make_node(&self, inputs: &[Variable]) -> Result<NodeSpec> {
        dense_factor_node("lu_factor", inputs, "lu")
    }

    fn perform(&self, io: &mut Io<'_>) -> OpResult {
        let (state, inputs, outputs) = io.with_state::<DenseState>()?;
        let a = inputs.get::<Tensor>(0)?.array::<f64>().map_err(|_| OpFailure::WrongValue(0))?;
        let order = square_order(a)?;
        state.factorisations += 1;
        let memory =
            state.memory(order, || pp::lu_in_place_scratch::<usize, f64>(order, order, Par::Seq, Default::default()));
        outputs[0].buffer::<FactorValue>().reuse::<DenseLu>().refactor(a, order, memory);
        Ok(())
    }

    /// The cotangent of a factor is that of its matrix.
    fn l_op(&self, _node: &NodeView<'_>, output_grads: &[Option<Variable>]) -> Result<Grads> {
        Ok(vec![output_grads[0].clone().into()])
    }

    fn r_op(&self, _node: &NodeView<'_>, tangents: &[Option<Variable>]) -> Result<Tangents> {
        Ok(vec![tangents[0].clone().into()])
    }

    fn infer_shape(&self, _node: &NodeView<'_>, _input_shapes: &[Shape]) -> Result<Vec<Shape>> {
        Ok(vec![Shape::new()])
    }

    fn state(&self) -> Option<Box<dyn OpState>> {
        Some(Box::<DenseState>::default())
    }

    /// A factor is never folded: it has no place in a saved graph.
    fn do_constant_folding(&self, _node: &NodeView<'_>) -> bool {
        false
    }
}

/// The workspace of a dense factorisation, and how many were made.
#[derive(Default)]
pub(super) struct DenseState {
    order: usize,
    memory: Option<MemBuffer>,
    pub(super) factorisations: u64,
}

impl DenseState {
    pub(super) fn memory(&mut self, order: usize, need: impl FnOnce() -> faer::dyn_stack::StackReq) -> &mut MemStack {
        if self.memory.is_none() || self.order != order {
            self.memory = Some(MemBuffer::new(need()));
            self.order = order;
        }
        MemStack::new(self.memory.as_mut().expect("made in the lines above"))
    }
}

impl std::fmt::Debug for DenseState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "workspace of order {}", self.order)
    }
}

impl OpState for DenseState {
    fn fork(&self) -> Box<dyn OpState> {
        Box::<Self>::default()
    }

    fn counts(&self) -> Vec<(&'static str, u64)> {
        vec![("numeric", self.factorisations)]
    }
}

/// `P A = L U`, packed column by column.
#[derive(Clone, Debug, Default)]
struct DenseLu {
    order: usize,
    packed: Vec<f64>,
    perm: Vec<usize>,
    inverse: Vec<usize>,
    seen: Vec<bool>,
    sign: f64,
    status: Option<LinalgError>,
}

impl DenseLu {
    fn refactor(&mut self, a: &Strided<f64>, order: usize, memory: &mut MemStack) {
        self.order = order;
        self.perm.resize(order, 0);
        self.inverse.resize(order, 0);
        self.packed.resize(order * order, 0.0);
        copy_columns(a, &mut self.packed);
        let packed = MatMut::from_column_major_slice_mut(&mut self.packed[..], order, order);
        pp::lu_in_place(packed, &mut self.perm, &mut self.inverse, Par::Seq, memory, Default::default());
        self.sign = permutation_sign(&self.perm, &mut self.seen);
        self.status = self.find_fault(a);
    }

    /// A pivot that is no larger than rounding in its row and its column of A is no pivot.
    fn find_fault(&self, a: &Strided<f64>) -> Option<LinalgError> {
        let n = self.order;
        let largest = |values: &mut dyn Iterator<Item = f64>| values.fold(0.0, |m: f64, x| m.max(x.abs()));
        let at = |i: usize, j: usize| a.storage()[i * a.strides()[0] + j * a.strides()[1]];
        // Before the pivots: a zero pivot makes later ones NaN, which would look the same.
        if let Some(pivot) = (0..n).find(|&j| !(0..n).all(|i| at(i, j).is_finite())) {
            return Some(LinalgError::NotFinite { pivot });
        }
        (0..n).find_map(|pivot| {
            let value = self.packed[pivot * n + pivot];
            let row = largest(&mut (0..n).map(|j| at(self.perm[pivot], j)));
            let column = largest(&mut (0..n).map(|i| at(i, pivot)));
            match value.abs() {
                size if !size.is_finite() => Some(LinalgError::NotFinite { pivot }),
                size if size <= n as f64 * f64::EPSILON * row.min(column) => Some(LinalgError::Singular { pivot }),
                _ => None,
            }
        })
    }

    fn matrix(&self) -> MatRef<'_, f64> {
        MatRef::from_column_major_slice(&self.packed, self.order, self.order)
    }
}

/// The entries column by column.
pub(super) fn copy_columns(a: &Strided<f64>, to: &mut [f64]) {
    let (order, strides) = (a.shape()[0], a.strides());
    for (j, column) in to.chunks_exact_mut(order.max(1)).enumerate() {
        column.iter_mut().enumerate().for_each(|(i, to)| *to = a.storage()[i * strides[0] + j * strides[1]]);
    }
}

/// The sign of a permutation; `seen` is scratch space, kept so that a steady call allocates nothing.
pub fn permutation_sign<I: Copy + TryInto<usize>>(perm: &[I], seen: &mut Vec<bool>) -> f64 {
    seen.clear();
    seen.resize(perm.len(), false);
    let mut sign = 1.0;
    for start in 0..perm.len() {
        let (mut at, mut length) = (start, 0);
        while at < seen.len() && !std::mem::replace(&mut seen[at], true) {
            at = perm[at].try_into().unwrap_or(usize::MAX);
            length += 1;
        }
        if length > 0 && length % 2 == 0 {
            sign = -sign;
        }
    }
    sign
}

impl Factor for DenseLu {
    fn boxed_clone(&self) -> Box<dyn Factor> {
        Box::new(self.clone())
    }

    fn order(&self) -> usize {
        self.order
    }

    fn status(&self) -> Result<(), LinalgError> {
        self.status.clone().map_or(Ok(()), Err)
    }

    fn row_in(&self, trans: Trans, i: usize) -> usize {
        if trans == Trans::No { self.perm[i] } else { i }
    }

    fn row_out(&self, trans: Trans, i: usize) -> usize {
        if trans == Trans::No { i } else { self.perm[i] }
    }

    fn panel_width(&self) -> usize {
        256
    }

    fn solve_panel(&self, trans: Trans, panel: &mut [f64], width: usize) {
        let (lu, mut x) = (self.matrix(), MatMut::from_row_major_slice_mut(panel, self.order, width));
        match trans {
            Trans::No => {
                tri::solve_unit_lower_triangular_in_place(lu, x.as_mut(), Par::Seq);
                tri::solve_upper_triangular_in_place(lu, x, Par::Seq);
            }
            Trans::Yes => {
                tri::solve_lower_triangular_in_place(lu.transpose(), x.as_mut(), Par::Seq);
                tri::solve_unit_upper_triangular_in_place(lu.transpose(), x, Par::Seq);
            }
        }
    }

    fn slogdet(&self) -> Result<(f64, f64), LinalgError> {
        let pivots = (0..self.order).map(|i| self.packed[i * self.order + i]);
        slogdet_of_pivots(self.status.as_ref(), self.sign, pivots)
    }

    fn bytes(&self) -> usize {
        8 * (self.packed.len() + self.perm.len() + self.inverse.len())
    }
}

/// Derivatives of dense factors.
#[derive(Debug)]
struct DenseKind {
    name: &'static str,
    matrix: TypeRef,
}

impl FactorKind for DenseKind {
    fn name(&self) -> &'static str {
        self.name
    }

    fn matrix(&self) -> &TypeRef {
        &self.matrix
    }

    fn outer(&self, _factor: &Variable, left: &Variable, right: &Variable, axis: usize) -> Result<Variable> {
        matmul(&unfold(left, axis)?, &transpose(&unfold(right, axis)?)?)
    }

    fn product(&self, matrix: &Variable, x: &Variable, axis: usize, trans: Trans) -> Result<Variable> {
        match trans {
            Trans::No => matmul_along(matrix, x, axis),
            Trans::Yes => matmul_along(&transpose(matrix)?, x, axis),
        }
    }

    fn logdet_cotangent(&self, factor: &Variable, g: &Variable) -> Result<Variable> {
        mul(g, &factor_solve(factor, &eye(order_dim(factor))?, Trans::Yes)?)
    }

    fn inner(&self, cotangent: &Variable, tangent: &Variable) -> Result<Variable> {
        sum(&mul(cotangent, tangent)?)
    }
}
