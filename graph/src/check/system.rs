//! A function at a point, the systems of its derivatives, and running them.

use std::num::Wrapping;

use super::{CheckError, GradCheck, GradReport};
use crate::autodiff::{Gradient, rop_kinds};
use crate::fgraph::FunctionGraph;
use crate::function::{Function, Outputs};
use crate::op::Grad;
use crate::print::expression_text;
use crate::value::Value;
use crate::variable::Variable;

/// Outputs of inputs that have values.
pub(super) struct System {
    pub(super) inputs: Vec<Variable>,
    pub(super) outputs: Vec<Variable>,
    pub(super) values: Vec<Box<dyn Value>>,
}

impl System {
    pub(super) fn references(&self) -> Vec<&dyn Value> {
        self.values.iter().map(|value| &**value).collect()
    }

    /// The inputs that can be moved: those of floats that can be given other numbers.
    pub(super) fn moving(&self, report: &mut GradReport) -> Vec<usize> {
        let floats = |value: &dyn Value| value.to_floats().and_then(|floats| value.with_floats(&floats)).is_some();
        let moves = |k: &usize| self.inputs[*k].ty().tangent().is_some() && floats(&*self.values[*k]);
        let (moving, still): (Vec<usize>, Vec<usize>) = (0..self.inputs.len()).partition(moves);
        let names = still.iter().map(|&k| expression_text(&self.inputs[k]));
        names.for_each(|name| report.skip(format!("input `{name}` has no derivatives")));
        moving
    }

    /// The gradients of outputs by what inputs store, as a system whose further inputs are the cotangents.
    #[track_caller]
    pub(super) fn pulled(
        &self,
        outputs: &[Variable],
        wrt: &[Variable],
        cotangents: &[Box<dyn Value>],
        report: &mut GradReport,
    ) -> Result<(System, Vec<Place>), CheckError> {
        let stand_ins = stand_ins("cotangent", outputs);
        let kinds = Gradient::of_outputs(outputs, &stand_ins)?.structured().kinds(wrt)?;
        let (mut present, mut places) = (Vec::new(), Vec::new());
        for (kind, input) in kinds.into_iter().zip(wrt) {
            places.push(match kind {
                Grad::Var(gradient) => {
                    present.push(gradient);
                    Place::At(present.len() - 1)
                }
                Grad::Zero | Grad::Disconnected => Place::Zero,
                Grad::Undefined { why } => {
                    report.skip(format!("`{}`: something {why}", expression_text(input)));
                    Place::Excluded
                }
            });
        }
        Ok((self.extended(stand_ins, cotangents, present), places))
    }

    /// The tangents of outputs, as a system whose further inputs are the tangents of inputs.
    #[track_caller]
    pub(super) fn pushed(
        &self,
        outputs: &[Variable],
        wrt: &[Variable],
        tangents: &[Box<dyn Value>],
    ) -> Result<(System, Vec<Place>), CheckError> {
        let stand_ins = stand_ins("tangent", wrt);
        let kinds = rop_kinds(outputs, wrt, &stand_ins)?;
        let (mut present, mut places) = (Vec::new(), Vec::new());
        for kind in kinds {
            places.push(match kind {
                Grad::Var(tangent) => {
                    present.push(tangent);
                    Place::At(present.len() - 1)
                }
                Grad::Zero | Grad::Disconnected => Place::Zero,
                Grad::Undefined { .. } => Place::Excluded,
            });
        }
        Ok((self.extended(stand_ins, tangents, present), places))
    }

    fn extended(&self, inputs: Vec<Variable>, values: &[Box<dyn Value>], outputs: Vec<Variable>) -> System {
        System {
            inputs: [&self.inputs[..], &inputs[..]].concat(),
            outputs,
            values: self.values.iter().chain(values).cloned().collect(),
        }
    }
}

