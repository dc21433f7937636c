//! Traces over all factors of a Kronecker structure but one.

use std::borrow::Cow;
use std::sync::Arc;

use kronograph_graph::{
    BuildError, Dim, Entry, Grad, Grads, Io, NodeSpec, NodeView, Op, OpFailure, OpRef, OpResult, OpState, Params, Prop,
    Props, Result, Sample, Shape, Tangents, Variable, apply, origin,
};

use super::dims::Dims;
use super::product::kron_all;
use crate::elemwise::{cast, cast_into};
use crate::layout::{ExtentSpec, lengths_at_run_time};
use crate::linalg::eye;
use crate::params::some;
use crate::samples::{dense, given, narrowed, spread_over};
use crate::tensor::{Element, Strided, Tensor, TensorType, shape_text, tensor_type};

/// A trace over what stands before and behind one factor. Inputs: the matrix, then those of the three sizes (of what
/// stands before, of the factor, of what stands behind) that are not known when the op is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct PartialTrace {
    sizes: [ExtentSpec; 3],
}

/// `out[a, b] = sum_lr M[(l, a, r), (l, b, r)]` for factor `k` of sizes `dims`; (p, p) → (d_k, d_k) with `p = d_1 ..
/// d_K`.
///
/// The trace over all factors but one (quantum mechanics: the reduced density matrix). It reads `p d_k` of the p²
/// elements. It is linear; its derivative puts a matrix into the place of factor k of a product with identities. Sums
/// are made in f64.
///
/// ```
/// use kronograph_ops::{matrix, partial_trace};
/// let m = matrix("m");
/// assert_eq!(partial_trace(&m, [2, 3, 4], 1)?.ty().to_string(), "f64 (3, 3)");
/// # Ok::<(), kronograph_graph::BuildError>(())
/// ```
///
/// # Errors
///
/// When there is no such factor, or `m` is no matrix of that size.
#[track_caller]
pub fn partial_trace<D: Into<Dim>>(m: &Variable, dims: impl IntoIterator<Item = D>, k: usize) -> Result<Variable> {
    let _scope = origin::here();
    let dims = Dims::of("partial_trace", dims)?;
    dims.check_square(m)?;
    let (sizes, scalars) = dims.lowered(dims.around(k)?)?;
    apply(PartialTrace { sizes }, &[std::slice::from_ref(m), &scalars].concat())
}

/// The entry of this file: of a matrix, the trace with respect to factor `k` of sizes `dims`.
pub(super) fn entries() -> Vec<Entry> {
    let build = |params: &Params<'_>, inputs: &[Variable]| {
        let (m, scalars) = some(params, inputs)?.split_at(1);
        match params.get("k") {
            Some(_) => Ok(vec![partial_trace(&m[0], Dims::of_params(params, "dims", scalars)?, params.size("k")?)?]),
            None => Ok(vec![partial_trace(&m[0], Dims::of_params(params, "sizes", scalars)?, 1)?]),
        }
    };
    let parse = |params: &Params<'_>| {
        let sizes = ExtentSpec::parse(params, "sizes")?;
        let wrong = || params.wrong("sizes", "three lengths", params.get("sizes").unwrap_or(&Prop::None));
        let op: OpRef = Arc::new(PartialTrace { sizes: sizes[..].try_into().map_err(|_| wrong())? });
        Ok(op)
    };
    vec![Entry::function("partial_trace", "products", build, samples).parsed_by(parse)]
}

fn samples() -> Vec<Sample> {
    let m = |n: usize| dense(&[n, n], (-2.0, 2.0), 1);
    let of = |name: &'static str, n: usize, dims: &[i64], k: usize| {
        Sample::new(name, [m(n)]).with("dims", Prop::Ints(dims.to_vec())).with("k", k)
    };
    let symbolic = Prop::list(vec![Prop::Int(2), Prop::from("input"), Prop::Int(2)]);
    vec![
        of("the first", 6, &[2, 3], 0),
        of("the middle one", 12, &[2, 3, 2], 1),
        of("the last", 12, &[2, 3, 2], 2),
        of("one factor", 3, &[3], 0),
        of("nothing", 0, &[0, 2], 1),
        of("of nothing", 0, &[0, 2], 0),
        Sample::new("symbolic", [m(12), given(3i64)]).with("dims", symbolic).with("k", 1usize),
        Sample::new("f32", [narrowed(&spread_over(&[6, 6], (-2.0, 2.0), 1))])
            .with("dims", Prop::Ints(vec![2, 3]))
            .with("k", 0usize)
            .single(),
    ]
}

/// Where the sums are made.
#[derive(Debug, Default)]
struct Sums(Tensor);

