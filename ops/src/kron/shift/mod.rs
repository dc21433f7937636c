//! Kronecker products of symmetric matrices plus a multiple of the identity, `M = A_1 ⊗ .. ⊗ A_K + s I`, never formed.
//!
//! With `A_k = U_k diag(w_k) U_kᵀ`, M has the vectors `U_1 ⊗ .. ⊗ U_K` and the eigenvalues `w_1[i_1] .. w_K[i_K] + s`.
//! The decompositions are factors ([`eigh_factor`](crate::eigh_factor)), which solves, log-determinants and all their
//! derivatives share. Derivatives never go through vectors, so they exist at equal eigenvalues: that of a solve is made
//! of solves and products, that of the log-determinant of `contract`, which is closed under differentiation.

mod contract;
mod entries;
mod logdet;
mod solve;
mod spectrum;

pub use contract::KronShiftContract;
pub(crate) use entries::entries;
pub use logdet::{KronShiftLogdet, kron_shift_logdet};
pub use solve::{KronShiftSolve, kron_shift_solve};
