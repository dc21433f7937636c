//! The Kronecker product, as an ordinary op that could be materialised.
//!
//! Rewrites remove every use that would: see `rewrites/src/rules/kron.rs`.

use std::borrow::Cow;
use std::sync::Arc;

use kronograph_graph::{
    BuildError, Entry, Grad, Grads, Io, NodeSpec, NodeView, Op, OpFailure, OpResult, OpState, Params, Result, Sample,
    Shape, Tangents, Variable, apply, origin, sum_of,
};
use smallvec::SmallVec;

use super::contract::kron_contract;
use super::factors::{TooLarge, flattened};
use super::rows::{Factors, Rows, matrix_shape, product_size, write_row};
use crate::dtype::DType;
use crate::elemwise::cast;
use crate::layout::expand_dims;
use crate::linalg::common_leading;
use crate::params::some;
use crate::samples::{broadcasting, dense, given, shaped, spread_over};
use crate::tensor::{Element, Extents, Strided, Tensor, TensorType, shape_text, tensor_type};

/// `F_1 ⊗ .. ⊗ F_K` of at least two factors: of vectors, of matrices, or of stacks with equal leading axes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Kron;

/// `A ⊗ B`: `C[i p + k, j q + l] = A[i, j] B[k, l]` for B of shape (p, q). See [`kron_all`], which takes any number of
/// factors.
///
/// # Errors
///
/// As [`kron_all`].
#[track_caller]
pub fn kron(a: &Variable, b: &Variable) -> Result<Variable> {
    kron_all(&[a.clone(), b.clone()])
}

/// `F_1 ⊗ .. ⊗ F_K`: `C[(i_1, .., i_K), (j_1, .., j_K)] = F_1[i_1, j_1] .. F_K[i_K, j_K]`, the last index fastest.
///
/// (m_1, n_1), .., (m_K, n_K) → (m_1 .. m_K, n_1 .. n_K), for every combination of the leading axes, which broadcast.
/// Vectors alone give a vector; a vector among matrices is a row. A factor that is a product itself is taken apart, and
/// the product of one factor is that factor. Dtypes are promoted. Derivative: `F̄_k` is [`kron_contract`]. Source:
/// `numpy.kron` of two arrays that are no stacks.
///
/// ```
/// use kronograph_ops::{kron, kron_all, matrix, vector};
/// let (a, b, c) = (matrix("a"), matrix("b"), vector("c"));
/// let product = kron(&kron(&a, &b)?, &c)?;
/// assert_eq!(product.owner().map(|(node, _)| node.inputs().len()), Some(3));
/// assert_eq!(kron_all(&[c.clone(), c])?.ty().to_string(), "f64 (?,)");
/// # Ok::<(), kronograph_graph::BuildError>(())
/// ```
///
/// # Errors
///
/// When there are no factors, one is a scalar, the leading axes do not fit, or the size of the product overflows; at
/// run time, when there is no room for it.
#[track_caller]
pub fn kron_all(factors: &[Variable]) -> Result<Variable> {
    let _scope = origin::here();
    if factors.is_empty() {
        return Err(BuildError::arity("kron", 1, factors));
    }
    let mut least = usize::MAX;
    let mut most = 0;
    let flat = flattened::<Kron>("kron", factors)?;
    for factor in &flat {
        let rank = tensor_type("kron", factor)?.rank();
        (least, most) = (least.min(rank), most.max(rank));
    }
    if least == 0 {
        return Err(BuildError::inputs("kron", factors, "vectors and matrices, or stacks of matrices, are needed"));
    }
    match &flat[..] {
        [one] => Ok(one.clone()),
        _ if most == 1 => apply(Kron, &flat),
        _ => {
            let matrix = |x: &Variable| if x.ty().extents().len() == 1 { expand_dims(x, &[0]) } else { Ok(x.clone()) };
            let matrices = flat.iter().map(matrix).collect::<Result<Vec<_>>>()?;
            apply(Kron, &common_leading("kron", &matrices.iter().collect::<Vec<_>>())?)
        }
    }
}

/// The shape of the product of tensors of one rank, if there is room for it.
fn product_shape(shapes: &[&[usize]]) -> Result<Extents, TooLarge> {
    let leading = shapes[0].len().saturating_sub(2);
    let axis = |axis: usize| match axis < leading {
        true => Some(shapes[0][axis]),
        false => shapes.iter().try_fold(1usize, |length, shape| length.checked_mul(shape[axis])),
    };
    let product: Option<Extents> = (0..shapes[0].len()).map(axis).collect();
    TooLarge::unless("Kronecker product", product, shapes.iter().copied())
}

