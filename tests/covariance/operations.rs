//! Structured work against the same work on the formed matrix, with first and second derivatives.

use kronograph::graph::toposort;
use kronograph::ops::Kron;
use kronograph::ops::covariance::{Constants, Dummy, GramProduct, Structure};
use kronograph::prelude::*;

use crate::golden::{assert_close, at, raw_of};

fn numbers(count: usize, seed: f64) -> Vec<f64> {
    (0..count).map(|k| (1.7 * k as f64 + seed).sin()).collect()
}

/// Every structure that can be a covariance, with points at which it is.
pub(crate) fn covariances() -> Vec<(&'static str, Structure)> {
    let ar1 = |n| Structure::ar1(n).unwrap();
    let cs = |n| Structure::compound_symmetric(n).unwrap();
    let scalar = |n| Structure::scalar(n).unwrap();
    let plots = || Structure::kronecker_product([ar1(2), cs(3)]).unwrap();
    let c = constant(Tensor::new(&[2, 2], vec![1.5, 0.4, 0.4, 1.1]).unwrap());
    let plain = || Structure::plain_covariance(&c).unwrap();
    let labels = Structure::dummy(&Dummy::of(["a", "b", "a", "c"])).unwrap();
    let triangle = Structure::lower_triangular(3, 3).unwrap();
    let spread = Structure::covariance_propagation([("Z", labels), ("G", ar1(3))]).unwrap();
    let general = Structure::plain(&constant(Tensor::new(&[2, 2], vec![1.5, 0.9, -0.4, 1.1]).unwrap())).unwrap();
    vec![
        ("scalar", scalar(3)),
        ("diagonal", Structure::diagonal(3).unwrap()),
        ("equicorrelation", Structure::equicorrelation(4).unwrap()),
        ("compound_symmetric", cs(3)),
        ("ar1", ar1(4)),
        ("ar1 of order 2", ar1(2)),
        ("unconstrained", Structure::unconstrained(2).unwrap()),
        ("kronecker_product", plots()),
        ("kronecker_product of three", Structure::kronecker_product([ar1(2), scalar(2), cs(2)]).unwrap()),
        ("kronecker_product of one", Structure::kronecker_product([ar1(3)]).unwrap()),
        ("kronecker_product with a plain matrix", Structure::kronecker_product([plain(), ar1(2)]).unwrap()),
        ("kronecker_product with a general matrix", Structure::kronecker_product([ar1(2), general]).unwrap()),
        ("block_diagonal", Structure::block_diagonal([ar1(2), cs(3), scalar(1)]).unwrap()),
        ("sum", Structure::sum([ar1(3), cs(3)]).unwrap()),
        ("sum of multiples of the identity", Structure::sum([scalar(2), Structure::identity(2).unwrap()]).unwrap()),
        ("shifted product", Structure::sum([plots(), scalar(6)]).unwrap()),
        (
            "twice shifted product",
            Structure::sum([scalar(4), Structure::kronecker_product([plain(), ar1(2)]).unwrap(), scalar(4)]).unwrap(),
        ),
        ("sum of products", Structure::sum([plots(), plots(), scalar(6)]).unwrap()),
        ("hadamard_product", Structure::hadamard_product([ar1(3), cs(3)]).unwrap()),
        ("gram of a triangle", Structure::gram([triangle.clone()], GramProduct::XXt).unwrap()),
        ("the other gram of a triangle", Structure::gram([triangle], GramProduct::XtX).unwrap()),
        ("covariance_propagation", Structure::sum([spread, scalar(4)]).unwrap()),
        ("inverse", Structure::inverse([ar1(3)]).unwrap()),
        ("product", Structure::product([ar1(3), cs(3)]).unwrap()),
        ("transpose", Structure::transpose([ar1(3)]).unwrap()),
        ("nested", Structure::kronecker_product([Structure::sum([plots(), scalar(6)]).unwrap(), ar1(2)]).unwrap()),
    ]
}

/// A point near 0.3, where no eigenvalue is small.
fn point(structure: &Structure) -> Vec<f64> {
    numbers(structure.free_param_names().len(), 0.4).iter().map(|x| 0.3 + 0.2 * x).collect()
}

