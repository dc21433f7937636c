//! Factorisations as values, dense and sparse alike.
//!
//! A factor variable holds a factorisation of some matrix A; by convention its cotangent is the cotangent of A. So
//! the solve, its adjoint, the log-determinant and all higher derivatives share one factorisation, because they
//! share one variable. [`Factor`] is what a factor can do, [`FactorKind`] how derivatives are put together for it.
//!
//! Must not know: how any factor is stored.

use std::any::Any;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use kronograph_graph::{Dim, OpError, OpState, Result, Type, TypeRef, Value, Variable};

use super::panel::{column_offsets, pack, unpack};
use crate::tensor::Strided;

/// Whether the matrix or its transpose is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Trans {
    /// The matrix.
    No,
    /// Its transpose.
    Yes,
}

impl Trans {
    /// The other one.
    pub fn flip(self) -> Self {
        match self {
            Trans::No => Trans::Yes,
            Trans::Yes => Trans::No,
        }
    }
}

/// Numeric failure of a factorisation; a sampler may reject the point and go on.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum LinalgError {
    /// The matrix has no inverse, to working precision.
    #[error("the matrix is singular to working precision (pivot {pivot})")]
    Singular {
        /// The pivot that vanishes.
        pivot: usize,
    },
    /// The matrix is not positive definite.
    #[error("the matrix is not positive definite (pivot {pivot})")]
    NotPositiveDefinite {
        /// The pivot that is not positive.
        pivot: usize,
    },
    /// The matrix has a NaN or infinite entry, or its factor overflows.
    #[error("the matrix has entries that are not finite, or its factor overflows (pivot {pivot})")]
    NotFinite {
        /// The pivot at which it shows.
        pivot: usize,
    },
    /// An iteration (for eigenvalues, say) did not end.
    #[error("the iteration did not converge")]
    NoConvergence,
    /// The matrix is not square.
    #[error("the matrix must be square, it is ({rows}, {columns})")]
    NotSquare {
        /// Its rows.
        rows: usize,
        /// Its columns.
        columns: usize,
    },
}

impl OpError for LinalgError {
    fn recoverable(&self) -> bool {
        !matches!(self, LinalgError::NotSquare { .. })
    }
}

/// What a factorisation of a square matrix A can do.
pub trait Factor: Any + fmt::Debug + Send + Sync {
    /// A copy behind a box.
    fn boxed_clone(&self) -> Box<dyn Factor>;

    /// The number of rows of A.
    fn order(&self) -> usize;

    /// Whether A can be solved with.
    ///
    /// # Errors
    ///
    /// Why it cannot.
    fn status(&self) -> Result<(), LinalgError>;

    /// The row of the right-hand side that belongs into row i of a panel.
    fn row_in(&self, trans: Trans, i: usize) -> usize;

    /// The row of the solution that row i of a solved panel is.
    fn row_out(&self, trans: Trans, i: usize) -> usize;

    /// How many right-hand sides make a good panel.
    fn panel_width(&self) -> usize;

    /// Solves in place for a row-major panel of right-hand sides whose rows are in the order of
    /// [`row_in`](Self::row_in).
    fn solve_panel(&self, trans: Trans, panel: &mut [f64], width: usize);

    /// The sign of det A (-1, 0 or 1) and ln|det A|.
    ///
    /// # Errors
    ///
    /// When A is not finite.
    fn slogdet(&self) -> Result<(f64, f64), LinalgError>;

    /// The bytes it holds.
    fn bytes(&self) -> usize;
}

