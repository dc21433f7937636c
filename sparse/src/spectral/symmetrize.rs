//! Finds the positive scaling that makes a matrix symmetric, where there is one.
//!
//! `W = D⁻¹ C` with a symmetric C, as row standardisation makes it of a symmetric neighbourhood, is similar to the
//! symmetric `S = D^½ W D^-½`, and so has real eigenvalues and a well-conditioned basis of eigenvectors.

use faer::Mat;

use super::{dense_of, values_of};
use crate::matrix::SparseMatrix;

/// Beyond this, the basis of eigenvectors loses too many digits: flows are in the basis `V ⊗ V`, whose condition number
/// is the square.
const WORST_CONDITION: f64 = 100.0;

/// `S = D^½ W D^-½`, symmetric, and the logarithms of D, 0 at most in each component.
pub(super) struct Symmetrized {
    pub(super) matrix: Mat<f64>,
    logs: Vec<f64>,
}

impl Symmetrized {
    /// The square roots of D, if the basis `D^-½ U` of eigenvectors is well conditioned.
    pub(super) fn roots(&self) -> Option<Vec<f64>> {
        let well = self.logs.iter().all(|log| -log <= 2.0 * WORST_CONDITION.ln());
        well.then(|| self.logs.iter().map(|log| (0.5 * log).exp()).collect())
    }
}

/// The scaling with `d_i w_ij = d_j w_ji`, if there is one to rounding.
///
/// Rows without entries are no obstacle where their columns have none either. The scales are found as logarithms,
/// because along a chain of unequal weights they grow beyond any number; S needs none of them, as
/// `s_ij² = w_ij w_ji`.
pub(super) fn symmetrize(w: &SparseMatrix) -> Option<Symmetrized> {
    let (n, dense) = (w.shape()[0], dense_of(w));
    let edges = edges_of(w);
    let (logs, depth) = scales(n, &edges, &dense)?;
    let consistent = |&(i, j): &(usize, usize)| {
        let ratio = (dense[(i, j)] / dense[(j, i)]).ln();
        // Each step from the root rounds a few times.
        let rounding = 4.0 * f64::EPSILON * (1 + depth[i] + depth[j]) as f64;
        (logs[i] + ratio - logs[j]).abs() <= rounding * (1.0 + logs[i].abs().max(logs[j].abs()))
    };
    if !edges.iter().all(consistent) {
        return None;
    }
    let root = |i: usize, j: usize| dense[(i, j)].abs().sqrt();
    let entry =
        |i: usize, j: usize| if i == j { dense[(i, i)] } else { (root(i, j) * root(j, i)).copysign(dense[(i, j)]) };
    Some(Symmetrized { matrix: Mat::from_fn(n, n, entry), logs })
}

/// The positions of entries that are not zero.
pub(super) fn edges_of(w: &SparseMatrix) -> Vec<(usize, usize)> {
    let (mut edges, values) = (Vec::with_capacity(w.nnz()), values_of(w));
    w.for_each_position(|slot, i, j| {
        if values[slot] != 0.0 {
            edges.push((i, j));
        }
    });
    edges
}

/// The logarithm of each row's scale, and how many steps away from its root it was found.
fn scales(n: usize, edges: &[(usize, usize)], dense: &Mat<f64>) -> Option<(Vec<f64>, Vec<usize>)> {
    let mut neighbours = vec![Vec::new(); n];
    edges.iter().for_each(|&(i, j)| neighbours[i].push(j));
    let (mut logs, mut depth) = (vec![f64::NAN; n], vec![0; n]);
    for root in 0..n {
        if !logs[root].is_nan() {
            continue;
        }
        logs[root] = 0.0;
        let (mut component, mut next) = (vec![root], 0);
        while next < component.len() {
            let i = component[next];
            next += 1;
            for &j in &neighbours[i] {
                let ratio = dense[(i, j)] / dense[(j, i)];
                if !(ratio > 0.0 && ratio.is_finite()) {
                    return None;
                }
                if logs[j].is_nan() {
                    logs[j] = logs[i] + ratio.ln();
                    depth[j] = depth[i] + 1;
                    component.push(j);
                }
            }
        }
        let largest = component.iter().map(|&i| logs[i]).fold(f64::NEG_INFINITY, f64::max);
        component.iter().for_each(|&i| logs[i] -= largest);
    }
    Some((logs, depth))
}
