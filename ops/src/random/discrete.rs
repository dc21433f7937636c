//! Counts, one for each element of their parameters. They have no derivatives.

use std::borrow::Cow;

use kronograph_graph::{
    BuildError, Entry, Grad, Grads, Io, NodeSpec, NodeView, Op, OpResult, Operand, Prop, Result, Sample, Shape,
    Tangents, Variable, Why, apply, origin,
};

use super::binomial::binomial as binomial_of;
use super::each::{Drawn, draw_each, draw_pairs, drawn_type};
use super::error::{RandomError, Range};
use super::gamma::GammaDraw;
use super::next::next_state;
use super::poisson::poisson as poisson_of;
use super::size::Size;
use super::streams::{a_state, discrete, drawing, words_of};
use super::words::{Words, unit};
use crate::dtype::DType;
use crate::elemwise::{cast, floats};
use crate::samples::{broadcasting, dense, given, shaped};
use crate::tensor::{TensorType, literal_constant, tensor_type};

/// A distribution of counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Counts {
    Bernoulli,
    Poisson,
    Binomial,
    NegativeBinomial,
}

/// Counts of a distribution. Inputs: the state, then its parameters, of one shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct DiscreteDraw {
    kind: Counts,
}

/// The next state and numbers that are 1 with probability `p`, else 0; i64.
///
/// # Errors
///
/// When the parameter is no dense tensor or does not fit the size; at run time, when it is not from 0 to 1
/// ([`RandomError`]).
#[track_caller]
pub fn bernoulli<'a>(rng: &Variable, p: impl Into<Operand<'a>>, size: impl Into<Size>) -> Result<(Variable, Variable)> {
    let _scope = origin::here();
    let kind = Counts::Bernoulli;
    kind.draw(rng, floats(kind.name(), [p.into()])?, size.into())
}

/// The next state and counts of the Poisson distribution of mean `lam`; i64.
///
/// By inversion below 10, from there on by Hörmann's transformed rejection (PTRS, 1993), which is exact and takes as
/// long for all means.
///
/// # Errors
///
/// When the parameter is no dense tensor or does not fit the size; at run time, when it is negative, NaN or above
/// 9.2e18 ([`RandomError`]).
#[track_caller]
pub fn poisson<'a>(rng: &Variable, lam: impl Into<Operand<'a>>, size: impl Into<Size>) -> Result<(Variable, Variable)> {
    let _scope = origin::here();
    let kind = Counts::Poisson;
    kind.draw(rng, floats(kind.name(), [lam.into()])?, size.into())
}

/// The next state and how many of `n` trials succeed, with probability `p` each; i64.
///
/// By inversion where the rarer outcome has a mean below 10, else by Hörmann's transformed rejection (BTRS, 1993).
/// Beyond 2⁵³ trials, n is rounded to a float.
///
/// # Errors
///
/// When a parameter is no dense tensor or does not fit the size, or `n` no integer; at run time, when `n` is negative
/// or `p` not from 0 to 1 ([`RandomError`]).
#[track_caller]
pub fn binomial<'a>(
    rng: &Variable,
    n: impl Into<Operand<'a>>,
    p: impl Into<Operand<'a>>,
    size: impl Into<Size>,
) -> Result<(Variable, Variable)> {
    let _scope = origin::here();
    let kind = Counts::Binomial;
    let [p] = floats(kind.name(), [p.into()])?;
    kind.draw(rng, [trials(kind.name(), n.into())?, p], size.into())
}

/// The next state and how many trials fail before `n` succeed, with probability `p` each; i64. `n` need not be whole.
///
/// A Poisson draw whose mean is a gamma draw of shape `n` and scale `(1 - p) / p`.
///
/// # Errors
///
/// When a parameter is no dense tensor or does not fit the size; at run time, when `n` is not positive, `p` not above 0
/// and up to 1, or the mean drawn above 9.2e18 ([`RandomError`]).
#[track_caller]
pub fn negative_binomial<'a>(
    rng: &Variable,
    n: impl Into<Operand<'a>>,
    p: impl Into<Operand<'a>>,
    size: impl Into<Size>,
) -> Result<(Variable, Variable)> {
    let _scope = origin::here();
    let kind = Counts::NegativeBinomial;
    kind.draw(rng, floats(kind.name(), [n.into(), p.into()])?, size.into())
}

