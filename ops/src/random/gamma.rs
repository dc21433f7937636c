//! The gamma distribution, and the derivative of its draws in the shape.

use std::borrow::Cow;
use std::sync::Arc;

use kronograph_graph::{
    BuildError, Entry, Grad, Grads, Io, NodeSpec, NodeView, Op, OpResult, Operand, Params, Prop, Props, Result, Sample,
    Shape, Tangents, Variable, apply, origin,
};

use super::check::checked;
use super::each::{draw_each, drawn_type};
use super::error::Range;
use super::next::next_state;
use super::size::Size;
use super::slope::log_gamma_slope;
use super::streams::{a_state, drawing, outputs, size_param, state_and, words_of};
use super::words::{Words, exponential, normal, open_unit};
use crate::dtype::DType;
use crate::elemwise::{cast, floats, gt, log, mul, switch};
use crate::samples::{broadcasting, dense, given, spread_over};
use crate::special::log1p_less;
use crate::tensor::{TensorType, tensor_type};

/// What of a draw is wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Form {
    /// The number.
    Plain,
    /// Its logarithm, which does not underflow where the shape is small.
    Log,
}

/// Gamma draws of scale 1. Inputs: the state, the shape parameters (f64).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct StandardGamma {
    form: Form,
    /// Which of several numbers of an element.
    stream: u64,
}

/// The next state and numbers of the gamma distribution of scale 1, f64.
///
/// Marsaglia and Tsang's rejection (2000); for shapes below 1 the draw of `shape + 1` times a power of a uniform
/// number, in logarithms. The derivative in the shape is that of the distribution, `-(∂P/∂a) / (∂P/∂x)` (implicit
/// reparametrisation: Figurnov, Mohamed and Mnih, 2018), so it is the mean of it that means something, not the slope of
/// one draw at fixed random words, which a rejection makes jump.
///
/// # Errors
///
/// When the parameter is no dense tensor or does not fit the size; at run time, when it is not finite and positive
/// ([`RandomError`](super::RandomError)).
#[track_caller]
pub fn standard_gamma<'a>(
    rng: &Variable,
    shape: impl Into<Operand<'a>>,
    size: impl Into<Size>,
) -> Result<(Variable, Variable)> {
    let _scope = origin::here();
    let [shape] = size.into().spread("random_standard_gamma", floats("random_standard_gamma", [shape.into()])?)?;
    let dtype = tensor_type("random_standard_gamma", &shape)?.dtype();
    let draw = gamma_of(Form::Plain, 0, rng, &cast(&shape, DType::F64)?)?;
    Ok((next_state(rng)?, cast(&draw, dtype)?))
}

/// The next state and numbers of the gamma distribution of mean `shape scale`.
///
/// The parameters broadcast; f64, or f32 if both are. For the derivative in the shape see [`standard_gamma`].
///
/// # Errors
///
/// When a parameter is no dense tensor or does not fit the size; at run time, when one is not finite, `shape` not
/// positive, or `scale` negative ([`RandomError`](super::RandomError)).
#[track_caller]
pub fn gamma<'a>(
    rng: &Variable,
    shape: impl Into<Operand<'a>>,
    scale: impl Into<Operand<'a>>,
    size: impl Into<Size>,
) -> Result<(Variable, Variable)> {
    let _scope = origin::here();
    let parameters = floats("random_gamma", [shape.into(), scale.into()])?;
    let dims = size.into().dims("random_gamma", &parameters)?;
    let (next, draw) = standard_gamma(rng, &parameters[0], dims)?;
    Ok((next, mul(&checked("gamma", "scale", Range::NotNegative, &parameters[1])?, &draw)?))
}

/// Draws for shapes of f64.
pub(super) fn gamma_of(form: Form, stream: u64, rng: &Variable, shape: &Variable) -> Result<Variable> {
    apply(StandardGamma { form, stream }, &[rng.clone(), shape.clone()])
}

/// A gamma draw: what it is made of.
pub(super) struct GammaDraw {
    /// A draw of the shape, or of one more.
    value: f64,
    /// What must be added to its logarithm.
    log_rest: Option<f64>,
}

impl GammaDraw {
    /// The draw of an element, for a shape in its range.
    pub(super) fn of(words: &Words, element: u64, shape: f64) -> Self {
        let boost = shape < 1.0;
        let d = if boost { shape + 1.0 } else { shape } - 1.0 / 3.0;
        let c = 1.0 / (9.0 * d).sqrt();
        let mut attempt = 0;
        loop {
            let [proposal, acceptance, power, _] = words.block(element, attempt);
            attempt += 1;
            let z = normal(proposal);
            let w = c * z;
            if w <= -1.0 {
                continue;
            }
            let (u, square) = (open_unit(acceptance), z * z);
            // `ln v + 1 - v` for v = (1 + w)³, without cancellation where the shape is large.
            let exponent = |w: f64| 0.5 * square + d * (3.0 * log1p_less(w) - (3.0 + w) * w * w);
            if u < 1.0 - 0.0331 * square * square || libm::log(u) < exponent(w) {
                let log_rest = boost.then(|| -exponential(power) / shape);
                return Self { value: d * (1.0 + w) * (1.0 + w) * (1.0 + w), log_rest };
            }
        }
    }

    pub(super) fn plain(&self) -> f64 {
        self.log_rest.map_or(self.value, |_| libm::exp(self.log()))
    }

    pub(super) fn log(&self) -> f64 {
        libm::log(self.value) + self.log_rest.unwrap_or(0.0)
    }
}

