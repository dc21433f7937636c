//! Sums, products, comparisons and functions of stored values: values, kinds, dtypes, and what is refused.
//!
//! Points of the list that do not apply: 42 (there are no complex numbers), 43 (nothing asks whether a value taken apart
//! is a constant).

use kronograph::ops::{abs, eq, exp, ge, gt, le, lt, maximum, mul, neq, pow, sign, sin, sqr, sum};
use kronograph::sparse::{
    add_s_d, add_s_s_data, clean, col_scale, ensure_sorted_indices, mul_s_s, multiply, remove0, row_scale, sp_sum,
    structured_add_s_v, structured_conjugate, subtract,
};

use super::*;

/// `[[0, 4, 5], [6, 0, 0]]`.
pub(crate) fn b() -> SparseMatrix {
    csr([2, 3], &[4.0, 5.0, 6.0], &[1, 2, 0], &[0, 2, 3])
}

/// `[[10, 20, 0], [0, 0, 30]]`.
pub(crate) fn p() -> SparseMatrix {
    csr([2, 3], &[10.0, 20.0, 30.0], &[0, 1, 2], &[0, 2, 3])
}

/// `[[0.5, 1, 1.5], [2, 2.5, 3]]`.
pub(crate) fn d() -> Tensor {
    Tensor::new(&[2, 3], vec![0.5, 1.0, 1.5, 2.0, 2.5, 3.0]).unwrap()
}

/// All entries of a function of one value.
fn of_one(value: &SparseMatrix, f: impl FnOnce(&Variable) -> Variable) -> Vec<f64> {
    let x = sparse("x", value);
    entries(&*call(std::slice::from_ref(&x), &[f(&x)], &[value])[0])
}

/// All entries of a function of two sparse values.
fn of_two(a: &SparseMatrix, b: &SparseMatrix, f: impl FnOnce(&Variable, &Variable) -> Variable) -> Vec<f64> {
    let (x, y) = (sparse("x", a), sparse("y", b));
    entries(&*call(&[x.clone(), y.clone()], &[f(&x, &y)], &[a, b])[0])
}

fn text(built: kronograph::graph::Result<Variable>) -> String {
    built.unwrap_err().to_string()
}

/// A function of sparse operands is never the dense one of the same name.
#[test]
fn point_02_sparse_is_no_kind_of_dense() {
    let x = sparse("x", &a());
    let refused = text(exp(&x));
    assert!(refused.contains("`structured`") && refused.contains("`dense_from_sparse`"), "{refused}");
    assert!(text(sum(&x)).contains("a dense tensor is needed"));
    assert!(kronograph::sparse::is_sparse(&sin(&x).unwrap()));
}

/// Small integers are counted in i64, and every value has the dtype that was declared.
#[test]
fn point_11_declared_dtypes_are_computed_dtypes() {
    let hundreds = SparseMatrix::new(Format::Csr, [2, 2], vec![100i8; 4], vec![0, 1, 0, 1], vec![0, 2, 4]).unwrap();
    let x = sparse("x", &hundreds);
    let total = sp_sum(&x, None).unwrap();
    assert_eq!(total.ty().to_string(), "i64 ()");
    assert_eq!(entries(&*call(&[x], &[total], &[&hundreds])[0]), [400.0]);
    for dtype in [DType::U8, DType::I8, DType::I32, DType::I64, DType::F32, DType::F64] {
        let value = a().to_dtype(dtype).unwrap();
        let x = sparse("x", &value);
        let s = constant(vec![10.0, 20.0, 30.0]);
        let outputs = [
            sp_sum(&x, Some(0)).unwrap(),
            col_scale(&x, &s).unwrap(),
            &x * 2i64,
            &x * 1.5,
            &x + &x,
            &x / 2.0,
            gt(&x, 0).unwrap(),
        ];
        let answers = call(&[x], &outputs, &[&value]);
        for (answer, output) in answers.iter().zip(&outputs) {
            assert!(output.ty().filter(&**answer).unwrap().is_none(), "{} is no {}", answer.describe(), output.ty());
        }
    }
}

/// Integers by floats are floats, f32 by f64 is f64; a literal takes the dtype beside it within its kind.
#[test]
fn point_12_scaling_converts_up() {
    let whole = a().to_dtype(DType::I64).unwrap();
    let half = constant(vec![0.5, 0.5, 0.5]);
    assert_eq!(of_one(&whole, |x| col_scale(x, &half).unwrap()), [0.5, 0.0, 1.0, 0.0, 0.0, 1.5]);
    let single = sparse("x", &a().to_dtype(DType::F32).unwrap());
    assert_eq!(row_scale(&single, &constant(vec![0.1, 0.1])).unwrap().ty().to_string(), "csr f64 (2, 3)");
    assert_eq!((&single * 0.5).ty().to_string(), "csr f32 (2, 3)");
    let small = sparse("x", &a().to_dtype(DType::I8).unwrap());
    assert_eq!((&small * 2i64).ty().to_string(), "csr i8 (2, 3)");
    assert_eq!((1.5 * &small).ty().to_string(), "csr f64 (2, 3)");
}

