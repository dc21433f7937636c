//! The sums of a vector with Kronecker structure over all factors but one, for each of them.

use std::borrow::Cow;
use std::sync::Arc;

use kronograph_graph::{
    BuildError, Dim, Entry, Grad, Grads, Io, NodeSpec, NodeView, Op, OpFailure, OpRef, OpResult, OpState, Params, Prop,
    Props, Result, Sample, Shape, Slot, Tangents, Variable, apply_all, origin,
};
use smallvec::SmallVec;

use super::dims::Dims;
use super::sum_diag::kronsum_diag;
use crate::construct::full;
use crate::elemwise::{cast, cast_into};
use crate::kernels::axis_sums::Addend;
use crate::layout::{ExtentSpec, Lowered, lengths_at_run_time};
use crate::params::some;
use crate::samples::{dense, given, narrowed, spread_over};
use crate::tensor::{Element, Strided, Tensor, TensorType, shape_text, tensor_type};

/// Sums over all factors but one, for each. Inputs: the vector, then the sizes that are not known when the op is made.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct FactorwiseSumsDiag {
    dims: SmallVec<[ExtentSpec; 4]>,
}

/// `out_k[a] = sum v[(i_1, .., a, .., i_K)]` over the indices of the other factors, for each factor of sizes `dims`;
/// (d_1 .. d_K) → (d_1), .., (d_K).
///
/// All are made in one pass over v, in f64 and in blocks of no more than 1024 terms, so that rounding hardly grows with
/// the length. It is linear; its derivative is [`kronsum_diag`].
///
/// # Errors
///
/// When there are no sizes, or `v` is no vector as long as their product.
#[track_caller]
pub fn factorwise_sums_diag<D: Into<Dim>>(v: &Variable, dims: impl IntoIterator<Item = D>) -> Result<Vec<Variable>> {
    let _scope = origin::here();
    let dims = Dims::of("factorwise_sums_diag", dims)?;
    dims.check_vector(v)?;
    let Lowered { spec, inputs } = dims.given(dims.as_slice())?;
    let op = FactorwiseSumsDiag { dims: spec };
    Ok(apply_all(op, &[std::slice::from_ref(v), &inputs].concat())?.into_vec())
}

/// The entry of this file.
pub(super) fn entries() -> Vec<Entry> {
    let build = |params: &Params<'_>, inputs: &[Variable]| {
        let (v, scalars) = some(params, inputs)?.split_at(1);
        factorwise_sums_diag(&v[0], Dims::of_params(params, "dims", scalars)?)
    };
    let parse = |params: &Params<'_>| {
        let op: OpRef = Arc::new(FactorwiseSumsDiag { dims: ExtentSpec::parse(params, "dims")? });
        Ok(op)
    };
    vec![Entry::function("factorwise_sums_diag", "products", build, samples).parsed_by(parse)]
}

fn samples() -> Vec<Sample> {
    let of = |name: &'static str, n: usize, dims: &[i64]| {
        Sample::new(name, [dense(&[n], (-2.0, 2.0), 1)]).with("dims", Prop::Ints(dims.to_vec()))
    };
    let symbolic = Prop::list(vec![Prop::from("input"), Prop::Int(2)]);
    vec![
        of("one", 3, &[3]),
        of("two", 6, &[2, 3]),
        of("three", 12, &[3, 2, 2]),
        of("a long last one", 38, &[2, 19]),
        of("many rows", 18, &[9, 2]),
        of("sizes of one", 2, &[1, 2, 1]),
        of("nothing", 0, &[2, 0, 3]),
        Sample::new("symbolic", [dense(&[6], (-2.0, 2.0), 1), given(3i64)]).with("dims", symbolic),
        Sample::new("f32", [narrowed(&spread_over(&[6], (-2.0, 2.0), 1))])
            .with("dims", Prop::Ints(vec![2, 3]))
            .single(),
    ]
}

/// What the sums are made in.
#[derive(Debug, Default)]
struct Work {
    /// Sums along the last axis of what is left, and what it was before.
    rows: [Vec<f64>; 2],
    block: Vec<f64>,
    columns: Tensor,
}

impl OpState for Work {
    fn fork(&self) -> Box<dyn OpState> {
        Box::<Self>::default()
    }
}

