//! A sparse matrix made of its parts as variables, and reading a matrix at the places of such parts: each other's
//! derivatives.

use std::borrow::Cow;
use std::sync::Arc;

use kronograph_graph::{
    BuildError, Entry, Grad, Grads, Io, NodeSpec, NodeView, Op, OpFailure, OpResult, OpState, Props, Result, Sample,
    Shape, Tangents, Variable, apply,
};
use kronograph_ops::params::exactly;
use kronograph_ops::samples::given;
use kronograph_ops::{Tensor, TensorType};

use crate::format::format_of;
use crate::kept::Kept;
use crate::matrix::{Format, SparseMatrix};
use crate::number::{Number, each_number};
use crate::samples::{Build, dense_input, op, wide};
use crate::ty::SparseType;

mod construct;
mod grad;
mod parts;
mod properties;

pub use construct::construct_sparse_from_list;
pub use grad::{CsmGrad, csm_grad};
use parts::{Assembled, check_parts};
pub(crate) use parts::{read_shape, shape_told, told};
pub(crate) use properties::stored;
pub use properties::{CsmPart, csm_indices, csm_indptr, csm_properties, csm_shape, nnz};

/// A sparse matrix of its parts. Inputs: data, indices, indptr, shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Csm {
    /// The format of the result.
    pub format: Format,
}

/// The sparse matrix that stores `data[k]` in slot k, with SciPy's `indices`, `indptr` and `shape` (PyTensor: `CSR`,
/// `CSC`). Indices may be unsorted, zeros stay stored, and values of one position are summed; integers are of any
/// integer dtype.
///
/// The derivative is regular in `data`: slot k gets `g[i, j]` of its position. The other inputs are disconnected. Where
/// the parts stay the same between calls they are compared, not checked again, and `data` is taken over as it is.
///
/// ```
/// use kronograph_ops::{constant, vector};
/// use kronograph_sparse::{Format, csm};
/// let parts = [vec![2i64, 1, 0, 2], vec![0, 3, 4], vec![2, 3]].map(constant);
/// let x = csm(&vector("data"), &parts[0], &parts[1], &parts[2], Format::Csr)?;
/// assert_eq!(x.ty().to_string(), "csr f64 (2, 3)");
/// # Ok::<(), kronograph_graph::BuildError>(())
/// ```
///
/// # Errors
///
/// When `data` is no vector of numbers, or another part no vector of integers; at run time, when the parts are
/// inconsistent: see [`SparseError`](crate::SparseError).
#[track_caller]
pub fn csm(
    data: &Variable,
    indices: &Variable,
    indptr: &Variable,
    shape: &Variable,
    format: Format,
) -> Result<Variable> {
    apply(Csm { format }, &[data.clone(), indices.clone(), indptr.clone(), shape.clone()])
}

/// The entries of this folder.
pub(crate) fn entries() -> Vec<Entry> {
    let build: Build = |params, inputs| {
        let format = format_of(params)?;
        let [data, indices, indptr, shape] = exactly(params, inputs)?;
        Ok(vec![csm(data, indices, indptr, shape, format)?])
    };
    let grad: Build = |params, inputs| {
        let [g, indices, indptr, shape] = exactly(params, inputs)?;
        Ok(vec![csm_grad(g, indices, indptr, shape, format_of(params)?)?])
    };
    let own = vec![
        op("csm", build, samples, |params| Ok(Arc::new(Csm { format: format_of(params)? }))),
        op("csm_grad", grad, grad_samples, |params| Ok(Arc::new(CsmGrad { format: format_of(params)? }))),
    ];
    [own, properties::entries(), construct::entries()].concat()
}

/// `indices` and `indptr` of (3, 4) matrices.
fn parts(format: Format) -> Vec<(&'static str, Vec<i64>, Vec<i32>)> {
    let csr = format == Format::Csr;
    let pick = |csr_part: Vec<i32>, csc_part: Vec<i32>| if csr { csr_part } else { csc_part };
    vec![
        ("unsorted", vec![2, 1, 0, 2], pick(vec![0, 3, 3, 4], vec![0, 3, 3, 3, 4])),
        ("positions stored twice", vec![2, 0, 2, 1, 1, 2], pick(vec![0, 3, 3, 6], vec![0, 3, 3, 6, 6])),
        ("nothing stored", vec![], pick(vec![0; 4], vec![0; 5])),
    ]
}

