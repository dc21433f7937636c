//! Differentiation, merging and threads.

use kronograph::graph::{Gradient, grad_scale, zero_grad};
use kronograph::prelude::*;

fn floats(inputs: &[Variable], outputs: &[Variable], values: &[&dyn Value], mode: &Mode) -> Vec<Vec<f64>> {
    let answers = compile(inputs, outputs, mode).unwrap().call(values).unwrap();
    answers.into_values().iter().map(|value| value.to_floats().unwrap()).collect()
}

/// Two factors of `grad_scale` compare equal, so one of them is used for both.
#[test]
fn merging_before_differentiation_loses_a_factor_of_the_gradient() {
    let x = vector("x");
    let parts = [grad_scale(&x, 2.0).unwrap(), grad_scale(&x, 3.0).unwrap()];
    let cost = rewrite(&[sum(&(&parts[0] + &parts[1])).unwrap()], &Mode::run()).unwrap().remove(0);
    let gradient = grad(&cost, std::slice::from_ref(&x)).unwrap();
    assert_eq!(floats(&[x], &gradient, &[&Tensor::vector(vec![1.0])], &Mode::run()), [[5.0]]);
}

/// Of two cotangents of one variable, the last one replaces the first.
#[test]
fn only_the_last_cotangent_of_an_output_that_is_given_twice_counts() {
    let x = scalar("x");
    let cotangents = [constant(1.0), constant(5.0)];
    let pulled = lop(&[x.clone(), x.clone()], std::slice::from_ref(&x), &cotangents).unwrap();
    assert_eq!(floats(&[x], &pulled, &[&Tensor::scalar(0.0)], &Mode::raw()), [[6.0]]);
}

/// A known cotangent replaces what flows from the cost without a word; there is no way to add to it.
#[test]
fn a_known_cotangent_silently_overrides_what_flows_from_the_cost() {
    let x = scalar("x");
    let y = sqr(&x).unwrap();
    let cost = 10.0 * &y;
    let wrt = std::slice::from_ref(&x);
    let replaced = Gradient::of(&cost).unwrap().known(std::slice::from_ref(&y), &[constant(1.0)]).unwrap();
    let added = Gradient::of_outputs(&[cost.clone(), y.clone()], &[constant(1.0), constant(1.0)]).unwrap();
    let outputs = [replaced.wrt(wrt).unwrap(), added.wrt(wrt).unwrap()].concat();
    assert_eq!(floats(&[x], &outputs, &[&Tensor::scalar(3.0)], &Mode::run()), [[6.0], [66.0]]);
}

/// The tangent of `zero_grad` has one element, whatever the shape.
#[test]
fn the_tangent_of_zero_grad_has_the_wrong_shape() {
    let x = vector("x");
    let y = zero_grad(&exp(&x).unwrap()).unwrap() * &x;
    let direction = constant(vec![1.0, 1.0, 1.0]);
    let pushed = rop(&[y], std::slice::from_ref(&x), &[direction]).unwrap();
    assert_eq!(floats(&[x], &pushed, &[&Tensor::vector(vec![0.0; 3])], &Mode::raw()), [[1.0, 1.0, 1.0]]);
}

/// Constants that hold NaN are taken for equal although they differ elsewhere.
#[test]
fn arrays_with_nan_are_merged_though_they_differ() {
    let x = vector("x");
    let parts = [vec![f64::NAN, 1.0], vec![f64::NAN, 2.0]].map(|values| &x + &constant(values));
    let answers = floats(&[x], &parts, &[&Tensor::vector(vec![0.0, 0.0])], &Mode::run());
    assert_eq!([answers[0][1], answers[1][1]], [1.0, 2.0]);
}

/// The log-determinant is finite in one mode, and minus infinity in another.
#[test]
fn modes_disagree_on_a_small_log_determinant() {
    let a = matrix("a");
    let (_, log) = slogdet(&a).unwrap();
    let gradient = grad(&log, std::slice::from_ref(&a)).unwrap().remove(0);
    let mut small = vec![0.0; 200 * 200];
    (0..200).for_each(|k| small[k * 201] = 1e-3);
    let small = Tensor::new(&[200, 200], small).unwrap();
    for mode in [Mode::raw(), Mode::run()] {
        let answers = floats(std::slice::from_ref(&a), &[log.clone(), gradient.clone()], &[&small], &mode);
        assert!((answers[0][0] + 200.0 * 1e3_f64.ln()).abs() < 1e-9, "{}", answers[0][0]);
        assert!((0..200).all(|k| (answers[1][k * 201] - 1e3).abs() < 1e-9));
    }
}

/// A chain of 1,600 steps exhausts the stack.
#[test]
fn the_gradient_of_a_long_chain_fails() {
    let x = scalar("x");
    let chain = (0..20_000).fold(x.clone(), |y, _| y * 1.0001);
    let gradient = grad(&chain, std::slice::from_ref(&x)).unwrap();
    let slope = floats(&[x], &gradient, &[&Tensor::scalar(1.0)], &Mode::raw())[0][0];
    assert!((slope / 1.0001_f64.powi(20_000) - 1.0).abs() < 1e-9, "{slope}");
}

/// Concurrent calls of one function give wrong numbers.
#[test]
fn functions_on_several_threads_overwrite_each_other() {
    let x = vector("x");
    let function = compile(std::slice::from_ref(&x), &[exp(&(&x * 2.0)).unwrap()], &Mode::run()).unwrap();
    std::thread::scope(|scope| {
        for k in 0..4 {
            let mut fork = function.fork();
            scope.spawn(move || {
                let at = Tensor::vector(vec![f64::from(k); 1000]);
                for _ in 0..100 {
                    let answers = fork.call(&[&at]).unwrap().into_values();
                    assert!(answers[0].to_floats().unwrap().iter().all(|y| *y == (2.0 * f64::from(k)).exp()));
                }
            });
        }
    });
}
