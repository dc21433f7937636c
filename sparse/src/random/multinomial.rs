//! Multinomial counts, row by row of sparse probabilities.

use std::borrow::Cow;
use std::sync::Arc;

use kronograph_graph::{
    BuildError, Entry, Grad, Grads, Io, NodeSpec, NodeView, Op, OpFailure, OpResult, OpState, Operand, Result, Sample,
    Shape, Tangents, Variable, Why, origin,
};
use kronograph_ops::params::exactly;
use kronograph_ops::random::{Elements, RandomError, RngState, rng_of};
use kronograph_ops::samples::given;
use kronograph_ops::{DType, Element, Tensor, TensorType, cast, constant};

use super::{a_state, drawn};
use crate::kept::Kept;
use crate::matrix::{Format, SparseMatrix};
use crate::pattern::Moved;
use crate::samples::{Build, given_sparse, in_dtype, op};
use crate::ty::sparse_type;

const NAME: &str = "sparse_multinomial";

/// Multinomial counts. Inputs: the state, the numbers of trials (i64, one or one for each row), sparse probabilities.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SparseMultinomial;

/// The next state and, for each row of a sparse matrix of probabilities, how often each category occurs in `n` trials,
/// or `n[i]` of row i: in the type of `p` (Aesara's sandbox: `multinomial`). Counts of zero stay stored, so the
/// positions are those of `p`; a row that stores nothing has no counts.
///
/// The counts are those of [`multinomial`](kronograph_ops::random::multinomial) of the dense probabilities.
///
/// # Errors
///
/// When `rng` is no random state, `n` no integer or vector of integers, or `p` no sparse matrix of floats; at run time,
/// when `n` is negative or has another length than there are rows, a probability is not from 0 to 1, or a row that
/// stores something does not sum to one but for rounding.
#[track_caller]
pub fn multinomial<'a>(rng: &Variable, n: impl Into<Operand<'a>>, p: &Variable) -> Result<(Variable, Variable)> {
    let _scope = origin::here();
    let n = match n.into() {
        Operand::Variable(n) => n.clone(),
        Operand::Int(n) => constant(n),
        Operand::Bool(_) | Operand::Float(_) => {
            return Err(BuildError::parameter(NAME, "the number of trials must be an integer"));
        }
    };
    drawn(SparseMultinomial, &[rng.clone(), n, p.clone()])
}

/// The entry of this file.
pub(super) fn entries() -> Vec<Entry> {
    let build: Build = |params, inputs| {
        let [rng, n, p] = exactly(params, inputs)?;
        let (next, draw) = multinomial(rng, n, p)?;
        Ok(vec![next, draw])
    };
    vec![op(NAME, build, samples, |_| Ok(Arc::new(SparseMultinomial)))]
}

fn samples(format: Format) -> Vec<Sample> {
    let p = || {
        let at = [(0, 3, 0.5), (0, 0, 0.25), (0, 1, 0.25), (2, 2, 1.0), (2, 0, 0.0)];
        given_sparse(crate::convert::from_triplets(format, [3, 4], &at).expect("positions inside of the shape"))
    };
    vec![
        Sample::new("one number of trials", [a_state(), given(50i64), p()]).edge(),
        Sample::new("trials of each row", [a_state(), given(vec![4i32, 100, 0]), p()]).edge(),
        Sample::new("f32", [a_state(), given(9i64), in_dtype(p(), DType::F32)]).edge().single(),
        Sample::new("no rows", [a_state(), given(9i64), crate::samples::no_rows(format)]).edge(),
    ]
}

/// The slots row by row, and room for a row.
#[derive(Debug, Default)]
struct Rows {
    rows: Kept<Moved>,
    p: Vec<f64>,
    counts: Vec<i64>,
}

impl OpState for Rows {
    fn fork(&self) -> Box<dyn OpState> {
        Box::<Self>::default()
    }
}

/// The number of trials of a row.
fn trials(n: &Tensor, row: usize) -> i64 {
    match n {
        Tensor::I64(n) => n.storage()[row * n.strides().first().copied().unwrap_or(0)],
        _ => -1,
    }
}

