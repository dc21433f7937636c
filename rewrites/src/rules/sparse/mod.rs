//! Sparse matrices: fewer conversions, products that make no more than is used, and functions of stored values that
//! meet each other as dense vectors.
//!
//! No rule changes which positions are stored of a value that can be seen. What holds for values, but not for
//! derivatives beyond the pattern, is for compiling only.

mod compiled;
mod forms;
mod stored;

use std::any::Any;

use kronograph_graph::{Op, Variable};

use super::rule;
use crate::engine::RuleContext;

pub use compiled::{
    dense_of_sparse_from_dense, dense_of_true_dot, dot_to_usmm, product_on_a_pattern, sparse_of_dense_from_sparse,
    sum_of_product,
};
pub use forms::{cast_of_sparse_cast, cleaned_once, double_sparse_transpose, scales_joined, sorted_already};
pub use stored::{data_of_csm, data_of_with_data, pattern_of_the_first, projected_already, sampled_from_dense};

/// Whether an op is of a kind.
fn is<T: Op>(op: &dyn Op) -> bool {
    (op as &dyn Any).is::<T>()
}

/// The static lengths of two variables, all of which are known, are the same; or they are one variable's.
fn same_known_shape(a: &Variable, b: &Variable) -> bool {
    let (a, b) = (a.ty().extents(), b.ty().extents());
    a == b && a.iter().all(Option::is_some)
}

/// Follows a variable to the first input of its node, as long as the node's op is of a kind.
fn followed(context: &RuleContext<'_>, x: &Variable, through: impl Fn(&dyn Op) -> bool) -> Variable {
    let mut x = x.clone();
    while let Some(owner) = context.owner(&x).filter(|owner| through(&*owner.op)) {
        x = owner.inputs[0].clone();
    }
    x
}
