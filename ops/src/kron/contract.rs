//! Sums against all factors of a Kronecker product but one: the derivatives of the product.

use std::borrow::Cow;
use std::sync::Arc;

use kronograph_graph::{
    BuildError, Entry, Grad, Grads, Io, NodeSpec, NodeView, Op, OpFailure, OpResult, OpState, Params, Props, Result,
    Sample, Shape, Tangents, Variable, apply, sum_of,
};
use smallvec::SmallVec;

use super::product::Kron;
use super::rows::{Factors, Rows, matrix_shape, product_size, write_row};
use crate::elemwise::{cast, cast_into};
use crate::kernels::sums::blocked_dot;
use crate::linalg::for_each_matrix;
use crate::params::some;
use crate::samples::{dense, given, narrowed, shaped, spread_over};
use crate::tensor::{Element, Extents, Strided, Tensor, TensorType, shape_text, tensor_type};

/// A sum over all factors of a Kronecker product but one. Inputs: G of the shape of the product, then the factors.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct KronContract {
    /// The factor whose shape the result has; its elements are not read.
    pub at: usize,
}

/// `out[i_k, j_k] = sum G[(i_1, .., i_K), (j_1, .., j_K)] prod_{l != k} F_l[i_l, j_l]`, over all other indices.
///
/// G has the shape of the product, out that of factor `at`, whose elements have no part in it. It is linear in G and in
/// every other factor; its derivatives are a product and contractions. Source: Van Loan, The ubiquitous Kronecker
/// product, J. Comput. Appl. Math. 123, 2000.
///
/// # Errors
///
/// When there is no such factor, the ranks differ, or G does not have the shape of the product.
#[track_caller]
pub fn kron_contract(g: &Variable, factors: &[Variable], at: usize) -> Result<Variable> {
    apply(KronContract { at }, &[std::slice::from_ref(g), factors].concat())
}

/// The entry of this file.
pub(super) fn entries() -> Vec<Entry> {
    let build = |params: &Params<'_>, inputs: &[Variable]| {
        let (g, factors) = some(params, inputs)?.split_at(1);
        Ok(vec![kron_contract(&g[0], factors, params.size("at")?)?])
    };
    let parse = |params: &Params<'_>| {
        let at = params.size("at")?;
        Ok::<kronograph_graph::OpRef, BuildError>(Arc::new(KronContract { at }))
    };
    vec![Entry::function("kron_contract", "products", build, samples).parsed_by(parse)]
}

fn samples() -> Vec<Sample> {
    let sample = |name: &'static str, g: &[usize], factors: &[&[usize]], at: usize| {
        let x = |(k, shape): (usize, &&[usize])| dense(shape, (-2.0, 2.0), 2 + k as u64);
        let inputs = std::iter::once(dense(g, (-2.0, 2.0), 1)).chain(factors.iter().enumerate().map(x));
        Sample::new(name, inputs).with("at", at)
    };
    let single = [&[2, 2][..], &[1, 2], &[2, 1]].map(|shape| narrowed(&spread_over(shape, (-2.0, 2.0), 1)));
    let whole = [
        given(shaped(&[1, 2], vec![1i64, 2])),
        given(shaped(&[1, 2], vec![1i64, 2])),
        given(shaped(&[1, 1], vec![3i64])),
    ];
    vec![
        sample("left", &[4, 6], &[&[2, 2], &[2, 3]], 0),
        sample("right", &[4, 6], &[&[2, 2], &[2, 3]], 1),
        sample("between", &[4, 12], &[&[2, 2], &[1, 3], &[2, 2]], 1),
        sample("a long row to the right", &[2, 40], &[&[2, 2], &[1, 20]], 0),
        sample("of vectors", &[12], &[&[2], &[3], &[2]], 2),
        sample("stacks", &[2, 2, 4], &[&[2, 1, 2], &[2, 2, 2]], 0),
        sample("one factor", &[2, 3], &[&[2, 3]], 0),
        sample("no rows beside it", &[0, 4], &[&[2, 2], &[0, 2]], 0),
        sample("no rows", &[0, 4], &[&[2, 2], &[0, 2]], 1),
        Sample::new("f32", single).with("at", 0usize).single(),
        Sample::new("integers", whole).with("at", 0usize).edge(),
    ]
}

/// What the sums are made in: f64, whatever they are of.
#[derive(Debug, Default)]
struct Work {
    /// The factors one after another.
    factors: Vec<f64>,
    /// A row of the product of what stands before, and of what stands behind.
    rows: [Vec<f64>; 2],
    /// The result.
    sums: Tensor,
}

