//! Operands for the samples of products: every pair of kinds, in every kind of dtype.

use kronograph_graph::{Sample, SampleInput};
use kronograph_ops::DType;
use kronograph_ops::samples::{given, shaped, spread_over};

use crate::matrix::{Format, SparseMatrix};
use crate::samples::{dense_input, given_sparse, in_dtype, in_integers, merged, nothing, other, wide};

/// The transpose of a sparse input, which is in the other format.
pub(crate) fn transposed(input: SampleInput) -> SampleInput {
    let value: Box<dyn std::any::Any> = input.value;
    given_sparse(value.downcast::<SparseMatrix>().expect("a sparse sample").transposed())
}

/// Matrices of which one is sparse at least.
pub(crate) fn kinds(format: Format) -> Vec<Sample> {
    let same = |seed| transposed(other(format.flip(), seed));
    vec![
        Sample::new("sparse and dense", [wide(format, 1), dense_input(&[4, 2], 2)]),
        Sample::new("dense and sparse", [dense_input(&[2, 3], 2), wide(format, 1)]),
        Sample::new("sparse and sparse", [wide(format, 1), same(2)]),
        Sample::new("of two formats", [wide(format, 1), transposed(other(format, 2))]),
        Sample::new("unsorted ones", [wide(format, 1), transposed(merged(format.flip(), 2))]),
        Sample::new("with nothing", [wide(format, 1), transposed(nothing(format.flip()))]),
    ]
}

/// The same in f32, in two dtypes and in integers.
pub(crate) fn single_and_whole(format: Format) -> Vec<Sample> {
    let narrow = |input| in_dtype(input, DType::F32);
    let single = given(spread_over(&[4, 2], (-1.0, 1.0), 3).to_dtype(DType::F32));
    let whole = given(shaped(&[4, 2], vec![1i64, -2, 3, 0, 5, -6, 7, 8]));
    let same = |seed| transposed(other(format.flip(), seed));
    vec![
        Sample::new("f32", [narrow(wide(format, 1)), single.clone()]).single(),
        Sample::new("f32 sparse", [narrow(wide(format, 1)), narrow(same(2))]).single(),
        Sample::new("two dtypes", [wide(format, 1), single]).single(),
        Sample::new("integers", [in_integers(wide(format, 1)), whole]).edge(),
        Sample::new("sparse integers", [in_integers(wide(format, 1)), in_integers(same(2))]).edge(),
    ]
}
