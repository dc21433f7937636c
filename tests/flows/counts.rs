//! What a flow system costs in factorisations.

use kronograph::prelude::*;

/// Weights of a ring of n regions, in which each leans on the next one and on the one `reach` ahead.
fn ring(n: usize, reach: usize) -> SparseMatrix {
    let near = (0..n).map(|i| (i, (i + 1) % n, 0.5));
    let triplets: Vec<_> = near.chain((0..n).map(|i| (i, (i + reach) % n, 0.5))).collect();
    from_triplets(Format::Csr, [n, n], &triplets).unwrap()
}

/// A value and its gradient by both rhos and b, of inputs `w, rho_d, rho_o, b` or, with one rho, `w, rho, b`.
fn value_and_gradient(w: &Variable, rho: &[Variable], b: &Variable) -> Vec<Variable> {
    let eta = kronecker_flow_solve(w, &rho[0], &rho[rho.len() - 1], b).unwrap();
    let loss = sum(&sqr(&eta).unwrap()).unwrap();
    let wrt = [rho, std::slice::from_ref(b)].concat();
    let mut outputs = grad(&loss, &wrt).unwrap();
    outputs.push(loss);
    outputs
}

/// How many numeric and symbolic factorisations a call adds.
fn added(f: &mut Function, arguments: &[&dyn Value]) -> (u64, u64) {
    let count = |f: &Function, key: &str| f.counts().get(key).copied().unwrap_or(0);
    let before = (count(f, "numeric"), count(f, "symbolic"));
    f.call(arguments).unwrap();
    (count(f, "numeric") - before.0, count(f, "symbolic") - before.1)
}

#[test]
fn a_value_and_its_gradient_factorise_twice_and_analyse_once() {
    let (w, b) = (sparse_matrix("w", Format::Csr, [None, None]), vector("b"));
    let rho = [scalar("rho_d"), scalar("rho_o")];
    let inputs = [std::slice::from_ref(&w), &rho[..], std::slice::from_ref(&b)].concat();
    let mut f = compile(&inputs, &value_and_gradient(&w, &rho, &b), &Mode::run()).unwrap();
    let (near, far) = (ring(6, 2), ring(6, 3));
    let right = Tensor::vector((0..36).map(|k| 0.1 * f64::from(k)).collect::<Vec<_>>());
    let of = |x: f64| Tensor::scalar(x);
    assert_eq!(added(&mut f, &[&near, &of(0.3), &of(0.2), &right]), (2, 2));
    assert_eq!(added(&mut f, &[&near, &of(0.3), &of(0.2), &right]), (2, 0));
    assert_eq!(added(&mut f, &[&near, &of(0.0), &of(-0.4), &right]), (2, 0), "other rhos, one of them zero");
    assert_eq!(
        added(&mut f, &[&ring(6, 2), &of(0.3), &of(0.2), &right]),
        (2, 0),
        "an equal pattern at another address"
    );
    assert_eq!(added(&mut f, &[&far, &of(0.3), &of(0.2), &right]), (2, 2), "another pattern");
    assert_eq!(added(&mut f, &[&far, &of(0.1), &of(0.2), &right]), (2, 0));
    let fresh = |arguments: &[&dyn Value]| {
        compile(&inputs, &value_and_gradient(&w, &rho, &b), &Mode::raw()).unwrap().call(arguments).unwrap()
    };
    let arguments: [&dyn Value; 4] = [&near, &of(0.3), &of(0.2), &right];
    let (kept, new) = (f.call(&arguments).unwrap(), fresh(&arguments));
    assert!((kept.scalar(3).unwrap() - new.scalar(3).unwrap()).abs() <= 1e-11 * new.scalar(3).unwrap());
    assert!((kept.scalar(0).unwrap() - new.scalar(0).unwrap()).abs() <= 1e-11 * new.scalar(0).unwrap().abs());
}

#[test]
fn without_rewriting_the_factors_are_shared_by_construction() {
    let (w, b) = (sparse_constant(ring(5, 2)), vector("b"));
    let rho = [scalar("rho_d"), scalar("rho_o")];
    let inputs = [&rho[..], std::slice::from_ref(&b)].concat();
    let mut f = compile(&inputs, &value_and_gradient(&w, &rho, &b), &Mode::raw()).unwrap();
    let right = Tensor::vector(vec![1.0; 25]);
    assert_eq!(added(&mut f, &[&Tensor::scalar(0.3), &Tensor::scalar(0.2), &right]), (2, 2));
    assert_eq!(added(&mut f, &[&Tensor::scalar(0.1), &Tensor::scalar(0.4), &right]), (2, 0));
}

#[test]
fn one_rho_for_both_legs_is_one_factorisation() {
    let (w, rho, b) = (sparse_constant(ring(5, 2)), scalar("rho"), vector("b"));
    let outputs = value_and_gradient(&w, std::slice::from_ref(&rho), &b);
    let mut f = compile(&[rho, b], &outputs, &Mode::run()).unwrap();
    let right = Tensor::vector(vec![1.0; 25]);
    assert_eq!(added(&mut f, &[&Tensor::scalar(0.3), &right]), (1, 1));
    assert_eq!(added(&mut f, &[&Tensor::scalar(0.1), &right]), (1, 0));
}

#[test]
fn the_general_route_factorises_once_and_analyses_once() {
    let (w, b) = (sparse_matrix("w", Format::Csr, [None, None]), vector("b"));
    let rho = ["rho_d", "rho_o", "rho_w"].map(scalar);
    let eta = sparse_flow_solve(&w, &rho[0], &rho[1], &rho[2], &b).unwrap();
    let loss = sum(&sqr(&eta).unwrap()).unwrap();
    let inputs = [std::slice::from_ref(&w), &rho[..], std::slice::from_ref(&b)].concat();
    let mut outputs = grad(&loss, &inputs).unwrap();
    outputs.push(loss);
    let mut f = compile(&inputs, &outputs, &Mode::run()).unwrap();
    let right = Tensor::vector((0..36).map(|k| 0.1 * f64::from(k)).collect::<Vec<_>>());
    let of = |x: f64| Tensor::scalar(x);
    assert_eq!(added(&mut f, &[&ring(6, 2), &of(0.3), &of(0.2), &of(-0.1), &right]), (1, 1));
    assert_eq!(added(&mut f, &[&ring(6, 2), &of(0.0), &of(0.4), &of(0.0), &right]), (1, 0), "other rhos");
}
