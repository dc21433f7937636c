//! Between sparse and dense: all entries of a sparse matrix, the entries of a dense one that are not zero, and a dense
//! matrix sampled on a pattern.

use std::borrow::Cow;
use std::sync::Arc;

use kronograph_graph::{
    BuildError, Entry, Grad, Grads, Io, NodeSpec, NodeView, Op, OpFailure, OpResult, OpState, Params, Prop, Props,
    Result, Sample, Shape, Tangents, Variable, apply, origin,
};
use kronograph_ops::params::{exactly, only};
use kronograph_ops::samples::given;
use kronograph_ops::{Element, Strided, Tensor, TensorType, check_size, expand_dims, reshape, shape_text};

use crate::format::format_of;
use crate::kept::Kept;
use crate::lu::{pattern_of, pattern_source};
use crate::matrix::{Format, SparseMatrix};
use crate::number::each_number;
use crate::pattern::Pattern;
use crate::project::project_sparse;
use crate::samples::{Build, any_matrix, dense_input, nothing, op, wide};
use crate::ty::{SparseType, check_same_shape, same_shape, sparse_type};

/// A sparse matrix with its zeros written out.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct DenseFromSparse {
    /// Whether the cotangent is sampled on the stored pattern.
    pub structured: bool,
}

/// All entries of a sparse matrix, as a dense one (PyTensor: `dense_from_sparse`, with its structured gradient).
///
/// The cotangent is sampled on the stored pattern, explicit zeros included.
///
/// # Errors
///
/// When `x` is no sparse matrix.
#[track_caller]
pub fn dense_from_sparse(x: &Variable) -> Result<Variable> {
    apply(DenseFromSparse { structured: true }, std::slice::from_ref(x))
}

/// [`dense_from_sparse`] with the regular gradient: the whole cotangent, made sparse (PyTensor: `structured=False`).
///
/// # Errors
///
/// As [`dense_from_sparse`].
#[track_caller]
pub fn dense_from_sparse_regular(x: &Variable) -> Result<Variable> {
    apply(DenseFromSparse { structured: false }, std::slice::from_ref(x))
}

/// The entries of a dense matrix that are not zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SparseFromDense {
    /// The format of the result.
    pub format: Format,
}

/// The entries of a dense matrix that are not zero, as a sparse matrix with sorted indices (PyTensor: `csr_from_dense`,
/// `csc_from_dense`). A vector becomes one row, a scalar one entry; a sparse matrix is converted to the format.
///
/// Zeros of both signs are left out, NaN is kept. The derivative is regular: the whole cotangent, written out.
///
/// # Errors
///
/// When `x` has more than two axes, or holds truth values.
#[track_caller]
pub fn sparse_from_dense(x: &Variable, format: Format) -> Result<Variable> {
    let _scope = origin::here();
    if crate::ty::is_sparse(x) {
        return crate::format::to_format(x, format);
    }
    let x = match x.ty().extents().len() {
        0 => reshape(x, [1, 1])?,
        1 => expand_dims(x, &[0])?,
        _ => x.clone(),
    };
    apply(SparseFromDense { format }, &[x])
}

/// A dense matrix sampled on a pattern. Inputs: what has the pattern (a sparse matrix or factor), the dense matrix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SampleDense;

/// The entries of a dense matrix at the stored positions of `like`, a sparse matrix or a sparse factor.
///
/// # Errors
///
/// When `like` has no pattern or `x` is no matrix of its shape.
#[track_caller]
pub fn sample_dense(like: &Variable, x: &Variable) -> Result<Variable> {
    apply(SampleDense, &[like.clone(), x.clone()])
}

