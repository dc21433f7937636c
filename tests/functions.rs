//! What surrounds a function: shared variables and updates, substitutions, named scopes, guards, reports, profiles,
//! pictures, and changes of a function graph that are made together or not at all.

#![allow(clippy::unwrap_used, reason = "a test may")]

use std::collections::BTreeSet;

use kronograph::graph::{FunctionGraph, Guard, scope};
use kronograph::prelude::*;

fn number(shared: &Shared) -> f64 {
    shared.get().as_f64().unwrap()[0]
}

#[test]
fn updates_are_computed_from_old_values_and_applied_together() {
    let (a, b) = (shared("a", Tensor::scalar(1.0)).unwrap(), shared("b", Tensor::scalar(10.0)).unwrap());
    let sum = add(a.variable(), b.variable()).unwrap();
    let swap = Definition::new(&[], &[sum]).update(&a, b.variable()).update(&b, a.variable());
    for mode in [Mode::raw(), Mode::run()] {
        let mut f = compile_definition(&swap, &mode).unwrap();
        assert_eq!((f.input_count(), f.output_count()), (0, 1));
        let before = (number(&a), number(&b));
        let out = f.call(&[]).unwrap();
        assert_eq!((out.len(), out.scalar(0).unwrap()), (1, 11.0));
        assert_eq!((number(&b), number(&a)), before);
    }
    // Every function sees a value that is set, forks too.
    let mut f = compile(&[], &[sqr(a.variable()).unwrap()], &Mode::run()).unwrap();
    let mut fork = f.fork();
    a.set(Tensor::scalar(3.0)).unwrap();
    assert_eq!((f.call(&[]).unwrap().scalar(0).unwrap(), fork.call(&[]).unwrap().scalar(0).unwrap()), (9.0, 9.0));
}

#[test]
fn a_gradient_descends_on_a_shared_vector() {
    let x = shared("x", Tensor::vector(vec![1.0, -2.0])).unwrap();
    let loss = sum(&sqr(x.variable()).unwrap()).unwrap();
    let gradient = grad(&loss, &[x.variable().clone()]).unwrap().remove(0);
    let next = sub(x.variable(), &mul(0.25, &gradient).unwrap()).unwrap();
    let mut step = compile_definition(&Definition::new(&[], &[loss]).update(&x, &next), &Mode::run()).unwrap();
    let losses: Vec<f64> = (0..3).map(|_| step.call(&[]).unwrap().scalar(0).unwrap()).collect();
    assert_eq!(losses, [5.0, 1.25, 0.3125]);
    assert_eq!(x.get().as_f64().unwrap(), [0.125, -0.25]);
    // The lengths may change, the dtype may not.
    x.set(Tensor::vector(vec![4.0, 0.0, 3.0])).unwrap();
    assert_eq!(step.call(&[]).unwrap().scalar(0).unwrap(), 25.0);
    let error = x.set(Tensor::scalar(1.0)).unwrap_err().to_string();
    assert!(error.contains("`x`") && error.contains("f64 (?,)"), "{error}");
}

#[test]
fn a_call_that_fails_changes_nothing() {
    let (n, x) = (shared("n", Tensor::scalar(0.0)).unwrap(), matrix("x"));
    let solved = solve(&x, &constant(Tensor::vector(vec![1.0, 1.0]))).unwrap();
    let count = Definition::new(std::slice::from_ref(&x), &[solved]).update(&n, &add(n.variable(), 1.0).unwrap());
    let mut f = compile_definition(&count, &Mode::run()).unwrap();
    f.call(&[&Tensor::new(&[2, 2], vec![2.0, 0.0, 0.0, 2.0]).unwrap()]).unwrap();
    f.call(&[&Tensor::new(&[2, 2], vec![0.0; 4]).unwrap()]).unwrap_err();
    assert_eq!(number(&n), 1.0);
}

#[test]
fn definitions_refuse_what_cannot_be() {
    let (a, x) = (shared("a", Tensor::scalar(1.0)).unwrap(), scalar("x"));
    let twice = Definition::new(&[], &[]).update(&a, a.variable()).update(&a, a.variable());
    assert!(twice.graph().unwrap_err().to_string().contains("updated twice"));
    let wrong = Definition::new(&[], &[]).update(&a, &constant(Tensor::vector(vec![1.0])));
    assert!(wrong.graph().unwrap_err().to_string().contains("type"));
    let given = Definition::new(std::slice::from_ref(&x), std::slice::from_ref(&x)).given(&x, a.variable());
    assert!(given.graph().unwrap_err().to_string().contains("is an input of the function"));
    let error = compile(&[a.variable().clone()], &[x], &Mode::run()).unwrap_err().to_string();
    assert!(error.contains("shared variable"), "{error}");
}

#[test]
fn givens_are_simultaneous_and_may_contain_what_they_replace() {
    let (x, y) = (scalar("x"), scalar("y"));
    let middle = sqr(&x).unwrap();
    let out = add(&middle, &x).unwrap();
    let given = Definition::new(&[x.clone(), y.clone()], &[out]).given(&middle, &add(&middle, &y).unwrap());
    let mut f = compile_definition(&given, &Mode::run()).unwrap();
    assert_eq!(f.call(&[&Tensor::scalar(3.0), &Tensor::scalar(100.0)]).unwrap().scalar(0).unwrap(), 112.0);
}

