//! Single entries of a sparse matrix by lists of rows and columns, and putting entries there: each other's derivatives.

use std::borrow::Cow;

use kronograph_graph::{
    BuildError, Grad, Grads, Inputs, Io, NodeSpec, NodeView, Op, OpFailure, OpResult, OpState, Result, Shape, Tangents,
    Variable, apply,
};
use kronograph_ops::axes::AxisIndex;
use kronograph_ops::{Element, Tensor, TensorType};

use super::pick::{Asked, Picked, Scattered, are, pick, slots_of};
use crate::integers::integer_vector;
use crate::kept::Kept;
use crate::matrix::SparseMatrix;
use crate::number::each_number;
use crate::ty::{SparseType, sparse_type};

/// Entries of a sparse matrix, as a dense vector. Inputs: the matrix, rows, columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct GetItem2Lists;

/// A sparse matrix of given entries; those of one place are summed. Inputs: a matrix of the shape and format, the
/// entries, rows, columns.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct GetItem2ListsGrad;

const GET: &str = "get_item_2lists";
const PUT: &str = "get_item_2lists_grad";

/// The static length that lists of positions, and what goes with them, have in common.
fn common_length(op: &'static str, inputs: &[Variable], lengths: &[Option<usize>]) -> Result<Option<usize>> {
    let known: Vec<usize> = lengths.iter().copied().flatten().collect();
    match known.windows(2).all(|pair| pair[0] == pair[1]) {
        true => Ok(known.first().copied()),
        false => Err(BuildError::inputs(op, inputs, "the lists must be of one length")),
    }
}

fn asked<'a>(inputs: &Inputs<'a>, from: usize, shape: [usize; 2]) -> Result<[Asked<'a>; 2], OpFailure> {
    let [rows, columns] = [inputs.get::<Tensor>(from)?.len(), inputs.get::<Tensor>(from + 1)?.len()];
    match rows == columns {
        true => Asked::of(&[AxisIndex::Array; 2], inputs, from, shape),
        false => Err(OpFailure::Shapes(format!("lists of {rows} rows and {columns} columns are of two lengths"))),
    }
}

/// The positions of a format that lists of rows and columns name.
fn positions<'a>(
    format: crate::Format,
    [rows, columns]: &'a [Picked; 2],
) -> impl Iterator<Item = (usize, usize)> + Clone + 'a {
    (0..rows.len()).map(move |k| format.swap((rows.at(k), columns.at(k))))
}

/// The slots of entries, for the lists that they were found for.
#[derive(Debug)]
struct Found {
    picked: [Picked; 2],
    slots: Vec<u32>,
}

impl Op for GetItem2Lists {
    fn name(&self) -> Cow<'static, str> {
        "get_item_2lists".into()
    }

    fn make_node(&self, inputs: &[Variable]) -> Result<NodeSpec> {
        let [x, rows, columns] = inputs else { return Err(BuildError::arity(GET, 3, inputs)) };
        let dtype = sparse_type(GET, x)?.dtype();
        let lengths = [integer_vector(GET, "the rows", rows)?, integer_vector(GET, "the columns", columns)?];
        Ok(NodeSpec::one(TensorType::shared(dtype, &[common_length(GET, &inputs[1..], &lengths)?])))
    }

    fn perform(&self, io: &mut Io<'_>) -> OpResult {
        let (state, inputs, outputs) = io.with_state::<Kept<Found>>()?;
        let x = inputs.get::<SparseMatrix>(0)?;
        let asked = asked(inputs, 1, x.shape())?;
        let find = || {
            let picked = pick(&asked, x.shape())?;
            let slots = slots_of(x.pattern(), positions(x.format(), &picked));
            Ok(Found { picked, slots })
        };
        let found = state.of(&[x.pattern()], |known| are(&asked, &known.picked, x.shape()), find)?;
        each_number!(x.dtype(), T => {
            let values = x.slots::<T>()?;
            let out = outputs[0].buffer::<Tensor>().reset::<T>(&[found.slots.len()]);
            let value = |slot: u32| values.get(slot as usize).copied().unwrap_or_default();
            out.iter_mut().zip(&found.slots).for_each(|(out, &slot)| *out = value(slot));
        });
        Ok(())
    }

    /// The cotangents at their places among zeros.
    fn l_op(&self, node: &NodeView<'_>, output_grads: &[Option<Variable>]) -> Result<Grads> {
        let [x, rows, columns] = [node.input(0), node.input(1), node.input(2)].map(Variable::clone);
        let back = |g: &Variable| apply(GetItem2ListsGrad, &[x, g.clone(), rows, columns]);
        let grad: Grad = output_grads[0].as_ref().map(back).transpose()?.into();
        Ok(vec![grad, Grad::Disconnected, Grad::Disconnected])
    }

    fn r_op(&self, node: &NodeView<'_>, tangents: &[Option<Variable>]) -> Result<Tangents> {
        node.linear_tangent(0, tangents)
    }

    fn infer_shape(&self, _node: &NodeView<'_>, input_shapes: &[Shape]) -> Result<Vec<Shape>> {
        Ok(vec![input_shapes[1].clone()])
    }

    fn connection_pattern(&self, _output: usize, input: usize) -> bool {
        input == 0
    }

    fn state(&self) -> Option<Box<dyn OpState>> {
        Some(Box::<Kept<Found>>::default())
    }
}

