//! Indexing, and what holds of all that takes matrices apart and puts them together.

use kronograph::graph::infer_shapes;
use kronograph::ops::{block_diag, diag};
use kronograph::sparse::{
    construct_sparse_from_list, csm, csm_data, csm_indices, csm_indptr, csm_properties, csm_shape, get_item_2d,
    get_item_2lists, get_item_list, get_item_scalar, hstack, nnz, square_diagonal, vstack,
};

use super::*;

/// `[[1, 2, 0], [0, 0, 3], [4, 0, 5]]`.
fn q() -> SparseMatrix {
    csr([3, 3], &[1.0, 2.0, 3.0, 4.0, 5.0], &[0, 1, 2, 0, 2], &[0, 2, 3, 5])
}

/// `[[1, 0], [0, 2], [3, 0]]`.
fn y() -> SparseMatrix {
    csr([3, 2], &[1.0, 2.0, 3.0], &[0, 1, 0], &[0, 1, 2, 3])
}

fn both(value: &SparseMatrix) -> [SparseMatrix; 2] {
    [value.to_format(Format::Csr), value.to_format(Format::Csc)]
}

/// The gradient of the weighed output by one sparse input, and what it stores.
fn pulled(value: &SparseMatrix, build: impl Fn(&Variable) -> Variable) -> (Vec<f64>, usize) {
    let x = sparse("x", value);
    let gradient = grad(&weighed(&build(&x)), std::slice::from_ref(&x)).unwrap();
    let answers = call(&[x], &gradient, &[value]);
    let gradient = stored(&*answers[0]);
    assert_eq!((gradient.format(), gradient.dtype()), (value.format(), value.dtype()));
    (entries(gradient), gradient.nnz())
}

fn valued(value: &SparseMatrix, build: impl Fn(&Variable) -> Variable) -> Vec<f64> {
    let x = sparse("x", value);
    entries(&*call(std::slice::from_ref(&x), &[build(&x)], &[value])[0])
}

/// The two modes are adjoint along tangents and cotangents with every position stored.
fn adjoint(value: &SparseMatrix, build: impl Fn(&Variable) -> Variable) {
    let x = sparse("x", value);
    let output = build(&x);
    let [rows, columns] = value.shape();
    let t: Vec<_> = (0..rows * columns).map(|k| (k / columns, k % columns, (k as f64 + 0.5).sin())).collect();
    let t = from_triplets(value.format(), value.shape(), &t).unwrap();
    let pushed =
        rop(std::slice::from_ref(&output), std::slice::from_ref(&x), &[sparse_constant(t.clone())]).unwrap().remove(0);
    let gradient = grad(&weighed(&output), std::slice::from_ref(&x)).unwrap().remove(0);
    let answers = call(&[x], &[weighed(&pushed), gradient], &[value]);
    let forward = entries(&*answers[0])[0];
    let reverse: f64 = entries(&*answers[1]).iter().zip(entries(&t)).map(|(g, t)| g * t).sum();
    assert!((forward - reverse).abs() < 1e-12 * (1.0 + forward.abs()), "{forward} forwards, {reverse} backwards");
}

/// Rows and positions that are taken twice accumulate, in the dtype of the matrix.
#[test]
fn point_03_gradients_of_repeated_indices_accumulate() {
    for value in both(&a()) {
        let rows = |list: Vec<i64>| move |x: &Variable| get_item_list(x, &constant(list.clone())).unwrap();
        assert_eq!(valued(&value, rows(vec![1, 0])), [0.0, 0.0, 3.0, 1.0, 0.0, 2.0]);
        assert_eq!(pulled(&value, rows(vec![1, 0])), (vec![4.0, 5.0, 6.0, 1.0, 2.0, 3.0], 6));
        assert_eq!(pulled(&value, rows(vec![1, 1])), (vec![0.0, 0.0, 0.0, 5.0, 7.0, 9.0], 3));

        let pairs = |i: Vec<i64>, j: Vec<i64>| {
            move |x: &Variable| get_item_2lists(x, &constant(i.clone()), &constant(j.clone())).unwrap()
        };
        assert_eq!(valued(&value, pairs(vec![0, 1, 0], vec![2, 2, 1])), [2.0, 3.0, 0.0]);
        assert_eq!(pulled(&value, pairs(vec![0, 1, 0], vec![2, 2, 1])), (vec![0.0, 3.0, 1.0, 0.0, 0.0, 2.0], 3));
        assert_eq!(pulled(&value, pairs(vec![0, 0], vec![2, -1])), (vec![0.0, 0.0, 3.0, 0.0, 0.0, 0.0], 1));

        let single = value.to_dtype(DType::F32).unwrap();
        assert_eq!(pulled(&single, rows(vec![1, 1])).0, [0.0, 0.0, 0.0, 5.0, 7.0, 9.0]);
        assert_eq!(pulled(&single, pairs(vec![0, 0], vec![2, 2])).0, [0.0, 0.0, 3.0, 0.0, 0.0, 0.0]);
    }
}

