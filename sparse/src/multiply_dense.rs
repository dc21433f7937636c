//! A sparse matrix times or divided by a dense matrix or a scalar, entry by entry.

use std::borrow::Cow;
use std::ops::Div;
use std::sync::Arc;

use kronograph_graph::{
    BuildError, Entry, Grad, Grads, Io, NodeSpec, NodeView, Op, OpFailure, OpResult, Operand, Result, Sample, Shape,
    Tangents, Variable, apply, origin,
};
use kronograph_ops::params::exactly;
use kronograph_ops::samples::dense;
use kronograph_ops::{DType, Tensor, TensorType, cast, neg, scalar_beside, true_div};

use crate::add::sum_of_terms;
use crate::cast::sparse_cast;
use crate::dense::dense_from_sparse_regular;
use crate::matrix::{Format, SparseMatrix};
use crate::multiply::products;
use crate::number::{Number, each_number};
use crate::samples::{Build, in_dtype, in_integers, merged, no_rows, nothing, op, wide};
use crate::sum_of_products::sum_of_products;
use crate::ty::{SparseType, check_same_shape, same_shape, sparse_type};

/// What a [`MulSD`] does with the entries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Verb {
    Times,
    Over,
}

/// The stored entries of a sparse matrix times or divided by those of a dense one, or by a scalar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct MulSD(Verb);

/// `X ∘ y` of a sparse matrix and a dense matrix of its shape, or a scalar, which may be a literal (PyTensor:
/// `mul_s_d`). The result is sparse, on the pattern of X: what is not stored is not multiplied, and zeros stay stored.
/// The dtype is the one that both convert to; a literal takes that of X within its kind.
///
/// Derivatives, both regular: `X̄ = y ∘ Ḡ`; `ȳ = X ∘ Ḡ` as a dense matrix, or the sum of that for a scalar.
///
/// # Errors
///
/// When `x` is no sparse matrix, `y` no dense matrix of its shape and no scalar.
#[track_caller]
pub fn mul_s_d<'a>(x: &Variable, y: impl Into<Operand<'a>>) -> Result<Variable> {
    by_entries(x, y.into(), MulSD(Verb::Times))
}

/// `X[i, j] / y[i, j]` where X stores an entry, or `X[i, j] / y` of a scalar, as floats; see [`mul_s_d`]. What is not
/// stored stays zero, even where it is divided by zero.
///
/// Derivatives, both regular: `X̄ = Ḡ / y`, and `ȳ = -Z ∘ Ḡ / y` for the result Z.
///
/// # Errors
///
/// As [`mul_s_d`].
#[track_caller]
pub fn true_div_s_d<'a>(x: &Variable, y: impl Into<Operand<'a>>) -> Result<Variable> {
    by_entries(x, y.into(), MulSD(Verb::Over))
}

#[track_caller]
fn by_entries(x: &Variable, y: Operand<'_>, op: MulSD) -> Result<Variable> {
    let _scope = origin::here();
    let ty = sparse_type(&op.name(), x)?;
    let y = scalar_beside(y, ty.dtype());
    let common = ty.dtype().promote(op.checked(&[x.clone(), y.clone()])?.1);
    let dtype = if op.0 == Verb::Over { common.to_float() } else { common };
    apply(op, &[sparse_cast(x, dtype)?, cast(&y, dtype)?])
}

/// The entries of this file.
pub(crate) fn entries() -> Vec<Entry> {
    let times: Build = |params, inputs| {
        let [x, y] = exactly(params, inputs)?;
        Ok(vec![mul_s_d(x, y)?])
    };
    let over: Build = |params, inputs| {
        let [x, y] = exactly(params, inputs)?;
        Ok(vec![true_div_s_d(x, y)?])
    };
    vec![
        op("mul_s_d", times, samples, |_| Ok(Arc::new(MulSD(Verb::Times)))),
        op("true_div_s_d", over, samples, |_| Ok(Arc::new(MulSD(Verb::Over)))),
    ]
}

/// Numbers far from zero, so that one may divide by them.
fn samples(format: Format) -> Vec<Sample> {
    let y = |shape: &[usize]| dense(shape, (0.5, 2.0), 2);
    vec![
        Sample::new("by a matrix", [wide(format, 1), y(&[3, 4])]),
        Sample::new("by a scalar", [wide(format, 1), y(&[])]),
        Sample::new("nothing stored", [nothing(format), y(&[3, 4])]),
        Sample::new("no rows", [no_rows(format), y(&[0, 4])]),
        Sample::new("no rows by a scalar", [no_rows(format), y(&[])]),
        Sample::new("positions stored twice", [merged(format, 1), y(&[3, 4])]),
        Sample::new("f32 by f64", [in_dtype(wide(format, 1), DType::F32), y(&[])]).single(),
        Sample::new("integers by f64", [in_integers(wide(format, 1)), y(&[3, 4])]).edge(),
    ]
}