/// The entry of this file.
pub(super) fn entries() -> Vec<Entry> {
    let build = |params: &Params<'_>, inputs: &[Variable]| Ok(vec![kron_all(some(params, inputs)?)?]);
    vec![Entry::function("kron", "products", build, samples).parsed_by(|_| Ok(Arc::new(Kron)))]
}

fn samples() -> Vec<Sample> {
    let x = |shape: &[usize], seed| dense(shape, (-2.0, 2.0), seed);
    let pair = |name: &'static str, a: &[usize], b: &[usize]| Sample::new(name, [x(a, 1), x(b, 2)]);
    let single = [given(shaped(&[1, 2], vec![1.5f32, -2.0])), given(shaped(&[2, 1], vec![0.5f32, 3.0]))];
    let integers = [given(shaped(&[1, 2], vec![1i64, 2])), given(shaped(&[2, 1], vec![3i32, 4]))];
    let repeated = broadcasting(spread_over(&[1, 2, 1], (-2.0, 2.0), 2), &[0]);
    vec![
        pair("a wide and a tall one", &[2, 3], &[3, 2]),
        pair("a row and a column", &[1, 3], &[2, 1]),
        pair("a matrix of one element", &[2, 3], &[1, 1]),
        pair("no rows", &[0, 2], &[2, 2]),
        pair("vectors", &[2], &[3]),
        pair("a matrix and a vector", &[2, 2], &[3]),
        pair("stacks", &[2, 1, 2], &[2, 2, 1]),
        Sample::new("one", [x(&[2, 3], 1)]),
        Sample::new("three", [x(&[2, 1], 1), x(&[1, 3], 2), x(&[2, 2], 3)]),
        Sample::new("four vectors", [x(&[2], 1), x(&[1], 2), x(&[2], 3), x(&[2], 4)]),
        Sample::new("three, nothing between", [x(&[2, 1], 1), x(&[2, 0], 2), x(&[1, 2], 3)]),
        Sample::new("a stack, and a matrix for all of it", [x(&[3, 2, 2], 1), repeated, x(&[1, 2], 3)]),
        Sample::new("f32", single).single(),
        Sample::new("integers", integers).edge(),
        Sample::new("truth values", [given(vec![true, false]), given(vec![true, true])]).edge(),
    ]
}

/// A row of the product of all factors but the last.
#[derive(Debug, Default)]
struct Before(Tensor);

impl OpState for Before {
    fn fork(&self) -> Box<dyn OpState> {
        Box::<Self>::default()
    }
}

/// One pass over the output: one multiplication and one write for each element.
fn fill<T: Element>(
    inputs: &[&Tensor],
    before: &mut Before,
    out: &mut Tensor,
    one: T,
    times: impl Fn(T, T) -> T + Copy,
) -> OpResult {
    let mut arrays: SmallVec<[Strided<T>; 4]> = SmallVec::new();
    for (k, input) in inputs.iter().enumerate() {
        arrays.push(T::of(input).ok_or(OpFailure::WrongValue(k))?.to_contiguous());
    }
    let shapes: SmallVec<[&[usize]; 4]> = arrays.iter().map(Strided::shape).collect();
    let leading = &shapes[0][..shapes[0].len().saturating_sub(2)];
    if let Some(other) = shapes.iter().find(|shape| !shape.starts_with(leading) || shape.len() != shapes[0].len()) {
        let (a, b) = (shape_text(shapes[0]), shape_text(other));
        return Err(OpFailure::Shapes(format!("the leading axes of {a} and {b} differ")).into());
    }
    let shape = product_shape(&shapes)?;
    let out = out.reset::<T>(&shape);
    if out.is_empty() {
        return Ok(());
    }
    for (number, out) in out.chunks_exact_mut(matrix_shape(&shape).iter().product()).enumerate() {
        let stack = |array: &'_ Strided<T>| matrix_shape(array.shape());
        let factors: Factors<'_, T> =
            arrays.iter().map(|array| Rows::of_stack(array.storage(), stack(array), number)).collect();
        let (last, others) = factors.split_last().expect("there are two factors or more");
        let [rows, columns] = product_size(others);
        let before = before.0.reset::<T>(&[columns]);
        for (i, out) in out.chunks_exact_mut(columns * last.columns() * last.rows()).enumerate().take(rows) {
            write_row(others, i, one, times, before);
            for (k, row) in out.chunks_exact_mut(columns * last.columns()).enumerate() {
                for (x, block) in before.iter().zip(row.chunks_exact_mut(last.columns())) {
                    block.iter_mut().zip(last.row(k)).for_each(|(out, y)| *out = times(*x, *y));
                }
            }
        }
    }
    Ok(())
}