/// Where entries go, for the lists and the shape that it was found for.
#[derive(Debug)]
struct Put {
    picked: [Picked; 2],
    shape: [usize; 2],
    scattered: Scattered,
}

impl Op for GetItem2ListsGrad {
    fn name(&self) -> Cow<'static, str> {
        "get_item_2lists_grad".into()
    }

    fn make_node(&self, inputs: &[Variable]) -> Result<NodeSpec> {
        let [like, g, rows, columns] = inputs else { return Err(BuildError::arity(PUT, 4, inputs)) };
        let ty = sparse_type(PUT, like)?;
        let (dtype, entries) = match g.type_as::<TensorType>() {
            Some(entries) if entries.rank() == 1 && SparseType::admits(entries.dtype()) => {
                (entries.dtype(), entries.lengths()[0])
            }
            _ => return Err(BuildError::inputs(PUT, inputs, "the second must be a vector of numbers")),
        };
        let lengths = [integer_vector(PUT, "the rows", rows)?, integer_vector(PUT, "the columns", columns)?];
        common_length(PUT, &inputs[1..], &[entries, lengths[0], lengths[1]])?;
        Ok(NodeSpec::one(SparseType::shared(ty.format(), dtype, ty.shape())))
    }

    fn perform(&self, io: &mut Io<'_>) -> OpResult {
        let (state, inputs, outputs) = io.with_state::<Kept<Put>>()?;
        let (like, g) = (inputs.get::<SparseMatrix>(0)?, inputs.get::<Tensor>(1)?);
        let (format, shape) = (like.format(), like.shape());
        let asked = asked(inputs, 2, shape)?;
        let find = || {
            let picked = pick(&asked, shape)?;
            if picked[0].len() != g.len() {
                let (got, want) = (g.len(), picked[0].len());
                return Err(OpFailure::Shapes(format!("{got} entries do not fill {want} positions")));
            }
            let scattered = Scattered::of(format.swap((shape[0], shape[1])), positions(format, &picked))?;
            Ok(Put { picked, shape, scattered })
        };
        let serves =
            |known: &Put| known.shape == shape && known.picked[0].len() == g.len() && are(&asked, &known.picked, shape);
        let put = state.of(&[], serves, find)?;
        each_number!(g.dtype(), T => {
            let g = T::of(g).ok_or(OpFailure::WrongValue(1))?;
            let (storage, step) = (g.storage(), g.strides()[0]);
            let out = outputs[0].buffer::<SparseMatrix>().reset::<T>(format, shape, &put.scattered.pattern);
            put.scattered.write(out, |k| storage[k * step]);
        });
        Ok(())
    }

    fn l_op(&self, node: &NodeView<'_>, output_grads: &[Option<Variable>]) -> Result<Grads> {
        let mut grads = vec![Grad::Disconnected; 4];
        let entries = |g: &Variable| apply(GetItem2Lists, &[g.clone(), node.input(2).clone(), node.input(3).clone()]);
        grads[1] = output_grads[0].as_ref().map(entries).transpose()?.into();
        Ok(grads)
    }

    fn r_op(&self, node: &NodeView<'_>, tangents: &[Option<Variable>]) -> Result<Tangents> {
        node.linear_tangent(1, tangents)
    }

    fn infer_shape(&self, _node: &NodeView<'_>, input_shapes: &[Shape]) -> Result<Vec<Shape>> {
        Ok(vec![input_shapes[0].clone()])
    }

    fn connection_pattern(&self, _output: usize, input: usize) -> bool {
        input == 1
    }

    fn state(&self) -> Option<Box<dyn OpState>> {
        Some(Box::<Kept<Put>>::default())
    }
}