/// The entries of this file.
pub(crate) fn entries() -> Vec<Entry> {
    let to_dense: Build =
        |params, inputs| Ok(vec![apply(densify(params)?, std::slice::from_ref(only(params, inputs)?))?]);
    let sample: Build = |params, inputs| {
        let [like, x] = exactly(params, inputs)?;
        Ok(vec![sample_dense(like, x)?])
    };
    let from_dense: Build = |params, inputs| Ok(vec![sparse_from_dense(only(params, inputs)?, format_of(params)?)?]);
    let csr: Build = |params, inputs| Ok(vec![sparse_from_dense(only(params, inputs)?, Format::Csr)?]);
    let csc: Build = |params, inputs| Ok(vec![sparse_from_dense(only(params, inputs)?, Format::Csc)?]);
    let patterns = |format| {
        vec![
            Sample::new("on a wide pattern", [wide(format, 1), dense_input(&[3, 4], 2)]),
            Sample::new("on an empty pattern", [nothing(format), dense_input(&[3, 4], 2)]),
        ]
    };
    let regular = |format| {
        let regular = any_matrix(format).into_iter().map(|sample| sample.with("structured", false));
        regular.chain(any_matrix(format)).collect()
    };
    let dense = |format: Format| {
        from_samples().into_iter().map(|sample| sample.with("format", format.name())).collect::<Vec<_>>()
    };
    vec![
        op("dense_from_sparse", to_dense, regular, |params| Ok(Arc::new(densify(params)?))),
        op("sparse_from_dense", from_dense, dense, |params| {
            Ok(Arc::new(SparseFromDense { format: format_of(params)? }))
        }),
        Entry::function("csr_from_dense", "sparse", csr, from_samples),
        Entry::function("csc_from_dense", "sparse", csc, from_samples),
        op("sample_dense", sample, patterns, |_| Ok(Arc::new(SampleDense))),
    ]
}

/// PyTensor's `structured` is true unless one says otherwise.
fn densify(params: &Params<'_>) -> Result<DenseFromSparse> {
    let structured = matches!(params.get("structured"), None | Some(Prop::None)) || params.flag("structured")?;
    Ok(DenseFromSparse { structured })
}

fn from_samples() -> Vec<Sample> {
    let zeros = kronograph_ops::samples::shaped(&[2, 3], vec![0.0, 1.5, -0.0, f64::NAN, 0.0, f64::INFINITY]);
    vec![
        Sample::new("a matrix", [dense_input(&[3, 4], 1)]),
        Sample::new("a vector", [dense_input(&[4], 1)]),
        Sample::new("a scalar", [dense_input(&[], 1)]),
        Sample::new("zeros and no numbers", [given(zeros)]).edge(),
        Sample::new("no rows", [dense_input(&[0, 4], 1)]),
        Sample::new("integers", [given(vec![0i64, 3, -2])]).edge(),
    ]
}

impl Op for DenseFromSparse {
    fn name(&self) -> Cow<'static, str> {
        "dense_from_sparse".into()
    }

    fn props(&self) -> Props {
        Props::default().with("structured", self.structured)
    }

    fn make_node(&self, inputs: &[Variable]) -> Result<NodeSpec> {
        let [x] = inputs else { return Err(BuildError::arity("dense_from_sparse", 1, inputs)) };
        let ty = sparse_type("dense_from_sparse", x)?;
        Ok(NodeSpec::one(TensorType::shared(ty.dtype(), &ty.shape())))
    }

    fn perform(&self, io: &mut Io<'_>) -> OpResult {
        let x = io.inputs.get::<SparseMatrix>(0)?;
        let [rows, columns] = x.shape();
        check_size(&[rows, columns])?;
        each_number!(x.dtype(), T => {
            let values = x.slots::<T>()?;
            let out = io.outputs[0].buffer::<Tensor>().reset::<T>(&[rows, columns]);
            out.fill(T::default());
            x.for_each_position(|slot, i, j| out[i * columns + j] = values[slot]);
        });
        Ok(())
    }

    /// `1_X ∘ G`, or all of G.
    fn l_op(&self, node: &NodeView<'_>, output_grads: &[Option<Variable>]) -> Result<Grads> {
        let Some(g) = &output_grads[0] else { return Ok(vec![Grad::Zero]) };
        let x = node.input(0);
        Ok(vec![match self.structured {
            true => sample_dense(x, g)?.into(),
            false => sparse_from_dense(g, sparse_type("dense_from_sparse", x)?.format())?.into(),
        }])
    }

    /// Of a structured one, only the tangent's part on the pattern counts.
    fn r_op(&self, node: &NodeView<'_>, tangents: &[Option<Variable>]) -> Result<Tangents> {
        let Some(tangent) = &tangents[0] else { return Ok(vec![Grad::Zero]) };
        Ok(vec![match self.structured {
            true => dense_from_sparse(&project_sparse(node.input(0), tangent)?)?.into(),
            false => dense_from_sparse_regular(tangent)?.into(),
        }])
    }

    fn infer_shape(&self, _node: &NodeView<'_>, input_shapes: &[Shape]) -> Result<Vec<Shape>> {
        Ok(vec![input_shapes[0].clone()])
    }
}