impl Work {
    /// Writes the sums of all factors: those of the last from the vector itself, those of the others from what remains
    /// of it when it is summed along the last axis.
    fn run<T: Element + Addend>(&mut self, v: &Strided<T>, dims: &[usize], outputs: &mut [Slot]) {
        let Self { rows: [rows, before], block, columns } = self;
        let v = v.to_contiguous();
        let mut number = v.len();
        for (k, (&d, slot)) in dims.iter().zip(outputs).enumerate().rev() {
            let sums = columns.reset::<f64>(&[d]);
            sums.fill(0.0);
            block.resize(d, 0.0);
            if number > 0 {
                number /= d;
                std::mem::swap(rows, before);
                rows.resize(number, 0.0);
                match k + 1 == dims.len() {
                    true => T::axis_sums(v.storage().split_at(number * d).0, sums, rows, block),
                    false => f64::axis_sums(&before[..number * d], sums, rows, block),
                }
            }
            cast_into(columns, T::DTYPE, slot.buffer::<Tensor>());
        }
    }
}

impl Op for FactorwiseSumsDiag {
    fn name(&self) -> Cow<'static, str> {
        "factorwise_sums_diag".into()
    }

    fn props(&self) -> Props {
        Props::default().with("dims", ExtentSpec::prop(&self.dims))
    }

    fn make_node(&self, inputs: &[Variable]) -> Result<NodeSpec> {
        let scalars = ExtentSpec::inputs(&self.dims);
        if inputs.len() != 1 + scalars {
            return Err(BuildError::arity("factorwise_sums_diag", 1 + scalars, inputs));
        }
        let dtype = tensor_type("factorwise_sums_diag", &inputs[0])?.dtype().to_float();
        Dims::of("factorwise_sums_diag", ExtentSpec::dims(&self.dims, &inputs[1..]))?.check_vector(&inputs[0])?;
        let types = self.dims.iter().map(|dim| TensorType::shared(dtype, &[dim.known()]));
        let v = cast(&inputs[0], dtype)?;
        Ok(NodeSpec::many(types).with_inputs(std::iter::once(v).chain(inputs[1..].iter().cloned())))
    }

    fn perform(&self, io: &mut Io<'_>) -> OpResult {
        let lengths = lengths_at_run_time(&self.dims, io, 1)?;
        let dims: SmallVec<[usize; 4]> = lengths.into_iter().flatten().collect();
        let (work, inputs, outputs) = io.with_state::<Work>()?;
        let v = inputs.get::<Tensor>(0)?;
        let size = dims.iter().try_fold(1usize, |size, &d| size.checked_mul(d));
        if size.is_none_or(|size| v.shape() != [size]) {
            let (got, sizes) = (shape_text(v.shape()), shape_text(&dims));
            return Err(OpFailure::Shapes(format!("a vector {got} has no factors of sizes {sizes}")).into());
        }
        match v {
            Tensor::F64(v) => work.run(v, &dims, outputs),
            Tensor::F32(v) => work.run(v, &dims, outputs),
            _ => return Err(OpFailure::WrongValue(0).into()),
        }
        Ok(())
    }

    /// `v̄[(i_1, .., i_K)] = sum_k ḡ_k[i_k]`.
    fn l_op(&self, node: &NodeView<'_>, output_grads: &[Option<Variable>]) -> Result<Grads> {
        let cotangent = |(g, output): (&Option<Variable>, &Variable)| match g {
            Some(g) => Ok(g.clone()),
            None => full(0.0, tensor_type("factorwise_sums_diag", output)?.dtype(), [Dim::axis(output, 0)]),
        };
        let cotangents = output_grads.iter().zip(node.outputs()).map(cotangent).collect::<Result<Vec<_>>>()?;
        let mut grads = vec![Grad::Disconnected; node.inputs().len()];
        grads[0] = kronsum_diag(&cotangents)?.into();
        Ok(grads)
    }

    fn r_op(&self, node: &NodeView<'_>, tangents: &[Option<Variable>]) -> Result<Tangents> {
        let Some(tangent) = &tangents[0] else { return Ok(vec![Grad::Zero; self.dims.len()]) };
        let inputs = [std::slice::from_ref(tangent), &node.inputs()[1..]].concat();
        Ok(apply_all(self.clone(), &inputs)?.into_iter().map(Grad::Var).collect())
    }

    fn infer_shape(&self, node: &NodeView<'_>, _input_shapes: &[Shape]) -> Result<Vec<Shape>> {
        let dims = ExtentSpec::dims(&self.dims, &node.inputs()[1..]);
        Ok(dims.into_iter().map(|dim| [dim].into_iter().collect()).collect())
    }

    fn connection_pattern(&self, _output: usize, input: usize) -> bool {
        input == 0
    }

    fn state(&self) -> Option<Box<dyn OpState>> {
        Some(Box::<Work>::default())
    }
}
