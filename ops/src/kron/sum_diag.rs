//! The diagonal of a Kronecker sum, from the diagonals of its factors.

use std::borrow::Cow;
use std::sync::Arc;

use kronograph_graph::{
    BuildError, Dim, Entry, Grad, Grads, Io, NodeSpec, NodeView, Op, OpFailure, OpResult, OpState, Params, Result,
    Sample, Shape, Tangents, Variable, apply, shape_of,
};
use smallvec::SmallVec;

use super::axis_sums::factorwise_sums_diag;
use super::factors::TooLarge;
use super::rows::{Factors, Rows, product_size, write_row};
use crate::construct::full;
use crate::dtype::DType;
use crate::elemwise::cast;
use crate::kernels::outer_sum::Summand;
use crate::layout::size_of;
use crate::params::some;
use crate::samples::{dense, given, narrowed, spread_over};
use crate::tensor::{Element, Strided, Tensor, TensorType, tensor_type};

/// The diagonal of a Kronecker sum. Inputs: the diagonals of the factors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct KronsumDiag;

/// `out[(i_1, .., i_K)] = v_1[i_1] + .. + v_K[i_K]`, the last index fastest: the diagonal of
/// [`kronsum`](super::kronsum) of the diagonal matrices; (d_1), .., (d_K) → (d_1 .. d_K).
///
/// Sums are made from left to right, so the result is that of taking the factors two by two, to the bit. One pass over
/// the output: one addition and one write for each element. Dtypes are promoted. Derivative: `v̄_k` is the sum over the
/// other indices, for all k in one pass ([`factorwise_sums_diag`]).
///
/// ```
/// use kronograph_ops::{DType, kronsum_diag, tensor};
/// let v = [2, 3, 4].map(|length| tensor("v", DType::F64, &[Some(length)]));
/// assert_eq!(kronsum_diag(&v)?.ty().to_string(), "f64 (24,)");
/// # Ok::<(), kronograph_graph::BuildError>(())
/// ```
///
/// # Errors
///
/// When there are no factors, one is no vector, or the size of the sum overflows; at run time, when there is no room
/// for it.
#[track_caller]
pub fn kronsum_diag(diagonals: &[Variable]) -> Result<Variable> {
    apply(KronsumDiag, diagonals)
}

/// The entry of this file.
pub(super) fn entries() -> Vec<Entry> {
    let build = |params: &Params<'_>, inputs: &[Variable]| Ok(vec![kronsum_diag(some(params, inputs)?)?]);
    vec![Entry::function("kronsum_diag", "products", build, samples).parsed_by(|_| Ok(Arc::new(KronsumDiag)))]
}

fn samples() -> Vec<Sample> {
    let of = |name: &'static str, lengths: &[usize]| {
        let v = |(k, length): (usize, &usize)| dense(&[*length], (-2.0, 2.0), k as u64);
        Sample::new(name, lengths.iter().enumerate().map(v))
    };
    let single = [3, 2].map(|length| narrowed(&spread_over(&[length], (-2.0, 2.0), 1)));
    vec![
        of("one", &[3]),
        of("two", &[2, 3]),
        of("three", &[2, 3, 4]),
        of("five", &[2, 1, 3, 1, 2]),
        of("a long last one", &[2, 19]),
        of("factors of one element", &[1, 1]),
        of("nothing", &[2, 0, 3]),
        Sample::new("f32", single).single(),
        Sample::new("integers", [given(vec![1i64, 2]), given(vec![3i32, -4])]).edge(),
    ]
}

/// The sums over all factors but the last, as many of them as are written one after another.
#[derive(Debug, Default)]
struct Starts(Tensor);

impl OpState for Starts {
    fn fork(&self) -> Box<dyn OpState> {
        Box::<Self>::default()
    }
}

/// As many starts are made before rows are written, where one factor is not longer.
const BLOCK: usize = 4096;

