//! What the sparse files ask for by names that are no functions of the library, or without a random state.

use kronograph::graph::{Entry, Params, Result as Built};
use kronograph::ops::params::dtype_of;
use kronograph::ops::random::{RngState, rng_constant};
use kronograph::prelude::*;
use kronograph::sparse::{csm, random};

/// The compositions by their names.
pub(crate) fn entries() -> Vec<Entry> {
    TABLE.iter().map(|&(name, build)| Entry::function(name, "compositions", build, Vec::new)).collect()
}

type Build = fn(&Params<'_>, &[Variable]) -> Built<Vec<Variable>>;

const TABLE: &[(&str, Build)] = &[
    ("csm_then_multiply", |params, x| Ok(vec![mul(&csm(&x[0], &x[1], &x[2], &x[3], format(params)?)?, &x[4])?])),
    // The files hold draws that are the same for every state.
    ("poisson", |_, x| Ok(vec![random::poisson(&state(), &x[0])?.1])),
    ("binomial", |params, x| {
        let dtype = dtype_of(params, "dtype")?.unwrap_or(DType::F64);
        Ok(vec![random::binomial(&state(), &x[0], &x[1], &x[2], format(params)?, dtype)?.1])
    }),
    ("multinomial", |_, x| Ok(vec![random::multinomial(&state(), &x[0], &x[1])?.1])),
];

fn format(params: &Params<'_>) -> Built<Format> {
    Ok(if params.word("format")? == "csr" { Format::Csr } else { Format::Csc })
}

fn state() -> Variable {
    rng_constant(RngState::new(1))
}
