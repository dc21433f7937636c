//! Sparse matrices beside each other, above each other and along the diagonal: blocks placed at offsets.

use std::borrow::Cow;
use std::sync::Arc;

use kronograph_graph::{
    BuildError, Dim, Entry, Grad, Grads, Io, NodeSpec, NodeView, Op, OpFailure, OpResult, OpState, Params, Props,
    Result, Sample, Shape, Tangents, Variable, apply, origin, shape_of,
};
use kronograph_ops::params::dtype_of;
use kronograph_ops::{DType, Index, Tensor, TensorType, cast, full};

use crate::cast::sparse_cast;
use crate::dense::dense_from_sparse_regular;
use crate::format::{format_of, maybe_format, to_format};
use crate::index::get_item_2d;
use crate::kept::Kept;
use crate::like::sp_zeros_like;
use crate::matrix::{Format, SparseMatrix};
use crate::number::each_number;
use crate::samples::both_formats;
use crate::ty::{SparseType, is_sparse, sparse_type};

mod placed;
mod samples;

use placed::Placed;
use samples::{beside, diagonal};

/// Where the next block goes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
enum Along {
    Columns,
    Rows,
    Diagonal,
}

impl Along {
    /// Whether the offsets of rows and of columns grow.
    fn grows(self) -> [bool; 2] {
        [self != Along::Columns, self != Along::Rows]
    }

    fn name(self) -> &'static str {
        match self {
            Along::Columns => "hstack",
            Along::Rows => "vstack",
            Along::Diagonal => "sparse_block_diag",
        }
    }
}

/// Blocks at offsets. Inputs: sparse matrices of the format, or dense ones where they go along the diagonal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Stack {
    along: Along,
    format: Format,
}

/// Sparse matrices beside each other, in a format (CSC if `None`) and the dtype that all convert to (PyTensor:
/// `hstack`). Explicit zeros and the order of slots are kept; formats may differ. One matrix is converted to the format.
///
/// The derivative is regular: each block gets its piece of the cotangent.
///
/// ```
/// use kronograph_sparse::{Format, hstack, sparse_matrix};
/// let a = sparse_matrix("a", Format::Csr, [Some(2), Some(3)]);
/// let b = sparse_matrix("b", Format::Csc, [None, Some(1)]);
/// assert_eq!(hstack(&[a, b], None)?.ty().to_string(), "csc f64 (2, 4)");
/// # Ok::<(), kronograph_graph::BuildError>(())
/// ```
///
/// # Errors
///
/// When there are none, one is no sparse matrix, or the numbers of rows differ.
#[track_caller]
pub fn hstack(blocks: &[Variable], format: impl Into<Option<Format>>) -> Result<Variable> {
    stacked(Along::Columns, blocks, format.into())
}

/// Sparse matrices above each other (PyTensor: `vstack`); else as [`hstack`].
///
/// # Errors
///
/// When there are none, one is no sparse matrix, or the numbers of columns differ.
#[track_caller]
pub fn vstack(blocks: &[Variable], format: impl Into<Option<Format>>) -> Result<Variable> {
    stacked(Along::Rows, blocks, format.into())
}

/// Matrices along the diagonal of a larger sparse one, in a format (CSC if `None`) and the dtype that all convert to
/// (PyTensor: `block_diag` of its sparse module). Blocks are sparse, or dense: those are stored in full, zeros
/// included. [`block_diag`](kronograph_ops::block_diag) is this where one block is sparse.
///
/// The derivative is regular: each block gets its piece of the cotangent, a dense one written out.
///
/// # Errors
///
/// When there are none, or one is no matrix of numbers.
#[track_caller]
pub fn block_diag(blocks: &[Variable], format: impl Into<Option<Format>>) -> Result<Variable> {
    stacked(Along::Diagonal, blocks, format.into())
}

#[track_caller]
fn stacked(along: Along, blocks: &[Variable], format: Option<Format>) -> Result<Variable> {
    let _scope = origin::here();
    let (name, format) = (along.name(), format.unwrap_or(Format::Csc));
    let Some(first) = blocks.first() else { return Err(BuildError::parameter(name, "there are no blocks to stack")) };
    let mut dtype = DType::Bool;
    for block in blocks {
        dtype = dtype.promote(match block.type_as::<TensorType>() {
            Some(ty) if along == Along::Diagonal && ty.rank() == 2 => ty.dtype(),
            Some(_) if along == Along::Diagonal => {
                return Err(BuildError::inputs(name, std::slice::from_ref(block), "a block is a matrix"));
            }
            _ => sparse_type(name, block)?.dtype(),
        });
    }
    let convert = |block: &Variable| match is_sparse(block) {
        true => sparse_cast(&to_format(block, format)?, dtype),
        false => cast(block, dtype),
    };
    if blocks.len() == 1 && is_sparse(first) {
        return convert(first);
    }
    apply(Stack { along, format }, &blocks.iter().map(convert).collect::<Result<Vec<_>>>()?)
}

/// The entries of this file.
pub(crate) fn entries() -> Vec<Entry> {
    let build = |along: Along| {
        move |params: &Params<'_>, blocks: &[Variable]| {
            let all = stacked(along, blocks, maybe_format(params)?)?;
            Ok(vec![match dtype_of(params, "dtype")? {
                Some(dtype) => sparse_cast(&all, dtype)?,
                None => all,
            }])
        }
    };
    let parsed =
        |along: Along| move |params: &Params<'_>| Ok(Arc::new(Stack { along, format: format_of(params)? }) as _);
    let entry = |along: Along, samples: fn(Format) -> Vec<Sample>| {
        let samples = move || both_formats(samples);
        Entry::function(along.name(), "sparse", build(along), samples).parsed_by(parsed(along))
    };
    vec![
        entry(Along::Columns, |format| beside(format, 0)),
        entry(Along::Rows, |format| beside(format, 1)),
        entry(Along::Diagonal, diagonal).answering_for("block_diag", |params, _| params.get("format").is_some()),
    ]
}

