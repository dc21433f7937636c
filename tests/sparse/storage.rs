//! What a sparse value is: duplicates, dtypes, and what is refused. Point 20, a block format that converts to another one,
//! does not apply: there are two formats.

use faer::sparse::{SparseColMat, SparseRowMat, Triplet};
use kronograph::sparse::dense_from_sparse_regular;

use super::*;

/// Two slots at one position mean their sum, before anything else is made of them.
#[test]
fn point_40_duplicates_are_summed_where_a_value_enters() {
    let twice = csr([2, 3], &[1.0, 2.0, 3.0], &[0, 0, 2], &[0, 2, 3]);
    assert_eq!((twice.nnz(), twice.values().unwrap()), (2, &[3.0, 3.0][..]));
    let x = sparse("x", &twice);
    let y = structured(&x, exp).unwrap();
    let gradient = grad(&weighed(&y), std::slice::from_ref(&x)).unwrap();
    let answers = call(&[x], &[y, gradient[0].clone()], &[&twice]);
    let e = 3f64.exp();
    assert_eq!(entries(&*answers[0]), [e, 0.0, 0.0, 0.0, 0.0, e]);
    assert_eq!(entries(&*answers[1]), [e, 0.0, 0.0, 0.0, 0.0, 6.0 * e]);
}

/// Indices out of range, negative ones and decreasing pointers never become a value.
#[test]
fn point_18_invalid_structure_is_refused_where_a_value_enters() {
    let new = |indices: Vec<usize>, indptr: Vec<usize>| {
        SparseMatrix::new(Format::Csr, [2, 3], vec![1.0, 2.0], indices, indptr).unwrap_err().to_string()
    };
    assert_eq!(new(vec![0, 7], vec![0, 1, 2]), "index 7 (slot 1) is out of range, the slices have length 3");
    assert_eq!(
        new(vec![0, 1], vec![0, 2, 1]),
        "indptr must start at 0 and end at the number of indices, 2; it starts at Some(0) and ends at Some(1)"
    );
    assert_eq!(new(vec![0, 1], vec![0, 3, 2]), "indptr decreases after slice 1");
    assert_eq!(
        new(vec![0, usize::MAX], vec![0, 1, 2]),
        format!("index {} (slot 1) is out of range, the slices have length 3", usize::MAX)
    );
}

/// A matrix of another shape than its type is refused at the door.
#[test]
fn point_19_a_static_shape_is_checked_on_values() {
    let x = sparse_matrix("x", Format::Csr, [Some(2), Some(3)]);
    let mut f = compile(std::slice::from_ref(&x), &[dense_from_sparse(&x).unwrap()], &Mode::run()).unwrap();
    let wrong = csr([3, 3], &[1.0], &[0], &[0, 1, 1, 1]);
    let error = f.call(&[&wrong]).unwrap_err().to_string();
    assert!(error.contains("[3, 3]") && error.contains("`x`"), "{error}");
}

/// The two conversions differ in their derivatives, so they are not one node.
#[test]
fn point_34_flags_that_change_a_derivative_are_part_of_an_op() {
    let value = a();
    let x = sparse("x", &value);
    let (one, other) = (dense_from_sparse(&x).unwrap(), dense_from_sparse_regular(&x).unwrap());
    let w = constant(counting(&[2, 3]));
    let gradient = |y: &Variable| grad(&sum(&(&w * y)).unwrap(), std::slice::from_ref(&x)).unwrap().remove(0);
    let answers = call(std::slice::from_ref(&x), &[gradient(&one), gradient(&other)], &[&value]);
    assert_eq!(entries(&*answers[0]), [1.0, 0.0, 3.0, 0.0, 0.0, 6.0]);
    assert_eq!(entries(&*answers[1]), [1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);
}

/// Storage moves in and out of sprs and faer without a copy: the addresses stay.
#[test]
fn sprs_and_faer_share_storage_with_a_matrix() {
    let theirs = sprs::CsMatI::<f32, u32>::new_csc((2, 3), vec![0, 1, 1, 3], vec![0, 0, 1], vec![1.0, 2.0, 3.0]);
    let (data, indices) = (theirs.data().as_ptr(), theirs.indices().as_ptr());
    let ours = SparseMatrix::from_sprs(theirs).unwrap();
    let (values, pattern) = (ours.slots::<f32>().unwrap(), ours.pattern());
    assert_eq!((values.as_ptr(), pattern.indices().as_ptr()), (data, indices));
    let view = ours.as_sprs::<f32>().unwrap();
    assert_eq!((view.data().as_ptr(), view.indices().as_ptr(), view.is_csc()), (data, indices, true));
    let faer = ours.as_faer_columns::<f32>().unwrap();
    assert_eq!((faer.val().as_ptr(), faer.symbolic().row_idx().as_ptr()), (data, indices));
    assert_eq!(faer.to_dense()[(1, 2)], 3.0);
    assert!(ours.as_faer_rows::<f32>().is_none() && ours.as_sprs::<f64>().is_none());
    assert!(unsorted().as_sprs::<f64>().is_none() && unsorted().sorted().as_faer_rows::<f64>().is_some());
    let at = [(0, 0, 1.0), (0, 2, 2.0), (1, 2, 3.0)].map(|(i, j, x)| Triplet::<u32, u32, f64>::new(i, j, x));
    let columns = SparseColMat::try_new_from_triplets(2, 3, &at).unwrap();
    let address = columns.val().as_ptr();
    let ours = SparseMatrix::from_faer_columns(columns).unwrap();
    assert_eq!((entries(&ours), ours.slots::<f64>().unwrap().as_ptr()), (entries(&a()), address));
    let rows = SparseRowMat::try_new_from_triplets(2, 3, &at).unwrap();
    assert!(SparseMatrix::from_faer_rows(rows).unwrap().same_bits(&a()));
}

/// Constants are one if their bits are: not if they are close, and also if they store nothing or NaN.
#[test]
fn point_17_constants_are_merged_by_their_bits() {
    let x = vector("x");
    let product = |value: f64| matmul(&sparse_constant(csr([1, 1], &[value], &[0], &[0, 1])), &x).unwrap();
    let made =
        rewrite(&[product(1.0), product(1.0 + 1e-9), product(1.0), product(f64::NAN), product(f64::NAN)], &Mode::run());
    let made = made.unwrap();
    assert!(made[0] == made[2] && made[3] == made[4]);
    assert!(made[0] != made[1]);
    let empty = || matmul(&sparse_constant(csr([2, 1], &[], &[], &[0, 0, 0])), &x).unwrap();
    let made = rewrite(&[empty(), empty()], &Mode::run()).unwrap();
    assert!(made[0] == made[1], "a matrix that stores nothing equals itself");
}

/// Views for another crate are refused, not made, where its own checks would stop the program.
#[test]
fn lengths_that_faer_does_not_count_give_no_view() {
    let wide = SparseMatrix::new(Format::Csr, [1, 3_000_000_000], vec![1.0], vec![0], vec![0, 1]).unwrap();
    assert!(wide.as_faer_rows::<f64>().is_none());
}
