//! The golden examples of dense products, sums and decompositions.

use kronograph::graph::rop;
use kronograph::ops::{
    KsTrace, factorwise_average, factorwise_average_diag, kron_all, kron_matmul, kron_matmul_along, kronsum,
    kronsum_diag, kronsum_scipy, ks_decompose, ks_decompose_diag, nearest_kron,
};
use kronograph::prelude::*;
use serde_json::Value as Json;

use crate::golden::{TOLERANCE, assert_golden, distance, example, tensor_of};
use crate::{call, pulled, variable};

fn all(json: &Json) -> Vec<Tensor> {
    json.as_array().unwrap().iter().map(tensor_of).collect()
}

fn variables(name: &str, values: &[Tensor]) -> Vec<Variable> {
    values.iter().map(|value| variable(name, value)).collect()
}

fn values(tensors: &[Tensor]) -> Vec<&Tensor> {
    tensors.iter().collect()
}

fn dims(json: &Json) -> Vec<usize> {
    json.as_array().unwrap().iter().map(|d| usize::try_from(d.as_u64().unwrap()).unwrap()).collect()
}

#[test]
fn both_vec_identities_are_one_statement_about_one_memory() {
    for name in ["vec_identity_row_major", "vec_identity_column_major"] {
        let example = example(name);
        let given = ["A", "B", "X"].map(|part| tensor_of(&example["inputs"][part]));
        let inputs = variables("x", &given);
        let [a, b, x] = &inputs[..] else { unreachable!("there are three") };
        let rows = if name.ends_with("row_major") { x.clone() } else { transpose(x).unwrap() };
        let flat = reshape(&rows, [-1]).unwrap();
        let formed = matmul(&kron(a, b).unwrap(), &flat).unwrap();
        let product = kron_matmul(&[a.clone(), b.clone()], &flat, Trans::No).unwrap();
        for answer in call(&inputs, &[formed, product], &values(&given)) {
            assert_golden(name, &answer, &example["outputs"]["result"]);
        }
    }
}

#[test]
fn kron2() {
    let example = example("kron2");
    let given = ["A", "B", "dA", "dB"].map(|part| tensor_of(&example["inputs"][part]));
    let inputs = variables("x", &given);
    let product = kron(&inputs[0], &inputs[1]).unwrap();
    let bars = pulled(std::slice::from_ref(&product), &[tensor_of(&example["inputs"]["G"])], &inputs[..2]);
    let moved = rop(std::slice::from_ref(&product), &inputs[..2], &inputs[2..]).unwrap().remove(0);
    let answers = call(&inputs, &[product, bars[0].clone(), bars[1].clone(), moved], &values(&given));
    assert_golden("C", &answers[0], &example["outputs"]["C"]);
    for (answer, part) in answers[1..].iter().zip(["A_bar", "B_bar", "jvp"]) {
        assert_golden(part, answer, &example["gradients"][part]);
    }
}

#[test]
fn kron_vectors() {
    let example = example("kron_vectors");
    let given = ["a", "b"].map(|part| tensor_of(&example["inputs"][part]));
    let inputs = variables("x", &given);
    let product = kron_all(&inputs).unwrap();
    assert_golden("c", &call(&inputs, &[product], &values(&given))[0], &example["outputs"]["c"]);
}

#[test]
fn kron_matvec_of_three_rectangular_factors() {
    let example = example("kron_matvec_K3");
    let mut given = all(&example["inputs"]["F"]);
    given.push(tensor_of(&example["inputs"]["x"]));
    given.push(tensor_of(&example["inputs"]["y_bar"]));
    let inputs = variables("x", &given);
    let (factors, x, y_bar) = (&inputs[..3], &inputs[3], &inputs[4]);
    let product = kron_matmul(factors, x, Trans::No).unwrap();
    let transposed = kron_matmul(factors, y_bar, Trans::Yes).unwrap();
    let mut outputs = vec![product.clone(), transposed];
    outputs.extend(pulled(&[product], &[given[4].clone()], &inputs[..4]));
    let answers = call(&inputs, &outputs, &values(&given));
    assert_golden("y", &answers[0], &example["outputs"]["y"]);
    assert_golden("yT", &answers[1], &example["outputs"]["yT"]);
    for (answer, want) in answers[2..5].iter().zip(example["gradients"]["F_bar"].as_array().unwrap()) {
        assert_golden("F_bar", answer, want);
    }
    assert_golden("x_bar", &answers[5], &example["gradients"]["x_bar"]);
}

#[test]
fn kron_matvec_of_rows() {
    let example = example("kron_matvec_batched");
    let mut given = all(&example["inputs"]["F"]);
    given.push(tensor_of(&example["inputs"]["X"]));
    let inputs = variables("x", &given);
    let product = kron_matmul_along(&inputs[..3], &inputs[3], 1, Trans::No).unwrap();
    assert_golden("Y", &call(&inputs, &[product], &values(&given))[0], &example["outputs"]["Y"]);
}

#[test]
fn kronsum_in_both_conventions() {
    let example = example("kronsum2");
    let given = ["A", "B"].map(|part| tensor_of(&example["inputs"][part]));
    let inputs = variables("x", &given);
    let (ours, scipy) = (kronsum(&inputs).unwrap(), kronsum_scipy(&inputs[0], &inputs[1]).unwrap());
    let bars = pulled(std::slice::from_ref(&ours), &[tensor_of(&example["inputs"]["G"])], &inputs);
    let answers = call(&inputs, &[ours, scipy, bars[0].clone(), bars[1].clone()], &values(&given));
    assert_golden("kronsum", &answers[0], &example["outputs"]["kronsum"]);
    assert_golden("scipy_kronsum", &answers[1], &example["outputs"]["scipy_kronsum"]);
    assert_golden("A_bar", &answers[2], &example["gradients"]["A_bar"]);
    assert_golden("B_bar", &answers[3], &example["gradients"]["B_bar"]);
}

