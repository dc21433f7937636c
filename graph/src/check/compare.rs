//! The comparison: reverse mode, forward mode and differences, along directions in each input alone, so that forward
//! rules see inputs without tangents, and once in all inputs together, so that they see several.

use std::num::Wrapping;

use super::blame::blame;
use super::difference::{Slope, slope};
use super::fault::{Coordinate, GradFault, Wrong};
use super::system::{Place, Random, Runner, System, identity_tolerance, precision};
use super::{CheckError, GradCheck, GradReport};
use crate::print::expression_text;
use crate::value::Value;
use crate::variable::Variable;

/// How well a slope must be known, relative to its terms, to count as measured.
const SETTLED: f64 = 1e-3;
/// How far a derivative may be from a slope: this much relative to the slope, and so many times its own error estimate.
const CLOSE: f64 = 1e-8;
const ESTIMATES: f64 = 10.0;
/// The first step, relative to the size of what is moved.
const STEP: f64 = 1.0 / 32.0;
/// Of several outputs, a small one counts as much as the largest, unless it is smaller by more than this: then it may be
/// what rounding left of larger numbers.
const SMALLEST: f64 = 1e-4;
/// How many elements are looked at one by one once something is wrong.
const COORDINATES: usize = 64;

/// A function and its derivatives at a point, compiled.
pub(super) struct Checked<'a> {
    options: &'a GradCheck,
    system: &'a System,
    order: usize,
    /// The inputs that are moved.
    moving: Vec<usize>,
    value: Runner,
    reverse: System,
    forward: System,
    moves: Vec<Move>,
    /// The gradient of each input that is moved; `None` where it is zero everywhere.
    gradients: Vec<Option<Box<dyn Value>>>,
    cotangents: Vec<Box<dyn Value>>,
    precision: f64,
    /// The size of the terms of `<w, F(x)>`.
    size: f64,
    random: Random,
}

/// Inputs that are moved together, as positions among those that can be, and their forward mode.
struct Move {
    at: Vec<usize>,
    push: Runner,
    tangent_at: Vec<Place>,
}

/// Three slopes that should agree, and the size of the terms that make them up.
struct Slopes {
    reverse: f64,
    forward: f64,
    measured: Slope,
    terms: f64,
}

impl System {
    /// Compares the first derivatives in both modes with each other and with differences; returns the systems of the
    /// derivatives.
    #[track_caller]
    pub(super) fn check(
        &self,
        options: &GradCheck,
        order: usize,
        report: &mut GradReport,
    ) -> Result<Vec<System>, CheckError> {
        let Some(mut checked) = Checked::new(self, options, order, report)? else { return Ok(Vec::new()) };
        match checked.find_fault(report)? {
            Some((which, mut fault)) => {
                fault.worst = checked.worst_coordinate(which, &fault);
                fault.blame = blame(self, options);
                Err(CheckError::Wrong(Box::new(fault)))
            }
            None => Ok(vec![checked.reverse, checked.forward]),
        }
    }

    /// Whether the first derivatives are wrong by themselves.
    pub(super) fn is_wrong(&self, options: &GradCheck) -> bool {
        let report = &mut GradReport::default();
        let checked = Checked::new(self, options, 1, report);
        checked.is_ok_and(|checked| {
            checked.is_some_and(|mut checked| checked.find_fault(report).is_ok_and(|fault| fault.is_some()))
        })
    }
}

/// The outputs that have derivatives, a random cotangent of each, and the size of the terms of their product.
struct Ends {
    of: Vec<Variable>,
    cotangents: Vec<Box<dyn Value>>,
    size: f64,
}

impl Ends {
    fn new(
        system: &System,
        options: &GradCheck,
        random: &mut Random,
        report: &mut GradReport,
    ) -> Result<Self, CheckError> {
        let answers = Runner::new(&system.inputs, &system.outputs, options)?.call(&system.references())?;
        let mut ends = Self { of: Vec::new(), cotangents: Vec::new(), size: 0.0 };
        let size = |k: usize| Ok(answers.value(k)?.to_floats().map_or(0.0, |floats| typical_size(&floats)));
        let sizes = (0..answers.len()).map(size).collect::<Result<Vec<f64>, CheckError>>()?;
        let largest = sizes.iter().copied().fold(0.0, f64::max);
        for (k, output) in system.outputs.iter().enumerate() {
            let answer = answers.value(k)?;
            let weight = largest / sizes[k].max(SMALLEST * largest);
            match output.ty().tangent().and_then(|_| random.like(answer, weight)) {
                Some(cotangent) => {
                    ends.size += product_size(&*cotangent, answer);
                    ends.of.push(output.clone());
                    ends.cotangents.push(cotangent);
                }
                None => report.skip(format!("output {k} (`{}`) has no derivatives", expression_text(output))),
            }
        }
        Ok(ends)
    }
}

