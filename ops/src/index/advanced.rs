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

/// A pattern as it is printed, with the shapes of the tensor and of the part.
fn pattern(
    name: &'static str,
    text: &str,
    (x, part): (&'static [usize], &'static [usize]),
    inputs: impl IntoIterator<Item = SampleInput>,
) -> Pattern {
    let props = Props::parse(&format!("{{pattern={text}}}")).expect("samples are fixed when they are written");
    let pattern = props.get("pattern").cloned().unwrap_or(Prop::None);
    Pattern { name, x, pattern, inputs: inputs.into_iter().collect(), part }
}

fn at(positions: &[i64]) -> SampleInput {
    given(positions.to_vec())
}

/// Patterns without and with repetitions, of one array and of several, with slices before, between and behind.
pub(super) fn patterns() -> Vec<Pattern> {
    let (i, j) = (shaped(&[2, 1], vec![0i64, 2]), shaped(&[1, 2], vec![1i64, 1]));
    let grid = [broadcasting(i, &[1]), broadcasting(j, &[0])];
    let square = given(shaped(&[2, 2], vec![0i64, 3, 3, -1]));
    let pairs = || [at(&[0, 1]), at(&[1, 1])];
    let mut patterns = vec![
        pattern("rows, one of them twice", "[array]", (&[4, 3], &[4, 3]), [at(&[0, 3, 3, -1])]),
        pattern("elements of a vector", "[array]", (&[5], &[3]), [at(&[4, 0, 0])]),
        pattern("columns", "[slice, array]", (&[4, 3], &[4, 2]), [at(&[2, 0])]),
        pattern("a matrix of rows", "[array]", (&[4, 3], &[2, 2, 3]), [square]),
        pattern("one row by a scalar", "[array]", (&[4, 3], &[3]), [given(-2i64)]),
        pattern("pairs", "[array, array]", (&[4, 3], &[3]), [at(&[0, 1, 1]), at(&[2, -1, 2])]),
        pattern("a grid", "[array, array]", (&[4, 3], &[2, 2]), grid),
        pattern("pairs behind an axis", "[slice, array, array]", (&[2, 3, 2], &[2, 2]), pairs()),
        pattern("pairs before an axis", "[array, array]", (&[2, 3, 2], &[2, 2]), pairs()),
        pattern("pairs around an axis", "[array, slice, array]", (&[2, 3, 2], &[2, 3]), pairs()),
        pattern("an array and an integer", "[1, slice, array]", (&[2, 3, 2], &[3, 3]), [at(&[0, 1, 0])]),
        pattern(
            "an array and slices",
            "[[1, none, 1], array, [-1, none, -2]]",
            (&[4, 3, 3], &[3, 2, 2]),
            [at(&[0, 0])],
        ),
        pattern("no positions", "[array]", (&[4, 3], &[0, 3]), [at(&[])]),
    ];
    patterns.extend(masks());
    patterns
}

fn masks() -> Vec<Pattern> {
    let mask = |shape: &[usize], values: &[bool]| given(shaped(shape, values.to_vec()));
    let rows = || mask(&[4], &[true, false, true, false]);
    let places = [true, false, true, false, false, true, true, false, false, false, false, true];
    vec![
        pattern("a mask", "[mask]", (&[4, 3], &[5]), [mask(&[4, 3], &places)]),
        pattern("a mask over rows", "[mask]", (&[4, 3], &[2, 3]), [rows()]),
        pattern("a mask over columns", "[slice, mask]", (&[4, 3], &[4, 2]), [mask(&[3], &[false, true, true])]),
        pattern("a mask and an array", "[mask, array]", (&[4, 3], &[2]), [rows(), at(&[2, 2])]),
        pattern("a mask of nothing", "[mask]", (&[4, 3], &[0]), [mask(&[4, 3], &[false; 12])]),
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
