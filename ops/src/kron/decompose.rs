//! Taking Kronecker sums out of matrices and diagonals: averages for each factor, and the nearest sum.
//!
//! The sums of a matrix's entries over all factors but one, and sums with identities in the other places, are each
//! other's adjoint; so the averages give the orthogonal projection on Kronecker sums. Source: Greenewald, Zhou and
//! Hero, Tensor graphical lasso (TeraLasso), J. R. Stat. Soc. B 81, 2019.

use kronograph_graph::{BuildError, Dim, Result, Variable, origin};

use super::axis_sums::factorwise_sums_diag;
use super::dims::Dims;
use super::length::divided;
use super::partial_trace::partial_trace;
use crate::elemwise::{cast, mul, sub};
use crate::index::{Index, subtensor};
use crate::layout::{reshape, specify_shape};
use crate::linalg::{diagonal, eye};
use crate::reduce::mean;
use crate::tensor::tensor_type;

/// The submatrix of `m` at index `i` of the rows and `j` of the columns of factor `k`, of sizes `dims`: `A(i, j | k)`;
/// (p, p) → (p / d_k, p / d_k).
///
/// Its trace is the element (i, j) of [`partial_trace`], and divided by its size that of [`factorwise_average`].
///
/// # Errors
///
/// When there is no such factor or index, or `m` is no matrix of that size.
#[track_caller]
pub fn factorwise_matrix<D: Into<Dim>>(
    m: &Variable,
    dims: impl IntoIterator<Item = D>,
    k: usize,
    [i, j]: [usize; 2],
) -> Result<Variable> {
    let _scope = origin::here();
    let dims = Dims::of("factorwise_matrix", dims)?;
    dims.check_square(m)?;
    let [before, d, behind] = dims.around(k)?;
    if let Some(d) = d.known().filter(|d| i.max(j) >= *d) {
        let rule = format!("factor {k} has size {d}, so it has no index ({i}, {j})");
        return Err(BuildError::parameter("factorwise_matrix", rule));
    }
    let (size, rest) = (dims.size(), before.times(&behind));
    let axes = reshape(
        &specify_shape(m, [size.clone(), size])?,
        [&before, &d, &behind, &before, &d, &behind].map(Dim::clone),
    )?;
    let [i, j] = [i, j].map(|at| Index::at(Dim::from(at)));
    let part = subtensor(&axes, &[Index::ALL, i, Index::ALL, Index::ALL, j, Index::ALL])?;
    reshape(&part, [rest.clone(), rest])
}

/// The averages `out[i, j] = tr A(i, j | k) d_k / p` for factor `k` of sizes `dims`: [`partial_trace`] divided by the
/// size of the other factors; (p, p) → (d_k, d_k). Where there are no other indices, it is NaN.
///
/// ```
/// use kronograph_graph::{Function, FunctionGraph};
/// use kronograph_ops::{Tensor, factorwise_average, matrix};
///
/// let m = matrix("m");
/// let average = factorwise_average(&m, [3, 2, 2], 1)?;
/// let mut f = Function::plan(FunctionGraph::new(&[m], &[average])?)?;
/// let numbers = Tensor::new(&[12, 12], (0..144).map(f64::from).collect::<Vec<_>>())?;
/// assert_eq!(f.call(&[&numbers])?.get::<Tensor>(0)?.to_vec::<f64>()?, [58.5, 60.5, 82.5, 84.5]);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// As [`partial_trace`].
#[track_caller]
pub fn factorwise_average<D: Into<Dim>>(m: &Variable, dims: impl IntoIterator<Item = D>, k: usize) -> Result<Variable> {
    let _scope = origin::here();
    let dims = Dims::of("factorwise_average", dims)?;
    average(m, &dims, k)
}

fn average(m: &Variable, dims: &Dims, k: usize) -> Result<Variable> {
    let [before, _, behind] = dims.around(k)?;
    divided(&partial_trace(m, dims.as_slice().iter().cloned(), k)?, &before.times(&behind))
}

/// The diagonal of [`factorwise_average`] of a diagonal matrix, from its diagonal: the means over the indices of the
/// other factors; (p) → (d_k).
///
/// # Errors
///
/// When there is no such factor, or `v` is no vector of that length.
#[track_caller]
pub fn factorwise_average_diag<D: Into<Dim>>(
    v: &Variable,
    dims: impl IntoIterator<Item = D>,
    k: usize,
) -> Result<Variable> {
    let _scope = origin::here();
    let dims = Dims::of("factorwise_average_diag", dims)?;
    dims.around(k)?;
    Ok(averages_diag(v, &dims)?.swap_remove(k))
}

