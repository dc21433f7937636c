//! Cumulative sums and products along an axis, from either end.
//!
//! The derivative of a product is a linear recurrence, so nothing is divided, and zeros need no care.

use std::borrow::Cow;
use std::sync::Arc;

use kronograph_graph::{
    BuildError, Dim, Entry, Grad, Grads, Io, NodeSpec, NodeView, Op, OpResult, Params, Prop, Props, Result, Sample,
    Shape, Tangents, Variable, apply, origin, shape_of,
};

use super::fold::{Slices, Term, Wide};
use super::recurrence::{Weights, recurrence};
use crate::construct::full;
use crate::elemwise::{cast, mul};
use crate::index::{Index, index_axis};
use crate::join::concatenate;
use crate::layout::ravel;
use crate::params::{axis_of, only};
use crate::samples::{dense, given};
use crate::tensor::{Strided, Tensor, TensorType, checked_rank, each_dtype, row_major, tensor_type};

/// Where something that runs along an axis begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum End {
    First,
    Last,
}

/// What is accumulated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Fold {
    Sum,
    Product,
}

/// Sums or products of each element and those before it along an axis, or of those behind it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Cumulative {
    fold: Fold,
    axis: usize,
    from: End,
}

/// `y[i] = x[0] + .. + x[i]` along an axis; without one, of the elements in row-major order.
///
/// The dtype stays, with wrap-around; truth values are counted in i64. f32 is accumulated in f64.
///
/// # Errors
///
/// When there is no such axis.
#[track_caller]
pub fn cumsum(x: &Variable, axis: impl Into<Option<usize>>) -> Result<Variable> {
    accumulate(Fold::Sum, x, axis.into())
}

/// `y[i] = x[0] ⋯ x[i]` along an axis; without one, of the elements in row-major order.
///
/// The dtype stays, with wrap-around; truth values are counted in i64. f32 is accumulated in f64. Its derivatives are
/// right at zeros, too.
///
/// # Errors
///
/// When there is no such axis.
#[track_caller]
pub fn cumprod(x: &Variable, axis: impl Into<Option<usize>>) -> Result<Variable> {
    accumulate(Fold::Product, x, axis.into())
}

#[track_caller]
fn accumulate(fold: Fold, x: &Variable, axis: Option<usize>) -> Result<Variable> {
    let _scope = origin::here();
    match axis {
        Some(axis) => apply(Cumulative { fold, axis, from: End::First }, std::slice::from_ref(x)),
        None => apply(Cumulative { fold, axis: 0, from: End::First }, &[ravel(x)?]),
    }
}

/// Cumulative products from either end.
pub(super) fn cumulative_products(x: &Variable, axis: usize, from: End) -> Result<Variable> {
    apply(Cumulative { fold: Fold::Product, axis, from }, std::slice::from_ref(x))
}

/// `x` moved by one along an axis, away from an end, where `fill` comes in.
pub(super) fn shifted(x: &Variable, axis: usize, from: End, fill: f64) -> Result<Variable> {
    let mut shape = shape_of(x);
    shape[axis] = Dim::from(1);
    let fill = full(fill, tensor_type("shift", x)?.dtype(), shape)?;
    let (joined, kept) = match from {
        End::First => ([fill, x.clone()], Index::slice(None, -1, 1)),
        End::Last => ([x.clone(), fill], Index::slice(1, None, 1)),
    };
    index_axis(&concatenate(&joined, axis)?, axis, kept)
}

impl End {
    pub(super) fn other(self) -> Self {
        match self {
            End::First => End::Last,
            End::Last => End::First,
        }
    }

    /// The positions along an axis, from this end.
    pub(super) fn positions(self, length: usize) -> impl Iterator<Item = usize> {
        (0..length).map(move |k| if self == End::First { k } else { length - 1 - k })
    }

    pub(super) fn word(self) -> &'static str {
        match self {
            End::First => "first",
            End::Last => "last",
        }
    }

    /// The end that the parameter `from` names; the first where it is absent.
    pub(super) fn parse(params: &Params<'_>) -> Result<Self> {
        match params.maybe_word("from")? {
            None | Some("first") => Ok(End::First),
            Some("last") => Ok(End::Last),
            Some(other) => Err(params.wrong_word("from", "`first` or `last`", other)),
        }
    }
}

impl Cumulative {
    /// What each element is multiplied with for the sake of those before it.
    fn before(&self, node: &NodeView<'_>, like: &Variable) -> Result<(Variable, Variable)> {
        let dtype = tensor_type("cumprod", like)?.dtype();
        let y = cast(node.output(0), dtype)?;
        Ok((cast(node.input(0), dtype)?, shifted(&y, self.axis, self.from, 1.0)?))
    }
}

pub(super) fn entries() -> Vec<Entry> {
    let entry = |name: &'static str, fold: Fold| {
        let build = move |params: &Params<'_>, inputs: &[Variable]| {
            let x = only(params, inputs)?;
            let axis = params.maybe_int("axis")?.map(|axis| axis_of(name, x, axis)).transpose()?;
            match (End::parse(params)?, axis) {
                (End::First, axis) => Ok(vec![accumulate(fold, x, axis)?]),
                (from, Some(axis)) => Ok(vec![apply(Cumulative { fold, axis, from }, inputs)?]),
                (_, None) => Err(params.wrong("axis", "given to begin at the last element", &Prop::None)),
            }
        };
        Entry::function(name, "reductions", build, samples).parsed_by(move |params| {
            Ok(Arc::new(Cumulative { fold, axis: params.size("axis")?, from: End::parse(params)? }))
        })
    };
    vec![entry("cumsum", Fold::Sum), entry("cumprod", Fold::Product)]
}

