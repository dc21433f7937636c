//! Products of sparse matrices with dense and sparse ones.
//!
//! | function | result | gradient of a sparse operand |
//! |---|---|---|
//! | [`structured_dot`], `matmul` | dense, or sparse if both are | structured on the left, regular on the right of two |
//! | `dot` | dense | regular |
//! | [`true_dot`] | sparse | regular |
//! | [`usmm`] | dense, a sum with a dense matrix | regular |
//! | [`sampling_dot`] | sparse, of dense ones on a pattern | structured |
//!
//! What is not stored never multiplies: there is no NaN from an infinity beside it.

mod dot;
mod multiply;
mod sampled_product;
mod samples;
mod sampling_dot;
mod structured_dot;
mod true_dot;
mod usmm;

use kronograph_graph::Entry;

pub use dot::SparseDot;
pub(crate) use dot::sparse_dot;
pub use sampled_product::{SampledProduct, sampled_product};
pub use sampling_dot::sampling_dot;
pub(crate) use structured_dot::sparse_matmul;
pub use structured_dot::{StructuredDot, structured_dot, structured_dot_along};
pub use true_dot::{TrueDot, true_dot};
pub use usmm::{Usmm, usmm};

/// The entries of this folder.
pub(crate) fn entries() -> Vec<Entry> {
    [
        structured_dot::entries(),
        dot::entries(),
        true_dot::entries(),
        sampled_product::entries(),
        sampling_dot::entries(),
        usmm::entries(),
    ]
    .concat()
}
