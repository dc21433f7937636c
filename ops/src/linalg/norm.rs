//! Norms of vectors and matrices, as functions of reductions and singular values.
//!
//! The derivative of a norm at zero is zero, where the function has a kink.

use kronograph_graph::{BuildError, Entry, Params, Prop, Result, Sample, Variable, origin};

use super::svd::svdvals;
use crate::dtype::DType;
use crate::elemwise::{abs, cast, eq, neq, pow, sqr, sqrt, switch};
use crate::layout::{expand_dims, transpose_axes};
use crate::params::{axes_in, only};
use crate::reduce::{max_axes, min_axes, sum_axes};
use crate::samples::{dense, given, shaped};
use crate::tensor::tensor_type;

/// A norm of matrices.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum MatrixNorm {
    /// The root of the sum of squares.
    Frobenius,
    /// The sum of the singular values.
    Nuclear,
    /// The largest singular value.
    Two,
    /// The smallest singular value.
    MinusTwo,
    /// The largest sum of a column's sizes.
    One,
    /// The smallest sum of a column's sizes.
    MinusOne,
    /// The largest sum of a row's sizes.
    Inf,
    /// The smallest sum of a row's sizes.
    MinusInf,
}

/// `(sum |x|^p)^(1/p)` over axes, which are dropped (NumPy: `linalg.vector_norm`).
///
/// For p infinite it is the largest size, for minus infinity the smallest, for 0 the number (in i64) of elements that
/// are not zero. For p of at least 1, zeros have no part in the derivative, and of all zeros it is zero.
///
/// # Errors
///
/// When an axis does not exist or is named twice; at run time, for an infinite p over no elements.
#[track_caller]
pub fn vector_norm(x: &Variable, p: f64, axes: &[usize]) -> Result<Variable> {
    let _scope = origin::here();
    let x = cast(x, tensor_type("norm", x)?.dtype().to_float())?;
    let rooted = |sum: Variable, root: &dyn Fn(&Variable) -> Result<Variable>| {
        let zero = eq(&sum, 0.0)?;
        switch(&zero, 0.0, &root(&switch(&zero, 1.0, &sum)?)?)
    };
    match p {
        f64::INFINITY => max_axes(&abs(&x)?, axes),
        f64::NEG_INFINITY => min_axes(&abs(&x)?, axes),
        0.0 => sum_axes(&cast(&neq(&x, 0.0)?, DType::I64)?, axes),
        1.0 => sum_axes(&abs(&x)?, axes),
        2.0 => rooted(sum_axes(&sqr(&x)?, axes)?, &|sum| sqrt(sum)),
        p if p > 0.0 => {
            let zero = eq(&x, 0.0)?;
            let powers = switch(&zero, 0.0, &pow(&abs(&switch(&zero, 1.0, &x)?)?, p)?)?;
            rooted(sum_axes(&powers, axes)?, &|sum| pow(sum, p.recip()))
        }
        p => pow(&sum_axes(&pow(&abs(&x)?, p)?, axes)?, p.recip()),
    }
}

/// A norm of the matrices along the last two axes, which are dropped (NumPy: `linalg.matrix_norm`).
///
/// Where several columns, rows or singular values are the largest (or the smallest), each gets the whole derivative, as
/// in [`max_axes`].
///
/// # Errors
///
/// When `x` has less than two axes; at run time, when there is no largest one, or singular values are asked of a matrix
/// that is not finite.
#[track_caller]
pub fn matrix_norm(x: &Variable, ord: MatrixNorm) -> Result<Variable> {
    let _scope = origin::here();
    let ty = tensor_type("norm", x)?;
    let Some(rows) = ty.rank().checked_sub(2) else {
        return Err(BuildError::inputs("norm", std::slice::from_ref(x), "a matrix, or a stack of them, is needed"));
    };
    let x = cast(x, ty.dtype().to_float())?;
    let sums = |axis: usize| sum_axes(&abs(&x)?, &[axis]);
    match ord {
        MatrixNorm::Frobenius => vector_norm(&x, 2.0, &[rows, rows + 1]),
        MatrixNorm::Nuclear => sum_axes(&svdvals(&x)?, &[rows]),
        MatrixNorm::Two => max_axes(&svdvals(&x)?, &[rows]),
        MatrixNorm::MinusTwo => min_axes(&svdvals(&x)?, &[rows]),
        MatrixNorm::One => max_axes(&sums(rows)?, &[rows]),
        MatrixNorm::MinusOne => min_axes(&sums(rows)?, &[rows]),
        MatrixNorm::Inf => max_axes(&sums(rows + 1)?, &[rows]),
        MatrixNorm::MinusInf => min_axes(&sums(rows + 1)?, &[rows]),
    }
}

/// The entry of this file: PyTensor's `ord` (a number or a word), `axis` (one for vectors, two for matrices; if absent,
/// the last two, or the only one) and `keepdims`.
pub(crate) fn entries() -> Vec<Entry> {
    vec![Entry::function("norm", "linear algebra", build, samples)]
}

/// `ord` as PyTensor and NumPy have it.
enum Ord {
    Default,
    Frobenius,
    Nuclear,
    P(f64),
}

