//! Random sparse matrices over a random state: each function takes one and returns `(next state, draw)`.
//!
//! The numbers depend on the state and on the position of an entry alone, so a matrix has the same draw in both formats
//! and in whatever order its slots are. Draws are discrete: a derivative by a parameter is an error that says so.

use kronograph_graph::{Entry, Op, OpFailure, Result, SampleInput, Variable, Why, apply};
use kronograph_ops::random::{RngState, RngType, next_state};
use kronograph_ops::{DType, Tensor};

mod binomial;
mod multinomial;
mod poisson;

pub use binomial::{SparseBinomial, binomial};
pub use multinomial::{SparseMultinomial, multinomial};
pub use poisson::{SparsePoisson, poisson};

/// The entries of this folder.
pub(crate) fn entries() -> Vec<Entry> {
    let all = [poisson::entries(), binomial::entries(), multinomial::entries()].concat();
    all.into_iter().map(|entry| entry.without_derivative(Why::Random)).collect()
}

/// The next state, and the draw of an op whose first input is the state.
#[track_caller]
fn drawn(op: impl Op, inputs: &[Variable]) -> Result<(Variable, Variable)> {
    let draw = apply(op, inputs)?;
    Ok((next_state(&inputs[0])?, draw))
}

/// Counts in a dtype.
fn in_dtype(counts: &Tensor, dtype: DType) -> Result<Tensor, OpFailure> {
    let cast = counts.to_dtype(dtype);
    let fits = dtype.is_float() || cast.to_dtype(DType::I64).to_vec::<i64>().ok() == counts.to_vec::<i64>().ok();
    if fits { Ok(cast) } else { Err(OpFailure::Domain("a count does not fit into the dtype of the matrix")) }
}

/// A state for samples.
fn a_state() -> SampleInput {
    SampleInput { value: Box::new(RngState::new(20_111)), types: vec![RngType::shared()] }
}
