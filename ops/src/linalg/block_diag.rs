//! Matrices along the diagonal of a larger one.

use std::borrow::Cow;
use std::sync::Arc;

use kronograph_graph::{
    BuildError, Dim, Entry, Grad, Grads, Io, NodeSpec, NodeView, Op, OpFailure, OpResult, Operand, Params, Result,
    Sample, Shape, Tangents, Variable, apply, origin, overloaded, shape_of,
};
use smallvec::SmallVec;

use super::matrices::common_leading;
use crate::construct::full;
use crate::dtype::DType;
use crate::elemwise::cast;
use crate::index::{Index, subtensor};
use crate::kernels::runs::for_each_run;
use crate::params::some;
use crate::samples::{broadcasting, dense, given, shaped, spread_over};
use crate::tensor::{
    Element, Extents, Strided, Tensor, TensorType, check_size, each_dtype, row_major, shape_text, tensor_type,
};

/// Matrices along the diagonal of a larger one that is zero elsewhere.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct BlockDiag;

/// Matrices one after another along the diagonal of a larger one, zero elsewhere (SciPy: `block_diag`); (m₁, n₁), (m₂,
/// n₂), .. → (m₁ + m₂ + .., n₁ + n₂ + ..), for every combination of the leading axes; dtypes are promoted.
///
/// # Errors
///
/// When there are none, one has less than two axes, or their leading axes do not fit.
#[track_caller]
pub fn block_diag(blocks: &[Variable]) -> Result<Variable> {
    let _scope = origin::here();
    let operands: Vec<_> = blocks.iter().map(Operand::Variable).collect();
    if let Some(answer) = overloaded(&BlockDiag, &operands) {
        return answer;
    }
    apply(BlockDiag, &common_leading("block_diag", &blocks.iter().collect::<Vec<_>>())?)
}

/// The entry of this file. PyTensor's `sparse` must be false or absent.
pub(crate) fn entries() -> Vec<Entry> {
    let build = |params: &Params<'_>, blocks: &[Variable]| {
        if params.flag("sparse")? {
            return Err(BuildError::parameter(
                "block_diag",
                "these matrices are dense, and so is what they are put into",
            ));
        }
        Ok(vec![block_diag(some(params, blocks)?)?])
    };
    vec![Entry::function("block_diag", "linear algebra", build, samples).parsed_by(|_| Ok(Arc::new(BlockDiag)))]
}

fn samples() -> Vec<Sample> {
    let x = |shape: &[usize], seed| dense(shape, (-2.0, 2.0), seed);
    let row = broadcasting(spread_over(&[1, 2, 1], (-2.0, 2.0), 3), &[0]);
    let single = given(shaped(&[1, 2], vec![1.5f32, 2.0]));
    vec![
        Sample::new("two", [x(&[2, 2], 1), x(&[1, 3], 2)]).with("sparse", false),
        Sample::new("one", [x(&[2, 3], 1)]),
        Sample::new("three, one without rows", [x(&[2, 1], 1), x(&[0, 2], 2), x(&[1, 1], 3)]),
        Sample::new("stacks", [x(&[3, 2, 2], 1), x(&[3, 1, 2], 2)]),
        Sample::new("a stack and a matrix for all of it", [x(&[3, 2, 2], 1), row, x(&[1, 2], 2)]),
        Sample::new("empty stacks", [x(&[0, 2, 2], 1), x(&[0, 1, 1], 2)]),
        Sample::new("of several dtypes", [given(shaped(&[1, 1], vec![7i64])), x(&[1, 1], 1)]),
        Sample::new("truth values", [given(shaped(&[1, 1], vec![true])), given(shaped(&[1, 1], vec![true]))]).edge(),
        Sample::new("f32", [single.clone(), single]).single(),
    ]
}

