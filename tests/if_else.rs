//! `if_else`: only the branch taken is computed, in the value and in every derivative.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::borrow::Cow;
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use kronograph::graph::{
    Grads, Guard, Io, NodeSpec, NodeView, Op, OpFailure, OpResult, Result, Shape, Tangents, apply,
};
use kronograph::ops::{if_else, if_else_all};
use kronograph::prelude::*;

/// `2 x`, counted; or a failure. Its derivative is itself, of the cotangent.
#[derive(Clone, Debug)]
struct Loud {
    runs: Arc<AtomicUsize>,
    fails: bool,
}

impl PartialEq for Loud {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.runs, &other.runs) && self.fails == other.fails
    }
}

impl Eq for Loud {}

impl Hash for Loud {
    fn hash<H: Hasher>(&self, state: &mut H) {
        Arc::as_ptr(&self.runs).hash(state);
    }
}

impl Loud {
    fn new(fails: bool) -> Self {
        Self { runs: Arc::default(), fails }
    }

    fn of(&self, x: &Variable) -> Variable {
        apply(self.clone(), std::slice::from_ref(x)).unwrap()
    }

    /// How often it ran since it was last asked.
    fn runs(&self) -> usize {
        self.runs.swap(0, Ordering::Relaxed)
    }
}

impl Op for Loud {
    fn name(&self) -> Cow<'static, str> {
        "loud".into()
    }

    fn make_node(&self, inputs: &[Variable]) -> Result<NodeSpec> {
        Ok(NodeSpec::one(inputs[0].ty().clone()))
    }

    fn perform(&self, io: &mut Io<'_>) -> OpResult {
        self.runs.fetch_add(1, Ordering::Relaxed);
        if self.fails {
            return Err(OpFailure::Domain("it was not to be computed").into());
        }
        let x = io.inputs.get::<Tensor>(0)?.array::<f64>().unwrap();
        let out = io.outputs[0].buffer::<Tensor>().reset::<f64>(x.shape());
        out.iter_mut().zip(x.to_vec()).for_each(|(out, x)| *out = 2.0 * x);
        Ok(())
    }

    fn l_op(&self, _node: &NodeView<'_>, g: &[Option<Variable>]) -> Result<Grads> {
        Ok(vec![g[0].as_ref().map(|g| self.of(g)).into()])
    }

    fn r_op(&self, _node: &NodeView<'_>, t: &[Option<Variable>]) -> Result<Tangents> {
        Ok(vec![t[0].as_ref().map(|t| self.of(t)).into()])
    }

    fn infer_shape(&self, _node: &NodeView<'_>, shapes: &[Shape]) -> Result<Vec<Shape>> {
        Ok(shapes.to_vec())
    }

    fn do_constant_folding(&self, _node: &NodeView<'_>) -> bool {
        false
    }
}

fn of(inputs: &[&Variable], outputs: &[Variable], mode: &Mode) -> Function {
    let inputs: Vec<Variable> = inputs.iter().map(|input| (*input).clone()).collect();
    compile(&inputs, outputs, mode).unwrap()
}

fn modes() -> [Mode; 2] {
    [Mode::raw(), Mode::run()]
}

fn numbers(function: &mut Function, values: &[&dyn Value]) -> Vec<Vec<f64>> {
    let outputs = function.call(values).unwrap();
    (0..outputs.len()).map(|k| outputs.get::<Tensor>(k).unwrap().to_vec().unwrap()).collect()
}

fn truth() -> Variable {
    tensor("c", DType::Bool, &[])
}

#[test]
fn only_the_branch_taken_is_computed() {
    let (a, b) = (Loud::new(false), Loud::new(false));
    let (c, x) = (truth(), vector("x"));
    let y = if_else(&c, &exp(&a.of(&x)).unwrap(), &b.of(&sqr(&x).unwrap())).unwrap();
    for mode in modes() {
        let mut f = of(&[&c, &x], std::slice::from_ref(&y), &mode);
        for _ in 0..3 {
            assert_eq!(numbers(&mut f, &[&Tensor::scalar(false), &Tensor::vector(vec![3.0])]), [[18.0]]);
            assert_eq!((a.runs(), b.runs()), (0, 1));
            assert_eq!(numbers(&mut f, &[&Tensor::scalar(true), &Tensor::vector(vec![0.0, 0.0])]), [[1.0, 1.0]]);
            assert_eq!((a.runs(), b.runs()), (1, 0));
        }
        let mut fork = f.fork();
        assert_eq!(numbers(&mut fork, &[&Tensor::scalar(false), &Tensor::vector(vec![2.0])]), [[8.0]]);
        assert_eq!((a.runs(), b.runs()), (0, 1));
    }
}

