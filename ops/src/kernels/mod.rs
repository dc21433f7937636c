//! Loops over slices and strides.

pub(crate) mod map;
pub(crate) mod pick;
pub(crate) mod runs;
pub(crate) mod sums;
