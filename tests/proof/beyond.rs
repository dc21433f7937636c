//! Derivatives beyond what sparse matrices store: slopes are measured on stored entries, but a tangent or a cotangent
//! may have any pattern. There both modes must still be adjoint.

use kronograph::graph::{Grad, Gradient, rop_kinds};
use kronograph::ops::samples::Stream;
use kronograph::prelude::*;

use crate::subject::{Subject, run};

/// `<J t, u> = <t, Jᵀ u>` for tangents and cotangents with an entry at every position.
pub(crate) fn adjoint(subject: &Subject<'_>) -> Result<(), String> {
    let values = subject.run(&subject.outputs, &Mode::raw())?;
    let matrix = |value: &dyn Value| (value as &dyn std::any::Any).is::<SparseMatrix>();
    if !subject.values().into_iter().chain(values.iter().map(|value| &**value)).any(matrix) {
        return Ok(());
    }
    let mut stream = Stream::new(7);
    let ends = |variables: &[Variable], values: Vec<&dyn Value>, stream: &mut Stream| -> Vec<End> {
        let ends = variables.iter().zip(values).filter_map(|(variable, value)| End::of(variable, value, stream));
        ends.collect()
    };
    let inputs = ends(&subject.inputs, subject.values(), &mut stream);
    let outputs = ends(&subject.outputs, values.iter().map(|value| &**value).collect(), &mut stream);
    let parts = |ends: &[End]| -> (Vec<Variable>, Vec<Variable>) {
        ends.iter().map(|end| (end.of.clone(), end.stand_in.clone())).unzip()
    };
    let ((wrt, tangents), (of, cotangents)) = (parts(&inputs), parts(&outputs));
    let text = |error: BuildError| error.to_string();
    let pulled = Gradient::of_outputs(&of, &cotangents).map_err(text)?.kinds(&wrt).map_err(text)?;
    let pushed = rop_kinds(&of, &wrt, &tangents).map_err(text)?;
    let undefined = |kind: &Grad| matches!(kind, Grad::Undefined { .. });
    if pulled.iter().chain(&pushed).any(undefined) {
        return Ok(());
    }
    let free = [&subject.inputs[..], &tangents, &cotangents].concat();
    let whole = inputs.iter().chain(&outputs).map(|end| &*end.value);
    let given: Vec<&dyn Value> = subject.values().into_iter().chain(whole).collect();
    let total = |kinds: Vec<Grad>, ends: &[End]| -> Result<f64, String> {
        let mut total = 0.0;
        for (kind, end) in kinds.into_iter().zip(ends) {
            if let Grad::Var(derivative) = kind {
                let value = run(&free, &given, &[derivative], &Mode::raw())?.remove(0);
                total += value.inner(&*end.value).ok_or("two derivatives of different kinds")?;
            }
        }
        Ok(total)
    };
    let (forward, reverse) = (total(pushed, &outputs)?, total(pulled, &inputs)?);
    let tolerance = if subject.sample.precision > 1e-10 { 1e-3 } else { 1e-9 };
    let close =
        (forward - reverse).abs() <= tolerance * (1.0 + forward.abs()) || !forward.is_finite() || !reverse.is_finite();
    match close {
        true => Ok(()),
        false => {
            Err(format!("beyond the patterns the modes are not adjoint: {forward:e} forward, {reverse:e} reverse"))
        }
    }
}

/// An input or output, a stand-in for its tangent or cotangent, and a value of that with every entry stored.
struct End {
    of: Variable,
    stand_in: Variable,
    value: Box<dyn Value>,
}

impl End {
    fn of(variable: &Variable, value: &dyn Value, stream: &mut Stream) -> Option<Self> {
        let tangent = variable.ty().tangent()?;
        let numbers = stream.tensor(value.extents(), (-1.0, 1.0));
        let any = value as &dyn std::any::Any;
        let value: Box<dyn Value> = match any.downcast_ref::<SparseMatrix>() {
            Some(matrix) => Box::new(full(matrix, &numbers)),
            // A factor has no extents of its own; its matrix is tried where it is made.
            None => Box::new(numbers.to_dtype(any.downcast_ref::<Tensor>()?.dtype().tangent()?)),
        };
        let value = tangent.filter(&*value).ok()?.unwrap_or(value);
        Some(Self { of: variable.clone(), stand_in: Variable::input("d", tangent), value })
    }
}

/// Numbers at every position, in the format and the float dtype of a matrix.
fn full(like: &SparseMatrix, numbers: &Tensor) -> SparseMatrix {
    let [rows, columns] = like.shape();
    let numbers = numbers.to_vec::<f64>().unwrap();
    let at: Vec<_> = (0..rows * columns).map(|k| (k / columns, k % columns, numbers[k])).collect();
    let full = from_triplets(like.format(), like.shape(), &at).unwrap();
    if like.dtype() == DType::F32 { full.to_dtype(DType::F32).unwrap() } else { full }
}
