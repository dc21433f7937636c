//! Products: `structured_dot`, `dot`, `true_dot`, `sampling_dot`, `usmm`.

use std::sync::Arc;

use kronograph::graph::Gradient;
use kronograph::ops::flip;
use kronograph::sparse::{csm_data, is_sparse, sampling_dot, structured_dot, true_dot, usmm};

use super::*;

/// `[[1, 0], [0, 2], [3, 0]]`.
const Y: [f64; 6] = [1.0, 0.0, 0.0, 2.0, 3.0, 0.0];

fn y_dense() -> Tensor {
    Tensor::new(&[3, 2], Y.to_vec()).unwrap()
}

fn y_sparse(format: Format) -> SparseMatrix {
    from_triplets(format, [3, 2], &[(0, 0, 1.0), (1, 1, 2.0), (2, 0, 3.0)]).unwrap()
}

fn matrix_of(shape: [usize; 2], elements: &[f64]) -> Tensor {
    Tensor::new(&shape, elements.to_vec()).unwrap()
}

type Product = fn(&Variable, &Variable) -> Result<Variable, BuildError>;

/// The value of a product, and the gradients of all its entries, weighed, by both operands.
fn with_gradients(product: Product, x: &Variable, y: &Variable, values: [&dyn Value; 2]) -> Vec<Box<dyn Value>> {
    let result = product(x, y).unwrap();
    let gradients = grad(&weighed(&result), &[x.clone(), y.clone()]).unwrap();
    call(&[x.clone(), y.clone()], &[vec![result], gradients].concat(), &values)
}

#[test]
fn point_02_the_gradient_of_true_dot_is_of_the_kind_and_format_of_each_operand() {
    let (a, dense) = (a(), y_dense());
    for format in [Format::Csr, Format::Csc] {
        let sparse_y = y_sparse(format);
        let (x, y) = (sparse("x", &a), sparse("y", &sparse_y));
        let answers = with_gradients(true_dot, &x, &y, [&a, &sparse_y]);
        assert_eq!(entries(&*answers[0]), [7.0, 0.0, 9.0, 0.0]);
        assert_eq!(stored(&*answers[0]).nnz(), 2);
        assert_eq!(entries(&*answers[1]), [1.0, 4.0, 3.0, 3.0, 8.0, 9.0]);
        assert_eq!(entries(&*answers[2]), [1.0, 2.0, 0.0, 0.0, 11.0, 16.0]);
        assert_eq!((stored(&*answers[1]).format(), stored(&*answers[2]).format()), (Format::Csr, format));
    }
    let (x, y) = (sparse("x", &a), self::dense("y", &dense));
    let answers = with_gradients(true_dot, &x, &y, [&a, &dense]);
    assert_eq!((entries(&*answers[0]), stored(&*answers[0]).nnz()), (vec![7.0, 0.0, 9.0, 0.0], 2));
    assert!(entries(&*answers[1]) == [1.0, 4.0, 3.0, 3.0, 8.0, 9.0] && stored(&*answers[1]).nnz() == 6);
    let of_dense = (&*answers[2] as &dyn std::any::Any).downcast_ref::<Tensor>().unwrap();
    assert_eq!(of_dense.to_vec::<f64>().unwrap(), [1.0, 2.0, 0.0, 0.0, 11.0, 16.0]);
}

/// The gradient of `sum((A Y)²)` is `2 A Y Yᵀ` where A stores an entry: linear, so its own second derivative along A.
#[test]
fn point_04_structured_dot_has_second_derivatives_by_its_sparse_operand() {
    let (a, dense_y, sparse_y) = (unsorted(), y_dense(), y_sparse(Format::Csc));
    let x = sparse("x", &a);
    let cases: [(Variable, &dyn Value); 2] = [(dense("y", &dense_y), &dense_y), (sparse("y", &sparse_y), &sparse_y)];
    for (y, value) in cases {
        let product = structured_dot(&x, &y).unwrap();
        let whole = if is_sparse(&product) { dense_from_sparse(&product).unwrap() } else { product };
        let cost = sum(&sqr(&whole).unwrap()).unwrap();
        let second = hvp(&cost, std::slice::from_ref(&x), std::slice::from_ref(&x)).unwrap().remove(0);
        let answers = call(&[x.clone(), y], &[second], &[&a, value]);
        assert_eq!(entries(&*answers[0]), [14.0, 0.0, 42.0, 0.0, 0.0, 54.0]);
        assert_eq!(stored(&*answers[0]).nnz(), 4);
    }
}

