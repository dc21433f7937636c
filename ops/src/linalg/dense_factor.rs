//! Factorisations of dense matrices, as one op: its node, its derivatives, its loop over a stack.
//!
//! What a kind does with the numbers of one matrix stands in a file of its own.

use std::borrow::Cow;
use std::sync::Arc;

use faer::dyn_stack::{MemBuffer, MemStack, StackReq};
use kronograph_graph::{
    BuildError, Grads, Io, NodeSpec, NodeView, Op, OpFailure, OpResult, OpState, Props, Result, Shape, Tangents,
    Variable,
};

use super::banded_factor::BandedLu;
use super::cholesky::DenseCholesky;
use super::dense_kind::DenseKind;
use super::eigh_factor::SymmetricEigen;
use super::factor::{Factor, FactorType, FactorValue, LinalgError};
use super::lu::DenseLu;
use super::matrices::{MatrixType, for_each_matrix};
use super::triangle::{Triangle, folded, mirrored, tril, triu};
use super::triangular_factor::{DenseTriangle, DiagonalKind};
use crate::dtype::DType;
use crate::elemwise::cast;
use crate::tensor::{Strided, Tensor, TensorType};

/// A factorisation of a square matrix, or of each of a stack: what all kinds have in common is the op, and what they do
/// with the numbers is their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DenseFactor {
    /// `P A = L U`.
    Lu,
    /// `A = L Lᵀ`, from the lower triangle of A.
    Cholesky,
    /// `A = U diag(w) Uᵀ`, from the lower triangle of A.
    Eigh,
    /// One triangle of A, as a factor of itself.
    Triangular(Triangle, DiagonalKind),
    /// `P A = L U` of a band.
    Banded {
        /// How many diagonals below the main one are read.
        below: usize,
        /// How many above it.
        above: usize,
    },
}

impl DenseFactor {
    /// The op's name, which is also that of its public function.
    fn word(self) -> &'static str {
        match self {
            DenseFactor::Lu => "lu_factor",
            DenseFactor::Cholesky => "cholesky_factor",
            DenseFactor::Eigh => "eigh_factor",
            DenseFactor::Triangular(..) => "triangular_factor",
            DenseFactor::Banded { .. } => "banded_factor",
        }
    }

    /// The name of the kind of factor, by which types are told apart.
    fn kind(self) -> &'static str {
        match self {
            DenseFactor::Lu => "lu",
            DenseFactor::Cholesky => "cholesky",
            DenseFactor::Eigh => "eigh",
            DenseFactor::Triangular(..) => "triangular",
            DenseFactor::Banded { .. } => "banded",
        }
    }

    /// The cotangent of the matrix from that of the factor, which is the same but for what is not read.
    ///
    /// A symmetric matrix depends on its lower triangle T as `T + Tᵀ - diag T`, so the cotangent of T is the lower
    /// triangle of `g + gᵀ`, with the diagonal counted once.
    fn cotangent(self, g: &Variable) -> Result<Variable> {
        if self.is_symmetric() { folded(g, Triangle::Lower) } else { self.part(g) }
    }

    /// The tangent of the factor from that of the matrix; a symmetric matrix moves with its lower triangle.
    fn tangent(self, t: &Variable) -> Result<Variable> {
        if self.is_symmetric() { mirrored(t, Triangle::Lower) } else { self.part(t) }
    }

    /// Whether the lower triangle stands for the whole matrix.
    fn is_symmetric(self) -> bool {
        matches!(self, DenseFactor::Cholesky | DenseFactor::Eigh)
    }

    /// The part of a matrix that is read.
    fn part(self, x: &Variable) -> Result<Variable> {
        match self {
            DenseFactor::Lu => Ok(x.clone()),
            DenseFactor::Cholesky | DenseFactor::Eigh => tril(x, 0),
            DenseFactor::Triangular(triangle, diagonal) => triangle.part(x, diagonal == DiagonalKind::Stored),
            DenseFactor::Banded { below, above } => {
                let diagonal = |length: usize| i64::try_from(length).unwrap_or(i64::MAX);
                triu(&tril(x, diagonal(above))?, -diagonal(below))
            }
        }
    }
}

impl Op for DenseFactor {
    fn name(&self) -> Cow<'static, str> {
        self.word().into()
    }

    fn props(&self) -> Props {
        match *self {
            DenseFactor::Lu | DenseFactor::Cholesky | DenseFactor::Eigh => Props::default(),
            DenseFactor::Triangular(triangle, diagonal) => {
                let (lower, unit) = (triangle == Triangle::Lower, diagonal == DiagonalKind::Unit);
                Props::default().with("lower", lower).with("unit_diagonal", unit)
            }
            DenseFactor::Banded { below, above } => Props::default().with("below", below).with("above", above),
        }
    }

    fn make_node(&self, inputs: &[Variable]) -> Result<NodeSpec> {
        let op = self.word();
        let [a] = inputs else { return Err(BuildError::arity(op, 1, inputs)) };
        let ty = MatrixType::square(op, a)?;
        let matrix = TensorType::shared(DType::F64, &[&ty.batch[..], &[ty.rows, ty.columns]].concat());
        let kind = DenseKind { name: self.kind(), matrix };
        Ok(NodeSpec::one(FactorType::shared(Arc::new(kind), ty.rows)).with_inputs([cast(a, DType::F64)?]))
    }

    fn perform(&self, io: &mut Io<'_>) -> OpResult {
        match *self {
            DenseFactor::Lu => factorise(io, DenseLu::refactor),
            DenseFactor::Cholesky => factorise(io, DenseCholesky::refactor),
            DenseFactor::Eigh => factorise(io, SymmetricEigen::refactor),
            DenseFactor::Triangular(triangle, diagonal) => factorise(io, |factor: &mut DenseTriangle, a, _| {
                factor.refactor(a, triangle, diagonal);
                Ok(())
            }),
            DenseFactor::Banded { below, above } => factorise(io, |factor: &mut BandedLu, a, _| {
                factor.refactor(a, below, above);
                Ok(())
            }),
        }
    }

    fn l_op(&self, _node: &NodeView<'_>, output_grads: &[Option<Variable>]) -> Result<Grads> {
        Ok(vec![output_grads[0].as_ref().map(|g| self.cotangent(g)).transpose()?.into()])
    }

    fn r_op(&self, _node: &NodeView<'_>, tangents: &[Option<Variable>]) -> Result<Tangents> {
        Ok(vec![tangents[0].as_ref().map(|t| self.tangent(t)).transpose()?.into()])
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
fn factorise<F: Factor + Default>(
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
