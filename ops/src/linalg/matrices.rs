//! Functions of one matrix (or several) along the leading axes of tensors.
//!
//! A kernel sees one matrix of each input at a time, column by column in f64, and writes its outputs the same way. What
//! it reads, writes and works in is kept from call to call, so that a steady call allocates nothing but what a kernel
//! itself allocates.

use faer::Mat;
use faer::dyn_stack::{MemBuffer, MemStack, StackReq};
use kronograph_graph::{
    BuildError, Io, OpError, OpFailure, OpResult, OpState, Result, Shape, Slot, TypeRef, Variable, shape_of,
};
use smallvec::SmallVec;

use super::factor::LinalgError;
use crate::broadcasting::common_dims;
use crate::dtype::DType;
use crate::kernels::runs::for_each_run;
use crate::layout::{broadcast_to, pad_left};
use crate::tensor::{Element, Extents, Lengths, Strided, Tensor, TensorType, check_size, shape_text, tensor_type};

/// What is known of a stack of matrices when an op is made.
pub(super) struct MatrixType {
    /// The dtype of the results: integers become f64.
    pub(super) dtype: DType,
    /// The leading axes.
    pub(super) batch: Lengths,
    pub(super) rows: Option<usize>,
    pub(super) columns: Option<usize>,
}

impl MatrixType {
    /// The type of a tensor of at least two axes.
    pub(super) fn of(op: &'static str, x: &Variable) -> Result<Self> {
        let ty = tensor_type(op, x)?;
        let [batch @ .., rows, columns] = ty.lengths() else {
            return Err(BuildError::inputs(op, std::slice::from_ref(x), "a matrix, or a stack of them, is needed"));
        };
        Ok(Self { dtype: ty.dtype().to_float(), batch: batch.into(), rows: *rows, columns: *columns })
    }

    /// The type of a tensor whose last two axes may be of one length; both then are what is known of either.
    pub(super) fn square(op: &'static str, x: &Variable) -> Result<Self> {
        let ty = Self::of(op, x)?;
        if ty.rows.is_some() && ty.columns.is_some() && ty.rows != ty.columns {
            return Err(BuildError::inputs(op, std::slice::from_ref(x), "the matrix must be square"));
        }
        let order = ty.rows.or(ty.columns);
        Ok(Self { rows: order, columns: order, ..ty })
    }

    /// The smaller one of rows and columns.
    pub(super) fn least(&self) -> Option<usize> {
        match (self.rows, self.columns) {
            (Some(0), _) | (_, Some(0)) => Some(0),
            (Some(rows), Some(columns)) => Some(rows.min(columns)),
            _ => None,
        }
    }

    /// The type of a stack of something else, in place of the matrices.
    pub(super) fn stack(&self, core: &[Option<usize>]) -> TypeRef {
        TensorType::shared(self.dtype, &[&self.batch[..], core].concat())
    }
}

/// Stacks repeated along leading axes, so that all have the same ones; an axis of static length 1 is repeated.
#[track_caller]
pub(crate) fn common_leading(op: &'static str, stacks: &[&Variable]) -> Result<Vec<Variable>> {
    let mut rank = 2;
    for stack in stacks {
        MatrixType::of(op, stack)?;
        rank = rank.max(stack.ty().extents().len());
    }
    let stacks = stacks.iter().map(|stack| pad_left(stack, rank)).collect::<Result<Vec<_>>>()?;
    let own: Vec<Shape> = stacks.iter().map(shape_of).collect();
    let declared: Vec<&[Option<usize>]> = stacks.iter().map(|stack| &stack.ty().extents()[..rank - 2]).collect();
    let leading = common_dims(&own.iter().map(|own| &own[..rank - 2]).collect::<Vec<_>>(), &declared);
    let spread = |(stack, own): (&Variable, &Shape)| {
        if own[..rank - 2] == leading[..] {
            return Ok(stack.clone());
        }
        broadcast_to(stack, leading.iter().chain(&own[rank - 2..]).cloned())
    };
    stacks.iter().zip(&own).map(spread).collect()
}

/// The order of a square matrix.
pub(super) fn order_of([rows, columns]: [usize; 2]) -> Result<usize, LinalgError> {
    if rows == columns { Ok(rows) } else { Err(LinalgError::NotSquare { rows, columns }) }
}

