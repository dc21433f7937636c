//! Linear recurrences along an axis: what cumulative products are differentiated with.
//!
//! The adjoint of a recurrence is one that runs the other way, with each weight moved to the next position; so there
//! are derivatives of every order.

use std::borrow::Cow;
use std::sync::Arc;

use kronograph_graph::{
    BuildError, Entry, Grad, Grads, Io, NodeSpec, NodeView, Op, OpFailure, OpResult, Params, Prop, Props, Result,
    Sample, Shape, Tangents, Variable, apply, origin, sum_of,
};

use super::cumulative::{End, shifted};
use super::fold::{Slices, Term};
use crate::elemwise::{cast, mul};
use crate::params::{axis_of, exactly};
use crate::samples::{dense, given};
use crate::tensor::{Tensor, TensorType, row_major, shape_text, tensor_type};

/// Which weight the previous result is multiplied with.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Weights {
    /// That at the place of the new result.
    Own,
    /// That at the place of the previous result.
    OfThePrevious,
}

/// `y = b + a · (the previous y)` along an axis. Inputs: a, b, of one shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct LinearRecurrence {
    axis: usize,
    from: End,
    weights: Weights,
}

/// `y[i] = b[i] + a[i] y[i - 1]` along an axis, from `y[0] = b[0]`; `a[0]` has no influence.
///
/// ```
/// use kronograph_ops::{linear_recurrence, vector};
/// let (a, b) = (vector("a"), vector("b"));
/// assert_eq!(linear_recurrence(&a, &b, 0)?.ty().to_string(), "f64 (?,)");
/// # Ok::<(), kronograph_graph::BuildError>(())
/// ```
///
/// # Errors
///
/// When there is no such axis, or a and b differ in shape. Integers are converted to floats.
#[track_caller]
pub fn linear_recurrence(a: &Variable, b: &Variable, axis: usize) -> Result<Variable> {
    recurrence(a, b, axis, End::First, Weights::Own)
}

#[track_caller]
pub(super) fn recurrence(a: &Variable, b: &Variable, axis: usize, from: End, weights: Weights) -> Result<Variable> {
    let _scope = origin::here();
    apply(LinearRecurrence { axis, from, weights }, &[a.clone(), b.clone()])
}

impl LinearRecurrence {
    fn adjoint(&self) -> Self {
        let weights = match self.weights {
            Weights::Own => Weights::OfThePrevious,
            Weights::OfThePrevious => Weights::Own,
        };
        Self { axis: self.axis, from: self.from.other(), weights }
    }

    fn parse(params: &Params<'_>, axis: usize) -> Result<Self> {
        let weights = match params.maybe_word("weights")? {
            None | Some("own") => Weights::Own,
            Some("previous") => Weights::OfThePrevious,
            Some(other) => {
                let other = Prop::Word(other.to_owned().into());
                return Err(params.wrong("weights", "`own` or `previous`", &other));
            }
        };
        Ok(Self { axis, from: End::parse(params)?, weights })
    }
}

pub(super) fn entries() -> Vec<Entry> {
    let build = |params: &Params<'_>, inputs: &[Variable]| {
        let [a, _] = exactly::<2>(params, inputs)?;
        let axis = axis_of("linear_recurrence", a, params.maybe_int("axis")?.unwrap_or(0))?;
        Ok(vec![apply(LinearRecurrence::parse(params, axis)?, inputs)?])
    };
    let samples = || {
        let pair = |shape: &'static [usize]| [dense(shape, (-2.0, 2.0), 1), dense(shape, (-2.0, 2.0), 2)];
        let directions = [("first", "own"), ("first", "previous"), ("last", "own"), ("last", "previous")];
        let mut samples: Vec<Sample> = directions
            .into_iter()
            .map(|(from, weights)| {
                Sample::new(format!("from the {from}, {weights} weights"), pair(&[2, 3, 2]))
                    .with("axis", 1i64)
                    .with("from", from)
                    .with("weights", weights)
            })
            .collect();
        samples.push(Sample::new("the last axis", pair(&[2, 4])).with("axis", -1i64));
        samples.push(Sample::new("one element", pair(&[1])));
        samples.push(Sample::new("nothing", pair(&[2, 0])).with("axis", 1i64));
        samples.push(Sample::new("f32", [given(vec![0.5f32, -1.5, 2.0]), given(vec![1.0f32, 0.5, 2.0])]).single());
        samples
    };
    vec![
        Entry::function("linear_recurrence", "reductions", build, samples)
            .parsed_by(|params| Ok(Arc::new(LinearRecurrence::parse(params, params.size("axis")?)?))),
    ]
}

