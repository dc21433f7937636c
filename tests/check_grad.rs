//! `check_grad` finds faults that are planted, names the op to blame, and finds none where there is none.

#![allow(clippy::unwrap_used, reason = "a test may")]

use kronograph::graph::{CheckError, Grad, GradCheck, GradFault, OpFromGraph, Wrong, check_grad, zero_grad};
use kronograph::ops::{Extremum, max};
use kronograph::prelude::*;

type Built<T> = kronograph::graph::Result<T>;

/// `x³ + sin(y) x` for vectors x and y, the true derivative of which is right.
fn smooth() -> Built<(OpFromGraph, Variable, Variable)> {
    let (x, y) = (vector("x"), vector("y"));
    let value = add(&mul(&x, &sqr(&x)?)?, &mul(&sin(&y)?, &x)?)?;
    Ok((OpFromGraph::new("planted", &[x.clone(), y.clone()], &[value])?, x, y))
}

fn slope_x(x: &Variable, y: &Variable) -> Built<Variable> {
    add(&mul(3.0, &sqr(x)?)?, &sin(y)?)
}

fn slope_y(x: &Variable, y: &Variable) -> Built<Variable> {
    mul(&cos(y)?, x)
}

/// What the check finds in a model that has the op in its middle.
fn found(op: &OpFromGraph) -> Result<String, Box<GradFault>> {
    let (a, b) = (vector("a"), vector("b"));
    let inside = op.call(&[exp(&a).unwrap(), tanh(&b).unwrap()]).unwrap().remove(0);
    let cost = sum(&mul(&log1p(&sqr(&inside).unwrap()).unwrap(), &b).unwrap()).unwrap();
    let at = [Tensor::vector(vec![0.3, -0.4, 0.2]), Tensor::vector(vec![0.5, 1.1, -0.7])];
    match check_grad(&[a, b], &[cost], &[&at[0], &at[1]]) {
        Ok(report) => Ok(report.to_string()),
        Err(CheckError::Wrong(fault)) => Err(fault),
        Err(error) => panic!("{error}"),
    }
}

fn blamed(fault: &GradFault) -> &str {
    match fault.blame.as_ref().map(|blame| blame.ops.as_slice()) {
        Some([one]) => one,
        other => panic!("{other:?} in {fault}"),
    }
}

#[test]
fn nothing_is_wrong_with_a_right_op() {
    let (op, ..) = smooth().unwrap();
    let right = op.clone().with_vjp(|node, g| {
        let (x, y, g) = (node.input(0), node.input(1), g[0].as_ref().unwrap());
        Ok(vec![mul(g, &slope_x(x, y)?)?.into(), mul(g, &slope_y(x, y)?)?.into()])
    });
    for op in [op, right] {
        let report = found(&op).unwrap();
        assert!(report.contains("agree to order 2 (seed 1)"), "{report}");
    }
}

#[test]
fn second_derivatives_that_are_rounding_in_both_modes_are_no_fault() {
    for scale in [2.0, 3.0, 7.0] {
        let x = vector("x");
        let linear = scale * log(&exp(&(2.0 * &x)).unwrap()).unwrap();
        let at = Tensor::vector(vec![0.31, 0.17, 0.43]);
        check_grad(&[x], &[linear], &[&at]).unwrap();
    }
}

#[test]
fn a_wrong_sign_is_found() {
    let op = smooth().unwrap().0.with_vjp(|node, g| {
        let (x, y, g) = (node.input(0), node.input(1), g[0].as_ref().unwrap());
        Ok(vec![mul(g, &slope_x(x, y)?)?.into(), neg(&mul(g, &slope_y(x, y)?)?)?.into()])
    });
    let fault = found(&op).unwrap_err();
    assert_eq!((blamed(&fault), fault.order, fault.input.as_str()), ("planted", 1, "b"), "{fault}");
    // Forward mode follows from the reverse rule, and is as wrong.
    assert_eq!(fault.wrong, Wrong::Both, "{fault}");
}

