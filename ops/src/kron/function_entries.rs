//! The entries of what follows for a product or sum from its factors.

use kronograph_graph::{Entry, Params, Prop, Result, Sample, SampleInput, Variable};

use super::functions::{
    expm_kronsum, expm_kronsum_action, kron_cholesky, kron_det, kron_diag, kron_inverse, kron_slogdet, kron_trace,
};
use crate::linalg::Triangle;
use crate::params::some;
use crate::samples::{dense, given, narrowed, shaped};

const FAMILY: &str = "products";

pub(super) fn entries() -> Vec<Entry> {
    let of = |name, f: fn(&[Variable]) -> Result<Variable>, samples: fn() -> Vec<Sample>| {
        let build = move |params: &Params<'_>, factors: &[Variable]| Ok(vec![f(some(params, factors)?)?]);
        Entry::function(name, FAMILY, build, samples)
    };
    let slogdet = |params: &Params<'_>, factors: &[Variable]| {
        let (sign, log) = kron_slogdet(some(params, factors)?)?;
        Ok(vec![sign, log])
    };
    vec![
        Entry::function("kron_slogdet", FAMILY, slogdet, regular),
        of("kron_det", kron_det, determinants),
        of("kron_trace", kron_trace, any),
        of("kron_diag", kron_diag, any),
        of("kron_inverse", kron_inverse, regular),
        of("expm_kronsum", expm_kronsum, any),
        Entry::function("kron_cholesky", FAMILY, build_cholesky, positive),
        Entry::function("expm_kronsum_action", FAMILY, build_action, actions),
    ]
}

/// `lower` is true if it is absent.
fn build_cholesky(params: &Params<'_>, factors: &[Variable]) -> Result<Vec<Variable>> {
    let lower = params.get("lower").is_none() || params.flag("lower")?;
    let triangle = if lower { Triangle::Lower } else { Triangle::Upper };
    Ok(vec![kron_cholesky(some(params, factors)?, triangle)?])
}

/// The inputs are t, the factors and x.
fn build_action(params: &Params<'_>, inputs: &[Variable]) -> Result<Vec<Variable>> {
    match inputs {
        [t, factors @ .., x] => Ok(vec![expm_kronsum_action(t, factors, x)?]),
        _ => Err(params.arity(3, inputs)),
    }
}

/// A matrix whose diagonal outweighs the rest.
fn heavy(order: usize, seed: u64) -> SampleInput {
    let noise = crate::samples::spread_over(&[order, order], (-0.5, 0.5), seed);
    let mut elements = noise.to_vec::<f64>().expect("they are f64");
    elements.iter_mut().step_by(order + 1).for_each(|x| *x += 2.0);
    given(shaped(&[order, order], elements))
}

fn regular() -> Vec<Sample> {
    vec![
        Sample::new("two", [heavy(2, 1), heavy(3, 2)]),
        Sample::new("three", [heavy(2, 1), heavy(1, 2), heavy(2, 3)]),
        Sample::new("one", [heavy(2, 1)]),
        Sample::new(
            "f32",
            [narrowed(&shaped(&[2, 2], vec![2.0, 0.5, -0.5, 1.0])), narrowed(&shaped(&[1, 1], vec![3.0]))],
        )
        .single(),
    ]
}

fn determinants() -> Vec<Sample> {
    let singular = || given(shaped(&[2, 2], vec![1.0, 2.0, 2.0, 4.0]));
    let mut samples = regular();
    samples.push(Sample::new("a singular factor", [singular(), heavy(2, 1)]).edge());
    samples
}

fn any() -> Vec<Sample> {
    let x = |order: usize, seed| dense(&[order, order], (-1.0, 1.0), seed);
    let mut samples = regular();
    samples.push(Sample::new("any", [x(3, 1), x(2, 2)]));
    samples.push(Sample::new("nothing", [x(0, 1), x(2, 2)]));
    samples
}

fn positive() -> Vec<Sample> {
    let a = || given(shaped(&[2, 2], vec![4.0, 1.0, 1.0, 3.0]));
    let b = || given(shaped(&[1, 1], vec![2.0]));
    let c = || given(shaped(&[2, 2], vec![2.0, -0.5, -0.5, 1.0]));
    vec![
        Sample::new("two", [a(), c()]),
        Sample::new("three, upper", [a(), b(), c()]).with("lower", Prop::Bool(false)),
        Sample::new("one", [a()]),
    ]
}

fn actions() -> Vec<Sample> {
    let x = |shape: &[usize], seed| dense(shape, (-1.0, 1.0), seed);
    vec![
        Sample::new("a vector", [x(&[], 1), x(&[2, 2], 2), x(&[3, 3], 3), x(&[6], 4)]),
        Sample::new("columns", [x(&[], 1), x(&[2, 2], 2), x(&[1, 1], 3), x(&[2, 3], 4)]),
    ]
}
