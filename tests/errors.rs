//! What errors look like: all on one screen, in the snapshots beside this file.

#![allow(clippy::unwrap_used, reason = "a test may")]

use std::borrow::Cow;
use std::fmt::Display;

use kronograph::graph::{
    FunctionGraph, Grads, Guard, Io, NodeSpec, NodeView, Op, OpFromGraph, OpResult, Result as Built, Shape, apply,
    apply_all, scope, undefined_grad,
};
use kronograph::ops::FactorLogdet;
use kronograph::prelude::*;
use kronograph::rewrites::{Pass, Rule, RuleContext, RuleDb, Tag};

/// The text of an error, without line numbers, so that editing this file does not change it.
fn text<T, E: Display>(result: Result<T, E>) -> String {
    let text = result.map(|_| ()).unwrap_err().to_string();
    assert!(text.contains("tests/errors.rs:") || !text.contains("  at "), "the line is not the user's: {text}");
    let mut shown = String::new();
    for (k, part) in text.split("tests/errors.rs:").enumerate() {
        let rest = part.trim_start_matches(|c: char| c.is_ascii_digit());
        shown.push_str(&if k == 0 { part.to_owned() } else { format!("tests/errors.rs:{{line}}{rest}") });
    }
    shown
}

fn run_error(inputs: &[Variable], output: Variable, arguments: &[&dyn Value]) -> String {
    text(compile(inputs, &[output], &Mode::raw()).unwrap().call(arguments))
}

#[test]
fn every_error_on_one_screen() {
    let x = tensor("X", DType::F64, &[Some(3), Some(4)]);
    let beta = tensor("beta", DType::F64, &[Some(5)]);
    let (s, v, a) = (scalar("s"), vector("v"), matrix("A"));
    let w = SparseMatrix::new(Format::Csr, [2, 2], vec![1.0, 1.0], vec![1, 0], vec![0, 1, 2]).unwrap();
    let w = sparse_constant(w).named("W");
    let short = Tensor::vector(vec![1.0, 2.0]);
    let singular = Tensor::new(&[2, 2], vec![1.0, 2.0, 2.0, 4.0]).unwrap();
    let cut = "%%MatrixMarket matrix coordinate real general\n2 2 3\n1 1 0.5\n";

    let screen = [
        text(matmul(&x, &beta)),
        text(x.try_add(&beta)),
        text(exp(&(&x * exp(&x).unwrap()).try_add(&beta).unwrap_or(w.clone()))),
        text(switch(&x, &x, 0.0)),
        text(reshape(&x, [5, -1])),
        text(concatenate(&[x.clone(), beta.clone()], 0)),
        text(subtensor(&beta, &[Index::at(7)])),
        text(sum_axes(&x, &[2])),
        text(apply_all(FactorLogdet, &[s.clone(), s.clone()])),
        text(kronecker_flow_solve(&w, &s, &s, &beta)),
        text(sparse_sar_solve(&a, &s, &v)),
        text(grad(&v, std::slice::from_ref(&v))),
        text(grad(&sum(&v).unwrap(), std::slice::from_ref(&s))),
        text(compile(std::slice::from_ref(&v), &[&v * &s], &Mode::raw())),
        text(compile(&[v.clone(), v.clone()], &[sum(&v).unwrap()], &Mode::raw())),
        run_error(&[v.clone(), a.clone()], solve(&a, &exp(&v).unwrap()).unwrap(), &[&short, &singular]),
        run_error(&[s.clone(), v.clone()], sparse_sar_solve(&w, &s, &v).unwrap(), &[&Tensor::scalar(-1.0), &short]),
        run_error(
            &[a.clone(), v.clone()],
            matmul(&a, &v).unwrap(),
            &[&Tensor::new(&[1, 3], vec![0.0; 3]).unwrap(), &short],
        ),
        run_error(std::slice::from_ref(&v), exp(&v).unwrap(), &[&singular]),
        run_error(std::slice::from_ref(&v), exp(&v).unwrap(), &[]),
        text(SparseMatrix::new(Format::Csr, [2, 2], vec![1.0, 1.0], vec![0, 2], vec![0, 1, 2])),
        text(SparseMatrix::new(Format::Csc, [2, 2], vec![1.0], vec![0], vec![0, 2, 1])),
        text(read_matrix_market(cut, Format::Csr)),
        text(Tensor::new(&[2, 2], vec![1.0])),
    ];
    insta::assert_snapshot!(screen.join("\n\n"));
}

