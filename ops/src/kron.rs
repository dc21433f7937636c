//! The Kronecker product of two matrices, as an ordinary op that could be materialised.
//!
//! Rewrites remove every use that would: see `rewrites/src/rules/kron.rs`. The last factor varies fastest, as in
//! `numpy.kron`: row (i, k) of `A ⊗ B` is row `i rows(B) + k`.

use std::borrow::Cow;
use std::sync::Arc;

use kronograph_graph::{
    BuildError, Dim, Entry, Grad, Grads, Io, NodeSpec, NodeView, Op, OpError, OpFailure, OpResult, Params, Result,
    Sample, Shape, Tangents, Variable, apply, origin, shape_of, sum_of,
};

use crate::elemwise::cast;
use crate::layout::{reshape, transpose_axes};
use crate::linalg::matmul;
use crate::params::exactly;
use crate::samples::{dense, given, shaped};
use crate::tensor::{Element, Strided, Tensor, TensorType, check_size, shape_text, tensor_type};

/// `A ⊗ B`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Kron;

/// `A ⊗ B` of two matrices: `C[i p + k, j q + l] = A[i, j] B[k, l]` for B of shape (p, q).
///
/// Dtypes are promoted. Source: `numpy.kron`.
///
/// # Errors
///
/// When an operand is no matrix; at run time, when the size of the product overflows.
#[track_caller]
pub fn kron(a: &Variable, b: &Variable) -> Result<Variable> {
    apply(Kron, &[a.clone(), b.clone()])
}

#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the Kronecker product of {0} and {1} is too large to be formed")]
struct TooLarge(String, String);

impl OpError for TooLarge {}

/// The shape of the product of two matrices, if there is room for it.
fn product_shape(a: &[usize], b: &[usize]) -> Result<[usize; 2], TooLarge> {
    let axis = |k: usize| a[k].checked_mul(b[k]);
    let shape = axis(0).zip(axis(1)).map(|(rows, columns)| [rows, columns]);
    let too_large = || TooLarge(shape_text(a), shape_text(b));
    shape.filter(|shape| check_size(shape).is_ok()).ok_or_else(too_large)
}

/// The entry of this file.
pub(crate) fn entries() -> Vec<Entry> {
    let build = |params: &Params<'_>, inputs: &[Variable]| {
        let [a, b] = exactly(params, inputs)?;
        Ok(vec![kron(a, b)?])
    };
    vec![Entry::function("kron", "products", build, samples).parsed_by(|_| Ok(Arc::new(Kron)))]
}

fn samples() -> Vec<Sample> {
    let matrix = |shape: [usize; 2], seed| dense(&shape, (-2.0, 2.0), seed);
    let pair = |name: &'static str, a, b| Sample::new(name, [matrix(a, 1), matrix(b, 2)]);
    let single = [given(shaped(&[1, 2], vec![1.5f32, -2.0])), given(shaped(&[2, 1], vec![0.5f32, 3.0]))];
    let integers = [given(shaped(&[1, 2], vec![1i64, 2])), given(shaped(&[2, 1], vec![3i32, 4]))];
    vec![
        pair("a wide and a tall one", [2, 3], [3, 2]),
        pair("a row and a column", [1, 3], [2, 1]),
        pair("a matrix of one element", [2, 3], [1, 1]),
        pair("no rows", [0, 2], [2, 2]),
        Sample::new("f32", single).single(),
        Sample::new("integers", integers).edge(),
    ]
}

