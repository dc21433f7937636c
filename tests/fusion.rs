//! Fused functions give the numbers of the unfused ones, to the bit; and what does not suit a program is left alone.

#![allow(clippy::unwrap_used, reason = "a test may")]

use kronograph::graph::BuildError;
use kronograph::ops::samples::Stream;
use kronograph::ops::{BINARY, COMPARE, Elemwise, UNARY, inc_subtensor};
use kronograph::prelude::*;
use kronograph::rewrites::Pass;

type Built = Result<Variable, BuildError>;

/// Where the numbers lie.
const RANGE: (f64, f64) = (-1.5, 1.5);

fn pick<'a, T>(items: &'a [T], random: &mut Stream) -> &'a T {
    &items[random.below(items.len())]
}

fn fused() -> Mode {
    Mode::of([Pass::Merge, Pass::Fuse])
}

fn input(name: &str, shape: &[usize]) -> Variable {
    let lengths: Vec<Option<usize>> = shape.iter().copied().map(Some).collect();
    tensor(name, DType::F64, &lengths)
}

/// A matrix (3, 4) of anything: repeated, cut, folded or permuted to that shape.
fn as_matrix(x: &Variable, random: &mut Stream) -> Built {
    match x.ty().extents() {
        [] => broadcast_to(x, [3, 4]),
        [Some(4)] if random.below(2) == 0 => broadcast_to(x, [3, 4]),
        [Some(4)] => broadcast_to(&expand_dims(&slice(x, 1, 4)?, &[1])?, [3, 4]),
        [Some(12)] => reshape(x, [3, 4]),
        [Some(4), Some(3)] => transpose(x),
        _ => Ok(x.clone()),
    }
}

/// A node over what there is already; scalars, vectors (4), (12) and matrices (3, 4), (4, 3).
fn grow(pool: &[Variable], random: &mut Stream) -> Built {
    let (x, y) = (pick(pool, random).clone(), pick(pool, random).clone());
    match random.below(12) {
        0..=2 => kronograph::graph::apply(Elemwise(UNARY[random.below(UNARY.len())]), &[x]),
        3..=4 => {
            let (x, y) = (as_matrix(&x, random)?, as_matrix(&y, random)?);
            kronograph::graph::apply(Elemwise(BINARY[random.below(BINARY.len())]), &[x, y])
        }
        5 => {
            let (x, y) = (as_matrix(&x, random)?, as_matrix(&y, random)?);
            let condition =
                kronograph::graph::apply(Elemwise(COMPARE[random.below(COMPARE.len())]), &[x.clone(), y.clone()])?;
            if random.below(2) == 0 { switch(&condition, &x, &y) } else { cast(&condition, DType::F64) }
        }
        6 => sum(&x),
        7 => sum_axes(&as_matrix(&x, random)?, &[random.below(2)]).and_then(|sums| match sums.ty().extents() {
            [Some(4)] => Ok(sums),
            _ => sum(&sums),
        }),
        8 => subtensor(&as_matrix(&x, random)?, &[Index::at(random.below(3) as i64), Index::slice(None, None, -1)]),
        9 => inc_subtensor(&as_matrix(&x, random)?, &sum(&y)?, &[Index::slice(0, 2, 1), Index::at(1)]),
        10 => concatenate(&[reshape(&as_matrix(&x, random)?, [12])?, reshape(&y, [-1])?], 0)
            .and_then(|all| slice(&all, 1, 13)),
        _ => match random.below(3) {
            0 => matmul(
                &reshape(&as_matrix(&x, random)?, [3, 4])?,
                &subtensor(&as_matrix(&y, random)?, &[Index::at(1)])?,
            )
            .and_then(|product| sum(&product)),
            1 => matmul(&constant(vec![0.5, -1.0, 2.0]), &as_matrix(&x, random)?),
            _ => transpose(&as_matrix(&x, random)?),
        },
    }
}

fn bits(function: &mut Function, arguments: &[&dyn Value]) -> Vec<Vec<u64>> {
    let out = function.call_ref(arguments).unwrap();
    // What a NaN consists of is the processor's business.
    let bits = |x: f64| if x.is_nan() { u64::MAX } else { x.to_bits() };
    (0..out.len()).map(|k| out.get::<Tensor>(k).unwrap().to_vec().unwrap().into_iter().map(bits).collect()).collect()
}

