//! Faults of an earlier implementation of Kronecker sums, on strided views: one test for each, whose name says it.

use kronograph::graph::RunError;
use kronograph::ops::{
    KsTrace, factorwise_average, factorwise_average_diag, factorwise_matrix, factorwise_sums_diag, kron_all, kronsum,
    kronsum_diag, ks_decompose, ks_decompose_diag, partial_trace,
};
use kronograph::prelude::*;

use crate::golden::{TOLERANCE, distance, example, tensor_of};
use crate::{call, variable};

fn counted<T>(shape: &[usize], number: impl Fn(usize) -> T) -> Vec<T> {
    (0..shape.iter().product()).map(number).collect()
}

#[test]
fn an_f32_diagonal_is_written_with_the_stride_of_another_dtype() {
    let given: Vec<Tensor> = [2, 3, 4].map(|length| Tensor::vector(counted(&[length], |i| i as f32))).into();
    let inputs: Vec<Variable> = given.iter().map(|v| variable("v", v)).collect();
    let sums = kronsum_diag(&inputs).unwrap();
    let (factors, _) = ks_decompose_diag(&sums, [2, 3, 4], KsTrace::First).unwrap();
    let outputs = [&[sums], &factors[..]].concat();
    let answers = call(&inputs, &outputs, &given.iter().collect::<Vec<_>>());
    let want = counted(&[24], |i| (i / 12 + i / 4 % 3 + i % 4) as f32);
    assert_eq!(answers[0].to_vec::<f32>().unwrap(), want);
    // Means 1/2, 1 and 3/2: τ is 3.
    assert_eq!(answers[1].to_vec::<f32>().unwrap(), [2.5, 3.5]);
    assert_eq!(answers[2].to_vec::<f32>().unwrap(), [-1.0, 0.0, 1.0]);
    assert_eq!(answers[3].to_vec::<f32>().unwrap(), [-1.5, -0.5, 0.5, 1.5]);
}

#[test]
fn a_strided_input_gives_wrong_numbers() {
    // A column of one matrix and a row of another, and a transposed matrix: none is contiguous but the row.
    let given = Tensor::new(&[3, 4], counted(&[3, 4], |i| i as f64)).unwrap();
    let x = variable("x", &given);
    let column = subtensor(&x, &[Index::ALL, Index::at(1)]).unwrap();
    let row = subtensor(&x, &[Index::at(2), Index::slice(None, None, 2)]).unwrap();
    let sums = kronsum_diag(&[column.clone(), row.clone()]).unwrap();
    let answers = call(&[x], &[sums], &[&given]);
    assert_eq!(answers[0].to_vec::<f64>().unwrap(), [9.0, 11.0, 13.0, 15.0, 17.0, 19.0]);

    let given = Tensor::new(&[4, 4], counted(&[4, 4], |i| ((i * i) % 7) as f64)).unwrap();
    let m = variable("m", &given);
    let of = |m: &Variable| ks_decompose(m, [2, 2], KsTrace::Equal).unwrap().0;
    let turned = of(&transpose(&m).unwrap()).iter().map(|factor| transpose(factor).unwrap()).collect::<Vec<_>>();
    let flat = factorwise_sums_diag(&reshape(&transpose(&m).unwrap(), [16]).unwrap(), [4, 4]).unwrap();
    let answers = call(std::slice::from_ref(&m), &[of(&m), turned, flat].concat(), &[&given]);
    let numbers: Vec<Vec<f64>> = answers.iter().map(|answer| answer.to_vec().unwrap()).collect();
    assert_eq!((&numbers[0], &numbers[1]), (&numbers[2], &numbers[3]));
    let element = |i: usize, j: usize| (((4 * i + j) * (4 * i + j)) % 7) as f64;
    assert_eq!(numbers[4], (0..4).map(|j| (0..4).map(|i| element(i, j)).sum()).collect::<Vec<f64>>());
}

