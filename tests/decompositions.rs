//! Decompositions and functions of matrices: the identities that define them, the conventions that make them single,
//! and what they refuse. Derivatives, shapes and buffers are proved in `tests/proof`.

#![allow(clippy::unwrap_used, reason = "a test may")]

use std::error::Error;

use kronograph::ops::samples::spread_over;
use kronograph::ops::{
    LinalgError, MatrixNorm, QrMode, SingularVectors, Triangle, alloc_diag, block_diag, cholesky, cholesky_or_nan,
    eigh, eigvalsh, expm, matrix_norm, matrix_power, matrix_transpose, pinv, qr, qr_r, solve_continuous_lyapunov,
    solve_discrete_lyapunov, solve_sylvester, svd, svdvals, trace, tril, triu, vector_norm,
};
use kronograph::prelude::*;

type Answer = Result<(), Box<dyn Error>>;

fn value(x: &Variable) -> Result<Tensor, Box<dyn Error>> {
    let mut f = compile(&[], std::slice::from_ref(x), &Mode::run())?;
    Ok(f.call(&[])?.get::<Tensor>(0)?.clone())
}

fn floats(x: &Variable) -> Result<Vec<f64>, Box<dyn Error>> {
    Ok(value(x)?.to_floats().ok_or("it has no floats")?)
}

fn given(shape: &[usize], data: Vec<f64>) -> Variable {
    constant(Tensor::new(shape, data).unwrap())
}

fn spread(shape: &[usize], seed: usize) -> Variable {
    constant(spread_over(shape, (-1.0, 1.0), seed as u64))
}

fn close(name: &str, a: &Variable, b: &Variable, tolerance: f64) -> Answer {
    let (a, b) = (floats(a)?, floats(b)?);
    assert_eq!(a.len(), b.len(), "{name}");
    let worst =
        a.iter().zip(&b).map(|(a, b)| (a - b).abs()).fold(0.0, |worst: f64, x| if x > worst { x } else { worst });
    assert!(worst <= tolerance && a.iter().chain(&b).all(|x| x.is_finite()), "{name}: {worst:e}");
    Ok(())
}

fn times_columns(x: &Variable, w: &Variable) -> Result<Variable, BuildError> {
    let rank = x.ty().extents().len();
    matmul(x, &alloc_diag(w, 0, rank - 2, rank - 1)?)
}

/// Batches of sizes on both sides of the orders at which algorithms change.
const ORDERS: [usize; 5] = [0, 1, 2, 20, 150];

#[test]
fn products_of_factors_are_the_matrix() -> Answer {
    for n in ORDERS {
        let tolerance = 1e-13 * (1 + n) as f64;
        for [rows, columns] in [[n, n], [2 * n, n], [n, n + 3]] {
            let a = spread(&[2, rows, columns], n);
            for vectors in [SingularVectors::Thin, SingularVectors::Full] {
                let [u, s, vt] = svd(&a, vectors)?;
                let gram = |x: &Variable| matmul(&matrix_transpose(x)?, x);
                let k = rows.min(columns);
                if vectors == SingularVectors::Thin {
                    close("svd", &matmul(&times_columns(&u, &s)?, &vt)?, &a, tolerance)?;
                    close("values alone", &svdvals(&a)?, &s, tolerance)?;
                    assert!(floats(&s)?.chunks(k.max(1)).all(|s| s.is_sorted_by(|a, b| a >= b)), "descending");
                }
                let ones = |x: &Variable| matrix_power(&gram(x)?, 0);
                close(&format!("U, {rows} x {columns} {vectors:?}"), &gram(&u)?, &ones(&u)?, tolerance)?;
                close(
                    &format!("V, {rows} x {columns} {vectors:?}"),
                    &gram(&matrix_transpose(&vt)?)?,
                    &ones(&matrix_transpose(&vt)?)?,
                    tolerance,
                )?;
            }
            for mode in [QrMode::Economic, QrMode::Full] {
                let (q, r) = qr(&a, mode)?;
                close("qr", &matmul(&q, &r)?, &a, tolerance)?;
                let gram = matmul(&matrix_transpose(&q)?, &q)?;
                close("Q", &gram, &matrix_power(&gram, 0)?, tolerance)?;
                close("R", &triu(&r, 0)?, &r, 0.0)?;
                if mode == QrMode::Economic {
                    close("R alone", &qr_r(&a)?, &r, 0.0)?;
                }
            }
            let y = pinv(&a)?;
            let projected = matmul(&matmul(&a, &y)?, &a)?;
            close("pinv", &projected, &a, tolerance * 100.0)?;
        }
    }
    Ok(())
}

