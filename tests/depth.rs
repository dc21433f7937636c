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

/// How long each thing took.
#[derive(Clone, Copy, Debug)]
struct Times {
    build: Duration,
    grad: Duration,
    graph: Duration,
    merge: Duration,
    plan: Duration,
    first_call: Duration,
    call: Duration,
    drop_function: Duration,
    drop_expression: Duration,
    bytes_built: usize,
    bytes_planned: usize,
}

fn timed<T>(time: &mut Duration, run: impl FnOnce() -> T) -> T {
    let start = Instant::now();
    let result = run();
    *time = start.elapsed();
    result
}

impl Times {
    fn measure(nodes: usize) -> Outcome<Self> {
        let zero = Duration::ZERO;
        let mut times = Self {
            build: zero,
            grad: zero,
            graph: zero,
            merge: zero,
            plan: zero,
            first_call: zero,
            call: zero,
            drop_function: zero,
            drop_expression: zero,
            bytes_built: 0,
            bytes_planned: 0,
        };
        let before = live();
        let x = scalar("x");
        let y = timed(&mut times.build, || chain(&x, nodes))?;
        times.bytes_built = live() - before;
        let gradient = timed(&mut times.grad, || grad(&y, std::slice::from_ref(&x)))?.remove(0);
        let with_grad = live();
        let outputs = [y, gradient];
        let mut graph = timed(&mut times.graph, || FunctionGraph::new(&[x], &outputs))?;
        timed(&mut times.merge, || graph.merge())?;
        let count = graph.node_count();
        let mut function = timed(&mut times.plan, || Function::plan(graph))?;
        let argument = Tensor::scalar(0.5);
        timed(&mut times.first_call, || function.call(&[&argument]).map(drop))?;
        timed(&mut times.call, || function.call(&[&argument]).map(drop))?;
        times.bytes_planned = live() - with_grad;
        eprintln!(
            "nodes in function {count}, buffers {}, planned bytes/node {}",
            function.buffer_count(),
            times.bytes_planned / count
        );
        timed(&mut times.drop_function, || drop(function));
        timed(&mut times.drop_expression, || drop(outputs));
        Ok(times)
    }
}

#[test]
fn time_and_memory_are_linear() -> Outcome {
    let _turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
    for n in [DEEP / 10, DEEP / 10, DEEP] {
        let t = Times::measure(n)?;
        eprintln!("{n}: {t:#?}, {} bytes per node", t.bytes_built / n);
    }
    Ok(())
}
