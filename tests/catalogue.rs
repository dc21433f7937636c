//! The elementwise catalogue: dtypes, signs, ties, poles and tails where a convention must hold.

#![allow(clippy::unwrap_used, reason = "a test may")]

use kronograph::graph::{BuildError, apply};
use kronograph::ops::{self, DType, Element, EqualNan, Tensor, tensor};
use kronograph::prelude::{Mode, Value, Variable, compile, constant, grad, sum};

const NAN: f64 = f64::NAN;
const INF: f64 = f64::INFINITY;

type Built = Result<Variable, BuildError>;

/// The output for vectors, as written and as compiled: the same to the bit.
fn try_run<T: Element, O: Element>(arguments: &[&[T]], build: impl Fn(&[Variable]) -> Built) -> Result<Vec<O>, String> {
    let inputs: Vec<Variable> = (0..arguments.len()).map(|k| tensor(&format!("x{k}"), T::DTYPE, &[None])).collect();
    let output = build(&inputs).map_err(|error| error.to_string())?;
    let values: Vec<Tensor> = arguments.iter().map(|argument| Tensor::vector(argument.to_vec())).collect();
    let values: Vec<&dyn Value> = values.iter().map(|value| value as &dyn Value).collect();
    let call = |mode| {
        let mut function = compile(&inputs, std::slice::from_ref(&output), &mode).map_err(|error| error.to_string())?;
        let answers = function.call(&values).map_err(|error| error.to_string())?;
        Ok::<_, String>(answers.get::<Tensor>(0).unwrap().clone())
    };
    let (raw, rewritten) = (call(Mode::raw())?, call(Mode::run())?);
    assert!(raw.same_bits(&rewritten), "{raw:?} as written, {rewritten:?} rewritten");
    raw.to_vec().map_err(|error| error.to_string())
}

fn run<T: Element, O: Element>(arguments: &[&[T]], build: impl Fn(&[Variable]) -> Built) -> Vec<O> {
    try_run(arguments, build).unwrap()
}

fn floats(arguments: &[&[f64]], build: impl Fn(&[Variable]) -> Built) -> Vec<f64> {
    run(arguments, build)
}

/// The derivative of the sum of the outputs by one input.
fn slopes(wrt: usize, arguments: &[&[f64]], build: impl Fn(&[Variable]) -> Built) -> Vec<f64> {
    floats(arguments, |v| Ok(grad(&sum(&build(v)?)?, &v[wrt..=wrt])?.remove(0)))
}

fn second(arguments: &[&[f64]], build: impl Fn(&[Variable]) -> Built) -> Vec<f64> {
    slopes(0, arguments, |v| Ok(grad(&sum(&build(v)?)?, &v[..1])?.remove(0)))
}

#[track_caller]
fn same(got: &[f64], want: &[f64]) {
    let equal = |(a, b): (&f64, &f64)| a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan());
    assert!(got.len() == want.len() && got.iter().zip(want).all(equal), "{got:?}, not {want:?}");
}

#[track_caller]
fn near(got: &[f64], want: &[f64]) {
    let close = |(a, b): (&f64, &f64)| (a - b).abs() <= 1e-14 * b.abs() || a == b || (a.is_nan() && b.is_nan());
    assert!(got.len() == want.len() && got.iter().zip(want).all(close), "{got:?}, not {want:?}");
}

#[test]
fn rounding_keeps_integers_and_the_sign_of_zero() {
    let halves: &[&[f64]] = &[&[0.5, 1.5, 2.5, -0.5, -1.5, INF]];
    same(&floats(halves, |v| ops::round(&v[0])), &[0.0, 2.0, 2.0, -0.0, -2.0, INF]);
    same(&floats(halves, |v| ops::round_half_away_from_zero(&v[0])), &[1.0, 2.0, 3.0, -1.0, -2.0, INF]);
    same(&floats(halves, |v| ops::ceil(&v[0])), &[1.0, 2.0, 3.0, -0.0, -1.0, INF]);
    same(&floats(halves, |v| ops::trunc(&v[0])), &[0.0, 1.0, 2.0, -0.0, -1.0, INF]);
    same(&slopes(0, halves, |v| ops::floor(&v[0])), &[0.0; 6]);
    assert_eq!(run::<i64, i64>(&[&[i64::MAX, -3]], |v| ops::floor(&v[0])), [i64::MAX, -3]);
    assert_eq!(run::<bool, bool>(&[&[true, false]], |v| ops::abs(&v[0])), [true, false]);
    assert!(try_run::<bool, bool>(&[&[true]], |v| ops::sign(&v[0])).unwrap_err().contains("no meaning for bool"));
}