#[test]
fn factors_of_symmetric_matrices_come_from_one_triangle() -> Answer {
    for n in ORDERS {
        let x = spread(&[2, n, n], n);
        let tolerance = 1e-13 * (1 + n * n) as f64;
        let symmetric = &x + &matrix_transpose(&x)?;
        let positive = matmul(&x, &matrix_transpose(&x)?)? + matrix_power(&x, 0)?;
        let garbage = full(f64::NAN, DType::F64, [n, n])?;
        for triangle in [Triangle::Lower, Triangle::Upper] {
            // What is not read is not a number.
            let half = |x: &Variable| match triangle {
                Triangle::Lower => add(&tril(x, 0)?, &triu(&garbage, 1)?),
                Triangle::Upper => add(&triu(x, 0)?, &tril(&garbage, -1)?),
            };
            let (w, v) = eigh(&half(&symmetric)?, triangle)?;
            close("eigh", &matmul(&times_columns(&v, &w)?, &matrix_transpose(&v)?)?, &symmetric, tolerance)?;
            close("eigvalsh", &eigvalsh(&half(&symmetric)?, triangle)?, &w, tolerance)?;
            assert!(floats(&w)?.chunks(n.max(1)).all(|w| w.is_sorted()), "ascending");
            let l = cholesky(&half(&positive)?, triangle)?;
            let l = if triangle == Triangle::Lower { l } else { matrix_transpose(&l)? };
            close("cholesky", &matmul(&l, &matrix_transpose(&l)?)?, &positive, tolerance)?;
        }
    }
    Ok(())
}

#[test]
fn signs_are_fixed() -> Answer {
    let (w, v) = eigh(&given(&[2, 2], vec![0.0, 1.0, 1.0, 0.0]), Triangle::Lower)?;
    let half = 0.5f64.sqrt();
    close("values", &w, &given(&[2], vec![-1.0, 1.0]), 1e-15)?;
    close("vectors", &v, &given(&[2, 2], vec![half, half, -half, half]), 1e-15)?;
    // LAPACK: minus the sign of the column, but the last entry stays.
    let (q, r) = qr(&given(&[2, 2], vec![3.0, 1.0, 4.0, 2.0]), QrMode::Economic)?;
    close("Q", &q, &given(&[2, 2], vec![-0.6, -0.8, -0.8, 0.6]), 1e-15)?;
    close("R", &r, &given(&[2, 2], vec![-5.0, -2.2, 0.0, 0.4]), 1e-15)?;
    let unit = matrix_power(&spread(&[3, 3], 1), 0)?;
    close("Q of the identity", &qr(&unit, QrMode::Full)?.0, &unit, 0.0)
}

#[test]
fn sizes_near_the_ends_of_the_range_are_no_obstacle() -> Answer {
    for size in [1e-300, 1e-160, 1e160, 1e300] {
        let a = given(&[2, 2], vec![3.0 * size, size, size, 3.0 * size]);
        let want = given(&[2], vec![2.0, 4.0]);
        close("eigvalsh", &(eigvalsh(&a, Triangle::Lower)? * (1.0 / size)), &want, 1e-13)?;
        close("svdvals", &(svdvals(&a)? * (1.0 / size)), &given(&[2], vec![4.0, 2.0]), 1e-13)?;
        let inverse = given(&[2, 2], vec![0.375, -0.125, -0.125, 0.375]);
        close("pinv", &(pinv(&a)? * size), &inverse, 1e-13)?;
    }
    Ok(())
}

#[test]
fn equations_are_solved() -> Answer {
    for n in [0, 1, 2, 20, 60] {
        let one = matrix_power(&spread(&[n, n], 1), 0)?;
        // Diagonally dominant from order 60 on only by this factor.
        let a = &(spread(&[2, n, n], 1) * 0.5) + &(&one * n as f64);
        let (b, c) =
            (&(spread(&[2, 3, 3], 2) * 0.5) + &(&matrix_power(&spread(&[3, 3], 1), 0)? * 3.0), spread(&[2, n, 3], 3));
        let x = solve_sylvester(&a, &b, &c)?;
        close("Sylvester", &(matmul(&a, &x)? + matmul(&x, &b)?), &c, 1e-13 * (1 + n) as f64)?;
        let q = spread(&[2, n, n], 4);
        let x = solve_continuous_lyapunov(&a, &q)?;
        let back = matmul(&a, &x)? + matmul(&x, &matrix_transpose(&a)?)?;
        close("Lyapunov", &back, &q, 1e-13 * (1 + n) as f64)?;
        let x = solve_discrete_lyapunov(&a, &q)?;
        let back = &x - &matmul(&matmul(&a, &x)?, &matrix_transpose(&a)?)?;
        close("discrete Lyapunov", &back, &q, 1e-12 * (1 + n) as f64)?;
    }
    Ok(())
}

