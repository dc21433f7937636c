//! Wrong inputs of the flow family are errors that name the op, when built or when run.

use kronograph::ops::Trans;
use kronograph::ops::samples::spread_over;
use kronograph::prelude::*;
use kronograph::sparse::{Side, inverse_on_pattern, sparse_kron_contract, spectral_flow_solve};

use crate::weights::directed;

#[track_caller]
fn refused(built: Result<Variable, BuildError>, part: &str) {
    let text = built.unwrap_err().to_string();
    assert!(text.contains(part), "{text}");
}

#[test]
fn wrong_shapes_are_refused_when_built() {
    let (w, wide) =
        (sparse_constant(directed(3, Format::Csr, 1)), sparse_matrix("wide", Format::Csr, [Some(2), Some(3)]));
    let [d, o, both] = ["d", "o", "both"].map(scalar);
    let (nine, eight) = (tensor("b", DType::F64, &[Some(9)]), tensor("b", DType::F64, &[Some(8)]));
    let cube = tensor("b", DType::F64, &[Some(9), Some(1), Some(1)]);
    refused(sparse_flow_solve(&w, &d, &o, &both, &eight), "9 rows");
    refused(sparse_flow_solve(&wide, &d, &o, &both, &nine), "square");
    refused(sparse_flow_solve(&w, &nine, &o, &both, &nine), "rho_d must be an f64 scalar");
    refused(sparse_flow_solve(&w, &d, &o, &nine, &nine), "rho_w must be an f64 scalar");
    refused(sparse_flow_solve(&matrix("w"), &d, &o, &both, &nine), "sparse");
    refused(sparse_flow_solve(&w, &d, &o, &both, &matrix("b")), "1 axes");
    refused(sparse_flow_solve_matrix(&w, &d, &o, &both, &nine), "2 axes");
    refused(sar_logdet(&wide, &d), "square");
    refused(sar_logdet(&w, &nine), "rho must be an f64 scalar");
    refused(kronecker_flow_logdet(&w, &d, &nine), "rho_o must be an f64 scalar");
    refused(sparse_flow_logdet(&matrix("w"), &d, &o, &both), "sparse");
    let decomposed = spectrum(&directed(3, Format::Csr, 1)).unwrap();
    refused(spectral_flow_solve(&decomposed, &d, &o, &both, &eight), "9 rows");
    refused(spectral_flow_solve(&decomposed, &d, &o, &both, &cube), "vector or matrix");
    refused(spectral_flow_solve(&decomposed, &d, &nine, &both, &nine), "rho_o must be an f64 scalar");
}

#[test]
fn wrong_factors_are_refused_when_built() {
    let (csr, csc) = (sparse_matrix("a", Format::Csr, [None; 2]), sparse_matrix("b", Format::Csc, [None; 2]));
    refused(kron_solve(&[], &vector("b"), Trans::No), "kron_solve takes 1");
    refused(kron_solve(&[matrix("a"), csr.clone()], &scalar("b"), Trans::No), "vector or matrix");
    let two = tensor("a", DType::F64, &[Some(2), Some(2)]);
    refused(kron_solve(&[two.clone(), two], &tensor("b", DType::F64, &[Some(5)]), Trans::No), "4 rows");
    refused(kron_solve(&[vector("a")], &vector("b"), Trans::No), "matrix");
    assert_eq!(sparse_kron(&csr, &csc).unwrap().ty().to_string(), "csr f64 (?, ?)", "two formats are no fault");
    refused(sparse_kron(&csr, &matrix("b")), "sparse");
    refused(sparse_kron_contract(Side::Left, &csr, &csr, &csc), "formats");
    refused(inverse_on_pattern(&lu_factor(&matrix("a")).unwrap()), "pattern");
    refused(inverse_on_pattern(&csr), "factor");
}

