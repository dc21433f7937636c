//! A triangular matrix as a factor of itself.
//!
//! The other triangle is never read, and neither is a diagonal that is taken to be one: neither has a derivative.

use std::borrow::Cow;

use faer::linalg::triangular_solve as tri;
use faer::{MatMut, MatRef, Par};
use kronograph_graph::{
    Grad, Grads, Io, NodeSpec, NodeView, Op, OpResult, OpState, Params, Props, Result, Shape, Tangents, Variable, apply,
};

use super::dense_factor::{DenseState, Square, dense_factor_node, factorise};
use super::factor::{Factor, LinalgError, Trans, slogdet_of_pivots};
use super::solve::Assume;
use super::triangle::Triangle;

/// What stands on the diagonal of a triangular matrix.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum DiagonalKind {
    /// What is written there.
    Stored,
    /// Ones, whatever is written there.
    Unit,
}

/// A triangular matrix as a factor of itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct TriangularFactor {
    triangle: Triangle,
    diagonal: DiagonalKind,
}

/// One triangle of a square matrix as a factor, for [`factor_solve`](super::factor_solve) and
/// [`factor_logdet`](super::factor_logdet); for a stack of matrices, a factor of each. Cost: `n²`, a copy.
///
/// The other triangle is not read and has no derivative; nor has the diagonal, if it is taken to be one. A matrix with
/// a zero on its diagonal has a factor; solving with it is the error.
///
/// # Errors
///
/// When `a` is no matrix and no stack of them, or not square.
#[track_caller]
pub fn triangular_factor(a: &Variable, triangle: Triangle, diagonal: DiagonalKind) -> Result<Variable> {
    apply(TriangularFactor { triangle, diagonal }, std::slice::from_ref(a))
}

impl TriangularFactor {
    /// The op of printed parameters.
    pub(super) fn parse(params: &Params<'_>) -> Result<Self> {
        let diagonal = if params.flag("unit_diagonal")? { DiagonalKind::Unit } else { DiagonalKind::Stored };
        Ok(Self { triangle: Triangle::of(params)?, diagonal })
    }

    /// What a solve with it assumes.
    pub(super) fn assumed(self) -> Assume {
        Assume::Triangular(self.triangle, self.diagonal)
    }

    /// The part that is read.
    fn part(&self, x: &Option<Variable>) -> Result<Grad> {
        let Some(x) = x else { return Ok(Grad::Zero) };
        Ok(self.triangle.part(x, self.diagonal == DiagonalKind::Stored)?.into())
    }
}

impl Op for TriangularFactor {
    fn name(&self) -> Cow<'static, str> {
        "triangular_factor".into()
    }

    fn props(&self) -> Props {
        let (lower, unit) = (self.triangle == Triangle::Lower, self.diagonal == DiagonalKind::Unit);
        Props::default().with("lower", lower).with("unit_diagonal", unit)
    }

    fn make_node(&self, inputs: &[Variable]) -> Result<NodeSpec> {
        dense_factor_node("triangular_factor", inputs, "triangular")
    }

    fn perform(&self, io: &mut Io<'_>) -> OpResult {
        factorise(io, |factor: &mut DenseTriangle, a, _: &mut DenseState| {
            factor.refactor(a, *self);
            Ok(())
        })
    }

    /// The part of the cotangent that is read.
    fn l_op(&self, _node: &NodeView<'_>, output_grads: &[Option<Variable>]) -> Result<Grads> {
        Ok(vec![self.part(&output_grads[0])?])
    }

    fn r_op(&self, _node: &NodeView<'_>, tangents: &[Option<Variable>]) -> Result<Tangents> {
        Ok(vec![self.part(&tangents[0])?])
    }

    fn infer_shape(&self, _node: &NodeView<'_>, _input_shapes: &[Shape]) -> Result<Vec<Shape>> {
        Ok(vec![Shape::new()])
    }

    fn state(&self) -> Option<Box<dyn OpState>> {
        Some(Box::<DenseState>::default())
    }

    fn do_constant_folding(&self, _node: &NodeView<'_>) -> bool {
        false
    }
}

/// A lower or an upper triangular matrix, column by column, with zeros in the other triangle.
#[derive(Clone, Debug, Default)]
struct DenseTriangle {
    order: usize,
    packed: Vec<f64>,
    upper: bool,
    unit: bool,
    status: Option<LinalgError>,
}

impl DenseTriangle {
    fn refactor(&mut self, a: Square<'_>, op: TriangularFactor) {
        (self.order, self.upper, self.unit) =
            (a.order, op.triangle == Triangle::Upper, op.diagonal == DiagonalKind::Unit);
        self.packed.clear();
        self.packed.resize(a.order * a.order, 0.0);
        self.status = None;
        for (j, column) in self.packed.chunks_exact_mut(a.order.max(1)).enumerate() {
            let rows = if self.upper { 0..j } else { j + 1..a.order };
            rows.for_each(|i| column[i] = a.at(i, j));
            column[j] = if self.unit { 1.0 } else { a.at(j, j) };
            if self.status.is_none() && !column.iter().all(|x| x.is_finite()) {
                self.status = Some(LinalgError::NotFinite { pivot: j });
            }
        }
        let zero = (0..a.order).find(|&i| self.packed[i * a.order + i] == 0.0);
        self.status = self.status.take().or(zero.map(|pivot| LinalgError::Singular { pivot }));
    }
}

impl Factor for DenseTriangle {
    fn boxed_clone(&self) -> Box<dyn Factor> {
        Box::new(self.clone())
    }

    fn order(&self) -> usize {
        self.order
    }

    fn status(&self) -> Result<(), LinalgError> {
        self.status.clone().map_or(Ok(()), Err)
    }

    fn row_in(&self, _trans: Trans, i: usize) -> usize {
        i
    }

    fn row_out(&self, _trans: Trans, i: usize) -> usize {
        i
    }

    fn panel_width(&self) -> usize {
        256
    }

    fn solve_panel(&self, trans: Trans, panel: &mut [f64], width: usize) {
        let a = MatRef::from_column_major_slice(&self.packed, self.order, self.order);
        let x = MatMut::from_row_major_slice_mut(panel, self.order, width);
        let (a, upper) = match trans {
            Trans::No => (a, self.upper),
            Trans::Yes => (a.transpose(), !self.upper),
        };
        match (upper, self.unit) {
            (false, false) => tri::solve_lower_triangular_in_place(a, x, Par::Seq),
            (false, true) => tri::solve_unit_lower_triangular_in_place(a, x, Par::Seq),
            (true, false) => tri::solve_upper_triangular_in_place(a, x, Par::Seq),
            (true, true) => tri::solve_unit_upper_triangular_in_place(a, x, Par::Seq),
        }
    }

    fn slogdet(&self) -> Result<(f64, f64), LinalgError> {
        let pivots = (0..self.order).map(|i| self.packed[i * self.order + i]);
        slogdet_of_pivots(self.status.as_ref(), 1.0, pivots)
    }

    fn bytes(&self) -> usize {
        8 * self.packed.len()
    }
}
