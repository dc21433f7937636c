//! At the edge: singular matrices, powers of zero, integers to negative powers, matrices too large to write out.

#![allow(clippy::unwrap_used, reason = "a test may")]

use kronograph::prelude::*;

fn square(size: usize, data: &[f64]) -> Tensor {
    Tensor::new(&[size, size], data.to_vec()).unwrap()
}

/// Sign and logarithm, and whether a solve with the matrix is refused as something that a sampler may reject.
fn slogdet_and_solve(matrix: &Tensor) -> (f64, f64, bool) {
    let (a, b) = (matrix_of(matrix), vector("b"));
    let (sign, log) = slogdet(&a).unwrap();
    let mut logdet = compile(std::slice::from_ref(&a), &[sign, log], &Mode::run()).unwrap();
    let out = logdet.call(&[matrix]).unwrap();
    let mut solver = compile(&[a.clone(), b.clone()], &[solve(&a, &b).unwrap()], &Mode::run()).unwrap();
    let ones = Tensor::vector(vec![1.0; matrix.shape()[0]]);
    let refused = solver.call(&[matrix, &ones]).is_err_and(|error| error.is_recoverable());
    (out.scalar(0).unwrap(), out.scalar(1).unwrap(), refused)
}

fn matrix_of(value: &Tensor) -> Variable {
    let size = value.shape()[0];
    tensor("A", DType::F64, &[Some(size), Some(size)])
}

#[test]
fn a_singular_matrix_has_no_solution_and_a_logarithm_of_minus_infinity() {
    let singular = [
        square(3, &[0.0; 9]),
        square(3, &[1.0, 2.0, 3.0, 1.0, 2.0, 3.0, 1.0, 2.0, 4.0]),
        square(2, &[1.0; 4]),
        square(4, &[1.0, 0.0, 1.0, 0.0, 0.0, 2.0, 0.0, 2.0, 1.0, 0.0, 1.0, 0.0, 0.0, 2.0, 0.0, 2.0]),
        // Singular in exact arithmetic, and to rounding in this one.
        square(3, &[0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9]),
    ];
    for matrix in &singular {
        assert_eq!(slogdet_and_solve(matrix), (0.0, f64::NEG_INFINITY, true), "{matrix:?}");
    }
}

/// Small is not singular: neither a small scale, nor rows of very different scales.
#[test]
fn a_badly_scaled_matrix_is_regular() {
    let (sign, log, refused) = slogdet_and_solve(&square(2, &[1e-3, 0.0, 0.0, 1e-3]));
    assert_eq!((sign, refused), (1.0, false));
    assert!((log - 2.0 * 1e-3f64.ln()).abs() < 1e-12);
    let (sign, log, refused) = slogdet_and_solve(&square(2, &[3.0, 1.0, 1e-20, 2e-20]));
    assert_eq!((sign, refused), (1.0, false));
    assert!((log - 5e-20f64.ln()).abs() < 1e-12);
    let large = square(200, &(0..40_000).map(|at| if at % 201 == 0 { 1e-3 } else { 0.0 }).collect::<Vec<_>>());
    assert!((slogdet_and_solve(&large).1 + 1_381.551_055_796_427_3).abs() < 1e-9);
}

#[test]
fn rewriting_does_not_change_the_logarithm_of_a_singular_kronecker_product() {
    let (a, b) = (tensor("A", DType::F64, &[Some(2); 2]), tensor("B", DType::F64, &[Some(2); 2]));
    let (sign, log) = slogdet(&kron(&a, &b).unwrap()).unwrap();
    for mode in [Mode::raw(), Mode::run()] {
        let mut function = compile(&[a.clone(), b.clone()], &[sign.clone(), log.clone()], &mode).unwrap();
        let out = function.call(&[&square(2, &[1.0; 4]), &square(2, &[1.0, 0.0, 0.0, 2.0])]).unwrap();
        assert_eq!((out.scalar(0).unwrap(), out.scalar(1).unwrap()), (0.0, f64::NEG_INFINITY));
    }
}

#[test]
fn a_sparse_system_at_an_eigenvalue_is_singular_too() {
    let w = from_triplets(
        Format::Csr,
        [3, 3],
        &[(0, 1, 0.75), (0, 2, 0.25), (1, 0, 0.5), (1, 2, 0.5), (2, 0, 0.1), (2, 1, 0.9)],
    );
    let (w, rho) = (sparse_constant(w.unwrap()), scalar("rho"));
    let filter = affine_on_pattern(&[(constant(1.0), identity_like(&w).unwrap()), (-&rho, w)]).unwrap();
    let (sign, log) = factor_logdet(&sparse_lu(&filter).unwrap()).unwrap();
    let mut function = compile(&[rho], &[sign, log], &Mode::run()).unwrap();
    let mut at = |rho: f64| {
        let out = function.call(&[&Tensor::scalar(rho)]).unwrap();
        (out.scalar(0).unwrap(), out.scalar(1).unwrap())
    };
    assert_eq!(at(1.0), (0.0, f64::NEG_INFINITY));
    assert!(at(0.5).1.is_finite());
}