#[test]
fn the_derivatives_of_the_other_branch_are_not_computed() {
    let (fails, works) = (Loud::new(true), Loud::new(false));
    let (c, x, t) = (truth(), scalar("x"), scalar("t"));
    let bad = sqr(&fails.of(&x)).unwrap();
    let good = mul(&sqr(&works.of(&x)).unwrap(), &x).unwrap();
    let (yes, one) = (Tensor::scalar(true), Tensor::scalar(1.0));
    let no = Tensor::scalar(false);
    for (y, holds) in [(if_else(&c, &good, &bad).unwrap(), &yes), (if_else(&c, &bad, &good).unwrap(), &no)] {
        let cost = mul(&sin(&y).unwrap(), &x).unwrap();
        let g = grad(&y, std::slice::from_ref(&x)).unwrap();
        let h = hvp(&y, std::slice::from_ref(&x), std::slice::from_ref(&t)).unwrap();
        let twice = grad(&g[0], std::slice::from_ref(&x)).unwrap();
        let push = rop(std::slice::from_ref(&y), std::slice::from_ref(&x), std::slice::from_ref(&t)).unwrap();
        let around = grad(&cost, std::slice::from_ref(&x)).unwrap();
        for mode in modes() {
            // y = 4 x³.
            let all = [std::slice::from_ref(&y), &g[..], &h[..], &twice[..], &push[..]].concat();
            let mut f = of(&[&c, &x, &t], &all, &mode);
            let got = numbers(&mut f, &[holds, &Tensor::scalar(2.0), &one]);
            assert_eq!(got, [[32.0], [48.0], [48.0], [48.0], [48.0]]);
            let mut f = of(&[&c, &x], &around, &mode);
            let got = numbers(&mut f, &[holds, &Tensor::scalar(0.5)])[0][0];
            let want = 0.5_f64.sin() + 0.5 * 0.5_f64.cos() * 3.0;
            assert!((got - want).abs() < 1e-14);
        }
    }
    assert_eq!(fails.runs(), 0);
}

#[test]
fn what_is_needed_elsewhere_is_computed_once_in_every_call() {
    let shared = Loud::new(false);
    let (c, x) = (truth(), scalar("x"));
    let s = shared.of(&x);
    let (a, b) = (add(&s, 1.0).unwrap(), mul(&s, 3.0).unwrap());
    for mode in modes() {
        let mut both = of(&[&c, &x], &[if_else(&c, &a, &b).unwrap()], &mode);
        let mut outside = of(&[&c, &x], &[if_else(&c, &a, &x).unwrap(), s.clone()], &mode);
        for (holds, want) in [(true, 5.0), (false, 12.0)] {
            let values: [&dyn Value; 2] = [&Tensor::scalar(holds), &Tensor::scalar(2.0)];
            assert_eq!(numbers(&mut both, &values), [[want]]);
            assert_eq!(shared.runs(), 1);
            assert_eq!(numbers(&mut outside, &values), [[if holds { 5.0 } else { 2.0 }], [4.0]]);
            assert_eq!(shared.runs(), 1);
        }
    }
}

