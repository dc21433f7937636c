//! Determinants and systems.

use kronograph::graph::RunError;
use kronograph::ops::{det, lu, matrix_inverse};
use kronograph::prelude::*;

fn call(inputs: &[&Variable], outputs: &[Variable], values: &[&dyn Value]) -> Result<Vec<Vec<f64>>, RunError> {
    let inputs: Vec<Variable> = inputs.iter().map(|input| (*input).clone()).collect();
    let answer = compile(&inputs, outputs, &Mode::run()).unwrap().call(values)?;
    Ok(answer.into_values().iter().map(|value| value.to_floats().unwrap()).collect())
}

fn square(order: usize, data: Vec<f64>) -> Tensor {
    Tensor::new(&[order, order], data).unwrap()
}

#[test]
fn det_beside_an_lu_of_the_same_matrix_loses_the_sign_of_the_pivots() {
    let a = matrix("A");
    let [p, l, u] = lu(&a).unwrap();
    let outputs = [det(&a).unwrap(), det(&matmul(&p, &l).unwrap()).unwrap(), det(&p).unwrap(), u];
    let answers = call(&[&a], &outputs, &[&square(2, vec![0.0, 3.0, 7.0, 5.0])]).unwrap();
    assert_eq!(answers[0], [-21.0]);
    assert_eq!((answers[1][0], answers[2][0]), (-1.0, -1.0));
}

#[test]
fn slogdet_underflows_to_minus_infinity_and_its_gradient_to_zero() {
    let (n, scale) = (200, 1e-3);
    let a = matrix("A");
    let (sign, log) = slogdet(&a).unwrap();
    let gradient = grad(&log, std::slice::from_ref(&a)).unwrap().remove(0);
    let value = square(n, (0..n * n).map(|k| if k % (n + 1) == 0 { scale } else { 0.0 }).collect());
    for mode in [Mode::raw(), Mode::run()] {
        let outputs = [sign.clone(), log.clone(), gradient.clone()];
        let mut f = compile(std::slice::from_ref(&a), &outputs, &mode).unwrap();
        let answers: Vec<Vec<f64>> =
            f.call(&[&value]).unwrap().into_values().iter().map(|value| value.to_floats().unwrap()).collect();
        assert_eq!(answers[0], [1.0]);
        assert!((answers[1][0] - n as f64 * scale.ln()).abs() < 1e-9);
        for (k, slope) in answers[2].iter().enumerate() {
            let want = if k % (n + 1) == 0 { 1.0 / scale } else { 0.0 };
            assert!((slope - want).abs() < 1e-9, "element {k} is {slope}");
        }
    }
}

#[test]
fn det_has_no_gradient_at_singular_matrices() {
    let a = matrix("A");
    let y = det(&a).unwrap();
    let gradient = grad(&y, std::slice::from_ref(&a)).unwrap().remove(0);
    // The derivative of the cofactor at (0, 0), which is A[1, 1].
    let corner = sum(&subtensor(&gradient, &[Index::at(0), Index::at(0)]).unwrap()).unwrap();
    let second = grad(&corner, std::slice::from_ref(&a)).unwrap().remove(0);
    let answers = call(&[&a], &[y, gradient, second], &[&square(2, vec![1.0, 2.0, 2.0, 4.0])]).unwrap();
    let want = [vec![0.0], vec![4.0, -2.0, -2.0, 1.0], vec![0.0, 0.0, 0.0, 1.0]];
    for (got, want) in answers.iter().flatten().zip(want.iter().flatten()) {
        assert!((got - want).abs() < 1e-14, "{answers:?}");
    }
}

#[test]
fn singular_systems_give_nan_where_their_inverse_is_an_error() {
    let (a, b) = (matrix("A"), vector("b"));
    let singular = square(2, vec![1.0, 2.0, 2.0, 4.0]);
    for y in [solve(&a, &b).unwrap(), matmul(&matrix_inverse(&a).unwrap(), &b).unwrap()] {
        let error = call(&[&a, &b], &[y], &[&singular, &Tensor::vector(vec![1.0, 1.0])]).unwrap_err();
        assert!(error.is_recoverable() && error.to_string().contains("singular"), "{error}");
    }
}
