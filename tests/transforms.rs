//! Transforms of constrained parameters: values with 50 digits, extreme raw numbers, and what is refused.

#![allow(clippy::unwrap_used, reason = "tests")]

use kronograph::ops::{Tensor, Transform};
use kronograph::prelude::*;

type Question = fn(&Transform, &Variable) -> Result<Variable, BuildError>;

/// The answer to a question, in row-major order.
#[track_caller]
fn answer(question: Question, transform: &Transform, at: &Tensor) -> Vec<f64> {
    let lengths: Vec<Option<usize>> = at.shape().iter().map(|&length| Some(length)).collect();
    let x = tensor("x", DType::F64, &lengths);
    let mut function = compile(std::slice::from_ref(&x), &[question(transform, &x).unwrap()], &Mode::run()).unwrap();
    function.call(&[at]).unwrap().get::<Tensor>(0).unwrap().to_vec::<f64>().unwrap()
}

#[track_caller]
fn near(got: &[f64], want: &[f64], tolerance: f64) {
    assert_eq!(got.len(), want.len(), "{got:?} and {want:?}");
    for (got, want) in got.iter().zip(want) {
        assert!(got == want || (got - want).abs() <= tolerance * want.abs(), "{got:e} is not {want:e}");
    }
}

fn chain() -> Transform {
    Transform::Chain(vec![Transform::Sigmoid, Transform::ScaleShift { scale: 2.0, shift: -1.0 }])
}

/// Values and derivatives that torch-openreml gives at 0.7.
#[test]
fn elementwise_transforms_at_a_number() {
    let x = Tensor::from(0.7);
    let table = [
        (Transform::Exp, 2.0137527074704766, 2.0137527074704766),
        (Transform::Exp2, 1.624504792712471, 1.1260209168747677),
        (Transform::Exp10, 5.011872336272722, 11.540262529490812),
        (Transform::ExpPow2, 4.0551999668446745, 8.110399933689349),
        (Transform::Pow(3.0), 0.3429999999999999, 1.4699999999999998),
        (Transform::Sigmoid, 0.6681877721681662, 0.22171287329310904),
        (Transform::ScaleShift { scale: 2.0, shift: -1.0 }, 0.3999999999999999, 2.0),
        (Transform::Identity, 0.7, 1.0),
        (chain(), 0.3363755443363323, 0.4434257465862181),
        (Transform::interval(-1.0, 1.0), 0.3363755443363323, 0.4434257465862181),
    ];
    for (transform, value, derivative) in table {
        near(&answer(Transform::forward, &transform, &x), &[value], 1e-15);
        near(&answer(Transform::derivative, &transform, &x), &[derivative], 1e-15);
        near(&answer(Transform::log_jacobian, &transform, &x), &[f64::ln(derivative)], 1e-14);
        near(&answer(Transform::inverse, &transform, &Tensor::from(value)), &[0.7], 1e-14);
    }
}

#[test]
fn transforms_of_vectors_at_a_point() {
    let x = Tensor::vector(vec![0.5, -1.25, 2.0]);
    let simplex = [0.3546612443924434, 0.08086256776510767, 0.4971889768397233, 0.06728721100272562];
    near(&answer(Transform::forward, &Transform::Simplex, &x), &simplex, 4e-16);
    near(&answer(Transform::log_jacobian, &Transform::Simplex, &x), &[-6.949166625949362], 1e-15);
    let ordered = [0.5, 0.7865047968601901, 8.17556089579084];
    near(&answer(Transform::forward, &Transform::Ordered, &x), &ordered, 1e-15);
    near(&answer(Transform::log_jacobian, &Transform::Ordered, &x), &[0.75], 1e-15);
    let y = Tensor::vector(vec![0.5, -1.25, 2.0, 0.25, -0.75, 1.5]);
    #[rustfmt::skip]
    let factor = [
        1.0, 0.0, 0.0, 0.0,
        0.46211715726000974, 0.8868188839700739, 0.0, 0.0,
        -0.8482836399575129, 0.5104932169810832, 0.14075347809818875, 0.0,
        0.24491866240370913, -0.6158046203421759, 0.6778342882273459, 0.31833974944221766,
    ];
    let cholesky = Transform::CorrelationCholesky { order: 4 };
    near(&answer(Transform::forward, &cholesky, &y), &factor, 1e-15);
    near(&answer(Transform::log_jacobian, &cholesky, &y), &[-7.406860018606757], 1e-15);
}

