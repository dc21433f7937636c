//! Integer powers of square matrices, by repeated squaring.

use kronograph_graph::{Dim, Entry, Params, Result, Sample, Variable, origin, shape_of};

use super::eye::eye;
use super::inverse::matrix_inverse;
use super::matmul::matmul;
use super::matrices::MatrixType;
use crate::elemwise::cast;
use crate::layout::{broadcast_to, expand_dims};
use crate::params::only;
use crate::samples::{dense, given, shaped};
use crate::tensor::tensor_type;

/// Square matrices to an integer power (NumPy: `linalg.matrix_power`), for every combination of the leading axes.
///
/// Power 0 is the identity, which does not depend on the matrix; negative powers are those of the inverse.
///
/// # Errors
///
/// When `a` has less than two axes, or is not square; at run time, when the power is negative and a matrix is singular.
#[track_caller]
pub fn matrix_power(a: &Variable, power: i64) -> Result<Variable> {
    let _scope = origin::here();
    MatrixType::square("matrix_power", a)?;
    let n = Dim::axis(a, a.ty().extents().len() - 1);
    let mut square = match power {
        0 => return identity(a, n),
        1.. => a.clone(),
        _ => matrix_inverse(a)?,
    };
    let (mut rest, mut result) = (power.unsigned_abs(), None);
    loop {
        if rest % 2 == 1 {
            result = Some(match result {
                None => square.clone(),
                Some(result) => matmul(&result, &square)?,
            });
        }
        rest /= 2;
        match result {
            Some(result) if rest == 0 => return Ok(result),
            _ => square = matmul(&square, &square)?,
        }
    }
}

/// The identity, in the dtype and shape of `a`.
fn identity(a: &Variable, n: Dim) -> Result<Variable> {
    let ty = tensor_type("matrix_power", a)?;
    let one = cast(&eye(n)?, ty.dtype())?;
    if ty.rank() == 2 {
        return Ok(one);
    }
    let leading: Vec<usize> = (0..ty.rank() - 2).collect();
    broadcast_to(&expand_dims(&one, &leading)?, shape_of(a))
}

/// The entry of this file: PyTensor's `n`.
pub(crate) fn entries() -> Vec<Entry> {
    let build = |params: &Params<'_>, a: &[Variable]| Ok(vec![matrix_power(only(params, a)?, params.int("n")?)?]);
    vec![Entry::function("matrix_power", "linear algebra", build, samples)]
}

fn samples() -> Vec<Sample> {
    let a = |shape: &[usize]| [dense(shape, (-2.0, 2.0), 6)];
    let mut samples: Vec<Sample> =
        (-3..8i64).map(|n| Sample::new(format!("power {n}"), a(&[3, 3])).with("n", n)).collect();
    samples.extend([-1i64, 0, 1, 2].map(|n| Sample::new(format!("a stack, {n}"), a(&[2, 2, 2])).with("n", n)));
    samples.extend([-2i64, 0, 3].map(|n| Sample::new(format!("one entry, {n}"), a(&[1, 1])).with("n", n)));
    samples.extend([-1i64, 0, 2].map(|n| Sample::new(format!("no rows, {n}"), a(&[0, 0])).with("n", n)));
    let integers = || [given(shaped(&[2, 2], vec![1i64, 2, 3, 4]))];
    samples.extend([0i64, 3].map(|n| Sample::new(format!("integers, {n}"), integers()).with("n", n).edge()));
    samples.push(Sample::new("f32", [given(shaped(&[2, 2], vec![1.5f32, 2.0, 3.0, -4.0]))]).with("n", 3i64).single());
    samples
}