/// Sign and logarithm of a determinant from the pivots of a triangular factor and the sign of its permutations.
///
/// A matrix that is singular to working precision has sign 0 and logarithm -∞, as it has no solution either.
///
/// # Errors
///
/// When the matrix is not finite.
pub fn slogdet_of_pivots(
    status: Option<&LinalgError>,
    sign: f64,
    pivots: impl Iterator<Item = f64>,
) -> Result<(f64, f64), LinalgError> {
    match status {
        Some(LinalgError::Singular { .. }) => Ok((0.0, f64::NEG_INFINITY)),
        Some(other) => Err(other.clone()),
        None => Ok(pivots.fold((sign, 0.0), |(sign, log), pivot| (sign * pivot.signum(), log + pivot.abs().ln()))),
    }
}

/// A factor in a slot.
#[derive(Debug, Default)]
pub struct FactorValue(Option<Box<dyn Factor>>);

impl FactorValue {
    /// The factor.
    pub fn get(&self) -> Option<&dyn Factor> {
        self.0.as_deref()
    }

    /// The factor of the last call for reuse of its storage, or a new one.
    pub fn reuse<F: Factor + Default>(&mut self) -> &mut F {
        if !self.0.as_deref().is_some_and(|factor| (factor as &dyn Any).is::<F>()) {
            self.0 = Some(Box::new(F::default()));
        }
        let factor = self.0.as_deref_mut().expect("filled in the line above");
        (factor as &mut dyn Any).downcast_mut().expect("the type was checked above")
    }
}

impl Value for FactorValue {
    fn boxed_clone(&self) -> Box<dyn Value> {
        Box::new(Self(self.0.as_deref().map(Factor::boxed_clone)))
    }

    fn describe(&self) -> String {
        self.get().map_or_else(|| "no factor".to_owned(), |factor| format!("factor of order {}", factor.order()))
    }

    fn bytes(&self) -> usize {
        self.get().map_or(0, Factor::bytes)
    }
}

/// How the derivatives of a kind of factor are put together from ordinary ops.
pub trait FactorKind: fmt::Debug + Send + Sync + 'static {
    /// The name of the factorisation: `lu`, `cholesky`, `sparse_lu`.
    fn name(&self) -> &'static str;

    /// The tangent type of the matrix that was factored.
    fn matrix(&self) -> &TypeRef;

    /// The cotangent of A that is the outer product of `left` and `right`, summed over all axes but `axis`:
    /// `Ā[i, j] = sum left[.., i, ..] right[.., j, ..]`, restricted to the pattern of A where it has one.
    ///
    /// # Errors
    ///
    /// What building the expression finds wrong.
    fn outer(&self, factor: &Variable, left: &Variable, right: &Variable, axis: usize) -> Result<Variable>;

    /// A matrix of A's tangent type, or its transpose, applied along an axis of `x`.
    ///
    /// # Errors
    ///
    /// What building the expression finds wrong.
    fn product(&self, matrix: &Variable, x: &Variable, axis: usize, trans: Trans) -> Result<Variable>;

    /// The cotangent of A that is `g A⁻ᵀ` for a scalar g: that of the log-determinant.
    ///
    /// # Errors
    ///
    /// What building the expression finds wrong.
    fn logdet_cotangent(&self, factor: &Variable, g: &Variable) -> Result<Variable>;

    /// `sum(Ā ∘ Ȧ)` of a cotangent and a tangent of A.
    ///
    /// # Errors
    ///
    /// What building the expression finds wrong.
    fn inner(&self, cotangent: &Variable, tangent: &Variable) -> Result<Variable>;
}

/// The type of factors: what was factored, how, and of what order.
#[derive(Clone, Debug)]
pub struct FactorType {
    kind: Arc<dyn FactorKind>,
    order: Option<usize>,
}

impl FactorType {
    /// A factor type behind a shared pointer, as variables want it.
    pub fn shared(kind: Arc<dyn FactorKind>, order: Option<usize>) -> TypeRef {
        Arc::new(Self { kind, order })
    }

    /// How derivatives are put together for it.
    pub fn kind(&self) -> &dyn FactorKind {
        &*self.kind
    }

    /// The number of rows of the matrix, where it is known.
    pub fn order(&self) -> Option<usize> {
        self.order
    }
}