impl Move {
    /// Each input alone, and all together.
    #[track_caller]
    fn all(system: &System, of: &[Variable], moving: &[usize], options: &GradCheck) -> Result<Vec<Self>, CheckError> {
        let alone = (0..moving.len()).map(|at| vec![at]);
        let together = (moving.len() > 1).then(|| (0..moving.len()).collect());
        let make = |at: Vec<usize>| {
            let wrt = pick(&system.inputs, &at.iter().map(|&at| moving[at]).collect::<Vec<_>>());
            let (forward, tangent_at) = system.pushed(of, &wrt, &[])?;
            let push = Runner::new(&forward.inputs, &forward.outputs, options)?;
            Ok(Self { at, push, tangent_at })
        };
        alone.chain(together).map(make).collect()
    }
}

impl<'a> Checked<'a> {
    #[track_caller]
    fn new(
        system: &'a System,
        options: &'a GradCheck,
        order: usize,
        report: &mut GradReport,
    ) -> Result<Option<Self>, CheckError> {
        let System { inputs, values, .. } = system;
        let mut random = Random(Wrapping(options.seed.wrapping_add(order as u64)));
        let Ends { of, cotangents, size } = Ends::new(system, options, &mut random, report)?;
        let moving = system.moving(report);
        if moving.is_empty() || of.is_empty() {
            return Ok(None);
        }
        let (reverse, places) = system.pulled(&of, &pick(inputs, &moving), &cotangents, report)?;
        // What has no derivative stands still, or the outputs would have no tangents.
        let moving = moving.into_iter().zip(places).filter(|(_, place)| *place != Place::Excluded);
        let (moving, places): (Vec<usize>, Vec<Place>) = moving.unzip();
        let tangents: Vec<_> = moving.iter().filter_map(|&k| random.like(&*values[k], 1.0)).collect();
        let (forward, _) = system.pushed(&of, &pick(inputs, &moving), &tangents)?;
        let gradients = Runner::new(&reverse.inputs, &reverse.outputs, options)?.call(&reverse.references())?;
        let mut gradients = gradients.into_values().into_iter();
        let mut gradient_at = |place| if matches!(place, Place::At(_)) { gradients.next() } else { None };
        let gradients = places.into_iter().map(&mut gradient_at).collect();
        Ok(Some(Self {
            order,
            value: Runner::new(inputs, &of, options)?,
            moves: Move::all(system, &of, &moving, options)?,
            precision: system.references().into_iter().map(precision).fold(options.precision, f64::max),
            options,
            system,
            moving,
            reverse,
            forward,
            gradients,
            cotangents,
            size,
            random,
        }))
    }

    /// The first direction along which the derivatives are wrong, and the move that it belongs to.
    fn find_fault(&mut self, report: &mut GradReport) -> Result<Option<(usize, GradFault)>, CheckError> {
        for which in 0..self.moves.len() {
            let at = self.moves[which].at.clone();
            let counts: Vec<usize> = at.iter().map(|&at| self.floats(at).len()).collect();
            let tries = if at.len() == 1 { self.options.directions } else { 1 };
            for _ in 0..if counts.iter().any(|&count| count > 0) { tries } else { 0 } {
                let mut direction = |&count: &usize| (0..count).map(|_| self.random.next()).collect();
                let directions: Vec<Vec<f64>> = counts.iter().map(&mut direction).collect();
                let slopes = self.slopes(which, &directions)?;
                if let Some(wrong) = self.judge(which, &slopes, report)? {
                    return Ok(Some((which, self.fault(which, wrong, &slopes, directions.concat()))));
                }
            }
        }
        Ok(None)
    }

