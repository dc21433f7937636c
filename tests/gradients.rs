//! Options of differentiation, identities with derivatives of their own, Jacobians and Hessians: against numbers that
//! are known.

#![allow(clippy::unwrap_used, reason = "a test may")]

use kronograph::graph::{
    Grad, Gradient, Missing, OpFromGraph, grad_scale, rop_kinds, stop_gradient, substitute, undefined_grad, zero_grad,
};
use kronograph::ops::{Jacobian, grad_clip, hessian, jacobian};
use kronograph::prelude::*;

fn numbers(inputs: &[(&Variable, Tensor)], output: &Variable) -> Vec<f64> {
    let variables: Vec<Variable> = inputs.iter().map(|(variable, _)| (*variable).clone()).collect();
    let values: Vec<&dyn Value> = inputs.iter().map(|(_, value)| value as &dyn Value).collect();
    let raw = run(&variables, &values, output, &Mode::raw());
    let rewritten = run(&variables, &values, output, &Mode::run());
    assert_eq!(raw.0, rewritten.0, "shape");
    for (a, b) in raw.1.iter().zip(&rewritten.1) {
        assert!((a - b).abs() <= 1e-12 * a.abs().max(1.0), "{a} as written, {b} rewritten");
    }
    raw.1
}

fn run(inputs: &[Variable], values: &[&dyn Value], output: &Variable, mode: &Mode) -> (Vec<usize>, Vec<f64>) {
    let mut function = compile(inputs, std::slice::from_ref(output), mode).unwrap();
    let out = function.call(values).unwrap();
    let tensor = out.get::<Tensor>(0).unwrap();
    (tensor.shape().to_vec(), tensor.to_vec().unwrap())
}

fn at(x: f64) -> Tensor {
    Tensor::scalar(x)
}

#[test]
fn consider_constant_cuts_the_path_and_leaves_the_value() {
    let x = scalar("x");
    let y = sqr(&x).unwrap();
    let cost = mul(&y, &x).unwrap();
    let cut = Gradient::of(&cost).unwrap().consider_constant(std::slice::from_ref(&y));
    let g = cut.wrt(std::slice::from_ref(&x)).unwrap().remove(0);
    assert_eq!(numbers(&[(&x, at(3.0))], &g), [9.0], "y alone, not 3 x^2");
    let kinds = cut.kinds(&[y]).unwrap();
    assert!(matches!(kinds[0], Grad::Disconnected), "{kinds:?}");
}

#[test]
fn known_gradients_replace_what_flows_from_the_cost() {
    // PyTensor's own example: with cost exp(s), s = sum x, and a known gradient 5 for s, the gradient of x is 5.
    let (x, known) = (vector("x"), scalar("known"));
    let s = sum(&x).unwrap();
    let cost = exp(&s).unwrap();
    let gradient = Gradient::of(&cost).unwrap().known(std::slice::from_ref(&s), std::slice::from_ref(&known)).unwrap();
    let g = gradient.wrt(std::slice::from_ref(&x)).unwrap().remove(0);
    let values = [(&x, Tensor::vector(vec![1.0, 2.0])), (&known, at(5.0))];
    assert_eq!(numbers(&values, &g), [5.0, 5.0]);
    let twice = gradient.known(std::slice::from_ref(&s), std::slice::from_ref(&known)).unwrap_err().to_string();
    assert!(twice.contains("given twice"), "{twice}");
    // Outputs that repeat, and outputs beside a cost, are summed.
    let both = lop(&[s.clone(), s], std::slice::from_ref(&x), &[known.clone(), known.clone()]).unwrap().remove(0);
    assert_eq!(numbers(&values, &both), [10.0, 10.0]);
}

#[test]
fn what_the_cost_does_not_depend_on_is_refused_zero_or_told() {
    let (x, y) = (scalar("x"), vector("y"));
    let cost = sqr(&x).unwrap();
    let gradient = Gradient::of(&cost).unwrap();
    let error = gradient.wrt(std::slice::from_ref(&y)).unwrap_err().to_string();
    assert!(error.contains("`y`") && error.contains("not connected"), "{error}");
    assert!(matches!(gradient.kinds(std::slice::from_ref(&y)).unwrap()[0], Grad::Disconnected));
    let zeros = gradient.missing(Missing::Zeros).wrt(std::slice::from_ref(&y)).unwrap().remove(0);
    assert_eq!(numbers(&[(&y, Tensor::vector(vec![1.0, 2.0]))], &zeros), [0.0, 0.0]);
}

