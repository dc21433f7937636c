//! Convolution of images with kernels.

use kronograph_graph::{BuildError, Dim, Result, Variable, origin, shape_of};
use kronograph_ops::{DType, TensorType, cast, matmul, reshape, swapaxes, transpose};

use super::windows::Windows;
use crate::convert::sparse_constant;
use crate::matrix::Format;

/// Images convolved with kernels: `out[b, m, w] = bias[m] + sum_t kernels[m, t] patch(b, w)[t]`, of shape
/// (batch, kernels, windows) (Aesara: `convolve`, with `flatten=False`).
///
/// `kernels` has a row for each kernel: the taps of the first input map in row-major order, then those of the next.
/// `images` has a row for each image, map after map. The kernel is not flipped, so this is a cross-correlation, as in
/// other systems that call it convolution. The patches are `M imagesᵀ` for the sparse matrix M of
/// [`Windows::matrix`]: all derivatives follow from the two products.
///
/// ```
/// use kronograph_graph::{FunctionGraph, Function};
/// use kronograph_ops::{Tensor, matrix};
/// use kronograph_sparse::{Windows, convolve};
///
/// let (kernels, images) = (matrix("kernels"), matrix("images"));
/// let maps = convolve(&kernels, &images, &Windows::new(&[3, 3], &[2, 2]), None)?;
/// let mut f = Function::plan(FunctionGraph::new(&[kernels, images], &[maps])?)?;
/// let kernel = Tensor::new(&[1, 4], vec![1.0, 2.0, 3.0, 4.0])?;
/// let image = Tensor::new(&[1, 9], (1..10).map(f64::from).collect())?;
/// assert_eq!(f.call(&[&kernel, &image])?.get::<Tensor>(0)?.to_vec::<f64>()?, [37.0, 47.0, 67.0, 77.0]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// Windows that do not fit the image; kernels, images or a bias of other sizes.
#[track_caller]
pub fn convolve(kernels: &Variable, images: &Variable, windows: &Windows, bias: Option<&Variable>) -> Result<Variable> {
    let _scope = origin::here();
    let count = windows.output_shape()?.iter().product::<usize>();
    let taps = windows.map_count() * windows.taps();
    check("kernels", kernels, taps, "the maps times the places of a kernel")?;
    let patches = patches(images, windows)?;
    let (batch, maps) = (shape_of(images)[0].clone(), shape_of(kernels)[0].clone());
    let rows = batch.times(&Dim::from(count));
    let flat = reshape(&patches, [rows, Dim::from(taps)])?;
    let mut out = matmul(&flat, &transpose(kernels)?)?;
    if let Some(bias) = bias {
        let lengths = bias.type_as::<TensorType>().map(|ty| ty.lengths().to_vec());
        let kernels_known = kernels.ty().extents()[0];
        match lengths.as_deref() {
            Some([length]) if length.is_none() || kernels_known.is_none() || *length == kernels_known => {}
            _ => {
                let both = [kernels.clone(), bias.clone()];
                return Err(BuildError::inputs("convolve", &both, "the bias must have one entry for each kernel"));
            }
        }
        out = kronograph_ops::add(&out, bias)?;
    }
    swapaxes(&reshape(&out, [batch, Dim::from(count), maps])?, 1, 2)
}

/// The patches of images, a row for each image: window after window, in it map after map, in it tap after tap.
#[track_caller]
pub(super) fn patches(images: &Variable, windows: &Windows) -> Result<Variable> {
    check("images", images, windows.pixels(), "the maps times the pixels of an image")?;
    let dtype = images.type_as::<TensorType>().map_or(DType::F64, |ty| ty.dtype().to_float());
    let picks = windows.matrix()?.to_format(Format::Csr);
    let picks = picks.to_dtype(dtype).map_err(|error| BuildError::parameter("convolve", error.to_string()))?;
    transpose(&matmul(&sparse_constant(picks), &transpose(&cast(images, dtype)?)?)?)
}

/// Checks a dense matrix with rows of a length.
#[track_caller]
fn check(name: &str, x: &Variable, length: usize, what: &str) -> Result<()> {
    match x.type_as::<TensorType>().map(|ty| ty.lengths().to_vec()).as_deref() {
        Some([_, columns]) if columns.is_none_or(|columns| columns == length) => Ok(()),
        _ => {
            let rule = format!("{name} must be a dense matrix with rows of length {length}, {what}");
            Err(BuildError::inputs("convolve", std::slice::from_ref(x), rule))
        }
    }
}
