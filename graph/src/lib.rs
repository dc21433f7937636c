//! Expressions, derivatives and functions; no numbers.
//!
//! A model is an expression: [`Variable`]s joined by [`Apply`] nodes, each the application of an [`Op`] to its
//! inputs. This crate knows how expressions are built, printed, differentiated ([`grad`], [`lop`], [`rop`],
//! [`hvp`]), copied into a [`FunctionGraph`] for rewriting, and planned and run as a [`Function`]. What the values
//! are (tensors, sparse matrices, factors) is decided elsewhere, through the open traits [`Type`] and [`Value`].
//!
//! # Where to read on
//!
//! `variable` (what an expression is), `op` (what an op is), `autodiff`, `fgraph`, `function`.
//!
//! # Invariants
//!
//! * No arrays, dtypes or kernels here: neither ndarray nor faer is a dependency (slices of `f64` are fine).
//! * No unsafe code.
//! * No recursion over a graph: every walk, and dropping, is iterative.
//! * No global state, except the stack of origins (module [`origin`]), which only decides the source lines of nodes.
//! * A missing derivative is an error or an explicit [`Grad`] kind, never a zero.

#![forbid(unsafe_code)]

pub mod origin;

mod autodiff;
mod check;
mod definition;
mod dim;
mod error;
mod fgraph;
mod frozen;
mod function;
mod gradient_rules;
mod needs;
mod op;
mod op_from_graph;
mod operators;
mod print;
mod registry;
mod shared;
mod substitute;
mod types;
mod value;
mod variable;
mod walk;

pub use autodiff::{Gradient, Missing, grad, hvp, lop, rop, rop_kinds, sum_of};
pub use check::{Blame, CheckError, Compiler, Coordinate, GradCheck, GradFault, GradReport, Wrong, check_grad};
pub use definition::Definition;
pub use dim::{Dim, DimView, Shape, infer_shapes, shape_of};
pub use error::{BuildError, Described, OpError, OpFailure, OpResult, Result, RunError, StructureError};
pub use fgraph::{Application, Client, FunctionGraph, NodeId, Producer, ValueId};
pub use frozen::Frozen;
pub use function::{
    DebugReport, DebugRow, Function, GivenInput, Guard, NodeFailure, NodeProfile, OutputView, Outputs, Profile,
    evaluate, perform_alone,
};
pub use gradient_rules::{GradientRule, grad_scale, stop_gradient, undefined_grad, zero_grad};
pub use needs::Need;
pub use op::{
    Branches, Grad, Grads, Identity, Inputs, Io, NodeSpec, NodeView, Op, OpRef, OpState, Params, Part, Prop, Props,
    Tangents, Why,
};
pub use op_from_graph::{GraphState, InnerError, JvpRule, OpFromGraph, VjpRule};
pub use operators::{Operand, UnaryVerb, Verb, binary, overloaded, unary};
pub use origin::{Origin, scope};
pub use print::{debug_print, expression_text};
pub use registry::{Entry, OpRegistry, Sample, SampleInput};
pub use shared::Shared;
pub use substitute::substitute;
pub use types::{Type, TypeIdentity, TypeRef};
pub use value::{Slot, Value};
pub use variable::{Apply, Variable, VariableKey, apply, apply_all};
pub use walk::{ancestors, toposort};
