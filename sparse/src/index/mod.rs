//! Indexing of sparse matrices: slices with steps, lists of positions, single entries.
//!
//! Positions count from the end when they are negative; one out of range is an error, a slice that reaches outside is
//! cut. What is stored stays stored, explicit zeros included. Derivatives are regular, and accumulate where a position
//! is taken twice.

use std::sync::Arc;

use kronograph_graph::{BuildError, Entry, Params, Prop, Props, Result, Sample, Variable, apply, origin};
use kronograph_ops::axes::{AxisIndex, check_inputs, lower, parse_index, static_length};
use kronograph_ops::params::{exactly, some};
use kronograph_ops::samples::given;
use kronograph_ops::{DType, Index, Position, constant, expand_dims, reshape};

mod get_item;
mod lists;
mod pick;

pub use get_item::{GetItem2d, GetItem2dGrad};
pub use lists::{GetItem2Lists, GetItem2ListsGrad};
pub(crate) use pick::slots_of;

use crate::matrix::Format;
use crate::samples::{Build, any_matrix, dense_input, function, in_dtype, nothing, op, other, wide};
use crate::ty::sparse_type;

/// The rows and columns of a sparse matrix that two slices name, or a list and a slice (PyTensor: `get_item_2d`); in
/// its format and dtype.
///
/// The derivative is regular: the cotangent at its place among zeros. Cost: that of the rows of CSR or columns of CSC
/// that are taken; with a slice or list of the other axis too, that of all their entries.
///
/// ```
/// use kronograph_ops::Index;
/// use kronograph_sparse::{Format, get_item_2d, sparse_matrix};
/// let x = sparse_matrix("x", Format::Csr, [Some(5), Some(6)]);
/// let part = get_item_2d(&x, Index::slice(4, 0, -2), Index::slice(None, None, 3))?;
/// assert_eq!(part.ty().to_string(), "csr f64 (2, 2)");
/// # Ok::<(), kronograph_graph::BuildError>(())
/// ```
///
/// # Errors
///
/// When `x` is no sparse matrix, a step is zero, an index is a single position (there are no sparse vectors) or a mask,
/// or both are lists; at run time, when a position of a list is out of range.
#[track_caller]
pub fn get_item_2d(x: &Variable, rows: Index, columns: Index) -> Result<Variable> {
    let _scope = origin::here();
    let lowered = lower("get_item_2d", &[rows, columns])?;
    let inputs = [std::slice::from_ref(x), &lowered.inputs[..]].concat();
    apply(GetItem2d { axes: [lowered.axes[0], lowered.axes[1]] }, &inputs)
}

/// The rows of a sparse matrix at a list of positions, which may repeat (PyTensor: `get_item_list`).
///
/// Columns are taken by [`get_item_2d`] with a list in the second place. The derivative is regular: row i of the
/// cotangent of `x` is the sum of those rows of the cotangent that were taken from row i.
///
/// # Errors
///
/// When `x` is no sparse matrix, or `rows` no vector of integers; at run time, when one is out of range.
#[track_caller]
pub fn get_item_list(x: &Variable, rows: &Variable) -> Result<Variable> {
    get_item_2d(x, Index::array(rows), Index::ALL)
}

/// The entries `x[rows[k], columns[k]]` of a sparse matrix, as a dense vector of its dtype (PyTensor:
/// `get_item_2lists`); zero where nothing is stored.
///
/// The derivative is regular: `x̄[i, j]` is the sum of `g[k]` over the k that name it, whether it is stored or not.
/// Cost: a binary search for each, when the positions are new.
///
/// # Errors
///
/// When `x` is no sparse matrix, or the lists are no vectors of integers of one length; at run time, when a position is
/// out of range.
#[track_caller]
pub fn get_item_2lists(x: &Variable, rows: &Variable, columns: &Variable) -> Result<Variable> {
    apply(GetItem2Lists, &[x.clone(), rows.clone(), columns.clone()])
}

