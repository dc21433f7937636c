//! An outer product sampled on a pattern: the cotangent of a sparse matrix in a product or a solve.

use std::borrow::Cow;
use std::sync::Arc;

use kronograph_graph::{
    BuildError, Entry, Grad, Grads, Io, NodeSpec, NodeView, Op, OpFailure, OpResult, OpState, Props, Result, Sample,
    Shape, Tangents, Variable, apply, origin,
};
use kronograph_ops::params::exactly;
use kronograph_ops::samples::{given, spread_over};
use kronograph_ops::{DType, Element, Strided, Tensor, TensorType, Trans, cast, column_offsets, pack};

use crate::add::sum_of_terms;
use crate::convert::PatternOf;
use crate::kernels::product::{Rows, add_sampled_products};
use crate::lu::{pattern_of, pattern_source};
use crate::matrix::{Format, SparseMatrix};
use crate::number::{Number, each_number};
use crate::product::structured_dot_along;
use crate::project::project_sparse;
use crate::samples::{Build, dense_input, op, wide};
use crate::ty::{SparseType, same_shape};

/// `P ∘ (L Rᵀ)`. Inputs: what has the pattern P (a sparse matrix or factor), then L and R.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SampledOuter {
    /// The axis of L and R that runs along rows and columns; the others are summed over.
    pub axis: usize,
}

/// `out[i, j] = sum left[.., i, ..] right[.., j, ..]` at the stored positions (i, j) of `like`, where i and j run along
/// `axis` and the sum is over all other axes.
///
/// In the dtype that both convert to. Derivatives: `left̄ = S̄ right`, `right̄ = S̄ᵀ left`, along the same axis.
///
/// # Errors
///
/// When `like` has no pattern, `left` and `right` differ in rank, or have no such axis.
#[track_caller]
pub fn sampled_outer(like: &Variable, left: &Variable, right: &Variable, axis: usize) -> Result<Variable> {
    let _scope = origin::here();
    match (left.type_as::<TensorType>(), right.type_as::<TensorType>()) {
        (Some(a), Some(b)) => {
            let dtype = a.dtype().promote(b.dtype());
            apply(SampledOuter { axis }, &[like.clone(), cast(left, dtype)?, cast(right, dtype)?])
        }
        _ => apply(SampledOuter { axis }, &[like.clone(), left.clone(), right.clone()]),
    }
}

/// The entry of this file.
pub(crate) fn entries() -> Vec<Entry> {
    let build: Build = |params, inputs| {
        let [like, left, right] = exactly(params, inputs)?;
        Ok(vec![sampled_outer(like, left, right, params.size("axis")?)?])
    };
    vec![op("sampled_outer", build, samples, |params| Ok(Arc::new(SampledOuter { axis: params.size("axis")? })))]
}

fn samples(format: Format) -> Vec<Sample> {
    let single = |shape: &[usize], seed| given(spread_over(shape, (-1.0, 1.0), seed).to_dtype(DType::F32));
    let sample = |name, left: &[usize], right: &[usize], axis: usize| {
        Sample::new(name, [wide(format, 1), dense_input(left, 2), dense_input(right, 3)]).with("axis", axis)
    };
    vec![
        sample("of vectors", &[3], &[4], 0),
        sample("of columns", &[3, 2], &[4, 2], 0),
        sample("of rows", &[2, 3], &[2, 4], 1),
        sample("along the middle axis", &[2, 3, 2], &[2, 4, 2], 1),
        Sample::new("f32", [wide(format, 1), single(&[3, 2], 2), single(&[4, 2], 3)]).with("axis", 0usize).single(),
    ]
}

