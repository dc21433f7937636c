//! The identity matrix.

use std::borrow::Cow;
use std::sync::Arc;

use kronograph_graph::{
    BuildError, Dim, Entry, Grad, Grads, Io, NodeSpec, NodeView, Op, OpFailure, OpRef, OpResult, Params, Prop, Props,
    Result, Sample, Shape, Tangents, Variable, Why, apply, origin,
};

use crate::dtype::DType;
use crate::layout::{ExtentSpec, Lowered, check_scalars, lengths_at_run_time, lower, shape_param};
use crate::samples::given;
use crate::tensor::{Tensor, TensorType, check_size};

/// The identity matrix in f64. Inputs: its size, if that is not known when the op is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Eye {
    size: ExtentSpec,
}

/// The identity matrix of a size, in f64.
///
/// # Errors
///
/// When the size is unknown.
#[track_caller]
pub fn eye(size: impl Into<Dim>) -> Result<Variable> {
    let _scope = origin::here();
    let Lowered { spec, inputs } = lower(&[size.into()])?;
    if spec[0] == ExtentSpec::Infer {
        return Err(BuildError::parameter("eye", "its size must be given"));
    }
    apply(Eye { size: spec[0] }, &inputs)
}

pub(crate) fn entries() -> Vec<Entry> {
    let wrong = |params: &Params<'_>| params.wrong("n", "one length", params.get("n").unwrap_or(&Prop::None));
    let build = move |params: &Params<'_>, inputs: &[Variable]| match &shape_param(params, "n", inputs)?[..] {
        [size] => Ok(vec![eye(size.clone())?]),
        _ => Err(wrong(params)),
    };
    let parse = move |params: &Params<'_>| match ExtentSpec::parse(params, "n")?[..] {
        [size] => {
            let op: OpRef = Arc::new(Eye { size });
            Ok(op)
        }
        _ => Err(wrong(params)),
    };
    let samples = || {
        vec![
            Sample::new("known", []).with("n", 3i64),
            Sample::new("nothing", []).with("n", 0i64),
            Sample::new("symbolic", [given(2i64)]).with("n", "input"),
        ]
    };
    let entry = Entry::function("eye", "construction", build, samples).parsed_by(parse);
    // It is a constant.
    vec![entry.without_derivative(Why::Discrete)]
}

impl Op for Eye {
    fn name(&self) -> Cow<'static, str> {
        "eye".into()
    }

    fn props(&self) -> Props {
        Props::default().with("n", ExtentSpec::prop(&[self.size]))
    }

    fn make_node(&self, inputs: &[Variable]) -> Result<NodeSpec> {
        let scalars = usize::from(self.size == ExtentSpec::Input);
        if inputs.len() != scalars {
            return Err(BuildError::arity("eye", scalars, inputs));
        }
        check_scalars("eye", inputs, 0)?;
        Ok(NodeSpec::one(TensorType::shared(DType::F64, &[self.size.known(); 2])))
    }

    fn perform(&self, io: &mut Io<'_>) -> OpResult {
        let size = lengths_at_run_time(&[self.size], io, 0)?[0].ok_or(OpFailure::WrongValue(0))?;
        check_size(&[size, size])?;
        let out = io.outputs[0].buffer::<Tensor>().reset::<f64>(&[size, size]);
        out.fill(0.0);
        out.iter_mut().step_by(size + 1).for_each(|diagonal| *diagonal = 1.0);
        Ok(())
    }

    fn l_op(&self, node: &NodeView<'_>, _output_grads: &[Option<Variable>]) -> Result<Grads> {
        Ok(vec![Grad::Disconnected; node.inputs().len()])
    }

    fn r_op(&self, _node: &NodeView<'_>, _tangents: &[Option<Variable>]) -> Result<Tangents> {
        Ok(vec![Grad::Disconnected])
    }

    fn infer_shape(&self, node: &NodeView<'_>, _input_shapes: &[Shape]) -> Result<Vec<Shape>> {
        let size = ExtentSpec::dims(&[self.size], node.inputs());
        Ok(vec![[size[0].clone(), size[0].clone()].into_iter().collect()])
    }

    /// It is cheap to make and large to keep.
    fn do_constant_folding(&self, _node: &NodeView<'_>) -> bool {
        false
    }

    fn connection_pattern(&self, _output: usize, _input: usize) -> bool {
        false
    }
}