impl Rows {
    fn draw<T: Element + Into<f64>>(
        &mut self,
        draws: &Elements,
        n: &Tensor,
        p: &SparseMatrix,
        out: &mut SparseMatrix,
        count: impl Fn(i64) -> T,
    ) -> OpResult {
        let by_rows = || Ok(if p.format() == Format::Csr { p.pattern().sorted() } else { p.pattern().flipped() });
        let rows = self.rows.of_patterns(&[p.pattern()], by_rows)?;
        let (values, columns) = (p.slots::<T>()?, p.shape()[1]);
        let out = out.reset::<T>(p.format(), p.shape(), p.pattern());
        for row in 0..rows.pattern.major() {
            let (slots, indices) = (&rows.slots[rows.pattern.range(row)], rows.pattern.slice(row));
            self.p.clear();
            self.p.extend(slots.iter().map(|&slot| -> f64 { values[slot as usize].into() }));
            self.counts.clear();
            self.counts.resize(slots.len(), 0);
            if !slots.is_empty() {
                let element = |k: usize| (row * columns + indices[k] as usize) as u64;
                let drawn: Result<(), RandomError> =
                    draws.multinomial(row, element, trials(n, row), &self.p, &mut self.counts);
                drawn?;
            }
            slots.iter().zip(&self.counts).for_each(|(&slot, &drawn)| out[slot as usize] = count(drawn));
        }
        Ok(())
    }
}

impl Op for SparseMultinomial {
    fn name(&self) -> Cow<'static, str> {
        "sparse_multinomial".into()
    }

    fn make_node(&self, inputs: &[Variable]) -> Result<NodeSpec> {
        let [rng, n, p] = inputs else { return Err(BuildError::arity(NAME, 3, inputs)) };
        rng_of(NAME, rng)?;
        let ty = sparse_type(NAME, p)?;
        if !ty.dtype().is_float() {
            return Err(BuildError::inputs(NAME, &inputs[2..], "probabilities are floats"));
        }
        let lengths = match n.type_as::<TensorType>() {
            Some(n) if n.rank() < 2 && n.dtype() != DType::Bool && !n.dtype().is_float() => n.lengths().to_vec(),
            _ => return Err(BuildError::inputs(NAME, &inputs[1..], "trials are an integer, or one for each row")),
        };
        let differ = |length: &Option<usize>| length.zip(ty.shape()[0]).is_some_and(|(n, rows)| n != rows);
        if lengths.first().is_some_and(differ) {
            return Err(BuildError::inputs(NAME, &inputs[1..], "there must be a number of trials for each row"));
        }
        Ok(NodeSpec::one(p.ty().clone()).with_inputs([rng.clone(), cast(n, DType::I64)?, p.clone()]))
    }

    fn perform(&self, io: &mut Io<'_>) -> OpResult {
        let (state, inputs, outputs) = io.with_state::<Rows>()?;
        let draws = Elements::of("multinomial", inputs.get::<RngState>(0)?);
        let (n, p) = (inputs.get::<Tensor>(1)?, inputs.get::<SparseMatrix>(2)?);
        if n.shape().first().is_some_and(|&length| length != p.shape()[0]) {
            let (got, rows) = (n.len(), p.shape()[0]);
            return Err(OpFailure::Shapes(format!("{got} numbers of trials do not fit {rows} rows")).into());
        }
        let out = outputs[0].buffer::<SparseMatrix>();
        match p.data() {
            Tensor::F64(_) => state.draw::<f64>(&draws, n, p, out, |count| count as f64),
            Tensor::F32(_) => state.draw::<f32>(&draws, n, p, out, |count| count as f32),
            _ => Err(OpFailure::WrongValue(2).into()),
        }
    }

    fn l_op(&self, _node: &NodeView<'_>, _output_grads: &[Option<Variable>]) -> Result<Grads> {
        let undefined = Grad::Undefined { why: Why::Random };
        Ok(vec![Grad::Disconnected, undefined.clone(), undefined])
    }

    fn r_op(&self, _node: &NodeView<'_>, _tangents: &[Option<Variable>]) -> Result<Tangents> {
        Ok(vec![Grad::Undefined { why: Why::Random }])
    }

    fn infer_shape(&self, _node: &NodeView<'_>, input_shapes: &[Shape]) -> Result<Vec<Shape>> {
        Ok(vec![input_shapes[2].clone()])
    }

    fn connection_pattern(&self, _output: usize, input: usize) -> bool {
        input > 0
    }

    fn state(&self) -> Option<Box<dyn OpState>> {
        Some(Box::<Rows>::default())
    }
}
