//! Counts of several categories: a binomial draw for each, of the trials that the ones before it leave.

use std::borrow::Cow;

use kronograph_graph::{
    BuildError, Dim, Entry, Grad, Grads, Io, NodeSpec, NodeView, Op, OpFailure, OpResult, Operand, Prop, Result,
    Sample, Shape, Tangents, Variable, Why, apply, origin, shape_of,
};

use super::binomial::binomial;
use super::discrete::trials;
use super::each::drawn_type;
use super::error::Range;
use super::next::next_state;
use super::rows::for_each_row;
use super::size::Size;
use super::streams::{a_state, discrete, drawing, words_of};
use super::words::Words;
use crate::dtype::DType;
use crate::elemwise::{cast, floats};
use crate::layout::{broadcast_to, expand_dims};
use crate::samples::{given, narrowed, shaped};
use crate::tensor::{Tensor, TensorType, shape_text, tensor_type};

const NAME: &str = "random_multinomial";

/// Counts of categories. Inputs: the state, the numbers of trials (.., 1) (i64), the probabilities (.., k) (f64).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct MultinomialDraw;

/// The next state and how often each category occurs in `n` trials, with the probabilities along the last axis of `p`:
/// (..) and (.., k) → (.., k), i64.
///
/// The leading axes broadcast, and are the end of a size.
///
/// # Errors
///
/// When `n` is no integer, `p` a scalar, or they do not fit the size; at run time, when `n` is negative, a probability
/// not from 0 to 1, or a row does not sum to one ([`RandomError`](super::RandomError)).
#[track_caller]
pub fn multinomial<'a>(
    rng: &Variable,
    n: impl Into<Operand<'a>>,
    p: impl Into<Operand<'a>>,
    size: impl Into<Size>,
) -> Result<(Variable, Variable)> {
    let _scope = origin::here();
    let ([p], n) = (floats(NAME, [p.into()])?, trials(NAME, n.into())?);
    let shape = shape_of(&p);
    let Some(categories) = shape.last().cloned() else {
        return Err(BuildError::inputs(NAME, &[p], "an axis of probabilities is needed"));
    };
    let column = expand_dims(&n, &[n.ty().extents().len()])?;
    let size = size.into();
    let mut dims = match size.with_last(categories) {
        Some(size) => size.dims(NAME, &[column.clone(), p.clone()])?,
        None => Size::from(None).dims(NAME, &[column.clone(), p.clone()])?,
    };
    let p = broadcast_to(&p, dims.clone())?;
    if let Some(last) = dims.last_mut() {
        *last = Dim::from(1);
    }
    let draw = apply(MultinomialDraw, &[rng.clone(), broadcast_to(&column, dims)?, cast(&p, DType::F64)?])?;
    Ok((next_state(rng)?, draw))
}

/// The counts of one row, whose probabilities are those of these elements and have this sum.
pub(super) fn count(words: &Words, element: impl Fn(usize) -> u64, n: i64, p: &[f64], sum: f64, out: &mut [i64]) {
    let (mut trials, mut remaining) = (n, sum);
    let last = p.iter().rposition(|p_k| *p_k > 0.0);
    for (k, (out, &p_k)) in out.iter_mut().zip(p).enumerate() {
        *out = match Some(k) == last {
            true => trials,
            false => binomial(words, element(k), trials, (p_k / remaining).clamp(0.0, 1.0)),
        };
        trials -= *out;
        remaining -= p_k;
    }
}

impl Op for MultinomialDraw {
    fn name(&self) -> Cow<'static, str> {
        "random_multinomial".into()
    }

    fn make_node(&self, inputs: &[Variable]) -> Result<NodeSpec> {
        let [_, n, p] = inputs else { return Err(BuildError::arity(NAME, 3, inputs)) };
        drawn_type(NAME, &inputs[..2])?;
        let (of_n, of_p) = (tensor_type(NAME, n)?, tensor_type(NAME, p)?);
        let fits = of_n.rank() == of_p.rank() && of_n.lengths().last() == Some(&Some(1));
        if !fits || of_n.dtype() != DType::I64 || of_p.dtype() != DType::F64 {
            return Err(BuildError::inputs(NAME, &inputs[1..], "i64 (.., 1) and f64 (.., k) are needed"));
        }
        Ok(NodeSpec::one(TensorType::shared(DType::I64, of_p.lengths())))
    }

    fn perform(&self, io: &mut Io<'_>) -> OpResult {
        let words = words_of(io)?;
        let (Tensor::I64(n), Tensor::F64(p)) = (io.inputs.get::<Tensor>(1)?, io.inputs.get::<Tensor>(2)?) else {
            return Err(OpFailure::WrongValue(1).into());
        };
        let length = p.shape().last().copied().ok_or(OpFailure::WrongValue(2))?;
        if n.shape().split_last().map(|(_, own)| own) != p.shape().split_last().map(|(_, own)| own) {
            let (n, p) = (shape_text(n.shape()), shape_text(p.shape()));
            return Err(OpFailure::Shapes(format!("trials of shape {n} do not fit probabilities of shape {p}")).into());
        }
        let out = io.outputs[0].buffer::<Tensor>().reset::<i64>(p.shape());
        let trials = n.view();
        let mut trials = trials.iter();
        for_each_row("multinomial", p, |row, p, sum| {
            let trials = trials.next().copied().unwrap_or(0);
            Range::NotNegative.check(("multinomial", "n"), row, trials as f64)?;
            let from = row * length;
            count(&words, |k| (from + k) as u64, trials, p, sum, &mut out[from..from + length]);
            Ok(())
        })?;
        Ok(())
    }

    fn l_op(&self, _node: &NodeView<'_>, _output_grads: &[Option<Variable>]) -> Result<Grads> {
        let undefined = Grad::Undefined { why: Why::Random };
        Ok(vec![Grad::Disconnected, undefined.clone(), undefined])
    }

    fn r_op(&self, _node: &NodeView<'_>, _tangents: &[Option<Variable>]) -> Result<Tangents> {
        Ok(vec![Grad::Undefined { why: Why::Random }])
    }

    fn infer_shape(&self, _node: &NodeView<'_>, input_shapes: &[Shape]) -> Result<Vec<Shape>> {
        Ok(vec![input_shapes[2].clone()])
    }

    fn connection_pattern(&self, _output: usize, input: usize) -> bool {
        input > 0
    }
}

/// The entry of this file.
pub(super) fn entries() -> Vec<Entry> {
    vec![discrete(drawing(NAME, |rng, [n, p], size| multinomial(rng, n, p, size), samples), MultinomialDraw)]
}

fn samples() -> Vec<Sample> {
    let rows = || shaped(&[2, 3], vec![0.2, 0.3, 0.5, 0.0, 1.0, 0.0]);
    vec![
        Sample::new("rows", [a_state(), given(vec![4i64, 100]), given(rows())]),
        Sample::new("one number of trials", [a_state(), given(50i64), given(rows())]),
        Sample::new("one row", [a_state(), given(vec![0i64, 4, 5000]), given(vec![0.25, 0.75])]),
        Sample::new("one category", [a_state(), given(3i64), given(vec![1.0])]),
        Sample::new("no rows", [a_state(), given(3i64), given(shaped::<f64>(&[0, 3], vec![]))]),
        Sample::new("a size", [a_state(), given(9i64), given(rows())]).with("size", Prop::Ints(vec![4, 2])),
        Sample::new("f32", [a_state(), given(9i64), narrowed(&rows())]).single(),
    ]
}