/// A number of trials, as i64.
#[track_caller]
pub(super) fn trials(op: &'static str, n: Operand<'_>) -> Result<Variable> {
    let n = match n {
        Operand::Float(_) | Operand::Bool(_) => literal_constant(n, DType::F64),
        Operand::Int(_) | Operand::Variable(_) => literal_constant(n, DType::I64),
    };
    match tensor_type(op, &n)?.dtype() {
        DType::F32 | DType::F64 | DType::Bool => {
            Err(BuildError::inputs(op, &[n], "the number of trials must be an integer"))
        }
        DType::U8 | DType::I8 | DType::I32 | DType::I64 => cast(&n, DType::I64),
    }
}

impl Counts {
    fn name(self) -> &'static str {
        match self {
            Self::Bernoulli => "random_bernoulli",
            Self::Poisson => "random_poisson",
            Self::Binomial => "random_binomial",
            Self::NegativeBinomial => "random_negative_binomial",
        }
    }

    /// The dtypes of the parameters.
    fn dtypes(self) -> &'static [DType] {
        match self {
            Self::Bernoulli | Self::Poisson => &[DType::F64],
            Self::Binomial => &[DType::I64, DType::F64],
            Self::NegativeBinomial => &[DType::F64, DType::F64],
        }
    }

    fn draw<const N: usize>(
        self,
        rng: &Variable,
        parameters: [Variable; N],
        size: Size,
    ) -> Result<(Variable, Variable)> {
        let mut inputs = vec![rng.clone()];
        for (parameter, dtype) in size.spread(self.name(), parameters)?.iter().zip(self.dtypes()) {
            inputs.push(cast(parameter, *dtype)?);
        }
        let draw = apply(DiscreteDraw { kind: self }, &inputs)?;
        Ok((next_state(rng)?, draw))
    }

    fn perform(self, io: &mut Io<'_>, words: &Words) -> Drawn {
        match self {
            Self::Bernoulli => draw_each(io, |p: f64, at| {
                let p = Range::Probability.check(("bernoulli", "p"), at, p)?;
                Ok(i64::from(unit(words.first(at as u64)) < p))
            }),
            Self::Poisson => draw_each(io, |lam: f64, at| {
                let lam = Range::Mean.check(("poisson", "lam"), at, lam)?;
                Ok(poisson_of(words, at as u64, lam))
            }),
            Self::Binomial => draw_pairs(io, |n: i64, p: f64, at| {
                Range::NotNegative.check(("binomial", "n"), at, n as f64)?;
                let p = Range::Probability.check(("binomial", "p"), at, p)?;
                Ok(binomial_of(words, at as u64, n, p))
            }),
            Self::NegativeBinomial => draw_pairs(io, |n, p, at| mixed(words, at, n, p)),
        }
    }
}

/// A negative binomial count.
fn mixed(words: &Words, at: usize, n: f64, p: f64) -> Result<i64, RandomError> {
    const NAME: &str = "negative_binomial";
    let n = Range::Positive.check((NAME, "n"), at, n)?;
    let p = Range::PositiveProbability.check((NAME, "p"), at, p)?;
    if p == 1.0 {
        return Ok(0);
    }
    let mean = GammaDraw::of(words, at as u64, n).plain() * ((1.0 - p) / p);
    let mean = Range::Mean.check((NAME, "mean drawn from n and p"), at, mean)?;
    Ok(poisson_of(&words.of_stream(1), at as u64, mean))
}

impl Op for DiscreteDraw {
    fn name(&self) -> Cow<'static, str> {
        self.kind.name().into()
    }

    fn make_node(&self, inputs: &[Variable]) -> Result<NodeSpec> {
        let (name, dtypes) = (self.kind.name(), self.kind.dtypes());
        if inputs.len() != dtypes.len() + 1 {
            return Err(BuildError::arity(name, dtypes.len() + 1, inputs));
        }
        let lengths = drawn_type(name, inputs)?;
        for (input, dtype) in inputs[1..].iter().zip(dtypes) {
            if tensor_type(name, input)?.dtype() != *dtype {
                return Err(BuildError::inputs(name, std::slice::from_ref(input), format!("{dtype} is needed")));
            }
        }
        Ok(NodeSpec::one(TensorType::shared(DType::I64, &lengths)))
    }

    fn perform(&self, io: &mut Io<'_>) -> OpResult {
        let words = words_of(io)?;
        Ok(self.kind.perform(io, &words)??)
    }

    fn l_op(&self, node: &NodeView<'_>, _output_grads: &[Option<Variable>]) -> Result<Grads> {
        let mut grads = vec![Grad::Undefined { why: Why::Random }; node.inputs().len()];
        grads[0] = Grad::Disconnected;
        Ok(grads)
    }

    fn r_op(&self, _node: &NodeView<'_>, _tangents: &[Option<Variable>]) -> Result<Tangents> {
        Ok(vec![Grad::Undefined { why: Why::Random }])
    }

    fn infer_shape(&self, _node: &NodeView<'_>, input_shapes: &[Shape]) -> Result<Vec<Shape>> {
        Ok(vec![input_shapes[1].clone()])
    }

    fn connection_pattern(&self, _output: usize, input: usize) -> bool {
        input > 0
    }
}

