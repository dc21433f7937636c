//! Elements moved by permutations: what sorting is differentiated with.

use std::borrow::Cow;
use std::sync::Arc;

use kronograph_graph::{
    BuildError, Entry, Grad, Grads, Io, NodeSpec, NodeView, Op, OpError, OpFailure, OpResult, Params, Prop, Props,
    Result, Sample, Shape, Tangents, Variable, apply,
};

use crate::dtype::DType;
use crate::reduce::Slices;
use crate::samples::{dense, given, shaped};
use crate::tensor::{Element, Strided, Tensor, TensorType, each_dtype, row_major, shape_text, tensor_type};

/// From the old order to the new one, or from the new one to the old.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Way {
    There,
    Back,
}

/// `y[k] = x[order[k]]` along the last axis, or `y[order[k]] = x[k]`. Inputs: x, and the order, whose rows must be
/// permutations.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Permute {
    pub(super) way: Way,
}

impl Permute {
    fn parse(params: &Params<'_>) -> Result<Self> {
        match params.maybe_word("way")? {
            None | Some("there") => Ok(Self { way: Way::There }),
            Some("back") => Ok(Self { way: Way::Back }),
            Some(other) => Err(params.wrong("way", "`there` or `back`", &Prop::Word(other.to_owned().into()))),
        }
    }
}

pub(super) fn entries() -> Vec<Entry> {
    let build = |params: &Params<'_>, inputs: &[Variable]| Ok(vec![apply(Permute::parse(params)?, inputs)?]);
    let samples = || {
        let both = || [dense(&[2, 3], (-2.0, 2.0), 1), given(shaped(&[2, 3], vec![2i64, 0, 1, 1, 0, 2]))];
        let nothing = || [dense(&[2, 0], (-2.0, 2.0), 1), given(shaped::<i64>(&[2, 0], vec![]))];
        vec![
            Sample::new("there", both()).with("way", "there"),
            Sample::new("back", both()).with("way", "back"),
            Sample::new("nothing", nothing()).with("way", "back"),
        ]
    };
    vec![Entry::function("permute", "order", build, samples).parsed_by(|params| Ok(Arc::new(Permute::parse(params)?)))]
}

impl Op for Permute {
    fn name(&self) -> Cow<'static, str> {
        "permute".into()
    }

    fn props(&self) -> Props {
        Props::default().with("way", if self.way == Way::There { "there" } else { "back" })
    }

    fn make_node(&self, inputs: &[Variable]) -> Result<NodeSpec> {
        let [x, order] = inputs else { return Err(BuildError::arity("permute", 2, inputs)) };
        let (of_x, of_order) = (tensor_type("permute", x)?, tensor_type("permute", order)?);
        let clash = |(a, b): (&Option<usize>, &Option<usize>)| a.is_some() && b.is_some() && a != b;
        let ranks_fit = of_x.rank() == of_order.rank() && of_x.rank() > 0;
        if !ranks_fit || of_x.lengths().iter().zip(of_order.lengths()).any(clash) || of_order.dtype() != DType::I64 {
            return Err(BuildError::inputs("permute", inputs, "the order is i64, and of the shape of the first"));
        }
        let lengths: Vec<_> = of_x.lengths().iter().zip(of_order.lengths()).map(|(a, b)| a.or(*b)).collect();
        Ok(NodeSpec::one(TensorType::shared(of_x.dtype(), &lengths)))
    }

    fn perform(&self, io: &mut Io<'_>) -> OpResult {
        let x = io.inputs.get::<Tensor>(0)?;
        let order = i64::of(io.inputs.get::<Tensor>(1)?).ok_or(OpFailure::WrongValue(1))?;
        if x.shape() != order.shape() {
            let (a, b) = (shape_text(x.shape()), shape_text(order.shape()));
            return Err(OpFailure::Shapes(format!("the elements have shape {a}, their order {b}")).into());
        }
        let out = io.outputs[0].buffer::<Tensor>();
        each_dtype!(x, array => run(self.way, array, order, out))
    }

    /// The same permutation, the other way.
    fn l_op(&self, node: &NodeView<'_>, output_grads: &[Option<Variable>]) -> Result<Grads> {
        let Some(g) = &output_grads[0] else { return Ok(vec![Grad::Zero, Grad::Disconnected]) };
        let way = if self.way == Way::There { Way::Back } else { Way::There };
        Ok(vec![apply(Permute { way }, &[g.clone(), node.input(1).clone()])?.into(), Grad::Disconnected])
    }

    fn r_op(&self, node: &NodeView<'_>, tangents: &[Option<Variable>]) -> Result<Tangents> {
        node.linear_tangent(0, tangents)
    }

    fn infer_shape(&self, _node: &NodeView<'_>, input_shapes: &[Shape]) -> Result<Vec<Shape>> {
        Ok(vec![input_shapes[0].clone()])
    }

    fn connection_pattern(&self, _output: usize, input: usize) -> bool {
        input == 0
    }
}

fn run<T: Element>(way: Way, x: &Strided<T>, order: &Strided<i64>, out: &mut Tensor) -> Result<(), Box<dyn OpError>> {
    let last = x.shape().len() - 1;
    let length = x.shape()[last];
    let strides = row_major(x.shape());
    let out = out.reset::<T>(x.shape());
    // Whatever is no permutation leaves no stale element.
    out.fill(T::default());
    let slices = Slices::along(&[last], x.shape(), [x.strides(), order.strides(), &strides]);
    let (step, order_step) = (x.strides()[last], order.strides()[last]);
    let mut outside = false;
    slices.for_each(|[from, at, to]| {
        for k in 0..length {
            let target = order.storage()[at + k * order_step];
            match (usize::try_from(target).ok().filter(|&target| target < length), way) {
                (Some(target), Way::There) => out[to + k] = x.storage()[from + target * step],
                (Some(target), Way::Back) => out[to + target] = x.storage()[from + k * step],
                (None, _) => outside = true,
            }
        }
    });
    if outside { Err(OpFailure::Domain("the order names a position that does not exist").into()) } else { Ok(()) }
}