impl OpState for Work {
    fn fork(&self) -> Box<dyn OpState> {
        Box::<Self>::default()
    }
}

impl Work {
    /// Copies the elements of all factors, and gives where each begins.
    fn read(&mut self, factors: &[&Tensor]) -> Result<SmallVec<[usize; 4]>, OpFailure> {
        let mut starts = SmallVec::new();
        self.factors.clear();
        for (k, factor) in factors.iter().enumerate() {
            starts.push(self.factors.len());
            match factor {
                Tensor::F64(array) => self.factors.extend(array.view()),
                Tensor::F32(array) => self.factors.extend(array.view().iter().map(|x| f64::from(*x))),
                _ => return Err(OpFailure::WrongValue(k + 1)),
            }
        }
        Ok(starts)
    }
}

/// One matrix of G: its elements from the first on, and the distances of rows and of columns.
struct Grid<'a, T> {
    elements: &'a [T],
    strides: [usize; 2],
}

/// Adds what one matrix of G contributes to `sums`, which is (m_k, n_k); reads G once.
fn contract<T: Copy + Into<f64>>(
    g: &Grid<'_, T>,
    [before, behind]: [&[Rows<'_, f64>]; 2],
    [m, n]: [usize; 2],
    rows: &mut [Vec<f64>; 2],
    sums: &mut [f64],
) {
    let ([m_left, n_left], [m_right, n_right]) = (product_size(before), product_size(behind));
    let [left, right] = rows;
    left.resize(n_left, 0.0);
    right.resize(n_right, 0.0);
    for l in 0..m_left {
        write_row(before, l, 1.0, |x, y| x * y, left);
        for r in 0..m_right {
            write_row(behind, r, 1.0, |x, y| x * y, right);
            for (a, sums) in sums.chunks_exact_mut(n).enumerate() {
                let row = ((l * m + a) * m_right + r) * g.strides[0];
                for (c, weight) in left.iter().enumerate() {
                    for (b, sum) in sums.iter_mut().enumerate() {
                        let at = row + (c * n + b) * n_right * g.strides[1];
                        *sum += weight * blocked_dot(&g.elements[at..], g.strides[1], right);
                    }
                }
            }
        }
    }
}

impl KronContract {
    fn run<T: Element + Into<f64>>(self, g: &Strided<T>, factors: &[&Tensor], work: &mut Work) -> OpResult {
        let starts = work.read(factors)?;
        let own = factors[self.at].shape();
        let Work { factors: elements, rows, sums } = work;
        let sums = sums.reset::<f64>(own);
        sums.fill(0.0);
        let [m, n] = matrix_shape(own);
        if sums.is_empty() || g.is_empty() {
            return Ok(());
        }
        // A vector is a matrix of one row.
        let (mut shape, mut strides): (Extents, Extents) = (g.shape().into(), g.strides().into());
        if shape.len() == 1 {
            (shape.insert(0, 1), strides.insert(0, 0));
        }
        let axes = shape.len() - 2;
        for_each_matrix(&shape, &strides, |number, offset| {
            let matrix = |k: usize| Rows::of_stack(&elements[starts[k]..], matrix_shape(factors[k].shape()), number);
            let before: Factors<'_, f64> = (0..self.at).map(matrix).collect();
            let behind: Factors<'_, f64> = (self.at + 1..factors.len()).map(matrix).collect();
            let g = Grid { elements: &g.storage()[offset..], strides: [strides[axes], strides[axes + 1]] };
            contract(&g, [&before, &behind], [m, n], rows, &mut sums[number * m * n..][..m * n]);
        });
        Ok(())
    }
}

/// Checks that G has the shape of the product of the factors.
fn check_shapes(g: &[usize], factors: &[&Tensor]) -> Result<(), OpFailure> {
    let fits = |axis: usize| {
        let own = |factor: &&Tensor| factor.shape().get(axis).copied();
        match axis + 2 < g.len() {
            true => factors.iter().all(|factor| own(factor) == Some(g[axis])),
            false => factors.iter().try_fold(1usize, |size, factor| size.checked_mul(own(factor)?)) == Some(g[axis]),
        }
    };
    if factors.iter().all(|factor| factor.shape().len() == g.len()) && (0..g.len()).all(fits) {
        return Ok(());
    }
    let shapes: Vec<String> = factors.iter().map(|factor| shape_text(factor.shape())).collect();
    let rule = format!("the product of {} does not have the shape {}", shapes.join(", "), shape_text(g));
    Err(OpFailure::Shapes(rule))
}

impl Op for KronContract {
    fn name(&self) -> Cow<'static, str> {
        "kron_contract".into()
    }

    fn props(&self) -> Props {
        Props::default().with("at", self.at)
    }

    fn make_node(&self, inputs: &[Variable]) -> Result<NodeSpec> {
        let [g, factors @ ..] = inputs else { return Err(BuildError::arity("kron_contract", 2, inputs)) };
        let Some(own) = factors.get(self.at) else {
            let rule = format!("there is no factor {} of {}", self.at, factors.len());
            return Err(BuildError::inputs("kron_contract", inputs, rule));
        };
        let (rank, mut dtype) = (tensor_type("kron_contract", g)?.rank(), tensor_type("kron_contract", g)?.dtype());
        for factor in factors {
            let ty = tensor_type("kron_contract", factor)?;
            if ty.rank() != rank || rank == 0 {
                return Err(BuildError::inputs("kron_contract", inputs, "all must be vectors, or all of one rank"));
            }
            dtype = dtype.promote(ty.dtype()).to_float();
        }
        for axis in 0..rank {
            let lengths = |x: &Variable| x.ty().extents()[axis];
            let known: Option<Vec<usize>> = factors.iter().map(lengths).collect();
            let wrong = match (known, lengths(g)) {
                (Some(known), Some(got)) if axis + 2 < rank => known.iter().any(|length| *length != got),
                (Some(known), Some(got)) => known.iter().try_fold(1, |a: usize, b| a.checked_mul(*b)) != Some(got),
                _ => false,
            };
            if wrong {
                let rule = format!("axis {axis} of the first is not as long as that of the product of the others");
                return Err(BuildError::inputs("kron_contract", inputs, rule));
            }
        }
        let converted = inputs.iter().map(|input| cast(input, dtype)).collect::<Result<Vec<_>>>()?;
        Ok(NodeSpec::one(TensorType::shared(dtype, own.ty().extents())).with_inputs(converted))
    }

    fn perform(&self, io: &mut Io<'_>) -> OpResult {
        let (work, inputs, outputs) = io.with_state::<Work>()?;
        let (g, out) = (inputs.get::<Tensor>(0)?, outputs[0].buffer::<Tensor>());
        let factors = (1..inputs.len()).map(|k| inputs.get::<Tensor>(k)).collect::<Result<SmallVec<[_; 4]>, _>>()?;
        check_shapes(g.shape(), &factors)?;
        match g {
            Tensor::F64(g) => self.run(g, &factors, work)?,
            Tensor::F32(g) => self.run(g, &factors, work)?,
            _ => return Err(OpFailure::WrongValue(0).into()),
        }
        cast_into(&work.sums, g.dtype(), out);
        Ok(())
    }

    /// Of the result's cotangent h: `Ḡ = F_1 ⊗ .. h .. ⊗ F_K`, and `F̄_l` the same contraction for l, with h as factor
    /// k.
    fn l_op(&self, node: &NodeView<'_>, output_grads: &[Option<Variable>]) -> Result<Grads> {
        let Some(h) = &output_grads[0] else { return Ok(vec![Grad::Zero; node.inputs().len()]) };
        let mut factors = node.inputs()[1..].to_vec();
        factors[self.at] = h.clone();
        let g_bar = if factors.len() == 1 { h.clone() } else { apply(Kron, &factors)? };
        let mut grads = vec![g_bar.into()];
        for l in 0..factors.len() {
            grads.push(match l == self.at {
                true => Grad::Disconnected,
                false => kron_contract(node.input(0), &factors, l)?.into(),
            });
        }
        Ok(grads)
    }

    /// The product rule for G and the factors that are summed over.
    fn r_op(&self, node: &NodeView<'_>, tangents: &[Option<Variable>]) -> Result<Tangents> {
        let moved = |position: usize| -> Result<Option<Variable>> {
            let Some(tangent) = tangents[position].as_ref().filter(|_| position != self.at + 1) else {
                return Ok(None);
            };
            let mut inputs = node.inputs().to_vec();
            inputs[position] = tangent.clone();
            apply(*self, &inputs).map(Some)
        };
        let terms = (0..tangents.len()).map(moved).collect::<Result<Vec<_>>>()?;
        Ok(vec![sum_of(&terms)?.into()])
    }

    fn infer_shape(&self, _node: &NodeView<'_>, input_shapes: &[Shape]) -> Result<Vec<Shape>> {
        Ok(vec![input_shapes[self.at + 1].clone()])
    }

    fn connection_pattern(&self, _output: usize, input: usize) -> bool {
        input != self.at + 1
    }

    fn reads_elements(&self, input: usize) -> bool {
        input != self.at + 1
    }

    fn state(&self) -> Option<Box<dyn OpState>> {
        Some(Box::<Work>::default())
    }
}