#[test]
fn exponentials_of_defective_turning_and_large_matrices() -> Answer {
    let turn = expm(&given(&[2, 2], vec![0.0, -1.0, 1.0, 0.0]))?;
    let (c, s) = (1.0f64.cos(), 1.0f64.sin());
    close("a rotation", &turn, &given(&[2, 2], vec![c, -s, s, c]), 1e-15)?;
    let e = 20.0f64.exp();
    let jordan = expm(&given(&[2, 2], vec![20.0, 1.0, 0.0, 20.0]))?;
    close("a Jordan block", &(jordan * (1.0 / e)), &given(&[2, 2], vec![1.0, 1.0, 0.0, 1.0]), 1e-13)?;
    let small = expm(&given(&[2, 2], vec![1e-200, 0.0, 1e-9, 0.0]))?;
    close("nearly zero", &small, &given(&[2, 2], vec![1.0, 0.0, 1e-9, 1.0]), 1e-24)?;
    // A large cotangent must not be squared away.
    let (x, one) = (matrix("x"), Tensor::new(&[2, 2], vec![0.5, -0.25, 1.0, 0.125])?);
    let gradient = grad(&(sum(&expm(&x)?)? * 1e12), std::slice::from_ref(&x))?.remove(0);
    let plain = grad(&sum(&expm(&x)?)?, std::slice::from_ref(&x))?.remove(0);
    let mut f = compile(&[x], &[gradient, plain], &Mode::run())?;
    let out = f.call(&[&one])?;
    for (large, plain) in out.get::<Tensor>(0)?.to_vec::<f64>()?.iter().zip(out.get::<Tensor>(1)?.to_vec::<f64>()?) {
        assert!((large * 1e-12 - plain).abs() <= 1e-14, "{large:e} against {plain}");
    }
    Ok(())
}

#[test]
fn norms_agree_with_their_definitions() -> Answer {
    let a = given(&[2, 2], vec![1.0, -2.0, 3.0, 4.0]);
    // The eigenvalues of AᵀA have the sum 30 and the product 100.
    let root = 500.0f64.sqrt();
    let [large, small] = [((30.0 + root) / 2.0f64).sqrt(), ((30.0 - root) / 2.0f64).sqrt()];
    let table = [
        (MatrixNorm::Frobenius, 30.0f64.sqrt()),
        (MatrixNorm::Nuclear, large + small),
        (MatrixNorm::Two, large),
        (MatrixNorm::MinusTwo, small),
        (MatrixNorm::One, 6.0),
        (MatrixNorm::MinusOne, 4.0),
        (MatrixNorm::Inf, 7.0),
        (MatrixNorm::MinusInf, 3.0),
    ];
    for (ord, want) in table {
        close(&format!("{ord:?}"), &matrix_norm(&a, ord)?, &given(&[], vec![want]), 1e-14)?;
    }
    for (p, want) in [(3.0, 100.0f64.cbrt()), (f64::NEG_INFINITY, 1.0), (-1.0, 1.0 / (1.0 + 0.5 + 1.0 / 3.0 + 0.25))] {
        close(&format!("{p}"), &vector_norm(&a, p, &[0, 1])?, &given(&[], vec![want]), 1e-14)?;
    }
    Ok(())
}

fn failure(x: &Variable) -> RunError {
    let mut f = compile(&[], std::slice::from_ref(x), &Mode::raw()).unwrap();
    f.call(&[]).map(|_| ()).unwrap_err()
}

