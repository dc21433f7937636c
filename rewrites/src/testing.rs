//! How a rule is tested: as text, as numbers and gradients, and by what it declines.

use kronograph_graph::{Function, FunctionGraph, Gradient, Missing, Value, Variable};
use kronograph_ops::{Tensor, add, cast, sum};
use kronograph_sparse::{Format, SparseMatrix, dense_from_sparse_regular, is_sparse, sparse_matrix};

use crate::engine::{Pass, Rule, RuleDb};
use crate::modes::Mode;

/// What a rule alone makes of the outputs, as text. Checks on the way that it fired, that values and gradients stay,
/// that a second run changes nothing, and that the whole mode agrees.
pub(crate) fn check_rule(
    rule: impl Rule + Clone,
    inputs: &[Variable],
    outputs: &[Variable],
    values: &[Tensor],
) -> String {
    let values: Vec<&dyn Value> = values.iter().map(|value| value as &dyn Value).collect();
    check_rule_at(rule, inputs, outputs, &values)
}

/// The same at values of any kind.
pub(crate) fn check_rule_at(
    rule: impl Rule + Clone,
    inputs: &[Variable],
    outputs: &[Variable],
    values: &[&dyn Value],
) -> String {
    let (text, after, whole) = applied(rule, inputs, outputs);
    let want = numbers(inputs, outputs, values, inputs);
    for (what, outputs) in [("the rule alone", &after), ("the whole mode", &whole)] {
        compare(what, &numbers(inputs, outputs, values, inputs), &want);
    }
    text
}

/// The same for a rule that is for compiling only, and keeps values but not every derivative.
pub(crate) fn check_values(
    rule: impl Rule + Clone,
    inputs: &[Variable],
    outputs: &[Variable],
    values: &[&dyn Value],
) -> String {
    let (text, after, _) = applied(rule, inputs, outputs);
    compare("the rule alone", &numbers(inputs, &after, values, &[]), &numbers(inputs, outputs, values, &[]));
    text
}

/// What a rule alone makes of the outputs, as text and as expressions, and what the whole mode makes of them.
fn applied(
    rule: impl Rule + Clone,
    inputs: &[Variable],
    outputs: &[Variable],
) -> (String, Vec<Variable>, Vec<Variable>) {
    let name = rule.name();
    let alone = Mode::of([Pass::Rules(RuleDb::default().with(rule))]);
    let (after, fired) = run(&alone, outputs, inputs);
    assert!(fired > 0, "{name} did not fire");
    let (_, again) = run(&alone, &after, inputs);
    assert_eq!(again, 0, "{name} fires on its own result");
    let (whole, _) = run(&Mode::run().without_lowering(), outputs, inputs);
    (after.iter().map(text).collect::<Vec<_>>().join("\n"), after, whole)
}

#[track_caller]
fn compare(what: &str, got: &[f64], want: &[f64]) {
    assert_eq!(got.len(), want.len(), "{what}");
    for (got, want) in got.iter().zip(want) {
        assert!(close(*got, *want), "{what} gives {got}, {want} is right");
    }
}

/// Asserts that a rule leaves the outputs alone.
pub(crate) fn declines(rule: impl Rule, inputs: &[Variable], outputs: &[Variable]) {
    let name = rule.name();
    let (_, fired) = run(&Mode::of([Pass::Rules(RuleDb::default().with(rule))]), outputs, inputs);
    assert_eq!(fired, 0, "{name} fired where its guard should say no");
}

fn run(mode: &Mode, outputs: &[Variable], inputs: &[Variable]) -> (Vec<Variable>, usize) {
    let mut graph = FunctionGraph::new(inputs, outputs).expect("the test's own inputs");
    mode.run_on(&mut graph).expect("the rules under test succeed");
    graph.check().expect("the graph stays whole");
    (graph.export(), graph.history().len())
}

