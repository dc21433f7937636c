//! Evenly spaced numbers between two ends.

use kronograph_graph::{BuildError, Dim, Entry, Params, Prop, Result, Sample, Variable, origin};

use super::arange::positions;
use crate::elemwise::{add, cast, mul, sub, true_div};
use crate::layout::{dim_variable, dimshuffle, shape_param};
use crate::params::exactly;
use crate::samples::{dense, given};
use crate::tensor::tensor_type;

/// Whether the last of evenly spaced numbers is the end itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Endpoint {
    /// It is.
    Included,
    /// The end would come next.
    Excluded,
}

/// `steps` numbers from `start` to `end`, evenly spaced along a new first axis (NumPy: `linspace`).
///
/// Each is `(1 - w) start + w end`, so that both ends are met exactly. A single one is `start`. Integers are converted
/// to floats.
///
/// # Errors
///
/// When the ends are no tensors that broadcast with each other, or the number of steps is unknown.
#[track_caller]
pub fn linspace(start: &Variable, end: &Variable, steps: impl Into<Dim>, endpoint: Endpoint) -> Result<Variable> {
    let _scope = origin::here();
    let (of_start, of_end) = (tensor_type("linspace", start)?, tensor_type("linspace", end)?);
    let dtype = of_start.dtype().promote(of_end.dtype()).to_float();
    let rank = of_start.rank().max(of_end.rank());
    let steps: Dim = steps.into();
    if matches!(steps.view(), kronograph_graph::DimView::Unknown) {
        return Err(BuildError::parameter("linspace", "the number of steps must be given"));
    }
    let gaps = match endpoint {
        // A single number has no gap to the end.
        Endpoint::Included => sub(&dim_variable(&steps.max(&Dim::from(2)))?, 1)?,
        Endpoint::Excluded => dim_variable(&steps.max(&Dim::from(1)))?,
    };
    let weights = true_div(&positions(&steps, dtype)?, &cast(&gaps, dtype)?)?;
    let order: Vec<_> = (0..=rank).map(|axis| if axis == 0 { Some(0) } else { None }).collect();
    let weights = dimshuffle(&weights, &order)?;
    add(&mul(&sub(1.0, &weights)?, &cast(start, dtype)?)?, &mul(&weights, &cast(end, dtype)?)?)
}

pub(super) fn entries() -> Vec<Entry> {
    let build = |params: &Params<'_>, inputs: &[Variable]| {
        let (ends, scalars) = inputs.split_at(inputs.len().min(2));
        let [start, end] = exactly::<2>(params, ends)?;
        let endpoint = match params.get("endpoint") {
            Some(_) if !params.flag("endpoint")? => Endpoint::Excluded,
            _ => Endpoint::Included,
        };
        let steps = if params.get("steps").is_none() {
            exactly::<2>(params, inputs)?;
            vec![Dim::from(50)]
        } else {
            shape_param(params, "steps", scalars)?.to_vec()
        };
        let [steps] = &steps[..] else {
            return Err(params.wrong("steps", "one number", params.get("steps").unwrap_or(&Prop::None)));
        };
        Ok(vec![linspace(start, end, steps.clone(), endpoint)?])
    };
    let samples = || {
        let ends = || [given(-0.5), given(2.0)];
        vec![
            Sample::new("five", ends()).with("steps", 5i64),
            Sample::new("without the end", ends()).with("steps", 5i64).with("endpoint", false),
            Sample::new("one", ends()).with("steps", 1i64),
            Sample::new("none", ends()).with("steps", 0i64),
            Sample::new("vectors", [dense(&[2], (-2.0, 2.0), 1), dense(&[2], (-2.0, 2.0), 2)]).with("steps", 3i64),
            Sample::new("symbolic", [given(-0.5), given(2.0), given(4i64)]).with("steps", "input"),
            Sample::new("integers", [given(0i64), given(4i64)]).with("steps", 3i64),
        ]
    };
    vec![Entry::function("linspace", "construction", build, samples)]
}
