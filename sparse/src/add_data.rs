//! Sums on the stored values of a sparse matrix: of two matrices of one pattern, and of a vector along each row.

use std::borrow::Cow;
use std::sync::Arc;

use kronograph_graph::{
    BuildError, Entry, Grad, Grads, Io, NodeSpec, NodeView, Op, OpFailure, OpResult, OpState, Result, Sample, Shape,
    Tangents, Variable, apply, origin,
};
use kronograph_ops::TensorType;
use kronograph_ops::params::exactly;

use crate::add::sum_of_terms;
use crate::cast::sparse_cast;
use crate::kept::{Kept, same_pattern};
use crate::like::sp_ones_like;
use crate::matrix::{Format, SparseMatrix};
use crate::number::{Number, each_number};
use crate::project::project_sparse;
use crate::samples::{Build, dense_input, function, in_dtype, merged, no_rows, nothing, op, other, wide};
use crate::scale::col_scale;
use crate::ty::{SparseType, check_same_shape, same_shape, sparse_type};

/// `X + Y` of matrices that store the same positions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AddSSData;

/// `X + Y` of sparse matrices of one format that store the same positions, on the pattern of X (PyTensor:
/// `add_s_s_data`, which does not look). Zeros stay stored. The dtype is the one that both convert to.
///
/// Derivatives: of G, what each stores (structured).
///
/// # Errors
///
/// When an operand is no sparse matrix, or formats or shapes differ; at run time, when one stores a position that the
/// other does not.
#[track_caller]
pub fn add_s_s_data(x: &Variable, y: &Variable) -> Result<Variable> {
    let _scope = origin::here();
    let (a, b) = (sparse_type("add_s_s_data", x)?, sparse_type("add_s_s_data", y)?);
    let dtype = a.dtype().promote(b.dtype());
    apply(AddSSData, &[sparse_cast(x, dtype)?, sparse_cast(y, dtype)?])
}

/// `X[i, j] + y[j]` where X stores an entry, explicit zeros included (PyTensor: `structured_add_s_v`). What is not
/// stored stays zero. The dtype is the one that both convert to.
///
/// Derivatives, both structured: of G, what X stores; `ȳ[j]` is the sum of that over column j.
///
/// # Errors
///
/// When `x` is no sparse matrix or `y` no dense vector with a number for each column.
#[track_caller]
pub fn structured_add_s_v(x: &Variable, y: &Variable) -> Result<Variable> {
    let _scope = origin::here();
    let columns = sparse_type("structured_add_s_v", x)?.shape()[1];
    let fits = |ty: &&TensorType| match ty.lengths() {
        &[length] => columns.is_none() || length.is_none() || columns == length,
        _ => false,
    };
    match y.type_as::<TensorType>().filter(fits) {
        Some(_) => add_s_s_data(x, &col_scale(&sp_ones_like(x)?, y)?),
        None => {
            let rule = "the second must be a dense vector with a number for each column";
            Err(BuildError::inputs("structured_add_s_v", &[x.clone(), y.clone()], rule))
        }
    }
}

/// The entries of this file.
pub(crate) fn entries() -> Vec<Entry> {
    let data: Build = |params, inputs| {
        let [x, y] = exactly(params, inputs)?;
        Ok(vec![add_s_s_data(x, y)?])
    };
    let vector: Build = |params, inputs| {
        let [x, y] = exactly(params, inputs)?;
        Ok(vec![structured_add_s_v(x, y)?])
    };
    vec![
        op("add_s_s_data", data, samples, |_| Ok(Arc::new(AddSSData))),
        function("structured_add_s_v", vector, vector_samples),
    ]
}

fn samples(format: Format) -> Vec<Sample> {
    let f32 = |seed| in_dtype(wide(format, seed), kronograph_ops::DType::F32);
    vec![
        Sample::new("wide ones", [wide(format, 1), wide(format, 2)]),
        Sample::new("sorted ones", [other(format, 1), other(format, 2)]),
        Sample::new("nothing stored", [nothing(format), nothing(format)]),
        Sample::new("no rows", [no_rows(format), no_rows(format)]),
        Sample::new("positions stored twice", [merged(format, 1), merged(format, 2)]),
        Sample::new("f32 with f64", [f32(1), wide(format, 2)]).single(),
    ]
}

