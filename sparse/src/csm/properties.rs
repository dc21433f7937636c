//! What a sparse matrix is made of besides its values: indices, indptr, shape, and how much it stores.

use std::borrow::Cow;
use std::sync::Arc;

use kronograph_graph::{
    BuildError, Dim, Entry, Grad, Grads, Io, NodeSpec, NodeView, Op, OpFailure, OpResult, Result, Shape, Tangents,
    Variable, apply, origin,
};
use kronograph_ops::params::only;
use kronograph_ops::{DType, Tensor, TensorType};

use crate::data::csm_data;
use crate::matrix::SparseMatrix;
use crate::samples::{Build, any_matrix, function, op};
use crate::ty::sparse_type;

/// A part of a sparse matrix, as dense integers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CsmPart {
    /// The index of each slot within its slice.
    Indices,
    /// Where each slice starts.
    Indptr,
    /// Rows and columns.
    Shape,
    /// The number of stored entries.
    Nnz,
}

/// The index of each slot within its row of CSR or column of CSC, as an i32 vector (PyTensor: `csm_indices`).
///
/// # Errors
///
/// When `x` is no sparse matrix; at run time, when an index does not fit into i32.
#[track_caller]
pub fn csm_indices(x: &Variable) -> Result<Variable> {
    apply(CsmPart::Indices, std::slice::from_ref(x))
}

/// Where each row of CSR or column of CSC starts among the slots, and where the last one ends, as an i32 vector
/// (PyTensor: `csm_indptr`).
///
/// # Errors
///
/// When `x` is no sparse matrix; at run time, when the number of slots does not fit into i32.
#[track_caller]
pub fn csm_indptr(x: &Variable) -> Result<Variable> {
    apply(CsmPart::Indptr, std::slice::from_ref(x))
}

/// The number of rows and of columns, as an i32 vector (PyTensor: `csm_shape`).
///
/// # Errors
///
/// When `x` is no sparse matrix; at run time, when one does not fit into i32.
#[track_caller]
pub fn csm_shape(x: &Variable) -> Result<Variable> {
    apply(CsmPart::Shape, std::slice::from_ref(x))
}

/// The number of stored entries, explicit zeros included, as an i64 scalar (SciPy: `nnz`; PyTensor: `size`).
///
/// # Errors
///
/// When `x` is no sparse matrix.
#[track_caller]
pub fn nnz(x: &Variable) -> Result<Variable> {
    apply(CsmPart::Nnz, std::slice::from_ref(x))
}

/// Data, indices, indptr and shape of a sparse matrix, which [`csm`](crate::csm) makes it of again (PyTensor:
/// `csm_properties`).
///
/// ```
/// use kronograph_sparse::{Format, csm, csm_properties, sparse_matrix};
/// let x = sparse_matrix("x", Format::Csr, [Some(2), None]);
/// let [data, indices, indptr, shape] = csm_properties(&x)?;
/// let again = csm(&data, &indices, &indptr, &shape, Format::Csr)?;
/// assert_eq!(again.ty().to_string(), x.ty().to_string());
/// # Ok::<(), kronograph_graph::BuildError>(())
/// ```
///
/// # Errors
///
/// As those of its parts.
#[track_caller]
pub fn csm_properties(x: &Variable) -> Result<[Variable; 4]> {
    let _scope = origin::here();
    Ok([csm_data(x)?, csm_indices(x)?, csm_indptr(x)?, csm_shape(x)?])
}

/// The entries of this file.
pub(crate) fn entries() -> Vec<Entry> {
    let all: Build = |params, inputs| Ok(csm_properties(only(params, inputs)?)?.to_vec());
    let indices: Build = |params, inputs| Ok(vec![csm_indices(only(params, inputs)?)?]);
    let indptr: Build = |params, inputs| Ok(vec![csm_indptr(only(params, inputs)?)?]);
    let shape: Build = |params, inputs| Ok(vec![csm_shape(only(params, inputs)?)?]);
    let count: Build = |params, inputs| Ok(vec![nnz(only(params, inputs)?)?]);
    let discrete = |entry: Entry| entry.without_derivative(kronograph_graph::Why::Discrete);
    vec![
        function("csm_properties", all, any_matrix),
        discrete(op("csm_indices", indices, any_matrix, |_| Ok(Arc::new(CsmPart::Indices)))),
        discrete(op("csm_indptr", indptr, any_matrix, |_| Ok(Arc::new(CsmPart::Indptr)))),
        discrete(op("csm_shape", shape, any_matrix, |_| Ok(Arc::new(CsmPart::Shape)))),
        discrete(op("nnz", count, any_matrix, |_| Ok(Arc::new(CsmPart::Nnz)))),
    ]
}

