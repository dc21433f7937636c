//! Affine combinations of sparse matrices on the union of their patterns: matrices such as `I - ρ W`.
//!
//! Entries that cancel are kept, so the pattern does not depend on the coefficients: it is found once per function,
//! and the symbolic factorisation behind it too.

use std::borrow::Cow;
use std::sync::Arc;

use kronograph_graph::{
    BuildError, Entry, Grad, Grads, Io, NodeSpec, NodeView, Op, OpFailure, OpResult, OpState, Params, Result, Sample,
    Shape, Tangents, Variable, apply,
};
use kronograph_ops::params::some;
use kronograph_ops::{DType, Tensor};

use crate::kept::same_pattern;
use crate::matrix::{Format, SparseError, SparseMatrix};
use crate::pattern::Pattern;
use crate::project::project_sparse;
use crate::samples::{dense_input, nothing, op, other, wide};
use crate::sum_of_products::sparse_inner;
use crate::ty::{SparseType, check_scalar, sparse_f64};

/// `sum_k c_k M_k`. Inputs: the scalars `c_1 .. c_K`, then the matrices `M_1 .. M_K`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct AffineOnPattern;

/// `sum_k c_k M_k` of sparse matrices of one format and shape, on the union of their stored patterns.
///
/// Derivatives: `c̄_k = sum(Ḡ ∘ M_k)`; the cotangent of `M_k` is `c_k Ḡ` on the pattern of `M_k`.
///
/// # Errors
///
/// When there are no terms, a coefficient is no f64 scalar, or formats or shapes differ.
#[track_caller]
pub fn affine_on_pattern(terms: &[(Variable, Variable)]) -> Result<Variable> {
    let coefficients = terms.iter().map(|(coefficient, _)| coefficient.clone());
    let inputs: Vec<Variable> = coefficients.chain(terms.iter().map(|(_, matrix)| matrix.clone())).collect();
    apply(AffineOnPattern, &inputs)
}

impl AffineOnPattern {
    fn terms<'a>(&self, inputs: &'a [Variable]) -> impl Iterator<Item = (&'a Variable, &'a Variable)> {
        let (coefficients, matrices) = inputs.split_at(inputs.len() / 2);
        coefficients.iter().zip(matrices)
    }
}

/// The static shape that sparse inputs of one format share.
pub(crate) fn shared_type(op: &'static str, matrices: &[Variable]) -> Result<(Format, [Option<usize>; 2])> {
    let Some(first) = matrices.first() else { return Err(BuildError::arity(op, 1, matrices)) };
    let first = sparse_f64(op, first)?;
    let mut shape = first.shape();
    for matrix in &matrices[1..] {
        let ty = sparse_f64(op, matrix)?;
        if ty.format() != first.format() {
            return Err(BuildError::inputs(op, matrices, "the formats must be equal; convert with `to_format`"));
        }
        for (length, other) in shape.iter_mut().zip(ty.shape()) {
            if length.is_some() && other.is_some() && *length != other {
                return Err(BuildError::inputs(op, matrices, "the shapes must be equal"));
            }
            *length = length.or(other);
        }
    }
    Ok((first.format(), shape))
}

/// The entry of this file.
pub(crate) fn entries() -> Vec<Entry> {
    vec![op("affine_on_pattern", build_affine, affine_samples, |_| Ok(Arc::new(AffineOnPattern)))]
}

fn build_affine(params: &Params<'_>, v: &[Variable]) -> Result<Vec<Variable>> {
    let (coefficients, matrices) = some(params, v)?.split_at(v.len() / 2);
    if coefficients.len() != matrices.len() {
        return Err(params.arity(2 * matrices.len(), v));
    }
    let terms: Vec<_> = coefficients.iter().cloned().zip(matrices.iter().cloned()).collect();
    Ok(vec![affine_on_pattern(&terms)?])
}

fn affine_samples(format: Format) -> Vec<Sample> {
    vec![
        Sample::new("two matrices", [dense_input(&[], 1), dense_input(&[], 2), wide(format, 3), other(format, 4)]),
        Sample::new("one matrix", [dense_input(&[], 1), wide(format, 2)]),
        Sample::new("equal patterns", [dense_input(&[], 1), dense_input(&[], 2), other(format, 3), other(format, 4)]),
        Sample::new("with nothing", [dense_input(&[], 1), dense_input(&[], 2), wide(format, 3), nothing(format)]),
    ]
}

