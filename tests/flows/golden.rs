//! The golden file, and comparison with it.

use kronograph::prelude::*;
use serde_json::Value as Json;

/// What the golden file asks for.
pub(crate) const TOLERANCE: f64 = 1e-11;

pub(crate) fn example(name: &str) -> Json {
    let all: Json = serde_json::from_str(include_str!("../data/kronecker_golden.json")).unwrap();
    all["examples"].as_array().unwrap().iter().find(|example| example["name"] == name).unwrap().clone()
}

/// A number or nested lists of numbers, row by row.
pub(crate) fn tensor_of(json: &Json) -> Tensor {
    fn fill(json: &Json, depth: usize, shape: &mut Vec<usize>, data: &mut Vec<f64>) {
        match json.as_array() {
            None => data.push(json.as_f64().unwrap()),
            Some(list) => {
                if shape.len() == depth {
                    shape.push(list.len());
                }
                list.iter().for_each(|item| fill(item, depth + 1, shape, data));
            }
        }
    }
    let (mut shape, mut data) = (Vec::new(), Vec::new());
    fill(json, 0, &mut shape, &mut data);
    Tensor::new(&shape, data).unwrap()
}

pub(crate) fn sparse_of(json: &Json) -> SparseMatrix {
    let sizes = |key: &str| -> Vec<usize> {
        json[key].as_array().unwrap().iter().map(|size| usize::try_from(size.as_u64().unwrap()).unwrap()).collect()
    };
    let shape = sizes("shape");
    let data = tensor_of(&json["data"]);
    SparseMatrix::new(Format::Csr, [shape[0], shape[1]], data, sizes("indices"), sizes("indptr")).unwrap()
}

/// The largest difference by the largest wanted number; NaN where there is one.
pub(crate) fn distance(got: &[f64], want: &[f64]) -> f64 {
    assert_eq!(got.len(), want.len());
    let largest = |largest: f64, x: f64| if x <= largest { largest } else { x };
    let difference = got.iter().zip(want).map(|(a, b)| (a - b).abs()).fold(0.0, largest);
    difference / want.iter().map(|x| x.abs()).fold(0.0, f64::max)
}

#[track_caller]
pub(crate) fn assert_golden(what: &str, got: &Tensor, want: &Json) {
    let (got, want) = (got.to_vec::<f64>().unwrap(), tensor_of(want).to_vec::<f64>().unwrap());
    assert!(distance(&got, &want) <= TOLERANCE, "{what}: {got:?}, and golden is {want:?}");
}
