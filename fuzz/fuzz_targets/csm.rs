//! The op that makes a matrix of four vectors when a function runs: what is accepted is one matrix, what is not is an
//! error of the call.

#![no_main]

use kronograph::graph::Value;
use kronograph::prelude::*;
use libfuzzer_sys::fuzz_target;

thread_local! {
    static FUNCTIONS: std::cell::RefCell<Option<[Function; 2]>> = const { std::cell::RefCell::new(None) };
}

fn functions() -> [Function; 2] {
    [Format::Csr, Format::Csc].map(|format| {
        let integers = |name: &str| tensor(name, DType::I64, &[None]);
        let inputs = [vector("data"), integers("indices"), integers("indptr"), integers("shape")];
        let matrix = csm(&inputs[0], &inputs[1], &inputs[2], &inputs[3], format).expect("four vectors");
        let gradient = grad(&sum(&dense_from_sparse(&matrix).expect("sparse")).expect("dense"), &inputs[..1]);
        let outputs = [matrix, gradient.expect("a gradient").remove(0)];
        compile(&inputs, &outputs, &Mode::run()).expect("a function")
    })
}

/// Small numbers, some of them negative or too large.
fn wide(bytes: &[u8]) -> Vec<i64> {
    let number = |&byte: &u8| match byte {
        255 => i64::MAX,
        254 => -1,
        253 => i64::MIN,
        252 => 1 << 33,
        small => i64::from(small % 16),
    };
    bytes.iter().map(number).collect()
}

fuzz_target!(|data: (bool, Vec<i8>, Vec<u8>, Vec<u8>, Vec<u8>)| {
    let (rows, values, indices, indptr, shape) = data;
    let numbers: Vec<f64> = values.into_iter().map(f64::from).collect();
    // An index pointer is made for each slice: no gigabytes of them.
    let shape: Vec<i64> = wide(&shape).into_iter().take(3).collect();
    let (indices, indptr) = (wide(&indices), wide(&indptr));
    let arguments = [
        Tensor::vector(numbers.clone()),
        Tensor::vector(indices.clone()),
        Tensor::vector(indptr.clone()),
        Tensor::vector(shape.clone()),
    ];
    let arguments: Vec<&dyn Value> = arguments.iter().map(|value| value as &dyn Value).collect();
    FUNCTIONS.with_borrow_mut(|kept| {
        let functions = kept.get_or_insert_with(functions);
        let Ok(answer) = functions[usize::from(!rows)].call(&arguments) else { return };
        let matrix = answer.get::<SparseMatrix>(0).expect("a matrix");
        assert!(matrix.shape().map(|length| length as i64) == shape[..]);
        let total: f64 = matrix.values().expect("f64").iter().sum();
        assert_eq!(total, numbers.iter().sum::<f64>());
        assert_eq!(answer.get::<Tensor>(1).expect("a gradient").len(), numbers.len());
        let (majors, minors) = if rows { (shape[0], shape[1]) } else { (shape[1], shape[0]) };
        assert_eq!(indptr.len() as i64, majors + 1);
        assert!(indices.iter().all(|&index| (0..minors).contains(&index)));
    });
});
