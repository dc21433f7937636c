//! Derivatives of sums, products and functions of stored values, with a cotangent at every position, and matrices so
//! large that nothing dense of their shape has room.

use kronograph::graph::Grad;
use kronograph::ops::{cast, gt, lt, mul, sum};
use kronograph::sparse::{
    SparseType, add_s_d, add_s_s_data, clean, col_scale, dense_from_sparse_regular, ensure_sorted_indices, mul_s_s,
    multiply, remove0, row_scale, sp_sum, sp_sum_structured, structured_add, structured_add_s_v, structured_exp,
    structured_log, structured_maximum, structured_minimum, structured_pow, structured_sigmoid, subtract,
};

use super::arithmetic::{b, d, p};
use super::*;

/// The gradients of `sum(output ∘ (1, 2, ..))`, entry by entry.
fn gradients(inputs: &[Variable], output: &Variable, values: &[&dyn Value]) -> Vec<Vec<f64>> {
    let gradients = grad(&weighed(output), inputs).unwrap();
    call(inputs, &gradients, values).iter().map(|gradient| entries(&**gradient)).collect()
}

fn of_matrix(value: &SparseMatrix, f: impl FnOnce(&Variable) -> Variable) -> Vec<f64> {
    let x = sparse("x", value);
    gradients(std::slice::from_ref(&x), &f(&x), &[value]).remove(0)
}

fn with_dense(value: &SparseMatrix, y: &Tensor, f: impl FnOnce(&Variable, &Variable) -> Variable) -> [Vec<f64>; 2] {
    let (x, v) = (sparse("x", value), dense("y", y));
    gradients(&[x.clone(), v.clone()], &f(&x, &v), &[value, y]).try_into().unwrap()
}

fn with_sparse(
    value: &SparseMatrix,
    other: &SparseMatrix,
    f: impl FnOnce(&Variable, &Variable) -> Variable,
) -> [Vec<f64>; 2] {
    let (x, y) = (sparse("x", value), sparse("y", other));
    gradients(&[x.clone(), y.clone()], &f(&x, &y), &[value, other]).try_into().unwrap()
}

const WHOLE: [f64; 6] = [1.0, 2.0, 3.0, 4.0, 5.0, 6.0];
/// What [`a`] stores of it.
const PART: [f64; 6] = [1.0, 0.0, 3.0, 0.0, 0.0, 6.0];

/// A dense constant times a sparse variable is elementwise on either side, and so is its derivative.
#[test]
fn point_01_a_dense_constant_times_a_sparse_matrix() {
    let value = csr([2, 2], &[1.0, 2.0, 3.0], &[0, 1, 1], &[0, 2, 3]);
    let matrix = |numbers: [f64; 4]| constant(Tensor::new(&[2, 2], numbers.to_vec()).unwrap());
    let (c, w) = (matrix([1.0, 2.0, 3.0, 4.0]), matrix([1.0, 10.0, 100.0, 1000.0]));
    let x = sparse("x", &value);
    for product in [&c * &x, &x * &c, mul(&c, &x).unwrap(), multiply(&x, &c).unwrap()] {
        let cost = sum(&(&w * dense_from_sparse_regular(&product).unwrap())).unwrap();
        let gradient = grad(&cost, std::slice::from_ref(&x)).unwrap().remove(0);
        let answers = call(std::slice::from_ref(&x), &[product, gradient], &[&value]);
        assert_eq!(entries(&*answers[0]), [1.0, 4.0, 0.0, 12.0]);
        assert_eq!(entries(&*answers[1]), [1.0, 20.0, 300.0, 4000.0]);
    }
}

