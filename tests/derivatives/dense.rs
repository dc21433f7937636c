//! Cases for reductions, layout, indexing, joining, products.

use kronograph::ops::{inc_subtensor, tril};
use kronograph::prelude::*;

use crate::harness::{Case, Random, case, dense};

const RANGE: (f64, f64) = (-2.0, 2.0);

pub(crate) fn cases() -> Vec<Case> {
    let random = &mut Random(2);
    [reductions(random), layout(random), indexing(random), joining(random), products(random)]
        .into_iter()
        .flatten()
        .collect()
}

fn reductions(random: &mut Random) -> Vec<Case> {
    let mut cases = Vec::new();
    for axes in [&[][..], &[0], &[1], &[2], &[0, 2], &[2, 1], &[0, 1, 2]] {
        let mut x = || vec![dense(random, &[2, 3, 2], RANGE)];
        cases.push(case(format!("sum over {axes:?}"), x(), |v| sum_axes(&sqr(&v[0])?, axes)));
        cases.push(case(format!("mean over {axes:?}"), x(), |v| mean_axes(&sqr(&v[0])?, axes)));
        cases.push(case(format!("max over {axes:?}"), x(), |v| max_axes(&sqr(&v[0])?, axes)));
    }
    cases.push(case("sum", vec![dense(random, &[3, 2], RANGE)], |v| sum(&v[0])));
    cases.push(case("mean of a scalar", vec![dense(random, &[], RANGE)], |v| mean(&v[0])));
    cases.push(case("max", vec![dense(random, &[5], RANGE)], |v| max(&v[0])));
    cases.push(case("sum of a column that broadcasts", vec![dense(random, &[3, 1], RANGE).broadcasting(&[1])], |v| {
        sum_axes(&v[0], &[1])
    }));
    cases
}

fn layout(random: &mut Random) -> Vec<Case> {
    let mut x = |shape: &[usize]| vec![dense(random, shape, RANGE)];
    vec![
        case("reshape", x(&[2, 6]), |v| reshape(&sqr(&v[0])?, [3, 4])),
        case("reshape with -1", x(&[2, 6]), |v| reshape(&sqr(&v[0])?, [3, -1, 2])),
        case("reshape to the lengths of x", x(&[2, 3]), |v| {
            reshape(&sqr(&v[0])?, [Dim::axis(&v[0], 1).times(&Dim::axis(&v[0], 0))])
        }),
        case("reshape of a transpose", x(&[2, 3]), |v| reshape(&transpose(&sqr(&v[0])?)?, [2, 3])),
        case("transpose", x(&[2, 3, 2]), |v| transpose(&sqr(&v[0])?)),
        case("transpose_axes", x(&[2, 3, 4]), |v| transpose_axes(&sqr(&v[0])?, &[2, 0, 1])),
        case("dimshuffle", x(&[2, 3]), |v| dimshuffle(&sqr(&v[0])?, &[Some(1), None, Some(0)])),
        case("expand_dims", x(&[2, 3]), |v| expand_dims(&sqr(&v[0])?, &[0, 2])),
        case("squeeze", vec![dense(&mut Random(3), &[2, 1, 3], RANGE).broadcasting(&[1])], |v| {
            squeeze(&sqr(&v[0])?, &[1])
        }),
        case("broadcast_to new axes", x(&[3]), |v| broadcast_to(&sqr(&v[0])?, [Dim::from(2), Dim::axis(&v[0], 0)])),
        case("broadcast_to along a length of 1", vec![dense(&mut Random(4), &[2, 1], RANGE).broadcasting(&[1])], |v| {
            broadcast_to(&sqr(&v[0])?, [Dim::axis(&v[0], 0), Dim::from(4)])
        }),
        case("broadcast_to of a scalar", x(&[]), |v| broadcast_to(&sqr(&v[0])?, [2, 3])),
        case("tril", x(&[3, 3]), |v| tril(&sqr(&v[0])?, 0)),
        case("tril of a wide matrix", x(&[2, 4]), |v| tril(&sqr(&v[0])?, 0)),
        case("tril below the diagonal", x(&[4, 2]), |v| tril(&sqr(&v[0])?, -1)),
    ]
}

