//! Cases for every row of the elementwise tables, plain and with broadcasting.

use kronograph::graph::apply;
use kronograph::ops::{BINARY, COMPARE, Elemwise, UNARY};
use kronograph::prelude::*;

use crate::harness::{Case, Random, case, dense, given};

pub(crate) fn cases() -> Vec<Case> {
    let random = &mut Random(1);
    let mut cases = Vec::new();
    for &row in UNARY {
        let x = dense(random, &[2, 3], row.domain[0]);
        cases.push(case(row.name, vec![x], move |v| apply(Elemwise(row), v)));
    }
    // Each operand: its shape, and its axes of declared length 1.
    type Operand = (&'static [usize], &'static [usize]);
    let pairs: [(Operand, Operand); 5] = [
        ((&[2, 3], &[]), (&[2, 3], &[])),
        ((&[2, 3], &[]), (&[], &[])),
        ((&[2, 1], &[1]), (&[3], &[])),
        ((&[1, 3], &[0]), (&[2, 1], &[1])),
        ((&[1], &[0]), (&[2, 2, 1], &[2])),
    ];
    for &row in BINARY {
        for ((a, ones_a), (b, ones_b)) in pairs {
            let inputs = vec![
                dense(random, a, row.domain[0]).broadcasting(ones_a),
                dense(random, b, row.domain[0]).broadcasting(ones_b),
            ];
            cases.push(case(format!("{} of {a:?} and {b:?}", row.name), inputs, move |v| apply(Elemwise(row), v)));
        }
    }
    for &row in COMPARE {
        let inputs = vec![dense(random, &[4], row.domain[0]), dense(random, &[4], row.domain[0])];
        let choice = move |v: &[Variable]| switch(&apply(Elemwise(row), v)?, &mul(&v[0], &v[1])?, &sqr(&v[1])?);
        cases.push(case(format!("switch on {}", row.name), inputs, choice));
    }
    cases.extend(same_input_twice(random));
    cases.extend(conversions(random));
    cases
}

fn same_input_twice(random: &mut Random) -> Vec<Case> {
    vec![
        case("x * x", vec![dense(random, &[3], (-2.0, 2.0))], |v| mul(&v[0], &v[0])),
        case("x ^ x", vec![dense(random, &[3], (0.5, 2.0))], |v| pow(&v[0], &v[0])),
        case("x ^ 3 of negative x", vec![dense(random, &[3], (-2.0, -0.5))], |v| pow(&v[0], 3.0)),
        case("x - x / 2", vec![dense(random, &[3], (0.5, 2.0))], |v| sub(&v[0], &true_div(&v[0], 2.0)?)),
    ]
}

fn conversions(random: &mut Random) -> Vec<Case> {
    let x = || given(vec![0.5, -1.25, 2.0]);
    vec![
        case("switch", vec![dense(random, &[3], (-1.0, 1.0)), dense(random, &[3], (-1.0, 1.0))], |v| {
            switch(&gt(&v[0], 0.0)?, &v[0], &v[1])
        }),
        case(
            "switch with broadcasting",
            vec![dense(random, &[2, 1], (0.5, 1.0)).broadcasting(&[1]), dense(random, &[3], (-1.0, 1.0))],
            |v| switch(&gt(&v[1], 0.0)?, &v[0], &sqr(&v[1])?),
        ),
        case("switch on an input", vec![given(vec![true, false, true]), x(), x()], |v| {
            switch(&v[0], &v[1], &exp(&v[2])?)
        }),
        case("cast of integers", vec![given(vec![1i64, 2, 3]), x()], |v| mul(&v[1], &cast(&v[0], DType::F64)?)),
        case("cast of truth values", vec![x()], |v| mul(&v[0], &cast(&gt(&v[0], 0.0)?, DType::F64)?)),
        case("cast to itself", vec![x()], |v| cast(&v[0], DType::F64)),
        case("cast to f32 and back", vec![x()], |v| cast(&sqr(&cast(&v[0], DType::F32)?)?, DType::F64)).single(),
    ]
}
