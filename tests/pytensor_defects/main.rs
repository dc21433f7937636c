//! Defects of PyTensor that are not ours: one test for each, whose name says the defect.

#![allow(clippy::unwrap_used, reason = "a test may")]

mod decompositions;
mod derivatives;
mod elementwise;
mod errors;
mod functions;
mod indexing;
mod reductions;
mod systems;
