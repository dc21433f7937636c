//! What the factorisations of dense matrices have in common: their node, their loop over a stack, their derivatives.

use std::sync::Arc;

use faer::dyn_stack::{MemBuffer, MemStack, StackReq};
use kronograph_graph::{
    BuildError, Dim, Io, NodeSpec, OpFailure, OpResult, OpState, Result, TypeRef, Variable, shape_of,
};

use super::batch::{reduce_batch, swap_last};
use super::eye::eye;
use super::factor::{Factor, FactorKind, FactorType, FactorValue, LinalgError, Trans, order_dim};
use super::factor_solve::factor_solve;
use super::matmul::matmul;
use super::matrices::for_each_matrix;
use super::unfold::{matmul_along, unfold};
use crate::dtype::DType;
use crate::elemwise::{cast, mul};
use crate::layout::{expand_dims, reshape, transpose};
use crate::reduce::{sum, sum_axes};
use crate::tensor::{Strided, Tensor, TensorType, tensor_type};

/// Checks that an input is a matrix that may be square, or a stack of them, and returns the type of its factor.
pub(super) fn dense_factor_node(op: &'static str, inputs: &[Variable], name: &'static str) -> Result<NodeSpec> {
    let [a] = inputs else { return Err(BuildError::arity(op, 1, inputs)) };
    let ty = tensor_type(op, a)?;
    let [batch @ .., rows, columns] = ty.lengths() else {
        return Err(BuildError::inputs(op, inputs, "a matrix is needed"));
    };
    if rows.is_some() && columns.is_some() && rows != columns {
        return Err(BuildError::inputs(op, inputs, "the matrix must be square"));
    }
    let order = rows.or(*columns);
    let kind = DenseKind { name, matrix: TensorType::shared(DType::F64, &[batch, &[order, order]].concat()) };
    Ok(NodeSpec::one(FactorType::shared(Arc::new(kind), order)).with_inputs([cast(a, DType::F64)?]))
}

/// One square matrix in storage.
#[derive(Clone, Copy)]
pub(super) struct Square<'a> {
    storage: &'a [f64],
    strides: [usize; 2],
    pub(super) order: usize,
}

impl Square<'_> {
    pub(super) fn at(&self, row: usize, column: usize) -> f64 {
        self.storage[row * self.strides[0] + column * self.strides[1]]
    }

    /// The entries column by column.
    pub(super) fn copy_columns(&self, to: &mut Vec<f64>) {
        to.resize(self.order * self.order, 0.0);
        for (j, column) in to.chunks_exact_mut(self.order.max(1)).enumerate() {
            column.iter_mut().enumerate().for_each(|(i, to)| *to = self.at(i, j));
        }
    }

    pub(super) fn is_finite(&self) -> bool {
        let mut rows = 0..self.order;
        rows.all(|i| (0..self.order).all(|j| self.at(i, j).is_finite()))
    }
}

/// Factorises the matrices of a stack one after another, in the factors of the last call.
pub(super) fn factorise<F: Factor + Default>(
    io: &mut Io<'_>,
    mut refactor: impl FnMut(&mut F, Square<'_>, &mut DenseState) -> Result<(), LinalgError>,
) -> OpResult {
    let (state, inputs, outputs) = io.with_state::<DenseState>()?;
    let a = inputs.get::<Tensor>(0)?.array::<f64>().map_err(|_| OpFailure::WrongValue(0))?;
    let (order, strides) = square_order(a)?;
    let square = |offset: usize| Square { storage: &a.storage()[offset..], strides, order };
    let value = outputs[0].buffer::<FactorValue>();
    let [batch @ .., _, _] = a.shape() else { return Err(OpFailure::WrongValue(0).into()) };
    if batch.is_empty() {
        state.factorisations += 1;
        return Ok(refactor(value.reuse(), square(0), state)?);
    }
    let mut outcome = Ok(());
    let mut factors = value.reuse_stack::<F>(batch, order);
    for_each_matrix(a.shape(), a.strides(), |_, offset| {
        if let (Ok(()), Some(factor)) = (&outcome, factors.next()) {
            state.factorisations += 1;
            // A stack of empty matrices has offsets, and no storage.
            outcome = refactor(factor, square(if order == 0 { 0 } else { offset }), state);
        }
    });
    Ok(outcome?)
}

/// The order of square matrices, and the strides in them.
fn square_order(a: &Strided<f64>) -> Result<(usize, [usize; 2]), LinalgError> {
    match (a.shape(), a.strides()) {
        ([.., rows, columns], [.., row, column]) if rows == columns => Ok((*rows, [*row, *column])),
        ([.., rows, columns], _) => Err(LinalgError::NotSquare { rows: *rows, columns: *columns }),
        (other, _) => Err(LinalgError::NotSquare { rows: other.len(), columns: 0 }),
    }
}

/// The workspace of a dense factorisation, and how many were made.
#[derive(Default)]
pub(super) struct DenseState {
    order: usize,
    memory: Option<MemBuffer>,
    factorisations: u64,
}

impl DenseState {
    pub(super) fn memory(&mut self, order: usize, need: impl FnOnce() -> StackReq) -> &mut MemStack {
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

/// Derivatives of dense factors.
#[derive(Debug)]
struct DenseKind {
    name: &'static str,
    matrix: TypeRef,
}

impl DenseKind {
    fn is_stack(&self) -> bool {
        self.matrix.extents().len() > 2
    }
}

impl FactorKind for DenseKind {
    fn name(&self) -> &'static str {
        self.name
    }

    fn matrix(&self) -> &TypeRef {
        &self.matrix
    }

    fn outer(&self, _factor: &Variable, left: &Variable, right: &Variable, axis: usize) -> Result<Variable> {
        if !self.is_stack() {
            return matmul(&unfold(left, axis)?, &transpose(&unfold(right, axis)?)?);
        }
        let all = matmul(&columns(left, axis)?, &swap_last(&columns(right, axis)?)?)?;
        reduce_batch(&all, self.matrix.extents(), 2)
    }

    fn product(&self, matrix: &Variable, x: &Variable, axis: usize, trans: Trans) -> Result<Variable> {
        let matrix = if trans == Trans::Yes { &swap_last(matrix)? } else { matrix };
        if !self.is_stack() {
            return matmul_along(matrix, x, axis);
        }
        reshape(&matmul(matrix, &columns(x, axis)?)?, shape_of(x))
    }

    fn logdet_cotangent(&self, factor: &Variable, g: &Variable) -> Result<Variable> {
        let inverse = factor_solve(factor, &eye(order_dim(factor))?, Trans::Yes)?;
        match g.ty().extents().len() {
            0 => mul(g, &inverse),
            rank => mul(&expand_dims(g, &[rank, rank + 1])?, &inverse),
        }
    }

    fn inner(&self, cotangent: &Variable, tangent: &Variable) -> Result<Variable> {
        let terms = mul(cotangent, tangent)?;
        match terms.ty().extents().len() {
            2 => sum(&terms),
            rank => sum_axes(&terms, &[rank - 2, rank - 1]),
        }
    }
}

/// The axes before `axis` as leading ones, and all behind it as one.
fn columns(x: &Variable, axis: usize) -> Result<Variable> {
    let shape = shape_of(x);
    let rest = shape[axis + 1..].iter().fold(Dim::from(1), |size, dim| size.times(dim));
    match shape.len() - axis {
        1 => expand_dims(x, &[shape.len()]),
        2 => Ok(x.clone()),
        _ => reshape(x, shape[..=axis].iter().cloned().chain([rest])),
    }
}
