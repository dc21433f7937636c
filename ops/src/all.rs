//! The one list of dense ops and functions that a registry is made of.
//!
//! Each entry stands in the file of its op.

use kronograph_graph::Entry;

use crate::{control, elemwise, grad_clip, index, kron, program, reduce};

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
        control::entries(),
        elemwise::entries(),
        grad_clip::entries(),
        index::entries(),
        kron::entries(),
        program::entries(),
        reduce::entries(),
    ]
    .concat()
}
