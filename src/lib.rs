//! Kronograph: symbolic computation graphs with sparse and Kronecker structure, and true derivatives of any order.
//!
//! A model is an expression over dense tensors and sparse matrices. The engine differentiates it ([`graph::grad`],
//! [`graph::hvp`]), rewrites it into something cheaper ([`rewrite`]), and compiles it into a [`graph::Function`] that
//! is called millions of times ([`compile`]).
//!
//! ```
//! use kronograph::prelude::*;
//!
//! let (x, y) = (vector("x"), vector("y"));
//! let loss = sum(&sqr(&(&x - &y))?)?.named("loss");
//! let gradient = grad(&loss, &[x.clone()])?.remove(0);
//! let mut f = compile(&[x, y], &[loss, gradient], &Mode::run())?;
//! let out = f.call(&[&Tensor::vector(vec![1.0, 2.0]), &Tensor::vector(vec![0.0, 4.0])])?;
//! assert_eq!(out.scalar(0)?, 5.0);
//! assert_eq!(out.get::<Tensor>(1)?.to_vec::<f64>()?, [2.0, -4.0]);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! The layers, each a crate that knows only those below it: [`graph`], [`ops`], [`sparse`], [`rewrites`]. What an error
//! means and how to repair it: [`errors`].

#![forbid(unsafe_code)]

pub mod errors;

pub use kronograph_graph as graph;
pub use kronograph_ops as ops;
pub use kronograph_rewrites as rewrites;
pub use kronograph_sparse as sparse;

pub use kronograph_graph::{BuildError, Function, RunError, Variable};
pub use kronograph_ops::{Tensor, ValueAndGradient};
pub use kronograph_rewrites::{Mode, rewrite};
pub use kronograph_sparse::SparseMatrix;

/// Rewrites the expressions as the mode says and plans a function of them.
///
/// # Errors
///
/// An input given twice, or that is no free variable; a free variable that is not an input; a rule that breaks the
/// engine's contract.
#[track_caller]
pub fn compile(inputs: &[Variable], outputs: &[Variable], mode: &Mode) -> graph::Result<Function> {
    compile_definition(&graph::Definition::new(inputs, outputs), mode)
}

/// [`compile`] of a definition, which may have updates of shared variables and substitutions.
///
/// # Errors
///
/// As [`compile`] and [`Definition::graph`](graph::Definition::graph).
#[track_caller]
pub fn compile_definition(definition: &graph::Definition, mode: &Mode) -> graph::Result<Function> {
    let mut function_graph = definition.graph()?;
    mode.run_on(&mut function_graph)?;
    Function::plan(function_graph)
}

/// A cost and its gradient as a function of one packed vector of parameters, for optimisers and samplers.
///
/// The parameters are free f64 variables whose lengths are all known; they lie in the vector in the order given.
///
/// ```
/// use kronograph::prelude::*;
///
/// let (a, b) = (scalar("a"), tensor("b", DType::F64, &[Some(2)]));
/// let cost = &a * sum(&sqr(&b)?)?;
/// let mut f = value_and_gradient(&cost, &[a, b], &Mode::run())?;
/// let mut gradient = [0.0; 3];
/// assert_eq!(f.eval(&[2.0, 1.0, -3.0], &mut gradient)?, 20.0);
/// assert_eq!(gradient, [10.0, 4.0, -12.0]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// As [`graph::grad`] and [`compile`]; a parameter without a name of its own, of another dtype, or of unknown length.
#[track_caller]
pub fn value_and_gradient(cost: &Variable, parameters: &[Variable], mode: &Mode) -> graph::Result<ValueAndGradient> {
    let gradients = graph::grad(cost, parameters)?;
    let outputs = [std::slice::from_ref(cost), &gradients[..]].concat();
    ValueAndGradient::new(compile(parameters, &outputs, mode)?)
}

/// Every op and function of the library by name, with the samples on which it is proved.
///
/// ```
/// use kronograph::graph::Props;
/// use kronograph::prelude::*;
///
/// let registry = kronograph::registry();
/// let largest = registry.get("max")?.build(&Props::default().with("axis", -1i64), &[matrix("x")])?;
/// assert_eq!(largest[0].ty().to_string(), "f64 (?,)");
/// # Ok::<(), BuildError>(())
/// ```
pub fn registry() -> graph::OpRegistry {
    let all = [ops::entries(), sparse::entries()].concat();
    graph::OpRegistry::default().with(all).expect("no two entries have the same name")
}

/// What a model needs: `use kronograph::prelude::*`.
pub mod prelude {
    pub use crate::{Mode, compile, compile_definition, rewrite, value_and_gradient};
    pub use kronograph_graph::{
        BuildError, Definition, Dim, Function, GradCheck, Gradient, Operand, RunError, Shared, Value, Variable,
        check_grad, debug_print, grad, hvp, lop, rop, stop_gradient,
    };
    pub use kronograph_ops::{
        DType, Index, Tensor, Trans, ValueAndGradient, abs, add, broadcast_to, cast, cholesky_factor, concatenate,
        constant, cos, dimshuffle, eq, exp, expand_dims, expm1, eye, factor_logdet, factor_solve, factor_solve_axis,
        full, ge, gt, hessian, jacobian, kron, le, log, log1p, lt, lu_factor, map, matmul, matrix, max, max_axes,
        maximum, mean, mean_axes, minimum, mul, neg, neq, pow, reciprocal, reshape, scalar, sech_sqr, shared, sigmoid,
        sign, sin, slice, slogdet, softplus, solve, sqr, sqrt, squeeze, sub, subtensor, sum, sum_axes, switch, tan,
        tanh, tensor, transpose, transpose_axes, true_div, vector,
    };
    pub use kronograph_sparse::{
        Format, Route, SparseMatrix, affine_on_pattern, dense_from_sparse, eigenvalues, flow_validity, from_triplets,
        identity_like, kron_solve, kronecker_flow_logdet, kronecker_flow_solve, kronecker_flow_solve_matrix,
        read_matrix_market, read_matrix_market_file, rho_interval, sar_logdet, sparse_constant, sparse_flow_logdet,
        sparse_flow_solve, sparse_flow_solve_matrix, sparse_kron, sparse_lu, sparse_matrix, sparse_sar_solve,
        sparse_transpose, spectrum, structured_dot,
    };
}

#[doc = include_str!("../docs/coverage.md")]
pub mod coverage {}

/// The README's examples are tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
