//! States as values: in arguments, constants and shared variables, in forks and threads; and which counters numbers have.

use kronograph::graph::{debug_print, toposort};
use kronograph::ops::random::{
    RngState, beta, binomial, gamma, normal, permutation, poisson, rng_constant, rng_shared, rng_state, shuffle, split,
    standard_normal, uniform,
};
use kronograph::prelude::*;

use crate::{Draw, drawn};

fn bits(tensor: &Tensor) -> Vec<u64> {
    match tensor.dtype() {
        DType::I64 => tensor.to_vec::<i64>().unwrap().into_iter().map(|x| x as u64).collect(),
        _ => tensor.to_vec::<f64>().unwrap().into_iter().map(f64::to_bits).collect(),
    }
}

/// The first numbers of a long draw are those of a short one, whatever the shape is and whether others were rejected.
#[test]
fn a_number_depends_on_its_element_alone() {
    let prefix = |draw: &dyn Fn(&Variable, usize) -> Draw| {
        let of = |n: usize| bits(&drawn(RngState::new(7), |rng| draw(rng, n)));
        let long = of(103);
        for n in [1, 2, 5, 64] {
            assert_eq!(of(n), long[..n]);
        }
    };
    prefix(&|rng, n| uniform(rng, 0.0, 1.0, [n]));
    prefix(&|rng, n| normal(rng, 0.0, 1.0, [n]));
    prefix(&|rng, n| gamma(rng, 0.4, 1.0, [n]));
    prefix(&|rng, n| beta(rng, 0.4, 2.0, [n]));
    prefix(&|rng, n| poisson(rng, 30.0, [n]));
    prefix(&|rng, n| binomial(rng, 90, 0.4, [n]));
    let flat = bits(&drawn(RngState::new(7), |rng| poisson(rng, 30.0, [12])));
    assert_eq!(bits(&drawn(RngState::new(7), |rng| poisson(rng, 30.0, [2, 3, 2]))), flat);
    // One parameter among others does not move the draws of the others.
    let means = |first: f64| constant(Tensor::vector(vec![first, 30.0, 30.0]));
    let (a, b) = (means(11.0), means(0.1));
    let of = |lam: &Variable| bits(&drawn(RngState::new(7), |rng| poisson(rng, lam, None)));
    assert_eq!(of(&a)[1..], flat[1..3]);
    assert_eq!(of(&a)[1..], of(&b)[1..]);
}

#[test]
fn a_shared_state_draws_anew_at_each_call() {
    let shared = rng_shared("rng", RngState::new(1)).unwrap();
    let (next, x) = normal(shared.variable(), 0.0, 1.0, [4]).unwrap();
    let definition = Definition::new(&[], &[x]).update(&shared, &next);
    let mut f = compile_definition(&definition, &Mode::run()).unwrap();
    let mut state = RngState::new(1);
    for _ in 0..3 {
        let want = drawn(state, |rng| normal(rng, 0.0, 1.0, [4]));
        assert_eq!(bits(f.call(&[]).unwrap().get::<Tensor>(0).unwrap()), bits(&want));
        state = state.next();
    }
    // A fork draws from the same shared state.
    let mut fork = f.fork();
    fork.call(&[]).unwrap();
    assert!(shared.get().same_bits(&RngState::new(1).next().next().next().next()));
    shared.set(RngState::new(5)).unwrap();
    let want = drawn(RngState::new(5), |rng| normal(rng, 0.0, 1.0, [4]));
    assert_eq!(bits(fork.call(&[]).unwrap().get::<Tensor>(0).unwrap()), bits(&want));
    let error = shared.set(Tensor::scalar(1.0)).unwrap_err().to_string();
    assert!(error.contains("random state") && error.contains("`rng`"), "{error}");
}

/// A constant state is folded like any other constant, and equal draws of one state are one node.
#[test]
fn a_constant_state_gives_the_same_numbers_in_each_call() {
    let constant = || rng_constant(RngState::new(3));
    let (_, x) = normal(&constant(), 0.0, 1.0, [3]).unwrap();
    let (_, y) = normal(&constant(), 0.0, 1.0, [3]).unwrap();
    let (_, other) = normal(&rng_constant(RngState::new(4)), 0.0, 1.0, [3]).unwrap();
    let mut f = compile(&[], &[x - y, other], &Mode::run()).unwrap();
    let out = f.call(&[]).unwrap();
    assert_eq!(out.get::<Tensor>(0).unwrap().to_vec::<f64>().unwrap(), [0.0; 3]);
    let again = f.call(&[]).unwrap();
    assert!(again.value(1).unwrap().same_bits(out.value(1).unwrap()));
    let want = drawn(RngState::new(4), |rng| normal(rng, 0.0, 1.0, [3]));
    assert_eq!(bits(out.get::<Tensor>(1).unwrap()), bits(&want));
    let text = debug_print(&[normal(&constant(), 0.0, 1.0, [3]).unwrap().1]);
    assert!(text.contains("rng(key 3:0, call 0)"), "{text}");
}

