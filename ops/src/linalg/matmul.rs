//! The matrix product of vectors, matrices and stacks of matrices.

use std::borrow::Cow;
use std::sync::Arc;

use kronograph_graph::{
    BuildError, Entry, Grad, Grads, Io, NodeSpec, NodeView, Op, OpFailure, OpResult, Params, Result, Sample, Shape,
    Tangents, Variable, Verb, apply, binary, shape_of, sum_of,
};

use super::product::{faer_product, integer_product, product};
use super::unfold::unfold;
use crate::broadcasting::{common_dims, common_lengths, reduce_leading};
use crate::dtype::DType;
use crate::elemwise::{cast, mul};
use crate::layout::{expand_dims, matrix_transpose, reshape, size_of, squeeze, transpose};
use crate::params::exactly;
use crate::samples::{broadcasting, given, narrowed, shaped, spread_over};
use crate::tensor::{Tensor, TensorType, is_tensor, tensor_type};

/// `a b` for vectors, matrices and stacks of matrices.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct MatMul;

/// The matrix product (NumPy: `matmul`): (.., m, k)(.., k, n) → (.., m, n); a vector is a row on the left and a column
/// on the right, and its axis is dropped. Leading axes broadcast where their static length is 1.
///
/// ```
/// use kronograph_ops::{DType, TensorType, matmul, matrix};
/// use kronograph_graph::Variable;
///
/// let stack = Variable::input("stack", TensorType::shared(DType::F64, &[Some(7), None, Some(3)]));
/// assert_eq!(matmul(&stack, &matrix("b"))?.ty().to_string(), "f64 (7, ?, ?)");
/// # Ok::<(), kronograph_graph::BuildError>(())
/// ```
///
/// # Errors
///
/// When an operand is a scalar, the inner lengths differ, or the leading axes do not fit.
#[track_caller]
pub fn matmul(a: &Variable, b: &Variable) -> Result<Variable> {
    if !is_tensor(a) || !is_tensor(b) {
        return binary(Verb::MatMul, a, b);
    }
    apply(MatMul, &[a.clone(), b.clone()])
}

/// The entry of this file.
pub(crate) fn entries() -> Vec<Entry> {
    let build = |params: &Params<'_>, inputs: &[Variable]| {
        let [a, b] = exactly(params, inputs)?;
        Ok(vec![matmul(a, b)?])
    };
    vec![Entry::function("matmul", "products", build, samples).parsed_by(|_| Ok(Arc::new(MatMul)))]
}

fn samples() -> Vec<Sample> {
    type Operand = (&'static [usize], &'static [usize]);
    // Each operand: its shape, and its axes of declared length 1.
    let shapes: &[(&str, Operand, Operand)] = &[
        ("vectors", (&[3], &[]), (&[3], &[])),
        ("a matrix and a vector", (&[2, 3], &[]), (&[3], &[])),
        ("a vector and a matrix", (&[2], &[]), (&[2, 3], &[])),
        ("matrices", (&[2, 3], &[]), (&[3, 4], &[])),
        ("long matrices", (&[9, 20], &[]), (&[20, 11], &[])),
        ("nothing inside", (&[2, 0], &[]), (&[0, 3], &[])),
        ("no rows", (&[0, 2], &[]), (&[2, 3], &[])),
        ("one by one", (&[1, 1], &[0, 1]), (&[1, 1], &[0, 1])),
        ("stacks", (&[2, 3, 2], &[]), (&[2, 2, 2], &[])),
        ("a repeated stack on the right", (&[2, 3, 4], &[]), (&[1, 4, 2], &[0])),
        ("a repeated stack on the left", (&[1, 2, 3], &[0]), (&[2, 3, 2], &[])),
        ("stacks repeated crosswise", (&[2, 1, 2, 3], &[1]), (&[3, 3, 2], &[])),
        ("a stack and a matrix", (&[2, 3, 4], &[]), (&[4, 2], &[])),
        ("a matrix and a stack", (&[3, 4], &[]), (&[2, 4, 2], &[])),
        ("a stack and a vector", (&[2, 3, 4], &[]), (&[4], &[])),
        ("a vector and a stack", (&[4], &[]), (&[2, 4, 3], &[])),
        ("an empty stack", (&[0, 2, 3], &[]), (&[3, 2], &[])),
        ("an empty stack on both sides", (&[0, 2, 3], &[]), (&[0, 3, 2], &[])),
        ("a stack with nothing inside", (&[2, 2, 0], &[]), (&[2, 0, 3], &[])),
    ];
    let input = |(shape, ones): Operand, seed| broadcasting(spread_over(shape, (-2.0, 2.0), seed), ones);
    let mut samples: Vec<Sample> =
        shapes.iter().map(|&(name, a, b)| Sample::new(name, [input(a, 1), input(b, 2)])).collect();
    let whole = |shape: &[usize]| given(shaped(shape, (0..shape.iter().product::<usize>() as i64).collect()));
    samples.push(Sample::new("integers", [whole(&[2, 2, 3]), whole(&[3, 2])]).edge());
    let single = |shape, seed| narrowed(&spread_over(shape, (-2.0, 2.0), seed));
    samples.push(Sample::new("f32", [single(&[2, 3], 1), single(&[3, 2], 2)]).single());
    samples.push(Sample::new("stacks in f32", [single(&[2, 2, 3], 1), single(&[3, 2], 2)]).single());
    samples
}

