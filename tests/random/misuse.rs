//! What a wrong parameter, size or state is told.

use kronograph::graph::Result as Built;
use kronograph::ops::random::{
    RandomError, Range, RngState, bernoulli, beta, binomial, categorical, exponential, gamma, multinomial,
    multivariate_normal, negative_binomial, normal, permutation, poisson, rng_state, shuffle, split, standard_normal,
    uniform,
};
use kronograph::prelude::*;

use crate::Draw;

/// The error of a draw at the value of its parameter.
#[track_caller]
fn refused(value: impl Into<Tensor>, draw: impl Fn(&Variable, &Variable) -> Draw) -> RunError {
    let value = value.into();
    let (rng, x) = (rng_state("rng"), tensor("x", value.dtype(), &vec![None; value.shape().len()]));
    let (_, draw) = draw(&rng, &x).unwrap();
    let mut errors = Vec::new();
    for mode in [Mode::raw(), Mode::run()] {
        let mut f = compile(&[rng.clone(), x.clone()], std::slice::from_ref(&draw), &mode).unwrap();
        errors.push(f.call(&[&RngState::new(1), &value]).unwrap_err());
    }
    let heads = errors.iter().map(|error| error.to_string().lines().next().unwrap_or_default().to_owned());
    assert_eq!(heads.clone().next(), heads.clone().next_back());
    assert!(errors.iter().all(RunError::is_recoverable));
    errors.remove(0)
}

/// The text of the error names distribution, parameter, range and value.
#[track_caller]
fn names(error: &RunError, words: &[&str]) {
    let text = error.to_string();
    assert!(words.iter().all(|word| text.contains(word)), "{text}");
    assert!(text.contains("tests/random/misuse.rs"), "the line is not the user's: {text}");
}

#[test]
fn parameters_out_of_range_are_named() {
    let scale = refused(vec![1.0, -2.0], |rng, x| normal(rng, 0.0, x, None));
    names(&scale, &["normal: the parameter `scale`", "finite and not negative", "element 1 is -2.0"]);
    names(&refused(f64::NAN, |rng, x| normal(rng, x, 1.0, [2])), &["normal", "`loc`", "NaN"]);
    names(&refused(4.0, |rng, x| uniform(rng, x, 3.0, [2])), &["uniform", "`high - low`", "-1.0"]);
    names(&refused(f64::INFINITY, |rng, x| uniform(rng, 0.0, x, [2])), &["uniform", "`high - low`", "inf"]);
    names(&refused(-0.5, |rng, x| exponential(rng, x, [2])), &["exponential", "`scale`", "-0.5"]);
    names(&refused(0.0, |rng, x| gamma(rng, x, 1.0, [2])), &["gamma", "`shape`", "positive", "0.0"]);
    names(&refused(-1.0, |rng, x| gamma(rng, 1.0, x, [2])), &["gamma", "`scale`", "-1.0"]);
    names(&refused(f64::NAN, |rng, x| beta(rng, 1.0, x, [2])), &["beta", "`b`", "NaN"]);
    names(&refused(1.5, |rng, x| bernoulli(rng, x, [2])), &["bernoulli", "`p`", "from 0 to 1", "1.5"]);
    names(&refused(-1.0, |rng, x| poisson(rng, x, [2])), &["poisson", "`lam`", "-1.0"]);
    names(&refused(1e19, |rng, x| poisson(rng, x, [2])), &["poisson", "`lam`", "9.2e18", "1e19"]);
    names(&refused(-3i64, |rng, x| binomial(rng, x, 0.5, [2])), &["binomial", "`n`", "-3.0"]);
    names(&refused(-0.1, |rng, x| binomial(rng, 3, x, [2])), &["binomial", "`p`", "-0.1"]);
    names(&refused(0.0, |rng, x| negative_binomial(rng, 3.0, x, [2])), &["negative_binomial", "`p`", "not 0"]);
    names(&refused(0.0, |rng, x| negative_binomial(rng, x, 0.5, [2])), &["negative_binomial", "`n`", "positive"]);
    names(&refused(1e-300, |rng, x| negative_binomial(rng, 3.0, x, [2])), &["negative_binomial", "mean drawn from n"]);
    names(&refused(vec![0.5, -0.5], |rng, x| categorical(rng, x, None)), &["categorical", "`p`", "element 1 is -0.5"]);
    names(&refused(vec![0.5, 0.4], |rng, x| categorical(rng, x, [2])), &["categorical", "row 0", "sum to 0.9"]);
    names(&refused(vec![0.5, 0.6], |rng, x| multinomial(rng, 3, x, [2])), &["multinomial", "row 0", "1.1"]);
    names(&refused(Vec::<f64>::new(), |rng, x| categorical(rng, x, None)), &["categorical", "sum to 0.0"]);
    names(
        &refused(-3i64, |rng, x| multinomial(rng, x, &constant(Tensor::vector(vec![1.0])), None)),
        &["multinomial", "`n`", "-3.0"],
    );
    let not_definite = Tensor::new(&[2, 2], vec![1.0, 2.0, 2.0, 1.0]).unwrap();
    let mean = constant(Tensor::vector(vec![0.0, 0.0]));
    names(&refused(not_definite, |rng, x| multivariate_normal(rng, &mean, x, None)), &["not positive definite"]);
}

