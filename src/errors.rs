//! What each error means, where it usually comes from, and how to repair it: a page for each, with an example that
//! runs as a test.
//!
//! The message of an error names the op, the variables and the line; what it cannot say is here. The pages lie in
//! `docs/errors`. A kind without a page fails a test.

macro_rules! pages {
    ($($(#[doc = $doc:literal])+ $kind:ident: $($page:ident),+;)+) => { $(
        $(#[doc = $doc])+
        pub mod $kind { $(
            #[doc = include_str!(concat!("../docs/errors/", stringify!($kind), "/", stringify!($page), ".md"))]
            pub mod $page {}
        )+ }
    )+ };
    ($($page:ident),+) => { $(
        #[doc = include_str!(concat!("../docs/errors/", stringify!($page), ".md"))]
        pub mod $page {}
    )+ };
}

pages! {
    /// Building, differentiating and compiling: [`BuildError`](crate::BuildError).
    build_error: arity, bad_derivative, bad_input, budget, disconnected, inputs, missing_input, no_derivative,
        parameter, replacement, undefined, value;
    /// Calling: [`RunError`](crate::RunError).
    run_error: argument, arity, op, output, packed, parameter, shared;
    /// What any op may say in a call: [`OpFailure`](crate::graph::OpFailure).
    op_failure: domain, no_state, shapes, wrong_value;
    /// What goes wrong inside of an op that runs an expression: [`InnerError`](crate::graph::InnerError).
    inner_error: build, run;
    /// Checking derivatives: [`CheckError`](crate::graph::CheckError).
    check_error: build, inconclusive, run, unfit, wrong;
    /// Factorisations: [`LinalgError`](crate::ops::LinalgError).
    linalg_error: no_convergence, not_finite, not_positive_definite, not_square, singular;
    /// The parameters of random draws: [`RandomError`](crate::ops::random::RandomError).
    random_error: parameter, sum;
    /// The data of a dense tensor: [`TensorError`](crate::ops::TensorError).
    tensor_error: dtype, length;
    /// The parts of a sparse matrix: [`SparseError`](crate::sparse::SparseError).
    sparse_error: data, data_length, duplicate, index, indptr_decreases, indptr_ends, indptr_length, minor,
        too_large;
    /// Decompositions: [`SpectrumError`](crate::sparse::SpectrumError).
    spectrum_error: matrix, no_convergence, too_large;
    /// Matrix Market files: [`MarketError`](crate::sparse::MarketError).
    market_error: entry, header, io, line, matrix, short;
}

pages!(guarded, out_of_range, structure_error, too_large);
