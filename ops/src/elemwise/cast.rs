//! Changing the dtype.

use std::borrow::Cow;
use std::sync::Arc;

use kronograph_graph::{
    BuildError, Entry, Grad, Grads, Io, NodeSpec, NodeView, Op, OpResult, Operand, Params, Prop, Props, Result, Sample,
    SampleInput, Shape, Tangents, Variable, apply, overloaded,
};

use crate::dtype::DType;
use crate::kernels::map::map1;
use crate::kernels::runs::for_each_run;
use crate::params::{dtype_of, only};
use crate::samples::{dense, given};
use crate::tensor::{Element, Strided, Tensor, TensorType, each_dtype, literal_constant, tensor_type, weak_dtype};

/// `x` with another dtype.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Cast {
    /// The dtype of the result.
    pub to: DType,
}

/// `x` converted to a dtype, element by element; `x` itself if it has that dtype.
///
/// Floats become integers by cutting off the fraction, and saturate; truth is 1, and what is not zero is true. The
/// derivative passes to floats and stops at integers and truth values.
///
/// # Errors
///
/// When `x` is not a dense tensor.
#[track_caller]
pub fn cast(x: &Variable, to: DType) -> Result<Variable> {
    if let Some(answer) = overloaded(&Cast { to }, &[Operand::Variable(x)]) {
        return answer;
    }
    if tensor_type("cast", x)?.dtype() == to {
        return Ok(x.clone());
    }
    apply(Cast { to }, std::slice::from_ref(x))
}

/// Operands as tensors of one float dtype; literals take that of the tensors beside them.
///
/// # Errors
///
/// When one is no dense tensor.
#[track_caller]
pub(crate) fn floats<const N: usize>(op: &'static str, operands: [Operand<'_>; N]) -> Result<[Variable; N]> {
    let (mut tensors, dtype) = float_dtype(op, operands)?;
    for tensor in &mut tensors {
        *tensor = cast(tensor, dtype)?;
    }
    Ok(tensors)
}

/// The float dtype of operands; they themselves are not converted yet, but for literals.
#[track_caller]
pub(crate) fn float_dtype<const N: usize>(
    op: &'static str,
    operands: [Operand<'_>; N],
) -> Result<([Variable; N], DType)> {
    let mut beside: Option<DType> = None;
    for variable in operands.into_iter().filter_map(Operand::variable) {
        let dtype = tensor_type(op, variable)?.dtype().to_float();
        beside = Some(beside.map_or(dtype, |before| before.promote(dtype)));
    }
    let dtype = beside.unwrap_or(DType::F64);
    Ok((operands.map(|operand| literal_constant(operand, weak_dtype(operand, dtype))), dtype))
}

/// `cast`, whose `dtype` is named as PyTensor does or as it is printed.
pub(super) fn entry() -> Entry {
    let build = |params: &Params<'_>, inputs: &[Variable]| {
        let x = only(params, inputs)?;
        let to = dtype_of(params, "dtype")?.ok_or_else(|| params.wrong("dtype", "a dtype", &Prop::None))?;
        Ok(vec![cast(x, to)?])
    };
    Entry::function("cast", "elementwise", build, samples).parsed_by(|params| {
        let to = dtype_of(params, "to")?.ok_or_else(|| params.wrong("to", "a dtype", &Prop::None))?;
        Ok(Arc::new(Cast { to }))
    })
}

fn samples() -> Vec<Sample> {
    let to = |name: &'static str, x: SampleInput, dtype: &'static str| Sample::new(name, [x]).with("dtype", dtype);
    let edges = || given(vec![f64::NAN, f64::INFINITY, f64::NEG_INFINITY, -0.0, 1e300, 2.5, -2.5]);
    vec![
        to("interior", dense(&[2, 3], (-2.0, 2.0), 1), "float32").single(),
        to("f32", given(vec![1f32, -2.5]), "float64").single(),
        to("to itself", dense(&[2], (-2.0, 2.0), 1), "float64"),
        to("a scalar", dense(&[], (-2.0, 2.0), 1), "float32").single(),
        to("no elements", dense(&[0, 3], (-2.0, 2.0), 1), "float32").single(),
        to("floats to integers", edges(), "int32").edge(),
        to("floats to bytes", edges(), "uint8").edge(),
        to("floats to truth values", edges(), "bool").edge(),
        to("integers to floats", given(vec![1i64, -2]), "float64").edge(),
        to("integers to narrower ones", given(vec![300i64, -2]), "int8").edge(),
        to("truth values", given(vec![true, false]), "float64").edge(),
    ]
}

