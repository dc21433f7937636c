//! A scaled product of a sparse matrix added to a dense one.

use std::borrow::Cow;
use std::sync::Arc;

use kronograph_graph::{
    BuildError, Entry, Grad, Grads, Io, NodeSpec, NodeView, Op, OpFailure, OpResult, OpState, Result, Sample, Shape,
    Tangents, Variable, apply, origin, sum_of,
};
use kronograph_ops::params::exactly;
use kronograph_ops::{DType, Element, Tensor, TensorType, cast, mul, reshape, shape_text, sum, transpose};

use super::dot::{cotangent_of_left, sparse_dot};
use super::multiply::{Dense, Packed, check_operand, dtype_of, multiply, operands, result_lengths};
use super::samples::{kinds, single_and_whole};
use crate::format::to_format;
use crate::matrix::{Format, SparseMatrix};
use crate::number::{Number, each_number};
use crate::samples::{Build, dense_input, op};
use crate::transpose::sparse_transpose;
use crate::ty::{SparseType, is_sparse, sparse_type};

/// `α x y + z`, dense: x sparse, y a dense matrix or sparse of the format of x, z dense. Inputs: α, x, y, z.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Usmm;

/// `α x y + z` of a number, matrices (m, k) and (k, n), one of them sparse at least, and a dense matrix (m, n), as a
/// dense matrix in the dtype that all convert to (PyTensor: `usmm`). α has one element and any number of axes.
///
/// Derivatives: `ᾱ = sum(g ∘ (x y))`, `x̄ = α g yᵀ`, `ȳ = α xᵀ g`, `z̄ = g`, regular.
///
/// ```
/// use kronograph_ops::{constant, matrix};
/// use kronograph_sparse::{Format, sparse_matrix, usmm};
///
/// let x = sparse_matrix("x", Format::Csr, [Some(2), Some(3)]);
/// let residual = usmm(&constant(-1.0), &x, &matrix("coefficients"), &matrix("y"))?;
/// assert_eq!(residual.ty().to_string(), "f64 (2, ?)");
/// # Ok::<(), kronograph_graph::BuildError>(())
/// ```
///
/// # Errors
///
/// When α is not known to have one element, neither x nor y is sparse, z is no dense matrix, or the shapes do not fit:
/// z does not broadcast.
#[track_caller]
pub fn usmm(alpha: &Variable, x: &Variable, y: &Variable, z: &Variable) -> Result<Variable> {
    let _scope = origin::here();
    let [x, y] = operands("usmm", x, y, Dense::Matrix)?;
    if is_sparse(z) {
        return Err(BuildError::inputs("usmm", std::slice::from_ref(z), "what is added must be dense"));
    }
    check_operand("usmm", z, Dense::Matrix)?;
    let Some(scalar) = alpha.type_as::<TensorType>().filter(|ty| ty.lengths().iter().all(|n| *n == Some(1))) else {
        return Err(BuildError::inputs("usmm", std::slice::from_ref(alpha), "one dense element is needed"));
    };
    let dtype = [dtype_of(&x), dtype_of(z)].into_iter().flatten().fold(scalar.dtype(), DType::promote);
    let alpha = cast(&reshape(alpha, Vec::<usize>::new())?, dtype)?;
    let [x, y, z] = [cast(&x, dtype)?, cast(&y, dtype)?, cast(z, dtype)?];
    match (x.type_as::<SparseType>(), is_sparse(&y)) {
        (Some(ty), true) => apply(Usmm, &[alpha, x.clone(), to_format(&y, ty.format())?, z]),
        (Some(_), false) => apply(Usmm, &[alpha, x, y, z]),
        (None, _) => transpose(&apply(Usmm, &[alpha, sparse_transpose(&y)?, transpose(&x)?, transpose(&z)?])?),
    }
}

/// The entry of this file.
pub(crate) fn entries() -> Vec<Entry> {
    let build: Build = |params, inputs| {
        let [alpha, x, y, z] = exactly(params, inputs)?;
        Ok(vec![usmm(alpha, x, y, z)?])
    };
    let samples = |format: Format| {
        let with_sum = |sample: Sample| {
            let rows = sample.inputs[0].value.extents()[0];
            let columns = sample.inputs[1].value.extents()[1];
            let [x, y] = <[_; 2]>::try_from(sample.inputs).expect("two operands");
            let inputs = vec![dense_input(&[], 5), x, y, dense_input(&[rows, columns], 6)];
            Sample { inputs, ..sample }
        };
        [kinds(format), single_and_whole(format)].concat().into_iter().map(with_sum).collect()
    };
    vec![op("usmm", build, samples, |_| Ok(Arc::new(Usmm)))]
}

/// Space for the dense operands.
#[derive(Debug, Default)]
struct Operands {
    y: Packed,
    z: Packed,
}

