//! A parameter that is looked at when the function runs, for distributions that are made of ordinary ops.

use std::borrow::Cow;
use std::sync::Arc;

use kronograph_graph::{
    BuildError, Entry, Grad, Grads, Io, NodeSpec, NodeView, Op, OpFailure, OpResult, Params, Prop, Props, Result,
    Sample, Shape, Tangents, Variable, apply,
};

use super::error::{RandomError, Range};
use crate::params::only;
use crate::samples::{dense, given};
use crate::tensor::{Element, Strided, Tensor, tensor_type};

/// The identity on a parameter of a distribution, which refuses elements out of range.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct CheckParameter {
    distribution: Cow<'static, str>,
    parameter: Cow<'static, str>,
    range: Range,
}

/// A parameter of a distribution, as it is; an error at run time where an element is out of range.
#[track_caller]
pub(super) fn checked(
    distribution: &'static str,
    parameter: &'static str,
    range: Range,
    x: &Variable,
) -> Result<Variable> {
    let op = CheckParameter { distribution: distribution.into(), parameter: parameter.into(), range };
    apply(op, std::slice::from_ref(x))
}

impl CheckParameter {
    fn look<T: Element + Into<f64>>(&self, x: &Strided<T>) -> Result<(), RandomError> {
        let wrong = |x: &T| !self.range.holds((*x).into());
        let found = match x.as_slice() {
            Some(slice) => slice.iter().position(wrong),
            None => x.view().iter().position(wrong),
        };
        let Some(at) = found else { return Ok(()) };
        let value = x.view().iter().nth(at).map_or(f64::NAN, |x| (*x).into());
        Err(self.range.broken((&self.distribution, &self.parameter), at, value))
    }
}

impl Op for CheckParameter {
    fn name(&self) -> Cow<'static, str> {
        "random_parameter".into()
    }

    fn props(&self) -> Props {
        let words = [("distribution", self.distribution.clone()), ("parameter", self.parameter.clone())];
        let props = words.into_iter().fold(Props::default(), |props, (name, word)| props.with(name, Prop::Word(word)));
        props.with("range", self.range.word())
    }

    fn make_node(&self, inputs: &[Variable]) -> Result<NodeSpec> {
        let [x] = inputs else { return Err(BuildError::arity("random_parameter", 1, inputs)) };
        if !tensor_type("random_parameter", x)?.dtype().is_float() {
            return Err(BuildError::inputs("random_parameter", inputs, "floats are needed"));
        }
        Ok(NodeSpec::one(x.ty().clone()))
    }

    fn perform(&self, io: &mut Io<'_>) -> OpResult {
        match io.inputs.get::<Tensor>(0)? {
            Tensor::F64(x) => self.look(x)?,
            Tensor::F32(x) => self.look(x)?,
            _ => return Err(OpFailure::WrongValue(0).into()),
        }
        io.outputs[0].assign(io.inputs.value(0)?);
        Ok(())
    }

    fn l_op(&self, _node: &NodeView<'_>, output_grads: &[Option<Variable>]) -> Result<Grads> {
        Ok(vec![Grad::from(output_grads[0].clone())])
    }

    fn r_op(&self, _node: &NodeView<'_>, tangents: &[Option<Variable>]) -> Result<Tangents> {
        Ok(vec![Grad::from(tangents[0].clone())])
    }

    fn infer_shape(&self, _node: &NodeView<'_>, input_shapes: &[Shape]) -> Result<Vec<Shape>> {
        Ok(input_shapes.to_vec())
    }

    fn view_map(&self) -> &[(usize, usize)] {
        &[(0, 0)]
    }
}

/// The entry of this file.
pub(super) fn entries() -> Vec<Entry> {
    let read = |params: &Params<'_>| {
        let word = params.word("range")?;
        let range = Range::ALL.into_iter().find(|range| range.word() == word);
        let range = range.ok_or_else(|| params.wrong_word("range", "a range", word))?;
        let owned = |name: &str| Ok::<_, BuildError>(Cow::Owned(params.word(name)?.to_owned()));
        Ok(CheckParameter { distribution: owned("distribution")?, parameter: owned("parameter")?, range })
    };
    let build = move |params: &Params<'_>, inputs: &[Variable]| {
        Ok(vec![apply(read(params)?, std::slice::from_ref(only(params, inputs)?))?])
    };
    let samples = || {
        let of = |sample: Sample, range: Range| {
            sample.with("distribution", "normal").with("parameter", "scale").with("range", range.word())
        };
        vec![
            of(Sample::new("any number", [dense(&[2, 3], (-2.0, 2.0), 1)]), Range::Finite),
            of(Sample::new("a scale", [dense(&[3], (0.5, 2.0), 1)]), Range::NotNegative),
            of(Sample::new("a scalar", [dense(&[], (0.5, 2.0), 1)]), Range::Positive),
            of(Sample::new("no elements", [dense(&[0, 2], (0.5, 2.0), 1)]), Range::Probability),
            of(Sample::new("f32", [given(vec![0.5f32, 0.25])]), Range::PositiveProbability).single(),
            of(Sample::new("the ends", [given(vec![0.0, 1.0])]).edge(), Range::Mean),
        ]
    };
    let entry = Entry::function("random_parameter", "random", build, samples);
    vec![entry.parsed_by(move |params| Ok(Arc::new(read(params)?)))]
}
