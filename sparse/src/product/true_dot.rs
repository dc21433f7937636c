//! Products of sparse matrices whose result is sparse.
//!
//! The pattern of the result is found once for each pair of patterns; after that a call costs two operations for each
//! pair of entries that meet, and allocates nothing.

use std::borrow::Cow;
use std::sync::Arc;

use kronograph_graph::{
    BuildError, Entry, Grad, Grads, Io, NodeSpec, NodeView, Op, OpFailure, OpResult, OpState, Params, Props, Result,
    Sample, Shape, Tangents, Variable, apply, origin,
};
use kronograph_ops::params::exactly;
use kronograph_ops::{Tensor, check_size};

use super::dot::sparse_dot;
use super::multiply::{Dense, check_inner, operands, result_lengths, slices};
use super::sampled_product::sampled_product;
use super::samples::{kinds, single_and_whole};
use crate::add::sum_of_terms;
use crate::clean::SlotFilter;
use crate::dense::sparse_from_dense;
use crate::format::to_format;
use crate::kept::Kept;
use crate::kernels::slices::multiply_on_pattern;
use crate::matrix::{Format, SparseError, SparseMatrix};
use crate::number::each_number;
use crate::pattern::Pattern;
use crate::project::project_sparse;
use crate::samples::{Build, op};
use crate::transpose::sparse_transpose;
use crate::ty::{SparseType, sparse_type};

/// `X Y` of sparse matrices of one format and dtype, sparse.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TrueDot {
    /// Whether the cotangent of X is sampled on what X stores.
    structured: bool,
    /// Whether zeros stay stored, so that the pattern depends on patterns only.
    keep_zeros: bool,
}

/// `X Y` of matrices (m, k) and (k, n), one of them sparse at least, as a sparse matrix (PyTensor: `true_dot`): in the
/// format of X if X is sparse, else of Y, and in the dtype that both convert to. Indices are sorted, exact zeros are
/// not stored.
///
/// Derivatives: `X̄ = G Yᵀ`, `Ȳ = Xᵀ G`, regular, each of the kind of its operand. Cost: two operations for each pair of
/// entries that meet; with a dense operand that of `dot`, and a look at each entry.
///
/// ```
/// use kronograph_sparse::{Format, sparse_matrix, true_dot};
///
/// let x = sparse_matrix("x", Format::Csc, [Some(2), None]);
/// let y = sparse_matrix("y", Format::Csr, [None, Some(5)]);
/// assert_eq!(true_dot(&x, &y)?.ty().to_string(), "csc f64 (2, 5)");
/// # Ok::<(), kronograph_graph::BuildError>(())
/// ```
///
/// # Errors
///
/// When neither is sparse, a dense one is no matrix, or the inner lengths differ.
#[track_caller]
pub fn true_dot(x: &Variable, y: &Variable) -> Result<Variable> {
    let _scope = origin::here();
    TrueDot { structured: false, keep_zeros: false }.of(x, y)
}

/// `a b` of sparse matrices with the structured gradient of `a`.
#[track_caller]
pub(super) fn structured_product(a: &Variable, b: &Variable) -> Result<Variable> {
    TrueDot { structured: true, keep_zeros: false }.of(a, b)
}

/// [`true_dot`] of sparse matrices with all zeros stored: for cotangents.
#[track_caller]
pub(super) fn product_of_patterns(x: &Variable, y: &Variable) -> Result<Variable> {
    TrueDot { structured: false, keep_zeros: true }.of(x, y)
}

impl TrueDot {
    #[track_caller]
    fn of(self, x: &Variable, y: &Variable) -> Result<Variable> {
        let [x, y] = operands("true_dot", x, y, Dense::Matrix)?;
        let format = |x: &Variable| x.type_as::<SparseType>().map(SparseType::format);
        match (format(&x), format(&y)) {
            (Some(format), Some(_)) => apply(self, &[x, to_format(&y, format)?]),
            (Some(format), None) | (None, Some(format)) => sparse_from_dense(&sparse_dot(&x, &y)?, format),
            (None, None) => Err(BuildError::inputs("true_dot", &[x, y], "one operand must be sparse")),
        }
    }
}

/// The entry of this file. PyTensor's `grad_preserves_dense` is taken and changes nothing: it tells whether the gradient
/// of a dense operand is dense or sparse, and here a gradient always is of the kind of its operand.
pub(crate) fn entries() -> Vec<Entry> {
    let build: Build = |params, inputs| {
        let [x, y] = exactly(params, inputs)?;
        Ok(vec![op_of(params)?.of(x, y)?])
    };
    let samples = |format: Format| {
        let mut samples = kinds(format);
        let flagged = |sample: &Sample, flag: &'static str, what: &str| {
            let name = format!("{}, {what}", sample.name);
            Sample { name: name.into(), ..sample.clone() }.with(flag, true)
        };
        let sparse: Vec<_> = kinds(format).split_off(2);
        samples.extend(sparse.iter().map(|sample| flagged(sample, "structured", "structured")));
        samples.extend(sparse.iter().map(|sample| flagged(sample, "keep_zeros", "zeros kept")));
        samples.extend(single_and_whole(format));
        samples
    };
    vec![op("true_dot", build, samples, |params| Ok(Arc::new(op_of(params)?)))]
}

fn op_of(params: &Params<'_>) -> Result<TrueDot> {
    Ok(TrueDot { structured: params.flag("structured")?, keep_zeros: params.flag("keep_zeros")? })
}

