//! Repeating a tensor along axes, as a view whose stride is zero there.

use std::borrow::Cow;
use std::sync::Arc;

use kronograph_graph::{
    BuildError, Dim, Entry, Grad, Grads, Io, NodeSpec, NodeView, Op, OpFailure, OpResult, Params, Prop, Props, Result,
    Sample, Shape, Tangents, Variable, apply, origin, shape_of,
};
use smallvec::SmallVec;

use super::extent::{all_known, check_scalars};
use super::{ExtentSpec, Lowered, lengths_at_run_time, lower, pad_left, shape_param};
use crate::broadcasting::{align, common_dims_of, reduce_like};
use crate::params::some;
use crate::samples::{broadcasting, dense, given, spread_over};
use crate::tensor::{Extents, Tensor, TensorType, check_size, shape_text, tensor_type};

/// `x` repeated to a shape. Inputs: x (of that rank), then the lengths that are not known when the op is made.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct BroadcastTo {
    spec: SmallVec<[ExtentSpec; 4]>,
}

/// `x` repeated to a shape (NumPy: `broadcast_to`): new leading axes, and axes whose static length is 1, are repeated.
///
/// The derivative is the sum over the repeated axes.
///
/// # Errors
///
/// When a length is unknown, or an axis that does not broadcast has another length.
#[track_caller]
pub fn broadcast_to<D: Into<Dim>>(x: &Variable, shape: impl IntoIterator<Item = D>) -> Result<Variable> {
    let _scope = origin::here();
    let dims: Vec<Dim> = shape.into_iter().map(Into::into).collect();
    let ty = tensor_type("broadcast_to", x)?;
    let Lowered { spec, inputs } = lower(&dims)?;
    if spec.contains(&ExtentSpec::Infer) || ty.rank() > dims.len() {
        let rule = "every length must be given, and no axis may be dropped";
        return Err(BuildError::inputs("broadcast_to", std::slice::from_ref(x), rule));
    }
    if inputs.is_empty()
        && all_known(ty.lengths()).is_some_and(|own| Some(own) == spec.iter().map(|s| s.known()).collect())
    {
        return Ok(x.clone());
    }
    let x = pad_left(x, dims.len())?;
    apply(BroadcastTo { spec }, &[&[x], &inputs[..]].concat())
}

/// Tensors repeated to one shape, as operators do it: axes broadcast whose static length is 1.
///
/// # Errors
///
/// When there are none, or their lengths differ otherwise.
#[track_caller]
pub fn broadcast_arrays(tensors: &[Variable]) -> Result<Vec<Variable>> {
    let _scope = origin::here();
    if tensors.is_empty() {
        return Err(BuildError::arity("broadcast_arrays", 1, tensors));
    }
    let aligned = align("broadcast_arrays", tensors)?.inputs;
    let shapes: Vec<Shape> = aligned.iter().map(shape_of).collect();
    let common = common_dims_of(&aligned, &shapes);
    aligned.iter().map(|x| broadcast_to(x, common.clone())).collect()
}

pub(super) fn entries() -> Vec<Entry> {
    let build = |params: &Params<'_>, inputs: &[Variable]| {
        let (x, scalars) = some(params, inputs)?.split_at(1);
        Ok(vec![broadcast_to(&x[0], shape_param(params, "shape", scalars)?)?])
    };
    let parse = |params: &Params<'_>| {
        let op: kronograph_graph::OpRef = Arc::new(BroadcastTo { spec: ExtentSpec::parse(params, "shape")? });
        Ok(op)
    };
    let arrays = || {
        let column = || broadcasting(spread_over(&[3, 1], (-2.0, 2.0), 1), &[1]);
        let row = || broadcasting(spread_over(&[1, 2], (-2.0, 2.0), 2), &[0]);
        vec![
            Sample::new("a column and a row", [column(), row()]),
            Sample::new("a column, a vector and a scalar", [column(), dense(&[2], (-2.0, 2.0), 2), given(0.5)]),
            Sample::new("one", [row()]),
        ]
    };
    vec![
        Entry::function("broadcast_to", "shape", build, samples).parsed_by(parse),
        Entry::function("broadcast_arrays", "shape", |_, inputs| broadcast_arrays(inputs), arrays),
    ]
}

