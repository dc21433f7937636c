//! Bad input: every mistake is a typed error that names the op, the variables, their shapes and the user's line.

#![allow(clippy::unwrap_used, reason = "a test may")]

use std::error::Error;
use std::panic::catch_unwind;

use kronograph::graph::apply;
use kronograph::ops::{
    DenseFactor, factorwise_matrix, inc_subtensor, kron_contract, kron_diag, kron_matmul, kron_trace, kronsum,
    kronsum_diag, matmul_along, nearest_kron, nearest_krons, partial_trace, tril,
};
use kronograph::prelude::*;
use kronograph::sparse::{project_sparse, sample_dense, sampled_outer, sparse_inner, structured_dot_along};

type Answer = Result<(), Box<dyn Error>>;

/// A mistake, and what its error must say.
struct Row {
    name: &'static str,
    attempt: fn() -> Answer,
    says: &'static [&'static str],
}

macro_rules! rows {
    ($($name:literal: $attempt:expr => $says:expr;)+) => {
        &[$(Row { name: $name, attempt: || { $attempt; Ok(()) }, says: &$says }),+]
    };
}

fn check(rows: &[Row], common: &[&str]) {
    let mut faults = String::new();
    for row in rows {
        let text = match catch_unwind(row.attempt) {
            Ok(Err(error)) => error.to_string(),
            Ok(Ok(())) => "no error".to_owned(),
            Err(_) => "a panic".to_owned(),
        };
        let missing: Vec<_> = row.says.iter().chain(common).filter(|part| !text.contains(**part)).collect();
        if !missing.is_empty() {
            faults.push_str(&format!("* {}: {missing:?} is missing in: {text}\n", row.name));
        }
    }
    assert!(faults.is_empty(), "\n{faults}");
}

/// A vector of a static length.
fn v(name: &str, length: usize) -> Variable {
    tensor(name, DType::F64, &[Some(length)])
}

/// A matrix of a static shape.
fn m(name: &str, rows: usize, columns: usize) -> Variable {
    tensor(name, DType::F64, &[Some(rows), Some(columns)])
}

fn sparse(name: &str, rows: usize, columns: usize) -> Variable {
    sparse_matrix(name, Format::Csr, [Some(rows), Some(columns)])
}

fn any_sparse(name: &str) -> Variable {
    sparse_matrix(name, Format::Csr, [None, None])
}

fn ones(shape: &[usize]) -> Tensor {
    Tensor::new(shape, vec![1.0; shape.iter().product()]).unwrap()
}

fn sparse_ones(rows: usize, columns: usize) -> SparseMatrix {
    let triplets: Vec<_> = (0..rows * columns).map(|at| (at / columns, at % columns, 1.0)).collect();
    from_triplets(Format::Csr, [rows, columns], &triplets).unwrap()
}

/// Row-standardised weights of three regions: 1 is an eigenvalue.
fn weights() -> SparseMatrix {
    from_triplets(Format::Csr, [3, 3], &[(0, 1, 1.0), (1, 0, 0.5), (1, 2, 0.5), (2, 1, 1.0)]).unwrap()
}

/// Compiles and calls, as written and rewritten; the error is that of the former, and the latter must fail as well.
fn call(inputs: &[&Variable], output: &Variable, values: &[&dyn Value]) -> Answer {
    let inputs: Vec<Variable> = inputs.iter().map(|input| (*input).clone()).collect();
    let outputs = std::slice::from_ref(output);
    if compile(&inputs, outputs, &Mode::run())?.call(values).is_ok() {
        return Err("the rewritten function gives no error".into());
    }
    compile(&inputs, outputs, &Mode::raw())?.call(values)?;
    Ok(())
}