/// All entries of all outputs, and the gradients of their total, without any rewriting.
fn numbers(inputs: &[Variable], outputs: &[Variable], values: &[&dyn Value], wrt: &[Variable]) -> Vec<f64> {
    let entries = |x: &Variable| -> Variable {
        let dense = if is_sparse(x) { dense_from_sparse_regular(x) } else { Ok(x.clone()) };
        cast(&dense.expect("a matrix"), kronograph_ops::DType::F64).expect("a tensor")
    };
    let outputs: Vec<Variable> = outputs.iter().map(entries).collect();
    let sums: Vec<Variable> = outputs.iter().map(|output| sum(output).expect("a tensor")).collect();
    let total = sums[1..].iter().fold(sums[0].clone(), |total, next| add(&total, next).expect("scalars"));
    let gradients = || Gradient::of(&total)?.missing(Missing::Zeros).wrt(wrt);
    let gradients = if wrt.is_empty() { Vec::new() } else { gradients().expect("every rule is differentiable") };
    let gradients: Vec<Variable> = gradients.iter().map(entries).collect();
    let graph = FunctionGraph::new(inputs, &[&outputs[..], &gradients].concat()).expect("the test's own inputs");
    let mut function = Function::plan(graph).expect("a plan");
    let out = function.call(values).expect("the values fit the inputs");
    let flat = |k: usize| out.get::<Tensor>(k).expect("a tensor").to_vec::<f64>().expect("f64");
    (0..out.len()).flat_map(flat).collect()
}

fn close(a: f64, b: f64) -> bool {
    a == b || (a - b).abs() <= 1e-11 * (1.0 + a.abs() + b.abs())
}

/// The whole expression on one line.
fn text(variable: &Variable) -> String {
    let Some((node, output)) = variable.owner() else { return kronograph_graph::expression_text(variable) };
    let inputs: Vec<String> = node.inputs().iter().map(text).collect();
    let output = if node.output_count() > 1 { format!(".{output}") } else { String::new() };
    format!("{}{}({}){output}", node.op().name(), node.op().props(), inputs.join(", "))
}

/// A matrix variable of a known shape, and numbers for it: a dominant diagonal keeps it regular.
pub(crate) fn matrix(name: &str, rows: usize, columns: usize) -> (Variable, Tensor) {
    let variable = kronograph_ops::tensor(name, kronograph_ops::DType::F64, &[Some(rows), Some(columns)]);
    let entry = |at: usize| {
        let (i, j) = (at / columns, at % columns);
        if i == j { 3.0 + i as f64 } else { ((7 * i + 3 * j + name.len()) as f64).sin() }
    };
    let value = Tensor::new(&[rows, columns], (0..rows * columns).map(entry).collect()).expect("the shape's own size");
    (variable, value)
}

/// A tensor variable of a known shape, and numbers for it.
pub(crate) fn array(name: &str, shape: &[usize]) -> (Variable, Tensor) {
    let lengths: Vec<Option<usize>> = shape.iter().map(|&length| Some(length)).collect();
    let variable = kronograph_ops::tensor(name, kronograph_ops::DType::F64, &lengths);
    let size = shape.iter().product();
    let value = Tensor::new(shape, (0..size).map(|at: usize| (at as f64 + 0.5).cos()).collect());
    (variable, value.expect("the shape's own size"))
}

/// A sparse (3, 4) matrix variable, and a value: unsorted, with an empty row or column and an explicit zero.
pub(crate) fn sparse(name: &str, format: Format) -> (Variable, SparseMatrix) {
    let (indices, indptr) = match format {
        Format::Csr => (vec![3, 0, 1, 2, 0], vec![0, 3, 3, 5]),
        Format::Csc => (vec![2, 0, 0, 2, 0], vec![0, 2, 3, 4, 5]),
    };
    let data = vec![1.5, -0.75, 0.0, 0.25 * name.len() as f64, 0.5];
    let value = SparseMatrix::new(format, [3, 4], data, indices, indptr).expect("a valid pattern");
    (sparse_matrix(name, format, [Some(3), Some(4)]), value)
}
