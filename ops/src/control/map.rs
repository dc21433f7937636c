//! An expression for each element of some sequences.

use std::borrow::Cow;

use kronograph_graph::{
    BuildError, Dim, Entry, Frozen, Grad, Gradient, Grads, GraphState, Io, NodeSpec, NodeView, Op, OpFailure, OpResult,
    OpState, Params, Props, Result, Sample, Shape, Slot, Tangents, Value, Variable, Why, apply_all, origin, rop_kinds,
};
use smallvec::SmallVec;

use crate::elemwise::{exp, mul, sin, sqr};
use crate::params::some;
use crate::reduce::sum;
use crate::samples::dense;
use crate::tensor::{Element, Extents, Strided, Tensor, TensorType, each_dtype, tensor_type};

/// A frozen expression, run for each position along the first axis of some inputs (the sequences, which come first);
/// the others are handed in whole. The first outputs are stacked along a new first axis, the rest are summed.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Map {
    body: Frozen,
    sequences: usize,
    stacked: usize,
}

/// `build` for each position along the first axis of the sequences, the results stacked along a new first axis
/// (JAX: `lax.map`; PyTensor: `map`).
///
/// `build` is called once, with one variable for each sequence; it may use any other variable. What does not depend
/// on the sequences is computed once, outside. The derivatives are maps, so they exist to every order.
///
/// ```
/// use kronograph_ops::{exp, map, matrix, sum, vector};
/// let (x, a) = (matrix("x"), vector("a"));
/// let rows = map(&[x], |row| Ok(vec![sum(&exp(&(&row[0] * &a))?)?]))?;
/// assert_eq!(rows[0].ty().to_string(), "f64 (?,)");
/// # Ok::<(), kronograph_graph::BuildError>(())
/// ```
///
/// # Errors
///
/// When there is no sequence, one is a scalar or no tensor, their static lengths differ, or a result is no tensor.
#[track_caller]
pub fn map(sequences: &[Variable], build: impl FnOnce(&[Variable]) -> Result<Vec<Variable>>) -> Result<Vec<Variable>> {
    let _scope = origin::here();
    let elements: Vec<Variable> = sequences.iter().map(element_of).collect::<Result<_>>()?;
    let outputs = build(&elements)?;
    let (body, captured) = Frozen::closure(&elements, &outputs)?;
    let op = Map { body, sequences: sequences.len(), stacked: outputs.len() };
    Ok(apply_all(op, &[sequences, &captured[..]].concat())?.into_vec())
}

/// The entry of this file. The expression of a map is no parameter that a text could name: here are some, by the
/// parameter `body`, for the op to be proved on.
pub(super) fn entries() -> Vec<Entry> {
    vec![Entry::function("map", "control", build_example, samples).holding_expressions()]
}

fn build_example(params: &Params<'_>, v: &[Variable]) -> Result<Vec<Variable>> {
    let first = &some(params, v)?[..1];
    match params.word("body")? {
        "captured" => map(first, |row| Ok(vec![sum(&sin(&mul(&row[0], &exp(&v[v.len() - 1])?)?)?)?])),
        "pairs" => map(v, |e| Ok(vec![mul(&e[0], &exp(&e[e.len() - 1])?)?])),
        "two results" => two_results(v),
        "one result used" => Ok(vec![two_results(v)?.remove(1)]),
        "constant" => map(first, |_| Ok(vec![sum(&sqr(&v[v.len() - 1])?)?])),
        "nested" => map(first, |row| map(row, |e| Ok(vec![sin(&mul(&e[0], &v[v.len() - 1])?)?]))),
        other => Err(params.wrong_word("body", "the name of an example", other)),
    }
}

fn two_results(v: &[Variable]) -> Result<Vec<Variable>> {
    map(&v[..1], |e| Ok(vec![sqr(&e[0])?, mul(&sin(&e[0])?, &v[v.len() - 1])?]))
}

fn samples() -> Vec<Sample> {
    let x = |shape: &[usize], seed| dense(shape, (-1.0, 1.0), seed);
    let sample =
        |body: &'static str, a: &[usize], b: &[usize]| Sample::new(body, [x(a, 1), x(b, 2)]).with("body", body);
    vec![
        sample("captured", &[3, 2], &[2]),
        sample("pairs", &[3, 2], &[3]),
        sample("two results", &[4], &[]),
        sample("one result used", &[4], &[]),
        sample("constant", &[3], &[2]),
        sample("nested", &[2, 3], &[]),
        sample("captured", &[1, 2], &[2]),
    ]
}