/// Tangents at every position: a structured product sees those that are stored, a regular one all.
#[test]
fn point_05_products_have_a_forward_mode() {
    let (a, y, ones) = (a(), y_dense(), csr([2, 3], &[1.0; 6], &[0, 1, 2, 0, 1, 2], &[0, 3, 6]));
    let sparse_y = y_sparse(Format::Csr);
    let (x, dense_y, t) = (sparse("x", &a), dense("y", &y), sparse("t", &ones));
    let s = sparse("s", &sparse_y);
    let moved = |output: &Variable| {
        let tangent = rop(std::slice::from_ref(output), std::slice::from_ref(&x), std::slice::from_ref(&t)).unwrap();
        let inputs = [x.clone(), dense_y.clone(), s.clone(), t.clone()];
        entries(&*call(&inputs, &tangent, &[&a, &y, &sparse_y, &ones])[0])
    };
    let (structured, regular) = ([4.0, 0.0, 3.0, 0.0], [4.0, 2.0, 4.0, 2.0]);
    for right in [&dense_y, &s] {
        assert_eq!(moved(&structured_dot(&x, right).unwrap()), structured);
        assert_eq!(moved(&matmul(&x, right).unwrap()), structured);
        assert_eq!(moved(&dot(&x, right).unwrap()), regular);
        assert_eq!(moved(&true_dot(&x, right).unwrap()), regular);
        let z = constant(matrix_of([2, 2], &[0.0; 4]));
        assert_eq!(moved(&usmm(&constant(2.0), &x, right, &z).unwrap()), [8.0, 4.0, 8.0, 4.0]);
    }
    let (left, right) = (constant(matrix_of([2, 1], &[2.0, 3.0])), constant(matrix_of([3, 1], &[1.0, 5.0, 7.0])));
    assert_eq!(moved(&sampling_dot(&left, &right, &x).unwrap()), [2.0, 0.0, 14.0, 0.0, 0.0, 21.0]);
}

#[test]
fn point_06_sampling_dot_has_a_gradient_by_its_pattern_operand() {
    let (x, y) = (matrix_of([2, 2], &[1.0, 2.0, 3.0, 4.0]), matrix_of([3, 2], &[1.0, 0.0, 0.0, 1.0, 1.0, 1.0]));
    let p = csr([2, 3], &[1.0, 1.0, 2.0], &[0, 2, 1], &[0, 2, 3]);
    let inputs = [dense("x", &x), dense("y", &y), sparse("p", &p)];
    let product = sampling_dot(&inputs[0], &inputs[1], &inputs[2]).unwrap();
    let gradients = grad(&weighed(&product), &inputs).unwrap();
    let answers = call(&inputs, &[vec![product], gradients].concat(), &[&x, &y, &p]);
    assert_eq!(entries(&*answers[0]), [1.0, 0.0, 3.0, 0.0, 8.0, 0.0]);
    assert_eq!(entries(&*answers[1]), [4.0, 3.0, 0.0, 10.0]);
    assert_eq!(entries(&*answers[2]), [1.0, 2.0, 30.0, 40.0, 3.0, 6.0]);
    assert_eq!(entries(&*answers[3]), [1.0, 0.0, 9.0, 0.0, 20.0, 0.0]);
    assert_eq!(stored(&*answers[3]).pattern(), p.pattern());
}