impl Op for AffineOnPattern {
    fn name(&self) -> Cow<'static, str> {
        "affine_on_pattern".into()
    }

    fn make_node(&self, inputs: &[Variable]) -> Result<NodeSpec> {
        let terms = inputs.len() / 2;
        if terms == 0 || !inputs.len().is_multiple_of(2) {
            return Err(BuildError::arity("affine_on_pattern", 2 * terms.max(1), inputs));
        }
        for coefficient in &inputs[..terms] {
            check_scalar("affine_on_pattern", "a coefficient", coefficient)?;
        }
        let (format, shape) = shared_type("affine_on_pattern", &inputs[terms..])?;
        Ok(NodeSpec::one(SparseType::shared(format, DType::F64, shape)))
    }

    fn perform(&self, io: &mut Io<'_>) -> OpResult {
        let (state, inputs, outputs) = io.with_state::<UnionState>()?;
        let terms = inputs.len() / 2;
        let first = inputs.get::<SparseMatrix>(terms)?;
        for k in 1..terms {
            let other = inputs.get::<SparseMatrix>(terms + k)?;
            if other.shape() != first.shape() || other.format() != first.format() {
                let (a, b) = (first.shape(), other.shape());
                return Err(OpFailure::Shapes(format!("matrices of shape {a:?} and {b:?}, or of two formats")).into());
            }
        }
        state.update(terms, |k| Ok(inputs.get::<SparseMatrix>(terms + k)?.pattern()))?;
        let out = outputs[0].buffer::<SparseMatrix>().reset(first.format(), first.shape(), &state.union);
        out.fill(0.0);
        for (k, slots) in state.slots.iter().enumerate() {
            let coefficient = inputs.get::<Tensor>(k)?.array::<f64>().map_err(|_| OpFailure::WrongValue(k))?;
            let coefficient = coefficient.storage()[0];
            let values = inputs.get::<SparseMatrix>(terms + k)?.values().ok_or(OpFailure::WrongValue(terms + k))?;
            slots.iter().zip(values).for_each(|(&slot, value)| out[slot as usize] += coefficient * value);
        }
        Ok(())
    }

    /// `c̄_k = sum(Ḡ ∘ M_k)`, `M̄_k = c_k Ḡ` on the pattern of `M_k`.
    fn l_op(&self, node: &NodeView<'_>, output_grads: &[Option<Variable>]) -> Result<Grads> {
        let Some(g) = &output_grads[0] else { return Ok(vec![Grad::Zero; node.inputs().len()]) };
        let scalars = self.terms(node.inputs()).map(|(_, matrix)| Ok(sparse_inner(g, matrix)?.into()));
        let matrices = self.terms(node.inputs()).map(|(coefficient, matrix)| {
            let scaled = affine_on_pattern(&[(coefficient.clone(), g.clone())])?;
            Ok(project_sparse(matrix, &scaled)?.into())
        });
        scalars.chain(matrices).collect()
    }

    /// The product rule, term by term, of what each matrix stores.
    fn r_op(&self, node: &NodeView<'_>, tangents: &[Option<Variable>]) -> Result<Tangents> {
        let mut moved = Vec::new();
        for (k, (coefficient, matrix)) in self.terms(node.inputs()).enumerate() {
            moved.extend(tangents[k].clone().map(|tangent| (tangent, matrix.clone())));
            if let Some(tangent) = &tangents[node.inputs().len() / 2 + k] {
                moved.push((coefficient.clone(), project_sparse(matrix, tangent)?));
            }
        }
        Ok(vec![if moved.is_empty() { Grad::Zero } else { affine_on_pattern(&moved)?.into() }])
    }

    fn infer_shape(&self, _node: &NodeView<'_>, input_shapes: &[Shape]) -> Result<Vec<Shape>> {
        Ok(vec![input_shapes[input_shapes.len() / 2].clone()])
    }

    fn state(&self) -> Option<Box<dyn OpState>> {
        Some(Box::<UnionState>::default())
    }

    /// Folding would give the pattern a new address in every function.
    fn do_constant_folding(&self, _node: &NodeView<'_>) -> bool {
        false
    }
}

/// The union of the patterns seen last, and where each term's slots are in it.
#[derive(Clone, Debug)]
struct UnionState {
    patterns: Vec<Arc<Pattern>>,
    union: Arc<Pattern>,
    slots: Vec<Arc<Vec<u32>>>,
    unions: u64,
}

impl Default for UnionState {
    fn default() -> Self {
        Self { patterns: Vec::new(), union: Arc::new(Pattern::diagonal(0)), slots: Vec::new(), unions: 0 }
    }
}

impl UnionState {
    fn update<'a>(
        &mut self,
        terms: usize,
        pattern: impl Fn(usize) -> Result<&'a Arc<Pattern>, OpFailure>,
    ) -> Result<(), OpFailure> {
        let mut known = self.patterns.len() == terms;
        for k in 0..terms {
            known = known && same_pattern(&self.patterns[k], pattern(k)?);
        }
        if known {
            return Ok(());
        }
        self.patterns = (0..terms).map(|k| pattern(k).cloned()).collect::<Result<_, _>>()?;
        let all: Vec<&Pattern> = self.patterns.iter().map(|pattern| &**pattern).collect();
        // One term, or terms that share a pattern, keep it: symbolic work behind it stays valid.
        let shared = all.iter().all(|pattern| *pattern == all[0]);
        self.union = if shared {
            self.patterns[0].clone()
        } else {
            Arc::new(Pattern::union(&all).map_err(SparseError::failure)?)
        };
        self.slots = all.iter().map(|pattern| Arc::new(pattern.slots_in(&self.union))).collect();
        self.unions += 1;
        Ok(())
    }
}

impl OpState for UnionState {
    fn fork(&self) -> Box<dyn OpState> {
        Box::new(Self { unions: 0, ..self.clone() })
    }

    fn counts(&self) -> Vec<(&'static str, u64)> {
        vec![("union", self.unions)]
    }
}
