//! The standard distributions: one word for each number, by inversion.
//!
//! Four elements share a block of the generator, by their position in row-major order.

use std::borrow::Cow;
use std::sync::Arc;

use kronograph_graph::{
    BuildError, Entry, Grad, Grads, Io, NodeSpec, NodeView, Op, OpFailure, OpResult, Params, Prop, Props, Result,
    Sample, Shape, Tangents, Variable, Why, apply, origin,
};
use smallvec::SmallVec;

use super::next::next_state;
use super::size::Size;
use super::streams::{a_state, outputs, rng_of, size_param, state_and, words_of};
use super::words::{Words, exponential, normal, unit, unit_in_single};
use crate::dtype::DType;
use crate::layout::{ExtentSpec, Lowered, check_scalars, lengths_at_run_time, lower};
use crate::params::dtype_of;
use crate::samples::given;
use crate::tensor::{Element, Extents, Tensor, TensorType, check_size};

/// A distribution without parameters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Standard {
    Uniform,
    Normal,
    Exponential,
}

/// Numbers of a standard distribution. Inputs: the state, then the lengths that are not known when the op is made.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct StandardDraw {
    kind: Standard,
    dtype: DType,
    size: SmallVec<[ExtentSpec; 4]>,
}

/// The next state and numbers of the uniform distribution on [0, 1), of f64 or f32.
///
/// # Errors
///
/// When `rng` is no random state, the dtype no float, or a length unknown; at run time, when a length is negative or
/// the draw too large.
#[track_caller]
pub fn standard_uniform(rng: &Variable, dtype: DType, size: impl Into<Size>) -> Result<(Variable, Variable)> {
    drawn(Standard::Uniform, rng, dtype, size.into())
}

/// The next state and numbers of the standard normal distribution, of f64 or f32. Each is the inverse of the
/// distribution function at 64 random bits, so it is one smooth function of one uniform number.
///
/// # Errors
///
/// As [`standard_uniform`].
#[track_caller]
pub fn standard_normal(rng: &Variable, dtype: DType, size: impl Into<Size>) -> Result<(Variable, Variable)> {
    drawn(Standard::Normal, rng, dtype, size.into())
}

/// The next state and numbers of the exponential distribution of mean 1, of f64 or f32, by inversion.
///
/// # Errors
///
/// As [`standard_uniform`].
#[track_caller]
pub fn standard_exponential(rng: &Variable, dtype: DType, size: impl Into<Size>) -> Result<(Variable, Variable)> {
    drawn(Standard::Exponential, rng, dtype, size.into())
}

#[track_caller]
fn drawn(kind: Standard, rng: &Variable, dtype: DType, size: Size) -> Result<(Variable, Variable)> {
    let _scope = origin::here();
    let Lowered { spec, inputs } = lower(&size.dims(kind.name(), &[])?)?;
    let draw = apply(StandardDraw { kind, dtype, size: spec }, &[std::slice::from_ref(rng), &inputs].concat())?;
    Ok((next_state(rng)?, draw))
}

impl Standard {
    fn name(self) -> &'static str {
        match self {
            Self::Uniform => "random_standard_uniform",
            Self::Normal => "random_standard_normal",
            Self::Exponential => "random_standard_exponential",
        }
    }

    fn fill_f64(self, words: &Words, out: &mut [f64]) {
        match self {
            Self::Uniform => fill(words, out, unit),
            Self::Normal => fill(words, out, normal),
            Self::Exponential => fill(words, out, exponential),
        }
    }

    fn fill_f32(self, words: &Words, out: &mut [f32]) {
        match self {
            Self::Uniform => fill(words, out, |word| unit_in_single(word) as f32),
            Self::Normal => fill(words, out, |word| normal(word) as f32),
            Self::Exponential => fill(words, out, |word| exponential(word) as f32),
        }
    }
}

fn fill<T: Element>(words: &Words, out: &mut [T], number: impl Fn(u64) -> T) {
    for (block, chunk) in out.chunks_mut(4).enumerate() {
        let words = words.block(block as u64, 0);
        chunk.iter_mut().zip(words).for_each(|(x, word)| *x = number(word));
    }
}