#[test]
fn point_06_usmm_has_a_gradient_by_each_operand() {
    let (a, y, alpha) = (a(), y_dense(), Tensor::new(&[1, 1], vec![2.0]).unwrap());
    let z = matrix_of([2, 2], &[1.0; 4]);
    let inputs = [dense("alpha", &alpha), sparse("x", &a), dense("y", &y), dense("z", &z)];
    let sum = usmm(&inputs[0], &inputs[1], &inputs[2], &inputs[3]).unwrap();
    let gradients = grad(&weighed(&sum), &inputs).unwrap();
    assert_eq!(gradients[0].ty().extents().len(), 2);
    let on_pattern = Gradient::of(&weighed(&sum)).unwrap().structured().wrt(&inputs[1..2]).unwrap();
    let answers = call(&inputs, &[vec![sum], gradients, on_pattern].concat(), &[&alpha, &a, &y, &z]);
    assert_eq!(entries(&*answers[0]), [15.0, 1.0, 19.0, 1.0]);
    assert_eq!(entries(&*answers[1]), [34.0]);
    assert_eq!(entries(&*answers[2]), [2.0, 8.0, 6.0, 6.0, 16.0, 18.0]);
    assert_eq!(entries(&*answers[3]), [2.0, 4.0, 0.0, 0.0, 22.0, 32.0]);
    assert_eq!(entries(&*answers[4]), [1.0, 2.0, 3.0, 4.0]);
    assert_eq!(entries(&*answers[5]), [2.0, 0.0, 6.0, 0.0, 0.0, 18.0]);
}

/// What is declared is what is computed, and a gradient has the dtype of its operand.
#[test]
fn point_11_the_dtype_of_a_product_is_that_of_its_value() {
    let (x, y) = (matrix_of([2, 1], &[0.5, 1.5]), matrix_of([3, 1], &[1.0, 1.0, 1.0]));
    for dtype in [DType::I32, DType::F32, DType::F64] {
        let p = a().to_dtype(dtype).unwrap();
        let inputs = [dense("x", &x), dense("y", &y), sparse("p", &p)];
        let product = sampling_dot(&inputs[0], &inputs[1], &inputs[2]).unwrap();
        assert_eq!(product.ty().to_string(), "csr f64 (2, 3)");
        let answers = call(&inputs, &[product], &[&x, &y, &p]);
        assert_eq!(stored(&*answers[0]).dtype(), DType::F64);
        assert_eq!(entries(&*answers[0]), [0.5, 0.0, 1.0, 0.0, 0.0, 4.5]);
    }
    let narrow = y_dense().to_dtype(DType::F32);
    for a in [a(), a().to_format(Format::Csc)] {
        let (x, y) = (sparse("x", &a), dense("y", &narrow));
        let answers = with_gradients(structured_dot, &x, &y, [&a, &narrow]);
        assert_eq!(stored(&*answers[1]).dtype(), DType::F64);
        assert_eq!(entries(&*answers[1]), [1.0, 0.0, 3.0, 0.0, 0.0, 9.0]);
        let of_dense = (&*answers[2] as &dyn std::any::Any).downcast_ref::<Tensor>().unwrap();
        assert_eq!(of_dense.dtype(), DType::F32);
    }
}

#[test]
fn point_13_true_dot_converts_both_to_one_dtype() {
    for (left, right, want) in [
        (DType::F32, DType::F64, DType::F64),
        (DType::I32, DType::F64, DType::F64),
        (DType::F32, DType::F32, DType::F32),
        (DType::I8, DType::I64, DType::I64),
    ] {
        let (a, b) = (a().to_dtype(left).unwrap(), y_sparse(Format::Csc).to_dtype(right).unwrap());
        let (x, y) = (sparse("x", &a), sparse("y", &b));
        let answers = call(&[x.clone(), y.clone()], &[true_dot(&x, &y).unwrap()], &[&a, &b]);
        assert_eq!((stored(&*answers[0]).dtype(), entries(&*answers[0])), (want, vec![7.0, 0.0, 9.0, 0.0]));
    }
}

/// Transposed and reversed operands are read where they lie, or copied; never by a stride of another layout.
#[test]
fn point_14_usmm_reads_strided_operands_right() {
    let (y, z) = (matrix_of([2, 3], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]), matrix_of([2, 2], &[10.0, 20.0, 30.0, 40.0]));
    for x in [a(), a().to_format(Format::Csc), unsorted()] {
        let inputs = [sparse("x", &x), dense("y", &y), dense("z", &z)];
        let across = transpose(&inputs[1]).unwrap();
        let backwards = flip(&across, &[1]).unwrap();
        let of = |y: &Variable| usmm(&constant(-1.0), &inputs[0], y, &transpose(&inputs[2]).unwrap()).unwrap();
        let answers = call(&inputs, &[of(&across), of(&backwards)], &[&x, &y, &z]);
        // A yᵀ = [[7, 16], [9, 18]], and zᵀ = [[10, 30], [20, 40]].
        assert_eq!(entries(&*answers[0]), [3.0, 14.0, 11.0, 22.0]);
        assert_eq!(entries(&*answers[1]), [-6.0, 23.0, 2.0, 31.0]);
    }
}