/// Operands of two dtypes are converted, not refused.
#[test]
fn point_13_dtypes_mix() {
    let (single, ten) = (a().to_dtype(DType::F32).unwrap(), constant(vec![10.0, 20.0, 30.0]));
    assert_eq!(of_one(&single, |x| multiply(x, &ten).unwrap()), [10.0, 0.0, 60.0, 0.0, 0.0, 90.0]);
    assert_eq!(of_one(&single, |x| structured_add_s_v(x, &ten).unwrap()), [11.0, 0.0, 32.0, 0.0, 0.0, 33.0]);
    assert_eq!(of_two(&single, &a(), |x, y| add_s_s_data(x, y).unwrap()), [2.0, 0.0, 4.0, 0.0, 0.0, 6.0]);
}

/// A dense operand may be a view of any strides, and must have the same shape.
#[test]
fn point_14_strided_dense_operands() {
    let (value, x) = (a(), sparse("x", &a()));
    let across = Tensor::new(&[3, 2], vec![0.5, 2.0, 1.0, 2.5, 1.5, 3.0]).unwrap();
    let apart = Tensor::new(&[2, 6], vec![0.5, 9.0, 1.0, 9.0, 1.5, 9.0, 2.0, 9.0, 2.5, 9.0, 3.0, 9.0]).unwrap();
    let (turned, wide) = (dense("t", &across), dense("w", &apart));
    let every_other = subtensor(&wide, &[Index::ALL, Index::slice(0, 6, 2)]).unwrap();
    let views = [transpose(&turned).unwrap(), every_other];
    let outputs = views.map(|y| [&x + &y, &x * &y, lt(&x, &y).unwrap()]).concat();
    let answers = call(&[x.clone(), turned, wide], &outputs, &[&value, &across, &apart]);
    for three in answers.chunks(3) {
        assert_eq!(entries(&*three[0]), [1.5, 1.0, 3.5, 2.0, 2.5, 6.0]);
        assert_eq!(entries(&*three[1]), [0.5, 0.0, 3.0, 0.0, 0.0, 9.0]);
        assert_eq!(entries(&*three[2]), [0.0, 1.0, 0.0, 1.0, 1.0, 0.0]);
    }
    let small = constant(counting(&[2, 2]));
    assert!(text(add_s_d(&x, &small)).contains("the shapes must be equal"));
    let open = matrix("y");
    let mut f = compile(&[x.clone(), open.clone()], &[&x + &open], &Mode::run()).unwrap();
    let error = f.call(&[&value, &counting(&[2, 2])]).unwrap_err().to_string();
    assert!(error.contains("shapes (2, 3) and (2, 2) differ"), "{error}");
}

/// No op changes what it is given.
#[test]
fn point_15_a_sum_leaves_its_operand_alone() {
    let value = unsorted();
    let x = sparse("x", &value);
    let outputs = [
        sp_sum(&x, None).unwrap(),
        ensure_sorted_indices(&x).unwrap(),
        remove0(&x).unwrap(),
        &x + &x,
        col_scale(&x, &constant(vec![2.0; 3])).unwrap(),
    ];
    let before = value.clone();
    call(&[x], &outputs, &[&value]);
    assert!(value.same_bits(&before));
    assert_eq!(value.values().unwrap(), [2.0, 0.0, 1.0, 3.0]);
}

/// Sorting and cleaning give values.
#[test]
fn point_16_sorted_indices_are_a_value() {
    let value = unsorted();
    let x = sparse("x", &value);
    let outputs = [ensure_sorted_indices(&x).unwrap(), remove0(&x).unwrap(), clean(&x).unwrap()];
    let answers = call(&[x], &outputs, &[&value]);
    let parts = |k: usize| {
        let matrix = stored(&*answers[k]);
        (matrix.values().unwrap().to_vec(), matrix.pattern().indices().to_vec())
    };
    assert_eq!(parts(0), (vec![1.0, 0.0, 2.0, 3.0], vec![0, 1, 2, 2]));
    assert_eq!(parts(1), (vec![2.0, 1.0, 3.0], vec![2, 0, 2]));
    assert_eq!(parts(2), (vec![1.0, 2.0, 3.0], vec![0, 2, 2]));
}

