//! Binomial counts for every entry of a matrix, of which only those above zero are drawn.

use std::borrow::Cow;
use std::sync::Arc;

use kronograph_graph::{
    BuildError, Entry, Grad, Grads, Io, NodeSpec, NodeView, Op, OpError, OpFailure, OpResult, Operand, Params, Props,
    Result, Sample, Shape, Tangents, Variable, Why, origin,
};
use kronograph_ops::params::{dtype_of, exactly};
use kronograph_ops::random::{Elements, RngState, rng_of};
use kronograph_ops::samples::given;
use kronograph_ops::{DType, Tensor, TensorType, cast, check_size, constant};

use super::{a_state, drawn, in_dtype};
use crate::csm::{read_shape, shape_told, told};
use crate::format::format_of;
use crate::integers::integer_vector;
use crate::matrix::{Format, SparseMatrix};
use crate::samples::{Build, op};
use crate::ty::SparseType;

const NAME: &str = "sparse_binomial";

/// Binomial counts. Inputs: the state, the number of trials (i64), the probability (f64), the shape.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SparseBinomial {
    /// The format of the result.
    pub format: Format,
    /// The dtype of the result.
    pub dtype: DType,
}

/// The next state and a sparse matrix of a shape (a vector of two integers), each of whose entries is how many of `n`
/// trials succeed, with probability `p` each (Aesara's sandbox: `binomial`). Zeros are not stored.
///
/// Row by row, the distance from one entry above zero to the next is geometric, and its count is binomial given that it
/// is not zero. So the cost is that of what is stored, and of one number for each row.
///
/// ```
/// use kronograph_ops::random::rng_state;
/// use kronograph_ops::{DType, constant};
/// use kronograph_sparse::{Format, random};
/// let shape = constant(vec![1_000i64, 2_000]);
/// let (_next, counts) = random::binomial(&rng_state("rng"), 5, 1e-4, &shape, Format::Csr, DType::F64)?;
/// assert_eq!(counts.ty().to_string(), "csr f64 (1000, 2000)");
/// # Ok::<(), kronograph_graph::BuildError>(())
/// ```
///
/// # Errors
///
/// When `rng` is no random state, `n` no integer scalar, `p` no float scalar, `shape` no vector of two integers, or a
/// matrix cannot hold the dtype; at run time, when `n` is negative, `p` not from 0 to 1, the shape or what it would store
/// too large, or a count does not fit into an integer dtype.
#[track_caller]
pub fn binomial<'a>(
    rng: &Variable,
    n: impl Into<Operand<'a>>,
    p: impl Into<Operand<'a>>,
    shape: &Variable,
    format: Format,
    dtype: DType,
) -> Result<(Variable, Variable)> {
    let _scope = origin::here();
    let variable = |operand: Operand<'_>| match operand {
        Operand::Variable(variable) => variable.clone(),
        Operand::Int(value) => constant(value),
        Operand::Float(value) => constant(value),
        Operand::Bool(value) => constant(value),
    };
    drawn(SparseBinomial { format, dtype }, &[rng.clone(), variable(n.into()), variable(p.into()), shape.clone()])
}

/// The entry of this file.
pub(super) fn entries() -> Vec<Entry> {
    let build: Build = |params, inputs| {
        let [rng, n, p, shape] = exactly(params, inputs)?;
        let SparseBinomial { format, dtype } = op_of(params)?;
        let (next, draw) = binomial(rng, n, p, shape, format, dtype)?;
        Ok(vec![next, draw])
    };
    vec![op(NAME, build, samples, |params| Ok(Arc::new(op_of(params)?)))]
}

fn op_of(params: &Params<'_>) -> Result<SparseBinomial> {
    Ok(SparseBinomial { format: format_of(params)?, dtype: dtype_of(params, "dtype")?.unwrap_or(DType::F64) })
}

fn samples(format: Format) -> Vec<Sample> {
    let of = |name, n: i64, p: f64, shape: [i64; 2]| {
        let sample = Sample::new(name, [a_state(), given(n), given(p), given(shape.to_vec())]);
        sample.with("format", format.name()).edge()
    };
    vec![
        of("few", 3, 0.1, [4, 5]),
        of("many", 40, 0.7, [3, 2]).with("dtype", "int32"),
        of("all", 5, 1.0, [2, 3]).with("dtype", "float32"),
        of("none", 5, 0.0, [2, 3]),
        of("no rows", 5, 0.5, [0, 3]),
    ]
}

/// Columns and counts of what is stored, and where each row starts among them.
struct Drawn {
    indptr: Vec<u32>,
    columns: Vec<u32>,
    counts: Vec<i64>,
}

