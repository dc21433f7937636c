//! Changing the dtype of a sparse matrix.

use std::borrow::Cow;
use std::sync::Arc;

use kronograph_graph::{
    BuildError, Entry, Grad, Grads, Io, NodeSpec, NodeView, Op, OpResult, Params, Prop, Props, Result, Sample, Shape,
    Tangents, Variable, apply,
};
use kronograph_ops::DType;
use kronograph_ops::params::{dtype_of, only};

use crate::matrix::{Format, SparseMatrix};
use crate::samples::{Build, any_matrix, in_dtype, op, wide};
use crate::ty::{SparseType, sparse_type};

/// A sparse matrix with another dtype.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SparseCast {
    /// The dtype of the result.
    pub to: DType,
}

/// `x` with its stored values converted to a dtype, slot by slot, explicit zeros included; `x` itself if it has that
/// dtype (PyTensor: `cast`). [`cast`](kronograph_ops::cast) of a sparse matrix is this.
///
/// Floats become integers by cutting off the fraction. The derivative is regular, and zero through integers.
///
/// # Errors
///
/// When `x` is no sparse matrix, or `to` is no number.
#[track_caller]
pub fn sparse_cast(x: &Variable, to: DType) -> Result<Variable> {
    match sparse_type("sparse_cast", x)?.dtype() == to {
        true => Ok(x.clone()),
        false => apply(SparseCast { to }, std::slice::from_ref(x)),
    }
}

/// The entry of this file.
pub(crate) fn entries() -> Vec<Entry> {
    let build: Build = |params, inputs| Ok(vec![sparse_cast(only(params, inputs)?, dtype(params, "dtype")?)?]);
    vec![op("sparse_cast", build, samples, |params| Ok(Arc::new(SparseCast { to: dtype(params, "to")? })))]
}

fn dtype(params: &Params<'_>, name: &'static str) -> Result<DType> {
    dtype_of(params, name)?.ok_or_else(|| params.wrong(name, "a dtype", &Prop::None))
}

fn samples(format: Format) -> Vec<Sample> {
    let narrow = any_matrix(format).into_iter().map(|sample| sample.with("dtype", "float32").single());
    let mut samples: Vec<Sample> = narrow.collect();
    let whole = Sample::new("to integers", [wide(format, 1)]).with("dtype", "int32").edge();
    let back = Sample::new("of integers", [in_dtype(wide(format, 1), DType::I32)]).with("dtype", "float64").edge();
    samples.extend([whole, back]);
    samples
}

impl Op for SparseCast {
    fn name(&self) -> Cow<'static, str> {
        "sparse_cast".into()
    }

    fn props(&self) -> Props {
        Props::default().with("to", self.to.to_string())
    }

    fn make_node(&self, inputs: &[Variable]) -> Result<NodeSpec> {
        let [x] = inputs else { return Err(BuildError::arity("sparse_cast", 1, inputs)) };
        let ty = sparse_type("sparse_cast", x)?;
        match SparseType::admits(self.to) {
            true => Ok(NodeSpec::one(SparseType::shared(ty.format(), self.to, ty.shape()))),
            false => Err(BuildError::inputs("sparse_cast", inputs, "no sparse matrix holds truth values")),
        }
    }

    fn perform(&self, io: &mut Io<'_>) -> OpResult {
        io.outputs[0].buffer::<SparseMatrix>().reset_cast(io.inputs.get::<SparseMatrix>(0)?, self.to);
        Ok(())
    }

    fn l_op(&self, node: &NodeView<'_>, output_grads: &[Option<Variable>]) -> Result<Grads> {
        let Some(g) = &output_grads[0] else { return Ok(vec![Grad::Zero]) };
        let from = sparse_type("sparse_cast", node.input(0))?.dtype();
        Ok(vec![match from.is_float() && self.to.is_float() {
            true => sparse_cast(g, from)?.into(),
            false => Grad::Zero,
        }])
    }

    fn r_op(&self, node: &NodeView<'_>, tangents: &[Option<Variable>]) -> Result<Tangents> {
        let from = sparse_type("sparse_cast", node.input(0))?.dtype();
        Ok(vec![match &tangents[0] {
            Some(tangent) if from.is_float() && self.to.is_float() => sparse_cast(tangent, self.to)?.into(),
            _ => Grad::Zero,
        }])
    }

    fn infer_shape(&self, _node: &NodeView<'_>, input_shapes: &[Shape]) -> Result<Vec<Shape>> {
        Ok(vec![input_shapes[0].clone()])
    }
}
