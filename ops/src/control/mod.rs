//! Ops that run an expression of their own, and what is built on them: Jacobians and Hessians.

mod jacobian;
mod map;

pub use jacobian::{Jacobian, hessian, jacobian};
pub use map::{Map, map};
