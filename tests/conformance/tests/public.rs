//! The public files: every case passes, except of what is listed here as not built yet.

#![allow(clippy::unwrap_used, reason = "a test may")]

use std::path::Path;

use kronograph_conformance::{Outcome, Report, Verdict, run_folders};

/// What is not built yet: a group and an op or a case's id; `*` stands for the whole group.
const NOT_BUILT: &[(&str, &str)] = &[
    ("sparse_basic", "*"),
    ("sparse_math", "add"),
    ("sparse_math", "add_s_s_data"),
    ("sparse_math", "chain:sp_sum(col_scale(structured_exp(x), s), 1)"),
    ("sparse_math", "chain:sum(y * structured_dot(multiply(x, x), y))"),
    ("sparse_math", "chain:tanh(vstack([x, neg(x)], format))"),
    ("sparse_math", "eq"),
    ("sparse_math", "ge"),
    ("sparse_math", "gt"),
    ("sparse_math", "le"),
    ("sparse_math", "lt"),
    ("sparse_math", "multiply"),
    ("sparse_math", "neq"),
    ("sparse_math", "rint"),
    ("sparse_math", "sp_sum"),
    ("sparse_math", "structured_add"),
    ("sparse_math", "structured_add_s_v"),
    ("sparse_math", "structured_conjugate"),
    ("sparse_math", "structured_exp"),
    ("sparse_math", "structured_log"),
    ("sparse_math", "structured_maximum"),
    ("sparse_math", "structured_minimum"),
    ("sparse_math", "structured_pow"),
    ("sparse_math", "structured_sigmoid"),
    ("sparse_math", "subtract"),
    ("sandbox", "poisson"),
    ("sandbox", "binomial"),
    ("sandbox", "multinomial"),
    ("errors", "add_s_s_data"),
    ("errors", "col_scale"),
    ("errors", "construct_sparse_from_list"),
    ("errors", "csm"),
    ("errors", "get_item_2d"),
    ("errors", "get_item_2lists"),
    ("errors", "get_item_list"),
    ("errors", "get_item_scalar"),
    ("errors", "hstack"),
    ("errors", "multiply"),
    ("errors", "row_scale"),
    ("errors", "sp_sum"),
    ("errors", "structured_add_s_v"),
    ("errors", "vstack"),
    ("errors", "grad_undefined_index"),
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
