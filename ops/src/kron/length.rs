//! Arithmetic with lengths, which are numbers where they are known and scalars where they are not.

use kronograph_graph::{Dim, Result, Variable};

use crate::elemwise::{cast, eq, mul, pow, switch, true_div};
use crate::layout::dim_variable;
use crate::tensor::tensor_type;

/// A length that is not known, as a number of the dtype of `x`.
fn number(length: &Dim, x: &Variable) -> Result<Variable> {
    cast(&dim_variable(length)?, tensor_type("length", x)?.dtype())
}

/// `x / length`.
pub(super) fn divided(x: &Variable, length: &Dim) -> Result<Variable> {
    match length.known() {
        Some(1) => Ok(x.clone()),
        Some(known) => true_div(x, known as f64),
        None => true_div(x, &number(length, x)?),
    }
}

/// `length x`; zero for a length of zero, even of what is not finite.
pub(super) fn times(x: &Variable, length: &Dim) -> Result<Variable> {
    match length.known() {
        Some(known) if known > 0 => mul(known as f64, x),
        _ => {
            let length = number(length, x)?;
            switch(&eq(&length, 0.0)?, 0.0, &mul(&length, x)?)
        }
    }
}

/// `x` to the power of a length.
pub(super) fn raised(x: &Variable, length: &Dim) -> Result<Variable> {
    match length.known() {
        Some(known) => pow(x, known as f64),
        None => pow(x, &number(length, x)?),
    }
}