#[test]
fn dense_ops_refuse() {
    let rows: &[Row] = rows! {
        "add": add(&v("a", 2), &v("b", 3))? => ["add", "`a` is f64 (2,)", "`b` is f64 (3,)"];
        "add, at run time": { let (a, b) = (vector("a"), vector("b"));
            call(&[&a, &b], &add(&a, &b)?, &[&ones(&[2]), &ones(&[3])])? } => ["add", "`a` f64 (2,)", "`b` f64 (3,)"];
        "an unknown length of 1": { let (a, b) = (vector("a"), vector("b"));
            call(&[&a, &b], &add(&a, &b)?, &[&ones(&[1]), &ones(&[3])])? } => ["add", "`a` f64 (1,)", "broadcasts only"];
        "exp of sparse": exp(&sparse("s", 2, 2))? => ["exp", "`s` is csr f64 (2, 2)", "dense"];
        "neg of bool": neg(&tensor("t", DType::Bool, &[None]))? => ["neg", "bool"];
        "switch on a number": switch(&v("c", 2), 1.0, 0.0)? => ["switch", "`c`", "bool"];
        "matmul": matmul(&m("a", 2, 3), &m("b", 2, 3))? => ["matmul", "`a` is f64 (2, 3)", "`b` is f64 (2, 3)"];
        "matmul, at run time": { let (a, b) = (matrix("a"), vector("b"));
            call(&[&a, &b], &matmul(&a, &b)?, &[&ones(&[2, 3]), &ones(&[2])])? } => ["matmul", "`a` f64 (2, 3)", "`b` f64 (2,)"];
        "matmul of scalars": matmul(&scalar("a"), &v("b", 3))? => ["matmul", "`a`", "vectors and matrices"];
        "matmul_along": matmul_along(&m("a", 2, 2), &v("x", 2), 1)? => ["`x` is f64 (2,)", "axis 1"];
        "matmul_along a scalar": matmul_along(&m("a", 2, 2), &scalar("x"), 0)? => ["`x`", "axis 0"];
        "reshape": reshape(&v("x", 5), [2, 3])? => ["reshape", "`x` is f64 (5,)", "(2, 3)"];
        "reshape, at run time": { let x = vector("x"); call(&[&x], &reshape(&x, [2, 3])?, &[&ones(&[5])])? } => ["reshape", "`x` f64 (5,)"];
        "reshape, inferred": { let x = vector("x"); call(&[&x], &reshape(&x, [2, -1])?, &[&ones(&[5])])? } => ["reshape", "`x` f64 (5,)"];
        "reshape, inferred of 0": { let x = vector("x"); call(&[&x], &reshape(&x, [0, -1])?, &[&ones(&[5])])? } => ["reshape", "`x` f64 (5,)"];
        "reshape with two unknowns": reshape(&vector("x"), [-1, -1])? => ["reshape"];
        "reshape to too much": { let x = vector("x"); call(&[&x], &reshape(&x, [usize::MAX, 2])?, &[&ones(&[5])])? } => ["reshape"];
        "transpose_axes, twice": transpose_axes(&m("x", 2, 3), &[0, 0])? => ["`x` is f64 (2, 3)"];
        "transpose_axes, too few": transpose_axes(&m("x", 2, 3), &[0])? => ["`x` is f64 (2, 3)"];
        "transpose_axes, out of range": transpose_axes(&m("x", 2, 3), &[0, 2])? => ["`x` is f64 (2, 3)"];
        "expand_dims, out of range": expand_dims(&v("x", 2), &[5])? => ["expand_dims", "`x` is f64 (2,)"];
        "expand_dims, twice": expand_dims(&v("x", 2), &[1, 1])? => ["dimshuffle", "`x` is f64 (2,)"];
        "squeeze": squeeze(&m("x", 2, 3), &[0])? => ["`x` is f64 (2, 3)"];
        "squeeze, out of range": squeeze(&m("x", 2, 3), &[7])? => ["`x` is f64 (2, 3)"];
        "squeeze, at run time": { let x = matrix("x"); call(&[&x], &squeeze(&x, &[0])?, &[&ones(&[2, 3])])? } => ["`x`", "(2, 3)"];
        "broadcast_to": broadcast_to(&v("x", 2), [3, 3])? => ["broadcast_to", "2", "3"];
        "broadcast_to, fewer axes": broadcast_to(&m("x", 2, 3), [3])? => ["broadcast_to", "`x` is f64 (2, 3)"];
        "broadcast_to, at run time": { let x = vector("x"); call(&[&x], &broadcast_to(&x, [3])?, &[&ones(&[1])])? } => ["broadcast_to", "`x` f64 (1,)"];
        "exp of something immense": { let x = scalar("x");
            call(&[&x], &exp(&broadcast_to(&x, [1usize << 40, 1 << 40])?)?, &[&ones(&[])])? } => ["too large"];
        "concatenate of nothing": concatenate(&[], 0)? => ["join"];
        "concatenate of two ranks": concatenate(&[v("a", 2), m("b", 2, 2)], 0)? => ["join", "`a`", "`b`"];
        "concatenate of two lengths": concatenate(&[m("a", 2, 3), m("b", 2, 2)], 0)? => ["join", "`a` is f64 (2, 3)"];
        "concatenate along no axis": concatenate(&[v("a", 2)], 1)? => ["join", "`a`"];
        "concatenate, at run time": { let (a, b) = (matrix("a"), matrix("b"));
            call(&[&a, &b], &concatenate(&[a.clone(), b.clone()], 0)?, &[&ones(&[2, 3]), &ones(&[2, 2])])? } => ["join", "`b` f64 (2, 2)"];
        "sum over no axis": sum_axes(&v("x", 2), &[1])? => ["sum", "`x` is f64 (2,)", "[1]"];
        "mean over no axis": mean_axes(&v("x", 2), &[1])? => ["`x` is f64 (2,)", "[1]"];
        "max over an axis twice": max_axes(&m("x", 2, 2), &[1, 1])? => ["max", "`x` is f64 (2, 2)"];
        "max of nothing": { let x = vector("x"); call(&[&x], &max(&x)?, &[&ones(&[0])])? } => ["max", "`x` f64 (0,)"];
        "subtensor, too many": subtensor(&v("x", 2), &[Index::at(0), Index::at(0)])? => ["subtensor", "`x` is f64 (2,)"];
        "subtensor, out of range": subtensor(&v("x", 2), &[Index::at(-3)])? => ["subtensor", "`x` is f64 (2,)", "-3"];
        "subtensor, at run time": { let x = vector("x"); call(&[&x], &subtensor(&x, &[Index::at(2)])?, &[&ones(&[2])])? } => ["subtensor", "`x` f64 (2,)", "index 2"];
        "a step of zero": subtensor(&v("x", 2), &[Index::slice(0, 1, 0)])? => ["subtensor", "step"];
        "slice of a scalar": slice(&scalar("x"), 0, 1)? => ["subtensor", "`x`"];
        "inc_subtensor": inc_subtensor(&v("x", 4), &v("y", 3), &[Index::slice(0, 2, 1)])? => ["inc_subtensor", "`y` is f64 (3,)"];
        "inc_subtensor, at run time": { let (x, y) = (vector("x"), vector("y"));
            call(&[&x, &y], &inc_subtensor(&x, &y, &[Index::slice(0, 2, 1)])?, &[&ones(&[4]), &ones(&[3])])? } => ["inc_subtensor", "`y` f64 (3,)"];
        "inc_subtensor of an integer": inc_subtensor(&tensor("x", DType::I64, &[None]), &v("y", 1), &[])? => ["inc_subtensor", "`x` is i64"];
        "kron of a scalar": kron(&scalar("a"), &m("b", 2, 2))? => ["kron", "`a` is f64 ()"];
        "kron of stacks": kron(&tensor("a", DType::F64, &[Some(2), None, None]), &tensor("b", DType::F64, &[Some(3), None, None]))?
            => ["`b` is f64 (3, ?, ?)", "2"];
        "kron_contract of another size": kron_contract(&m("g", 4, 5), &[m("a", 2, 2), m("b", 2, 3)], 0)? => ["kron_contract", "`g` is f64 (4, 5)", "axis 1"];
        "kron_contract of no factor": kron_contract(&m("g", 4, 6), &[m("a", 2, 2), m("b", 2, 3)], 2)? => ["kron_contract", "no factor 2"];
        "kron_contract, at run time": { let (g, a) = (matrix("g"), matrix("a"));
            call(&[&g, &a], &kron_contract(&g, &[a.clone(), a.clone()], 1)?, &[&ones(&[4, 5]), &ones(&[2, 2])])? } => ["kron_contract", "`g` f64 (4, 5)"];
        "kron_matmul of a short vector": kron_matmul(&[m("a", 2, 2), m("b", 2, 3)], &v("x", 5), Trans::No)? => ["kron_matmul", "`x` is f64 (5,)", "6"];
        "kron_matmul of a stack": kron_matmul(&[tensor("a", DType::F64, &[None; 3])], &v("x", 5), Trans::No)? => ["kron_matmul", "`a` is f64 (?, ?, ?)"];
        "kron_matmul of nothing": kron_matmul(&[], &v("x", 5), Trans::No)? => ["kron_matmul"];
        "kronsum of a rectangle": kronsum(&[m("a", 2, 2), m("b", 2, 3)])? => ["kronsum", "`b` is f64 (2, 3)", "factor 1"];
        "kronsum of a rectangle, at run time": { let (a, b) = (matrix("a"), matrix("b"));
            call(&[&a, &b], &kronsum(&[a.clone(), b.clone()])?, &[&ones(&[2, 2]), &ones(&[2, 3])])? } => ["kronsum", "`b` f64 (2, 3)", "factor 1"];
        "kronsum_diag of a matrix": kronsum_diag(&[v("a", 2), m("b", 2, 2)])? => ["kronsum_diag", "`b` is f64 (2, 2)", "factor 1"];
        "partial_trace of another size": partial_trace(&m("m", 5, 5), [2, 3], 0)? => ["partial_trace", "`m` is f64 (5, 5)", "6"];
        "partial_trace of no factor": partial_trace(&m("m", 6, 6), [2, 3], 2)? => ["partial_trace", "no factor 2"];
        "partial_trace, at run time": { let m = matrix("m");
            call(&[&m], &partial_trace(&m, [2, 3], 0)?, &[&ones(&[6, 5])])? } => ["partial_trace", "`m` f64 (6, 5)", "sizes 1, 2 and 3"];
        "factorwise_matrix at no index": factorwise_matrix(&m("m", 6, 6), [2, 3], 0, [0, 2])? => ["factorwise_matrix", "(0, 2)"];
        "nearest_kron of another size": nearest_kron(&m("m", 5, 6), [2, 2], [3, 3])? => ["`m` is f64 (5, 6)"];
        "nearest_kron of too high a rank": nearest_krons(&m("m", 4, 6), [2, 2], [2, 3], 5)? => ["nearest_kron", "4", "5"];
        "kron_trace of a rectangle": kron_trace(&[m("a", 2, 3), m("b", 3, 2)])? => ["kron_trace", "`a` is f64 (2, 3)", "factor 0"];
        "kron_diag of a rectangle, at run time": { let (a, b) = (matrix("a"), matrix("b"));
            call(&[&a, &b], &kron_diag(&[a.clone(), b.clone()])?, &[&ones(&[2, 3]), &ones(&[3, 2])])? } => ["`a` f64 (2, 3)"];
        "tril of a vector": tril(&v("a", 2), 0)? => ["tril", "`a` is f64 (2,)"];
        "eye of no size": eye(Dim::UNKNOWN)? => ["eye"];
        "eye, immense": call(&[], &eye(1usize << 31)?, &[])? => ["eye", "too large"];
    };
    check(rows, &["tests/bad_input.rs:"]);
}