#[test]
fn what_has_no_decomposition_is_an_error_that_a_sampler_may_survive() -> Answer {
    let (inf, nan) = (f64::INFINITY, f64::NAN);
    for bad in [nan, inf, -inf] {
        for order in [1, 3] {
            let mut data = vec![1.0; order * order];
            data[order * order - 1] = bad;
            let a = given(&[1, order, order], data);
            let all = [
                cholesky(&a, Triangle::Lower)?,
                eigh(&a, Triangle::Lower)?.1,
                eigvalsh(&a, Triangle::Upper)?,
                svd(&a, SingularVectors::Full)?[0].clone(),
                svdvals(&a)?,
                qr(&a, QrMode::Full)?.0,
                qr_r(&a)?,
                expm(&a)?,
                pinv(&a)?,
                solve_sylvester(&a, &a, &a)?,
                solve_discrete_lyapunov(&a, &a)?,
            ];
            for x in all {
                let error = failure(&x);
                assert!(error.is_recoverable() && error.to_string().contains("finite"), "{error}");
            }
        }
    }
    let indefinite = given(&[2, 2], vec![1.0, 2.0, 2.0, 1.0]);
    let error = failure(&cholesky(&indefinite, Triangle::Lower)?);
    let pivot = LinalgError::NotPositiveDefinite { pivot: 1 }.to_string();
    assert!(error.is_recoverable() && error.to_string().contains(&pivot), "{error}");
    assert!(floats(&cholesky_or_nan(&indefinite, Triangle::Lower)?)?.iter().all(|x| x.is_nan()));
    let none = given(&[2, 2], vec![0.0, 1.0, -1.0, 0.0]);
    let unit = matrix_power(&none, 0)?;
    for x in [solve_continuous_lyapunov(&none, &unit)?, solve_discrete_lyapunov(&unit, &unit)?] {
        let error = self::failure(&x);
        assert!(error.is_recoverable() && error.to_string().contains("singular"), "{error}");
    }
    Ok(())
}

#[test]
fn rectangles_are_refused_when_they_are_seen() -> Answer {
    let declared = |name: &str| tensor(name, DType::F64, &[Some(2), Some(3)]);
    let a = declared("a");
    let builds = [
        cholesky(&a, Triangle::Lower).map(|_| ()),
        eigh(&a, Triangle::Lower).map(|_| ()),
        eigvalsh(&a, Triangle::Lower).map(|_| ()),
        expm(&a).map(|_| ()),
        matrix_power(&a, 2).map(|_| ()),
        matrix_power(&a, 0).map(|_| ()),
        solve_sylvester(&a, &a, &a).map(|_| ()),
        solve_discrete_lyapunov(&a, &a).map(|_| ()),
    ];
    for refused in builds {
        let text = refused.unwrap_err().to_string();
        assert!(text.contains("`a` is f64 (2, 3)") && text.contains("square"), "{text}");
    }
    Ok(())
}

#[test]
fn vectors_are_no_matrices() {
    let v = vector("v");
    let vectors = [
        cholesky(&v, Triangle::Lower).map(|_| ()),
        svdvals(&v).map(|_| ()),
        qr_r(&v).map(|_| ()),
        pinv(&v).map(|_| ()),
        trace(&v, 0, 0, 1).map(|_| ()),
        block_diag(std::slice::from_ref(&v)).map(|_| ()),
        matrix_norm(&v, MatrixNorm::One).map(|_| ()),
    ];
    for refused in vectors {
        let text = refused.unwrap_err().to_string();
        assert!(text.contains("`v` is f64 (?,)"), "{text}");
    }
}

#[test]
fn rectangles_are_refused_when_they_arrive() -> Answer {
    let open = matrix("a");
    let late = [
        cholesky(&open, Triangle::Lower)?,
        eigvalsh(&open, Triangle::Lower)?,
        expm(&open)?,
        solve_sylvester(&open, &open, &open)?,
        solve_discrete_lyapunov(&open, &open)?,
    ];
    for x in late {
        let mut f = compile(std::slice::from_ref(&open), &[x], &Mode::raw())?;
        let error = f.call(&[&Tensor::new(&[2, 3], vec![1.0; 6])?]).map(|_| ()).unwrap_err();
        assert!(!error.is_recoverable() && error.to_string().contains("square"), "{error}");
    }
    Ok(())
}

#[test]
fn a_basis_of_what_is_left_over_has_no_derivative() -> Answer {
    let a = tensor("a", DType::F64, &[Some(3), Some(2)]);
    let [u, s, _] = svd(&a, SingularVectors::Full)?;
    let (q, _) = qr(&a, QrMode::Full)?;
    for x in [u, q] {
        assert!(matches!(grad(&sum(&x)?, std::slice::from_ref(&a)), Err(BuildError::NoDerivative { .. })));
        assert!(matches!(
            rop(&[sum(&x)?], std::slice::from_ref(&a), std::slice::from_ref(&a)),
            Err(BuildError::Undefined { .. })
        ));
    }
    assert_eq!(grad(&sum(&s)?, std::slice::from_ref(&a))?[0].ty().to_string(), "f64 (3, 2)");
    Ok(())
}