fn vector_samples(format: Format) -> Vec<Sample> {
    let y = || dense_input(&[4], 2);
    let f32 = in_dtype(wide(format, 1), kronograph_ops::DType::F32);
    vec![
        Sample::new("a wide one", [wide(format, 1), y()]),
        Sample::new("nothing stored", [nothing(format), y()]),
        Sample::new("no rows", [no_rows(format), y()]),
        Sample::new("f32 with f64", [f32, y()]).single(),
    ]
}

impl Op for AddSSData {
    fn name(&self) -> Cow<'static, str> {
        "add_s_s_data".into()
    }

    fn make_node(&self, inputs: &[Variable]) -> Result<NodeSpec> {
        let [x, y] = inputs else { return Err(BuildError::arity("add_s_s_data", 2, inputs)) };
        let (a, b) = (sparse_type("add_s_s_data", x)?, sparse_type("add_s_s_data", y)?);
        if (a.format(), a.dtype()) != (b.format(), b.dtype()) {
            let rule = "formats and dtypes must be equal; `add_s_s` adds matrices of any patterns and formats";
            return Err(BuildError::inputs("add_s_s_data", inputs, rule));
        }
        let shape = same_shape("add_s_s_data", inputs, a.shape(), b.shape())?;
        Ok(NodeSpec::one(SparseType::shared(a.format(), a.dtype(), shape)))
    }

    fn perform(&self, io: &mut Io<'_>) -> OpResult {
        let (state, inputs, outputs) = io.with_state::<Kept<Vec<u32>>>()?;
        let (x, y) = (inputs.get::<SparseMatrix>(0)?, inputs.get::<SparseMatrix>(1)?);
        check_same_shape(&x.shape(), &y.shape())?;
        let in_order = same_pattern(x.pattern(), y.pattern());
        let slots = match in_order {
            true => &[],
            false => &state.of_patterns(&[x.pattern(), y.pattern()], || places(x, y))?[..],
        };
        each_number!(x.dtype(), T => {
            let (a, b) = (x.slots::<T>()?, y.slots::<T>()?);
            let out = outputs[0].buffer::<SparseMatrix>().reset::<T>(x.format(), x.shape(), x.pattern());
            for (slot, (out, a)) in out.iter_mut().zip(a).enumerate() {
                *out = a.plus(b[if in_order { slot } else { slots[slot] as usize }]);
            }
        });
        Ok(())
    }

    fn l_op(&self, node: &NodeView<'_>, output_grads: &[Option<Variable>]) -> Result<Grads> {
        let Some(g) = &output_grads[0] else { return Ok(vec![Grad::Zero; 2]) };
        Ok(vec![project_sparse(node.input(0), g)?.into(), project_sparse(node.input(1), g)?.into()])
    }

    fn r_op(&self, node: &NodeView<'_>, tangents: &[Option<Variable>]) -> Result<Tangents> {
        let on = |k: usize| tangents[k].as_ref().map(|t| project_sparse(node.input(k), t)).transpose();
        Ok(vec![sum_of_terms([on(0)?, on(1)?])?.into()])
    }

    fn infer_shape(&self, _node: &NodeView<'_>, input_shapes: &[Shape]) -> Result<Vec<Shape>> {
        Ok(vec![input_shapes[0].clone()])
    }

    fn state(&self) -> Option<Box<dyn OpState>> {
        Some(Box::<Kept<Vec<u32>>>::default())
    }
}

/// Where the slots of `x` are in `y`, which stores the same positions in another order.
fn places(x: &SparseMatrix, y: &SparseMatrix) -> Result<Vec<u32>, OpFailure> {
    let slots = x.pattern().slots_in(y.pattern());
    if x.nnz() != y.nnz() || slots.contains(&u32::MAX) {
        let rule = "the matrices do not store the same positions; `add_s_s` adds matrices of any patterns";
        return Err(OpFailure::Shapes(rule.to_owned()));
    }
    Ok(slots)
}
