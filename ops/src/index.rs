//! Basic indexing: integers and slices, and its adjoint.
//!
//! Positions count from the end when they are negative. A slice that reaches outside is cut; an integer that does is
//! an error, at run time. A position that depends on lengths (`Index::between`) is an i64 scalar input of the op.

use std::borrow::Cow;

use kronograph_graph::{
    BuildError, Dim, Grad, Grads, Io, NodeSpec, NodeView, Op, OpError, OpFailure, OpResult, Props, Result, Shape,
    Tangents, Variable, apply, origin, sum_of,
};
use smallvec::SmallVec;

use crate::dtype::DType;
use crate::elemwise::{align, cast};
use crate::layout::{dim_variable, full};
use crate::tensor::{Element, Extents, Strided, Tensor, TensorType, each_dtype, shape_text, tensor_type};

/// How one axis is indexed.
#[derive(Clone, Debug)]
pub struct Index(Kind);

#[derive(Clone, Debug)]
enum Kind {
    At(i64),
    Slice { start: Option<i64>, stop: Option<i64>, step: i64 },
    Between(Dim, Dim),
}

impl Index {
    /// The whole axis.
    pub const ALL: Self = Self(Kind::Slice { start: None, stop: None, step: 1 });

    /// One position; the axis is dropped.
    pub fn at(position: i64) -> Self {
        Self(Kind::At(position))
    }

    /// From `start` up to, but not including, `stop`, every `step`-th; as in Python.
    pub fn slice(start: impl Into<Option<i64>>, stop: impl Into<Option<i64>>, step: i64) -> Self {
        Self(Kind::Slice { start: start.into(), stop: stop.into(), step })
    }

    /// From one dimension up to another.
    pub fn between(start: Dim, stop: Dim) -> Self {
        match (start.known(), stop.known()) {
            (Some(start), Some(stop)) => Self::slice(start as i64, stop as i64, 1),
            _ => Self(Kind::Between(start, stop)),
        }
    }
}

/// One axis of an index, as part of an op.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum AxisIndex {
    At(i64),
    Slice {
        start: Option<i64>,
        stop: Option<i64>,
        step: i64,
    },
    /// Start and stop are the next two scalar inputs.
    Between,
}

/// Part of a tensor. Inputs: x, then the positions that are not known when the op is made.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Subtensor {
    axes: SmallVec<[AxisIndex; 4]>,
}

/// A tensor with something added to a part of it. Inputs: x, y, then the positions.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct IncSubtensor {
    axes: SmallVec<[AxisIndex; 4]>,
}

/// An index that is impossible at run time.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("index {index} is out of range on axis {axis} of shape {shape}")]
struct OutOfRange {
    index: i64,
    axis: usize,
    shape: String,
}

impl OpError for OutOfRange {}

/// Part of `x`: one [`Index`] for each leading axis; the other axes stay whole. A view where the step is positive.
///
/// ```
/// use kronograph_ops::{Index, matrix, subtensor};
/// let x = matrix("x");
/// let row = subtensor(&x, &[Index::at(-1)])?;
/// assert_eq!(row.ty().to_string(), "f64 (?,)");
/// # Ok::<(), kronograph_graph::BuildError>(())
/// ```
///
/// # Errors
///
/// When there are more indices than axes, a step is zero, or an integer is out of a statically known range.
#[track_caller]
pub fn subtensor(x: &Variable, index: &[Index]) -> Result<Variable> {
    let _scope = origin::here();
    let (axes, scalars) = lower("subtensor", x, index)?;
    apply(Subtensor { axes }, &[&[x.clone()], &scalars[..]].concat())
}

/// Part of `x` along the first axis: `x[start:stop]`.
///
/// # Errors
///
/// When `x` is a scalar.
#[track_caller]
pub fn slice(x: &Variable, start: impl Into<Option<i64>>, stop: impl Into<Option<i64>>) -> Result<Variable> {
    subtensor(x, &[Index::slice(start, stop, 1)])
}

