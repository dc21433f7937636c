//! Elementwise functions of the stored values, in the table of the dense ones: what is not stored stays zero, whatever
//! the function makes of zero.
//!
//! An entry `structured_<name>` is made for each row of floats with one input, and for each with two of which the
//! second is a scalar. Rust has functions for those that PyTensor names; [`structured`] serves for all others.

use kronograph_graph::{Entry, Operand, Params, Result, Sample, Variable, apply, origin};
use kronograph_ops::params::only;
use kronograph_ops::samples::dense;
use kronograph_ops::{DType, Elemwise, Row, add, exp, log, maximum, minimum, pow, rows, sigmoid};

use crate::data::structured;
use crate::matrix::Format;
use crate::samples::{any_matrix, both_formats, function, in_dtype, nothing, wide, wide_over};
use crate::ty::sparse_type;

macro_rules! of_stored {
    ($($(#[doc = $doc:literal])+ $name:ident: $function:ident;)+) => { $(
        $(#[doc = $doc])+
        ///
        /// Of what is stored, explicit zeros included; format and pattern stay, and what is not stored stays zero. The
        /// derivative is structured.
        ///
        /// # Errors
        ///
        /// When `x` is no sparse matrix.
        #[track_caller]
        pub fn $name(x: &Variable) -> Result<Variable> {
            structured(x, $function)
        }
    )+ };
}

of_stored! {
    /// The logistic function (PyTensor: `structured_sigmoid`).
    structured_sigmoid: sigmoid;
    /// The exponential function (PyTensor: `structured_exp`).
    structured_exp: exp;
    /// The natural logarithm (PyTensor: `structured_log`).
    structured_log: log;
}

macro_rules! of_stored_and_scalar {
    ($($(#[doc = $doc:literal])+ $name:ident: $function:ident;)+) => { $(
        $(#[doc = $doc])+
        ///
        /// Of what is stored, explicit zeros included, and a scalar, which may be a literal; format and pattern stay,
        /// and what is not stored stays zero. The derivatives are structured.
        ///
        /// # Errors
        ///
        /// When `x` is no sparse matrix, or `y` no scalar.
        #[track_caller]
        pub fn $name<'a>(x: &Variable, y: impl Into<Operand<'a>>) -> Result<Variable> {
            let _scope = origin::here();
            let y = y.into();
            y.variable().map_or(Ok(()), |y| check_scalar(stringify!($name), y))?;
            structured(x, |stored| $function(stored, y))
        }
    )+ };
}

of_stored_and_scalar! {
    /// `x ^ y` (PyTensor: `structured_pow`).
    structured_pow: pow;
    /// The smaller of x and y (PyTensor: `structured_minimum`); at a tie the derivative goes to x.
    structured_minimum: minimum;
    /// The larger of x and y (PyTensor: `structured_maximum`); at a tie the derivative goes to x.
    structured_maximum: maximum;
    /// `x + y` (PyTensor: `structured_add`).
    structured_add: add;
}

/// The complex conjugate, which of real numbers is `x` itself (PyTensor: `structured_conjugate`, `conj`).
///
/// # Errors
///
/// When `x` is no sparse matrix.
#[track_caller]
pub fn structured_conjugate(x: &Variable) -> Result<Variable> {
    sparse_type("structured_conjugate", x).map(|_| x.clone())
}

#[track_caller]
fn check_scalar(op: &'static str, y: &Variable) -> Result<()> {
    let is_scalar = y.type_as::<kronograph_ops::TensorType>().is_some_and(|ty| ty.rank() == 0);
    let rule = "the second operand must be a dense scalar";
    match is_scalar {
        true => Ok(()),
        false => Err(kronograph_graph::BuildError::inputs(op, std::slice::from_ref(y), rule)),
    }
}

/// The entries of this file: one for each row that is a function of floats.
pub(crate) fn entries() -> Vec<Entry> {
    let conjugate = |params: &Params<'_>, inputs: &[Variable]| Ok(vec![structured_conjugate(only(params, inputs)?)?]);
    let of_rows = rows().filter(|row| is_of_stored(row)).map(|row| {
        let build = move |params: &Params<'_>, inputs: &[Variable]| Ok(vec![of_row(row, params, inputs)?]);
        Entry::function(row.structured, "sparse", build, move || both_formats(|format| samples(row, format)))
    });
    of_rows.chain([function("structured_conjugate", conjugate, any_matrix)]).collect()
}

/// Whether a row is a function of a float, or of a float and a scalar.
fn is_of_stored(row: &Row) -> bool {
    !row.is_discrete() && row.orders == 0 && row.arity() <= 2
}

fn of_row(row: &'static Row, params: &Params<'_>, inputs: &[Variable]) -> Result<Variable> {
    if inputs.len() != row.arity() {
        return Err(params.arity(row.arity(), inputs));
    }
    sparse_type(row.structured, &inputs[0])?;
    inputs[1..].iter().try_for_each(|y| check_scalar(row.structured, y))?;
    structured(&inputs[0], |stored| apply(Elemwise(row), &[std::slice::from_ref(stored), &inputs[1..]].concat()))
}

fn samples(row: &'static Row, format: Format) -> Vec<Sample> {
    let domain = |input: usize| row.domain_of(input);
    let scalar = || (1..row.arity()).map(|input| dense(&[], domain(input), 2));
    let with = |name, x| Sample::new(name, std::iter::once(x).chain(scalar()));
    let inside = || wide_over(format, domain(0), 1);
    vec![
        with("stored values where it is smooth", inside()),
        with("an explicit zero", wide(format, 1)).edge(),
        with("nothing stored", nothing(format)),
        with("f32", in_dtype(inside(), DType::F32)).single(),
    ]
}
