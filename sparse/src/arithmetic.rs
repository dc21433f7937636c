//! What `+ - * /` mean when an operand is sparse: which op it is for each combination of kinds.
//!
//! All are elementwise; products of matrices are `@`, `dot` and `structured_dot`. What would make a full matrix out of a
//! sparse one (adding a scalar, dividing by a sparse matrix) is refused with the ways to say what is meant.

use kronograph_graph::{BuildError, Entry, Operand, Params, Result, Sample, Variable, origin};
use kronograph_ops::params::exactly;
use kronograph_ops::{neg, scalar_beside};

use crate::add::add_s_s;
use crate::add_dense::add_s_d;
use crate::data::structured;
use crate::matrix::Format;
use crate::multiply::mul_s_s;
use crate::multiply_dense::{mul_s_d, true_div_s_d};
use crate::samples::{Build, dense_input, function, in_integers, other, overlapping, wide};
use crate::scale::col_scale;
use crate::ty::{is_sparse, sparse_type};

/// `x - y` of matrices of one shape, at least one of which is sparse (PyTensor: `subtract`): sparse if both are, else
/// dense. Equal to `x + (-y)`, as in PyTensor: of two sparse matrices the derivative is regular in x, and structured in y,
/// since a negation is a function of stored values; beside a dense one it is structured in the sparse one.
/// [`Gradient::structured`](kronograph_graph::Gradient::structured) makes both structured.
///
/// # Errors
///
/// When no operand is sparse, one is a vector or a scalar, or the shapes differ.
#[track_caller]
pub fn subtract<'a>(x: impl Into<Operand<'a>>, y: impl Into<Operand<'a>>) -> Result<Variable> {
    let _scope = origin::here();
    let (x, y) = (x.into(), y.into());
    let (left, right) = summands("subtract", x, y)?;
    match (is_sparse(&left), is_sparse(&right)) {
        (true, true) => add_s_s(&left, &negative(&right)?),
        (true, false) => add_s_d(&left, &neg(&right)?),
        _ => add_s_d(&negative(&right)?, &left),
    }
}

/// `x ∘ y`, entry by entry, where at least one is sparse (PyTensor: `multiply`): with a sparse matrix
/// [`mul_s_s`], with a dense matrix or a scalar [`mul_s_d`], with a dense vector [`col_scale`].
///
/// ```
/// use kronograph_sparse::{Format, multiply, sparse_matrix};
///
/// let x = sparse_matrix("x", Format::Csr, [Some(3), Some(4)]);
/// assert_eq!(multiply(&x, 2.0)?.ty().to_string(), "csr f64 (3, 4)");
/// # Ok::<(), kronograph_graph::BuildError>(())
/// ```
///
/// # Errors
///
/// When no operand is sparse, or the shapes do not fit.
#[track_caller]
pub fn multiply<'a>(x: impl Into<Operand<'a>>, y: impl Into<Operand<'a>>) -> Result<Variable> {
    let _scope = origin::here();
    let (x, y) = (x.into(), y.into());
    let (sparse, other) = match (sparse_of(x), sparse_of(y)) {
        (Some(x), Some(y)) => return mul_s_s(x, y),
        (Some(x), None) => (x, y),
        (None, Some(y)) => (y, x),
        (None, None) => return Err(none_is_sparse("multiply", x, y)),
    };
    match other.variable().map(|other| (other, other.ty().extents().len())) {
        Some((vector, 1)) => col_scale(sparse, vector),
        _ => mul_s_d(sparse, other),
    }
}

/// `x + y`, by the kinds of the operands.
#[track_caller]
pub(crate) fn add(x: Operand<'_>, y: Operand<'_>) -> Result<Variable> {
    let _scope = origin::here();
    let (left, right) = summands("add", x, y)?;
    match (is_sparse(&left), is_sparse(&right)) {
        (true, true) => add_s_s(&left, &right),
        (true, false) => add_s_d(&left, &right),
        _ => add_s_d(&right, &left),
    }
}

