//! What errors look like: all on one screen, in the snapshot beside this file.

#![allow(clippy::unwrap_used, reason = "a test may")]

use std::fmt::Display;

use kronograph::graph::apply_all;
use kronograph::ops::FactorLogdet;
use kronograph::prelude::*;

/// The text of an error, without line numbers, so that editing this file does not change it.
fn text<T, E: Display>(result: Result<T, E>) -> String {
    let text = result.map(|_| ()).unwrap_err().to_string();
    assert!(text.contains("tests/errors.rs:") || !text.contains("  at "), "the line is not the user's: {text}");
    let mut shown = String::new();
    for (k, part) in text.split("tests/errors.rs:").enumerate() {
        let rest = part.trim_start_matches(|c: char| c.is_ascii_digit());
        shown.push_str(&if k == 0 { part.to_owned() } else { format!("tests/errors.rs:{{line}}{rest}") });
    }
    shown
}

fn run_error(inputs: &[Variable], output: Variable, arguments: &[&dyn Value]) -> String {
    text(compile(inputs, &[output], &Mode::raw()).unwrap().call(arguments))
}

#[test]
fn every_error_on_one_screen() {
    let x = tensor("X", DType::F64, &[Some(3), Some(4)]);
    let beta = tensor("beta", DType::F64, &[Some(5)]);
    let (s, v, a) = (scalar("s"), vector("v"), matrix("A"));
    let w = SparseMatrix::new(Format::Csr, [2, 2], vec![1.0, 1.0], vec![1, 0], vec![0, 1, 2]).unwrap();
    let w = sparse_constant(w).named("W");
    let short = Tensor::vector(vec![1.0, 2.0]);
    let singular = Tensor::new(&[2, 2], vec![1.0, 2.0, 2.0, 4.0]).unwrap();
    let cut = "%%MatrixMarket matrix coordinate real general\n2 2 3\n1 1 0.5\n";

    let screen = [
        text(matmul(&x, &beta)),
        text(x.try_add(&beta)),
        text(exp(&(&x * exp(&x).unwrap()).try_add(&beta).unwrap_or(w.clone()))),
        text(switch(&x, &x, 0.0)),
        text(reshape(&x, [5, -1])),
        text(concatenate(&[x.clone(), beta.clone()], 0)),
        text(subtensor(&beta, &[Index::at(7)])),
        text(sum_axes(&x, &[2])),
        text(apply_all(FactorLogdet, &[s.clone(), s.clone()])),
        text(kronecker_flow_solve(&w, &s, &s, &beta)),
        text(sparse_sar_solve(&a, &s, &v)),
        text(grad(&v, std::slice::from_ref(&v))),
        text(grad(&sum(&v).unwrap(), std::slice::from_ref(&s))),
        text(compile(std::slice::from_ref(&v), &[&v * &s], &Mode::raw())),
        text(compile(&[v.clone(), v.clone()], &[sum(&v).unwrap()], &Mode::raw())),
        run_error(&[v.clone(), a.clone()], solve(&a, &exp(&v).unwrap()).unwrap(), &[&short, &singular]),
        run_error(&[s.clone(), v.clone()], sparse_sar_solve(&w, &s, &v).unwrap(), &[&Tensor::scalar(-1.0), &short]),
        run_error(
            &[a.clone(), v.clone()],
            matmul(&a, &v).unwrap(),
            &[&Tensor::new(&[1, 3], vec![0.0; 3]).unwrap(), &short],
        ),
        run_error(std::slice::from_ref(&v), exp(&v).unwrap(), &[&singular]),
        run_error(std::slice::from_ref(&v), exp(&v).unwrap(), &[]),
        text(SparseMatrix::new(Format::Csr, [2, 2], vec![1.0, 1.0], vec![0, 2], vec![0, 1, 2])),
        text(SparseMatrix::new(Format::Csc, [2, 2], vec![1.0], vec![0], vec![0, 2, 1])),
        text(read_matrix_market(cut, Format::Csr)),
        text(Tensor::new(&[2, 2], vec![1.0])),
    ];
    insta::assert_snapshot!(screen.join("\n\n"));
}
