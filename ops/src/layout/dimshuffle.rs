//! Permuting, adding and dropping axes: one op for transpose, expand_dims and squeeze, always a view.

use std::borrow::Cow;

use kronograph_graph::{
    BuildError, Dim, Grad, Grads, Io, NodeSpec, NodeView, Op, OpFailure, OpResult, Prop, Props, Result, Shape,
    Tangents, Variable, apply,
};
use smallvec::SmallVec;

use crate::tensor::{Extents, Tensor, TensorType, shape_text, tensor_type};

/// Output axis k is input axis `order[k]`, or a new one of length 1 where that is `None`. Input axes that are not
/// named are dropped; their length must be 1.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Dimshuffle {
    /// The input axis of each output axis.
    pub order: SmallVec<[Option<usize>; 4]>,
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

/// `x` with its axes in reverse order: the transpose of a matrix.
///
/// # Errors
///
/// When `x` is not a dense tensor.
#[track_caller]
pub fn transpose(x: &Variable) -> Result<Variable> {
    let order: Vec<_> = (0..tensor_type("transpose", x)?.rank()).rev().map(Some).collect();
    dimshuffle(x, &order)
}

/// `x` with its axes permuted: output axis k is input axis `axes[k]` (NumPy: `transpose(x, axes)`).
///
/// # Errors
///
/// When `axes` is not a permutation of the axes.
#[track_caller]
pub fn transpose_axes(x: &Variable, axes: &[usize]) -> Result<Variable> {
    if axes.len() != tensor_type("transpose", x)?.rank() {
        return Err(BuildError::inputs(
            "transpose",
            std::slice::from_ref(x),
            "one entry of axes for each axis is needed",
        ));
    }
    let order: Vec<_> = axes.iter().copied().map(Some).collect();
    dimshuffle(x, &order)
}

/// `x` with new axes of length 1 at the given positions of the result.
///
/// # Errors
///
/// When a position is out of range.
#[track_caller]
pub fn expand_dims(x: &Variable, axes: &[usize]) -> Result<Variable> {
    let rank = tensor_type("expand_dims", x)?.rank() + axes.len();
    if let Some(axis) = axes.iter().find(|axis| **axis >= rank) {
        let rule = format!("there is no axis {axis} in a result of {rank} axes");
        return Err(BuildError::inputs("expand_dims", std::slice::from_ref(x), rule));
    }
    let mut next = 0..rank;
    let order: Vec<_> = (0..rank).map(|axis| if axes.contains(&axis) { None } else { next.next() }).collect();
    dimshuffle(x, &order)
}

/// `x` without the given axes, whose length must be 1.
///
/// # Errors
///
/// When an axis does not exist or its static length is not 1; at run time, when its length is not 1.
#[track_caller]
pub fn squeeze(x: &Variable, axes: &[usize]) -> Result<Variable> {
    let rank = tensor_type("squeeze", x)?.rank();
    if let Some(axis) = axes.iter().find(|axis| **axis >= rank) {
        return Err(BuildError::inputs("squeeze", std::slice::from_ref(x), format!("there is no axis {axis}")));
    }
    let order: Vec<_> = (0..rank).filter(|axis| !axes.contains(axis)).map(Some).collect();
    dimshuffle(x, &order)
}

/// `x` with leading axes of length 1, up to a rank.
pub(crate) fn pad_left(x: &Variable, rank: usize) -> Result<Variable> {
    let missing = rank.saturating_sub(x.ty().extents().len());
    let order: Vec<_> = (0..rank).map(|axis| axis.checked_sub(missing)).collect();
    dimshuffle(x, &order)
}

impl Dimshuffle {
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
        let order = self.order.iter().map(|axis| axis.map_or(-1, |axis| axis as i64)).collect();
        Props::default().with("order", Prop::Ints(order))
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
