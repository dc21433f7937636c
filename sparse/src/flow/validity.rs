//! How far a flow system is from being singular: from eigenvalues, and from a factor.

use kronograph_graph::{BuildError, Result, origin};
use kronograph_ops::{Factor, LinalgError, Trans};

use crate::lu_factorization::factorisation;
use crate::matrix::SparseMatrix;
use crate::spectral::Eigenvalues;

/// How far from the real axis, by its size, a μ is taken for a real one: eigenvalues of a pair meet in real numbers.
const REAL: f64 = 1e-12;

/// How far the system `I - ρ_d (I ⊗ W) - ρ_o (W ⊗ I) - ρ_w (W ⊗ W)` is from being singular.
///
/// Its eigenvalues are `1 - μ_ij` with `μ_ij = ρ_o λ_i + ρ_d λ_j + ρ_w λ_i λ_j`.
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
pub struct FlowValidity {
    /// The smallest `|1 - μ_ij|`; zero at a singular system.
    pub smallest: f64,
    /// The eigenvalue `λ_i` of the origins and `λ_j` of the destinations that it belongs to, as real and imaginary part.
    pub pair: [(f64, f64); 2],
    /// The smallest `|1 - μ_ij|` by the largest one, zero where that is no number: the reciprocal condition number, if W
    /// has orthogonal eigenvectors.
    pub ratio: f64,
    /// Whether the system stays nonsingular on the way from ρ = 0: no `μ_ij` is real and reaches 1.
    pub valid: bool,
}

/// Reports on a flow system at some ρ; the separable one has `ρ_w = -ρ_d ρ_o`. Cost: n² terms.
///
/// ```
/// use kronograph_sparse::{Format, eigenvalues, flow_validity, from_triplets};
/// let w = from_triplets(Format::Csr, [3, 3], &[(0, 1, 1.0), (1, 2, 1.0), (2, 0, 0.5), (2, 1, 0.5)])?;
/// let values = eigenvalues(&w)?;
/// // The sum of the three is at most 1 in a valid system whose rows sum to 1, if none of them is negative.
/// assert!(flow_validity(&values, 0.5, 0.25, 0.125).valid);
/// assert!(!flow_validity(&values, 0.5, 0.25, 0.25).valid);
/// assert!(flow_validity(&values, 0.9, 0.9, -0.81).valid);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn flow_validity(eigenvalues: &Eigenvalues, rho_d: f64, rho_o: f64, rho_w: f64) -> FlowValidity {
    let all = eigenvalues.all();
    let rounding = 10.0 * all.len().max(1) as f64 * f64::EPSILON;
    let mut report = FlowValidity { smallest: f64::INFINITY, pair: [(0.0, 0.0); 2], ratio: 1.0, valid: true };
    let mut largest = 0.0f64;
    for &origin in &all {
        for &destination in &all {
            let ((a, b), (c, d)) = (origin, destination);
            let (re, im) = (a * c - b * d, a * d + b * c);
            let mu = (rho_o * a + rho_d * c + rho_w * re, rho_o * b + rho_d * d + rho_w * im);
            let size = (1.0 - mu.0).hypot(mu.1);
            largest = largest.max(size);
            // A NaN is no valid point, and no smallest one either.
            report.valid &= size.is_finite() && (mu.1.abs() > REAL * mu.0.abs() || mu.0 < 1.0 - rounding);
            if size < report.smallest {
                (report.smallest, report.pair) = (size, [origin, destination]);
            }
        }
    }
    if !all.is_empty() {
        // Nothing is well conditioned about terms that all vanish, or are no numbers.
        report.ratio = Some(report.smallest / largest).filter(|ratio| ratio.is_finite()).unwrap_or(0.0);
    }
    report
}

/// An estimate of the reciprocal condition number of a square sparse matrix in the 1-norm (LAPACK: gecon); zero for a
/// singular one. The condition number is seldom more than three times as large as estimated, and never smaller.
///
/// Cost: one factorisation and a few solves. Source: Hager's estimate of the norm of the inverse, as Higham refined it.
///
/// ```
/// use kronograph_sparse::{Format, from_triplets, rcond};
/// let a = from_triplets(Format::Csr, [2, 2], &[(0, 0, 4.0), (1, 1, 0.5)])?;
/// assert_eq!(rcond(&a)?, 0.125);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// When the matrix is no f64 matrix, not square or not finite.
#[track_caller]
pub fn rcond(a: &SparseMatrix) -> Result<f64> {
    let refuse = |source| BuildError::Value { source, origin: origin::current() };
    let a = a.to_format(a.format());
    let factor = factorisation(&a).map_err(|error| refuse(error))?;
    match factor.status() {
        Ok(()) => {}
        Err(LinalgError::Singular { .. }) => return Ok(0.0),
        Err(other) => return Err(BuildError::value(other)),
    }
    let mut columns = vec![0.0; a.shape()[1]];
    let values = a.values().unwrap_or_default();
    a.for_each_position(|slot, _, j| columns[j] += values[slot].abs());
    let norm = columns.iter().copied().fold(0.0, f64::max);
    Ok(if columns.is_empty() { 1.0 } else { 1.0 / (norm * norm_of_inverse(&factor)) })
}

/// A lower bound of the 1-norm of an inverse, seldom less than a third of it.
fn norm_of_inverse(factor: &dyn Factor) -> f64 {
    let n = factor.order();
    let size = |x: &[f64]| x.iter().map(|x| x.abs()).sum::<f64>();
    let mut x = vec![1.0 / n as f64; n];
    let mut bound = 0.0f64;
    for _ in 0..5 {
        let y = solved(factor, Trans::No, &x);
        bound = bound.max(size(&y));
        let signs: Vec<f64> = y.iter().map(|y| if *y < 0.0 { -1.0 } else { 1.0 }).collect();
        let z = solved(factor, Trans::Yes, &signs);
        let Some(steepest) = (0..n).max_by(|&i, &j| z[i].abs().total_cmp(&z[j].abs())) else { break };
        if z[steepest].abs() <= z.iter().zip(&x).map(|(z, x)| z * x).sum() {
            break;
        }
        x.fill(0.0);
        x[steepest] = 1.0;
    }
    let slope = |i: usize| 1.0 + i as f64 / (n.max(2) - 1) as f64;
    let waves: Vec<f64> = (0..n).map(|i| if i % 2 == 0 { slope(i) } else { -slope(i) }).collect();
    bound.max(2.0 * size(&solved(factor, Trans::No, &waves)) / (3 * n) as f64)
}

/// The solution for one right-hand side.
fn solved(factor: &dyn Factor, trans: Trans, b: &[f64]) -> Vec<f64> {
    let mut panel: Vec<f64> = (0..b.len()).map(|i| b[factor.row_in(trans, i)]).collect();
    factor.solve_panel(trans, &mut panel, 1);
    let mut x = vec![0.0; b.len()];
    panel.iter().enumerate().for_each(|(i, &value)| x[factor.row_out(trans, i)] = value);
    x
}
