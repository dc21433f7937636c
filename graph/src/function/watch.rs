//! Looking on while a function runs: guards against numbers that are not finite, reports on values, profiles.
//!
//! A function that nobody watches runs the same loop compiled without any of it.

use std::fmt;
use std::time::Instant;

use super::plan::{Plan, Step};
use super::profile::Profile;
use crate::error::{OpError, OpResult};
use crate::origin::Origin;
use crate::print::expression_text;
use crate::value::{Slot, Value};

/// What is done before and after each step.
pub(super) trait Watch {
    fn before(&mut self) {}

    fn after(&mut self, _step: usize, _outputs: &[Slot]) -> OpResult {
        Ok(())
    }
}

/// Nothing.
pub(super) struct Unwatched;

impl Watch for Unwatched {}

/// Which numbers a guard refuses.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Guard {
    /// NaN; infinities pass, such as the logarithm of a zero density.
    Nan,
    /// NaN and infinities.
    NonFinite,
}

impl Guard {
    pub(super) fn refuses(self, number: f64) -> bool {
        number.is_nan() || (number.is_infinite() && self == Guard::NonFinite)
    }
}

/// What the numbers of a value are like.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Census {
    min: f64,
    max: f64,
    nan: usize,
    infinite: usize,
}

impl Census {
    fn of(value: &dyn Value) -> Option<Self> {
        let mut census = Self { min: f64::INFINITY, max: f64::NEG_INFINITY, nan: 0, infinite: 0 };
        let mut count = |numbers: &[f64]| {
            for &x in numbers {
                (census.min, census.max) = (census.min.min(x), census.max.max(x));
                census.nan += usize::from(x.is_nan());
                census.infinite += usize::from(x.is_infinite());
            }
        };
        match value.as_f64() {
            Some(numbers) => count(numbers),
            None => count(&value.to_floats()?),
        }
        Some(census)
    }
}

/// A number that a guard refused.
#[derive(Debug, thiserror::Error)]
#[error("the guard stopped the call: the result holds {nan} NaN and {infinite} infinite number(s)")]
pub(super) struct Guarded {
    pub(super) guard: Guard,
    nan: usize,
    infinite: usize,
}

impl OpError for Guarded {
    fn recoverable(&self) -> bool {
        true
    }
}

/// A guard, a profile, or both.
pub(super) struct Watching<'a> {
    pub(super) guard: Option<Guard>,
    pub(super) profile: Option<&'a mut Profile>,
}

impl Watch for Watching<'_> {
    fn before(&mut self) {
        if let Some(profile) = &mut self.profile {
            profile.started = Some(Instant::now());
        }
    }

    fn after(&mut self, step: usize, outputs: &[Slot]) -> OpResult {
        if let Some(profile) = &mut self.profile {
            profile.note(step, outputs);
        }
        let Some(guard) = self.guard else { return Ok(()) };
        for Census { nan, infinite, .. } in outputs.iter().filter_map(Slot::value).filter_map(Census::of) {
            if nan > 0 || (infinite > 0 && guard == Guard::NonFinite) {
                return Err(Guarded { guard, nan, infinite }.into());
            }
        }
        Ok(())
    }
}

/// The values of a call; see [`Function::debug`](super::Function::debug). It prints as a table.
#[derive(Clone, Debug, Default)]
pub struct DebugReport {
    /// The inputs, then the values that have a name or are outputs, in the order in which they were made.
    pub rows: Vec<DebugRow>,
}

/// One value of a call.
#[derive(Clone, Debug)]
pub struct DebugRow {
    /// Its name, or a short expression.
    pub name: String,
    /// Kind, dtype and shape.
    pub value: String,
    /// The smallest number that is not NaN; infinity where there is none.
    pub min: f64,
    /// The largest number that is not NaN; minus infinity where there is none.
    pub max: f64,
    /// How many are NaN.
    pub nan: usize,
    /// How many are infinite.
    pub infinite: usize,
    /// Where it was built.
    pub origin: Origin,
}

impl DebugReport {
    pub(super) fn of_inputs(plan: &Plan, arguments: &[&dyn Value]) -> Self {
        let mut report = Self::default();
        for (&argument, &input) in arguments.iter().zip(plan.graph.inputs()) {
            let name = expression_text(&plan.graph.bind(input));
            report.add(name, argument, plan.graph.value(input).origin.clone());
        }
        report
    }

    fn add(&mut self, name: String, value: &dyn Value, origin: Origin) {
        if let Some(Census { min, max, nan, infinite }) = Census::of(value) {
            self.rows.push(DebugRow { name, value: value.describe(), min, max, nan, infinite, origin });
        }
    }
}

impl fmt::Display for DebugReport {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let wide = |text: fn(&DebugRow) -> &str| self.rows.iter().map(|row| text(row).chars().count()).max();
        let (name, value) = (wide(|row| &row.name).unwrap_or(4), wide(|row| &row.value).unwrap_or(5));
        writeln!(f, "{:name$}  {:value$}  {:>12}  {:>12}  {:>6}  {:>6}", "name", "value", "min", "max", "nan", "inf")?;
        for row in &self.rows {
            write!(f, "{:name$}  {:value$}  {:>12.5e}  {:>12.5e}", row.name, row.value, row.min, row.max)?;
            writeln!(f, "  {:>6}  {:>6}  {}", row.nan, row.infinite, row.origin)?;
        }
        Ok(())
    }
}

/// Writes a report while the function runs.
pub(super) struct Debugging<'a> {
    pub(super) plan: &'a Plan,
    pub(super) report: &'a mut DebugReport,
}

impl Watch for Debugging<'_> {
    fn after(&mut self, step: usize, outputs: &[Slot]) -> OpResult {
        let (graph, Step { node, op, .. }) = (&self.plan.graph, &self.plan.steps[step]);
        for (&id, value) in graph.node_outputs(*node).iter().zip(outputs.iter().map(Slot::value)) {
            let is_output = graph.outputs().contains(&id);
            let name = graph.value(id).name.as_ref().map(|name| name.to_string());
            let name = name.or_else(|| is_output.then(|| format!("{}(..)", op.name())));
            if let (Some(name), Some(value)) = (name, value) {
                self.report.add(name, value, graph.value(id).origin.clone());
            }
        }
        Ok(())
    }
}