/// `*` is elementwise.
#[test]
fn point_24_the_star_is_elementwise() {
    assert_eq!(of_two(&a(), &p(), |x, y| x * y), [10.0, 0.0, 0.0, 0.0, 0.0, 90.0]);
    assert_eq!(of_two(&a(), &p(), |x, y| mul(x, y).unwrap()), [10.0, 0.0, 0.0, 0.0, 0.0, 90.0]);
}

/// Every comparison of [`a`] with [`b`], and with a dense matrix on either side.
#[test]
fn point_26_comparisons() {
    let relation = |f: fn(&Variable, &Variable) -> Variable| of_two(&a(), &b(), f);
    assert_eq!(relation(|x, y| eq(x, y).unwrap()), [0.0, 0.0, 0.0, 0.0, 1.0, 0.0]);
    assert_eq!(relation(|x, y| neq(x, y).unwrap()), [1.0, 1.0, 1.0, 1.0, 0.0, 1.0]);
    assert_eq!(relation(|x, y| lt(x, y).unwrap()), [0.0, 1.0, 1.0, 1.0, 0.0, 0.0]);
    assert_eq!(relation(|x, y| gt(x, y).unwrap()), [1.0, 0.0, 0.0, 0.0, 0.0, 1.0]);
    assert_eq!(relation(|x, y| le(x, y).unwrap()), [0.0, 1.0, 1.0, 1.0, 1.0, 0.0]);
    assert_eq!(relation(|x, y| ge(x, y).unwrap()), [1.0, 0.0, 0.0, 0.0, 1.0, 1.0]);
    let dense = constant(Tensor::new(&[2, 3], vec![1.0, 0.0, 5.0, 0.0, -1.0, 3.0]).unwrap());
    let beside = |f: fn(&Variable, &Variable) -> Variable| of_one(&a(), |x| f(x, &dense));
    assert_eq!(beside(|x, y| eq(x, y).unwrap()), [1.0, 1.0, 0.0, 1.0, 0.0, 1.0]);
    assert_eq!(beside(|x, y| ge(x, y).unwrap()), [1.0, 1.0, 0.0, 1.0, 1.0, 1.0]);
    assert_eq!(beside(|x, y| lt(y, x).unwrap()), [0.0, 0.0, 0.0, 0.0, 1.0, 0.0]);
    assert_eq!(beside(|x, y| ge(y, x).unwrap()), [1.0, 1.0, 1.0, 1.0, 0.0, 1.0]);
}

/// With a scalar only what is true is stored; numbers that are none compare as IEEE says.
#[test]
fn point_26_scalars_and_no_numbers() {
    let (value, x) = (a(), sparse("x", &a()));
    let outputs = [gt(&x, 1).unwrap(), ge(&x, 0.0).unwrap(), lt(2.5, &x).unwrap()];
    assert!(outputs.iter().all(|output| output.ty().to_string() == "csr u8 (2, 3)"));
    let answers = call(&[x], &outputs, &[&value]);
    assert_eq!(entries(&*answers[0]), [0.0, 0.0, 1.0, 0.0, 0.0, 1.0]);
    assert_eq!(entries(&*answers[1]), [1.0; 6]);
    assert_eq!(entries(&*answers[2]), [0.0, 0.0, 0.0, 0.0, 0.0, 1.0]);
    assert_eq!((0..3).map(|k| stored(&*answers[k]).nnz()).collect::<Vec<_>>(), [2, 6, 1]);
    let none = csr([1, 2], &[f64::NAN, 1.0], &[0, 1], &[0, 2]);
    let relation = |f: fn(&Variable, &Variable) -> Variable| of_two(&none, &none, f);
    assert_eq!(relation(|x, y| le(x, y).unwrap()), [0.0, 1.0]);
    assert_eq!(relation(|x, y| ge(x, y).unwrap()), [0.0, 1.0]);
    assert_eq!(relation(|x, y| eq(x, y).unwrap()), [0.0, 1.0]);
    assert_eq!(relation(|x, y| neq(x, y).unwrap()), [1.0, 0.0]);
}

/// What is not stored is not multiplied: no number appears where there was none. A stored zero is.
#[test]
fn point_27_structural_zeros_are_never_multiplied() {
    let value = unsorted();
    let x = sparse("x", &value);
    let inf = f64::INFINITY;
    let vector = constant(vec![inf, inf, f64::NAN]);
    let full = constant(Tensor::new(&[2, 3], vec![inf; 6]).unwrap());
    let outputs = [multiply(&x, &vector).unwrap(), &x * &full, &x * f64::INFINITY, &x / 0.0];
    let answers = call(&[x], &outputs, &[&value]);
    for answer in &answers {
        assert_eq!(stored(&**answer).pattern(), value.pattern());
        assert_eq!(entries(&**answer)[3..5], [0.0, 0.0]);
        assert!(entries(&**answer)[1].is_nan(), "a stored zero times infinity");
    }
    assert_eq!(entries(&*answers[1])[0], inf);
}