/// The gradient of a gradient through functions of stored values, by the matrix and by a scalar beside it.
#[test]
fn point_04_second_derivatives_of_structured_functions() {
    let value = a();
    let (x, y) = (sparse("x", &value), scalar("y"));
    let second = |output: &Variable, by: &Variable| {
        let first = grad(&weighed(output), std::slice::from_ref(&x)).unwrap().remove(0);
        let second = grad(&weighed(&first), std::slice::from_ref(by)).unwrap();
        entries(&*call(&[x.clone(), y.clone()], &second, &[&value, &Tensor::scalar(3.0)])[0])
    };
    let close = |got: Vec<f64>, want: &[f64]| {
        assert!(got.iter().zip(want).all(|(got, want)| (got - want).abs() <= 1e-12 * (1.0 + want.abs())), "{got:?}");
    };
    let squares = |f: fn(f64) -> f64| [f(1.0), 0.0, 9.0 * f(2.0), 0.0, 0.0, 36.0 * f(3.0)];
    close(second(&structured_exp(&x).unwrap(), &x), &squares(f64::exp));
    close(second(&structured_log(&x).unwrap(), &x), &squares(|x| -1.0 / (x * x)));
    let curvature = |x: f64| {
        let s = 1.0 / (1.0 + (-x).exp());
        s * (1.0 - s) * (1.0 - 2.0 * s)
    };
    close(second(&structured_sigmoid(&x).unwrap(), &x), &squares(curvature));
    close(second(&structured_pow(&x, &y).unwrap(), &x), &squares(|x| 6.0 * x));
    // d/dy of y x^(y-1) is x^(y-1) (1 + y ln x).
    let mixed = |x: f64| x * x * (1.0 + 3.0 * x.ln());
    close(second(&structured_pow(&x, &y).unwrap(), &y), &[mixed(1.0) + 9.0 * mixed(2.0) + 36.0 * mixed(3.0)]);
}

/// A vector added to what is stored: values, and both derivatives.
#[test]
fn point_07_structured_add_s_v_masks_what_reaches_y() {
    let y = Tensor::vector(vec![10.0, 20.0, 30.0]);
    let x = sparse("x", &unsorted());
    let sum = structured_add_s_v(&x, &constant(y.clone())).unwrap();
    assert_eq!(entries(&*call(&[x], &[sum], &[&unsorted()])[0]), [11.0, 20.0, 32.0, 0.0, 0.0, 33.0]);
    let [x_bar, y_bar] = with_dense(&a(), &y, |x, y| structured_add_s_v(x, y).unwrap());
    assert_eq!((x_bar, y_bar), (PART.to_vec(), vec![1.0, 0.0, 9.0]));
}

/// Which derivatives are regular and which structured, op by op.
#[test]
fn point_08_regular_and_structured_are_decided_op_by_op() {
    let ten = Tensor::vector(vec![10.0, 20.0, 30.0]);
    let scaled = [vec![10.0, 40.0, 90.0, 40.0, 100.0, 180.0], vec![1.0, 0.0, 24.0]];
    assert_eq!(with_dense(&a(), &ten, |x, s| col_scale(x, s).unwrap()), scaled);
    assert_eq!(with_dense(&a(), &ten, |x, s| multiply(s, x).unwrap()), scaled);
    let two = Tensor::vector(vec![10.0, 20.0]);
    let scaled = [vec![10.0, 20.0, 30.0, 80.0, 100.0, 120.0], vec![7.0, 18.0]];
    assert_eq!(with_dense(&a(), &two, |x, s| row_scale(x, s).unwrap()), scaled);
    let products = [vec![0.5, 2.0, 4.5, 8.0, 12.5, 18.0], vec![1.0, 0.0, 6.0, 0.0, 0.0, 18.0]];
    assert_eq!(with_dense(&a(), &d(), |x, y| x * y), products);
    let products = [vec![10.0, 40.0, 0.0, 0.0, 0.0, 180.0], vec![1.0, 0.0, 6.0, 0.0, 0.0, 18.0]];
    assert_eq!(with_sparse(&a(), &p(), |x, y| mul_s_s(x, y).unwrap()), products);
    assert_eq!(with_sparse(&a(), &b(), |x, y| x + y), [WHOLE.to_vec(), WHOLE.to_vec()]);
    let difference = [WHOLE.to_vec(), vec![-0.0, -2.0, -3.0, -4.0, -0.0, -0.0]];
    assert_eq!(with_sparse(&a(), &b(), |x, y| x - y), difference);
    assert_eq!(with_sparse(&a(), &a(), |x, y| add_s_s_data(x, y).unwrap()), [PART.to_vec(), PART.to_vec()]);
    assert_eq!(with_dense(&a(), &d(), |x, y| x + y), [PART.to_vec(), WHOLE.to_vec()]);
    let minus = |numbers: [f64; 6]| numbers.map(|x| -x).to_vec();
    assert_eq!(with_dense(&a(), &d(), |x, y| subtract(x, y).unwrap()), [PART.to_vec(), minus(WHOLE)]);
    assert_eq!(with_dense(&a(), &d(), |x, y| y - x), [minus(PART), WHOLE.to_vec()]);
    assert_eq!(of_matrix(&a(), |x| -x), minus(PART));
    for tidied in [ensure_sorted_indices, remove0, clean] {
        assert_eq!(of_matrix(&unsorted(), |x| tidied(x).unwrap()), WHOLE);
    }
}

