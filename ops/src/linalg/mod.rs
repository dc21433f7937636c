//! Linear algebra: one op, one file. A factorisation is a value (module `factor`).

mod banded_factor;
mod batch;
mod cholesky;
mod dense_factor;
mod diag;
mod diag_entries;
mod eye;
mod factor;
mod factor_entries;
mod factor_logdet;
mod factor_solve;
mod lu;
mod matmul;
mod matrices;
mod panel;
mod product;
mod solve;
mod solve_triangular;
mod systems;
mod triangle;
mod triangular_factor;
mod unfold;

pub use banded_factor::{BandedFactor, banded_factor};
pub use batch::swap_last;
pub use cholesky::{CholeskyFactor, cholesky_factor};
pub use diag::{Diagonal, SetDiagonal, alloc_diag, diag, diagonal, fill_diagonal, set_diagonal, trace};
pub use eye::{Eye, eye};
pub use factor::{
    Factor, FactorKind, FactorType, FactorValue, LinalgError, Trans, order_dim, slogdet_of_pivots, solve_along,
};
pub use factor_logdet::{FactorLogdet, factor_logdet};
pub use factor_solve::{FactorSolve, factor_solve, factor_solve_axis};
pub use lu::{LuFactor, lu_factor, permutation_sign};
pub use matmul::{MatMul, matmul};
pub use panel::{column_offsets, pack, unpack};
pub use solve::{Assume, Rhs, slogdet, solve, solve_assuming};
pub use solve_triangular::{cho_solve, solve_triangular};
pub use triangle::{Triangle, TriangularPart, tril, triu};
pub use triangular_factor::{DiagonalKind, TriangularFactor, triangular_factor};
pub use unfold::{fold_back, matmul_along, unfold};

/// The entries of this folder.
pub(crate) fn entries() -> Vec<kronograph_graph::Entry> {
    [diag_entries::entries(), factor_entries::entries(), matmul::entries(), triangle::entries()].concat()
}