impl OpState for Operands {
    fn fork(&self) -> Box<dyn OpState> {
        Box::<Self>::default()
    }
}

impl Op for Usmm {
    fn name(&self) -> Cow<'static, str> {
        "usmm".into()
    }

    fn make_node(&self, inputs: &[Variable]) -> Result<NodeSpec> {
        let [alpha, x, y, z] = inputs else { return Err(BuildError::arity("usmm", 4, inputs)) };
        let ty = sparse_type("usmm", x)?;
        check_operand("usmm", y, Dense::Matrix)?;
        let lengths = result_lengths("usmm", &inputs[1..3])?;
        let dense = |x: &Variable, rank| x.type_as::<TensorType>().is_some_and(|ty| ty.rank() == rank);
        let one_format = y.type_as::<SparseType>().is_none_or(|other| other.format() == ty.format());
        let one_dtype = inputs.iter().all(|input| dtype_of(input) == Some(ty.dtype()));
        if !dense(alpha, 0) || !dense(z, 2) || !one_format || !one_dtype {
            let rule = "a scalar, two matrices of one format and a dense matrix are needed, all of one dtype";
            return Err(BuildError::inputs("usmm", inputs, rule));
        }
        let sums = z.ty().extents();
        if lengths.iter().zip(sums).any(|(a, b)| a.is_some() && b.is_some() && a != b) {
            return Err(BuildError::inputs("usmm", inputs, "what is added must have the shape of the product"));
        }
        let lengths: Vec<_> = lengths.iter().zip(sums).map(|(a, b)| a.or(*b)).collect();
        Ok(NodeSpec::one(TensorType::shared(ty.dtype(), &lengths)))
    }

    fn perform(&self, io: &mut Io<'_>) -> OpResult {
        let (space, inputs, outputs) = io.with_state::<Operands>()?;
        let (alpha, x, z) = (inputs.get::<Tensor>(0)?, inputs.get::<SparseMatrix>(1)?, inputs.get::<Tensor>(3)?);
        let shape = [x.shape()[0], inputs.value(2)?.extents().get(1).copied().unwrap_or(0)];
        if z.shape() != shape {
            let (a, b) = (shape_text(&shape), shape_text(z.shape()));
            return Err(OpFailure::Shapes(format!("a product of shape {a} and a matrix of shape {b}")).into());
        }
        let out = outputs[0].buffer::<Tensor>();
        multiply(x, inputs.value(2)?, &mut space.y, out)?;
        each_number!(x.dtype(), T => {
            let alpha = T::of(alpha).and_then(|alpha| alpha.storage().first()).ok_or(OpFailure::WrongValue(0))?;
            let z = space.z.rows(T::of(z).ok_or(OpFailure::WrongValue(3))?);
            let product = T::of_mut(out).ok_or(OpFailure::WrongValue(2))?.buffer_mut();
            product.iter_mut().zip(z).for_each(|(out, &z)| *out = alpha.times(*out).plus(z));
        });
        Ok(())
    }

    /// `ᾱ = sum(g ∘ (x y))`, `x̄ = α g yᵀ`, `ȳ = α xᵀ g`, `z̄ = g`.
    fn l_op(&self, node: &NodeView<'_>, output_grads: &[Option<Variable>]) -> Result<Grads> {
        let Some(g) = &output_grads[0] else { return Ok(vec![Grad::Zero; 4]) };
        let (alpha, x, y) = (node.input(0), node.input(1), node.input(2));
        let scaled = mul(alpha, g)?;
        Ok(vec![
            sum(&mul(g, &sparse_dot(x, y)?)?)?.into(),
            cotangent_of_left(&scaled, y)?.into(),
            sparse_dot(&sparse_transpose(x)?, &scaled)?.into(),
            g.clone().into(),
        ])
    }

    fn r_op(&self, node: &NodeView<'_>, tangents: &[Option<Variable>]) -> Result<Tangents> {
        let (alpha, x, y) = (node.input(0), node.input(1), node.input(2));
        let term = |alpha: &Variable, x: &Variable, y: &Variable| mul(alpha, &sparse_dot(x, y)?);
        let terms = [
            tangents[0].as_ref().map(|t| term(t, x, y)).transpose()?,
            tangents[1].as_ref().map(|t| term(alpha, t, y)).transpose()?,
            tangents[2].as_ref().map(|t| term(alpha, x, t)).transpose()?,
            tangents[3].clone(),
        ];
        Ok(vec![sum_of(&terms)?.into()])
    }

    fn infer_shape(&self, _node: &NodeView<'_>, input_shapes: &[Shape]) -> Result<Vec<Shape>> {
        Ok(vec![input_shapes[3].clone()])
    }

    fn state(&self) -> Option<Box<dyn OpState>> {
        Some(Box::<Operands>::default())
    }
}