impl Op for StandardDraw {
    fn name(&self) -> Cow<'static, str> {
        self.kind.name().into()
    }

    fn props(&self) -> Props {
        Props::default().with("dtype", self.dtype.to_string()).with("size", ExtentSpec::prop(&self.size))
    }

    fn make_node(&self, inputs: &[Variable]) -> Result<NodeSpec> {
        let (name, scalars) = (self.kind.name(), ExtentSpec::inputs(&self.size));
        if inputs.len() != scalars + 1 {
            return Err(BuildError::arity(name, scalars + 1, inputs));
        }
        rng_of(name, &inputs[0])?;
        check_scalars(name, inputs, 1)?;
        if !self.dtype.is_float() {
            return Err(BuildError::parameter(name, format!("there are no draws of {}", self.dtype)));
        }
        if self.size.contains(&ExtentSpec::Infer) {
            return Err(BuildError::parameter(name, "every length of the size must be given"));
        }
        let lengths: Vec<Option<usize>> = self.size.iter().map(|spec| spec.known()).collect();
        Ok(NodeSpec::one(TensorType::shared(self.dtype, &lengths)))
    }

    fn perform(&self, io: &mut Io<'_>) -> OpResult {
        let words = words_of(io)?;
        let shape: Option<Extents> = lengths_at_run_time(&self.size, io, 1)?.into_iter().collect();
        let shape = shape.ok_or(OpFailure::WrongValue(0))?;
        check_size(&shape)?;
        let out = io.outputs[0].buffer::<Tensor>();
        match self.dtype {
            DType::F32 => self.kind.fill_f32(&words, out.reset(&shape)),
            _ => self.kind.fill_f64(&words, out.reset(&shape)),
        }
        Ok(())
    }

    fn l_op(&self, node: &NodeView<'_>, _output_grads: &[Option<Variable>]) -> Result<Grads> {
        Ok(vec![Grad::Disconnected; node.inputs().len()])
    }

    fn r_op(&self, _node: &NodeView<'_>, _tangents: &[Option<Variable>]) -> Result<Tangents> {
        Ok(vec![Grad::Disconnected])
    }

    fn infer_shape(&self, node: &NodeView<'_>, _input_shapes: &[Shape]) -> Result<Vec<Shape>> {
        Ok(vec![ExtentSpec::dims(&self.size, &node.inputs()[1..])])
    }

    fn connection_pattern(&self, _output: usize, _input: usize) -> bool {
        false
    }
}

/// The entries of this file.
pub(super) fn entries() -> Vec<Entry> {
    [Standard::Uniform, Standard::Normal, Standard::Exponential].map(entry).into()
}

fn entry(kind: Standard) -> Entry {
    let dtype = |params: &Params<'_>| Ok::<_, BuildError>(dtype_of(params, "dtype")?.unwrap_or(DType::F64));
    let build = move |params: &Params<'_>, inputs: &[Variable]| {
        let (rng, scalars) = state_and(params, inputs, 0)?;
        let size = match params.get("size") {
            None => Vec::<usize>::new().into(),
            Some(_) => size_param(params, scalars)?,
        };
        drawn(kind, rng, dtype(params)?, size).map(outputs)
    };
    let entry = Entry::function(kind.name(), "random", build, samples).without_derivative(Why::Random);
    entry.parsed_by(move |params| {
        let size = ExtentSpec::parse(params, "size")?;
        Ok(Arc::new(StandardDraw { kind, dtype: dtype(params)?, size }))
    })
}

fn samples() -> Vec<Sample> {
    let of = |name, size: &[i64]| Sample::new(name, [a_state()]).with("size", Prop::Ints(size.to_vec()));
    vec![
        of("a matrix", &[3, 5]),
        of("one", &[1]),
        of("a scalar", &[]),
        of("none", &[0, 2]),
        of("f32", &[7]).with("dtype", "float32").single(),
        Sample::new("symbolic", [a_state(), given(3i64)])
            .with("size", Prop::list(vec![Prop::from("input"), Prop::Int(2)])),
    ]
}
