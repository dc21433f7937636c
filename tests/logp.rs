//! Log-densities against values with 50 digits, at ordinary and at extreme arguments; borders of supports; invalid
//! parameters; shapes.

#![allow(clippy::unwrap_used, reason = "tests")]

use kronograph::ops::{Tensor, logp};
use kronograph::prelude::*;

const NAN: f64 = f64::NAN;
const INF: f64 = f64::INFINITY;

/// How far off a value or a derivative may be, in units of 2⁻⁵², relative to its size and to what relative changes of the
/// arguments make of it: no formula can do better than the arguments are known.
const WITHIN: f64 = 8.0;

/// A density as an expression of scalars, and how many of the first of them are counts or have no derivative.
fn density(name: &str, v: &[Variable]) -> (Variable, usize) {
    let (built, skipped) = match (name, v) {
        ("normal", [x, a, b]) => (logp::normal(x, a, b), 0),
        ("student_t", [x, n, a, b]) => (logp::student_t(x, n, a, b), 0),
        ("laplace", [x, a, b]) => (logp::laplace(x, a, b), 0),
        ("half_normal", [x, a]) => (logp::half_normal(x, a), 0),
        ("half_cauchy", [x, a]) => (logp::half_cauchy(x, a), 0),
        ("exponential", [x, a]) => (logp::exponential(x, a), 0),
        ("gamma", [x, a, b]) => (logp::gamma(x, a, b), 0),
        ("inverse_gamma", [x, a, b]) => (logp::inverse_gamma(x, a, b), 0),
        ("lognormal", [x, a, b]) => (logp::lognormal(x, a, b), 0),
        ("uniform", [x, a, b]) => (logp::uniform(x, a, b), 1),
        ("beta", [x, a, b]) => (logp::beta(x, a, b), 0),
        ("von_mises", [x, a, b]) => (logp::von_mises(x, a, b), 0),
        ("poisson", [k, a]) => (logp::poisson(k, a), 1),
        ("negative_binomial", [k, a, b]) => (logp::negative_binomial(k, a, b), 1),
        ("binomial", [k, n, p]) => (logp::binomial(k, n, p), 2),
        ("bernoulli_logit", [k, a]) => (logp::bernoulli_logit(k, a), 1),
        ("categorical_logit", [k, logits @ ..]) => (logp::categorical_logit(k, &make_vector(logits).unwrap()), 1),
        ("dirichlet", all) => {
            let (x, alpha) = all.split_at(all.len() / 2);
            (logp::dirichlet(&make_vector(x).unwrap(), &make_vector(alpha).unwrap()), 0)
        }
        other => panic!("{other:?} is no density of this table"),
    };
    (built.unwrap(), skipped)
}

/// The value and the derivatives in the arguments that have them.
fn evaluate(name: &str, arguments: &[f64]) -> Vec<f64> {
    let v: Vec<Variable> = (0..arguments.len()).map(|k| scalar(&format!("v{k}"))).collect();
    let (value, skipped) = density(name, &v);
    let gradients = grad(&value, &v[skipped..]).unwrap();
    let mut function = compile(&v, &[&[value], &gradients[..]].concat(), &Mode::run()).unwrap();
    let arguments: Vec<Tensor> = arguments.iter().map(|&x| Tensor::from(x)).collect();
    let arguments: Vec<&dyn Value> = arguments.iter().map(|x| x as &dyn Value).collect();
    let out = function.call(&arguments).unwrap();
    (0..=v.len() - skipped).map(|k| out.scalar(k).unwrap()).collect()
}

#[test]
fn values_and_derivatives_with_50_digits() {
    let table = include_str!("data/log_densities.txt");
    let (mut faults, mut rows) = (Vec::new(), 0);
    let mut worst = std::collections::BTreeMap::<&str, f64>::new();
    for line in table.lines().filter(|line| !line.starts_with('#')) {
        let (left, right) = line.split_once(" = ").unwrap();
        let (name, arguments) = left.split_once(' ').unwrap();
        let number = |text: &str| text.parse::<f64>().unwrap();
        let got = evaluate(name, &arguments.split(' ').map(number).collect::<Vec<_>>());
        let want: Vec<(&str, &str)> = right.split(' ').map(|pair| pair.split_once(':').unwrap()).collect();
        assert_eq!(got.len(), want.len(), "{line}");
        for (k, (got, (want, scale))) in got.iter().zip(want).enumerate() {
            let off =
                if *got == number(want) { 0.0 } else { (got - number(want)).abs() / number(scale) / f64::EPSILON };
            if off > WITHIN || off.is_nan() {
                faults.push(format!("{left}, output {k}: {got:e}, not {want}: off by {off:.1}"));
            }
            let entry = worst.entry(name).or_default();
            *entry = entry.max(off);
        }
        rows += 1;
    }
    assert!(faults.is_empty() && rows > 100, "{}\nat worst {worst:.2?}", faults.join("\n"));
}