#[test]
fn division_rounds_towards_minus_infinity() {
    let (a, b): (&[i64], &[i64]) = (&[5, -5, 5, -5, i64::MIN], &[3, 3, -3, -3, -1]);
    assert_eq!(run::<i64, i64>(&[a, b], |v| ops::int_div(&v[0], &v[1])), [1, -2, -2, 1, i64::MIN]);
    assert_eq!(run::<i64, i64>(&[a, b], |v| ops::mod_(&v[0], &v[1])), [2, 1, -1, -2, 0]);
    let (a, b): (&[f64], &[f64]) =
        (&[5.0, -5.0, 5.5, -5.0, 1.0, -1.0, 0.0, INF], &[-3.0, 3.0, 2.0, INF, 0.0, 0.0, 0.0, 2.0]);
    same(&floats(&[a, b], |v| ops::int_div(&v[0], &v[1])), &[-2.0, -2.0, 2.0, -1.0, INF, -INF, NAN, NAN]);
    same(&floats(&[a, b], |v| ops::mod_(&v[0], &v[1])), &[-1.0, 1.0, 1.5, INF, NAN, NAN, NAN, NAN]);
    same(&slopes(1, &[&a[..3], &b[..3]], |v| ops::mod_(&v[0], &v[1])), &[2.0, 2.0, -2.0]);
    for divide in [|v: &[Variable]| ops::int_div(&v[0], &v[1]), |v: &[Variable]| ops::mod_(&v[0], &v[1])] {
        assert!(try_run::<i64, i64>(&[&[1], &[0]], divide).unwrap_err().contains("divided by zero"));
        assert_eq!(run::<bool, i32>(&[&[true, false], &[true, true]], divide).len(), 2, "truth values count as i32");
    }
}

#[test]
fn bits_are_those_of_integers_and_truth_values() {
    let (a, b): (&[i32], &[i32]) = (&[6, -1, 0], &[3, 5, 7]);
    assert_eq!(run::<i32, i32>(&[a, b], |v| ops::and_(&v[0], &v[1])), [2, 5, 0]);
    assert_eq!(run::<i32, i32>(&[a, b], |v| ops::or_(&v[0], &v[1])), [7, -1, 7]);
    assert_eq!(run::<i32, i32>(&[a, b], |v| ops::xor(&v[0], &v[1])), [5, -6, 7]);
    assert_eq!(run::<i32, i32>(&[a], |v| ops::invert(&v[0])), [-7, 0, -1]);
    assert_eq!(run::<bool, bool>(&[&[true, false]], |v| ops::invert(&v[0])), [false, true]);
    let counts: &[i8] = &[0, 1, 7, 8, 100];
    assert_eq!(run::<i8, i8>(&[&[-3; 5], counts], |v| ops::left_shift(&v[0], &v[1])), [-3, -6, -128, 0, 0]);
    assert_eq!(run::<i8, i8>(&[&[-3; 5], counts], |v| ops::right_shift(&v[0], &v[1])), [-3, -2, -1, -1, -1]);
    assert!(
        try_run::<i8, i8>(&[&[1], &[-1]], |v| ops::left_shift(&v[0], &v[1])).unwrap_err().contains("negative count")
    );
    assert!(try_run::<f64, f64>(&[&[1.0]], |v| ops::invert(&v[0])).unwrap_err().contains("no meaning for f64"));
}

