//! Reading what the registry is asked with: inputs, and axes as PyTensor and NumPy name them.

use kronograph_graph::{BuildError, Params, Result, Variable};

use crate::dtype::DType;

/// The single input of a function.
///
/// # Errors
///
/// When there are more or fewer.
#[track_caller]
pub fn only<'a>(params: &Params<'_>, inputs: &'a [Variable]) -> Result<&'a Variable> {
    Ok(&exactly::<1>(params, inputs)?[0])
}

/// As many inputs as a function takes.
///
/// # Errors
///
/// When there are more or fewer.
#[track_caller]
pub fn exactly<'a, const N: usize>(params: &Params<'_>, inputs: &'a [Variable]) -> Result<&'a [Variable; N]> {
    inputs.try_into().map_err(|_| params.arity(N, inputs))
}

/// The inputs, if there is at least one.
///
/// # Errors
///
/// When there is none.
#[track_caller]
pub fn some<'a>(params: &Params<'_>, inputs: &'a [Variable]) -> Result<&'a [Variable]> {
    if inputs.is_empty() { Err(params.arity(1, inputs)) } else { Ok(inputs) }
}

/// An axis of a variable, counted from the end where it is negative.
///
/// # Errors
///
/// When there is no such axis.
#[track_caller]
pub fn axis_of(op: &'static str, x: &Variable, axis: i64) -> Result<usize> {
    let rule = || format!("there is no axis {axis}");
    axis_below(x.ty().extents().len(), axis).ok_or_else(|| BuildError::inputs(op, std::slice::from_ref(x), rule()))
}

/// The axes that the parameter `axis` names: all where it is absent.
///
/// # Errors
///
/// When one does not exist, or the parameter is no list of integers.
#[track_caller]
pub fn axes_of(op: &'static str, params: &Params<'_>, x: &Variable) -> Result<Vec<usize>> {
    match params.maybe_ints("axis")? {
        None => Ok((0..x.ty().extents().len()).collect()),
        Some(axes) => axes_in(op, x, &axes),
    }
}

/// Axes of a variable, counted from the end where they are negative.
///
/// # Errors
///
/// When one does not exist.
#[track_caller]
pub fn axes_in(op: &'static str, x: &Variable, axes: &[i64]) -> Result<Vec<usize>> {
    axes.iter().map(|&axis| axis_of(op, x, axis)).collect()
}

/// The position of a new axis in a result of some rank, counted from the end where it is negative.
///
/// # Errors
///
/// When the result has no such axis.
#[track_caller]
pub fn new_axis(op: &'static str, x: &Variable, axis: i64, rank: usize) -> Result<usize> {
    let rule = || format!("there is no axis {axis} in a result of {rank} axes");
    axis_below(rank, axis).ok_or_else(|| BuildError::inputs(op, std::slice::from_ref(x), rule()))
}

/// Which of so many axes it is, counted from the end where it is negative.
fn axis_below(rank: usize, axis: i64) -> Option<usize> {
    let from_start = if axis < 0 { axis.checked_add(rank as i64)? } else { axis };
    usize::try_from(from_start).ok().filter(|&axis| axis < rank)
}

/// The dtype that a parameter names, as PyTensor does (`float64`) or as we print it (`f64`), if present.
///
/// # Errors
///
/// When it names none of ours.
#[track_caller]
pub fn dtype_of(params: &Params<'_>, name: &str) -> Result<Option<DType>> {
    let Some(word) = params.maybe_word(name)? else { return Ok(None) };
    let short = match word.strip_prefix("uint") {
        Some(bits) => format!("u{bits}"),
        None => word.replace("int", "i").replace("float", "f"),
    };
    let dtype = DType::ALL.into_iter().find(|dtype| dtype.to_string() == short);
    dtype.map(Some).ok_or_else(|| params.wrong_word(name, "a dtype", word))
}
