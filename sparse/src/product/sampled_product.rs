//! A product of two sparse matrices sampled on a pattern: the cotangent of a sparse matrix in a product with a sparse
//! one.

use std::borrow::Cow;
use std::sync::Arc;

use kronograph_graph::{
    BuildError, Entry, Grad, Grads, Io, NodeSpec, NodeView, Op, OpFailure, OpResult, OpState, Result, Sample, Shape,
    Tangents, Variable, apply, origin,
};
use kronograph_ops::cast;
use kronograph_ops::params::exactly;

use super::multiply::slices;
use super::samples::transposed;
use super::true_dot::product_of_patterns;
use crate::add::sum_of_terms;
use crate::format::to_format;
use crate::kernels::slices::inner_products;
use crate::lu::{pattern_of, pattern_source};
use crate::matrix::{Format, SparseMatrix};
use crate::number::each_number;
use crate::project::project_sparse;
use crate::samples::{Build, in_dtype, in_integers, merged, op, other, wide};
use crate::transpose::sparse_transpose;
use crate::ty::{SparseType, same_shape, sparse_type};

/// `P ∘ (L Rᵀ)` of CSR matrices L and R. Inputs: what has the pattern P, then L and R.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SampledProduct;

/// `out[i, j] = sum_c left[i, c] right[j, c]` at the stored positions (i, j) of `like`, for sparse `left` and `right`:
/// what [`sampled_outer`](crate::sampled_outer) is for dense ones. In the dtype that both convert to.
///
/// Derivatives: `left̄ = S̄ right`, `right̄ = S̄ᵀ left`, regular. Cost: a look at each entry of a row of `right` for each
/// stored position.
///
/// # Errors
///
/// When `like` has no pattern, an operand is no sparse matrix, or the shapes do not fit.
#[track_caller]
pub fn sampled_product(like: &Variable, left: &Variable, right: &Variable) -> Result<Variable> {
    let _scope = origin::here();
    let dtype = sparse_type("sampled_product", left)?.dtype().promote(sparse_type("sampled_product", right)?.dtype());
    let by_rows = |x: &Variable| to_format(&cast(x, dtype)?, Format::Csr);
    apply(SampledProduct, &[like.clone(), by_rows(left)?, by_rows(right)?])
}

/// The entry of this file.
pub(crate) fn entries() -> Vec<Entry> {
    let build: Build = |params, inputs| {
        let [like, left, right] = exactly(params, inputs)?;
        Ok(vec![sampled_product(like, left, right)?])
    };
    let samples = |format: Format| {
        // (3, 4) on the left and (3, 4) on the right make a pattern of (3, 3).
        let like = || transposed(crate::samples::weights(format.flip(), 3));
        let narrow = |input| in_dtype(input, kronograph_ops::DType::F32);
        vec![
            Sample::new("of one format", [like(), wide(format, 1), other(format, 2)]),
            Sample::new("of two formats", [like(), merged(format, 1), other(format.flip(), 2)]),
            Sample::new("f32", [like(), narrow(wide(format, 1)), narrow(other(format, 2))]).single(),
            Sample::new("integers", [like(), in_integers(wide(format, 1)), in_integers(other(format, 2))]).edge(),
        ]
    };
    vec![op("sampled_product", build, samples, |_| Ok(Arc::new(SampledProduct)))]
}

/// For each index the slot of one slice that has it, all `u32::MAX` between calls.
#[derive(Debug, Default)]
struct Places(Vec<u32>);

impl OpState for Places {
    fn fork(&self) -> Box<dyn OpState> {
        Box::<Self>::default()
    }
}

impl Op for SampledProduct {
    fn name(&self) -> Cow<'static, str> {
        "sampled_product".into()
    }

    fn make_node(&self, inputs: &[Variable]) -> Result<NodeSpec> {
        let [like, left, right] = inputs else { return Err(BuildError::arity("sampled_product", 3, inputs)) };
        let source = pattern_source("sampled_product", like)?;
        let (a, b) = (sparse_type("sampled_product", left)?, sparse_type("sampled_product", right)?);
        if (a.format(), b.format()) != (Format::Csr, Format::Csr) || a.dtype() != b.dtype() {
            return Err(BuildError::inputs("sampled_product", &inputs[1..], "csr matrices of one dtype are needed"));
        }
        let ([rows, width], [columns, other]) = (a.shape(), b.shape());
        if width.is_some() && other.is_some() && width != other {
            return Err(BuildError::inputs("sampled_product", &inputs[1..], "they must have as many columns"));
        }
        let shape = same_shape("sampled_product", inputs, source.shape(), [rows, columns])?;
        Ok(NodeSpec::one(SparseType::shared(source.format(), a.dtype(), shape)))
    }

    fn perform(&self, io: &mut Io<'_>) -> OpResult {
        let (places, inputs, outputs) = io.with_state::<Places>()?;
        let like = pattern_of(inputs.value(0)?).ok_or(OpFailure::WrongValue(0))?;
        let (left, right) = (inputs.get::<SparseMatrix>(1)?, inputs.get::<SparseMatrix>(2)?);
        let ([rows, width], [columns, other]) = (left.shape(), right.shape());
        if width != other || like.shape != [rows, columns] {
            let rule = format!("rows of {:?} and {:?} do not span {:?}", left.shape(), right.shape(), like.shape);
            return Err(OpFailure::Shapes(rule).into());
        }
        places.0.resize(width, u32::MAX);
        let (by_slice, by_index) = like.format.swap((left, right));
        each_number!(left.dtype(), T => {
            let out = outputs[0].buffer::<SparseMatrix>().reset::<T>(like.format, like.shape, like.pattern);
            let at = (like.pattern.indptr(), like.pattern.indices());
            inner_products(at, slices::<T>(by_slice)?, slices::<T>(by_index)?, &mut places.0, out);
        });
        Ok(())
    }

    fn l_op(&self, node: &NodeView<'_>, output_grads: &[Option<Variable>]) -> Result<Grads> {
        let Some(g) = &output_grads[0] else { return Ok(vec![Grad::Disconnected, Grad::Zero, Grad::Zero]) };
        let g = to_format(&project_sparse(node.input(0), g)?, Format::Csr)?;
        let left = product_of_patterns(&g, node.input(2))?;
        let transposed = to_format(&sparse_transpose(&g)?, Format::Csr)?;
        let right = product_of_patterns(&transposed, node.input(1))?;
        Ok(vec![Grad::Disconnected, left.into(), right.into()])
    }

    fn r_op(&self, node: &NodeView<'_>, tangents: &[Option<Variable>]) -> Result<Tangents> {
        let (like, left, right) = (node.input(0), node.input(1), node.input(2));
        let moved_left = tangents[1].as_ref().map(|t| sampled_product(like, t, right)).transpose()?;
        let moved_right = tangents[2].as_ref().map(|t| sampled_product(like, left, t)).transpose()?;
        Ok(vec![sum_of_terms([moved_left, moved_right])?.into()])
    }

    fn infer_shape(&self, _node: &NodeView<'_>, input_shapes: &[Shape]) -> Result<Vec<Shape>> {
        Ok(vec![input_shapes[1..].iter().map(|shape| shape[0].clone()).collect()])
    }

    fn connection_pattern(&self, _output: usize, input: usize) -> bool {
        input != 0
    }

    fn state(&self) -> Option<Box<dyn OpState>> {
        Some(Box::<Places>::default())
    }
}
