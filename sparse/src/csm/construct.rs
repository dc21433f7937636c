//! A sparse matrix made of dense rows and a list of where they go.

use kronograph_graph::{BuildError, Dim, Entry, Result, Sample, Variable, origin};
use kronograph_ops::params::exactly;
use kronograph_ops::samples::given;
use kronograph_ops::{TensorType, arange, broadcast_to, dim_variable, mul, ravel, shape, transpose};

use super::csm;
use crate::integers::integer_vector;
use crate::matrix::Format;
use crate::samples::dense_input;

const NAME: &str = "construct_sparse_from_list";

/// The CSC matrix of the shape of a dense `x` whose row `ilist[r]` is row r of the dense matrix `values`, in its dtype
/// (PyTensor: `construct_sparse_from_list`). All of `values` are stored, zeros included; rows that go to one place are
/// summed.
///
/// It is the sparse cotangent of row indexing of a dense matrix. Derivative, regular: `values̄[r] = g[ilist[r]]`; of `x`
/// the shape is read only.
///
/// # Errors
///
/// When `x` or `values` is no dense matrix, `ilist` no vector of integers, or their lengths do not fit; at run time,
/// when a row is negative or out of range.
#[track_caller]
pub fn construct_sparse_from_list(x: &Variable, values: &Variable, ilist: &Variable) -> Result<Variable> {
    let _scope = origin::here();
    let rows = integer_vector(NAME, "the list of rows", ilist)?;
    let lengths = |v: &Variable| match v.type_as::<TensorType>() {
        Some(ty) if ty.rank() == 2 => Ok([ty.lengths()[0], ty.lengths()[1]]),
        _ => Err(BuildError::inputs(NAME, std::slice::from_ref(v), "a dense matrix is needed")),
    };
    let (of_x, of_values) = (lengths(x)?, lengths(values)?);
    let differ = |a: Option<usize>, b: Option<usize>| a.zip(b).is_some_and(|(a, b)| a != b);
    if differ(of_values[0], rows) {
        return Err(BuildError::inputs(NAME, &[values.clone(), ilist.clone()], "there must be a place for each row"));
    }
    if differ(of_values[1], of_x[1]) {
        return Err(BuildError::inputs(NAME, &[x.clone(), values.clone()], "the numbers of columns differ"));
    }
    let (rows, columns) = (Dim::axis(ilist, 0), Dim::axis(values, 1));
    let indices = ravel(&broadcast_to(ilist, [columns.clone(), rows.clone()])?)?;
    let starts = arange(0, &dim_variable(&columns.plus(&Dim::from(1)))?, 1)?;
    let indptr = mul(&starts, &dim_variable(&rows)?)?;
    csm(&ravel(&transpose(values)?)?, &indices, &indptr, &shape(x)?, Format::Csc)
}

/// The entry of this file.
pub(crate) fn entries() -> Vec<Entry> {
    let build = |params: &kronograph_graph::Params<'_>, inputs: &[Variable]| {
        let [x, values, ilist] = exactly(params, inputs)?;
        Ok(vec![construct_sparse_from_list(x, values, ilist)?])
    };
    vec![Entry::function(NAME, "sparse", build, samples)]
}

fn samples() -> Vec<Sample> {
    let of = |name, rows: Vec<i64>| {
        Sample::new(name, [dense_input(&[4, 3], 1), dense_input(&[rows.len(), 3], 2), given(rows)])
    };
    vec![
        of("two rows", vec![2, 0]),
        of("rows to one place", vec![2, 2, 1]),
        of("no rows", vec![]),
        Sample::new("no columns", [dense_input(&[4, 0], 1), dense_input(&[1, 0], 2), given(vec![3i32])]),
        Sample::new(
            "f32",
            [dense_input(&[2, 1], 1), given(kronograph_ops::samples::shaped(&[1, 1], vec![1.5f32])), given(vec![1u8])],
        )
        .single(),
    ]
}