/// `x` with `y` added to the part that the index names; `y` broadcasts to that part.
///
/// # Errors
///
/// As [`subtensor`]; also when `y` does not fit the part.
#[track_caller]
pub fn inc_subtensor(x: &Variable, y: &Variable, index: &[Index]) -> Result<Variable> {
    let _scope = origin::here();
    let (axes, scalars) = lower("inc_subtensor", x, index)?;
    apply(IncSubtensor { axes }, &[&[x.clone(), y.clone()], &scalars[..]].concat())
}

type LoweredIndex = (SmallVec<[AxisIndex; 4]>, Vec<Variable>);

fn lower(op: &'static str, x: &Variable, index: &[Index]) -> Result<LoweredIndex> {
    let rank = tensor_type(op, x)?.rank();
    if index.len() > rank {
        let rule = format!("{} indices are too many for {rank} axes", index.len());
        return Err(BuildError::inputs(op, std::slice::from_ref(x), rule));
    }
    let (mut axes, mut scalars) = (SmallVec::new(), Vec::new());
    for index in index {
        axes.push(match &index.0 {
            Kind::At(position) => AxisIndex::At(*position),
            Kind::Slice { step: 0, .. } => return Err(BuildError::parameter(op, "the step of a slice cannot be zero")),
            Kind::Slice { start, stop, step } => AxisIndex::Slice { start: *start, stop: *stop, step: *step },
            Kind::Between(start, stop) => {
                scalars.extend([dim_variable(start)?, dim_variable(stop)?]);
                AxisIndex::Between
            }
        });
    }
    Ok((axes, scalars))
}

/// What a slice selects of an axis: first position, count, step.
#[derive(Clone, Copy)]
struct Range {
    first: usize,
    count: usize,
    step: i64,
}

impl Range {
    /// Python's rule for slices, including negative steps.
    fn of(start: Option<i64>, stop: Option<i64>, step: i64, length: usize) -> Self {
        let length = i64::try_from(length).unwrap_or(i64::MAX);
        let (low, high) = if step > 0 { (0, length) } else { (-1, length - 1) };
        let place = |position: i64| {
            let from_start = if position < 0 { position.saturating_add(length) } else { position };
            from_start.clamp(low, high)
        };
        let (default_start, default_stop) = if step > 0 { (low, high) } else { (high, low) };
        let (first, last) = (start.map_or(default_start, place), stop.map_or(default_stop, place));
        let span = if step > 0 { last - first } else { first - last };
        let count = if span > 0 { (span - 1) / step.saturating_abs() + 1 } else { 0 };
        Self { first: first.max(0) as usize, count: count as usize, step }
    }
}

/// The position from the start; `None` when out of range.
fn position(index: i64, length: usize) -> Option<usize> {
    let length = i64::try_from(length).ok()?;
    let from_start = if index < 0 { index.checked_add(length)? } else { index };
    (0..length).contains(&from_start).then_some(from_start as usize)
}

/// The part that an index names, as a layout of storage: an offset, a shape, and steps that may be negative.
struct Part {
    offset: usize,
    shape: Extents,
    steps: SmallVec<[i64; 4]>,
}

fn part_at_run_time(
    axes: &[AxisIndex],
    shape: &[usize],
    strides: &[usize],
    io: &Io<'_>,
    from: usize,
) -> Result<Part, Box<dyn OpError>> {
    let mut part = Part { offset: 0, shape: Extents::new(), steps: SmallVec::new() };
    let mut scalar = from;
    let mut next = || {
        scalar += 1;
        io.inputs.value(scalar - 1)?.as_index().ok_or(OpFailure::WrongValue(scalar - 1))
    };
    for (axis, (&length, &stride)) in shape.iter().zip(strides).enumerate() {
        let range = match axes.get(axis) {
            Some(AxisIndex::At(index)) => {
                let out = || OutOfRange { index: *index, axis, shape: shape_text(shape) };
                part.offset += position(*index, length).ok_or_else(out)? * stride;
                continue;
            }
            Some(AxisIndex::Slice { start, stop, step }) => Range::of(*start, *stop, *step, length),
            Some(AxisIndex::Between) => Range::of(Some(next()?), Some(next()?), 1, length),
            None => Range::of(None, None, 1, length),
        };
        if range.count > 0 {
            part.offset += range.first * stride;
        }
        part.shape.push(range.count);
        part.steps.push(if range.count > 1 { range.step * stride as i64 } else { 0 });
    }
    Ok(part)
}