impl Op for SparseFromDense {
    fn name(&self) -> Cow<'static, str> {
        "sparse_from_dense".into()
    }

    fn props(&self) -> Props {
        Props::default().with("format", self.format.name())
    }

    fn make_node(&self, inputs: &[Variable]) -> Result<NodeSpec> {
        let [x] = inputs else { return Err(BuildError::arity("sparse_from_dense", 1, inputs)) };
        match x.type_as::<TensorType>() {
            Some(ty) if ty.rank() == 2 && SparseType::admits(ty.dtype()) => {
                let shape = [ty.lengths()[0], ty.lengths()[1]];
                Ok(NodeSpec::one(SparseType::shared(self.format, ty.dtype(), shape)))
            }
            _ => Err(BuildError::inputs("sparse_from_dense", inputs, "a dense matrix of numbers is needed")),
        }
    }

    fn perform(&self, io: &mut Io<'_>) -> OpResult {
        let (state, inputs, outputs) = io.with_state::<Kept<Arc<Pattern>>>()?;
        let x = inputs.get::<Tensor>(0)?;
        each_number!(x.dtype(), T => {
            let x = T::of(x).ok_or(OpFailure::WrongValue(0))?;
            let shape = [x.shape()[0], x.shape()[1]];
            // The pattern of the last call serves again while the same entries are zero.
            let serves = |known: &Arc<Pattern>| stores_exactly(x, self.format, known);
            let make = || {
                let ((indptr, indices), minor) = (stored(x, self.format)?, self.format.swap((shape[0], shape[1])).1);
                let pattern = Pattern::of_narrow(minor, indptr, indices);
                pattern.map(Arc::new).map_err(|error| OpFailure::Shapes(error.to_string()))
            };
            let pattern = state.of(&[], serves, make)?;
            let out = outputs[0].buffer::<SparseMatrix>().reset::<T>(self.format, shape, pattern);
            let mut at = 0;
            for_each_entry(x, self.format, |_, _, value| if value != T::default() {
                out[at] = value;
                at += 1;
            });
        });
        Ok(())
    }

    /// The whole cotangent.
    fn l_op(&self, _node: &NodeView<'_>, output_grads: &[Option<Variable>]) -> Result<Grads> {
        let Some(g) = &output_grads[0] else { return Ok(vec![Grad::Zero]) };
        Ok(vec![dense_from_sparse_regular(g)?.into()])
    }

    /// The pattern is that of the tangent.
    fn r_op(&self, _node: &NodeView<'_>, tangents: &[Option<Variable>]) -> Result<Tangents> {
        let Some(tangent) = &tangents[0] else { return Ok(vec![Grad::Zero]) };
        Ok(vec![sparse_from_dense(tangent, self.format)?.into()])
    }

    fn infer_shape(&self, _node: &NodeView<'_>, input_shapes: &[Shape]) -> Result<Vec<Shape>> {
        Ok(vec![input_shapes[0].clone()])
    }

    fn state(&self) -> Option<Box<dyn OpState>> {
        Some(Box::<Kept<Arc<Pattern>>>::default())
    }
}

/// Calls `visit(row, column, entry)` slice by slice of a format.
fn for_each_entry<T: Element>(x: &Strided<T>, format: Format, mut visit: impl FnMut(usize, usize, T)) {
    let (storage, strides) = (x.storage(), x.strides());
    let (major, minor) = format.swap((x.shape()[0], x.shape()[1]));
    for slice in 0..major {
        for index in 0..minor {
            let (i, j) = format.swap((slice, index));
            visit(i, j, storage[i * strides[0] + j * strides[1]]);
        }
    }
}

