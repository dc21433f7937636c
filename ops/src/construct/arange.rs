//! Evenly spaced numbers from a start up to a stop.

use std::borrow::Cow;
use std::sync::Arc;

use kronograph_graph::{
    BuildError, Dim, Entry, Grad, Grads, Io, NodeSpec, NodeView, Op, OpFailure, OpRef, OpResult, Operand, Params,
    Props, Result, Sample, Shape, Tangents, Value, Variable, apply, origin, shape_of, sum_of,
};

use crate::dtype::DType;
use crate::elemwise::{cast, mul};
use crate::layout::{broadcast_to, dim_variable};
use crate::params::dtype_of;
use crate::reduce::sum;
use crate::samples::given;
use crate::tensor::{Tensor, TensorType, check_size, literal_constant, tensor_type};

/// `start + i step` for as long as that is before `stop`. Inputs: start, stop, step, scalars of one dtype.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Arange {
    dtype: DType,
}

/// The numbers `start + i step` before `stop` (NumPy: `arange`), in i64 if all three are integers, else in floats.
///
/// There are `⌈(stop - start) / step⌉` of them, none if that is negative. Floats have derivatives in start and step; in
/// stop, and of integers, they are zero.
///
/// ```
/// use kronograph_ops::arange;
/// assert_eq!(arange(1, 10, 3)?.ty().to_string(), "i64 (3,)");
/// # Ok::<(), kronograph_graph::BuildError>(())
/// ```
///
/// # Errors
///
/// When one is no scalar number; when the step is zero: now, or at run time.
#[track_caller]
pub fn arange<'a>(
    start: impl Into<Operand<'a>>,
    stop: impl Into<Operand<'a>>,
    step: impl Into<Operand<'a>>,
) -> Result<Variable> {
    let _scope = origin::here();
    let operands = [start.into(), stop.into(), step.into()];
    let mut dtype = DType::I64;
    for operand in operands {
        dtype = dtype.promote(match operand {
            Operand::Variable(variable) => tensor_type("arange", variable)?.dtype(),
            Operand::Bool(_) | Operand::Int(_) => DType::Bool,
            Operand::Float(_) => DType::F64,
        });
    }
    apply(Arange { dtype }, &operands.map(|operand| literal_constant(operand, dtype)))
}

/// 0, 1, 2, .. as many as a dimension says, in a float dtype.
pub(super) fn positions(count: &Dim, dtype: DType) -> Result<Variable> {
    cast(&arange(0, &dim_variable(count)?, 1)?, dtype)
}

/// The number of elements.
trait Steps: Copy {
    fn count(start: Self, stop: Self, step: Self) -> Result<usize, OpFailure>;
}

const NO_STEP: OpFailure = OpFailure::Domain("the step is zero, or a number is not finite");

impl Steps for i64 {
    fn count(start: i64, stop: i64, step: i64) -> Result<usize, OpFailure> {
        if step == 0 {
            return Err(NO_STEP);
        }
        let (span, step) = (i128::from(stop) - i128::from(start), i128::from(step));
        let count = if span.signum() == step.signum() { (span + step - step.signum()) / step } else { 0 };
        usize::try_from(count).map_err(|_| OpFailure::Shapes(format!("a range of {count} numbers is too long")))
    }
}

impl Steps for f64 {
    fn count(start: f64, stop: f64, step: f64) -> Result<usize, OpFailure> {
        let count = ((stop - start) / step).ceil();
        match count {
            count if step == 0.0 || !count.is_finite() || !start.is_finite() => Err(NO_STEP),
            // The conversion saturates; so long a range has no room.
            count => Ok(count.max(0.0) as usize),
        }
    }
}

