//! Diagonals of sparse matrices, and matrices made of a diagonal.

use std::borrow::Cow;
use std::sync::Arc;

use kronograph_graph::{
    BuildError, Dim, Entry, Grad, Grads, Io, NodeSpec, NodeView, Op, OpFailure, OpResult, OpState, Props, Result,
    Sample, Shape, Tangents, Variable, apply, origin,
};
use kronograph_ops::params::only;
use kronograph_ops::samples::given;
use kronograph_ops::{DType, Tensor, TensorType, arange, dim_variable, make_vector, shape_text, sub};

use crate::csm::csm;
use crate::format::maybe_format;
use crate::index::{GetItem2ListsGrad, slots_of};
use crate::kept::Kept;
use crate::matrix::{Format, SparseMatrix};
use crate::number::each_number;
use crate::samples::{Build, dense_input, function, in_dtype, op, square, weights};
use crate::ty::sparse_type;

/// A diagonal of a square sparse matrix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SparseDiag {
    /// How far above the main diagonal it is.
    pub offset: i64,
}

/// Diagonal `k` of a square sparse matrix, as a dense vector of its dtype (PyTensor: `diag`, of k = 0). [`diag`] of a
/// sparse matrix is this.
///
/// The derivative is regular: the cotangent on that diagonal, all of which it stores, in the format of `x`.
///
/// [`diag`]: kronograph_ops::diag
///
/// # Errors
///
/// When `x` is no sparse matrix, or not square: while building if the shape is known, else at run time.
#[track_caller]
pub fn sparse_diag(x: &Variable, k: i64) -> Result<Variable> {
    apply(SparseDiag { offset: k }, std::slice::from_ref(x))
}

/// The square sparse matrix with a dense vector on its diagonal, zeros of which are stored (PyTensor:
/// `square_diagonal`, in CSC).
///
/// The derivative is regular: the diagonal of the cotangent.
///
/// ```
/// use kronograph_ops::{DType, tensor};
/// use kronograph_sparse::{Format, square_diagonal};
/// let d = tensor("d", DType::F64, &[Some(3)]);
/// assert_eq!(square_diagonal(&d, Format::Csr)?.ty().to_string(), "csr f64 (3, 3)");
/// # Ok::<(), kronograph_graph::BuildError>(())
/// ```
///
/// # Errors
///
/// When `d` is no dense vector of numbers.
#[track_caller]
pub fn square_diagonal(d: &Variable, format: Format) -> Result<Variable> {
    let _scope = origin::here();
    if d.type_as::<TensorType>().is_none_or(|ty| ty.rank() != 1) {
        return Err(BuildError::inputs("square_diagonal", std::slice::from_ref(d), "a dense vector is needed"));
    }
    let length = Dim::axis(d, 0);
    let size = dim_variable(&length)?;
    let indptr = arange(0, &dim_variable(&length.plus(&Dim::from(1)))?, 1)?;
    let shape = match length.known().and_then(|length| i64::try_from(length).ok()) {
        Some(known) => kronograph_ops::constant(vec![known, known]),
        None => make_vector(&[size.clone(), size.clone()])?,
    };
    csm(d, &arange(0, &size, 1)?, &indptr, &shape, format)
}

/// The entries of this file.
pub(crate) fn entries() -> Vec<Entry> {
    let take: Build = |params, inputs| Ok(vec![sparse_diag(only(params, inputs)?, params.int("offset")?)?]);
    let make: Build = |params, inputs| {
        Ok(vec![square_diagonal(only(params, inputs)?, maybe_format(params)?.unwrap_or(Format::Csc))?])
    };
    vec![
        op("sparse_diag", take, samples, |params| Ok(Arc::new(SparseDiag { offset: params.int("offset")? }))),
        function("square_diagonal", make, made),
    ]
}

fn samples(format: Format) -> Vec<Sample> {
    let of = |name, x, offset: i64| Sample::new(name, [x]).with("offset", offset);
    vec![
        of("of order 4", square(format, 1), 0),
        of("above", square(format, 1), 1),
        of("below", square(format, 1), -3),
        of("outside", square(format, 1), 5),
        of("nothing on it", weights(format, 1), 0),
        of("f32", in_dtype(square(format, 1), DType::F32), 0).single(),
        of("integers", in_dtype(square(format, 1), DType::I32), 0).edge(),
    ]
}