/// Compiles the outputs with and without fusion, and compares the numbers at two points.
fn same_numbers(inputs: &[Variable], outputs: &[Variable], random: &mut Stream) -> Function {
    let mut plain = compile(inputs, outputs, &Mode::raw()).unwrap();
    let mut fused = compile(inputs, outputs, &fused()).unwrap();
    for _ in 0..2 {
        let shapes = inputs.iter().map(|input| input.ty().extents().iter().flatten().copied().collect::<Vec<_>>());
        let values: Vec<Tensor> = shapes.map(|shape| random.tensor(&shape, RANGE)).collect();
        let arguments: Vec<&dyn Value> = values.iter().map(|value| value as &dyn Value).collect();
        assert_eq!(bits(&mut plain, &arguments), bits(&mut fused, &arguments), "{}", plain.debug_print());
    }
    fused
}

#[test]
fn random_graphs_and_their_gradients_are_the_same_to_the_bit() {
    let mut programs = 0;
    for seed in 0..300 {
        let mut random = Stream::new(seed);
        let inputs = [input("s", &[]), input("v", &[4]), input("m", &[3, 4]), input("w", &[4])];
        let mut pool = inputs.to_vec();
        pool.push(constant(random.tensor(&[4, 3], RANGE)));
        pool.push(constant(0.25));
        while pool.len() < 30 {
            let built = grow(&pool, &mut random);
            pool.push(built.unwrap_or_else(|error| panic!("seed {seed}: {error}")));
        }
        let cost = pool[20..].iter().map(|x| sum(x).unwrap()).reduce(|a, b| a + b).unwrap();
        let gradients = grad(&(cost + sum(&inputs[1]).unwrap() * &inputs[0]), &inputs[..2]).unwrap();
        let outputs = [&pool[22..], &gradients[..]].concat();
        let function = same_numbers(&inputs, &outputs, &mut random);
        programs += usize::from(function.node_count() == 1);
    }
    assert!(programs > 250, "only {programs} of 300 became one program");
}

/// A regression with scalars, parts, constants, repeated scalars, sums and a small product.
fn model() -> (Variable, Variable) {
    let p = input("p", &[4]);
    let x = constant(Stream::new(1).tensor(&[40, 3], RANGE));
    let z = matmul(&x, &slice(&p, 0, 3).unwrap()).unwrap() * exp(&subtensor(&p, &[Index::at(3)]).unwrap()).unwrap();
    let cost = sum(&softplus(&z).unwrap()).unwrap() - 0.5 * sum(&sqr(&p).unwrap()).unwrap();
    (p, cost.named("cost"))
}