/// `a^b` at a = 0: the second derivatives exist for b = 3, and are zero.
#[test]
fn powers_of_zero_have_second_derivatives() {
    let (a, b) = (scalar("a"), scalar("b"));
    let (cost, wrt) = (pow(&a, &b).unwrap(), [a.clone(), b.clone()]);
    for direction in [[1.0, 0.0], [0.0, 1.0]] {
        let product = hvp(&cost, &wrt, &direction.map(constant)).unwrap();
        let mut function = compile(&wrt, &product, &Mode::run()).unwrap();
        let out = function.call(&[&Tensor::scalar(0.0), &Tensor::scalar(3.0)]).unwrap();
        assert_eq!((out.scalar(0).unwrap(), out.scalar(1).unwrap()), (0.0, 0.0));
    }
}

#[test]
fn an_integer_to_a_negative_power_is_refused() {
    let (a, b) = (tensor("a", DType::I64, &[None]), tensor("b", DType::I64, &[None]));
    let mut function = compile(&[a.clone(), b.clone()], &[pow(&a, &b).unwrap()], &Mode::run()).unwrap();
    let base = Tensor::vector(vec![2i64, -3, 0]);
    let out = function.call(&[&base, &Tensor::vector(vec![3i64, 3, 0])]).unwrap();
    assert_eq!(out.get::<Tensor>(0).unwrap().to_vec::<i64>().unwrap(), [8, -27, 1]);
    let error = function.call(&[&base, &Tensor::vector(vec![1i64, -1, 2])]).unwrap_err().to_string();
    assert!(
        error.contains("pow") && error.contains("negative power") && error.contains("tests/singular.rs"),
        "{error}"
    );
}

#[test]
fn a_sparse_matrix_is_written_out_in_its_own_dtype_or_refused() {
    let data = Tensor::vector(vec![1.5f32]);
    let small = SparseMatrix::new(Format::Csc, [1, 2], data, vec![0], vec![0, 0, 1]).unwrap();
    assert_eq!(small.to_dense().unwrap().to_vec::<f32>().unwrap(), [0.0, 1.5]);
    let large = from_triplets(Format::Csr, [4_000_000; 2], &[(0, 0, 1.0)]).unwrap();
    assert!(large.to_dense().is_err());
}

#[test]
fn files_that_contradict_their_header_are_refused() {
    let read = |header: &str, body: &str| {
        read_matrix_market(&format!("%%MatrixMarket matrix coordinate {header}\n{body}\n"), Format::Csr)
    };
    let refused = [
        ("real skew-symmetric", "2 2 1\n1 1 5.0", "no diagonal"),
        ("integer general", "2 2 1\n1 1 1.5", "no finite number"),
        ("real general", "2 2 1\n1 1 nan", "no finite number"),
        ("real symmetric", "2 2 2\n1 2 3.0\n2 1 3.0", "lower triangle"),
        ("real symmetric", "2 3 1\n2 1 3.0", "square"),
    ];
    for (header, body, words) in refused {
        let error = read(header, body).unwrap_err().to_string();
        assert!(error.contains(words) && error.contains("line "), "{error}");
    }
    assert_eq!(read("real skew-symmetric", "2 2 1\n2 1 5.0").unwrap().values(), Some(&[-5.0, 5.0][..]));
}

#[test]
fn determinants_and_triangles_of_matrices_that_lack_several_ranks() {
    let lacking = [
        (square(2, &[0.0; 4]), 0.0),
        (square(3, &[1.0; 9]), 0.0),
        (square(3, &[0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 2.0]), 0.0),
        (square(3, &[0.0, 0.0, 1.0, 0.0, 0.0, 2.0, 0.0, 3.0, 0.0]), 0.0),
        (square(3, &[1e200, 0.0, 0.0, 0.0, 1e200, 0.0, 0.0, 0.0, 0.0]), 0.0),
        (square(2, &[0.0, 5e-324, 2.0, 1.0]), -1e-323),
        (square(4, &[1e200, 0., 0., 0., 0., 1e200, 0., 0., 0., 0., 1e-200, 0., 0., 0., 0., -1e-200]), -1.0),
    ];
    for (matrix, want) in &lacking {
        let a = matrix_of(matrix);
        let [p, l, u] = lu(&a).unwrap();
        let product = matmul(&matmul(&p, &l).unwrap(), &u).unwrap();
        let mut f = compile(std::slice::from_ref(&a), &[det(&a).unwrap(), product], &Mode::run()).unwrap();
        let out = f.call(&[matrix]).unwrap();
        let got = out.scalar(0).unwrap();
        assert!((got - want).abs() <= 1e-12 * want.abs(), "{matrix:?}: {got:e}");
        assert_eq!(out.get::<Tensor>(1).unwrap().to_vec::<f64>().unwrap(), matrix.to_vec::<f64>().unwrap());
    }
}
