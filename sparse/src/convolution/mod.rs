//! Convolution and pooling of images by a product with a sparse matrix that picks every patch (Aesara: `sparse.sandbox.sp`).
//!
//! Images of any number of axes: one for signals, two for pictures, three for volumes; several maps each.

mod convolve;
mod entries;
mod pool;
mod windows;

pub use convolve::convolve;
pub(crate) use entries::entries;
pub use pool::max_pool;
pub use windows::{Border, Windows};