/// A regular gradient comes back sparse all the same, and the option gives the part on the pattern.
#[test]
fn point_22_dot_gives_a_sparse_gradient_to_a_sparse_operand() {
    let (a, y) = (a(), y_dense());
    let (x, w) = (sparse("x", &a), dense("y", &y));
    let cost = weighed(&dot(&x, &w).unwrap());
    let whole = grad(&cost, std::slice::from_ref(&x)).unwrap().remove(0);
    let part = Gradient::of(&cost).unwrap().structured().wrt(std::slice::from_ref(&x)).unwrap().remove(0);
    assert!([&whole, &part].iter().all(|gradient| gradient.ty().to_string() == "csr f64 (2, 3)"));
    let answers = call(&[x, w], &[whole, part], &[&a, &y]);
    assert_eq!(entries(&*answers[0]), [1.0, 4.0, 3.0, 3.0, 8.0, 9.0]);
    assert_eq!(entries(&*answers[1]), [1.0, 0.0, 3.0, 0.0, 0.0, 9.0]);
    assert_eq!(stored(&*answers[1]).pattern(), a.pattern());
}

#[test]
fn point_23_dot_of_vectors_has_gradients() {
    let (a, right, left) = (a(), Tensor::vector(vec![1.0, 2.0, 3.0]), Tensor::vector(vec![1.0, 2.0]));
    let (x, v, u) = (sparse("x", &a), dense("v", &right), dense("u", &left));
    let answers = with_gradients(dot, &x, &v, [&a, &right]);
    assert_eq!(entries(&*answers[0]), [7.0, 9.0]);
    assert_eq!(entries(&*answers[1]), [1.0, 2.0, 3.0, 2.0, 4.0, 6.0]);
    assert_eq!(entries(&*answers[2]), [1.0, 0.0, 8.0]);
    let answers = with_gradients(dot, &u, &x, [&left, &a]);
    assert_eq!(entries(&*answers[0]), [1.0, 0.0, 8.0]);
    assert_eq!(entries(&*answers[1]), [7.0, 9.0]);
    assert_eq!(entries(&*answers[2]), [1.0, 2.0, 3.0, 2.0, 4.0, 6.0]);
    let answers = with_gradients(matmul, &x, &v, [&a, &right]);
    assert_eq!(entries(&*answers[1]), [1.0, 0.0, 3.0, 0.0, 0.0, 6.0]);
    let answers = with_gradients(matmul, &u, &x, [&left, &a]);
    assert_eq!(entries(&*answers[2]), [1.0, 0.0, 3.0, 0.0, 0.0, 6.0]);
}

#[test]
fn point_23_products_of_matrices_name_those_that_take_vectors() {
    let (x, v) = (sparse("x", &a()), dense("v", &Tensor::vector(vec![1.0, 2.0, 3.0])));
    for (name, product) in [("structured_dot", structured_dot as Product), ("true_dot", true_dot)] {
        let error = product(&x, &v).unwrap_err().to_string();
        let named = [name, "`v` is f64 (3,)", "`matmul`", "`dot`"].iter().all(|word| error.contains(word));
        assert!(named, "{error}");
    }
}

