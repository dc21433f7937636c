//! The rules, by theme.

mod constants;
mod identity;
mod kron;
mod lower;
mod sparse;

use crate::engine::RuleDb;

/// A rule that is a function: name, reason, tags, roots, and the function itself.
macro_rules! rule {
    ($(#[doc = $reason:literal])+ $name:ident in [$($tag:ident),+] at [$($root:literal),*]:
     |$context:ident, $node:ident| $body:block) => {
        $(#[doc = $reason])+
        #[allow(non_camel_case_types, reason = "a rule is found by its name in the records")]
        #[derive(Clone, Copy, Debug)]
        pub struct $name;

        impl $crate::engine::Rule for $name {
            fn name(&self) -> &'static str {
                stringify!($name)
            }

            fn reason(&self) -> &'static str {
                concat!($($reason),+).trim_ascii()
            }

            fn tags(&self) -> &'static [$crate::engine::Tag] {
                &[$($crate::engine::Tag::$tag),+]
            }

            fn roots(&self) -> &'static [&'static str] {
                &[$($root),*]
            }

            fn apply(
                &self,
                $context: &$crate::engine::RuleContext<'_>,
                $node: &kronograph_graph::NodeView<'_>,
            ) -> kronograph_graph::Result<Option<Vec<kronograph_graph::Variable>>> $body
        }
    };
}
use rule;

pub use constants::constant_folding;
pub use identity::{double_negation, reshape_of_reshape, same_shape, times_one};
pub use kron::{logdet_of_kron, matmul_of_kron, solve_with_kron};
pub use lower::{body_of_map, gradient_rules, written_out};
pub use sparse::{
    cast_of_sparse_cast, cleaned_once, data_of_csm, data_of_with_data, dense_of_sparse_from_dense, dense_of_true_dot,
    dot_to_usmm, double_sparse_transpose, pattern_of_the_first, product_on_a_pattern, projected_already,
    sampled_from_dense, scales_joined, sorted_already, sparse_of_dense_from_sparse, sum_of_product,
};

/// Every rule, in the order in which they are tried.
pub fn all() -> RuleDb {
    RuleDb::default()
        .with(constant_folding)
        .with(double_negation)
        .with(times_one)
        .with(same_shape)
        .with(reshape_of_reshape)
        .with(double_sparse_transpose)
        .with(cast_of_sparse_cast)
        .with(sorted_already)
        .with(cleaned_once)
        .with(scales_joined)
        .with(data_of_with_data)
        .with(data_of_csm)
        .with(pattern_of_the_first)
        .with(projected_already)
        .with(sampled_from_dense)
        .with(dense_of_sparse_from_dense)
        .with(sparse_of_dense_from_sparse)
        .with(dense_of_true_dot)
        .with(product_on_a_pattern)
        .with(dot_to_usmm)
        .with(sum_of_product)
        .with(solve_with_kron)
        .with(logdet_of_kron)
        .with(matmul_of_kron)
        .with(written_out)
        .with(gradient_rules)
        .with(body_of_map)
}