#[test]
fn a_missing_term_is_found() {
    let op = smooth().unwrap().0.with_vjp(|node, g| {
        let (x, y, g) = (node.input(0), node.input(1), g[0].as_ref().unwrap());
        Ok(vec![mul(g, &mul(3.0, &sqr(x)?)?)?.into(), mul(g, &slope_y(x, y)?)?.into()])
    });
    let fault = found(&op).unwrap_err();
    assert_eq!((blamed(&fault), fault.order, fault.input.as_str()), ("planted", 1, "a"), "{fault}");
    let text = fault.to_string();
    for part in ["worst at element", "the op to blame is planted at tests/check_grad.rs", "seed 1, direction ["] {
        assert!(text.contains(part), "{text}");
    }
}

#[test]
fn a_transposed_factor_is_found() {
    let (m, v) = (matrix("m"), vector("v"));
    let product = OpFromGraph::new("product", &[m.clone(), v.clone()], &[matmul(&m, &v).unwrap()]).unwrap();
    // The cotangent of v is Mᵀ g; here it is M g.
    let planted = product.with_vjp(|node, g| {
        let (m, v, g) = (node.input(0), node.input(1), g[0].as_ref().unwrap());
        let outer = mul(&expand_dims(g, &[1])?, &expand_dims(v, &[0])?)?;
        Ok(vec![outer.into(), matmul(m, g)?.into()])
    });
    let out = sqr(&planted.call(&[m.clone(), sin(&v).unwrap()]).unwrap()[0]).unwrap();
    let at = [Tensor::new(&[2, 2], vec![1.0, 2.0, -0.5, 0.7]).unwrap(), Tensor::vector(vec![0.4, -0.9])];
    let error = check_grad(&[m.clone(), v.clone()], std::slice::from_ref(&out), &[&at[0], &at[1]]).unwrap_err();
    let CheckError::Wrong(fault) = error else { panic!("{error}") };
    assert_eq!((blamed(&fault), fault.input.as_str()), ("product", "v"), "{fault}");
    // On a symmetric matrix the mistake does not show.
    let symmetric = Tensor::new(&[2, 2], vec![1.0, 2.0, 2.0, 0.7]).unwrap();
    GradCheck::default().order(1).run(&[m, v], &[out], &[&symmetric, &at[1]]).unwrap();
}

#[test]
fn a_second_derivative_of_zero_is_found() {
    // The first derivative is right, but comes from an op that says its own derivative is zero: as the VJP ops of the
    // peer do.
    let (x, y, g) = (vector("x"), vector("y"), vector("g"));
    let slope = mul(&g, &slope_x(&x, &y).unwrap()).unwrap();
    let opaque = OpFromGraph::new("opaque_vjp", &[x, y, g], &[slope]).unwrap();
    let opaque = opaque.with_vjp(|_, _| Ok(vec![Grad::Zero; 3])).with_jvp(|_, _| Ok(vec![Grad::Zero]));
    let op = smooth().unwrap().0.with_vjp(move |node, g| {
        let (x, y, g) = (node.input(0), node.input(1), g[0].as_ref().unwrap());
        let first = opaque.call(&[x.clone(), y.clone(), g.clone()])?.remove(0);
        Ok(vec![first.into(), mul(g, &slope_y(x, y)?)?.into()])
    });
    let op = op.with_jvp(|node, t| {
        let (x, y) = (node.input(0), node.input(1));
        let term = |t: &Option<Variable>, slope: Variable| t.as_ref().map(|t| mul(t, &slope)).transpose();
        let terms = [term(&t[0], slope_x(x, y)?)?, term(&t[1], slope_y(x, y)?)?];
        Ok(vec![kronograph::graph::sum_of(&terms)?.into()])
    });
    let fault = found(&op).unwrap_err();
    assert_eq!((blamed(&fault), fault.order), ("opaque_vjp", 2), "{fault}");
}