impl Drawn {
    fn of(state: &RngState, n: i64, p: f64, [rows, columns]: [usize; 2]) -> Result<Self, Box<dyn OpError>> {
        let too_large = || OpFailure::Shapes("it would store more entries than 32 bits count".to_owned());
        check_size(&[rows, 1])?;
        let cells = (rows as u64).checked_mul(columns as u64).ok_or_else(too_large)?;
        let above_zero = Elements::of("binomial", state).binomial_above_zero(n, p, cells)?;
        // Before they are drawn, which takes as long as there are.
        if above_zero.expected() > f64::from(u32::MAX) {
            return Err(too_large().into());
        }
        check_size(&[above_zero.expected() as usize, 3])?;
        let mut drawn = Self { indptr: vec![0; rows + 1], columns: Vec::new(), counts: Vec::new() };
        for (cell, count) in above_zero {
            drawn.indptr[(cell / columns as u64) as usize + 1] += 1;
            drawn.columns.push((cell % columns as u64) as u32);
            drawn.counts.push(count);
        }
        if u32::try_from(drawn.columns.len()).is_err() {
            return Err(too_large().into());
        }
        (0..rows).for_each(|row| drawn.indptr[row + 1] += drawn.indptr[row]);
        Ok(drawn)
    }
}

/// Checks a scalar of a kind.
fn check_scalar(inputs: &[Variable], at: usize, fits: impl Fn(DType) -> bool, rule: &'static str) -> Result<()> {
    match inputs[at].type_as::<TensorType>() {
        Some(ty) if ty.rank() == 0 && fits(ty.dtype()) => Ok(()),
        _ => Err(BuildError::inputs(NAME, &inputs[at..=at], rule)),
    }
}

impl Op for SparseBinomial {
    fn name(&self) -> Cow<'static, str> {
        "sparse_binomial".into()
    }

    fn props(&self) -> Props {
        Props::default().with("format", self.format.name()).with("dtype", self.dtype.to_string())
    }

    fn make_node(&self, inputs: &[Variable]) -> Result<NodeSpec> {
        let [rng, n, p, shape] = inputs else { return Err(BuildError::arity(NAME, 4, inputs)) };
        rng_of(NAME, rng)?;
        let whole = |dtype: DType| dtype != DType::Bool && !dtype.is_float();
        check_scalar(inputs, 1, whole, "the number of trials must be an integer scalar")?;
        check_scalar(inputs, 2, DType::is_float, "the probability must be a float scalar")?;
        let length = integer_vector(NAME, "the shape", shape)?;
        if length.is_some_and(|length| length != 2) || !SparseType::admits(self.dtype) {
            let rule = "a shape is a number of rows and one of columns, and the dtype one of numbers";
            return Err(BuildError::inputs(NAME, &inputs[3..], rule));
        }
        let ty = SparseType::shared(self.format, self.dtype, told(shape));
        let (n, p) = (cast(n, DType::I64)?, cast(p, DType::F64)?);
        Ok(NodeSpec::one(ty).with_inputs([rng.clone(), n, p, shape.clone()]))
    }

    fn perform(&self, io: &mut Io<'_>) -> OpResult {
        let state = io.inputs.get::<RngState>(0)?;
        let n = io.inputs.value(1)?.as_index().ok_or(OpFailure::WrongValue(1))?;
        let p = io.inputs.get::<Tensor>(2)?.array::<f64>().map_err(|_| OpFailure::WrongValue(2))?.storage()[0];
        let shape = read_shape(io.inputs.get(3)?)?;
        let Drawn { indptr, columns, counts } = Drawn::of(state, n, p, shape)?;
        let counts = in_dtype(&Tensor::vector(counts), self.dtype)?;
        let drawn = SparseMatrix::of_narrow(Format::Csr, shape, counts, columns, indptr);
        let drawn = drawn.map_err(|error| OpFailure::Shapes(error.to_string()))?;
        *io.outputs[0].buffer::<SparseMatrix>() = drawn.to_format(self.format);
        Ok(())
    }

    fn l_op(&self, _node: &NodeView<'_>, _output_grads: &[Option<Variable>]) -> Result<Grads> {
        let undefined = Grad::Undefined { why: Why::Random };
        Ok(vec![Grad::Disconnected, undefined.clone(), undefined, Grad::Disconnected])
    }

    fn r_op(&self, _node: &NodeView<'_>, _tangents: &[Option<Variable>]) -> Result<Tangents> {
        Ok(vec![Grad::Undefined { why: Why::Random }])
    }

    fn infer_shape(&self, node: &NodeView<'_>, _input_shapes: &[Shape]) -> Result<Vec<Shape>> {
        Ok(vec![shape_told(node.input(3))?])
    }

    fn connection_pattern(&self, _output: usize, input: usize) -> bool {
        input == 1 || input == 2
    }
}
