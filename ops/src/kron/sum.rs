//! The Kronecker sum of square matrices, formed.

use std::borrow::Cow;
use std::sync::Arc;

use kronograph_graph::{
    BuildError, Dim, Entry, Grad, Grads, Io, NodeSpec, NodeView, Op, OpFailure, OpResult, Params, Result, Sample,
    Shape, Tangents, Variable, apply, shape_of,
};
use smallvec::SmallVec;

use super::factors::{TooLarge, flattened};
use super::partial_trace::partial_trace;
use crate::construct::full;
use crate::dtype::DType;
use crate::elemwise::cast;
use crate::layout::size_of;
use crate::params::{exactly, some};
use crate::samples::{dense, given, narrowed, shaped, spread_over};
use crate::tensor::{Element, Strided, Tensor, TensorType, shape_text, tensor_type};

/// `F_1 ⊕ .. ⊕ F_K` of at least two square matrices.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Kronsum;

/// `F_1 ⊕ .. ⊕ F_K = sum_k I ⊗ F_k ⊗ I`, with identities of the sizes of the factors before and behind; for two, `A ⊗ I
/// + I ⊗ B`.
///
/// (d_1, d_1), .., (d_K, d_K) → (p, p) with `p = d_1 .. d_K`. The matrix has p² elements, of which all but about `p
/// (d_1 + .. + d_K)` are zero: where only a product with it is wanted, see [`kronsum_matmul`](super::kronsum_matmul),
/// and for its diagonal [`kronsum_diag`](super::kronsum_diag). A factor that is a sum itself is taken apart, and the
/// sum of one factor is that factor. Dtypes are promoted. Derivative: `F̄_k` is [`partial_trace`].
///
/// SciPy's function of this name has its operands the other way round: [`kronsum_scipy`].
///
/// ```
/// use kronograph_ops::{kronsum, matrix};
/// let sum = kronsum(&[kronsum(&[matrix("a"), matrix("b")])?, matrix("c")])?;
/// assert_eq!(sum.owner().map(|(node, _)| node.inputs().len()), Some(3));
/// # Ok::<(), kronograph_graph::BuildError>(())
/// ```
///
/// # Errors
///
/// When there are no factors, one is no square matrix, or the size of the sum overflows; at run time, when there is no
/// room for it.
#[track_caller]
pub fn kronsum(factors: &[Variable]) -> Result<Variable> {
    check_square("kronsum", factors)?;
    let flat = flattened::<Kronsum>("kronsum", factors)?;
    match &flat[..] {
        [one] => Ok(one.clone()),
        _ => apply(Kronsum, &flat),
    }
}

/// `I ⊗ A + B ⊗ I`, which is [`kronsum`] of B and A (SciPy: `sparse.kronsum(A, B)`).
///
/// # Errors
///
/// As [`kronsum`].
#[track_caller]
pub fn kronsum_scipy(a: &Variable, b: &Variable) -> Result<Variable> {
    kronsum(&[b.clone(), a.clone()])
}

/// Checks that there are factors, and that each is a matrix which may be square.
#[track_caller]
pub(super) fn check_square(op: &'static str, factors: &[Variable]) -> Result<()> {
    if factors.is_empty() {
        return Err(BuildError::arity(op, 1, factors));
    }
    for (k, factor) in factors.iter().enumerate() {
        match tensor_type(op, factor)?.lengths() {
            [Some(rows), Some(columns)] if rows != columns => {}
            [_, _] => continue,
            _ => {}
        }
        let rule = format!("factor {k} must be a square matrix");
        return Err(BuildError::inputs(op, std::slice::from_ref(factor), rule));
    }
    Ok(())
}

/// The entries of this file.
pub(super) fn entries() -> Vec<Entry> {
    let build = |params: &Params<'_>, inputs: &[Variable]| Ok(vec![kronsum(some(params, inputs)?)?]);
    let scipy = |params: &Params<'_>, inputs: &[Variable]| {
        let [a, b] = exactly(params, inputs)?;
        Ok(vec![kronsum_scipy(a, b)?])
    };
    let two = || vec![Sample::new("two", [dense(&[2, 2], (-2.0, 2.0), 1), dense(&[3, 3], (-2.0, 2.0), 2)])];
    vec![
        Entry::function("kronsum", "products", build, samples).parsed_by(|_| Ok(Arc::new(Kronsum))),
        Entry::function("kronsum_scipy", "products", scipy, two),
    ]
}

fn samples() -> Vec<Sample> {
    let x = |n: usize, seed| dense(&[n, n], (-2.0, 2.0), seed);
    let single = [1, 2].map(|n| narrowed(&spread_over(&[n, n], (-2.0, 2.0), 3)));
    let integers = [given(shaped(&[1, 1], vec![7i64])), given(shaped(&[2, 2], vec![1i32, 2, 3, 4]))];
    vec![
        Sample::new("two", [x(2, 1), x(3, 2)]),
        Sample::new("three", [x(2, 1), x(3, 2), x(2, 3)]),
        Sample::new("one", [x(2, 1)]),
        Sample::new("factors of one element", [x(1, 1), x(1, 2)]),
        Sample::new("nothing", [x(0, 1), x(2, 2)]),
        Sample::new("f32", single).single(),
        Sample::new("integers", integers).edge(),
    ]
}

