//! Stacks of linear systems: one factorisation for all that uses it, matrices that have no inverse, empty ones.

#![allow(clippy::unwrap_used, reason = "a test may")]

use kronograph::graph::RunError;
use kronograph::ops::{
    Assume, DiagonalKind, Rhs, Triangle, cho_solve, cofactor, det, einsum, lu, matrix_inverse, solve_assuming,
    solve_triangular, tensordot,
};
use kronograph::prelude::*;

fn stack(name: &str, rank: usize) -> Variable {
    tensor(name, DType::F64, &vec![None; rank])
}

fn of(shape: &[usize], data: &[f64]) -> Tensor {
    Tensor::new(shape, data.to_vec()).unwrap()
}

fn call(inputs: &[&Variable], outputs: &[Variable], values: &[&dyn Value]) -> Result<Vec<Vec<f64>>, RunError> {
    let inputs: Vec<Variable> = inputs.iter().map(|input| (*input).clone()).collect();
    let answer = compile(&inputs, outputs, &Mode::run()).unwrap().call(values)?;
    Ok(answer.into_values().iter().map(|value| value.to_floats().unwrap()).collect())
}

#[test]
fn a_stack_is_factorised_once_for_values_and_gradients() {
    let (a, b) = (stack("A", 3), stack("b", 3));
    let cost = sum(&solve(&a, &b).unwrap()).unwrap() + sum(&slogdet(&a).unwrap().1).unwrap();
    let gradients = grad(&cost, &[a.clone(), b.clone()]).unwrap();
    let mut f = compile(&[a, b], &[&[cost], &gradients[..]].concat(), &Mode::run()).unwrap();
    f.call(&[&of(&[2, 2, 2], &[2.0, 1.0, 0.0, 3.0, 0.0, 1.0, 1.0, 5.0]), &of(&[2, 2, 1], &[1.0; 4])]).unwrap();
    assert_eq!(f.counts()["numeric"], 2);
}

#[test]
fn what_has_no_inverse_is_a_typed_error_from_which_a_sampler_recovers() {
    let (a, b) = (stack("A", 3), stack("b", 2));
    let lower = Triangle::Lower;
    let systems = [
        solve(&a, &expand(&b)).unwrap(),
        matrix_inverse(&a).unwrap(),
        solve_assuming(&a, &b, Assume::Symmetric(lower), Trans::No, Rhs::Vector).unwrap(),
        solve_assuming(&a, &b, Assume::Positive(lower), Trans::No, Rhs::Vector).unwrap(),
        solve_assuming(&a, &b, Assume::Banded { below: 1, above: 1 }, Trans::No, Rhs::Vector).unwrap(),
        solve_assuming(&a, &b, Assume::Banded { below: 0, above: 0 }, Trans::No, Rhs::Vector).unwrap(),
        solve_triangular(&a, &expand(&b), lower, Trans::No, DiagonalKind::Stored).unwrap(),
        cho_solve(&a, &b, lower, Rhs::Vector).unwrap(),
    ];
    let one_is_singular = of(&[2, 2, 2], &[1.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 0.0]);
    for (k, x) in systems.into_iter().enumerate() {
        let error = call(&[&a, &b], &[x], &[&one_is_singular, &of(&[2, 2], &[1.0; 4])]).unwrap_err();
        assert!(error.is_recoverable(), "system {k}: {error}");
        assert!(error.to_string().contains("pivot"), "system {k}: {error}");
    }
}

fn expand(b: &Variable) -> Variable {
    expand_dims(b, &[2]).unwrap()
}

#[test]
fn a_matrix_that_is_not_square_or_does_not_fit_is_refused() {
    let (wide, square, rhs) = (stack("A", 3), matrix("B"), vector("b"));
    let shapes: [(Variable, Tensor); 2] = [(wide.clone(), of(&[1, 2, 3], &[0.0; 6])), (square, of(&[2, 3], &[0.0; 6]))];
    for (a, value) in &shapes {
        for y in [det(a).unwrap(), matrix_inverse(a).unwrap(), slogdet(a).unwrap().0, lu(a).unwrap()[0].clone()] {
            let error = call(&[a], &[y], &[value]).unwrap_err();
            assert!(error.to_string().contains("square"), "{error}");
        }
    }
    let known = tensor("K", DType::F64, &[Some(2), Some(3), Some(4)]);
    for error in [det(&known).unwrap_err(), solve(&known, &rhs).unwrap_err(), det(&rhs).unwrap_err()] {
        assert!(error.to_string().contains("is f64"), "{error}");
    }
    let x = call(&[&wide, &rhs], &[solve(&wide, &rhs).unwrap()], &[&of(&[2, 1, 1], &[1.0; 2]), &of(&[3], &[0.0; 3])]);
    assert!(x.unwrap_err().to_string().contains("order 1"));
}