impl MulSD {
    /// The shape that both have, and the dtype of the dense one.
    #[track_caller]
    fn checked(&self, inputs: &[Variable]) -> Result<([Option<usize>; 2], DType)> {
        let name = self.name();
        let [x, y] = inputs else { return Err(BuildError::arity(name, 2, inputs)) };
        let ty = sparse_type(&name, x)?;
        match y.type_as::<TensorType>().map(|dense| (dense.lengths(), dense.dtype())) {
            Some((&[], dtype)) => Ok((ty.shape(), dtype)),
            Some((&[rows, columns], dtype)) => Ok((same_shape(&name, inputs, ty.shape(), [rows, columns])?, dtype)),
            _ => Err(BuildError::inputs(name, inputs, "the second must be a dense matrix or a scalar")),
        }
    }

    fn of(self, x: &Variable, y: &Variable) -> Result<Variable> {
        by_entries(x, Operand::Variable(y), self)
    }
}

impl Op for MulSD {
    fn name(&self) -> Cow<'static, str> {
        match self.0 {
            Verb::Times => "mul_s_d".into(),
            Verb::Over => "true_div_s_d".into(),
        }
    }

    fn make_node(&self, inputs: &[Variable]) -> Result<NodeSpec> {
        let (shape, dtype) = self.checked(inputs)?;
        let ty = sparse_type(&self.name(), &inputs[0])?;
        if ty.dtype() != dtype || (self.0 == Verb::Over && !dtype.is_float()) {
            let rule = "the dtypes must be equal, and floats to divide";
            return Err(BuildError::inputs(self.name(), inputs, rule));
        }
        Ok(NodeSpec::one(SparseType::shared(ty.format(), dtype, shape)))
    }

    fn perform(&self, io: &mut Io<'_>) -> OpResult {
        fn quotients<T: Number + Div<Output = T>>(io: &mut Io<'_>) -> OpResult {
            by_slots(io, |x: T, y: T| x / y)
        }
        let dtype = io.inputs.get::<SparseMatrix>(0)?.dtype();
        match (self.0, dtype) {
            (Verb::Times, _) => each_number!(dtype, T => by_slots(io, T::times)),
            (Verb::Over, DType::F64) => quotients::<f64>(io),
            (Verb::Over, DType::F32) => quotients::<f32>(io),
            (Verb::Over, _) => Err(OpFailure::WrongValue(0).into()),
        }
    }

    fn l_op(&self, node: &NodeView<'_>, output_grads: &[Option<Variable>]) -> Result<Grads> {
        let Some(g) = &output_grads[0] else { return Ok(vec![Grad::Zero; 2]) };
        let (x, y, z) = (node.input(0), node.input(1), node.output(0));
        let scalar = y.ty().extents().is_empty();
        let y_bar = match (self.0, scalar) {
            (Verb::Times, true) => sum_of_products(x, g, None)?,
            (Verb::Times, false) => dense_from_sparse_regular(&products(x, g)?)?,
            (Verb::Over, true) => neg(&true_div(&sum_of_products(z, g, None)?, y)?)?,
            (Verb::Over, false) => neg(&dense_from_sparse_regular(&self.of(&products(z, g)?, y)?)?)?,
        };
        Ok(vec![self.of(g, y)?.into(), y_bar.into()])
    }

    fn r_op(&self, node: &NodeView<'_>, tangents: &[Option<Variable>]) -> Result<Tangents> {
        let (x, y, z) = (node.input(0), node.input(1), node.output(0));
        let left = tangents[0].as_ref().map(|t| self.of(t, y)).transpose()?;
        let right = tangents[1].as_ref().map(|t| match self.0 {
            Verb::Times => self.of(x, t),
            Verb::Over => mul_s_d(&self.of(&mul_s_d(z, t)?, y)?, -1.0),
        });
        Ok(vec![sum_of_terms([left, right.transpose()?])?.into()])
    }

    fn infer_shape(&self, _node: &NodeView<'_>, input_shapes: &[Shape]) -> Result<Vec<Shape>> {
        Ok(vec![input_shapes[0].clone()])
    }
}

/// Writes `of(x, y)` for each slot.
fn by_slots<T: Number>(io: &mut Io<'_>, of: impl Fn(T, T) -> T) -> OpResult {
    let (x, y) = (io.inputs.get::<SparseMatrix>(0)?, io.inputs.get::<Tensor>(1)?);
    let y = T::of(y).ok_or(OpFailure::WrongValue(1))?;
    if !y.shape().is_empty() {
        check_same_shape(&x.shape(), y.shape())?;
    }
    let values = x.slots::<T>()?;
    let out = io.outputs[0].buffer::<SparseMatrix>().reset::<T>(x.format(), x.shape(), x.pattern());
    match (y.strides(), y.storage()) {
        (&[rows, columns], y) => x.for_each_position(|slot, i, j| {
            out[slot] = of(values[slot], y[i * rows + j * columns]);
        }),
        (_, &[y, ..]) => out.iter_mut().zip(values).for_each(|(out, &x)| *out = of(x, y)),
        _ => return Err(OpFailure::WrongValue(1).into()),
    }
    Ok(())
}