#[test]
fn dense_factors_refuse() {
    let rows: &[Row] = rows! {
        "two matrices": apply(DenseFactor::Lu, &[m("a", 2, 2), m("b", 2, 2)])? => ["lu_factor", "1", "2"];
        "lu of a rectangle": lu_factor(&m("a", 2, 3))? => ["lu_factor", "`a` is f64 (2, 3)", "square"];
        "lu of a vector": lu_factor(&v("a", 2))? => ["lu_factor", "`a` is f64 (2,)", "matrix"];
        "lu of a rectangle, at run time": { let a = matrix("a");
            call(&[&a], &slogdet(&a)?.1, &[&ones(&[2, 3])])? } => ["lu_factor", "`a` f64 (2, 3)", "square"];
        "cholesky of a rectangle, at run time": { let a = matrix("a");
            call(&[&a], &factor_logdet(&cholesky_factor(&a)?)?.1, &[&ones(&[2, 3])])? } => ["cholesky_factor", "`a` f64 (2, 3)", "square"];
        "not positive definite": { let a = matrix("a");
            call(&[&a], &factor_logdet(&cholesky_factor(&a)?)?.1, &[&Tensor::new(&[2, 2], vec![1.0, 2.0, 2.0, 1.0])?])? } => ["cholesky_factor", "`a` f64 (2, 2)", "positive definite"];
        "cholesky of NaN": { let a = matrix("a");
            call(&[&a], &factor_logdet(&cholesky_factor(&a)?)?.1, &[&Tensor::new(&[2, 2], vec![1.0, 0.0, f64::NAN, 1.0])?])? } => ["cholesky_factor", "finite"];
        "singular": { let (a, b) = (matrix("a"), vector("b"));
            call(&[&a, &b], &solve(&a, &b)?, &[&ones(&[3, 3]), &ones(&[3])])? } => ["factor_solve", "singular", "`b` f64 (3,)"];
        "solve with NaN": { let (a, b) = (matrix("a"), vector("b"));
            call(&[&a, &b], &solve(&a, &b)?, &[&Tensor::new(&[1, 1], vec![f64::NAN])?, &ones(&[1])])? } => ["factor_solve", "finite"];
        "determinant of infinity": { let a = matrix("a");
            call(&[&a], &slogdet(&a)?.1, &[&Tensor::new(&[1, 1], vec![f64::INFINITY])?])? } => ["factor_logdet", "finite"];
        "a matrix is no factor": factor_solve(&m("a", 2, 2), &v("b", 2), Trans::No)? => ["factor_solve", "`a` is f64 (2, 2)", "factor"];
        "a matrix has no determinant": factor_logdet(&m("a", 2, 2))? => ["factor_logdet", "`a` is f64 (2, 2)", "factor"];
        "a right-hand side too long": solve(&m("a", 2, 2), &v("b", 3))? => ["factor_solve", "`b` is f64 (3,)", "2"];
        "a right-hand side too long, at run time": { let (a, b) = (matrix("a"), vector("b"));
            call(&[&a, &b], &solve(&a, &b)?, &[&Tensor::new(&[2, 2], vec![2.0, 0.0, 0.0, 2.0])?, &ones(&[3])])? } => ["factor_solve", "`b` f64 (3,)"];
        "a scalar right-hand side": solve(&m("a", 2, 2), &scalar("b"))? => ["solve", "`b` is f64 ()"];
        "no such axis": factor_solve_axis(&lu_factor(&m("a", 2, 2))?, &v("b", 2), 1, Trans::No)? => ["factor_solve", "`b` is f64 (2,)", "1"];
        "a sparse right-hand side": solve(&m("a", 2, 2), &sparse("b", 2, 2))? => ["solve", "`b` is csr f64 (2, 2)"];
        "a factor is no tensor": exp(&lu_factor(&m("a", 2, 2))?)? => ["exp", "lu_factor"];
    };
    check(rows, &["tests/bad_input.rs:"]);
}