#[test]
fn leading_axes_of_length_1_are_repeated_only_if_declared() {
    let (a, b) = (stack("A", 3), stack("b", 3));
    let values = [of(&[1, 1, 1], &[2.0]), of(&[2, 1, 1], &[4.0, 6.0])];
    for y in [solve(&a, &b).unwrap(), matmul(&a, &b).unwrap()] {
        let error = call(&[&a, &b], &[y], &[&values[0], &values[1]]).unwrap_err();
        assert!(error.to_string().contains("broadcasts only"), "{error}");
    }
    let a = tensor("A", DType::F64, &[Some(1), None, None]);
    let y = call(&[&a, &b], &[solve(&a, &b).unwrap()], &[&values[0], &values[1]]).unwrap();
    assert_eq!(y, [[2.0, 3.0]]);
}

#[test]
fn the_other_triangle_is_not_read() {
    let (a, b) = (matrix("A"), vector("b"));
    let value = of(&[2, 2], &[f64::NAN, f64::NAN, 3.0, f64::NAN]);
    let x = solve_triangular(&a, &b, Triangle::Lower, Trans::No, DiagonalKind::Unit).unwrap();
    let gradient = grad(&sum(&x).unwrap(), std::slice::from_ref(&a)).unwrap().remove(0);
    let answers = call(&[&a, &b], &[x, gradient], &[&value, &of(&[2], &[1.0, 5.0])]).unwrap();
    assert_eq!(answers, [vec![1.0, 2.0], vec![0.0, 0.0, -1.0, 0.0]]);
}

#[test]
fn empty_matrices_have_determinant_1() {
    let a = stack("A", 3);
    let (sign, log) = slogdet(&a).unwrap();
    let outputs = [det(&a).unwrap(), sign, log, matrix_inverse(&a).unwrap(), cofactor(&a, &[]).unwrap()];
    let answers = call(&[&a], &outputs, &[&of(&[2, 0, 0], &[])]).unwrap();
    assert_eq!(answers, [vec![1.0; 2], vec![1.0; 2], vec![0.0; 2], vec![], vec![]]);
}

#[test]
fn joined_axes_of_different_lengths_are_refused_even_if_their_products_agree() {
    let (a, b) = (stack("a", 2), stack("b", 2));
    let values = [of(&[2, 3], &[0.0; 6]), of(&[3, 2], &[0.0; 6])];
    for y in [tensordot(&a, &b, &[0, 1], &[0, 1]).unwrap(), einsum("ij,ij->", &[a.clone(), b.clone()]).unwrap()] {
        assert!(call(&[&a, &b], &[y], &[&values[0], &values[1]]).is_err());
    }
    assert!(call(&[&a], &[einsum("ii", std::slice::from_ref(&a)).unwrap()], &[&values[0]]).is_err());
}

#[test]
fn subscripts_that_do_not_fit_are_refused() {
    let (a, b) = (matrix("a"), tensor("b", DType::F64, &[Some(2), Some(3)]));
    let c = tensor("c", DType::F64, &[Some(4), Some(2)]);
    for (subscripts, operands) in [
        ("ij->ik", vec![&a]),
        ("ij->ii", vec![&a]),
        ("ij,jk->ik", vec![&b, &c]),
        ("ii", vec![&b]),
        ("ijk->i", vec![&a]),
        ("i->i", vec![&a]),
        ("ij,jk", vec![&a]),
        ("i..j", vec![&a]),
        ("...j->j", vec![&a]),
        ("ij->i->j", vec![&a]),
        ("i1", vec![&a]),
    ] {
        let operands: Vec<Variable> = operands.into_iter().cloned().collect();
        let error = einsum(subscripts, &operands).expect_err(subscripts).to_string();
        assert!(error.contains("einsum"), "{subscripts}: {error}");
    }
}

#[test]
fn contractions_are_ordered_by_cost() {
    let known = |name: &str, rows, columns| tensor(name, DType::F64, &[Some(rows), Some(columns)]);
    let (a, b, v) = (known("a", 50, 50), known("b", 50, 50), tensor("v", DType::F64, &[Some(50)]));
    let y = einsum("ij,jk,k->i", &[a, b, v]).unwrap();
    let products: Vec<String> = kronograph::graph::toposort(std::slice::from_ref(&y))
        .iter()
        .filter(|node| node.op().name() == "matmul")
        .map(|node| node.output(0).ty().to_string())
        .collect();
    assert_eq!(products, ["f64 (50,)", "f64 (50,)"]);
}
