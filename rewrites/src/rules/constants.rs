//! Evaluating what does not depend on any input.
//!
//! * `f(constants)` is a constant, if it is small or no larger than what it is made of.

use std::sync::Arc;

use kronograph_graph::{Value, Variable, evaluate};

use super::rule;

/// The most bytes that a folded constant may have beyond those of its inputs.
const LIMIT: usize = 1 << 16;

/// The bytes of a tensor of 8-byte elements with these lengths, repeated elements counted; unknown lengths count as 1.
fn size(lengths: impl Iterator<Item = Option<usize>>) -> usize {
    lengths.flatten().fold(8, usize::saturating_mul)
}

rule! {
    /// what depends on constants alone is computed once, while compiling; an op that fails is left to fail at run
    /// time, where the error names its line
    constant_folding in [Canonicalize] at []: |_context, node| {
        if node.inputs().is_empty() || !node.op().do_constant_folding(node) {
            return Ok(None);
        }
        let mut values: Vec<&dyn Value> = Vec::with_capacity(node.inputs().len());
        for input in node.inputs() {
            match input.constant() {
                Some(value) => values.push(&**value),
                None => return Ok(None),
            }
        }
        let given: usize = values.iter().map(|value| size(value.extents().iter().copied().map(Some))).sum();
        let made: usize = node.outputs().iter().map(|output| size(output.ty().extents().iter().copied())).sum();
        if made > LIMIT + given {
            return Ok(None);
        }
        let Ok(outputs) = evaluate(node, &values) else { return Ok(None) };
        let constants = node.outputs().iter().zip(outputs);
        Ok(Some(constants.map(|(output, value)| Variable::constant_of(output.ty().clone(), Arc::from(value))).collect()))
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "a test may")]
mod tests {
    use kronograph_ops::{Tensor, Trans, add, constant, exp, factor_solve, lu_factor, mul};

    use super::*;
    use crate::testing::{array, check_rule, declines};

    #[test]
    fn constants_are_evaluated() {
        let (x, value) = array("x", &[3]);
        let two = add(&constant(1.0), &constant(1.0)).unwrap();
        let outputs = [mul(&exp(&mul(&two, 0.0).unwrap()).unwrap(), &x).unwrap()];
        insta::assert_snapshot!(check_rule(constant_folding, &[x], &outputs, &[value]), @r"mul([1.0], x)");
    }

    /// A singular system is the caller's business at run time, and a factor is never kept in a graph.
    #[test]
    fn factors_and_failures_are_left_to_run_time() {
        let singular = constant(Tensor::new(&[2, 2], vec![1.0, 1.0, 1.0, 1.0]).unwrap());
        let outputs = [factor_solve(&lu_factor(&singular).unwrap(), &constant(vec![1.0, 2.0]), Trans::No).unwrap()];
        declines(constant_folding, &[], &outputs);
    }
}
