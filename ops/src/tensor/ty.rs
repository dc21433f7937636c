//! The tensor type: dtype and static lengths, its tangents, and what operators mean on tensors.

use std::any::Any;
use std::fmt;
use std::sync::Arc;

use kronograph_graph::{BuildError, Operand, Result, Type, TypeRef, UnaryVerb, Value, Variable, Verb, shape_of};

use super::{Lengths, Tensor, constant, shape_text, static_shape_text};
use crate::dtype::DType;
use crate::elemwise::{self, cast_value};
use crate::{construct, layout, linalg};

/// The type of dense tensors of one dtype and rank.
///
/// An axis of static length 1 broadcasts; an axis of unknown length never does.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct TensorType {
    dtype: DType,
    lengths: Lengths,
}

impl TensorType {
    /// A dtype and one static length for each axis, `None` where it is known only at run time.
    pub fn new(dtype: DType, lengths: &[Option<usize>]) -> Self {
        Self { dtype, lengths: lengths.into() }
    }

    /// The type behind a shared pointer, as variables want it.
    pub fn shared(dtype: DType, lengths: &[Option<usize>]) -> TypeRef {
        Arc::new(Self::new(dtype, lengths))
    }

    /// The dtype.
    pub fn dtype(&self) -> DType {
        self.dtype
    }

    /// The static lengths.
    pub fn lengths(&self) -> &[Option<usize>] {
        &self.lengths
    }

    /// The number of axes.
    pub fn rank(&self) -> usize {
        self.lengths.len()
    }

    fn admits(&self, shape: &[usize]) -> bool {
        let fits = |(want, &got): (&Option<usize>, &usize)| want.is_none_or(|want| want == got);
        self.rank() == shape.len() && self.lengths.iter().zip(shape).all(fits)
    }

    /// A tensor of another dtype or shape as one of this type, or why there is none.
    #[cold]
    fn convert(&self, tensor: &Tensor) -> Result<Box<dyn Value>, String> {
        let (rank, shape, dtype) = (self.rank(), tensor.shape(), tensor.dtype());
        if shape.len() != rank {
            return Err(format!("it has {} axes, {rank} are needed", shape.len()));
        }
        if !self.admits(shape) {
            return Err(format!("its shape is {}", shape_text(shape)));
        }
        if !dtype.fits_in(self.dtype) {
            return Err(format!("{dtype} does not convert to {} without loss; cast it yourself", self.dtype));
        }
        Ok(Box::new(cast_value(tensor, self.dtype)))
    }
}

/// The tensor type of a variable; an error that names op and variable if it has another type.
#[track_caller]
pub(crate) fn tensor_type<'a>(op: &str, variable: &'a Variable) -> Result<&'a TensorType> {
    // Not `ok_or_else`: the caller's line would be lost in the closure.
    match variable.type_as::<TensorType>() {
        Some(ty) => Ok(ty),
        None => Err(BuildError::inputs(op.to_owned(), std::slice::from_ref(variable), "a dense tensor is needed")),
    }
}

/// Whether a variable is a dense tensor.
pub(crate) fn is_tensor(variable: &Variable) -> bool {
    variable.type_as::<TensorType>().is_some()
}

/// The number of axes of a dense tensor, which has all of these.
#[track_caller]
pub(crate) fn checked_rank(op: &str, x: &Variable, axes: &[usize]) -> Result<usize> {
    let rank = tensor_type(op, x)?.rank();
    match axes.iter().find(|axis| **axis >= rank) {
        Some(axis) => {
            Err(BuildError::inputs(op.to_owned(), std::slice::from_ref(x), format!("there is no axis {axis}")))
        }
        None => Ok(rank),
    }
}

impl fmt::Display for TensorType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.dtype, static_shape_text(&self.lengths))
    }
}

impl Type for TensorType {
    fn extents(&self) -> &[Option<usize>] {
        &self.lengths
    }

    fn is_super(&self, other: &dyn Type) -> bool {
        let Some(other) = (other as &dyn Any).downcast_ref::<Self>() else { return false };
        let covers = |(mine, theirs): (&Option<usize>, &Option<usize>)| mine.is_none() || mine == theirs;
        self.dtype == other.dtype && self.rank() == other.rank() && self.lengths.iter().zip(&other.lengths).all(covers)
    }