impl Op for BlockDiag {
    fn name(&self) -> Cow<'static, str> {
        "block_diag".into()
    }

    fn make_node(&self, inputs: &[Variable]) -> Result<NodeSpec> {
        let Some(first) = inputs.first() else { return Err(BuildError::arity("block_diag", 1, inputs)) };
        let mut lengths = tensor_type("block_diag", first)?.lengths().to_vec();
        let (rank, mut dtype) = (lengths.len(), DType::Bool);
        if rank < 2 {
            return Err(BuildError::inputs("block_diag", inputs, "matrices, or stacks of them, are needed"));
        }
        lengths[rank - 2..].fill(Some(0));
        for input in inputs {
            let ty = tensor_type("block_diag", input)?;
            if ty.rank() != rank {
                return Err(BuildError::inputs("block_diag", inputs, "the numbers of axes differ"));
            }
            dtype = dtype.promote(ty.dtype());
            for (axis, (length, own)) in lengths.iter_mut().zip(ty.lengths()).enumerate() {
                *length = match (*length, *own) {
                    (sum, own) if axis + 2 >= rank => sum.zip(own).and_then(|(sum, own)| sum.checked_add(own)),
                    (Some(a), Some(b)) if a != b => {
                        let rule = format!("axis {axis} must have one length, not {a} and {b}");
                        return Err(BuildError::inputs("block_diag", inputs, rule));
                    }
                    (length, own) => length.or(own),
                };
            }
        }
        let inputs = inputs.iter().map(|input| cast(input, dtype)).collect::<Result<Vec<_>>>()?;
        Ok(NodeSpec::one(TensorType::shared(dtype, &lengths)).with_inputs(inputs))
    }

    fn perform(&self, io: &mut Io<'_>) -> OpResult {
        fn clear<T: Element>(_: &Strided<T>, out: &mut Tensor, shape: &[usize]) {
            out.reset::<T>(shape).fill(T::default());
        }
        fn write<T: Element>(block: &Strided<T>, out: &mut Tensor, from: usize, strides: &[usize]) {
            let Some(out) = T::of_mut(out).map(|out| out.buffer_mut()) else { return };
            for_each_run(block.shape(), [block.strides(), strides], |[at, to], [step, out_step], length| {
                let block = &block.storage()[at..];
                (0..length).for_each(|i| out[from + to + i * out_step] = block[i * step]);
            });
        }
        let blocks =
            (0..io.inputs.len()).map(|k| io.inputs.get::<Tensor>(k)).collect::<Result<SmallVec<[_; 4]>, _>>()?;
        let mut shape: Extents = blocks[0].shape().into();
        let leading = shape.len() - 2;
        for block in &blocks[1..] {
            if block.shape().len() != shape.len() || block.shape()[..leading] != shape[..leading] {
                let (a, b) = (shape_text(&shape), shape_text(block.shape()));
                return Err(OpFailure::Shapes(format!("the leading axes of {a} and {b} differ")).into());
            }
            (leading..leading + 2).for_each(|axis| shape[axis] += block.shape()[axis]);
        }
        check_size(&shape)?;
        let (strides, out) = (row_major(&shape), io.outputs[0].buffer::<Tensor>());
        each_dtype!(blocks[0], array => clear(array, out, &shape));
        let mut from = 0;
        for block in &blocks {
            each_dtype!(block, array => write(array, out, from, &strides));
            from += block.shape()[leading] * strides[leading] + block.shape()[leading + 1];
        }
        Ok(())
    }

    /// Each block gets its piece of the cotangent.
    fn l_op(&self, node: &NodeView<'_>, output_grads: &[Option<Variable>]) -> Result<Grads> {
        let Some(g) = &output_grads[0] else { return Ok(vec![Grad::Zero; node.inputs().len()]) };
        let leading = g.ty().extents().len() - 2;
        let mut corner = [Dim::from(0), Dim::from(0)];
        let mut grads = Grads::new();
        for input in node.inputs() {
            let shape = shape_of(input);
            let next = [corner[0].plus(&shape[leading]), corner[1].plus(&shape[leading + 1])];
            let mut index = vec![Index::ALL; leading];
            index.extend(corner.into_iter().zip(next.clone()).map(|(from, to)| Index::between(from, to)));
            grads.push(subtensor(g, &index)?.into());
            corner = next;
        }
        Ok(grads)
    }

    /// Linear in all blocks together.
    fn r_op(&self, node: &NodeView<'_>, tangents: &[Option<Variable>]) -> Result<Tangents> {
        let blocks = node.inputs().iter().zip(tangents).map(|(input, tangent)| match tangent {
            Some(tangent) => Ok(tangent.clone()),
            None => {
                let dtype = tensor_type("block_diag", input)?.dtype().tangent().unwrap_or(DType::F64);
                full(0.0, dtype, shape_of(input))
            }
        });
        Ok(vec![apply(*self, &blocks.collect::<Result<Vec<_>>>()?)?.into()])
    }

    fn infer_shape(&self, _node: &NodeView<'_>, input_shapes: &[Shape]) -> Result<Vec<Shape>> {
        let mut shape = input_shapes[0].clone();
        let leading = shape.len() - 2;
        for other in &input_shapes[1..] {
            for axis in leading..leading + 2 {
                shape[axis] = shape[axis].plus(&other[axis]);
            }
        }
        Ok(vec![shape])
    }
}
