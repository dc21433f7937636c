//! Writing to part of a tensor named by arrays and masks: adding, where repetitions accumulate, and replacing, where the
//! last one stays.

use std::borrow::Cow;
use std::sync::Arc;

use kronograph_graph::{
    BuildError, Entry, Grad, Grads, Io, NodeSpec, NodeView, Op, OpFailure, OpResult, OpState, Params, Prop, Props,
    Result, Sample, Shape, Tangents, Variable, apply,
};

use super::advanced::{AdvancedSubtensor, Pattern, patterns};
use super::axis::{Axes, AxisIndex, index_props, parse_index};
use super::inc_subtensor::{Plus, Write, fit, pushed, steps_over};
use super::last_writes::LastWrites;
use super::selection::{Checked, Selection, Workspace};
use crate::broadcasting::reduce_like;
use crate::elemwise::{cast_value, switch};
use crate::params::some;
use crate::samples::{broadcasting, dense, given, spread_over};
use crate::tensor::{Element, Strided, Tensor, constant, each_dtype, row_major, tensor_type};

/// A tensor with something added to a part of it, or put in its place. Inputs: x, y, then the arrays, masks and
/// positions that the index reads, in its order.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct AdvancedIncSubtensor {
    pub(crate) axes: Axes,
    pub(crate) write: Write,
}

/// The entry of this file: `pattern` as `advanced_subtensor` has it, and `set_instead_of_inc`.
pub(super) fn entries() -> Vec<Entry> {
    let op = |params: &Params<'_>| {
        let write = if params.flag("set_instead_of_inc")? { Write::Set } else { Write::Add };
        Ok(AdvancedIncSubtensor { axes: parse_index(params, "pattern")?, write })
    };
    let entry = Entry::function(
        NAME,
        "indexing",
        move |params, inputs| Ok(vec![apply(op(params)?, some(params, inputs)?)?]),
        samples,
    );
    vec![entry.parsed_by(move |params| Ok(Arc::new(op(params)?)))]
}

const NAME: &str = "advanced_inc_subtensor";

fn samples() -> Vec<Sample> {
    const RANGE: (f64, f64) = (-2.0, 2.0);
    let mut samples = Vec::new();
    for set in [false, true] {
        let what = if set { "set" } else { "inc" };
        let mut add = |name: String, inputs: Vec<_>, pattern: Prop| {
            samples.push(Sample::new(name, inputs).with("pattern", pattern).with("set_instead_of_inc", set));
        };
        for Pattern { name, x, pattern, inputs, part } in patterns() {
            let all = |y| [vec![dense(x, RANGE, 1), y], inputs.clone()].concat();
            add(format!("{what}: {name}"), all(dense(part, RANGE, 2)), pattern.clone());
            add(format!("{what} a scalar: {name}"), all(dense(&[], RANGE, 2)), pattern);
        }
        let array = || Prop::List(vec!["array".into()]);
        let row = broadcasting(spread_over(&[3, 1], RANGE, 2), &[1]);
        let rows = given(vec![2i64, 0, 2]);
        add(format!("{what}: a column that broadcasts"), vec![dense(&[4, 3], RANGE, 1), row, rows], array());
    }
    let array = || Prop::List(vec!["array".into()]);
    let at = || given(vec![1i32, 1]);
    let single = [given(vec![1.5f32, 2.0]), given(vec![0.5f32, 0.25]), at()];
    samples.push(Sample::new("f32", single).with("pattern", array()).single());
    let integers = [given(vec![1i64, 2]), given(vec![3i32, 4]), at()];
    samples.push(Sample::new("integers", integers).with("pattern", array()).edge());
    samples
}

