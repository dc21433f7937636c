//! Covariance structures: builders of matrices with named parameters, which are worked with without being formed.
//!
//! A [`Structure`] is a tree of leaves and operators, and knows its parameters by name. On parameters it is a
//! [`Covariance`], whose methods build expressions: solves, log-determinants, products and log-densities, each by what
//! is known of the structure. A kind of one's own is a [`StructureKind`].
//!
//! The leaves and operators are those of the Python package torch-openreml, under their names.

mod adapter;
mod algebra;
mod along;
mod ar1;
mod block_diagonal;
mod build;
mod built;
mod dense;
mod diagonal;
mod dummy;
mod entries;
mod equal_entry;
mod equicorrelation;
mod gaussian;
mod gram;
mod hadamard;
mod kind;
mod kronecker;
mod operands;
mod parameter;
mod plain;
mod scalar;
mod simple;
mod structure;
mod sum;
mod triangles;

pub use built::Covariance;
pub use dummy::Dummy;
pub(crate) use entries::entries;
pub use gaussian::Constants;
pub use gram::GramProduct;
pub use kind::{ParameterMap, StructureKind};
pub use operands::Operands;
pub use parameter::ParameterSpec;
pub use structure::Structure;
