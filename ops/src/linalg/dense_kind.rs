//! How the derivatives of dense factors are put together.

use kronograph_graph::{Result, TypeRef, Variable, shape_of};

use super::eye::eye;
use super::factor::{FactorKind, Trans, order_dim};
use super::factor_solve::factor_solve;
use super::matmul::matmul;
use super::unfold::{matmul_along, unfold};
use crate::broadcasting::reduce_leading;
use crate::elemwise::mul;
use crate::layout::{expand_dims, matrix_transpose, reshape, size_of, transpose};
use crate::reduce::{sum, sum_axes};

/// Derivatives of dense factors.
#[derive(Debug)]
pub(super) struct DenseKind {
    pub(super) name: &'static str,
    pub(super) matrix: TypeRef,
}

impl DenseKind {
    fn is_stack(&self) -> bool {
        self.matrix.extents().len() > 2
    }
}

impl FactorKind for DenseKind {
    fn name(&self) -> &'static str {
        self.name
    }

    fn matrix(&self) -> &TypeRef {
        &self.matrix
    }

    fn outer(&self, _factor: &Variable, left: &Variable, right: &Variable, axis: usize) -> Result<Variable> {
        if !self.is_stack() {
            return matmul(&unfold(left, axis)?, &transpose(&unfold(right, axis)?)?);
        }
        let all = matmul(&columns(left, axis)?, &matrix_transpose(&columns(right, axis)?)?)?;
        reduce_leading(all, self.matrix.extents(), 2)
    }

    fn product(&self, matrix: &Variable, x: &Variable, axis: usize, trans: Trans) -> Result<Variable> {
        let matrix = if trans == Trans::Yes { &matrix_transpose(matrix)? } else { matrix };
        if !self.is_stack() {
            return matmul_along(matrix, x, axis);
        }
        reshape(&matmul(matrix, &columns(x, axis)?)?, shape_of(x))
    }

    fn logdet_cotangent(&self, factor: &Variable, g: &Variable) -> Result<Variable> {
        let inverse = factor_solve(factor, &eye(order_dim(factor))?, Trans::Yes)?;
        match g.ty().extents().len() {
            0 => mul(g, &inverse),
            rank => mul(&expand_dims(g, &[rank, rank + 1])?, &inverse),
        }
    }

    fn inner(&self, cotangent: &Variable, tangent: &Variable) -> Result<Variable> {
        let terms = mul(cotangent, tangent)?;
        match terms.ty().extents().len() {
            2 => sum(&terms),
            rank => sum_axes(&terms, &[rank - 2, rank - 1]),
        }
    }
}

/// The axes before `axis` as leading ones, and all behind it as one.
fn columns(x: &Variable, axis: usize) -> Result<Variable> {
    let shape = shape_of(x);
    let rest = size_of(&shape[axis + 1..]);
    match shape.len() - axis {
        1 => expand_dims(x, &[shape.len()]),
        2 => Ok(x.clone()),
        _ => reshape(x, shape[..=axis].iter().cloned().chain([rest])),
    }
}
