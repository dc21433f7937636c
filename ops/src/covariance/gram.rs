//! Products of a structure with its own transpose, with and without another one between them.

use kronograph_graph::{BuildError, Result, Variable};

use super::built::Covariance;
use super::dense;
use super::kind::StructureKind;
use super::operands::Operands;
use super::structure::Structure;
use crate::elemwise::mul;
use crate::layout::transpose;
use crate::linalg::{Assume, Trans, factor_solve_axis, matmul, matmul_along};

/// Which product of a matrix with its transpose.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GramProduct {
    /// `Xᵀ X`.
    XtX,
    /// `X Xᵀ`.
    XXt,
}

#[derive(Debug)]
struct Gram {
    product: GramProduct,
    order: usize,
}

/// `Z G Zᵀ`.
#[derive(Debug)]
struct CovariancePropagation {
    order: usize,
}

impl Structure {
    /// `Xᵀ X` or `X Xᵀ` of one structure. Of a lower triangular one, `X Xᵀ` is solved with by substitution.
    ///
    /// # Errors
    ///
    /// When there is not one operand, or it is a plain matrix.
    #[track_caller]
    pub fn gram(operand: impl Into<Operands>, product: GramProduct) -> Result<Self> {
        let operand = operand.into().checked("gram", 1..=1)?;
        let [rows, columns] = operand.shapes()[0];
        let order = if product == GramProduct::XXt { rows } else { columns };
        Self::operator(Gram { product, order }, operand)
    }

    /// `Z G Zᵀ` of two structures Z and G: the covariance of `Z u` for u of covariance G. It is formed where it is
    /// solved with, and factorised by Cholesky.
    ///
    /// # Errors
    ///
    /// When there are not two operands, both are plain matrices, G is not square, or Z is not as wide.
    #[track_caller]
    pub fn covariance_propagation(operands: impl Into<Operands>) -> Result<Self> {
        let operands = operands.into().checked("covariance_propagation", 2..=2)?;
        let [[order, inner], g] = operands.shapes()[..] else {
            return Err(BuildError::parameter("covariance_propagation", "it takes two operands"));
        };
        if g != [inner, inner] {
            let rule = format!("of Z ({order}, {inner}) the covariance is ({inner}, {inner}), it is {g:?}");
            return Err(BuildError::parameter("covariance_propagation", rule));
        }
        Self::operator(CovariancePropagation { order }, operands)
    }
}

impl Gram {
    /// L, if the product is `L Lᵀ` for a square lower triangle.
    fn triangle<'a>(&self, v: &'a Covariance) -> Option<&'a Covariance> {
        let x = &v.operands()[0];
        let square = x.shape()[0] == x.shape()[1];
        (self.product == GramProduct::XXt && square && matches!(x.assume(), Assume::Triangular(..))).then_some(x)
    }
}

impl StructureKind for Gram {
    fn name(&self) -> &'static str {
        "gram"
    }

    fn shape(&self) -> [usize; 2] {
        [self.order; 2]
    }

    fn matrix(&self, v: &Covariance) -> Result<Variable> {
        let x = v.operands()[0].matrix()?;
        match self.product {
            GramProduct::XtX => matmul(&transpose(&x)?, &x),
            GramProduct::XXt => matmul(&x, &transpose(&x)?),
        }
    }

    fn solve(&self, v: &Covariance, b: &Variable, axis: usize) -> Result<Variable> {
        match self.triangle(v) {
            None => dense::solve(v, b, axis),
            Some(l) => {
                let factor = l.assume().factor(&l.matrix()?)?;
                factor_solve_axis(&factor, &factor_solve_axis(&factor, b, axis, Trans::No)?, axis, Trans::Yes)
            }
        }
    }

    fn logdet(&self, v: &Covariance) -> Result<Variable> {
        match self.triangle(v) {
            None => dense::logdet(v),
            Some(l) => mul(2.0, &l.logdet()?),
        }
    }

    fn whiten(&self, v: &Covariance, x: &Variable, axis: usize) -> Result<Option<Variable>> {
        self.triangle(v).map(|l| l.solve_axis(x, axis)).transpose()
    }

    fn cholesky_matmul(&self, v: &Covariance, x: &Variable, axis: usize) -> Result<Variable> {
        match self.triangle(v) {
            None => dense::cholesky_matmul(v, x, axis),
            Some(l) => l.matmul_axis(x, axis),
        }
    }
}

impl StructureKind for CovariancePropagation {
    fn name(&self) -> &'static str {
        "covariance_propagation"
    }

    fn shape(&self) -> [usize; 2] {
        [self.order; 2]
    }

    fn matrix(&self, v: &Covariance) -> Result<Variable> {
        let (z, g) = (&v.operands()[0], &v.operands()[1]);
        z.matmul(&transpose(&z.matmul(&g.matrix()?)?)?)
    }

    fn matmul(&self, v: &Covariance, x: &Variable, axis: usize) -> Result<Variable> {
        let (z, g) = (&v.operands()[0], &v.operands()[1]);
        let inner = matmul_along(&transpose(&z.matrix()?)?, x, axis)?;
        z.matmul_axis(&g.matmul_axis(&inner, axis)?, axis)
    }
}