fn numbers(shape: &[usize], data: &[f64]) -> Tensor {
    Tensor::new(shape, data.to_vec()).unwrap()
}

/// `x` as it is, with a derivative that nobody has written, or one with too many terms.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
struct Unfinished {
    too_many_terms: bool,
}

impl Op for Unfinished {
    fn name(&self) -> Cow<'static, str> {
        "unfinished".into()
    }

    fn make_node(&self, inputs: &[Variable]) -> Built<NodeSpec> {
        Ok(NodeSpec::one(inputs[0].ty().clone()))
    }

    fn perform(&self, io: &mut Io<'_>) -> OpResult {
        io.outputs[0].assign(io.inputs.value(0)?);
        Ok(())
    }

    fn l_op(&self, node: &NodeView<'_>, output_grads: &[Option<Variable>]) -> Built<Grads> {
        match self.too_many_terms {
            true => Ok(vec![output_grads[0].clone().into(); 2]),
            false => Err(node.no_derivative("reverse", 0)),
        }
    }

    fn infer_shape(&self, _node: &NodeView<'_>, input_shapes: &[Shape]) -> Built<Vec<Shape>> {
        Ok(input_shapes.to_vec())
    }
}

/// `a + b = b + a`, and back again.
struct Turn;

impl Rule for Turn {
    fn name(&self) -> &'static str {
        "turn"
    }

    fn reason(&self) -> &'static str {
        "none"
    }

    fn tags(&self) -> &'static [Tag] {
        &[Tag::Canonicalize]
    }

    fn roots(&self) -> &'static [&'static str] {
        &["add"]
    }

    fn apply(&self, _context: &RuleContext<'_>, node: &NodeView<'_>) -> Built<Option<Vec<Variable>>> {
        Ok(Some(vec![add(node.input(1), node.input(0))?]))
    }
}

#[test]
fn what_differentiating_and_rewriting_refuse() {
    let (x, v) = (scalar("x"), vector("v"));
    let gradient = |y: Variable| text(grad(&y, std::slice::from_ref(&x)));
    let of_gradient =
        |y: Variable| text(grad(&grad(&y, std::slice::from_ref(&x)).unwrap()[0], std::slice::from_ref(&v)));
    let unfinished = |too_many_terms| apply(Unfinished { too_many_terms }, std::slice::from_ref(&x)).unwrap();
    let mut graph = FunctionGraph::new(&[x.clone(), v.clone()], &[exp(&x).unwrap()]).unwrap();
    let (old, new) = (graph.outputs()[0], graph.inputs()[1]);
    let twice = std::slice::from_ref(&x);
    let _model = scope("model");
    let screen = [
        gradient(unfinished(false)),
        gradient(unfinished(true)),
        gradient(undefined_grad(&x).unwrap()),
        of_gradient(sqr(&x).unwrap()),
        text(lop(&[exp(&v).unwrap()], std::slice::from_ref(&v), &[tensor("g", DType::F64, &[Some(2), Some(2)])])),
        text(graph.replace(old, new, "test")),
        text(compile(twice, &[&x + &exp(&x).unwrap()], &Mode::of([Pass::Rules(RuleDb::default().with(Turn))]))),
        text(
            compile(twice, &[unfinished(false)], &Mode::raw())
                .unwrap()
                .call(&[&Tensor::scalar(1.0)])
                .unwrap()
                .scalar(1),
        ),
        text(value_and_gradient(&sqr(&x).unwrap(), twice, &Mode::run()).unwrap().eval(&[1.0, 2.0], &mut [0.0])),
        text(value_and_gradient(&sqr(&x).unwrap(), twice, &Mode::run()).unwrap().pack(&[("z", &[1.0])])),
        text(shared("s", 1.0).map(|s| s.set(numbers(&[1], &[2.0]))).unwrap()),
        text(SparseMatrix::new(Format::Csr, [2, 2], vec![1.0], vec![0], vec![0, 1])),
    ];
    insta::assert_snapshot!(screen.join("\n\n"));
}

