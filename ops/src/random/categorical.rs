//! Draws of one of several categories, by rows of probabilities.

use std::borrow::Cow;

use kronograph_graph::{
    BuildError, Entry, Grad, Grads, Io, NodeSpec, NodeView, Op, OpFailure, OpResult, Operand, Prop, Result, Sample,
    Shape, Tangents, Variable, Why, apply, origin,
};

use super::next::next_state;
use super::rows::{for_each_row, rows_of};
use super::size::Size;
use super::streams::{a_state, discrete, drawing, rng_of, words_of};
use super::words::unit;
use crate::dtype::DType;
use crate::elemwise::{cast, floats};
use crate::samples::{broadcasting, given, narrowed, shaped};
use crate::tensor::{Tensor, TensorType, tensor_type};

const NAME: &str = "random_categorical";

/// Categories. Inputs: the state, the probabilities along the last axis (f64).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct CategoricalDraw;

/// The next state and categories from 0 on, with the probabilities along the last axis of `p`: (.., k) → (..), i64.
///
/// A size has the leading axes of `p` at its end.
///
/// ```
/// use kronograph_graph::{Function, FunctionGraph};
/// use kronograph_ops::random::{RngState, categorical, rng_constant};
/// use kronograph_ops::{Tensor, constant};
///
/// let p = constant(Tensor::vector(vec![0.0, 1.0, 0.0]));
/// let (_next, draw) = categorical(&rng_constant(RngState::new(1)), &p, [4])?;
/// let mut f = Function::plan(FunctionGraph::new(&[], &[draw])?)?;
/// assert_eq!(f.call(&[])?.get::<Tensor>(0)?.to_vec::<i64>()?, [1, 1, 1, 1]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// When `p` is a scalar or does not fit the size; at run time, when a probability is not from 0 to 1 or a row does not
/// sum to one ([`RandomError`](super::RandomError)).
#[track_caller]
pub fn categorical<'a>(
    rng: &Variable,
    p: impl Into<Operand<'a>>,
    size: impl Into<Size>,
) -> Result<(Variable, Variable)> {
    let _scope = origin::here();
    let [p] = floats(NAME, [p.into()])?;
    let p = rows_of(NAME, &p, size.into())?;
    let draw = apply(CategoricalDraw, &[rng.clone(), cast(&p, DType::F64)?])?;
    Ok((next_state(rng)?, draw))
}

/// The category at which the probabilities sum to more than u of their sum.
fn category(p: &[f64], u: f64) -> i64 {
    let mut left = u;
    let mut last = 0;
    for (k, &p_k) in p.iter().enumerate().filter(|(_, p_k)| **p_k > 0.0) {
        last = k;
        if left < p_k {
            break;
        }
        left -= p_k;
    }
    last as i64
}

impl Op for CategoricalDraw {
    fn name(&self) -> Cow<'static, str> {
        "random_categorical".into()
    }

    fn make_node(&self, inputs: &[Variable]) -> Result<NodeSpec> {
        let [rng, p] = inputs else { return Err(BuildError::arity(NAME, 2, inputs)) };
        rng_of(NAME, rng)?;
        let ty = tensor_type(NAME, p)?;
        match ty.lengths().split_last() {
            Some((_, leading)) if ty.dtype() == DType::F64 => {
                Ok(NodeSpec::one(TensorType::shared(DType::I64, leading)))
            }
            _ => Err(BuildError::inputs(NAME, &inputs[1..], "f64 with an axis of probabilities is needed")),
        }
    }

    fn perform(&self, io: &mut Io<'_>) -> OpResult {
        let words = words_of(io)?;
        let Tensor::F64(array) = io.inputs.get::<Tensor>(1)? else { return Err(OpFailure::WrongValue(1).into()) };
        let leading = array.shape().split_last().ok_or(OpFailure::WrongValue(1))?.1;
        let out = io.outputs[0].buffer::<Tensor>().reset::<i64>(leading);
        for_each_row("categorical", array, |row, p, sum| {
            out[row] = category(p, unit(words.first(row as u64)) * sum);
            Ok(())
        })?;
        Ok(())
    }

    fn l_op(&self, _node: &NodeView<'_>, _output_grads: &[Option<Variable>]) -> Result<Grads> {
        Ok(vec![Grad::Disconnected, Grad::Undefined { why: Why::Random }])
    }

    fn r_op(&self, _node: &NodeView<'_>, _tangents: &[Option<Variable>]) -> Result<Tangents> {
        Ok(vec![Grad::Undefined { why: Why::Random }])
    }

    fn infer_shape(&self, _node: &NodeView<'_>, input_shapes: &[Shape]) -> Result<Vec<Shape>> {
        let p = &input_shapes[1];
        Ok(vec![p.iter().take(p.len().saturating_sub(1)).cloned().collect()])
    }

    fn connection_pattern(&self, _output: usize, input: usize) -> bool {
        input == 1
    }
}

/// The entry of this file.
pub(super) fn entries() -> Vec<Entry> {
    vec![discrete(drawing(NAME, |rng, [p], size| categorical(rng, p, size), samples), CategoricalDraw)]
}

/// Samples of probabilities.
pub(super) fn samples() -> Vec<Sample> {
    let rows = || shaped(&[2, 3], vec![0.2, 0.3, 0.5, 0.0, 1.0, 0.0]);
    let one = || broadcasting(shaped(&[1, 3], vec![0.2, 0.3, 0.5]), &[0]);
    vec![
        Sample::new("rows", [a_state(), given(rows())]),
        Sample::new("one row", [a_state(), given(vec![0.25, 0.75])]),
        Sample::new("one category", [a_state(), given(vec![1.0])]),
        Sample::new("no rows", [a_state(), given(shaped::<f64>(&[0, 3], vec![]))]),
        Sample::new("a size", [a_state(), given(rows())]).with("size", Prop::Ints(vec![4, 2])),
        Sample::new("a row and a size", [a_state(), one()]).with("size", Prop::Ints(vec![4])),
        Sample::new("a symbolic size", [a_state(), given(vec![0.25, 0.75]), given(3i64)]).with("size", "input"),
        Sample::new("f32", [a_state(), narrowed(&rows())]).single(),
    ]
}
