//! A product of dense matrices at the stored positions of a sparse one.

use kronograph_graph::{BuildError, Entry, Result, Sample, Variable, origin};
use kronograph_ops::params::exactly;
use kronograph_ops::samples::{given, spread_over};
use kronograph_ops::{DType, cast, mul};

use super::multiply::{Dense, check_operand, dtype_of};
use crate::data::{csm_data, with_data};
use crate::matrix::Format;
use crate::sampled::sampled_outer;
use crate::samples::{Build, dense_input, function, in_dtype, in_integers, nothing, wide};
use crate::ty::{is_sparse, sparse_type};

/// `P ∘ (x yᵀ)` of dense matrices x (m, k) and y (n, k) and a sparse matrix P (m, n), on the pattern of P, explicit
/// zeros included (PyTensor: `sampling_dot`). In the dtype that all three convert to.
///
/// Derivatives: `x̄ = (P ∘ G) y`, `ȳ = (P ∘ G)ᵀ x`, and `P̄[i, j] = G[i, j] (x[i] · y[j])` where P stores an entry.
/// Cost: O(nnz k).
///
/// ```
/// use kronograph_ops::matrix;
/// use kronograph_sparse::{Format, sampling_dot, sparse_matrix};
///
/// let p = sparse_matrix("p", Format::Csr, [Some(2), Some(3)]);
/// assert_eq!(sampling_dot(&matrix("x"), &matrix("y"), &p)?.ty().to_string(), "csr f64 (2, 3)");
/// # Ok::<(), kronograph_graph::BuildError>(())
/// ```
///
/// # Errors
///
/// When x or y is no dense matrix, P is not sparse, x and y have not as many columns, or their rows are not the rows
/// and columns of P.
#[track_caller]
pub fn sampling_dot(x: &Variable, y: &Variable, p: &Variable) -> Result<Variable> {
    let _scope = origin::here();
    let pattern = sparse_type("sampling_dot", p)?;
    let all = [x.clone(), y.clone(), p.clone()];
    if is_sparse(x) || is_sparse(y) {
        return Err(BuildError::inputs("sampling_dot", &all, "the first two must be dense"));
    }
    check_operand("sampling_dot", x, Dense::Matrix)?;
    check_operand("sampling_dot", y, Dense::Matrix)?;
    let clash = |a: Option<usize>, b: Option<usize>| a.is_some() && b.is_some() && a != b;
    let (a, b) = (x.ty().extents(), y.ty().extents());
    if clash(a[1], b[1]) {
        let rule = "the first two must have as many columns: the product is `x yᵀ`";
        return Err(BuildError::inputs("sampling_dot", &all, rule));
    }
    if clash(a[0], pattern.shape()[0]) || clash(b[0], pattern.shape()[1]) {
        let rule = "the rows of the first two must be as many as the rows and columns of the third";
        return Err(BuildError::inputs("sampling_dot", &all, rule));
    }
    let dtype = [x, y].into_iter().filter_map(dtype_of).fold(pattern.dtype(), DType::promote);
    let product = sampled_outer(p, &cast(x, dtype)?, &cast(y, dtype)?, 0)?;
    with_data(&product, &mul(&cast(&csm_data(p)?, dtype)?, &csm_data(&product)?)?)
}

/// The entry of this file.
pub(crate) fn entries() -> Vec<Entry> {
    let build: Build = |params, inputs| {
        let [x, y, p] = exactly(params, inputs)?;
        Ok(vec![sampling_dot(x, y, p)?])
    };
    let samples = |format: Format| {
        let single = |shape: &[usize], seed| given(spread_over(shape, (-1.0, 1.0), seed).to_dtype(DType::F32));
        let narrow = in_dtype(wide(format, 1), DType::F32);
        vec![
            Sample::new("on a wide pattern", [dense_input(&[3, 2], 2), dense_input(&[4, 2], 3), wide(format, 1)]),
            Sample::new("of columns", [dense_input(&[3, 1], 2), dense_input(&[4, 1], 3), wide(format, 1)]),
            Sample::new("of nothing", [dense_input(&[3, 0], 2), dense_input(&[4, 0], 3), wide(format, 1)]),
            Sample::new("on nothing", [dense_input(&[3, 2], 2), dense_input(&[4, 2], 3), nothing(format)]),
            Sample::new("f32", [single(&[3, 2], 2), single(&[4, 2], 3), narrow.clone()]).single(),
            Sample::new("two dtypes", [dense_input(&[3, 2], 2), single(&[4, 2], 3), narrow]).single(),
            Sample::new(
                "a whole one",
                [dense_input(&[3, 2], 2), dense_input(&[4, 2], 3), in_integers(wide(format, 1))],
            )
            .edge(),
        ]
    };
    vec![function("sampling_dot", build, samples)]
}
