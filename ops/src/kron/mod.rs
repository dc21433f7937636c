//! Kronecker products and sums: what can be formed, what is computed from the factors alone, and what takes such
//! structure out of a matrix again.
//!
//! The last factor varies fastest, as in `numpy.kron`: row (i, k) of `A ⊗ B` is row `i rows(B) + k`. So a vector that a
//! product acts on is, in row-major order, a tensor with one axis for each factor.

mod axis_sums;
mod contract;
mod decompose;
mod decompose_entries;
mod dims;
mod factors;
mod function_entries;
mod functions;
mod length;
mod matmul;
mod nearest;
mod partial_trace;
mod product;
mod rows;
mod shift;
mod sum;
mod sum_diag;

pub use axis_sums::{FactorwiseSumsDiag, factorwise_sums_diag};
pub use contract::{KronContract, kron_contract};
pub use decompose::{
    KsTrace, factorwise_average, factorwise_average_diag, factorwise_matrix, ks_decompose, ks_decompose_diag,
};
pub use functions::{
    expm_kronsum, expm_kronsum_action, kron_cholesky, kron_det, kron_diag, kron_inverse, kron_slogdet, kron_trace,
};
pub use matmul::{kron_matmul, kron_matmul_along, kronsum_matmul};
pub use nearest::{nearest_kron, nearest_krons};
pub use partial_trace::{PartialTrace, partial_trace};
pub use product::{Kron, kron, kron_all};
pub use shift::{KronShiftContract, KronShiftLogdet, KronShiftSolve, kron_shift_logdet, kron_shift_solve};
pub use sum::{Kronsum, kronsum, kronsum_scipy};
pub use sum_diag::{KronsumDiag, kronsum_diag};

/// The entries of this folder.
pub(crate) fn entries() -> Vec<kronograph_graph::Entry> {
    [
        product::entries(),
        contract::entries(),
        matmul::entries(),
        sum::entries(),
        partial_trace::entries(),
        sum_diag::entries(),
        axis_sums::entries(),
        decompose_entries::entries(),
        nearest::entries(),
        function_entries::entries(),
        shift::entries(),
    ]
    .concat()
}
