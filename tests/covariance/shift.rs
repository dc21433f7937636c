//! Shifted Kronecker products against golden numbers, at equal eigenvalues too.

use kronograph::ops::{eigh_factor, kron_shift_logdet, kron_shift_solve};
use kronograph::prelude::*;

use crate::golden::{TOLERANCE, assert_close, example, matrix_of, numbers};

/// A cotangent of a symmetric matrix, folded onto the lower triangle, which is what is read.
fn folded(full: &[f64], n: usize) -> Vec<f64> {
    let entry = |i: usize, j: usize| match i.cmp(&j) {
        std::cmp::Ordering::Less => 0.0,
        std::cmp::Ordering::Equal => full[i * n + j],
        std::cmp::Ordering::Greater => full[i * n + j] + full[j * n + i],
    };
    (0..n * n).map(|at| entry(at / n, at % n)).collect()
}

#[test]
fn solve_log_determinant_and_gradient_are_golden() {
    let golden = example("e_kron_plus_scaled_identity");
    let (a, b, s, y) = (matrix("a"), matrix("b"), scalar("s"), vector("y"));
    let factors = [eigh_factor(&a).unwrap(), eigh_factor(&b).unwrap()];
    let x = kron_shift_solve(&factors, &s, &y, 0).unwrap();
    let (sign, logdet) = kron_shift_logdet(&factors, &s).unwrap();
    let quad = matmul(&y, &x).unwrap();
    let inputs = [a, b, s, y];
    let mut outputs = vec![x, logdet.clone(), quad.clone(), sign];
    outputs.extend(grad(&(logdet + quad), &inputs).unwrap());
    let of = |key: &str| &golden["inputs"][key];
    let s2 = Tensor::scalar(of("s2").as_f64().unwrap());
    let mut f = compile(&inputs, &outputs, &Mode::run()).unwrap();
    let out = f.call(&[&matrix_of(of("A")), &matrix_of(of("B")), &s2, &Tensor::vector(numbers(of("y")))]).unwrap();
    let got = |k: usize| out.get::<Tensor>(k).unwrap().to_vec::<f64>().unwrap();
    for (k, key) in ["x", "logdet", "quad"].iter().enumerate() {
        assert_close(key, &got(k), &numbers(&golden["outputs"][key]), TOLERANCE);
    }
    assert_eq!(got(3), [1.0]);
    let bars = |key: &str| numbers(&golden["gradients"][key]);
    assert_close("A", &got(4), &folded(&bars("A_bar"), 2), TOLERANCE);
    assert_close("B", &got(5), &folded(&bars("B_bar"), 3), TOLERANCE);
    assert_close("s", &got(6), &bars("s2_bar"), TOLERANCE);
    assert_close("y", &got(7), &bars("y_bar"), TOLERANCE);
    assert_eq!(f.counts().get("numeric"), Some(&2), "one decomposition of each factor serves everything");
}