#[test]
fn identities_change_the_derivative_and_no_value() {
    let x = scalar("x");
    let derivative = |y: &Variable| grad(&mul(y, &x).unwrap(), std::slice::from_ref(&x)).unwrap().remove(0);
    let value = [(&x, at(3.0))];
    // d(x * x)/dx = 6, half of it through each factor.
    for (y, want) in [
        (stop_gradient(&x).unwrap(), 3.0),
        (zero_grad(&x).unwrap(), 3.0),
        (grad_scale(&x, 10.0).unwrap(), 33.0),
        (grad_clip(&x, -1.0, 2.0).unwrap(), 5.0),
    ] {
        assert_eq!(numbers(&value, &y), [3.0], "{y:?}");
        assert_eq!(numbers(&value, &derivative(&y)), [want], "{y:?}");
    }
    // Forward mode agrees where the rule is linear; through a clip, which is for cotangents, a tangent passes.
    let push = |y: &Variable| rop(&[mul(y, &x).unwrap()], std::slice::from_ref(&x), &[constant(1.0)]);
    assert_eq!(numbers(&value, &push(&grad_scale(&x, 10.0).unwrap()).unwrap()[0]), [33.0]);
    assert_eq!(numbers(&value, &push(&stop_gradient(&x).unwrap()).unwrap()[0]), [3.0]);
    assert_eq!(numbers(&value, &push(&grad_clip(&x, -1.0, 2.0).unwrap()).unwrap()[0]), [6.0]);
    // An undefined derivative is an error, unless it is asked for as a kind.
    let undefined = mul(&undefined_grad(&x).unwrap(), &x).unwrap();
    let error = grad(&undefined, std::slice::from_ref(&x)).unwrap_err().to_string();
    assert!(error.contains("undefined_grad declares it"), "{error}");
    let kinds = Gradient::of(&undefined).unwrap().kinds(std::slice::from_ref(&x)).unwrap();
    assert!(matches!(kinds[0], Grad::Undefined { .. }));
    let stopped = stop_gradient(&x).unwrap();
    assert!(matches!(Gradient::of(&stopped).unwrap().kinds(std::slice::from_ref(&x)).unwrap()[0], Grad::Disconnected));
    assert!(matches!(
        Gradient::of(&zero_grad(&x).unwrap()).unwrap().kinds(std::slice::from_ref(&x)).unwrap()[0],
        Grad::Zero
    ));
    assert!(grad_scale(&x, f64::NAN).is_err() && grad_clip(&x, 2.0, 1.0).is_err());
}

#[test]
fn a_rule_of_the_users_own_replaces_the_derivative() {
    let x = scalar("x");
    let doubled = OpFromGraph::new("doubled", std::slice::from_ref(&x), &[mul(2.0, &x).unwrap()]).unwrap();
    let lying = doubled.clone().with_vjp(|_, g| Ok(vec![mul(7.0, g[0].as_ref().unwrap())?.into()]));
    let y = scalar("y");
    let value = [(&y, at(1.5))];
    for (op, slope) in [(&doubled, 2.0), (&lying, 7.0)] {
        let out = op.call(std::slice::from_ref(&y)).unwrap().remove(0);
        assert_eq!(numbers(&value, &out), [3.0]);
        assert_eq!(numbers(&value, &grad(&out, std::slice::from_ref(&y)).unwrap()[0]), [slope]);
        assert_eq!(numbers(&value, &rop(&[out], std::slice::from_ref(&y), &[constant(1.0)]).unwrap()[0]), [slope]);
    }
    assert_ne!(doubled, lying);
    let again = OpFromGraph::new("doubled", std::slice::from_ref(&y), &[mul(2.0, &y).unwrap()]).unwrap();
    assert_eq!(doubled, again, "equal by structure, whatever the names are");
    let error = doubled.call(&[vector("v")]).unwrap_err().to_string();
    assert!(error.contains("doubled") && error.contains("`v`"), "{error}");
}

