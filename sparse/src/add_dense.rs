//! The sum of a sparse and a dense matrix.

use std::borrow::Cow;
use std::sync::Arc;

use kronograph_graph::{
    BuildError, Entry, Grad, Grads, Io, NodeSpec, NodeView, Op, OpFailure, OpResult, Result, Sample, Shape, Tangents,
    Variable, apply, origin, sum_of,
};
use kronograph_ops::params::exactly;
use kronograph_ops::{DType, Element, Tensor, TensorType, cast};

use crate::cast::sparse_cast;
use crate::dense::{dense_from_sparse, sample_dense};
use crate::matrix::{Format, SparseMatrix};
use crate::number::{Number, each_number};
use crate::project::project_sparse;
use crate::samples::{Build, dense_input, in_dtype, in_integers, merged, no_rows, nothing, op, wide};
use crate::ty::{check_same_shape, same_shape, sparse_type};

/// `X + y`. Inputs: the sparse matrix, the dense one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AddSD;

/// `X + y` of a sparse and a dense matrix of one shape, dense, in the dtype that both convert to (PyTensor: `add_s_d`,
/// whose documentation calls the result sparse).
///
/// Derivatives: of G, what X stores (structured); G to y.
///
/// # Errors
///
/// When `x` is no sparse matrix, `y` no dense one, or the shapes differ: nothing broadcasts.
#[track_caller]
pub fn add_s_d(x: &Variable, y: &Variable) -> Result<Variable> {
    let _scope = origin::here();
    let dtype = sparse_type("add_s_d", x)?.dtype().promote(checked(&[x.clone(), y.clone()])?.1);
    apply(AddSD, &[sparse_cast(x, dtype)?, cast(y, dtype)?])
}

/// The entry of this file.
pub(crate) fn entries() -> Vec<Entry> {
    let build: Build = |params, inputs| {
        let [x, y] = exactly(params, inputs)?;
        Ok(vec![add_s_d(x, y)?])
    };
    vec![op("add_s_d", build, samples, |_| Ok(Arc::new(AddSD)))]
}

fn samples(format: Format) -> Vec<Sample> {
    let y = || dense_input(&[3, 4], 2);
    vec![
        Sample::new("a wide one", [wide(format, 1), y()]),
        Sample::new("nothing stored", [nothing(format), y()]),
        Sample::new("no rows", [no_rows(format), dense_input(&[0, 4], 2)]),
        Sample::new("positions stored twice", [merged(format, 1), y()]),
        Sample::new("f32 with f64", [in_dtype(wide(format, 1), DType::F32), y()]).single(),
        Sample::new("integers with f64", [in_integers(wide(format, 1)), y()]).edge(),
    ]
}

/// The shape that both have, and the dtype of the dense one.
#[track_caller]
fn checked(inputs: &[Variable]) -> Result<([Option<usize>; 2], DType)> {
    let [x, y] = inputs else { return Err(BuildError::arity("add_s_d", 2, inputs)) };
    let ty = sparse_type("add_s_d", x)?;
    match y.type_as::<TensorType>().map(|dense| (dense.lengths(), dense.dtype())) {
        Some((&[rows, columns], dtype)) => Ok((same_shape("add_s_d", inputs, ty.shape(), [rows, columns])?, dtype)),
        _ => Err(BuildError::inputs("add_s_d", inputs, "the second must be a dense matrix")),
    }
}

impl Op for AddSD {
    fn name(&self) -> Cow<'static, str> {
        "add_s_d".into()
    }

    fn make_node(&self, inputs: &[Variable]) -> Result<NodeSpec> {
        let (shape, dtype) = checked(inputs)?;
        match sparse_type("add_s_d", &inputs[0])?.dtype() == dtype {
            true => Ok(NodeSpec::one(TensorType::shared(dtype, &shape))),
            false => Err(BuildError::inputs("add_s_d", inputs, "the dtypes must be equal")),
        }
    }

    fn perform(&self, io: &mut Io<'_>) -> OpResult {
        let (x, y) = (io.inputs.get::<SparseMatrix>(0)?, io.inputs.get::<Tensor>(1)?);
        check_same_shape(&x.shape(), y.shape())?;
        let [_, columns] = x.shape();
        each_number!(x.dtype(), T => {
            let (values, y) = (x.slots::<T>()?, T::of(y).ok_or(OpFailure::WrongValue(1))?);
            let out = io.outputs[0].buffer::<Tensor>().reset::<T>(y.shape());
            match y.as_slice() {
                Some(run) => out.copy_from_slice(run),
                None => out.iter_mut().zip(y.view()).for_each(|(out, &y)| *out = y),
            }
            x.for_each_position(|slot, i, j| {
                let at = &mut out[i * columns + j];
                *at = at.plus(values[slot]);
            });
        });
        Ok(())
    }

    fn l_op(&self, node: &NodeView<'_>, output_grads: &[Option<Variable>]) -> Result<Grads> {
        let Some(g) = &output_grads[0] else { return Ok(vec![Grad::Zero; 2]) };
        Ok(vec![sample_dense(node.input(0), g)?.into(), g.clone().into()])
    }

    /// `Ẋ + ẏ`, the tangent of X restricted to its pattern.
    fn r_op(&self, node: &NodeView<'_>, tangents: &[Option<Variable>]) -> Result<Tangents> {
        let sparse = tangents[0].as_ref().map(|t| project_sparse(node.input(0), t)).transpose()?;
        Ok(vec![match (sparse, &tangents[1]) {
            (Some(sparse), Some(dense)) => add_s_d(&sparse, dense)?.into(),
            (Some(sparse), None) => dense_from_sparse(&sparse)?.into(),
            (None, dense) => sum_of(std::slice::from_ref(dense))?.into(),
        }])
    }

    fn infer_shape(&self, _node: &NodeView<'_>, input_shapes: &[Shape]) -> Result<Vec<Shape>> {
        Ok(vec![input_shapes[0].clone()])
    }
}
