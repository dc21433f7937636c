//! Taking part of a tensor by arrays of positions and by masks, mixed with integers and slices.

use std::borrow::Cow;
use std::sync::Arc;

use kronograph_graph::{
    BuildError, Entry, Grad, Grads, Io, NodeSpec, NodeView, Op, OpResult, OpState, Params, Prop, Props, Result, Sample,
    SampleInput, Shape, Tangents, Variable, apply, shape_of,
};

use super::advanced_inc::AdvancedIncSubtensor;
use super::axis::{Axes, index_props, parse_index};
use super::inc_subtensor::Write;
use super::selection::{Checked, Selection, Workspace, selected_dims};
use crate::construct::full;
use crate::params::some;
use crate::samples::{broadcasting, dense, given, shaped};
use crate::tensor::{Element, Strided, Tensor, TensorType, each_dtype, row_major, tensor_type};

/// Part of a tensor. Inputs: x, then the arrays, masks and positions that the index reads, in its order.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AdvancedSubtensor {
    pub(crate) axes: Axes,
}

/// The entry of this file: `pattern` is an index whose members may also be `array` and `mask`, which are inputs.
pub(super) fn entries() -> Vec<Entry> {
    let op = |params: &Params<'_>| Ok(AdvancedSubtensor { axes: parse_index(params, "pattern")? });
    let entry = Entry::function(
        "advanced_subtensor",
        "indexing",
        move |params, inputs| Ok(vec![apply(op(params)?, some(params, inputs)?)?]),
        samples,
    );
    vec![entry.parsed_by(move |params| Ok(Arc::new(op(params)?)))]
}

/// An index of a tensor for samples: its name, the shape of the tensor, the pattern, its inputs, the selected shape.
pub(super) struct Pattern {
    pub(super) name: &'static str,
    pub(super) x: &'static [usize],
    pub(super) pattern: Prop,
    pub(super) inputs: Vec<SampleInput>,
    pub(super) part: &'static [usize],
}

/// Patterns without and with repetitions, of one array and of several, with slices before, between and behind.
pub(super) fn patterns() -> Vec<Pattern> {
    let array = || Prop::from("array");
    let all = || Prop::list(vec![Prop::None, Prop::None, Prop::None]);
    let cut = |start, step| Prop::list(vec![Prop::Int(start), Prop::None, Prop::Int(step)]);
    let at = |positions: &[i64]| given(positions.to_vec());
    let pattern =
        |name, x, members: Vec<Prop>, inputs, part| Pattern { name, x, pattern: Prop::list(members), inputs, part };
    let (ij, ji) =
        (broadcasting(shaped(&[2, 1], vec![0i64, 2]), &[1]), broadcasting(shaped(&[1, 2], vec![1i64, 1]), &[0]));
    let square = given(shaped(&[2, 2], vec![0i64, 3, 3, -1]));
    let mask = |values: &[bool], shape: &[usize]| given(shaped(shape, values.to_vec()));
    let full_mask = || mask(&[true, false, true, false, false, true, true, false, false, false, false, true], &[4, 3]);
    vec![
        pattern("rows, one of them twice", &[4, 3], vec![array()], vec![at(&[0, 3, 3, -1])], &[4, 3]),
        pattern("elements of a vector", &[5], vec![array()], vec![at(&[4, 0, 0])], &[3]),
        pattern("columns", &[4, 3], vec![all(), array()], vec![at(&[2, 0])], &[4, 2]),
        pattern("a matrix of rows", &[4, 3], vec![array()], vec![square], &[2, 2, 3]),
        pattern("one row by a scalar", &[4, 3], vec![array()], vec![given(-2i64)], &[3]),
        pattern("pairs", &[4, 3], vec![array(), array()], vec![at(&[0, 1, 1]), at(&[2, -1, 2])], &[3]),
        pattern("a grid", &[4, 3], vec![array(), array()], vec![ij, ji], &[2, 2]),
        pattern(
            "pairs behind an axis",
            &[2, 3, 2],
            vec![all(), array(), array()],
            vec![at(&[0, 2]), at(&[1, 1])],
            &[2, 2],
        ),
        pattern("pairs before an axis", &[2, 3, 2], vec![array(), array()], vec![at(&[0, 1]), at(&[1, 1])], &[2, 2]),
        pattern(
            "pairs around an axis",
            &[2, 3, 2],
            vec![array(), all(), array()],
            vec![at(&[0, 1, 1]), at(&[1, 0, 0])],
            &[3, 3],
        ),
        pattern(
            "an array and an integer",
            &[2, 3, 2],
            vec![Prop::Int(1), all(), array()],
            vec![at(&[0, 1, 0])],
            &[3, 3],
        ),
        pattern(
            "an array and slices",
            &[4, 3, 3],
            vec![cut(1, 1), array(), cut(-1, -2)],
            vec![at(&[0, 0])],
            &[3, 2, 2],
        ),
        pattern("no positions", &[4, 3], vec![array()], vec![at(&[])], &[0, 3]),
        pattern("a mask", &[4, 3], vec!["mask".into()], vec![full_mask()], &[5]),
        pattern(
            "a mask over rows",
            &[4, 3],
            vec!["mask".into()],
            vec![mask(&[true, false, true, false], &[4])],
            &[2, 3],
        ),
        pattern(
            "a mask over columns",
            &[4, 3],
            vec![all(), "mask".into()],
            vec![mask(&[false, true, true], &[3])],
            &[4, 2],
        ),
        pattern(
            "a mask and an array",
            &[4, 3],
            vec!["mask".into(), array()],
            vec![mask(&[true, false, true, false], &[4]), at(&[2, 2])],
            &[2],
        ),
        pattern("a mask of nothing", &[4, 3], vec!["mask".into()], vec![mask(&[false; 12], &[4, 3])], &[0]),
    ]
}