#[test]
fn a_wrong_forward_rule_is_found() {
    let op = smooth().unwrap().0.with_vjp(|node, g| {
        let (x, y, g) = (node.input(0), node.input(1), g[0].as_ref().unwrap());
        Ok(vec![mul(g, &slope_x(x, y)?)?.into(), mul(g, &slope_y(x, y)?)?.into()])
    });
    // PyTensor's fault: only the last tangent counts.
    let op = op.with_jvp(|node, t| match &t[1] {
        Some(t) => Ok(vec![mul(t, &slope_y(node.input(0), node.input(1))?)?.into()]),
        None => Ok(vec![Grad::Zero]),
    });
    let fault = found(&op).unwrap_err();
    assert_eq!((blamed(&fault), fault.wrong, fault.order), ("planted", Wrong::Forward, 1), "{fault}");
}

#[test]
fn a_derivative_that_is_declared_away_is_found() {
    let x = vector("x");
    let out = sum(&mul(&zero_grad(&x).unwrap(), &x).unwrap()).unwrap();
    let error = check_grad(&[x], &[out], &[&Tensor::vector(vec![1.0, 2.0])]).unwrap_err().to_string();
    assert!(error.contains("zero_grad"), "{error}");
}

#[test]
fn kinks_failures_and_things_without_derivatives_are_told() {
    let x = vector("x");
    let tied = check_grad(std::slice::from_ref(&x), &[max(&x).unwrap()], &[&Tensor::vector(vec![1.0, 1.0])]);
    let text = tied.unwrap_err().to_string();
    assert!(text.contains("order 1"), "{text}");
    let _ = std::any::type_name::<Extremum>();
    let report = check_grad(
        std::slice::from_ref(&x),
        &[sqr(&x).unwrap(), gt(&x, 0.0).unwrap()],
        &[&Tensor::vector(vec![1.0, 2.0])],
    );
    assert!(report.unwrap().to_string().contains("left out: output 1"));
    let wrong_count = check_grad(std::slice::from_ref(&x), &[sqr(&x).unwrap()], &[]).unwrap_err().to_string();
    assert!(wrong_count.contains("1 argument"), "{wrong_count}");
    let other =
        check_grad(std::slice::from_ref(&x), &[sqr(&x).unwrap()], &[&Tensor::scalar(1.0)]).unwrap_err().to_string();
    assert!(other.contains("`x`"), "{other}");
    // Tiny derivatives are checked as well as large ones.
    let tiny = OpFromGraph::new("tiny", std::slice::from_ref(&x), &[mul(1e-9, &sin(&x).unwrap()).unwrap()]).unwrap();
    let tiny =
        tiny.with_vjp(|node, g| Ok(vec![mul(g[0].as_ref().unwrap(), &mul(2e-9, &cos(node.input(0))?)?)?.into()]));
    let out = tiny.call(std::slice::from_ref(&x)).unwrap().remove(0);
    assert!(check_grad(&[x], &[out], &[&Tensor::vector(vec![0.3])]).is_err());
}

#[test]
fn the_rewritten_function_must_give_the_same_numbers() {
    let x = vector("x");
    let out = sum(&exp(&mul(1.0, &x).unwrap()).unwrap()).unwrap();
    let at = Tensor::vector(vec![0.1, 0.2]);
    let check =
        GradCheck::default().seed(7).order(3).compiled_by(|inputs, outputs| compile(inputs, outputs, &Mode::run()));
    let report = check.run(std::slice::from_ref(&x), std::slice::from_ref(&out), &[&at]).unwrap();
    assert_eq!((report.seed, report.order), (7, 3));
    let lying = GradCheck::default().compiled_by(|inputs, outputs| {
        let off: Vec<Variable> = outputs.iter().map(|output| add(output, 1e-6)).collect::<Built<_>>()?;
        compile(inputs, &off, &Mode::raw())
    });
    let error = lying.run(&[x], &[out], &[&at]).unwrap_err().to_string();
    assert!(error.contains("as compiled"), "{error}");
}