#[test]
fn sparse_ops_refuse() {
    let rows: &[Row] = rows! {
        "sparse matmul": matmul(&sparse("s", 2, 3), &v("x", 2))? => ["matmul", "`s` is csr f64 (2, 3)", "`x` is f64 (2,)"];
        "sparse matmul, at run time": { let (s, x) = (any_sparse("s"), vector("x"));
            call(&[&s, &x], &matmul(&s, &x)?, &[&sparse_ones(2, 3), &ones(&[2])])? } => ["structured_dot", "`s` csr f64 (2, 3)", "`x` f64 (2,)"];
        "structured_dot of dense": structured_dot(&m("a", 2, 2), &m("b", 2, 2))? => ["structured_dot", "`a` is f64 (2, 2)", "sparse"];
        "structured_dot of three axes": structured_dot(&sparse("s", 2, 2), &tensor("x", DType::F64, &[None; 3]))? => ["structured_dot", "`x`"];
        "structured_dot_along no axis": structured_dot_along(&sparse("s", 2, 2), &v("x", 2), 1, Trans::No)? => ["`x`", "axis 1"];
        "structured_dot_along a scalar": structured_dot_along(&sparse("s", 2, 2), &scalar("x"), 0, Trans::No)? => ["`x`"];
        "affine of nothing": affine_on_pattern(&[])? => ["affine_on_pattern"];
        "affine with a vector": affine_on_pattern(&[(v("c", 2), sparse("s", 2, 2))])? => ["affine_on_pattern", "`c` is f64 (2,)", "scalar"];
        "affine of two formats": affine_on_pattern(&[(scalar("c"), sparse("s", 2, 2)), (scalar("d"), sparse_transpose(&sparse("t", 2, 2))?)])? => ["affine_on_pattern", "`s` is csr", "is csc", "format"];
        "affine of two shapes": affine_on_pattern(&[(scalar("c"), sparse("s", 2, 2)), (scalar("d"), sparse("t", 2, 3))])? => ["affine_on_pattern", "`s` is csr f64 (2, 2)", "`t` is csr f64 (2, 3)"];
        "affine of two shapes, at run time": { let (s, t) = (any_sparse("s"), any_sparse("t"));
            let one = || constant(1.0);
            let sum = affine_on_pattern(&[(one(), s.clone()), (one(), t.clone())])?;
            call(&[&s, &t], &dense_from_sparse(&sum)?, &[&sparse_ones(2, 2), &sparse_ones(2, 3)])? } => ["affine_on_pattern", "`t` csr f64 (2, 3)"];
        "sparse sum of two shapes": sparse("s", 2, 2).try_add(&sparse("t", 2, 3))? => ["add_s_s", "`s` is csr f64 (2, 2)", "`t` is csr f64 (2, 3)"];
        "sparse sum of two shapes, at run time": { let (s, t) = (any_sparse("s"), any_sparse("t"));
            call(&[&s, &t], &dense_from_sparse(&s.try_add(&t)?)?, &[&sparse_ones(2, 2), &sparse_ones(2, 3)])? } => ["add_s_s", "`t` csr f64 (2, 3)"];
        "sparse times dense by *": sparse("s", 2, 2).try_mul(&m("a", 2, 3))? => ["mul_s_d", "`s` is csr f64 (2, 2)", "`a` is f64 (2, 3)", "equal"];
        "identity of a rectangle": identity_like(&sparse("s", 2, 3))? => ["identity_like", "`s` is csr f64 (2, 3)", "square"];
        "sparse_lu of a rectangle": sparse_lu(&sparse("s", 2, 3))? => ["sparse_lu", "`s` is csr f64 (2, 3)", "square"];
        "sparse_lu of a rectangle, at run time": { let s = any_sparse("s");
            call(&[&s], &factor_logdet(&sparse_lu(&s)?)?.1, &[&sparse_ones(2, 3)])? } => ["sparse_lu", "`s` csr f64 (2, 3)", "square"];
        "sparse_lu of NaN": { let s = any_sparse("s");
            call(&[&s], &factor_logdet(&sparse_lu(&s)?)?.1, &[&from_triplets(Format::Csr, [1, 1], &[(0, 0, f64::NAN)])?])? } => ["sparse_lu", "finite", "`s`"];
        "a sparse singular matrix": { let (s, b) = (any_sparse("s"), vector("b"));
            call(&[&s, &b], &factor_solve(&sparse_lu(&s)?, &b, Trans::No)?, &[&sparse_ones(3, 3), &ones(&[3])])? } => ["factor_solve", "singular"];
        "a sparse empty matrix": { let (s, b) = (any_sparse("s"), vector("b"));
            call(&[&s, &b], &factor_solve(&sparse_lu(&s)?, &b, Trans::No)?, &[&from_triplets(Format::Csr, [2, 2], &[])?, &ones(&[2])])? } => ["factor_solve", "singular"];
        "sampled_outer of two ranks": sampled_outer(&sparse("s", 2, 2), &v("l", 2), &m("r", 2, 2), 0)? => ["sampled_outer", "`l`", "`r`"];
        "sampled_outer, at run time": { let (s, l, r) = (any_sparse("s"), vector("l"), vector("r"));
            call(&[&s, &l, &r], &dense_from_sparse(&sampled_outer(&s, &l, &r, 0)?)?, &[&sparse_ones(2, 3), &ones(&[2]), &ones(&[2])])? } => ["sampled_outer", "`r` f64 (2,)"];
        "sample_dense": sample_dense(&sparse("s", 2, 2), &m("x", 2, 3))? => ["sample_dense", "`x` is f64 (2, 3)"];
        "sample_dense on a dense one": sample_dense(&m("s", 2, 2), &m("x", 2, 2))? => ["sample_dense", "`s` is f64 (2, 2)", "pattern"];
        "sparse_inner": sparse_inner(&sparse("a", 2, 2), &sparse("b", 3, 3))? => ["sum_of_products", "`a`", "`b` is csr f64 (3, 3)"];
        "project_sparse": project_sparse(&sparse("a", 2, 2), &m("b", 2, 2))? => ["project_sparse", "`b` is f64 (2, 2)"];
        "dense_from_sparse of dense": dense_from_sparse(&m("a", 2, 2))? => ["dense_from_sparse", "`a` is f64 (2, 2)"];
        "flow, W dense": kronecker_flow_solve(&m("w", 2, 2), &scalar("d"), &scalar("o"), &v("b", 4))? => ["kronecker_flow_solve", "`w` is f64 (2, 2)", "sparse"];
        "flow, W a rectangle": kronecker_flow_solve(&sparse("w", 2, 3), &scalar("d"), &scalar("o"), &v("b", 4))? => ["kronecker_flow_solve", "`w` is csr f64 (2, 3)", "square"];
        "flow, rho a vector": kronecker_flow_solve(&sparse("w", 2, 2), &v("d", 1), &scalar("o"), &v("b", 4))? => ["kronecker_flow_solve", "`d` is f64 (1,)", "rho_d"];
        "flow, rho in f32": kronecker_flow_solve(&sparse("w", 2, 2), &scalar("d"), &tensor("o", DType::F32, &[]), &v("b", 4))? => ["kronecker_flow_solve", "`o` is f32 ()", "rho_o"];
        "flow, b too long": kronecker_flow_solve(&sparse("w", 2, 2), &scalar("d"), &scalar("o"), &v("b", 5))? => ["kronecker_flow_solve", "`b` is f64 (5,)", "4"];
        "flow, b a matrix": kronecker_flow_solve(&sparse("w", 2, 2), &scalar("d"), &scalar("o"), &m("b", 4, 1))? => ["kronecker_flow_solve", "`b` is f64 (4, 1)"];
        "flow, b a vector": kronecker_flow_solve_matrix(&sparse("w", 2, 2), &scalar("d"), &scalar("o"), &v("b", 4))? => ["kronecker_flow_solve_matrix", "`b` is f64 (4,)"];
        "flow, b of integers": kronecker_flow_solve(&sparse("w", 2, 2), &scalar("d"), &scalar("o"), &tensor("b", DType::I64, &[None]))? => ["kronecker_flow_solve", "`b` is i64 (?,)"];
        "flow, b too long at run time": { let (w, d, b) = (any_sparse("w"), scalar("d"), vector("b"));
            call(&[&w, &d, &b], &kronecker_flow_solve(&w, &d, &d, &b)?, &[&weights(), &Tensor::scalar(0.1), &ones(&[8])])? } => ["`b` f64 (8,)"];
        "flow, rho on an eigenvalue": { let (w, d, b) = (any_sparse("w"), scalar("d"), vector("b"));
            call(&[&w, &d, &b], &kronecker_flow_solve(&w, &d, &d, &b)?, &[&weights(), &Tensor::scalar(1.0), &ones(&[9])])? } => ["factor_solve", "singular"];
        "flow, rho NaN": { let (w, d, b) = (any_sparse("w"), scalar("d"), vector("b"));
            call(&[&w, &d, &b], &kronecker_flow_solve(&w, &d, &d, &b)?, &[&weights(), &Tensor::scalar(f64::NAN), &ones(&[9])])? } => ["sparse_lu", "finite"];
        "sar, rho on an eigenvalue": { let (w, r, b) = (any_sparse("w"), scalar("r"), vector("b"));
            call(&[&w, &r, &b], &sparse_sar_solve(&w, &r, &b)?, &[&weights(), &Tensor::scalar(1.0), &ones(&[3])])? } => ["factor_solve", "singular"];
        "sar, b too long": sparse_sar_solve(&sparse("w", 2, 2), &scalar("r"), &v("b", 5))? => ["sparse_sar_solve", "`b` is f64 (5,)", "2"];
    };
    check(rows, &["tests/bad_input.rs:"]);
}

