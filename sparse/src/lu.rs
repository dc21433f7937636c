//! Sparse LU factorisation: the op, and how the derivatives of its factors are put together.
//!
//! The factor carries the pattern of its matrix, so that the matrix's cotangent is sampled on it.
//!
//! Must not know: `faer`.

use std::any::Any;
use std::borrow::Cow;
use std::sync::Arc;

use kronograph_graph::{
    BuildError, Entry, Grads, Io, NodeSpec, NodeView, Op, OpResult, OpState, Params, Result, Sample, Shape, Tangents,
    TypeRef, Value, Variable, apply,
};
use kronograph_ops::params::exactly;
use kronograph_ops::{DType, FactorKind, FactorType, FactorValue, Trans, factor_solve_axis};

use crate::affine::affine_on_pattern;
use crate::convert::PatternOf;
use crate::identity::square_type;
use crate::inverse::inverse_on_pattern;
use crate::lu_factorization::{LuFactorization, LuState};
use crate::matrix::{Format, SparseMatrix};
use crate::product::structured_dot_along;
use crate::project::project_sparse;
use crate::sampled::sampled_outer;
use crate::samples::{dense_input, op, square};
use crate::sum_of_products::sparse_inner;
use crate::ty::SparseType;

/// A factor of a square sparse matrix by LU with partial pivoting.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SparseLu;

/// A factor of a square sparse matrix, `P A Q = L U`, for `factor_solve` and `factor_logdet`.
///
/// Q is a minimum-degree ordering of the pattern, found once; P is chosen by partial pivoting. The cotangent of the
/// factor, which is that of the matrix, lives on the matrix's pattern.
///
/// # Errors
///
/// When `a` is no sparse f64 matrix, or not square.
#[track_caller]
pub fn sparse_lu(a: &Variable) -> Result<Variable> {
    apply(SparseLu, std::slice::from_ref(a))
}

/// The entry of this file.
pub(crate) fn entries() -> Vec<Entry> {
    vec![op("sparse_lu", build, samples, |_| Ok(Arc::new(SparseLu)))]
}

/// Of a matrix alone the factor; with a right-hand side the solution.
fn build(params: &Params<'_>, v: &[Variable]) -> Result<Vec<Variable>> {
    if let [a] = v {
        return Ok(vec![sparse_lu(a)?]);
    }
    let [a, b] = exactly(params, v)?;
    let axis = params.maybe_size("axis")?.unwrap_or(0);
    Ok(vec![factor_solve_axis(&sparse_lu(a)?, b, axis, Trans::of(params)?)?])
}

fn samples(format: Format) -> Vec<Sample> {
    let shapes: [(&'static str, &[usize], usize); 4] =
        [("a vector", &[4], 0), ("columns", &[4, 2], 0), ("rows", &[2, 4], 1), ("the middle axis", &[2, 4, 2], 1)];
    let both = |(name, shape, axis): (&'static str, &[usize], usize)| {
        let sample = |trans: bool| {
            Sample::new(name, [square(format, 1), dense_input(shape, 2)]).with("axis", axis).with("trans", trans)
        };
        [sample(false), sample(true)]
    };
    shapes.into_iter().flat_map(both).collect()
}

impl Op for SparseLu {
    fn name(&self) -> Cow<'static, str> {
        "sparse_lu".into()
    }

    fn make_node(&self, inputs: &[Variable]) -> Result<NodeSpec> {
        let [a] = inputs else { return Err(BuildError::arity("sparse_lu", 1, inputs)) };
        let ty = square_type("sparse_lu", a)?;
        let order = ty.shape()[0].or(ty.shape()[1]);
        let kind = SparseKind { matrix: SparseType::shared(ty.format(), DType::F64, [order, order]) };
        Ok(NodeSpec::one(FactorType::shared(Arc::new(kind), order)))
    }

    fn perform(&self, io: &mut Io<'_>) -> OpResult {
        let (state, inputs, outputs) = io.with_state::<LuState>()?;
        let a = inputs.get::<SparseMatrix>(0)?;
        state.analyse(a)?;
        let factor = outputs[0].buffer::<FactorValue>().reuse::<LuFactorization>();
        state.factorise(a, factor)
    }

    /// The cotangent of a factor is that of its matrix; only what the matrix stores moves the factor.
    fn l_op(&self, _node: &NodeView<'_>, output_grads: &[Option<Variable>]) -> Result<Grads> {
        Ok(vec![output_grads[0].clone().into()])
    }

    fn r_op(&self, node: &NodeView<'_>, tangents: &[Option<Variable>]) -> Result<Tangents> {
        let moved = tangents[0].as_ref().map(|tangent| project_sparse(node.input(0), tangent));
        Ok(vec![moved.transpose()?.into()])
    }

    fn infer_shape(&self, _node: &NodeView<'_>, _input_shapes: &[Shape]) -> Result<Vec<Shape>> {
        Ok(vec![Shape::new()])
    }

    fn state(&self) -> Option<Box<dyn OpState>> {
        Some(Box::<LuState>::default())
    }

    /// A factor is never folded: it has no place in a saved graph.
    fn do_constant_folding(&self, _node: &NodeView<'_>) -> bool {
        false
    }
}

/// Derivatives of sparse factors: the matrix's cotangent lives on its pattern.
#[derive(Debug)]
struct SparseKind {
    matrix: TypeRef,
}

impl FactorKind for SparseKind {
    fn name(&self) -> &'static str {
        "sparse_lu"
    }

    fn matrix(&self) -> &TypeRef {
        &self.matrix
    }

    fn outer(&self, factor: &Variable, left: &Variable, right: &Variable, axis: usize) -> Result<Variable> {
        sampled_outer(factor, left, right, axis)
    }

    fn product(&self, matrix: &Variable, x: &Variable, axis: usize, trans: Trans) -> Result<Variable> {
        structured_dot_along(matrix, x, axis, trans)
    }

    /// On the pattern only.
    fn logdet_cotangent(&self, factor: &Variable, g: &Variable) -> Result<Variable> {
        affine_on_pattern(&[(g.clone(), inverse_on_pattern(factor)?)])
    }

    fn inner(&self, cotangent: &Variable, tangent: &Variable) -> Result<Variable> {
        sparse_inner(cotangent, tangent)
    }
}

/// The type of sparse matrices with the pattern of a variable: a sparse matrix or a sparse factor.
pub(crate) fn pattern_source<'a>(op: &'static str, variable: &'a Variable) -> Result<&'a SparseType> {
    let of_matrix = variable.type_as::<SparseType>();
    let of_factor = || {
        let matrix = variable.type_as::<FactorType>()?.kind().matrix();
        (&**matrix as &dyn Any).downcast_ref::<SparseType>()
    };
    let rule = "something with a pattern is needed: a sparse matrix or a sparse factor";
    of_matrix.or_else(of_factor).ok_or_else(|| BuildError::inputs(op, std::slice::from_ref(variable), rule))
}

/// The pattern of a value: of a sparse matrix, or of the matrix that a sparse factor was made of.
pub(crate) fn pattern_of(value: &dyn Value) -> Option<PatternOf<'_>> {
    let value = value as &dyn Any;
    if let Some(matrix) = value.downcast_ref::<SparseMatrix>() {
        return Some(PatternOf::matrix(matrix));
    }
    let factor = value.downcast_ref::<FactorValue>()?.get()? as &dyn Any;
    factor.downcast_ref::<LuFactorization>()?.pattern_of_matrix()
}
