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

/// How long each stage took, and the bytes in use after it.
struct Stages(Vec<(&'static str, Duration, usize)>);

impl Stages {
    fn run<T>(&mut self, name: &'static str, stage: impl FnOnce() -> T) -> T {
        let start = Instant::now();
        let result = stage();
        self.0.push((name, start.elapsed(), live()));
        result
    }

    /// All stages in the life of a chain.
    fn of_chain(nodes: usize) -> Outcome<Self> {
        let mut stages = Self(vec![("start", Duration::ZERO, live())]);
        let x = scalar("x");
        let y = stages.run("build", || chain(&x, nodes))?;
        let gradient = stages.run("grad", || grad(&y, std::slice::from_ref(&x)))?.remove(0);
        let outputs = [y, gradient];
        let mut graph = stages.run("function graph", || FunctionGraph::new(&[x], &outputs))?;
        stages.run("merge", || graph.merge())?;
        let mut function = stages.run("plan", || Function::plan(graph))?;
        let argument = Tensor::scalar(0.5);
        stages.run("first call", || function.call(&[&argument]).map(drop))?;
        stages.run("second call", || function.call(&[&argument]).map(drop))?;
        stages.run("drop function", || drop(function));
        stages.run("drop expressions", || drop(outputs));
        Ok(stages)
    }

    fn total(&self) -> f64 {
        self.0.iter().map(|(_, time, _)| time.as_secs_f64()).sum()
    }

    #[allow(clippy::print_stdout, reason = "the numbers are worth seeing")]
    fn print(&self, nodes: usize) {
        for pair in self.0.windows(2) {
            let [(_, _, before), (name, time, after)] = pair else { continue };
            let (time, bytes) = (time.as_nanos() as f64, *after as f64 - *before as f64);
            println!("{name:>17}: {:5.0} ns and {:+6.0} bytes per node", time / nodes as f64, bytes / nodes as f64);
        }
    }

    fn check_memory(&self) {
        let [(_, _, start), (_, _, built), .., (_, _, end)] = self.0[..] else { panic!("there are more stages") };
        assert!(built - start < 600 * DEEP, "an elementwise node and half a literal need less");
        assert!(end < start + (1 << 16), "everything is given back");
    }
}

/// Other work on the machine only ever adds time: the least of a few runs counts, and most often one is enough.
#[test]
#[allow(clippy::print_stdout, reason = "the numbers are worth seeing")]
fn time_and_memory_are_linear_in_the_number_of_nodes() -> Outcome {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    let (mut short, mut long) = (Stages::of_chain(FEW)?.total(), f64::INFINITY);
    for _ in 0..4 {
        let s2 = Stages::of_chain(FEW)?; s2.print(FEW); short = short.min(s2.total());
        let stages = Stages::of_chain(DEEP)?;
        long = long.min(stages.total());
        stages.print(DEEP);
        stages.check_memory();
        println!("{DEEP} nodes take {:.1} times as long as {FEW}", long / short);
        if long / short < 12.0 {
            return Ok(());
        }
    }
    Err(format!("{DEEP} nodes take {:.1} times as long as {FEW}", long / short).into())
}