#[test]
fn kronsum_of_three() {
    let example = example("kronsum_K3");
    let given = all(&example["inputs"]["F"]);
    let inputs = variables("x", &given);
    let answers = call(&inputs, &[kronsum(&inputs).unwrap()], &values(&given));
    assert_golden("kronsum", &answers[0], &example["outputs"]["kronsum"]);
}

#[test]
fn kronsum_diag_of_three() {
    let example = example("kronsum_diag_K3");
    let given = all(&example["inputs"]["v"]);
    let inputs = variables("x", &given);
    let sums = kronsum_diag(&inputs).unwrap();
    let mut outputs = vec![sums.clone()];
    outputs.extend(pulled(&[sums], &[tensor_of(&example["inputs"]["out_bar"])], &inputs));
    let answers = call(&inputs, &outputs, &values(&given));
    assert_golden("out", &answers[0], &example["outputs"]["out"]);
    for (answer, want) in answers[1..].iter().zip(example["gradients"]["v_bar"].as_array().unwrap()) {
        assert_golden("v_bar", answer, want);
    }
}

#[test]
fn ks_decompose_is_the_projection_on_kronecker_sums() {
    let example = example("ks_decompose_arange12_3_2_2");
    let (given, dims) = (tensor_of(&example["inputs"]["M"]), dims(&example["inputs"]["dims"]));
    let m = variable("M", &given);
    let (factors, _) = ks_decompose(&m, dims.clone(), KsTrace::Equal).unwrap();
    let averages: Vec<Variable> = (0..3).map(|k| factorwise_average(&m, dims.clone(), k).unwrap()).collect();
    let bars = pulled(&factors, &all(&example["inputs"]["factor_bar"]), std::slice::from_ref(&m));
    let projection = kronsum(&factors).unwrap();
    let left = sqrt(&sum(&sqr(&sub(&m, &projection).unwrap()).unwrap()).unwrap()).unwrap();
    let outputs = [&averages[..], &factors, &[projection, left], &bars].concat();
    let answers = call(&[m], &outputs, &[&given]);
    for (k, part) in ["averages", "factors"].into_iter().enumerate() {
        for (answer, want) in answers[3 * k..3 * k + 3].iter().zip(example["outputs"][part].as_array().unwrap()) {
            assert_golden(part, answer, want);
        }
    }
    assert_golden("projection", &answers[6], &example["outputs"]["projection"]);
    assert_golden("residual_fro", &answers[7], &example["outputs"]["residual_fro"]);
    assert_golden("M_bar", &answers[8], &example["gradients"]["M_bar"]);
}

#[test]
fn ks_decompose_diag_in_every_share_of_the_trace() {
    let example = example("ks_decompose_diag");
    let (given, dims) = (tensor_of(&example["inputs"]["v"]), dims(&example["inputs"]["dims"]));
    let v = variable("v", &given);
    let averages: Vec<Variable> = (0..3).map(|k| factorwise_average_diag(&v, dims.clone(), k).unwrap()).collect();
    let mut outputs = averages;
    let mut nearest = Vec::new();
    for trace in [KsTrace::Equal, KsTrace::Zero, KsTrace::First] {
        let (factors, tau) = ks_decompose_diag(&v, dims.clone(), trace).unwrap();
        let sums = kronsum_diag(&factors).unwrap();
        nearest.push(if trace == KsTrace::Zero { add(&sums, &tau).unwrap() } else { sums });
        outputs.extend(factors);
    }
    outputs.extend(nearest);
    let answers = call(&[v], &outputs, &[&given]);
    for (k, part) in ["averages", "factors"].into_iter().enumerate() {
        for (answer, want) in answers[3 * k..3 * k + 3].iter().zip(example["outputs"][part].as_array().unwrap()) {
            assert_golden(part, answer, want);
        }
    }
    let mean = |k: usize| {
        let numbers = answers[k].to_vec::<f64>().unwrap();
        numbers.iter().sum::<f64>() / numbers.len() as f64
    };
    assert!((6..9).chain(10..12).all(|k| mean(k).abs() < 1e-15), "zero: 6 to 8, first: 10 and 11");
    let nearest: Vec<Vec<f64>> = answers[12..].iter().map(|sums| sums.to_vec().unwrap()).collect();
    assert!(distance(&nearest[1], &nearest[0]) <= TOLERANCE && distance(&nearest[2], &nearest[0]) <= TOLERANCE);
}

#[test]
fn nearest_kron_and_what_is_left() {
    let example = example("nearest_kron");
    let given = tensor_of(&example["inputs"]["M"]);
    let (a, b) = (dims(&example["inputs"]["dims_A"]), dims(&example["inputs"]["dims_B"]));
    let m = variable("M", &given);
    let [a, b] = nearest_kron(&m, [a[0], a[1]], [b[0], b[1]]).unwrap();
    let rest = sub(&m, &kron(&a, &b).unwrap()).unwrap();
    let left = sqrt(&sum(&sqr(&rest).unwrap()).unwrap()).unwrap();
    let largest = mul(&sum(&sqr(&a).unwrap()).unwrap(), &sum(&sqr(&b).unwrap()).unwrap()).unwrap();
    let answers = call(&[m], &[a, b, left, sqrt(&largest).unwrap()], &[&given]);
    assert_golden("A", &answers[0], &example["outputs"]["A"]);
    assert_golden("B", &answers[1], &example["outputs"]["B"]);
    assert_golden("residual_fro", &answers[2], &example["outputs"]["residual_fro"]);
    assert_golden("singular_values", &answers[3], &example["outputs"]["singular_values"][0]);
}
