//! Functions: what flows from several sides, modes, depth, threads.

use kronograph::graph::Gradient;
use kronograph::prelude::*;

fn floats(inputs: &[Variable], outputs: &[Variable], values: &[&dyn Value], mode: &Mode) -> Vec<Vec<f64>> {
    let answers = compile(inputs, outputs, mode).unwrap().call(values).unwrap();
    answers.into_values().iter().map(|value| value.to_floats().unwrap()).collect()
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
