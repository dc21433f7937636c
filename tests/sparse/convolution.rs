//! Convolution and pooling: against their definitions, in one to three axes, and what is refused.

use kronograph::sparse::{Border, Windows};

use super::*;

/// `sum over maps and taps of kernel * pixel`, straight from the definition; zeros outside of the image.
fn correlated(image: &[f64], kernel: &[f64], sizes: [&[usize]; 3], maps: usize, full: bool) -> Vec<f64> {
    let [shape, taps, steps] = sizes;
    let before: Vec<usize> = taps.iter().map(|k| if full { k - 1 } else { 0 }).collect();
    let places = |axis: usize| {
        let span = if full { shape[axis] + taps[axis] - 1 } else { shape[axis] + 1 - taps[axis] };
        (0..span).step_by(steps[axis]).collect::<Vec<_>>()
    };
    let mut windows = vec![vec![]];
    for axis in 0..shape.len() {
        let longer =
            |w: &Vec<usize>| places(axis).into_iter().map(move |p| [&w[..], &[p]].concat()).collect::<Vec<_>>();
        windows = windows.iter().flat_map(longer).collect();
    }
    let (area, count): (usize, usize) = (shape.iter().product(), taps.iter().product());
    let unravel = |mut at: usize, lengths: &[usize]| {
        let mut places = vec![0; lengths.len()];
        for axis in (0..lengths.len()).rev() {
            (places[axis], at) = (at % lengths[axis], at / lengths[axis]);
        }
        places
    };
    let pixel = |window: &[usize], tap: usize| {
        let tap = unravel(tap, taps);
        let mut at = 0;
        for axis in 0..shape.len() {
            let place = (window[axis] + tap[axis]).checked_sub(before[axis])?;
            at = at * shape[axis] + Some(place).filter(|place| *place < shape[axis])?;
        }
        Some(at)
    };
    let value = |window: &Vec<usize>| {
        let all = (0..maps).flat_map(|map| (0..count).map(move |tap| (map, tap)));
        all.filter_map(|(map, tap)| Some(kernel[map * count + tap] * image[map * area + pixel(window, tap)?])).sum()
    };
    windows.iter().map(value).collect()
}