#[test]
fn jacobians_of_any_shape_by_rows_columns_and_chunks() {
    // f(x)[k] = x[0, k] x[1, k]^2, so the Jacobian has shape (3, 2, 3).
    let x = tensor("x", DType::F64, &[Some(2), Some(3)]);
    let row = |i| subtensor(&x, &[Index::at(i)]).unwrap();
    let f = mul(&row(0), &sqr(&row(1)).unwrap()).unwrap();
    let value = [(&x, Tensor::new(&[2, 3], vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0]).unwrap())];
    let mut want = vec![0.0; 18];
    for k in 0..3 {
        let (a, b) = (k as f64 + 1.0, k as f64 + 4.0);
        want[6 * k + k] = b * b;
        want[6 * k + 3 + k] = 2.0 * a * b;
    }
    for built in [jacobian(&f, &x), Jacobian::of(&f, &x).reverse().build(), Jacobian::of(&f, &x).forward().build()] {
        assert_eq!(numbers(&value, &built.unwrap()), want);
    }
    let chunk = Jacobian::of(&f, &x).rows(1..3).build().unwrap();
    assert_eq!(numbers(&value, &chunk), want[6..]);
    assert!(Jacobian::of(&f, &x).rows(1..4).build().is_err());
    // A chunk asks for no more memory than it has elements, whatever the length of f is; and must lie in f.
    let long = tensor("long", DType::F64, &[Some(1_000_000)]);
    let chunk = Jacobian::of(&sqr(&long).unwrap(), &long).rows(1..2).build().unwrap();
    let row = numbers(&[(&long, Tensor::vector(vec![1.5; 1_000_000]))], &chunk);
    assert_eq!((row.len(), &row[..3]), (1_000_000, &[0.0, 3.0, 0.0][..]));
    let free = vector("free");
    assert!(Jacobian::of(&free, &free).rows(0..usize::MAX).build().is_err());
    let beyond = Jacobian::of(&sqr(&free).unwrap(), &free).rows(1..4).build().unwrap();
    let mut beyond = compile(&[free], &[beyond], &Mode::run()).unwrap();
    assert!(beyond.call(&[&Tensor::vector(vec![1.0, 2.0, 3.0])]).is_err());
    assert!(Jacobian::of(&f, &x).forward().rows(0..1).build().is_err());
    // Static lengths unknown, and a scalar output.
    let y = vector("y");
    let g = jacobian(&sum(&sqr(&y).unwrap()).unwrap(), &y).unwrap();
    assert_eq!(numbers(&[(&y, Tensor::vector(vec![1.0, -2.0]))], &g), [2.0, -4.0]);
    assert_eq!(numbers(&[(&y, Tensor::vector::<f64>(vec![]))], &g), []);
    assert!(jacobian(&f, &y).is_err(), "not connected");
}

#[test]
fn hessians_have_all_their_blocks() {
    // cost = a^2 sum_k x_k^2 y_kl: blocks by a (), x (2), y (2, 2).
    let (a, x, y) = (scalar("a"), vector("x"), matrix("y"));
    let column = reshape(&sqr(&x).unwrap(), [-1, 1]).unwrap();
    let cost = mul(&sqr(&a).unwrap(), &sum(&mul(&column, &y).unwrap()).unwrap()).unwrap();
    let blocks = hessian(&cost, &[a.clone(), x.clone(), y.clone()]).unwrap();
    let values = [
        (&a, at(2.0)),
        (&x, Tensor::vector(vec![1.0, 3.0])),
        (&y, Tensor::new(&[2, 2], vec![1.0, 2.0, 3.0, 4.0]).unwrap()),
    ];
    let block = |i: usize, j: usize| numbers(&values, &blocks[i][j]);
    let r = [3.0, 7.0];
    assert_eq!(block(0, 0), [2.0 * (r[0] + 9.0 * r[1])]);
    assert_eq!(block(0, 1), [8.0 * r[0], 24.0 * r[1]]);
    assert_eq!(block(1, 0), block(0, 1));
    assert_eq!(block(1, 1), [8.0 * r[0], 0.0, 0.0, 8.0 * r[1]]);
    assert_eq!(block(0, 2), [4.0, 4.0, 36.0, 36.0]);
    assert_eq!(block(1, 2), [8.0, 8.0, 0.0, 0.0, 0.0, 0.0, 24.0, 24.0]);
    assert_eq!(block(2, 1), [8.0, 0.0, 8.0, 0.0, 0.0, 24.0, 0.0, 24.0]);
    assert_eq!(block(2, 2), [0.0; 16]);
    // A Hessian is an expression: it can be differentiated. d(8 r0)/dy00 at x = (1, 3), a = 2.
    let third = grad(&sum(&blocks[1][1]).unwrap(), std::slice::from_ref(&y)).unwrap().remove(0);
    assert_eq!(numbers(&values, &third), [8.0; 4]);
}

