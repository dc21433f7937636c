//! Linear algebra: one op, one file. A factorisation is a value (module `factor`).

mod banded_factor;
mod block_diag;
mod cholesky;
mod cholesky_matrix;
mod cofactor;
mod contract;
mod decompositions;
mod dense_factor;
mod dense_kind;
mod det;
mod diag;
mod diag_entries;
mod eigh;
mod eigh_factor;
mod einsum;
mod expm;
mod eye;
mod factor;
mod factor_entries;
mod factor_logdet;
mod factor_solve;
mod inverse;
mod lu;
mod lu_parts;
mod matmul;
mod matrices;
mod matrix_power;
mod minors;
mod norm;
mod panel;
mod pinv;
mod product;
mod product_entries;
mod qr;
mod schur;
mod solve;
mod solve_along;
mod solve_triangular;
mod spectrum;
mod svd;
mod sylvester;
pub(crate) mod systems;
mod tensordot;
mod triangle;
mod triangular_factor;
mod unfold;

pub use banded_factor::banded_factor;
pub use block_diag::{BlockDiag, block_diag};
pub use cholesky::cholesky_factor;
pub use cholesky_matrix::{Cholesky, cholesky, cholesky_or_nan};
pub use cofactor::{Cofactor, cofactor};
pub use dense_factor::DenseFactor;
pub use det::{Det, det};
pub use diag::{Diagonal, SetDiagonal, alloc_diag, diag, diagonal, fill_diagonal, set_diagonal, trace};
pub use eigh::{Eigh, eigh, eigh_generalized, eigvalsh, eigvalsh_generalized};
pub use eigh_factor::{FactorMatrix, eigh_factor, factor_matrix};
pub(crate) use eigh_factor::{SymmetricEigen, eigh_factor_type};
pub use einsum::einsum;
pub use expm::{Expm, expm};
pub use eye::{Eye, eye};
pub use factor::{Factor, FactorKind, FactorType, FactorValue, LinalgError, Trans, order_dim, slogdet_of_pivots};
pub use factor_logdet::{FactorLogdet, factor_logdet};
pub use factor_solve::{FactorSolve, factor_solve, factor_solve_axis};
pub use inverse::matrix_inverse;
pub use lu::{lu_factor, permutation_sign};
pub use lu_parts::{LuParts, lu, lu_indices};
pub use matmul::{MatMul, matmul};
pub(crate) use matrices::{common_leading, for_each_matrix, reshape as reshape_matrix};
pub use matrix_power::matrix_power;
pub use norm::{MatrixNorm, matrix_norm, vector_norm};
pub use panel::{column_offsets, pack};
pub use pinv::{Pinv, pinv};
pub use qr::{Qr, QrMode, qr, qr_r};
pub use schur::SchurForm;
pub use solve::{Assume, Rhs, slogdet, solve, solve_assuming};
pub use solve_triangular::{cho_solve, solve_triangular};
pub use svd::{SingularVectors, Svd, svd, svdvals};
pub use sylvester::{
    SolveDiscreteLyapunov, SolveSylvester, solve_continuous_lyapunov, solve_discrete_lyapunov, solve_sylvester,
};
pub use tensordot::{batched_dot, dot, matvec, outer, tensordot, vecdot, vecmat};
pub use triangle::{Triangle, TriangularPart, tril, triu};
pub use triangular_factor::{DiagonalKind, triangular_factor};
pub use unfold::{fold_back, matmul_along, unfold};

/// The entries of this folder.
pub(crate) fn entries() -> Vec<kronograph_graph::Entry> {
    [
        cofactor::entries(),
        det::entries(),
        eye::entries(),
        diag_entries::entries(),
        factor_entries::entries(),
        inverse::entries(),
        lu_parts::entries(),
        matmul::entries(),
        product_entries::entries(),
        block_diag::entries(),
        cholesky_matrix::entries(),
        decompositions::entries(),
        eigh_factor::entries(),
        expm::entries(),
        matrix_power::entries(),
        norm::entries(),
        pinv::entries(),
        triangle::entries(),
    ]
    .concat()
}