/// The entries of this file.
pub(super) fn entries() -> Vec<Entry> {
    let op = |kind| DiscreteDraw { kind };
    let of = Counts::name;
    vec![
        discrete(
            drawing(of(Counts::Bernoulli), |rng, [p], size| bernoulli(rng, p, size), || one(&[0.0, 0.3, 0.9, 1.0])),
            op(Counts::Bernoulli),
        ),
        discrete(
            drawing(
                of(Counts::Poisson),
                |rng, [lam], size| poisson(rng, lam, size),
                || one(&[0.0, 0.5, 8.0, 60.0, 1e12]),
            ),
            op(Counts::Poisson),
        ),
        discrete(
            drawing(of(Counts::Binomial), |rng, [n, p], size| binomial(rng, n, p, size), number_and_probability),
            op(Counts::Binomial),
        ),
        discrete(
            drawing(
                of(Counts::NegativeBinomial),
                |rng, [n, p], size| negative_binomial(rng, n, p, size),
                || two(&[0.5, 3.0, 80.0], &[0.9, 0.5, 0.01]),
            ),
            op(Counts::NegativeBinomial),
        ),
    ]
}

/// Samples of one parameter.
fn one(values: &[f64]) -> Vec<Sample> {
    vec![
        Sample::new("several", [a_state(), given(values.to_vec())]),
        Sample::new("a matrix", [a_state(), dense(&[2, 3], (0.1, 0.9), 1)]),
        Sample::new("one", [a_state(), given(vec![values[1]])]),
        Sample::new("none", [a_state(), dense(&[0, 2], (0.1, 0.9), 1)]),
        Sample::new("a scalar and a size", [a_state(), given(values[1])]).with("size", Prop::Ints(vec![2, 3])),
        Sample::new("a symbolic size", [a_state(), given(values[1]), given(3i64)]).with("size", "input"),
        Sample::new("f32", [a_state(), given(vec![0.25f32, 0.5])]).single(),
    ]
}

/// Samples of two parameters.
fn two(first: &[f64], second: &[f64]) -> Vec<Sample> {
    let column = || broadcasting(shaped(&[first.len(), 1], first.to_vec()), &[1]);
    vec![
        Sample::new("several", [a_state(), given(first.to_vec()), given(second.to_vec())]),
        Sample::new("a column and a vector", [a_state(), column(), given(second.to_vec())]),
        Sample::new("none", [a_state(), dense(&[0], (0.1, 0.9), 1), dense(&[0], (0.1, 0.9), 1)]),
        Sample::new("a size", [a_state(), given(first[0]), given(second[0])]).with("size", Prop::Ints(vec![4])),
        Sample::new("f32", [a_state(), given(vec![2f32, 3.0]), given(0.25f32)]).single(),
    ]
}

fn number_and_probability() -> Vec<Sample> {
    let column = broadcasting(shaped(&[2, 1], vec![8i64, 300]), &[1]);
    let several = [given(vec![0i64, 5, 40, 1_000_000]), given(vec![0.5, 0.9, 0.4, 1e-6])];
    vec![
        Sample::new("several", [a_state()].into_iter().chain(several)),
        Sample::new("a column and a vector", [a_state(), column, given(vec![0.1, 0.5, 1.0])]),
        Sample::new("none", [a_state(), given(Vec::<i64>::new()), dense(&[0], (0.1, 0.9), 1)]),
        Sample::new("a size", [a_state(), given(12i64), given(0.0)]).with("size", Prop::Ints(vec![4])),
        Sample::new("other dtypes", [a_state(), given(vec![2i32, 3]), given(0.25f32)]).single(),
    ]
}
