//! Loops over slices and strides.
//!
//! Must not know: `elemwise`, `linalg`, `layout`, kronograph_graph.

pub(crate) mod axis_sums;
pub(crate) mod dispatch;
pub(crate) mod map;
pub(crate) mod outer_sum;
pub(crate) mod pick;
pub(crate) mod runs;
pub(crate) mod sums;