/// Where values are rounded to the border of their domain, or leave the range of f64, the log-Jacobian does not.
#[test]
fn extreme_raw_numbers() {
    let far = Tensor::vector(vec![800.0, -800.0, -40.0, 1e-3]);
    let log = [-800.0, -800.0, -40.0, -1.3862946111198802];
    near(&answer(Transform::log_jacobian, &Transform::Sigmoid, &far), &log, 2e-16);
    let far = Tensor::vector(vec![800.0, -40.0, 300.0]);
    near(&answer(Transform::log_jacobian, &Transform::Simplex, &far), &[-2737.3973103145556], 2e-16);
    let back = Tensor::vector(vec![-800.0, 40.0, -300.0]);
    near(&answer(Transform::log_jacobian, &Transform::Simplex, &back), &[-1179.7123179275482], 2e-16);
    near(
        &answer(Transform::forward, &Transform::Simplex, &back)[2..],
        &[4.3742756643954364e-148, 8.49670851058318e-18],
        1e-14,
    );
    let cholesky = Transform::CorrelationCholesky { order: 3 };
    near(&answer(Transform::log_jacobian, &cholesky, &far), &[-2315.1479697360804], 2e-16);
    let last = &answer(Transform::forward, &cholesky, &far)[6..];
    near(last, &[-1.0, 8.49670851058318e-18, 8.748551328790873e-148], 1e-13);
}

/// Raw numbers come back from values.
#[test]
fn there_and_back() {
    let x = Tensor::new(&[2, 3], vec![0.5, -1.25, 2.0, -3.5, 4.0, 0.125]).unwrap();
    let vectors = [Transform::Simplex, Transform::Ordered, Transform::CorrelationCholesky { order: 3 }];
    for transform in vectors.into_iter().chain([Transform::interval(2.0, 5.0), Transform::ExpPow2]) {
        let values = answer(Transform::forward, &transform, &x);
        let shape = transform.value_shape(x.shape()).unwrap();
        assert_eq!(transform.raw_shape(&shape).unwrap(), x.shape());
        let values = Tensor::new(&shape, values).unwrap();
        near(&answer(Transform::inverse, &transform, &values), &x.to_vec::<f64>().unwrap(), 1e-13);
    }
}

/// The rows of the factor have length one, so that `L Lᵀ` has ones on its diagonal.
#[test]
fn a_factor_of_a_correlation_matrix() {
    let x = Tensor::vector((0..10).map(|k| f64::from(k * k % 7) - 2.5).collect());
    let l = answer(Transform::forward, &Transform::CorrelationCholesky { order: 5 }, &x);
    for row in l.chunks(5) {
        near(&[row.iter().map(|x| x * x).sum()], &[1.0], 1e-15);
    }
}

#[test]
fn what_has_no_map_is_refused() {
    let (x, v) = (scalar("x"), vector("v"));
    let refused = |outcome: Result<Variable, BuildError>, why: &str| {
        let text = outcome.unwrap_err().to_string();
        assert!(text.contains(why), "{text}");
    };
    refused(Transform::Simplex.forward(&x), "Simplex needs 1 axes or more");
    refused(Transform::CorrelationCholesky { order: 2 }.inverse(&v), "needs 2 axes or more");
    refused(Transform::Pow(0.0).forward(&x), "the power must be a number other than 0");
    refused(Transform::interval(1.0, 1.0).inverse(&x), "has no inverse");
    refused(Transform::Ordered.derivative(&v), "a matrix");
    refused(Transform::Chain(vec![Transform::Simplex, Transform::Exp]).log_jacobian(&v), "Jacobian determinant");
    let three = tensor("three", DType::F64, &[Some(3)]);
    refused(Transform::CorrelationCholesky { order: 4 }.forward(&three), "specify_shape");
    assert_eq!(Transform::CorrelationCholesky { order: 4 }.value_shape(&[3]), None);
}