/// `matmul` of every pair of kinds is the sparse product with its structured gradient; `dot` the regular one.
#[test]
fn point_24_matmul_of_a_sparse_matrix_is_a_sparse_product() {
    let (a, y, dense_a) = (a(), y_sparse(Format::Csr), matrix_of([2, 3], &[1.0, 0.0, 2.0, 0.0, 0.0, 3.0]));
    let (x, s, d) = (sparse("x", &a), sparse("s", &y), dense("d", &dense_a));
    let answers = with_gradients(matmul, &x, &s, [&a, &y]);
    assert_eq!((stored(&*answers[0]).nnz(), entries(&*answers[0])), (2, vec![7.0, 0.0, 9.0, 0.0]));
    assert_eq!(entries(&*answers[1]), [1.0, 0.0, 3.0, 0.0, 0.0, 9.0]);
    assert_eq!(entries(&*answers[2]), [1.0, 2.0, 0.0, 0.0, 11.0, 16.0]);
    let answers = with_gradients(matmul, &d, &s, [&dense_a, &y]);
    assert_eq!(entries(&*answers[1]), [1.0, 4.0, 3.0, 3.0, 8.0, 9.0]);
    assert_eq!(entries(&*answers[2]), [1.0, 0.0, 0.0, 0.0, 11.0, 0.0]);
    let op = |y: Variable| y.owner().unwrap().0.op().name().into_owned();
    assert_eq!(op(matmul(&x, &constant(y_dense())).unwrap()), "structured_dot");
    assert_eq!(op(dot(&x, &constant(y_dense())).unwrap()), "sparse_dot");
}

/// An infinity beside what is not stored makes no NaN; at what is stored, a zero too, it does.
#[test]
fn point_27_what_is_not_stored_never_multiplies() {
    let row = |data: &[f64], indices: &[usize]| csr([1, 2], data, indices, &[0, indices.len()]);
    let (one, zero) = (row(&[1.0], &[1]), row(&[0.0, 1.0], &[0, 1]));
    let column = matrix_of([2, 1], &[f64::INFINITY, 2.0]);
    let sparse_column = from_triplets(Format::Csc, [2, 1], &[(0, 0, f64::INFINITY), (1, 0, 2.0)]).unwrap();
    for matrix in [&one, &one.to_format(Format::Csc), &zero, &zero.to_format(Format::Csc)] {
        let (x, y, s) = (sparse("x", matrix), dense("y", &column), sparse("s", &sparse_column));
        let nothing = constant(matrix_of([1, 1], &[0.0]));
        let mut products = Vec::new();
        for right in [&y, &s] {
            products
                .extend([structured_dot as Product, matmul, dot, true_dot].map(|product| product(&x, right).unwrap()));
            products.push(usmm(&constant(1.0), &x, right, &nothing).unwrap());
        }
        for answer in call(&[x, y, s], &products, &[matrix, &column, &sparse_column]) {
            let answer = entries(&*answer)[0];
            assert!(if matrix.nnz() == 1 { answer == 2.0 } else { answer.is_nan() }, "{answer}");
        }
    }
    let (x, y) = (matrix_of([1, 1], &[1.0]), matrix_of([2, 1], &[f64::INFINITY, 2.0]));
    let p = sparse("p", &one);
    let sampled = sampling_dot(&constant(x), &constant(y), &p).unwrap();
    assert_eq!(entries(&*call(&[p], &[sampled], &[&one])[0]), [0.0, 2.0]);
}

/// A few entries in matrices that would take 80 GB if they were written out: values, and structured gradients of both.
#[test]
fn point_35_products_cost_what_is_stored() {
    let n = 100_000;
    let one = from_triplets(Format::Csr, [n, n], &[(1, 7, 3.0)]).unwrap();
    let other = from_triplets(Format::Csr, [n, n], &[(2, 7, 2.0), (2, 9, 1.0)]).unwrap();
    let (x, y) = (sparse("x", &one), sparse("y", &other));
    let product = structured_dot(&x, &transpose(&y).unwrap()).unwrap();
    let cost = sum(&sqr(&csm_data(&product).unwrap()).unwrap()).unwrap();
    let gradients = grad(&cost, &[x.clone(), y.clone()]).unwrap();
    let mut f = compile(&[x, y], &gradients, &Mode::run()).unwrap();
    let answers = f.call(&[&one, &other]).unwrap().into_values();
    let values = |k: usize| stored(&*answers[k]).values().unwrap();
    assert_eq!((values(0), values(1)), (&[24.0][..], &[36.0][..]));

    let p = sparse("p", &one);
    let columns = constant(Tensor::new(&[n, 2], vec![1.0; 2 * n]).unwrap());
    let sampled = sampling_dot(&columns, &columns, &p).unwrap();
    let cost = sum(&sqr(&csm_data(&sampled).unwrap()).unwrap()).unwrap();
    let gradient = grad(&cost, std::slice::from_ref(&p)).unwrap().remove(0);
    let mut f = compile(&[p], &[sampled, gradient], &Mode::run()).unwrap();
    let answers = f.call(&[&one]).unwrap().into_values();
    let values = |k: usize| stored(&*answers[k]).values().unwrap();
    assert_eq!((values(0), values(1)), (&[6.0][..], &[24.0][..]));
}

