//! Writing to part of a tensor named by integers and slices: adding, the adjoint of taking it, and replacing.

use std::borrow::Cow;
use std::sync::Arc;

use kronograph_graph::{
    BuildError, Entry, Grad, Grads, Io, NodeSpec, NodeView, Op, OpFailure, OpResult, Params, Prop, Props, Result,
    Sample, Shape, Tangents, Variable, apply, shape_of,
};

use super::axis::{Axes, check_inputs, index_props, parse_index};
use super::part::{Part, Reading, static_part};
use super::subtensor::{Subtensor, parts, symbolic_parts};
use crate::broadcasting::{reduce_like, spread};
use crate::construct::full;
use crate::dtype::DType;
use crate::elemwise::{cast, cast_value};
use crate::kernels::runs::for_each_run;
use crate::layout::pad_left;
use crate::params::some;
use crate::samples::{broadcasting, dense, given, spread_over};
use crate::tensor::{Element, Strided, Tensor, constant, each_dtype, row_major, shape_text, tensor_type};

/// What is done to the part that is written to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Write {
    Add,
    Set,
}

/// A tensor with something added to a part of it, or put in its place. Inputs: x, y, then the positions that are not
/// known when the op is made.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct IncSubtensor {
    pub(crate) axes: Axes,
    pub(crate) write: Write,
}

/// Addition that wraps where a dtype has an end; for truth values, which nothing is added to, it is "or".
pub(super) trait Plus {
    fn plus(self, other: Self) -> Self;
}

macro_rules! plus {
    ($($t:ty => |$a:ident, $b:ident| $sum:expr;)+) => { $(
        impl Plus for $t {
            #[inline(always)]
            fn plus(self, other: Self) -> Self {
                let ($a, $b) = (self, other);
                $sum
            }
        }
    )+ };
}

plus! {
    bool => |a, b| a | b;
    u8 => |a, b| a.wrapping_add(b);
    i8 => |a, b| a.wrapping_add(b);
    i32 => |a, b| a.wrapping_add(b);
    i64 => |a, b| a.wrapping_add(b);
    f32 => |a, b| a + b;
    f64 => |a, b| a + b;
}

/// What is written: of the dtype of `x`, with the rank of the part, and broadcasting to it as far as is known.
pub(super) fn fit(op: &'static str, write: Write, [x, y]: [&Variable; 2], part: &[Option<usize>]) -> Result<Variable> {
    let both = || [x.clone(), y.clone()];
    let (dtype, ty) = (tensor_type(op, x)?.dtype(), tensor_type(op, y)?);
    if (dtype == DType::Bool && write == Write::Add) || !ty.dtype().fits_in(dtype) {
        let rule = "the second must convert to the dtype of the first without loss, and be something that is added";
        return Err(BuildError::inputs(op, &both(), rule));
    }
    let refused = || BuildError::inputs(op, &both(), "the second must broadcast to the part of the first");
    if ty.rank() > part.len() {
        return Err(refused());
    }
    let y = pad_left(y, part.len())?;
    let mut axes = y.ty().extents().iter().zip(part);
    if !axes.all(|(own, part)| own.is_none() || part.is_none() || own == part || *own == Some(1)) {
        return Err(refused());
    }
    cast(&y, dtype)
}

/// The steps of what is written over the part: zero along the axes in which it broadcasts.
pub(super) fn steps_over(
    part: &[usize],
    y: &Tensor,
    declared: &[Option<usize>],
) -> Result<crate::tensor::Extents, OpFailure> {
    let repeats = |axis: usize| y.shape()[axis] == 1 && declared.get(axis) == Some(&Some(1));
    if y.shape().len() != part.len() || !(0..part.len()).all(|axis| y.shape()[axis] == part[axis] || repeats(axis)) {
        let (a, b) = (shape_text(part), shape_text(y.shape()));
        return Err(OpFailure::Shapes(format!("the part has shape {a}, what is written to it has {b}")));
    }
    Ok(spread(y, part))
}