/// Functions that keep zero stay sparse; others say how to say what is meant.
#[test]
fn point_28_nothing_becomes_dense_in_silence() {
    let x = sparse("x", &a());
    let kept = [
        abs(&x).unwrap(),
        sign(&x).unwrap(),
        sqr(&x).unwrap(),
        &x / 2.0,
        -&x,
        transpose(&x).unwrap(),
        structured_conjugate(&x).unwrap(),
    ];
    assert!(kept.iter().all(kronograph::sparse::is_sparse));
    for refused in [pow(&x, 2.0), maximum(&x, 0.0), x.try_add(1.0), x.try_div(&x), exp(&x), lt(&x, &vector("v"))] {
        let refused = text(refused);
        assert!(refused.contains("dense_from_sparse") || refused.contains("a matrix of its shape"), "{refused}");
    }
}

/// A scalar added would fill the matrix; the error says so.
#[test]
fn point_30_adding_a_scalar_is_refused_with_a_text() {
    let x = sparse("x", &a());
    for refused in [x.try_add(1.0), x.try_sub(1i64), scalar("c").try_add(&x), scalar("c").try_sub(&x)] {
        let refused = text(refused);
        assert!(refused.contains("`structured`") && refused.contains("`dense_from_sparse`"), "{refused}");
    }
}

/// Errors name the op, the operands, what was expected and what was found.
#[test]
fn point_31_errors_have_texts() {
    let (x, row) = (sparse("x", &a()), sparse("r", &csr([1, 3], &[1.0], &[0], &[0, 1])));
    let three_words = |refused: String, words: [&str; 3]| {
        assert!(words.iter().all(|word| refused.contains(word)), "{refused}");
    };
    three_words(text(x.try_add(&row)), ["add_s_s", "`r` is csr f64 (1, 3)", "the shapes must be equal"]);
    three_words(text(mul_s_s(&x, &row)), ["mul_s_s", "`x` is csr f64 (2, 3)", "the shapes must be equal"]);
    let short = constant(vec![1.0, 2.0]);
    three_words(text(col_scale(&x, &short)), ["col_scale", "`x`", "a number for each column"]);
    three_words(text(row_scale(&x, &constant(1.0))), ["row_scale", "`x`", "a dense vector"]);
    three_words(text(structured_add_s_v(&x, &short)), ["structured_add_s_v", "`x`", "for each column"]);
    three_words(text(sp_sum(&x, Some(2))), ["sp_sum", "`x`", "there is no axis 2"]);
    let dense = constant(d());
    three_words(text(subtract(&dense, &dense)), ["subtract", "f64 (2, 3)", "sparse"]);
    let (value, other) = (a(), b());
    let y = sparse("y", &other);
    let mut f = compile(&[x.clone(), y.clone()], &[add_s_s_data(&x, &y).unwrap()], &Mode::run()).unwrap();
    let error = f.call(&[&value, &other]).unwrap_err().to_string();
    three_words(error, ["add_s_s_data", "do not store the same positions", "`add_s_s`"]);
}

/// Two slots of one position are one entry to every op.
#[test]
fn point_40_duplicates_in_arithmetic() {
    let twice = csr([2, 3], &[1.0, 2.0, 3.0], &[0, 0, 2], &[0, 2, 3]);
    assert_eq!(of_one(&twice, |x| gt(x, 2.5).unwrap()), [1.0, 0.0, 0.0, 0.0, 0.0, 1.0]);
    assert_eq!(of_one(&twice, |x| x + &constant(d())), [3.5, 1.0, 1.5, 2.0, 2.5, 6.0]);
    assert_eq!(of_one(&twice, |x| sqr(x).unwrap()), [9.0, 0.0, 0.0, 0.0, 0.0, 9.0]);
    assert_eq!(of_two(&twice, &a(), |x, y| x * y), [3.0, 0.0, 0.0, 0.0, 0.0, 9.0]);
}

/// Same positions in another order are the same positions.
#[test]
fn sums_on_one_pattern_look_where_entries_are() {
    let back = csr([2, 3], &[20.0, 10.0, 30.0], &[2, 0, 2], &[0, 2, 3]);
    assert_eq!(of_two(&a(), &back, |x, y| add_s_s_data(x, y).unwrap()), [11.0, 0.0, 22.0, 0.0, 0.0, 33.0]);
}
