//! The samples on which comparisons are proved: ties, numbers that are none, and what is not stored.

use kronograph_graph::Sample;
use kronograph_ops::DType;
use kronograph_ops::samples::{given, shaped};

use crate::matrix::{Format, SparseMatrix};
use crate::samples::{given_sparse, in_dtype, in_integers, nothing, overlapping, wide};

/// Two rows of which one ties, exceeds and is no number.
fn mixed(format: Format, data: [f64; 3]) -> kronograph_graph::SampleInput {
    let (indices, indptr) = match format {
        Format::Csr => (vec![2, 0, 1], vec![0, 2, 3]),
        Format::Csc => (vec![0, 1, 0], vec![0, 1, 2, 3]),
    };
    given_sparse(SparseMatrix::new(format, [2, 3], data.to_vec(), indices, indptr).expect("a valid pattern"))
}

pub(crate) fn beside_sparse(format: Format) -> Vec<Sample> {
    let numbers = [mixed(format, [1.0, f64::NAN, 0.0]), mixed(format, [1.0, f64::NAN, -1.0])];
    let more = vec![
        Sample::new("ties and no numbers", numbers).edge(),
        Sample::new("f32 with integers", [in_dtype(wide(format, 1), DType::F32), in_integers(wide(format, 2))]).edge(),
    ];
    [overlapping(format), more].concat()
}

pub(crate) fn beside_dense(format: Format) -> Vec<Sample> {
    let numbers = shaped(&[2, 3], vec![0.0, f64::NAN, 1.0, -0.0, f64::INFINITY, 1.0]);
    let zeros = || given(shaped(&[3, 4], vec![0.0; 12]));
    vec![
        Sample::new("ties and no numbers", [mixed(format, [1.0, f64::NAN, 0.0]), given(numbers)]).edge(),
        Sample::new("nothing with zeros", [nothing(format), zeros()]).edge(),
        Sample::new("integers with floats", [in_integers(wide(format, 1)), zeros()]).edge(),
    ]
}

pub(crate) fn beside_scalar(format: Format) -> Vec<Sample> {
    let with = |name, scalar: f64| Sample::new(name, [wide(format, 1), given(scalar)]).edge();
    vec![
        with("zero", 0.0),
        with("a positive number", 0.25),
        with("a negative number", -0.25),
        with("no number", f64::NAN),
        Sample::new("nothing", [nothing(format), given(1.0)]).edge(),
        Sample::new("integers", [in_integers(wide(format, 1)), given(3i64)]).edge(),
    ]
}