/// Checks that a matrix is finite; iterations may not end on one that is not.
pub(super) fn check_finite(a: &Mat<f64>) -> Result<(), LinalgError> {
    let column = (0..a.ncols()).find(|&j| !a.col_as_slice(j).iter().all(|x| x.is_finite()));
    column.map_or(Ok(()), |pivot| Err(LinalgError::NotFinite { pivot }))
}

/// Calls `each(number, offset)` for every matrix of a stack, in row-major order of the leading axes.
pub(crate) fn for_each_matrix(shape: &[usize], strides: &[usize], mut each: impl FnMut(usize, usize)) {
    let (leading, mut number) = (shape.len().saturating_sub(2), 0);
    for_each_run(&shape[..leading], [&strides[..leading]], |[offset], [step], length| {
        for i in 0..length {
            each(number, offset + i * step);
            number += 1;
        }
    });
}

/// What a kernel reads, writes and works in.
#[derive(Default)]
pub(super) struct Matrices {
    /// One matrix of each input.
    pub(super) inputs: Vec<Mat<f64>>,
    /// One matrix of each output; a vector is a single column.
    pub(super) outputs: Vec<Mat<f64>>,
    /// For what lies in between; their sizes are the kernel's business.
    pub(super) between: Vec<Mat<f64>>,
    /// A permutation and its inverse.
    pub(super) permutations: [Vec<usize>; 2],
    pub(super) memory: Memory,
}

/// Workspace for faer.
#[derive(Default)]
pub(super) struct Memory(Option<MemBuffer>);

impl Memory {
    /// At least as much as is asked for.
    pub(super) fn stack(&mut self, need: StackReq) -> &mut MemStack {
        if self.0.as_ref().is_none_or(|have| have.len() < need.unaligned_bytes_required()) {
            self.0 = Some(MemBuffer::new(need));
        }
        MemStack::new(self.0.as_mut().expect("made in the lines above"))
    }
}

impl std::fmt::Debug for Matrices {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "workspace of {} matrices", self.inputs.len() + self.outputs.len() + self.between.len())
    }
}

impl OpState for Matrices {
    fn fork(&self) -> Box<dyn OpState> {
        Box::<Self>::default()
    }
}

/// A matrix of a shape in the place of another: the same storage if the shape is the same.
pub(crate) fn reshape(matrix: &mut Mat<f64>, rows: usize, columns: usize) {
    if matrix.shape() != (rows, columns) {
        *matrix = Mat::zeros(rows, columns);
    }
}

/// The shapes of a kernel's outputs: `[n]` for a vector, `[m, n]` for a matrix.
pub(super) type Cores = SmallVec<[SmallVec<[usize; 2]>; 3]>;

/// The shapes of a kernel's outputs.
pub(super) fn cores<const K: usize>(shapes: [&[usize]; K]) -> Cores {
    shapes.into_iter().map(|shape| shape.into()).collect()
}

/// Runs a kernel on the matrices of `N` inputs with equal leading axes, one combination of those after another.
///
/// `shapes` says from the shapes of the matrices what the kernel makes of them. Outputs have the dtype of the inputs.
pub(super) fn each_matrix<const N: usize>(
    io: &mut Io<'_>,
    shapes: impl FnOnce([[usize; 2]; N]) -> Result<Cores, Box<dyn OpError>>,
    mut kernel: impl FnMut(&mut Matrices) -> Result<(), LinalgError>,
) -> OpResult {
    let (work, inputs, outputs) = io.with_state::<Matrices>()?;
    let mut tensors = [inputs.get::<Tensor>(0)?; N];
    for (k, tensor) in tensors.iter_mut().enumerate() {
        *tensor = inputs.get::<Tensor>(k)?;
    }
    let (batch, matrices) = split(tensors)?;
    let shapes = shapes(matrices)?;
    match tensors[0] {
        Tensor::F64(_) => run::<f64, N>(work, tensors, outputs, batch, &shapes, &mut kernel),
        Tensor::F32(_) => run::<f32, N>(work, tensors, outputs, batch, &shapes, &mut kernel),
        _ => Err(OpFailure::WrongValue(0).into()),
    }
}