fn pseudo_random(shape: [usize; 2], format: Format, seed: usize) -> SparseMatrix {
    let (rows, columns) = (shape[0], shape[1]);
    let kept = (0..rows * columns).filter(|k| (k * 7 + seed * 5) % 11 < 4);
    let triplets: Vec<_> = kept.map(|k| (k / columns, k % columns, ((k * 13 + seed) % 17) as f64 - 8.0)).collect();
    from_triplets(format, shape, &triplets).unwrap()
}

/// Products of sparse matrices of every pair of formats against products of dense ones, entry by entry, with sorted
/// indices and no zeros; and with one value for both operands, which stays as it is.
#[test]
fn point_37_products_of_two_sparse_matrices_are_checked() {
    let formats = [(Format::Csr, Format::Csr), (Format::Csr, Format::Csc), (Format::Csc, Format::Csr)];
    for (seed, (left, right)) in formats.into_iter().chain([(Format::Csc, Format::Csc)]).enumerate() {
        let (a, b) = (pseudo_random([7, 9], left, seed), pseudo_random([9, 6], right, seed + 1));
        let (rows, columns) = (entries(&a), entries(&b));
        let entry = |i: usize, j: usize| (0..9).map(|k| rows[i * 9 + k] * columns[k * 6 + j]).sum::<f64>();
        let want: Vec<f64> = (0..42).map(|k| entry(k / 6, k % 6)).collect();
        let (x, y) = (sparse("x", &a), sparse("y", &b));
        let products = [structured_dot as Product, true_dot, matmul, dot].map(|product| product(&x, &y).unwrap());
        let answers = call(&[x, y], &products, &[&a, &b]);
        for answer in &answers {
            assert_eq!(entries(&**answer), want);
        }
        for answer in &answers[..3] {
            let answer = stored(&**answer);
            assert_eq!((answer.format(), answer.nnz()), (left, want.iter().filter(|x| **x != 0.0).count()));
            assert!(answer.pattern().is_sorted());
        }
    }
    let q = csr([3, 3], &[2.0, 1.0, 3.0, 4.0, 5.0], &[1, 0, 2, 0, 2], &[0, 2, 3, 5]);
    let (x, y, before) = (sparse("x", &q), sparse("y", &q), q.clone());
    let square = call(&[x.clone(), y.clone()], &[true_dot(&x, &y).unwrap()], &[&q, &q]);
    assert_eq!(entries(&*square[0]), [1.0, 2.0, 6.0, 12.0, 0.0, 15.0, 24.0, 8.0, 25.0]);
    assert!(q.same_bits(&before) && Arc::ptr_eq(q.pattern(), before.pattern()));
}

/// Entries that cancel are not stored; without such, every call gives the same pattern, which was found once.
#[test]
fn the_pattern_of_a_product_is_found_once() {
    let row = |second: f64| csr([1, 2], &[1.0, second], &[0, 1], &[0, 2]);
    let column = csr([2, 2], &[1.0, 2.0, 1.0], &[0, 1, 0], &[0, 2, 3]);
    let (x, y) = (sparse("x", &row(0.0)), sparse("y", &column));
    let mut f = compile(&[x.clone(), y.clone()], &[true_dot(&x, &y).unwrap()], &Mode::run()).unwrap();
    let value = row(1.0);
    let mut product = |second: f64| {
        let given = value.to_dtype(DType::F64).unwrap();
        let shared =
            SparseMatrix::with_pattern(Format::Csr, [1, 2], given.pattern().clone(), Tensor::vector(vec![1.0, second]));
        let answers = f.call(&[&shared.unwrap(), &column]).unwrap().into_values();
        stored(&*answers[0]).clone()
    };
    let (first, again, cancelled) = (product(1.0), product(2.0), product(-1.0));
    assert_eq!((entries(&first), entries(&again)), (vec![2.0, 2.0], vec![3.0, 2.0]));
    assert!(Arc::ptr_eq(first.pattern(), again.pattern()));
    assert_eq!((entries(&cancelled), cancelled.nnz()), (vec![0.0, 2.0], 1));
    assert!(Arc::ptr_eq(first.pattern(), product(3.0).pattern()));
    assert_eq!(f.counts()["patterns"], 1);
}

