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
        Assume, DType, DiagonalKind, Index, KsTrace, QrMode, Rhs, SingularVectors, Tensor, Trans, Transform, Triangle,
        ValueAndGradient, abs, add, all, all_axes, alloc, alloc_diag, and_, any, any_axes, arange, arccos, arccosh,
        arcsin, arcsinh, arctan, arctan2, arctanh, argmax, argmax_axes, argmin, argmin_axes, argsort, banded_factor,
        batched_dot, beta, betainc, betaln, bincount, block_diag, broadcast_arrays, broadcast_to, cast, cbrt, ceil,
        cho_solve, cholesky, cholesky_factor, cholesky_or_nan, clip, cofactor, compress, concatenate, constant, cos,
        cosh, covariance, cumprod, cumsum, deg2rad, det, diag, diagonal, diff, digamma, dimshuffle, dot, eigh,
        eigh_factor, eigh_generalized, eigvalsh, eigvalsh_generalized, einsum, eq, erf, erfc, erfcinv, erfcx, erfinv,
        exp, exp2, expand_dims, expm, expm_kronsum, expm_kronsum_action, expm1, eye, factor_logdet, factor_solve,
        factor_solve_axis, factorwise_average, factorwise_average_diag, factorwise_matrix, fill_diagonal, flatnonzero,
        flatten, flip, floor, full, full_like, gamma, gammainc, gammaincc, gammaln, ge, grad_clip, gt, hessian, hypot,
        i0, i0e, i1, i1e, identity, if_else, if_else_all, inc_subtensor, int_div, invert, isclose, isfinite, isinf,
        isnan, iv, ive, jacobian, kron, kron_all, kron_cholesky, kron_contract, kron_det, kron_diag, kron_inverse,
        kron_matmul, kron_shift_logdet, kron_shift_solve, kron_slogdet, kron_trace, kronsum, kronsum_diag,
        kronsum_matmul, kronsum_scipy, ks_decompose, ks_decompose_diag, kv, kve, le, linspace, log, log_ndtr,
        log_softmax, log_softmax_axes, log1mexp, log1p, log2, log10, logaddexp, logit, logp, logsumexp, logsumexp_axes,
        lt, lu, lu_factor, make_vector, map, matmul, matrix, matrix_inverse, matrix_norm, matrix_power,
        matrix_transpose, matvec, max, max_axes, maximum, mean, mean_axes, min, min_axes, minimum, mod_, moveaxis, mul,
        ndtr, ndtri, nearest_kron, nearest_krons, neg, neq, nonzero, ones, ones_like, or_, outer, pad, partial_trace,
        pinv, polygamma, pow, prod, prod_axes, qr, qr_r, rad2deg, random, ravel, reciprocal, repeat, reshape, roll,
        round, scalar, searchsorted, sech_sqr, segment_sum, set_diagonal, set_subtensor, shape, shared, sigmoid, sign,
        sin, sinh, size, slice, slogdet, softmax, softmax_axes, softplus, solve, solve_assuming,
        solve_continuous_lyapunov, solve_discrete_lyapunov, solve_sylvester, solve_triangular, sort, specify_shape,
        split, sqr, sqrt, squeeze, stack, std, std_axes, sub, subtensor, sum, sum_axes, svd, svdvals, swapaxes, switch,
        take, take_along_axis, tan, tanh, tensor, tensordot, tile, trace, transpose, transpose_axes, tri_gamma,
        triangular_factor, tril, triu, true_div, trunc, var, var_axes, vecdot, vecmat, vector, vector_norm, xlog1py,
        xlogx, xlogy, xor, zeros, zeros_like,
    };
    pub use kronograph_sparse::{
        Format, Route, SparseMatrix, Windows, add_s_s_data, affine_on_pattern, clean, col_scale,
        construct_sparse_from_list, convolve, csm, csm_data, csm_properties, dense_from_sparse, eigenvalues,
        ensure_sorted_indices, flow_validity, from_triplets, get_item_2d, get_item_2lists, get_item_list,
        get_item_scalar, hstack, identity_like, kron_solve, kronecker_flow_logdet, kronecker_flow_solve,
        kronecker_flow_solve_matrix, kronsum_solve, max_pool, mul_s_s, multiply, read_matrix_market,
        read_matrix_market_file, remove0, rho_interval, row_scale, sampling_dot, sar_logdet, sp_ones_like, sp_sum,
        sp_sum_structured, sp_zeros_like, sparse_constant, sparse_flow_logdet, sparse_flow_solve,
        sparse_flow_solve_matrix, sparse_from_dense, sparse_kron, sparse_kronsum, sparse_lu, sparse_matrix,
        sparse_sar_solve, sparse_transpose, spectrum, square_diagonal, structured, structured_add, structured_add_s_v,
        structured_conjugate, structured_dot, structured_exp, structured_log, structured_maximum, structured_minimum,
        structured_pow, structured_sigmoid, subtract, to_format, true_dot, usmm, vstack, with_data,
        write_matrix_market_file,
    };
}

#[doc = include_str!("../docs/coverage.md")]
pub mod coverage {}

/// The README's examples are tests.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