/// From so many bytes on, the output is written past the caches, which it does not fit into.
const STREAMED: usize = 1 << 25;

/// Sum `number` of all sums over some vectors; nothing for no vectors.
fn sum_at<T: Copy>(vectors: &[Rows<'_, T>], number: usize, plus: impl Fn(T, T) -> T) -> Option<T> {
    let (mut stride, mut sum) = (product_size(vectors)[1], None);
    for v in vectors {
        stride /= v.columns();
        let x = v.row(0)[number / stride % v.columns()];
        sum = Some(sum.map_or(x, |sum| plus(sum, x)));
    }
    sum
}

/// Calls `write(starts, last, rows)` for blocks of rows; `starts[i] + last[j]` belongs into the rows.
fn fill<T: Element>(
    inputs: &[&Tensor],
    starts: &mut Starts,
    out: &mut Tensor,
    plus: impl Fn(T, T) -> T + Copy,
    write: impl Fn(&[T], &[T], &mut [T]),
) -> OpResult {
    let mut arrays: SmallVec<[Strided<T>; 4]> = SmallVec::new();
    let mut size = Some(1usize);
    for (k, input) in inputs.iter().enumerate() {
        arrays.push(T::of(input).ok_or(OpFailure::WrongValue(k))?.to_contiguous());
        size = size.and_then(|size| size.checked_mul(input.len()));
    }
    let shapes = inputs.iter().map(|input| input.shape());
    let [size] = TooLarge::unless("Kronecker sum", size.map(|size| [size]), shapes)?;
    let out = out.reset::<T>(&[size]);
    let vectors: Factors<'_, T> = arrays.iter().map(|v| Rows::of_stack(v.storage(), [1, v.len()], 0)).collect();
    let Some((last, others)) = vectors.split_last().filter(|_| size > 0) else { return Ok(()) };
    let Some(next) = others.last() else {
        out.copy_from_slice(last.row(0));
        return Ok(());
    };
    // The factors from `from` on are in every block; the ones before it are summed for each.
    let (mut from, mut length) = (others.len() - 1, next.columns());
    while from > 0 && length * others[from - 1].columns() <= BLOCK {
        from -= 1;
        length *= others[from].columns();
    }
    let starts = starts.0.reset::<T>(&[length]);
    for (number, rows) in out.chunks_exact_mut(length * last.columns()).enumerate() {
        let base = sum_at(&others[..from], number, plus);
        let base = base.as_ref().map(|base| Rows::of_stack(std::slice::from_ref(base), [1, 1], 0));
        let parts: Factors<'_, T> = base.into_iter().chain(others[from..].iter().copied()).collect();
        write_row(&parts, 0, T::default(), plus, starts);
        write(starts, last.row(0), rows);
    }
    Ok(())
}

/// Floats, through the kernel for what fits into the caches or for what does not.
fn fill_floats<T: Element + Summand>(inputs: &[&Tensor], starts: &mut Starts, out: &mut Tensor) -> OpResult {
    let size = inputs.iter().try_fold(std::mem::size_of::<T>(), |size, input| size.checked_mul(input.len()));
    let streamed = size.is_none_or(|bytes| bytes >= STREAMED);
    fill(inputs, starts, out, |x: T, y| x + y, if streamed { T::stream_outer_sum } else { T::outer_sum })
}

/// Integers and truth values.
fn fill_others<T: Element>(
    inputs: &[&Tensor],
    starts: &mut Starts,
    out: &mut Tensor,
    plus: impl Fn(T, T) -> T + Copy,
) -> OpResult {
    fill(inputs, starts, out, plus, |starts, last, rows| {
        for (start, row) in starts.iter().zip(rows.chunks_exact_mut(last.len())) {
            row.iter_mut().zip(last).for_each(|(out, x)| *out = plus(*start, *x));
        }
    })
}

impl Op for KronsumDiag {
    fn name(&self) -> Cow<'static, str> {
        "kronsum_diag".into()
    }

    fn make_node(&self, inputs: &[Variable]) -> Result<NodeSpec> {
        if inputs.is_empty() {
            return Err(BuildError::arity("kronsum_diag", 1, inputs));
        }
        let (mut size, mut known, mut dtype) = (Some(1usize), true, DType::Bool);
        for (k, input) in inputs.iter().enumerate() {
            let ty = tensor_type("kronsum_diag", input)?;
            let [length] = ty.lengths() else {
                let rule = format!("factor {k} must be the vector of a diagonal");
                return Err(BuildError::inputs("kronsum_diag", std::slice::from_ref(input), rule));
            };
            dtype = dtype.promote(ty.dtype());
            known &= length.is_some();
            size = size.and_then(|size| size.checked_mul(length.unwrap_or(1)));
        }
        let Some(size) = size else {
            return Err(BuildError::inputs("kronsum_diag", inputs, "the sum is too large to be addressed"));
        };
        let inputs = inputs.iter().map(|input| cast(input, dtype)).collect::<Result<Vec<_>>>()?;
        Ok(NodeSpec::one(TensorType::shared(dtype, &[known.then_some(size)])).with_inputs(inputs))
    }

    fn perform(&self, io: &mut Io<'_>) -> OpResult {
        let (starts, inputs, outputs) = io.with_state::<Starts>()?;
        let vectors = (0..inputs.len()).map(|k| inputs.get::<Tensor>(k)).collect::<Result<SmallVec<[_; 4]>, _>>()?;
        let out = outputs[0].buffer::<Tensor>();
        match vectors[0] {
            Tensor::F64(_) => fill_floats::<f64>(&vectors, starts, out),
            Tensor::F32(_) => fill_floats::<f32>(&vectors, starts, out),
            Tensor::I64(_) => fill_others(&vectors, starts, out, i64::wrapping_add),
            Tensor::I32(_) => fill_others(&vectors, starts, out, i32::wrapping_add),
            Tensor::I8(_) => fill_others(&vectors, starts, out, i8::wrapping_add),
            Tensor::U8(_) => fill_others(&vectors, starts, out, u8::wrapping_add),
            Tensor::Bool(_) => fill_others(&vectors, starts, out, |x: bool, y| x | y),
        }
    }

    /// `v̄_k` sums the cotangent over the indices of the other factors.
    fn l_op(&self, node: &NodeView<'_>, output_grads: &[Option<Variable>]) -> Result<Grads> {
        let Some(g) = &output_grads[0] else { return Ok(vec![Grad::Zero; node.inputs().len()]) };
        let dims = node.inputs().iter().map(|v| Dim::axis(v, 0));
        Ok(factorwise_sums_diag(g, dims)?.into_iter().map(Grad::Var).collect())
    }

    /// The sum of the tangents; what does not move has a tangent of zeros, for its size.
    fn r_op(&self, node: &NodeView<'_>, tangents: &[Option<Variable>]) -> Result<Tangents> {
        let moved = |(v, tangent): (&Variable, &Option<Variable>)| match tangent {
            Some(tangent) => Ok(tangent.clone()),
            None => full(0.0, tensor_type("kronsum_diag", v)?.dtype(), shape_of(v)),
        };
        let diagonals = node.inputs().iter().zip(tangents).map(moved).collect::<Result<Vec<_>>>()?;
        Ok(vec![kronsum_diag(&diagonals)?.into()])
    }

    fn infer_shape(&self, _node: &NodeView<'_>, input_shapes: &[Shape]) -> Result<Vec<Shape>> {
        Ok(vec![[size_of(input_shapes.iter().map(|shape| &shape[0]))].into_iter().collect()])
    }

    /// The sum is far larger than its factors.
    fn do_constant_folding(&self, _node: &NodeView<'_>) -> bool {
        false
    }

    fn state(&self) -> Option<Box<dyn OpState>> {
        Some(Box::<Starts>::default())
    }
}
