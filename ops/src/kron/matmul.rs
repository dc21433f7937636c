//! Products with Kronecker products and sums that are never formed: one small matrix along one axis after another.

use kronograph_graph::{BuildError, Dim, Entry, Params, Prop, Result, Sample, Variable, origin, shape_of};

use super::sum::check_square;
use crate::dtype::DType;
use crate::elemwise::add;
use crate::layout::{reshape, size_of, transpose};
use crate::linalg::{Eye, Rhs, Trans, matmul};
use crate::params::{axis_of, some};
use crate::samples::{dense, narrowed, spread_over};
use crate::tensor::{checked_rank, tensor_type};

/// `(F_1 ⊗ .. ⊗ F_K) x`, or with the transpose, for a vector x, for the columns of a matrix, or for a stack of those,
/// as
/// [`matmul`] with the product would be.
///
/// The product is not formed: x is read as a tensor with one axis for each factor, and each factor acts on its own
/// axis. Factors that make the tensor smaller act first, which is the order of fewest operations (it is that of
/// ascending `1 / n_k - 1 / m_k`; where lengths are not known, the last factor acts first). Identities ([`eye`]) do
/// nothing. For square factors and T columns it takes `2 T d_1 .. d_K (d_1 + .. + d_K)` operations. Source: Fernandes,
/// Plateau and Stewart, Efficient descriptor-vector multiplications in stochastic automata networks, J. ACM 45, 1998.
///
/// ```
/// use kronograph_ops::{Trans, kron_matmul, matrix, vector};
/// let y = kron_matmul(&[matrix("a"), matrix("b"), matrix("c")], &vector("x"), Trans::No)?;
/// assert_eq!(y.ty().to_string(), "f64 (?,)");
/// # Ok::<(), kronograph_graph::BuildError>(())
/// ```
///
/// # Errors
///
/// When there are no factors, one is no matrix, or x does not have as many rows as the product has columns.
///
/// [`eye`]: crate::eye
#[track_caller]
pub fn kron_matmul(factors: &[Variable], x: &Variable, trans: Trans) -> Result<Variable> {
    let _scope = origin::here();
    kron_matmul_along(factors, x, Rhs::of(x).axis("kron_matmul", x)?, trans)
}

/// [`kron_matmul`] along an axis of a tensor of any rank: along the last one, each row is multiplied by itself.
///
/// # Errors
///
/// As [`kron_matmul`]; when there is no such axis.
#[track_caller]
pub fn kron_matmul_along(factors: &[Variable], x: &Variable, axis: usize, trans: Trans) -> Result<Variable> {
    let _scope = origin::here();
    let legs = Legs::of("kron_matmul", factors, x, axis, trans)?;
    let mut sizes = legs.inner();
    let mut y = x.clone();
    for k in legs.order() {
        if is_identity(&factors[k]) && tensor_type("kron_matmul", x)?.dtype() == DType::F64 {
            continue;
        }
        y = legs.apply(&y, &sizes, k)?;
        sizes[k] = legs.lengths(k)[0].clone();
    }
    legs.join(&y, &sizes)
}

/// `(F_1 ⊕ .. ⊕ F_K) x`, or with the transpose, for a vector x, for the columns of a matrix, or for a stack of those.
///
/// The sum is not formed: each factor acts on its own axis of x, and what comes out is added; for two factors and x as
/// a matrix X that is `A X + X Bᵀ`. See [`kronsum`](super::kronsum).
///
/// # Errors
///
/// When there are no factors, one is no square matrix, or x does not have as many rows as the sum.
#[track_caller]
pub fn kronsum_matmul(factors: &[Variable], x: &Variable, trans: Trans) -> Result<Variable> {
    let _scope = origin::here();
    check_square("kronsum_matmul", factors)?;
    let legs = Legs::of("kronsum_matmul", factors, x, Rhs::of(x).axis("kronsum_matmul", x)?, trans)?;
    let sizes = legs.inner();
    let mut sum = legs.join(&legs.apply(x, &sizes, 0)?, &sizes)?;
    for k in 1..factors.len() {
        sum = add(&sum, &legs.join(&legs.apply(x, &sizes, k)?, &sizes)?)?;
    }
    Ok(sum)
}