impl Op for Kron {
    fn name(&self) -> Cow<'static, str> {
        "kron".into()
    }

    fn make_node(&self, inputs: &[Variable]) -> Result<NodeSpec> {
        let [first, _, ..] = inputs else { return Err(BuildError::arity("kron", 2, inputs)) };
        let mut lengths = tensor_type("kron", first)?.lengths().to_vec();
        let (leading, mut dtype) = (lengths.len().saturating_sub(2), DType::Bool);
        for (k, input) in inputs.iter().enumerate() {
            let ty = tensor_type("kron", input)?;
            dtype = dtype.promote(ty.dtype());
            if ty.rank() != lengths.len() || ty.rank() == 0 {
                return Err(BuildError::inputs("kron", inputs, "vectors, or matrices of one rank, are needed"));
            }
            for (axis, (length, own)) in lengths.iter_mut().zip(ty.lengths()).enumerate() {
                *length = match (*length, *own) {
                    (length, _) if k == 0 => length,
                    (Some(a), Some(b)) if axis < leading && a != b => {
                        let rule = format!("axis {axis} must have one length, not {a} and {b}");
                        return Err(BuildError::inputs("kron", inputs, rule));
                    }
                    (length, own) if axis < leading => length.or(own),
                    (Some(a), Some(b)) => match a.checked_mul(b) {
                        None => {
                            let rule = "the product is too large to be addressed";
                            return Err(BuildError::inputs("kron", inputs, rule));
                        }
                        length => length,
                    },
                    _ => None,
                };
            }
        }
        let inputs = inputs.iter().map(|input| cast(input, dtype)).collect::<Result<Vec<_>>>()?;
        Ok(NodeSpec::one(TensorType::shared(dtype, &lengths)).with_inputs(inputs))
    }

    fn perform(&self, io: &mut Io<'_>) -> OpResult {
        let (before, inputs, outputs) = io.with_state::<Before>()?;
        let factors = (0..inputs.len()).map(|k| inputs.get::<Tensor>(k)).collect::<Result<SmallVec<[_; 4]>, _>>()?;
        let out = outputs[0].buffer::<Tensor>();
        match factors[0] {
            Tensor::F64(_) => fill(&factors, before, out, 1.0, |x: f64, y| x * y),
            Tensor::F32(_) => fill(&factors, before, out, 1.0, |x: f32, y| x * y),
            Tensor::I64(_) => fill(&factors, before, out, 1, i64::wrapping_mul),
            Tensor::I32(_) => fill(&factors, before, out, 1, i32::wrapping_mul),
            Tensor::I8(_) => fill(&factors, before, out, 1, i8::wrapping_mul),
            Tensor::U8(_) => fill(&factors, before, out, 1, u8::wrapping_mul),
            Tensor::Bool(_) => fill(&factors, before, out, true, |x: bool, y| x & y),
        }
    }

    /// `F̄_k` sums `C̄` against the product of the other factors.
    fn l_op(&self, node: &NodeView<'_>, output_grads: &[Option<Variable>]) -> Result<Grads> {
        let Some(g) = &output_grads[0] else { return Ok(vec![Grad::Zero; node.inputs().len()]) };
        (0..node.inputs().len()).map(|k| Ok(kron_contract(g, node.inputs(), k)?.into())).collect()
    }

    /// `sum_k F_1 ⊗ .. Ḟ_k .. ⊗ F_K`.
    fn r_op(&self, node: &NodeView<'_>, tangents: &[Option<Variable>]) -> Result<Tangents> {
        let moved = |k: usize| -> Result<Option<Variable>> {
            let Some(tangent) = &tangents[k] else { return Ok(None) };
            let mut factors = node.inputs().to_vec();
            factors[k] = tangent.clone();
            apply(Kron, &factors).map(Some)
        };
        let terms = (0..tangents.len()).map(moved).collect::<Result<Vec<_>>>()?;
        Ok(vec![sum_of(&terms)?.into()])
    }

    fn infer_shape(&self, _node: &NodeView<'_>, input_shapes: &[Shape]) -> Result<Vec<Shape>> {
        let mut product = input_shapes[0].clone();
        let leading = product.len().saturating_sub(2);
        for shape in &input_shapes[1..] {
            for axis in leading..product.len() {
                product[axis] = product[axis].times(&shape[axis]);
            }
        }
        Ok(vec![product])
    }

    /// The product may be far larger than its factors, and rewrites avoid it.
    fn do_constant_folding(&self, _node: &NodeView<'_>) -> bool {
        false
    }

    fn state(&self) -> Option<Box<dyn OpState>> {
        Some(Box::<Before>::default())
    }
}