impl Op for MatMul {
    fn name(&self) -> Cow<'static, str> {
        "matmul".into()
    }

    fn make_node(&self, inputs: &[Variable]) -> Result<NodeSpec> {
        let [a, b] = inputs else { return Err(BuildError::arity("matmul", 2, inputs)) };
        let (ta, tb) = (tensor_type("matmul", a)?, tensor_type("matmul", b)?);
        if ta.rank() == 0 || tb.rank() == 0 {
            return Err(BuildError::inputs(
                "matmul",
                inputs,
                "vectors and matrices, or stacks of matrices, are needed",
            ));
        }
        let (lead_a, lead_b) = (leading(ta.lengths()), leading(tb.lengths()));
        let (inner_a, inner_b) = (ta.lengths()[ta.rank() - 1], tb.lengths()[lead_b]);
        if inner_a.is_some() && inner_b.is_some() && inner_a != inner_b {
            let rule = "the last axis of the first must be as long as the first axis of the second";
            let rule = if lead_b == 0 {
                rule
            } else {
                "the last axis of the first must be as long as the last but one of the second"
            };
            return Err(BuildError::inputs("matmul", inputs, rule));
        }
        let dtype = match ta.dtype().promote(tb.dtype()) {
            DType::Bool | DType::U8 | DType::I8 | DType::I32 => DType::I64,
            wide => wide,
        };
        let mut lengths = common_lengths("matmul", inputs, &[&ta.lengths()[..lead_a], &tb.lengths()[..lead_b]])?;
        lengths.extend_from_slice(&ta.lengths()[lead_a..ta.rank() - 1]);
        lengths.extend_from_slice(&tb.lengths()[lead_b + 1..]);
        Ok(NodeSpec::one(TensorType::shared(dtype, &lengths)).with_inputs([cast(a, dtype)?, cast(b, dtype)?]))
    }

    fn perform(&self, io: &mut Io<'_>) -> OpResult {
        let (a, b) = (io.inputs.get::<Tensor>(0)?, io.inputs.get::<Tensor>(1)?);
        let declared = [0, 1].map(|k| io.inputs.ty(k).map_or(&[][..], |ty| ty.extents()));
        let out = io.outputs[0].buffer::<Tensor>();
        match (a, b) {
            (Tensor::F64(a), Tensor::F64(b)) => product([a, b], declared, out, |to, a, b| faer_product(to, a, b, 1.0)),
            (Tensor::F32(a), Tensor::F32(b)) => product([a, b], declared, out, |to, a, b| faer_product(to, a, b, 1.0)),
            (Tensor::I64(a), Tensor::I64(b)) => product([a, b], declared, out, integer_product),
            _ => Err(OpFailure::WrongValue(0).into()),
        }
    }

    /// `ā = g bᵀ`, `b̄ = aᵀ g`; outer products where an operand is a vector, sums where one is repeated.
    fn l_op(&self, node: &NodeView<'_>, output_grads: &[Option<Variable>]) -> Result<Grads> {
        let Some(g) = &output_grads[0] else { return Ok(vec![Grad::Zero; 2]) };
        let (a, b) = (node.input(0), node.input(1));
        let (a_bar, b_bar) = match (rank(a), rank(b)) {
            (1, 1) => (mul(g, b)?, mul(g, a)?),
            (1, 2) => (matmul(b, g)?, mul(&expand_dims(a, &[1])?, &expand_dims(g, &[0])?)?),
            (2, 1) => (mul(&expand_dims(g, &[1])?, &expand_dims(b, &[0])?)?, matmul(&transpose(a)?, g)?),
            (2, 2) => (matmul(g, &transpose(b)?)?, matmul(&transpose(a)?, g)?),
            _ => return stacked_cotangents(a, b, g),
        };
        Ok(vec![a_bar.into(), b_bar.into()])
    }

    /// `ȧ b + a ḃ`.
    fn r_op(&self, node: &NodeView<'_>, tangents: &[Option<Variable>]) -> Result<Tangents> {
        let left = tangents[0].as_ref().map(|t| matmul(t, node.input(1))).transpose()?;
        let right = tangents[1].as_ref().map(|t| matmul(node.input(0), t)).transpose()?;
        Ok(vec![sum_of(&[left, right])?.into()])
    }

    fn infer_shape(&self, node: &NodeView<'_>, input_shapes: &[Shape]) -> Result<Vec<Shape>> {
        let (a, b) = (&input_shapes[0], &input_shapes[1]);
        let (lead_a, lead_b) = (leading(a), leading(b));
        let declared = [node.input(0).ty().extents(), node.input(1).ty().extents()];
        let mut shape = common_dims(&[&a[..lead_a], &b[..lead_b]], &declared);
        shape.extend(a[lead_a..a.len() - 1].iter().chain(&b[lead_b + 1..]).cloned());
        Ok(vec![shape])
    }
}