/// Where the derivative of an input or output is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Among the outputs of the derivative's system.
    At(usize),
    /// It is zero everywhere.
    Zero,
    /// It does not exist.
    Excluded,
}

fn stand_ins(name: &str, of: &[Variable]) -> Vec<Variable> {
    of.iter().filter_map(|variable| Some(Variable::input(name, variable.ty().tangent()?))).collect()
}

/// The function as written and, where a compiler is given, as compiled; both must agree.
pub(super) struct Runner {
    written: Function,
    compiled: Option<Function>,
    tolerance: f64,
}

impl Runner {
    pub(super) fn new(inputs: &[Variable], outputs: &[Variable], options: &GradCheck) -> Result<Self, CheckError> {
        let written = Function::plan(FunctionGraph::new(inputs, outputs)?)?;
        let compiled = options.compiler.map(|compile| compile(inputs, outputs)).transpose()?;
        Ok(Self { written, compiled, tolerance: identity_tolerance(options.precision) })
    }

    pub(super) fn call(&mut self, values: &[&dyn Value]) -> Result<Outputs, CheckError> {
        let written = self.written.call(values)?;
        if let Some(compiled) = &mut self.compiled {
            let compiled = compiled.call(values)?;
            for k in 0..written.len() {
                agree(k, written.value(k)?, compiled.value(k)?, self.tolerance)?;
            }
        }
        Ok(written)
    }
}

fn agree(k: usize, a: &dyn Value, b: &dyn Value, least: f64) -> Result<(), CheckError> {
    let (Some(x), Some(y)) = (a.to_floats(), b.to_floats()) else { return Ok(()) };
    let scale = x.iter().filter(|x| x.is_finite()).fold(1e-3, |scale: f64, x| scale.max(x.abs()));
    let tolerance = identity_tolerance(precision(a)).max(least) * scale;
    let close = |(x, y): (&f64, &f64)| (x - y).abs() <= tolerance || x.to_bits() == y.to_bits();
    let both_nan = |(x, y): (&f64, &f64)| x.is_nan() && y.is_nan();
    match x.len() == y.len() && x.iter().zip(&y).all(|pair| close(pair) || both_nan(pair)) {
        true => Ok(()),
        false => Err(CheckError::Unfit(format!("output {k} is {x:?} as written and {y:?} as compiled"))),
    }
}

/// How far two ways to the same number may differ, relative to its terms.
pub(super) fn identity_tolerance(precision: f64) -> f64 {
    if precision > 1e-10 { 1e-4 } else { 1e-10 }
}

/// The unit roundoff of a value's numbers, which tells f32 from f64 without knowing either.
pub(super) fn precision(value: &dyn Value) -> f64 {
    let Some(floats) = value.to_floats() else { return f64::EPSILON };
    let nudged = vec![1.0 + 1e-10; floats.len()];
    match value.with_floats(&nudged).and_then(|value| value.to_floats()) {
        Some(back) if back != nudged => f32::EPSILON.into(),
        _ => f64::EPSILON,
    }
}

/// Numbers of a fixed sequence (SplitMix64), each of size 0.5 to 1.5, so that none is lost among the others.
pub(super) struct Random(pub(super) Wrapping<u64>);

impl Random {
    pub(super) fn next(&mut self) -> f64 {
        self.0 += 0x9E37_79B9_7F4A_7C15;
        let mut z = self.0;
        z = (z ^ (z >> 30)) * Wrapping(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)) * Wrapping(0x94D0_49BB_1331_11EB);
        let bits = (z ^ (z >> 31)).0;
        let size = 0.5 + (bits >> 11) as f64 / (1u64 << 53) as f64;
        if bits & 1 == 0 { size } else { -size }
    }

    pub(super) fn like(&mut self, value: &dyn Value, size: f64) -> Option<Box<dyn Value>> {
        let count = value.to_floats()?.len();
        value.with_floats(&(0..count).map(|_| size * self.next()).collect::<Vec<_>>())
    }
}
