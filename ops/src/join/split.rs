//! Taking a tensor apart along an axis.

use std::borrow::Cow;
use std::sync::Arc;

use kronograph_graph::{
    BuildError, Dim, Entry, Grad, Grads, Io, NodeSpec, NodeView, Op, OpFailure, OpRef, OpResult, Params, Prop, Props,
    Result, Sample, Shape, Tangents, Variable, apply_all, origin, shape_of,
};
use smallvec::SmallVec;

use super::concatenate;
use crate::construct::full;
use crate::layout::{ExtentSpec, Lowered, check_scalars, lengths_at_run_time, lower, shape_param};
use crate::params::{axis_of, some};
use crate::samples::{dense, given};
use crate::tensor::{Extents, Tensor, TensorType, shape_text, tensor_type};

/// Pieces of a tensor along an axis, each a view. Inputs: x, then the lengths that are not known when the op is made.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Split {
    axis: usize,
    splits: SmallVec<[ExtentSpec; 4]>,
    views: Vec<(usize, usize)>,
}

/// Pieces of `x` of the given lengths along an axis, one after another. They may be empty.
///
/// The derivative joins the cotangents of the pieces; those that are missing are zeros.
///
/// ```
/// use kronograph_ops::{split, vector};
/// let pieces = split(&vector("x"), [2, 3], 0)?;
/// assert_eq!(pieces[1].ty().to_string(), "f64 (3,)");
/// # Ok::<(), kronograph_graph::BuildError>(())
/// ```
///
/// # Errors
///
/// When there is no such axis, a length is unknown, or the lengths do not add up: now, or at run time.
#[track_caller]
pub fn split<D: Into<Dim>>(x: &Variable, splits: impl IntoIterator<Item = D>, axis: usize) -> Result<Vec<Variable>> {
    let _scope = origin::here();
    let dims: Vec<Dim> = splits.into_iter().map(Into::into).collect();
    let Lowered { spec, inputs } = lower(&dims)?;
    Ok(apply_all(Split::new(axis, spec), &[std::slice::from_ref(x), &inputs[..]].concat())?.into_vec())
}

impl Split {
    fn new(axis: usize, splits: SmallVec<[ExtentSpec; 4]>) -> Self {
        let views = (0..splits.len()).map(|piece| (piece, 0)).collect();
        Self { axis, splits, views }
    }

    fn piece(&self, x: &Shape, length: &Dim) -> Shape {
        let mut shape = x.clone();
        shape[self.axis] = length.clone();
        shape
    }
}

pub(super) fn entries() -> Vec<Entry> {
    let build = |params: &Params<'_>, inputs: &[Variable]| {
        let (x, scalars) = some(params, inputs)?.split_at(1);
        let axis = axis_of("split", &x[0], params.maybe_int("axis")?.unwrap_or(0))?;
        split(&x[0], shape_param(params, "splits", scalars)?, axis)
    };
    let parse = |params: &Params<'_>| {
        let op: OpRef = Arc::new(Split::new(params.size("axis")?, ExtentSpec::parse(params, "splits")?));
        Ok(op)
    };
    let samples = || {
        let x = || dense(&[5, 2], (-2.0, 2.0), 1);
        let into = |sample: Sample, splits: &[i64]| sample.with("splits", Prop::Ints(splits.to_vec()));
        vec![
            into(Sample::new("rows", [x()]), &[1, 2, 2]),
            into(Sample::new("columns, one piece empty", [x()]), &[1, 0, 1]).with("axis", -1i64),
            into(Sample::new("one piece", [x()]), &[5]).with("axis", 0i64),
            into(Sample::new("nothing", [dense(&[0], (-2.0, 2.0), 1)]), &[0, 0]),
            into(Sample::new("integers", [given(vec![1i64, 2, 3])]), &[1, 2]),
            Sample::new("symbolic", [x(), given(2i64)])
                .with("splits", Prop::list(vec![Prop::from("input"), Prop::Int(3)])),
        ]
    };
    vec![Entry::function("split", "shape", build, samples).parsed_by(parse)]
}

