//! What the timed workloads share: inputs that any language can make again, timing, and one JSON line per case.
//!
//! A workload is a program in `src/bin`; `compare.py` runs it in turn with the same workload in other libraries.

#![forbid(unsafe_code)]

mod graphs;
mod inputs;
mod plot;
mod report;
mod timing;

pub use graphs::chain;
pub use inputs::{chk, knn6, rook, scaled, sym, u01, u64s};
pub use plot::{Plot, Series};
pub use report::{Options, emit};
pub use timing::{Budget, Timing, bench, once};