#[test]
fn second_derivatives_of_the_log_determinant_are_golden_at_equal_eigenvalues_too() {
    let golden = example("e_kron_shift_logdet_second_order");
    let (a, b, s) = (matrix("a"), matrix("b"), scalar("s"));
    let logdet = kron_shift_logdet(&[eigh_factor(&a).unwrap(), eigh_factor(&b).unwrap()], &s).unwrap().1;
    let of = |key: &str| matrix_of(&golden["inputs"][key]);
    let (da, da2, db, one) = (constant(of("dA")), constant(of("dA2")), constant(of("dB")), constant(1.0));
    let along = |f: &Variable, x: &Variable, t: &Variable| {
        rop(std::slice::from_ref(f), std::slice::from_ref(x), std::slice::from_ref(t)).unwrap().remove(0)
    };
    let by_a = along(&logdet, &a, &da);
    let by_s = along(&logdet, &s, &one);
    let outputs = [along(&by_a, &a, &da2), along(&by_a, &b, &db), along(&by_a, &s, &one), along(&by_s, &s, &one)];
    // The same by reverse mode, twice.
    let bar = grad(&logdet, std::slice::from_ref(&a)).unwrap().remove(0);
    let twice = grad(&sum(&(&bar * &da)).unwrap(), std::slice::from_ref(&a)).unwrap().remove(0);
    let reverse = sum(&(twice * &da2)).unwrap();
    let mut f = compile(&[a, b, s], &[&outputs[..], &[reverse]].concat(), &Mode::run()).unwrap();
    let s2 = Tensor::scalar(golden["inputs"]["s2"].as_f64().unwrap());
    let out = f.call(&[&of("A"), &of("B"), &s2]).unwrap();
    for (k, key) in ["d2_dA_dA2", "d2_dA_dB", "d2_dA_ds2", "d2_ds2_ds2", "d2_dA_dA2"].iter().enumerate() {
        assert_close(key, &[out.scalar(k).unwrap()], &numbers(&golden["outputs"][key]), TOLERANCE);
    }
    let equal = Tensor::new(&[2, 2], vec![2.0, 0.0, 0.0, 2.0]).unwrap();
    let out = f.call(&[&equal, &of("B"), &s2]).unwrap();
    let want = numbers(&golden["outputs"]["d2_dA_dA2_at_A_equal_2I"]);
    assert_close("forward", &[out.scalar(0).unwrap()], &want, TOLERANCE);
    assert_close("reverse", &[out.scalar(4).unwrap()], &want, TOLERANCE);
}

#[test]
fn a_shift_that_makes_it_singular_is_an_error_that_a_sampler_may_reject() {
    let (a, s, y) = (matrix("a"), scalar("s"), vector("y"));
    let factors = [eigh_factor(&a).unwrap(), eigh_factor(&a).unwrap()];
    let x = kron_shift_solve(&factors, &s, &y, 0).unwrap();
    let (sign, log) = kron_shift_logdet(&factors, &s).unwrap();
    let mut solve = compile(&[a.clone(), s.clone(), y], &[x], &Mode::run()).unwrap();
    let mut logdet = compile(&[a, s], &[sign, log], &Mode::run()).unwrap();
    let diagonal = Tensor::new(&[2, 2], vec![1.0, 0.0, 0.0, 2.0]).unwrap();
    let (minus_two, ones) = (Tensor::scalar(-2.0), Tensor::vector(vec![1.0; 4]));
    assert!(solve.call(&[&diagonal, &minus_two, &ones]).unwrap_err().is_recoverable());
    let out = logdet.call(&[&diagonal, &minus_two]).unwrap();
    assert_eq!((out.scalar(0).unwrap(), out.scalar(1).unwrap()), (0.0, f64::NEG_INFINITY));
    let minus_three = Tensor::scalar(-3.0);
    let out = logdet.call(&[&diagonal, &minus_three]).unwrap();
    // -2, -1, -1 and 1.
    assert_eq!((out.scalar(0).unwrap(), out.scalar(1).unwrap()), (-1.0, 2.0f64.ln()));
}

#[test]
fn what_is_small_beside_the_shift_keeps_its_digits() {
    let (a, b, s) = (matrix("a"), matrix("b"), scalar("s"));
    let factors = [eigh_factor(&a).unwrap(), eigh_factor(&b).unwrap()];
    let (_, log) = kron_shift_logdet(&factors, &s).unwrap();
    let mut f = compile(&[a, b, s], &[log], &Mode::run()).unwrap();
    let diagonal = |x: f64, y: f64| Tensor::new(&[2, 2], vec![x, 0.0, 0.0, y]).unwrap();
    let out = f.call(&[&diagonal(1e-20, 3e-20), &diagonal(1.0, 2.0), &Tensor::scalar(1.0)]).unwrap();
    // The sum of 1, 2, 3 and 6, as `1 + w` would round to 1.
    assert_close("logdet", &[out.scalar(0).unwrap()], &[1.2e-19], 1e-14);
}
