//! Depth: an expression of a million nodes in one chain, on the 2 MiB stack of a test thread.
//!
//! Nothing that walks an expression may recurse, and nothing may take more than linear time or memory. The second
//! test shows its numbers with `cargo test --release --test depth -- --nocapture`.

use std::alloc::{GlobalAlloc, Layout, System};
use std::error::Error;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use kronograph::graph::{FunctionGraph, toposort};
use kronograph::prelude::*;

const DEEP: usize = 1_000_000;
const FEW: usize = DEEP / 10;

type Outcome<T = ()> = Result<T, Box<dyn Error>>;

/// The tests measure time and memory, so they take turns.
static TURN: Mutex<()> = Mutex::new(());

/// The system's allocator, with a count of the bytes that are in use.
struct Counting;

static LIVE: AtomicUsize = AtomicUsize::new(0);

#[global_allocator]
static ALLOCATOR: Counting = Counting;

// SAFETY: every call is handed to the system's allocator as it is.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        LIVE.fetch_add(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller keeps the contract of `alloc`.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, pointer: *mut u8, layout: Layout) {
        LIVE.fetch_sub(layout.size(), Ordering::Relaxed);
        // SAFETY: the caller keeps the contract of `dealloc`, and the pointer is the system's.
        unsafe { System.dealloc(pointer, layout) }
    }
}

fn live() -> usize {
    LIVE.load(Ordering::Relaxed)
}

/// `x` after so many nodes: every four of them (`+ 1`, `log`, `exp`, `- 1`) return to it, with the derivative 1.
fn chain(x: &Variable, nodes: usize) -> Outcome<Variable> {
    let mut y = x.clone();
    for step in 0..nodes {
        y = match step % 4 {
            0 => add(&y, 1.0)?,
            1 => log(&y)?,
            2 => exp(&y)?,
            _ => sub(&y, 1.0)?,
        };
    }
    Ok(y)
}

fn assert_near(got: f64, want: f64) {
    assert!((got - want).abs() < 1e-6, "{got} instead of {want}");
}

#[test]
fn a_chain_of_a_million_nodes_is_built_differentiated_planned_run_and_dropped() -> Outcome {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let x = scalar("x");
    let y = chain(&x, DEEP)?;
    assert_eq!(toposort(std::slice::from_ref(&y)).len(), DEEP);
    let gradient = grad(&y, std::slice::from_ref(&x))?.remove(0);
    let tangent = rop(std::slice::from_ref(&y), std::slice::from_ref(&x), std::slice::from_ref(&x))?.remove(0);

    let mut graph = FunctionGraph::new(&[x], &[y.clone(), gradient, tangent])?;
    assert_eq!(graph.toposort().len(), graph.node_count());
    // Every literal is a constant of its own; merging leaves two of them.
    assert!(graph.merge()? >= DEEP / 2 - 2);
    graph.check()?;
    let exported = graph.export();
    assert!(toposort(&exported).len() >= DEEP);
    drop(exported);

    let mut function = Function::plan(graph)?;
    let mut fork = function.fork();
    drop(y);
    let argument = Tensor::scalar(0.5);
    for function in [&mut function, &mut fork] {
        let out = function.call(&[&argument])?;
        assert_near(out.scalar(0)?, 0.5);
        assert_near(out.scalar(1)?, 1.0);
        assert_near(out.scalar(2)?, 0.5);
    }
    Ok(())
}

#[test]
fn a_deep_chain_is_printed_to_a_limited_depth() -> Outcome {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let y = chain(&scalar("x"), DEEP)?;
    assert!(debug_print(std::slice::from_ref(&y)).len() < 1 << 20);
    assert!(format!("{y:?}").len() < 1 << 10);
    Ok(())
}

#[test]
fn many_equal_uses_of_one_variable_are_merged_without_searching_them() -> Outcome {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let x = scalar("x");
    let equal = (0..FEW).map(|_| sin(&x)).collect::<Result<Vec<_>, _>>()?;
    let mut graph = FunctionGraph::new(&[x], &equal)?;
    assert_eq!(graph.merge()?, FEW - 1);
    assert_eq!((graph.node_count(), graph.clients(graph.outputs()[0]).len()), (1, FEW));
    Ok(graph.check()?)
}