#[test]
fn derivatives_refuse() {
    let rows: &[Row] = rows! {
        "grad of a vector": { let x = v("x", 2); grad(&exp(&x)?.named("y"), &[x])? } => ["grad", "`y` is f64 (2,)", "scalar"];
        "grad of a truth value": { let x = scalar("x"); grad(&gt(&x, 0.0)?, &[x])? } => ["grad", "bool"];
        "grad by a stranger": grad(&exp(&scalar("x"))?, &[scalar("z")])? => ["`z`", "f64 ()", "not connected"];
        "grad by a truth value": { let (c, x) = (tensor("c", DType::Bool, &[]), scalar("x"));
            grad(&switch(&c, &x, 0.0)?, &[c])? } => ["`c`", "bool"];
        "hvp of a vector": { let x = [v("x", 2)]; hvp(&exp(&x[0])?, &x, &x)? } => ["grad", "f64 (2,)"];
        "hvp with too few directions": { let x = scalar("x"); hvp(&exp(&x)?, &[x], &[])? } => ["hvp", "1", "0"];
        "lop with too few cotangents": { let x = v("x", 2); lop(&[exp(&x)?], &[x], &[])? } => ["lop", "1", "0"];
        "lop with a cotangent of another rank": { let x = v("x", 2); lop(&[exp(&x)?], &[x], &[scalar("g")])? } => ["lop", "`g` is f64 ()"];
        "lop with a cotangent of another length": { let x = v("x", 2); lop(&[exp(&x)?], &[x], &[v("g", 3)])? } => ["`g` is f64 (3,)"];
        "rop with a tangent too many": { let x = v("x", 2); rop(&[exp(&x)?], &[x], &[v("t", 2), v("u", 2)])? } => ["rop", "1", "2"];
    };
    check(rows, &["tests/bad_input.rs:"]);
}

