//! The decomposition of W where it is hard: chains of unequal weights, and systems of many blocks.

use kronograph::ops::samples::spread_over;
use kronograph::prelude::*;
use kronograph::sparse::{sparse_flow_solve_with, structured_dot_along};

use crate::golden::distance;
use crate::weights::{directed, drift};

/// The largest eigenvalue of a chain of n regions with `a` towards one side and `b` towards the other.
fn largest_of_drift(n: usize, [a, b]: [f64; 2]) -> f64 {
    2.0 * (a * b).sqrt() * (std::f64::consts::PI / (n + 1) as f64).cos()
}

#[test]
fn a_long_chain_has_real_eigenvalues_whatever_its_drift() {
    // The scaling that makes these symmetric spans 1.5e18, and more than floats have.
    for (n, sides) in [(50, [0.3, 0.7]), (900, [0.3, 0.7]), (3, [1e-200, 1.0])] {
        let found = eigenvalues(&drift(n, sides)).unwrap();
        assert!(found.pairs().is_empty(), "{n} regions: {:?}", found.pairs());
        let (got, want) = (found.rho_interval().1, 1.0 / largest_of_drift(n, sides));
        assert!((got / want - 1.0).abs() < 1e-12, "{n} regions: {got}, wanted is {want}");
        if n < 100 {
            assert_eq!(found, *spectrum(&drift(n, sides)).unwrap().eigenvalues());
        }
    }
}

/// `x - ρ_d x Wᵀ - ρ_o W x - ρ_w W x Wᵀ` of flows as a matrix.
fn system(w: &Variable, rho: &[Variable], x: &Variable) -> Variable {
    let along = |x: &Variable, axis| structured_dot_along(w, x, axis, Trans::No).unwrap();
    let (to, from) = (along(x, 1), along(x, 0));
    x - &rho[0] * &to - &rho[1] * from - &rho[2] * along(&to, 0)
}

#[test]
fn systems_of_every_number_of_blocks_are_solved() {
    let forms = |n| [directed(n, Format::Csr, 5), drift(n, [0.3, 0.7])];
    for (n, w) in [31, 33, 64, 70].into_iter().flat_map(|n| forms(n).map(|w| (n, sparse_constant(w)))) {
        let x = ["rho_d", "rho_o", "rho_w", "b"].map(|name| if name == "b" { vector(name) } else { scalar(name) });
        let eta = sparse_flow_solve_with(Route::Spectral, &w, &x[0], &x[1], &x[2], &x[3]).unwrap();
        let matrix = |x: &Variable| reshape(x, [n, n]).unwrap();
        let residual = system(&w, &x[..3], &matrix(&eta));
        // The cotangent of b solves the transposed system.
        let bar = grad(&sum(&(&eta * constant(0.5) * &eta)).unwrap(), &x[3..]).unwrap().remove(0);
        let back = system(&sparse_transpose(&w).unwrap(), &x[..3], &matrix(&bar));
        let mut f = compile(&x, &[residual, back, eta], &Mode::run()).unwrap();
        let b = spread_over(&[n * n], (-1.0, 1.0), 6);
        let out = f.call(&[&Tensor::scalar(0.4), &Tensor::scalar(-0.3), &Tensor::scalar(0.25), &b]).unwrap();
        let numbers = |k: usize| out.get::<Tensor>(k).unwrap().to_vec::<f64>().unwrap();
        let plain = distance(&numbers(0), &b.to_vec().unwrap());
        let transposed = distance(&numbers(1), &numbers(2));
        assert!(plain < 1e-12 && transposed < 1e-12, "{n} regions: {plain:e}, transposed {transposed:e}");
    }
}
