//! Decompositions.

use std::error::Error;

use kronograph::ops::{QrMode, Triangle, cholesky, cholesky_or_nan, eigh, eigvalsh, qr, tril};
use kronograph::prelude::*;

type Answer = Result<(), Box<dyn Error>>;

/// The gradient of a cost by its only input.
fn gradient_at(
    cost: impl Fn(&Variable) -> Result<Variable, BuildError>,
    at: &Tensor,
) -> Result<Vec<f64>, Box<dyn Error>> {
    let x = tensor("x", DType::F64, &vec![None; at.shape().len()]);
    let gradient = grad(&cost(&x)?, std::slice::from_ref(&x))?;
    let mut f = compile(&[x], &gradient, &Mode::run())?;
    Ok(f.call(&[at])?.get::<Tensor>(0)?.to_vec()?)
}

#[test]
fn the_gradient_of_repeated_eigenvalues_is_nan() -> Answer {
    let at = Tensor::new(&[2, 2], vec![2.0, 0.0, 0.0, 2.0])?;
    for by_vectors in [false, true] {
        let logdet = |a: &Variable| {
            let w = if by_vectors { eigh(a, Triangle::Lower)?.0 } else { eigvalsh(a, Triangle::Lower)? };
            sum(&log(&w)?)
        };
        assert_eq!(gradient_at(logdet, &at)?, [0.5, 0.0, 0.0, 0.5]);
    }
    Ok(())
}

#[test]
fn a_matrix_without_a_cholesky_factor_is_nan_or_an_error_as_the_op_pleases() -> Answer {
    let (a, at) = (matrix("a"), Tensor::new(&[2, 2], vec![1.0, 2.0, 2.0, 1.0])?);
    let call = |x: Variable| -> Result<Result<Tensor, RunError>, BuildError> {
        let mut function = compile(std::slice::from_ref(&a), &[x], &Mode::run())?;
        Ok(function.call(&[&at]).and_then(|out| Ok(out.get::<Tensor>(0)?.clone())))
    };
    assert!(call(cholesky(&a, Triangle::Lower)?)?.is_err_and(|error| error.is_recoverable()));
    assert!(call(cholesky_or_nan(&a, Triangle::Lower)?)??.to_vec::<f64>()?.iter().all(|x| x.is_nan()));
    Ok(())
}

#[test]
fn gradients_of_symmetric_matrices_lie_on_different_triangles() -> Answer {
    let at = Tensor::new(&[2, 2], vec![2.0, 0.5, 0.5, 1.0])?;
    let by_cholesky = |a: &Variable| Ok(2.0 * sum(&log(&kronograph::ops::diag(&cholesky(a, Triangle::Lower)?, 0)?)?)?);
    let by_factor = |a: &Variable| Ok(factor_logdet(&cholesky_factor(a)?)?.1);
    let by_eigenvalues = |a: &Variable| sum(&log(&eigvalsh(a, Triangle::Lower)?)?);
    // The inverse, with twice the entry that stands for two.
    let want = [1.0 / 1.75, 0.0, -1.0 / 1.75, 2.0 / 1.75];
    for got in [gradient_at(by_cholesky, &at)?, gradient_at(by_factor, &at)?, gradient_at(by_eigenvalues, &at)?] {
        assert!(got.iter().zip(want).all(|(got, want)| (got - want).abs() <= 1e-14), "{got:?}");
    }
    Ok(())
}

#[test]
fn qr_has_no_gradient() -> Answer {
    // The columns are orthogonal, so R is diagonal and holds their lengths: the gradient is Q, with the signs of R.
    let at = Tensor::new(&[2, 2], vec![3.0, -4.0, 4.0, 3.0])?;
    let lengths = |a: &Variable| sum(&abs(&kronograph::ops::diag(&tril(&qr(a, QrMode::Economic)?.1, 0)?, 0)?)?);
    let got = gradient_at(lengths, &at)?;
    assert!(got.iter().zip([0.6, -0.8, 0.8, 0.6]).all(|(got, want)| (got - want).abs() <= 1e-14), "{got:?}");
    Ok(())
}