/// The names of the two ops.
pub(super) fn name_of(write: Write) -> &'static str {
    match write {
        Write::Add => "inc_subtensor",
        Write::Set => "set_subtensor",
    }
}

/// The tangent of a write: the same write of the tangents.
pub(super) fn pushed<O: Op + Clone>(
    op: &O,
    write: Write,
    node: &NodeView<'_>,
    tangents: &[Option<Variable>],
) -> Result<Tangents> {
    let terms = match (write, &tangents[0], &tangents[1]) {
        (Write::Add, Some(x), None) => return Ok(vec![x.clone().into()]),
        _ => moved(node, write, tangents)?,
    };
    let Some(terms) = terms else { return Ok(vec![Grad::Zero]) };
    Ok(vec![apply(op.clone(), &[&terms, &node.inputs()[2..]].concat())?.into()])
}

/// The tangents of a write, where something moves: those of x and y, or zeros.
fn moved(node: &NodeView<'_>, write: Write, tangents: &[Option<Variable>]) -> Result<Option<[Variable; 2]>> {
    let zero =
        |like: &Variable| Ok(constant(cast_value(&Tensor::scalar(0.0), tensor_type("set_subtensor", like)?.dtype())));
    Ok(match (&tangents[0], &tangents[1]) {
        (None, None) => None,
        (None, Some(y)) => {
            let zeros = full(0.0, tensor_type(name_of(write), y)?.dtype(), shape_of(node.input(0)))?;
            Some([zeros, y.clone()])
        }
        (Some(x), Some(y)) => Some([x.clone(), y.clone()]),
        (Some(x), None) => Some([x.clone(), zero(x)?]),
    })
}

/// The entries of this file: as `subtensor`, with what is written as the second input.
pub(super) fn entries() -> Vec<Entry> {
    [Write::Add, Write::Set].into_iter().map(entry).collect()
}

fn entry(write: Write) -> Entry {
    let op = move |params: &Params<'_>| Ok(IncSubtensor { axes: parse_index(params, "idx")?, write });
    let entry = Entry::function(
        name_of(write),
        "indexing",
        move |params, inputs| Ok(vec![apply(op(params)?, some(params, inputs)?)?]),
        samples,
    );
    entry.parsed_by(move |params| Ok(Arc::new(op(params)?)))
}

fn samples() -> Vec<Sample> {
    const RANGE: (f64, f64) = (-2.0, 2.0);
    let x = || dense(&[4, 3], RANGE, 1);
    let mut samples = Vec::new();
    for (name, index, shape) in parts() {
        samples.push(Sample::new(name, [x(), dense(shape, RANGE, 2)]).with("idx", index.clone()));
        samples.push(Sample::new(format!("a scalar to {name}"), [x(), dense(&[], RANGE, 2)]).with("idx", index));
    }
    for (name, index, inputs, shape) in symbolic_parts() {
        let inputs = inputs.iter().map(|&at| given(at));
        samples.push(Sample::new(name, [x(), dense(shape, RANGE, 2)].into_iter().chain(inputs)).with("idx", index));
    }
    let rows = || Prop::list(vec![Prop::list(vec![Prop::Int(1), Prop::Int(3), Prop::None])]);
    let column = broadcasting(spread_over(&[2, 1], RANGE, 2), &[1]);
    samples.push(Sample::new("a column that broadcasts", [x(), column]).with("idx", rows()));
    samples.push(Sample::new("a row to rows", [x(), dense(&[3], RANGE, 2)]).with("idx", rows()));
    let first = || Prop::Ints(vec![0]);
    samples.push(Sample::new("one element", [dense(&[1], RANGE, 1), dense(&[], RANGE, 2)]).with("idx", first()));
    samples.push(Sample::new("no columns", [dense(&[2, 0], RANGE, 1), dense(&[0], RANGE, 2)]).with("idx", first()));
    let single = [given(vec![1.5f32, 2.0]), given(0.25f32)];
    samples.push(Sample::new("f32", single).with("idx", first()).single());
    samples.push(Sample::new("integers", [given(vec![1i64, 2, 3]), given(4i8)]).with("idx", first()).edge());
    samples
}