impl OpState for Sums {
    fn fork(&self) -> Box<dyn OpState> {
        Box::<Self>::default()
    }
}

/// The sums over the factor behind are made first, and are what is added up over the factor before.
fn trace<T: Element + Into<f64>>(m: &Strided<T>, [before, d, behind]: [usize; 3], sums: &mut [f64]) {
    let strides = m.strides();
    for l in 0..before {
        for (at, sum) in sums.iter_mut().enumerate() {
            let [row, column] = [at / d, at % d].map(|i| (l * d + i) * behind);
            let (from, step) = (row * strides[0] + column * strides[1], strides[0] + strides[1]);
            *sum += (0..behind).map(|r| m.storage()[from + r * step].into()).sum::<f64>();
        }
    }
}

impl Op for PartialTrace {
    fn name(&self) -> Cow<'static, str> {
        "partial_trace".into()
    }

    fn props(&self) -> Props {
        Props::default().with("sizes", ExtentSpec::prop(&self.sizes))
    }

    fn make_node(&self, inputs: &[Variable]) -> Result<NodeSpec> {
        let scalars = ExtentSpec::inputs(&self.sizes);
        if inputs.len() != 1 + scalars {
            return Err(BuildError::arity("partial_trace", 1 + scalars, inputs));
        }
        let dtype = tensor_type("partial_trace", &inputs[0])?.dtype().to_float();
        Dims::of("partial_trace", ExtentSpec::dims(&self.sizes, &inputs[1..]))?.check_square(&inputs[0])?;
        let m = cast(&inputs[0], dtype)?;
        let ty = TensorType::shared(dtype, &[self.sizes[1].known(); 2]);
        Ok(NodeSpec::one(ty).with_inputs(std::iter::once(m).chain(inputs[1..].iter().cloned())))
    }

    fn perform(&self, io: &mut Io<'_>) -> OpResult {
        let lengths = lengths_at_run_time(&self.sizes, io, 1)?;
        let (sums, inputs, outputs) = io.with_state::<Sums>()?;
        let (m, out) = (inputs.get::<Tensor>(0)?, outputs[0].buffer::<Tensor>());
        let sizes = [0, 1, 2].map(|k| lengths[k].unwrap_or(0));
        let [before, d, behind] = sizes;
        let size = before.checked_mul(d).and_then(|size| size.checked_mul(behind));
        if size.is_none_or(|size| m.shape() != [size, size]) {
            let got = shape_text(m.shape());
            let rule = format!("a matrix {got} has no factors of sizes {before}, {d} and {behind}");
            return Err(OpFailure::Shapes(rule).into());
        }
        let to = sums.0.reset::<f64>(&[d, d]);
        to.fill(0.0);
        if !m.is_empty() {
            match m {
                Tensor::F64(m) => trace(m, sizes, to),
                Tensor::F32(m) => trace(m, sizes, to),
                _ => return Err(OpFailure::WrongValue(0).into()),
            }
        }
        cast_into(&sums.0, m.dtype(), out);
        Ok(())
    }

    /// `I ⊗ ḡ ⊗ I`.
    fn l_op(&self, node: &NodeView<'_>, output_grads: &[Option<Variable>]) -> Result<Grads> {
        let mut grads = vec![Grad::Disconnected; node.inputs().len()];
        grads[0] = Grad::Zero;
        let Some(g) = &output_grads[0] else { return Ok(grads) };
        let [before, _, behind] = &ExtentSpec::dims(&self.sizes, &node.inputs()[1..])[..] else { return Ok(grads) };
        let dtype = tensor_type("partial_trace", g)?.dtype();
        let identity = |size: &Dim| cast(&eye(size.clone())?, dtype);
        let sides = [before, behind].map(|size| size.known() != Some(1));
        let mut factors = Vec::new();
        if sides[0] {
            factors.push(identity(before)?);
        }
        factors.push(g.clone());
        if sides[1] {
            factors.push(identity(behind)?);
        }
        grads[0] = kron_all(&factors)?.into();
        Ok(grads)
    }

    fn r_op(&self, node: &NodeView<'_>, tangents: &[Option<Variable>]) -> Result<Tangents> {
        node.linear_tangent(0, tangents)
    }

    fn infer_shape(&self, node: &NodeView<'_>, _input_shapes: &[Shape]) -> Result<Vec<Shape>> {
        let size = ExtentSpec::dims(&self.sizes, &node.inputs()[1..])[1].clone();
        Ok(vec![[size.clone(), size].into_iter().collect()])
    }

    fn connection_pattern(&self, _output: usize, input: usize) -> bool {
        input == 0
    }

    fn state(&self) -> Option<Box<dyn OpState>> {
        Some(Box::<Sums>::default())
    }
}