#[test]
fn questions_about_floats() {
    let x: &[&[f64]] = &[&[1.0, INF, -INF, NAN]];
    assert_eq!(run::<f64, bool>(x, |v| ops::isnan(&v[0])), [false, false, false, true]);
    assert_eq!(run::<f64, bool>(x, |v| ops::isinf(&v[0])), [false, true, true, false]);
    assert_eq!(run::<f64, bool>(x, |v| ops::isfinite(&v[0])), [true, false, false, false]);
    assert_eq!(run::<i64, bool>(&[&[1]], |v| ops::isfinite(&v[0])), [true]);
    let pairs: &[&[f64]] = &[&[1e10, 1e-7, INF, INF, NAN, 1e10], &[1.00001e10, 1e-8, INF, -INF, NAN, 1.0001e10]];
    let close = |equal_nan| move |v: &[Variable]| ops::isclose(&v[0], &v[1], 1e-5, 1e-8, equal_nan);
    assert_eq!(run::<f64, bool>(pairs, close(EqualNan::No)), [true, false, true, false, false, false]);
    assert_eq!(run::<f64, bool>(pairs, close(EqualNan::Yes)), [true, false, true, false, true, false]);
}

#[test]
fn ties_bounds_and_nan_have_one_derivative() {
    let (a, b): (&[f64], &[f64]) = (&[1.0, 2.0, NAN, NAN, INF], &[1.0, NAN, 2.0, NAN, INF]);
    same(&slopes(0, &[a, b], |v| ops::maximum(&v[0], &v[1])), &[1.0, 0.0, 0.0, 0.0, 1.0]);
    same(&slopes(1, &[a, b], |v| ops::maximum(&v[0], &v[1])), &[0.0, 1.0, 1.0, 1.0, 0.0]);
    let clipped: &[&[f64]] = &[&[-2.0, -1.0, 0.0, 1.0, 3.0, NAN], &[-1.0; 6], &[1.0; 6]];
    let clip = |v: &[Variable]| ops::clip(&v[0], &v[1], &v[2]);
    same(&floats(clipped, clip), &[-1.0, -1.0, 0.0, 1.0, 1.0, NAN]);
    same(&slopes(0, clipped, clip), &[0.0, 1.0, 1.0, 1.0, 0.0, 0.0]);
    same(&slopes(1, clipped, clip), &[1.0, 0.0, 0.0, 0.0, 0.0, 0.0]);
    same(&slopes(2, clipped, clip), &[0.0, 0.0, 0.0, 0.0, 1.0, 0.0]);
    same(&floats(&[&[1.0], &[NAN], &[2.0]], clip), &[1.0]);
    assert_eq!(run::<i64, i64>(&[&[-5, 0, 5], &[-1; 3], &[1; 3]], clip), [-1, 0, 1]);
}

#[test]
fn tails_and_poles() {
    near(
        &floats(&[&[1000.0, -1000.0, -INF, INF, -INF], &[1000.0, -1001.0, -INF, 1.0, 3.0]], |v| {
            ops::logaddexp(&v[0], &v[1])
        }),
        &[1000.6931471805599, -999.6867383124818, -INF, INF, 3.0],
    );
    let log1mexp = |v: &[Variable]| ops::log1mexp(&v[0]);
    near(
        &floats(&[&[0.0, -0.0, -1e-20, -40.0, -800.0, -INF, 1.0]], log1mexp),
        &[-INF, -INF, -46.051701859880914, -4.248354255291589e-18, -0.0, -0.0, NAN],
    );
    near(
        &slopes(0, &[&[0.0, -0.0, -1e-20, -40.0, -800.0]], log1mexp),
        &[-INF, -INF, -1e20, -4.248354255291589e-18, 0.0],
    );
    near(
        &second(&[&[0.0, -1e-20, -0.7, -40.0, -800.0]], log1mexp),
        &[0.0, -1e40, -1.9594856309592787, -4.248354255291589e-18, 0.0],
    );
    let logit = |v: &[Variable]| ops::logit(&v[0]);
    near(&slopes(0, &[&[0.0, 0.5, 1.0, 1e-300]], logit), &[INF, 4.0, INF, 1e300]);
    near(&second(&[&[0.5, 1e-300]], logit), &[0.0, -INF]);
    let xlogy = |v: &[Variable]| ops::xlogy(&v[0], &v[1]);
    same(&floats(&[&[0.0, 0.0, 1.0, 0.0], &[0.0, 2.0, 0.0, NAN]], xlogy), &[0.0, 0.0, -INF, 0.0]);
    same(&slopes(0, &[&[0.0, 0.0], &[0.0, 1.0]], xlogy), &[-INF, 0.0]);
    let erfcx = |v: &[Variable]| ops::erfcx(&v[0]);
    near(&slopes(0, &[&[1e10, 30.0]], erfcx), &[-5.641895835477563e-21, -0.0006258354105074841]);
    near(&second(&[&[1e10, 30.0]], erfcx), &[1.1283791670955126e-30, 4.165309239467785e-05]);
    let log_ndtr = |v: &[Variable]| ops::log_ndtr(&v[0]);
    near(&slopes(0, &[&[-1e10, 0.0, 50.0]], log_ndtr), &[1e10, 0.7978845608028654, 0.0]);
}

