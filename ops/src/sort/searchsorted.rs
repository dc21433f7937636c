//! Places in a sorted vector.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::sync::Arc;

use kronograph_graph::{
    BuildError, Entry, Grad, Grads, Io, NodeSpec, NodeView, Op, OpFailure, OpResult, Params, Props, Result, Sample,
    Shape, Tangents, Variable, Why, apply, origin,
};

use super::order;
use crate::dtype::DType;
use crate::elemwise::cast;
use crate::kernels::runs::for_each_run;
use crate::reduce::Ordered;
use crate::samples::{dense, given};
use crate::tensor::{Strided, Tensor, TensorType, each_dtype, tensor_type};

/// On which side of equal elements a value is placed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Side {
    /// Before them.
    Left,
    /// Behind them.
    Right,
}

/// The places of values in a sorted vector.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct SearchSorted {
    side: Side,
}

/// For each of `values` the position, in i64, at which it would be put into the sorted vector `x` so that it stays
/// sorted (NumPy: `searchsorted`). NaN stands behind all numbers. Whether `x` is sorted is not checked.
///
/// The derivative is zero.
///
/// # Errors
///
/// When `x` is no vector.
#[track_caller]
pub fn searchsorted(x: &Variable, values: &Variable, side: Side) -> Result<Variable> {
    let _scope = origin::here();
    apply(SearchSorted { side }, &[x.clone(), values.clone()])
}

impl SearchSorted {
    fn parse(params: &Params<'_>) -> Result<Self> {
        match params.maybe_word("side")? {
            None | Some("left") => Ok(Self { side: Side::Left }),
            Some("right") => Ok(Self { side: Side::Right }),
            Some(other) => Err(params.wrong_word("side", "`left` or `right`", other)),
        }
    }
}

pub(super) fn entries() -> Vec<Entry> {
    let build = |params: &Params<'_>, inputs: &[Variable]| Ok(vec![apply(SearchSorted::parse(params)?, inputs)?]);
    let samples = || {
        let sorted = || given(vec![-1.0, 0.0, 0.0, 1.5]);
        let ties = || [sorted(), given(vec![0.0, 1.5, f64::NAN, -3.0])];
        vec![
            Sample::new("a matrix", [sorted(), dense(&[2, 3], (-2.0, 2.0), 1)]),
            Sample::new("ties, left", ties()).with("side", "left").edge(),
            Sample::new("ties, right", ties()).with("side", "right").edge(),
            Sample::new("a scalar", [sorted(), given(0.5)]),
            Sample::new("among nothing", [given(Vec::<f64>::new()), given(vec![0.5])]),
            Sample::new("two dtypes", [given(vec![1i64, 3]), given(vec![2.0, 4.0])]),
        ]
    };
    let entry = Entry::function("searchsorted", "order", build, samples);
    vec![entry.parsed_by(|params| Ok(Arc::new(SearchSorted::parse(params)?))).without_derivative(Why::Discrete)]
}

impl Op for SearchSorted {
    fn name(&self) -> Cow<'static, str> {
        "searchsorted".into()
    }

    fn props(&self) -> Props {
        Props::default().with("side", if self.side == Side::Left { "left" } else { "right" })
    }

    fn make_node(&self, inputs: &[Variable]) -> Result<NodeSpec> {
        let [x, values] = inputs else { return Err(BuildError::arity("searchsorted", 2, inputs)) };
        let (of_x, of_values) = (tensor_type("searchsorted", x)?, tensor_type("searchsorted", values)?);
        if of_x.rank() != 1 {
            return Err(BuildError::inputs("searchsorted", &inputs[..1], "the sorted one is a vector"));
        }
        let dtype = of_x.dtype().promote(of_values.dtype());
        let spec = NodeSpec::one(TensorType::shared(DType::I64, of_values.lengths()));
        Ok(spec.with_inputs([cast(x, dtype)?, cast(values, dtype)?]))
    }

    fn perform(&self, io: &mut Io<'_>) -> OpResult {
        fn run<T: Ordered>(side: Side, x: &Strided<T>, values: &Tensor, out: &mut [i64]) -> OpResult {
            let values = T::of(values).ok_or(OpFailure::WrongValue(1))?;
            let (length, step) = (x.len(), x.strides()[0]);
            let place = |value: T| {
                let (mut low, mut high) = (0, length);
                while low < high {
                    let middle = low + (high - low) / 2;
                    let before = match order(x.storage()[middle * step], value) {
                        Ordering::Less => true,
                        Ordering::Equal => side == Side::Right,
                        Ordering::Greater => false,
                    };
                    (low, high) = if before { (middle + 1, high) } else { (low, middle) };
                }
                low as i64
            };
            let mut results = out.iter_mut();
            for_each_run(values.shape(), [values.strides()], |[from], [step], length| {
                let run = (0..length).map(|i| place(values.storage()[from + i * step]));
                run.zip(results.by_ref()).for_each(|(place, out)| *out = place);
            });
            Ok(())
        }
        let (x, values) = (io.inputs.get::<Tensor>(0)?, io.inputs.get::<Tensor>(1)?);
        let out = io.outputs[0].buffer::<Tensor>().reset::<i64>(values.shape());
        each_dtype!(x, array => run(self.side, array, values, out))
    }

    fn l_op(&self, _node: &NodeView<'_>, _output_grads: &[Option<Variable>]) -> Result<Grads> {
        Ok(vec![Grad::Zero; 2])
    }

    fn r_op(&self, _node: &NodeView<'_>, _tangents: &[Option<Variable>]) -> Result<Tangents> {
        Ok(vec![Grad::Zero])
    }

    fn infer_shape(&self, _node: &NodeView<'_>, input_shapes: &[Shape]) -> Result<Vec<Shape>> {
        Ok(vec![input_shapes[1].clone()])
    }
}