#[test]
fn structured_work_is_that_of_the_formed_matrix() {
    for (name, structure) in covariances() {
        let (raw, n) = (raw_of(&structure), structure.shape()[0]);
        let v = structure.build(&raw).unwrap();
        let dense = v.matrix().unwrap();
        let y = constant(numbers(n, 1.0));
        let columns = constant(Tensor::new(&[n, 2], numbers(2 * n, 2.0)).unwrap());
        let outputs = [
            (v.matmul(&y).unwrap(), matmul(&dense, &y).unwrap()),
            (v.matmul(&columns).unwrap(), matmul(&dense, &columns).unwrap()),
            (v.solve(&y).unwrap(), solve(&dense, &y).unwrap()),
            (v.solve(&columns).unwrap(), solve(&dense, &columns).unwrap()),
            (v.logdet().unwrap(), slogdet(&dense).unwrap().1),
            (v.quadratic(&y).unwrap(), matmul(&y, &solve(&dense, &y).unwrap()).unwrap()),
            (
                v.inner(&columns, &columns).unwrap(),
                matmul(&transpose(&columns).unwrap(), &solve(&dense, &columns).unwrap()).unwrap(),
            ),
            (v.diagonal().unwrap(), diag(&dense, 0).unwrap()),
        ];
        for (k, (structured, formed)) in outputs.into_iter().enumerate() {
            let got = at(&raw, &point(&structure), &[structured, formed]);
            assert_close(&format!("{name}, output {k}"), &got[0], &got[1], 1e-10);
        }
    }
}

#[test]
fn work_along_an_axis_is_that_of_each_column() {
    for (name, structure) in covariances() {
        let (raw, n) = (raw_of(&structure), structure.shape()[0]);
        let v = structure.build(&raw).unwrap();
        let x = constant(Tensor::new(&[2, n, 3], numbers(6 * n, 2.0)).unwrap());
        let front =
            |x: &Variable| reshape(&transpose_axes(x, &[1, 0, 2]).unwrap(), [Dim::from(n), Dim::from(6usize)]).unwrap();
        let pairs = [
            (v.matmul_axis(&x, 1).unwrap(), v.matmul(&front(&x)).unwrap()),
            (v.solve_axis(&x, 1).unwrap(), v.solve(&front(&x)).unwrap()),
        ];
        for (along, columns) in pairs {
            let got = at(&raw, &point(&structure), &[front(&along), columns]);
            assert_close(name, &got[0], &got[1], 1e-12);
        }
    }
}

#[test]
fn whitening_is_a_root_of_the_inverse_and_the_cholesky_factor_one_of_the_matrix() {
    let mut whitened = 0;
    for (name, structure) in covariances() {
        let (raw, n) = (raw_of(&structure), structure.shape()[0]);
        let v = structure.build(&raw).unwrap();
        let (identity, dense) = (eye(n).unwrap(), v.matrix().unwrap());
        if let Some(w) = v.whiten_axis(&identity, 0).unwrap() {
            whitened += 1;
            let inverse = matmul(&transpose(&w).unwrap(), &w).unwrap();
            let got = at(&raw, &point(&structure), &[matmul(&dense, &inverse).unwrap(), identity.clone()]);
            assert_close(&format!("{name}, whitened"), &got[0], &got[1], 1e-10);
        }
        if !["product", "kronecker_product with a general matrix"].contains(&name) {
            let l = v.cholesky_matmul(&identity).unwrap();
            let square = matmul(&l, &transpose(&l).unwrap()).unwrap();
            let got = at(&raw, &point(&structure), &[square, dense, l.clone(), tril(&l, 0).unwrap()]);
            assert_close(&format!("{name}, Cholesky"), &got[0], &got[1], 1e-10);
            assert_eq!(got[2], got[3], "{name}: it is a lower triangle");
        }
    }
    assert!(whitened >= 10, "{whitened} structures were whitened");
}