#[test]
fn convolution_is_its_definition_in_one_to_three_axes() {
    type Sizes = (&'static [usize], &'static [usize], &'static [usize], usize);
    let sizes: [Sizes; 5] = [
        (&[7], &[3], &[2], 2),
        (&[4, 5], &[2, 3], &[1, 2], 1),
        (&[3, 3], &[1, 2], &[2, 1], 3),
        (&[3, 4, 2], &[2, 2, 1], &[1, 3, 1], 2),
        (&[2, 2], &[2, 2], &[1, 1], 1),
    ];
    for (shape, kernel, steps, maps) in sizes {
        for border in [Border::Valid, Border::Full] {
            let windows = Windows::new(shape, kernel).steps(steps).maps(maps).border(border);
            let (pixels, taps) = (maps * shape.iter().product::<usize>(), maps * kernel.iter().product::<usize>());
            let numbers = |shape: &[usize], seed| kronograph::ops::samples::spread_over(shape, (-1.0, 1.0), seed);
            let (images, kernels) = (numbers(&[2, pixels], 1), numbers(&[2, taps], 2));
            let (x, k) = (dense("images", &images), dense("kernels", &kernels));
            let out = convolve(&k, &x, &windows, None).unwrap();
            let answers = call(&[k, x], &[out], &[&kernels, &images]);
            let (image, kernel_values) = (entries(&images), entries(&kernels));
            let one = |b: usize, m: usize| {
                let (image, kernel_values) = (&image[b * pixels..][..pixels], &kernel_values[m * taps..][..taps]);
                correlated(image, kernel_values, [shape, kernel, steps], maps, border == Border::Full)
            };
            let want: Vec<f64> = [(0, 0), (0, 1), (1, 0), (1, 1)].into_iter().flat_map(|(b, m)| one(b, m)).collect();
            let got = entries(&*answers[0]);
            assert_eq!(got.len(), want.len());
            assert!(got.iter().zip(&want).all(|(x, y)| (x - y).abs() < 1e-14), "{windows:?}: {got:?}, {want:?}");
        }
    }
}

/// A pool that is not square keeps its steps apart, a tie goes to its first pixel, and the windows are a plain value.
#[test]
fn point_38_pools_are_not_turned_and_a_tie_counts_once() {
    let image = counting(&[1, 24]);
    let x = dense("x", &image);
    let pooled = max_pool(&x, &Windows::new(&[4, 6], &[2, 3]).steps(&[2, 3])).unwrap();
    assert_eq!(entries(&*call(std::slice::from_ref(&x), &[pooled], &[&image])[0]), [9.0, 12.0, 21.0, 24.0]);

    let rows = [[1.0, 5.0, 2.0, 6.0], [3.0, 4.0, 9.0, 8.0], [7.0, 7.0, 1.0, 0.0], [2.0, 9.0, 3.0, 3.0]];
    let image = Tensor::new(&[1, 16], rows.concat()).unwrap();
    let x = dense("x", &image);
    let pooled = max_pool(&x, &Windows::new(&[4, 4], &[2, 2]).steps(&[2, 2])).unwrap();
    let weights = constant(Tensor::new(&[1, 1, 4], vec![1.0, 2.0, 3.0, 4.0]).unwrap());
    let gradient = grad(&sum(&(weights * &pooled)).unwrap(), std::slice::from_ref(&x)).unwrap().remove(0);
    let answers = call(&[x], &[pooled, gradient], &[&image]);
    assert_eq!(entries(&*answers[0]), [5.0, 9.0, 9.0, 3.0]);
    let mut want = [0.0; 16];
    (want[1], want[6], want[13], want[14]) = (1.0, 2.0, 3.0, 4.0);
    assert_eq!(entries(&*answers[1]), want, "the first of the two threes gets all of it");
}

#[test]
fn what_fits_no_image_is_refused() {
    let x = tensor("images", DType::F64, &[None, Some(9)]);
    let refuses = |result: Result<Variable, BuildError>, parts: &[&str]| {
        let text = result.unwrap_err().to_string();
        assert!(parts.iter().all(|part| text.contains(part)), "{parts:?} in {text}");
    };
    let pool = |windows: Windows| max_pool(&x, &windows);
    refuses(pool(Windows::new(&[3, 3], &[4, 1])), &["larger than the image", "[3, 3]", "[4, 1]"]);
    refuses(pool(Windows::new(&[3, 3], &[2])), &["one length for each axis"]);
    refuses(pool(Windows::new(&[], &[])), &["one length for each axis"]);
    refuses(pool(Windows::new(&[3, 3], &[2, 2]).steps(&[0, 1])), &["at least 1"]);
    refuses(pool(Windows::new(&[3, 3], &[2, 2]).maps(0)), &["at least 1"]);
    refuses(pool(Windows::new(&[3, 4], &[2, 2])), &["images", "length 12", "`images` is f64 (?, 9)"]);
    let huge = usize::MAX / 2;
    refuses(pool(Windows::new(&[huge, huge], &[1, 1])), &["32 bits"]);
    let over = Windows::new(&[huge, huge], &[huge, huge]).border(Border::Full);
    refuses(over.output_shape().map(|_| x.clone()), &["32 bits"]);
    refuses(pool(Windows::new(&[1 << 20, 1 << 20], &[1, 1])), &["32 bits"]);
    refuses(pool(Windows::new(&[3, 3], &[2, 2]).border(Border::Full)), &["max_pool", "reaches over the border"]);
    let windows = Windows::new(&[3, 3], &[2, 2]);
    let kernels = |shape: &[Option<usize>]| tensor("kernels", DType::F64, shape);
    refuses(convolve(&kernels(&[Some(2), Some(5)]), &x, &windows, None), &["kernels", "length 4"]);
    refuses(convolve(&kernels(&[Some(4)]), &x, &windows, None), &["kernels", "length 4"]);
    let bias = tensor("bias", DType::F64, &[Some(3)]);
    refuses(convolve(&kernels(&[Some(2), Some(4)]), &x, &windows, Some(&bias)), &["bias", "each kernel"]);
}

/// Wrong numbers of columns that only the run shows are refused there.
#[test]
fn images_of_another_size_are_refused_when_they_come() {
    let x = matrix("images");
    let pooled = max_pool(&x, &Windows::new(&[3, 3], &[2, 2])).unwrap();
    let mut f = compile(&[x], &[pooled], &Mode::run()).unwrap();
    let error = f.call(&[&counting(&[2, 8])]).unwrap_err().to_string();
    assert!(error.contains("(8, 2)") || error.contains("inner lengths"), "{error}");
}
