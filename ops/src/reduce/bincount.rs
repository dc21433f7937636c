//! Counting how often each integer occurs.

use std::borrow::Cow;
use std::sync::Arc;

use kronograph_graph::{
    BuildError, Dim, Entry, Grad, Grads, Io, NodeSpec, NodeView, Op, OpFailure, OpResult, Params, Props, Result,
    Sample, Shape, Tangents, Variable, apply, origin,
};

use crate::dtype::DType;
use crate::elemwise::cast;
use crate::index::take;
use crate::params::some;
use crate::samples::{dense, given};
use crate::tensor::{Element, Strided, Tensor, TensorType, check_size, shape_text, tensor_type};

/// How often each integer occurs in a vector, or the sum of the weights with which it does. Inputs: the vector, and the
/// weights if there are any.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct BinCount {
    minlength: usize,
}

/// How often 0, 1, 2, .. occur in a vector of integers, up to the largest of them (NumPy: `bincount`), in i64; with
/// weights, the sums of those, in floats. The result has at least `minlength` elements.
///
/// The derivative goes to the weights.
///
/// # Errors
///
/// When `x` is no vector of integers, or the weights differ in length; at run time, when an integer is negative.
#[track_caller]
pub fn bincount(x: &Variable, weights: Option<&Variable>, minlength: usize) -> Result<Variable> {
    let _scope = origin::here();
    let inputs: Vec<Variable> = std::iter::once(x).chain(weights).cloned().collect();
    apply(BinCount { minlength }, &inputs)
}

pub(super) fn entries() -> Vec<Entry> {
    let minlength =
        |params: &Params<'_>| if params.get("minlength").is_some() { params.size("minlength") } else { Ok(0) };
    let build = move |params: &Params<'_>, inputs: &[Variable]| match some(params, inputs)? {
        [x] => Ok(vec![bincount(x, None, minlength(params)?)?]),
        [x, weights] => Ok(vec![bincount(x, Some(weights), minlength(params)?)?]),
        _ => Err(params.arity(2, inputs)),
    };
    let samples = || {
        let x = || given(vec![3i64, 1, 3, 0]);
        let weights = || dense(&[4], (-2.0, 2.0), 1);
        vec![
            Sample::new("counts", [x()]),
            Sample::new("weights", [x(), weights()]),
            Sample::new("more than the largest", [x(), weights()]).with("minlength", 6i64),
            Sample::new("nothing", [given(Vec::<i64>::new()), given(Vec::<f64>::new())]),
            Sample::new("small integers", [given(vec![2u8, 2, 0])]).with("minlength", 1i64),
            Sample::new("f32", [x(), given(vec![0.5f32, 1.5, 0.25, -1.0])]).single(),
        ]
    };
    vec![
        Entry::function("bincount", "reductions", build, samples)
            .parsed_by(move |params| Ok(Arc::new(BinCount { minlength: minlength(params)? }))),
    ]
}

impl Op for BinCount {
    fn name(&self) -> Cow<'static, str> {
        "bincount".into()
    }

    fn props(&self) -> Props {
        Props::default().with("minlength", self.minlength)
    }

    fn make_node(&self, inputs: &[Variable]) -> Result<NodeSpec> {
        let ([x] | [x, _]) = inputs else { return Err(BuildError::arity("bincount", 1, inputs)) };
        let ty = tensor_type("bincount", x)?;
        if ty.rank() != 1 || ty.dtype() == DType::Bool || ty.dtype().is_float() {
            return Err(BuildError::inputs("bincount", &inputs[..1], "a vector of integers is needed"));
        }
        let (mut converted, mut dtype) = (vec![cast(x, DType::I64)?], DType::I64);
        if let Some(weights) = inputs.get(1) {
            let of_weights = tensor_type("bincount", weights)?;
            let clash = matches!((ty.lengths(), of_weights.lengths()), ([Some(a)], [Some(b)]) if a != b);
            if of_weights.rank() != 1 || clash {
                return Err(BuildError::inputs("bincount", inputs, "there is one weight for each integer"));
            }
            dtype = of_weights.dtype().to_float();
            converted.push(cast(weights, dtype)?);
        }
        Ok(NodeSpec::one(TensorType::shared(dtype, &[None])).with_inputs(converted))
    }

    fn perform(&self, io: &mut Io<'_>) -> OpResult {
        let x = i64::of(io.inputs.get::<Tensor>(0)?).ok_or(OpFailure::WrongValue(0))?;
        let bins = (0..x.len()).map(|k| x.storage()[k * x.strides()[0]]);
        let (least, most) = bins.fold((0, -1), |(least, most), bin| (bin.min(least), bin.max(most)));
        if least < 0 {
            return Err(OpFailure::Domain("a negative integer has no bin").into());
        }
        let length = usize::try_from(most.saturating_add(1)).unwrap_or(0).max(self.minlength);
        check_size(&[length])?;
        let weights = if io.inputs.len() == 2 { Some(io.inputs.get::<Tensor>(1)?) } else { None };
        if let Some(weights) = weights.filter(|weights| weights.shape() != [x.len()]) {
            let rule = format!("{} integer(s) have weights of shape {}", x.len(), shape_text(weights.shape()));
            return Err(OpFailure::Shapes(rule).into());
        }
        let out = io.outputs[0].buffer::<Tensor>();
        match weights {
            None => add(x, out.reset::<i64>(&[length]), |_| 1, |a, b| a + b),
            Some(Tensor::F64(weights)) => {
                let step = weights.strides()[0];
                add(x, out.reset::<f64>(&[length]), |k| weights.storage()[k * step], |a, b| a + b);
            }
            Some(Tensor::F32(weights)) => {
                let step = weights.strides()[0];
                add(x, out.reset::<f32>(&[length]), |k| weights.storage()[k * step], |a, b| a + b);
            }
            Some(_) => return Err(OpFailure::WrongValue(1).into()),
        }
        Ok(())
    }

    /// Each weight gets the cotangent of its bin.
    fn l_op(&self, node: &NodeView<'_>, output_grads: &[Option<Variable>]) -> Result<Grads> {
        let mut grads = vec![Grad::Disconnected; node.inputs().len()];
        if let Some(weights) = grads.get_mut(1) {
            *weights = match &output_grads[0] {
                Some(g) => take(g, node.input(0), 0)?.into(),
                None => Grad::Zero,
            };
        }
        Ok(grads)
    }

    fn r_op(&self, node: &NodeView<'_>, tangents: &[Option<Variable>]) -> Result<Tangents> {
        if node.inputs().len() == 2 { node.linear_tangent(1, tangents) } else { Ok(vec![Grad::Disconnected]) }
    }

    /// It depends on the largest integer.
    fn infer_shape(&self, _node: &NodeView<'_>, _input_shapes: &[Shape]) -> Result<Vec<Shape>> {
        Ok(vec![[Dim::UNKNOWN].into_iter().collect()])
    }

    fn connection_pattern(&self, _output: usize, input: usize) -> bool {
        input == 1
    }
}

fn add<T: Element>(x: &Strided<i64>, out: &mut [T], of: impl Fn(usize) -> T, plus: impl Fn(T, T) -> T) {
    out.fill(T::default());
    for k in 0..x.len() {
        let bin = &mut out[x.storage()[k * x.strides()[0]] as usize];
        *bin = plus(*bin, of(k));
    }
}
