//! The sparse and the spectral route give the same numbers, at every order.

use kronograph::ops::samples::{Stream, spread_over};
use kronograph::prelude::*;
use kronograph::sparse::{
    kronecker_flow_logdet_with, kronecker_flow_solve_with, sar_logdet_with, sparse_flow_logdet_with,
    sparse_flow_solve_with,
};

use crate::golden::distance;
use crate::weights::{alone, chain, directed, empty, rook, unsorted, with_island, with_sink};

/// What the two routes must agree to.
const AGREEMENT: f64 = 1e-10;

type Build = fn(Route, &Variable, &[Variable]) -> Variable;

/// A scalar of three rhos and a right-hand side.
fn loss(answer: &Variable) -> Variable {
    match answer.ty().extents().len() {
        0 => answer.clone(),
        _ => sum(&mul(&sqr(answer).unwrap(), answer).unwrap()).unwrap(),
    }
}

/// Value, gradient and the product of the Hessian with ones, by one route.
fn outputs(route: Route, w: &SparseMatrix, build: Build, values: &[Tensor]) -> Vec<Tensor> {
    let w = sparse_constant(w.clone());
    let rank = values[3].shape().len();
    let b = if rank == 1 { vector("b") } else { matrix("b") };
    let inputs = [scalar("rho_d"), scalar("rho_o"), scalar("rho_w"), b];
    let answer = build(route, &w, &inputs);
    let cost = loss(&answer);
    let used: Vec<Variable> =
        inputs.iter().filter(|x| grad(&cost, std::slice::from_ref(*x)).is_ok()).cloned().collect();
    let ones: Vec<Variable> = used.iter().map(|x| x.ty().ones_like(x).unwrap()).collect();
    let mut outputs = vec![answer];
    outputs.extend(grad(&cost, &used).unwrap());
    outputs.extend(hvp(&cost, &used, &ones).unwrap());
    let given: Vec<&dyn Value> = values.iter().map(|value| value as &dyn Value).collect();
    let answers = compile(&inputs, &outputs, &Mode::run()).unwrap().call(&given).unwrap();
    (0..outputs.len()).map(|k| answers.get::<Tensor>(k).unwrap().clone()).collect()
}

fn assert_routes_agree(name: &str, w: &SparseMatrix, build: Build, rho: [f64; 3], b: &Tensor) {
    let mut values: Vec<Tensor> = rho.into_iter().map(Tensor::scalar).collect();
    values.push(b.clone());
    let sparse = outputs(Route::Sparse, w, build, &values);
    let spectral = outputs(Route::Spectral, w, build, &values);
    assert_eq!(sparse.len(), spectral.len());
    for (k, (want, got)) in sparse.iter().zip(&spectral).enumerate() {
        let (want, got) = (want.to_vec::<f64>().unwrap(), got.to_vec::<f64>().unwrap());
        if want.iter().all(|x| x.abs() < 1e-12) {
            assert!(got.iter().all(|x| x.abs() < 1e-12), "{name}, output {k}: {got:?} for zeros");
            continue;
        }
        let distance = distance(&got, &want);
        assert!(distance <= AGREEMENT, "{name}, output {k}: the routes differ by {distance:e}");
    }
}

/// Every kind of W: directed in both formats, similar to a symmetric one, and the odd ones.
fn each_w(check: impl Fn(&str, &SparseMatrix)) {
    check("directed", &directed(5, Format::Csr, 1));
    check("directed by columns", &directed(6, Format::Csc, 2));
    // No eigenvalue is near the reciprocal of a rho that is tried: there both routes lose digits.
    check("directed, larger", &directed(27, Format::Csr, 5));
    check("rook", &rook(3, Format::Csr));
    check("rook by columns", &rook(4, Format::Csc));
    check("chain", &chain(6));
    check("island", &with_island());
    check("sink", &with_sink());
    check("alone", &alone());
    check("empty", &empty(3));
    check("unsorted", &unsorted());
}

#[test]
fn unrestricted_systems_agree() {
    each_w(|name, w| {
        let (n, random) = (w.shape()[0], &mut Stream::new(9));
        let build: Build = |route, w, x| sparse_flow_solve_with(route, w, &x[0], &x[1], &x[2], &x[3]).unwrap();
        assert_routes_agree(name, w, build, [0.35, -0.2, 0.15], &random.tensor(&[n * n], (-1.0, 1.0)));
        assert_routes_agree(name, w, build, [-0.4, 0.3, 0.2], &random.tensor(&[n * n, 3], (-1.0, 1.0)));
    });
}

