//! Errors of building show the line that the user wrote, wherever below it they were found.

#![allow(clippy::unwrap_used, reason = "a test may")]

use std::panic::Location;

use kronograph::ops::{self, DiagonalKind, QrMode, Rhs, Side, Triangle};
use kronograph::prelude::*;

type Failed = (&'static str, BuildError, u32);

/// What a call refuses, and the line of the call.
#[track_caller]
fn refused<T>(name: &'static str, outcome: Result<T, BuildError>) -> Failed {
    (name, outcome.err().unwrap_or_else(|| panic!("{name} is not refused")), Location::caller().line())
}

#[track_caller]
fn check(failed: Vec<Failed>) {
    let elsewhere = |(name, error, line): &Failed| {
        let text = error.to_string();
        (!text.contains(&format!("tests/lines.rs:{line}"))).then(|| format!("{name}: {text}"))
    };
    let faults: Vec<String> = failed.iter().filter_map(elsewhere).collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
}

/// What is no dense tensor.
fn factor() -> Variable {
    lu_factor(&matrix("a")).unwrap()
}

#[test]
fn reductions_and_orders_of_what_is_no_tensor() {
    let f = &factor();
    check(vec![
        refused("sum", sum(f)),
        refused("sum_axes", ops::sum_axes(f, &[0])),
        refused("mean", ops::mean(f)),
        refused("var", ops::var(f)),
        refused("std", ops::std(f)),
        refused("prod", ops::prod(f)),
        refused("max", ops::max(f)),
        refused("min", ops::min(f)),
        refused("any", ops::any(f)),
        refused("all", ops::all(f)),
        refused("argmax", ops::argmax(f)),
        refused("argmin", ops::argmin(f)),
        refused("cumsum", ops::cumsum(f, 0)),
        refused("cumprod", ops::cumprod(f, None)),
        refused("logsumexp", ops::logsumexp(f)),
        refused("softmax", ops::softmax(f)),
        refused("log_softmax", ops::log_softmax(f)),
        refused("bincount", ops::bincount(f, None, 0)),
        refused("sort", ops::sort(f, 0)),
        refused("argsort", ops::argsort(f, 0)),
        refused("searchsorted", ops::searchsorted(f, f, Side::Left)),
    ]);
}

#[test]
fn shapes_of_what_is_no_tensor() {
    let (f, x) = (&factor(), &vector("x"));
    check(vec![
        refused("transpose", transpose(f)),
        refused("transpose_axes", ops::transpose_axes(f, &[0])),
        refused("moveaxis", ops::moveaxis(f, &[0], &[0])),
        refused("swapaxes", ops::swapaxes(f, 0, 1)),
        refused("expand_dims", ops::expand_dims(f, &[0])),
        refused("squeeze", ops::squeeze(f, &[0])),
        refused("flatten", ops::flatten(f, 1)),
        refused("ravel", ops::ravel(f)),
        refused("broadcast_to", ops::broadcast_to(f, [2usize])),
        refused("reshape", ops::reshape(f, [2usize])),
        refused("repeat", ops::repeat(f, 2usize, 0)),
        refused("roll", ops::roll(f, 1, 0)),
        refused("flip", ops::flip(f, &[0])),
        refused("concatenate", ops::concatenate(std::slice::from_ref(f), 0)),
        refused("stack", ops::stack(std::slice::from_ref(f), 0)),
        refused("pad", ops::pad(f, &[], 0.0)),
        refused("diff", ops::diff(f, 1, 0)),
        refused("cast", ops::cast(f, DType::F32)),
        refused("full_like", ops::full_like(f, 1.0)),
        refused("take", ops::take(f, x, 0)),
        refused("subtensor", ops::subtensor(f, &[])),
        refused("nonzero", ops::nonzero(f)),
        refused("kron", kron(f, f)),
    ]);
}

#[test]
fn kronecker_products_and_sums_of_what_is_no_tensor() {
    let (f, x, two) = (&factor(), &matrix("x"), [2usize, 2]);
    let pair = &[x.clone(), f.clone()];
    check(vec![
        refused("kron_all", ops::kron_all(pair)),
        refused("kron_contract", ops::kron_contract(x, pair, 0)),
        refused("kron_matmul", ops::kron_matmul(pair, x, Trans::No)),
        refused("kron_matmul_along", ops::kron_matmul_along(std::slice::from_ref(x), x, 2, Trans::No)),
        refused("kronsum", ops::kronsum(pair)),
        refused("kronsum_scipy", ops::kronsum_scipy(x, f)),
        refused("kronsum_matmul", ops::kronsum_matmul(pair, x, Trans::No)),
        refused("kronsum_diag", ops::kronsum_diag(pair)),
        refused("partial_trace", ops::partial_trace(f, two, 0)),
        refused("factorwise_sums_diag", ops::factorwise_sums_diag(f, two)),
        refused("factorwise_matrix", ops::factorwise_matrix(f, two, 0, [0, 0])),
        refused("factorwise_average", ops::factorwise_average(f, two, 0)),
        refused("factorwise_average_diag", ops::factorwise_average_diag(f, two, 0)),
        refused("ks_decompose", ops::ks_decompose(f, two, ops::KsTrace::Equal)),
        refused("ks_decompose_diag", ops::ks_decompose_diag(f, two, ops::KsTrace::Equal)),
        refused("nearest_kron", ops::nearest_kron(f, two, two)),
        refused("nearest_krons", ops::nearest_krons(f, two, two, 2)),
        refused("kron_slogdet", ops::kron_slogdet(pair)),
        refused("kron_det", ops::kron_det(pair)),
        refused("kron_trace", ops::kron_trace(pair)),
        refused("kron_diag", ops::kron_diag(pair)),
        refused("kron_inverse", ops::kron_inverse(pair)),
        refused("kron_cholesky", ops::kron_cholesky(pair, Triangle::Lower)),
        refused("expm_kronsum", ops::expm_kronsum(pair)),
        refused("expm_kronsum_action", ops::expm_kronsum_action(x, pair, x)),
        refused("sparse_kronsum", kronograph::sparse::sparse_kronsum(pair)),
        refused("kronsum_solve", kronograph::sparse::kronsum_solve(pair, x, Trans::No)),
        refused("to_format", kronograph::sparse::to_format(x, Format::Csr)),
    ]);
}

#[test]
fn axes_that_do_not_exist() {
    let x = &vector("x");
    check(vec![
        refused("sum_axes", ops::sum_axes(x, &[1])),
        refused("max_axes", ops::max_axes(x, &[1])),
        refused("softmax_axes", ops::softmax_axes(x, &[1])),
        refused("argmax_axes", ops::argmax_axes(x, &[1])),
        refused("var_axes", ops::var_axes(x, &[0, 0], 0)),
        refused("cumsum", ops::cumsum(x, 1)),
        refused("sort", ops::sort(x, 1)),
        refused("swapaxes", ops::swapaxes(x, 0, 1)),
        refused("squeeze", ops::squeeze(x, &[1])),
        refused("expand_dims", ops::expand_dims(x, &[0, 0])),
        refused("moveaxis", ops::moveaxis(x, &[1], &[0])),
        refused("flip", ops::flip(x, &[1])),
        refused("roll", ops::roll(x, 1, 1)),
        refused("repeat", ops::repeat(x, 2usize, 1)),
        refused("diff", ops::diff(x, 1, 1)),
        refused("take", ops::take(x, x, 1)),
        refused("diagonal", ops::diagonal(x, 0, 0, 1)),
        refused("trace", ops::trace(x, 0, 0, 1)),
        refused("unfold", ops::unfold(x, 1)),
        refused("specify_broadcastable", ops::specify_broadcastable(x, &[1])),
        refused("specify_shape", ops::specify_shape(x, [2usize, 2])),
        refused("split_dims", ops::split_dims(x, 1, [2usize])),
    ]);
}

#[test]
fn linear_algebra_of_what_is_no_matrix() {
    let (f, x) = (&factor(), &vector("x"));
    check(vec![
        refused("matmul", matmul(f, x)),
        refused("dot", ops::dot(f, x)),
        refused("outer", ops::outer(f, x)),
        refused("tensordot", ops::tensordot(x, x, &[1], &[0])),
        refused("einsum", ops::einsum("ij->i", std::slice::from_ref(x))),
        refused("matrix_transpose", ops::matrix_transpose(x)),
        refused("det", ops::det(x)),
        refused("slogdet", slogdet(x)),
        refused("solve", solve(x, x)),
        refused("solve_triangular", ops::solve_triangular(x, x, Triangle::Lower, ops::Trans::No, DiagonalKind::Unit)),
        refused("cho_solve", ops::cho_solve(x, x, Triangle::Lower, Rhs::Vector)),
        refused("factor_solve", factor_solve(x, x, ops::Trans::No)),
        refused("factor_logdet", factor_logdet(x)),
        refused("lu_factor", lu_factor(x)),
        refused("lu", ops::lu(x)),
        refused("cholesky", ops::cholesky(x, Triangle::Lower)),
        refused("cholesky_factor", cholesky_factor(x)),
        refused("matrix_inverse", ops::matrix_inverse(x)),
        refused("matrix_power", ops::matrix_power(x, 2)),
        refused("matrix_norm", ops::matrix_norm(x, ops::MatrixNorm::Frobenius)),
        refused("pinv", ops::pinv(x)),
        refused("expm", ops::expm(x)),
        refused("eigh", ops::eigh(x, Triangle::Lower)),
        refused("svdvals", ops::svdvals(x)),
        refused("qr", ops::qr(x, QrMode::Economic)),
        refused("tril", ops::tril(x, 0)),
        refused("diag", ops::diag(f, 0)),
        refused("alloc_diag", ops::alloc_diag(&scalar("s"), 0, 0, 1)),
        refused("block_diag", ops::block_diag(std::slice::from_ref(x))),
        refused("solve_sylvester", ops::solve_sylvester(x, x, x)),
    ]);
}
