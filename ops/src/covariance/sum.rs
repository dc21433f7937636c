//! Sums of structures. A Kronecker product and multiples of the identity are worked with by the product's factors.

use kronograph_graph::{BuildError, Result, Variable};

use super::built::Covariance;
use super::dense;
use super::kind::StructureKind;
use super::kronecker::{KroneckerProduct, common_assumption};
use super::operands::Operands;
use super::structure::Structure;
use crate::elemwise::add;
use crate::kron::{kron_shift_logdet, kron_shift_solve};
use crate::linalg::{Assume, eigh_factor};

/// `A + B + ..`.
#[derive(Debug)]
struct Sum {
    shape: [usize; 2],
}

impl Structure {
    /// `A + B + ..` of two or more structures of one shape.
    ///
    /// A Kronecker product of covariances beside multiples of the identity, `A ⊗ B + s I`, is solved with by the
    /// eigenvalues of A and B. Any other sum is formed, and factorised by Cholesky.
    ///
    /// # Errors
    ///
    /// When there are fewer operands, all are plain matrices, or the shapes differ.
    #[track_caller]
    pub fn sum(operands: impl Into<Operands>) -> Result<Self> {
        let operands = operands.into().checked("sum", 2..=usize::MAX)?;
        let shape = same_shape("sum", &operands)?;
        Self::operator(Sum { shape }, operands)
    }
}

/// The shape of all operands.
#[track_caller]
pub(super) fn same_shape(op: &'static str, operands: &Operands) -> Result<[usize; 2]> {
    let shapes = operands.shapes();
    match shapes.iter().find(|shape| **shape != shapes[0]) {
        None => Ok(shapes[0]),
        Some(other) => {
            let rule = format!("the operands must have one shape, they have {:?} and {other:?}", shapes[0]);
            Err(BuildError::parameter(op, rule))
        }
    }
}

/// `⊗A_k + s I`: factors of the A, and s.
struct Shifted {
    factors: Vec<Variable>,
    shift: Variable,
}

/// A sum as a shifted Kronecker product, if it is one.
fn shifted(v: &Covariance) -> Result<Option<Shifted>> {
    let (mut product, mut shift) = (None, None);
    for term in v.operands() {
        let multiple = term.multiple_of_identity()?;
        match (multiple, &shift) {
            (Some(multiple), None) => shift = Some(multiple),
            (Some(multiple), Some(before)) => shift = Some(add(before, &multiple)?),
            (None, _) if product.is_none() => product = Some(term),
            (None, _) => return Ok(None),
        }
    }
    let (Some(product), Some(shift)) = (product, shift) else { return Ok(None) };
    let is_product = product.structure().kind_as::<KroneckerProduct>().is_some();
    if !is_product || !matches!(product.assume(), Assume::Positive(_)) {
        return Ok(None);
    }
    let factors = product.operands().iter().map(|factor| eigh_factor(&factor.matrix()?));
    Ok(Some(Shifted { factors: factors.collect::<Result<_>>()?, shift }))
}

impl StructureKind for Sum {
    fn name(&self) -> &'static str {
        "sum"
    }

    fn shape(&self) -> [usize; 2] {
        self.shape
    }

    fn assume(&self, v: &Covariance) -> Assume {
        common_assumption(v)
    }

    fn matrix(&self, v: &Covariance) -> Result<Variable> {
        let terms = v.operands().iter().map(Covariance::matrix).collect::<Result<Vec<_>>>()?;
        terms[1..].iter().try_fold(terms[0].clone(), |sum, term| add(&sum, term))
    }

    fn matmul(&self, v: &Covariance, x: &Variable, axis: usize) -> Result<Variable> {
        let terms = v.operands().iter().map(|term| term.matmul_axis(x, axis)).collect::<Result<Vec<_>>>()?;
        terms[1..].iter().try_fold(terms[0].clone(), |sum, term| add(&sum, term))
    }

    fn solve(&self, v: &Covariance, b: &Variable, axis: usize) -> Result<Variable> {
        match shifted(v)? {
            Some(Shifted { factors, shift }) => kron_shift_solve(&factors, &shift, b, axis),
            None => dense::solve(v, b, axis),
        }
    }

    fn logdet(&self, v: &Covariance) -> Result<Variable> {
        match shifted(v)? {
            Some(Shifted { factors, shift }) => Ok(kron_shift_logdet(&factors, &shift)?.1),
            None => dense::logdet(v),
        }
    }

    fn diagonal(&self, v: &Covariance) -> Result<Variable> {
        let terms = v.operands().iter().map(Covariance::diagonal).collect::<Result<Vec<_>>>()?;
        terms[1..].iter().try_fold(terms[0].clone(), |sum, term| add(&sum, term))
    }

    fn multiple_of_identity(&self, v: &Covariance) -> Result<Option<Variable>> {
        let mut total: Option<Variable> = None;
        for term in v.operands() {
            let Some(multiple) = term.multiple_of_identity()? else { return Ok(None) };
            total = Some(match total {
                None => multiple,
                Some(total) => add(&total, &multiple)?,
            });
        }
        Ok(total)
    }
}