impl Op for IncSubtensor {
    fn name(&self) -> Cow<'static, str> {
        name_of(self.write).into()
    }

    fn props(&self) -> Props {
        index_props("idx", &self.axes)
    }

    fn make_node(&self, inputs: &[Variable]) -> Result<NodeSpec> {
        let op = name_of(self.write);
        check_inputs(op, inputs, &self.axes, 2)?;
        let lengths = static_part(op, &inputs[0], &self.axes)?;
        let y = fit(op, self.write, [&inputs[0], &inputs[1]], &lengths)?;
        let ty = inputs[0].ty().clone();
        Ok(NodeSpec::one(ty).with_inputs([&[inputs[0].clone(), y], &inputs[2..]].concat()))
    }

    fn perform(&self, io: &mut Io<'_>) -> OpResult {
        fn put<T: Element>(op: &IncSubtensor, x: &Strided<T>, io: &mut Io<'_>, merge: impl Fn(T, T) -> T) -> OpResult {
            let y = io.inputs.get::<Tensor>(1)?;
            let part = Part::of(&op.axes, x.shape(), &row_major(x.shape()), Reading::new(&io.inputs, 2))?;
            let declared = io.inputs.ty(1).map(|ty| ty.extents()).unwrap_or_default();
            let steps = steps_over(&part.shape, y, declared)?;
            let y = T::of(y).ok_or(OpFailure::WrongValue(1))?.storage();
            let out = io.outputs[0].buffer::<Tensor>().reset::<T>(x.shape());
            x.write_to(out);
            for_each_run(&part.shape, [&part.steps, &steps], |[to, from], [step, y_step], length| {
                let mut place = part.offset.wrapping_add(to);
                for i in 0..length {
                    out[place] = merge(out[place], y[from + i * y_step]);
                    place = place.wrapping_add(step);
                }
            });
            Ok(())
        }
        let x = io.inputs.get::<Tensor>(0)?;
        match self.write {
            Write::Add => each_dtype!(x, array => put(self, array, io, Plus::plus)),
            Write::Set => each_dtype!(x, array => put(self, array, io, |_, y| y)),
        }
    }

    /// The cotangent, with zeros where it was replaced; and its part.
    fn l_op(&self, node: &NodeView<'_>, output_grads: &[Option<Variable>]) -> Result<Grads> {
        let mut grads = vec![Grad::Disconnected; node.inputs().len()];
        let Some(g) = &output_grads[0] else {
            (grads[0], grads[1]) = (Grad::Zero, Grad::Zero);
            return Ok(grads);
        };
        let at = &node.inputs()[2..];
        let part = apply(Subtensor { axes: self.axes.clone() }, &[std::slice::from_ref(g), at].concat())?;
        grads[1] = reduce_like(part, node.input(1))?.into();
        grads[0] = match self.write {
            Write::Add => g.clone().into(),
            Write::Set => {
                let zero = constant(cast_value(&Tensor::scalar(0.0), tensor_type("set_subtensor", g)?.dtype()));
                apply(self.clone(), &[&[g.clone(), zero], at].concat())?.into()
            }
        };
        Ok(grads)
    }

    fn r_op(&self, node: &NodeView<'_>, tangents: &[Option<Variable>]) -> Result<Tangents> {
        pushed(self, self.write, node, tangents)
    }

    fn infer_shape(&self, _node: &NodeView<'_>, input_shapes: &[Shape]) -> Result<Vec<Shape>> {
        Ok(vec![input_shapes[0].clone()])
    }

    fn connection_pattern(&self, _output: usize, input: usize) -> bool {
        input < 2
    }
}