fn indexing(random: &mut Random) -> Vec<Case> {
    let parts: [(&str, Vec<Index>, &[usize]); 9] = [
        ("an integer", vec![Index::at(1)], &[3]),
        ("a negative integer", vec![Index::ALL, Index::at(-1)], &[4]),
        ("two integers", vec![Index::at(3), Index::at(0)], &[]),
        ("a slice", vec![Index::slice(1, 3, 1)], &[2, 3]),
        ("a slice of step 2", vec![Index::slice(None, None, 2), Index::slice(1, None, 1)], &[2, 2]),
        ("a slice backwards", vec![Index::slice(None, None, -1)], &[4, 3]),
        ("a slice of step -2", vec![Index::slice(-1, 0, -2), Index::at(1)], &[2]),
        ("an empty slice", vec![Index::slice(3, 1, 1)], &[0, 3]),
        ("a slice beyond the end", vec![Index::slice(2, 99, 1)], &[2, 3]),
    ];
    let mut cases = Vec::new();
    for (name, index, shape) in parts {
        let x = || dense(&mut Random(5), &[4, 3], RANGE);
        let taken = index.clone();
        cases.push(case(format!("subtensor by {name}"), vec![x()], move |v| subtensor(&sqr(&v[0])?, &taken)));
        let inputs = vec![x(), dense(random, shape, RANGE)];
        let at = index.clone();
        cases.push(case(format!("inc_subtensor by {name}"), inputs, move |v| {
            inc_subtensor(&sqr(&v[0])?, &sqr(&v[1])?, &at)
        }));
        let inputs = vec![x(), dense(random, &[], RANGE)];
        cases.push(case(format!("inc_subtensor of a scalar by {name}"), inputs, move |v| {
            inc_subtensor(&sqr(&v[0])?, &sqr(&v[1])?, &index)
        }));
    }
    let x = dense(random, &[5], RANGE);
    cases.push(case("subtensor between lengths", vec![x, dense(random, &[3], RANGE)], |v| {
        let part = subtensor(&sqr(&v[0])?, &[Index::between(Dim::from(0), Dim::axis(&v[1], 0))])?;
        mul(&part, &v[1])
    }));
    cases
}

fn joining(random: &mut Random) -> Vec<Case> {
    let mut pair = |a: &[usize], b: &[usize]| vec![dense(random, a, RANGE), dense(random, b, RANGE)];
    vec![
        case("concatenate vectors", pair(&[2], &[3]), |v| concatenate(&[sqr(&v[0])?, v[1].clone()], 0)),
        case("concatenate columns", pair(&[2, 1], &[2, 2]), |v| concatenate(&[sqr(&v[0])?, sqr(&v[1])?], 1)),
        case("concatenate x twice", pair(&[2], &[3]), |v| concatenate(&[v[0].clone(), v[1].clone(), sqr(&v[0])?], 0)),
        case("concatenate with nothing", pair(&[0, 2], &[3, 2]), |v| concatenate(&[v[0].clone(), sqr(&v[1])?], 0)),
        case("kron", pair(&[2, 3], &[3, 2]), |v| kron(&v[0], &v[1])),
        case("kron of a matrix with itself", pair(&[2, 2], &[1]), |v| mul(&kron(&v[0], &v[0])?, &sum(&v[1])?)),
    ]
}

fn products(random: &mut Random) -> Vec<Case> {
    let mut cases = Vec::new();
    let shapes: [(&[usize], &[usize]); 6] =
        [(&[3], &[3]), (&[2, 3], &[3]), (&[3], &[3, 2]), (&[2, 3], &[3, 4]), (&[1, 3], &[3, 1]), (&[2, 0], &[0, 3])];
    for (a, b) in shapes {
        let inputs = vec![dense(random, a, RANGE), dense(random, b, RANGE)];
        cases.push(case(format!("matmul of {a:?} and {b:?}"), inputs, |v| matmul(&v[0], &v[1])));
    }
    cases.push(case("matmul of x with its transpose", vec![dense(random, &[2, 3], RANGE)], |v| {
        matmul(&v[0], &transpose(&v[0])?)
    }));
    let along = vec![dense(random, &[4, 3], RANGE), dense(random, &[2, 3, 2], RANGE)];
    cases.push(case("matmul_along", along, |v| kronograph::ops::matmul_along(&v[0], &v[1], 1)));
    let kron_times = vec![dense(random, &[2, 3], RANGE), dense(random, &[3, 2], RANGE), dense(random, &[6, 2], RANGE)];
    cases.push(case("kron times a matrix", kron_times, |v| matmul(&kron(&v[0], &v[1])?, &v[2])));
    let times_kron = vec![dense(random, &[2, 3], RANGE), dense(random, &[3, 2], RANGE), dense(random, &[2, 6], RANGE)];
    cases.push(case("a matrix times kron", times_kron, |v| matmul(&v[2], &kron(&v[0], &v[1])?)));
    cases
}