impl Op for SampledOuter {
    fn name(&self) -> Cow<'static, str> {
        "sampled_outer".into()
    }

    fn props(&self) -> Props {
        Props::default().with("axis", self.axis)
    }

    fn make_node(&self, inputs: &[Variable]) -> Result<NodeSpec> {
        let [like, left, right] = inputs else { return Err(BuildError::arity("sampled_outer", 3, inputs)) };
        let source = pattern_source("sampled_outer", like)?;
        let kind = |x: &Variable| x.type_as::<TensorType>().map(|ty| (ty.rank(), ty.dtype()));
        let dtype = match (kind(left), kind(right)) {
            (Some(a), Some(b)) if a == b && self.axis < a.0 && SparseType::admits(a.1) => a.1,
            _ => {
                let rule = "two dense tensors of one rank and dtype, of numbers, are needed";
                return Err(BuildError::inputs("sampled_outer", &inputs[1..], rule));
            }
        };
        let (a, b) = (left.ty().extents(), right.ty().extents());
        let clash = |(axis, (a, b)): (usize, (&Option<usize>, &Option<usize>))| {
            axis != self.axis && a.is_some() && b.is_some() && a != b
        };
        if a.iter().zip(b).enumerate().any(clash) {
            let rule = format!("the shapes must be equal outside of axis {}", self.axis);
            return Err(BuildError::inputs("sampled_outer", &inputs[1..], rule));
        }
        let shape = same_shape("sampled_outer", inputs, source.shape(), [a[self.axis], b[self.axis]])?;
        Ok(NodeSpec::one(SparseType::shared(source.format(), dtype, shape)))
    }

    fn perform(&self, io: &mut Io<'_>) -> OpResult {
        let (state, inputs, outputs) = io.with_state::<Panels>()?;
        let like = pattern_of(inputs.value(0)?).ok_or(OpFailure::WrongValue(0))?;
        let (left, right) = (inputs.get::<Tensor>(1)?, inputs.get::<Tensor>(2)?);
        check_shapes(left.shape(), right.shape(), self.axis, like.shape)?;
        let out = outputs[0].buffer::<SparseMatrix>();
        if left.dtype() != DType::F64 {
            return Ok(each_slot(state, &like, [left, right], self.axis, out)?);
        }
        let left = left.array::<f64>().map_err(|_| OpFailure::WrongValue(1))?;
        let right = right.array::<f64>().map_err(|_| OpFailure::WrongValue(2))?;
        let out = out.reset(like.format, like.shape, like.pattern);
        out.fill(0.0);
        if out.is_empty() {
            return Ok(());
        }
        // The slices of the pattern are rows of `left` in CSR and of `right` in CSC.
        let (slices, others) = like.format.swap((left, right));
        state.slices.begin(slices, self.axis);
        state.others.begin(others, self.axis);
        let (indptr, indices) = (like.pattern.indptr(), like.pattern.indices());
        for start in (0..state.slices.offsets.len()).step_by(PANEL) {
            let (slices, width) = state.slices.rows(slices, self.axis, start);
            let (others, _) = state.others.rows(others, self.axis, start);
            add_sampled_products(indptr, indices, slices, others, width, out);
        }
        Ok(())
    }

    fn l_op(&self, node: &NodeView<'_>, output_grads: &[Option<Variable>]) -> Result<Grads> {
        let Some(g) = &output_grads[0] else { return Ok(vec![Grad::Disconnected, Grad::Zero, Grad::Zero]) };
        let g = &project_sparse(node.input(0), g)?;
        let left = structured_dot_along(g, node.input(2), self.axis, Trans::No)?;
        let right = structured_dot_along(g, node.input(1), self.axis, Trans::Yes)?;
        Ok(vec![Grad::Disconnected, left.into(), right.into()])
    }

    fn r_op(&self, node: &NodeView<'_>, tangents: &[Option<Variable>]) -> Result<Tangents> {
        let (like, left, right) = (node.input(0), node.input(1), node.input(2));
        let moved_left = tangents[1].as_ref().map(|t| sampled_outer(like, t, right, self.axis)).transpose()?;
        let moved_right = tangents[2].as_ref().map(|t| sampled_outer(like, left, t, self.axis)).transpose()?;
        Ok(vec![sum_of_terms([moved_left, moved_right])?.into()])
    }

    fn infer_shape(&self, _node: &NodeView<'_>, input_shapes: &[Shape]) -> Result<Vec<Shape>> {
        Ok(vec![input_shapes[1..].iter().map(|shape| shape[self.axis].clone()).collect()])
    }

    fn connection_pattern(&self, _output: usize, input: usize) -> bool {
        input != 0
    }

    fn state(&self) -> Option<Box<dyn OpState>> {
        Some(Box::<Panels>::default())
    }
}

