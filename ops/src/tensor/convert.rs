//! Doors: from ndarray to tensors, and from names and values to variables.

use std::sync::Arc;

use kronograph_graph::{Result, Shared, Variable};
use ndarray::{Array, Dimension};

use super::{Element, Strided, Tensor, TensorType};
use crate::dtype::DType;

impl<T: Element, D: Dimension> From<Array<T, D>> for Tensor {
    /// Takes the elements over without copying when they lie in row-major order.
    fn from(array: Array<T, D>) -> Self {
        let shape = array.shape().to_vec();
        let data = if array.is_standard_layout() {
            match array.into_raw_vec_and_offset() {
                (data, Some(0) | None) => data,
                (data, Some(offset)) => data[offset..][..shape.iter().product()].to_vec(),
            }
        } else {
            array.iter().copied().collect()
        };
        let length = shape.iter().product();
        let data = if data.len() == length { data } else { data[..length].to_vec() };
        T::wrap(Strided::new(&shape, data).expect("ndarray's own shape and elements"))
    }
}

macro_rules! from_plain {
    ($($t:ty),+) => { $(
        impl From<$t> for Tensor {
            fn from(value: $t) -> Self {
                Tensor::scalar(value)
            }
        }

        impl From<Vec<$t>> for Tensor {
            fn from(data: Vec<$t>) -> Self {
                Tensor::vector(data)
            }
        }
    )+ };
}

from_plain!(bool, u8, i8, i32, i64, f32, f64);

/// A free variable: a tensor of a dtype and static lengths, `None` where a length is known only at run time.
///
/// ```
/// use kronograph_ops::{DType, tensor};
/// let x = tensor("x", DType::F32, &[Some(3), None]);
/// assert_eq!(x.ty().to_string(), "f32 (3, ?)");
/// ```
#[track_caller]
pub fn tensor(name: &str, dtype: DType, lengths: &[Option<usize>]) -> Variable {
    Variable::input(name, Arc::new(TensorType::new(dtype, lengths)))
}

/// A free f64 scalar.
#[track_caller]
pub fn scalar(name: &str) -> Variable {
    tensor(name, DType::F64, &[])
}

/// A free f64 vector of any length.
#[track_caller]
pub fn vector(name: &str) -> Variable {
    tensor(name, DType::F64, &[None])
}

/// A free f64 matrix of any shape.
#[track_caller]
pub fn matrix(name: &str) -> Variable {
    tensor(name, DType::F64, &[None, None])
}

/// A shared variable with a first value. Its type has the value's dtype and number of axes; the lengths may change.
/// To fix them, or for values of other kinds, use [`Shared::new`].
///
/// # Errors
///
/// None of its own.
#[track_caller]
pub fn shared(name: &str, value: impl Into<Tensor>) -> Result<Shared> {
    let value: Tensor = value.into();
    Shared::new(name, TensorType::shared(value.dtype(), &vec![None; value.shape().len()]), value)
}

/// A constant; its dtype is that of the value, and its shape is known.
#[track_caller]
pub fn constant(value: impl Into<Tensor>) -> Variable {
    let value = value.into();
    let lengths: Vec<Option<usize>> = value.shape().iter().map(|&length| Some(length)).collect();
    let ty = TensorType::new(value.dtype(), &lengths);
    Variable::constant_of(Arc::new(ty), Arc::new(value))
}
