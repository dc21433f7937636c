//! Every op against finite differences, forward mode against reverse mode, at first and second order.
//!
//! A case is a name, some values and a closure that builds outputs; `harness` does the rest. Each case runs twice: with
//! the lengths known to the types, and with them known at run time only.

#![allow(clippy::unwrap_used, reason = "a test may")]

mod control;
mod coverage;
mod dense;
mod elementwise;
mod factors;
mod harness;
mod sparse;

use harness::{Case, check};

/// Checks the cases and names all that fail.
fn check_all(cases: Vec<Case>) {
    let failures: Vec<String> = cases.iter().filter_map(|case| check(case).err()).collect();
    assert!(failures.is_empty(), "{} of {} cases fail:\n{}", failures.len(), cases.len(), failures.join("\n"));
}

#[test]
fn elementwise_rows() {
    check_all(elementwise::cases());
}

#[test]
fn dense_ops() {
    check_all(dense::cases());
}

#[test]
fn dense_factors() {
    check_all(factors::cases());
}

#[test]
fn sparse_ops() {
    check_all(sparse::cases());
}

#[test]
fn ops_that_run_an_expression() {
    check_all(control::cases());
}

#[test]
fn every_op_has_a_case() {
    let cases = [elementwise::cases(), dense::cases(), factors::cases(), sparse::cases(), control::cases()];
    let reached = coverage::reached(&cases.into_iter().flatten().collect::<Vec<_>>());
    let mut declared = std::collections::BTreeSet::new();
    for folder in ["ops/src", "sparse/src"] {
        coverage::declared(&std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(folder), &mut declared);
    }
    assert!(declared.len() > 25, "the sources were not understood: {declared:?}");
    let missing: Vec<&String> = declared.difference(&reached).collect();
    assert!(missing.is_empty(), "no case reaches {missing:?}");
}