/// The order of a factor as a dimension: a number, or the length of an axis of the matrix that it was made of.
pub fn order_dim(factor: &Variable) -> Dim {
    let known = factor.type_as::<FactorType>().and_then(FactorType::order);
    let matrix = factor.owner().and_then(|(node, _)| node.inputs().first().cloned());
    match (known, matrix) {
        (Some(order), _) => Dim::from(order),
        (None, Some(matrix)) if !matrix.ty().extents().is_empty() => Dim::axis(&matrix, 0),
        _ => Dim::UNKNOWN,
    }
}

impl PartialEq for FactorType {
    fn eq(&self, other: &Self) -> bool {
        let same_matrix = self.kind.matrix().same_type(&**other.kind.matrix());
        self.kind.name() == other.kind.name() && self.order == other.order && same_matrix
    }
}

impl Eq for FactorType {}

impl Hash for FactorType {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.kind.name().hash(state);
        self.order.hash(state);
        self.kind.matrix().digest_type(state);
    }
}

impl fmt::Display for FactorType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} factor of {}", self.kind.name(), self.kind.matrix())
    }
}

impl Type for FactorType {
    fn is_super(&self, other: &dyn Type) -> bool {
        let Some(other) = (other as &dyn Any).downcast_ref::<Self>() else { return false };
        let covers = self.order.is_none() || self.order == other.order;
        self.kind.name() == other.kind.name() && covers && self.kind.matrix().is_super(&**other.kind.matrix())
    }

    fn filter(&self, _value: &dyn Value) -> Result<Option<Box<dyn Value>>, String> {
        Err("a factor is made by a factorisation, it cannot be an argument".to_owned())
    }

    fn tangent(&self) -> Option<TypeRef> {
        Some(self.kind.matrix().clone())
    }
}

/// The workspace of a solve: kept by the op, so that a steady call allocates nothing.
#[derive(Debug, Default)]
pub struct SolveWorkspace {
    panel: Vec<f64>,
    sources: Vec<usize>,
    targets: Vec<usize>,
    rows_in: Vec<usize>,
    rows_out: Vec<usize>,
}

impl OpState for SolveWorkspace {
    fn fork(&self) -> Box<dyn OpState> {
        Box::new(Self::default())
    }
}

/// Solves along an axis of `b`, for every combination of the other axes; `out` is row-major, of the shape of `b`.
///
/// # Errors
///
/// When the matrix is singular or not finite.
pub fn solve_along(
    factor: &dyn Factor,
    trans: Trans,
    b: &Strided<f64>,
    axis: usize,
    out: &mut [f64],
    work: &mut SolveWorkspace,
) -> Result<(), LinalgError> {
    factor.status()?;
    let (order, dense) = (factor.order(), crate::tensor::row_major(b.shape()));
    column_offsets(&mut work.sources, b.shape(), b.strides(), axis);
    column_offsets(&mut work.targets, b.shape(), &dense, axis);
    invert(&mut work.rows_in, order, |i| factor.row_in(trans, i));
    invert(&mut work.rows_out, order, |i| factor.row_out(trans, i));
    let width = factor.panel_width().max(1);
    for (sources, targets) in work.sources.chunks(width).zip(work.targets.chunks(width)) {
        let width = sources.len();
        work.panel.resize(order * width, 0.0);
        let panel = &mut work.panel[..order * width];
        pack(b.storage(), b.strides()[axis], sources, &work.rows_in, panel);
        factor.solve_panel(trans, panel, width);
        unpack(panel, &work.rows_out, out, dense[axis], targets);
    }
    Ok(())
}

/// The inverse of a permutation.
fn invert(inverse: &mut Vec<usize>, length: usize, permutation: impl Fn(usize) -> usize) {
    inverse.resize(length, 0);
    (0..length).for_each(|i| inverse[permutation(i)] = i);
}
