//! Errors and rewriting.

use kronograph::graph::{NodeView, Result};
use kronograph::prelude::*;
use kronograph::rewrites::{Pass, Rule, RuleContext, RuleDb, Tag};

#[test]
fn a_runtime_error_shows_no_node_and_no_line_by_default() {
    let (a, b) = (matrix("A"), vector("b"));
    let product = matmul(&a, &b).unwrap();
    let line = line!() - 1;
    let mut f = compile(&[a, b], &[exp(&product).unwrap()], &Mode::run()).unwrap();
    let wrong = (Tensor::new(&[2, 3], vec![0.0; 6]).unwrap(), Tensor::vector(vec![0.0; 2]));
    let text = f.call(&[&wrong.0, &wrong.1]).unwrap_err().to_string();
    let parts = ["node 0 of 2: matmul", "`A` f64 (2, 3)", "`b` f64 (2,) = [0.0, 0.0]", "goes to input 0 of exp"];
    assert!(parts.iter().all(|part| text.contains(part)), "{text}");
    assert!(text.contains(&format!("built at tests/pytensor_defects/errors.rs:{line}")), "{text}");
}

#[test]
fn creation_traces_are_lost_by_rewrites() {
    let (a, b, y) = (matrix("A"), matrix("B"), vector("y"));
    let (_, logdet) = slogdet(&kron(&a, &b).unwrap()).unwrap();
    let loss = logdet + sum(&sqr(&solve(&kron(&a, &b).unwrap(), &y).unwrap()).unwrap()).unwrap() * 1.0;
    let gradient = grad(&loss, &[a.clone(), b.clone()]).unwrap();
    let f = compile(&[a, b, y], &[vec![loss], gradient].concat(), &Mode::run()).unwrap();
    assert!(f.explain().contains("logdet_of_kron") && f.explain().contains("solve_with_kron"));
    for id in f.graph().toposort() {
        let origin = f.graph().origin(id).unwrap();
        assert_eq!(origin.line().file(), "tests/pytensor_defects/errors.rs", "{origin:#}");
    }
}

/// A rule that cannot build what it proposes.
struct Broken;

impl Rule for Broken {
    fn name(&self) -> &'static str {
        "broken"
    }

    fn reason(&self) -> &'static str {
        "none"
    }

    fn tags(&self) -> &'static [Tag] {
        &[Tag::Canonicalize]
    }

    fn roots(&self) -> &'static [&'static str] {
        &["exp"]
    }

    fn apply(&self, _context: &RuleContext<'_>, node: &NodeView<'_>) -> Result<Option<Vec<Variable>>> {
        Ok(Some(vec![sum_axes(node.input(0), &[7])?]))
    }
}

#[test]
fn errors_in_rules_are_logged_and_skipped() {
    let x = vector("x");
    let mode = Mode::of([Pass::Rules(RuleDb::default().with(Broken))]);
    let error = compile(std::slice::from_ref(&x), &[exp(&x).unwrap()], &mode).unwrap_err();
    let text = error.to_string();
    assert!(text.starts_with("sum: `x`") && text.contains("rewritten by broken from `exp`"), "{text}");
}