fn samples(format: Format) -> Vec<Sample> {
    let sample = |(name, indices, indptr): (&'static str, Vec<i64>, Vec<i32>)| {
        let data = dense_input(&[indices.len()], 1);
        let sample = Sample::new(name, [data, given(indices), given(indptr), given(vec![3i64, 4])]);
        sample.with("format", format.name())
    };
    let mut samples: Vec<Sample> = parts(format).into_iter().map(sample).collect();
    let empty = [dense_input(&[0], 1), given(Vec::<i32>::new()), given(vec![0u8]), given(vec![0i8, 0])];
    let single = [given(vec![1.5f32, 2.0]), given(vec![1u8, 1]), given(vec![0i64, 2]), given(format.list([1i32, 2]))];
    let whole = [given(vec![3i64, 2]), given(vec![1u8, 1]), given(vec![0i64, 2]), given(format.list([1i32, 2]))];
    samples.extend([
        Sample::new("no rows", empty).with("format", format.name()),
        Sample::new("f32", single).with("format", format.name()).single(),
        Sample::new("integers", whole).with("format", format.name()).edge(),
    ]);
    samples
}

fn grad_samples(format: Format) -> Vec<Sample> {
    let sample = |(name, indices, indptr): (&'static str, Vec<i64>, Vec<i32>)| {
        let inputs = [wide(format, 1), given(indices), given(indptr), given(vec![3i64, 4])];
        Sample::new(name, inputs).with("format", format.name())
    };
    parts(format).into_iter().map(sample).collect()
}

impl Format {
    /// (major, minor) as (rows, columns).
    fn list(self, [major, minor]: [i32; 2]) -> Vec<i32> {
        let (rows, columns) = self.swap((major, minor));
        vec![rows, columns]
    }
}

impl Op for Csm {
    fn name(&self) -> Cow<'static, str> {
        "csm".into()
    }

    fn props(&self) -> Props {
        Props::default().with("format", self.format.name())
    }

    fn make_node(&self, inputs: &[Variable]) -> Result<NodeSpec> {
        let [data, _, _, shape] = inputs else { return Err(BuildError::arity("csm", 4, inputs)) };
        let count = check_parts("csm", inputs)?;
        match data.type_as::<TensorType>() {
            Some(ty) if ty.rank() == 1 && SparseType::admits(ty.dtype()) => {
                if ty.lengths()[0].zip(count).is_some_and(|(values, indices)| values != indices) {
                    return Err(BuildError::inputs("csm", &inputs[..2], "there must be as many values as indices"));
                }
                Ok(NodeSpec::one(SparseType::shared(self.format, ty.dtype(), told(shape))))
            }
            _ => Err(BuildError::inputs("csm", inputs, "the first must be a vector of numbers")),
        }
    }

    fn perform(&self, io: &mut Io<'_>) -> OpResult {
        fn sum<T: Number>(data: &Tensor, slots: &[u32], out: &mut [T]) -> Result<(), OpFailure> {
            let data = T::of(data).ok_or(OpFailure::WrongValue(0))?;
            let (storage, step) = (data.storage(), data.strides()[0]);
            out.fill(T::default());
            for (k, &slot) in slots.iter().enumerate() {
                out[slot as usize] = out[slot as usize].plus(storage[k * step]);
            }
            Ok(())
        }
        let (state, inputs, outputs) = io.with_state::<Kept<Assembled>>()?;
        let format = self.format;
        let of = state.of(&[], |known: &Assembled| known.serves(inputs, format), || Assembled::of(inputs, format))?;
        let (data, shape) = (inputs.get::<Tensor>(0)?, of.shape(format));
        if data.len() != of.count() {
            let (values, indices) = (data.len(), of.count());
            return Err(OpFailure::Shapes(format!("there are {indices} indices and {values} values")).into());
        }
        let out = outputs[0].buffer::<SparseMatrix>();
        match &of.given {
            Some(given) => {
                each_number!(data.dtype(), T => sum(data, &given.slots, out.reset::<T>(format, shape, &of.pattern))?);
            }
            None => {
                let made = SparseMatrix::with_pattern(format, shape, of.pattern.clone(), data.clone());
                *out = made.map_err(|error| OpFailure::Shapes(error.to_string()))?;
            }
        }
        Ok(())
    }

    /// What the cotangent holds at the place of each value.
    fn l_op(&self, node: &NodeView<'_>, output_grads: &[Option<Variable>]) -> Result<Grads> {
        let mut grads = vec![Grad::Disconnected; 4];
        let read = |g: &Variable| csm_grad(g, node.input(1), node.input(2), node.input(3), self.format);
        grads[0] = output_grads[0].as_ref().map(read).transpose()?.into();
        Ok(grads)
    }

    fn r_op(&self, node: &NodeView<'_>, tangents: &[Option<Variable>]) -> Result<Tangents> {
        node.linear_tangent(0, tangents)
    }

    fn infer_shape(&self, node: &NodeView<'_>, _input_shapes: &[Shape]) -> Result<Vec<Shape>> {
        Ok(vec![shape_told(node.input(3))?])
    }

    fn connection_pattern(&self, _output: usize, input: usize) -> bool {
        input == 0
    }

    fn view_map(&self) -> &[(usize, usize)] {
        &[(0, 0)]
    }

    fn state(&self) -> Option<Box<dyn OpState>> {
        Some(Box::<Kept<Assembled>>::default())
    }
}
