//! What the rewrites make of whole models: the product is never formed, and factors are shared.

#![allow(clippy::unwrap_used, reason = "a test may")]

use kronograph::graph::{Op, infer_shapes, toposort};
use kronograph::ops::{DenseFactor, Kron};
use kronograph::prelude::*;

fn count<T: Op>(outputs: &[Variable]) -> usize {
    toposort(outputs).iter().filter(|node| node.op_as::<T>().is_some()).count()
}

fn count_in<T: Op>(function: &Function) -> usize {
    count::<T>(&function.graph().export())
}

/// A log-density with a solve, a log-determinant and products, all with one Kronecker product.
fn model(rows: Option<usize>, columns: Option<usize>) -> ([Variable; 3], Variable) {
    let square = |name: &str, n| tensor(name, DType::F64, &[n, n]);
    let (a, b, y) = (square("A", rows), square("B", columns), vector("y"));
    let v = kron(&a, &b).unwrap();
    let quadratic = sum(&(&y * solve(&v, &y).unwrap())).unwrap();
    let products = sum(&sqr(&(matmul(&v, &y).unwrap() + matmul(&y, &v).unwrap())).unwrap()).unwrap();
    let cost = quadratic + slogdet(&v).unwrap().1 + 0.1 * products;
    ([a, b, y], cost.named("cost"))
}

fn values() -> [Tensor; 3] {
    [
        Tensor::new(&[2, 2], vec![2.0, 0.5, -0.3, 1.4]).unwrap(),
        Tensor::new(&[3, 3], vec![2.0, 0.5, -0.3, 0.4, 1.2, 0.9, -0.5, 0.3, 1.7]).unwrap(),
        Tensor::vector(vec![1.0, 2.0, 3.0, -1.0, 0.5, 0.25]),
    ]
}

fn all_numbers(function: &mut Function) -> Vec<f64> {
    let [a, b, y] = &values();
    let out = function.call(&[a, b, y]).unwrap();
    (0..out.len()).flat_map(|k| out.get::<Tensor>(k).unwrap().to_vec::<f64>().unwrap()).collect()
}

#[test]
fn the_product_is_never_formed_when_the_rewrite_comes_first() {
    for (rows, columns) in [(Some(2), Some(3)), (None, None)] {
        let (inputs, cost) = model(rows, columns);
        let derive = |cost: &Variable| {
            let gradient = grad(cost, &inputs).unwrap();
            let directions = inputs.to_vec();
            let second = hvp(cost, &inputs, &directions).unwrap();
            [std::slice::from_ref(cost), &gradient[..], &second[..]].concat()
        };
        let mut dense = compile(&inputs, &derive(&cost), &Mode::raw()).unwrap();
        let cheap = rewrite(std::slice::from_ref(&cost), &Mode::run()).unwrap().remove(0);
        let mut factored = compile(&inputs, &derive(&cheap), &Mode::run()).unwrap();
        assert!(count_in::<Kron>(&dense) > 0);
        assert_eq!(count_in::<Kron>(&factored), 0, "{}", factored.debug_print());
        assert_eq!(count_in::<DenseFactor>(&factored), 2, "one factor for A and one for B serve all derivatives");
        for (got, want) in all_numbers(&mut factored).iter().zip(all_numbers(&mut dense)) {
            assert!((got - want).abs() <= 1e-10 * (1.0 + want.abs()), "{got} and {want}");
        }
    }
}

#[test]
fn one_factor_serves_value_log_determinant_and_all_derivatives() {
    let (a, b) = (matrix("A"), vector("b"));
    let cost = sum(&(solve(&a, &b).unwrap() * &b)).unwrap() + slogdet(&a).unwrap().1;
    let inputs = [a, b];
    let gradient = grad(&cost, &inputs).unwrap();
    let second = hvp(&cost, &inputs, &inputs).unwrap();
    let outputs = [&[cost], &gradient[..], &second[..]].concat();
    assert_eq!(count::<DenseFactor>(&outputs), 2, "solve and slogdet each write one; the derivatives add none");
    assert_eq!(count_in::<DenseFactor>(&compile(&inputs, &outputs, &Mode::run()).unwrap()), 1);
}

#[test]
fn the_story_of_a_compile_names_rule_line_and_reason() {
    let (inputs, cost) = model(Some(2), Some(3));
    let line = line!() - 1;
    let story = compile(&inputs, &[cost], &Mode::run()).unwrap().explain();
    for words in
        ["solve_with_kron at tests/rewrites.rs:", "logdet_of_kron at", "matmul_of_kron at", "because ", "kron(A, B)"]
    {
        assert!(story.contains(words), "`{words}` is missing from:\n{story}");
    }
    assert!(!story.contains(&format!("rewrites.rs:{line}")), "the line is where the model was written, not compiled");
}

#[test]
fn a_rewrite_keeps_names_lines_and_inferred_shapes() {
    let (a, b, y) = (tensor("A", DType::F64, &[Some(2); 2]), tensor("B", DType::F64, &[Some(3); 2]), vector("y"));
    let x = solve(&kron(&a, &b).unwrap(), &y).unwrap().named("x");
    let line = x.origin().line().line();
    let cheap = rewrite(std::slice::from_ref(&x), &Mode::run()).unwrap().remove(0);
    assert_eq!((cheap.name(), cheap.origin().line().line()), (Some("x"), line));
    assert_eq!(infer_shapes(&[x]).unwrap()[0].len(), 1);
    assert_eq!(infer_shapes(&[cheap]).unwrap()[0].len(), 1);
}

/// The length of the answer is that of the right-hand side where the factors do not tell it.
#[test]
fn a_solve_with_a_product_keeps_the_length_of_the_right_hand_side() {
    let (a, b) = (matrix("a"), matrix("b"));
    let y = tensor("y", DType::F64, &[Some(4)]);
    let x = solve(&kron(&a, &b).unwrap(), &y).unwrap();
    let factor = |numbers: [f64; 4]| Tensor::new(&[2, 2], numbers.to_vec()).unwrap();
    let (va, vb) = (factor([2.0, 1.0, 0.0, 4.0]), factor([1.0, 0.0, 3.0, 2.0]));
    let mut f = compile(&[a, b, y], &[x], &Mode::run()).unwrap();
    assert_eq!(count_in::<Kron>(&f), 0);
    let out = f.call(&[&va, &vb, &Tensor::vector(vec![8.0, 0.0, 4.0, 0.0])]).unwrap();
    assert_eq!(out.get::<Tensor>(0).unwrap().to_vec::<f64>().unwrap(), [3.5, -5.25, 1.0, -1.5]);
}
