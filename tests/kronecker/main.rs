//! Dense Kronecker products and sums: golden numbers, what an earlier implementation got wrong, and what is refused.

#![allow(clippy::unwrap_used, reason = "a test may")]

mod faults;
mod functions;
#[path = "../flows/golden.rs"]
#[allow(dead_code, reason = "the sparse half of it is for the flow systems")]
mod golden;
mod numbers;

use kronograph::prelude::*;

/// A free variable of the shape of a value.
pub(crate) fn variable(name: &str, value: &Tensor) -> Variable {
    let lengths: Vec<Option<usize>> = value.shape().iter().map(|&length| Some(length)).collect();
    tensor(name, value.dtype(), &lengths)
}

/// The outputs at the values, as written and as rewritten, which must agree.
pub(crate) fn call(inputs: &[Variable], outputs: &[Variable], values: &[&Tensor]) -> Vec<Tensor> {
    let run = |mode: &Mode| -> Vec<Tensor> {
        let values: Vec<&dyn Value> = values.iter().map(|value| *value as &dyn Value).collect();
        let answers = compile(inputs, outputs, mode).unwrap().call(&values).unwrap();
        (0..outputs.len()).map(|k| answers.get::<Tensor>(k).unwrap().clone()).collect()
    };
    let (written, rewritten) = (run(&Mode::raw()), run(&Mode::run()));
    for (a, b) in written.iter().zip(&rewritten) {
        let numbers = |x: &Tensor| Value::to_floats(x).unwrap();
        let scale = numbers(a).iter().fold(0.0f64, |most, x| most.max(x.abs()));
        for (x, y) in numbers(a).iter().zip(numbers(b)) {
            assert!(
                (x - y).abs() <= 1e-13 * scale || (x.is_nan() && y.is_nan()),
                "{a:?} as written, {b:?} as rewritten"
            );
        }
    }
    rewritten
}

/// Gradients of the inner product of outputs and cotangents.
pub(crate) fn pulled(outputs: &[Variable], cotangents: &[Tensor], wrt: &[Variable]) -> Vec<Variable> {
    let terms: Vec<Variable> =
        outputs.iter().zip(cotangents).map(|(y, g)| sum(&mul(y, &constant(g.clone())).unwrap()).unwrap()).collect();
    let cost = terms[1..].iter().fold(terms[0].clone(), |cost, term| add(&cost, term).unwrap());
    grad(&cost, wrt).unwrap()
}