    /// The numbers of an input that can be moved.
    fn floats(&self, at: usize) -> Vec<f64> {
        self.system.values[self.moving[at]].to_floats().unwrap_or_default()
    }

    fn input_names(&self, which: usize) -> String {
        match self.moves[which].at[..] {
            [at] => expression_text(&self.system.inputs[self.moving[at]]),
            _ => "all inputs together".to_owned(),
        }
    }

    fn slopes(&mut self, which: usize, directions: &[Vec<f64>]) -> Result<Slopes, CheckError> {
        let at = self.moves[which].at.clone();
        let tangent = |(&at, floats): (&usize, &Vec<f64>)| self.system.values[self.moving[at]].with_floats(floats);
        let tangents: Option<Vec<_>> = at.iter().zip(directions).map(tangent).collect();
        let tangents = tangents.ok_or_else(|| CheckError::Unfit("a value cannot be given other numbers".to_owned()))?;
        let (forward, mut terms) = self.pushed(which, &tangents)?;
        let mut reverse = 0.0;
        for (&at, tangent) in at.iter().zip(&tangents) {
            if let Some(gradient) = self.gradients[at].as_deref() {
                reverse += inner(gradient, &**tangent)?;
                terms += product_size(gradient, &**tangent);
            }
        }
        Ok(Slopes { reverse, forward, measured: self.measured(&at, directions)?, terms })
    }

    /// `<w, J u>`, and the size of its terms.
    fn pushed(&mut self, which: usize, tangents: &[Box<dyn Value>]) -> Result<(f64, f64), CheckError> {
        let Move { push, tangent_at, .. } = &mut self.moves[which];
        let mut arguments = self.system.references();
        arguments.extend(tangents.iter().map(|tangent| &**tangent));
        let answers = push.call(&arguments)?;
        let (mut sum, mut size) = (0.0, 0.0);
        for (cotangent, place) in self.cotangents.iter().zip(tangent_at) {
            if let Place::At(k) = place {
                sum += inner(&**cotangent, answers.value(*k)?)?;
                size += product_size(&**cotangent, answers.value(*k)?);
            }
        }
        Ok((sum, size))
    }

    /// The size of what is moved: of the smallest input among them.
    fn typical_size(&self, at: &[usize]) -> f64 {
        at.iter().map(|&at| typical_size(&self.floats(at))).fold(f64::INFINITY, f64::min)
    }

    fn measured(&mut self, at: &[usize], directions: &[Vec<f64>]) -> Result<Slope, CheckError> {
        if !self.options.measures {
            return Ok(Slope { value: f64::NAN, error: f64::INFINITY });
        }
        let (first, noise) = (STEP * self.typical_size(at), self.precision * self.size);
        let starts: Vec<Vec<f64>> = at.iter().map(|&at| self.floats(at)).collect();
        let found = slope(first, noise, |step| -> Result<f64, CheckError> {
            let mut moved: Vec<(usize, Box<dyn Value>)> = Vec::with_capacity(at.len());
            for ((&at, start), direction) in at.iter().zip(&starts).zip(directions) {
                let floats: Vec<f64> = start.iter().zip(direction).map(|(x, d)| x + step * d).collect();
                let k = self.moving[at];
                moved.extend(self.system.values[k].with_floats(&floats).map(|value| (k, value)));
            }
            let mut arguments = self.system.references();
            moved.iter().for_each(|(k, value)| arguments[*k] = &**value);
            let answers = self.value.call(&arguments)?;
            let terms = self.cotangents.iter().enumerate().map(|(k, w)| inner(&**w, answers.value(k)?));
            terms.sum()
        })?;
        Ok(found.unwrap_or(Slope { value: f64::NAN, error: f64::INFINITY }))
    }

