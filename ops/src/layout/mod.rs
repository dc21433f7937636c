//! Shapes and the order of axes: nothing here changes an element.

mod broadcast;
mod dimshuffle;
mod extent;
mod reshape;

pub use broadcast::{BroadcastTo, broadcast_to, full};
pub(crate) use dimshuffle::pad_left;
pub use dimshuffle::{Dimshuffle, dimshuffle, expand_dims, squeeze, transpose, transpose_axes};
pub(crate) use extent::{ExtentSpec, Lowered, check_scalars, lengths_at_run_time, lower};
pub use extent::{ShapeI, dim_variable, shape_i};
pub use reshape::{Reshape, reshape};