#[test]
fn wrong_values_are_errors_when_run() {
    let w = sparse_matrix("w", Format::Csr, [None; 2]);
    let [d, o, both] = ["d", "o", "both"].map(scalar);
    let b = vector("b");
    let general = sparse_flow_solve(&w, &d, &o, &both, &b).unwrap();
    let inputs = [w.clone(), d, o, both, b];
    let mut f = compile(&inputs, &[general], &Mode::run()).unwrap();
    let of = |x: f64| Tensor::scalar(x);
    let good = directed(3, Format::Csr, 1);
    assert!(f.call(&[&good, &of(0.3), &of(0.2), &of(0.1), &spread_over(&[8], (-1.0, 1.0), 1)]).is_err());
    assert!(f.call(&[&good, &of(0.3), &of(0.2), &of(0.1), &spread_over(&[9], (-1.0, 1.0), 1)]).is_ok());
    let wide = SparseMatrix::new(Format::Csr, [2, 3], vec![1.0], vec![0], vec![0, 1, 1]).unwrap();
    assert!(f.call(&[&wide, &of(0.3), &of(0.2), &of(0.1), &spread_over(&[9], (-1.0, 1.0), 1)]).is_err());
    let nan = f.call(&[&good, &of(f64::NAN), &of(0.2), &of(0.1), &spread_over(&[9], (-1.0, 1.0), 1)]).unwrap_err();
    assert!(nan.is_recoverable());
    let other = sparse_matrix("g", Format::Csr, [None; 2]);
    let contracted = sparse_kron_contract(Side::Left, &other, &w, &w).unwrap();
    let mut f = compile(&[other, w], &[contracted], &Mode::run()).unwrap();
    assert!(f.call(&[&good, &good]).unwrap_err().to_string().contains("pattern"));
}

#[test]
fn a_nan_is_refused_by_the_spectral_route_and_a_sampler_may_go_on() {
    let decomposed = spectrum(&directed(3, Format::Csr, 1)).unwrap();
    let [d, o, both] = ["d", "o", "both"].map(scalar);
    let b = vector("b");
    let eta = spectral_flow_solve(&decomposed, &d, &o, &both, &b).unwrap();
    let mut f = compile(&[d, o, both, b], &[eta], &Mode::run()).unwrap();
    let of = |x: f64| Tensor::scalar(x);
    let right = spread_over(&[9], (-1.0, 1.0), 1);
    assert!(f.call(&[&of(f64::NAN), &of(0.2), &of(0.1), &right]).unwrap_err().is_recoverable());
    assert!(f.call(&[&of(0.3), &of(0.2), &of(0.1), &right]).is_ok());
}

#[test]
fn equal_decompositions_are_one_op() {
    let [d, o, both] = ["d", "o", "both"].map(scalar);
    let b = vector("b");
    let solved = |seed| {
        let decomposed = spectrum(&directed(4, Format::Csr, seed)).unwrap();
        spectral_flow_solve(&decomposed, &d, &o, &both, &b).unwrap()
    };
    let inputs = [d.clone(), o.clone(), both.clone(), b.clone()];
    let nodes = |outputs: [Variable; 2]| compile(&inputs, &outputs, &Mode::run()).unwrap().node_count();
    assert_eq!(nodes([solved(1), solved(1)]), 1);
    assert_eq!(nodes([solved(1), solved(2)]), 2);
}

#[test]
fn nothing_to_solve_is_solved() {
    let empty = |n: usize| from_triplets(Format::Csr, [n, n], &[]).unwrap();
    for (w, columns) in [(directed(3, Format::Csr, 1), 0), (empty(0), 2), (empty(0), 0)] {
        let n = w.shape()[0];
        let w = sparse_constant(w);
        let [d, o, both] = ["d", "o", "both"].map(scalar);
        let b = matrix("b");
        let inputs = [d.clone(), o.clone(), both.clone(), b.clone()];
        for route in [Route::Sparse, Route::Spectral] {
            let eta = kronograph::sparse::sparse_flow_solve_with(route, &w, &d, &o, &both, &b).unwrap();
            let legs = kronograph::sparse::kronecker_flow_solve_with(route, &w, &d, &o, &b).unwrap();
            let log = kronograph::sparse::sparse_flow_logdet_with(route, &w, &d, &o, &both).unwrap();
            let slope = grad(&sum(&sqr(&eta).unwrap()).unwrap(), std::slice::from_ref(&d)).unwrap().remove(0);
            let mut f = compile(&inputs, &[eta, legs, log, slope], &Mode::run()).unwrap();
            let of = |x: f64| Tensor::scalar(x);
            let right = Tensor::new::<f64>(&[n * n, columns], Vec::new()).unwrap();
            let answers = f.call(&[&of(0.3), &of(0.2), &of(0.1), &right]).unwrap();
            assert_eq!(answers.get::<Tensor>(0).unwrap().shape(), [n * n, columns]);
            assert_eq!(answers.get::<Tensor>(1).unwrap().shape(), [n * n, columns]);
            assert_eq!((answers.scalar(2).unwrap() == 0.0, answers.scalar(3).unwrap()), (n == 0, 0.0));
        }
    }
}
