//! The public files: every case passes, except of what is listed here as not built yet.

#![allow(clippy::unwrap_used, reason = "a test may")]

use std::path::Path;

use kronograph_conformance::{Outcome, Report, Verdict, run_folders};

/// What is not built yet: a group and an op or a case's id; `*` stands for the whole group.
const NOT_BUILT: &[(&str, &str)] = &[
    ("sparse_basic", "block_diag"),
    ("sparse_basic", "construct_sparse_from_list"),
    ("sparse_basic", "csm"),
    ("sparse_basic", "csm_properties"),
    ("sparse_basic", "csm_then_multiply"),
    ("sparse_basic", "diag"),
    ("sparse_basic", "get_item_2d"),
    ("sparse_basic", "get_item_2lists"),
    ("sparse_basic", "get_item_list"),
    ("sparse_basic", "get_item_scalar"),
    ("sparse_basic", "hstack"),
    ("sparse_basic", "square_diagonal"),
    ("sparse_basic", "vstack"),
    ("sparse_math", "chain:log1p(sqr(true_dot(x, x.T)))"),
    ("sparse_math", "chain:tanh(vstack([x, neg(x)], format))"),
    ("sparse_math", "dot"),
    ("sparse_math", "sampling_dot"),
    ("sparse_math", "structured_dot"),
    ("sparse_math", "true_dot"),
    ("sparse_math", "usmm"),
    ("sandbox", "poisson"),
    ("sandbox", "binomial"),
    ("sandbox", "multinomial"),
    ("errors", "construct_sparse_from_list"),
    ("errors", "csm"),
    ("errors", "dot(sparse)"),
    ("errors", "get_item_2d"),
    ("errors", "get_item_2lists"),
    ("errors", "get_item_list"),
    ("errors", "get_item_scalar"),
    ("errors", "hstack"),
    ("errors", "sampling_dot"),
    ("errors", "true_dot"),
    ("errors", "usmm"),
    ("errors", "vstack"),
    ("errors", "grad_undefined_index"),
    // The function takes vectors too; the op by that name is for matrices.
    ("errors", "structured_dot_vector"),
];

/// Cases whose recorded numbers are wrong: infinite or NaN where there is a number, or a limit. The numbers that we give are
/// checked by name in `tests/pytensor_defects` and `tests/catalogue.rs`.
const WRONG: &[(&str, &str, &str)] = &[
    ("dense", "logsumexp_edge_0", "the gradient at (1000, 1000) is 1/2 each"),
    ("dense", "logsumexp_edge_1", "the gradient at (-1000, -1000) is 1/2 each"),
    ("dense", "logsumexp_edge_3", "the gradient of a slice of minus infinities is zero by convention"),
    ("dense", "logaddexp_edges", "of 1000 and 1000 it is 1000 + ln 2, and the gradient 1/2 each"),
    ("dense", "pow_edges", "x^0 is 1 for every x, so its derivative in x is 0"),
    ("dense", "log1mexp_edges", "the second derivative vanishes at minus infinity"),
    ("dense", "erfcx_edges", "the derivative vanishes at infinity"),
    ("dense", "xlogx_edges", "the second derivative is 1 / x, infinite at 0"),
    ("sparse_math", "subtract_ss_csr_csc", "x - y is regular in x in every other case, of one format and of two"),
];

fn names(place: &(&str, &str), outcome: &Outcome) -> bool {
    outcome.group == place.0 && (place.1 == "*" || outcome.op == place.1 || outcome.id == place.1)
}

fn report() -> Report {
    run_folders(&[Path::new(env!("CARGO_MANIFEST_DIR")).join("data")]).unwrap()
}

#[test]
fn every_case_of_what_is_built_passes() {
    let mut report = report();
    for place in NOT_BUILT {
        let fails = |outcome: &Outcome| names(place, outcome) && outcome.verdict != Verdict::Passed;
        assert!(report.outcomes.iter().any(fails), "{place:?} passes: take it from the list");
    }
    for (group, id, why) in WRONG {
        let fails = |outcome: &Outcome| names(&(group, id), outcome) && outcome.verdict != Verdict::Passed;
        assert!(report.outcomes.iter().any(fails), "{group}/{id} passes: take it from the list of wrong ones ({why})");
    }
    let wrong = |outcome: &Outcome| WRONG.iter().any(|(group, id, _)| names(&(group, id), outcome));
    report.outcomes.retain(|outcome| !wrong(outcome) && !NOT_BUILT.iter().any(|place| names(place, outcome)));
    assert!(report.outcomes.len() > 400, "{} cases were run", report.outcomes.len());
    assert!(report.passed(), "{report}");
}
