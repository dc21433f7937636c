//! The sum of the products of two sparse matrices: what the cotangent of a scale is, and its own kind of derivative.

use std::borrow::Cow;
use std::sync::Arc;

use kronograph_graph::{
    BuildError, Entry, Grad, Grads, Io, NodeSpec, NodeView, Op, OpResult, OpState, Params, Props, Result, Sample,
    Shape, Tangents, Variable, apply, origin, sum_of,
};
use kronograph_ops::TensorType;
use kronograph_ops::params::exactly;

use crate::cast::sparse_cast;
use crate::format::to_format;
use crate::kept::Kept;
use crate::matrix::{Format, SparseMatrix};
use crate::multiply_dense::mul_s_d;
use crate::number::{Number, each_number};
use crate::samples::{Build, op, overlapping};
use crate::scale::{Lines, scale};
use crate::sum::{Totals, axis_of, kept_length, kept_lengths, lines_of, printed_axis};
use crate::ty::{check_same_shape, same_shape, sparse_type};

/// `sum(X ∘ Y)`, of each row or column or of all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SumOfProducts {
    lines: Option<Lines>,
}

/// `sum(X ∘ Y)` of two sparse matrices of one shape: of each row or column, or of all. Only positions that both store
/// are multiplied, and nothing is stored in between.
///
/// Derivatives, both regular: `X̄ = Y` scaled by g, `Ȳ = X` scaled by g. It is linear in each, and the adjoint of
/// scaling, so derivatives of every order stay sparse.
#[track_caller]
pub(crate) fn sum_of_products(x: &Variable, y: &Variable, lines: Option<Lines>) -> Result<Variable> {
    let _scope = origin::here();
    let (a, b) = (sparse_type("sum_of_products", x)?, sparse_type("sum_of_products", y)?);
    let dtype = a.dtype().promote(b.dtype());
    apply(SumOfProducts { lines }, &[sparse_cast(x, dtype)?, sparse_cast(&to_format(y, a.format())?, dtype)?])
}

/// `sum(A ∘ B)` of two sparse matrices of one shape; what one of them does not store is zero. Formats may differ.
///
/// Derivatives, both regular: `Ā = g B`, `B̄ = g A`.
///
/// # Errors
///
/// When an operand is no sparse matrix, or the shapes differ.
#[track_caller]
pub fn sparse_inner(a: &Variable, b: &Variable) -> Result<Variable> {
    sum_of_products(a, b, None)
}

/// `x` times a scalar, or with its rows or columns times those of a vector.
fn scaled(x: &Variable, by: &Variable, lines: Option<Lines>) -> Result<Variable> {
    match lines {
        Some(lines) => scale(x, by, lines),
        None => mul_s_d(x, by),
    }
}

/// The entry of this file.
pub(crate) fn entries() -> Vec<Entry> {
    let build: Build = |params, inputs| {
        let [x, y] = exactly(params, inputs)?;
        Ok(vec![sum_of_products(x, y, lines_in(params)?)?])
    };
    vec![op("sum_of_products", build, samples, |params| Ok(Arc::new(SumOfProducts { lines: lines_in(params)? })))]
}

fn lines_in(params: &Params<'_>) -> Result<Option<Lines>> {
    Ok(axis_of(params)?.map(lines_of))
}

fn samples(format: Format) -> Vec<Sample> {
    let along = |axis: usize| overlapping(format).into_iter().map(move |sample| sample.with("axis", axis));
    [overlapping(format), along(0).collect(), along(1).collect()].concat()
}

impl Op for SumOfProducts {
    fn name(&self) -> Cow<'static, str> {
        "sum_of_products".into()
    }

    fn props(&self) -> Props {
        printed_axis(self.lines)
    }

    fn make_node(&self, inputs: &[Variable]) -> Result<NodeSpec> {
        let [x, y] = inputs else { return Err(BuildError::arity("sum_of_products", 2, inputs)) };
        let (a, b) = (sparse_type("sum_of_products", x)?, sparse_type("sum_of_products", y)?);
        if (a.format(), a.dtype()) != (b.format(), b.dtype()) {
            return Err(BuildError::inputs("sum_of_products", inputs, "formats and dtypes must be equal"));
        }
        let shape = same_shape("sum_of_products", inputs, a.shape(), b.shape())?;
        Ok(NodeSpec::one(TensorType::shared(a.dtype().sum(), kept_lengths(&shape, self.lines))))
    }

    fn perform(&self, io: &mut Io<'_>) -> OpResult {
        let (state, inputs, outputs) = io.with_state::<State>()?;
        let (x, y) = (inputs.get::<SparseMatrix>(0)?, inputs.get::<SparseMatrix>(1)?);
        check_same_shape(&x.shape(), &y.shape())?;
        let shared = Arc::ptr_eq(x.pattern(), y.pattern());
        let find = || Ok(if shared { Vec::new() } else { x.pattern().slots_in(y.pattern()) });
        let slots = state.slots.of(&[x.pattern(), y.pattern()], |slots| shared || slots.len() == x.nnz(), find)?;
        let length = kept_length(x.shape(), self.lines);
        each_number!(x.dtype(), T => {
            let (a, b) = (x.slots::<T>()?, y.slots::<T>()?);
            state.totals.add_up::<T>(outputs[0].buffer(), length, |totals| {
                let mut add = |slot: usize, line: usize| {
                    let at = if shared { slot } else { slots[slot] as usize };
                    if let Some(&other) = b.get(at) {
                        totals[line] = totals[line].plus(a[slot].widen().times(other.widen()));
                    }
                };
                match self.lines {
                    Some(lines) => x.for_each_line(lines, add),
                    None => (0..a.len()).for_each(|slot| add(slot, 0)),
                }
            });
        });
        Ok(())
    }

    fn l_op(&self, node: &NodeView<'_>, output_grads: &[Option<Variable>]) -> Result<Grads> {
        let Some(g) = &output_grads[0] else { return Ok(vec![Grad::Zero; 2]) };
        let (x, y) = (node.input(0), node.input(1));
        Ok(vec![scaled(y, g, self.lines)?.into(), scaled(x, g, self.lines)?.into()])
    }

    fn r_op(&self, node: &NodeView<'_>, tangents: &[Option<Variable>]) -> Result<Tangents> {
        let (x, y) = (node.input(0), node.input(1));
        let left = tangents[0].as_ref().map(|t| sum_of_products(t, y, self.lines)).transpose()?;
        let right = tangents[1].as_ref().map(|t| sum_of_products(x, t, self.lines)).transpose()?;
        Ok(vec![sum_of(&[left, right])?.into()])
    }

    fn infer_shape(&self, _node: &NodeView<'_>, input_shapes: &[Shape]) -> Result<Vec<Shape>> {
        Ok(vec![kept_lengths(&input_shapes[0], self.lines).iter().cloned().collect()])
    }

    fn state(&self) -> Option<Box<dyn OpState>> {
        Some(Box::<State>::default())
    }
}

/// Where the slots of one are in the other, and room for sums.
#[derive(Debug, Default)]
struct State {
    slots: Kept<Vec<u32>>,
    totals: Totals,
}

impl OpState for State {
    fn fork(&self) -> Box<dyn OpState> {
        Box::new(Self { slots: self.slots.forked(), totals: Totals::default() })
    }

    fn counts(&self) -> Vec<(&'static str, u64)> {
        self.slots.counts()
    }
}