/// How long each stage took, and the bytes in use after it.
struct Stages(Vec<(&'static str, Duration, usize)>);

impl Stages {
    fn run<T>(&mut self, name: &'static str, stage: impl FnOnce() -> T) -> T {
        let start = Instant::now();
        let result = stage();
        self.0.push((name, start.elapsed(), live()));
        result
    }

    /// All stages in the life of some chains, all of which live at once.
    fn of_chains(chains: usize, nodes: usize) -> Outcome<Self> {
        let mut stages = Self(vec![("start", Duration::ZERO, live())]);
        let xs: Vec<Variable> = (0..chains).map(|_| scalar("x")).collect();
        let ys = stages.run("build", || xs.iter().map(|x| chain(x, nodes)).collect::<Outcome<Vec<_>>>())?;
        let pairs = || xs.iter().cloned().zip(ys.iter().cloned());
        let gradients: Vec<_> =
            stages.run("grad", || pairs().map(|(x, y)| grad(&y, &[x])).collect::<Result<_, _>>())?;
        let graph = |((x, y), gradient): (_, &Vec<Variable>)| FunctionGraph::new(&[x], &[y, gradient[0].clone()]);
        let mut graphs: Vec<_> =
            stages.run("function graph", || pairs().zip(&gradients).map(graph).collect::<Result<_, _>>())?;
        stages.run("merge", || graphs.iter_mut().try_for_each(|graph| graph.merge().map(drop)))?;
        let plan = || graphs.into_iter().map(Function::plan).collect::<Result<_, _>>();
        let mut functions: Vec<Function> = stages.run("plan", plan)?;
        let argument = Tensor::scalar(0.5);
        for name in ["first call", "second call"] {
            stages.run(name, || functions.iter_mut().try_for_each(|f| f.call(&[&argument]).map(drop)))?;
        }
        stages.run("drop functions", || drop(functions));
        stages.run("drop expressions", || drop((ys, gradients)));
        Ok(stages)
    }

    fn seconds(&self) -> f64 {
        self.0.iter().map(|(_, time, _)| time.as_secs_f64()).sum()
    }

    #[allow(clippy::print_stdout, reason = "the numbers are worth seeing")]
    fn print(&self) {
        for pair in self.0.windows(2) {
            let [(_, _, before), (name, time, after)] = pair else { continue };
            let (time, bytes) = (time.as_nanos() as f64, *after as f64 - *before as f64);
            println!("{name:>17}: {:5.0} ns and {:+6.0} bytes per node", time / DEEP as f64, bytes / DEEP as f64);
        }
    }

    fn check_memory(&self) {
        let [(_, _, start), (_, _, built), .., (_, _, end)] = self.0[..] else { panic!("there are more stages") };
        assert!(built - start < 500 * DEEP, "an elementwise node and half a literal need less");
        assert!(end < start + (1 << 16), "everything is given back");
    }
}

/// One chain of a million nodes against ten of a tenth, which fill the same memory: what a processor takes longer to
/// reach in a large memory is no fault of an algorithm. Other work on the machine only adds time, so the least of a
/// few runs counts, and most often one is enough.
#[test]
#[allow(clippy::print_stdout, reason = "the numbers are worth seeing")]
fn time_and_memory_are_linear_in_the_number_of_nodes() -> Outcome {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let alone = Stages::of_chains(1, FEW)?.seconds().min(Stages::of_chains(1, FEW)?.seconds());
    let (mut ten_short, mut one_long) = (f64::INFINITY, f64::INFINITY);
    for _ in 0..4 {
        ten_short = ten_short.min(Stages::of_chains(DEEP / FEW, FEW)?.seconds());
        let stages = Stages::of_chains(1, DEEP)?;
        one_long = one_long.min(stages.seconds());
        stages.print();
        stages.check_memory();
        let ratio = one_long / (ten_short * FEW as f64 / DEEP as f64);
        println!("{DEEP} nodes take {ratio:.1} times as long as {FEW} ({:.1} in a small memory)", one_long / alone);
        if ratio < 12.0 {
            return Ok(());
        }
    }
    Err(format!("{one_long} s for {DEEP} nodes, {ten_short} s for as many in ten chains").into())
}
