//! Sparse matrices and what is built on them: structured products, sparse factors, flow systems.
//!
//! [`SparseMatrix`] is the value (CSR or CSC), [`SparseType`] its type. A cotangent of a sparse variable may have any
//! pattern: each op says whether its gradient is regular or structured. Names are PyTensor's.
//!
//! # Where to read on
//!
//! `matrix` and `pattern` (the value), `ty` (its type), `kept` (what an op knows of the patterns of its last call),
//! `data` (functions of stored values), `arithmetic`, `product`, `index`, `stack`, `csm`, `convolution`, `random`,
//! `affine` (matrices such as I - ρW), `lu`, `flow`, `spectral` (flow systems by a decomposition of W).
//!
//! # Invariants
//!
//! * A value that exists is valid: indices in range, `indptr` monotone, no duplicates. They may be unsorted.
//! * A structured gradient makes nothing of the operand's full shape. What does: `dense_from_sparse`, regular gradients
//!   that are full (of `dot`, of `sp_sum`), comparisons that hold at zero, the second derivatives of a log-determinant,
//!   a spectral decomposition.
//! * Patterns are shared by `Arc`; symbolic work is keyed on them and done once per function.
//! * Knows nothing of rewriting.

#![deny(unsafe_code)]

mod add;
mod add_data;
mod add_dense;
mod affine;
mod all;
mod arithmetic;
mod cast;
mod clean;
mod compare;
mod compare_samples;
mod convert;
mod convolution;
mod csm;
mod data;
mod dense;
mod diag;
mod display;
mod flow;
mod foreign;
mod format;
mod identity;
mod index;
mod integers;
mod inverse;
mod kept;
#[allow(unsafe_code, reason = "kernels call what the processor may not have, after asking it")]
mod kernels;
mod kron;
mod kron_solve;
mod kronsum;
mod like;
mod lu;
mod lu_factorization;
mod market;
mod matrix;
mod multiply;
mod multiply_dense;
mod number;
mod overload;
mod pattern;
mod product;
mod project;
pub mod random;
mod sampled;
pub mod samples;
mod scale;
mod spectral;
mod stack;
mod structured;
mod sum;
mod sum_of_products;
mod transpose;
mod ty;

pub use add::{AddSS, add_s_s};
pub use add_data::{AddSSData, add_s_s_data, structured_add_s_v};
pub use add_dense::{AddSD, add_s_d};
pub use affine::{AffineOnPattern, affine_on_pattern};
pub use all::entries;
pub use arithmetic::{multiply, subtract};
pub use cast::{SparseCast, sparse_cast};
pub use clean::{EnsureSortedIndices, Remove0, clean, ensure_sorted_indices, remove0};
pub use compare::Compare;
pub use convert::{from_triplets, sparse_constant, sparse_matrix};
pub use convolution::{Border, Windows, convolve, max_pool};
pub use csm::{
    Csm, CsmGrad, CsmPart, construct_sparse_from_list, csm, csm_grad, csm_indices, csm_indptr, csm_properties,
    csm_shape, nnz,
};
pub use data::{CsmData, WithData, csm_data, structured, with_data};
pub use dense::{
    DenseFromSparse, SampleDense, SparseFromDense, dense_from_sparse, dense_from_sparse_regular, sample_dense,
    sparse_from_dense,
};
pub use diag::{SparseDiag, sparse_diag, square_diagonal};
pub use flow::{
    FlowValidity, Route, flow_validity, kronecker_flow_logdet, kronecker_flow_logdet_with, kronecker_flow_solve,
    kronecker_flow_solve_matrix, kronecker_flow_solve_with, rcond, sar_logdet, sar_logdet_with, sparse_flow_logdet,
    sparse_flow_logdet_with, sparse_flow_solve, sparse_flow_solve_matrix, sparse_flow_solve_with, sparse_sar_solve,
};
pub use format::{ToFormat, to_format};
pub use identity::{IdentityLike, identity_like};
pub use index::{
    GetItem2Lists, GetItem2ListsGrad, GetItem2d, GetItem2dGrad, get_item_2d, get_item_2lists, get_item_list,
    get_item_scalar,
};
pub use inverse::{InverseOnPattern, inverse_on_pattern};
pub use kron::{Side, SparseKron, SparseKronContract, sparse_kron, sparse_kron_contract};
pub use kron_solve::kron_solve;
pub use kronsum::{kronsum_solve, sparse_kronsum};
pub use like::{Like, sp_ones_like, sp_zeros_like};
pub use lu::{SparseLu, sparse_lu};
pub use market::{
    MarketError, Symmetry, read_matrix_market, read_matrix_market_file, write_matrix_market, write_matrix_market_file,
};
pub use matrix::{Format, SparseError, SparseMatrix};
pub use multiply::{MulSS, mul_s_s};
pub use multiply_dense::{MulSD, mul_s_d, true_div_s_d};
pub use pattern::Pattern;
pub use product::{
    SampledProduct, SparseDot, StructuredDot, TrueDot, Usmm, sampled_product, sampling_dot, structured_dot,
    structured_dot_along, true_dot, usmm,
};
pub use project::{ProjectSparse, project_sparse};
pub use sampled::{SampledOuter, sampled_outer};
pub use scale::{Scale, col_scale, row_scale};
pub use spectral::{
    Eigenvalues, SpectralFlowSolve, Spectrum, SpectrumError, eigenvalues, rho_interval, spectral_flow_solve, spectrum,
};
pub use stack::{Stack, block_diag, hstack, vstack};
pub use structured::{
    structured_add, structured_conjugate, structured_exp, structured_log, structured_maximum, structured_minimum,
    structured_pow, structured_sigmoid,
};
pub use sum::{SpSum, sp_sum, sp_sum_structured};
pub use sum_of_products::{SumOfProducts, sparse_inner};
pub use transpose::{SparseTranspose, sparse_transpose};
pub use ty::{SparseType, is_sparse};