impl Arange {
    /// How many numbers there are, where all three are constants.
    fn known_count(self, inputs: &[Variable]) -> Option<Result<usize, OpFailure>> {
        let constant = |input: &Variable| input.constant().cloned();
        let values = [constant(&inputs[0])?, constant(&inputs[1])?, constant(&inputs[2])?];
        if self.dtype.is_float() {
            let number = |value: &Arc<dyn Value>| value.to_floats()?.first().copied();
            return Some(f64::count(number(&values[0])?, number(&values[1])?, number(&values[2])?));
        }
        let number = |value: &Arc<dyn Value>| value.as_index();
        Some(i64::count(number(&values[0])?, number(&values[1])?, number(&values[2])?))
    }
}

impl Op for Arange {
    fn name(&self) -> Cow<'static, str> {
        "arange".into()
    }

    fn props(&self) -> Props {
        Props::default().with("dtype", self.dtype.to_string())
    }

    fn make_node(&self, inputs: &[Variable]) -> Result<NodeSpec> {
        let [_, _, step] = inputs else { return Err(BuildError::arity("arange", 3, inputs)) };
        if !matches!(self.dtype, DType::I64 | DType::F32 | DType::F64) {
            return Err(BuildError::parameter("arange", format!("it has no meaning for {}", self.dtype)));
        }
        for input in inputs {
            let ty = tensor_type("arange", input)?;
            if ty.rank() != 0 || !ty.dtype().fits_in(self.dtype) {
                let rule = format!("start, stop and step are scalars that fit in {}", self.dtype);
                return Err(BuildError::inputs("arange", std::slice::from_ref(input), rule));
            }
        }
        let inputs = inputs.iter().map(|input| cast(input, self.dtype)).collect::<Result<Vec<_>>>()?;
        let count = self.known_count(&inputs).transpose();
        let count =
            count.map_err(|error| BuildError::inputs("arange", std::slice::from_ref(step), error.to_string()))?;
        Ok(NodeSpec::one(TensorType::shared(self.dtype, &[count])).with_inputs(inputs))
    }

    fn perform(&self, io: &mut Io<'_>) -> OpResult {
        let number = |input: usize| io.inputs.get::<Tensor>(input);
        let (start, stop, step) = (number(0)?, number(1)?, number(2)?);
        let out = io.outputs[0].buffer::<Tensor>();
        match (start, stop, step) {
            (Tensor::I64(start), Tensor::I64(stop), Tensor::I64(step)) => {
                let [start, stop, step] = [start, stop, step].map(|x| x.storage()[0]);
                let count = i64::count(start, stop, step)?;
                check_size(&[count])?;
                let numbers = (0..).map(|i: i64| start.wrapping_add(i.wrapping_mul(step)));
                out.reset::<i64>(&[count]).iter_mut().zip(numbers).for_each(|(out, number)| *out = number);
            }
            (Tensor::F64(start), Tensor::F64(stop), Tensor::F64(step)) => {
                let [start, stop, step] = [start, stop, step].map(|x| x.storage()[0]);
                let count = f64::count(start, stop, step)?;
                check_size(&[count])?;
                let out = out.reset::<f64>(&[count]);
                out.iter_mut().enumerate().for_each(|(i, out)| *out = start + i as f64 * step);
            }
            (Tensor::F32(start), Tensor::F32(stop), Tensor::F32(step)) => {
                let [start, stop, step] = [start, stop, step].map(|x| f64::from(x.storage()[0]));
                let count = f64::count(start, stop, step)?;
                check_size(&[count])?;
                let out = out.reset::<f32>(&[count]);
                out.iter_mut().enumerate().for_each(|(i, out)| *out = (start + i as f64 * step) as f32);
            }
            _ => return Err(OpFailure::WrongValue(0).into()),
        }
        Ok(())
    }

    /// `start̄ = Σ g`, `step̄ = Σ i gᵢ`; of integers zero.
    fn l_op(&self, _node: &NodeView<'_>, output_grads: &[Option<Variable>]) -> Result<Grads> {
        let Some(g) = output_grads[0].as_ref().filter(|_| self.dtype.is_float()) else {
            return Ok(vec![Grad::Zero; 3]);
        };
        let weighted = mul(g, &positions(&shape_of(g)[0], self.dtype)?)?;
        Ok(vec![sum(g)?.into(), Grad::Zero, sum(&weighted)?.into()])
    }

    fn r_op(&self, node: &NodeView<'_>, tangents: &[Option<Variable>]) -> Result<Tangents> {
        if !self.dtype.is_float() {
            return Ok(vec![Grad::Zero]);
        }
        let shape = shape_of(node.output(0));
        let start = tangents[0].as_ref().map(|start| broadcast_to(start, shape.clone())).transpose()?;
        let step = tangents[2].as_ref().map(|step| mul(step, &positions(&shape[0], self.dtype)?)).transpose()?;
        Ok(vec![sum_of(&[start, step])?.into()])
    }

    fn infer_shape(&self, node: &NodeView<'_>, _input_shapes: &[Shape]) -> Result<Vec<Shape>> {
        let number = |input: usize| node.input(input).constant().and_then(|value| value.as_index());
        let count = match (number(0), number(2)) {
            (Some(0), Some(1)) => Dim::value_of(node.input(1)).max(&Dim::from(0)),
            _ => Dim::UNKNOWN,
        };
        let known = node.output(0).ty().extents()[0].map(Dim::from);
        Ok(vec![[known.unwrap_or(count)].into_iter().collect()])
    }
}

