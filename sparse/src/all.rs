//! The one list of sparse ops and functions that a registry is made of.

use kronograph_graph::Entry;

use crate::{
    add, add_data, add_dense, affine, arithmetic, cast, clean, compare, convolution, csm, data, dense, diag, flow,
    format, identity, index, inverse, kron, kron_solve, kronsum, like, lu, multiply, multiply_dense, product, project,
    random, sampled, scale, stack, structured, sum, sum_of_products, transpose,
};

/// Every sparse op and function, for the registry that has the dense ones already.
///
/// ```
/// use kronograph_graph::{OpRegistry, Props};
/// use kronograph_sparse::{Format, entries, sparse_matrix};
///
/// let registry = OpRegistry::default().with(kronograph_ops::entries())?.with(entries())?;
/// let w = sparse_matrix("w", Format::Csr, [Some(3), Some(4)]);
/// let dense = registry.get("dense_from_sparse")?.build(&Props::default(), &[w])?;
/// assert_eq!(dense[0].ty().to_string(), "f64 (3, 4)");
/// # Ok::<(), kronograph_graph::BuildError>(())
/// ```
pub fn entries() -> Vec<Entry> {
    LISTS.iter().flat_map(|list| list()).collect()
}

const LISTS: &[fn() -> Vec<Entry>] = &[
    add::entries,
    add_data::entries,
    add_dense::entries,
    affine::entries,
    arithmetic::entries,
    cast::entries,
    clean::entries,
    compare::entries,
    convolution::entries,
    csm::entries,
    data::entries,
    dense::entries,
    diag::entries,
    flow::entries::entries,
    format::entries,
    identity::entries,
    index::entries,
    inverse::entries,
    kron::entries,
    kron_solve::entries,
    kronsum::entries,
    like::entries,
    lu::entries,
    multiply::entries,
    multiply_dense::entries,
    product::entries,
    project::entries,
    random::entries,
    sampled::entries,
    scale::entries,
    stack::entries,
    structured::entries,
    sum::entries,
    sum_of_products::entries,
    transpose::entries,
];