/// sin of a vector, with a derivative that is as wrong as it is told to be.
fn sine(times: f64, over: f64) -> OpFromGraph {
    let x = vector("x");
    let op = OpFromGraph::new("planted", std::slice::from_ref(&x), &[sin(&x).unwrap()]).unwrap();
    op.with_vjp(move |node, g| {
        let slope = true_div(&mul(times, &cos(node.input(0))?)?, over)?;
        Ok(vec![mul(g[0].as_ref().unwrap(), &slope)?.into()])
    })
}

fn verdict(inputs: &[Variable], outputs: &[Variable], at: &[&dyn Value]) -> Result<String, Box<CheckError>> {
    Ok(GradCheck::default().order(1).run(inputs, outputs, at).map_err(Box::new)?.to_string())
}

#[test]
fn derivatives_that_are_no_numbers_are_wrong() {
    let x = vector("x");
    for times in [1.0, 0.0] {
        let out = sine(times, 0.0).call(std::slice::from_ref(&x)).unwrap();
        let error = verdict(std::slice::from_ref(&x), &out, &[&Tensor::vector(vec![0.3])]).unwrap_err();
        assert!(matches!(&*error, CheckError::Wrong(fault) if fault.wrong == Wrong::Both), "{error}");
    }
}

#[test]
fn faults_show_beside_larger_numbers_and_at_any_scale() {
    let x = vector("x");
    let at = Tensor::vector(vec![0.3, 0.2]);
    let wrong = sine(2.0, 1.0).call(std::slice::from_ref(&x)).unwrap().remove(0);
    for scale in [1e-300, 1e-200, 1e-12, 1.0, 1e9, 1e155, 1e300] {
        let large = mul(scale, &exp(&x).unwrap()).unwrap();
        let check = |outputs: &[Variable]| verdict(std::slice::from_ref(&x), outputs, &[&at]);
        check(std::slice::from_ref(&large)).unwrap_or_else(|error| panic!("{scale}: {error}"));
        let scaled = mul(scale, &wrong).unwrap();
        assert!(matches!(*check(&[scaled]).unwrap_err(), CheckError::Wrong(_)), "{scale}");
        if scale < 1e10 {
            assert!(matches!(*check(&[large, wrong.clone()]).unwrap_err(), CheckError::Wrong(_)), "beside {scale}");
        }
    }
    // What rounding hides is not called right.
    let hidden = add(1e14, &wrong).unwrap();
    assert!(matches!(*verdict(&[x], &[hidden], &[&at]).unwrap_err(), CheckError::Inconclusive { .. }));
}

#[test]
fn an_input_without_a_derivative_leaves_the_others_to_be_checked() {
    let (x, y, n) = (vector("x"), vector("y"), tensor("n", DType::I64, &[None]));
    let out = mul(&mul(&sqr(&x).unwrap(), &kronograph::graph::undefined_grad(&y).unwrap()).unwrap(), &n).unwrap();
    let (one, counts) = (Tensor::vector(vec![1.5, 2.5]), Tensor::vector(vec![1i64, 2]));
    let report = check_grad(&[x, y, n], &[out], &[&one, &one, &counts]).unwrap().to_string();
    assert!(report.contains("left out: `y`") && report.contains("left out: input `n`"), "{report}");
}

#[test]
fn the_worst_element_is_that_of_the_input_to_blame_whatever_its_name() {
    let (a, b) = (vector("same"), vector("same"));
    let wrong = sine(2.0, 1.0).call(std::slice::from_ref(&b)).unwrap().remove(0);
    let out = add(&sum(&a).unwrap(), &sum(&wrong).unwrap()).unwrap();
    let at = [Tensor::vector(vec![1.0, 2.0]), Tensor::vector(vec![1.5, 0.1, 1.5])];
    let CheckError::Wrong(fault) = *verdict(&[a, b], &[out], &[&at[0], &at[1]]).unwrap_err() else { panic!("wrong") };
    assert_eq!(fault.worst.as_ref().map(|worst| worst.position), Some(1), "{fault}");
}
