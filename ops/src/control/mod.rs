//! Ops that run an expression of their own or choose between expressions, what is built on them (Jacobians and
//! Hessians), and identities with a derivative of their own.

mod grad_clip;
mod gradient_rules;
mod if_else;
mod jacobian;
mod map;

pub use grad_clip::{GradClip, grad_clip};
pub use if_else::{IfElse, if_else, if_else_all};
pub use jacobian::{Jacobian, hessian, jacobian};
pub use map::{Map, map};

/// The entries of this folder.
pub(crate) fn entries() -> Vec<kronograph_graph::Entry> {
    [grad_clip::entries(), gradient_rules::entries(), if_else::entries(), map::entries()].concat()
}