    fn judge(&self, which: usize, slopes: &Slopes, report: &mut GradReport) -> Result<Option<Wrong>, CheckError> {
        let Slopes { reverse, forward, measured: Slope { value, error }, terms } = *slopes;
        let identity = (reverse - forward).abs() / terms.max(f64::MIN_POSITIVE);
        let same = reverse == forward || identity <= identity_tolerance(self.precision);
        if !self.options.measures {
            report.slopes += 1;
            return Ok((!same && reverse.is_finite() && forward.is_finite()).then_some(Wrong::Either));
        }
        let scale = value.abs().max(terms);
        // Where nothing is claimed but rounding, a slope is settled when it is small beside what made it up.
        let floor = self.size / self.typical_size(&self.moves[which].at);
        let negligible =
            error <= f64::max(1e-6, 1e4 * self.precision) * floor && terms <= ESTIMATES * self.precision * floor;
        // Modes that return no numbers are wrong where there is a slope.
        let size = if reverse.is_finite() && forward.is_finite() { scale } else { value.abs() };
        if !(error <= SETTLED * size && size.is_finite() || negligible) {
            let input = self.input_names(which);
            return Err(CheckError::Inconclusive { order: self.order, input, slope: value, error });
        }
        let tolerance = ESTIMATES * error + CLOSE * (self.precision / f64::EPSILON).sqrt() * scale;
        let right = |got: f64| got.is_finite() && (got - value).abs() <= tolerance;
        report.slopes += 1;
        // What is rounding in both modes is a zero in both.
        if (same || negligible && right(forward)) && right(reverse) {
            report.worst_identity =
                report.worst_identity.max(if reverse == forward || negligible { 0.0 } else { identity });
            let off = (reverse - value).abs() / scale.max(floor).max(f64::MIN_POSITIVE);
            report.worst_measured = report.worst_measured.max(off);
            return Ok(None);
        }
        Ok(Some(match (right(reverse), right(forward)) {
            (false, true) => Wrong::Reverse,
            (true, false) => Wrong::Forward,
            (false, false) => Wrong::Both,
            (true, true) => Wrong::Either,
        }))
    }

    fn fault(&self, which: usize, wrong: Wrong, slopes: &Slopes, direction: Vec<f64>) -> GradFault {
        GradFault {
            wrong,
            order: self.order,
            seed: self.options.seed,
            input: self.input_names(which),
            direction,
            reverse: slopes.reverse,
            forward: slopes.forward,
            measured: slopes.measured.value,
            error: slopes.measured.error,
            worst: None,
            blame: None,
        }
    }

    /// The element of the input, among the first few, by which the wrong mode is most wrong.
    fn worst_coordinate(&mut self, which: usize, fault: &GradFault) -> Option<Coordinate> {
        if self.moves[which].at.len() > 1 {
            return None;
        }
        let count = fault.direction.len();
        let mut worst: Option<Coordinate> = None;
        for position in 0..count.min(COORDINATES) {
            let mut direction = vec![0.0; count];
            direction[position] = 1.0;
            let slopes = self.slopes(which, &[direction]).ok()?;
            let returned = if fault.wrong == Wrong::Forward { slopes.forward } else { slopes.reverse };
            let found = Coordinate { position, returned, measured: slopes.measured.value };
            let off = |c: &Coordinate| (c.returned - c.measured).abs();
            if worst.as_ref().is_none_or(|worst| off(&found) > off(worst)) {
                worst = Some(found);
            }
        }
        worst
    }
}

fn pick(variables: &[Variable], at: &[usize]) -> Vec<Variable> {
    at.iter().map(|&k| variables[k].clone()).collect()
}

fn inner(a: &dyn Value, b: &dyn Value) -> Result<f64, CheckError> {
    let unfit = || CheckError::Unfit(format!("a derivative is {}, for a value that is {}", a.describe(), b.describe()));
    a.inner(b).or_else(|| b.inner(a)).ok_or_else(unfit)
}

/// The size of the terms of an inner product.
fn product_size(a: &dyn Value, b: &dyn Value) -> f64 {
    let size = |x: &dyn Value| norm(&x.to_floats().unwrap_or_default());
    size(a) * size(b)
}

/// The Euclidean norm; the squares neither overflow nor vanish.
fn norm(floats: &[f64]) -> f64 {
    let largest = floats.iter().fold(0.0, |largest: f64, x| largest.max(x.abs()));
    if largest == 0.0 || !largest.is_finite() {
        return floats.iter().map(|x| x.abs()).sum();
    }
    largest * floats.iter().map(|x| (x / largest).powi(2)).sum::<f64>().sqrt()
}

/// The root mean square of what is moved; 1 where that is zero.
fn typical_size(floats: &[f64]) -> f64 {
    let size = norm(floats) / (floats.len().max(1) as f64).sqrt();
    if size > 0.0 && size.is_finite() { size } else { 1.0 }
}
