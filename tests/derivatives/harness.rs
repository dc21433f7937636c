//! The checks that every case goes through.

use kronograph::graph::{Dim, Result as Built, infer_shapes};
use kronograph::prelude::*;

/// Central differences, extrapolated once, err by about `h⁴`, and by rounding over `h`.
const STEP: f64 = 1e-3;
const DIFFERENCE: f64 = 1e-7;
const IDENTITY: f64 = 1e-10;

/// A value whose elements can be moved.
#[derive(Clone)]
pub(crate) enum Datum {
    Dense(Tensor),
    Sparse(SparseMatrix),
}

impl Datum {
    fn value(&self) -> &dyn Value {
        match self {
            Datum::Dense(tensor) => tensor,
            Datum::Sparse(matrix) => matrix,
        }
    }

    fn flat(&self) -> Vec<f64> {
        match self {
            Datum::Dense(tensor) => as_floats(tensor),
            Datum::Sparse(matrix) => matrix.values().unwrap().to_vec(),
        }
    }

    /// All entries, so that sparse values of different patterns compare.
    fn entries(&self) -> Vec<f64> {
        match self {
            Datum::Dense(tensor) => as_floats(tensor),
            Datum::Sparse(matrix) => as_floats(&matrix.to_dense().unwrap()),
        }
    }

    /// Other numbers, in f64, at the same places.
    fn with(&self, data: Vec<f64>) -> Self {
        match self {
            Datum::Dense(tensor) => Datum::Dense(Tensor::new(tensor.shape(), data).unwrap()),
            Datum::Sparse(matrix) => {
                let pattern = matrix.pattern().clone();
                let moved = SparseMatrix::with_pattern(matrix.format(), matrix.shape(), pattern, data.into());
                Datum::Sparse(moved.unwrap())
            }
        }
    }

    fn moved(&self, direction: &[f64], step: f64) -> Self {
        self.with(self.flat().iter().zip(direction).map(|(x, d)| x + step * d).collect())
    }

    /// Whether a derivative has the places of the value: the shape, and the pattern where there is one.
    fn has_places_of(&self, other: &Self) -> bool {
        match (self, other) {
            (Datum::Dense(a), Datum::Dense(b)) => a.shape() == b.shape(),
            (Datum::Sparse(a), Datum::Sparse(b)) => {
                a.format() == b.format() && a.shape() == b.shape() && a.pattern() == b.pattern()
            }
            _ => false,
        }
    }

    fn of(value: Box<dyn Value>) -> Self {
        let value: Box<dyn std::any::Any> = value;
        match value.downcast::<Tensor>() {
            Ok(tensor) => Datum::Dense(*tensor),
            Err(other) => Datum::Sparse(*other.downcast().unwrap()),
        }
    }
}

fn as_floats(tensor: &Tensor) -> Vec<f64> {
    match tensor.dtype() {
        DType::F32 => tensor.to_vec::<f32>().unwrap().into_iter().map(f64::from).collect(),
        DType::I64 => tensor.to_vec::<i64>().unwrap().into_iter().map(|x| x as f64).collect(),
        DType::Bool => tensor.to_vec::<bool>().unwrap().into_iter().map(|x| f64::from(u8::from(x))).collect(),
        _ => tensor.to_vec::<f64>().unwrap(),
    }
}

/// An input of a case.
pub(crate) struct Given {
    pub(crate) datum: Datum,
    /// Axes whose length 1 the type knows, so that they broadcast.
    pub(crate) broadcast: Vec<usize>,
}

type Build = Box<dyn Fn(&[Variable]) -> Built<Vec<Variable>>>;

/// Some outputs of some inputs.
pub(crate) struct Case {
    pub(crate) name: String,
    pub(crate) inputs: Vec<Given>,
    pub(crate) build: Build,
    /// How much coarser the tolerances are: 1 for arithmetic in f64.
    pub(crate) coarser: f64,
}

