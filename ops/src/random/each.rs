//! Draws element by element, for parameters of one shape.

use kronograph_graph::{BuildError, Io, OpFailure, Result, Variable};

use super::error::RandomError;
use super::streams::rng_of;
use crate::kernels::runs::for_each_run;
use crate::tensor::{Element, Tensor, shape_text, tensor_type};

/// The outcome of looking at the values themselves, inside of that of reading them.
pub(super) type Drawn = Result<Result<(), RandomError>, OpFailure>;

/// The static lengths of a draw whose inputs are a state and parameters of one shape.
///
/// # Errors
///
/// When the first input is no random state, or the parameters differ in shape.
pub(super) fn drawn_type(op: &'static str, inputs: &[Variable]) -> Result<Vec<Option<usize>>> {
    rng_of(op, &inputs[0])?;
    let mut lengths = tensor_type(op, &inputs[1])?.lengths().to_vec();
    for other in &inputs[2..] {
        let others = tensor_type(op, other)?.lengths();
        let agree = |(a, b): (&Option<usize>, &Option<usize>)| a.is_none() || b.is_none() || a == b;
        if others.len() != lengths.len() || !others.iter().zip(&lengths).all(agree) {
            return Err(BuildError::inputs(op, &inputs[1..], "the parameters must be of one shape"));
        }
        lengths.iter_mut().zip(others).for_each(|(length, other)| *length = length.or(*other));
    }
    Ok(lengths)
}

/// Draws one element for each of the parameter that is input 1.
pub(super) fn draw_each<A: Element, T: Element>(
    io: &mut Io<'_>,
    draw: impl Fn(A, usize) -> Result<T, RandomError>,
) -> Drawn {
    let tensor = io.inputs.get::<Tensor>(1)?;
    let array = A::of(tensor).ok_or(OpFailure::WrongValue(1))?;
    let out = io.outputs[0].buffer::<Tensor>().reset::<T>(tensor.shape());
    let (storage, mut place, mut outcome) = (array.storage(), Place::of(out), Ok(()));
    for_each_run(tensor.shape(), [array.strides()], |[from], [step], length| {
        (0..length).for_each(|k| place.put(&mut outcome, |at| draw(storage[from + k * step], at)));
    });
    Ok(outcome)
}

/// Draws one element for each pair of the parameters that are inputs 1 and 2.
pub(super) fn draw_pairs<A: Element, B: Element, T: Element>(
    io: &mut Io<'_>,
    draw: impl Fn(A, B, usize) -> Result<T, RandomError>,
) -> Drawn {
    let (first, second) = (io.inputs.get::<Tensor>(1)?, io.inputs.get::<Tensor>(2)?);
    if first.shape() != second.shape() {
        let (a, b) = (shape_text(first.shape()), shape_text(second.shape()));
        return Err(OpFailure::Shapes(format!("parameters of shapes {a} and {b} do not fit")));
    }
    let a = A::of(first).ok_or(OpFailure::WrongValue(1))?;
    let b = B::of(second).ok_or(OpFailure::WrongValue(2))?;
    let out = io.outputs[0].buffer::<Tensor>().reset::<T>(first.shape());
    let (in_a, in_b, mut place, mut outcome) = (a.storage(), b.storage(), Place::of(out), Ok(()));
    for_each_run(first.shape(), [a.strides(), b.strides()], |[i, j], [s, t], length| {
        (0..length).for_each(|k| place.put(&mut outcome, |at| draw(in_a[i + k * s], in_b[j + k * t], at)));
    });
    Ok(outcome)
}

/// Where the next element goes.
struct Place<'a, T> {
    out: &'a mut [T],
    at: usize,
}

impl<'a, T> Place<'a, T> {
    fn of(out: &'a mut [T]) -> Self {
        Self { out, at: 0 }
    }

    /// Draws the next element, unless one failed.
    fn put(&mut self, outcome: &mut Result<(), RandomError>, draw: impl FnOnce(usize) -> Result<T, RandomError>) {
        if outcome.is_ok() {
            match draw(self.at) {
                Ok(element) => self.out[self.at] = element,
                Err(error) => *outcome = Err(error),
            }
        }
        self.at += 1;
    }
}
