//! For which ρ a system can be solved, and how near to singular it is.

use kronograph::ops::samples::Stream;
use kronograph::prelude::*;
use kronograph::sparse::rcond;

use crate::weights::{alone, chain, directed, empty, rook, with_island};

/// `ln|det|` of the system by the sparse factor, as a judge that knows nothing of eigenvalues.
fn sign_of_determinant(w: &SparseMatrix, rho: f64) -> f64 {
    let w = sparse_constant(w.clone());
    let filter = affine_on_pattern(&[(constant(1.0), identity_like(&w).unwrap()), (constant(-rho), w)]).unwrap();
    let (sign, _) = factor_logdet(&sparse_lu(&filter).unwrap()).unwrap();
    compile(&[], &[sign], &Mode::raw()).unwrap().call(&[]).unwrap().scalar(0).unwrap()
}

#[test]
fn the_determinant_changes_its_sign_at_the_ends_of_the_interval() {
    for w in [directed(7, Format::Csr, 1), directed(8, Format::Csc, 2), rook(3, Format::Csr), with_island()] {
        let (low, high) = rho_interval(&w).unwrap();
        assert!((high - 1.0).abs() < 1e-12, "rows that sum to 1 have 1 as their largest eigenvalue");
        for (end, inside, outside) in [(low, 0.999, 1.001), (high, 0.999, 1.001)] {
            if end.is_finite() {
                assert_eq!(sign_of_determinant(&w, end * inside), 1.0);
                assert_ne!(sign_of_determinant(&w, end * outside), 1.0);
            }
        }
    }
}

#[test]
fn without_real_eigenvalues_the_interval_has_no_end() {
    for w in [chain(6), empty(4)] {
        assert_eq!(rho_interval(&w).unwrap(), (f64::NEG_INFINITY, f64::INFINITY));
    }
    assert_eq!(rho_interval(&alone()).unwrap(), (f64::NEG_INFINITY, 2.0));
    let wide = SparseMatrix::new(Format::Csr, [2, 3], vec![1.0], vec![0], vec![0, 1, 1]).unwrap();
    assert!(rho_interval(&wide).unwrap_err().to_string().contains("square"));
    let hole = SparseMatrix::new(Format::Csr, [1, 1], vec![f64::NAN], vec![0], vec![0, 1]).unwrap();
    assert!(rho_interval(&hole).is_err());
}

#[test]
fn the_sum_of_the_rhos_is_not_the_criterion() {
    let values = eigenvalues(&directed(6, Format::Csr, 3)).unwrap();
    let report = flow_validity(&values, 0.9, 0.9, -0.81);
    assert!(report.valid, "a sum of 2.61 in absolute values");
    assert!((report.smallest - 0.01).abs() < 1e-12, "{report:?}");
    let edge = flow_validity(&values, 0.5, 0.25, 0.25);
    assert!(!edge.valid && edge.smallest < 1e-13 && edge.ratio < 1e-13);
    assert!(edge.pair.iter().all(|&(a, b)| (a - 1.0).abs() < 1e-12 && b == 0.0), "the pair of ones: {edge:?}");
    assert!(!flow_validity(&values, 0.6, 0.3, 0.2).valid, "beyond the edge, though it is not singular");
    assert!(!flow_validity(&values, f64::NAN, 0.0, 0.0).valid);
    assert!(flow_validity(&values, 0.0, 0.0, 0.0).valid);
    assert_eq!(flow_validity(&values, f64::NAN, 0.0, 0.0).ratio, 0.0);
    let halves = eigenvalues(&alone()).unwrap();
    assert_eq!(flow_validity(&halves, 2.0, 0.0, 0.0).ratio, 0.0, "the only term vanishes");
}

#[test]
fn the_condition_estimate_is_near_the_true_one_and_never_below() {
    for seed in 0..20 {
        let (n, random) = (9, &mut Stream::new(seed));
        let mut triplets: Vec<_> = (0..n).map(|i| (i, i, 1.0 + random.unit())).collect();
        triplets.extend((0..4 * n).map(|k| (k % n, random.below(n), random.unit() - 0.5)));
        let format = if seed % 2 == 0 { Format::Csr } else { Format::Csc };
        let a = from_triplets(format, [n, n], &triplets).unwrap();
        let inverse = {
            let x = solve(&constant(a.to_dense().unwrap()), &eye(n).unwrap()).unwrap();
            let answers = compile(&[], &[x], &Mode::raw()).unwrap().call(&[]).unwrap();
            answers.get::<Tensor>(0).unwrap().to_vec::<f64>().unwrap()
        };
        let norm = |x: &[f64]| (0..n).map(|j| (0..n).map(|i| x[i * n + j].abs()).sum::<f64>()).fold(0.0, f64::max);
        let truth = 1.0 / (norm(&a.to_dense().unwrap().to_vec::<f64>().unwrap()) * norm(&inverse));
        let estimate = rcond(&a).unwrap();
        assert!(estimate >= truth * (1.0 - 1e-10) && estimate <= 3.0 * truth, "{estimate:e} for {truth:e}");
    }
}

#[test]
fn a_singular_matrix_has_condition_zero() {
    let singular = from_triplets(Format::Csr, [2, 2], &[(0, 0, 1.0), (0, 1, 2.0), (1, 0, 2.0), (1, 1, 4.0)]).unwrap();
    assert_eq!(rcond(&singular).unwrap(), 0.0);
    assert_eq!(rcond(&empty(3)).unwrap(), 0.0);
    let wide = SparseMatrix::new(Format::Csr, [2, 3], vec![1.0], vec![0], vec![0, 1, 1]).unwrap();
    assert!(rcond(&wide).is_err());
}
