//! The checks that every case goes through: `check_grad` to the second order in both modes, as written and as
//! rewritten; shape inference against real shapes; gradients where their inputs have places.

use kronograph::graph::{Dim, GradCheck, Result as Built, infer_shapes};
use kronograph::prelude::*;

/// An input of a case.
pub(crate) struct Given {
    pub(crate) value: Box<dyn Value>,
    /// Axes whose length 1 the type knows, so that they broadcast.
    pub(crate) broadcast: Vec<usize>,
}

type Build = Box<dyn Fn(&[Variable]) -> Built<Vec<Variable>>>;

/// Some outputs of some inputs.
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) inputs: Vec<Given>,
    pub(crate) build: Build,
    /// The unit roundoff of the least precise arithmetic inside.
    pub(crate) precision: f64,
}

impl Case {
    /// The arithmetic is in f32 in part.
    pub(crate) fn single(self) -> Self {
        Self { precision: f32::EPSILON.into(), ..self }
    }
}

/// A case of one output.
pub(crate) fn case(
    name: impl Into<String>,
    inputs: Vec<Given>,
    build: impl Fn(&[Variable]) -> Built<Variable> + 'static,
) -> Case {
    Case { name: name.into(), inputs, build: Box::new(move |v| Ok(vec![build(v)?])), precision: f64::EPSILON }
}

/// Random numbers of a fixed sequence (Knuth's linear congruential generator).
pub(crate) struct Random(pub(crate) u64);

impl Random {
    pub(crate) fn between(&mut self, (low, high): (f64, f64)) -> f64 {
        self.0 = self.0.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        low + (high - low) * ((self.0 >> 11) as f64 / (1u64 << 53) as f64)
    }

    pub(crate) fn many(&mut self, count: usize) -> Vec<f64> {
        (0..count).map(|_| self.between((-1.0, 1.0))).collect()
    }
}

pub(crate) fn check(case: &Case) -> Result<(), String> {
    for static_lengths in [true, false] {
        let named = |text: String| format!("* {} (static lengths: {static_lengths}): {text}", case.name);
        let inputs: Vec<Variable> =
            case.inputs.iter().enumerate().map(|(k, given)| variable(k, given, static_lengths)).collect();
        let outputs = (case.build)(&inputs).map_err(|error| named(error.to_string()))?;
        let values: Vec<&dyn Value> = case.inputs.iter().map(|given| &*given.value).collect();
        shapes_agree(&inputs, &values, &outputs).map_err(named)?;
        places_agree(&inputs, &values, &outputs).map_err(named)?;
        let checks = GradCheck::default().precision(case.precision);
        let checks = checks.compiled_by(|inputs, outputs| compile(inputs, outputs, &Mode::run()));
        let report = checks.run(&inputs, &outputs, &values).map_err(|error| named(error.to_string()))?;
        if report.slopes == 0 {
            return Err(named("no slope was looked at".to_owned()));
        }
    }
    Ok(())
}

pub(crate) fn variable(k: usize, given: &Given, static_lengths: bool) -> Variable {
    let name = format!("x{k}");
    let known = |axis: usize, length: usize| (static_lengths || given.broadcast.contains(&axis)).then_some(length);
    let lengths: Vec<_> = given.value.extents().iter().enumerate().map(|(axis, &n)| known(axis, n)).collect();
    let value: &dyn std::any::Any = &*given.value;
    match value.downcast_ref::<Tensor>() {
        Some(value) => tensor(&name, value.dtype(), &lengths),
        None => {
            let value = value.downcast_ref::<SparseMatrix>().unwrap();
            sparse_matrix(&name, value.format(), [lengths[0], lengths[1]])
        }
    }
}

fn run(inputs: &[Variable], values: &[&dyn Value], outputs: &[Variable]) -> Result<Vec<Box<dyn Value>>, String> {
    let mut function = compile(inputs, outputs, &Mode::raw()).map_err(|error| error.to_string())?;
    Ok(function.call(values).map_err(|error| error.to_string())?.into_values())
}

fn shapes_agree(inputs: &[Variable], values: &[&dyn Value], outputs: &[Variable]) -> Result<(), String> {
    let shapes = infer_shapes(outputs).map_err(|error| error.to_string())?;
    let find = |variable: &Variable| Some(run(inputs, values, std::slice::from_ref(variable)).ok()?.remove(0));
    let axis = |variable: &Variable, axis: usize| find(variable)?.extents().get(axis).copied();
    let number = |variable: &Variable| find(variable)?.as_index()?.try_into().ok();
    for (k, (shape, answer)) in shapes.iter().zip(run(inputs, values, outputs)?).enumerate() {
        let real = answer.extents();
        let agrees = |(dim, real): (&Dim, &usize)| dim.evaluate(&axis, &number).is_none_or(|length| length == *real);
        if shape.len() != real.len() || !shape.iter().zip(real).all(agrees) {
            return Err(format!("output {k} has shape {real:?}, inferred was {shape:?}"));
        }
    }
    Ok(())
}

/// A gradient has the shape of its input, and the pattern where there is one.
fn places_agree(inputs: &[Variable], values: &[&dyn Value], outputs: &[Variable]) -> Result<(), String> {
    let of: Vec<Variable> = outputs.iter().filter(|output| output.ty().tangent().is_some()).cloned().collect();
    let cotangent = |output: &Variable| Variable::input("g", output.ty().tangent().unwrap());
    let cotangents: Vec<Variable> = of.iter().map(cotangent).collect();
    let answers = run(inputs, values, &of)?;
    let all: Vec<&dyn Value> = values.iter().copied().chain(answers.iter().map(|value| &**value)).collect();
    for (x, &value) in inputs.iter().zip(values) {
        let Ok(gradient) = lop(&of, std::slice::from_ref(x), &cotangents) else { continue };
        let gradient = run(&[inputs, &cotangents].concat(), &all, &gradient)?.remove(0);
        let matrix = |value: &dyn Value| (value as &dyn std::any::Any).downcast_ref::<SparseMatrix>().cloned();
        let same = match (matrix(&*gradient), matrix(value)) {
            (Some(a), Some(b)) => a.format() == b.format() && a.shape() == b.shape() && a.pattern() == b.pattern(),
            (None, None) => gradient.extents() == value.extents(),
            _ => false,
        };
        if !same {
            return Err(format!("the gradient by {x:?} has another shape or pattern than it"));
        }
    }
    Ok(())
}

/// A dense input of random numbers.
pub(crate) fn dense(random: &mut Random, shape: &[usize], range: (f64, f64)) -> Given {
    let data = (0..shape.iter().product()).map(|_| random.between(range)).collect();
    given(Tensor::new::<f64>(shape, data).unwrap())
}

impl Given {
    /// The type knows that these axes have length 1.
    pub(crate) fn broadcasting(self, axes: &[usize]) -> Self {
        Self { broadcast: axes.to_vec(), ..self }
    }
}

/// A dense input of given numbers.
pub(crate) fn given(value: impl Into<Tensor>) -> Given {
    Given { value: Box::new(value.into()), broadcast: Vec::new() }
}

/// A sparse input.
pub(crate) fn given_sparse(value: SparseMatrix) -> Given {
    debug_assert!(value.values().is_some());
    Given { value: Box::new(value), broadcast: Vec::new() }
}
