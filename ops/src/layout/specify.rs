//! Saying what is known of a shape, or that it shall not count.

use std::borrow::Cow;
use std::sync::Arc;

use kronograph_graph::{
    BuildError, Dim, Entry, Grad, Grads, Io, NodeSpec, NodeView, Op, OpFailure, OpRef, OpResult, Params, Prop, Props,
    Result, Sample, Shape, Tangents, Variable, apply, origin,
};
use smallvec::SmallVec;

use super::extent::check_scalars;
use super::{ExtentSpec, Lowered, lengths_at_run_time, lower, shape_param};
use crate::params::{axes_of, only, some};
use crate::samples::{broadcasting, dense, given, shaped, spread_over};
use crate::tensor::{Tensor, TensorType, checked_rank, shape_text, static_shape_text, tensor_type};

/// A tensor whose lengths are checked when it is computed. Inputs: x, then the lengths that are not known when the op
/// is made. An open length may be any.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct SpecifyShape {
    spec: SmallVec<[ExtentSpec; 4]>,
}

/// `x`, of which some lengths are known: a wrong one is an error when it is computed. Unknown dimensions stay open.
///
/// What stands behind may rely on these lengths; an axis of length 1 broadcasts. The derivative passes.
///
/// ```
/// use kronograph_ops::{matrix, specify_shape};
/// let x = matrix("x");
/// assert_eq!(specify_shape(&x, [3, -1])?.ty().to_string(), "f64 (3, ?)");
/// # Ok::<(), kronograph_graph::BuildError>(())
/// ```
///
/// # Errors
///
/// When there are not as many lengths as axes, or the type of `x` knows another length.
#[track_caller]
pub fn specify_shape<D: Into<Dim>>(x: &Variable, shape: impl IntoIterator<Item = D>) -> Result<Variable> {
    let _scope = origin::here();
    let dims: Vec<Dim> = shape.into_iter().map(Into::into).collect();
    let Lowered { spec, inputs } = lower(&dims)?;
    let known = |(spec, own): (&ExtentSpec, &Option<usize>)| match spec {
        ExtentSpec::Known(length) => Some(*length) == *own,
        ExtentSpec::Infer => true,
        ExtentSpec::Input => false,
    };
    let own = tensor_type("specify_shape", x)?.lengths();
    if own.len() == spec.len() && spec.iter().zip(own).all(known) {
        return Ok(x.clone());
    }
    apply(SpecifyShape { spec }, &[std::slice::from_ref(x), &inputs[..]].concat())
}

/// `x`, of which some axes have length 1, so that they broadcast; an error when one has not.
///
/// # Errors
///
/// When an axis does not exist, or has another static length.
#[track_caller]
pub fn specify_broadcastable(x: &Variable, axes: &[usize]) -> Result<Variable> {
    let rank = checked_rank("specify_broadcastable", x, axes)?;
    specify_shape(x, (0..rank).map(|axis| if axes.contains(&axis) { Dim::from(1) } else { Dim::UNKNOWN }))
}

impl Op for SpecifyShape {
    fn name(&self) -> Cow<'static, str> {
        "specify_shape".into()
    }

    fn props(&self) -> Props {
        Props::default().with("shape", ExtentSpec::prop_with(&self.spec, &Prop::None))
    }

    fn make_node(&self, inputs: &[Variable]) -> Result<NodeSpec> {
        let scalars = ExtentSpec::inputs(&self.spec);
        if inputs.len() != scalars + 1 {
            return Err(BuildError::arity("specify_shape", scalars + 1, inputs));
        }
        check_scalars("specify_shape", inputs, 1)?;
        let ty = tensor_type("specify_shape", &inputs[0])?;
        let given: Vec<Option<usize>> = self.spec.iter().map(|spec| spec.known()).collect();
        let clash = |(own, given): (&Option<usize>, &Option<usize>)| own.is_some() && given.is_some() && own != given;
        if ty.rank() != given.len() || ty.lengths().iter().zip(&given).any(clash) {
            let rule = format!("its shape cannot be {}", static_shape_text(&given));
            return Err(BuildError::inputs("specify_shape", &inputs[..1], rule));
        }
        let lengths: Vec<_> = ty.lengths().iter().zip(given).map(|(own, given)| own.or(given)).collect();
        Ok(NodeSpec::one(TensorType::shared(ty.dtype(), &lengths)))
    }

    fn perform(&self, io: &mut Io<'_>) -> OpResult {
        let want = lengths_at_run_time(&self.spec, io, 1)?;
        let x = io.inputs.get::<Tensor>(0)?;
        if want.len() != x.shape().len()
            || want.iter().zip(x.shape()).any(|(want, got)| want.is_some_and(|w| w != *got))
        {
            let (want, got) = (static_shape_text(&want), shape_text(x.shape()));
            return Err(OpFailure::Shapes(format!("the shape was said to be {want}, and is {got}")).into());
        }
        io.outputs[0].assign(x);
        Ok(())
    }

    fn l_op(&self, node: &NodeView<'_>, output_grads: &[Option<Variable>]) -> Result<Grads> {
        let mut grads = vec![Grad::Disconnected; node.inputs().len()];
        grads[0] = output_grads[0].clone().into();
        Ok(grads)
    }

    fn r_op(&self, node: &NodeView<'_>, tangents: &[Option<Variable>]) -> Result<Tangents> {
        node.linear_tangent(0, tangents)
    }

    fn infer_shape(&self, node: &NodeView<'_>, input_shapes: &[Shape]) -> Result<Vec<Shape>> {
        let given = ExtentSpec::dims(&self.spec, &node.inputs()[1..]);
        let pick = |(own, given): (&Dim, Dim)| match (own.known(), given.view()) {
            (Some(_), _) | (_, kronograph_graph::DimView::Unknown) => own.clone(),
            _ => given,
        };
        Ok(vec![input_shapes[0].iter().zip(given).map(pick).collect()])
    }

    fn view_map(&self) -> &[(usize, usize)] {
        &[(0, 0)]
    }

    fn connection_pattern(&self, _output: usize, input: usize) -> bool {
        input == 0
    }
}