#[test]
fn substitution_is_simultaneous_and_checked() {
    let (x, y) = (scalar("x"), scalar("y"));
    let difference = sub(&x, &mul(2.0, &y).unwrap()).unwrap();
    let swapped = substitute(&[difference], &[(x.clone(), y.clone()), (y.clone(), x.clone())]).unwrap();
    assert_eq!(numbers(&[(&x, at(1.0)), (&y, at(10.0))], &swapped[0]), [8.0]);
    assert!(substitute(&swapped, &[(x.clone(), vector("v"))]).is_err());
    assert!(substitute(&swapped, &[(x.clone(), y.clone()), (x.clone(), x)]).is_err());
}

#[test]
fn the_kinds_of_forward_mode() {
    let (x, y) = (scalar("x"), scalar("y"));
    let outputs = [sqr(&x).unwrap(), sqr(&y).unwrap(), undefined_grad(&x).unwrap()];
    let kinds = rop_kinds(&outputs, std::slice::from_ref(&x), &[constant(1.0)]).unwrap();
    assert!(matches!(kinds[..], [Grad::Var(_), Grad::Disconnected, Grad::Undefined { .. }]), "{kinds:?}");
}

#[test]
fn forward_mode_is_the_adjoint_of_reverse_mode_where_wrt_depends_on_wrt() {
    let x = scalar("x");
    let y = sqr(&x).unwrap();
    let f = sqr(&y).unwrap();
    let wrt = [x.clone(), y, x.clone()];
    let pushed = rop(std::slice::from_ref(&f), &wrt, &[constant(1.0), constant(10.0), constant(100.0)]).unwrap();
    let pulled = lop(&[f], &wrt, &[constant(1.0)]).unwrap();
    let value = [(&x, at(2.0))];
    let parts: Vec<f64> = pulled.iter().map(|part| numbers(&value, part)[0]).collect();
    assert_eq!(parts, [32.0, 8.0, 32.0]);
    assert_eq!(numbers(&value, &pushed[0]), [32.0 + 10.0 * 8.0 + 100.0 * 32.0]);
}

#[test]
fn a_forward_rule_is_transposed_and_checked() {
    let (x, y) = (vector("x"), vector("y"));
    let value = [(&y, Tensor::vector(vec![1.0, 2.0]))];
    let op = OpFromGraph::new("two", std::slice::from_ref(&x), &[sum(&sqr(&x).unwrap()).unwrap(), neg(&x).unwrap()])
        .unwrap();
    let gradient = |op: OpFromGraph| {
        let both = op.call(std::slice::from_ref(&y)).unwrap();
        grad(&add(&both[0], &sum(&both[1]).unwrap()).unwrap(), std::slice::from_ref(&y)).map(|mut g| g.remove(0))
    };
    // The transpose of a sum reads the shape of the tangent.
    let right = op.clone().with_jvp(|node, t| {
        let t = t[0].as_ref().unwrap();
        Ok(vec![mul(2.0, &sum(&mul(node.input(0), t)?)?)?.into(), neg(t)?.into()])
    });
    assert_eq!(numbers(&value, &gradient(right).unwrap()), [1.0, 3.0]);
    let zero = op.clone().with_jvp(|_, _| Ok(vec![Grad::Zero, Grad::Zero]));
    assert_eq!(numbers(&value, &gradient(zero).unwrap()), [0.0, 0.0]);
    let short = op.clone().with_jvp(|_, t| Ok(vec![sum(t[0].as_ref().unwrap())?.into()]));
    let error = gradient(short).unwrap_err().to_string();
    assert!(error.contains("two") && error.contains("2 term(s), and returned 1"), "{error}");
    let square = op.with_jvp(|_, t| Ok(vec![sum(&sqr(t[0].as_ref().unwrap())?)?.into(), Grad::Zero]));
    let error = gradient(square).unwrap_err().to_string();
    assert!(error.contains("two") && error.contains("not linear"), "{error}");
}

