//! The entries of an inverse on a pattern: the cotangent of a sparse log-determinant.
//!
//! Panels of columns of the inverse are solved for one after the other, and only what the pattern asks for is kept: the
//! dense inverse is never held. Its derivatives are built from dense solves, and do hold it.

use std::borrow::Cow;
use std::sync::Arc;

use kronograph_graph::{
    BuildError, Entry, Grad, Grads, Io, NodeSpec, NodeView, Op, OpFailure, OpResult, OpState, Result, Sample, Shape,
    Tangents, UnaryVerb, Variable, apply, unary,
};
use kronograph_ops::params::only;
use kronograph_ops::{
    DType, Factor, FactorType, FactorValue, Trans, factor_solve, factor_solve_axis, order_dim, transpose,
};

use crate::convert::PatternOf;
use crate::dense::{dense_from_sparse, sample_dense};
use crate::lu::{pattern_of, pattern_source, sparse_lu};
use crate::matrix::{Format, SparseMatrix};
use crate::project::project_sparse;
use crate::samples::{Build, op, square};
use crate::ty::{SparseType, is_sparse};

/// `A⁻ᵀ` at the stored positions of A, from a sparse factor of A.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct InverseOnPattern;

/// The entries of `A⁻ᵀ` at the stored positions of A, from a sparse factor of A.
///
/// Derivative: the cotangent of A is `-A⁻ᵀ Gᵀ A⁻ᵀ` on the pattern, through dense matrices. Cost: n solves, in panels,
/// and the memory of one panel.
///
/// # Errors
///
/// When `factor` is no sparse factor; at run time, when A is singular.
#[track_caller]
pub fn inverse_on_pattern(factor: &Variable) -> Result<Variable> {
    apply(InverseOnPattern, std::slice::from_ref(factor))
}

/// `-A⁻ᵀ Xᵀ A⁻ᵀ` on the pattern, for X on the pattern: the derivative in both modes, since it is its own adjoint.
fn moved(factor: &Variable, x: &Variable) -> Result<Variable> {
    let left = factor_solve(factor, &transpose(&dense_from_sparse(x)?)?, Trans::Yes)?;
    let both = factor_solve_axis(factor, &left, 1, Trans::No)?;
    unary(UnaryVerb::Neg, &sample_dense(factor, &both)?)
}

/// The entry of this file, which takes a sparse matrix too.
pub(crate) fn entries() -> Vec<Entry> {
    let build: Build = |params, inputs| {
        let a = only(params, inputs)?;
        let factor = if is_sparse(a) { sparse_lu(a)? } else { a.clone() };
        Ok(vec![inverse_on_pattern(&factor)?])
    };
    let samples = |format| vec![Sample::new("of a square one", [square(format, 1)])];
    vec![op("inverse_on_pattern", build, samples, |_| Ok(Arc::new(InverseOnPattern)))]
}

impl Op for InverseOnPattern {
    fn name(&self) -> Cow<'static, str> {
        "inverse_on_pattern".into()
    }

    fn make_node(&self, inputs: &[Variable]) -> Result<NodeSpec> {
        let [factor] = inputs else { return Err(BuildError::arity("inverse_on_pattern", 1, inputs)) };
        if factor.type_as::<FactorType>().is_none() {
            return Err(BuildError::inputs("inverse_on_pattern", inputs, "a sparse factor is needed"));
        }
        let source = pattern_source("inverse_on_pattern", factor)?;
        Ok(NodeSpec::one(SparseType::shared(source.format(), DType::F64, source.shape())))
    }

    fn perform(&self, io: &mut Io<'_>) -> OpResult {
        let (panel, inputs, outputs) = io.with_state::<Panel>()?;
        let factor = inputs.get::<FactorValue>(0)?.get().ok_or(OpFailure::WrongValue(0))?;
        let like = pattern_of(inputs.value(0)?).ok_or(OpFailure::WrongValue(0))?;
        factor.status()?;
        let out = outputs[0].buffer::<SparseMatrix>().reset(like.format, like.shape, like.pattern);
        panel.fill(factor, &like, out);
        Ok(())
    }

    fn l_op(&self, node: &NodeView<'_>, output_grads: &[Option<Variable>]) -> Result<Grads> {
        let Some(g) = &output_grads[0] else { return Ok(vec![Grad::Zero]) };
        Ok(vec![moved(node.input(0), &project_sparse(node.input(0), g)?)?.into()])
    }

    fn r_op(&self, node: &NodeView<'_>, tangents: &[Option<Variable>]) -> Result<Tangents> {
        let Some(tangent) = &tangents[0] else { return Ok(vec![Grad::Zero]) };
        Ok(vec![moved(node.input(0), &project_sparse(node.input(0), tangent)?)?.into()])
    }

    fn infer_shape(&self, node: &NodeView<'_>, _input_shapes: &[Shape]) -> Result<Vec<Shape>> {
        let order = order_dim(node.input(0));
        Ok(vec![[order.clone(), order].into_iter().collect()])
    }

    fn state(&self) -> Option<Box<dyn OpState>> {
        Some(Box::<Panel>::default())
    }

    fn do_constant_folding(&self, _node: &NodeView<'_>) -> bool {
        false
    }
}

/// A panel of columns, and where each row of a solution is in it.
#[derive(Debug, Default)]
struct Panel {
    values: Vec<f64>,
    place: Vec<usize>,
}

impl OpState for Panel {
    fn fork(&self) -> Box<dyn OpState> {
        Box::<Self>::default()
    }
}

impl Panel {
    /// Slice s of `A⁻ᵀ` is `A⁻ᵀ e_s` where slices are columns, and `A⁻¹ e_s` where they are rows.
    fn fill(&mut self, factor: &dyn Factor, like: &PatternOf<'_>, out: &mut [f64]) {
        let trans = if like.format == Format::Csc { Trans::Yes } else { Trans::No };
        let (n, widest) = (factor.order(), factor.panel_width().max(1));
        self.place.resize(n, 0);
        (0..n).for_each(|i| self.place[factor.row_out(trans, i)] = i);
        for first in (0..n).step_by(widest) {
            let width = widest.min(n - first);
            self.values.clear();
            self.values.resize(n * width, 0.0);
            for i in 0..n {
                let row = factor.row_in(trans, i);
                if (first..first + width).contains(&row) {
                    self.values[i * width + row - first] = 1.0;
                }
            }
            factor.solve_panel(trans, &mut self.values, width);
            for slice in first..first + width {
                for slot in like.pattern.range(slice) {
                    let row = self.place[like.pattern.indices()[slot] as usize];
                    out[slot] = self.values[row * width + slice - first];
                }
            }
        }
    }
}
