//! The Kronecker product that is nearest to a matrix, and sums of several.

use kronograph_graph::{BuildError, Dim, Entry, Params, Prop, Result, Sample, Variable, origin};

use crate::elemwise::{mul, sqrt};
use crate::index::{Index, subtensor};
use crate::layout::{reshape, specify_shape, transpose_axes};
use crate::linalg::{SingularVectors, svd};
use crate::params::only;
use crate::samples::{dense, narrowed, spread_over};
use crate::tensor::tensor_type;

/// A and B of the shapes that are given for which `A ⊗ B` is nearest to `m` in the Frobenius norm; (m_A m_B, n_A n_B) →
/// (m_A, n_A), (m_B, n_B).
///
/// The entries of `m`, with those of one block in one row, are a matrix; A and B are the vectors of its largest
/// singular value, each times the root of it. The first of the largest entries of A is positive. Factors of a symmetric
/// or positive semidefinite matrix are that too, if they are square. Derivatives are those of [`svd`]: where the two
/// largest singular values are equal, the nearest product is not unique and has none. Source: Van Loan and Pitsianis,
/// Approximation with Kronecker products, 1993.
///
/// ```
/// use kronograph_ops::{matrix, nearest_kron};
/// let [a, b] = nearest_kron(&matrix("m"), [2, 2], [3, 4])?;
/// assert_eq!((a.ty().to_string(), b.ty().to_string()), ("f64 (2, 2)".to_owned(), "f64 (3, 4)".to_owned()));
/// # Ok::<(), kronograph_graph::BuildError>(())
/// ```
///
/// # Errors
///
/// When `m` is no matrix of the shape of such a product, or A or B has no elements; at run time, when it is not finite.
#[track_caller]
pub fn nearest_kron<D: Into<Dim>>(m: &Variable, shape_a: [D; 2], shape_b: [D; 2]) -> Result<[Variable; 2]> {
    let _scope = origin::here();
    Ok(nearest_krons(m, shape_a, shape_b, 1)?.remove(0))
}

/// Pairs A, B whose products add up to the matrix that is nearest to `m` among the sums of `rank` products; the first
/// pair is [`nearest_kron`].
///
/// # Errors
///
/// As [`nearest_kron`]; when there are not as many singular values.
#[track_caller]
pub fn nearest_krons<D: Into<Dim>>(
    m: &Variable,
    shape_a: [D; 2],
    shape_b: [D; 2],
    rank: usize,
) -> Result<Vec<[Variable; 2]>> {
    let _scope = origin::here();
    let ([m_a, n_a], [m_b, n_b]) = (shape_a.map(Into::into), shape_b.map(Into::into));
    if tensor_type("nearest_kron", m)?.rank() != 2 {
        return Err(BuildError::inputs("nearest_kron", std::slice::from_ref(m), "a matrix is needed"));
    }
    let sizes: [Dim; 2] = [m_a.times(&n_a), m_b.times(&n_b)];
    if let Some(most) = sizes.iter().filter_map(Dim::known).min().filter(|most| *most < rank) {
        let rule = format!("there are {most} singular values, {rank} were asked for");
        return Err(BuildError::parameter("nearest_kron", rule));
    }
    let whole = specify_shape(m, [m_a.times(&m_b), n_a.times(&n_b)])?;
    let blocks = reshape(&whole, [&m_a, &m_b, &n_a, &n_b].map(Dim::clone))?;
    let [u, s, vt] = svd(&reshape(&transpose_axes(&blocks, &[0, 2, 1, 3])?, sizes)?, SingularVectors::Thin)?;
    let pair = |r: usize| {
        let at = || Index::at(Dim::from(r));
        let root = sqrt(&subtensor(&s, &[at()])?)?;
        let part = |vector: Variable, shape: [&Dim; 2]| reshape(&mul(&root, &vector)?, shape.map(Dim::clone));
        let a = part(subtensor(&u, &[Index::ALL, at()])?, [&m_a, &n_a])?;
        Ok([a, part(subtensor(&vt, &[at()])?, [&m_b, &n_b])?])
    };
    (0..rank).map(pair).collect()
}

/// The entries of this file, with the parameters `shape_a`, `shape_b` and `rank`.
pub(super) fn entries() -> Vec<Entry> {
    let shape = |params: &Params<'_>, name: &str| {
        let shape = <[usize; 2]>::try_from(params.sizes(name)?);
        shape.map_err(|_| params.wrong(name, "two lengths", params.get(name).unwrap_or(&Prop::None)))
    };
    let one = move |params: &Params<'_>, inputs: &[Variable]| {
        Ok(nearest_kron(only(params, inputs)?, shape(params, "shape_a")?, shape(params, "shape_b")?)?.to_vec())
    };
    let several = move |params: &Params<'_>, inputs: &[Variable]| {
        let shapes = [shape(params, "shape_a")?, shape(params, "shape_b")?];
        Ok(nearest_krons(only(params, inputs)?, shapes[0], shapes[1], params.size("rank")?)?.concat())
    };
    vec![
        Entry::function("nearest_kron", "products", one, samples),
        Entry::function("nearest_krons", "products", several, || {
            samples().into_iter().map(|sample| sample.with("rank", 2usize)).collect()
        }),
    ]
}

fn samples() -> Vec<Sample> {
    let shapes = |sample: Sample, a: [i64; 2], b: [i64; 2]| {
        sample.with("shape_a", Prop::Ints(a.to_vec())).with("shape_b", Prop::Ints(b.to_vec()))
    };
    let of = |name: &'static str, m: [usize; 2]| Sample::new(name, [dense(&m, (-2.0, 2.0), 1)]);
    let single = Sample::new("f32", [narrowed(&spread_over(&[4, 2], (-2.0, 2.0), 1))]).single();
    vec![
        shapes(of("square factors", [6, 6]), [2, 2], [3, 3]),
        shapes(of("a wide and a tall one", [2, 6]), [1, 3], [2, 2]),
        shapes(single, [2, 1], [2, 2]),
    ]
}
