//! Derivatives, and the equality of ops and constants that they depend on.

use kronograph::graph::{grad_scale, undefined_grad, zero_grad};
use kronograph::ops::hessian;
use kronograph::prelude::*;
use kronograph::rewrite;

/// The outputs for given inputs.
fn at(inputs: &[&Variable], outputs: &[Variable], values: &[&Tensor]) -> Vec<Vec<f64>> {
    let inputs: Vec<Variable> = inputs.iter().map(|input| (*input).clone()).collect();
    let values: Vec<&dyn Value> = values.iter().map(|value| *value as &dyn Value).collect();
    let answers = compile(&inputs, outputs, &Mode::run()).unwrap().call(&values).unwrap();
    answers.into_values().iter().map(|value| value.to_floats().unwrap()).collect()
}

/// Merging before differentiation gives 6 or 4.
#[test]
fn ops_that_differ_in_their_gradient_only_are_equal() {
    let x = scalar("x");
    let both = add(&grad_scale(&x, 2.0).unwrap(), &grad_scale(&x, 3.0).unwrap()).unwrap();
    let merged = rewrite(&[both], &Mode::run()).unwrap().remove(0);
    let gradient = grad(&merged, std::slice::from_ref(&x)).unwrap();
    assert_eq!(at(&[&x], &gradient, &[&Tensor::scalar(1.0)]), [[5.0]]);
}

#[test]
fn constants_with_nan_are_merged_with_others() {
    let x = scalar("x");
    let shifted = |other: f64| add(&constant(vec![f64::NAN, other]), &x).unwrap();
    let answers = at(&[&x], &[shifted(1.0), shifted(2.0)], &[&Tensor::scalar(0.0)]);
    assert!(answers.iter().all(|answer| answer[0].is_nan()), "{answers:?}");
    assert_eq!([answers[0][1], answers[1][1]], [1.0, 2.0]);
}

#[test]
fn of_an_output_that_is_named_twice_the_last_cotangent_counts() {
    let x = scalar("x");
    let y = mul(&x, 2.0).unwrap();
    let cotangents = [constant(1.0), constant(5.0)];
    let pulled = lop(&[y.clone(), y], std::slice::from_ref(&x), &cotangents).unwrap();
    assert_eq!(at(&[&x], &pulled, &[&Tensor::scalar(3.0)]), [[12.0]]);
    // An output that is the input itself.
    let pulled = lop(&[x.clone(), x.clone()], std::slice::from_ref(&x), &cotangents).unwrap();
    assert_eq!(at(&[&x], &pulled, &[&Tensor::scalar(3.0)]), [[6.0]]);
}

#[test]
fn the_tangent_of_zero_grad_is_one_zero_whatever_the_shape() {
    let (x, t) = (vector("x"), vector("t"));
    let y = add(&zero_grad(&x).unwrap(), &x).unwrap();
    let tangents = rop(&[y], std::slice::from_ref(&x), std::slice::from_ref(&t)).unwrap();
    let [point, direction] = [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]].map(|data| Tensor::vector(data.to_vec()));
    assert_eq!(at(&[&x, &t], &tangents, &[&point, &direction]), [[4.0, 5.0, 6.0]]);
}

#[test]
fn the_hessian_knows_vectors_only_and_no_blocks() {
    let (a, x) = (matrix("A"), vector("x"));
    let cost = sum(&sqr(&matmul(&a, &x).unwrap()).unwrap()).unwrap();
    let blocks = hessian(&cost, &[a.clone(), x.clone()]).unwrap().concat();
    // `Σ (a₀x₀ + a₁x₁)²` of one row.
    let row = Tensor::new(&[1, 2], vec![3.0, 5.0]).unwrap();
    let answers = at(&[&a, &x], &blocks, &[&row, &Tensor::vector(vec![2.0, 7.0])]);
    assert_eq!(answers[0], [8.0, 28.0, 28.0, 98.0]);
    assert_eq!(answers[1], [94.0, 20.0, 42.0, 152.0]);
    assert_eq!(answers[2], [94.0, 42.0, 20.0, 152.0]);
    assert_eq!(answers[3], [18.0, 30.0, 30.0, 50.0]);
}

#[test]
fn the_reason_why_there_is_no_gradient_is_lost() {
    let x = scalar("x");
    let y = exp(&undefined_grad(&x).unwrap()).unwrap();
    let error = grad(&y, std::slice::from_ref(&x)).unwrap_err().to_string();
    assert!(error.contains("undefined_grad declares it to be so"), "{error}");
}