/// The static lengths of the part.
fn static_part(op: &'static str, inputs: &[Variable], axes: &[AxisIndex]) -> Result<Vec<Option<usize>>> {
    let ty = tensor_type(op, &inputs[0])?;
    if axes.len() > ty.rank() {
        return Err(BuildError::inputs(op, &inputs[..1], format!("{} indices are too many for it", axes.len())));
    }
    let mut lengths = Vec::with_capacity(ty.rank());
    for (axis, length) in ty.lengths().iter().enumerate() {
        lengths.push(match (axes.get(axis), length) {
            (Some(AxisIndex::At(index)), Some(length)) if position(*index, *length).is_none() => {
                let rule = format!("index {index} is out of range on axis {axis}");
                return Err(BuildError::inputs(op, &inputs[..1], rule));
            }
            (Some(AxisIndex::At(_)), _) => continue,
            (Some(AxisIndex::Slice { start, stop, step }), Some(length)) => {
                Some(Range::of(*start, *stop, *step, *length).count)
            }
            (Some(AxisIndex::Slice { .. } | AxisIndex::Between), _) => None,
            (None, length) => *length,
        });
    }
    Ok(lengths)
}

fn check_inputs(op: &'static str, inputs: &[Variable], axes: &[AxisIndex], tensors: usize) -> Result<()> {
    let scalars = 2 * axes.iter().filter(|axis| **axis == AxisIndex::Between).count();
    if inputs.len() != tensors + scalars {
        return Err(BuildError::arity(op, tensors + scalars, inputs));
    }
    Ok(())
}

fn index_prop(axes: &[AxisIndex]) -> Props {
    let text = |axis: &AxisIndex| match axis {
        AxisIndex::At(index) => index.to_string(),
        AxisIndex::Slice { start, stop, step } => {
            let place = |position: &Option<i64>| position.map_or(String::new(), |position| position.to_string());
            format!("{}:{}:{step}", place(start), place(stop))
        }
        AxisIndex::Between => "i:i:1".to_owned(),
    };
    Props::default().with("index", axes.iter().map(text).collect::<Vec<_>>().join(" "))
}

fn part_dims(axes: &[AxisIndex], x: &Shape) -> Shape {
    let mut dims = Shape::new();
    for (axis, dim) in x.iter().enumerate() {
        dims.push(match axes.get(axis) {
            Some(AxisIndex::At(_)) => continue,
            Some(AxisIndex::Slice { start: None, stop: None, step: 1 }) | None => dim.clone(),
            Some(AxisIndex::Slice { start, stop, step }) => {
                dim.known().map_or(Dim::UNKNOWN, |length| Dim::from(Range::of(*start, *stop, *step, length).count))
            }
            Some(AxisIndex::Between) => Dim::UNKNOWN,
        });
    }
    dims
}

