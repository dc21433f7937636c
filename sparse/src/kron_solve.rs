//! Solving with a Kronecker product that is never formed.

use kronograph_graph::{BuildError, Dim, Entry, Params, Result, Sample, Variable, origin, shape_of};
use kronograph_ops::params::some;
use kronograph_ops::samples::dense;
use kronograph_ops::{DType, FactorType, TensorType, Trans, cast, factor_solve_axis, lu_factor, order_dim, reshape};

use crate::lu::sparse_lu;
use crate::matrix::Format;
use crate::samples::{dense_input, function, square};
use crate::ty::SparseType;

/// `(F_1 ⊗ .. ⊗ F_K)⁻¹ b`, or the same with the transpose, for a vector b or the columns of a matrix.
///
/// A factor is a square dense matrix, a square sparse one, or a factor of one (`lu_factor`, `sparse_lu`,
/// `cholesky_factor`). The right-hand side is read as a tensor of shape (d_1, .., d_K), with the last index fastest,
/// and solved along each axis, the last one first. Derivatives by every factor and by b follow from the solves; that of
/// a sparse factor lives on its pattern. Cost for dense factors and T columns: `2 T d_1 .. d_K (d_1 + .. + d_K)`.
///
/// ```
/// use kronograph_ops::{Trans, matrix, vector};
/// use kronograph_sparse::kron_solve;
/// let x = kron_solve(&[matrix("a"), matrix("b"), matrix("c")], &vector("y"), Trans::No)?;
/// assert_eq!(x.ty().to_string(), "f64 (?,)");
/// # Ok::<(), kronograph_graph::BuildError>(())
/// ```
///
/// # Errors
///
/// When there are no factors, one of them is no square matrix, or b is no vector or matrix with one row for each row
/// of the product; at run time, when a factor is singular (recoverable).
#[track_caller]
pub fn kron_solve(factors: &[Variable], b: &Variable, trans: Trans) -> Result<Variable> {
    let _scope = origin::here();
    if factors.is_empty() {
        return Err(BuildError::arity("kron_solve", 1, factors));
    }
    let legs = factors.iter().map(factored).collect::<Result<Vec<_>>>()?;
    let orders: Vec<Dim> = legs.iter().map(order_dim).collect();
    check_right_hand_side(&legs, b)?;
    let b = cast(b, DType::F64)?;
    let columns: Vec<Dim> = shape_of(&b).into_iter().skip(1).collect();
    if legs.len() == 1 {
        return factor_solve_axis(&legs[0], &b, 0, trans);
    }
    let length = orders.iter().skip(1).fold(orders[0].clone(), |length, order| length.times(order));
    let mut x = reshape(&b, [&orders[..], &columns[..]].concat())?;
    for (axis, leg) in legs.iter().enumerate().rev() {
        x = factor_solve_axis(leg, &x, axis, trans)?;
    }
    reshape(&x, [&[length][..], &columns[..]].concat())
}

/// The factor of a matrix; a factor as it is.
#[track_caller]
fn factored(matrix: &Variable) -> Result<Variable> {
    if matrix.type_as::<FactorType>().is_some() {
        return Ok(matrix.clone());
    }
    match matrix.type_as::<SparseType>() {
        Some(_) => sparse_lu(matrix),
        None => lu_factor(matrix),
    }
}

/// Checks rank and length of the right-hand side.
#[track_caller]
fn check_right_hand_side(legs: &[Variable], b: &Variable) -> Result<()> {
    let order = |leg: &Variable| leg.type_as::<FactorType>().and_then(FactorType::order);
    let size = legs.iter().try_fold(1usize, |size, leg| size.checked_mul(order(leg)?));
    let refuse = |rule: String| Err(BuildError::inputs("kron_solve", std::slice::from_ref(b), rule));
    match b.type_as::<TensorType>() {
        Some(ty) if (1..=2).contains(&ty.rank()) => match (ty.lengths()[0], size) {
            (Some(got), Some(want)) if got != want => refuse(format!("the right-hand side must have {want} rows")),
            _ => Ok(()),
        },
        _ => refuse("the right-hand side must be a dense vector or matrix".to_owned()),
    }
}

/// The entry of this file.
pub(crate) fn entries() -> Vec<Entry> {
    vec![function("kron_solve", build, samples)]
}

fn build(params: &Params<'_>, v: &[Variable]) -> Result<Vec<Variable>> {
    let (b, legs) = some(params, v)?.split_last().ok_or_else(|| params.arity(2, v))?;
    Ok(vec![kron_solve(legs, b, Trans::of(params)?)?])
}

/// A dense leg and a sparse one, and a sparse one alone.
fn samples(format: Format) -> Vec<Sample> {
    let leg = || dense(&[1, 1], (1.0, 2.0), 3);
    let both = |name: &'static str, shape: &[usize]| {
        let sample =
            |trans: bool| Sample::new(name, [leg(), square(format, 1), dense_input(shape, 2)]).with("trans", trans);
        [sample(false), sample(true)]
    };
    let mut samples: Vec<Sample> = [both("a vector", &[4]), both("columns", &[4, 2])].concat();
    let two = [square(format, 1), square(format, 4), dense_input(&[16], 2)];
    samples.push(Sample::new("two sparse legs", two));
    samples.push(Sample::new("one leg", [square(format, 1), dense_input(&[4], 2)]).with("trans", true));
    samples
}
