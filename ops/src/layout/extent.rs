//! Dimensions as parts of a graph: reading an axis length, and giving lengths to an op.
//!
//! Known lengths are parameters of an op; symbolic ones become scalar i64 inputs, so that rewriting sees them.

use std::borrow::Cow;

use kronograph_graph::{
    BuildError, Dim, DimView, Grad, Grads, Io, NodeSpec, NodeView, Op, OpFailure, OpResult, Prop, Props, Result, Shape,
    Tangents, Variable, apply,
};
use smallvec::SmallVec;

use crate::dtype::DType;
use crate::elemwise::{add, cast, maximum, minimum, mul, true_div};
use crate::tensor::{Extents, Tensor, TensorType, constant};

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

/// One length of a shape that is given to an op.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum ExtentSpec {
    /// A number.
    Known(usize),
    /// The value of the next scalar input.
    Input,
    /// What the other lengths leave.
    Infer,
}

/// A shape split into what is known when the op is made and what its inputs say.
pub(crate) struct Lowered {
    pub(crate) spec: SmallVec<[ExtentSpec; 4]>,
    pub(crate) inputs: Vec<Variable>,
}

/// Splits a shape; unknown dimensions are to be inferred.
pub(crate) fn lower(dims: &[Dim]) -> Result<Lowered> {
    let mut lowered = Lowered { spec: SmallVec::new(), inputs: Vec::new() };
    for dim in dims {
        lowered.spec.push(match (dim.known(), dim.view()) {
            (Some(length), _) => ExtentSpec::Known(length),
            (None, DimView::Unknown) => ExtentSpec::Infer,
            (None, _) => {
                lowered.inputs.push(dim_variable(dim)?);
                ExtentSpec::Input
            }
        });
    }
    Ok(lowered)
}

impl ExtentSpec {
    /// The static length that it promises.
    pub(crate) fn known(self) -> Option<usize> {
        match self {
            ExtentSpec::Known(length) => Some(length),
            ExtentSpec::Input | ExtentSpec::Infer => None,
        }
    }

    /// The dimensions that a list of them stands for; `inputs` are the node's scalar inputs.
    pub(crate) fn dims(spec: &[ExtentSpec], inputs: &[Variable]) -> Shape {
        let mut scalars = inputs.iter();
        let dim = |spec: &ExtentSpec| match spec {
            ExtentSpec::Known(length) => Dim::from(*length),
            ExtentSpec::Input => scalars.next().map_or(Dim::UNKNOWN, Dim::value_of),
            ExtentSpec::Infer => Dim::UNKNOWN,
        };
        spec.iter().map(dim).collect()
    }

    /// How a list of them is printed: -1 for inferred, -2 for a length that is an input.
    pub(crate) fn prop(spec: &[ExtentSpec]) -> Prop {
        let number = |spec: &ExtentSpec| match spec {
            ExtentSpec::Known(length) => *length as i64,
            ExtentSpec::Infer => -1,
            ExtentSpec::Input => -2,
        };
        Prop::Ints(spec.iter().map(number).collect())
    }
}

/// The lengths at run time, with an inferred one as `None`; scalar inputs are read from position `from` on.
pub(crate) fn lengths_at_run_time(
    spec: &[ExtentSpec],
    io: &Io<'_>,
    from: usize,
) -> Result<SmallVec<[Option<usize>; 4]>, OpFailure> {
    let mut position = from;
    let mut lengths = SmallVec::new();
    for spec in spec {
        lengths.push(match spec {
            ExtentSpec::Known(length) => Some(*length),
            ExtentSpec::Infer => None,
            ExtentSpec::Input => {
                let value = io.inputs.value(position)?.as_index().ok_or(OpFailure::WrongValue(position))?;
                position += 1;
                let length = usize::try_from(value);
                Some(length.map_err(|_| OpFailure::Shapes(format!("a length of {value} was asked for")))?)
            }
        });
    }
    Ok(lengths)
}

/// Checks that scalar inputs are integers.
pub(crate) fn check_scalars(op: &'static str, inputs: &[Variable], from: usize) -> Result<()> {
    for input in &inputs[from..] {
        let ty = crate::tensor::tensor_type(op, input)?;
        if ty.rank() != 0 || ty.dtype() == DType::Bool || ty.dtype().is_float() {
            return Err(BuildError::inputs(op, std::slice::from_ref(input), "a length is an integer scalar"));
        }
    }
    Ok(())
}

/// An inline copy of lengths that are all known.
pub(crate) fn all_known(lengths: &[Option<usize>]) -> Option<Extents> {
    lengths.iter().copied().collect()
}