#[test]
fn a_small_model_with_its_gradient_is_one_step() {
    let (p, cost) = model();
    let gradient = grad(&cost, std::slice::from_ref(&p)).unwrap().remove(0);
    let inputs = [p];
    let outputs = [cost, gradient];
    same_numbers(&inputs, &outputs, &mut Stream::new(2));
    let function = compile(&inputs, &outputs, &Mode::run()).unwrap();
    assert_eq!(function.node_count(), 1);
    insta::assert_snapshot!(without_lines(&function.debug_print()), @r"
    scalar_program{nodes=26, steps=21, registers=522}.0 [id A] <f64 ()> 'cost' tests/fusion.rs (rewritten by fuse)
     └─ p [id B] <f64 (4,)> tests/fusion.rs
    scalar_program{nodes=26, steps=21, registers=522}.1 [id A] <f64 (4,)> '(dcost/dp)' tests/fusion.rs (rewritten by fuse)
     └─ ···
    ");
    let story = function.explain();
    assert!(story.contains("fuse at tests/fusion.rs:"), "{story}");
}

/// A printout without line numbers, so that editing this file does not change it.
fn without_lines(text: &str) -> String {
    let cut = |line: &str| match line.split_once(".rs:") {
        Some((head, tail)) => format!("{head}.rs{}", tail.trim_start_matches(|c: char| c.is_ascii_digit())),
        None => line.to_owned(),
    };
    text.lines().map(cut).collect::<Vec<_>>().join("\n")
}

fn is_fused(inputs: &[Variable], outputs: &[Variable]) -> bool {
    compile(inputs, outputs, &fused()).unwrap().debug_print().contains("scalar_program")
}

#[test]
fn what_does_not_suit_a_program_is_left_alone() {
    let wave = |x: &Variable| exp(&sin(x).unwrap()).unwrap();
    let fuses = |x: Variable| is_fused(std::slice::from_ref(&x), &[wave(&x)]);
    assert!(fuses(input("x", &[1024])), "a block of the largest size");
    assert!(!fuses(input("x", &[1025])), "a larger one");
    assert!(!fuses(vector("x")), "an unknown length");
    assert!(!fuses(tensor("x", DType::F32, &[Some(3)])), "another dtype");
    let x = input("x", &[3]);
    assert!(!is_fused(std::slice::from_ref(&x), &[exp(&x).unwrap()]), "one node");
    let views = expand_dims(&slice(&x, 0, 2).unwrap(), &[0]).unwrap();
    assert!(!is_fused(&[x], &[views]), "nodes that only move elements");
    let n = tensor("n", DType::I64, &[Some(3)]);
    assert!(!is_fused(std::slice::from_ref(&n), &[(&n + &n) * &n]), "integers");
}

#[test]
fn a_node_without_a_form_in_registers_does_not_keep_the_others_from_theirs() {
    let (a, b) = (input("a", &[3, 3]), input("b", &[3, 3]));
    let product = matmul(&exp(&sin(&a).unwrap()).unwrap(), &b).unwrap();
    let beside = exp(&sin(&b).unwrap()).unwrap();
    let function = same_numbers(&[a, b], &[exp(&(&product * &beside)).unwrap()], &mut Stream::new(5));
    assert_eq!(function.node_count(), 3, "a program, the product, a program: {}", function.debug_print());
}

#[test]
fn a_program_never_waits_for_itself() {
    let (a, b) = (input("A", &[3, 3]), input("b", &[3]));
    let scaled = sin(&exp(&b).unwrap()).unwrap();
    let solved = solve(&a, &scaled).unwrap();
    let cost = sum(&(&solved * &scaled)).unwrap() + sum(&exp(&solved).unwrap()).unwrap();
    let function = same_numbers(&[a, b], &[cost], &mut Stream::new(3));
    let programs = function.debug_print().matches("scalar_program").count();
    assert!(programs >= 2 && function.node_count() == 4, "{}", function.debug_print());
}

#[test]
fn a_graph_beyond_the_registers_becomes_several_programs() {
    let x = input("x", &[1000]);
    let far = (0..100).fold(x.clone(), |x, k| sin(&(x + f64::from(k))).unwrap());
    let function = same_numbers(&[x], &[far], &mut Stream::new(4));
    assert!((2..20).contains(&function.node_count()), "{} nodes", function.node_count());
}

#[test]
fn rewriting_keeps_what_can_be_differentiated() {
    let (p, cost) = model();
    let rewritten = rewrite(std::slice::from_ref(&cost), &Mode::run()).unwrap().remove(0);
    assert!(!debug_print(std::slice::from_ref(&rewritten)).contains("scalar_program"));
    let inputs = [p];
    let gradients = [&cost, &rewritten].map(|cost| grad(cost, &inputs).unwrap().remove(0));
    let mut function = compile(&inputs, &gradients, &Mode::run()).unwrap();
    let out = function.call(&[&Tensor::vector(vec![0.1, -0.2, 0.3, 0.4])]).unwrap();
    assert_eq!(out.get::<Tensor>(0).unwrap().to_vec::<f64>(), out.get::<Tensor>(1).unwrap().to_vec::<f64>());
}

#[test]
fn truth_values_cross_the_border_of_a_program() {
    let x = input("x", &[4]);
    let mask = tensor("mask", DType::Bool, &[Some(4)]);
    let chosen = switch(&mask, &exp(&x).unwrap(), &x).unwrap();
    let above = gt(&chosen, 0.5).unwrap();
    let inputs = [x, mask];
    let mut function = compile(&inputs, &[above, chosen], &fused()).unwrap();
    assert_eq!(function.node_count(), 1);
    let (x, mask) = (Tensor::vector(vec![-1.0, 0.0, 0.4, 2.0]), Tensor::vector(vec![true, true, false, false]));
    let out = function.call(&[&x, &mask]).unwrap();
    assert_eq!(out.get::<Tensor>(0).unwrap().to_vec::<bool>().unwrap(), [false, true, false, true]);
    assert_eq!(out.get::<Tensor>(1).unwrap().to_vec::<f64>().unwrap(), [(-1f64).exp(), 1.0, 0.4, 2.0]);
}