#[test]
fn a_failed_call_tells_its_node() {
    let (x, v, a) = (matrix("X"), vector("v"), matrix("A"));
    let (short, long) = (numbers(&[2], &[1.0, 2.0]), numbers(&[3], &[1.0, 0.0, 0.5]));
    let wide = numbers(&[2, 3], &[1.0, 2.0, 3.0, 4.0, 5.0, 6.0]);

    // Strides, a scope, several consumers and an output.
    let product = {
        let _likelihood = scope("likelihood");
        matmul(&transpose(&x).unwrap(), &exp(&v).unwrap()).unwrap().named("eta")
    };
    let outputs = [sum(&product).unwrap(), &product * 2.0, exp(&product).unwrap(), log(&product).unwrap(), product];
    let plain = text(compile(&[x, v.clone()], &outputs, &Mode::raw()).unwrap().call(&[&wide, &long]));

    // Reverse, forward, and the reverse of a reverse sweep.
    let (wrt, g) = (std::slice::from_ref(&v), vector("g"));
    let cotangent = lop(&[log(&v).unwrap()], wrt, std::slice::from_ref(&g)).unwrap().remove(0);
    let tangent = rop(&[log(&v).unwrap()], wrt, std::slice::from_ref(&g)).unwrap().remove(0);
    let second = lop(std::slice::from_ref(&cotangent), wrt, std::slice::from_ref(&g)).unwrap().remove(0);
    let inputs = [v.clone(), g.clone()];
    let derivatives = [cotangent, tangent, second].map(|y| run_error(&inputs, y, &[&short, &long]));

    // A rule's work, and a rule's work on a gradient.
    let b = matrix("B");
    let (_, logdet) = slogdet(&kron(&a, &b).unwrap()).unwrap();
    let slope = grad(&logdet, std::slice::from_ref(&a)).unwrap().remove(0);
    let run = |y: Variable| text(compile(&[a.clone(), b.clone()], &[y], &Mode::run()).unwrap().call(&[&wide, &wide]));
    let rewritten = [run(logdet), run(slope)];

    let screen = [vec![plain], derivatives.to_vec(), rewritten.to_vec()].concat();
    insta::assert_snapshot!(screen.join("\n\n"));
}

#[test]
fn a_failure_inside_of_something_is_told_with_it() {
    let v = tensor("v", DType::F64, &[Some(3)]);
    let at = numbers(&[3], &[1.0, 0.0, 0.5]);
    // The guard stops a program, which remembers the nodes that it was made of.
    let y = sum(&mul(&log(&v).unwrap(), &v).unwrap()).unwrap();
    let slope = grad(&y, std::slice::from_ref(&v)).unwrap().remove(0);
    let guarded = [(y, Guard::Nan), (slope, Guard::NonFinite)].map(|(y, guard)| {
        let mut f = compile(std::slice::from_ref(&v), &[y], &Mode::run()).unwrap();
        f.set_guard(Some(guard));
        text(f.call(&[&at]))
    });

    // An op made from an expression, and a map.
    let (a, b) = (matrix("A"), vector("b"));
    let inputs = [a.clone(), b.clone()];
    let solved = solve(&a, &b).unwrap();
    let op = OpFromGraph::new("projection", &inputs, &[solved]).unwrap().call(&inputs).unwrap().remove(0);
    let singular = numbers(&[2, 2], &[1.0, 2.0, 2.0, 4.0]);
    let from_graph = run_error(&inputs, op, &[&singular, &numbers(&[2], &[1.0, 1.0])]);
    let stack = tensor("S", DType::F64, &[None, None, None]);
    let mapped = map(std::slice::from_ref(&stack), |part| Ok(vec![solve(&part[0], &b)?])).unwrap().remove(0);
    let stacked = numbers(&[1, 2, 2], &[1.0, 2.0, 2.0, 4.0]);
    let from_map = run_error(&[stack, b], mapped, &[&stacked, &numbers(&[2], &[1.0, 1.0])]);

    // What waits for a value may be a shared variable.
    let state = shared("state", numbers(&[2], &[0.0, 0.0])).unwrap();
    let next = add(state.variable(), &v).unwrap();
    let definition = Definition::new(std::slice::from_ref(&v), &[]).update(&state, &next);
    let update = text(compile_definition(&definition, &Mode::raw()).unwrap().call(&[&at]));

    insta::assert_snapshot!([guarded.to_vec(), vec![from_graph, from_map, update]].concat().join("\n\n"));
}
