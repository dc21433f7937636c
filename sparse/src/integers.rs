//! Integers of whatever dtype, read from dense vectors: indices, positions, sizes.

use kronograph_graph::{BuildError, OpFailure, Result, Variable};
use kronograph_ops::{DType, Element, Strided, Tensor, TensorType};

/// The static length of a vector of integers; an error that names op and variable if it is none.
#[track_caller]
pub(crate) fn integer_vector(op: &str, what: &str, variable: &Variable) -> Result<Option<usize>> {
    match variable.type_as::<TensorType>() {
        Some(ty) if ty.rank() == 1 && ty.dtype() != DType::Bool && !ty.dtype().is_float() => Ok(ty.lengths()[0]),
        _ => {
            let rule = format!("{what} must be a vector of integers");
            Err(BuildError::inputs(op.to_owned(), std::slice::from_ref(variable), rule))
        }
    }
}

/// Whether a condition on (position, integer) holds for all; it is asked up to the first for which it does not.
pub(crate) fn all_integers(tensor: &Tensor, holds: impl FnMut(usize, i64) -> bool) -> Result<bool, OpFailure> {
    fn all<T: Element + Into<i64>>(x: &Strided<T>, mut holds: impl FnMut(usize, i64) -> bool) -> bool {
        let step = x.strides().first().copied().unwrap_or(0);
        (0..x.len()).all(|at| holds(at, x.storage()[at * step].into()))
    }
    match tensor {
        Tensor::U8(x) => Ok(all(x, holds)),
        Tensor::I8(x) => Ok(all(x, holds)),
        Tensor::I32(x) => Ok(all(x, holds)),
        Tensor::I64(x) => Ok(all(x, holds)),
        Tensor::Bool(_) | Tensor::F32(_) | Tensor::F64(_) => Err(OpFailure::WrongValue(0)),
    }
}

/// Whether a vector holds these integers.
pub(crate) fn same_integers(tensor: &Tensor, known: &[u32]) -> bool {
    let same = |at: usize, integer: i64| i64::from(known[at]) == integer;
    tensor.len() == known.len() && all_integers(tensor, same) == Ok(true)
}

/// The integers, which must be no less than zero and fit into 32 bits.
pub(crate) fn to_narrow(tensor: &Tensor, what: &str) -> Result<Vec<u32>, OpFailure> {
    let (mut narrow, mut wrong) = (Vec::with_capacity(tensor.len()), None);
    all_integers(tensor, |at, integer| match u32::try_from(integer) {
        Ok(integer) => {
            narrow.push(integer);
            true
        }
        Err(_) => {
            wrong = Some((at, integer));
            false
        }
    })?;
    match wrong {
        None => Ok(narrow),
        Some((at, integer)) => {
            let rule = if integer < 0 { "is negative" } else { "does not fit into 32 bits" };
            Err(OpFailure::Shapes(format!("{what} {integer} (at {at}) {rule}")))
        }
    }
}