#[test]
fn functions_refuse() {
    let rows: &[Row] = rows! {
        "a missing input": compile(&[], &[exp(&scalar("x"))?], &Mode::run())? => ["`x`", "f64 ()", "not an input"];
        "a missing weight": compile(&[], &[sparse_transpose(&sparse("w", 2, 2))?], &Mode::run())? => ["`w`", "csr f64 (2, 2)"];
        "an input twice": { let x = scalar("x"); compile(&[x.clone(), x.clone()], &[exp(&x)?], &Mode::run())? } => ["`x`", "input 1"];
        "an expression as an input": { let y = [exp(&scalar("x"))?]; compile(&y, &y, &Mode::run())? } => ["input 0"];
        "a constant as an input": compile(&[constant(1.0)], &[], &Mode::run())? => ["input 0"];
        "an argument of lossy dtype": { let x = tensor("n", DType::I64, &[None]); call(&[&x], &neg(&x)?, &[&ones(&[2])])? } => ["argument 0", "`n`", "i64 (?,)", "f64 (2,)"];
        "an argument of another rank": { let x = vector("x"); call(&[&x], &exp(&x)?, &[&ones(&[2, 2])])? } => ["argument 0", "`x`", "f64 (2, 2)"];
        "an argument of another length": { let x = v("x", 3); call(&[&x], &exp(&x)?, &[&ones(&[2])])? } => ["argument 0", "`x`", "f64 (3,)", "f64 (2,)"];
        "a sparse argument for a dense input": { let x = matrix("x"); call(&[&x], &exp(&x)?, &[&sparse_ones(2, 2)])? } => ["argument 0", "`x`", "csr f64 (2, 2)", "dense"];
        "a dense argument for a sparse input": { let s = any_sparse("s"); call(&[&s], &dense_from_sparse(&s)?, &[&ones(&[2, 2])])? } => ["argument 0", "`s`", "f64 (2, 2)", "sparse"];
        "a sparse argument of another shape": { let s = sparse("s", 2, 2); call(&[&s], &dense_from_sparse(&s)?, &[&sparse_ones(2, 3)])? } => ["argument 0", "`s`", "csr f64 (2, 2)", "(2, 3)"];
    };
    check(rows, &["tests/bad_input.rs:"]);
    let rows: &[Row] = rows! {
        "an argument too few": { let x = scalar("x"); call(&[&x], &exp(&x)?, &[])? } => ["1 argument", "given 0"];
        "an argument too many": { let x = scalar("x"); call(&[&x], &exp(&x)?, &[&ones(&[]), &ones(&[])])? } => ["1 argument", "given 2"];
        "an output that is not there": exp_of_two()?.get::<Tensor>(1)? => ["output 1", "1 output"];
        "an output of another type": exp_of_two()?.get::<SparseMatrix>(0)? => ["output 0", "f64 (2,)"];
        "a vector is no scalar": exp_of_two()?.scalar(0)? => ["output 0", "f64 (2,)"];
        "another dtype": exp_of_two()?.get::<Tensor>(0)?.to_vec::<f32>()? => ["f32", "f64"];
    };
    check(rows, &[]);
}

