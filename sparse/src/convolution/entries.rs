//! The registry's view, with Aesara's parameters: shapes of pictures (rows, columns), with the maps before them where
//! there are several, and strides with the last axis first.

use kronograph_graph::{BuildError, Dim, Entry, Params, Prop, Result, Sample, Variable, Why, shape_of};
use kronograph_ops::params::only;
use kronograph_ops::samples::{given, spread_over};
use kronograph_ops::{DType, Tensor, constant, reshape};

use super::{Border, Windows, convolve, max_pool};

pub(crate) fn entries() -> Vec<Entry> {
    vec![
        Entry::function("convolution_indices", "sparse", build_indices, indices_samples).without_derivative(Why::Index),
        Entry::function("convolve", "sparse", build_convolve, convolve_samples),
        Entry::function("max_pool", "sparse", build_pool, pool_samples),
    ]
}

/// Windows for images and kernels whose shapes have these names.
fn windows(params: &Params<'_>, image: &str, kernel: &str) -> Result<Windows> {
    let (image, kernel) = (params.sizes(image)?, params.sizes(kernel)?);
    let (maps, image) = match image.len() > kernel.len() {
        true => (image[0], &image[1..]),
        false => (1, &image[..]),
    };
    Ok(Windows::new(image, &kernel).maps(maps))
}

/// The same with a mode and strides.
fn convolution(params: &Params<'_>, image: &str, strides: &str) -> Result<Windows> {
    let mut windows = windows(params, image, "kshp")?;
    if params.get(strides).is_some() {
        let last_first = params.sizes(strides)?;
        windows = windows.steps(&last_first.into_iter().rev().collect::<Vec<_>>());
    }
    Ok(match params.maybe_word("mode")? {
        None | Some("valid") => windows,
        Some("full") => windows.border(Border::Full),
        Some(other) => return Err(params.wrong_word("mode", "`valid` or `full`", other)),
    })
}

/// Indices, indptr and shape of the matrix, and the shape of the windows.
fn build_indices(params: &Params<'_>, inputs: &[Variable]) -> Result<Vec<Variable>> {
    if !inputs.is_empty() {
        return Err(params.arity(0, inputs));
    }
    if matches!(params.get("ws"), Some(Prop::Bool(false) | Prop::Int(0))) {
        return Err(BuildError::parameter("convolution_indices", "`ws`: kernels always share their weights"));
    }
    let windows = convolution(params, "inshp", "strides")?;
    let matrix = windows.matrix()?;
    let narrow = |numbers: &[u32]| Tensor::vector(numbers.iter().map(|&x| i64::from(x)).collect()).to_dtype(DType::I32);
    let wide = |lengths: &[usize]| Tensor::vector(lengths.iter().map(|&x| x as i64).collect());
    let pattern = matrix.pattern();
    let parts =
        [narrow(pattern.indices()), narrow(pattern.indptr()), wide(&matrix.shape()), wide(&windows.output_shape()?)];
    Ok(parts.map(constant).into())
}

fn build_convolve(params: &Params<'_>, inputs: &[Variable]) -> Result<Vec<Variable>> {
    let (kernels, images, bias) = match inputs {
        [kernels, images] => (kernels, images, None),
        [kernels, images, bias] => (kernels, images, Some(bias)),
        _ => return Err(params.arity(2, inputs)),
    };
    let windows = convolution(params, "imgshp", "step")?;
    let maps = convolve(kernels, images, &windows, bias)?;
    Ok(vec![match params.get("flatten") {
        Some(Prop::Bool(false) | Prop::Int(0)) => maps,
        _ => flat(&maps)?,
    }])
}

fn build_pool(params: &Params<'_>, inputs: &[Variable]) -> Result<Vec<Variable>> {
    let images = only(params, inputs)?;
    let windows = windows(params, "imgshp", "maxpoolshp")?.steps(&params.sizes("maxpoolshp")?);
    Ok(vec![flat(&max_pool(images, &windows)?)?])
}

/// All maps of an image in one row.
fn flat(maps: &Variable) -> Result<Variable> {
    let shape = shape_of(maps);
    reshape(maps, [shape[0].clone(), shape[1].times(&shape[2])] as [Dim; 2])
}

fn list(lengths: &[i64]) -> Prop {
    Prop::list(lengths.iter().map(|&length| Prop::Int(length)).collect())
}

fn indices_samples() -> Vec<Sample> {
    let of = |name: &'static str, image: &[i64], kernel: &[i64], mode: &'static str| {
        Sample::new(name, []).with("inshp", list(image)).with("kshp", list(kernel)).with("mode", mode)
    };
    vec![
        of("a picture", &[3, 3], &[2, 2], "valid"),
        of("over the border", &[2, 3, 3], &[2, 1], "full"),
        of("a signal", &[5], &[3], "valid"),
        of("a volume", &[2, 3, 2], &[2, 2, 1], "full"),
    ]
}

/// Numbers of which no two are equal, so that a largest one is the only one.
fn images(shape: &[usize]) -> kronograph_graph::SampleInput {
    given(spread_over(shape, (-1.0, 1.0), 3))
}

fn convolve_samples() -> Vec<Sample> {
    let of = |name: &'static str, image: &[i64], kernel: &[i64], inputs: &[&[usize]]| {
        let inputs = inputs.iter().enumerate().map(|(k, shape)| given(spread_over(shape, (-1.0, 1.0), k as u64 + 1)));
        Sample::new(name, inputs).with("imgshp", list(image)).with("kshp", list(kernel))
    };
    vec![
        of("pictures", &[3, 4], &[2, 2], &[&[2, 4], &[2, 12]]),
        of("with a bias, apart", &[3, 3], &[2, 2], &[&[2, 4], &[1, 9], &[2]]).with("flatten", false),
        of("several maps over the border", &[2, 3, 2], &[2, 1], &[&[1, 4], &[2, 12]]).with("mode", "full"),
        of("steps", &[3, 5], &[1, 2], &[&[1, 2], &[2, 15]]).with("step", list(&[2, 1])),
        of("signals", &[6], &[3], &[&[2, 3], &[2, 6]]),
        of("volumes", &[2, 2, 3], &[2, 1, 2], &[&[1, 4], &[1, 12]]),
        of("no images", &[3, 3], &[2, 2], &[&[1, 4], &[0, 9]]),
    ]
}

fn pool_samples() -> Vec<Sample> {
    let of = |name: &'static str, image: &[i64], pool: &[i64], inputs: &[usize]| {
        Sample::new(name, [images(inputs)]).with("imgshp", list(image)).with("maxpoolshp", list(pool))
    };
    vec![
        of("pictures", &[4, 4], &[2, 2], &[2, 16]),
        of("not square, cut off", &[4, 7], &[2, 3], &[1, 28]),
        of("several maps", &[2, 2, 4], &[2, 2], &[2, 16]),
        of("signals", &[6], &[3], &[2, 6]),
        of("volumes", &[2, 2, 2], &[2, 1, 2], &[1, 8]),
        Sample::new("ties", [given(Tensor::new(&[1, 4], vec![1.0; 4]).expect("four"))])
            .with("imgshp", list(&[2, 2]))
            .with("maxpoolshp", list(&[2, 2]))
            .edge(),
    ]
}
