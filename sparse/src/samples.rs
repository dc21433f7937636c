//! Inputs for the samples of sparse ops: matrices with what is easily forgotten in them, in both formats.
//!
//! The lengths of an input are both left open and given when it is proved, so a sample never says which.

use kronograph_graph::{Entry, OpRef, Params, Result, Sample, SampleInput, Variable};
use kronograph_ops::samples::{dense, spread_over};
use kronograph_ops::{DType, Tensor};

use crate::convert::from_triplets;
use crate::matrix::{Format, SparseMatrix};
use crate::ty::SparseType;

/// A given sparse matrix.
pub fn given_sparse(matrix: SparseMatrix) -> SampleInput {
    let [rows, columns] = matrix.shape().map(Some);
    let ty = |shape| SparseType::shared(matrix.format(), matrix.data().dtype(), shape);
    let types = vec![ty([None, None]), ty([rows, columns])];
    SampleInput { value: Box::new(matrix), types }
}

pub(crate) type Build = fn(&Params<'_>, &[Variable]) -> Result<Vec<Variable>>;
pub(crate) type Samples = fn(Format) -> Vec<Sample>;

/// A function, proved in both formats.
pub(crate) fn function(name: &'static str, build: Build, samples: Samples) -> Entry {
    Entry::function(name, "sparse", build, move || both_formats(samples))
}

/// An op, proved in both formats.
pub(crate) fn op(name: &'static str, build: Build, samples: Samples, parse: fn(&Params<'_>) -> Result<OpRef>) -> Entry {
    function(name, build, samples).parsed_by(parse)
}

/// A dense input.
pub(crate) fn dense_input(shape: &[usize], seed: u64) -> SampleInput {
    dense(shape, (-1.0, 1.0), seed)
}

/// The same samples in both formats, whose names they bear.
pub(crate) fn both_formats(samples: impl Fn(Format) -> Vec<Sample>) -> Vec<Sample> {
    let of = |format: Format| {
        let named = move |sample: Sample| {
            let name = format!("{}, {}", sample.name, format.name());
            Sample { name: name.into(), ..sample }
        };
        samples(format).into_iter().map(named).collect::<Vec<_>>()
    };
    [of(Format::Csr), of(Format::Csc)].concat()
}

fn numbers(count: usize, range: (f64, f64), seed: u64) -> Vec<f64> {
    spread_over(&[count], range, seed).to_vec().expect("numbers of f64")
}

fn placed(format: Format, shape: [usize; 2], at: &[(usize, usize)], range: (f64, f64), seed: u64) -> SparseMatrix {
    let triplets: Vec<_> = at.iter().zip(numbers(at.len(), range, seed)).map(|(&(i, j), x)| (i, j, x)).collect();
    from_triplets(format, shape, &triplets).expect("positions inside of the shape")
}

/// A (3, 4) matrix with an empty row, an explicit zero and unsorted slices.
pub(crate) fn wide(format: Format, seed: u64) -> SampleInput {
    let x = numbers(4, (-1.0, 1.0), seed);
    wide_of(format, vec![x[0], x[1], 0.0, x[2], x[3]])
}

/// The same positions, with values in a range.
pub(crate) fn wide_over(format: Format, range: (f64, f64), seed: u64) -> SampleInput {
    wide_of(format, numbers(5, range, seed))
}

fn wide_of(format: Format, data: Vec<f64>) -> SampleInput {
    let matrix = match format {
        Format::Csr => SparseMatrix::new(format, [3, 4], data, vec![3, 0, 1, 2, 0], vec![0, 3, 3, 5]),
        Format::Csc => SparseMatrix::new(format, [3, 4], data, vec![2, 0, 0, 2, 0], vec![0, 2, 3, 4, 5]),
    };
    given_sparse(matrix.expect("a valid pattern"))
}

/// A (3, 4) matrix whose pattern overlaps that of [`wide`] in part.
pub(crate) fn other(format: Format, seed: u64) -> SampleInput {
    let at = [(0, 0), (0, 2), (1, 1), (2, 2), (2, 3)];
    given_sparse(placed(format, [3, 4], &at, (-1.0, 1.0), seed))
}

/// A (3, 4) matrix that stores nothing.
pub(crate) fn nothing(format: Format) -> SampleInput {
    given_sparse(placed(format, [3, 4], &[], (-1.0, 1.0), 0))
}

