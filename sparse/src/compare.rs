//! Comparisons of a sparse matrix with another one, with a dense matrix, or with a scalar.
//!
//! What is not stored is compared as zero. The results are 0 and 1 in u8, since no sparse matrix holds truth values.

use std::borrow::Cow;
use std::sync::Arc;

use kronograph_graph::{
    BuildError, Entry, Grad, Grads, Io, NodeSpec, NodeView, Op, OpFailure, OpResult, OpState, Operand, Params, Props,
    Result, Shape, Tangents, Variable, Why, apply, origin,
};
use kronograph_ops::params::exactly;
use kronograph_ops::{DType, Tensor, TensorType, cast, scalar_beside};

use crate::cast::sparse_cast;
use crate::clean::kept_slots;
use crate::compare_samples::{beside_dense, beside_scalar, beside_sparse};
use crate::format::to_format;
use crate::kept::Kept;
use crate::matrix::{SparseError, SparseMatrix};
use crate::number::{Number, each_number};
use crate::pattern::{Moved, Pattern};
use crate::samples::{Build, op};
use crate::ty::{SparseType, check_same_shape, is_sparse, same_shape, sparse_type};

/// A comparison, by the name of the elementwise one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Relation {
    Eq,
    Neq,
    Lt,
    Le,
    Gt,
    Ge,
}

impl Relation {
    const ALL: [Relation; 6] = [Self::Eq, Self::Neq, Self::Lt, Self::Le, Self::Gt, Self::Ge];

    fn name(self) -> &'static str {
        match self {
            Relation::Eq => "eq",
            Relation::Neq => "neq",
            Relation::Lt => "lt",
            Relation::Le => "le",
            Relation::Gt => "gt",
            Relation::Ge => "ge",
        }
    }

    /// The one of this name.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|relation| relation.name() == name)
    }

    /// That of the operands the other way round.
    fn mirrored(self) -> Self {
        match self {
            Relation::Eq | Relation::Neq => self,
            Relation::Lt => Relation::Gt,
            Relation::Le => Relation::Ge,
            Relation::Gt => Relation::Lt,
            Relation::Ge => Relation::Le,
        }
    }

    #[inline(always)]
    fn holds<T: PartialOrd>(self, a: T, b: T) -> bool {
        match self {
            Relation::Eq => a == b,
            Relation::Neq => a != b,
            Relation::Lt => a < b,
            Relation::Le => a <= b,
            Relation::Gt => a > b,
            Relation::Ge => a >= b,
        }
    }
}

/// What a sparse matrix is compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Beside {
    Sparse,
    Dense,
    Scalar,
}

/// A comparison of a sparse matrix, entry by entry. Inputs: the sparse matrix, what it is compared with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Compare {
    relation: Relation,
    beside: Beside,
}

/// The comparison of two operands, at least one of which is sparse.
///
/// With a sparse matrix or a scalar the result is sparse and stores what is true, which is nearly all where the
/// relation holds of zeros (`eq`, `le` and `ge` of two matrices, `x >= 0`); with a dense matrix it is dense.
#[track_caller]
pub(crate) fn compare(relation: Relation, left: Operand<'_>, right: Operand<'_>) -> Result<Variable> {
    let _scope = origin::here();
    match (left.variable().filter(|x| is_sparse(x)), right.variable().filter(|y| is_sparse(y))) {
        (Some(x), Some(y)) => {
            let (a, b) = (sparse_type(relation.name(), x)?, sparse_type(relation.name(), y)?);
            same_shape(relation.name(), &[x.clone(), y.clone()], a.shape(), b.shape())?;
            let dtype = a.dtype().promote(b.dtype());
            let inputs = [sparse_cast(x, dtype)?, sparse_cast(&to_format(y, a.format())?, dtype)?];
            apply(Compare { relation, beside: Beside::Sparse }, &inputs)
        }
        (Some(x), None) => with_dense(relation, x, right),
        (None, Some(y)) => with_dense(relation.mirrored(), y, left),
        (None, None) => Err(BuildError::parameter(relation.name(), "one operand must be a sparse matrix")),
    }
}