/// Zeros, and each factor added where it belongs, from left to right.
fn fill<T: Element>(inputs: &[&Tensor], out: &mut Tensor, plus: impl Fn(T, T) -> T) -> OpResult {
    let mut arrays: SmallVec<[&Strided<T>; 4]> = SmallVec::new();
    let mut size = Some(1usize);
    for (k, input) in inputs.iter().enumerate() {
        let array = T::of(input).ok_or(OpFailure::WrongValue(k))?;
        let [rows, columns] = array.shape()[..] else { return Err(OpFailure::WrongValue(k).into()) };
        if rows != columns {
            let shape = shape_text(array.shape());
            return Err(OpFailure::Shapes(format!("factor {k} is {shape}; it must be square")).into());
        }
        size = size.and_then(|size| size.checked_mul(rows));
        arrays.push(array);
    }
    let shapes = inputs.iter().map(|input| input.shape());
    let shape = TooLarge::unless("Kronecker sum", size.map(|size| [size; 2]), shapes)?;
    let (size, out) = (shape[0], out.reset::<T>(&shape));
    out.fill(T::default());
    if size == 0 {
        return Ok(());
    }
    let mut before = 1;
    for array in arrays {
        let (d, strides) = (array.shape()[0], array.strides());
        let behind = size / before / d;
        for l in 0..before {
            for (a, b) in (0..d).flat_map(|a| (0..d).map(move |b| (a, b))) {
                let x = array.storage()[a * strides[0] + b * strides[1]];
                let [row, column] = [a, b].map(|i| (l * d + i) * behind);
                for r in 0..behind {
                    let to = &mut out[(row + r) * size + column + r];
                    *to = plus(*to, x);
                }
            }
        }
        before *= d;
    }
    Ok(())
}

impl Op for Kronsum {
    fn name(&self) -> Cow<'static, str> {
        "kronsum".into()
    }

    fn make_node(&self, inputs: &[Variable]) -> Result<NodeSpec> {
        let [_, _, ..] = inputs else { return Err(BuildError::arity("kronsum", 2, inputs)) };
        check_square("kronsum", inputs)?;
        let (mut size, mut known, mut dtype) = (Some(1usize), true, DType::Bool);
        for input in inputs {
            let ty = tensor_type("kronsum", input)?;
            dtype = dtype.promote(ty.dtype());
            match ty.lengths()[0].or(ty.lengths()[1]) {
                Some(own) => size = size.and_then(|size| size.checked_mul(own)),
                None => known = false,
            }
        }
        let Some(size) = size else {
            return Err(BuildError::inputs("kronsum", inputs, "the sum is too large to be addressed"));
        };
        let inputs = inputs.iter().map(|input| cast(input, dtype)).collect::<Result<Vec<_>>>()?;
        Ok(NodeSpec::one(TensorType::shared(dtype, &[known.then_some(size); 2])).with_inputs(inputs))
    }

    fn perform(&self, io: &mut Io<'_>) -> OpResult {
        let inputs = &io.inputs;
        let factors = (0..inputs.len()).map(|k| inputs.get::<Tensor>(k)).collect::<Result<SmallVec<[_; 4]>, _>>()?;
        let out = io.outputs[0].buffer::<Tensor>();
        match factors[0] {
            Tensor::F64(_) => fill(&factors, out, |x: f64, y| x + y),
            Tensor::F32(_) => fill(&factors, out, |x: f32, y| x + y),
            Tensor::I64(_) => fill(&factors, out, i64::wrapping_add),
            Tensor::I32(_) => fill(&factors, out, i32::wrapping_add),
            Tensor::I8(_) => fill(&factors, out, i8::wrapping_add),
            Tensor::U8(_) => fill(&factors, out, u8::wrapping_add),
            Tensor::Bool(_) => fill(&factors, out, |x: bool, y| x | y),
        }
    }

    /// `F̄_k[a, b] = sum_lr C̄[(l, a, r), (l, b, r)]`.
    fn l_op(&self, node: &NodeView<'_>, output_grads: &[Option<Variable>]) -> Result<Grads> {
        let Some(g) = &output_grads[0] else { return Ok(vec![Grad::Zero; node.inputs().len()]) };
        let dims: Vec<Dim> = node.inputs().iter().map(|factor| Dim::axis(factor, 0)).collect();
        (0..dims.len()).map(|k| Ok(partial_trace(g, dims.iter().cloned(), k)?.into())).collect()
    }

    /// The sum of the tangents; what does not move has a tangent of zeros, for its size.
    fn r_op(&self, node: &NodeView<'_>, tangents: &[Option<Variable>]) -> Result<Tangents> {
        let moved = |(factor, tangent): (&Variable, &Option<Variable>)| match tangent {
            Some(tangent) => Ok(tangent.clone()),
            None => full(0.0, tensor_type("kronsum", factor)?.dtype(), shape_of(factor)),
        };
        let factors = node.inputs().iter().zip(tangents).map(moved).collect::<Result<Vec<_>>>()?;
        Ok(vec![apply(Kronsum, &factors)?.into()])
    }

    fn infer_shape(&self, _node: &NodeView<'_>, input_shapes: &[Shape]) -> Result<Vec<Shape>> {
        let size = size_of(input_shapes.iter().map(|shape| &shape[0]));
        Ok(vec![[size.clone(), size].into_iter().collect()])
    }

    /// The sum is far larger than its factors.
    fn do_constant_folding(&self, _node: &NodeView<'_>) -> bool {
        false
    }
}