/// The pattern of the product, and room for one of its slices.
#[derive(Debug, Default)]
struct Work {
    pattern: Kept<Arc<Pattern>>,
    sums: Tensor,
    zeros: SlotFilter,
}

impl OpState for Work {
    fn fork(&self) -> Box<dyn OpState> {
        Box::new(Self { pattern: self.pattern.forked(), ..Self::default() })
    }

    fn counts(&self) -> Vec<(&'static str, u64)> {
        self.pattern.counts()
    }
}

/// Where the product of two matrices, both by slices, stores entries, with sorted indices.
fn pattern_of_product(left: &Pattern, right: &Pattern) -> Result<Arc<Pattern>, OpFailure> {
    let failed = |error: SparseError| OpFailure::Shapes(error.to_string());
    let (mut indptr, mut indices) = (Vec::with_capacity(left.major() + 1), Vec::new());
    indptr.push(0);
    check_size(&[right.minor(), 1])?;
    let mut last_seen = vec![u32::MAX; right.minor()];
    for slice in 0..left.major() {
        let from = indices.len();
        for &through in left.slice(slice) {
            for &index in right.slice(through as usize) {
                if std::mem::replace(&mut last_seen[index as usize], slice as u32) != slice as u32 {
                    indices.push(index);
                }
            }
        }
        indices[from..].sort_unstable();
        indptr.push(u32::try_from(indices.len()).map_err(|_| failed(SparseError::TooLarge))?);
    }
    Pattern::of_narrow(right.minor(), indptr, indices).map(Arc::new).map_err(failed)
}

impl Op for TrueDot {
    fn name(&self) -> Cow<'static, str> {
        "true_dot".into()
    }

    fn props(&self) -> Props {
        Props::default().with("structured", self.structured).with("keep_zeros", self.keep_zeros)
    }

    fn make_node(&self, inputs: &[Variable]) -> Result<NodeSpec> {
        let [x, y] = inputs else { return Err(BuildError::arity("true_dot", 2, inputs)) };
        let (a, b) = (sparse_type("true_dot", x)?, sparse_type("true_dot", y)?);
        result_lengths("true_dot", inputs)?;
        match (a.format(), a.dtype()) == (b.format(), b.dtype()) {
            true => Ok(NodeSpec::one(SparseType::shared(a.format(), a.dtype(), [a.shape()[0], b.shape()[1]]))),
            false => Err(BuildError::inputs("true_dot", inputs, "formats and dtypes must be equal")),
        }
    }

    fn perform(&self, io: &mut Io<'_>) -> OpResult {
        let (work, inputs, outputs) = io.with_state::<Work>()?;
        let (x, y) = (inputs.get::<SparseMatrix>(0)?, inputs.get::<SparseMatrix>(1)?);
        check_inner(&x.shape(), &y.shape())?;
        if x.format() != y.format() {
            return Err(OpFailure::Shapes("the matrices are of two formats".to_owned()).into());
        }
        // The columns of X Y are those of Y, combined by X.
        let (left, right) = x.format().swap((x, y));
        let patterns = [left.pattern(), right.pattern()];
        let pattern = work.pattern.of_patterns(&patterns, || pattern_of_product(patterns[0], patterns[1]))?;
        let result = outputs[0].buffer::<SparseMatrix>();
        each_number!(x.dtype(), T => {
            let out = result.reset::<T>(x.format(), [x.shape()[0], y.shape()[1]], pattern);
            let sums = work.sums.reset::<T>(&[pattern.minor()]);
            let at = (pattern.indptr(), pattern.indices());
            multiply_on_pattern(slices::<T>(left)?, slices::<T>(right)?, at, sums, out);
        });
        if !self.keep_zeros {
            work.zeros.drop_zeros(result)?;
        }
        Ok(())
    }

    /// `X̄ = G Yᵀ`, or that on the pattern of X, and `Ȳ = Xᵀ G`.
    fn l_op(&self, node: &NodeView<'_>, output_grads: &[Option<Variable>]) -> Result<Grads> {
        let Some(g) = &output_grads[0] else { return Ok(vec![Grad::Zero; 2]) };
        let (x, y) = (node.input(0), node.input(1));
        let left = match self.structured {
            true => sampled_product(x, g, y)?,
            false => product_of_patterns(g, &sparse_transpose(y)?)?,
        };
        // In the format of y from the start, so that one operand is converted and not the result.
        let transposed = to_format(&sparse_transpose(x)?, sparse_type("true_dot", y)?.format())?;
        Ok(vec![left.into(), product_of_patterns(&transposed, g)?.into()])
    }

    /// `Ẋ Y + X Ẏ`, where of a structured Ẋ only what X stores counts.
    fn r_op(&self, node: &NodeView<'_>, tangents: &[Option<Variable>]) -> Result<Tangents> {
        let (x, y) = (node.input(0), node.input(1));
        let of = |x: &Variable, y: &Variable| Self { keep_zeros: true, ..*self }.of(x, y);
        let left = tangents[0].as_ref().map(|t| match self.structured {
            true => of(&project_sparse(x, t)?, y),
            false => of(t, y),
        });
        let right = tangents[1].as_ref().map(|t| of(x, t)).transpose()?;
        Ok(vec![sum_of_terms([left.transpose()?, right])?.into()])
    }

    fn infer_shape(&self, _node: &NodeView<'_>, input_shapes: &[Shape]) -> Result<Vec<Shape>> {
        Ok(vec![[&input_shapes[0][0], &input_shapes[1][1]].into_iter().cloned().collect()])
    }

    fn state(&self) -> Option<Box<dyn OpState>> {
        Some(Box::<Work>::default())
    }
}