impl Op for LinearRecurrence {
    fn name(&self) -> Cow<'static, str> {
        "linear_recurrence".into()
    }

    fn props(&self) -> Props {
        let weights = match self.weights {
            Weights::Own => "own",
            Weights::OfThePrevious => "previous",
        };
        Props::default().with("axis", self.axis).with("from", self.from.word()).with("weights", weights)
    }

    fn make_node(&self, inputs: &[Variable]) -> Result<NodeSpec> {
        let [a, b] = inputs else { return Err(BuildError::arity("linear_recurrence", 2, inputs)) };
        let (of_a, of_b) = (tensor_type("linear_recurrence", a)?, tensor_type("linear_recurrence", b)?);
        let clash = |(a, b): (&Option<usize>, &Option<usize>)| matches!((a, b), (Some(a), Some(b)) if a != b);
        if of_a.rank() != of_b.rank() || of_a.lengths().iter().zip(of_b.lengths()).any(clash) {
            return Err(BuildError::inputs("linear_recurrence", inputs, "both must have one shape"));
        }
        if self.axis >= of_a.rank() {
            return Err(BuildError::inputs("linear_recurrence", inputs, format!("there is no axis {}", self.axis)));
        }
        let dtype = of_a.dtype().promote(of_b.dtype()).to_float();
        let lengths: Vec<_> = of_a.lengths().iter().zip(of_b.lengths()).map(|(a, b)| a.or(*b)).collect();
        Ok(NodeSpec::one(TensorType::shared(dtype, &lengths)).with_inputs([cast(a, dtype)?, cast(b, dtype)?]))
    }

    fn perform(&self, io: &mut Io<'_>) -> OpResult {
        fn run<T: Term<Wide = f64>>(op: &LinearRecurrence, io: &mut Io<'_>) -> OpResult {
            let (a, b) = (io.inputs.get::<Tensor>(0)?, io.inputs.get::<Tensor>(1)?);
            let a = T::of(a).ok_or(OpFailure::WrongValue(0))?;
            let b = T::of(b).ok_or(OpFailure::WrongValue(1))?;
            if a.shape() != b.shape() {
                let (a, b) = (shape_text(a.shape()), shape_text(b.shape()));
                return Err(OpFailure::Shapes(format!("the weights have shape {a}, the terms {b}")).into());
            }
            let strides = row_major(a.shape());
            let slices = Slices::along(&[op.axis], a.shape(), [a.strides(), b.strides(), &strides]);
            let out = io.outputs[0].buffer::<Tensor>().reset::<T>(a.shape());
            slices.for_each(|offsets| {
                slices.inside(offsets, |[from_a, from_b, to], [step_a, step_b, step], length| {
                    let (mut y, mut previous) = (0.0, None);
                    for k in op.from.positions(length) {
                        let b = b.storage()[from_b + k * step_b].widen();
                        let at = if op.weights == Weights::Own { Some(k) } else { previous };
                        let weight = |at: usize| a.storage()[from_a + at * step_a].widen();
                        y = if previous.is_none() { b } else { b + at.map_or(0.0, weight) * y };
                        out[to + k * step] = T::narrow(y);
                        previous = Some(k);
                    }
                });
            });
            Ok(())
        }
        match io.inputs.get::<Tensor>(0)? {
            Tensor::F64(_) => run::<f64>(self, io),
            Tensor::F32(_) => run::<f32>(self, io),
            _ => Err(OpFailure::WrongValue(0).into()),
        }
    }

    /// `b̄ = λ`, where the adjoint recurrence makes λ of the cotangent; `ā` is λ times the result that its weight met.
    fn l_op(&self, node: &NodeView<'_>, output_grads: &[Option<Variable>]) -> Result<Grads> {
        let Some(g) = &output_grads[0] else { return Ok(vec![Grad::Zero, Grad::Zero]) };
        let (a, y) = (node.input(0), node.output(0));
        let carried = apply(self.adjoint(), &[a.clone(), g.clone()])?;
        let met = match self.weights {
            Weights::Own => mul(&carried, &shifted(y, self.axis, self.from, 0.0)?)?,
            Weights::OfThePrevious => mul(&shifted(&carried, self.axis, self.from.other(), 0.0)?, y)?,
        };
        Ok(vec![met.into(), carried.into()])
    }

    /// The same recurrence of `ḃ` and of `ȧ` times the result that it meets.
    fn r_op(&self, node: &NodeView<'_>, tangents: &[Option<Variable>]) -> Result<Tangents> {
        let y = node.output(0);
        let met = |a: &Variable| match self.weights {
            Weights::Own => mul(a, &shifted(y, self.axis, self.from, 0.0)?),
            Weights::OfThePrevious => shifted(&mul(a, y)?, self.axis, self.from, 0.0),
        };
        let moved = tangents[0].as_ref().map(met).transpose()?;
        let Some(moved) = sum_of(&[moved, tangents[1].clone()])? else { return Ok(vec![Grad::Zero]) };
        Ok(vec![apply(*self, &[node.input(0).clone(), moved])?.into()])
    }

    fn infer_shape(&self, _node: &NodeView<'_>, input_shapes: &[Shape]) -> Result<Vec<Shape>> {
        Ok(vec![input_shapes[1].clone()])
    }
}