/// Every op of this part has both modes, which agree.
#[test]
fn point_05_forward_mode_of_indexing_and_stacking() {
    for value in both(&unsorted()).iter().chain(&[unsorted()]) {
        let list = || constant(vec![1i64, -2, 1]);
        adjoint(value, |x| get_item_2d(x, Index::slice(None, None, -1), Index::slice(1, None, 1)).unwrap());
        adjoint(value, |x| get_item_2d(x, Index::ALL, Index::array(&list())).unwrap());
        adjoint(value, |x| get_item_list(x, &list()).unwrap());
        adjoint(value, |x| get_item_2lists(x, &list(), &constant(vec![2i64, 0, 2])).unwrap());
        adjoint(value, |x| get_item_scalar(x, 0, -1).unwrap());
        adjoint(value, |x| hstack(&[x.clone(), sparse_constant(a()), x.clone()], None).unwrap());
        adjoint(value, |x| vstack(&[sparse_constant(a()), x.clone()], Format::Csr).unwrap());
        adjoint(value, |x| block_diag(&[x.clone(), constant(counting(&[2, 1])), x.clone()]).unwrap());
        adjoint(value, csm_data_again);
    }
    for value in both(&q()) {
        adjoint(&value, |x| diag(x, 0).unwrap());
        adjoint(&value, |x| diag(x, -1).unwrap());
        adjoint(&value, |x| square_diagonal(&diag(x, 0).unwrap(), Format::Csr).unwrap());
    }
}

/// Taken apart and put together on the same parts.
fn csm_data_again(x: &Variable) -> Variable {
    let [data, indices, indptr, shape] = csm_properties(x).unwrap();
    csm(&exp(&data).unwrap(), &indices, &indptr, &shape, x.type_as::<SparseType>().unwrap().format()).unwrap()
}

