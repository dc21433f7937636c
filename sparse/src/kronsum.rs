//! Kronecker sums of sparse matrices, and systems of Kronecker sums, sparse or dense.

use kronograph_graph::{BuildError, Dim, Entry, Params, Result, Sample, SampleInput, Variable, origin, shape_of};
use kronograph_ops::params::some;
use kronograph_ops::samples::dense;
use kronograph_ops::{
    Assume, DType, Rhs, Trans, cast, factor_solve, kronsum, moveaxis, reshape, solve_assuming, solve_sylvester,
    transpose,
};

use crate::affine::affine_on_pattern;
use crate::convert::number;
use crate::format::to_format;
use crate::identity::{identity_like, square_type};
use crate::kron::sparse_kron;
use crate::lu::sparse_lu;
use crate::matrix::Format;
use crate::samples::{dense_input, function, square, weights};
use crate::ty::{SparseType, sparse_f64};

/// `F_1 ⊕ .. ⊕ F_K = sum_k I ⊗ F_k ⊗ I` of square sparse matrices, the last index fastest; for two, `A ⊗ I + I ⊗ B`.
/// The result has the format of the first.
///
/// SciPy's `sparse.kronsum(A, B)` is the sum of B and A.
///
/// ```
/// use kronograph_sparse::{Format, sparse_kronsum, sparse_matrix};
/// let a = sparse_matrix("a", Format::Csr, [Some(2), Some(2)]);
/// let b = sparse_matrix("b", Format::Csc, [Some(3), Some(3)]);
/// assert_eq!(sparse_kronsum(&[a, b])?.ty().to_string(), "csr f64 (6, 6)");
/// # Ok::<(), kronograph_graph::BuildError>(())
/// ```
///
/// # Errors
///
/// When there are no factors, or one is no square sparse f64 matrix; at run time, when the sum does not fit into 32
/// bits.
#[track_caller]
pub fn sparse_kronsum(factors: &[Variable]) -> Result<Variable> {
    let _scope = origin::here();
    let Some(first) = factors.first() else { return Err(BuildError::arity("sparse_kronsum", 1, factors)) };
    let format = square_type("sparse_kronsum", first)?.format();
    let mut sum = first.clone();
    for factor in &factors[1..] {
        square_type("sparse_kronsum", factor)?;
        let factor = to_format(factor, format)?;
        let left = sparse_kron(&sum, &identity_like(&factor)?)?;
        let right = sparse_kron(&identity_like(&sum)?, &factor)?;
        // Zeros stay stored, so that a solve finds the same pattern for all values.
        sum = affine_on_pattern(&[(number(1.0), left), (number(1.0), right)])?;
    }
    Ok(sum)
}

/// `(F_1 ⊕ .. ⊕ F_K)⁻¹ b`, or the same with the transpose, for a vector b or the columns of a matrix, and for factors
/// that are all dense or all sparse.
///
/// For two dense factors `A X + X Bᵀ = C` is solved, with b as the matrix C, from the Schur forms of A and B
/// ([`solve_sylvester`]). More of them are gathered into two groups, whose sums are formed. The sum of sparse factors
/// is formed ([`sparse_kronsum`]) and factorised. Derivatives by every factor and by b follow from the solves.
///
/// ```
/// use kronograph_ops::{Trans, matrix, vector};
/// use kronograph_sparse::kronsum_solve;
/// let x = kronsum_solve(&[matrix("a"), matrix("b")], &vector("c"), Trans::No)?;
/// assert_eq!(x.ty().to_string(), "f64 (?,)");
/// # Ok::<(), kronograph_graph::BuildError>(())
/// ```
///
/// # Errors
///
/// When there are no factors, one is no square matrix, b does not have as many rows as the sum, or dense factors are
/// mixed with sparse ones; at run time, when the sum is singular.
#[track_caller]
pub fn kronsum_solve(factors: &[Variable], b: &Variable, trans: Trans) -> Result<Variable> {
    let _scope = origin::here();
    if factors.is_empty() {
        return Err(BuildError::arity("kronsum_solve", 1, factors));
    }
    if !(1..=2).contains(&b.ty().extents().len()) || b.type_as::<SparseType>().is_some() {
        let rule = "the right-hand side must be a dense vector or matrix";
        return Err(BuildError::inputs("kronsum_solve", std::slice::from_ref(b), rule));
    }
    if factors.iter().any(|factor| factor.type_as::<SparseType>().is_some()) {
        for factor in factors {
            sparse_f64("kronsum_solve", factor)?;
        }
        return factor_solve(&sparse_lu(&sparse_kronsum(factors)?)?, &cast(b, DType::F64)?, trans);
    }
    let (left, right) = factors.split_at(middle(factors));
    let left = kronsum(left)?;
    match right.is_empty() {
        true => solve_assuming(&left, b, Assume::General, trans, Rhs::of(b)),
        false => solve_two(&left, &kronsum(right)?, b, trans),
    }
}

