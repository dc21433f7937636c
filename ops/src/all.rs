//! The one list of dense ops and functions that a registry is made of.
//!
//! Each entry stands in the file of its op.

use kronograph_graph::Entry;

use crate::{
    construct, control, elemwise, index, join, kron, layout, linalg, logp, program, random, reduce, sort, transform,
};

/// Every dense op and function.
///
/// ```
/// use kronograph_graph::{OpRegistry, Props};
/// use kronograph_ops::{entries, vector};
///
/// let registry = OpRegistry::default().with(entries())?;
/// let total = registry.get("sum")?.build(&Props::default().with("axis", 0i64), &[vector("x")])?;
/// assert_eq!(total[0].ty().to_string(), "f64 ()");
/// # Ok::<(), kronograph_graph::BuildError>(())
/// ```
pub fn entries() -> Vec<Entry> {
    [
        elemwise::entries(),
        reduce::entries(),
        construct::entries(),
        control::entries(),
        index::entries(),
        layout::entries(),
        join::entries(),
        sort::entries(),
        linalg::entries(),
        logp::entries(),
        kron::entries(),
        random::entries(),
        program::entries(),
        transform::entries(),
    ]
    .concat()
}
