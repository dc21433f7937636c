//! Rows and columns of a sparse matrix, by slices or a list, and putting them back among zeros: each other's
//! derivatives.

use std::borrow::Cow;

use kronograph_graph::{
    BuildError, Dim, Grad, Grads, Io, NodeSpec, NodeView, Op, OpFailure, OpResult, OpState, Props, Result, Shape,
    Tangents, Variable, apply,
};
use kronograph_ops::axes::{AxisIndex, check_inputs, index_prop, slice_dim, static_length};
use kronograph_ops::shape_text;

use super::pick::{Asked, Picked, Scattered, are, gathered, pick};
use crate::integers::integer_vector;
use crate::kept::Kept;
use crate::matrix::SparseMatrix;
use crate::number::each_number;
use crate::pattern::Moved;
use crate::ty::{SparseType, sparse_type};

/// Rows and columns of a sparse matrix. Inputs: the matrix, then what the index reads.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct GetItem2d {
    pub(super) axes: [AxisIndex; 2],
}

/// A sparse matrix put among the zeros of a larger one; what comes to one place is summed. Inputs: a matrix of the
/// larger shape, the smaller one, then what the index reads.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct GetItem2dGrad {
    pub(super) axes: [AxisIndex; 2],
}

const GET: &str = "get_item_2d";
const PUT: &str = "get_item_2d_grad";

/// Checks an index of the first input, and gives the static lengths of what it selects.
fn selected(
    op: &'static str,
    inputs: &[Variable],
    axes: &[AxisIndex; 2],
    matrices: usize,
) -> Result<[Option<usize>; 2]> {
    let refuse = |rule: &'static str| Err(BuildError::inputs(op, &inputs[..1], rule));
    match axes {
        [AxisIndex::At(_), _] | [_, AxisIndex::At(_)] => {
            return refuse("there are no sparse vectors: take a slice of one, or one entry with `get_item_scalar`");
        }
        [AxisIndex::Mask, _] | [_, AxisIndex::Mask] => {
            return refuse("a mask is no index here, take its `flatnonzero`");
        }
        [AxisIndex::Array, AxisIndex::Array] => {
            return refuse("two lists are either pairs, `get_item_2lists`, or rows first and columns of them then");
        }
        _ => {}
    }
    check_inputs(op, inputs, axes, matrices)?;
    let mut input = matrices;
    let mut length = |axis: usize| {
        input += axes[axis].inputs();
        match &axes[axis] {
            AxisIndex::Array => integer_vector(op, "a list of positions", &inputs[input - 1]),
            index => Ok(static_length(op, &inputs[0], axis, Some(index))?.flatten()),
        }
    };
    Ok([length(0)?, length(1)?])
}

/// What is selected, for the index that it was found for.
#[derive(Debug)]
struct Selected {
    picked: [Picked; 2],
    moved: Moved,
}

impl Op for GetItem2d {
    fn name(&self) -> Cow<'static, str> {
        "get_item_2d".into()
    }

    fn props(&self) -> Props {
        Props::default().with("idx", index_prop(&self.axes))
    }

    fn make_node(&self, inputs: &[Variable]) -> Result<NodeSpec> {
        let Some(x) = inputs.first() else { return Err(BuildError::arity(GET, 1, inputs)) };
        let ty = sparse_type(GET, x)?;
        let shape = selected(GET, inputs, &self.axes, 1)?;
        Ok(NodeSpec::one(SparseType::shared(ty.format(), ty.dtype(), shape)))
    }

    fn perform(&self, io: &mut Io<'_>) -> OpResult {
        let (state, inputs, outputs) = io.with_state::<Kept<Selected>>()?;
        let x = inputs.get::<SparseMatrix>(0)?;
        let asked = Asked::of(&self.axes, inputs, 1, x.shape())?;
        let find = || {
            let picked = pick(&asked, x.shape())?;
            let (slices, within) = x.format().swap((&picked[0], &picked[1]));
            let moved = gathered(x.pattern(), slices, within)?;
            Ok(Selected { picked, moved })
        };
        let found = state.of(&[x.pattern()], |known| are(&asked, &known.picked, x.shape()), find)?;
        let shape = [found.picked[0].len(), found.picked[1].len()];
        outputs[0].buffer::<SparseMatrix>().reset_moved(x.format(), shape, &found.moved, x);
        Ok(())
    }

    /// The cotangent at its place among zeros.
    fn l_op(&self, node: &NodeView<'_>, output_grads: &[Option<Variable>]) -> Result<Grads> {
        let mut grads = vec![Grad::Disconnected; node.inputs().len()];
        grads[0] = match &output_grads[0] {
            Some(g) => {
                let inputs = [&[node.input(0).clone(), g.clone()], &node.inputs()[1..]].concat();
                apply(GetItem2dGrad { axes: self.axes }, &inputs)?.into()
            }
            None => Grad::Zero,
        };
        Ok(grads)
    }

    fn r_op(&self, node: &NodeView<'_>, tangents: &[Option<Variable>]) -> Result<Tangents> {
        node.linear_tangent(0, tangents)
    }

    fn infer_shape(&self, _node: &NodeView<'_>, input_shapes: &[Shape]) -> Result<Vec<Shape>> {
        let mut input = 1;
        let mut dim = |axis: usize| {
            input += self.axes[axis].inputs();
            match &self.axes[axis] {
                AxisIndex::Array => input_shapes[input - 1][0].clone(),
                index => slice_dim(Some(index), &input_shapes[0][axis]),
            }
        };
        Ok(vec![Shape::from(vec![dim(0), dim(1)])])
    }

    fn connection_pattern(&self, _output: usize, input: usize) -> bool {
        input == 0
    }

    fn state(&self) -> Option<Box<dyn OpState>> {
        Some(Box::<Kept<Selected>>::default())
    }
}