#[test]
fn equal_ops_are_equal_and_others_are_not() {
    let rng = rng_state("rng");
    let op = |n: usize, dtype| toposort(&[standard_normal(&rng, dtype, [n]).unwrap().1]).pop().unwrap().op().clone();
    assert!(op(3, DType::F64).same_op(&*op(3, DType::F64)));
    assert!(!op(3, DType::F64).same_op(&*op(4, DType::F64)) && !op(3, DType::F64).same_op(&*op(3, DType::F32)));
}

/// Each thread has a state of its own, split off before; the numbers are those of one thread that goes from state to
/// state.
#[test]
fn threads_draw_from_split_states() {
    let rng = rng_state("rng");
    let (_, x) = gamma(&rng, 0.7, 1.0, [1000]).unwrap();
    let mut f = compile(&[rng], &[x], &Mode::run()).unwrap();
    let chains = RngState::new(11).split(4);
    let alone: Vec<Vec<u64>> =
        chains.iter().map(|state| bits(f.call(&[state]).unwrap().get::<Tensor>(0).unwrap())).collect();
    let together = std::thread::scope(|scope| {
        let run = |state: &RngState| {
            let (mut fork, state) = (f.fork(), *state);
            scope.spawn(move || bits(fork.call(&[&state]).unwrap().get::<Tensor>(0).unwrap()))
        };
        let running: Vec<_> = chains.iter().map(run).collect();
        running.into_iter().map(|thread| thread.join().unwrap()).collect::<Vec<_>>()
    });
    assert_eq!(alone, together);
    assert_ne!(alone[0], alone[1]);
}

#[test]
fn split_states_in_a_function_are_those_outside() {
    let rng = rng_state("rng");
    let (next, streams) = split(&rng, 3).unwrap();
    let mut f = compile(&[rng], &[&[next], &streams[..]].concat(), &Mode::run()).unwrap();
    let state = RngState::new(8).next();
    let out = f.call(&[&state]).unwrap();
    assert_eq!(out.get::<RngState>(0).unwrap(), &state.next());
    for (k, stream) in state.split(3).iter().enumerate() {
        assert_eq!(out.get::<RngState>(k + 1).unwrap(), stream);
    }
}

/// Only what hands the state on runs where no number is needed.
#[test]
fn a_state_is_handed_on_without_drawing() {
    let rng = rng_state("rng");
    let (next, _) = normal(&rng, 0.0, 1.0, [1_000_000]).unwrap();
    let (next, _) = permutation(&next, 1_000_000).unwrap();
    let f = compile(&[rng], &[next], &Mode::raw()).unwrap();
    assert_eq!(f.node_count(), 2);
}

/// A symbolic size, known when the function runs.
#[test]
fn sizes_may_be_symbolic() {
    let (rng, n, like) = (rng_state("rng"), tensor("n", DType::I64, &[]), matrix("like"));
    let dims = [Dim::value_of(&n), Dim::axis(&like, 1)];
    let (_, x) = normal(&rng, 0.0, 1.0, dims).unwrap();
    let (_, mixed) = shuffle(&rng, &like).unwrap();
    let mut f = compile(&[rng, n, like], &[x, mixed], &Mode::run()).unwrap();
    let rows = Tensor::new(&[3, 2], vec![1.0, 2.0, 3.0, 4.0, 5.0, 6.0]).unwrap();
    let out = f.call(&[&RngState::new(1), &Tensor::scalar(4i64), &rows]).unwrap();
    assert_eq!(out.get::<Tensor>(0).unwrap().shape(), [4, 2]);
    let mixed: Vec<f64> = out.get::<Tensor>(1).unwrap().to_vec().unwrap();
    let mut pairs: Vec<_> = mixed.chunks(2).map(|pair| (pair[0] as i64, pair[1] as i64)).collect();
    pairs.sort_unstable();
    assert_eq!(pairs, [(1, 2), (3, 4), (5, 6)]);
    let error = f.call(&[&RngState::new(1), &Tensor::scalar(-4i64), &rows]).unwrap_err().to_string();
    assert!(error.contains("a length of -4 was asked for"), "{error}");
    let error = f.call(&[&RngState::new(1), &Tensor::scalar(1i64 << 60), &rows]).unwrap_err().to_string();
    assert!(error.contains("too large"), "{error}");
}
