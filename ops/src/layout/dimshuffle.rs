//! Permuting, adding and dropping axes in one op, always a view.

use std::borrow::Cow;
use std::sync::Arc;

use kronograph_graph::{
    BuildError, Dim, Entry, Grad, Grads, Io, NodeSpec, NodeView, Op, OpFailure, OpResult, Params, Prop, Props, Result,
    Sample, Shape, Tangents, Variable, apply,
};

use crate::params::only;
use crate::samples::{broadcasting, dense, given, spread_over};
use crate::tensor::{Extents, Lengths, Tensor, TensorType, shape_text, tensor_type};

/// Output axis k is input axis `order[k]`, or a new one of length 1 where that is `None`. Input axes that are not
/// named are dropped; their length must be 1.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Dimshuffle {
    /// The input axis of each output axis.
    pub order: Lengths,
}

/// `x` with its axes in a new order; see [`Dimshuffle`].
///
/// # Errors
///
/// When an axis is named twice or does not exist, or a dropped axis has a static length other than 1.
#[track_caller]
pub fn dimshuffle(x: &Variable, order: &[Option<usize>]) -> Result<Variable> {
    let identity = order.iter().enumerate().all(|(k, axis)| *axis == Some(k));
    if identity && order.len() == x.ty().extents().len() {
        return Ok(x.clone());
    }
    apply(Dimshuffle { order: order.into() }, std::slice::from_ref(x))
}

/// `x` with leading axes of length 1, up to a rank.
pub(crate) fn pad_left(x: &Variable, rank: usize) -> Result<Variable> {
    let missing = rank.saturating_sub(x.ty().extents().len());
    let order: Vec<_> = (0..rank).map(|axis| axis.checked_sub(missing)).collect();
    dimshuffle(x, &order)
}

pub(super) fn entries() -> Vec<Entry> {
    let build = |params: &Params<'_>, inputs: &[Variable]| {
        let x = only(params, inputs)?;
        Ok(vec![dimshuffle(x, &Dimshuffle::parse(params)?.order)?])
    };
    let samples = || {
        let x = || [dense(&[2, 3, 2], (-2.0, 2.0), 1)];
        let order = |sample: Sample, order: &[i64]| {
            let member = |&axis: &i64| if axis < 0 { Prop::from("x") } else { Prop::Int(axis) };
            sample.with("order", Prop::list(order.iter().map(member).collect()))
        };
        vec![
            order(Sample::new("a permutation", x()), &[2, 0, 1]),
            order(Sample::new("a new axis", x()), &[1, -1, 0, 2]),
            order(Sample::new("an axis dropped", [broadcasting(spread_over(&[3, 1], (-2.0, 2.0), 1), &[1])]), &[0]),
            order(Sample::new("a scalar", [dense(&[], (-2.0, 2.0), 1)]), &[-1, -1]),
            order(Sample::new("no elements", [dense(&[0, 3], (-2.0, 2.0), 1)]), &[1, -1, 0]),
            order(Sample::new("truth values", [given(vec![true, false])]), &[0, -1]),
        ]
    };
    vec![
        Entry::function("dimshuffle", "shape", build, samples)
            .parsed_by(|params| Ok(Arc::new(Dimshuffle::parse(params)?))),
    ]
}

impl Dimshuffle {
    /// Reads the parameter `order`, in which `x` is a new axis.
    pub(super) fn parse(params: &Params<'_>) -> Result<Self> {
        let wrong = |got: &Prop| params.wrong("order", "axes, or `x` for a new one", got);
        let read = |member: &Prop| match member {
            Prop::Word(word) if word == "x" => Ok(None),
            Prop::Int(axis) => usize::try_from(*axis).map(Some).map_err(|_| wrong(member)),
            other => Err(wrong(other)),
        };
        let order = params.maybe_list("order")?.ok_or_else(|| wrong(&Prop::None))?;
        Ok(Self { order: order.iter().map(read).collect::<Result<_>>()? })
    }