/// Writes integers that must fit into i32.
fn write<T: Copy + TryInto<i32>>(out: &mut Tensor, from: &[T]) -> Result<(), OpFailure> {
    for (out, &integer) in out.reset::<i32>(&[from.len()]).iter_mut().zip(from) {
        let Ok(integer) = integer.try_into() else {
            return Err(OpFailure::Shapes("an index, a length or the number of entries does not fit into i32".into()));
        };
        *out = integer;
    }
    Ok(())
}

impl Op for CsmPart {
    fn name(&self) -> Cow<'static, str> {
        match self {
            CsmPart::Indices => "csm_indices".into(),
            CsmPart::Indptr => "csm_indptr".into(),
            CsmPart::Shape => "csm_shape".into(),
            CsmPart::Nnz => "nnz".into(),
        }
    }

    fn make_node(&self, inputs: &[Variable]) -> Result<NodeSpec> {
        let [x] = inputs else { return Err(BuildError::arity(self.name(), 1, inputs)) };
        let ty = sparse_type(&self.name(), x)?;
        let [rows, columns] = ty.shape();
        let major = ty.format().swap((rows, columns)).0;
        Ok(NodeSpec::one(match self {
            CsmPart::Indices => TensorType::shared(DType::I32, &[None]),
            CsmPart::Indptr => TensorType::shared(DType::I32, &[major.and_then(|major| major.checked_add(1))]),
            CsmPart::Shape => TensorType::shared(DType::I32, &[Some(2)]),
            CsmPart::Nnz => TensorType::shared(DType::I64, &[]),
        }))
    }

    fn perform(&self, io: &mut Io<'_>) -> OpResult {
        let x = io.inputs.get::<SparseMatrix>(0)?;
        let out = io.outputs[0].buffer::<Tensor>();
        match self {
            CsmPart::Indices => write(out, x.pattern().indices())?,
            CsmPart::Indptr => write(out, x.pattern().indptr())?,
            CsmPart::Shape => write(out, &x.shape())?,
            CsmPart::Nnz => out.reset::<i64>(&[])[0] = x.nnz() as i64,
        }
        Ok(())
    }

    fn l_op(&self, _node: &NodeView<'_>, _output_grads: &[Option<Variable>]) -> Result<Grads> {
        Ok(vec![Grad::Disconnected])
    }

    fn r_op(&self, _node: &NodeView<'_>, _tangents: &[Option<Variable>]) -> Result<Tangents> {
        Ok(vec![Grad::Disconnected])
    }

    /// How many indices there are is no function of the shape, but one of the number of stored entries.
    fn infer_shape(&self, node: &NodeView<'_>, input_shapes: &[Shape]) -> Result<Vec<Shape>> {
        let x = node.input(0);
        Ok(vec![match self {
            CsmPart::Indices => Shape::from(vec![stored(x)?]),
            CsmPart::Indptr => {
                let axis = sparse_type("csm_indptr", x)?.format().swap((0, 1)).0;
                Shape::from(vec![input_shapes[0][axis].plus(&Dim::from(1))])
            }
            CsmPart::Shape => Shape::from(vec![Dim::from(2)]),
            CsmPart::Nnz => Shape::new(),
        }])
    }

    fn connection_pattern(&self, _output: usize, _input: usize) -> bool {
        false
    }

    fn reads_elements(&self, _input: usize) -> bool {
        *self != CsmPart::Shape
    }
}

/// The number of stored entries, as a dimension.
pub(crate) fn stored(x: &Variable) -> Result<Dim> {
    Ok(Dim::value_of(&nnz(x)?))
}