impl Ord {
    fn of(params: &Params<'_>) -> Result<Self> {
        let wrong = |other: &Prop| params.wrong("ord", "a number, fro or nuc", other);
        Ok(match params.get("ord") {
            None => Ord::Default,
            Some(Prop::Word(word)) => match &**word {
                "fro" | "f" => Ord::Frobenius,
                "nuc" => Ord::Nuclear,
                number => Ord::P(number.parse().map_err(|_| wrong(&Prop::from(number.to_owned())))?),
            },
            Some(Prop::Int(p)) => Ord::P(*p as f64),
            Some(Prop::Float(p)) if !p.is_nan() => Ord::P(*p),
            Some(other) => return Err(wrong(other)),
        })
    }

    fn of_vectors(self) -> Option<f64> {
        match self {
            Ord::Default | Ord::Frobenius => Some(2.0),
            Ord::Nuclear => None,
            Ord::P(p) => Some(p),
        }
    }

    fn of_matrices(self) -> Option<MatrixNorm> {
        Some(match self {
            Ord::Default | Ord::Frobenius => MatrixNorm::Frobenius,
            Ord::Nuclear => MatrixNorm::Nuclear,
            Ord::P(2.0) => MatrixNorm::Two,
            Ord::P(-2.0) => MatrixNorm::MinusTwo,
            Ord::P(1.0) => MatrixNorm::One,
            Ord::P(-1.0) => MatrixNorm::MinusOne,
            Ord::P(f64::INFINITY) => MatrixNorm::Inf,
            Ord::P(f64::NEG_INFINITY) => MatrixNorm::MinusInf,
            Ord::P(_) => return None,
        })
    }
}

fn build(params: &Params<'_>, inputs: &[Variable]) -> Result<Vec<Variable>> {
    let x = only(params, inputs)?;
    let rank = tensor_type("norm", x)?.rank();
    let axes = match params.maybe_ints("axis")? {
        Some(axes) => axes_in("norm", x, &axes)?,
        None => (rank.saturating_sub(2)..rank).collect(),
    };
    let ord = Ord::of(params)?;
    let wrong = || BuildError::parameter("norm", "there is no such norm of one axis (vectors) or two (matrices)");
    let y = match axes[..] {
        [axis] => vector_norm(x, ord.of_vectors().ok_or_else(wrong)?, &[axis])?,
        [rows, columns] if rows != columns => {
            let rest = (0..rank).filter(|axis| *axis != rows && *axis != columns);
            let order: Vec<usize> = rest.chain([rows, columns]).collect();
            matrix_norm(&transpose_axes(x, &order)?, ord.of_matrices().ok_or_else(wrong)?)?
        }
        _ => return Err(wrong()),
    };
    Ok(vec![if params.flag("keepdims")? { expand_dims(&y, &axes)? } else { y }])
}

fn samples() -> Vec<Sample> {
    let x = |shape: &[usize]| [dense(shape, (-2.0, 2.0), 4)];
    let words = ["fro", "nuc", "2", "-2", "1", "-1", "inf", "-inf"];
    let mut samples: Vec<Sample> =
        words.map(|word| Sample::new(format!("of a matrix, {word}"), x(&[3, 4])).with("ord", word)).into();
    samples.extend([3.5, 0.5, -1.5].map(|p| Sample::new(format!("of a vector, {p}"), x(&[4])).with("ord", p)));
    samples.extend([1i64, 2].map(|p| Sample::new(format!("of a vector, {p}"), x(&[4])).with("ord", p)));
    samples.extend(["inf", "-inf"].map(|p| Sample::new(format!("of a vector, {p}"), x(&[4])).with("ord", p)));
    samples.push(Sample::new("the number of elements", x(&[4])).with("ord", 0i64));
    samples.push(Sample::new("of rows", x(&[2, 3])).with("axis", -1i64).with("keepdims", true));
    samples.push(Sample::new("of a stack", x(&[2, 3, 2])).with("keepdims", true));
    let swapped = Sample::new("of matrices along other axes", x(&[2, 3, 2])).with("ord", "inf");
    samples.push(swapped.with("axis", Prop::Ints(vec![2, 0])));
    samples.push(Sample::new("of nothing", x(&[0, 3])));
    samples.push(Sample::new("of one entry", x(&[1, 1])).with("ord", 2i64));
    for p in [1.0, 1.5, 2.0, f64::INFINITY] {
        samples.push(Sample::new(format!("zero, {p}"), [given(vec![0.0, 0.0])]).with("ord", p).edge());
    }
    samples.push(Sample::new("zeros in it", [given(vec![0.0, 3.0, 0.0, -2.0])]).with("ord", 0.5).edge());
    samples.push(Sample::new("ties", [given(shaped(&[2, 2], vec![1.0, 2.0, 2.0, 1.0]))]).with("ord", 1i64).edge());
    samples.push(Sample::new("integers", [given(vec![3i64, -4])]).edge());
    samples.push(Sample::new("f32", [given(shaped(&[2, 2], vec![1.5f32, 2.0, 3.0, -4.0]))]).single());
    samples
}