fn rank(x: &Variable) -> usize {
    x.ty().extents().len()
}

/// How many axes lie before those of a matrix.
fn leading<T>(lengths: &[T]) -> usize {
    lengths.len().saturating_sub(2)
}

/// The cotangents of stacks. Where a matrix meets a stack, the sum over the stack is one product of long matrices.
fn stacked_cotangents(a: &Variable, b: &Variable, g: &Variable) -> Result<Grads> {
    let (row, column) = (rank(a) == 1, rank(b) == 1);
    let mut g = g.clone();
    if column {
        g = expand_dims(&g, &[rank(&g)])?;
    }
    if row {
        g = expand_dims(&g, &[rank(&g) - 1])?;
    }
    let a = if row { expand_dims(a, &[0])? } else { a.clone() };
    let b = if column { expand_dims(b, &[1])? } else { b.clone() };
    let a_bar = match rank(&a) {
        2 => matmul(&unfold(&g, rank(&g) - 2)?, &transpose(&unfold(&b, rank(&b) - 2)?)?)?,
        _ => reduce_leading(matmul(&g, &matrix_transpose(&b)?)?, a.ty().extents(), 2)?,
    };
    let b_bar = match rank(&b) {
        2 => matmul(&transpose(&joined(&a)?)?, &joined(&g)?)?,
        _ => reduce_leading(matmul(&matrix_transpose(&a)?, &g)?, b.ty().extents(), 2)?,
    };
    let a_bar = if row { squeeze(&a_bar, &[0])? } else { a_bar };
    let b_bar = if column { squeeze(&b_bar, &[1])? } else { b_bar };
    Ok(vec![a_bar.into(), b_bar.into()])
}

/// The matrices of a stack below one another.
fn joined(stack: &Variable) -> Result<Variable> {
    let shape = shape_of(stack);
    let (columns, rows) = shape.split_last().expect("a stack has axes");
    reshape(stack, [size_of(rows), columns.clone()])
}