/// The common leading axes and the shapes of the matrices.
fn split<const N: usize>(tensors: [&Tensor; N]) -> Result<(&[usize], [[usize; 2]; N]), OpFailure> {
    let mut parts = (&tensors[0].shape()[..0], [[0; 2]; N]);
    for (k, tensor) in tensors.iter().enumerate() {
        let [batch @ .., rows, columns] = tensor.shape() else { return Err(OpFailure::WrongValue(k)) };
        if k > 0 && batch != parts.0 {
            let (a, b) = (shape_text(tensors[0].shape()), shape_text(tensor.shape()));
            return Err(OpFailure::Shapes(format!("the leading axes of {a} and {b} differ")));
        }
        parts.0 = batch;
        parts.1[k] = [*rows, *columns];
    }
    Ok(parts)
}

/// A float that a kernel's results are rounded to.
trait Float: Element + Into<f64> {
    fn round(x: f64) -> Self;
}

impl Float for f64 {
    fn round(x: f64) -> Self {
        x
    }
}

impl Float for f32 {
    fn round(x: f64) -> Self {
        x as f32
    }
}

fn run<T: Float, const N: usize>(
    work: &mut Matrices,
    tensors: [&Tensor; N],
    outputs: &mut [Slot],
    batch: &[usize],
    shapes: &Cores,
    kernel: &mut dyn FnMut(&mut Matrices) -> Result<(), LinalgError>,
) -> OpResult {
    let mut arrays: SmallVec<[&Strided<T>; 3]> = SmallVec::new();
    for (k, tensor) in tensors.iter().enumerate() {
        arrays.push(tensor.array::<T>().map_err(|_| OpFailure::WrongValue(k))?);
    }
    let mut written: SmallVec<[&mut [T]; 3]> = SmallVec::new();
    for (slot, core) in outputs.iter_mut().zip(shapes) {
        written.push(stack_of(slot, batch, core)?);
    }
    work.inputs.resize_with(N, Mat::new);
    work.outputs.resize_with(shapes.len(), Mat::new);
    let (mut number, mut outcome) = (0, Ok(()));
    let strides: [&[usize]; N] = std::array::from_fn(|k| &arrays[k].strides()[..batch.len()]);
    for_each_run(batch, strides, |offsets, steps, length| {
        for i in 0..length {
            if outcome.is_err() {
                return;
            }
            for (k, array) in arrays.iter().enumerate() {
                read(array, offsets[k] + i * steps[k], &mut work.inputs[k]);
            }
            for (output, core) in work.outputs.iter_mut().zip(shapes) {
                reshape(output, core[0], core.get(1).copied().unwrap_or(1));
            }
            outcome = kernel(work);
            for (output, to) in work.outputs.iter().zip(&mut written) {
                write(output, number, to);
            }
            number += 1;
        }
    });
    Ok(outcome?)
}

/// The buffer of an output.
fn stack_of<'a, T: Float>(slot: &'a mut Slot, batch: &[usize], core: &[usize]) -> Result<&'a mut [T], OpFailure> {
    let shape: Extents = batch.iter().chain(core).copied().collect();
    check_size(&shape)?;
    Ok(slot.buffer::<Tensor>().reset::<T>(&shape))
}

fn read<T: Float>(array: &Strided<T>, offset: usize, to: &mut Mat<f64>) {
    let axes = array.shape().len() - 2;
    let (shape, strides) = (&array.shape()[axes..], &array.strides()[axes..]);
    reshape(to, shape[0], shape[1]);
    for j in 0..shape[1] {
        let column = to.col_as_slice_mut(j);
        for (i, to) in column.iter_mut().enumerate() {
            *to = array.storage()[offset + i * strides[0] + j * strides[1]].into();
        }
    }
}

fn write<T: Float>(from: &Mat<f64>, number: usize, to: &mut [T]) {
    let (rows, columns) = from.shape();
    let to = &mut to[number * rows * columns..][..rows * columns];
    for j in 0..columns {
        for (i, x) in from.col_as_slice(j).iter().enumerate() {
            to[i * columns + j] = T::round(*x);
        }
    }
}