fn samples() -> Vec<Sample> {
    let column = || broadcasting(spread_over(&[3, 1], (-2.0, 2.0), 1), &[1]);
    let to = |sample: Sample, shape: &[i64]| sample.with("shape", Prop::Ints(shape.to_vec()));
    vec![
        to(Sample::new("new and repeated axes", [column()]), &[2, 3, 4]),
        to(Sample::new("a scalar", [dense(&[], (-2.0, 2.0), 1)]), &[2, 2]),
        to(Sample::new("as it is", [column()]), &[3, 1]),
        to(Sample::new("to nothing", [column()]), &[3, 0]),
        to(Sample::new("integers", [given(vec![1i64, 2])]), &[2, 2]),
        Sample::new("symbolic", [column(), given(2i64)])
            .with("shape", Prop::list(vec![Prop::Int(3), Prop::from("input")])),
    ]
}

impl Op for BroadcastTo {
    fn name(&self) -> Cow<'static, str> {
        "broadcast_to".into()
    }

    fn props(&self) -> Props {
        Props::default().with("shape", ExtentSpec::prop(&self.spec))
    }

    fn make_node(&self, inputs: &[Variable]) -> Result<NodeSpec> {
        let scalars = ExtentSpec::inputs(&self.spec);
        if inputs.len() != scalars + 1 {
            return Err(BuildError::arity("broadcast_to", scalars + 1, inputs));
        }
        check_scalars("broadcast_to", inputs, 1)?;
        let ty = tensor_type("broadcast_to", &inputs[0])?;
        let mut lengths = Vec::with_capacity(self.spec.len());
        if ty.rank() != self.spec.len() {
            return Err(BuildError::inputs("broadcast_to", &inputs[..1], "the ranks differ"));
        }
        for (own, new) in ty.lengths().iter().zip(&self.spec) {
            lengths.push(match (*own, new.known()) {
                (Some(1), new) => new,
                (Some(own), Some(new)) if own != new => {
                    let rule = format!("an axis of length {own} cannot be repeated to {new}");
                    return Err(BuildError::inputs("broadcast_to", &inputs[..1], rule));
                }
                (own, new) => own.or(new),
            });
        }
        Ok(NodeSpec::one(TensorType::shared(ty.dtype(), &lengths)))
    }

    fn perform(&self, io: &mut Io<'_>) -> OpResult {
        let x = io.inputs.get::<Tensor>(0)?;
        let declared = io.inputs.ty(0).map(|ty| ty.extents()).unwrap_or_default();
        let (mut shape, mut strides) = (Extents::new(), Extents::new());
        for (axis, new) in lengths_at_run_time(&self.spec, io, 1)?.iter().enumerate() {
            let new = new.ok_or(OpFailure::WrongValue(0))?;
            let repeats = declared.get(axis) == Some(&Some(1));
            if x.shape()[axis] != new && !repeats {
                let rule = format!("axis {axis} of shape {} cannot be repeated to {new}", shape_text(x.shape()));
                return Err(OpFailure::Shapes(rule).into());
            }
            shape.push(new);
            strides.push(if x.shape()[axis] == new { x.strides()[axis] } else { 0 });
        }
        // The view costs nothing, but whoever reads it may want a buffer of its shape.
        check_size(&shape)?;
        *io.outputs[0].buffer::<Tensor>() = x.relaid(0, shape, strides).ok_or(OpFailure::WrongValue(0))?;
        Ok(())
    }

    /// The sum over the repeated axes.
    fn l_op(&self, node: &NodeView<'_>, output_grads: &[Option<Variable>]) -> Result<Grads> {
        let mut grads = vec![Grad::Disconnected; node.inputs().len()];
        grads[0] = match &output_grads[0] {
            Some(g) => reduce_like(g.clone(), node.input(0))?.into(),
            None => Grad::Zero,
        };
        Ok(grads)
    }

    fn r_op(&self, node: &NodeView<'_>, tangents: &[Option<Variable>]) -> Result<Tangents> {
        node.linear_tangent(0, tangents)
    }

    fn infer_shape(&self, node: &NodeView<'_>, input_shapes: &[Shape]) -> Result<Vec<Shape>> {
        let new = ExtentSpec::dims(&self.spec, &node.inputs()[1..]);
        let repeats = |axis: usize| node.input(0).ty().extents()[axis] == Some(1);
        let pick = |(axis, dim): (usize, Dim)| match (repeats(axis), input_shapes[0][axis].known()) {
            (false, Some(length)) => Dim::from(length),
            _ => dim,
        };
        Ok(vec![new.into_iter().enumerate().map(pick).collect()])
    }

    fn view_map(&self) -> &[(usize, usize)] {
        &[(0, 0)]
    }

    fn connection_pattern(&self, _output: usize, input: usize) -> bool {
        input == 0
    }
}
