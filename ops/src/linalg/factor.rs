//! Factorisations as values, dense and sparse alike.
//!
//! A factor variable holds a factorisation of some matrix A; by convention its cotangent is the cotangent of A. So
//! the solve, its adjoint, the log-determinant and all higher derivatives share one factorisation, because they
//! share one variable. [`Factor`] is what a factor can do, [`FactorKind`] how derivatives are put together for it.
//!
//! Must not know: `lu`, `cholesky`, `faer`, `matmul`.

use std::any::Any;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use kronograph_graph::{Dim, OpError, Params, Prop, Result, Shape, Type, TypeRef, Value, Variable};

use crate::tensor::{Extents, shape_text};

/// Whether the matrix or its transpose is meant.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Trans {
    /// The matrix.
    No,
    /// Its transpose.
    Yes,
}

impl Trans {
    /// PyTensor's `trans`: a truth value, 0 to 2, or LAPACK's letters; no if it is absent.
    ///
    /// # Errors
    ///
    /// When it is something else.
    #[track_caller]
    pub fn of(params: &Params<'_>) -> Result<Self> {
        match params.get("trans") {
            None | Some(Prop::Bool(false) | Prop::Int(0)) => Ok(Trans::No),
            Some(Prop::Bool(true) | Prop::Int(1 | 2)) => Ok(Trans::Yes),
            Some(Prop::Word(word)) if word == "N" => Ok(Trans::No),
            Some(Prop::Word(word)) if word == "T" || word == "C" => Ok(Trans::Yes),
            Some(other) => Err(params.wrong("trans", "0, 1, 2, N, T or C", other)),
        }
    }

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

impl LinalgError {
    /// What is wrong with a pivot of a matrix of some order, whose row and column have entries of these sizes at most: one
    /// that is no larger than rounding in its row and its column is no pivot.
    pub fn of_pivot(pivot: usize, value: f64, order: usize, [row, column]: [f64; 2]) -> Option<Self> {
        match value.abs() {
            size if !size.is_finite() => Some(LinalgError::NotFinite { pivot }),
            size if size <= order as f64 * f64::EPSILON * row.min(column) => Some(LinalgError::Singular { pivot }),
            _ => None,
        }
    }
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

    /// The row of the right-hand side that belongs into row i of a panel: row i, if rows are not exchanged.
    fn row_in(&self, _trans: Trans, i: usize) -> usize {
        i
    }

    /// The row of the solution that row i of a solved panel is.
    fn row_out(&self, _trans: Trans, i: usize) -> usize {
        i
    }

    /// How many right-hand sides make a good panel.
    fn panel_width(&self) -> usize {
        256
    }

    /// Solves in place for a row-major panel of right-hand sides whose rows are in the order of
    /// [`row_in`](Self::row_in).
    fn solve_panel(&self, trans: Trans, panel: &mut [f64], width: usize);

    /// The sign of det A (-1, 0 or 1) and ln|det A|.
    ///
    /// # Errors
    ///
    /// When A is not finite.
    fn slogdet(&self) -> Result<(f64, f64), LinalgError>;

    /// det A.
    ///
    /// # Errors
    ///
    /// When A is not finite.
    fn det(&self) -> Result<f64, LinalgError> {
        let (sign, log) = self.slogdet()?;
        Ok(sign * log.exp())
    }

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

/// A factor in a slot, or a stack of factors: one for each matrix of a stack.
#[derive(Debug, Default)]
pub struct FactorValue {
    batch: Extents,
    /// The order of the matrices of a stack, for one that is empty.
    order: usize,
    factors: Vec<Box<dyn Factor>>,
}

impl FactorValue {
    /// The factor of a single matrix.
    pub fn get(&self) -> Option<&dyn Factor> {
        if self.batch.is_empty() { self.factors.first().map(|factor| &**factor) } else { None }
    }

    /// The leading axes of the stack; none for a single factor.
    pub fn batch(&self) -> &[usize] {
        &self.batch
    }

    /// The number of rows of each matrix.
    pub fn order(&self) -> usize {
        self.factors.first().map_or(self.order, |factor| factor.order())
    }

    /// All factors, in row-major order of the leading axes.
    pub fn all(&self) -> &[Box<dyn Factor>] {
        &self.factors
    }