impl Case {
    /// The arithmetic is in f32 in part.
    pub(crate) fn single(self) -> Self {
        Self { coarser: 1e4, ..self }
    }
}

/// A case of one output.
pub(crate) fn case(
    name: impl Into<String>,
    inputs: Vec<Given>,
    build: impl Fn(&[Variable]) -> Built<Variable> + 'static,
) -> Case {
    Case { name: name.into(), inputs, build: Box::new(move |v| Ok(vec![build(v)?])), coarser: 1.0 }
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

/// Outputs of inputs that have values.
struct System {
    inputs: Vec<Variable>,
    values: Vec<Datum>,
    outputs: Vec<Variable>,
    coarser: f64,
}

pub(crate) fn check(case: &Case) -> Result<(), String> {
    for static_lengths in [true, false] {
        let named = |text: String| format!("* {} (static lengths: {static_lengths}): {text}", case.name);
        let inputs: Vec<Variable> =
            case.inputs.iter().enumerate().map(|(k, given)| variable(k, given, static_lengths)).collect();
        let outputs = (case.build)(&inputs).map_err(|error| named(error.to_string()))?;
        let values = case.inputs.iter().map(|given| given.datum.clone()).collect();
        let random = &mut Random(11);
        let first = System { inputs, values, outputs, coarser: case.coarser };
        let second = differentiate(&first, random).map_err(|text| named(format!("first order: {text}")))?;
        if second.outputs.is_empty() {
            return Err(named("no output depends on any input".to_owned()));
        }
        differentiate(&second, random).map_err(|text| named(format!("second order: {text}")))?;
    }
    Ok(())
}

fn variable(k: usize, given: &Given, static_lengths: bool) -> Variable {
    let name = format!("x{k}");
    let known = |axis: usize, length: usize| (static_lengths || given.broadcast.contains(&axis)).then_some(length);
    match &given.datum {
        Datum::Dense(value) => {
            let lengths: Vec<_> = value.shape().iter().enumerate().map(|(axis, &n)| known(axis, n)).collect();
            tensor(&name, value.dtype(), &lengths)
        }
        Datum::Sparse(value) => {
            let [rows, columns] = value.shape();
            sparse_matrix(&name, value.format(), [known(0, rows), known(1, columns)])
        }
    }
}

fn run(inputs: &[Variable], values: &[Datum], outputs: &[Variable], mode: &Mode) -> Result<Vec<Datum>, String> {
    let mut function = compile(inputs, outputs, mode).map_err(|error| error.to_string())?;
    let values: Vec<&dyn Value> = values.iter().map(Datum::value).collect();
    let answers = function.call(&values).map_err(|error| error.to_string())?;
    Ok(answers.into_values().into_iter().map(Datum::of).collect())
}

/// Checks the first derivatives of a system, and returns the system of its gradients.
fn differentiate(system: &System, random: &mut Random) -> Result<System, String> {
    let System { inputs, values, outputs, coarser } = system;
    let answers = run(inputs, values, outputs, &Mode::raw())?;
    shapes_agree(system, &answers)?;
    let (mut all, mut all_values) = (inputs.clone(), values.clone());
    let mut cotangents = Vec::new();
    for (k, (output, answer)) in outputs.iter().zip(&answers).enumerate() {
        let ty = output.ty().tangent().ok_or("an output without derivatives")?;
        cotangents.push(Variable::input(&format!("g{k}_of_{}", inputs.len()), ty));
        all_values.push(answer.with(random.many(answer.flat().len())));
    }
    all.extend(cotangents.iter().cloned());
    let gradients = pull(outputs, inputs, &cotangents)?;
    let present: Vec<Variable> = gradients.iter().flatten().cloned().collect();
    modes_agree(&all, &all_values, &[&outputs[..], &present[..]].concat())?;
    let mut numbers = run(&all, &all_values, &present, &Mode::raw())?.into_iter();
    let numbers: Vec<Option<Datum>> =
        gradients.iter().map(|gradient| gradient.as_ref().map(|_| numbers.next().unwrap())).collect();
    differences_agree(system, &all_values[inputs.len()..], &numbers, random)?;
    forward_agrees(system, &all_values[inputs.len()..], &numbers, random)?;
    Ok(System { inputs: all, values: all_values, outputs: present, coarser: *coarser })
}

/// The gradient by each input; `None` where reverse mode says that the outputs do not depend on it.
fn pull(outputs: &[Variable], wrt: &[Variable], cotangents: &[Variable]) -> Result<Vec<Option<Variable>>, String> {
    let one = |x: &Variable| match lop(outputs, std::slice::from_ref(x), cotangents) {
        Ok(mut gradients) => Ok(Some(gradients.remove(0))),
        Err(BuildError::Disconnected { .. }) => Ok(None),
        Err(error) => Err(error.to_string()),
    };
    wrt.iter().map(one).collect()
}

fn shapes_agree(system: &System, answers: &[Datum]) -> Result<(), String> {
    let shapes = infer_shapes(&system.outputs).map_err(|error| error.to_string())?;
    let find = |variable: &Variable| {
        let found = run(&system.inputs, &system.values, std::slice::from_ref(variable), &Mode::raw());
        found.ok().map(|mut values| values.remove(0))
    };
    let axis = |variable: &Variable, axis: usize| find(variable)?.value().extents().get(axis).copied();
    let number = |variable: &Variable| find(variable)?.value().as_index()?.try_into().ok();
    for (k, (shape, answer)) in shapes.iter().zip(answers).enumerate() {
        let real = answer.value().extents();
        let agrees = |(dim, real): (&Dim, &usize)| dim.evaluate(&axis, &number).is_none_or(|length| length == *real);
        if shape.len() != real.len() || !shape.iter().zip(real).all(agrees) {
            return Err(format!("output {k} has shape {real:?}, inferred was {shape:?}"));
        }
    }
    Ok(())
}

fn modes_agree(inputs: &[Variable], values: &[Datum], outputs: &[Variable]) -> Result<(), String> {
    let raw = run(inputs, values, outputs, &Mode::raw())?;
    let rewritten = run(inputs, values, outputs, &Mode::run())?;
    for (k, (a, b)) in raw.iter().zip(&rewritten).enumerate() {
        let (x, y) = (a.entries(), b.entries());
        let scale = x.iter().fold(1.0, |scale: f64, x| scale.max(x.abs()));
        let close = x.iter().zip(&y).all(|(x, y)| (x - y).abs() <= IDENTITY * scale);
        if !a.has_places_of(b) || !close {
            return Err(format!("output {k} is {x:?} as written and {y:?} rewritten"));
        }
    }
    Ok(())
}

/// `<g, F(x + t d)>'` at zero, for a direction in each input alone.
fn differences_agree(
    system: &System,
    cotangents: &[Datum],
    gradients: &[Option<Datum>],
    random: &mut Random,
) -> Result<(), String> {
    let System { inputs, values, outputs, coarser } = system;
    let difference = |k: usize, direction: &[f64], step: f64| -> Result<f64, String> {
        let mut sides = [Vec::new(), Vec::new()];
        for (side, sign) in sides.iter_mut().zip([1.0, -1.0]) {
            let mut moved = values.clone();
            moved[k] = values[k].moved(direction, sign * step);
            *side = run(inputs, &moved, outputs, &Mode::raw())?;
        }
        let [after, before] = sides;
        let change = |((g, a), b): ((&Datum, &Datum), &Datum)| {
            let terms = g.entries().into_iter().zip(a.entries().into_iter().zip(b.entries()));
            terms.map(|(g, (a, b))| g * (a - b)).sum::<f64>()
        };
        Ok(cotangents.iter().zip(&after).zip(&before).map(change).sum::<f64>() / (2.0 * step))
    };
    for (k, gradient) in gradients.iter().enumerate().filter(|(k, _)| can_move(&values[*k])) {
        if gradient.as_ref().is_some_and(|gradient| !gradient.has_places_of(&values[k])) {
            return Err(format!("the gradient by input {k} has another shape or pattern than the input"));
        }
        let direction = random.many(values[k].flat().len());
        let (coarse, fine) = (difference(k, &direction, STEP)?, difference(k, &direction, 0.5 * STEP)?);
        let want = (4.0 * fine - coarse) / 3.0;
        let got = gradient.as_ref().map_or(0.0, |gradient| dot(&gradient.flat(), &direction));
        let close = (got - want).abs() <= DIFFERENCE * coarser * (1.0 + want.abs());
        if !close {
            return Err(format!("by input {k}: {got:e} in reverse mode, {want:e} by differences"));
        }
    }
    Ok(())
}

fn can_move(datum: &Datum) -> bool {
    match datum {
        Datum::Dense(tensor) => tensor.dtype() == DType::F64,
        Datum::Sparse(_) => true,
    }
}

/// `<g, J t> = <Jᵀ g, t>` for tangents in all inputs at once.
fn forward_agrees(
    system: &System,
    cotangents: &[Datum],
    gradients: &[Option<Datum>],
    random: &mut Random,
) -> Result<(), String> {
    let System { inputs, values, outputs, coarser } = system;
    let moving: Vec<usize> = (0..inputs.len()).filter(|&k| can_move(&values[k])).collect();
    let wrt: Vec<Variable> = moving.iter().map(|&k| inputs[k].clone()).collect();
    let (mut all, mut all_values, mut tangents) = (inputs.clone(), values.clone(), Vec::new());
    for &k in &moving {
        let ty = inputs[k].ty().tangent().ok_or("an input without derivatives")?;
        tangents.push(Variable::input(&format!("t{k}"), ty));
        all_values.push(values[k].with(random.many(values[k].flat().len())));
    }
    all.extend(tangents.iter().cloned());
    let pushed = rop(outputs, &wrt, &tangents).map_err(|error| error.to_string())?;
    modes_agree(&all, &all_values, &pushed)?;
    let pushed = run(&all, &all_values, &pushed, &Mode::raw())?;
    let (mut forward, mut reverse, mut scale) = (0.0, 0.0, 1e-3);
    for (g, pushed) in cotangents.iter().zip(&pushed) {
        let (g, pushed) = (g.entries(), pushed.entries());
        forward += dot(&g, &pushed);
        scale += g.iter().zip(&pushed).map(|(g, p)| (g * p).abs()).sum::<f64>();
    }
    for (tangent, &k) in all_values[inputs.len()..].iter().zip(&moving) {
        let gradient = gradients[k].as_ref().map_or_else(Vec::new, Datum::flat);
        reverse += dot(&gradient, &tangent.flat());
    }
    match (forward - reverse).abs() <= IDENTITY * coarser * scale {
        true => Ok(()),
        false => Err(format!("<g, J t> = {forward:e} and <Jᵀ g, t> = {reverse:e}")),
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

/// A dense input of random numbers.
pub(crate) fn dense(random: &mut Random, shape: &[usize], range: (f64, f64)) -> Given {
    let data = (0..shape.iter().product()).map(|_| random.between(range)).collect();
    Given { datum: Datum::Dense(Tensor::new::<f64>(shape, data).unwrap()), broadcast: Vec::new() }
}

impl Given {
    /// The type knows that these axes have length 1.
    pub(crate) fn broadcasting(self, axes: &[usize]) -> Self {
        Self { broadcast: axes.to_vec(), ..self }
    }
}

/// A dense input of given numbers.
pub(crate) fn given(value: impl Into<Tensor>) -> Given {
    Given { datum: Datum::Dense(value.into()), broadcast: Vec::new() }
}

/// A sparse input.
pub(crate) fn given_sparse(value: SparseMatrix) -> Given {
    debug_assert!(value.values().is_some());
    Given { datum: Datum::Sparse(value), broadcast: Vec::new() }
}