/// `x / y`, by the kinds of the operands.
#[track_caller]
pub(crate) fn divide(x: Operand<'_>, y: Operand<'_>) -> Result<Variable> {
    let _scope = origin::here();
    let by = y.variable();
    match (sparse_of(x), by.map(|by| (is_sparse(by), by.ty().extents().len()))) {
        (Some(x), None | Some((false, 0 | 2))) => true_div_s_d(x, y),
        (Some(_), Some((false, _))) => {
            let rule = "scale columns or rows by the reciprocals with `col_scale` or `row_scale`";
            Err(BuildError::inputs("true_div", &variables(x, y), rule))
        }
        _ => Err(BuildError::inputs(
            "true_div",
            &variables(x, y),
            "a quotient by what is not stored is no number: divide what is stored with `structured`, or by all entries \
             of `dense_from_sparse`",
        )),
    }
}

/// `-x`: a function of what is stored, so its derivative is structured.
#[track_caller]
pub(crate) fn negative(x: &Variable) -> Result<Variable> {
    structured(x, neg)
}

fn sparse_of(operand: Operand<'_>) -> Option<&Variable> {
    operand.variable().filter(|variable| is_sparse(variable))
}

fn variables(x: Operand<'_>, y: Operand<'_>) -> Vec<Variable> {
    [x, y].into_iter().filter_map(|operand| operand.variable().cloned()).collect()
}

#[track_caller]
fn none_is_sparse(op: &'static str, x: Operand<'_>, y: Operand<'_>) -> BuildError {
    BuildError::inputs(op, &variables(x, y), "one operand must be a sparse matrix")
}

/// Both operands of a sum: matrices, of which one is sparse.
#[track_caller]
fn summands(op: &'static str, x: Operand<'_>, y: Operand<'_>) -> Result<(Variable, Variable)> {
    let Some(sparse) = sparse_of(x).or(sparse_of(y)) else { return Err(none_is_sparse(op, x, y)) };
    let dtype = sparse_type(op, sparse)?.dtype();
    let (x, y) = (scalar_beside(x, dtype), scalar_beside(y, dtype));
    let ranks = [&x, &y].map(|operand| operand.ty().extents().len());
    let rule = match ranks.into_iter().find(|&rank| rank != 2) {
        None => return Ok((x, y)),
        Some(0) => {
            "a scalar would fill the matrix: add it to what is stored with `structured`, or to all entries of \
             `dense_from_sparse`"
        }
        Some(1) => {
            "a vector would fill the matrix: add it to what is stored with `structured_add_s_v`, or to all entries of \
             `dense_from_sparse`"
        }
        Some(_) => "both must be matrices",
    };
    Err(BuildError::inputs(op, &[x, y], rule))
}

/// The entries of this file.
pub(crate) fn entries() -> Vec<Entry> {
    let difference: Build = |params, inputs| of_two(params, inputs, |x, y| subtract(x, y));
    let product: Build = |params, inputs| of_two(params, inputs, |x, y| multiply(x, y));
    vec![
        function("subtract", difference, sum_samples),
        function("multiply", product, |format| {
            let x = || wide(format, 1);
            let more = vec![
                Sample::new("with a vector", [x(), dense_input(&[4], 2)]),
                Sample::new("a scalar and a matrix", [dense_input(&[], 2), x()]),
            ];
            [sum_samples(format), more].concat()
        }),
    ]
}

fn of_two(
    params: &Params<'_>,
    inputs: &[Variable],
    function: fn(&Variable, &Variable) -> Result<Variable>,
) -> Result<Vec<Variable>> {
    let [x, y] = exactly(params, inputs)?;
    Ok(vec![function(x, y)?])
}

fn sum_samples(format: Format) -> Vec<Sample> {
    let (x, y) = (|| wide(format, 1), || dense_input(&[3, 4], 2));
    let mut samples = overlapping(format);
    samples.extend([
        Sample::new("of two formats", [x(), other(format.flip(), 2)]),
        Sample::new("with a dense one", [x(), y()]),
        Sample::new("a dense and a sparse one", [y(), x()]),
        Sample::new("integers with f64", [in_integers(x()), other(format, 2)]).edge(),
    ]);
    samples
}