pub(super) fn entries() -> Vec<Entry> {
    // One input is the stop, two are start and stop, three have the step, too; what is no input is a parameter.
    let build = |params: &Params<'_>, inputs: &[Variable]| {
        let number = |name: &str, default: i64| {
            let int = params.maybe_int(name).map(|int| int.unwrap_or(default));
            int.or_else(|_| params.maybe_float(name).map(|_| 0)).map(|int| (int, params.maybe_float(name)))
        };
        let literal = |name: &str, default: i64| -> Result<Operand<'_>> {
            let (int, float) = number(name, default)?;
            let is_float = matches!(params.get(name), Some(kronograph_graph::Prop::Float(_)));
            Ok(if is_float { Operand::Float(float?.unwrap_or_default()) } else { Operand::Int(int) })
        };
        let [start, stop, step] = match inputs {
            [] => [literal("start", 0)?, literal("stop", 0)?, literal("step", 1)?],
            [stop] => [literal("start", 0)?, stop.into(), literal("step", 1)?],
            [start, stop] => [start.into(), stop.into(), literal("step", 1)?],
            [start, stop, step] => [start.into(), stop.into(), step.into()],
            _ => return Err(params.arity(3, inputs)),
        };
        Ok(vec![arange(start, stop, step)?])
    };
    let parse = |params: &Params<'_>| {
        let dtype = dtype_of(params, "dtype")?;
        let missing = || params.wrong("dtype", "a dtype", &kronograph_graph::Prop::None);
        let op: OpRef = Arc::new(Arange { dtype: dtype.ok_or_else(missing)? });
        Ok(op)
    };
    vec![Entry::function("arange", "construction", build, samples).parsed_by(parse)]
}

fn samples() -> Vec<Sample> {
    vec![
        Sample::new("known", []).with("stop", 5i64),
        Sample::new("known, downward", []).with("start", 5i64).with("stop", -2i64).with("step", -3i64),
        Sample::new("known floats", []).with("start", 0.5).with("stop", 2i64).with("step", 0.25),
        Sample::new("as many as an integer says", [given(4i64)]),
        Sample::new("none", [given(-4i64)]),
        Sample::new("integers of two dtypes", [given(1i64), given(8i32)]).with("step", 3i64),
        Sample::new("floats", [given(0.5), given(3.2), given(0.7)]),
        Sample::new("floats, downward", [given(0.5), given(-3.2), given(-0.7)]),
        Sample::new("f32", [given(0.5f32), given(3.2f32), given(0.7f32)]).single(),
    ]
}
