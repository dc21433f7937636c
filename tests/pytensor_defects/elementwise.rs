//! Elementwise functions and literals.

use kronograph::ops::{DType, Tensor, gammainc, gammaincc, log1mexp, logaddexp, xlogy};
use kronograph::prelude::*;

/// The output at a point, as written and as compiled.
fn at(inputs: &[Variable], output: &Variable, values: &[Tensor]) -> [Vec<f64>; 2] {
    let values: Vec<&dyn Value> = values.iter().map(|value| value as &dyn Value).collect();
    let call = |mode| compile(inputs, std::slice::from_ref(output), &mode).unwrap().call(&values).unwrap();
    [Mode::raw(), Mode::run()].map(|mode| call(mode).get::<Tensor>(0).unwrap().to_vec::<f64>().unwrap())
}

fn gradient(output: &Variable, x: &Variable) -> Variable {
    grad(&sum(output).unwrap(), std::slice::from_ref(x)).unwrap().remove(0)
}

#[test]
fn a_literal_of_more_digits_widens_f32() {
    let x = tensor("x", DType::F32, &[None]);
    for literal in [1.0, 1.1] {
        assert_eq!((&x + literal).ty().to_string(), "f32 (?,)", "x + {literal}");
    }
}

#[test]
fn the_square_of_a_narrow_literal_overflows() {
    // Both are literals: nothing but the numbers says how wide they are.
    let square = mul(100, 100).unwrap();
    assert_eq!(at(&[], &cast(&square, DType::F64).unwrap(), &[]), [[10_000.0], [10_000.0]]);
}

#[test]
fn zeros_of_both_signs_are_merged() {
    let x = vector("x");
    let zeros = add(&true_div(&x, 0.0).unwrap(), &neg(&true_div(&x, -0.0).unwrap()).unwrap()).unwrap();
    for got in at(&[x], &zeros, &[Tensor::vector(vec![1.0])]) {
        assert_eq!(got, [f64::INFINITY]);
    }
}

#[test]
fn zero_over_zero_and_what_vanishes_times_nan_are_rewritten_away() {
    let x = vector("x");
    let point = || [Tensor::vector(vec![0.0, f64::NAN, f64::INFINITY])];
    for got in at(std::slice::from_ref(&x), &true_div(&x, &x).unwrap(), &point()) {
        assert!(got.iter().all(|y| y.is_nan()), "{got:?}");
    }
    for got in at(std::slice::from_ref(&x), &sub(&x, &x).unwrap(), &point()) {
        assert!(got[0] == 0.0 && got[1].is_nan() && got[2].is_nan(), "{got:?}");
    }
    for got in at(std::slice::from_ref(&x), &mul(&x, 0.0).unwrap(), &point()) {
        assert!(got[0] == 0.0 && got[1].is_nan() && got[2].is_nan(), "{got:?}");
    }
}

#[test]
fn the_gradient_of_a_choice_needs_a_rewrite_to_be_a_number() {
    let x = vector("x");
    let safe = switch(&gt(&x, 0.0).unwrap(), &log(&x).unwrap(), 0.0).unwrap();
    for got in at(std::slice::from_ref(&x), &gradient(&safe, &x), &[Tensor::vector(vec![2.0, 0.0, -1.0])]) {
        assert_eq!(got, [0.5, 0.0, 0.0]);
    }
}

#[test]
fn logaddexp_overflows_unless_it_is_rewritten() {
    let x = vector("x");
    let both = logaddexp(&x, &x).unwrap();
    for got in at(std::slice::from_ref(&x), &both, &[Tensor::vector(vec![1000.0, -1000.0])]) {
        assert_eq!(got, [1000.0 + std::f64::consts::LN_2, -1000.0 + std::f64::consts::LN_2]);
    }
    for got in at(std::slice::from_ref(&x), &gradient(&both, &x), &[Tensor::vector(vec![1000.0, -1000.0])]) {
        assert_eq!(got, [1.0, 1.0]);
    }
}

#[test]
fn the_gradient_of_xlogy_does_not_sum_over_repeated_axes() {
    let (a, b) = (tensor("a", DType::F64, &[Some(1), None]), tensor("b", DType::F64, &[None, Some(1)]));
    let gradient = gradient(&xlogy(&a, &b).unwrap(), &a);
    let values = [Tensor::new(&[1, 1], vec![3.0]).unwrap(), Tensor::new(&[2, 1], vec![1.0, 1.0]).unwrap()];
    for got in at(&[a, b], &gradient, &values) {
        assert_eq!(got, [0.0]);
    }
}

/// The true value was computed with 50 digits.
#[test]
fn the_gradient_of_gammaincc_in_its_parameter_has_four_digits() {
    let (a, x) = (vector("a"), vector("x"));
    let point = || [Tensor::vector(vec![3.156]), Tensor::vector(vec![0.589])];
    for (p, sign) in [(gammainc(&a, &x), 1.0), (gammaincc(&a, &x), -1.0)] {
        for got in at(&[a.clone(), x.clone()], &gradient(&p.unwrap(), &a), &point()) {
            assert!((got[0] * sign / TRUE - 1.0).abs() < 1e-14, "{got:?}");
        }
    }
    const TRUE: f64 = -0.030829859496027245;
}

#[test]
fn the_second_derivative_of_log1mexp_is_nan_far_out() {
    let x = vector("x");
    let second = gradient(&gradient(&log1mexp(&x).unwrap(), &x), &x);
    for got in at(std::slice::from_ref(&x), &second, &[Tensor::vector(vec![-800.0])]) {
        assert_eq!(got, [0.0]);
    }
}

#[test]
fn slopes_far_out_are_lost_to_cancellation() {
    let x = vector("x");
    let slope = |f: Variable, at_x: f64| at(std::slice::from_ref(&x), &gradient(&f, &x), &[Tensor::vector(vec![at_x])]);
    for got in slope(sigmoid(&x).unwrap(), 40.0) {
        assert_eq!(got, [4.248354255291589e-18]);
    }
    for got in slope(tanh(&x).unwrap(), 20.0) {
        assert!((got[0] / 1.6993417021166355e-17 - 1.0).abs() < 1e-14, "{got:?}");
    }
}