impl Op for Subtensor {
    fn name(&self) -> Cow<'static, str> {
        "subtensor".into()
    }

    fn props(&self) -> Props {
        index_prop(&self.axes)
    }

    fn make_node(&self, inputs: &[Variable]) -> Result<NodeSpec> {
        check_inputs("subtensor", inputs, &self.axes, 1)?;
        let lengths = static_part("subtensor", inputs, &self.axes)?;
        Ok(NodeSpec::one(TensorType::shared(tensor_type("subtensor", &inputs[0])?.dtype(), &lengths)))
    }

    /// A view; a copy where a step is negative.
    fn perform(&self, io: &mut Io<'_>) -> OpResult {
        fn gather<T: Element>(x: &Strided<T>, part: &Part, out: &mut Tensor) {
            let out = out.reset::<T>(&part.shape);
            walk(part, |at, from, _| out[at] = x.storage()[from]);
        }
        let x = io.inputs.get::<Tensor>(0)?;
        let part = part_at_run_time(&self.axes, x.shape(), x.strides(), io, 1)?;
        let out = io.outputs[0].buffer::<Tensor>();
        if part.steps.iter().all(|step| *step >= 0) {
            let strides = part.steps.iter().map(|&step| step as usize).collect();
            *out = x.relaid(part.offset, part.shape, strides).ok_or(OpFailure::WrongValue(0))?;
        } else {
            each_dtype!(x, array => gather(array, &part, out));
        }
        Ok(())
    }

    /// The cotangent at its place among zeros.
    fn l_op(&self, node: &NodeView<'_>, output_grads: &[Option<Variable>]) -> Result<Grads> {
        let mut grads = vec![Grad::Disconnected; node.inputs().len()];
        grads[0] = match &output_grads[0] {
            Some(g) => {
                let dtype = tensor_type("subtensor", g)?.dtype();
                let zeros = full(0.0, dtype, kronograph_graph::shape_of(node.input(0)))?;
                let inputs = [&[zeros, g.clone()], &node.inputs()[1..]].concat();
                apply(IncSubtensor { axes: self.axes.clone() }, &inputs)?.into()
            }
            None => Grad::Zero,
        };
        Ok(grads)
    }

    fn r_op(&self, node: &NodeView<'_>, tangents: &[Option<Variable>]) -> Result<Tangents> {
        let Some(tangent) = &tangents[0] else { return Ok(vec![Grad::Zero]) };
        let inputs = [std::slice::from_ref(tangent), &node.inputs()[1..]].concat();
        Ok(vec![apply(self.clone(), &inputs)?.into()])
    }

    fn infer_shape(&self, _node: &NodeView<'_>, input_shapes: &[Shape]) -> Result<Vec<Shape>> {
        Ok(vec![part_dims(&self.axes, &input_shapes[0])])
    }

    fn view_map(&self) -> &[(usize, usize)] {
        &[(0, 0)]
    }

    fn connection_pattern(&self, _output: usize, input: usize) -> bool {
        input == 0
    }
}

/// Visits the elements of a part in row-major order: their number, their place in storage, and their indices.
fn walk(part: &Part, mut visit: impl FnMut(usize, usize, &[usize])) {
    let mut counters: Extents = SmallVec::from_elem(0, part.shape.len());
    for at in 0..part.shape.iter().product() {
        let moved: i64 = counters.iter().zip(&part.steps).map(|(&counter, &step)| counter as i64 * step).sum();
        visit(at, (part.offset as i64 + moved) as usize, &counters);
        for (counter, &length) in counters.iter_mut().zip(&part.shape).rev() {
            *counter += 1;
            if *counter < length {
                break;
            }
            *counter = 0;
        }
    }
}