impl StandardGamma {
    /// `∂y/∂shape`.
    fn slope(&self, node: &NodeView<'_>) -> Result<Variable> {
        let (shape, y) = (node.input(1), node.output(0));
        match self.form {
            Form::Log => log_gamma_slope(shape, y),
            // A draw that underflows has the slope zero.
            Form::Plain => {
                let kept = switch(&gt(y, 0.0)?, y, f64::MIN_POSITIVE)?;
                mul(y, &log_gamma_slope(shape, &log(&kept)?)?)
            }
        }
    }
}

impl Op for StandardGamma {
    fn name(&self) -> Cow<'static, str> {
        "random_standard_gamma".into()
    }

    fn props(&self) -> Props {
        let form = match self.form {
            Form::Plain => "plain",
            Form::Log => "log",
        };
        Props::default().with("form", form).with("stream", self.stream as i64)
    }

    fn make_node(&self, inputs: &[Variable]) -> Result<NodeSpec> {
        let [_, shape] = inputs else { return Err(BuildError::arity("random_standard_gamma", 2, inputs)) };
        let lengths = drawn_type("random_standard_gamma", inputs)?;
        if tensor_type("random_standard_gamma", shape)?.dtype() != DType::F64 {
            return Err(BuildError::inputs("random_standard_gamma", &inputs[1..], "f64 is needed"));
        }
        Ok(NodeSpec::one(TensorType::shared(DType::F64, &lengths)))
    }

    fn perform(&self, io: &mut Io<'_>) -> OpResult {
        let words = words_of(io)?.of_stream(self.stream);
        let form = self.form;
        Ok(draw_each(io, |shape: f64, at| {
            let shape = Range::Positive.check(("gamma", "shape"), at, shape)?;
            let draw = GammaDraw::of(&words, at as u64, shape);
            Ok(if form == Form::Log { draw.log() } else { draw.plain() })
        })??)
    }

    /// The draw moves with the distribution: `∂y/∂shape = -(∂P/∂shape) / p`.
    fn l_op(&self, node: &NodeView<'_>, output_grads: &[Option<Variable>]) -> Result<Grads> {
        let Some(g) = &output_grads[0] else { return Ok(vec![Grad::Disconnected, Grad::Zero]) };
        Ok(vec![Grad::Disconnected, mul(g, &self.slope(node)?)?.into()])
    }

    fn r_op(&self, node: &NodeView<'_>, tangents: &[Option<Variable>]) -> Result<Tangents> {
        let Some(t) = &tangents[1] else { return Ok(vec![Grad::Zero]) };
        Ok(vec![mul(t, &self.slope(node)?)?.into()])
    }

    fn infer_shape(&self, _node: &NodeView<'_>, input_shapes: &[Shape]) -> Result<Vec<Shape>> {
        Ok(vec![input_shapes[1].clone()])
    }

    fn connection_pattern(&self, _output: usize, input: usize) -> bool {
        input == 1
    }
}

/// The entries of this file.
pub(super) fn entries() -> Vec<Entry> {
    let read = |params: &Params<'_>| {
        let form = match params.maybe_word("form")? {
            None | Some("plain") => Form::Plain,
            Some("log") => Form::Log,
            Some(other) => return Err(params.wrong_word("form", "plain or log", other)),
        };
        Ok(StandardGamma { form, stream: params.maybe_int("stream")?.unwrap_or(0) as u64 })
    };
    let build = move |params: &Params<'_>, inputs: &[Variable]| {
        let (rng, rest) = state_and(params, inputs, 1)?;
        match read(params)? {
            StandardGamma { form: Form::Plain, stream: 0 } => {
                standard_gamma(rng, &rest[0], size_param(params, &rest[1..])?).map(outputs)
            }
            op => Ok(vec![next_state(rng)?, apply(op, inputs)?]),
        }
    };
    let standard = Entry::function("random_standard_gamma", "random", build, shapes).parsed_by(move |params| {
        let op: kronograph_graph::OpRef = Arc::new(read(params)?);
        Ok(op)
    });
    let scaled = drawing("random_gamma", |rng, [shape, scale], size| gamma(rng, shape, scale, size), pairs);
    vec![standard.moving_with_its_distribution(), scaled.moving_with_its_distribution()]
}

fn shapes() -> Vec<Sample> {
    let of = |shape: &[usize], range| [a_state(), dense(shape, range, 1)];
    let logs = |sample: Sample| sample.with("form", "log").with("stream", 1i64);
    vec![
        Sample::new("interior", of(&[2, 3], (0.3, 4.0))),
        Sample::new("none", of(&[0], (0.3, 4.0))),
        Sample::new("a scalar and a size", of(&[], (1.5, 2.0))).with("size", Prop::Ints(vec![5])),
        Sample::new("small", [a_state(), given(vec![1e-8, 1e-3, 0.02])]),
        Sample::new("large", [a_state(), given(vec![30.0, 400.0])]),
        Sample::new("very large", [a_state(), given(vec![1e9, 1e15])]),
        Sample::new("f32", [a_state(), given(vec![0.5f32, 2.0])]).single(),
        logs(Sample::new("logarithms", of(&[3], (0.3, 4.0)))),
        logs(Sample::new("logarithms of small ones", [a_state(), given(vec![1e-8, 1e-3, 0.02])])),
    ]
}

fn pairs() -> Vec<Sample> {
    let column = broadcasting(spread_over(&[3, 1], (0.5, 3.0), 1), &[1]);
    let scale = |shape: &[usize]| dense(shape, (0.5, 2.0), 2);
    vec![
        Sample::new("interior", [a_state(), dense(&[3], (0.5, 3.0), 1), scale(&[3])]),
        Sample::new("a column and a vector", [a_state(), column, scale(&[2])]),
        Sample::new("a size", [a_state(), given(0.7), scale(&[2])]).with("size", Prop::Ints(vec![3, 2])),
        Sample::new("f32", [a_state(), given(vec![0.5f32, 2.0]), given(2f32)]).single(),
    ]
}