/// The entry `x[row, column]` of a sparse matrix, as a dense scalar (PyTensor: `get_item_scalar`); zero if it is not
/// stored. A position is a number or an integer scalar variable.
///
/// The derivative is regular: one stored entry.
///
/// ```
/// use kronograph_sparse::{Format, get_item_scalar, sparse_matrix};
/// let x = sparse_matrix("x", Format::Csc, [Some(5), Some(6)]);
/// assert_eq!(get_item_scalar(&x, -1, 2)?.ty().to_string(), "f64 ()");
/// assert!(get_item_scalar(&x, 5, 2).is_err());
/// # Ok::<(), kronograph_graph::BuildError>(())
/// ```
///
/// # Errors
///
/// When `x` is no sparse matrix, a variable is no integer scalar, or a position is out of range: while building if the
/// length is known, else at run time.
#[track_caller]
pub fn get_item_scalar(x: &Variable, row: impl Into<Position>, column: impl Into<Position>) -> Result<Variable> {
    const NAME: &str = "get_item_scalar";
    let _scope = origin::here();
    sparse_type(NAME, x)?;
    let lowered = lower(NAME, &[Index::at(row), Index::at(column)])?;
    check_inputs(NAME, &[std::slice::from_ref(x), &lowered.inputs[..]].concat(), &lowered.axes, 1)?;
    let mut inputs = lowered.inputs.iter();
    let mut list = |axis: usize| {
        static_length(NAME, x, axis, Some(&lowered.axes[axis]))?;
        match (lowered.axes[axis], inputs.as_slice()) {
            (AxisIndex::At(kronograph_ops::axes::Place::Known(at)), _) => Ok(constant(vec![at])),
            (_, [next, ..]) => {
                inputs.next();
                expand_dims(next, &[0])
            }
            _ => Err(BuildError::arity(NAME, 3, &lowered.inputs)),
        }
    };
    let (row, column) = (list(0)?, list(1)?);
    reshape::<usize>(&get_item_2lists(x, &row, &column)?, [])
}

/// The entries of this folder. PyTensor's `rows` and `cols` are slices `[start, stop, step]`, its `i` and `j` numbers.
pub(crate) fn entries() -> Vec<Entry> {
    let get: Build = |params, inputs| Ok(vec![apply(GetItem2d { axes: axes_of(params)? }, some(params, inputs)?)?]);
    let put: Build = |params, inputs| Ok(vec![apply(GetItem2dGrad { axes: axes_of(params)? }, some(params, inputs)?)?]);
    let rows: Build = |params, inputs| {
        let [x, rows] = exactly(params, inputs)?;
        Ok(vec![get_item_list(x, rows)?])
    };
    let pairs: Build = |params, inputs| {
        let [x, rows, columns] = exactly(params, inputs)?;
        Ok(vec![get_item_2lists(x, rows, columns)?])
    };
    let back: Build = |params, inputs| {
        let inputs: &[Variable; 4] = exactly(params, inputs)?;
        Ok(vec![apply(GetItem2ListsGrad, inputs)?])
    };
    vec![
        op("get_item_2d", get, slices, |params| Ok(Arc::new(GetItem2d { axes: axes_of(params)? }))),
        op("get_item_2d_grad", put, put_slices, |params| Ok(Arc::new(GetItem2dGrad { axes: axes_of(params)? }))),
        function("get_item_list", rows, row_lists),
        op("get_item_2lists", pairs, pair_lists, |_| Ok(Arc::new(GetItem2Lists))),
        op("get_item_2lists_grad", back, put_pairs, |_| Ok(Arc::new(GetItem2ListsGrad))),
        function("get_item_scalar", one_entry, scalars),
    ]
}

/// The parameter `idx`, as the ops print it, or PyTensor's `rows` and `cols`.
fn axes_of(params: &Params<'_>) -> Result<[AxisIndex; 2]> {
    let axes = match params.get("idx") {
        Some(_) => parse_index(params, "idx")?,
        None => {
            let whole = || Prop::from("slice");
            let axis = |name: &str| params.get(name).filter(|prop| **prop != Prop::None).cloned();
            let both = ["rows", "cols"].map(|name| axis(name).unwrap_or_else(whole));
            parse_index(&Params::new("get_item_2d", &Props::default().with("idx", Prop::list(both.to_vec()))), "idx")?
        }
    };
    match axes[..] {
        [rows, columns] => Ok([rows, columns]),
        _ => Err(params.wrong("idx", "an index of rows and one of columns", &Prop::Int(axes.len() as i64))),
    }
}

fn one_entry(params: &Params<'_>, inputs: &[Variable]) -> Result<Vec<Variable>> {
    let mut inputs = some(params, inputs)?.iter();
    let x = inputs.next();
    let mut position = |name: &str| match params.maybe_int(name)? {
        Some(at) => Ok(Position::from(at)),
        None => inputs.next().map(Position::from).ok_or_else(|| params.wrong(name, "a position", &Prop::None)),
    };
    let (i, j) = (position("i")?, position("j")?);
    x.map_or(Ok(Vec::new()), |x| Ok(vec![get_item_scalar(x, i, j)?]))
}

fn slice(ends: [Option<i64>; 3]) -> Prop {
    Prop::list(ends.into_iter().map(|end| end.map_or(Prop::None, Prop::Int)).collect())
}

