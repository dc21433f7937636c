//! Loops over indptr, indices and data.

pub(crate) mod dispatch;
pub(crate) mod product;
pub(crate) mod slices;
pub(crate) mod sylvester;
pub(crate) mod triangular;