fn exp_of_two() -> Result<kronograph::graph::Outputs, Box<dyn Error>> {
    let x = [vector("x")];
    Ok(compile(&x, &[exp(&x[0])?], &Mode::run())?.call(&[&ones(&[2])])?)
}

/// The text of an error, which must name a line of this file.
#[track_caller]
fn names_line(error: &dyn std::fmt::Display, line: u32) {
    let (text, place) = (error.to_string(), format!("tests/bad_input.rs:{line}"));
    assert!(text.contains(&place), "{place} in {text}");
}

#[test]
fn errors_name_the_very_line() {
    let (a, b) = (vector("a"), vector("b"));
    let line = line!() + 1;
    names_line(&add(&v("a", 2), &v("b", 3)).unwrap_err(), line);
    let line = line!() + 1;
    let named = solve(&matrix("m"), &a).unwrap();
    let inputs = [kronograph::graph::ancestors(std::slice::from_ref(&named))[0].clone(), a.clone()];
    let mut f = compile(&inputs, &[named], &Mode::raw()).unwrap();
    names_line(&f.call(&[&ones(&[2, 2]), &ones(&[2])]).unwrap_err(), line);
    let line = line!() + 1;
    let operator = &a * &b;
    let mut f = compile(&[a.clone(), b.clone()], &[operator], &Mode::raw()).unwrap();
    names_line(&f.call(&[&ones(&[2]), &ones(&[3])]).unwrap_err(), line);
    let line = line!() + 1;
    let y = exp(&a).unwrap();
    let gradient = lop(&[y], std::slice::from_ref(&a), std::slice::from_ref(&b)).unwrap();
    let mut f = compile(&[a, b], &gradient, &Mode::raw()).unwrap();
    let error = f.call(&[&ones(&[2]), &ones(&[3])]).unwrap_err();
    names_line(&error, line);
    assert!(error.to_string().contains("for the gradient of `exp`"), "{error}");
}

