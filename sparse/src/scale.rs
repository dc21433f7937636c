//! Rows or columns of a sparse matrix times the numbers of a dense vector.

use std::borrow::Cow;
use std::sync::Arc;

use kronograph_graph::{
    BuildError, Entry, Grad, Grads, Io, NodeSpec, NodeView, Op, OpFailure, OpResult, Result, Sample, Shape, Tangents,
    Variable, apply, origin,
};
use kronograph_ops::params::exactly;
use kronograph_ops::{DType, Element, Tensor, TensorType, cast, shape_text};

use crate::add::sum_of_terms;
use crate::cast::sparse_cast;
use crate::matrix::{Format, SparseMatrix};
use crate::number::{Number, each_number};
use crate::samples::{Build, dense_input, in_dtype, in_integers, merged, no_rows, nothing, op, wide};
use crate::sum_of_products::sum_of_products;
use crate::ty::{SparseType, sparse_type};

/// The lines of a sparse matrix that a dense vector has a number for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Lines {
    Rows,
    Columns,
}

impl Lines {
    /// The axis along which they stand beside each other.
    pub(crate) fn axis(self) -> usize {
        match self {
            Lines::Rows => 0,
            Lines::Columns => 1,
        }
    }
}

/// A sparse matrix with each row or column times a number. Inputs: the matrix, the numbers.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Scale {
    lines: Lines,
}

/// `X[i, j] s[j]` of a sparse matrix (m, n) and a dense vector (n), on the pattern of X (PyTensor: `col_scale`,
/// `mul_s_v`). What is not stored is not multiplied, so an infinite scale makes no NaN there; explicit zeros and the
/// zeros that a scale of zero makes stay stored. The dtype is the one that both convert to.
///
/// Derivatives, both regular: `X̄ = Ḡ` scaled alike, `s̄[j] = sum_i X[i, j] Ḡ[i, j]`.
///
/// ```
/// use kronograph_ops::vector;
/// use kronograph_sparse::{Format, col_scale, sparse_matrix};
///
/// let y = col_scale(&sparse_matrix("x", Format::Csc, [Some(3), Some(4)]), &vector("s"))?;
/// assert_eq!(y.ty().to_string(), "csc f64 (3, 4)");
/// # Ok::<(), kronograph_graph::BuildError>(())
/// ```
///
/// # Errors
///
/// When `x` is no sparse matrix or `s` no dense vector, or the vector has not a number for each column.
#[track_caller]
pub fn col_scale(x: &Variable, s: &Variable) -> Result<Variable> {
    scale(x, s, Lines::Columns)
}

/// `X[i, j] s[i]` of a sparse matrix (m, n) and a dense vector (m), on the pattern of X (PyTensor: `row_scale`);
/// see [`col_scale`].
///
/// # Errors
///
/// When `x` is no sparse matrix or `s` no dense vector, or the vector has not a number for each row.
#[track_caller]
pub fn row_scale(x: &Variable, s: &Variable) -> Result<Variable> {
    scale(x, s, Lines::Rows)
}

#[track_caller]
pub(crate) fn scale(x: &Variable, s: &Variable, lines: Lines) -> Result<Variable> {
    let _scope = origin::here();
    let op = Scale { lines };
    let dtype = sparse_type(&op.name(), x)?.dtype().promote(op.checked(&[x.clone(), s.clone()])?.dtype());
    apply(op, &[sparse_cast(x, dtype)?, cast(s, dtype)?])
}

/// The entries of this file.
pub(crate) fn entries() -> Vec<Entry> {
    let columns: Build = |params, inputs| {
        let [x, s] = exactly(params, inputs)?;
        Ok(vec![col_scale(x, s)?])
    };
    let rows: Build = |params, inputs| {
        let [x, s] = exactly(params, inputs)?;
        Ok(vec![row_scale(x, s)?])
    };
    vec![
        op("col_scale", columns, |format| samples(format, 4), |_| Ok(Arc::new(Scale { lines: Lines::Columns })))
            .also_named("mul_s_v"),
        op("row_scale", rows, |format| samples(format, 3), |_| Ok(Arc::new(Scale { lines: Lines::Rows }))),
    ]
}

fn samples(format: Format, length: usize) -> Vec<Sample> {
    let s = || dense_input(&[length], 2);
    let none = if length == 3 { 0 } else { length };
    vec![
        Sample::new("a wide one", [wide(format, 1), s()]),
        Sample::new("nothing stored", [nothing(format), s()]),
        Sample::new("no rows", [no_rows(format), dense_input(&[none], 2)]),
        Sample::new("positions stored twice", [merged(format, 1), s()]),
        Sample::new("f32 by f64", [in_dtype(wide(format, 1), DType::F32), s()]).single(),
        Sample::new("integers by f64", [in_integers(wide(format, 1)), s()]).edge(),
    ]
}