/// Slices, single entries and blocks have regular gradients.
#[test]
fn point_06_slices_entries_and_blocks_have_gradients() {
    for value in both(&a()) {
        let columns = |x: &Variable, columns: Index| get_item_2d(x, Index::ALL, columns).unwrap();
        let part = |x: &Variable| get_item_2d(x, Index::slice(0, 2, 1), Index::slice(1, 3, 1)).unwrap();
        assert_eq!(valued(&value, part), [0.0, 2.0, 0.0, 3.0]);
        assert_eq!(pulled(&value, part).0, [0.0, 1.0, 2.0, 0.0, 3.0, 4.0]);
        let turned = |x: &Variable| columns(x, Index::slice(None, None, -1));
        assert_eq!(valued(&value, turned), [2.0, 0.0, 1.0, 3.0, 0.0, 0.0]);
        assert_eq!(pulled(&value, turned).0, [3.0, 2.0, 1.0, 6.0, 5.0, 4.0]);
        let every_second = |x: &Variable| columns(x, Index::slice(None, None, 2));
        assert_eq!(pulled(&value, every_second), (vec![1.0, 0.0, 2.0, 3.0, 0.0, 4.0], 4));
        let beyond = |x: &Variable| get_item_2d(x, Index::slice(5, 9, 1), Index::slice(0, 1, 1)).unwrap();
        assert_eq!((valued(&value, beyond), pulled(&value, beyond).1), (vec![], 0));

        let entry = |x: &Variable| get_item_scalar(x, 0, 2).unwrap();
        assert_eq!(valued(&value, entry), [2.0]);
        assert_eq!(pulled(&value, entry), (vec![0.0, 0.0, 1.0, 0.0, 0.0, 0.0], 1));
        let absent = |x: &Variable| get_item_scalar(x, -1, 1).unwrap();
        assert_eq!(valued(&value, absent), [0.0]);
        assert_eq!(pulled(&value, absent), (vec![0.0, 0.0, 0.0, 0.0, 1.0, 0.0], 1));
    }
    let (x, y_value) = (sparse("x", &a()), y());
    let other = sparse("y", &y_value);
    let all = block_diag(&[x.clone(), other.clone()]).unwrap();
    assert_eq!(all.ty().to_string(), "csc f64 (5, 5)");
    let gradients = grad(&weighed(&all), &[x.clone(), other.clone()]).unwrap();
    let answers = call(&[x, other], &[&[all][..], &gradients].concat(), &[&a(), &y_value]);
    assert_eq!(stored(&*answers[0]).nnz(), 6);
    assert_eq!(entries(&*answers[1]), [1.0, 2.0, 3.0, 6.0, 7.0, 8.0]);
    assert_eq!(entries(&*answers[2]), [14.0, 15.0, 19.0, 20.0, 24.0, 25.0]);
}

/// Declared dtypes are computed ones, and those of the matrix.
#[test]
fn point_11_dtypes_are_those_of_the_matrix() {
    for dtype in [DType::F32, DType::I32, DType::I8, DType::U8, DType::I64] {
        let value = a().to_dtype(dtype).unwrap();
        let x = sparse("x", &value);
        let (i, j) = (constant(vec![0i64, 1]), constant(vec![2i64, 1]));
        let outputs = [
            get_item_2lists(&x, &i, &j).unwrap(),
            get_item_list(&x, &i).unwrap(),
            get_item_scalar(&x, 0, 2).unwrap(),
            hstack(std::slice::from_ref(&x), None).unwrap(),
            vstack(&[x.clone(), x.clone()], None).unwrap(),
            block_diag(&[x.clone(), x.clone()]).unwrap(),
        ];
        for (answer, output) in call(std::slice::from_ref(&x), &outputs, &[&value]).iter().zip(&outputs) {
            assert_eq!(output.ty().filter(&**answer).unwrap().map(|value| value.describe()), None);
            assert!(output.ty().to_string().contains(&dtype.to_string()), "{}", output.ty());
        }
    }
    let (x, values) = (matrix("x"), tensor("values", DType::F32, &[Some(1), Some(2)]));
    let built = construct_sparse_from_list(&x, &values, &constant(vec![1i64])).unwrap();
    assert!(built.ty().to_string().starts_with("csc f32"), "{}", built.ty());
}

/// Lengths of slices, lists and blocks are known where they can be, and right where they are not.
#[test]
fn point_19_static_shapes_of_what_is_indexed_and_stacked() {
    let x = sparse_matrix("x", Format::Csr, [Some(5), Some(4)]);
    let open = sparse_matrix("open", Format::Csr, [None, Some(4)]);
    let list = tensor("list", DType::I64, &[Some(7)]);
    let named = |x: &Variable, rows: Index, columns: Index| get_item_2d(x, rows, columns).unwrap().ty().to_string();
    assert_eq!(named(&x, Index::slice(0, 2, 1), Index::ALL), "csr f64 (2, 4)");
    assert_eq!(named(&x, Index::slice(None, None, -2), Index::slice(-100, 100, 3)), "csr f64 (3, 2)");
    assert_eq!(named(&open, Index::slice(0, 2, 1), Index::slice(None, None, -1)), "csr f64 (?, 4)");
    assert_eq!(named(&open, Index::array(&list), Index::ALL), "csr f64 (7, 4)");
    assert_eq!(named(&open, Index::ALL, Index::array(&list)), "csr f64 (?, 7)");
    let ty = |stacked: Variable| stacked.ty().to_string();
    assert_eq!(ty(hstack(&[x.clone(), open.clone()], None).unwrap()), "csc f64 (5, 8)");
    assert_eq!(ty(vstack(&[x.clone(), open.clone()], Format::Csr).unwrap()), "csr f64 (?, 4)");
    assert_eq!(ty(block_diag(&[x.clone(), x.clone()]).unwrap()), "csc f64 (10, 8)");
    assert_eq!(ty(csm_indptr(&x).unwrap()), "i32 (6,)");
    let other = sparse_matrix("other", Format::Csc, [Some(6), Some(3)]);
    let error = hstack(&[x.clone(), other.clone()], None).unwrap_err().to_string();
    assert!(error.contains("the blocks must have one number of rows; block 1 has another"), "{error}");
    let error = diag(&x, 0).unwrap_err().to_string();
    assert!(error.contains("the matrix must be square"), "{error}");
    let error = get_item_scalar(&x, 5, 0).unwrap_err().to_string();
    assert!(error.contains("index 5 is out of range on axis 0"), "{error}");
}