#[test]
fn named_scopes_show_in_errors_and_printouts() {
    let (out, line) = {
        let _model = scope("model");
        let _likelihood = scope("likelihood");
        (exp(&scalar("x")).unwrap(), line!())
    };
    let place = format!("tests/functions.rs:{line} in model/likelihood");
    assert!(debug_print(std::slice::from_ref(&out)).contains(&place), "{}", debug_print(&[out]));
    let outside = exp(&scalar("x")).unwrap();
    assert_eq!(outside.origin().scope(), None);
    let _again = scope("priors");
    let error = add(&vector("v").named("v"), &matrix("m")).and_then(|_| matmul(&scalar("s"), &outside));
    assert!(error.unwrap_err().to_string().contains("in priors"));
}

#[test]
fn a_guard_names_the_node_that_makes_the_number() {
    let x = vector("x");
    let logs = log(&x).unwrap().named("logs");
    let out = sum(&mul(&logs, 0.0).unwrap()).unwrap();
    let mut f = compile(&[x], &[out], &Mode::raw()).unwrap();
    let zero = Tensor::vector(vec![1.0, 0.0]);
    assert!(f.call(&[&zero]).unwrap().scalar(0).unwrap().is_nan());
    f.set_guard(Some(Guard::Nan));
    let nan = f.call(&[&zero]).unwrap_err();
    assert!(nan.to_string().starts_with("mul: the guard stopped the call: the result holds 1 NaN"), "{nan}");
    assert!(nan.is_recoverable());
    f.set_guard(Some(Guard::NonFinite));
    let infinite = f.call(&[&zero]).unwrap_err().to_string();
    assert!(infinite.starts_with("log: ") && infinite.contains("tests/functions.rs"), "{infinite}");
    assert!(f.fork().call(&[&zero]).is_err(), "a fork is guarded too");
    f.set_guard(None);
    assert!(f.call(&[&zero]).is_ok());
}

#[test]
fn a_report_lists_named_values() {
    let x = vector("x");
    let logs = log(&x).unwrap().named("logs");
    let out = sum(&logs).unwrap();
    // Whatever compiling makes of it.
    let f = compile(&[x], &[out], &Mode::run()).unwrap();
    let report = f.debug(&[&Tensor::vector(vec![1.0, 0.0, -1.0])]).unwrap();
    let names: Vec<&str> = report.rows.iter().map(|row| row.name.as_str()).collect();
    assert_eq!(names, ["x", "logs", "sum(..)"]);
    let logs = &report.rows[1];
    assert_eq!((logs.min, logs.max, logs.nan, logs.infinite), (f64::NEG_INFINITY, 0.0, 1, 1));
    assert!(report.to_string().lines().nth(2).unwrap().starts_with("logs     f64 (3,)"), "{report}");
}

#[test]
fn a_profile_counts_calls_time_and_bytes() {
    let x = vector("x");
    let out = sum(&exp(&x).unwrap()).unwrap();
    let mut f = compile(&[x], &[out], &Mode::raw()).unwrap();
    let point = Tensor::vector(vec![0.5; 1000]);
    f.call(&[&point]).unwrap();
    assert!(f.profile().is_none());
    f.start_profiling();
    (0..3).for_each(|_| drop(f.call(&[&point]).unwrap()));
    let profile = f.profile().unwrap();
    let seen: Vec<(&str, u64, usize)> =
        profile.nodes().iter().map(|node| (node.op.as_str(), node.calls, node.bytes)).collect();
    assert_eq!(seen, [("exp", 3, 8000), ("sum{axes=[0]}", 3, 8)]);
    assert!(profile.total().as_nanos() > 0 && profile.to_string().contains("exp at tests/functions.rs"));
    assert_eq!(profile.by_line().len(), 1);
    assert_eq!(f.fork().profile().unwrap().nodes()[0].calls, 0);
}

#[test]
fn a_picture_in_dot_has_all_nodes_and_edges() {
    let (x, y) = (vector("x"), vector("y"));
    let out = sub(&exp(&x).unwrap().named("grown"), &y).unwrap();
    let picture = FunctionGraph::new(&[x, y], &[out]).unwrap().dot();
    assert!(picture.starts_with("digraph {") && picture.trim_end().ends_with('}'), "{picture}");
    for part in ["exp\\ngrown", "label=\"x\"", "label=\"y\"", "label=\"1: f64 (?,)\"", "output 0"] {
        assert!(picture.contains(part), "{part} in {picture}");
    }
    assert_eq!(picture.matches("->").count(), 4);
}

