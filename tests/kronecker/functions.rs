//! Functions of the factors, beside those of the product or sum that is formed.

use kronograph::graph::toposort;
use kronograph::ops::{
    eigvalsh, expm_kronsum, expm_kronsum_action, kron_all, kron_cholesky, kron_det, kron_diag, kron_inverse,
    kron_matmul, kron_slogdet, kron_trace, kronsum, kronsum_diag, kronsum_matmul, nearest_kron, nearest_krons,
    partial_trace,
};
use kronograph::prelude::*;
use kronograph::sparse::{kronsum_solve, sparse_kronsum, to_format};

use crate::golden::distance;
use crate::{call, variable};

/// Positive definite matrices that are not symmetric where that does not matter.
fn factors(symmetric: bool) -> Vec<Tensor> {
    let element = |n: usize, i: usize, j: usize| match i == j {
        true => 3.0 + (i + n) as f64 / 4.0,
        false if symmetric => 1.0 / (1.0 + (i + j + n) as f64),
        false => 1.0 / (1.0 + (2 * i + j + n) as f64) - 0.3,
    };
    let square = |n: usize| Tensor::new(&[n, n], (0..n * n).map(|at| element(n, at / n, at % n)).collect()).unwrap();
    [2, 3, 2].map(square).into()
}

fn compare(symmetric: bool, of: impl Fn(&[Variable]) -> [Variable; 2]) {
    let given = factors(symmetric);
    let inputs: Vec<Variable> = given.iter().map(|value| variable("F", value)).collect();
    let pair = of(&inputs);
    let cost = |y: &Variable| sum(&sqr(y).unwrap()).unwrap();
    let slopes = pair.iter().flat_map(|y| grad(&cost(y), &inputs).unwrap()).collect::<Vec<_>>();
    let answers = call(&inputs, &[&pair[..], &slopes].concat(), &given.iter().collect::<Vec<_>>());
    let numbers: Vec<Vec<f64>> = answers.iter().map(|answer| answer.to_vec().unwrap()).collect();
    assert!(distance(&numbers[0], &numbers[1]) < 1e-12, "values {:?}", &numbers[..2]);
    for k in 0..inputs.len() {
        assert!(distance(&numbers[2 + k], &numbers[2 + inputs.len() + k]) < 1e-11, "gradient by factor {k}");
    }
}

#[test]
fn what_the_factors_tell_is_what_the_product_tells() {
    compare(false, |f| [kron_slogdet(f).unwrap().1, slogdet(&kron_all(f).unwrap()).unwrap().1]);
    compare(false, |f| [kron_det(f).unwrap(), det(&kron_all(f).unwrap()).unwrap()]);
    compare(false, |f| [kron_trace(f).unwrap(), trace(&kron_all(f).unwrap(), 0, 0, 1).unwrap()]);
    compare(false, |f| [kron_diag(f).unwrap(), diag(&kron_all(f).unwrap(), 0).unwrap()]);
    compare(false, |f| [kron_inverse(f).unwrap(), matrix_inverse(&kron_all(f).unwrap()).unwrap()]);
    compare(true, |f| {
        let whole = cholesky(&kron_all(f).unwrap(), Triangle::Lower).unwrap();
        // The whole reads a triangle of the product, so its gradient is folded; that of the square of both is not.
        let of = |l: &Variable| matmul(l, &transpose(l).unwrap()).unwrap();
        [of(&kron_cholesky(f, Triangle::Lower).unwrap()), of(&whole)].map(|square| trace(&square, 0, 0, 1).unwrap())
    });
}

