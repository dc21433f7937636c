//! The public files: every case passes, but for records that are wrong.

#![allow(clippy::unwrap_used, reason = "a test may")]

use std::path::Path;

use kronograph_conformance::{Outcome, Report, Verdict, run_folders};

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

fn report() -> Report {
    run_folders(&[Path::new(env!("CARGO_MANIFEST_DIR")).join("data")]).unwrap()
}

#[test]
fn every_case_passes() {
    let mut report = report();
    let is = |group: &str, id: &str, outcome: &Outcome| outcome.group == group && outcome.id == id;
    for (group, id, why) in WRONG {
        let fails = |outcome: &Outcome| is(group, id, outcome) && outcome.verdict != Verdict::Passed;
        assert!(report.outcomes.iter().any(fails), "{group}/{id} passes: take it from the list of wrong ones ({why})");
    }
    report.outcomes.retain(|outcome| !WRONG.iter().any(|(group, id, _)| is(group, id, outcome)));
    assert!(report.outcomes.len() > 1300, "{} cases were run", report.outcomes.len());
    assert!(report.passed(), "{report}");
}