/// A tensor some of whose axes do not broadcast, whatever is known of their length.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Unbroadcast {
    axes: SmallVec<[usize; 4]>,
}

/// `x`, of which some axes do not broadcast: their static length is forgotten if it is 1.
///
/// # Errors
///
/// When an axis does not exist.
#[track_caller]
pub fn unbroadcast(x: &Variable, axes: &[usize]) -> Result<Variable> {
    checked_rank("unbroadcast", x, axes)?;
    let own = x.ty().extents();
    let mut axes: SmallVec<[usize; 4]> = axes.iter().copied().filter(|&axis| own[axis] == Some(1)).collect();
    axes.sort_unstable();
    axes.dedup();
    if axes.is_empty() { Ok(x.clone()) } else { apply(Unbroadcast { axes }, std::slice::from_ref(x)) }
}

impl Op for Unbroadcast {
    fn name(&self) -> Cow<'static, str> {
        "unbroadcast".into()
    }

    fn props(&self) -> Props {
        Props::default().with("axes", &self.axes[..])
    }

    fn make_node(&self, inputs: &[Variable]) -> Result<NodeSpec> {
        let [x] = inputs else { return Err(BuildError::arity("unbroadcast", 1, inputs)) };
        checked_rank("unbroadcast", x, &self.axes)?;
        let ty = tensor_type("unbroadcast", x)?;
        let forget = |(axis, length): (usize, &Option<usize>)| {
            length.filter(|&length| length != 1 || !self.axes.contains(&axis))
        };
        let lengths: Vec<_> = ty.lengths().iter().enumerate().map(forget).collect();
        Ok(NodeSpec::one(TensorType::shared(ty.dtype(), &lengths)))
    }

    fn perform(&self, io: &mut Io<'_>) -> OpResult {
        let x = io.inputs.get::<Tensor>(0)?;
        io.outputs[0].assign(x);
        Ok(())
    }

    /// The cotangent has the lengths of x again.
    fn l_op(&self, _node: &NodeView<'_>, output_grads: &[Option<Variable>]) -> Result<Grads> {
        let Some(g) = &output_grads[0] else { return Ok(vec![Grad::Zero]) };
        Ok(vec![specify_broadcastable(g, &self.axes)?.into()])
    }

    fn r_op(&self, node: &NodeView<'_>, tangents: &[Option<Variable>]) -> Result<Tangents> {
        node.linear_tangent(0, tangents)
    }

    fn infer_shape(&self, _node: &NodeView<'_>, input_shapes: &[Shape]) -> Result<Vec<Shape>> {
        Ok(input_shapes.to_vec())
    }

    fn view_map(&self) -> &[(usize, usize)] {
        &[(0, 0)]
    }
}

pub(super) fn entries() -> Vec<Entry> {
    let specify = |params: &Params<'_>, inputs: &[Variable]| {
        let (x, scalars) = some(params, inputs)?.split_at(1);
        Ok(vec![specify_shape(&x[0], shape_param(params, "shape", scalars)?)?])
    };
    let parse_shape = |params: &Params<'_>| {
        let op: OpRef = Arc::new(SpecifyShape { spec: ExtentSpec::parse(params, "shape")? });
        Ok(op)
    };
    let broadcastable = |params: &Params<'_>, inputs: &[Variable]| {
        let x = only(params, inputs)?;
        Ok(vec![specify_broadcastable(x, &axes_of("specify_broadcastable", params, x)?)?])
    };
    let free = |params: &Params<'_>, inputs: &[Variable]| {
        let x = only(params, inputs)?;
        Ok(vec![unbroadcast(x, &axes_of("unbroadcast", params, x)?)?])
    };
    let parse_axes = |params: &Params<'_>| {
        let op: OpRef = Arc::new(Unbroadcast { axes: params.sizes("axes")?.into() });
        Ok(op)
    };
    vec![
        Entry::function("specify_shape", "shape", specify, shape_samples).parsed_by(parse_shape),
        Entry::function("specify_broadcastable", "shape", broadcastable, || {
            vec![Sample::new("a column", [dense(&[3, 1], (-2.0, 2.0), 1)]).with("axis", 1i64)]
        }),
        Entry::function("unbroadcast", "shape", free, || {
            let column = broadcasting(spread_over(&[3, 1], (-2.0, 2.0), 1), &[1]);
            vec![Sample::new("a column", [column]).with("axis", Prop::Ints(vec![0, 1]))]
        })
        .parsed_by(parse_axes),
    ]
}

fn shape_samples() -> Vec<Sample> {
    let x = || dense(&[2, 3], (-2.0, 2.0), 1);
    let shape = |members: &[Prop]| Prop::list(members.to_vec());
    vec![
        Sample::new("all lengths", [x()]).with("shape", Prop::Ints(vec![2, 3])),
        Sample::new("some lengths", [x()]).with("shape", shape(&[Prop::Int(2), Prop::None])),
        Sample::new("symbolic", [x(), given(3i64)]).with("shape", shape(&[Prop::None, Prop::from("input")])),
        Sample::new("no elements", [dense(&[0, 3], (-2.0, 2.0), 1)]).with("shape", shape(&[Prop::Int(0), Prop::None])),
        Sample::new("truth values", [given(shaped(&[2], vec![true, false]))]).with("shape", Prop::Ints(vec![2])),
    ]
}