impl Op for Kron {
    fn name(&self) -> Cow<'static, str> {
        "kron".into()
    }

    fn make_node(&self, inputs: &[Variable]) -> Result<NodeSpec> {
        let [a, b] = inputs else { return Err(BuildError::arity("kron", 2, inputs)) };
        let (ta, tb) = (tensor_type("kron", a)?, tensor_type("kron", b)?);
        if ta.rank() != 2 || tb.rank() != 2 {
            return Err(BuildError::inputs("kron", inputs, "two matrices are needed"));
        }
        let dtype = ta.dtype().promote(tb.dtype());
        let mut lengths = [None; 2];
        for (axis, length) in lengths.iter_mut().enumerate() {
            if let (Some(a), Some(b)) = (ta.lengths()[axis], tb.lengths()[axis]) {
                let too_large = || BuildError::inputs("kron", inputs, "the product is too large to be addressed");
                *length = Some(a.checked_mul(b).ok_or_else(too_large)?);
            }
        }
        Ok(NodeSpec::one(TensorType::shared(dtype, &lengths)).with_inputs([cast(a, dtype)?, cast(b, dtype)?]))
    }

    /// One pass over the output: one multiplication and one write for each element.
    fn perform(&self, io: &mut Io<'_>) -> OpResult {
        fn fill<T: Element>(a: &Strided<T>, b: &Tensor, out: &mut Tensor, times: impl Fn(T, T) -> T) -> OpResult {
            let b = T::of(b).ok_or(OpFailure::WrongValue(1))?;
            let shape = product_shape(a.shape(), b.shape())?;
            let out = out.reset::<T>(&shape);
            if out.is_empty() {
                return Ok(());
            }
            let (a, b) = (a.to_contiguous(), b.to_contiguous());
            let rows = a.storage().chunks_exact(a.shape()[1]).flat_map(|a_row| {
                let b_rows = b.storage()[..b.len()].chunks_exact(b.shape()[1]);
                b_rows.map(move |b_row| (a_row, b_row))
            });
            for ((a_row, b_row), row) in rows.zip(out.chunks_exact_mut(shape[1])) {
                for (x, block) in a_row.iter().zip(row.chunks_exact_mut(b_row.len())) {
                    block.iter_mut().zip(b_row).for_each(|(out, y)| *out = times(*x, *y));
                }
            }
            Ok(())
        }
        let b = io.inputs.get::<Tensor>(1)?;
        let out = io.outputs[0].buffer::<Tensor>();
        match io.inputs.get::<Tensor>(0)? {
            Tensor::F64(a) => fill(a, b, out, |x, y| x * y),
            Tensor::F32(a) => fill(a, b, out, |x, y| x * y),
            Tensor::I64(a) => fill(a, b, out, i64::wrapping_mul),
            Tensor::I32(a) => fill(a, b, out, i32::wrapping_mul),
            Tensor::I8(a) => fill(a, b, out, i8::wrapping_mul),
            Tensor::U8(a) => fill(a, b, out, u8::wrapping_mul),
            Tensor::Bool(a) => fill(a, b, out, |x, y| x & y),
        }
    }

    /// With C̄ seen as (i, k, j, l): `Ā[i, j] = sum_kl C̄ B[k, l]` and `B̄[k, l] = sum_ij C̄ A[i, j]`.
    fn l_op(&self, node: &NodeView<'_>, output_grads: &[Option<Variable>]) -> Result<Grads> {
        let Some(g) = &output_grads[0] else { return Ok(vec![Grad::Zero; 2]) };
        let (a, b) = (node.input(0), node.input(1));
        let rearranged = rearrange(g, a, b)?;
        let flat = |x: &Variable| reshape(x, [size(x)]);
        let a_bar = reshape(&matmul(&rearranged, &flat(b)?)?, shape_of(a))?;
        let b_bar = reshape(&matmul(&flat(a)?, &rearranged)?, shape_of(b))?;
        Ok(vec![a_bar.into(), b_bar.into()])
    }

    /// `Ȧ ⊗ B + A ⊗ Ḃ`.
    fn r_op(&self, node: &NodeView<'_>, tangents: &[Option<Variable>]) -> Result<Tangents> {
        let left = tangents[0].as_ref().map(|t| kron(t, node.input(1))).transpose()?;
        let right = tangents[1].as_ref().map(|t| kron(node.input(0), t)).transpose()?;
        Ok(vec![sum_of(&[left, right])?.into()])
    }

    fn infer_shape(&self, _node: &NodeView<'_>, input_shapes: &[Shape]) -> Result<Vec<Shape>> {
        let (a, b) = (&input_shapes[0], &input_shapes[1]);
        Ok(vec![a.iter().zip(b).map(|(a, b)| a.times(b)).collect()])
    }

    /// The product may be far larger than its factors, and rewrites avoid it.
    fn do_constant_folding(&self, _node: &NodeView<'_>) -> bool {
        false
    }
}

fn size(x: &Variable) -> Dim {
    shape_of(x).iter().fold(Dim::from(1), |size, dim| size.times(dim))
}

/// The matrix of shape `(m_A n_A, m_B n_B)` whose rows belong to entries of A and whose columns to entries of B.
fn rearrange(c: &Variable, a: &Variable, b: &Variable) -> Result<Variable> {
    let _scope = origin::here();
    let (sa, sb) = (shape_of(a), shape_of(b));
    let blocks = reshape(c, [sa[0].clone(), sb[0].clone(), sa[1].clone(), sb[1].clone()])?;
    reshape(&transpose_axes(&blocks, &[0, 2, 1, 3])?, [size(a), size(b)])
}
