//! The largest pixel of each window.

use kronograph_graph::{BuildError, Dim, Result, Variable, origin, shape_of};
use kronograph_ops::{argmax_axes, expand_dims, reshape, squeeze, swapaxes, take_along_axis};

use super::convolve::patches;
use super::windows::Windows;

/// The largest pixel in each of the windows of images, map by map, of shape (batch, maps, windows) (Aesara: `max_pool`,
/// whose windows do not overlap: steps equal to the kernel).
///
/// Windows that are cut off by the border do not count. Of equal pixels the first one gets the whole cotangent, which
/// is a subgradient; a NaN counts as larger than all numbers.
///
/// ```
/// use kronograph_graph::{Function, FunctionGraph};
/// use kronograph_ops::{Tensor, matrix};
/// use kronograph_sparse::{Windows, max_pool};
///
/// let images = matrix("images");
/// let pooled = max_pool(&images, &Windows::new(&[2, 4], &[2, 2]).steps(&[2, 2]))?;
/// let mut f = Function::plan(FunctionGraph::new(&[images], &[pooled])?)?;
/// let image = Tensor::new(&[1, 8], vec![1.0, 5.0, 2.0, 6.0, 3.0, 4.0, 9.0, 8.0])?;
/// assert_eq!(f.call(&[&image])?.get::<Tensor>(0)?.to_vec::<f64>()?, [5.0, 9.0]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// Windows that do not fit the image, or reach over its border; images of another size.
#[track_caller]
pub fn max_pool(images: &Variable, windows: &Windows) -> Result<Variable> {
    let _scope = origin::here();
    if windows.reaches_over() {
        let rule = "a window that reaches over the border has no largest pixel there; use `Border::Valid`";
        return Err(BuildError::inputs("max_pool", std::slice::from_ref(images), rule));
    }
    let count = windows.output_shape()?.iter().product::<usize>();
    let batch = shape_of(images)[0].clone();
    let lengths = [count, windows.map_count(), windows.taps()].map(Dim::from);
    let [count, maps, taps] = lengths;
    let patches = reshape(&patches(images, windows)?, [batch, count, maps, taps])?;
    let largest = expand_dims(&argmax_axes(&patches, &[3])?, &[3])?;
    swapaxes(&squeeze(&take_along_axis(&patches, &largest, 3)?, &[3])?, 1, 2)
}
