//! Tensors made of numbers and lengths.
//!
//! There is no `alloc_empty`: storage that nobody has written has no value, and `full` costs one element until
//! something writes to it.

mod arange;
mod full;
mod linspace;

use kronograph_graph::Entry;

pub use arange::{Arange, arange};
pub use full::{alloc, full, full_like, ones, ones_like, zeros, zeros_like};
pub use linspace::{Endpoint, linspace};

/// The entries of this folder.
pub(crate) fn entries() -> Vec<Entry> {
    [full::entries(), arange::entries(), linspace::entries()].concat()
}
