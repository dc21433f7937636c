//! What rows refuse before their loops run, because a dtype has no result for some values.

use kronograph_graph::{Inputs, OpFailure, OpResult};

use crate::tensor::{Element, Strided, Tensor};

/// An integer to a negative power is no integer.
pub(super) fn negative_integer_power(inputs: &Inputs<'_>) -> OpResult {
    fn negative<T: Element + Into<i64>>(exponents: &Strided<T>) -> bool {
        exponents.view().iter().any(|&exponent| exponent.into() < 0)
    }
    let refused = match inputs.get::<Tensor>(1)? {
        Tensor::I8(exponents) => negative(exponents),
        Tensor::I32(exponents) => negative(exponents),
        Tensor::I64(exponents) => negative(exponents),
        Tensor::Bool(_) | Tensor::U8(_) | Tensor::F32(_) | Tensor::F64(_) => false,
    };
    match refused {
        true => Err(OpFailure::Domain("an integer to a negative power is no integer; cast to a float first").into()),
        false => Ok(()),
    }
}
