//! Loops over slices and strides.
//!
//! Must not know: `elemwise`, `linalg`, `layout`, kronograph_graph.

pub(crate) mod map;
pub(crate) mod pick;
pub(crate) mod runs;
pub(crate) mod sums;