/// Where entries go, for the index and the shape that it was found for.
#[derive(Debug)]
struct Put {
    picked: [Picked; 2],
    shape: [usize; 2],
    scattered: Scattered,
}

impl Put {
    fn of(g: &SparseMatrix, asked: &[Asked<'_>; 2], shape: [usize; 2]) -> Result<Self, OpFailure> {
        let picked = pick(asked, shape)?;
        let named = [picked[0].len(), picked[1].len()];
        if named != g.shape() {
            let (a, b) = (shape_text(&named), shape_text(&g.shape()));
            return Err(OpFailure::Shapes(format!("the index names a part of shape {a}, given is one of {b}")));
        }
        let picks = g.format().swap((&picked[0], &picked[1]));
        let scattered = Scattered::of_pattern(g.pattern(), picks, g.format().swap((shape[0], shape[1])))?;
        Ok(Self { picked, shape, scattered })
    }
}

impl Op for GetItem2dGrad {
    fn name(&self) -> Cow<'static, str> {
        "get_item_2d_grad".into()
    }

    fn props(&self) -> Props {
        Props::default().with("idx", index_prop(&self.axes))
    }

    fn make_node(&self, inputs: &[Variable]) -> Result<NodeSpec> {
        let [like, g, ..] = inputs else { return Err(BuildError::arity(PUT, 2, inputs)) };
        let (larger, ty) = (sparse_type(PUT, like)?, sparse_type(PUT, g)?);
        let named = selected(PUT, inputs, &self.axes, 2)?;
        if named.iter().zip(ty.shape()).any(|(a, b)| a.is_some() && b.is_some() && *a != b) {
            return Err(BuildError::inputs(
                PUT,
                &inputs[..2],
                "the second must have the shape of what the index names",
            ));
        }
        Ok(NodeSpec::one(SparseType::shared(ty.format(), ty.dtype(), larger.shape())))
    }

    fn perform(&self, io: &mut Io<'_>) -> OpResult {
        let (state, inputs, outputs) = io.with_state::<Kept<Put>>()?;
        let (shape, g) = (inputs.get::<SparseMatrix>(0)?.shape(), inputs.get::<SparseMatrix>(1)?);
        let asked = Asked::of(&self.axes, inputs, 2, shape)?;
        let serves = |known: &Put| known.shape == shape && are(&asked, &known.picked, shape);
        let put = state.of(&[g.pattern()], serves, || Put::of(g, &asked, shape))?;
        each_number!(g.dtype(), T => {
            let values = g.slots::<T>()?;
            let out = outputs[0].buffer::<SparseMatrix>().reset::<T>(g.format(), shape, &put.scattered.pattern);
            put.scattered.write(out, |slot| values[slot]);
        });
        Ok(())
    }

    fn l_op(&self, node: &NodeView<'_>, output_grads: &[Option<Variable>]) -> Result<Grads> {
        let mut grads = vec![Grad::Disconnected; node.inputs().len()];
        grads[1] = match &output_grads[0] {
            Some(g) => {
                let inputs = [std::slice::from_ref(g), &node.inputs()[2..]].concat();
                apply(GetItem2d { axes: self.axes }, &inputs)?.into()
            }
            None => Grad::Zero,
        };
        Ok(grads)
    }

    fn r_op(&self, node: &NodeView<'_>, tangents: &[Option<Variable>]) -> Result<Tangents> {
        node.linear_tangent(1, tangents)
    }

    fn infer_shape(&self, _node: &NodeView<'_>, input_shapes: &[Shape]) -> Result<Vec<Shape>> {
        let lengths: &[Dim] = &input_shapes[0];
        Ok(vec![lengths.iter().cloned().collect()])
    }

    fn connection_pattern(&self, _output: usize, input: usize) -> bool {
        input == 1
    }

    fn state(&self) -> Option<Box<dyn OpState>> {
        Some(Box::<Kept<Put>>::default())
    }
}
