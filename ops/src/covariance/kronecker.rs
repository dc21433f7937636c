//! The Kronecker product of structures, which is worked with one factor after another and never formed.

use kronograph_graph::{BuildError, Result, Variable};

use super::built::Covariance;
use super::kind::StructureKind;
use super::operands::Operands;
use super::structure::Structure;
use crate::elemwise::{add, mul};
use crate::kron::kron_all;
use crate::layout::{join_dims, split_dims};
use crate::linalg::Assume;
use crate::tensor::constant;

/// `A ⊗ B ⊗ ..`.
#[derive(Debug)]
pub(super) struct KroneckerProduct {
    shape: [usize; 2],
}

impl Structure {
    /// `A ⊗ B ⊗ ..` of one or more structures; the index of the last one varies fastest.
    ///
    /// # Errors
    ///
    /// When there is no operand, or all are plain matrices; when the size of the product overflows.
    #[track_caller]
    pub fn kronecker_product(operands: impl Into<Operands>) -> Result<Self> {
        let operands = operands.into().checked("kronecker_product", 1..=usize::MAX)?;
        let axis = |k: usize| operands.shapes().iter().try_fold(1usize, |size, shape| size.checked_mul(shape[k]));
        let Some(shape) = axis(0).zip(axis(1)) else {
            return Err(BuildError::parameter("kronecker_product", "the product is too large to be addressed"));
        };
        Self::operator(KroneckerProduct { shape: shape.into() }, operands)
    }
}

/// A tensor with one axis split into those of the factors, each of which is then worked with along its own.
fn along_factors(
    v: &Covariance,
    x: &Variable,
    axis: usize,
    mut each: impl FnMut(&Covariance, &Variable, usize) -> Result<Variable>,
) -> Result<Variable> {
    let factors = v.operands();
    if let [factor] = factors {
        return each(factor, x, axis);
    }
    let mut x = split_dims(x, axis, factors.iter().map(|factor| factor.shape()[1]))?;
    for (k, factor) in factors.iter().enumerate().rev() {
        x = each(factor, &x, axis + k)?;
    }
    join_dims(&x, axis, factors.len())
}

impl StructureKind for KroneckerProduct {
    fn name(&self) -> &'static str {
        "kronecker_product"
    }

    fn shape(&self) -> [usize; 2] {
        self.shape
    }

    fn assume(&self, v: &Covariance) -> Assume {
        common_assumption(v)
    }

    fn matrix(&self, v: &Covariance) -> Result<Variable> {
        kron_all(&v.operands().iter().map(Covariance::matrix).collect::<Result<Vec<_>>>()?)
    }

    /// Covariances are square, so that the order of the factors does not matter.
    fn matmul(&self, v: &Covariance, x: &Variable, axis: usize) -> Result<Variable> {
        along_factors(v, x, axis, Covariance::matmul_axis)
    }

    /// A factor that is not square makes every product singular.
    fn solve(&self, v: &Covariance, b: &Variable, axis: usize) -> Result<Variable> {
        along_factors(v, b, axis, Covariance::solve_axis)
    }

    /// `sum_k N/n_k ln|det A_k|`.
    fn logdet(&self, v: &Covariance) -> Result<Variable> {
        let mut total = constant(0.0);
        for factor in v.operands() {
            let others = (self.shape[0] / factor.order()?) as f64;
            total = add(&total, &mul(others, &factor.logdet()?)?)?;
        }
        Ok(total)
    }

    fn whiten(&self, v: &Covariance, x: &Variable, axis: usize) -> Result<Option<Variable>> {
        let mut all = true;
        let white = along_factors(v, x, axis, |factor, x, axis| {
            let white = factor.whiten_axis(x, axis)?;
            all &= white.is_some();
            Ok(white.unwrap_or_else(|| x.clone()))
        })?;
        Ok(all.then_some(white))
    }

    fn cholesky_matmul(&self, v: &Covariance, x: &Variable, axis: usize) -> Result<Variable> {
        along_factors(v, x, axis, Covariance::cholesky_matmul_axis)
    }

    fn diagonal(&self, v: &Covariance) -> Result<Variable> {
        for factor in v.operands() {
            factor.order()?;
        }
        kron_all(&v.operands().iter().map(Covariance::diagonal).collect::<Result<Vec<_>>>()?)
    }

    fn multiple_of_identity(&self, v: &Covariance) -> Result<Option<Variable>> {
        let mut product = constant(1.0);
        for factor in v.operands() {
            let Some(multiple) = factor.multiple_of_identity()? else { return Ok(None) };
            product = mul(&product, &multiple)?;
        }
        Ok(Some(product))
    }
}

/// Symmetric and positive definite if all operands are, else nothing.
pub(super) fn common_assumption(v: &Covariance) -> Assume {
    let positive = |operand: &&Covariance| !matches!(operand.assume(), Assume::Positive(_));
    v.operands().iter().find(positive).map_or(Assume::Positive(crate::linalg::Triangle::Lower), |_| Assume::General)
}
