//! The one op behind every row of the table.

use std::borrow::Cow;

use kronograph_graph::{
    BuildError, Grad, Grads, Io, NodeSpec, NodeView, Op, OpFailure, OpResult, Operand, Result, Shape, Tangents,
    Variable, apply, origin, sum_of,
};

use super::row::{DtypeRule, Kernel, Map1, Map2, Partial, Row};
use super::{align, cast, common_dims, common_shape, reduce_like, spread, spread_like};
use crate::dtype::DType;
use crate::kernels::runs::for_each_run;
use crate::tensor::{Element, Tensor, TensorType, literal_constant, tensor_type, weak_dtype};

/// The elementwise op of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Elemwise(pub &'static Row);

/// Applies a row of one input.
#[track_caller]
pub(crate) fn elementwise1(row: &'static Row, x: &Variable) -> Result<Variable> {
    apply(Elemwise(row), std::slice::from_ref(x))
}

/// Applies a row of two inputs, of which one may be a literal.
#[track_caller]
pub(crate) fn elementwise2<'a>(
    row: &'static Row,
    a: impl Into<Operand<'a>>,
    b: impl Into<Operand<'a>>,
) -> Result<Variable> {
    let _scope = origin::here();
    let (a, b) = (a.into(), b.into());
    let dtype = |operand: Operand<'_>| match operand.variable() {
        Some(variable) => tensor_type(row.name, variable).map(|ty| Some(ty.dtype())),
        None => Ok(None),
    };
    let beside = match (dtype(a)?, dtype(b)?) {
        (Some(dtype), _) | (None, Some(dtype)) => dtype,
        (None, None) => DType::Bool,
    };
    let lower = |operand: Operand<'_>| literal_constant(operand, weak_dtype(operand, beside));
    apply(Elemwise(row), &[lower(a), lower(b)])
}

impl Elemwise {
    fn partials(&self, node: &NodeView<'_>) -> Result<Vec<Partial>> {
        (self.0.partials)(node.inputs(), node.output(0))
    }
}