/// The means for every factor, which one pass over `v` gives.
fn averages_diag(v: &Variable, dims: &Dims) -> Result<Vec<Variable>> {
    let sums = factorwise_sums_diag(v, dims.as_slice().iter().cloned())?;
    let mean = |(k, sum): (usize, &Variable)| {
        let [before, _, behind] = dims.around(k)?;
        divided(sum, &before.times(&behind))
    };
    sums.iter().enumerate().map(mean).collect()
}

/// Where the trace of a Kronecker sum goes, which its factors do not determine: with `sum_k c_k = 0`, factors `F_k +
/// c_k I` have the same sum.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum KsTrace {
    /// Into all factors alike: `tr F_k / d_k` is `τ / K`.
    Equal,
    /// Into none: the nearest sum is that of the factors, plus `τ I`.
    Zero,
    /// Into the first factor, which has the mean `τ` on its diagonal; the others have trace zero.
    First,
}

impl KsTrace {
    /// The parts of τ, in units of `1 / K`, that the diagonal of factor `k` loses.
    fn lost(self, k: usize, factors: usize) -> usize {
        match self {
            KsTrace::Equal => factors - 1,
            KsTrace::Zero => factors,
            KsTrace::First if k == 0 => 0,
            KsTrace::First => factors,
        }
    }

    /// What the diagonal of factor `k` loses, if it loses something.
    fn correction(self, tau: &Variable, k: usize, factors: usize) -> Result<Option<Variable>> {
        match self.lost(k, factors) {
            0 => Ok(None),
            all if all == factors => Ok(Some(tau.clone())),
            parts => Ok(Some(mul(tau, parts as f64 / factors as f64)?)),
        }
    }
}

/// The factors of the Kronecker sum that is nearest to a matrix in the Frobenius norm, for factors of sizes `dims`, and
/// `τ = tr M / p`; (p, p) → (d_1, d_1), .., (d_K, d_K) and ().
///
/// `F_k` is [`factorwise_average`] less a part of `τ I`, which `trace` says. The averages of what is left are zero for
/// every factor. It reads `p (d_1 + .. + d_K)` of the p² elements. It is linear; its derivatives are Kronecker sums and
/// the same again.
///
/// ```
/// use kronograph_ops::{KsTrace, ks_decompose, matrix};
/// let (factors, tau) = ks_decompose(&matrix("m"), [3, 4], KsTrace::Zero)?;
/// assert_eq!(factors[1].ty().to_string(), "f64 (4, 4)");
/// assert_eq!(tau.ty().to_string(), "f64 ()");
/// # Ok::<(), kronograph_graph::BuildError>(())
/// ```
///
/// # Errors
///
/// When there are no sizes, or `m` is no square matrix of their product.
#[track_caller]
pub fn ks_decompose<D: Into<Dim>>(
    m: &Variable,
    dims: impl IntoIterator<Item = D>,
    trace: KsTrace,
) -> Result<(Vec<Variable>, Variable)> {
    let _scope = origin::here();
    let dims = Dims::of("ks_decompose", dims)?;
    dims.check_square(m)?;
    let mut factors = (0..dims.len()).map(|k| average(m, &dims, k)).collect::<Result<Vec<_>>>()?;
    let tau = mean(&diagonal(&factors[0], 0, 0, 1)?)?;
    for (k, factor) in factors.iter_mut().enumerate() {
        if let Some(lost) = trace.correction(&tau, k, dims.len())? {
            let dtype = tensor_type("ks_decompose", factor)?.dtype();
            *factor = sub(&*factor, &mul(&lost, &cast(&eye(dims.as_slice()[k].clone())?, dtype)?)?)?;
        }
    }
    Ok((factors, tau))
}

/// [`ks_decompose`] of a diagonal matrix, from its diagonal: the diagonals of the factors, and `τ`, the mean; (p) →
/// (d_1), .., (d_K) and (). The nearest sum is [`kronsum_diag`](super::kronsum_diag) of the factors.
///
/// One pass over `v` gives all factors.
///
/// # Errors
///
/// When there are no sizes, or `v` is no vector as long as their product.
#[track_caller]
pub fn ks_decompose_diag<D: Into<Dim>>(
    v: &Variable,
    dims: impl IntoIterator<Item = D>,
    trace: KsTrace,
) -> Result<(Vec<Variable>, Variable)> {
    let _scope = origin::here();
    let dims = Dims::of("ks_decompose_diag", dims)?;
    let mut factors = averages_diag(v, &dims)?;
    let tau = mean(&factors[0])?;
    for (k, factor) in factors.iter_mut().enumerate() {
        if let Some(lost) = trace.correction(&tau, k, dims.len())? {
            *factor = sub(&*factor, &lost)?;
        }
    }
    Ok((factors, tau))
}
