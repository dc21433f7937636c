//! An outer product sampled on a pattern: the cotangent of a sparse matrix in a product or a solve.

use std::borrow::Cow;

use kronograph_graph::{
    BuildError, Dim, Grad, Grads, Io, NodeSpec, NodeView, Op, OpFailure, OpResult, OpState, Props, Result, Shape,
    Tangents, Variable, apply, shape_of, sum_of,
};
use kronograph_ops::{DType, Tensor, TensorType, Trans};
use smallvec::SmallVec;

use crate::kernels::product::dot;
use crate::lu::{pattern_of, pattern_source};
use crate::matrix::SparseMatrix;
use crate::product::structured_dot_along;
use crate::ty::SparseType;

/// `P ∘ (L Rᵀ)`. Inputs: what has the pattern P (a sparse matrix or factor), then L and R.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SampledOuter {
    /// The axis of L and R that runs along rows and columns; the others are summed over.
    pub axis: usize,
}

/// `out[i, j] = sum left[.., i, ..] right[.., j, ..]` at the stored positions (i, j) of `like`, where i and j run along
/// `axis` and the sum is over all other axes.
///
/// Derivatives: `left̄ = S̄ right`, `right̄ = S̄ᵀ left`, along the same axis.
///
/// # Errors
///
/// When `like` has no pattern, `left` and `right` differ in rank, or have no such axis.
#[track_caller]
pub fn sampled_outer(like: &Variable, left: &Variable, right: &Variable, axis: usize) -> Result<Variable> {
    apply(SampledOuter { axis }, &[like.clone(), left.clone(), right.clone()])
}

impl Op for SampledOuter {
    fn name(&self) -> Cow<'static, str> {
        "sampled_outer".into()
    }

    fn props(&self) -> Props {
        Props::default().with("axis", self.axis)
    }

    fn make_node(&self, inputs: &[Variable]) -> Result<NodeSpec> {
        let [like, left, right] = inputs else { return Err(BuildError::arity("sampled_outer", 3, inputs)) };
        let source = pattern_source("sampled_outer", like)?;
        let rank = |x: &Variable| x.type_as::<TensorType>().filter(|ty| ty.dtype() == DType::F64).map(TensorType::rank);
        match (rank(left), rank(right)) {
            (Some(a), Some(b)) if a == b && self.axis < a => {}
            _ => {
                return Err(BuildError::inputs(
                    "sampled_outer",
                    &inputs[1..],
                    "two dense f64 tensors of one rank are needed",
                ));
            }
        }
        Ok(NodeSpec::one(SparseType::shared(source.format(), DType::F64, source.shape())))
    }

    fn perform(&self, io: &mut Io<'_>) -> OpResult {
        let (state, inputs, outputs) = io.with_state::<Copies>()?;
        let like = pattern_of(inputs.value(0)?).ok_or(OpFailure::WrongValue(0))?;
        let (left, right) = (inputs.get::<Tensor>(1)?, inputs.get::<Tensor>(2)?);
        let Split { outer, inner } = Split::of(left, right, self.axis)?;
        if [left.shape()[self.axis], right.shape()[self.axis]] != like.shape {
            let (a, b) = (left.shape(), right.shape());
            return Err(OpFailure::Shapes(format!(
                "shapes {a:?} and {b:?} do not span a pattern of shape {:?}",
                like.shape
            ))
            .into());
        }
        let [rows, columns] = like.shape;
        let (left, right) = (in_one_run(left, &mut state.left)?, in_one_run(right, &mut state.right)?);
        let out = outputs[0].buffer::<SparseMatrix>().reset(like.format, like.shape, like.pattern);
        out.fill(0.0);
        for at in 0..outer {
            let (left, right) = (&left[at * rows * inner..], &right[at * columns * inner..]);
            for slice in 0..like.pattern.major() {
                for slot in like.pattern.range(slice) {
                    let (i, j) = like.format.swap((slice, like.pattern.indices()[slot] as usize));
                    out[slot] += dot(&left[i * inner..][..inner], &right[j * inner..][..inner]);
                }
            }
        }
        Ok(())
    }

    fn l_op(&self, node: &NodeView<'_>, output_grads: &[Option<Variable>]) -> Result<Grads> {
        let Some(g) = &output_grads[0] else { return Ok(vec![Grad::Disconnected, Grad::Zero, Grad::Zero]) };
        let left = structured_dot_along(g, node.input(2), self.axis, Trans::No)?;
        let right = structured_dot_along(g, node.input(1), self.axis, Trans::Yes)?;
        Ok(vec![Grad::Disconnected, left.into(), right.into()])
    }

    fn r_op(&self, node: &NodeView<'_>, tangents: &[Option<Variable>]) -> Result<Tangents> {
        let (like, left, right) = (node.input(0), node.input(1), node.input(2));
        let moved_left = tangents[1].as_ref().map(|t| sampled_outer(like, t, right, self.axis)).transpose()?;
        let moved_right = tangents[2].as_ref().map(|t| sampled_outer(like, left, t, self.axis)).transpose()?;
        Ok(vec![sum_of(&[moved_left, moved_right])?.into()])
    }

    fn infer_shape(&self, node: &NodeView<'_>, _input_shapes: &[Shape]) -> Result<Vec<Shape>> {
        let rows: Dim = shape_of(node.input(1))[self.axis].clone();
        Ok(vec![[rows, shape_of(node.input(2))[self.axis].clone()].into_iter().collect()])
    }

    fn connection_pattern(&self, _output: usize, input: usize) -> bool {
        input != 0
    }

    fn state(&self) -> Option<Box<dyn OpState>> {
        Some(Box::<Copies>::default())
    }
}

/// How many elements lie outside and inside of an axis, in row-major order.
struct Split {
    outer: usize,
    inner: usize,
}

impl Split {
    /// The split that two operands share; an error if they differ outside of the axis.
    fn of(left: &Tensor, right: &Tensor, axis: usize) -> Result<Self, OpFailure> {
        let around = |x: &Tensor| -> (SmallVec<[usize; 4]>, SmallVec<[usize; 4]>) {
            (x.shape()[..axis].into(), x.shape()[axis + 1..].into())
        };
        if around(left) != around(right) {
            let (a, b) = (left.shape(), right.shape());
            return Err(OpFailure::Shapes(format!("shapes {a:?} and {b:?} differ outside of axis {axis}")));
        }
        let (before, after) = around(left);
        Ok(Self { outer: before.iter().product(), inner: after.iter().product() })
    }
}

/// The elements in row-major order: the tensor's own storage if they lie so, else a copy.
fn in_one_run<'a>(x: &'a Tensor, copy: &'a mut Vec<f64>) -> Result<&'a [f64], OpFailure> {
    let array = x.array::<f64>().map_err(|_| OpFailure::WrongValue(1))?;
    if let Some(slice) = array.as_slice() {
        return Ok(slice);
    }
    copy.clear();
    copy.extend(array.view().iter());
    Ok(copy)
}

/// Space for copies of the two operands.
#[derive(Debug, Default)]
struct Copies {
    left: Vec<f64>,
    right: Vec<f64>,
}

impl OpState for Copies {
    fn fork(&self) -> Box<dyn OpState> {
        Box::<Self>::default()
    }
}