impl Scale {
    /// The type of the numbers, if they fit.
    #[track_caller]
    fn checked<'a>(&self, inputs: &'a [Variable]) -> Result<&'a TensorType> {
        let name = self.name();
        let [x, s] = inputs else { return Err(BuildError::arity(name, 2, inputs)) };
        let length = sparse_type(&name, x)?.shape()[self.lines.axis()];
        let numbers = s.type_as::<TensorType>().filter(|ty| ty.rank() == 1);
        let Some(numbers) = numbers else {
            return Err(BuildError::inputs(name, inputs, "the second must be a dense vector"));
        };
        match (length, numbers.lengths()[0]) {
            (Some(want), Some(got)) if want != got => {
                let rule = format!("the vector must have a number for each {}", self.line());
                Err(BuildError::inputs(name, inputs, rule))
            }
            _ => Ok(numbers),
        }
    }

    fn line(&self) -> &'static str {
        match self.lines {
            Lines::Rows => "row",
            Lines::Columns => "column",
        }
    }
}

impl Op for Scale {
    fn name(&self) -> Cow<'static, str> {
        match self.lines {
            Lines::Rows => "row_scale".into(),
            Lines::Columns => "col_scale".into(),
        }
    }

    fn make_node(&self, inputs: &[Variable]) -> Result<NodeSpec> {
        let numbers = self.checked(inputs)?;
        let ty = sparse_type(&self.name(), &inputs[0])?;
        if ty.dtype() != numbers.dtype() {
            return Err(BuildError::inputs(self.name(), inputs, "the dtypes must be equal"));
        }
        let mut shape = ty.shape();
        let axis = self.lines.axis();
        shape[axis] = shape[axis].or(numbers.lengths()[0]);
        Ok(NodeSpec::one(SparseType::shared(ty.format(), ty.dtype(), shape)))
    }

    fn perform(&self, io: &mut Io<'_>) -> OpResult {
        let (x, s) = (io.inputs.get::<SparseMatrix>(0)?, io.inputs.get::<Tensor>(1)?);
        if s.len() != x.shape()[self.lines.axis()] {
            let (got, shape, line) = (s.len(), shape_text(&x.shape()), self.line());
            let rule = format!("{got} numbers are not one for each {line} of a matrix of shape {shape}");
            return Err(OpFailure::Shapes(rule).into());
        }
        each_number!(x.dtype(), T => {
            let s = T::of(s).ok_or(OpFailure::WrongValue(1))?;
            let (numbers, stride, values) = (s.storage(), s.strides()[0], x.slots::<T>()?);
            let out = io.outputs[0].buffer::<SparseMatrix>().reset::<T>(x.format(), x.shape(), x.pattern());
            x.for_each_line(self.lines, |slot, line| out[slot] = values[slot].times(numbers[line * stride]));
        });
        Ok(())
    }

    fn l_op(&self, node: &NodeView<'_>, output_grads: &[Option<Variable>]) -> Result<Grads> {
        let Some(g) = &output_grads[0] else { return Ok(vec![Grad::Zero; 2]) };
        let (x, s) = (node.input(0), node.input(1));
        Ok(vec![scale(g, s, self.lines)?.into(), sum_of_products(x, g, Some(self.lines))?.into()])
    }

    fn r_op(&self, node: &NodeView<'_>, tangents: &[Option<Variable>]) -> Result<Tangents> {
        let (x, s) = (node.input(0), node.input(1));
        let left = tangents[0].as_ref().map(|t| scale(t, s, self.lines)).transpose()?;
        let right = tangents[1].as_ref().map(|t| scale(x, t, self.lines)).transpose()?;
        Ok(vec![sum_of_terms([left, right])?.into()])
    }

    fn infer_shape(&self, _node: &NodeView<'_>, input_shapes: &[Shape]) -> Result<Vec<Shape>> {
        Ok(vec![input_shapes[0].clone()])
    }
}

impl SparseMatrix {
    /// Calls `visit(slot, line)` for each slot, with its row or column.
    #[inline]
    pub(crate) fn for_each_line(&self, lines: Lines, mut visit: impl FnMut(usize, usize)) {
        let pattern = self.pattern();
        match (self.format(), lines) {
            (Format::Csr, Lines::Rows) | (Format::Csc, Lines::Columns) => {
                (0..pattern.major()).for_each(|slice| pattern.range(slice).for_each(|slot| visit(slot, slice)));
            }
            _ => pattern.indices().iter().enumerate().for_each(|(slot, &line)| visit(slot, line as usize)),
        }
    }
}
