//! Indexing.

use kronograph::ops::{nonzero, set_subtensor, subtensor};
use kronograph::prelude::*;

fn numbers(inputs: &[&Variable], output: &Variable, values: &[&dyn Value]) -> Vec<f64> {
    let inputs: Vec<Variable> = inputs.iter().map(|input| (*input).clone()).collect();
    let mut function = compile(&inputs, std::slice::from_ref(output), &Mode::run()).unwrap();
    function.call(values).unwrap().get::<Tensor>(0).unwrap().to_vec().unwrap()
}

#[test]
fn a_value_that_is_written_over_by_a_repeated_index_gets_a_cotangent() {
    let (x, y, g) = (vector("x"), vector("y"), vector("g"));
    let i = tensor("i", DType::I64, &[None]);
    let written = set_subtensor(&x, &y, &[Index::array(&i)]).unwrap();
    let cost = sum(&mul(&sqr(&written).unwrap(), &g).unwrap()).unwrap();
    let by_y = grad(&cost, std::slice::from_ref(&y)).unwrap().remove(0);
    let twice = grad(&sum(&by_y).unwrap(), std::slice::from_ref(&y)).unwrap().remove(0);
    let at = |data: &[f64]| Tensor::vector(data.to_vec());
    let values: [&dyn Value; 4] =
        [&at(&[9.0, 9.0, 9.0]), &at(&[1.0, 2.0, 3.0]), &at(&[1.0, 10.0, 100.0]), &Tensor::vector(vec![1i64, -2, 0])];
    // Positions 1 and -2 are one place.
    assert_eq!(numbers(&[&x, &y, &g, &i], &by_y, &values), [0.0, 40.0, 6.0]);
    assert_eq!(numbers(&[&x, &y, &g, &i], &twice, &values), [0.0, 20.0, 2.0]);
}

#[test]
fn a_float_is_written_into_integers_by_truncation() {
    let (x, y) = (tensor("x", DType::I64, &[Some(3)]), scalar("y"));
    let error = set_subtensor(&x, &y, &[Index::at(0)]).unwrap_err().to_string();
    assert!(error.contains("without loss"), "{error}");
}

#[test]
fn lengths_that_depend_on_data_end_shape_inference() {
    let x = vector("x");
    let positions = nonzero(&gt(&x, 0.0).unwrap()).unwrap().remove(0);
    let positive = subtensor(&x, &[Index::array(&positions)]).unwrap();
    let masked = subtensor(&x, &[Index::array(&gt(&x, 0.0).unwrap())]).unwrap();
    let cost = sum(&mul(&sqr(&positive).unwrap(), &masked).unwrap()).unwrap();
    let g = grad(&cost, std::slice::from_ref(&x)).unwrap().remove(0);
    assert_eq!(numbers(&[&x], &g, &[&Tensor::vector(vec![2.0, -1.0, 3.0])]), [12.0, 0.0, 27.0]);
}
