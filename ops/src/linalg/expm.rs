//! The matrix exponential by scaling and squaring.
//!
//! The method is that of Higham (The scaling and squaring method for the matrix exponential revisited, SIAM J. Matrix
//! Anal. Appl. 26, 2005): the Padé approximant of degree 13, which is exact to rounding, of the matrix divided by a
//! power of two, squared as often. The lower degrees that are enough for small matrices would only save products.

use std::borrow::Cow;
use std::sync::Arc;

use faer::linalg::lu::partial_pivoting::factor::{lu_in_place, lu_in_place_scratch};
use faer::linalg::lu::partial_pivoting::solve::{solve_in_place, solve_in_place_scratch};
use faer::linalg::matmul::matmul as faer_matmul;
use faer::perm::PermRef;
use faer::{Accum, Mat, Par};
use kronograph_graph::{
    BuildError, Dim, Entry, Grad, Grads, Io, NodeSpec, NodeView, Op, OpResult, OpState, Params, Result, Sample, Shape,
    Tangents, Variable, apply, origin, shape_of, stop_gradient,
};

use super::factor::LinalgError;
use super::matrices::{Matrices, MatrixType, Memory, check_finite, cores, each_matrix, order_of, reshape};
use crate::construct::full;
use crate::elemwise::{abs, cast, eq, mul, switch, true_div};
use crate::index::{Index, subtensor};
use crate::join::concatenate;
use crate::layout::{expand_dims, matrix_transpose};
use crate::params::only;
use crate::reduce::sum_axes;
use crate::samples::{dense, given, shaped};
use crate::tensor::tensor_type;

/// The exponentials of square matrices.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Expm;

/// The matrix exponential, `I + A + A²/2 + A³/6 + ..`; (n, n) → (n, n), for every combination of the leading axes.
///
/// It is exact to rounding for defective and large matrices too. Derivatives: the exponential of `[[A, E], [0, A]]` has
/// that of A in direction E in its corner.
///
/// # Errors
///
/// When `a` has less than two axes, or is not square; at run time, when it is not finite.
#[track_caller]
pub fn expm(a: &Variable) -> Result<Variable> {
    apply(Expm, std::slice::from_ref(a))
}

/// The entry of this file.
pub(crate) fn entries() -> Vec<Entry> {
    let build = |params: &Params<'_>, a: &[Variable]| Ok(vec![expm(only(params, a)?)?]);
    vec![Entry::function("expm", "linear algebra", build, samples).parsed_by(|_| Ok(Arc::new(Expm)))]
}

fn samples() -> Vec<Sample> {
    let a = |shape: &[usize], size: f64| [dense(shape, (-size, size), 1)];
    let given = |rows: usize, data: Vec<f64>| [given(shaped(&[rows, rows], data))];
    let mut samples = vec![Sample::new("a stack", a(&[2, 1, 2, 2], 1.0)), Sample::new("one entry", a(&[1, 1], 2.0))];
    samples.extend([0.01, 1.0, 6.0].map(|size| Sample::new(format!("entries up to {size}"), a(&[3, 3], size))));
    samples.push(Sample::new("defective", given(3, vec![0.0, 1.0, 2.0, 0.0, 0.0, 3.0, 0.0, 0.0, 0.0])));
    samples.push(Sample::new("zero", given(2, vec![0.0; 4])));
    samples.push(Sample::new("no rows", a(&[0, 0], 1.0)));
    samples.push(Sample::new("an empty stack", a(&[0, 2, 2], 1.0)));
    samples.push(Sample::new("integers", [crate::samples::given(shaped(&[2, 2], vec![1i64, 2, 0, 1]))]).edge());
    let single = shaped(&[2, 2], vec![0.5f32, -1.0, 0.25, 1.0]);
    samples.push(Sample::new("f32", [crate::samples::given(single)]).single());
    samples
}

/// The 1-norm up to which the approximant is exact to rounding.
const LARGEST: f64 = 5.371_920_351_148_152;

/// The coefficients of the numerator of degree m = 13: `(2m - k)! m! / ((2m)! k! (m - k)!)`.
fn coefficients() -> [f64; 14] {
    let mut of = [1.0; 14];
    for k in 0..13 {
        of[k + 1] = of[k] * (13 - k) as f64 / ((26 - k) * (k + 1)) as f64;
    }
    of
}

fn exponential(work: &mut Matrices) -> Result<(), LinalgError> {
    let Matrices { inputs, outputs, between, permutations, memory } = work;
    let (a, out) = (&mut inputs[0], &mut outputs[0]);
    let n = a.nrows();
    check_finite(a)?;
    if n < 2 {
        (0..n).for_each(|i| out[(i, i)] = a[(i, i)].exp());
        return Ok(());
    }
    let norm = (0..n).map(|j| a.col_as_slice(j).iter().map(|x| x.abs()).sum::<f64>()).fold(0.0, f64::max);
    let squarings = (norm / LARGEST).log2().ceil().clamp(0.0, 1100.0) as i32;
    // In two steps: the power of two alone may be no float.
    let by = (-f64::from(squarings) / 2.0).floor().exp2();
    let rest = (-f64::from(squarings) - by.log2()).exp2();
    (0..n).for_each(|j| a.col_as_slice_mut(j).iter_mut().for_each(|x| *x = *x * by * rest));
    between.resize_with(6, Mat::new);
    between.iter_mut().for_each(|matrix| reshape(matrix, n, n));
    let [powers @ .., odd, even, scratch] = &mut between[..] else { return Ok(()) };
    approximate(a, powers, [&mut *odd, &mut *even, scratch]);
    for j in 0..n {
        for i in 0..n {
            (out[(i, j)], even[(i, j)]) = (even[(i, j)] + odd[(i, j)], even[(i, j)] - odd[(i, j)]);
        }
    }
    divide(even, out, permutations, memory);
    for _ in 0..squarings {
        product(scratch, out, out);
        std::mem::swap(scratch, out);
    }
    Ok(())
}

