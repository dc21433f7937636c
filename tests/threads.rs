//! Threads: forks of one function run at once and agree with one thread to the last bit.
//!
//! What is immutable is shared by forks (plan, constants, symbolic factorisations); what is written belongs to one.

use std::error::Error;

use kronograph::graph::{Apply, FunctionGraph, OpFailure, Outputs, StructureError, TypeRef, sum_of};
use kronograph::ops::{FactorValue, TensorError, TensorType};
use kronograph::prelude::*;
use kronograph::rewrites::{Pass, RuleDb};
use kronograph::sparse::{MarketError, Pattern, SparseError, SparseType};

type Outcome<T = ()> = Result<T, Box<dyn Error>>;

/// The bits of every output.
type Bits = Vec<Vec<u64>>;

const REGIONS: usize = 12;
const REPETITIONS: usize = 100;

#[test]
fn public_types_may_be_shared_and_sent() {
    fn shared<T: Send + Sync>() {}
    fn sent<T: Send>() {}
    shared::<(Variable, Apply, FunctionGraph, TypeRef, Dim)>();
    shared::<(Tensor, TensorType, FactorValue, SparseMatrix, SparseType, Pattern)>();
    shared::<(Mode, Pass, RuleDb, Outputs)>();
    shared::<(BuildError, RunError, StructureError, OpFailure, TensorError, SparseError, MarketError)>();
    // Not shared: the states of ops are not, and a call needs `&mut` anyway.
    sent::<Function>();
}

/// A weight matrix on a ring: each region has four neighbours.
fn ring() -> Outcome<SparseMatrix> {
    let neighbours = |i: usize| [1, 2, REGIONS - 2, REGIONS - 1].map(|step| (i, (i + step) % REGIONS, 1.0));
    let triplets: Vec<_> = (0..REGIONS).flat_map(neighbours).collect();
    Ok(from_triplets(Format::Csr, [REGIONS, REGIONS], &triplets)?.row_standardized())
}

/// `sum(exp(η / 4))` with `η` the flow solve, and its gradient by both ρ and the right-hand side.
fn flow_model() -> Outcome<Function> {
    let (rho_d, rho_o) = (scalar("rho_d"), scalar("rho_o"));
    let b = tensor("b", DType::F64, &[Some(REGIONS * REGIONS)]);
    let eta = kronecker_flow_solve(&sparse_constant(ring()?), &rho_d, &rho_o, &b)?;
    let value = sum(&exp(&(0.25 * &eta))?)?;
    let inputs = [rho_d, rho_o, b];
    let outputs = [vec![value.clone()], grad(&value, &inputs)?].concat();
    Ok(compile(&inputs, &outputs, &Mode::run())?)
}

/// A dense solve, a log-determinant and elementwise functions, with the gradient.
fn dense_model() -> Outcome<Function> {
    let (scale, shift, b) = (scalar("scale"), scalar("shift"), vector("b"));
    let x = matmul(&expand_dims(&b, &[1])?, &expand_dims(&b, &[0])?)?;
    let a = add(&mul(&tanh(&x)?, &scale)?, &mul(&eye(Dim::axis(&b, 0))?, 200.0)?)?;
    let (_, logdet) = slogdet(&a)?;
    let parts = [sum(&sqr(&solve(&a, &b)?)?)?, logdet, sum(&sin(&add(&b, &shift)?)?)?];
    let value = sum_of(&parts.map(Some))?.ok_or("there are three parts")?;
    let inputs = [scale, shift, b];
    let outputs = [vec![value.clone()], grad(&value, &inputs)?].concat();
    Ok(compile(&inputs, &outputs, &Mode::run())?)
}

/// Two scalars and a vector, different for each seed.
fn arguments(seed: usize) -> [Tensor; 3] {
    let seed = seed as f64;
    let b = (0..REGIONS * REGIONS).map(|k| (k as f64 * 0.37 + seed).sin()).collect();
    [Tensor::scalar(0.3 + 0.02 * seed), Tensor::scalar(0.5 - 0.03 * seed), Tensor::vector::<f64>(b)]
}

