//! Expressions that more than one workload builds.

use kronograph::graph::Result;
use kronograph::prelude::*;

use crate::inputs::{scaled, sym};

/// A chain of so many elementwise nodes: sines, products, hyperbolic tangents and sums in turn.
///
/// # Errors
///
/// When `x` is no dense tensor of numbers.
pub fn chain(x: &Variable, nodes: usize) -> Result<Variable> {
    let c = scaled(0.01, sym(57, 4000));
    (0..nodes).try_fold(x.clone(), |x, k| match (k % 4, c[k % 4000]) {
        (0, _) => sin(&x),
        (1, c) => Ok(x * (1.5 + c)),
        (2, _) => tanh(&x),
        (_, c) => Ok(x + c),
    })
}