/// What has no derivative says so: it is never a silent zero.
#[test]
fn a_missing_derivative_is_an_error() {
    let whole: &[&[f64]] = &[&[1.0], &[2.0]];
    let by_order = |v: &[Variable]| Ok(grad(&sum(&ops::polygamma(&v[0], &v[1])?)?, &v[..1])?.remove(0));
    assert!(try_run::<f64, f64>(whole, by_order).unwrap_err().contains("polygamma"));
    let (a, b, x) = (tensor("a", DType::F64, &[]), tensor("b", DType::F64, &[]), tensor("x", DType::F64, &[]));
    let first = grad(&ops::betainc(&a, &b, &x).unwrap(), std::slice::from_ref(&a)).unwrap().remove(0);
    let text = grad(&first, std::slice::from_ref(&b)).unwrap_err().to_string();
    assert!(text.contains("betainc_da"), "{text}");
    assert!(grad(&first, std::slice::from_ref(&x)).is_ok());
}

/// DLMF 5.11, 8.8.5 and 8.17.20: numbers that tie functions to each other, apart from their tables.
#[test]
fn derivatives_in_parameters_obey_recurrences() {
    let (a, b, x): (&[f64], &[f64], &[f64]) = (&[2.0], &[3.0], &[0.4]);
    let betainc = |v: &[Variable]| ops::betainc(&v[0], &v[1], &v[2]);
    near(&slopes(0, &[a, b, x], betainc), &[-0.24086937608755657]);
    near(&slopes(2, &[a, b, x], betainc), &[1.728]);
    let both = |v: &[Variable]| {
        let (p, q) = (ops::gammainc(&v[0], &v[1])?, ops::gammaincc(&v[0], &v[1])?);
        ops::add(&p, &q)
    };
    let (a, x): (&[f64], &[f64]) = (&[0.3, 2.0, 30.0], &[0.1, 5.0, 28.0]);
    assert!(slopes(0, &[a, x], both).iter().all(|slope| *slope == 0.0));
}

#[test]
fn synonyms_and_lists_of_inputs_are_in_the_registry() {
    let registry = kronograph::registry();
    let x = constant(Tensor::vector(vec![1.0, 2.0]));
    let three = [x.clone(), x.clone(), x.clone()];
    for name in ["add", "mul", "maximum", "logaddexp"] {
        let entry = registry.get(name).unwrap();
        assert!(entry.build(&Default::default(), &three).is_ok(), "{name}");
        assert!(entry.build(&Default::default(), &[]).is_err(), "{name} of nothing");
    }
    assert!(registry.get("sub").unwrap().build(&Default::default(), &three).is_err());
    assert!(registry.get("psi").unwrap().build(&Default::default(), &three[..1]).is_ok());
    let mode = kronograph::graph::Props::default().with("mode", "upwards");
    assert!(registry.get("round").unwrap().build(&mode, &three[..1]).is_err());
    assert!(apply(ops::Elemwise(ops::UNARY[0]), &three).is_err());
}

#[test]
fn shares_of_large_numbers_sum_to_one() {
    for top in [1e10, 1e17, 1e308] {
        near(&slopes(0, &[&[top, top, -top]], |v| ops::logsumexp(&v[0])), &[0.5, 0.5, 0.0]);
    }
}