fn with_dense(relation: Relation, x: &Variable, y: Operand<'_>) -> Result<Variable> {
    let ty = sparse_type(relation.name(), x)?;
    let y = scalar_beside(y, ty.dtype());
    let inputs = [x.clone(), y.clone()];
    let beside = match y.type_as::<TensorType>().map(TensorType::rank) {
        Some(0) => Beside::Scalar,
        Some(2) => Beside::Dense,
        _ => {
            let rule = "a sparse matrix is compared with a matrix of its shape or a scalar";
            return Err(BuildError::inputs(relation.name(), &inputs, rule));
        }
    };
    let (_, dense) = Compare { relation, beside }.checked(relation.name(), &inputs)?;
    let dtype = ty.dtype().promote(dense);
    apply(Compare { relation, beside }, &[sparse_cast(x, dtype)?, cast(&y, dtype)?])
}

/// The entries of this file.
pub(crate) fn entries() -> Vec<Entry> {
    let build: Build = |params, inputs| {
        let [x, y] = exactly(params, inputs)?;
        Ok(vec![compare(relation_of(params)?, Operand::Variable(x), Operand::Variable(y))?])
    };
    [
        op("compare_s_s", build, |format| of_each(beside_sparse(format)), |params| of(params, Beside::Sparse)),
        op("compare_s_d", build, |format| of_each(beside_dense(format)), |params| of(params, Beside::Dense)),
        op("compare_s_scalar", build, |format| of_each(beside_scalar(format)), |params| of(params, Beside::Scalar)),
    ]
    .map(|entry| entry.without_derivative(Why::Discrete))
    .into()
}

fn of_each(samples: Vec<kronograph_graph::Sample>) -> Vec<kronograph_graph::Sample> {
    let with = |relation: Relation| samples.iter().cloned().map(move |sample| sample.with("relation", relation.name()));
    Relation::ALL.into_iter().flat_map(with).collect()
}

fn of(params: &Params<'_>, beside: Beside) -> Result<Arc<dyn Op>> {
    Ok(Arc::new(Compare { relation: relation_of(params)?, beside }))
}

fn relation_of(params: &Params<'_>) -> Result<Relation> {
    let name = params.word("relation")?;
    Relation::named(name).ok_or_else(|| params.wrong_word("relation", "a comparison", name))
}

impl Compare {
    /// The shape that both have, and the dtype of the second.
    #[track_caller]
    fn checked(&self, name: &'static str, inputs: &[Variable]) -> Result<([Option<usize>; 2], DType)> {
        let [x, y] = inputs else { return Err(BuildError::arity(name, 2, inputs)) };
        let ty = sparse_type(name, x)?;
        let dense = y.type_as::<TensorType>().map(|dense| (dense.lengths(), dense.dtype()));
        match (self.beside, dense, y.type_as::<SparseType>()) {
            (Beside::Scalar, Some((&[], dtype)), _) => Ok((ty.shape(), dtype)),
            (Beside::Dense, Some((&[rows, columns], dtype)), _) => {
                Ok((same_shape(name, inputs, ty.shape(), [rows, columns])?, dtype))
            }
            (Beside::Sparse, _, Some(other)) if other.format() == ty.format() => {
                Ok((same_shape(name, inputs, ty.shape(), other.shape())?, other.dtype()))
            }
            _ => Err(BuildError::inputs(name, inputs, "the second operand is of another kind than the op is for")),
        }
    }

    fn op_name(&self) -> &'static str {
        match self.beside {
            Beside::Sparse => "compare_s_s",
            Beside::Dense => "compare_s_d",
            Beside::Scalar => "compare_s_scalar",
        }
    }

    /// One in each place where the relation holds.
    fn sparse<T: Number>(&self, io: &mut Io<'_>) -> OpResult {
        let (state, inputs, outputs) = io.with_state::<State>()?;
        let x = inputs.get::<SparseMatrix>(0)?;
        let matrix = inputs.get::<SparseMatrix>(1).ok().filter(|_| self.beside == Beside::Sparse);
        let other = match matrix {
            Some(y) => y.slots::<T>()?,
            None => T::of(inputs.get::<Tensor>(1)?).ok_or(OpFailure::WrongValue(1))?.storage(),
        };
        matrix.map_or(Ok(()), |y| check_same_shape(&x.shape(), &y.shape()))?;
        // Beside a scalar, what the second does not store is that scalar.
        let unstored = if matrix.is_some() { T::default() } else { *other.first().ok_or(OpFailure::WrongValue(1))? };
        let full = self.relation.holds(T::default(), unstored);
        let patterns = [x.pattern(), matrix.map_or(x.pattern(), SparseMatrix::pattern)];
        let find = || Candidates::of(patterns, full);
        let candidates = state.candidates.of(&patterns, |candidates| candidates.full == full, find)?;
        let at = |values: &[T], slot: u32, unstored: T| values.get(slot as usize).copied().unwrap_or(unstored);
        let values = x.slots::<T>()?;
        let holds = |slot: usize| {
            let a = at(values, candidates.slots[0][slot], T::default());
            let b = if matrix.is_some() { at(other, candidates.slots[1][slot], unstored) } else { unstored };
            self.relation.holds(a, b)
        };
        let moved = kept_slots(&mut state.stored, &candidates.pattern, holds)?;
        outputs[0].buffer::<SparseMatrix>().reset::<u8>(x.format(), x.shape(), &moved.pattern).fill(1);
        Ok(())
    }

    /// What holds of zeros, and then of what is stored.
    fn dense<T: Number>(&self, io: &mut Io<'_>) -> OpResult {
        let (x, y) = (io.inputs.get::<SparseMatrix>(0)?, io.inputs.get::<Tensor>(1)?);
        check_same_shape(&x.shape(), y.shape())?;
        let (values, y) = (x.slots::<T>()?, T::of(y).ok_or(OpFailure::WrongValue(1))?);
        let (columns, strides, storage) = (x.shape()[1], y.strides(), y.storage());
        let out = io.outputs[0].buffer::<Tensor>().reset::<u8>(y.shape());
        out.iter_mut().zip(y.view()).for_each(|(out, &y)| *out = self.relation.holds(T::default(), y).into());
        x.for_each_position(|slot, i, j| {
            let y = storage[i * strides[0] + j * strides[1]];
            out[i * columns + j] = self.relation.holds(values[slot], y).into();
        });
        Ok(())
    }
}

