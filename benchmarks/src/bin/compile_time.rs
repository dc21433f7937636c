//! How long compiling value and gradient takes, from 10 to 100,000 nodes: a table, and a picture.
//!
//! `compile_time FILE.svg` differentiates and compiles a chain of elementwise nodes, of scalars (which become programs)
//! and of vectors whose length is not known (which stay nodes). It prints CPU time and writes the picture.

#![allow(clippy::print_stdout, reason = "the table is the result of the program")]

use std::error::Error;
use std::time::Duration;

use kronograph::prelude::*;
use kronograph_benchmarks::{Budget, Plot, Series, bench, chain};

type Outcome<T = ()> = Result<T, Box<dyn Error>>;

const NODES: [usize; 9] = [10, 32, 100, 316, 1000, 3162, 10_000, 31_623, 100_000];

fn main() -> Outcome {
    let file = std::env::args().nth(1).ok_or("the argument is the file of the picture")?;
    let mut series = Vec::new();
    for (name, x) in [("scalars", scalar("x")), ("vectors of unknown length", vector("x"))] {
        let mut points = Vec::new();
        for nodes in NODES {
            let seconds = time(&x, nodes)?;
            println!("{name}: {nodes} nodes, {:.3} ms, {:.2} us per node", 1e3 * seconds, 1e6 * seconds / nodes as f64);
            points.push((nodes as f64, seconds));
        }
        series.push(Series { name, points });
    }
    let plot = Plot { title: "Compiling value and gradient", x: "nodes of the value", y: "CPU time", series };
    std::fs::write(file, plot.svg())?;
    Ok(())
}

/// CPU time to differentiate a chain and to compile it with its gradient, without its first call.
fn time(x: &Variable, nodes: usize) -> Outcome<f64> {
    let value = sum(&chain(x, nodes)?)?;
    let wrt = std::slice::from_ref(x);
    let once = || -> Outcome<Function> {
        let gradient = grad(&value, wrt)?.remove(0);
        Ok(compile(wrt, &[value.clone(), gradient], &Mode::run())?)
    };
    let mut failure = None;
    let budget = Budget { round: Duration::from_millis(500), least: 5, most: 200 };
    let timing = bench(budget, || failure = once().err());
    failure.map_or(Ok(timing.cpu), Err)
}