/// Sums with either derivative, along either axis.
#[test]
fn point_34_the_kind_of_derivative_is_part_of_a_sum() {
    let value = unsorted();
    let x = sparse("x", &value);
    for (axis, whole, part) in [
        (None, vec![1.0; 6], vec![1.0, 1.0, 1.0, 0.0, 0.0, 1.0]),
        (Some(0), vec![1.0, 2.0, 3.0, 1.0, 2.0, 3.0], vec![1.0, 2.0, 3.0, 0.0, 0.0, 3.0]),
        (Some(1), vec![1.0, 1.0, 1.0, 2.0, 2.0, 2.0], vec![1.0, 1.0, 1.0, 0.0, 0.0, 2.0]),
    ] {
        let sums = [sp_sum(&x, axis).unwrap(), sp_sum_structured(&x, axis).unwrap()];
        let gradients = sums.map(|sum| grad(&weighed(&sum), std::slice::from_ref(&x)).unwrap().remove(0));
        let answers = call(std::slice::from_ref(&x), &gradients, &[&value]);
        assert_eq!((entries(&*answers[0]), entries(&*answers[1])), (whole, part));
        assert_eq!((stored(&*answers[0]).nnz(), stored(&*answers[1]).nnz()), (6, 4));
    }
}

/// Integers have zero derivatives, and do not keep others from theirs.
#[test]
fn point_10_integers_have_zero_derivatives() {
    let (whole, value) = (a().to_dtype(DType::I64).unwrap(), a());
    let (n, x) = (sparse("n", &whole), sparse("x", &value));
    let total = cast(&sp_sum(&n, Some(0)).unwrap(), DType::F64).unwrap();
    let cost = weighed(&add_s_s_data(&n, &x).unwrap()) + weighed(&(&n * &x)) + sum(&total).unwrap();
    let gradients = grad(&cost, &[n.clone(), x.clone()]).unwrap();
    assert_eq!(gradients[0].ty().to_string(), "csr f64 (2, 3)");
    let answers = call(&[n, x], &gradients, &[&whole, &value]);
    assert_eq!(entries(&*answers[0]), [0.0; 6]);
    assert_eq!(entries(&*answers[1]), [2.0, 0.0, 9.0, 0.0, 0.0, 24.0]);
}

/// Formats are converted, and every gradient has the format and the dtype of its variable.
#[test]
fn point_21_formats_mix_and_gradients_come_back_in_their_own() {
    let (csc, single) = (b().to_format(Format::Csc), a().to_dtype(DType::F32).unwrap());
    let (x, y) = (sparse("x", &single), sparse("y", &csc));
    let less = lt(&x, &y).unwrap();
    assert_eq!(less.ty().to_string(), "csr u8 (2, 3)");
    assert_eq!(entries(&*call(&[x.clone(), y.clone()], &[less], &[&single, &csc])[0]), [0.0, 1.0, 1.0, 1.0, 0.0, 0.0]);
    for output in [&x + &y, &x - &y, &x * &y] {
        let gradients = grad(&weighed(&output), &[x.clone(), y.clone()]).unwrap();
        assert_eq!(gradients[0].ty().to_string(), "csr f32 (2, 3)");
        assert_eq!(gradients[1].ty().to_string(), "csc f64 (2, 3)");
        call(&[x.clone(), y.clone()], &gradients, &[&single, &csc]);
    }
}

