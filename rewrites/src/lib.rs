//! The rewrite engine and the rule sets.
//!
//! A [`Rule`] is a small named rewriting step with a reason; a [`RuleDb`] is a value that holds rules; a [`Mode`] is an
//! ordered list of passes, made of a query on a database. Every application is recorded, and
//! [`Function::explain`](kronograph_graph::Function::explain) prints the story.
//!
//! # Where to read on
//!
//! `README.md` beside `src` (how to write a rule), `engine/rule`, one file of `rules`, `modes` (the order of passes),
//! `engine/fusion` (small nodes as one step).
//!
//! # Invariants
//!
//! * A replacement has the type of what it replaces, or a more precise one; the engine checks it.
//! * A rewrite never loses the user's line; the engine moves it, and the name too, unless what takes over has one.
//! * Rules do not depend on the order in which anything was linked or registered: databases are values.
//! * A set of rules that does not come to rest is stopped, and the error names the rule.
//! * What cannot be differentiated is made by compiling only, never by [`rewrite`].

#![forbid(unsafe_code)]

mod engine;
mod modes;
pub mod rules;
#[cfg(test)]
mod testing;

pub use engine::{Owner, Pass, Rule, RuleContext, RuleDb, Tag};
pub use modes::{Mode, rewrite};
