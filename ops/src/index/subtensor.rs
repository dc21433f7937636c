//! Taking part of a tensor by integers and slices.

use std::borrow::Cow;
use std::sync::Arc;

use kronograph_graph::{
    Entry, Grad, Grads, Io, NodeSpec, NodeView, Op, OpFailure, OpResult, Prop, Props, Result, Sample, Shape, Tangents,
    Variable, apply, shape_of,
};

use super::axis::{Axes, check_inputs, index_props, parse_index};
use super::inc_subtensor::{IncSubtensor, Write};
use super::part::{Part, Reading, part_dims, static_part};
use crate::construct::full;
use crate::kernels::runs::for_each_run;
use crate::params::some;
use crate::samples::{broadcasting, dense, given, shaped, spread_over};
use crate::tensor::{Element, Strided, Tensor, TensorType, each_dtype, tensor_type};

/// Part of a tensor. Inputs: x, then the positions that are not known when the op is made.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Subtensor {
    pub(crate) axes: Axes,
}

/// The entry of this file: PyTensor's `idx`, a list of integers and of slices `[start, stop, step]`. A position
/// `input` is the value of the next input.
pub(super) fn entries() -> Vec<Entry> {
    let op = |params: &kronograph_graph::Params<'_>| Ok(Subtensor { axes: parse_index(params, "idx")? });
    let entry = Entry::function(
        "subtensor",
        "indexing",
        move |params, inputs| Ok(vec![apply(op(params)?, some(params, inputs)?)?]),
        samples,
    );
    vec![entry.parsed_by(move |params| Ok(Arc::new(op(params)?)))]
}

const RANGE: (f64, f64) = (-2.0, 2.0);

/// Indices of a (4, 3) matrix, with the shapes of the parts that they name.
pub(super) fn parts() -> Vec<(&'static str, Prop, &'static [usize])> {
    let (int, none) = (Prop::Int, Prop::None);
    let slice = |start: Prop, stop: Prop, step: Prop| Prop::list(vec![start, stop, step]);
    let index = |members: Vec<Prop>| Prop::list(members);
    let all = || slice(Prop::None, Prop::None, Prop::None);
    vec![
        ("an integer", index(vec![int(1)]), &[3]),
        ("a negative integer", index(vec![all(), int(-1)]), &[4]),
        ("two integers", index(vec![int(3), int(0)]), &[]),
        ("nothing", index(vec![]), &[4, 3]),
        ("a slice", index(vec![slice(int(1), int(3), none.clone())]), &[2, 3]),
        (
            "slices of step 2",
            index(vec![slice(none.clone(), none.clone(), int(2)), slice(int(1), none.clone(), int(1))]),
            &[2, 2],
        ),
        ("a slice backwards", index(vec![slice(none.clone(), none.clone(), int(-1))]), &[4, 3]),
        (
            "slices of negative steps",
            index(vec![slice(int(-1), int(0), int(-2)), slice(none.clone(), none.clone(), int(-2))]),
            &[2, 2],
        ),
        ("an empty slice", index(vec![slice(int(3), int(1), none.clone())]), &[0, 3]),
        ("a slice beyond the end", index(vec![slice(int(2), int(99), none.clone())]), &[2, 3]),
        ("a slice of one", index(vec![slice(int(-1), none.clone(), none)]), &[1, 3]),
    ]
}

/// Indices of a (4, 3) matrix by positions that are inputs, with those inputs and the shape of the part.
pub(super) fn symbolic_parts() -> Vec<(&'static str, Prop, &'static [i64], &'static [usize])> {
    let input = || Prop::from("input");
    vec![
        ("an integer input", Prop::list(vec![input()]), &[-2], &[3]),
        ("ends that are inputs", Prop::list(vec![Prop::list(vec![input(), input(), Prop::Int(1)])]), &[1, -1], &[2, 3]),
        (
            "one end that is an input",
            Prop::list(vec![Prop::list(vec![input(), Prop::None, Prop::Int(-1)]), input()]),
            &[2, 0],
            &[3],
        ),
    ]
}