/// Comparisons are constant wherever they have a derivative.
#[test]
fn point_26_comparisons_have_zero_derivatives() {
    let value = a();
    let x = sparse("x", &value);
    let positive = cast(&gt(&x, 0).unwrap(), DType::F64).unwrap();
    assert_eq!(
        of_matrix(&value, |x| x * cast(&gt(x, 1.5).unwrap(), DType::F64).unwrap()),
        [0.0, 0.0, 3.0, 0.0, 0.0, 6.0]
    );
    let kinds = kronograph::graph::Gradient::of(&weighed(&positive)).unwrap().kinds(&[x]).unwrap();
    assert!(!matches!(kinds[0], Grad::Var(_) | Grad::Undefined { .. }), "{kinds:?}");
}

/// The derivative by a scalar factor or divisor is a scalar.
#[test]
fn point_30_a_scalar_factor_has_a_scalar_derivative() {
    let ten = Tensor::scalar(10.0);
    let [x_bar, y_bar] = with_dense(&a(), &ten, |x, y| x * y);
    assert_eq!((x_bar, y_bar), (WHOLE.map(|x| 10.0 * x).to_vec(), vec![25.0]));
    let [x_bar, y_bar] = with_dense(&a(), &Tensor::scalar(2.0), |x, y| x / y);
    assert_eq!((x_bar, y_bar), (WHOLE.map(|x| x / 2.0).to_vec(), vec![-25.0 / 4.0]));
}

/// At a tie, all of the derivative goes to the matrix.
#[test]
fn ties_go_to_what_is_stored() {
    let tie = csr([1, 3], &[-1.0, 0.5, 2.0], &[0, 1, 2], &[0, 3]);
    let half = Tensor::scalar(0.5);
    let smaller = with_dense(&tie, &half, |x, y| structured_minimum(x, y).unwrap());
    assert_eq!(smaller, [vec![1.0, 2.0, 0.0], vec![3.0]]);
    let larger = with_dense(&tie, &half, |x, y| structured_maximum(x, y).unwrap());
    assert_eq!(larger, [vec![0.0, 2.0, 3.0], vec![1.0]]);
    let moved = with_dense(&tie, &half, |x, y| structured_add(x, y).unwrap());
    assert_eq!(moved, [vec![1.0, 2.0, 3.0], vec![6.0]]);
}

/// A sum stores explicit zeros, so `I - ρ W` has the same pattern, and the same derivative by ρ, at ρ = 0; what cancels
/// is not stored.
#[test]
fn a_filter_has_its_derivative_at_zero() {
    let weights = csr([2, 2], &[1.0, 2.0], &[1, 0], &[0, 1, 2]);
    let (w, rho) = (sparse("w", &weights), scalar("rho"));
    let filter = identity_like(&w).unwrap() - &rho * &w;
    let eta = factor_solve(&sparse_lu(&filter).unwrap(), &constant(vec![3.0, 5.0]), Trans::No).unwrap();
    let cost = sum(&(constant(vec![7.0, 11.0]) * eta)).unwrap();
    let slope = grad(&cost, std::slice::from_ref(&rho)).unwrap().remove(0);
    let answers = call(&[w.clone(), rho], &[slope, filter, &w - &w], &[&weights, &Tensor::scalar(0.0)]);
    assert_eq!(entries(&*answers[0]), [7.0 * 5.0 + 11.0 * 6.0]);
    assert_eq!((stored(&*answers[1]).nnz(), stored(&*answers[2]).nnz()), (4, 0));
}