#[test]
fn what_the_factors_tell_is_what_the_sum_tells() {
    let x = || constant((0..24).map(|i| f64::from(i % 5) - 1.5).collect::<Vec<f64>>());
    let columns = |x: &Variable| reshape(x, [12, 2]).unwrap();
    compare(false, |f| [expm_kronsum(f).unwrap(), expm(&kronsum(f).unwrap()).unwrap()]);
    compare(false, |f| {
        let t = constant(0.25);
        let whole = expm(&mul(0.25, &kronsum(f).unwrap()).unwrap()).unwrap();
        [expm_kronsum_action(&t, f, &columns(&x())).unwrap(), matmul(&whole, &columns(&x())).unwrap()]
    });
    for trans in [Trans::No, Trans::Yes] {
        let whole = |f: &[Variable]| match trans {
            Trans::No => kronsum(f).unwrap(),
            Trans::Yes => transpose(&kronsum(f).unwrap()).unwrap(),
        };
        compare(false, |f| {
            [kronsum_matmul(f, &columns(&x()), trans).unwrap(), matmul(&whole(f), &columns(&x())).unwrap()]
        });
        compare(false, |f| {
            [kronsum_solve(f, &columns(&x()), trans).unwrap(), solve(&whole(f), &columns(&x())).unwrap()]
        });
        compare(false, |f| {
            let whole = if trans == Trans::Yes { transpose(&kron_all(f).unwrap()) } else { kron_all(f) };
            [kron_matmul(f, &columns(&x()), trans).unwrap(), matmul(&whole.unwrap(), &columns(&x())).unwrap()]
        });
    }
    compare(false, |f| {
        let diagonals: Vec<Variable> = f.iter().map(|factor| diag(factor, 0).unwrap()).collect();
        [kronsum_diag(&diagonals).unwrap(), diag(&kronsum(f).unwrap(), 0).unwrap()]
    });
}

#[test]
fn a_partial_trace_of_a_product_is_a_factor_times_the_traces_of_the_others() {
    compare(false, |f| {
        let others = mul(&trace(&f[0], 0, 0, 1).unwrap(), &trace(&f[2], 0, 0, 1).unwrap()).unwrap();
        [partial_trace(&kron_all(f).unwrap(), [2, 3, 2], 1).unwrap(), mul(&others, &f[1]).unwrap()]
    });
}

#[test]
fn as_many_nearest_products_as_singular_values_add_up_to_the_matrix() {
    let value = Tensor::new(&[4, 6], (0..24).map(|i| f64::from((i * i) % 11)).collect::<Vec<_>>()).unwrap();
    let m = variable("m", &value);
    let pairs = nearest_krons(&m, [2, 2], [2, 3], 4).unwrap();
    let products: Vec<Variable> = pairs.iter().map(|[a, b]| kron(a, b).unwrap()).collect();
    let total = products[1..].iter().fold(products[0].clone(), |total, product| add(&total, product).unwrap());
    let answers = call(&[m], &[total], &[&value]);
    assert!(distance(&answers[0].to_vec::<f64>().unwrap(), &value.to_vec::<f64>().unwrap()) < 1e-14);
}

#[test]
fn the_factors_nearest_to_a_positive_semidefinite_matrix_are_that_too() {
    // A Gram matrix of rank 3, so that it is semidefinite and no product.
    let x = |i: usize, r: usize| (1.3 * i as f64 + 2.9 * r as f64).sin() + 0.2;
    let entry = |i: usize, j: usize| (0..3).map(|r| x(i, r) * x(j, r)).sum();
    let value = Tensor::new(&[6, 6], (0..36).map(|at| entry(at / 6, at % 6)).collect::<Vec<f64>>()).unwrap();
    let m = variable("m", &value);
    let pair = nearest_kron(&m, [2, 2], [3, 3]).unwrap();
    let outputs = pair.iter().flat_map(|f| [f.clone(), transpose(f).unwrap(), eigvalsh(f, Triangle::Lower).unwrap()]);
    let answers = call(&[m], &outputs.collect::<Vec<_>>(), &[&value]);
    let numbers: Vec<Vec<f64>> = answers.iter().map(|answer| answer.to_vec().unwrap()).collect();
    for factor in numbers.chunks(3) {
        assert!(distance(&factor[0], &factor[1]) < 1e-14, "symmetric: {:?}", factor[0]);
        let largest = factor[2].iter().fold(0.0f64, |largest, w| largest.max(*w));
        assert!(factor[2].iter().all(|w| *w > -1e-14 * largest), "eigenvalues {:?}", factor[2]);
    }
}