impl Op for AdvancedIncSubtensor {
    fn name(&self) -> Cow<'static, str> {
        NAME.into()
    }

    fn props(&self) -> Props {
        index_props("pattern", &self.axes).with("set_instead_of_inc", self.write == Write::Set)
    }

    fn make_node(&self, inputs: &[Variable]) -> Result<NodeSpec> {
        if inputs.len() < 2 {
            return Err(BuildError::arity(NAME, 2, inputs));
        }
        let mut checked = Checked::new(NAME, inputs, &self.axes, 2)?;
        checked.inputs[1] = fit(NAME, self.write, [&inputs[0], &inputs[1]], &checked.lengths(&self.axes))?;
        Ok(NodeSpec::one(inputs[0].ty().clone()).with_inputs(checked.inputs))
    }

    fn perform(&self, io: &mut Io<'_>) -> OpResult {
        fn put<T: Element>(
            op: &AdvancedIncSubtensor,
            x: &Strided<T>,
            io: &mut Io<'_>,
            merge: impl Fn(T, T) -> T,
        ) -> OpResult {
            let (workspace, inputs, outputs) = io.with_state::<Workspace>()?;
            let strides = row_major(x.shape());
            let selection = Selection::new(&op.axes, (x.shape(), &strides), inputs, 2, workspace)?;
            let y = inputs.get::<Tensor>(1)?;
            let declared = inputs.ty(1).map(|ty| ty.extents()).unwrap_or_default();
            let steps = steps_over(&selection.shape, y, declared)?;
            let y = T::of(y).ok_or(OpFailure::WrongValue(1))?.storage();
            let out = outputs[0].buffer::<Tensor>().reset::<T>(x.shape());
            x.write_to(out);
            selection.for_each_run(&steps, |[place, from], [step, y_step], length| {
                for i in 0..length {
                    let out = &mut out[place.wrapping_add(i.wrapping_mul(step))];
                    *out = merge(*out, y[from + i * y_step]);
                }
            });
            Ok(())
        }
        let x = io.inputs.get::<Tensor>(0)?;
        match self.write {
            Write::Add => each_dtype!(x, array => put(self, array, io, Plus::plus)),
            Write::Set => each_dtype!(x, array => put(self, array, io, |_, y| y)),
        }
    }

    /// The cotangent, with zeros where it was replaced; and its part, where it was not replaced again.
    fn l_op(&self, node: &NodeView<'_>, output_grads: &[Option<Variable>]) -> Result<Grads> {
        let mut grads = vec![Grad::Disconnected; node.inputs().len()];
        let Some(g) = &output_grads[0] else {
            (grads[0], grads[1]) = (Grad::Zero, Grad::Zero);
            return Ok(grads);
        };
        let at = &node.inputs()[2..];
        let taken = [std::slice::from_ref(g), at].concat();
        let mut part = apply(AdvancedSubtensor { axes: self.axes.clone() }, &taken)?;
        grads[0] = match self.write {
            Write::Add => g.clone().into(),
            Write::Set => {
                let zero = constant(cast_value(&Tensor::scalar(0.0), tensor_type(NAME, g)?.dtype()));
                apply(self.clone(), &[&[g.clone(), zero], at].concat())?.into()
            }
        };
        if self.write == Write::Set && self.axes.contains(&AxisIndex::Array) {
            let last = LastWrites { axes: self.axes.clone() }.over_part(&taken)?;
            part = switch(&last, &part, 0.0)?;
        }
        grads[1] = reduce_like(part, node.input(1))?.into();
        Ok(grads)
    }

    fn r_op(&self, node: &NodeView<'_>, tangents: &[Option<Variable>]) -> Result<Tangents> {
        pushed(self, self.write, node, tangents)
    }

    fn infer_shape(&self, _node: &NodeView<'_>, input_shapes: &[Shape]) -> Result<Vec<Shape>> {
        Ok(vec![input_shapes[0].clone()])
    }

    fn connection_pattern(&self, _output: usize, input: usize) -> bool {
        input < 2
    }

    fn state(&self) -> Option<Box<dyn OpState>> {
        Some(Box::<Workspace>::default())
    }
}