/// Outside of the support minus infinity with derivatives of zero; on its border the limit; else NaN.
#[test]
fn borders_of_supports() {
    let table: &[(&str, &[f64], f64)] = &[
        ("half_normal", &[-1.0, 2.0], -INF),
        ("half_cauchy", &[-1e-300, 2.0], -INF),
        ("exponential", &[-1.0, 2.0], -INF),
        ("exponential", &[0.0, 2.0], 2f64.ln()),
        ("gamma", &[-1.0, 2.0, 3.0], -INF),
        ("gamma", &[0.0, 2.0, 3.0], -INF),
        ("gamma", &[0.0, 1.0, 3.0], 3f64.ln()),
        ("gamma", &[0.0, 0.5, 3.0], INF),
        ("gamma", &[INF, 2.0, 3.0], -INF),
        ("inverse_gamma", &[0.0, 2.0, 3.0], -INF),
        ("lognormal", &[0.0, 2.0, 3.0], -INF),
        ("lognormal", &[-2.0, 2.0, 3.0], -INF),
        ("uniform", &[0.0, 0.0, 2.0], -(2f64.ln())),
        ("uniform", &[2.0, 0.0, 2.0], -(2f64.ln())),
        ("uniform", &[2.1, 0.0, 2.0], -INF),
        ("beta", &[0.0, 0.5, 2.0], INF),
        ("beta", &[0.0, 1.0, 2.5], 2.5f64.ln()),
        ("beta", &[0.0, 2.0, 2.0], -INF),
        ("beta", &[1.0, 2.0, 1.0], 2f64.ln()),
        ("beta", &[1.5, 2.0, 1.0], -INF),
        ("poisson", &[-1.0, 2.0], -INF),
        ("poisson", &[1.5, 2.0], -INF),
        ("poisson", &[0.5, 0.0], -INF),
        ("poisson", &[0.0, 0.0], 0.0),
        ("poisson", &[2.0, 0.0], -INF),
        ("negative_binomial", &[0.5, 2.0, 2.0], -INF),
        ("negative_binomial", &[0.0, 0.0, 2.0], 0.0),
        ("negative_binomial", &[3.0, 0.0, 2.0], -INF),
        ("binomial", &[4.0, 3.0, 0.5], -INF),
        ("binomial", &[0.0, 0.0, 0.5], 0.0),
        ("binomial", &[0.0, 3.0, 0.0], 0.0),
        ("binomial", &[1.0, 3.0, 0.0], -INF),
        ("binomial", &[3.0, 3.0, 1.0], 0.0),
        ("binomial", &[2.0, 3.0, 1.0], -INF),
        ("bernoulli_logit", &[2.0, 0.5], -INF),
        ("bernoulli_logit", &[0.5, 0.5], -INF),
        ("categorical_logit", &[2.0, 0.5, 1.0], -INF),
        ("categorical_logit", &[-1.0, 0.5, 1.0], -INF),
        ("dirichlet", &[-0.5, 1.5, 2.0, 3.0], -INF),
        ("dirichlet", &[0.0, 1.0, 2.0, 1.0], -INF),
        ("dirichlet", &[0.0, 1.0, 1.0, 1.0], 0.0),
    ];
    for &(name, arguments, want) in table {
        let out = evaluate(name, arguments);
        assert!((out[0] - want).abs() < 1e-15 || out[0] == want, "{name} of {arguments:?} is {}, not {want}", out[0]);
        let inside = out[0].is_finite() || arguments[0] == INF || arguments[0] >= 0.0 && arguments[0].fract() == 0.0;
        assert!(inside || out[1..].iter().all(|x| *x == 0.0), "the derivatives of {name} at {arguments:?} are {out:?}");
    }
}

/// Several masks lie one in another there.
#[test]
fn no_trials_have_no_slope_at_either_end() {
    for p in [0.0, 1.0] {
        assert_eq!(evaluate("binomial", &[0.0, 0.0, p]), [0.0, 0.0], "p = {p}");
    }
}

/// `∂²/∂κ² (κ cos(x - μ) - ln I₀(κ)) = -1/2` at κ = 0, and with the asymptotic series `-1/(2κ²)` for large κ.
#[test]
fn the_concentration_of_von_mises_has_second_derivatives_at_zero() {
    let (x, kappa) = (scalar("x"), scalar("kappa"));
    let density = logp::von_mises(&x, 0.25, &kappa).unwrap();
    let slope = grad(&density, std::slice::from_ref(&kappa)).unwrap().remove(0);
    let curvature = grad(&slope, std::slice::from_ref(&kappa)).unwrap().remove(0);
    let mut function = compile(&[x, kappa], &[curvature], &Mode::run()).unwrap();
    for (at, want) in [(0.0, -0.5), (1e-8, -0.5), (1e4, -0.5e-8 * (1.0 + 0.5e-4))] {
        let got = function.call(&[&Tensor::from(1.5), &Tensor::from(at)]).unwrap().scalar(0).unwrap();
        assert!((got / want - 1.0).abs() < 1e-7, "{got} at {at}, not {want}");
    }
}

