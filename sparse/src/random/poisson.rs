//! Poisson counts of sparse means.

use std::borrow::Cow;
use std::sync::Arc;

use kronograph_graph::{
    BuildError, Entry, Grad, Grads, Io, NodeSpec, NodeView, Op, OpFailure, OpResult, Result, Sample, Shape, Tangents,
    Value, Variable, Why, origin,
};
use kronograph_ops::params::exactly;
use kronograph_ops::random::{Elements, RngState, rng_of};
use kronograph_ops::{DType, Tensor};

use super::{a_state, drawn, in_dtype};
use crate::clean::SlotFilter;
use crate::matrix::{Format, SparseMatrix};
use crate::samples::{Build, given_sparse, op};
use crate::ty::sparse_type;

const NAME: &str = "sparse_poisson";

/// Poisson counts. Inputs: the state, a sparse matrix of means.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SparsePoisson;

/// The next state and counts of Poisson distributions whose means are what a sparse matrix stores, in its format and
/// dtype (Aesara's sandbox: `poisson`). What is not stored is zero; counts of zero are not stored.
///
/// Where both store something, the count is that of [`poisson`](kronograph_ops::random::poisson) of the dense means.
///
/// ```
/// use kronograph_ops::random::rng_state;
/// use kronograph_sparse::{Format, random, sparse_matrix};
/// let means = sparse_matrix("means", Format::Csc, [Some(3), Some(4)]);
/// let (_next, counts) = random::poisson(&rng_state("rng"), &means)?;
/// assert_eq!(counts.ty().to_string(), "csc f64 (3, 4)");
/// # Ok::<(), kronograph_graph::BuildError>(())
/// ```
///
/// # Errors
///
/// When `rng` is no random state or `means` no sparse matrix; at run time, when a mean is negative, NaN or above 9.2e18,
/// or a count does not fit into an integer dtype.
#[track_caller]
pub fn poisson(rng: &Variable, means: &Variable) -> Result<(Variable, Variable)> {
    let _scope = origin::here();
    drawn(SparsePoisson, &[rng.clone(), means.clone()])
}

/// The entry of this file.
pub(super) fn entries() -> Vec<Entry> {
    let build: Build = |params, inputs| {
        let [rng, means] = exactly(params, inputs)?;
        let (next, draw) = poisson(rng, means)?;
        Ok(vec![next, draw])
    };
    vec![op(NAME, build, samples, |_| Ok(Arc::new(SparsePoisson)))]
}

fn samples(format: Format) -> Vec<Sample> {
    let means = |dtype: DType| {
        let parts = match format {
            Format::Csr => (vec![3, 0, 1, 2, 0], vec![0, 3, 3, 5]),
            Format::Csc => (vec![2, 0, 0, 2, 0], vec![0, 2, 3, 4, 5]),
        };
        let data = Tensor::vector(vec![2.0, 30.0, 0.0, 1.0, 500.0]).to_dtype(dtype);
        given_sparse(SparseMatrix::new(format, [3, 4], data, parts.0, parts.1).expect("a valid pattern"))
    };
    vec![
        Sample::new("unsorted means", [a_state(), means(DType::F64)]).edge(),
        Sample::new("f32", [a_state(), means(DType::F32)]).edge().single(),
        Sample::new("integers", [a_state(), means(DType::I32)]).edge(),
        Sample::new("nothing", [a_state(), crate::samples::nothing(format)]).edge(),
    ]
}

impl Op for SparsePoisson {
    fn name(&self) -> Cow<'static, str> {
        "sparse_poisson".into()
    }

    fn make_node(&self, inputs: &[Variable]) -> Result<NodeSpec> {
        let [rng, means] = inputs else { return Err(BuildError::arity(NAME, 2, inputs)) };
        rng_of(NAME, rng)?;
        sparse_type(NAME, means)?;
        Ok(NodeSpec::one(means.ty().clone()))
    }

    fn perform(&self, io: &mut Io<'_>) -> OpResult {
        let (state, means) = (io.inputs.get::<RngState>(0)?, io.inputs.get::<SparseMatrix>(1)?);
        let draws = Elements::of("poisson", state);
        let (lam, columns) = (means.data().to_dtype(DType::F64), means.shape()[1] as u64);
        let lam = lam.as_f64().ok_or(OpFailure::WrongValue(1))?;
        let (mut counts, mut outcome) = (vec![0i64; lam.len()], Ok(()));
        means.for_each_position(|slot, i, j| {
            if outcome.is_ok() {
                let count = draws.poisson(i as u64 * columns + j as u64, lam[slot]);
                outcome = count.map(|count| counts[slot] = count);
            }
        });
        outcome?;
        let counts = in_dtype(&Tensor::vector(counts), means.dtype())?;
        let all = SparseMatrix::with_pattern(means.format(), means.shape(), means.pattern().clone(), counts);
        let out = io.outputs[0].buffer::<SparseMatrix>();
        *out = all.map_err(|error| OpFailure::Shapes(error.to_string()))?;
        Ok(SlotFilter::default().drop_zeros(out)?)
    }

    fn l_op(&self, _node: &NodeView<'_>, _output_grads: &[Option<Variable>]) -> Result<Grads> {
        Ok(vec![Grad::Disconnected, Grad::Undefined { why: Why::Random }])
    }

    fn r_op(&self, _node: &NodeView<'_>, _tangents: &[Option<Variable>]) -> Result<Tangents> {
        Ok(vec![Grad::Undefined { why: Why::Random }])
    }

    fn infer_shape(&self, _node: &NodeView<'_>, input_shapes: &[Shape]) -> Result<Vec<Shape>> {
        Ok(vec![input_shapes[1].clone()])
    }

    fn connection_pattern(&self, _output: usize, input: usize) -> bool {
        input == 1
    }
}