#[test]
fn the_error_is_a_value() {
    let RunError::Op(node) = refused(-1.0, |rng, x| poisson(rng, x, None)) else { panic!("an op fails") };
    let failure: &(dyn std::error::Error + 'static) = node.failure();
    let Some(RandomError::Parameter { distribution, parameter, range, element, value }) = failure.downcast_ref() else {
        panic!("{failure}");
    };
    assert_eq!((&**distribution, &**parameter, *range), ("poisson", "lam", Range::Mean));
    assert_eq!((*element, *value), (0, -1.0));
}

/// What is wrong before anything runs, at the line of the call.
#[test]
fn what_does_not_fit_is_refused_when_it_is_built() {
    let (rng, x, v) = (rng_state("rng"), matrix("x"), vector("v"));
    let f = lu_factor(&matrix("a")).unwrap();
    let check = |name: &str, outcome: Built<()>, words: &str| {
        let text = outcome.err().unwrap_or_else(|| panic!("{name} is not refused")).to_string();
        assert!(text.contains(words) && text.contains("tests/random/misuse.rs"), "{name}: {text}");
    };
    let done = |outcome: Draw| outcome.map(|_| ());
    check("no state", done(normal(&v, 0.0, 1.0, [2])), "a random state is needed");
    check("no tensor", done(normal(&rng, &f, 1.0, [2])), "a dense tensor is needed");
    check("no tensor", done(poisson(&rng, &f, None)), "a dense tensor is needed");
    check("too small a size", done(normal(&rng, &x, 1.0, [2])), "does not broadcast to the size (2)");
    check("a size of one", done(normal(&rng, &v, 1.0, [1])), "does not broadcast to the size (1)");
    check("another length", done(gamma(&rng, &constant(vec![1.0, 2.0]), 1.0, [3])), "does not broadcast");
    check("a length that is open", done(normal(&rng, 0.0, 1.0, [-1])), "every length of the size must be given");
    check("a length that is open", done(poisson(&rng, 2.0, [-1])), "every length must be given");
    check("no float", done(standard_normal(&rng, DType::I64, [2])), "no draws of i64");
    check("trials that are no integer", done(binomial(&rng, 2.5, 0.5, [2])), "must be an integer");
    check("trials that are no integer", done(multinomial(&rng, &v, &x, None)), "must be an integer");
    check("no categories", done(categorical(&rng, 0.5, None)), "an axis of probabilities is needed");
    check("no axis", done(shuffle(&rng, &scalar("s"))), "a scalar has no order");
    check("no state", done(permutation(&v, 3)), "a random state is needed");
    check("no state", split(&v, 3).map(|_| ()), "a random state is needed");
    check("no matrix", done(multivariate_normal(&rng, &v, &v, None)), "cholesky");
    let tensor_as_state =
        compile(std::slice::from_ref(&rng), &[normal(&rng, 0.0, 1.0, [2]).unwrap().1], &Mode::run()).unwrap();
    let error = { tensor_as_state }.call(&[&Tensor::scalar(1.0)]).unwrap_err().to_string();
    assert!(error.contains("random state was expected") && error.contains("`rng`"), "{error}");
}