/// Factors that act on one axis of a tensor, which is read as one axis for each of them.
struct Legs<'a> {
    factors: &'a [Variable],
    trans: Trans,
    /// The lengths of the axes before the one that is acted on, and behind it.
    around: [Vec<Dim>; 2],
}

impl<'a> Legs<'a> {
    #[track_caller]
    fn of(op: &'static str, factors: &'a [Variable], x: &Variable, axis: usize, trans: Trans) -> Result<Self> {
        if factors.is_empty() {
            return Err(BuildError::arity(op, 1, factors));
        }
        for factor in factors {
            if tensor_type(op, factor)?.rank() != 2 {
                return Err(BuildError::inputs(op, std::slice::from_ref(factor), "a factor is a matrix"));
            }
        }
        checked_rank(op, x, &[axis])?;
        let shape = shape_of(x);
        let legs = Self { factors, trans, around: [shape[..axis].to_vec(), shape[axis + 1..].to_vec()] };
        match (size_of(&legs.inner()).known(), shape[axis].known()) {
            (Some(want), Some(got)) if want != got => {
                let rule = format!("axis {axis} must have length {want}, as the product of the factors has columns");
                Err(BuildError::inputs(op, std::slice::from_ref(x), rule))
            }
            _ => Ok(legs),
        }
    }

    /// Rows and columns of what a factor does.
    fn lengths(&self, k: usize) -> [Dim; 2] {
        let [rows, columns] = [0, 1].map(|axis| Dim::axis(&self.factors[k], axis));
        match self.trans {
            Trans::No => [rows, columns],
            Trans::Yes => [columns, rows],
        }
    }

    /// The lengths of the axes that the factors act on.
    fn inner(&self) -> Vec<Dim> {
        (0..self.factors.len()).map(|k| self.lengths(k)[1].clone()).collect()
    }

    /// In which order the factors act.
    fn order(&self) -> Vec<usize> {
        let mut order: Vec<usize> = (0..self.factors.len()).rev().collect();
        let known = |k: usize| -> Option<f64> {
            let [rows, columns] = self.lengths(k).map(|length| length.known());
            Some(1.0 / columns? as f64 - 1.0 / rows? as f64)
        };
        if let Some(growth) = (0..order.len()).map(known).collect::<Option<Vec<f64>>>() {
            order.sort_by(|a, b| growth[*a].total_cmp(&growth[*b]));
        }
        order
    }

    /// `x` with factor `k` applied to its axis; `sizes` are the lengths of all factors' axes in x.
    fn apply(&self, x: &Variable, sizes: &[Dim], k: usize) -> Result<Variable> {
        let before = size_of(self.around[0].iter().chain(&sizes[..k]));
        let behind = size_of(sizes[k + 1..].iter().chain(&self.around[1]));
        let turned =
            |yes: Trans| if self.trans == yes { transpose(&self.factors[k]) } else { Ok(self.factors[k].clone()) };
        let length = sizes[k].clone();
        match (before.known() == Some(1), behind.known() == Some(1)) {
            (true, true) => matmul(&turned(Trans::Yes)?, &reshaped(x, vec![length])?),
            (true, false) => matmul(&turned(Trans::Yes)?, &reshaped(x, vec![length, behind])?),
            (false, true) => matmul(&reshaped(x, vec![before, length])?, &turned(Trans::No)?),
            (false, false) => matmul(&turned(Trans::Yes)?, &reshaped(x, vec![before, length, behind])?),
        }
    }

    /// What was split, as a tensor with the axes of x.
    fn join(&self, y: &Variable, sizes: &[Dim]) -> Result<Variable> {
        let [before, behind] = &self.around;
        reshaped(y, [before, &vec![size_of(sizes)], behind].into_iter().flatten().cloned().collect())
    }
}

