//! Ops that run an expression of their own or choose between expressions, and what is built on them: Jacobians and
//! Hessians.

mod gradient_rules;
mod if_else;
mod jacobian;
mod map;

pub use if_else::{IfElse, if_else, if_else_all};
pub use jacobian::{Jacobian, hessian, jacobian};
pub use map::{Map, map};

/// The entries of this folder.
pub(crate) fn entries() -> Vec<kronograph_graph::Entry> {
    [gradient_rules::entries(), if_else::entries(), map::entries()].concat()
}
