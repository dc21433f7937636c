//! The entries of the identities with derivatives of their own, which need numbers to be proved on.

use std::sync::Arc;

use kronograph_graph::{
    BuildError, Entry, GradientRule, Params, Result, Sample, Variable, Why, grad_scale, stop_gradient, undefined_grad,
    zero_grad,
};

use crate::params::only;
use crate::samples::dense;

type Identity = fn(&Variable) -> Result<Variable>;

/// The entries of graph's `gradient_rules`: `factor` is PyTensor's `multiplier`.
pub(super) fn entries() -> Vec<Entry> {
    let rule = |name, identity: Identity, rule: GradientRule| {
        let build = move |params: &Params<'_>, inputs: &[Variable]| Ok(vec![identity(only(params, inputs)?)?]);
        let samples = || vec![Sample::new("a matrix", [dense(&[2, 3], (-2.0, 2.0), 1)]).edge()];
        let entry = Entry::function(name, "control", build, samples).without_derivative(Why::Declared);
        entry.parsed_by(move |_| Ok(Arc::new(rule)))
    };
    let factor = |params: &Params<'_>| params.float("factor");
    let scale = move |params: &Params<'_>, inputs: &[Variable]| {
        Ok::<_, BuildError>(vec![grad_scale(only(params, inputs)?, factor(params)?)?])
    };
    let scale = Entry::function("grad_scale", "control", scale, scale_samples);
    vec![
        rule("stop_gradient", stop_gradient, GradientRule::STOP),
        rule("zero_grad", zero_grad, GradientRule::ZERO),
        rule("undefined_grad", undefined_grad, GradientRule::UNDEFINED),
        scale.parsed_by(move |params| Ok(Arc::new(GradientRule::scale(factor(params)?)))),
    ]
}

/// A factor other than one is at odds with slopes, as it is meant to be.
fn scale_samples() -> Vec<Sample> {
    let x = || dense(&[2, 3], (-2.0, 2.0), 1);
    vec![
        Sample::new("by one", [x()]).with("factor", 1.0),
        Sample::new("by minus two", [x()]).with("factor", -2.0).edge(),
    ]
}