/// A variable for one element of a sequence.
fn element_of(sequence: &Variable) -> Result<Variable> {
    let ty = tensor_type("map", sequence)?;
    match ty.lengths() {
        [] => Err(BuildError::inputs("map", std::slice::from_ref(sequence), "a sequence has at least one axis")),
        [_, rest @ ..] => Ok(Variable::input("element", TensorType::shared(ty.dtype(), rest))),
    }
}

/// The parts of a derivative's map while they are gathered: parameters of its body, and the arguments for them.
#[derive(Default)]
struct Parts {
    elements: Vec<Variable>,
    sequences: Vec<Variable>,
    whole: Vec<Variable>,
    arguments: Vec<Variable>,
}

impl Parts {
    fn sequence(&mut self, element: Variable, sequence: &Variable) {
        self.elements.push(element);
        self.sequences.push(sequence.clone());
    }

    fn whole(&mut self, parameter: Variable, argument: &Variable) {
        self.whole.push(parameter);
        self.arguments.push(argument.clone());
    }

    /// The map of these parts: stacked outputs, then summed ones.
    fn apply(self, stacked: &[Variable], summed: &[Variable]) -> Result<Vec<Variable>> {
        let parameters = [&self.elements[..], &self.whole[..]].concat();
        let body = Frozen::new(&parameters, &[stacked, summed].concat())?;
        let op = Map { body, sequences: self.elements.len(), stacked: stacked.len() };
        Ok(apply_all(op, &[&self.sequences[..], &self.arguments[..]].concat())?.into_vec())
    }
}

impl Map {
    /// The expression that is run.
    pub fn body(&self) -> &Frozen {
        &self.body
    }

    /// The same map of another expression for the same results.
    pub fn with_body(&self, body: Frozen) -> Self {
        Self { body, ..self.clone() }
    }

    /// The outputs for empty sequences, where the body's types tell all lengths.
    fn nothing(&self, outputs: &mut [Slot]) -> bool {
        let types: Option<Vec<&TensorType>> = self.body.outputs().iter().map(Variable::type_as).collect();
        let shape = |ty: &&TensorType| ty.lengths().iter().copied().collect::<Option<Extents>>();
        let known =
            |types: Vec<&TensorType>| types.iter().map(|ty| Some((ty.dtype(), shape(ty)?))).collect::<Option<Vec<_>>>();
        let Some(known) = types.and_then(known) else { return false };
        for (k, (slot, (dtype, shape))) in outputs.iter_mut().zip(known).enumerate() {
            let leading: &[usize] = if k < self.stacked { &[0] } else { &[] };
            slot.set(Box::new(Tensor::zeros(dtype, &[leading, &shape[..]].concat())));
        }
        true
    }

    /// The parts that the node itself has.
    fn parts(&self, node: &NodeView<'_>) -> Parts {
        let mut parts = Parts::default();
        for (k, (parameter, argument)) in self.body.inputs().iter().zip(node.inputs()).enumerate() {
            match k < self.sequences {
                true => parts.sequence(parameter.clone(), argument),
                false => parts.whole(parameter.clone(), argument),
            }
        }
        parts
    }

    /// Stand-ins, in the body, for derivatives of some of its inputs or outputs; the first `sequences` are sequences.
    fn stand_ins(
        parts: &mut Parts,
        of: &[Variable],
        terms: &[Option<Variable>],
        sequences: usize,
    ) -> Result<(Vec<Variable>, Vec<Variable>)> {
        let (mut moving, mut stand_ins) = (Vec::new(), Vec::new());
        for (k, (variable, term)) in of.iter().zip(terms).enumerate() {
            let (Some(term), Some(tangent)) = (term, variable.ty().tangent()) else { continue };
            // Where less is known of the derivative's shape than of the variable's, its stand-in knows as little.
            let known = if k < sequences { element_of(term)?.ty().clone() } else { term.ty().clone() };
            let ty = if tangent.is_super(&*known) { tangent } else { known };
            let stand_in = Variable::input("derivative", ty);
            match k < sequences {
                true => parts.sequence(stand_in.clone(), term),
                false => parts.whole(stand_in.clone(), term),
            }
            moving.push(variable.clone());
            stand_ins.push(stand_in);
        }
        Ok((moving, stand_ins))
    }

