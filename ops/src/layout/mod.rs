//! Shapes, and the order and number of axes: nothing here changes an element.
//!
//! What only looks at its input in another way is a view; `reshape` of a tensor that does not lie in row-major order,
//! `roll`, `flip`, `tile` and `repeat` copy once.

mod axes;
mod broadcast;
mod dimshuffle;
mod extent;
mod flatten;
mod repeat;
mod reshape;
mod roll;
mod shape;
mod specify;

use kronograph_graph::Entry;

pub use axes::{expand_dims, matrix_transpose, moveaxis, squeeze, swapaxes, transpose, transpose_axes};
pub use broadcast::{BroadcastTo, broadcast_arrays, broadcast_to};
pub(crate) use dimshuffle::pad_left;
pub use dimshuffle::{Dimshuffle, dimshuffle};
pub(crate) use extent::{ExtentSpec, Lowered, check_scalars, lengths_at_run_time, lower, shape_param};
pub use flatten::{flatten, join_dims, ravel, split_dims};
pub use repeat::{repeat, repeat_each, tile};
pub use reshape::{Reshape, reshape};
pub use roll::{Roll, flip, roll};
pub(crate) use shape::size_of;
pub use shape::{ShapeI, dim_variable, shape, shape_i, size};
pub use specify::{SpecifyShape, Unbroadcast, specify_broadcastable, specify_shape, unbroadcast};

/// The entries of this folder.
pub(crate) fn entries() -> Vec<Entry> {
    [
        dimshuffle::entries(),
        axes::entries(),
        reshape::entries(),
        flatten::entries(),
        broadcast::entries(),
        repeat::entries(),
        roll::entries(),
        specify::entries(),
        shape::entries(),
    ]
    .concat()
}