#[test]
fn a_map_that_captures_a_sparse_matrix_is_differentiated_by_the_rest() {
    let (w, x) = (sparse_matrix("w", Format::Csr, [Some(2), Some(2)]), tensor("x", DType::F64, &[Some(2)]));
    let column = expand_dims(&sqr(&x).unwrap(), &[1]).unwrap();
    let f = squeeze(&structured_dot(&w, &column).unwrap(), &[1]).unwrap();
    let total = sum(&jacobian(&f, &x).unwrap()).unwrap();
    let g = grad(&total, std::slice::from_ref(&x)).unwrap().remove(0);
    let matrix = SparseMatrix::new(Format::Csr, [2, 2], vec![1.0, 2.0, 3.0], vec![0, 0, 1], vec![0, 1, 3]).unwrap();
    let at = Tensor::vector(vec![1.0, 5.0]);
    let mut function = compile(&[w.clone(), x], &[g], &Mode::run()).unwrap();
    let out = function.call(&[&matrix, &at]).unwrap();
    assert_eq!(out.get::<Tensor>(0).unwrap().to_vec::<f64>().unwrap(), [6.0, 6.0]);
    let error = grad(&total, &[w]).unwrap_err().to_string();
    assert!(error.contains("`w`") && error.contains("map has no rule for it yet"), "{error}");
}

/// With known lengths nothing is run, so that what fails on zeros does not.
#[test]
fn an_empty_map_of_known_lengths_runs_nothing() {
    let (x, a) = (tensor("x", DType::F64, &[None, Some(2), Some(2)]), tensor("a", DType::F64, &[Some(2)]));
    let solved = map(std::slice::from_ref(&x), |m| Ok(vec![solve(&m[0], &a)?])).unwrap().remove(0);
    let gradient = grad(&sum(&solved).unwrap(), std::slice::from_ref(&a)).unwrap().remove(0);
    let empty = Tensor::new::<f64>(&[0, 2, 2], vec![]).unwrap();
    let mut f = compile(&[x, a], &[solved, gradient], &Mode::run()).unwrap();
    let out = f.call(&[&empty, &Tensor::vector(vec![1.0, 2.0])]).unwrap();
    assert_eq!(out.get::<Tensor>(0).unwrap().shape(), [0, 2]);
    assert_eq!(out.get::<Tensor>(1).unwrap().to_vec::<f64>().unwrap(), [0.0, 0.0]);
}

/// What is masked out is never multiplied, by reverse mode twice and by masks in masks either.
#[test]
fn what_several_masks_hide_has_no_slope() {
    let x = vector("x");
    let positive = gt(&x, 0.0).unwrap();
    let power = pow(&x, 1.5).unwrap();
    let larger = maximum(&log(&x).unwrap(), &sqrt(&x).unwrap()).unwrap();
    let inner = switch(&lt(&x, 5.0).unwrap(), &sqrt(&x).unwrap(), 0.0).unwrap();
    let half = 1.0 / 2f64.sqrt();
    for (branch, slope, curvature) in
        [(power, 1.5 / half, 0.75 * half), (larger, 0.5 * half, -0.125 * half), (inner, 0.5 * half, -0.125 * half)]
    {
        let cost = sum(&switch(&positive, &branch, 0.0).unwrap()).unwrap();
        let first = grad(&cost, std::slice::from_ref(&x)).unwrap().remove(0);
        let second = grad(&sum(&first).unwrap(), std::slice::from_ref(&x)).unwrap().remove(0);
        for (derivative, want) in [(first, slope), (second, curvature)] {
            let got = numbers(&[(&x, Tensor::vector(vec![-2.0, 0.0, 2.0]))], &derivative);
            assert_eq!(got[..2], [0.0, 0.0], "{got:?}");
            assert!((got[2] - want).abs() < 1e-14, "{got:?}, not {want}");
        }
    }
}
