//! The one op behind every row of the table.

use std::borrow::Cow;

use kronograph_graph::{
    BuildError, Grad, Grads, Io, NodeSpec, NodeView, Op, OpFailure, OpResult, Operand, Result, Shape, Tangents,
    Variable, apply, origin, overloaded, sum_of,
};

use super::cast;
use super::row::{DtypeRule, IntBinary, IntCompare, IntTernary, IntUnary, Kernel, Map1, Map2, Map3, Partial, Row};
use crate::broadcasting::{align, common_dims_of, common_shape, reduce_like, spread, spread_like};
use crate::dtype::DType;
use crate::kernels::runs::for_each_run;
use crate::tensor::{Element, Tensor, TensorType, literal_constant, tensor_type, weak_dtype};

/// The elementwise op of a row.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Elemwise(pub &'static Row);

/// Applies a row of one input.
#[track_caller]
pub(crate) fn elementwise1(row: &'static Row, x: &Variable) -> Result<Variable> {
    elementwise(row, [Operand::Variable(x)])
}

/// Applies a row of two inputs, of which one may be a literal.
#[track_caller]
pub(crate) fn elementwise2<'a>(
    row: &'static Row,
    a: impl Into<Operand<'a>>,
    b: impl Into<Operand<'a>>,
) -> Result<Variable> {
    elementwise(row, [a.into(), b.into()])
}

/// Applies a row; operands may be literals, which take the dtype of the tensors beside them.
#[track_caller]
pub(crate) fn elementwise<'a, const N: usize>(row: &'static Row, operands: [Operand<'a>; N]) -> Result<Variable> {
    let _scope = origin::here();
    if let Some(answer) = overloaded(&Elemwise(row), &operands) {
        return answer;
    }
    let mut beside: Option<DType> = None;
    for variable in operands.into_iter().filter_map(Operand::variable) {
        let dtype = tensor_type(row.name, variable)?.dtype();
        beside = Some(beside.map_or(dtype, |before| before.promote(dtype)));
    }
    let beside = beside.unwrap_or(DType::Bool);
    apply(Elemwise(row), &operands.map(|operand| literal_constant(operand, weak_dtype(operand, beside))))
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
        let dtype = io.inputs.get::<Tensor>(0)?.dtype();
        match &self.0.kernel {
            Kernel::Unary { f64, f32, int, bool, .. } => match dtype {
                DType::F64 => run1(io, *f64),
                DType::F32 => run1(io, *f32),
                DType::Bool => run1(io, bool.ok_or(OpFailure::WrongValue(0))?),
                _ => ints1(io, int.as_ref(), dtype),
            },
            Kernel::Binary { f64, f32, int, bool, .. } => match dtype {
                DType::F64 => run2(io, *f64),
                DType::F32 => run2(io, *f32),
                DType::Bool => run2(io, bool.ok_or(OpFailure::WrongValue(0))?),
                _ => ints2(io, int.as_ref(), dtype),
            },
            Kernel::Ternary { f64, f32, int, .. } => match dtype {
                DType::F64 => run3(io, *f64),
                DType::F32 => run3(io, *f32),
                _ => ints3(io, int.as_ref(), dtype),
            },
            Kernel::Test { f64, f32, .. } => match dtype {
                DType::F32 => run1(io, *f32),
                _ => run1(io, *f64),
            },
            Kernel::Compare { f64, f32, int, bool, .. } => match dtype {
                DType::F64 => run2(io, *f64),
                DType::F32 => run2(io, *f32),
                DType::Bool => run2(io, *bool),
                _ => compare_ints(io, int, dtype),
            },
            Kernel::Bits1 { bool, .. } if dtype == DType::Bool => run1(io, *bool),
            Kernel::Bits1 { int, .. } => ints1(io, Some(int), dtype),
            Kernel::Bits2 { bool, .. } if dtype == DType::Bool => run2(io, *bool),
            Kernel::Bits2 { int, .. } | Kernel::Shift { int } => ints2(io, Some(int), dtype),
        }
    }

    /// The Jacobian is diagonal: each cotangent is its partial derivative times g, summed over repeated axes.
    fn l_op(&self, node: &NodeView<'_>, output_grads: &[Option<Variable>]) -> Result<Grads> {
        let Some(g) = &output_grads[0] else { return Ok(vec![Grad::Zero; node.inputs().len()]) };
        let terms = node.inputs().iter().zip(self.partials(node)?).map(|(input, partial)| {
            if let Partial::Undefined(why) = partial {
                return Ok(Grad::Undefined { why });
            }
            let term = partial.times(g)?;
            term.map(|term| reduce_like(term, input)).transpose().map(Grad::from)
        });
        terms.collect()
    }

    /// The same diagonal, so the same products.
    fn r_op(&self, node: &NodeView<'_>, tangents: &[Option<Variable>]) -> Result<Tangents> {
        let partials = self.partials(node)?;
        for (tangent, partial) in tangents.iter().zip(&partials) {
            if let (Some(_), &Partial::Undefined(why)) = (tangent, partial) {
                return Ok(vec![Grad::Undefined { why }]);
            }
        }
        let moved = tangents.iter().zip(partials).map(|(tangent, partial)| match tangent {
            Some(tangent) => partial.times(tangent),
            None => Ok(None),
        });
        let terms = moved.collect::<Result<Vec<_>>>()?;
        let moved = sum_of(&terms)?.map(|sum| spread_like(sum, node.output(0))).transpose()?;
        Ok(vec![moved.into()])
    }

    fn infer_shape(&self, node: &NodeView<'_>, input_shapes: &[Shape]) -> Result<Vec<Shape>> {
        Ok(vec![common_dims_of(node.inputs(), input_shapes)])
    }
}