/// (6, 2) and (2, 6): the second one first makes 4 numbers between, the first one first would make 36.
#[test]
fn factors_that_make_a_tensor_smaller_act_first() {
    let [tall, wide] = [[6, 2], [2, 6]].map(|shape| tensor("f", DType::F64, &shape.map(Some)));
    let largest = |factors: [&Variable; 2], trans: Trans| {
        let y = kron_matmul(&factors.map(Clone::clone), &tensor("x", DType::F64, &[Some(12)]), trans).unwrap();
        let size = |output: &Variable| output.ty().extents().iter().map(|length| length.unwrap()).product::<usize>();
        toposort(&[y]).iter().flat_map(|node| node.outputs().iter().map(size).collect::<Vec<_>>()).max().unwrap()
    };
    for trans in [Trans::No, Trans::Yes] {
        assert_eq!((largest([&tall, &wide], trans), largest([&wide, &tall], trans)), (12, 12));
    }
}

#[test]
fn a_sparse_sum_is_the_dense_one_in_the_format_of_its_first_factor() {
    let given = factors(false);
    let inputs: Vec<Variable> = given.iter().map(|value| variable("F", value)).collect();
    let stored = |format: Format, n: usize| {
        let all: Vec<(usize, usize, f64)> = (0..n * n).map(|at| (at / n, at % n, 0.0)).collect();
        sparse_constant(from_triplets(format, [n, n], &all).unwrap())
    };
    let formats = [Format::Csc, Format::Csr, Format::Csc];
    let sparse: Vec<Variable> = inputs
        .iter()
        .zip(formats)
        .zip([2, 3, 2])
        .map(|((factor, format), n)| kronograph::sparse::sample_dense(&stored(format, n), factor).unwrap())
        .collect();
    let sum_of_sparse = sparse_kronsum(&sparse).unwrap();
    assert!(sum_of_sparse.ty().to_string().starts_with("csc"));
    compare_pair(&inputs, &given, &dense_from_sparse(&sum_of_sparse).unwrap(), &kronsum(&inputs).unwrap());
    let b = constant((0..12).map(|i| f64::from(i) - 4.0).collect::<Vec<f64>>());
    let solutions = [&sparse, &inputs].map(|factors| kronsum_solve(factors, &b, Trans::Yes).unwrap());
    compare_pair(&inputs, &given, &solutions[0], &solutions[1]);
    let back = to_format(&to_format(&sparse[1], Format::Csc).unwrap(), Format::Csr).unwrap();
    compare_pair(&inputs, &given, &dense_from_sparse(&back).unwrap(), &inputs[1]);
}

fn compare_pair(inputs: &[Variable], given: &[Tensor], a: &Variable, b: &Variable) {
    let cost = |y: &Variable| sum(&sqr(y).unwrap()).unwrap();
    let mut outputs = vec![a.clone(), b.clone()];
    let wrt: Vec<Variable> =
        inputs.iter().filter(|input| grad(&cost(a), std::slice::from_ref(input)).is_ok()).cloned().collect();
    outputs.extend([a, b].into_iter().flat_map(|y| grad(&cost(y), &wrt).unwrap()));
    let answers = call(inputs, &outputs, &given.iter().collect::<Vec<_>>());
    let numbers: Vec<Vec<f64>> = answers.iter().map(|answer| answer.to_vec().unwrap()).collect();
    assert!(distance(&numbers[0], &numbers[1]) < 1e-12);
    for k in 0..wrt.len() {
        assert!(distance(&numbers[2 + k], &numbers[2 + wrt.len() + k]) < 1e-11, "gradient by factor {k}");
    }
}