/// A gradient has the format of its input, whatever that of the output is.
#[test]
fn point_21_gradients_come_in_the_format_of_the_input() {
    for value in both(&q()) {
        assert_eq!(pulled(&value, |x| diag(x, 0).unwrap()), (vec![1.0, 0.0, 0.0, 0.0, 2.0, 0.0, 0.0, 0.0, 3.0], 3));
        for format in [Format::Csr, Format::Csc] {
            let stack = |x: &Variable| hstack(&[sparse_constant(q()), x.clone()], format).unwrap();
            assert_eq!(pulled(&value, stack), (vec![4.0, 5.0, 6.0, 10.0, 11.0, 12.0, 16.0, 17.0, 18.0], 9));
        }
    }
    let d = vector("d");
    let made = square_diagonal(&d, Format::Csc).unwrap();
    let part = get_item_2d(&made, Index::slice(0, 2, 1), Index::ALL).unwrap();
    let cost = sum(&sqr(&dense_from_sparse(&part).unwrap()).unwrap()).unwrap();
    let gradient = grad(&cost, std::slice::from_ref(&d)).unwrap().remove(0);
    let answers = call(&[d], &[gradient], &[&Tensor::vector(vec![1.0, 0.0, 3.0])]);
    assert_eq!(entries(&*answers[0]), [2.0, 0.0, 0.0]);
}

/// Positions are numbers or variables of any integer dtype, lists too; rows, columns, and one after the other.
#[test]
fn point_25_every_integer_is_an_index() {
    let value = q();
    let x = sparse("x", &value);
    let (i, j) = (tensor("i", DType::I64, &[]), tensor("j", DType::I8, &[]));
    let list = tensor("list", DType::U8, &[None]);
    let rows = get_item_list(&x, &list).unwrap();
    let outputs = [
        get_item_scalar(&x, &i, &j).unwrap(),
        get_item_2d(&x, Index::between(&i, &j), Index::ALL).unwrap(),
        get_item_2d(&x, Index::ALL, Index::array(&list)).unwrap(),
        get_item_2d(&rows, Index::ALL, Index::array(&list)).unwrap(),
        get_item_2d(&x, Index::array(&list), Index::slice(None, None, -1)).unwrap(),
    ];
    let arguments: [&dyn Value; 4] =
        [&value, &Tensor::scalar(-2i64), &Tensor::scalar(2i8), &Tensor::vector(vec![2u8, 0])];
    let answers = call(&[x.clone(), i, j, list], &outputs, &arguments);
    assert_eq!(entries(&*answers[0]), [3.0]);
    assert_eq!(entries(&*answers[1]), [0.0, 0.0, 3.0]);
    assert_eq!(entries(&*answers[2]), [0.0, 1.0, 3.0, 0.0, 5.0, 4.0]);
    assert_eq!(entries(&*answers[3]), [5.0, 4.0, 0.0, 1.0]);
    assert_eq!(entries(&*answers[4]), [5.0, 0.0, 4.0, 0.0, 2.0, 1.0]);

    let refused = |built: kronograph::graph::Result<Variable>| built.unwrap_err().to_string();
    let error = refused(get_item_2d(&x, Index::at(0), Index::ALL));
    assert!(error.contains("there are no sparse vectors: take a slice of one"), "{error}");
    let error = refused(get_item_2d(&x, Index::slice(None, None, 0), Index::ALL));
    assert!(error.contains("the step of a slice cannot be zero"), "{error}");
    let error = refused(get_item_list(&x, &vector("floats")));
    assert!(error.contains("holds integers"), "{error}");
    let mut f =
        compile(std::slice::from_ref(&x), &[get_item_list(&x, &constant(vec![0i64, 3])).unwrap()], &Mode::run())
            .unwrap();
    let error = f.call(&[&value]).map(|_| ()).unwrap_err().to_string();
    assert!(error.contains("index 3 is out of range on axis 0 of shape (3, 3)"), "{error}");
}