/// Slices of rows and of columns, with a name.
type Part = (&'static str, [[Option<i64>; 3]; 2]);

/// Indices of a (3, 4) matrix.
fn parts() -> Vec<Part> {
    let all = [None; 3];
    vec![
        ("rows", [[Some(1), Some(3), None], all]),
        ("columns", [all, [Some(-3), Some(-1), None]]),
        ("both backwards", [[None, None, Some(-1)], [Some(3), Some(0), Some(-2)]]),
        ("every second one", [[None, None, Some(2)], [Some(1), None, Some(2)]]),
        ("beyond the ends", [[Some(-9), Some(2), None], [Some(2), Some(9), None]]),
        ("none", [[Some(2), Some(2), None], all]),
    ]
}

fn slices(format: Format) -> Vec<Sample> {
    let of = |x, (name, [rows, columns]): Part| {
        Sample::new(name, [x]).with("rows", slice(rows)).with("cols", slice(columns))
    };
    let mut samples: Vec<Sample> = parts().into_iter().map(|part| of(wide(format, 1), part)).collect();
    let whole = any_matrix(format).into_iter().map(|sample| sample.with("rows", slice([None, None, Some(-1)])));
    samples.extend(whole);
    let input = || Prop::from("input");
    let ends = Prop::list(vec![Prop::list(vec![input(), input(), Prop::Int(1)]), Prop::from("array")]);
    let inputs = [wide(format, 1), given(-2i64), given(3i32), given(vec![3i32, 0, 0])];
    samples.push(Sample::new("ends that are inputs, and a list", inputs).with("idx", ends));
    samples
}

fn put_slices(format: Format) -> Vec<Sample> {
    let small = |seed| crate::samples::given_sparse(small(format, seed));
    let of = |name, rows, columns| {
        let sample = Sample::new(name, [wide(format, 1), small(2)]);
        sample.with("rows", slice(rows)).with("cols", slice(columns))
    };
    let list = |axes: [Prop; 2]| Prop::list(axes.to_vec());
    let listed = |name, axes| Sample::new(name, [wide(format, 1), small(2), given(vec![1i64, -2])]).with("idx", axes);
    vec![
        of("in the middle", [Some(1), None, None], [Some(1), Some(3), None]),
        of("backwards", [None, None, Some(-2)], [Some(3), Some(0), Some(-2)]),
        listed("rows to one place", list(["array".into(), slice([Some(0), Some(2), None])])),
        listed("columns", list([slice([Some(-2), None, None]), "array".into()])),
    ]
}

/// A (2, 2) matrix without one entry.
fn small(format: Format, seed: u64) -> crate::SparseMatrix {
    let x = kronograph_ops::samples::spread_over(&[3], (-1.0, 1.0), seed);
    crate::SparseMatrix::new(format, [2, 2], x, vec![1, 0, 1], vec![0, 2, 3]).expect("a valid pattern")
}

fn row_lists(format: Format) -> Vec<Sample> {
    vec![
        Sample::new("rows", [wide(format, 1), given(vec![2i64, -3])]),
        Sample::new("a row three times", [wide(format, 1), given(vec![0i32, 2, 0, 1, -3])]),
        Sample::new("no rows", [other(format, 1), given(Vec::<i64>::new())]),
        Sample::new("of nothing", [nothing(format), given(vec![1i8])]),
        Sample::new("f32", [in_dtype(wide(format, 1), DType::F32), given(vec![2u8, 2])]).single(),
        Sample::new("integers", [in_dtype(wide(format, 1), DType::I32), given(vec![2i64, 0])]).edge(),
    ]
}

fn pair_lists(format: Format) -> Vec<Sample> {
    let (rows, columns) = (|| given(vec![0i64, 2, 1, -3, 0]), || given(vec![3i32, -2, 1, 3, 1]));
    vec![
        Sample::new("stored, not stored, one twice", [wide(format, 1), rows(), columns()]),
        Sample::new("of nothing", [nothing(format), rows(), columns()]),
        Sample::new("none", [other(format, 1), given(Vec::<i64>::new()), given(Vec::<i64>::new())]),
        Sample::new("f32", [in_dtype(wide(format, 1), DType::F32), rows(), columns()]).single(),
        Sample::new("integers", [in_dtype(wide(format, 1), DType::I32), rows(), columns()]).edge(),
    ]
}

fn put_pairs(format: Format) -> Vec<Sample> {
    let (rows, columns) = (|| given(vec![0i64, 2, 1, -3]), || given(vec![3i32, -2, 1, 3]));
    vec![
        Sample::new("two to one place", [wide(format, 1), dense_input(&[4], 2), rows(), columns()]),
        Sample::new(
            "none",
            [other(format, 1), dense_input(&[0], 2), given(Vec::<i64>::new()), given(Vec::<i64>::new())],
        ),
    ]
}

fn scalars(format: Format) -> Vec<Sample> {
    let at = |name, i: i64, j: i64| Sample::new(name, [wide(format, 1)]).with("i", i).with("j", j);
    vec![
        at("stored", 0, 3),
        at("an explicit zero", -3, 1),
        at("not stored", 1, -1),
        Sample::new("positions that are inputs", [wide(format, 1), given(-1i32), given(0i64)]),
    ]
}