/// Whether a pattern is that of the entries that are not zero.
fn stores_exactly<T: Element>(x: &Strided<T>, format: Format, pattern: &Pattern) -> bool {
    let mut at = 0;
    let mut same = format.swap((x.shape()[0], x.shape()[1])) == (pattern.major(), pattern.minor());
    for_each_entry(x, format, |i, j, value| {
        if same && value != T::default() {
            let (slice, index) = format.swap((i, j));
            same = pattern.range(slice).contains(&at) && pattern.indices()[at] as usize == index;
            at += 1;
        }
    });
    same && at == pattern.nnz()
}

/// The `indptr` and `indices` of the entries that are not zero.
fn stored<T: Element>(x: &Strided<T>, format: Format) -> Result<(Vec<u32>, Vec<u32>), OpFailure> {
    if x.shape().iter().any(|&length| u32::try_from(length).is_err()) || u32::try_from(x.len()).is_err() {
        return Err(OpFailure::Shapes(format!("a matrix of shape {} is too large", shape_text(x.shape()))));
    }
    let major = format.swap((x.shape()[0], x.shape()[1])).0;
    let (mut indptr, mut indices) = (vec![0; major + 1], Vec::new());
    for_each_entry(x, format, |i, j, value| {
        if value != T::default() {
            let (slice, index) = format.swap((i, j));
            indices.push(index as u32);
            indptr[slice + 1] += 1;
        }
    });
    for slice in 0..major {
        indptr[slice + 1] += indptr[slice];
    }
    Ok((indptr, indices))
}

impl Op for SampleDense {
    fn name(&self) -> Cow<'static, str> {
        "sample_dense".into()
    }

    fn make_node(&self, inputs: &[Variable]) -> Result<NodeSpec> {
        let [like, x] = inputs else { return Err(BuildError::arity("sample_dense", 2, inputs)) };
        let source = pattern_source("sample_dense", like)?;
        match x.type_as::<TensorType>() {
            Some(ty) if ty.rank() == 2 && SparseType::admits(ty.dtype()) => {
                let shape = same_shape("sample_dense", inputs, source.shape(), [ty.lengths()[0], ty.lengths()[1]])?;
                Ok(NodeSpec::one(SparseType::shared(source.format(), ty.dtype(), shape)))
            }
            _ => Err(BuildError::inputs("sample_dense", inputs, "the second must be a dense matrix of numbers")),
        }
    }

    fn perform(&self, io: &mut Io<'_>) -> OpResult {
        let like = pattern_of(io.inputs.value(0)?).ok_or(OpFailure::WrongValue(0))?;
        let x = io.inputs.get::<Tensor>(1)?;
        check_same_shape(x.shape(), &like.shape)?;
        each_number!(x.dtype(), T => {
            let x = T::of(x).ok_or(OpFailure::WrongValue(1))?;
            let (storage, strides) = (x.storage(), x.strides());
            let out = io.outputs[0].buffer::<SparseMatrix>().reset::<T>(like.format, like.shape, like.pattern);
            for slice in 0..like.pattern.major() {
                for slot in like.pattern.range(slice) {
                    let (i, j) = like.format.swap((slice, like.pattern.indices()[slot] as usize));
                    out[slot] = storage[i * strides[0] + j * strides[1]];
                }
            }
        });
        Ok(())
    }

    /// The cotangent at its places among zeros: what is outside of the pattern does not count.
    fn l_op(&self, node: &NodeView<'_>, output_grads: &[Option<Variable>]) -> Result<Grads> {
        let Some(g) = &output_grads[0] else { return Ok(vec![Grad::Disconnected, Grad::Zero]) };
        Ok(vec![Grad::Disconnected, dense_from_sparse(&project_sparse(node.input(0), g)?)?.into()])
    }

    fn r_op(&self, node: &NodeView<'_>, tangents: &[Option<Variable>]) -> Result<Tangents> {
        node.linear_tangent(1, tangents)
    }

    fn infer_shape(&self, _node: &NodeView<'_>, input_shapes: &[Shape]) -> Result<Vec<Shape>> {
        Ok(vec![input_shapes[1].clone()])
    }

    fn connection_pattern(&self, _output: usize, input: usize) -> bool {
        input == 1
    }
}