/// Checks that two operands span a pattern along an axis, and are of one shape outside of it.
fn check_shapes(left: &[usize], right: &[usize], axis: usize, pattern: [usize; 2]) -> Result<(), OpFailure> {
    if left[..axis] != right[..axis] || left[axis + 1..] != right[axis + 1..] {
        return Err(OpFailure::Shapes(format!("shapes {left:?} and {right:?} differ outside of axis {axis}")));
    }
    if [left[axis], right[axis]] != pattern {
        let rule = format!("shapes {left:?} and {right:?} do not span a pattern of shape {pattern:?}");
        return Err(OpFailure::Shapes(rule));
    }
    Ok(())
}

/// The same for elements of any type, slot by slot.
fn each_slot(
    state: &mut Panels,
    like: &PatternOf<'_>,
    [left, right]: [&Tensor; 2],
    axis: usize,
    out: &mut SparseMatrix,
) -> Result<(), OpFailure> {
    let (at_left, at_right) = (&mut state.slices.offsets, &mut state.others.offsets);
    each_number!(left.dtype(), T => {
        let left = T::of(left).ok_or(OpFailure::WrongValue(1))?;
        let right = T::of(right).ok_or(OpFailure::WrongValue(2))?;
        column_offsets(at_left, left.shape(), left.strides(), axis);
        column_offsets(at_right, right.shape(), right.strides(), axis);
        let out = out.reset::<T>(like.format, like.shape, like.pattern);
        for slice in 0..like.pattern.major() {
            for slot in like.pattern.range(slice) {
                let (i, j) = like.format.swap((slice, like.pattern.indices()[slot] as usize));
                let (row, column) = (i * left.strides()[axis], j * right.strides()[axis]);
                let products = at_left.iter().zip(&*at_right);
                out[slot] = products.fold(T::default(), |sum, (a, b)| {
                    sum.plus(left.storage()[a + row].times(right.storage()[b + column]))
                });
            }
        }
    });
    Ok(())
}

/// So many columns are worked on at once: what they hold stays in the cache.
const PANEL: usize = 64;

/// The columns of an operand, and space for a panel of them.
#[derive(Debug, Default)]
struct Operand {
    offsets: Vec<usize>,
    identity: Vec<usize>,
    panel: Vec<f64>,
}

impl Operand {
    fn begin(&mut self, array: &Strided<f64>, axis: usize) {
        column_offsets(&mut self.offsets, array.shape(), array.strides(), axis);
        self.identity.clear();
        self.identity.extend(0..array.shape()[axis]);
    }

    /// The panel of columns from `start` on: in the array itself where they are neighbours, else copied.
    fn rows<'a>(&'a mut self, array: &'a Strided<f64>, axis: usize, start: usize) -> (Rows<'a>, usize) {
        let rest = &self.offsets[start..];
        let (offsets, stride) = (&rest[..rest.len().min(PANEL)], array.strides()[axis]);
        let width = offsets.len();
        if offsets.iter().zip(offsets[0]..).all(|(have, want)| *have == want) {
            return (Rows { data: &array.storage()[offsets[0]..], stride }, width);
        }
        self.panel.resize(self.identity.len() * PANEL, 0.0);
        let panel = &mut self.panel[..self.identity.len() * width];
        pack(array.storage(), stride, offsets, &self.identity, panel);
        (Rows { data: panel, stride: width }, width)
    }
}

/// Panels of the operand whose rows are slices of the pattern, and of the other.
#[derive(Debug, Default)]
struct Panels {
    slices: Operand,
    others: Operand,
}

impl OpState for Panels {
    fn fork(&self) -> Box<dyn OpState> {
        Box::<Self>::default()
    }
}
