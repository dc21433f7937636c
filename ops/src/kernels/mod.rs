//! Loops over slices and strides.

pub(crate) mod map;
pub(crate) mod runs;
