//! Evaluating what does not depend on any input.
//!
//! * `f(constants)` is a constant, if it is small or no larger than what it is made of.

use std::sync::Arc;

use kronograph_graph::{Value, Variable, evaluate};

use super::rule;

/// The most bytes that a folded constant may have beyond those of its inputs.
const LIMIT: usize = 1 << 16;

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
        let Ok(outputs) = evaluate(node, &values) else { return Ok(None) };
        let size = |values: &mut dyn Iterator<Item = usize>| values.sum::<usize>();
        let made = size(&mut outputs.iter().map(|value| value.bytes()));
        if made > LIMIT + size(&mut values.iter().map(|value| value.bytes())) {
            return Ok(None);
        }
        let constants = node.outputs().iter().zip(outputs);
        Ok(Some(constants.map(|(output, value)| {
            let narrowed = Variable::constant_of(output.ty().clone(), Arc::from(value));
            narrowed
        }).collect()))
    }
}