#[test]
fn replacements_are_made_together_or_not_at_all() {
    let (x, y) = (vector("x"), vector("y"));
    let inner = exp(&x).unwrap().named("inner");
    let outputs = [add(&inner, &y).unwrap(), mul(&inner, &sin(&y).unwrap()).unwrap(), inner.clone()];
    let mut graph = FunctionGraph::new(&[x.clone(), y.clone()], &outputs).unwrap();
    let text = |graph: &FunctionGraph| debug_print(&graph.export());
    let before = text(&graph);
    let uses = |graph: &FunctionGraph| graph.outputs().iter().copied().collect::<BTreeSet<_>>();
    let (exp_id, sum_id) = (graph.outputs()[2], graph.outputs()[0]);
    let made = graph.import(&[log1p(&graph.bind(graph.inputs()[0])).unwrap()]).unwrap()[0];
    // The second pair is of another type: nothing is changed.
    let wrong = graph.import(&[constant(1.0)]).unwrap()[0];
    assert!(graph.replace_all_validate(&[(exp_id, made), (sum_id, wrong)], "test", |_| Ok(())).is_err());
    assert_eq!((text(&graph), graph.check()), (before.clone(), Ok(())));
    // A replacement that depends on what it replaces would be a cycle.
    let cycle = graph.import(&[neg(&graph.bind(exp_id)).unwrap()]).unwrap()[0];
    let error = graph.replace_all_validate(&[(exp_id, cycle)], "test", |_| Ok(())).unwrap_err().to_string();
    assert!(error.contains("depends on what it replaces"), "{error}");
    assert_eq!((text(&graph), graph.check()), (before.clone(), Ok(())));
    // A validation that refuses, inside a transaction that imports and removes, inside another.
    let count = graph.node_count();
    let refused: kronograph::graph::Result<()> = graph.transaction(|graph| {
        let cosine = graph.import(&[cos(&graph.bind(graph.inputs()[0])).unwrap()])?[0];
        graph.replace(exp_id, cosine, "test")?;
        graph.replace_all_validate(&[(sum_id, cosine)], "test", |_| Ok(()))?;
        Err(BuildError::parameter("test", "no"))
    });
    assert!(refused.is_err());
    assert_eq!((text(&graph), graph.check(), graph.node_count()), (before, Ok(()), count));
    // What is accepted stays.
    graph.replace_all_validate(&[(exp_id, made)], "test", |_| Ok(())).unwrap();
    assert_eq!(graph.check(), Ok(()));
    assert!(!text(&graph).contains("exp") && text(&graph).contains("'inner'"));
    assert_eq!(uses(&graph).len(), 3);
}

#[test]
fn a_transaction_that_fails_leaves_what_was_imported_before_it() {
    let (x, other) = (vector("x"), shared("other", Tensor::vector(vec![1.0])).unwrap());
    let mut graph = FunctionGraph::new(std::slice::from_ref(&x), &[exp(&x).unwrap()]).unwrap();
    let made = graph.import(&[log1p(&x).unwrap()]).unwrap()[0];
    let (bound, inputs) = (graph.bind(made), graph.inputs().to_vec());
    let mut inside = made;
    let refused: kronograph::graph::Result<()> = graph.transaction(|graph| {
        inside = graph.import(&[add(&neg(&bound)?, other.variable())?])?[0];
        Err(BuildError::parameter("test", "no"))
    });
    assert!(refused.is_err());
    assert_eq!((graph.inputs(), graph.check()), (&inputs[..], Ok(())));
    let error = graph.replace(graph.outputs()[0], inside, "test").unwrap_err().to_string();
    assert!(error.contains("was removed from the graph"), "{error}");
    graph.replace(graph.outputs()[0], made, "test").unwrap();
    let mut f = Function::plan(graph).unwrap();
    assert_eq!(
        f.call(&[&Tensor::vector(vec![0.0])]).unwrap().get::<Tensor>(0).unwrap().to_vec::<f64>().unwrap(),
        [0.0]
    );
}

#[test]
fn a_cycle_is_an_error_of_planning() {
    let x = vector("x");
    let mut graph = FunctionGraph::new(std::slice::from_ref(&x), &[exp(&x).unwrap()]).unwrap();
    let out = graph.outputs()[0];
    let made = graph.import(&[neg(&graph.bind(out)).unwrap()]).unwrap()[0];
    graph.replace(out, made, "test").unwrap();
    let error = Function::plan(graph).unwrap_err().to_string();
    assert!(error.contains("neg") && error.contains("cycle"), "{error}");
}

#[test]
fn no_call_sees_a_part_of_the_updates_of_another() {
    let (a, b) = (shared("a", Tensor::scalar(0.0)).unwrap(), shared("b", Tensor::scalar(0.0)).unwrap());
    let next = |x: &Shared| add(x.variable(), 1.0).unwrap();
    let both = Definition::new(&[], &[]).update(&a, &next(&a)).update(&b, &next(&b));
    let mut step = compile_definition(&both, &Mode::run()).unwrap();
    let mut apart = compile(&[], &[sub(a.variable(), b.variable()).unwrap()], &Mode::run()).unwrap();
    let writer = std::thread::spawn(move || (0..20_000).for_each(|_| drop(step.call(&[]).unwrap())));
    while !writer.is_finished() {
        assert_eq!(apart.call(&[]).unwrap().scalar(0).unwrap(), 0.0);
    }
    writer.join().unwrap();
    assert_eq!(number(&a), 20_000.0);
}