    fn filter(&self, value: &dyn Value) -> Result<Option<Box<dyn Value>>, String> {
        let tensor = (value as &dyn Any).downcast_ref::<Tensor>().ok_or("it is not a dense tensor")?;
        if tensor.dtype() == self.dtype && self.admits(tensor.shape()) {
            return Ok(None);
        }
        self.convert(tensor).map(Some)
    }

    fn tangent(&self) -> Option<TypeRef> {
        Some(Self::shared(self.dtype.tangent()?, &self.lengths))
    }

    fn zeros_like(&self, like: &Variable) -> Result<Variable> {
        construct::full(0.0, self.dtype, shape_of(like))
    }

    fn ones_like(&self, like: &Variable) -> Result<Variable> {
        construct::full(1.0, self.dtype, shape_of(like))
    }

    fn accumulate(&self, like: &Variable, terms: &[Variable]) -> Result<Variable> {
        let mut sum: Option<Variable> = None;
        for term in terms {
            let ty = tensor_type("accumulate", term)?;
            if ty.rank() != self.rank() {
                let both = [like.clone(), term.clone()];
                return Err(BuildError::inputs("accumulate", &both, "a cotangent has the shape of its variable"));
            }
            let term = elemwise::cast(term, self.dtype)?;
            sum = Some(match sum {
                None => term,
                Some(sum) => elemwise::add(&sum, &term)?,
            });
        }
        sum.map_or_else(|| self.zeros_like(like), Ok)
    }

    fn binary(&self, verb: Verb, left: Operand<'_>, right: Operand<'_>) -> Option<Result<Variable>> {
        let mine = |operand: Operand<'_>| operand.variable().is_none_or(|v| v.type_as::<TensorType>().is_some());
        if !mine(left) || !mine(right) {
            return None;
        }
        Some(match verb {
            Verb::Add => elemwise::add(left, right),
            Verb::Sub => elemwise::sub(left, right),
            Verb::Mul => elemwise::mul(left, right),
            Verb::Div => elemwise::true_div(left, right),
            Verb::MatMul => match (left.variable(), right.variable()) {
                (Some(left), Some(right)) => linalg::matmul(left, right),
                _ => return None,
            },
            Verb::Dot => match (left.variable(), right.variable()) {
                (Some(left), Some(right)) => linalg::dot(left, right),
                _ => return None,
            },
        })
    }

    fn unary(&self, verb: UnaryVerb, operand: &Variable) -> Option<Result<Variable>> {
        Some(match verb {
            UnaryVerb::Neg => elemwise::neg(operand),
            UnaryVerb::Transpose => layout::transpose(operand),
        })
    }
}

/// The dtype that a literal takes beside an operand of dtype `beside`.
pub(crate) fn weak_dtype(literal: Operand<'_>, beside: DType) -> DType {
    match literal {
        Operand::Variable(_) | Operand::Bool(_) => beside,
        Operand::Int(_) if beside == DType::Bool => DType::I64,
        Operand::Int(number) => match beside {
            DType::U8 if u8::try_from(number).is_err() => DType::I64,
            DType::I8 if i8::try_from(number).is_err() => DType::I64,
            DType::I32 if i32::try_from(number).is_err() => DType::I64,
            _ => beside,
        },
        Operand::Float(_) => beside.to_float(),
    }
}

/// A literal as a constant scalar, of the dtype that it takes beside an operand of another; a variable as it is.
#[track_caller]
pub fn scalar_beside(operand: Operand<'_>, beside: DType) -> Variable {
    literal_constant(operand, weak_dtype(operand, beside))
}

/// A literal as a constant scalar of a dtype.
#[track_caller]
pub(crate) fn literal_constant(literal: Operand<'_>, dtype: DType) -> Variable {
    let strong = match literal {
        Operand::Variable(variable) => return variable.clone(),
        Operand::Bool(value) => Tensor::scalar(value),
        Operand::Int(value) => Tensor::scalar(value),
        Operand::Float(value) => Tensor::scalar(value),
    };
    constant(cast_value(&strong, dtype))
}
