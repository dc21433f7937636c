//! Samples of linear systems: every way in which a matrix, or a stack of them, meets its right-hand sides.

use kronograph_graph::Sample;

use crate::samples::{broadcasting, given, narrowed, shaped, spread_over};
use crate::tensor::Tensor;

/// Square matrices of a shape with leading axes, for samples.
pub(super) type Squares = fn(&[usize], u64) -> Tensor;

/// Matrices far from singular, without any symmetry, which ask for exchanges of rows.
pub(super) fn general(shape: &[usize], seed: u64) -> Tensor {
    squares(shape, seed, |x, _, [i, j], n| x + if (j + 1) % n == i { 3.0 } else { 0.0 })
}

/// Matrices with large diagonals.
pub(super) fn dominant(shape: &[usize], seed: u64) -> Tensor {
    squares(shape, seed, |x, _, [i, j], _| x + if i == j { 3.0 } else { 0.0 })
}

/// Symmetric positive definite matrices.
pub(crate) fn positive(shape: &[usize], seed: u64) -> Tensor {
    squares(shape, seed, |x, mirrored, [i, j], n| x + mirrored + if i == j { 2.0 * n as f64 } else { 0.0 })
}

/// A square matrix of a rank: the sum of as many outer products.
pub(super) fn singular(order: usize, rank: usize) -> Tensor {
    let [left, right] = [3, 4].map(|seed| spread_over(&[rank, order], (-2.0, 2.0), seed).to_vec::<f64>());
    let (left, right) = (left.expect("they are spread in f64"), right.expect("they are spread in f64"));
    let at = |i: usize, j: usize| (0..rank).map(|r| left[r * order + i] * right[r * order + j]).sum::<f64>();
    shaped(&[order, order], (0..order * order).map(|k| at(k / order, k % order)).collect())
}

fn squares(shape: &[usize], seed: u64, entry: impl Fn(f64, f64, [usize; 2], usize) -> f64) -> Tensor {
    let n = shape[shape.len() - 1];
    let noise = spread_over(shape, (-1.0, 1.0), seed).to_vec::<f64>().expect("they are spread in f64");
    let at = |k: usize| {
        let (before, i, j) = (k - k % (n * n), k / n % n, k % n);
        entry(noise[k], noise[before + j * n + i], [i, j], n)
    };
    shaped(shape, (0..noise.len()).map(at).collect())
}

/// Samples `(A, b)` with PyTensor's `b_ndim`.
pub(super) fn systems(matrix: Squares) -> Vec<Sample> {
    // The shape of A, its axes of declared length 1, the same of b, and the axes of a single right-hand side.
    type Operand = (&'static [usize], &'static [usize]);
    let shapes: &[(&str, Operand, Operand, i64)] = &[
        ("a vector", (&[3, 3], &[]), (&[3], &[]), 1),
        ("columns", (&[3, 3], &[]), (&[3, 2], &[]), 2),
        ("many columns", (&[4, 4], &[]), (&[4, 9], &[]), 2),
        ("a stack of both", (&[2, 3, 3], &[]), (&[2, 3, 2], &[]), 2),
        ("a stack of matrices and vectors", (&[2, 3, 3], &[]), (&[2, 3], &[]), 1),
        ("one matrix and a stack of vectors", (&[3, 3], &[]), (&[4, 3], &[]), 1),
        ("one matrix and a stack of columns", (&[3, 3], &[]), (&[2, 3, 2], &[]), 2),
        ("a stack and one vector", (&[2, 3, 3], &[]), (&[3], &[]), 1),
        ("a stack and columns", (&[2, 2, 2], &[]), (&[2, 3], &[]), 2),
        ("a repeated matrix", (&[1, 2, 2], &[0]), (&[3, 2, 1], &[]), 2),
        ("repeated columns", (&[3, 2, 2], &[]), (&[1, 2, 2], &[0]), 2),
        ("repeated crosswise", (&[2, 1, 2, 2], &[1]), (&[1, 3, 2], &[0]), 1),
        ("more leading axes on the right", (&[2, 2, 2], &[]), (&[3, 2, 2], &[]), 1),
        ("order 1", (&[1, 1], &[]), (&[1], &[]), 1),
        ("a stack of order 1", (&[2, 1, 1], &[]), (&[2, 1, 1], &[]), 2),
        ("order 0", (&[0, 0], &[]), (&[0], &[]), 1),
        ("order 0 and columns", (&[0, 0], &[]), (&[0, 2], &[]), 2),
        ("a stack of order 0", (&[2, 0, 0], &[]), (&[2, 0, 1], &[]), 2),
        ("an empty stack", (&[0, 2, 2], &[]), (&[0, 2, 1], &[]), 2),
        ("no columns", (&[2, 2], &[]), (&[2, 0], &[]), 2),
    ];
    let sample = |&(name, a, b, b_ndim): &(&'static str, Operand, Operand, i64)| {
        let rhs = spread_over(b.0, (-2.0, 2.0), 2);
        Sample::new(name, [broadcasting(matrix(a.0, 1), a.1), broadcasting(rhs, b.1)]).with("b_ndim", b_ndim)
    };
    let mut samples: Vec<Sample> = shapes.iter().map(sample).collect();
    let rhs = || narrowed(&spread_over(&[3], (-2.0, 2.0), 2));
    samples.push(Sample::new("f32", [narrowed(&matrix(&[3, 3], 1)), rhs()]).single());
    samples.push(Sample::new("f64 and f32", [given(matrix(&[3, 3], 1)), rhs()]).single());
    let whole = [given(shaped(&[2, 2], vec![4i64, 1, 1, 3])), given(vec![1i64, -2])];
    samples.push(Sample::new("integers", whole).edge());
    samples
}

/// A few of [`systems`], for what has many parameters.
pub(super) fn few_systems(matrix: Squares) -> Vec<Sample> {
    let few = ["a vector", "a stack of both", "a stack and one vector", "order 0", "f32"];
    systems(matrix).into_iter().filter(|sample| few.contains(&&*sample.name)).collect()
}

/// Samples of square matrices alone.
pub(super) fn matrices(matrix: Squares) -> Vec<Sample> {
    let shapes: &[(&str, &[usize])] = &[
        ("a matrix", &[3, 3]),
        ("a larger one", &[5, 5]),
        ("a stack", &[2, 3, 3]),
        ("leading axes", &[2, 1, 2, 2]),
        ("order 1", &[1, 1]),
        ("order 0", &[0, 0]),
        ("a stack of order 0", &[2, 0, 0]),
        ("an empty stack", &[0, 2, 2]),
    ];
    let mut samples: Vec<Sample> =
        shapes.iter().map(|(name, shape)| Sample::new(*name, [given(matrix(shape, 1))])).collect();
    samples.push(Sample::new("a declared length of 1", [broadcasting(matrix(&[1, 2, 2], 1), &[0])]));
    samples.push(Sample::new("f32", [narrowed(&matrix(&[3, 3], 1))]).single());
    samples.push(Sample::new("integers", [given(shaped(&[2, 2], vec![4i64, 1, 1, 3]))]).edge());
    samples
}
