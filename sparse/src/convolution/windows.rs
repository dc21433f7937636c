//! Where the windows of a convolution lie, and the sparse matrix that picks what is in them.

use kronograph_graph::{BuildError, Result};
use kronograph_ops::check_size;

use crate::matrix::{Format, SparseMatrix};

/// What becomes of windows that reach over the border of an image.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Border {
    /// Only windows inside of the image count.
    #[default]
    Valid,
    /// Every window that touches the image counts; outside of it there are zeros.
    Full,
}

/// The windows of images: of the shape of a kernel, at regular steps (Aesara: `ConvolutionIndices`).
///
/// Along each axis there are `ceil((n + s (k - 1)) / step)` windows, with s = -1 for [`Border::Valid`] and +1 for
/// [`Border::Full`].
///
/// ```
/// use kronograph_sparse::Windows;
///
/// let windows = Windows::new(&[3, 3], &[2, 2]);
/// assert_eq!(windows.output_shape()?, [2, 2]);
/// let picks = windows.matrix()?;
/// assert_eq!((picks.shape(), picks.nnz()), ([16, 9], 16));
/// # Ok::<(), kronograph_graph::BuildError>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Windows {
    image: Vec<usize>,
    kernel: Vec<usize>,
    steps: Vec<usize>,
    maps: usize,
    border: Border,
}

impl Windows {
    /// Windows of the shape of a kernel at every place of an image of one map.
    pub fn new(image: &[usize], kernel: &[usize]) -> Self {
        let steps = vec![1; image.len()];
        Self { image: image.to_vec(), kernel: kernel.to_vec(), steps, maps: 1, border: Border::Valid }
    }

    /// Windows at a distance of `steps` from each other, axis by axis. (Aesara's `strides` name the last axis first.)
    #[must_use]
    pub fn steps(self, steps: &[usize]) -> Self {
        Self { steps: steps.to_vec(), ..self }
    }

    /// Images of several maps; a window takes its place in all of them.
    #[must_use]
    pub fn maps(self, maps: usize) -> Self {
        Self { maps, ..self }
    }

    /// What becomes of windows over the border.
    #[must_use]
    pub fn border(self, border: Border) -> Self {
        Self { border, ..self }
    }

    /// The number of windows along each axis.
    ///
    /// # Errors
    ///
    /// No axes, different numbers of axes, lengths or steps of zero, a kernel larger than the image, or sizes that do
    /// not fit into 32 bits.
    pub fn output_shape(&self) -> Result<Vec<usize>> {
        let axes = self.image.len();
        if axes == 0 || self.kernel.len() != axes || self.steps.len() != axes {
            return Err(self.refused("image, kernel and steps need one length for each axis"));
        }
        if self.maps == 0 || [&self.image, &self.kernel, &self.steps].iter().any(|lengths| lengths.contains(&0)) {
            return Err(self.refused("lengths, steps and the number of maps must be at least 1"));
        }
        let along = |axis: usize| {
            let (n, k) = (self.image[axis], self.kernel[axis]);
            let places = match self.border {
                Border::Valid => n.checked_sub(k - 1).filter(|places| *places > 0),
                Border::Full => n.checked_add(k - 1),
            };
            places.map(|places| places.div_ceil(self.steps[axis]))
        };
        let shape: Option<Vec<usize>> = (0..axes).map(along).collect();
        let shape = shape.ok_or_else(|| self.refused("the kernel is larger than the image"))?;
        let size = |lengths: &[usize]| lengths.iter().try_fold(self.maps, |size, &length| size.checked_mul(length));
        let rows = size(&self.kernel).and_then(|taps| size(&shape)?.checked_div(self.maps)?.checked_mul(taps));
        let fits = |size: Option<usize>| size.is_some_and(|size| u32::try_from(size).is_ok());
        // The matrix has a pointer for each row, and an index and a value for most.
        let room = rows.is_some_and(|rows| check_size(&[rows, 3]).is_ok());
        match fits(rows) && fits(size(&self.image)) && room {
            true => Ok(shape),
            false => Err(self.refused("the number of places does not fit into 32 bits, or not into memory")),
        }
    }

    fn refused(&self, rule: &str) -> BuildError {
        let Self { image, kernel, steps, maps, .. } = self;
        let given =
            format!("an image of shape {image:?} with {maps} map(s), a kernel of shape {kernel:?}, steps {steps:?}");
        BuildError::parameter("convolve", format!("{rule}; given are {given}"))
    }

    /// Whether windows over the border count.
    pub(super) fn reaches_over(&self) -> bool {
        self.border == Border::Full
    }

    /// The number of pixels of an image, over all maps.
    pub(super) fn pixels(&self) -> usize {
        self.maps * self.image.iter().product::<usize>()
    }

    /// The number of places in a window of one map.
    pub(super) fn taps(&self) -> usize {
        self.kernel.iter().product()
    }

    /// The number of maps of an image.
    pub(super) fn map_count(&self) -> usize {
        self.maps
    }

    /// The matrix M of ones whose product with an image is the stack of its patches: row `(window maps + map) taps +
    /// tap` picks the pixel under a tap; it stores nothing where the tap is outside of the image. CSC, sorted.
    ///
    /// # Errors
    ///
    /// As [`output_shape`](Self::output_shape).
    pub fn matrix(&self) -> Result<SparseMatrix> {
        let windows = self.output_shape()?;
        let (taps, area) = (self.taps(), self.image.iter().product::<usize>());
        let rows = windows.iter().product::<usize>() * self.maps * taps;
        let (mut indptr, mut indices) = (Vec::with_capacity(rows + 1), Vec::with_capacity(rows));
        indptr.push(0);
        for window in 0..windows.iter().product() {
            for map in 0..self.maps {
                for tap in 0..taps {
                    let pixel = self.pixel(&windows, window, tap);
                    indices.extend(pixel.map(|pixel| (map * area + pixel) as u32));
                    indptr.push(indices.len() as u32);
                }
            }
        }
        let ones = vec![1.0; indices.len()];
        let shape = [rows, self.pixels()];
        let by_rows = SparseMatrix::of_narrow(Format::Csr, shape, ones, indices, indptr);
        Ok(by_rows.expect("each row picks a pixel of the image, or none").to_format(Format::Csc))
    }

    /// The pixel of a map under a tap of a window, if it is inside.
    fn pixel(&self, windows: &[usize], mut window: usize, mut tap: usize) -> Option<usize> {
        let (mut pixel, mut step) = (0, 1);
        for axis in (0..self.image.len()).rev() {
            let at = window % windows[axis] * self.steps[axis] + tap % self.kernel[axis];
            (window, tap) = (window / windows[axis], tap / self.kernel[axis]);
            let before = if self.border == Border::Full { self.kernel[axis] - 1 } else { 0 };
            pixel += at.checked_sub(before).filter(|&at| at < self.image[axis])? * step;
            step *= self.image[axis];
        }
        Some(pixel)
    }
}