fn made(format: Format) -> Vec<Sample> {
    let of = |name, d| Sample::new(name, [d]).with("format", format.name());
    vec![
        of("a vector", dense_input(&[3], 1)),
        of("with a zero", given(vec![1.0, 0.0, 3.0])),
        of("nothing", dense_input(&[0], 1)),
        of("f32", given(vec![1.5f32, 2.0])).single(),
        of("integers", given(vec![3i64, 0])).edge(),
    ]
}

/// The length of diagonal k of a matrix of this order.
fn length(order: usize, k: i64) -> usize {
    order.saturating_sub(usize::try_from(k.unsigned_abs()).unwrap_or(usize::MAX))
}

/// The first row and the first column of diagonal k.
fn corner(k: i64) -> [i64; 2] {
    [k.saturating_neg().max(0), k.max(0)]
}

impl Op for SparseDiag {
    fn name(&self) -> Cow<'static, str> {
        "sparse_diag".into()
    }

    fn props(&self) -> Props {
        Props::default().with("offset", self.offset)
    }

    fn make_node(&self, inputs: &[Variable]) -> Result<NodeSpec> {
        let [x] = inputs else { return Err(BuildError::arity("sparse_diag", 1, inputs)) };
        let ty = sparse_type("sparse_diag", x)?;
        let [rows, columns] = ty.shape();
        if rows.zip(columns).is_some_and(|(rows, columns)| rows != columns) {
            return Err(BuildError::inputs("sparse_diag", inputs, "the matrix must be square"));
        }
        let order = rows.or(columns);
        Ok(NodeSpec::one(TensorType::shared(ty.dtype(), &[order.map(|order| length(order, self.offset))])))
    }

    fn perform(&self, io: &mut Io<'_>) -> OpResult {
        let (state, inputs, outputs) = io.with_state::<Kept<Vec<u32>>>()?;
        let x = inputs.get::<SparseMatrix>(0)?;
        let [rows, columns] = x.shape();
        if rows != columns {
            let shape = shape_text(&x.shape());
            return Err(OpFailure::Shapes(format!("the matrix must be square, its shape is {shape}")).into());
        }
        let corner = corner(self.offset).map(|first| usize::try_from(first).unwrap_or(usize::MAX));
        let at = |k: usize| x.format().swap((corner[0] + k, corner[1] + k));
        let find = || Ok(slots_of(x.pattern(), (0..length(rows, self.offset)).map(at)));
        let slots = state.of_patterns(&[x.pattern()], find)?;
        each_number!(x.dtype(), T => {
            let values = x.slots::<T>()?;
            let out = outputs[0].buffer::<Tensor>().reset::<T>(&[slots.len()]);
            let value = |slot: u32| values.get(slot as usize).copied().unwrap_or_default();
            out.iter_mut().zip(slots).for_each(|(out, &slot)| *out = value(slot));
        });
        Ok(())
    }

    /// The cotangent on that diagonal.
    fn l_op(&self, node: &NodeView<'_>, output_grads: &[Option<Variable>]) -> Result<Grads> {
        let Some(g) = &output_grads[0] else { return Ok(vec![Grad::Zero]) };
        let (x, [row, column]) = (node.input(0), corner(self.offset));
        let order = dim_variable(&Dim::axis(x, 0))?;
        let rows = arange(row, &sub(&order, column)?, 1)?;
        let columns = arange(column, &sub(&order, row)?, 1)?;
        Ok(vec![apply(GetItem2ListsGrad, &[x.clone(), g.clone(), rows, columns])?.into()])
    }

    fn r_op(&self, node: &NodeView<'_>, tangents: &[Option<Variable>]) -> Result<Tangents> {
        node.linear_tangent(0, tangents)
    }

    fn infer_shape(&self, node: &NodeView<'_>, input_shapes: &[Shape]) -> Result<Vec<Shape>> {
        let known = node.output(0).ty().extents()[0];
        let dim = match known {
            Some(length) => Dim::from(length),
            None if self.offset == 0 => input_shapes[0][0].clone(),
            None => Dim::UNKNOWN,
        };
        Ok(vec![Shape::from(vec![dim])])
    }

    fn state(&self) -> Option<Box<dyn OpState>> {
        Some(Box::<Kept<Vec<u32>>>::default())
    }
}