fn samples() -> Vec<Sample> {
    let x = || dense(&[4, 3], RANGE, 1);
    let sample = |(name, index, _)| Sample::new(name, [x()]).with("idx", index);
    let mut samples: Vec<Sample> = parts().into_iter().map(sample).collect();
    for (name, index, inputs, _) in symbolic_parts() {
        let inputs = inputs.iter().map(|&at| given(at));
        samples.push(Sample::new(name, std::iter::once(x()).chain(inputs)).with("idx", index));
    }
    let first = || Prop::Ints(vec![0]);
    samples.push(Sample::new("one element", [dense(&[1], RANGE, 1)]).with("idx", first()));
    samples.push(Sample::new("a scalar", [dense(&[], RANGE, 1)]).with("idx", Prop::Ints(vec![])));
    samples.push(Sample::new("no columns", [dense(&[2, 0], RANGE, 1)]).with("idx", first()));
    let column = broadcasting(spread_over(&[3, 1], RANGE, 1), &[1]);
    samples.push(Sample::new("a declared length of 1", [column]).with("idx", Prop::Ints(vec![2])));
    samples.push(Sample::new("f32", [given(vec![1.5f32, 2.0, -3.0])]).with("idx", Prop::Ints(vec![-1])).single());
    samples.push(Sample::new("integers", [given(shaped(&[2, 2], vec![1i64, 2, 3, 4]))]).with("idx", first()).edge());
    samples.push(Sample::new("truth values", [given(vec![true, false])]).with("idx", first()).edge());
    samples
}

impl Op for Subtensor {
    fn name(&self) -> Cow<'static, str> {
        "subtensor".into()
    }

    fn props(&self) -> Props {
        index_props("idx", &self.axes)
    }

    fn make_node(&self, inputs: &[Variable]) -> Result<NodeSpec> {
        check_inputs("subtensor", inputs, &self.axes, 1)?;
        let lengths = static_part("subtensor", &inputs[0], &self.axes)?;
        Ok(NodeSpec::one(TensorType::shared(tensor_type("subtensor", &inputs[0])?.dtype(), &lengths)))
    }

    /// A view; a copy where a step is negative.
    fn perform(&self, io: &mut Io<'_>) -> OpResult {
        fn gather<T: Element>(x: &Strided<T>, part: &Part, out: &mut Tensor) {
            let (from, out) = (x.storage(), out.reset::<T>(&part.shape));
            let mut at = 0;
            for_each_run(&part.shape, [&part.steps], |[start], [step], length| {
                let mut place = part.offset.wrapping_add(start);
                for out in &mut out[at..at + length] {
                    *out = from[place];
                    place = place.wrapping_add(step);
                }
                at += length;
            });
        }
        let x = io.inputs.get::<Tensor>(0)?;
        let part = Part::of(&self.axes, x.shape(), x.strides(), Reading::new(&io.inputs, 1))?;
        let out = io.outputs[0].buffer::<Tensor>();
        if part.steps.iter().all(|step| *step as isize >= 0) {
            *out = x.relaid(part.offset, part.shape, part.steps).ok_or(OpFailure::WrongValue(0))?;
        } else {
            each_dtype!(x, array => gather(array, &part, out));
        }
        Ok(())
    }

    /// The cotangent at its place among zeros.
    fn l_op(&self, node: &NodeView<'_>, output_grads: &[Option<Variable>]) -> Result<Grads> {
        let mut grads = vec![Grad::Disconnected; node.inputs().len()];
        grads[0] = match &output_grads[0] {
            Some(g) => {
                let dtype = tensor_type("subtensor", g)?.dtype();
                let zeros = full(0.0, dtype, shape_of(node.input(0)))?;
                let inputs = [&[zeros, g.clone()], &node.inputs()[1..]].concat();
                apply(IncSubtensor { axes: self.axes.clone(), write: Write::Add }, &inputs)?.into()
            }
            None => Grad::Zero,
        };
        Ok(grads)
    }

    fn r_op(&self, node: &NodeView<'_>, tangents: &[Option<Variable>]) -> Result<Tangents> {
        node.linear_tangent(0, tangents)
    }

    fn infer_shape(&self, _node: &NodeView<'_>, input_shapes: &[Shape]) -> Result<Vec<Shape>> {
        Ok(vec![part_dims(&self.axes, &input_shapes[0])])
    }

    fn view_map(&self) -> &[(usize, usize)] {
        &[(0, 0)]
    }

    fn connection_pattern(&self, _output: usize, input: usize) -> bool {
        input == 0
    }
}