const AXES: [&str; 2] = ["rows", "columns"];

impl Op for Stack {
    fn name(&self) -> Cow<'static, str> {
        match self.along {
            Along::Columns => "hstack".into(),
            Along::Rows => "vstack".into(),
            Along::Diagonal => "sparse_block_diag".into(),
        }
    }

    fn props(&self) -> Props {
        Props::default().with("format", self.format.name())
    }

    fn make_node(&self, inputs: &[Variable]) -> Result<NodeSpec> {
        let name = self.along.name();
        let (mut dtype, mut shape) = (None, self.along.grows().map(|grows| grows.then_some(0usize)));
        for (k, input) in inputs.iter().enumerate() {
            let (own, lengths) = match (input.type_as::<SparseType>(), input.type_as::<TensorType>()) {
                (Some(ty), _) if ty.format() == self.format => (ty.dtype(), ty.shape()),
                (_, Some(ty)) if self.along == Along::Diagonal && ty.rank() == 2 => {
                    (ty.dtype(), [ty.lengths()[0], ty.lengths()[1]])
                }
                _ => return Err(BuildError::inputs(name, inputs, "the blocks must be matrices of the format")),
            };
            if *dtype.get_or_insert(own) != own || !SparseType::admits(own) {
                return Err(BuildError::inputs(name, inputs, "the blocks must hold numbers of one dtype"));
            }
            for (axis, grows) in self.along.grows().into_iter().enumerate() {
                let (all, own) = (shape[axis], lengths[axis]);
                shape[axis] = match grows {
                    true => all.zip(own).and_then(|(all, own)| all.checked_add(own)),
                    false if all.is_some() && own.is_some() && all != own => {
                        let rule = format!("the blocks must have one number of {}; block {k} has another", AXES[axis]);
                        return Err(BuildError::inputs(name, inputs, rule));
                    }
                    false => all.or(own),
                };
            }
        }
        match dtype {
            Some(dtype) => Ok(NodeSpec::one(SparseType::shared(self.format, dtype, shape))),
            None => Err(BuildError::arity(name, 1, inputs)),
        }
    }

    fn perform(&self, io: &mut Io<'_>) -> OpResult {
        let (state, inputs, outputs) = io.with_state::<Kept<Placed>>()?;
        let dtype = inputs.get::<SparseMatrix>(0).map(|x| x.dtype()).or_else(|_| Ok(inputs.get::<Tensor>(0)?.dtype()));
        let placed = state.of(&[], |known: &Placed| known.serves(inputs), || Placed::of(inputs, *self))?;
        let out = outputs[0].buffer::<SparseMatrix>();
        each_number!(dtype.map_err(|error: OpFailure| error)?, T => {
            placed.write(inputs, self.format, out.reset::<T>(self.format, placed.shape, &placed.pattern))?;
        });
        Ok(())
    }

    /// Each block gets its piece of the cotangent.
    fn l_op(&self, node: &NodeView<'_>, output_grads: &[Option<Variable>]) -> Result<Grads> {
        let Some(g) = &output_grads[0] else { return Ok(vec![Grad::Zero; node.inputs().len()]) };
        let (mut corner, mut grads) = ([Dim::from(0), Dim::from(0)], Grads::new());
        for block in node.inputs() {
            let shape = shape_of(block);
            let next = [corner[0].plus(&shape[0]), corner[1].plus(&shape[1])];
            let [rows, columns] = [0, 1].map(|axis| match self.along.grows()[axis] {
                true => Index::between(corner[axis].clone(), next[axis].clone()),
                false => Index::ALL,
            });
            grads.push(match (block.ty().tangent(), is_sparse(block)) {
                (None, _) => Grad::Zero,
                (_, true) => get_item_2d(g, rows, columns)?.into(),
                (_, false) => dense_from_sparse_regular(&get_item_2d(g, rows, columns)?)?.into(),
            });
            corner = next;
        }
        Ok(grads)
    }

    /// Linear in all blocks together.
    fn r_op(&self, node: &NodeView<'_>, tangents: &[Option<Variable>]) -> Result<Tangents> {
        let blocks = node.inputs().iter().zip(tangents).map(|(input, tangent)| match tangent {
            Some(tangent) => Ok(tangent.clone()),
            None if is_sparse(input) => sp_zeros_like(input),
            None => full(0.0, DType::F32, shape_of(input)),
        });
        Ok(vec![stacked(self.along, &blocks.collect::<Result<Vec<_>>>()?, Some(self.format))?.into()])
    }

    fn infer_shape(&self, _node: &NodeView<'_>, input_shapes: &[Shape]) -> Result<Vec<Shape>> {
        let mut shape = input_shapes[0].clone();
        for other in &input_shapes[1..] {
            for (axis, grows) in self.along.grows().into_iter().enumerate() {
                shape[axis] = if grows { shape[axis].plus(&other[axis]) } else { shape[axis].clone() };
            }
        }
        Ok(vec![shape])
    }

    fn state(&self) -> Option<Box<dyn OpState>> {
        Some(Box::<Kept<Placed>>::default())
    }
}