/// Value, gradient and Hessian of a log-density by the structure, and by the formed matrix.
#[test]
fn log_densities_and_their_derivatives_are_those_of_the_formed_matrix() {
    for (name, structure) in covariances().into_iter().filter(|(name, _)| !name.contains("general")) {
        let (raw, n) = (raw_of(&structure), structure.shape()[0]);
        let v = structure.build(&raw).unwrap();
        let (y, zero) = (constant(numbers(n, 1.0)), constant(0.0));
        let structured = v.logp(&y, &zero).unwrap();
        let dense = v.matrix().unwrap();
        let distance = slogdet(&dense).unwrap().1 + matmul(&y, &solve(&dense, &y).unwrap()).unwrap();
        let formed = -0.5 * (n as f64 * std::f64::consts::TAU.ln() + distance);
        let all = |logp: &Variable| {
            let gradient = grad(logp, std::slice::from_ref(&raw)).unwrap().remove(0);
            let second = hessian(logp, std::slice::from_ref(&raw)).unwrap().remove(0).remove(0);
            at(&raw, &point(&structure), &[logp.clone(), gradient, second])
        };
        for (k, (got, want)) in all(&structured).iter().zip(all(&formed)).enumerate() {
            assert_close(&format!("{name}, order {k}"), got, &want, 1e-8);
        }
    }
}

/// How many elements the largest value of a compiled function has, and how many Kronecker products there are.
fn largest_and_products(outputs: &[Variable]) -> (usize, usize) {
    let nodes = toposort(outputs);
    let sizes = nodes
        .iter()
        .flat_map(|node| node.outputs())
        .map(|output| output.ty().extents().iter().map(|length| length.unwrap_or(0)).product::<usize>());
    (sizes.max().unwrap(), nodes.iter().filter(|node| node.op_as::<Kron>().is_some()).count())
}

/// Structures of 180 plots, with and without noise: a Kronecker product would have 180² elements.
fn plots() -> [Structure; 2] {
    let factors = || [Structure::ar1(M).unwrap(), Structure::compound_symmetric(N).unwrap()];
    let product = || Structure::kronecker_product(factors()).unwrap();
    [product(), Structure::sum([product(), Structure::scalar(M * N).unwrap()]).unwrap()]
}

const M: usize = 12;
const N: usize = 15;

/// Nothing but vectors as long as y, two columns of them, and matrices of one factor.
#[track_caller]
fn forms_nothing(raw: &Variable, outputs: &[Variable]) {
    for mode in [Mode::raw(), Mode::run()] {
        let function = compile(std::slice::from_ref(raw), outputs, &mode).unwrap();
        let (largest, products) = largest_and_products(&function.graph().export());
        assert_eq!(products, 0, "{}", function.debug_print());
        assert!(largest <= (N * N).max(2 * M * N), "{largest} elements: {}", function.debug_print());
    }
}

#[test]
fn no_kronecker_product_is_formed_for_a_log_density_its_gradient_and_its_curvature() {
    for structure in plots() {
        let raw = raw_of(&structure);
        let logp = structure.build(&raw).unwrap().logp(&constant(numbers(M * N, 1.0)), &constant(0.0)).unwrap();
        let gradient = grad(&logp, std::slice::from_ref(&raw)).unwrap().remove(0);
        let curvature = hvp(&logp, std::slice::from_ref(&raw), &[ones_like(&raw).unwrap()]).unwrap().remove(0);
        forms_nothing(&raw, &[logp, gradient, curvature]);
    }
}

#[test]
fn no_kronecker_product_is_formed_by_a_solve_a_log_determinant_a_product_and_a_restricted_likelihood() {
    for structure in plots() {
        let raw = raw_of(&structure);
        let v = structure.build(&raw).unwrap();
        let y = constant(numbers(M * N, 1.0));
        let columns = constant(Tensor::new(&[M * N, 2], numbers(2 * M * N, 2.0)).unwrap());
        let mut outputs = vec![
            v.logdet().unwrap(),
            v.solve(&y).unwrap(),
            v.solve(&columns).unwrap(),
            v.matmul(&y).unwrap(),
            v.matmul(&columns).unwrap(),
            v.inner(&columns, &columns).unwrap(),
            v.reml(&y, &columns, Constants::Omitted).unwrap(),
        ];
        let squares = outputs.iter().map(|output| sum(&sqr(output).unwrap()).unwrap());
        let total = squares.reduce(|total, square| total + square).unwrap();
        outputs.push(grad(&total, std::slice::from_ref(&raw)).unwrap().remove(0));
        forms_nothing(&raw, &outputs);
    }
    let [product, _] = plots();
    let raw = raw_of(&product);
    forms_nothing(&raw, &[product.build(&raw).unwrap().cholesky_matmul(&constant(numbers(M * N, 1.0))).unwrap()]);
}
