//! What the sparse files ask for by names that are no functions of the library.

use kronograph::graph::{Entry, Params, Result as Built};
use kronograph::prelude::*;
use kronograph::sparse::csm;

/// The compositions by their names.
pub(crate) fn entries() -> Vec<Entry> {
    vec![Entry::function("csm_then_multiply", "compositions", csm_then_multiply, Vec::new)]
}

/// Of data, indices, indptr, shape and the other factor.
fn csm_then_multiply(params: &Params<'_>, x: &[Variable]) -> Built<Vec<Variable>> {
    let format = if params.word("format")? == "csr" { Format::Csr } else { Format::Csc };
    Ok(vec![mul(&csm(&x[0], &x[1], &x[2], &x[3], format)?, &x[4])?])
}
