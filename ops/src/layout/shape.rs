//! Reading the shape of a variable as part of an expression.

use std::borrow::Cow;
use std::sync::Arc;

use kronograph_graph::{
    BuildError, Dim, DimView, Entry, Grad, Grads, Io, NodeSpec, NodeView, Op, OpFailure, OpResult, Params, Props,
    Result, Sample, Shape, Tangents, Variable, Why, apply, origin, shape_of,
};

use crate::dtype::DType;
use crate::elemwise::{add, cast, maximum, minimum, mul, true_div};
use crate::join::make_vector;
use crate::params::{axis_of, only};
use crate::samples::{dense, given};
use crate::tensor::{Tensor, TensorType, constant};

/// The length of an axis, as an i64 scalar.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ShapeI {
    /// The axis.
    pub axis: usize,
}

/// The length of an axis of any variable (tensor or sparse), as an i64 scalar: a constant where its type knows it.
///
/// # Errors
///
/// When there is no such axis.
#[track_caller]
pub fn shape_i(x: &Variable, axis: usize) -> Result<Variable> {
    match x.ty().extents().get(axis) {
        Some(Some(length)) => Ok(constant(*length as i64)),
        _ => apply(ShapeI { axis }, std::slice::from_ref(x)),
    }
}

/// The lengths of the axes of any variable, as an i64 vector: a constant where its type knows them all.
///
/// # Errors
///
/// None of its own.
#[track_caller]
pub fn shape(x: &Variable) -> Result<Variable> {
    let _scope = origin::here();
    let known: Option<Vec<i64>> = x.ty().extents().iter().map(|length| length.map(|length| length as i64)).collect();
    match known {
        Some(known) => Ok(constant(known)),
        None => make_vector(&(0..x.ty().extents().len()).map(|axis| shape_i(x, axis)).collect::<Result<Vec<_>>>()?),
    }
}

/// The number of elements of any variable, as an i64 scalar.
///
/// # Errors
///
/// None of its own.
#[track_caller]
pub fn size(x: &Variable) -> Result<Variable> {
    let _scope = origin::here();
    dim_variable(&size_of(&shape_of(x)))
}

/// The product of lengths.
pub(crate) fn size_of<'a>(dims: impl IntoIterator<Item = &'a Dim>) -> Dim {
    dims.into_iter().fold(Dim::from(1), |size, dim| size.times(dim))
}

/// A dimension as an i64 scalar variable.
///
/// # Errors
///
/// When the dimension is unknown.
#[track_caller]
pub fn dim_variable(dim: &Dim) -> Result<Variable> {
    let all = |dims: &[Dim], join: fn(&Variable, &Variable) -> Result<Variable>| {
        let mut variables = dims.iter().map(dim_variable);
        let first = variables.next().unwrap_or_else(|| Ok(constant(0i64)))?;
        variables.try_fold(first, |joined, next| join(&joined, &next?))
    };
    match dim.view() {
        DimView::Known(length) => Ok(constant(length as i64)),
        DimView::Unknown => Err(BuildError::parameter("shape", "a length is unknown, and cannot be inferred here")),
        DimView::Axis(variable, axis) => shape_i(variable, axis),
        DimView::Value(variable) => cast(variable, DType::I64),
        DimView::Sum(terms) => all(terms, |a, b| add(a, b)),
        DimView::Product(factors) => all(factors, |a, b| mul(a, b)),
        DimView::Quotient(a, b) => cast(&true_div(&dim_variable(a)?, &dim_variable(b)?)?, DType::I64),
        DimView::Min(a, b) => minimum(&dim_variable(a)?, &dim_variable(b)?),
        DimView::Max(a, b) => maximum(&dim_variable(a)?, &dim_variable(b)?),
    }
}

pub(super) fn entries() -> Vec<Entry> {
    let samples = || {
        vec![
            Sample::new("a matrix", [dense(&[2, 3], (-2.0, 2.0), 1)]),
            Sample::new("no elements", [dense(&[0, 3], (-2.0, 2.0), 1)]),
            Sample::new("integers", [given(vec![1i64, 2])]),
        ]
    };
    let along = move || samples().into_iter().map(|sample| sample.with("axis", 0i64)).collect();
    let length = |params: &Params<'_>, x: &[Variable]| {
        let x = only(params, x)?;
        // The op itself, where the type knows the length, too.
        let axis = axis_of("shape_i", x, params.int("axis")?)?;
        Ok(vec![apply(ShapeI { axis }, std::slice::from_ref(x))?])
    };
    let discrete = |entry: Entry| entry.without_derivative(Why::Discrete);
    vec![
        discrete(Entry::function("shape_i", "shape", length, along))
            .parsed_by(|params| Ok(Arc::new(ShapeI { axis: params.size("axis")? }))),
        discrete(Entry::function("shape", "shape", |params, x| Ok(vec![shape(only(params, x)?)?]), samples)),
        discrete(Entry::function("size", "shape", |params, x| Ok(vec![size(only(params, x)?)?]), samples)),
    ]
}

impl Op for ShapeI {
    fn name(&self) -> Cow<'static, str> {
        "shape_i".into()
    }

    fn props(&self) -> Props {
        Props::default().with("axis", self.axis)
    }

    fn make_node(&self, inputs: &[Variable]) -> Result<NodeSpec> {
        let [x] = inputs else { return Err(BuildError::arity("shape_i", 1, inputs)) };
        if self.axis >= x.ty().extents().len() {
            return Err(BuildError::inputs("shape_i", inputs, format!("there is no axis {}", self.axis)));
        }
        Ok(NodeSpec::one(TensorType::shared(DType::I64, &[])))
    }

    fn perform(&self, io: &mut Io<'_>) -> OpResult {
        let extents = io.inputs.value(0)?.extents();
        let length = *extents.get(self.axis).ok_or(OpFailure::WrongValue(0))?;
        io.outputs[0].buffer::<Tensor>().reset::<i64>(&[])[0] = length as i64;
        Ok(())
    }

    fn l_op(&self, _node: &NodeView<'_>, _output_grads: &[Option<Variable>]) -> Result<Grads> {
        Ok(vec![Grad::Disconnected])
    }

    fn r_op(&self, _node: &NodeView<'_>, _tangents: &[Option<Variable>]) -> Result<Tangents> {
        Ok(vec![Grad::Disconnected])
    }

    fn infer_shape(&self, _node: &NodeView<'_>, _input_shapes: &[Shape]) -> Result<Vec<Shape>> {
        Ok(vec![Shape::new()])
    }

    fn connection_pattern(&self, _output: usize, _input: usize) -> bool {
        false
    }
    fn reads_elements(&self, _input: usize) -> bool {
        false
    }
}
