//! A check of derivatives that needs no tolerance from its user.
//!
//! For random directions u in the inputs and a random cotangent w of the outputs, three numbers must agree: reverse
//! mode's `<Jᵀw, u>`, forward mode's `<w, J u>`, and the measured slope of `<w, F(x + t u)>` at t = 0. The first two
//! need no step and agree to rounding. The third comes from central differences, extrapolated (Richardson, Ridders),
//! with their own estimate of their error, which decides. At higher orders the derivatives themselves are the
//! function. What disagrees is traced to the smallest part of the expression that disagrees by itself.

use std::fmt;

use crate::error::{BuildError, Result, RunError};
use crate::function::Function;
use crate::value::Value;
use crate::variable::Variable;

mod blame;
mod compare;
mod difference;
mod fault;
mod system;

pub use fault::{Blame, Coordinate, GradFault, Wrong};
use system::System;

/// Compiles a function of inputs and outputs, for [`GradCheck::compiled_by`].
pub type Compiler = fn(&[Variable], &[Variable]) -> Result<Function>;

/// Checks first and second derivatives of the outputs by all inputs that are floats, in both modes.
///
/// ```text
/// check_grad(&[x, y], &[cost], &[&x_value, &y_value])?;
/// ```
///
/// # Errors
///
/// A derivative that is wrong, with the op to blame ([`GradFault`]); one that could not be measured; what building,
/// differentiating or running the expression finds wrong.
#[track_caller]
pub fn check_grad(inputs: &[Variable], outputs: &[Variable], at: &[&dyn Value]) -> Result<GradReport, CheckError> {
    GradCheck::default().run(inputs, outputs, at)
}

/// A check of derivatives with options.
#[derive(Clone, Debug)]
pub struct GradCheck {
    pub(crate) seed: u64,
    pub(crate) order: usize,
    pub(crate) directions: usize,
    pub(crate) compiler: Option<Compiler>,
    pub(crate) precision: f64,
    pub(crate) measures: bool,
}

impl Default for GradCheck {
    /// Seed 1, up to the second order, two directions by each input.
    fn default() -> Self {
        Self { seed: 1, order: 2, directions: 2, compiler: None, precision: f64::EPSILON, measures: true }
    }
}

impl GradCheck {
    /// Draws other directions and cotangents.
    pub fn seed(self, seed: u64) -> Self {
        Self { seed, ..self }
    }

    /// Checks derivatives up to this order: 1 for gradients, 2 for theirs as well, and so on.
    pub fn order(self, order: usize) -> Self {
        Self { order, ..self }
    }

    /// How many random directions are tried by each input.
    pub fn directions(self, directions: usize) -> Self {
        Self { directions, ..self }
    }

    /// Also runs what this compiles (the rewritten function, say), which must give the same numbers at every point
    /// that is looked at.
    pub fn compiled_by(self, compiler: Compiler) -> Self {
        Self { compiler: Some(compiler), ..self }
    }

    /// The unit roundoff of the least precise arithmetic inside; that of inputs and outputs is found by itself.
    pub fn precision(self, precision: f64) -> Self {
        Self { precision, ..self }
    }

    /// Compares the two modes with each other, and nothing with measured slopes: for ties, kinks and poles, where a
    /// derivative is a convention. Where the modes give no finite numbers nothing is compared.
    pub fn without_slopes(self) -> Self {
        Self { measures: false, ..self }
    }

    /// Runs the check at a point.
    ///
    /// # Errors
    ///
    /// As [`check_grad`].
    #[track_caller]
    pub fn run(&self, inputs: &[Variable], outputs: &[Variable], at: &[&dyn Value]) -> Result<GradReport, CheckError> {
        if inputs.len() != at.len() {
            return Err(RunError::Arity { want: inputs.len(), got: at.len() }.into());
        }
        let values = at.iter().map(|value| value.boxed_clone()).collect();
        let mut report = GradReport { seed: self.seed, order: self.order, ..GradReport::default() };
        let mut systems = vec![System { inputs: inputs.to_vec(), outputs: outputs.to_vec(), values }];
        for order in 1..=self.order {
            let mut next = Vec::new();
            for system in &systems {
                next.extend(system.check(self, order, &mut report)?);
            }
            systems = next;
        }
        Ok(report)
    }
}

/// What a check that found nothing wrong has looked at.
#[derive(Clone, Debug, Default)]
pub struct GradReport {
    /// The seed of directions and cotangents.
    pub seed: u64,
    /// The highest order.
    pub order: usize,
    /// How many slopes were compared.
    pub slopes: usize,
    /// The largest difference of the two modes, relative to the terms of the product.
    pub worst_identity: f64,
    /// The largest difference from a measured slope, relative to the slope or to what the function's size makes of one.
    pub worst_measured: f64,
    /// Inputs and outputs that were left out, with the reason.
    pub skipped: Vec<String>,
}

impl GradReport {
    pub(crate) fn skip(&mut self, what: String) {
        if !self.skipped.contains(&what) {
            self.skipped.push(what);
        }
    }
}

impl fmt::Display for GradReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { seed, order, slopes, worst_identity, worst_measured, skipped } = self;
        write!(f, "{slopes} slopes agree to order {order} (seed {seed}): modes to {worst_identity:.1e}, ")?;
        write!(f, "measured to {worst_measured:.1e}")?;
        skipped.iter().try_for_each(|what| write!(f, "\n  left out: {what}"))
    }
}

/// Why a check did not end well.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CheckError {
    /// The expression or a derivative of it could not be built.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// The function failed at the point, or beside it at every step that was tried.
    #[error(transparent)]
    Run(#[from] RunError),
    /// A derivative is wrong.
    #[error("{0}")]
    Wrong(Box<GradFault>),
    /// The slope could not be measured well enough to say anything: the point may lie on a kink. Try another one.
    #[error("order {order}: the slope by `{input}` is {slope:.6e} give or take {error:.1e}, which settles nothing")]
    Inconclusive {
        /// The order of the derivative.
        order: usize,
        /// The input that was moved.
        input: String,
        /// What was measured.
        slope: f64,
        /// The estimate of its error.
        error: f64,
    },
    /// Something cannot be checked: a value without numbers, say.
    #[error("check_grad: {0}")]
    Unfit(String),
}
