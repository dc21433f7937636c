//! The beta distribution, of two gamma draws.

use std::borrow::Cow;
use std::sync::Arc;

use kronograph_graph::{
    BuildError, Entry, Grad, Grads, Io, NodeSpec, NodeView, Op, OpRef, OpResult, Operand, Result, Sample, Shape,
    Tangents, Variable, apply, origin, sum_of,
};

use super::each::{draw_pairs, drawn_type};
use super::error::Range;
use super::gamma::{Form, GammaDraw, gamma_of};
use super::next::next_state;
use super::size::Size;
use super::slope::log_gamma_slope;
use super::streams::{a_state, drawing, words_of};
use crate::dtype::DType;
use crate::elemwise::{cast, floats, mul, sech_sqr};
use crate::samples::{broadcasting, dense, given, spread_over};
use crate::tensor::{TensorType, tensor_type};

/// Beta draws. Inputs: the state, both parameters (f64, of one shape).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct BetaDraw;

const NAME: &str = "random_beta";

/// The next state and numbers of the beta distribution: `x / (x + y)` of gamma draws with shapes `a` and `b`, from
/// their logarithms, so that nothing underflows.
///
/// The parameters broadcast; f64, or f32 if both are. The derivatives are those of the two gamma draws; see
/// [`standard_gamma`](super::standard_gamma).
///
/// # Errors
///
/// When a parameter is no dense tensor or does not fit the size; at run time, when one is not finite and positive
/// ([`RandomError`](super::RandomError)).
#[track_caller]
pub fn beta<'a>(
    rng: &Variable,
    a: impl Into<Operand<'a>>,
    b: impl Into<Operand<'a>>,
    size: impl Into<Size>,
) -> Result<(Variable, Variable)> {
    let _scope = origin::here();
    let [a, b] = size.into().spread(NAME, floats(NAME, [a.into(), b.into()])?)?;
    let dtype = tensor_type(NAME, &a)?.dtype();
    let draw = apply(BetaDraw, &[rng.clone(), cast(&a, DType::F64)?, cast(&b, DType::F64)?])?;
    Ok((next_state(rng)?, cast(&draw, dtype)?))
}

/// `∂y/∂a` and `∂y/∂b`: y is the logistic function of the difference of two logarithms of gamma draws.
fn slopes(node: &NodeView<'_>) -> Result<[Variable; 2]> {
    let (rng, a, b) = (node.input(0), node.input(1), node.input(2));
    let (x, y) = (gamma_of(Form::Log, 0, rng, a)?, gamma_of(Form::Log, 1, rng, b)?);
    let slope = 0.25 * sech_sqr(&(0.5 * (&x - &y)))?;
    Ok([mul(&slope, &log_gamma_slope(a, &x)?)?, -mul(&slope, &log_gamma_slope(b, &y)?)?])
}

impl Op for BetaDraw {
    fn name(&self) -> Cow<'static, str> {
        "random_beta".into()
    }

    fn make_node(&self, inputs: &[Variable]) -> Result<NodeSpec> {
        let [_, a, b] = inputs else { return Err(BuildError::arity(NAME, 3, inputs)) };
        let lengths = drawn_type(NAME, inputs)?;
        if [a, b].iter().any(|x| x.type_as::<TensorType>().is_none_or(|ty| ty.dtype() != DType::F64)) {
            return Err(BuildError::inputs(NAME, &inputs[1..], "f64 is needed"));
        }
        Ok(NodeSpec::one(TensorType::shared(DType::F64, &lengths)))
    }

    fn perform(&self, io: &mut Io<'_>) -> OpResult {
        let words = words_of(io)?;
        Ok(draw_pairs(io, |a: f64, b: f64, at| {
            let a = Range::Positive.check(("beta", "a"), at, a)?;
            let b = Range::Positive.check(("beta", "b"), at, b)?;
            let x = GammaDraw::of(&words, at as u64, a).log();
            let y = GammaDraw::of(&words.of_stream(1), at as u64, b).log();
            Ok(1.0 / (1.0 + libm::exp(y - x)))
        })??)
    }

    fn l_op(&self, node: &NodeView<'_>, output_grads: &[Option<Variable>]) -> Result<Grads> {
        let Some(g) = &output_grads[0] else { return Ok(vec![Grad::Disconnected, Grad::Zero, Grad::Zero]) };
        let [by_a, by_b] = slopes(node)?;
        Ok(vec![Grad::Disconnected, mul(g, &by_a)?.into(), mul(g, &by_b)?.into()])
    }

    fn r_op(&self, node: &NodeView<'_>, tangents: &[Option<Variable>]) -> Result<Tangents> {
        let moved = tangents[1..].iter().zip(slopes(node)?).map(|(t, slope)| {
            let term = t.as_ref().map(|t| mul(t, &slope));
            term.transpose()
        });
        Ok(vec![sum_of(&moved.collect::<Result<Vec<_>>>()?)?.into()])
    }

    fn infer_shape(&self, _node: &NodeView<'_>, input_shapes: &[Shape]) -> Result<Vec<Shape>> {
        Ok(vec![input_shapes[1].clone()])
    }

    fn connection_pattern(&self, _output: usize, input: usize) -> bool {
        input > 0
    }
}

/// The entry of this file.
pub(super) fn entries() -> Vec<Entry> {
    let entry = drawing(NAME, |rng, [a, b], size| beta(rng, a, b, size), samples);
    let parse = |_: &kronograph_graph::Params<'_>| {
        let op: OpRef = Arc::new(BetaDraw);
        Ok(op)
    };
    vec![entry.parsed_by(parse).moving_with_its_distribution()]
}

fn samples() -> Vec<Sample> {
    let of = |shape: &[usize]| [a_state(), dense(shape, (0.5, 3.0), 1), dense(shape, (0.5, 3.0), 2)];
    let column = broadcasting(spread_over(&[3, 1], (0.5, 3.0), 1), &[1]);
    vec![
        Sample::new("interior", of(&[4])),
        Sample::new("none", of(&[0])),
        Sample::new("a column and a vector", [a_state(), column, dense(&[2], (0.5, 3.0), 2)]),
        Sample::new("small", [a_state(), given(vec![1e-3, 0.01]), given(vec![2e-3, 0.02])]),
        Sample::new("f32", [a_state(), given(vec![0.5f32, 2.0]), given(2f32)]).single(),
    ]
}
