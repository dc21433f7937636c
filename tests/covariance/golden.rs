//! The golden file, and evaluating what is compared with it.

use kronograph::ops::covariance::Structure;
use kronograph::prelude::*;
use serde_json::Value as Json;

/// What the golden file asks for.
pub(crate) const TOLERANCE: f64 = 1e-11;

pub(crate) fn example(name: &str) -> Json {
    let all: Json = serde_json::from_str(include_str!("../data/covariance_golden.json")).unwrap();
    all["examples"].as_array().unwrap().iter().find(|example| example["name"] == name).unwrap().clone()
}

/// All numbers of nested lists.
pub(crate) fn numbers(json: &Json) -> Vec<f64> {
    match json.as_array() {
        Some(list) => list.iter().flat_map(numbers).collect(),
        None => vec![json.as_f64().unwrap()],
    }
}

pub(crate) fn matrix_of(json: &Json) -> Tensor {
    let rows = json.as_array().unwrap().len();
    let all = numbers(json);
    Tensor::new(&[rows, all.len() / rows], all).unwrap()
}

#[track_caller]
pub(crate) fn assert_close(what: &str, got: &[f64], want: &[f64], tolerance: f64) {
    assert_eq!(got.len(), want.len(), "{what}: {got:?} and {want:?}");
    let size = want.iter().fold(0.0f64, |size, x| size.max(x.abs())).max(f64::MIN_POSITIVE);
    let near = got.iter().zip(want).all(|(a, b)| (a - b).abs() <= tolerance * size);
    assert!(near, "{what}: {got:?}, and {want:?} is wanted");
}

/// The vector of raw parameters of a structure.
pub(crate) fn raw_of(structure: &Structure) -> Variable {
    tensor("raw", DType::F64, &[Some(structure.free_param_names().len())])
}

/// The numbers of expressions in one vector.
pub(crate) fn at(raw: &Variable, point: &[f64], outputs: &[Variable]) -> Vec<Vec<f64>> {
    let mut function = compile(std::slice::from_ref(raw), outputs, &Mode::run()).unwrap();
    let out = function.call(&[&Tensor::vector(point.to_vec())]).unwrap();
    (0..outputs.len()).map(|k| out.get::<Tensor>(k).unwrap().to_vec::<f64>().unwrap()).collect()
}
