//! Indices, indptr and shape as inputs of an op: checked once, compared then.

use std::sync::Arc;

use kronograph_graph::{BuildError, Dim, Inputs, OpFailure, Result, Shape, Variable};
use kronograph_ops::{Index, Tensor, subtensor};

use super::properties::CsmPart;
use crate::integers::{all_integers, integer_vector, same_integers, to_narrow};
use crate::matrix::{Format, SparseError};
use crate::pattern::Pattern;
use crate::ty::SparseType;

/// Checks indices, indptr and shape; the answer is the static number of slots.
pub(super) fn check_parts(op: &'static str, inputs: &[Variable]) -> Result<Option<usize>> {
    integer_vector(op, "indptr", &inputs[2])?;
    if integer_vector(op, "the shape", &inputs[3])?.is_some_and(|length| length != 2) {
        return Err(BuildError::inputs(op, &inputs[3..], "a shape is a number of rows and one of columns"));
    }
    integer_vector(op, "indices", &inputs[1])
}

/// The static shape that a variable tells: a constant, or the shape of a matrix.
pub(crate) fn told(shape: &Variable) -> [Option<usize>; 2] {
    if let Some(x) = measured(shape) {
        return x.type_as::<SparseType>().map_or([None; 2], SparseType::shape);
    }
    let value = shape.constant().and_then(|value| (&**value as &dyn std::any::Any).downcast_ref::<Tensor>());
    value.and_then(|value| read_shape(value).ok()).map_or([None; 2], |shape| shape.map(Some))
}

/// The lengths that a variable tells: numbers, those of a matrix, or its elements.
pub(crate) fn shape_told(shape: &Variable) -> Result<Shape> {
    let dim = |axis: usize| match (told(shape)[axis], measured(shape)) {
        (Some(length), _) => Ok(Dim::from(length)),
        (None, Some(x)) => Ok(Dim::axis(x, axis)),
        (None, None) => Ok(Dim::value_of(&subtensor(shape, &[Index::at(axis as i64)])?)),
    };
    Ok(Shape::from(vec![dim(0)?, dim(1)?]))
}

/// The matrix whose shape a variable is, if it is that of one.
fn measured(shape: &Variable) -> Option<&Variable> {
    let owner = shape.owner()?;
    (owner.0.op_as::<CsmPart>() == Some(&CsmPart::Shape)).then(|| &owner.0.inputs()[0])
}

pub(crate) fn read_shape(value: &Tensor) -> Result<[usize; 2], OpFailure> {
    match to_narrow(value, "a length of the shape,")?[..] {
        [rows, columns] => Ok([rows as usize, columns as usize]),
        _ => Err(OpFailure::Shapes(format!("a shape has two lengths, given are {}", value.len()))),
    }
}

/// A pattern, and the parts that it was made of where they had positions twice.
#[derive(Debug)]
pub(super) struct Assembled {
    pub(super) pattern: Arc<Pattern>,
    pub(super) given: Option<Given>,
}

/// Parts with positions twice, and the slot that each value has come to.
#[derive(Debug)]
pub(super) struct Given {
    indices: Vec<u32>,
    indptr: Vec<u32>,
    pub(super) slots: Vec<u32>,
}

impl Assembled {
    /// Of indices, indptr and shape, from an input on.
    pub(super) fn of(inputs: &Inputs<'_>, format: Format) -> Result<Self, OpFailure> {
        let read = || Ok::<_, OpFailure>((to_narrow(inputs.get(2)?, "indptr")?, to_narrow(inputs.get(1)?, "index")?));
        let shape = read_shape(inputs.get(3)?)?;
        let (major, minor) = format.swap((shape[0], shape[1]));
        let wrong = |error: SparseError| OpFailure::Shapes(error.to_string());
        let (indptr, indices) = read()?;
        if indptr.len() != major + 1 {
            return Err(wrong(SparseError::IndptrLength { slices: major, got: indptr.len() }));
        }
        let (pattern, slots) = Pattern::merged(minor, indptr, indices).map_err(wrong)?;
        let given = slots.map(|slots| read().map(|(indptr, indices)| Given { indices, indptr, slots })).transpose()?;
        Ok(Self { pattern: Arc::new(pattern), given })
    }

    /// Whether the parts are the ones it was made of.
    pub(super) fn serves(&self, inputs: &Inputs<'_>, format: Format) -> bool {
        let (indptr, indices) = match &self.given {
            Some(given) => (&given.indptr[..], &given.indices[..]),
            None => (self.pattern.indptr(), self.pattern.indices()),
        };
        let shape = format.swap((0, 1));
        let lengths = [self.pattern.major(), self.pattern.minor()];
        let same = |at: usize, length: i64| lengths[if at == 0 { shape.0 } else { shape.1 }] as i64 == length;
        let (Ok(of_indices), Ok(of_indptr), Ok(of_shape)) =
            (inputs.get::<Tensor>(1), inputs.get::<Tensor>(2), inputs.get::<Tensor>(3))
        else {
            return false;
        };
        of_shape.len() == 2
            && all_integers(of_shape, same) == Ok(true)
            && same_integers(of_indptr, indptr)
            && same_integers(of_indices, indices)
    }

    /// Rows and columns.
    pub(super) fn shape(&self, format: Format) -> [usize; 2] {
        let (rows, columns) = format.swap((self.pattern.major(), self.pattern.minor()));
        [rows, columns]
    }

    /// The number of values that it takes.
    pub(super) fn count(&self) -> usize {
        self.given.as_ref().map_or(self.pattern.nnz(), |given| given.slots.len())
    }
}