impl Op for Elemwise {
    fn name(&self) -> Cow<'static, str> {
        self.0.name.into()
    }

    fn make_node(&self, inputs: &[Variable]) -> Result<NodeSpec> {
        let row = self.0;
        if inputs.len() != row.arity() {
            return Err(BuildError::arity(row.name, row.arity(), inputs));
        }
        let aligned = align(row.name, inputs)?;
        let mut promoted = DType::Bool;
        for (position, input) in aligned.inputs.iter().enumerate() {
            let dtype = tensor_type(row.name, input)?.dtype();
            promoted = if position == 0 { dtype } else { promoted.promote(dtype) };
        }
        let Some(working) = row.working_dtype(promoted) else {
            return Err(BuildError::inputs(row.name, inputs, format!("it has no meaning for {promoted}")));
        };
        let result = if row.result == DtypeRule::Truth { DType::Bool } else { working };
        let inputs = aligned.inputs.iter().map(|input| cast(input, working)).collect::<Result<Vec<_>>>()?;
        Ok(NodeSpec::one(TensorType::shared(result, &aligned.lengths)).with_inputs(inputs))
    }

    fn perform(&self, io: &mut Io<'_>) -> OpResult {
        self.0.refuse.map_or(Ok(()), |refuse| refuse(&io.inputs))?;
        match &self.0.kernel {
            Kernel::Unary { f64, f32, int, .. } => match (io.inputs.get::<Tensor>(0)?.dtype(), int) {
                (DType::F64, _) => run1(io, *f64),
                (DType::F32, _) => run1(io, *f32),
                (DType::U8, Some(int)) => run1(io, int.u8),
                (DType::I8, Some(int)) => run1(io, int.i8),
                (DType::I32, Some(int)) => run1(io, int.i32),
                (DType::I64, Some(int)) => run1(io, int.i64),
                _ => Err(OpFailure::WrongValue(0).into()),
            },
            Kernel::Binary { f64, f32, int, bool, .. } => match (io.inputs.get::<Tensor>(0)?.dtype(), int, bool) {
                (DType::F64, ..) => run2(io, *f64),
                (DType::F32, ..) => run2(io, *f32),
                (DType::U8, Some(int), _) => run2(io, int.u8),
                (DType::I8, Some(int), _) => run2(io, int.i8),
                (DType::I32, Some(int), _) => run2(io, int.i32),
                (DType::I64, Some(int), _) => run2(io, int.i64),
                (DType::Bool, _, Some(bool)) => run2(io, *bool),
                _ => Err(OpFailure::WrongValue(0).into()),
            },
            Kernel::Compare { f64, f32, int, bool, .. } => match io.inputs.get::<Tensor>(0)?.dtype() {
                DType::F64 => run2(io, *f64),
                DType::F32 => run2(io, *f32),
                DType::U8 => run2(io, int.u8),
                DType::I8 => run2(io, int.i8),
                DType::I32 => run2(io, int.i32),
                DType::I64 => run2(io, int.i64),
                DType::Bool => run2(io, *bool),
            },
        }
    }

    /// The Jacobian is diagonal: each cotangent is its partial derivative times g, summed over repeated axes.
    fn l_op(&self, node: &NodeView<'_>, output_grads: &[Option<Variable>]) -> Result<Grads> {
        let Some(g) = &output_grads[0] else { return Ok(vec![Grad::Zero; node.inputs().len()]) };
        let terms = node.inputs().iter().zip(self.partials(node)?).map(|(input, partial)| {
            let term = partial.times(g)?;
            term.map(|term| reduce_like(term, input)).transpose().map(Grad::from)
        });
        terms.collect()
    }

    /// The same diagonal, so the same products.
    fn r_op(&self, node: &NodeView<'_>, tangents: &[Option<Variable>]) -> Result<Tangents> {
        let moved = tangents.iter().zip(self.partials(node)?).map(|(tangent, partial)| match tangent {
            Some(tangent) => partial.times(tangent),
            None => Ok(None),
        });
        let terms = moved.collect::<Result<Vec<_>>>()?;
        let moved = sum_of(&terms)?.map(|sum| spread_like(sum, node.output(0))).transpose()?;
        Ok(vec![moved.into()])
    }

    fn infer_shape(&self, node: &NodeView<'_>, input_shapes: &[Shape]) -> Result<Vec<Shape>> {
        Ok(vec![common_dims(node.inputs(), input_shapes)])
    }
}

fn run1<T: Element, O: Element>(io: &mut Io<'_>, kernel: Map1<T, O>) -> OpResult {
    let x = io.inputs.get::<Tensor>(0)?;
    let array = T::of(x).ok_or(OpFailure::WrongValue(0))?;
    let out = io.outputs[0].buffer::<Tensor>().reset::<O>(x.shape());
    let storage = array.storage();
    let mut at = 0;
    for_each_run(x.shape(), [array.strides()], |[offset], [step], length| {
        kernel(&storage[offset..], step, &mut out[at..at + length]);
        at += length;
    });
    Ok(())
}

fn run2<T: Element, O: Element>(io: &mut Io<'_>, kernel: Map2<T, O>) -> OpResult {
    let shape = common_shape(&io.inputs)?;
    let (a, b) = (io.inputs.get::<Tensor>(0)?, io.inputs.get::<Tensor>(1)?);
    let (steps_a, steps_b) = (spread(a, &shape), spread(b, &shape));
    let a = T::of(a).ok_or(OpFailure::WrongValue(0))?.storage();
    let b = T::of(b).ok_or(OpFailure::WrongValue(1))?.storage();
    let out = io.outputs[0].buffer::<Tensor>().reset::<O>(&shape);
    let mut at = 0;
    for_each_run(&shape, [&steps_a, &steps_b], |[from_a, from_b], [step_a, step_b], length| {
        kernel(&a[from_a..], step_a, &b[from_b..], step_b, &mut out[at..at + length]);
        at += length;
    });
    Ok(())
}