#[test]
fn choices_in_choices_and_conditions_that_are_computed_in_a_branch() {
    let ops: Vec<Loud> = (0..4).map(|_| Loud::new(false)).collect();
    let (c, x) = (truth(), scalar("x"));
    let inner = gt(&ops[0].of(&x), 2.0).unwrap();
    let nested = if_else(&inner, &ops[1].of(&x), &ops[2].of(&neg(&x).unwrap())).unwrap();
    let y = if_else(&c, &nested, &ops[3].of(&mul(&x, 10.0).unwrap())).unwrap();
    let g = grad(&y, std::slice::from_ref(&x)).unwrap().remove(0);
    for mode in modes() {
        let mut f = of(&[&c, &x], std::slice::from_ref(&y), &mode);
        let mut d = of(&[&c, &x], std::slice::from_ref(&g), &mode);
        for (holds, at, value, slope, want) in [
            (true, 3.0, 6.0, 2.0, [1, 1, 0, 0]),
            (true, 0.5, -1.0, -2.0, [1, 0, 1, 0]),
            (false, 3.0, 60.0, 20.0, [0, 0, 0, 1]),
        ] {
            let values: [&dyn Value; 2] = [&Tensor::scalar(holds), &Tensor::scalar(at)];
            assert_eq!(numbers(&mut f, &values), [[value]]);
            assert_eq!(ops.iter().map(Loud::runs).collect::<Vec<_>>(), want);
            assert_eq!(numbers(&mut d, &values), [[slope]]);
            assert!(ops.iter().map(Loud::runs).zip(want).all(|(runs, want)| (runs > 0) == (want > 0)));
        }
    }
}

#[test]
fn several_values_of_branches_whose_lengths_differ() {
    let (c, x) = (truth(), vector("x"));
    let then = [sqr(&x).unwrap(), sum(&x).unwrap()];
    let otherwise = [concatenate(&[x.clone(), exp(&x).unwrap()], 0).unwrap(), constant(7.0)];
    let y = if_else_all(&c, &then, &otherwise).unwrap();
    let cost = add(&sum(&y[0]).unwrap(), &y[1]).unwrap();
    let g = grad(&cost, std::slice::from_ref(&x)).unwrap();
    let all = [&y[..], &g].concat();
    for mode in modes() {
        let mut f = of(&[&c, &x], &all, &mode);
        let got = numbers(&mut f, &[&Tensor::scalar(true), &Tensor::vector(vec![1.0, 3.0])]);
        assert_eq!(got, [vec![1.0, 9.0], vec![4.0], vec![3.0, 7.0]]);
        let got = numbers(&mut f, &[&Tensor::scalar(false), &Tensor::vector(vec![0.0])]);
        assert_eq!(got, [vec![0.0, 1.0], vec![7.0], vec![2.0]]);
    }
}

#[test]
fn a_gradient_by_something_inside_a_branch_is_zero_where_the_other_is_taken() {
    let (c, x) = (truth(), scalar("x"));
    let inside = exp(&x).unwrap();
    let y = if_else(&c, &sqr(&inside).unwrap(), &x).unwrap();
    let g = grad(&y, &[inside, x.clone()]).unwrap();
    for mode in modes() {
        let mut f = of(&[&c, &x], &g, &mode);
        assert_eq!(numbers(&mut f, &[&Tensor::scalar(false), &Tensor::scalar(0.0)]), [[0.0], [1.0]]);
        assert_eq!(numbers(&mut f, &[&Tensor::scalar(true), &Tensor::scalar(0.0)]), [[2.0], [2.0]]);
    }
}

#[test]
fn an_infinite_derivative_of_the_other_branch_does_not_matter_and_guards_do_not_see_it() {
    let x = tensor("x", DType::F64, &[]);
    let y = if_else(&gt(&x, 0.0).unwrap(), &mul(&log(&x).unwrap(), &sqrt(&x).unwrap()).unwrap(), &sqr(&x).unwrap())
        .unwrap();
    let g = grad(&y, std::slice::from_ref(&x)).unwrap().remove(0);
    for mode in modes() {
        let mut f = of(&[&x], &[y.clone(), g.clone()], &mode);
        f.set_guard(Some(Guard::NonFinite));
        f.start_profiling();
        assert_eq!(numbers(&mut f, &[&Tensor::scalar(0.0)]), [[0.0], [0.0]]);
        assert_eq!(numbers(&mut f, &[&Tensor::scalar(-3.0)]), [[9.0], [-6.0]]);
        assert_eq!(numbers(&mut f, &[&Tensor::scalar(1.0)])[0], [0.0]);
        let profile = f.profile().unwrap();
        assert!(
            profile.nodes().iter().any(|node| node.calls == 1) && profile.nodes().iter().any(|node| node.calls == 3)
        );
        let report = f.debug(&[&Tensor::scalar(-3.0)]).unwrap();
        assert!(report.rows.iter().all(|row| row.nan == 0), "{report}");
    }
}