/// A million rows and columns with three entries.
fn huge(format: Format) -> SparseMatrix {
    from_triplets(format, [1_000_000, 1_000_000], &[(0, 5, 1.0), (7, 999_999, -2.0), (999_999, 0, 3.0)]).unwrap()
}

/// Nothing takes time or room for positions that are not stored.
#[test]
fn point_35_work_is_for_what_is_stored() {
    let value = huge(Format::Csr);
    let other = huge(Format::Csc);
    let (x, y) = (sparse("x", &value), sparse("y", &other));
    let v = Tensor::vector(vec![2.0; 1_000_000]);
    let s = dense("s", &v);
    let outputs = [
        col_scale(&x, &s).unwrap(),
        row_scale(&x, &s).unwrap(),
        structured_add_s_v(&x, &s).unwrap(),
        &x + &y,
        &x - &y,
        &x * &y,
        &x / 4.0,
        structured_sigmoid(&x).unwrap(),
        gt(&x, 0.5).unwrap(),
        lt(&x, &y).unwrap(),
        clean(&x).unwrap(),
    ];
    let total = |output: &Variable| {
        let output =
            if output.ty().to_string().contains("u8") { cast(output, DType::F64).unwrap() } else { output.clone() };
        sp_sum_structured(&output, None).unwrap()
    };
    let totals: Vec<Variable> = outputs.iter().map(total).collect();
    let cost = totals.iter().cloned().reduce(|a, b| a + b).unwrap();
    let gradients = grad(&cost, &[x.clone(), y.clone(), s.clone()]).unwrap();
    let outputs = [&outputs[..], &gradients].concat();
    let run = |mode: &Mode| {
        let mut f = compile(&[x.clone(), y.clone(), s.clone()], &outputs, mode).unwrap();
        f.call(&[&value, &other, &v]).unwrap().into_values()
    };
    for answers in [run(&Mode::raw()), run(&Mode::run())] {
        let counts: Vec<usize> = answers[..13].iter().map(|answer| stored(&**answer).nnz()).collect();
        assert_eq!(counts, [3, 3, 3, 3, 0, 3, 3, 3, 2, 0, 3, 3, 3]);
        assert_eq!(stored(&*answers[0]).values().unwrap(), [2.0, -4.0, 6.0]);
        assert_eq!(stored(&*answers[5]).values().unwrap(), [1.0, 4.0, 9.0]);
    }
}

/// The structured derivative of a sum stores what the matrix stores, along both axes.
#[test]
fn point_36_a_structured_sum_has_no_dense_derivative() {
    for format in [Format::Csr, Format::Csc] {
        let value = huge(format);
        let x = sparse("x", &value);
        for axis in [None, Some(0), Some(1)] {
            let total = sp_sum_structured(&x, axis).unwrap();
            let cost = sum(&(&total * &total)).unwrap();
            let gradient = grad(&cost, std::slice::from_ref(&x)).unwrap();
            let answers = compile(std::slice::from_ref(&x), &gradient, &Mode::run()).unwrap().call(&[&value]).unwrap();
            assert_eq!(stored(&*answers.into_values()[0]).nnz(), 3);
        }
    }
}

/// What the documentation says of kinds and derivatives.
#[test]
fn point_44_what_the_documentation_says_is_so() {
    let x = sparse("x", &a());
    let ty = |y: Variable| y.ty().to_string();
    assert_eq!(ty(add_s_d(&x, &constant(d())).unwrap()), "f64 (2, 3)");
    assert_eq!(ty(mul_s_s(&x, &x).unwrap()), "csr f64 (2, 3)");
    let open = Variable::input("x", SparseType::shared(Format::Csc, DType::F32, [None, Some(4)]));
    assert_eq!(ty(sp_sum(&open, Some(1)).unwrap()), "f32 (?,)");
    assert_eq!(ty(row_scale(&open, &dense("s", &Tensor::vector(vec![1.0, 2.0]))).unwrap()), "csc f64 (2, 4)");
    assert_eq!(ty(gt(&open, 0).unwrap()), "csc u8 (?, 4)");
}