impl Op for Compare {
    fn name(&self) -> Cow<'static, str> {
        self.op_name().into()
    }

    fn props(&self) -> Props {
        Props::default().with("relation", self.relation.name())
    }

    fn make_node(&self, inputs: &[Variable]) -> Result<NodeSpec> {
        let (shape, dtype) = self.checked(self.op_name(), inputs)?;
        let ty = sparse_type(self.op_name(), &inputs[0])?;
        if ty.dtype() != dtype {
            return Err(BuildError::inputs(self.op_name(), inputs, "the dtypes must be equal"));
        }
        Ok(NodeSpec::one(match self.beside {
            Beside::Dense => TensorType::shared(DType::U8, &shape),
            Beside::Sparse | Beside::Scalar => SparseType::shared(ty.format(), DType::U8, shape),
        }))
    }

    fn perform(&self, io: &mut Io<'_>) -> OpResult {
        let dtype = io.inputs.get::<SparseMatrix>(0)?.dtype();
        each_number!(dtype, T => match self.beside {
            Beside::Dense => self.dense::<T>(io),
            Beside::Sparse | Beside::Scalar => self.sparse::<T>(io),
        })
    }

    /// Piecewise constant.
    fn l_op(&self, _node: &NodeView<'_>, _output_grads: &[Option<Variable>]) -> Result<Grads> {
        Ok(vec![Grad::Zero; 2])
    }

    fn r_op(&self, _node: &NodeView<'_>, _tangents: &[Option<Variable>]) -> Result<Tangents> {
        Ok(vec![Grad::Zero])
    }

    fn infer_shape(&self, _node: &NodeView<'_>, input_shapes: &[Shape]) -> Result<Vec<Shape>> {
        Ok(vec![input_shapes[0].clone()])
    }

    fn state(&self) -> Option<Box<dyn OpState>> {
        Some(Box::<State>::default())
    }
}

/// Where a relation can hold, and where the operands store that.
#[derive(Debug)]
struct Candidates {
    full: bool,
    pattern: Arc<Pattern>,
    slots: [Vec<u32>; 2],
}

impl Candidates {
    fn of([x, y]: [&Arc<Pattern>; 2], full: bool) -> Result<Self, OpFailure> {
        let pattern = match full {
            true => Pattern::full(x.major(), x.minor()).map_err(SparseError::failure)?,
            false => Pattern::union(&[x, y]).map_err(SparseError::failure)?,
        };
        let slots = [pattern.slots_in(x), pattern.slots_in(y)];
        Ok(Self { full, pattern: Arc::new(pattern), slots })
    }
}

/// Where the relation can hold, and where it did the last time.
#[derive(Debug, Default)]
struct State {
    candidates: Kept<Candidates>,
    stored: Kept<Moved>,
}

impl OpState for State {
    fn fork(&self) -> Box<dyn OpState> {
        Box::new(Self { candidates: self.candidates.forked(), stored: Kept::default() })
    }

    fn counts(&self) -> Vec<(&'static str, u64)> {
        self.candidates.counts()
    }
}