/// A matrix without rows.
pub(crate) fn no_rows(format: Format) -> SampleInput {
    given_sparse(placed(format, [0, 4], &[], (-1.0, 1.0), 0))
}

/// A matrix of order 4 far from singular that needs row exchanges: its diagonal is small.
pub(crate) fn square(format: Format, seed: u64) -> SampleInput {
    let at = [(0, 1), (1, 2), (2, 3), (3, 0), (0, 0), (1, 1), (2, 0), (3, 3)];
    let value = |k: usize, noise: f64| if k < 4 { 2.0 + noise } else { 0.5 * noise };
    let noise = numbers(at.len(), (-1.0, 1.0), seed);
    let triplets: Vec<_> = at.iter().enumerate().map(|(k, &(i, j))| (i, j, value(k, noise[k]))).collect();
    given_sparse(from_triplets(format, [4, 4], &triplets).expect("positions inside of the shape"))
}

/// Weights of three regions.
pub(crate) fn weights(format: Format, seed: u64) -> SampleInput {
    let at = [(0, 1), (0, 2), (1, 0), (2, 0), (2, 1)];
    given_sparse(placed(format, [3, 3], &at, (0.3, 0.7), seed))
}

/// Matrices with what is easily forgotten: for an op of one of them.
pub(crate) fn any_shape(format: Format) -> Vec<Sample> {
    vec![
        Sample::new("a wide one", [wide(format, 1)]),
        Sample::new("nothing stored", [nothing(format)]),
        Sample::new("no rows", [no_rows(format)]),
    ]
}

/// A matrix, some of whose positions were stored twice when it was made.
pub(crate) fn merged(format: Format, seed: u64) -> SampleInput {
    let x = numbers(4, (-1.0, 1.0), seed);
    let matrix = match format {
        Format::Csr => SparseMatrix::new(format, [3, 4], x, vec![3, 1, 3, 2], vec![0, 3, 3, 4]),
        Format::Csc => SparseMatrix::new(format, [3, 4], x, vec![2, 0, 2, 1], vec![0, 3, 3, 3, 4]),
    };
    given_sparse(matrix.expect("valid but for duplicates"))
}

/// The same matrix with elements of another dtype.
pub(crate) fn in_dtype(input: SampleInput, dtype: DType) -> SampleInput {
    let value: Box<dyn std::any::Any> = input.value;
    let matrix = value.downcast::<SparseMatrix>().expect("a sparse sample");
    given_sparse(matrix.to_dtype(dtype).expect("a dtype of numbers"))
}

/// The same matrix with every entry ten times as large, as integers.
pub(crate) fn in_integers(input: SampleInput) -> SampleInput {
    let value: Box<dyn std::any::Any> = input.value;
    let matrix = value.downcast::<SparseMatrix>().expect("a sparse sample");
    let ten = matrix.values().expect("f64").iter().map(|x| (10.0 * x) as i64).collect::<Vec<_>>();
    let pattern = matrix.pattern().clone();
    let whole = SparseMatrix::with_pattern(matrix.format(), matrix.shape(), pattern, Tensor::vector(ten));
    given_sparse(whole.expect("the pattern is unchanged"))
}

/// Matrices with what is easily forgotten, in every kind of dtype.
pub(crate) fn any_matrix(format: Format) -> Vec<Sample> {
    let mut samples = any_shape(format);
    samples.extend([
        Sample::new("positions stored twice", [merged(format, 1)]),
        Sample::new("no columns", [given_sparse(placed(format, [3, 0], &[], (-1.0, 1.0), 0))]),
        Sample::new("f32", [in_dtype(wide(format, 1), DType::F32)]).single(),
        Sample::new("integers", [in_integers(wide(format, 1))]).edge(),
    ]);
    samples
}

/// Pairs of equal shape.
pub(crate) fn overlapping(format: Format) -> Vec<Sample> {
    vec![
        Sample::new("patterns that overlap", [wide(format, 1), other(format, 2)]),
        Sample::new("equal patterns", [other(format, 1), other(format, 2)]),
        Sample::new("with nothing", [wide(format, 1), nothing(format)]),
        Sample::new("no rows", [no_rows(format), no_rows(format)]),
    ]
}