    /// The factor of the last call for reuse of its storage, or a new one.
    pub fn reuse<F: Factor + Default>(&mut self) -> &mut F {
        self.reuse_stack(&[], 0).next().expect("a stack without leading axes holds one factor")
    }

    /// The factors of the last call for reuse of their storage, and new ones where there are too few.
    pub fn reuse_stack<F: Factor + Default>(&mut self, batch: &[usize], order: usize) -> impl Iterator<Item = &mut F> {
        self.order = order;
        if self.batch.as_slice() != batch {
            self.batch = batch.into();
        }
        if !self.factors.iter().all(|factor| (&**factor as &dyn Any).is::<F>()) {
            self.factors.clear();
        }
        self.factors.resize_with(batch.iter().product(), || Box::<F>::default());
        self.factors.iter_mut().map(|factor| {
            let factor = &mut **factor as &mut dyn Any;
            factor.downcast_mut().expect("the types were checked above")
        })
    }
}

impl Value for FactorValue {
    fn boxed_clone(&self) -> Box<dyn Value> {
        let factors = self.factors.iter().map(|factor| factor.boxed_clone()).collect();
        Box::new(Self { batch: self.batch.clone(), order: self.order, factors })
    }

    fn describe(&self) -> String {
        match (self.get(), &self.batch[..]) {
            (None, []) => "no factor".to_owned(),
            (_, []) => format!("factor of order {}", self.order()),
            (_, batch) => format!("factors {} of order {}", shape_text(batch), self.order()),
        }
    }

    fn bytes(&self) -> usize {
        self.factors.iter().map(|factor| factor.bytes()).sum()
    }
}

/// How the derivatives of a kind of factor are put together from ordinary ops.
pub trait FactorKind: fmt::Debug + Send + Sync + 'static {
    /// The name of the factorisation: `lu`, `cholesky`, `sparse_lu`.
    fn name(&self) -> &'static str;

    /// The tangent type of the matrix that was factored.
    fn matrix(&self) -> &TypeRef;

    /// The cotangent of A that is the outer product of `left` and `right`, summed over all axes but `axis`:
    /// `Ā[i, j] = sum left[.., i, ..] right[.., j, ..]`, restricted to the pattern of A where it has one. The axes in
    /// which A is a stack, which lie before `axis`, are not summed over.
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

    /// The cotangent of A that is `g A⁻ᵀ`, for a scalar g or one for each matrix: that of the log-determinant.
    ///
    /// # Errors
    ///
    /// What building the expression finds wrong.
    fn logdet_cotangent(&self, factor: &Variable, g: &Variable) -> Result<Variable>;

    /// `sum(Ā ∘ Ȧ)` of a cotangent and a tangent of A, for each matrix.
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

    /// The leading axes of a stack of matrices, as far as they are known.
    pub fn batch(&self) -> &[Option<usize>] {
        let extents = self.kind.matrix().extents();
        &extents[..extents.len().saturating_sub(2)]
    }

    /// The number of rows of the matrix, where it is known.
    pub fn order(&self) -> Option<usize> {
        self.order
    }
}

/// The order of a factor as a dimension: a number, or the length of an axis of the matrix that it was made of.
pub fn order_dim(factor: &Variable) -> Dim {
    let known = factor.type_as::<FactorType>().and_then(FactorType::order);
    known.map_or_else(|| matrix_dim(factor, 2), Dim::from)
}

/// The leading axes of a stack of factors as dimensions: numbers, or lengths of axes of the matrices that it was made of.
pub(super) fn batch_dims(factor: &Variable) -> Shape {
    let lengths = factor.type_as::<FactorType>().map_or(&[][..], FactorType::batch);
    let dim = |axis: usize| lengths[axis].map_or_else(|| matrix_dim(factor, lengths.len() + 2 - axis), Dim::from);
    (0..lengths.len()).map(dim).collect()
}

/// The length of the axis, counted from the end, of the matrices that a factor was made of.
fn matrix_dim(factor: &Variable, from_end: usize) -> Dim {
    let matrix = factor.owner().and_then(|(node, _)| node.inputs().first().cloned());
    let axis = |matrix: &Variable| matrix.ty().extents().len().checked_sub(from_end);
    matrix.and_then(|matrix| axis(&matrix).map(|axis| Dim::axis(&matrix, axis))).unwrap_or(Dim::UNKNOWN)
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