impl Op for Split {
    fn name(&self) -> Cow<'static, str> {
        "split".into()
    }

    fn props(&self) -> Props {
        Props::default().with("splits", ExtentSpec::prop(&self.splits)).with("axis", self.axis)
    }

    fn make_node(&self, inputs: &[Variable]) -> Result<NodeSpec> {
        let scalars = ExtentSpec::inputs(&self.splits);
        if inputs.len() != scalars + 1 {
            return Err(BuildError::arity("split", scalars + 1, inputs));
        }
        check_scalars("split", inputs, 1)?;
        let ty = tensor_type("split", &inputs[0])?;
        let refuse = |rule: String| Err(BuildError::inputs("split", &inputs[..1], rule));
        let Some(&length) = ty.lengths().get(self.axis) else {
            return refuse(format!("there is no axis {}", self.axis));
        };
        if self.splits.is_empty() || self.splits.contains(&ExtentSpec::Infer) {
            return refuse("the length of each piece must be given".to_owned());
        }
        let total = self.splits.iter().try_fold(0usize, |total, split| total.checked_add(split.known()?));
        if let (Some(length), Some(total)) = (length, total)
            && length != total
        {
            return refuse(format!("the pieces have {total} of its {length} elements along axis {}", self.axis));
        }
        let piece = |split: &ExtentSpec| {
            let mut lengths = ty.lengths().to_vec();
            lengths[self.axis] = split.known();
            TensorType::shared(ty.dtype(), &lengths)
        };
        Ok(NodeSpec::many(self.splits.iter().map(piece)))
    }

    fn perform(&self, io: &mut Io<'_>) -> OpResult {
        let x = io.inputs.get::<Tensor>(0)?;
        let lengths = lengths_at_run_time(&self.splits, io, 1)?;
        let total = lengths.iter().try_fold(0usize, |total, length| total.checked_add((*length)?));
        if total != Some(x.shape()[self.axis]) {
            let (lengths, shape) = (ExtentSpec::prop(&self.splits), shape_text(x.shape()));
            let rule = format!("pieces of {lengths} do not add up to axis {} of shape {shape}", self.axis);
            return Err(OpFailure::Shapes(rule).into());
        }
        let mut from = 0;
        for (output, length) in io.outputs.iter_mut().zip(lengths.iter().flatten()) {
            let (mut shape, strides): (Extents, Extents) = (x.shape().into(), x.strides().into());
            shape[self.axis] = *length;
            let piece = x.relaid(from * strides[self.axis], shape, strides).ok_or(OpFailure::WrongValue(0))?;
            *output.buffer::<Tensor>() = piece;
            from += length;
        }
        Ok(())
    }

    /// The cotangents of the pieces, one after another.
    fn l_op(&self, node: &NodeView<'_>, output_grads: &[Option<Variable>]) -> Result<Grads> {
        let mut grads = vec![Grad::Disconnected; node.inputs().len()];
        let Some(some) = output_grads.iter().flatten().next() else {
            grads[0] = Grad::Zero;
            return Ok(grads);
        };
        let dtype = tensor_type("split", some)?.dtype();
        let (shape, lengths) = (shape_of(node.input(0)), ExtentSpec::dims(&self.splits, &node.inputs()[1..]));
        let pieces = output_grads.iter().zip(&lengths).map(|(g, length)| match g {
            Some(g) => Ok(g.clone()),
            None => full(0.0, dtype, self.piece(&shape, length)),
        });
        grads[0] = concatenate(&pieces.collect::<Result<Vec<_>>>()?, self.axis)?.into();
        Ok(grads)
    }

    /// The pieces of the tangent.
    fn r_op(&self, node: &NodeView<'_>, tangents: &[Option<Variable>]) -> Result<Tangents> {
        let Some(tangent) = &tangents[0] else { return Ok(vec![Grad::Zero; self.splits.len()]) };
        let pieces = apply_all(self.clone(), &[std::slice::from_ref(tangent), &node.inputs()[1..]].concat())?;
        Ok(pieces.into_iter().map(Grad::from).collect())
    }

    fn infer_shape(&self, node: &NodeView<'_>, input_shapes: &[Shape]) -> Result<Vec<Shape>> {
        let lengths = ExtentSpec::dims(&self.splits, &node.inputs()[1..]);
        Ok(lengths.iter().map(|length| self.piece(&input_shapes[0], length)).collect())
    }

    fn view_map(&self) -> &[(usize, usize)] {
        &self.views
    }

    fn connection_pattern(&self, _output: usize, input: usize) -> bool {
        input == 0
    }
}
