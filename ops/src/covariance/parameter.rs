//! What a structure says of its parameters: names, transforms, defaults, bounds, and which are fixed.

use kronograph_graph::{BuildError, Result};

use crate::transform::Transform;

/// One parameter of a structure.
///
/// A parameter has two scales: the raw one is unconstrained, and the transform goes from there to the natural one. The
/// default is a raw number; bounds and the value at which it is fixed are natural ones.
#[derive(Clone, Debug, PartialEq)]
pub struct ParameterSpec {
    name: String,
    transform: Transform,
    default: f64,
    bounds: (f64, f64),
    fixed: Option<f64>,
}

impl ParameterSpec {
    /// A parameter of any natural value, with the default 0 on the raw scale.
    ///
    /// The transform must be an elementwise one.
    pub fn new(name: impl Into<String>, transform: Transform) -> Self {
        let bounds = (f64::NEG_INFINITY, f64::INFINITY);
        Self { name: name.into(), transform, default: 0.0, bounds, fixed: None }
    }

    /// A variance: `exp(2x)` of the raw number, which is the logarithm of a standard deviation.
    pub fn variance(name: impl Into<String>) -> Self {
        Self::new(name, Transform::ExpPow2).with_bounds(0.0, f64::INFINITY)
    }

    /// A correlation above a lowest one: `lowest + (1 - lowest) sigmoid(x)`.
    pub fn correlation(name: impl Into<String>, lowest: f64) -> Self {
        Self::new(name, Transform::interval(lowest, 1.0)).with_bounds(lowest, 1.0)
    }

    /// With another default on the raw scale.
    pub fn with_default(self, raw: f64) -> Self {
        Self { default: raw, ..self }
    }

    /// With bounds on the natural scale.
    pub fn with_bounds(self, low: f64, high: f64) -> Self {
        Self { bounds: (low, high), ..self }
    }

    /// The name, with those of the operands around it before it: `time/rho`.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// From raw numbers to natural ones.
    pub fn transform(&self) -> &Transform {
        &self.transform
    }

    /// The default, on the raw scale.
    pub fn default_raw(&self) -> f64 {
        self.default
    }

    /// The bounds, on the natural scale.
    pub fn bounds(&self) -> (f64, f64) {
        self.bounds
    }

    /// The natural value at which it is fixed; `None` for a free parameter.
    pub fn fixed(&self) -> Option<f64> {
        self.fixed
    }

    /// The same one inside of an operand.
    pub(super) fn within(&self, operand: &str) -> Self {
        Self { name: format!("{operand}/{}", self.name), ..self.clone() }
    }

    /// Fixed at a natural value, or free.
    pub(super) fn fixed_at(&self, value: Option<f64>) -> Self {
        Self { fixed: value, ..self.clone() }
    }

    /// Refuses a value outside of the bounds.
    #[track_caller]
    pub(super) fn check(&self, structure: &'static str, value: f64) -> Result<()> {
        let (low, high) = self.bounds;
        if value.is_finite() && (low..=high).contains(&value) {
            return Ok(());
        }
        let rule =
            format!("the parameter `{}` lies between {low} and {high}, it cannot be fixed at {value}", self.name);
        Err(BuildError::parameter(structure, rule))
    }
}