fn run(function: &mut Function, seed: usize) -> Outcome<Bits> {
    let [a, b, c] = arguments(seed);
    let given: [&dyn Value; 3] = [&a, &b, &c];
    let out = function.call_ref(&given)?;
    let bits = |k| Ok(out.get::<Tensor>(k)?.to_vec::<f64>()?.into_iter().map(f64::to_bits).collect());
    (0..out.len()).map(bits).collect()
}

/// Runs forks on so many threads at once, thread `k` beginning with seed `first(k)`; every result must have the
/// bits of the one-thread result in `want`.
fn assert_agrees(function: &Function, threads: usize, want: &[Bits], first: impl Fn(usize) -> usize) {
    std::thread::scope(|scope| {
        for k in 0..threads {
            let (mut fork, first) = (function.fork(), first(k));
            scope.spawn(move || {
                for step in 0..REPETITIONS {
                    let seed = (first + step) % want.len();
                    let got = run(&mut fork, seed).expect("the matrices are regular at every seed");
                    assert_eq!(got, want[seed], "thread {k}, repetition {step}, seed {seed}");
                }
            });
        }
    });
}

fn assert_forks_agree(mut function: Function) -> Outcome {
    let want = (0..5).map(|seed| run(&mut function, seed)).collect::<Outcome<Vec<_>>>()?;
    assert_ne!(want[0], want[1], "different arguments have different results");
    for threads in [2, 8] {
        assert_agrees(&function, threads, &want, |_| 0);
        assert_agrees(&function, threads, &want, |k| k);
    }
    // The original is none the worse for its forks.
    assert_eq!(run(&mut function, 3)?, want[3]);
    Ok(())
}

#[test]
fn forks_of_the_flow_model_agree_with_one_thread_to_the_bit() -> Outcome {
    assert_forks_agree(flow_model()?)
}

#[test]
fn forks_of_the_dense_model_agree_with_one_thread_to_the_bit() -> Outcome {
    assert_forks_agree(dense_model()?)
}

#[test]
fn functions_that_were_never_run_may_be_forked_first() -> Outcome {
    let function = flow_model()?;
    let want = [run(&mut function.fork(), 0)?];
    assert_agrees(&function, 8, &want, |_| 0);
    Ok(())
}

#[test]
fn two_functions_compiled_from_one_expression_agree() -> Outcome {
    let want = run(&mut flow_model()?, 1)?;
    let handles: Vec<_> =
        (0..4).map(|_| std::thread::spawn(|| run_anew().map_err(|error| error.to_string()))).collect();
    for handle in handles {
        assert_eq!(handle.join().map_err(|_| "the thread panicked")??, want);
    }
    Ok(())
}

/// Builds, compiles and runs the flow model in this thread.
fn run_anew() -> Outcome<Bits> {
    run(&mut flow_model()?, 1)
}

#[test]
fn a_fork_does_no_symbolic_analysis_of_its_own() -> Outcome {
    let mut function = flow_model()?;
    run(&mut function, 0)?;
    let before = function.counts();
    assert_eq!((before["symbolic"], before["numeric"]), (2, 2), "one for each rho");
    let mut fork = function.fork();
    assert!(fork.counts().values().all(|&count| count == 0), "{:?}", fork.counts());
    let seeds = 4;
    for seed in 1..=seeds {
        run(&mut fork, seed)?;
    }
    let after = fork.counts();
    assert_eq!((after["union"], after["symbolic"]), (0, 0), "patterns and symbolic factors came with the fork");
    assert_eq!(after["numeric"], 2 * seeds as u64, "value and gradient share a numeric factor for each rho");
    assert_eq!(function.counts(), before, "what a fork does is not counted in the original");
    Ok(())
}

#[test]
fn forks_share_constants() -> Outcome {
    let large = constant(vec![1.5; 1 << 16]);
    let x = vector("x");
    let function = compile(std::slice::from_ref(&x), &[sum(&mul(&x, &large)?)?], &Mode::raw())?;
    let forks: Vec<Function> = (0..8).map(|_| function.fork()).collect();
    assert_eq!(forks.iter().map(Function::buffer_bytes).sum::<usize>(), 0, "a fork starts without data of its own");
    assert!(forks.iter().all(|fork| std::ptr::eq(fork.graph(), function.graph())), "the plan is one");
    Ok(())
}