impl Op for Cast {
    fn name(&self) -> Cow<'static, str> {
        "cast".into()
    }

    fn props(&self) -> Props {
        Props::default().with("to", self.to.to_string())
    }

    fn make_node(&self, inputs: &[Variable]) -> Result<NodeSpec> {
        let [x] = inputs else { return Err(BuildError::arity("cast", 1, inputs)) };
        Ok(NodeSpec::one(TensorType::shared(self.to, tensor_type("cast", x)?.lengths())))
    }

    fn perform(&self, io: &mut Io<'_>) -> OpResult {
        cast_into(io.inputs.get::<Tensor>(0)?, self.to, io.outputs[0].buffer::<Tensor>());
        Ok(())
    }

    fn l_op(&self, node: &NodeView<'_>, output_grads: &[Option<Variable>]) -> Result<Grads> {
        let from = tensor_type("cast", node.input(0))?.dtype();
        Ok(vec![match (&output_grads[0], from.tangent()) {
            (Some(g), Some(tangent)) if self.to.is_float() => cast(g, tangent)?.into(),
            _ => Grad::Zero,
        }])
    }

    fn r_op(&self, _node: &NodeView<'_>, tangents: &[Option<Variable>]) -> Result<Tangents> {
        Ok(vec![match &tangents[0] {
            Some(tangent) if self.to.is_float() => cast(tangent, self.to)?.into(),
            _ => Grad::Zero,
        }])
    }

    fn infer_shape(&self, _node: &NodeView<'_>, input_shapes: &[Shape]) -> Result<Vec<Shape>> {
        Ok(vec![input_shapes[0].clone()])
    }

    /// A truth value has no tangent, so nothing can arrive through one.
    fn connection_pattern(&self, _output: usize, _input: usize) -> bool {
        self.to != DType::Bool
    }
}

/// A tensor converted to a dtype.
pub(crate) fn cast_value(x: &Tensor, to: DType) -> Tensor {
    let mut out = Tensor::default();
    cast_into(x, to, &mut out);
    out
}

/// Writes a tensor converted to a dtype, as [`cast`] does, into another's storage.
pub fn cast_into(x: &Tensor, to: DType, out: &mut Tensor) {
    each_dtype!(x, array => match to {
        DType::Bool => fill(array, out, |x| x.is_truth()),
        DType::U8 => fill(array, out, |x| x.as_number().to_u8()),
        DType::I8 => fill(array, out, |x| x.as_number().to_i8()),
        DType::I32 => fill(array, out, |x| x.as_number().to_i32()),
        DType::I64 => fill(array, out, |x| x.as_number().to_i64()),
        DType::F32 => fill(array, out, |x| x.as_number().to_f32()),
        DType::F64 => fill(array, out, |x| x.as_number().to_f64()),
    });
}

fn fill<T: Element, O: Element>(array: &Strided<T>, out: &mut Tensor, f: impl Fn(T) -> O + Copy) {
    let out = out.reset::<O>(array.shape());
    let mut at = 0;
    for_each_run(array.shape(), [array.strides()], |[offset], [step], length| {
        map1(&array.storage()[offset..], step, &mut out[at..at + length], f);
        at += length;
    });
}

/// The two kinds of number that every element is: an integer, exactly, or a float.
#[derive(Clone, Copy)]
enum Number {
    Int(i64),
    Float(f64),
}

macro_rules! to_type {
    ($($name:ident: $t:ty;)+) => {
        impl Number {
            $(fn $name(self) -> $t {
                match self {
                    Number::Int(x) => x as $t,
                    Number::Float(x) => x as $t,
                }
            })+
        }
    };
}

to_type! {
    to_u8: u8;
    to_i8: i8;
    to_i32: i32;
    to_i64: i64;
    to_f32: f32;
    to_f64: f64;
}

trait AsNumber: Copy {
    fn as_number(self) -> Number;

    fn is_truth(self) -> bool {
        match self.as_number() {
            Number::Int(x) => x != 0,
            Number::Float(x) => x != 0.0,
        }
    }
}

macro_rules! as_number {
    ($($t:ty => $kind:ident;)+) => { $(
        impl AsNumber for $t {
            fn as_number(self) -> Number {
                Number::$kind(self.into())
            }
        }
    )+ };
}

as_number! {
    bool => Int;
    u8 => Int;
    i8 => Int;
    i32 => Int;
    i64 => Int;
    f32 => Float;
    f64 => Float;
}