/// `x` with another shape, if it has another one.
fn reshaped(x: &Variable, shape: Vec<Dim>) -> Result<Variable> {
    if shape_of(x)[..] == shape[..] { Ok(x.clone()) } else { reshape(x, shape) }
}

fn is_identity(factor: &Variable) -> bool {
    factor.owner().is_some_and(|(node, _)| node.op_as::<Eye>().is_some())
}

/// The entries of this file: factors, then x; `axis` is that of the vectors in x.
pub(super) fn entries() -> Vec<Entry> {
    let parts = |params: &Params<'_>, inputs: &[Variable]| {
        let (x, factors) = some(params, inputs)?.split_last().expect("there is at least one");
        Ok::<_, BuildError>((factors.to_vec(), x.clone(), Trans::of(params)?))
    };
    let product = move |params: &Params<'_>, inputs: &[Variable]| {
        let (factors, x, trans) = parts(params, inputs)?;
        Ok(vec![match params.get("axis") {
            None | Some(Prop::None) => kron_matmul(&factors, &x, trans)?,
            Some(_) => kron_matmul_along(&factors, &x, axis_of("kron_matmul", &x, params.int("axis")?)?, trans)?,
        }])
    };
    let sum = move |params: &Params<'_>, inputs: &[Variable]| {
        let (factors, x, trans) = parts(params, inputs)?;
        Ok(vec![kronsum_matmul(&factors, &x, trans)?])
    };
    vec![
        Entry::function("kron_matmul", "products", product, product_samples),
        Entry::function("kronsum_matmul", "products", sum, sum_samples),
    ]
}

fn system(name: &'static str, factors: &[[usize; 2]], x: &[usize]) -> Sample {
    let factor = |(k, shape): (usize, &[usize; 2])| dense(shape, (-2.0, 2.0), 2 + k as u64);
    Sample::new(name, factors.iter().enumerate().map(factor).chain([dense(x, (-2.0, 2.0), 1)]))
}

fn product_samples() -> Vec<Sample> {
    let single = [&[2, 3][..], &[1, 2], &[6]].map(|shape| narrowed(&spread_over(shape, (-2.0, 2.0), 1)));
    vec![
        system("a vector", &[[2, 3], [3, 2]], &[6]),
        system("a vector, transposed", &[[2, 3], [3, 2]], &[6]).with("trans", true),
        system("columns", &[[2, 2], [1, 3], [2, 1]], &[6, 2]),
        system("columns, transposed", &[[2, 2], [3, 1], [1, 2]], &[6, 2]).with("trans", true),
        system("rows", &[[2, 1], [1, 3], [2, 2]], &[2, 6]).with("axis", -1i64),
        system("a stack", &[[2, 2], [2, 1]], &[2, 2, 3]),
        system("the middle axis", &[[1, 2], [2, 2]], &[2, 4, 2]).with("axis", 1i64),
        system("one factor", &[[2, 3]], &[3]),
        system("no columns", &[[2, 3], [3, 2]], &[6, 0]),
        system("a factor without rows", &[[0, 2], [2, 2]], &[4]),
        system("factors of one element", &[[1, 1], [1, 1]], &[1]),
        Sample::new("f32", single).single(),
    ]
}

fn sum_samples() -> Vec<Sample> {
    let single = [&[2, 2][..], &[1, 1], &[2]].map(|shape| narrowed(&spread_over(shape, (-2.0, 2.0), 1)));
    vec![
        system("a vector", &[[2, 2], [3, 3]], &[6]),
        system("a vector, transposed", &[[2, 2], [3, 3]], &[6]).with("trans", true),
        system("columns", &[[2, 2], [1, 1], [2, 2]], &[4, 3]),
        system("a stack", &[[2, 2], [1, 1]], &[2, 2, 2]),
        system("one factor", &[[2, 2]], &[2]),
        system("nothing", &[[0, 0], [2, 2]], &[0]),
        Sample::new("f32", single).single(),
    ]
}