    fn dropped(&self, rank: usize) -> impl Iterator<Item = usize> + '_ {
        (0..rank).filter(|axis| !self.order.contains(&Some(*axis)))
    }

    /// The shuffle that undoes this one on a tensor of input rank `rank`.
    fn inverse(&self, rank: usize) -> Vec<Option<usize>> {
        (0..rank).map(|axis| self.order.iter().position(|from| *from == Some(axis))).collect()
    }
}

impl Op for Dimshuffle {
    fn name(&self) -> Cow<'static, str> {
        let kept: Vec<usize> = self.order.iter().flatten().copied().collect();
        let reversed = kept.iter().rev().enumerate().all(|(k, axis)| k == *axis);
        match () {
            () if kept.len() == self.order.len() && kept.len() > 1 && reversed => "transpose".into(),
            () if kept.iter().enumerate().all(|(k, axis)| k == *axis) && kept.len() < self.order.len() => {
                "expand_dims".into()
            }
            () => "dimshuffle".into(),
        }
    }

    fn props(&self) -> Props {
        let order = self.order.iter().map(|axis| axis.map_or(Prop::from("x"), Prop::from)).collect();
        Props::default().with("order", Prop::list(order))
    }

    fn make_node(&self, inputs: &[Variable]) -> Result<NodeSpec> {
        let [x] = inputs else { return Err(BuildError::arity("dimshuffle", 1, inputs)) };
        let ty = tensor_type("dimshuffle", x)?;
        for (k, axis) in self.order.iter().flatten().enumerate() {
            if *axis >= ty.rank() || self.order.iter().flatten().skip(k + 1).any(|other| other == axis) {
                let rule = format!("axis {axis} does not exist or is named twice");
                return Err(BuildError::inputs("dimshuffle", inputs, rule));
            }
        }
        if let Some(axis) = self.dropped(ty.rank()).find(|axis| ty.lengths()[*axis].is_some_and(|length| length != 1)) {
            let rule = format!("axis {axis} cannot be dropped, its length is not 1");
            return Err(BuildError::inputs("squeeze", inputs, rule));
        }
        let lengths: Vec<_> = self.order.iter().map(|axis| axis.map_or(Some(1), |axis| ty.lengths()[axis])).collect();
        Ok(NodeSpec::one(TensorType::shared(ty.dtype(), &lengths)))
    }

    fn perform(&self, io: &mut Io<'_>) -> OpResult {
        let x = io.inputs.get::<Tensor>(0)?;
        if let Some(axis) = self.dropped(x.shape().len()).find(|axis| x.shape()[*axis] != 1) {
            let rule = format!("axis {axis} of shape {} cannot be dropped, its length is not 1", shape_text(x.shape()));
            return Err(OpFailure::Shapes(rule).into());
        }
        let shape: Extents = self.order.iter().map(|axis| axis.map_or(1, |axis| x.shape()[axis])).collect();
        let strides: Extents = self.order.iter().map(|axis| axis.map_or(1, |axis| x.strides()[axis])).collect();
        *io.outputs[0].buffer::<Tensor>() = x.relaid(0, shape, strides).ok_or(OpFailure::WrongValue(0))?;
        Ok(())
    }

    /// The inverse shuffle.
    fn l_op(&self, node: &NodeView<'_>, output_grads: &[Option<Variable>]) -> Result<Grads> {
        let Some(g) = &output_grads[0] else { return Ok(vec![Grad::Zero]) };
        Ok(vec![dimshuffle(g, &self.inverse(node.input(0).ty().extents().len()))?.into()])
    }

    fn r_op(&self, node: &NodeView<'_>, tangents: &[Option<Variable>]) -> Result<Tangents> {
        node.linear_tangent(0, tangents)
    }

    fn infer_shape(&self, _node: &NodeView<'_>, input_shapes: &[Shape]) -> Result<Vec<Shape>> {
        let dim = |axis: &Option<usize>| axis.map_or(Dim::from(1), |axis| input_shapes[0][axis].clone());
        Ok(vec![self.order.iter().map(dim).collect()])
    }

    fn view_map(&self) -> &[(usize, usize)] {
        &[(0, 0)]
    }
}