impl Op for IncSubtensor {
    fn name(&self) -> Cow<'static, str> {
        "inc_subtensor".into()
    }

    fn props(&self) -> Props {
        index_prop(&self.axes)
    }

    fn make_node(&self, inputs: &[Variable]) -> Result<NodeSpec> {
        check_inputs("inc_subtensor", inputs, &self.axes, 2)?;
        let x = tensor_type("inc_subtensor", &inputs[0])?;
        let y = tensor_type("inc_subtensor", &inputs[1])?;
        if x.dtype() == DType::Bool || !y.dtype().fits_in(x.dtype()) {
            let rule = "the second must convert to the dtype of the first without loss";
            return Err(BuildError::inputs("inc_subtensor", &inputs[..2], rule));
        }
        let lengths = static_part("inc_subtensor", inputs, &self.axes)?;
        let place = Variable::input("the part", TensorType::shared(x.dtype(), &lengths));
        let aligned = align("inc_subtensor", &[place, inputs[1].clone()])?;
        if aligned.lengths.len() != lengths.len()
            || aligned.lengths.iter().zip(&lengths).any(|(a, b)| b.is_some() && a != b)
        {
            return Err(BuildError::inputs(
                "inc_subtensor",
                &inputs[..2],
                "the second must broadcast to the part of the first",
            ));
        }
        let y = cast(&aligned.inputs[1], x.dtype())?;
        let ty = inputs[0].ty().clone();
        Ok(NodeSpec::one(ty).with_inputs([&[inputs[0].clone(), y], &inputs[2..]].concat()))
    }

    fn perform(&self, io: &mut Io<'_>) -> OpResult {
        fn put<T: Element>(op: &IncSubtensor, x: &Strided<T>, io: &mut Io<'_>, sum: impl Fn(T, T) -> T) -> OpResult {
            let y = io.inputs.get::<Tensor>(1)?;
            let strides = crate::tensor::row_major(x.shape());
            let part = part_at_run_time(&op.axes, x.shape(), &strides, io, 2)?;
            let declared = io.inputs.ty(1).map(|ty| ty.extents()).unwrap_or_default();
            let repeats = |axis: usize| y.shape()[axis] == 1 && declared.get(axis) == Some(&Some(1));
            if !(0..part.shape.len()).all(|axis| y.shape()[axis] == part.shape[axis] || repeats(axis)) {
                let (a, b) = (shape_text(&part.shape), shape_text(y.shape()));
                return Err(OpFailure::Shapes(format!("the part has shape {a}, what is added to it has {b}")).into());
            }
            let steps = crate::elemwise::spread(y, &part.shape);
            let y = T::of(y).ok_or(OpFailure::WrongValue(1))?;
            let out = io.outputs[0].buffer::<Tensor>().reset::<T>(x.shape());
            out.iter_mut().zip(x.view().iter()).for_each(|(out, x)| *out = *x);
            walk(&part, |_, to, counters| {
                let from: usize = counters.iter().zip(&steps).map(|(counter, step)| counter * step).sum();
                out[to] = sum(out[to], y.storage()[from]);
            });
            Ok(())
        }
        match io.inputs.get::<Tensor>(0)? {
            Tensor::F64(x) => put(self, x, io, |a, b| a + b),
            Tensor::F32(x) => put(self, x, io, |a, b| a + b),
            Tensor::I64(x) => put(self, x, io, i64::wrapping_add),
            Tensor::I32(x) => put(self, x, io, i32::wrapping_add),
            Tensor::I8(x) => put(self, x, io, i8::wrapping_add),
            Tensor::U8(x) => put(self, x, io, u8::wrapping_add),
            Tensor::Bool(_) => Err(OpFailure::WrongValue(0).into()),
        }
    }

    /// The cotangent as it is, and its part.
    fn l_op(&self, node: &NodeView<'_>, output_grads: &[Option<Variable>]) -> Result<Grads> {
        let mut grads = vec![Grad::Disconnected; node.inputs().len()];
        (grads[0], grads[1]) = match &output_grads[0] {
            Some(g) => {
                let inputs = [std::slice::from_ref(g), &node.inputs()[2..]].concat();
                let part = apply(Subtensor { axes: self.axes.clone() }, &inputs)?;
                (g.clone().into(), crate::elemwise::reduce_like(part, node.input(1))?.into())
            }
            None => (Grad::Zero, Grad::Zero),
        };
        Ok(grads)
    }

    fn r_op(&self, node: &NodeView<'_>, tangents: &[Option<Variable>]) -> Result<Tangents> {
        let placed = match &tangents[1] {
            Some(y) => {
                let dtype = tensor_type("inc_subtensor", y)?.dtype();
                let zeros = full(0.0, dtype, kronograph_graph::shape_of(node.input(0)))?;
                Some(apply(self.clone(), &[&[zeros, y.clone()], &node.inputs()[2..]].concat())?)
            }
            None => None,
        };
        Ok(vec![sum_of(&[tangents[0].clone(), placed])?.into()])
    }

    fn infer_shape(&self, _node: &NodeView<'_>, input_shapes: &[Shape]) -> Result<Vec<Shape>> {
        Ok(vec![input_shapes[0].clone()])
    }

    fn connection_pattern(&self, _output: usize, input: usize) -> bool {
        input < 2
    }
}