fn ints1(io: &mut Io<'_>, int: Option<&IntUnary>, dtype: DType) -> OpResult {
    match (dtype, int) {
        (DType::U8, Some(int)) => run1(io, int.u8),
        (DType::I8, Some(int)) => run1(io, int.i8),
        (DType::I32, Some(int)) => run1(io, int.i32),
        (DType::I64, Some(int)) => run1(io, int.i64),
        _ => Err(OpFailure::WrongValue(0).into()),
    }
}

fn ints2(io: &mut Io<'_>, int: Option<&IntBinary>, dtype: DType) -> OpResult {
    match (dtype, int) {
        (DType::U8, Some(int)) => run2(io, int.u8),
        (DType::I8, Some(int)) => run2(io, int.i8),
        (DType::I32, Some(int)) => run2(io, int.i32),
        (DType::I64, Some(int)) => run2(io, int.i64),
        _ => Err(OpFailure::WrongValue(0).into()),
    }
}

fn ints3(io: &mut Io<'_>, int: Option<&IntTernary>, dtype: DType) -> OpResult {
    match (dtype, int) {
        (DType::U8, Some(int)) => run3(io, int.u8),
        (DType::I8, Some(int)) => run3(io, int.i8),
        (DType::I32, Some(int)) => run3(io, int.i32),
        (DType::I64, Some(int)) => run3(io, int.i64),
        _ => Err(OpFailure::WrongValue(0).into()),
    }
}

fn compare_ints(io: &mut Io<'_>, int: &IntCompare, dtype: DType) -> OpResult {
    match dtype {
        DType::U8 => run2(io, int.u8),
        DType::I8 => run2(io, int.i8),
        DType::I32 => run2(io, int.i32),
        _ => run2(io, int.i64),
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

fn run3<T: Element>(io: &mut Io<'_>, kernel: Map3<T>) -> OpResult {
    let shape = common_shape(&io.inputs)?;
    let (a, b, c) = (io.inputs.get::<Tensor>(0)?, io.inputs.get::<Tensor>(1)?, io.inputs.get::<Tensor>(2)?);
    let strides = [&*spread(a, &shape), &*spread(b, &shape), &*spread(c, &shape)];
    let a = T::of(a).ok_or(OpFailure::WrongValue(0))?.storage();
    let b = T::of(b).ok_or(OpFailure::WrongValue(1))?.storage();
    let c = T::of(c).ok_or(OpFailure::WrongValue(2))?.storage();
    let out = io.outputs[0].buffer::<Tensor>().reset::<T>(&shape);
    let mut at = 0;
    for_each_run(&shape, strides, |from, steps, length| {
        kernel([&a[from[0]..], &b[from[1]..], &c[from[2]..]], steps, &mut out[at..at + length]);
        at += length;
    });
    Ok(())
}