#[test]
fn an_input_that_is_refused_names_its_line() {
    let line = line!() + 1;
    let x = scalar("x");
    names_line(&compile(&[], &[exp(&x).unwrap()], &Mode::run()).unwrap_err(), line);
    names_line(&compile(&[x.clone(), x.clone()], &[], &Mode::run()).unwrap_err(), line);
    let x = [x];
    names_line(&compile(&x, &x, &Mode::run()).unwrap().call(&[&ones(&[1])]).unwrap_err(), line);
}

#[test]
fn operators_panic_with_the_words_of_their_twins() {
    let (a, b, s) = (v("a", 2), v("b", 3), sparse("s", 2, 3));
    type Of<T> = fn(&Variable, &Variable) -> T;
    type Pair = (Of<Variable>, Of<Result<Variable, BuildError>>);
    let attempts: [Pair; 4] = [
        (|a, b| a + b, |a, b| a.try_add(b)),
        (|a, b| a - b, |a, b| a.try_sub(b)),
        (|a, b| a * b, |a, b| a.try_mul(b)),
        (|a, b| a / b, |a, b| a.try_div(b)),
    ];
    for (operator, twin) in attempts {
        for right in [&b, &s] {
            let panic = catch_unwind(std::panic::AssertUnwindSafe(|| operator(&a, right))).unwrap_err();
            let words = |text: &str| text.split("tests/bad_input.rs").next().unwrap().to_owned();
            let panic = panic.downcast_ref::<String>().unwrap();
            assert!(panic.contains("tests/bad_input.rs:"), "{panic}");
            assert_eq!(words(panic), words(&twin(&a, right).unwrap_err().to_string()));
        }
    }
}

#[test]
fn a_function_recovers_from_a_failed_call() {
    let (w, rho, b) = (any_sparse("w"), scalar("rho"), vector("b"));
    let eta = kronecker_flow_solve(&w, &rho, &rho, &b).unwrap();
    let loss = sum(&sqr(&eta).unwrap()).unwrap();
    let gradient = grad(&loss, &[rho.clone(), b.clone()]).unwrap();
    let outputs = [&gradient[..], &[loss]].concat();
    let mut f = compile(&[w, rho, b], &outputs, &Mode::run()).unwrap();
    let (w, right) = (weights(), ones(&[9]));
    let good = |f: &mut Function| {
        let answers = f.call(&[&w, &Tensor::scalar(0.4), &right]).unwrap();
        (
            answers.scalar(0).unwrap(),
            answers.get::<Tensor>(1).unwrap().to_vec::<f64>().unwrap(),
            answers.scalar(2).unwrap(),
        )
    };
    let before = good(&mut f);
    for bad in [1.0, -1.0, f64::NAN, f64::INFINITY] {
        let error = f.call(&[&w, &Tensor::scalar(bad), &right]).unwrap_err();
        assert!(error.is_recoverable(), "{error}");
        assert_eq!(good(&mut f), before, "after rho = {bad}");
    }
    let wrong: [&[&dyn Value]; 4] = [
        &[&w, &Tensor::scalar(0.4)],
        &[&w, &Tensor::scalar(0.4), &ones(&[8])],
        &[&sparse_ones(2, 3), &Tensor::scalar(0.4), &right],
        &[&right, &Tensor::scalar(0.4), &right],
    ];
    for arguments in wrong {
        let error = f.call(arguments).unwrap_err();
        assert!(!error.is_recoverable(), "{error}");
        assert_eq!(good(&mut f), before);
    }
}

#[test]
fn numeric_failures_are_recoverable_and_others_are_not() {
    let a = matrix("a");
    let log = factor_logdet(&cholesky_factor(&a).unwrap()).unwrap().1;
    let mut f = compile(&[a], &[log], &Mode::run()).unwrap();
    let mut fails = |shape: &[usize], value: f64| {
        let data = vec![value; shape.iter().product()];
        f.call(&[&Tensor::new(shape, data).unwrap()]).unwrap_err().is_recoverable()
    };
    assert!(fails(&[2, 2], 1.0), "not positive definite");
    assert!(fails(&[2, 2], f64::NAN), "not finite");
    assert!(!fails(&[2, 3], 1.0), "not square");
}