#[test]
fn point_39_stacks_are_refused_in_one_way() {
    let (x, stack) = (sparse("x", &a()), tensor("stack", DType::F64, &[Some(4), Some(3), Some(2)]));
    let z = constant(matrix_of([2, 2], &[0.0; 4]));
    let answers = [
        structured_dot(&x, &stack),
        matmul(&x, &stack),
        dot(&x, &stack),
        dot(&stack, &x),
        true_dot(&x, &stack),
        usmm(&constant(1.0), &x, &stack, &z),
        sampling_dot(&stack, &constant(y_dense()), &x),
    ];
    for answer in answers {
        let error = answer.unwrap_err().to_string();
        let named = ["`stack` is f64 (4, 3, 2)", "structured_dot_along", "tests/sparse/products.rs:"];
        assert!(named.iter().all(|word| error.contains(word)), "{error}");
    }
}

/// One cost, two ways to write it: with the option both give the same gradient, and their sum stays sparse.
#[test]
fn point_45_dot_and_structured_dot_agree_on_what_is_stored() {
    let (a, y) = (unsorted(), y_dense());
    let (x, w) = (sparse("x", &a), dense("y", &y));
    let costs = [structured_dot(&x, &w).unwrap(), dot(&x, &w).unwrap()].map(|product| weighed(&product));
    let gradient =
        |cost: &Variable| Gradient::of(cost).unwrap().structured().wrt(std::slice::from_ref(&x)).unwrap().remove(0);
    let both = gradient(&(&costs[0] + &costs[1]));
    let answers = call(&[x.clone(), w], &[gradient(&costs[0]), gradient(&costs[1]), both], &[&a, &y]);
    let slots = |k: usize| stored(&*answers[k]).values().unwrap().to_vec();
    assert_eq!(
        (slots(0), slots(1), slots(2)),
        (vec![3.0, 4.0, 1.0, 9.0], vec![3.0, 4.0, 1.0, 9.0], vec![6.0, 8.0, 2.0, 18.0])
    );
}

#[test]
fn products_refuse_what_does_not_fit() {
    let (x, d) = (sparse("x", &a()), dense("d", &y_dense()));
    let (p, one) = (sparse("p", &a()), constant(1.0));
    let square = dense("square", &matrix_of([2, 2], &[1.0; 4]));
    let cases: Vec<(Result<Variable, BuildError>, &[&str])> = vec![
        (structured_dot(&d, &square), &["structured_dot", "sparse"]),
        (dot(&x, &square), &["dot", "`x` is csr f64 (2, 3)", "`square` is f64 (2, 2)"]),
        (true_dot(&x, &x), &["true_dot", "`x` is csr f64 (2, 3)"]),
        (usmm(&one, &x, &d, &constant(matrix_of([1, 2], &[1.0; 2]))), &["usmm", "shape"]),
        (usmm(&dense("two", &Tensor::vector(vec![1.0, 2.0])), &x, &d, &square), &["usmm", "`two`", "one"]),
        (usmm(&one, &d, &square, &d), &["usmm", "sparse"]),
        (sampling_dot(&square, &transpose(&d).unwrap(), &p), &["sampling_dot", "columns"]),
        (sampling_dot(&d, &d, &p), &["sampling_dot", "rows"]),
        (sampling_dot(&p, &d, &p), &["sampling_dot", "dense"]),
    ];
    for (answer, words) in cases {
        let error = answer.unwrap_err().to_string();
        assert!(words.iter().all(|word| error.contains(word)), "{error}");
    }
}