/// The odd and the even part of the numerator; `powers` become A², A⁴ and A⁶.
fn approximate(a: &Mat<f64>, powers: &mut [Mat<f64>], [odd, even, scratch]: [&mut Mat<f64>; 3]) {
    let of = coefficients();
    let [second, fourth, sixth] = powers else { return };
    product(second, a, a);
    product(fourth, second, second);
    product(sixth, fourth, second);
    let terms = [&*second, &*fourth, &*sixth];
    // What is above A⁷ is A⁶ times the same powers again.
    combine(scratch, 0.0, [of[9], of[11], of[13]], terms);
    product(even, sixth, scratch);
    combine(scratch, of[1], [of[3], of[5], of[7]], terms);
    *scratch += &*even;
    product(odd, a, scratch);
    combine(scratch, 0.0, [of[8], of[10], of[12]], terms);
    product(even, sixth, scratch);
    combine(scratch, of[0], [of[2], of[4], of[6]], terms);
    *even += &*scratch;
}

fn product(to: &mut Mat<f64>, a: &Mat<f64>, b: &Mat<f64>) {
    faer_matmul(to.as_mut(), Accum::Replace, a.as_ref(), b.as_ref(), 1.0, Par::Seq);
}

/// A sum of multiples, with a multiple of the identity.
fn combine(to: &mut Mat<f64>, identity: f64, by: [f64; 3], terms: [&Mat<f64>; 3]) {
    for j in 0..to.ncols() {
        let columns = terms.map(|term| term.col_as_slice(j));
        for (i, to) in to.col_as_slice_mut(j).iter_mut().enumerate() {
            let sum: f64 = columns.iter().zip(by).map(|(column, by)| by * column[i]).sum();
            *to = if i == j { sum + identity } else { sum };
        }
    }
}

/// `to = A⁻¹ to`; A is far from singular, and is overwritten.
fn divide(a: &mut Mat<f64>, to: &mut Mat<f64>, permutations: &mut [Vec<usize>; 2], memory: &mut Memory) {
    let n = a.nrows();
    let [forward, backward] = permutations;
    forward.resize(n, 0);
    backward.resize(n, 0);
    let stack = memory.stack(lu_in_place_scratch::<usize, f64>(n, n, Par::Seq, Default::default()));
    lu_in_place(a.as_mut(), forward, backward, Par::Seq, stack, Default::default());
    let perm = PermRef::new_checked(forward, backward, n);
    let stack = memory.stack(solve_in_place_scratch::<usize, f64>(n, n, Par::Seq));
    solve_in_place(a.as_ref(), a.as_ref(), perm, to.as_mut(), Par::Seq, stack);
}

/// The derivative of the exponential at `a` in a direction.
///
/// It is linear in the direction, which is brought to size 1 first: a large one would be squared away for nothing.
fn in_direction(a: &Variable, direction: &Variable) -> Result<Variable> {
    let _scope = origin::here();
    let rank = a.ty().extents().len();
    let core = [rank - 2, rank - 1];
    let size = sum_axes(&abs(&stop_gradient(direction)?)?, &core)?;
    let size = expand_dims(&switch(&eq(&size, 0.0)?, 1.0, &size)?, &core)?;
    let zeros = full(0.0, tensor_type("expm", a)?.dtype(), shape_of(a))?;
    let above = concatenate(&[a.clone(), true_div(direction, &size)?], rank - 1)?;
    let below = concatenate(&[zeros, a.clone()], rank - 1)?;
    let both = expm(&concatenate(&[above, below], rank - 2)?)?;
    let n = Dim::axis(a, rank - 1);
    let mut corner = vec![Index::ALL; rank - 2];
    corner.extend([Index::between(Dim::from(0), n.clone()), Index::between(n.clone(), n.plus(&n))]);
    mul(&subtensor(&both, &corner)?, &size)
}

impl Op for Expm {
    fn name(&self) -> Cow<'static, str> {
        "expm".into()
    }

    fn make_node(&self, inputs: &[Variable]) -> Result<NodeSpec> {
        let [a] = inputs else { return Err(BuildError::arity("expm", 1, inputs)) };
        let ty = MatrixType::square("expm", a)?;
        Ok(NodeSpec::one(ty.stack(&[ty.rows, ty.rows])).with_inputs([cast(a, ty.dtype)?]))
    }

    fn perform(&self, io: &mut Io<'_>) -> OpResult {
        each_matrix(io, |[shape]: [_; 1]| Ok(cores([&[order_of(shape)?; 2]])), exponential)
    }

    /// The derivative at `Aᵀ` in direction Ē.
    fn l_op(&self, node: &NodeView<'_>, output_grads: &[Option<Variable>]) -> Result<Grads> {
        let Some(g) = &output_grads[0] else { return Ok(vec![Grad::Zero]) };
        Ok(vec![in_direction(&matrix_transpose(node.input(0))?, g)?.into()])
    }

    fn r_op(&self, node: &NodeView<'_>, tangents: &[Option<Variable>]) -> Result<Tangents> {
        let Some(t) = &tangents[0] else { return Ok(vec![Grad::Zero]) };
        Ok(vec![in_direction(node.input(0), t)?.into()])
    }

    fn infer_shape(&self, _node: &NodeView<'_>, input_shapes: &[Shape]) -> Result<Vec<Shape>> {
        Ok(vec![input_shapes[0].clone()])
    }

    fn state(&self) -> Option<Box<dyn OpState>> {
        Some(Box::<Matrices>::default())
    }
}
