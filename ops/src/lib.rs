//! Dense tensors and their operations.
//!
//! [`Tensor`] is the value, [`TensorType`] its type, and every function here builds a node of an ordinary,
//! differentiable op. Names are PyTensor's for ops and NumPy's for arrays.
//!
//! # Where to read on
//!
//! `tensor` (the value and its type), `elemwise/table` (one row per scalar function), `reduce`, `layout`, `index`,
//! `join`, `linalg` (one op, one file), `kron`, `covariance` (structures with named parameters), `logp`, `random`,
//! `transform`, `control` (maps, Jacobians, Hessians), `program` (many small nodes as one step).
//!
//! # Invariants
//!
//! * Knows nothing of sparse matrices and of rewriting.
//! * A factorisation is a value: no op hides one.
//! * An axis broadcasts only if its static length is 1.
//! * No parallelism is taken from a global: faer is always told to run sequentially.

#![deny(unsafe_code)]

mod all;
mod broadcasting;
mod construct;
mod control;
pub mod covariance;
mod dtype;
mod elemwise;
mod index;
/// How an op names the part of each axis, for ops on other matrices that are indexed as tensors are.
pub mod axes {
    pub use crate::index::{
        AxisIndex, Lowered, Place, Range, Reading, check_inputs, index_prop, lower, parse_index, position_on,
        slice_dim, static_length,
    };
}
mod join;
#[allow(unsafe_code, reason = "kernels call what the processor may not have, after asking it")]
mod kernels;
mod kron;
mod layout;
mod linalg;
pub mod logp;
pub mod params;
mod program;
pub mod random;
mod reduce;
pub mod samples;
mod sort;
mod special;
mod tensor;
mod transform;
mod value_and_gradient;

pub use all::entries;
pub use construct::*;
pub use control::{GradClip, IfElse, Jacobian, Map, grad_clip, hessian, if_else, if_else_all, jacobian, map};
pub use dtype::DType;
pub use elemwise::*;
pub use index::{
    AdvancedIncSubtensor, AdvancedSubtensor, IncSubtensor, Index, LastWrites, Nonzero, Position, Subtensor, compress,
    flatnonzero, inc_subtensor, nonzero, segment_sum, set_subtensor, slice, subtensor, take, take_along_axis,
};
pub use join::*;
pub use kron::*;
pub use layout::*;
pub use linalg::*;
pub use program::{ProgramBuilder, ProgramValue, ScalarProgram};
pub use reduce::*;
pub use sort::*;
pub use tensor::*;
pub use transform::Transform;
pub use value_and_gradient::{Parameter, ValueAndGradient};