/// The leading block of the size that the factors ask for is not what was meant: sizes (2, 2, 2) of a (12, 12) matrix.
#[test]
fn sizes_with_a_product_below_that_of_the_array_read_a_part_of_it() {
    let (known, open) = (tensor("m", DType::F64, &[Some(12), Some(12)]), matrix("m"));
    let refused = [
        ks_decompose(&known, [2, 2, 2], KsTrace::Equal).unwrap_err(),
        factorwise_average(&known, [2, 2, 2], 1).unwrap_err(),
        factorwise_matrix(&known, [2, 2, 2], 1, [0, 0]).unwrap_err(),
        partial_trace(&known, [2, 2, 2], 1).unwrap_err(),
    ];
    for error in refused {
        assert!(error.to_string().contains("of length 8 is needed"), "{error}");
    }
    // Where the length is not known before, it is an error when the function runs.
    let value = Tensor::new(&[12, 12], counted(&[12, 12], |i| i as f64)).unwrap();
    let part = factorwise_matrix(&open, [2, 2, 2], 1, [0, 0]).unwrap();
    for output in [ks_decompose(&open, [2, 2, 2], KsTrace::Equal).unwrap().0.remove(1), part] {
        let error = compile(std::slice::from_ref(&open), &[output], &Mode::run()).unwrap().call(&[&value]);
        assert!(matches!(error.map(|_| ()).unwrap_err(), RunError::Op(_)));
    }
    // What the call of the 12 by 12 array was taken for.
    let example = example("ks_decompose_seed_8x8");
    let block = tensor_of(&example["inputs"]["M"]);
    let m = variable("m", &block);
    let (factors, _) = ks_decompose(&m, [2, 2, 2], KsTrace::Equal).unwrap();
    for (answer, want) in call(&[m], &factors, &[&block]).iter().zip(example["outputs"]["factors"].as_array().unwrap())
    {
        let want = tensor_of(want).to_vec::<f64>().unwrap();
        assert!(distance(&answer.to_vec::<f64>().unwrap(), &want) <= TOLERANCE);
    }
}

#[test]
fn sizes_with_a_product_above_that_of_the_array_read_beyond_it() {
    let long = tensor("v", DType::F64, &[Some(750_000)]);
    let error = ks_decompose_diag(&long, [4000, 4000], KsTrace::Equal).unwrap_err();
    assert!(error.to_string().contains("a vector of length 16000000 is needed"), "{error}");
    assert!(factorwise_average_diag(&long, [4000, 4000], 0).is_err());
    let v = vector("v");
    let sums = factorwise_sums_diag(&v, [4, 4]).unwrap();
    let mut f = compile(&[v], &sums, &Mode::run()).unwrap();
    let error = f.call(&[&Tensor::vector(vec![1.0; 15])]).map(|_| ()).unwrap_err();
    assert!(error.to_string().contains("a vector (15,) has no factors of sizes (4, 4)"), "{error}");
}

#[test]
fn no_factors_at_all_are_a_bare_exception() {
    let none: [usize; 0] = [];
    for error in [
        kron_all(&[]).unwrap_err(),
        kronsum(&[]).unwrap_err(),
        kronsum_diag(&[]).unwrap_err(),
        partial_trace(&matrix("m"), none, 0).unwrap_err(),
        factorwise_sums_diag(&vector("v"), none).unwrap_err(),
        ks_decompose(&matrix("m"), none, KsTrace::Equal).unwrap_err(),
        ks_decompose_diag(&vector("v"), none, KsTrace::Equal).unwrap_err(),
    ] {
        let text = error.to_string();
        assert!(text.contains("factors") || text.contains("takes 1 input"), "{text}");
    }
}

#[test]
fn what_is_too_large_is_refused_before_anything_is_allocated() {
    let long = tensor("v", DType::F64, &[Some(1 << 40)]);
    assert!(kronsum_diag(&[long.clone(), long.clone()]).unwrap_err().to_string().contains("too large to be addressed"));
    let wide = tensor("m", DType::F64, &[Some(1 << 33), Some(1 << 33)]);
    assert!(kron(&wide, &wide).unwrap_err().to_string().contains("too large to be addressed"));
    assert!(kronsum(&[wide.clone(), wide]).unwrap_err().to_string().contains("too large to be addressed"));
    // With lengths that are known at run time only; the factors are small enough to be there.
    let (a, b, v) = (matrix("a"), matrix("b"), vector("v"));
    let value = Tensor::zeros(DType::F64, &[1500, 1500]);
    let run = |outputs: Variable, inputs: &[Variable], values: &[&dyn Value]| {
        compile(inputs, &[outputs], &Mode::run()).unwrap().call(values).map(|_| ()).unwrap_err().to_string()
    };
    let product = kron_all(&[a.clone(), b.clone(), a.clone()]).unwrap();
    let text = run(product, &[a.clone(), b.clone()], &[&value, &value]);
    assert!(text.contains("the Kronecker product of (1500, 1500), (1500, 1500), (1500, 1500) is too large"), "{text}");
    let text = run(kronsum(&[a.clone(), b.clone(), a.clone()]).unwrap(), &[a, b], &[&value, &value]);
    assert!(text.contains("is too large to be formed"), "{text}");
    let line = Tensor::zeros(DType::F64, &[1 << 21]);
    let text = run(kronsum_diag(&[v.clone(), v.clone(), v.clone()]).unwrap(), &[v], &[&line]);
    assert!(text.contains("too large"), "{text}");
}