fn samples() -> Vec<Sample> {
    let x = || [dense(&[2, 3, 2], (-2.0, 2.0), 1)];
    vec![
        Sample::new("of all", x()).with("axis", Prop::None),
        Sample::new("an axis", x()).with("axis", 0i64),
        Sample::new("the last axis", x()).with("axis", -1i64),
        Sample::new("from behind", x()).with("axis", 1i64).with("from", "last"),
        Sample::new("a scalar", [dense(&[], (-2.0, 2.0), 1)]),
        Sample::new("one element", [dense(&[1], (-2.0, 2.0), 1)]).with("axis", 0i64),
        Sample::new("nothing", [dense(&[3, 0], (-2.0, 2.0), 1)]).with("axis", 1i64),
        Sample::new("no results", [dense(&[0, 3], (-2.0, 2.0), 1)]).with("axis", 1i64),
        Sample::new("a zero", [given(vec![2.0, 0.0, 3.0, 4.0])]),
        Sample::new("zeros, from behind", [given(vec![2.0, 0.0, 3.0, 0.0])]).with("axis", 0i64).with("from", "last"),
        Sample::new("f32", [given(vec![0.5f32, -1.5, 2.0])]).single(),
        Sample::new("integers", [given(vec![3i64, -2, 5])]).edge(),
        Sample::new("small integers", [given(vec![100i8, 100, 3])]).edge(),
        Sample::new("truth values", [given(vec![true, false, true])]).edge(),
    ]
}

impl Op for Cumulative {
    fn name(&self) -> Cow<'static, str> {
        match self.fold {
            Fold::Sum => "cumsum",
            Fold::Product => "cumprod",
        }
        .into()
    }

    fn props(&self) -> Props {
        Props::default().with("axis", self.axis).with("from", self.from.word())
    }

    fn make_node(&self, inputs: &[Variable]) -> Result<NodeSpec> {
        let [x] = inputs else { return Err(BuildError::arity(self.name(), 1, inputs)) };
        checked_rank(&self.name(), x, &[self.axis])?;
        let ty = tensor_type(&self.name(), x)?;
        let dtype = if ty.dtype() == crate::DType::Bool { crate::DType::I64 } else { ty.dtype() };
        Ok(NodeSpec::one(TensorType::shared(dtype, ty.lengths())).with_inputs([cast(x, dtype)?]))
    }

    fn perform(&self, io: &mut Io<'_>) -> OpResult {
        fn scan<T: Term>(op: &Cumulative, x: &Strided<T>, out: &mut Tensor) {
            match op.fold {
                Fold::Sum => run(op, x, out, T::Wide::ZERO, T::Wide::plus),
                Fold::Product => run(op, x, out, T::Wide::ONE, T::Wide::times),
            }
        }
        let x = io.inputs.get::<Tensor>(0)?;
        let out = io.outputs[0].buffer::<Tensor>();
        each_dtype!(x, array => scan(self, array, out));
        Ok(())
    }

    /// Of a sum: the cotangent summed from the other end. Of a product: `x̄ᵢ = y₋ᵢ λᵢ` with `y₋` the products before
    /// each element and `λᵢ = gᵢ + xᵢ₊₁ λᵢ₊₁`.
    fn l_op(&self, node: &NodeView<'_>, output_grads: &[Option<Variable>]) -> Result<Grads> {
        let Some(g) = &output_grads[0] else { return Ok(vec![Grad::Zero]) };
        if self.fold == Fold::Sum {
            let back = Cumulative { from: self.from.other(), ..*self };
            return Ok(vec![apply(back, std::slice::from_ref(g))?.into()]);
        }
        let (x, before) = self.before(node, g)?;
        let carried = recurrence(&x, g, self.axis, self.from.other(), Weights::OfThePrevious)?;
        Ok(vec![mul(&before, &carried)?.into()])
    }

    /// Of a product: `ẏᵢ = xᵢ ẏᵢ₋₁ + ẋᵢ yᵢ₋₁`.
    fn r_op(&self, node: &NodeView<'_>, tangents: &[Option<Variable>]) -> Result<Tangents> {
        let Some(tangent) = &tangents[0] else { return Ok(vec![Grad::Zero]) };
        if self.fold == Fold::Sum {
            return node.linear_tangent(0, tangents);
        }
        let (x, before) = self.before(node, tangent)?;
        Ok(vec![recurrence(&x, &mul(tangent, &before)?, self.axis, self.from, Weights::Own)?.into()])
    }

    fn infer_shape(&self, _node: &NodeView<'_>, input_shapes: &[Shape]) -> Result<Vec<Shape>> {
        Ok(input_shapes.to_vec())
    }
}

fn run<T: Term>(
    op: &Cumulative,
    x: &Strided<T>,
    out: &mut Tensor,
    start: T::Wide,
    step: impl Fn(T::Wide, T::Wide) -> T::Wide,
) {
    out.reset::<T>(x.shape());
    let Some(out) = T::of_mut(out) else { return };
    let strides = row_major(x.shape());
    let slices = Slices::along(&[op.axis], x.shape(), [x.strides(), &strides]);
    let out = out.buffer_mut();
    slices.for_each(|offsets| {
        slices.inside(offsets, |[from, to], [step_x, step_out], length| {
            let mut total = start;
            for k in op.from.positions(length) {
                total = step(total, x.storage()[from + k * step_x].widen());
                out[to + k * step_out] = T::narrow(total);
            }
        });
    });
}
