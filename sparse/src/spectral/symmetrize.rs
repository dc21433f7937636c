//! Finds the positive scaling that makes a matrix symmetric, where there is one.
//!
//! `W = D⁻¹ C` with a symmetric C, as row standardisation makes it of a symmetric neighbourhood, is similar to the
//! symmetric `S = D^½ W D^-½`, and so has real eigenvalues and a well-conditioned basis of eigenvectors.

use faer::Mat;

use super::{dense_of, values_of};
use crate::matrix::SparseMatrix;

/// Beyond this, the basis of eigenvectors loses too many digits.
const WORST_CONDITION: f64 = 1e6;

/// `S = D^½ W D^-½`, symmetric, and the square roots of D.
pub(super) struct Symmetrized {
    pub(super) matrix: Mat<f64>,
    pub(super) roots: Vec<f64>,
}

/// The scaling with `d_i w_ij = d_j w_ji`, if there is one to rounding, and the basis `D^-½ U` is well conditioned.
///
/// Rows without entries are no obstacle where their columns have none either.
pub(super) fn symmetrize(w: &SparseMatrix) -> Option<Symmetrized> {
    let (n, dense) = (w.shape()[0], dense_of(w));
    let edges = edges_of(w);
    let (scale, depth) = scales(n, &edges, &dense)?;
    let consistent = |&(i, j): &(usize, usize)| {
        let (a, b) = (scale[i] * dense[(i, j)], scale[j] * dense[(j, i)]);
        // Each step from the root rounds a few times.
        let rounding = 4.0 * f64::EPSILON * (1 + depth[i] + depth[j]) as f64;
        (a - b).abs() <= rounding * a.abs().max(b.abs())
    };
    let extreme = |pick: fn(f64, f64) -> f64| scale.iter().copied().reduce(pick).unwrap_or(1.0);
    if !edges.iter().all(consistent) || extreme(f64::max) > WORST_CONDITION.powi(2) * extreme(f64::min) {
        return None;
    }
    let roots: Vec<f64> = scale.iter().map(|d| d.sqrt()).collect();
    let scaled = |i: usize, j: usize| roots[i] * dense[(i, j)] / roots[j];
    let matrix = Mat::from_fn(n, n, |i, j| 0.5 * (scaled(i, j) + scaled(j, i)));
    Some(Symmetrized { matrix, roots })
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

/// The scale of each row, 1 at most in each component, and how many steps away from its root it was found.
fn scales(n: usize, edges: &[(usize, usize)], dense: &Mat<f64>) -> Option<(Vec<f64>, Vec<usize>)> {
    let mut neighbours = vec![Vec::new(); n];
    edges.iter().for_each(|&(i, j)| neighbours[i].push(j));
    let (mut scale, mut depth) = (vec![0.0; n], vec![0; n]);
    for root in 0..n {
        if scale[root] != 0.0 {
            continue;
        }
        scale[root] = 1.0;
        let (mut component, mut next) = (vec![root], 0);
        while next < component.len() {
            let i = component[next];
            next += 1;
            for &j in &neighbours[i] {
                let ratio = dense[(i, j)] / dense[(j, i)];
                if !(ratio > 0.0 && ratio.is_finite()) {
                    return None;
                }
                if scale[j] == 0.0 {
                    scale[j] = scale[i] * ratio;
                    depth[j] = depth[i] + 1;
                    component.push(j);
                }
            }
        }
        let largest = component.iter().map(|&i| scale[i]).fold(0.0, f64::max);
        component.iter().for_each(|&i| scale[i] /= largest);
    }
    Some((scale, depth))
}