fn samples() -> Vec<Sample> {
    const RANGE: (f64, f64) = (-2.0, 2.0);
    let sample = |Pattern { name, x, pattern, inputs, .. }| {
        Sample::new(name, std::iter::once(dense(x, RANGE, 1)).chain(inputs)).with("pattern", pattern)
    };
    let mut samples: Vec<Sample> = patterns().into_iter().map(sample).collect();
    let array = || Prop::List(vec!["array".into()]);
    samples
        .push(Sample::new("f32", [given(vec![1.5f32, 2.0]), given(vec![1i32, 1])]).with("pattern", array()).single());
    samples.push(Sample::new("integers", [given(vec![1i64, 2]), given(vec![1i8, 0])]).with("pattern", array()).edge());
    samples.push(Sample::new("truth values", [given(vec![true]), given(vec![0u8, 0])]).with("pattern", array()).edge());
    samples
}

impl Op for AdvancedSubtensor {
    fn name(&self) -> Cow<'static, str> {
        "advanced_subtensor".into()
    }

    fn props(&self) -> Props {
        index_props("pattern", &self.axes)
    }

    fn make_node(&self, inputs: &[Variable]) -> Result<NodeSpec> {
        if inputs.is_empty() {
            return Err(BuildError::arity("advanced_subtensor", 1, inputs));
        }
        let checked = Checked::new("advanced_subtensor", inputs, &self.axes, 1)?;
        let dtype = tensor_type("advanced_subtensor", &inputs[0])?.dtype();
        Ok(NodeSpec::one(TensorType::shared(dtype, &checked.lengths(&self.axes))).with_inputs(checked.inputs))
    }

    fn perform(&self, io: &mut Io<'_>) -> OpResult {
        fn gather<T: Element>(x: &Strided<T>, selection: &Selection<'_>, out: &mut Tensor) {
            let (from, strides) = (x.storage(), row_major(&selection.shape));
            let out = out.reset::<T>(&selection.shape);
            selection.for_each_run(&strides, |[place, to], [step, to_step], length| match (step, to_step) {
                (1, 1) => out[to..to + length].copy_from_slice(&from[place..place + length]),
                _ => (0..length).for_each(|i| out[to + i * to_step] = from[place.wrapping_add(i.wrapping_mul(step))]),
            });
        }
        let (workspace, inputs, outputs) = io.with_state::<Workspace>()?;
        let x = inputs.get::<Tensor>(0)?;
        let selection = Selection::new(&self.axes, (x.shape(), x.strides()), inputs, 1, workspace)?;
        crate::tensor::check_size(&selection.shape)?;
        each_dtype!(x, array => gather(array, &selection, outputs[0].buffer()));
        Ok(())
    }

    /// The cotangent added at its places among zeros.
    fn l_op(&self, node: &NodeView<'_>, output_grads: &[Option<Variable>]) -> Result<Grads> {
        let mut grads = vec![Grad::Disconnected; node.inputs().len()];
        grads[0] = match &output_grads[0] {
            Some(g) => {
                let dtype = tensor_type("advanced_subtensor", g)?.dtype();
                let zeros = full(0.0, dtype, shape_of(node.input(0)))?;
                let inputs = [&[zeros, g.clone()], &node.inputs()[1..]].concat();
                apply(AdvancedIncSubtensor { axes: self.axes.clone(), write: Write::Add }, &inputs)?.into()
            }
            None => Grad::Zero,
        };
        Ok(grads)
    }

    fn r_op(&self, node: &NodeView<'_>, tangents: &[Option<Variable>]) -> Result<Tangents> {
        node.linear_tangent(0, tangents)
    }

    fn infer_shape(&self, node: &NodeView<'_>, input_shapes: &[Shape]) -> Result<Vec<Shape>> {
        let [selected, _] = selected_dims(&self.axes, node.inputs(), input_shapes, 1);
        Ok(vec![selected])
    }

    fn connection_pattern(&self, _output: usize, input: usize) -> bool {
        input == 0
    }

    fn state(&self) -> Option<Box<dyn OpState>> {
        Some(Box::<Workspace>::default())
    }
}