/// The buffers of a skipped branch are those of an earlier call: nobody reads them.
#[test]
fn buffers_are_right_whichever_branches_are_taken_in_turn() {
    let (c, d, x) = (truth(), tensor("d", DType::Bool, &[]), tensor("x", DType::F64, &[Some(4)]));
    let (mut y, mut sums) = (x.clone(), Vec::new());
    for k in 0..6 {
        let (a, b) = (mul(&y, 0.5).unwrap(), sub(&mul(&y, 1.5).unwrap(), f64::from(k)).unwrap());
        let (condition, part) = (if k % 2 == 0 { &c } else { &d }, slice(&a, 0, 2).unwrap());
        sums.push(sum(&if_else(condition, &part, &b).unwrap()).unwrap());
        y = if_else(condition, &add(&a, &b).unwrap(), &sin(&b).unwrap()).unwrap();
    }
    let mut outputs = sums;
    outputs.push(sum(&y).unwrap());
    outputs.extend(grad(&outputs[6], std::slice::from_ref(&x)).unwrap());
    let mut functions: Vec<Function> = modes().iter().map(|mode| of(&[&c, &d, &x], &outputs, mode)).collect();
    for step in 0..16 {
        let at = Tensor::vector((0..4).map(|k| f64::from(k) - 0.3 * f64::from(step)).collect());
        let values: [&dyn Value; 3] = [&Tensor::scalar(step % 3 == 0), &Tensor::scalar(step % 5 < 2), &at];
        let fresh = numbers(&mut of(&[&c, &d, &x], &outputs, &Mode::raw()), &values);
        for function in &mut functions {
            let used = numbers(function, &values);
            for (a, b) in fresh.iter().flatten().zip(used.iter().flatten()) {
                assert!((a - b).abs() <= 1e-13 * a.abs().max(1.0), "step {step}: {a} and {b}");
            }
        }
    }
}

#[test]
fn branches_of_sparse_matrices_and_bad_calls() {
    let (c, x) = (truth(), vector("x"));
    let (a, b) = (sparse_matrix("a", Format::Csr, [None, None]), sparse_matrix("b", Format::Csr, [None, None]));
    let y = if_else(&c, &a, &b).unwrap();
    let product = sum(&matmul(&y, &x).unwrap()).unwrap();
    let g = grad(&product, &[a.clone(), x.clone()]).unwrap();
    let mut f = of(&[&c, &a, &b, &x], &[product, g[1].clone(), dense_from_sparse(&g[0]).unwrap()], &Mode::run());
    let one = from_triplets(Format::Csr, [2, 2], &[(0, 0, 3.0), (1, 0, 1.0)]).unwrap();
    let two = from_triplets(Format::Csr, [1, 2], &[(0, 1, 5.0)]).unwrap();
    let at = Tensor::vector(vec![2.0, 1.0]);
    let got = numbers(&mut f, &[&Tensor::scalar(true), &one, &two, &at]);
    assert_eq!(got, [vec![8.0], vec![4.0, 0.0], vec![2.0, 0.0, 2.0, 0.0]]);
    let got = numbers(&mut f, &[&Tensor::scalar(false), &one, &two, &at]);
    assert_eq!(got, [vec![5.0], vec![0.0, 5.0], vec![0.0; 4]]);
    let text = |result: Result<Variable>| result.unwrap_err().to_string();
    assert!(text(if_else(&x, &x, &x)).contains("the condition must be a scalar"));
    assert!(text(if_else(&c, &x, &scalar("s"))).contains("as many axes"));
    assert!(text(if_else(&c, &x, &a)).contains("of one kind"));
    assert!(if_else_all(&c, std::slice::from_ref(&x), &[]).is_err() && if_else_all(&c, &[], &[]).is_err());
}