/// What is inferred of a shape needs none of the values: at most the number of stored entries.
#[test]
fn point_32_shapes_are_inferred_without_computing() {
    let value = unsorted();
    let x = sparse_matrix("x", Format::Csr, [None; 2]);
    let list = tensor("list", DType::I64, &[None]);
    let outputs = [
        csm_data(&x).unwrap(),
        csm_indices(&x).unwrap(),
        csm_indptr(&x).unwrap(),
        csm_shape(&x).unwrap(),
        get_item_2d(&x, Index::slice(None, None, -1), Index::array(&list)).unwrap(),
        get_item_2lists(&x, &list, &list).unwrap(),
        csm_data_again(&x),
    ];
    let shapes = infer_shapes(&outputs).unwrap();
    let axis = |variable: &Variable, axis: usize| match variable.name() {
        Some("x") => Some(value.shape()[axis]),
        Some("list") => Some(5),
        _ => None,
    };
    // The only number that may be asked for is how many entries are stored.
    let number = |variable: &Variable| {
        let (node, _) = variable.owner()?;
        (node.op().name() == "nnz").then(|| value.nnz())
    };
    let lengths: Vec<Vec<Option<usize>>> =
        shapes.iter().map(|shape| shape.iter().map(|dim| dim.evaluate(&axis, &number)).collect()).collect();
    let want: [&[usize]; 7] = [&[4], &[4], &[3], &[2], &[2, 5], &[5], &[2, 3]];
    let want: Vec<Vec<Option<usize>>> =
        want.iter().map(|all| all.iter().map(|&length| Some(length)).collect()).collect();
    assert_eq!(lengths, want);
    assert_eq!(valued(&value, |x| nnz(x).unwrap()), [4.0]);
}

/// Indices of any width are read as they are; what does not fit is refused, never cut.
#[test]
fn point_33_indices_are_never_narrowed_silently() {
    let value = a();
    let x = sparse("x", &value);
    let wide = tensor("wide", DType::I64, &[None]);
    let mut f = compile(&[x.clone(), wide.clone()], &[get_item_list(&x, &wide).unwrap()], &Mode::run()).unwrap();
    // As 32 bits these would be rows 0 and 1.
    for index in [1i64 << 32, (1 << 32) + 1, -(1 << 32)] {
        let error = f.call(&[&value, &Tensor::vector(vec![index])]).map(|_| ()).unwrap_err().to_string();
        assert!(error.contains(&format!("index {index} is out of range on axis 0")), "{error}");
    }
    let parts = [constant(vec![2u8, 1, 0, 2]), constant(vec![0i64, 3, 4]), constant(vec![2i8, 3])];
    let data = vector("data");
    let built = csm(&data, &parts[0], &parts[1], &parts[2], Format::Csr).unwrap();
    let gradient = grad(&weighed(&built), std::slice::from_ref(&data)).unwrap().remove(0);
    let answers = call(&[data], &[built, gradient], &[&Tensor::vector(vec![2.0, 0.0, 1.0, 3.0])]);
    assert_eq!(stored(&*answers[0]).pattern(), unsorted().pattern());
    assert_eq!(entries(&*answers[1]), [3.0, 2.0, 1.0, 6.0]);
}
