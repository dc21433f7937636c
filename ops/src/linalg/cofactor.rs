//! Cofactors of matrices, and their derivatives: polynomials in the entries, so they exist for singular matrices.
//!
//! How they are computed is the business of `minors`.

use std::borrow::Cow;
use std::sync::Arc;

use kronograph_graph::{
    BuildError, Entry, Grad, Grads, Io, NodeSpec, NodeView, Op, OpFailure, OpResult, OpState, Params, Result, Sample,
    SampleInput, Shape, Tangents, Variable, apply, sum_of,
};
use smallvec::SmallVec;

use super::matrices::{MatrixType, order_of};
use super::minors::Minors;
use super::systems::{general, matrices, singular};
use crate::dtype::DType;
use crate::elemwise::cast;
use crate::params::some;
use crate::samples::given;
use crate::tensor::{Strided, Tensor, TensorType, check_size, shape_text};

/// The cofactors of a matrix, or a derivative of them along further matrices, one of which each further input is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Cofactor;

/// The cofactors of a matrix, `cof A = det(A) A⁻ᵀ` wherever the inverse exists, or their derivative along matrices: the
/// derivative of order `along.len()`, linear and symmetric in those. For stacks, of each.
///
/// It is the derivative of [`det`](super::det()): `d det(A)/dA = cof A`. Cost: `O(n³)`, and `O(n^(k + 2))` along k
/// matrices.
///
/// # Errors
///
/// When `a` is not a square matrix, or another one has a different shape; at run time, when A is not finite.
#[track_caller]
pub fn cofactor(a: &Variable, along: &[Variable]) -> Result<Variable> {
    apply(Cofactor, &[std::slice::from_ref(a), along].concat())
}

/// The entry of this file: the matrix, then the matrices along which it is differentiated.
pub(crate) fn entries() -> Vec<Entry> {
    let build = |params: &Params<'_>, inputs: &[Variable]| Ok(vec![apply(Cofactor, some(params, inputs)?)?]);
    vec![Entry::function("cofactor", "linear systems", build, samples).parsed_by(|_| Ok(Arc::new(Cofactor)))]
}

fn samples() -> Vec<Sample> {
    let mut samples: Vec<Sample> =
        matrices(general).into_iter().filter(|sample| sample.name != "f32" && sample.name != "integers").collect();
    samples.extend((0..3).map(|rank| Sample::new(format!("rank {rank}"), [given(singular(3, rank))])));
    let along = |shape: &[usize], count: u64| -> Vec<SampleInput> {
        (0..=count).map(|seed| given(general(shape, seed + 1))).collect()
    };
    samples.push(Sample::new("along one matrix", along(&[3, 3], 1)));
    samples.push(Sample::new("along two matrices", along(&[3, 3], 2)));
    samples.push(Sample::new("a stack along one", along(&[2, 2, 2], 1)));
    samples.push(Sample::new("along more than there is", along(&[1, 1], 1)));
    samples.push(Sample::new("order 0 along one", along(&[0, 0], 1)));
    samples.push(Sample::new("singular, along one", vec![given(singular(3, 1)), given(general(&[3, 3], 2))]));
    samples
}

impl Op for Cofactor {
    fn name(&self) -> Cow<'static, str> {
        "cofactor".into()
    }

    fn make_node(&self, inputs: &[Variable]) -> Result<NodeSpec> {
        let Some(a) = inputs.first() else { return Err(BuildError::arity("cofactor", 1, inputs)) };
        let ty = MatrixType::square("cofactor", a)?;
        let rank = ty.batch.len() + 2;
        let mut lengths = [&ty.batch[..], &[ty.rows; 2]].concat();
        let mut converted = Vec::with_capacity(inputs.len());
        for input in inputs {
            let own = input.ty().extents();
            converted.push(cast(input, DType::F64)?);
            let differs =
                |(length, own): (&Option<usize>, &Option<usize>)| length.is_some() && own.is_some() && length != own;
            if own.len() != rank || lengths.iter().zip(own).any(differs) {
                return Err(BuildError::inputs("cofactor", inputs, "all must have the shape of the first"));
            }
            lengths.iter_mut().zip(own).for_each(|(length, own)| *length = length.or(*own));
        }
        Ok(NodeSpec::one(TensorType::shared(DType::F64, &lengths)).with_inputs(converted))
    }

    fn perform(&self, io: &mut Io<'_>) -> OpResult {
        let (work, inputs, outputs) = io.with_state::<Minors>()?;
        let mut arrays: SmallVec<[Strided<f64>; 3]> = SmallVec::new();
        for k in 0..inputs.len() {
            let array = inputs.get::<Tensor>(k)?.array::<f64>().map_err(|_| OpFailure::WrongValue(k))?;
            arrays.push(array.to_contiguous());
        }
        let shape = arrays[0].shape();
        if let Some(other) = arrays.iter().find(|other| other.shape() != shape) {
            let (a, b) = (shape_text(shape), shape_text(other.shape()));
            return Err(OpFailure::Shapes(format!("shapes {a} and {b} differ")).into());
        }
        let [.., rows, columns] = shape else { return Err(OpFailure::WrongValue(0).into()) };
        let order = order_of([*rows, *columns])?;
        check_size(shape)?;
        let out = outputs[0].buffer::<Tensor>().reset::<f64>(shape);
        let size = (order * order).max(1);
        for (number, out) in out.chunks_exact_mut(size).enumerate() {
            let matrices = arrays.iter().map(|array| &array.storage()[number * size..][..size]);
            work.cofactors(order, matrices, out)?;
        }
        Ok(())
    }

    /// `<G, C(A; H..)>` is linear and symmetric in G and all H, and a derivative of det: its derivative along A takes
    /// one matrix more.
    fn l_op(&self, node: &NodeView<'_>, output_grads: &[Option<Variable>]) -> Result<Grads> {
        let (a, along) = (node.input(0), &node.inputs()[1..]);
        let Some(g) = &output_grads[0] else { return Ok(vec![Grad::Zero; node.inputs().len()]) };
        let mut grads = vec![cofactor(a, &[along, std::slice::from_ref(g)].concat())?.into()];
        for k in 0..along.len() {
            grads.push(cofactor(a, &replaced(along, k, g))?.into());
        }
        Ok(grads)
    }

    fn r_op(&self, node: &NodeView<'_>, tangents: &[Option<Variable>]) -> Result<Tangents> {
        let (a, along) = (node.input(0), &node.inputs()[1..]);
        let mut terms = Vec::with_capacity(tangents.len());
        for (k, tangent) in tangents.iter().enumerate() {
            let moved = |tangent: &Variable| match k {
                0 => cofactor(a, &[along, std::slice::from_ref(tangent)].concat()),
                _ => cofactor(a, &replaced(along, k - 1, tangent)),
            };
            terms.push(tangent.as_ref().map(moved).transpose()?);
        }
        Ok(vec![sum_of(&terms)?.into()])
    }

    fn infer_shape(&self, _node: &NodeView<'_>, input_shapes: &[Shape]) -> Result<Vec<Shape>> {
        Ok(vec![input_shapes[0].clone()])
    }

    fn state(&self) -> Option<Box<dyn OpState>> {
        Some(Box::<Minors>::default())
    }
}

fn replaced(along: &[Variable], k: usize, by: &Variable) -> Vec<Variable> {
    let mut along = along.to_vec();
    along[k] = by.clone();
    along
}