    /// Puts the outputs of a derivative's map where there are terms in its body, `first` of which are stacked.
    fn answers(&self, parts: Parts, kinds: Vec<Grad>, first: usize) -> Result<Vec<Grad>> {
        let term = |kind: &Grad| if let Grad::Var(term) = kind { Some(term.clone()) } else { None };
        // Only tensors are stacked and summed; that matters to those who ask for something else.
        let unwritten = |kind: &Grad| term(kind).is_some_and(|term| term.type_as::<TensorType>().is_none());
        let why = Why::Unwritten;
        let kinds: Vec<Grad> =
            kinds.into_iter().map(|kind| if unwritten(&kind) { Grad::Undefined { why } } else { kind }).collect();
        let stacked: Vec<Variable> = kinds[..first].iter().filter_map(term).collect();
        let summed: Vec<Variable> = kinds[first..].iter().filter_map(term).collect();
        if stacked.is_empty() && summed.is_empty() {
            return Ok(kinds);
        }
        let mut made = parts.apply(&stacked, &summed)?.into_iter();
        let place = |kind| match kind {
            Grad::Var(_) => made.next().map_or(Grad::Zero, Grad::Var),
            other => other,
        };
        Ok(kinds.into_iter().map(place).collect())
    }
}

impl Op for Map {
    fn name(&self) -> Cow<'static, str> {
        "map".into()
    }

    fn props(&self) -> Props {
        Props::default().with("sequences", self.sequences).with("stacked", self.stacked)
    }

    fn make_node(&self, inputs: &[Variable]) -> Result<NodeSpec> {
        let want = self.body.inputs();
        let lacks = want.len() < self.sequences || self.body.outputs().len() < self.stacked;
        if inputs.len() != want.len() || self.sequences == 0 || lacks {
            return Err(BuildError::arity("map", want.len().max(1), inputs));
        }
        let mut length = None;
        for (k, (input, want)) in inputs.iter().zip(want).enumerate() {
            let sequence = k < self.sequences;
            let ty = if sequence { element_of(input)?.ty().clone() } else { input.ty().clone() };
            if !want.ty().is_super(&*ty) {
                let rule = format!("`{}` of the body is {}", want.name().unwrap_or("an input"), want.ty());
                return Err(BuildError::inputs("map", std::slice::from_ref(input), rule));
            }
            match (length, input.ty().extents().first().copied().flatten().filter(|_| sequence)) {
                (Some(a), Some(b)) if a != b => {
                    return Err(BuildError::inputs("map", &inputs[..self.sequences], "the sequences differ in length"));
                }
                (known, next) => length = known.or(next),
            }
        }
        let mut types = Vec::new();
        for (k, output) in self.body.outputs().iter().enumerate() {
            let ty = tensor_type("map", output)?;
            let leading: &[Option<usize>] = if k < self.stacked { &[length] } else { &[] };
            types.push(TensorType::shared(ty.dtype(), &[leading, ty.lengths()].concat()));
        }
        Ok(NodeSpec::many(types))
    }

    /// An empty sequence runs the body once, on zeros, for the shapes of its outputs, unless their types tell them.
    fn perform(&self, io: &mut Io<'_>) -> OpResult {
        let (state, inputs, outputs) = io.with_state::<GraphState>()?;
        let mut length = None;
        for k in 0..self.sequences {
            let found = inputs.get::<Tensor>(k)?.shape().first().copied().ok_or(OpFailure::WrongValue(k))?;
            if *length.get_or_insert(found) != found {
                return Err(OpFailure::Shapes("the sequences differ in length".to_owned()).into());
            }
        }
        let length = length.ok_or(OpFailure::WrongValue(0))?;
        if length == 0 && self.nothing(outputs) {
            return Ok(());
        }
        for at in 0..length.max(1) {
            let mut elements: SmallVec<[Tensor; 4]> = SmallVec::new();
            for k in 0..self.sequences {
                elements.push(element(inputs.get::<Tensor>(k)?, at).ok_or(OpFailure::WrongValue(k))?);
            }
            let mut arguments: SmallVec<[&dyn Value; 8]> =
                elements.iter().map(|element| element as &dyn Value).collect();
            for k in self.sequences..inputs.len() {
                arguments.push(inputs.value(k)?);
            }
            let made = state.run(&self.body, &arguments)?;
            for (k, slot) in outputs.iter_mut().enumerate() {
                let (made, out) =
                    (made.get::<Tensor>(k).map_err(|_| OpFailure::WrongValue(k))?, slot.buffer::<Tensor>());
                match k < self.stacked {
                    true => each_dtype!(made, array => stack(array, out, at, length))?,
                    false => add_up(made, out, at, length)?,
                }
            }
        }
        Ok(())
    }

    /// A map of the body's cotangents: stacked for the sequences, summed for what every step used.
    fn l_op(&self, node: &NodeView<'_>, output_grads: &[Option<Variable>]) -> Result<Grads> {
        let mut parts = self.parts(node);
        let (of, stand_ins) = Self::stand_ins(&mut parts, self.body.outputs(), output_grads, self.stacked)?;
        let kinds = Gradient::of_outputs(&of, &stand_ins)?.kinds(self.body.inputs())?;
        self.answers(parts, kinds, self.sequences)
    }

    /// A map of the body's tangents.
    fn r_op(&self, node: &NodeView<'_>, tangents: &[Option<Variable>]) -> Result<Tangents> {
        let mut parts = self.parts(node);
        let (of, stand_ins) = Self::stand_ins(&mut parts, self.body.inputs(), tangents, self.sequences)?;
        let kinds = rop_kinds(self.body.outputs(), &of, &stand_ins)?;
        self.answers(parts, kinds, self.stacked)
    }

    fn infer_shape(&self, _node: &NodeView<'_>, input_shapes: &[Shape]) -> Result<Vec<Shape>> {
        let shape = |(k, output): (usize, &Variable)| {
            let inner = output.ty().extents().iter().map(|length| length.map_or(Dim::UNKNOWN, Dim::from));
            let leading = (k < self.stacked).then(|| input_shapes[0][0].clone());
            leading.into_iter().chain(inner).collect()
        };
        Ok(self.body.outputs().iter().enumerate().map(shape).collect())
    }

    fn state(&self) -> Option<Box<dyn OpState>> {
        Some(Box::<GraphState>::default())
    }
}