#[test]
fn separable_systems_agree() {
    each_w(|name, w| {
        let (n, random) = (w.shape()[0], &mut Stream::new(10));
        let build: Build = |route, w, x| kronecker_flow_solve_with(route, w, &x[0], &x[1], &x[3]).unwrap();
        assert_routes_agree(name, w, build, [0.45, -0.6, 0.0], &random.tensor(&[n * n], (-1.0, 1.0)));
        assert_routes_agree(name, w, build, [0.7, 0.3, 0.0], &random.tensor(&[n * n, 2], (-1.0, 1.0)));
    });
}

#[test]
fn a_separable_system_is_the_unrestricted_one_with_the_product() {
    let w = directed(7, Format::Csr, 4);
    let b = spread_over(&[49], (-1.0, 1.0), 11);
    let values: Vec<Tensor> = [0.4, -0.3, 0.12].into_iter().map(Tensor::scalar).chain([b]).collect();
    let general: Build = |route, w, x| sparse_flow_solve_with(route, w, &x[0], &x[1], &x[2], &x[3]).unwrap();
    let separable: Build = |route, w, x| kronecker_flow_solve_with(route, w, &x[0], &x[1], &x[3]).unwrap();
    for route in [Route::Sparse, Route::Spectral] {
        let a = outputs(route, &w, general, &values)[0].to_vec::<f64>().unwrap();
        let b = outputs(Route::Auto, &w, separable, &values)[0].to_vec::<f64>().unwrap();
        assert!(distance(&a, &b) <= 1e-12);
    }
}

#[test]
fn log_determinants_agree_inside_the_interval_and_beyond() {
    each_w(|name, w| {
        for rho in [[0.35, -0.2, 0.15], [0.05, 0.02, -0.01], [1.7, -2.3, 0.8]] {
            let b = Tensor::vector(vec![0.0]);
            let sar: Build = |route, w, x| sar_logdet_with(route, w, &x[0]).unwrap();
            let flow: Build = |route, w, x| kronecker_flow_logdet_with(route, w, &x[0], &x[1]).unwrap();
            let both: Build = |route, w, x| sparse_flow_logdet_with(route, w, &x[0], &x[1], &x[2]).unwrap();
            for build in [sar, flow, both] {
                assert_routes_agree(name, w, build, rho, &b);
            }
        }
    });
}

#[test]
fn auto_is_one_of_the_two() {
    let build: Build = |route, w, x| sparse_flow_solve_with(route, w, &x[0], &x[1], &x[2], &x[3]).unwrap();
    let values: Vec<Tensor> =
        [0.3, 0.2, 0.1].into_iter().map(Tensor::scalar).chain([spread_over(&[16], (-1.0, 1.0), 3)]).collect();
    let w = directed(4, Format::Csr, 8);
    assert_eq!(
        outputs(Route::Auto, &w, build, &values)[0].to_vec::<f64>().unwrap(),
        outputs(Route::Spectral, &w, build, &values)[0].to_vec::<f64>().unwrap()
    );
    let free = sparse_matrix("w", Format::Csr, [Some(4), Some(4)]);
    let refused =
        sparse_flow_solve_with(Route::Spectral, &free, &scalar("d"), &scalar("o"), &scalar("w"), &vector("b"));
    assert!(refused.unwrap_err().to_string().contains("constant W"));
}

#[test]
fn a_singular_system_is_refused_by_both_routes_and_the_sampler_may_go_on() {
    for w in [directed(5, Format::Csr, 1), rook(3, Format::Csc)] {
        let n = w.shape()[0];
        for route in [Route::Sparse, Route::Spectral] {
            let x = [scalar("rho_d"), scalar("rho_o"), scalar("rho_w"), vector("b")];
            let w = sparse_constant(w.clone());
            let eta = sparse_flow_solve_with(route, &w, &x[0], &x[1], &x[2], &x[3]).unwrap();
            let mut f = compile(&x, &[eta], &Mode::run()).unwrap();
            let [d, o, both] = [0.5, 0.25, 0.25].map(Tensor::scalar);
            let error = f.call(&[&d, &o, &both, &spread_over(&[n * n], (-1.0, 1.0), 5)]).unwrap_err();
            assert!(error.is_recoverable(), "{error}");
        }
    }
}