/// A Sylvester equation for each column of b.
fn solve_two(left: &Variable, right: &Variable, b: &Variable, trans: Trans) -> Result<Variable> {
    let orders = [left, right].map(|matrix| Dim::axis(matrix, 0));
    if let (Some(want), Some(got)) = (orders[0].times(&orders[1]).known(), shape_of(b)[0].known())
        && want != got
    {
        let rule = format!("the right-hand side must have {want} rows");
        return Err(BuildError::inputs("kronsum_solve", std::slice::from_ref(b), rule));
    }
    let (left, right) = match trans {
        Trans::No => (left.clone(), transpose(right)?),
        Trans::Yes => (transpose(left)?, right.clone()),
    };
    let columns: Vec<Dim> = shape_of(b).into_iter().skip(1).collect();
    let grid = reshape(b, [&orders[..], &columns].concat())?;
    let solved = match columns.is_empty() {
        true => solve_sylvester(&left, &right, &grid)?,
        false => moveaxis(&solve_sylvester(&left, &right, &moveaxis(&grid, &[2], &[0])?)?, &[0], &[2])?,
    };
    reshape(&solved, shape_of(b))
}

/// Where to cut the factors, so that the larger one of the two sums is small.
fn middle(factors: &[Variable]) -> usize {
    let order = |factor: &Variable| factor.ty().extents().first().copied().flatten().map(|order| order as f64);
    let Some(orders) = factors.iter().map(order).collect::<Option<Vec<f64>>>() else {
        return factors.len().div_ceil(2);
    };
    let larger = |at: &usize| orders[..*at].iter().product::<f64>().max(orders[*at..].iter().product());
    (1..factors.len()).min_by(|a, b| larger(a).total_cmp(&larger(b))).unwrap_or(1)
}

/// The entries of this file.
pub(crate) fn entries() -> Vec<Entry> {
    vec![
        function(
            "sparse_kronsum",
            |params, v| Ok(vec![sparse_kronsum(some(params, v)?)?]),
            |format| {
                vec![
                    Sample::new("of two", [weights(format, 1), square(format, 2)]),
                    Sample::new("of one", [weights(format, 1)]),
                    Sample::new("of two formats", [weights(format, 1), weights(format.flip(), 2)]),
                ]
            },
        ),
        function("kronsum_solve", build_solve, solve_samples),
    ]
}

fn build_solve(params: &Params<'_>, v: &[Variable]) -> Result<Vec<Variable>> {
    let (b, legs) = some(params, v)?.split_last().ok_or_else(|| params.arity(2, v))?;
    Ok(vec![kronsum_solve(legs, b, Trans::of(params)?)?])
}

/// Sparse legs, and dense ones.
fn solve_samples(format: Format) -> Vec<Sample> {
    let both = |name: &'static str, legs: [SampleInput; 2], b: &[usize]| {
        let sample =
            |trans: bool| Sample::new(name, legs.clone().into_iter().chain([dense_input(b, 9)])).with("trans", trans);
        [sample(false), sample(true)]
    };
    let leg = |n: usize, seed| dense(&[n, n], (1.0, 2.0), seed);
    let sparse = || [square(format, 1), square(format, 4)];
    let mut samples: Vec<Sample> =
        [both("sparse, a vector", sparse(), &[16]), both("sparse, columns", sparse(), &[16, 2])].concat();
    // The dense ones are no different in the other format.
    if format == Format::Csr {
        samples.extend(both("dense, a vector", [leg(2, 3), leg(1, 4)], &[2]));
        samples.extend(both("dense, columns", [leg(1, 3), leg(2, 4)], &[2, 3]));
        samples.push(Sample::new("one dense leg", [leg(2, 3), dense_input(&[2], 2)]));
        samples.push(Sample::new("three dense legs", [leg(2, 3), leg(1, 4), leg(2, 5), dense_input(&[4], 2)]));
    }
    samples
}