/// One element of a sequence, as a view; zeros for an empty sequence.
fn element(sequence: &Tensor, at: usize) -> Option<Tensor> {
    let (shape, strides) = (sequence.shape(), sequence.strides());
    match shape {
        [] => None,
        [0, rest @ ..] => Some(Tensor::zeros(sequence.dtype(), rest)),
        _ if sequence.is_empty() => Some(Tensor::zeros(sequence.dtype(), &shape[1..])),
        _ => sequence.relaid(at * strides[0], Extents::from(&shape[1..]), Extents::from(&strides[1..])),
    }
}

fn stack<T: Element>(made: &Strided<T>, out: &mut Tensor, at: usize, length: usize) -> Result<(), OpFailure> {
    if at == 0 {
        let shape: Extents = [length].iter().chain(made.shape()).copied().collect();
        crate::tensor::check_size(&shape)?;
        out.reset::<T>(&shape);
    }
    let shape_fits = T::of(out).is_some_and(|stacked| stacked.shape().get(1..) == Some(made.shape()));
    let buffer = T::of_mut(out).filter(|_| shape_fits).map(Strided::buffer_mut);
    let rule = || OpFailure::Shapes("the steps give results of different shapes".to_owned());
    let size = made.len();
    let chunk = match buffer.ok_or_else(rule)? {
        _ if length == 0 => return Ok(()),
        buffer => &mut buffer[at * size..][..size],
    };
    match made.as_slice() {
        Some(made) => chunk.copy_from_slice(made),
        None => chunk.iter_mut().zip(made.view().iter()).for_each(|(to, from)| *to = *from),
    }
    Ok(())
}

/// Sums are of derivatives, and so of floats.
fn add_up(made: &Tensor, out: &mut Tensor, at: usize, length: usize) -> Result<(), OpFailure> {
    fn add<T: Element + std::ops::AddAssign>(
        made: &Strided<T>,
        out: &mut Tensor,
        at: usize,
        length: usize,
    ) -> Result<(), OpFailure> {
        if at == 0 {
            out.reset::<T>(made.shape()).fill(T::default());
        }
        let same_shape = out.shape() == made.shape();
        let sum = T::of_mut(out).filter(|_| same_shape).map(Strided::buffer_mut);
        let sum = sum.ok_or_else(|| OpFailure::Shapes("the steps give results of different shapes".to_owned()))?;
        if length > 0 {
            sum.iter_mut().zip(made.view().iter()).for_each(|(sum, term)| *sum += *term);
        }
        Ok(())
    }
    match made {
        Tensor::F64(array) => add(array, out, at, length),
        Tensor::F32(array) => add(array, out, at, length),
        _ => Err(OpFailure::Domain("only floats are summed over the steps")),
    }
}
