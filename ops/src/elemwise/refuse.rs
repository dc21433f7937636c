//! What rows refuse before their loops run, because a dtype has no result for some values.

use kronograph_graph::{Inputs, OpFailure, OpResult};

use crate::tensor::{Element, Strided, Tensor};

/// An integer to a negative power is no integer.
pub(super) fn negative_integer_power(inputs: &Inputs<'_>) -> OpResult {
    refuse_negatives(inputs, "an integer to a negative power is no integer; cast to a float first")
}

/// Bits are moved the other way by the other function.
pub(super) fn negative_shift(inputs: &Inputs<'_>) -> OpResult {
    refuse_negatives(inputs, "bits cannot be moved by a negative count; there is one function for each direction")
}

/// An integer divided by zero is nothing; a float is infinite or NaN.
pub(super) fn integer_zero_division(inputs: &Inputs<'_>) -> OpResult {
    fn has_zero<T: Element + Into<i64>>(divisors: &Strided<T>) -> bool {
        divisors.view().iter().any(|&divisor| divisor.into() == 0)
    }
    let refused = match inputs.get::<Tensor>(1)? {
        Tensor::U8(divisors) => has_zero(divisors),
        Tensor::I8(divisors) => has_zero(divisors),
        Tensor::I32(divisors) => has_zero(divisors),
        Tensor::I64(divisors) => has_zero(divisors),
        Tensor::Bool(_) | Tensor::F32(_) | Tensor::F64(_) => false,
    };
    let rule = "an integer cannot be divided by zero; cast to a float first";
    if refused { Err(OpFailure::Domain(rule).into()) } else { Ok(()) }
}

fn refuse_negatives(inputs: &Inputs<'_>, rule: &'static str) -> OpResult {
    fn negative<T: Element + Into<i64>>(exponents: &Strided<T>) -> bool {
        exponents.view().iter().any(|&exponent| exponent.into() < 0)
    }
    let refused = match inputs.get::<Tensor>(1)? {
        Tensor::I8(exponents) => negative(exponents),
        Tensor::I32(exponents) => negative(exponents),
        Tensor::I64(exponents) => negative(exponents),
        Tensor::Bool(_) | Tensor::U8(_) | Tensor::F32(_) | Tensor::F64(_) => false,
    };
    if refused { Err(OpFailure::Domain(rule).into()) } else { Ok(()) }
}