#[test]
fn invalid_parameters() {
    let table: &[(&str, &[f64])] = &[
        ("normal", &[0.0, 0.0, -1.0]),
        ("normal", &[0.0, 0.0, 0.0]),
        ("student_t", &[0.0, -2.0, 0.0, 1.0]),
        ("student_t", &[0.0, 2.0, 0.0, 0.0]),
        ("laplace", &[1.0, 0.0, -1.0]),
        ("half_normal", &[-1.0, -1.0]),
        ("half_cauchy", &[1.0, 0.0]),
        ("exponential", &[1.0, -2.0]),
        ("gamma", &[1.0, -2.5, 1.0]),
        ("gamma", &[-1.0, 2.5, 0.0]),
        ("inverse_gamma", &[1.0, 0.0, 1.0]),
        ("lognormal", &[-1.0, 0.0, -1.0]),
        ("uniform", &[0.5, 1.0, 0.0]),
        ("beta", &[0.5, -1.0, 2.0]),
        ("von_mises", &[0.5, 0.0, -1.0]),
        ("poisson", &[1.0, -1.0]),
        ("negative_binomial", &[1.0, 1.0, 0.0]),
        ("binomial", &[1.0, 3.0, 1.5]),
        ("binomial", &[1.0, 2.5, 0.5]),
        ("dirichlet", &[0.5, 0.5, -1.0, 2.0]),
        ("normal", &[NAN, 0.0, 1.0]),
        ("gamma", &[NAN, 1.0, 1.0]),
        ("uniform", &[NAN, 0.0, 1.0]),
        ("poisson", &[NAN, 1.0]),
        ("negative_binomial", &[NAN, 1.0, 2.0]),
        ("binomial", &[NAN, 3.0, 0.5]),
        ("binomial", &[0.0, NAN, 0.5]),
        ("bernoulli_logit", &[NAN, 0.5]),
        ("categorical_logit", &[NAN, 0.5, 1.0]),
    ];
    for &(name, arguments) in table {
        let value = evaluate(name, arguments)[0];
        assert!(value.is_nan(), "{name} of {arguments:?} is {value}");
    }
}

/// One density by covariance, by its Cholesky factor, by a factor of it, by its inverse.
#[test]
fn the_multivariate_normal_distribution() {
    let full = |data: Vec<f64>| constant(Tensor::new(&[3, 3], data).unwrap());
    let cov = full(vec![2.0, 0.5, -0.25, 0.5, 1.5, 0.75, -0.25, 0.75, 1.25]);
    let (x, mu) = (constant(vec![1.0, -1.0, 0.5]), constant(vec![-0.5, 1.0, 0.25]));
    let factors = [cholesky_factor(&cov).unwrap(), lu_factor(&cov).unwrap()];
    let outputs = [
        logp::multivariate_normal(&x, &mu, &cov).unwrap(),
        logp::multivariate_normal_cholesky(&x, &mu, &cholesky(&cov, Triangle::Lower).unwrap()).unwrap(),
        logp::multivariate_normal_precision(&x, &mu, &matrix_inverse(&cov).unwrap()).unwrap(),
        logp::multivariate_normal_factor(&x, &mu, &factors[0]).unwrap(),
        logp::multivariate_normal_factor(&x, &mu, &factors[1]).unwrap(),
    ];
    let out = compile(&[], &outputs, &Mode::run()).unwrap().call(&[]).unwrap().into_values();
    for value in out {
        let value = value.to_floats().unwrap()[0];
        assert!((value + 8.018833590854281).abs() < 1e-14, "{value}");
    }
    let improper = full(vec![1.0, 2.0, 0.0, 2.0, 1.0, 0.0, 0.0, 0.0, 1.0]);
    let density = logp::multivariate_normal(&x, &mu, &improper).unwrap();
    let failed = compile(&[], &[density], &Mode::raw()).unwrap().call(&[]).map(drop);
    assert!(failed.unwrap_err().is_recoverable());
}

/// Literals take the dtype of what is beside them, integers become floats, and shapes broadcast.
#[test]
fn arguments_of_all_kinds() {
    let (x, k) = (tensor("x", DType::F32, &[None, Some(1)]), tensor("k", DType::I64, &[None]));
    assert_eq!(logp::normal(&x, 0.0, 1).unwrap().ty().to_string(), "f32 (?, 1)");
    assert_eq!(logp::student_t(&x, 4, &k, 1.0).unwrap().ty().to_string(), "f64 (?, ?)");
    assert_eq!(logp::poisson(&k, 2.5).unwrap().ty().to_string(), "f64 (?,)");
    assert_eq!(logp::categorical_logit(&k, &vector("eta")).unwrap().ty().to_string(), "f64 (?,)");
    assert_eq!(logp::dirichlet(&matrix("p"), 1.0).unwrap().ty().to_string(), "f64 (?,)");
    let [a, b] = [2, 3].map(|length| tensor("a", DType::F64, &[Some(length)]));
    let error = logp::gamma(&a, &b, 1.0).unwrap_err().to_string();
    assert!(error.contains("gamma_logp") && error.contains("tests/logp.rs"), "{error}");
    let count = scalar("count");
    let error = grad(&logp::poisson(&count, 2.5).unwrap(), &[count]).unwrap_err().to_string();
    assert!(error.contains("not connected"), "{error}");
}
