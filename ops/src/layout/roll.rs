//! Moving elements along axes: round the end, or in reverse order.

use std::borrow::Cow;
use std::sync::Arc;

use kronograph_graph::{
    BuildError, Entry, Grad, Grads, Io, NodeSpec, NodeView, Op, OpResult, Params, Prop, Props, Result, Sample, Shape,
    Tangents, Variable, apply, origin, shape_of,
};

use super::{ravel, reshape};
use crate::index::{Index, subtensor};
use crate::kernels::runs::for_each_run;
use crate::params::{axes_of, axis_of, only};
use crate::samples::{dense, given};
use crate::tensor::{Element, Extents, Strided, Tensor, TensorType, checked_rank, each_dtype, row_major, tensor_type};

/// `x` with its elements moved along an axis; those that leave it at one end come in at the other.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Roll {
    shift: i64,
    axis: usize,
}

/// `x` moved by `shift` along an axis, round its end; without an axis, along the elements in row-major order
/// (NumPy: `roll`).
///
/// The derivative is moved back.
///
/// # Errors
///
/// When there is no such axis.
#[track_caller]
pub fn roll(x: &Variable, shift: i64, axis: impl Into<Option<usize>>) -> Result<Variable> {
    let _scope = origin::here();
    match axis.into() {
        Some(axis) => apply(Roll { shift, axis }, std::slice::from_ref(x)),
        None => reshape(&apply(Roll { shift, axis: 0 }, &[ravel(x)?])?, shape_of(x)),
    }
}

/// `x` with the order of its elements along some axes reversed (NumPy: `flip`).
///
/// # Errors
///
/// When an axis does not exist.
#[track_caller]
pub fn flip(x: &Variable, axes: &[usize]) -> Result<Variable> {
    let _scope = origin::here();
    let rank = checked_rank("flip", x, axes)?;
    let index = |axis| if axes.contains(&axis) { Index::slice(None, None, -1) } else { Index::ALL };
    subtensor(x, &(0..rank).map(index).collect::<Vec<_>>())
}

pub(super) fn entries() -> Vec<Entry> {
    let x = || [dense(&[2, 3, 2], (-2.0, 2.0), 1)];
    let rolls = move || {
        let several = Sample::new("several axes", x()).with("shift", Prop::Ints(vec![1, 2]));
        vec![
            Sample::new("an axis", x()).with("shift", 1i64).with("axis", 1i64),
            Sample::new("backward", x()).with("shift", -1i64).with("axis", -1i64),
            Sample::new("further than round", x()).with("shift", 7i64).with("axis", 1i64),
            several.with("axis", Prop::Ints(vec![0, 1])),
            Sample::new("all elements", x()).with("shift", 5i64),
            Sample::new("nothing", [dense(&[2, 0], (-2.0, 2.0), 1)]).with("shift", 1i64).with("axis", 1i64),
            Sample::new("integers", [given(vec![1i64, 2, 3])]).with("shift", 1i64).with("axis", 0i64),
        ]
    };
    let flips = move || {
        vec![
            Sample::new("all axes", x()),
            Sample::new("an axis", x()).with("axis", 0i64),
            Sample::new("two axes", x()).with("axis", Prop::Ints(vec![1, -1])),
            Sample::new("a scalar", [dense(&[], (-2.0, 2.0), 1)]),
            Sample::new("nothing", [dense(&[2, 0], (-2.0, 2.0), 1)]),
        ]
    };
    vec![
        Entry::function("roll", "shape", build_roll, rolls)
            .parsed_by(|params| Ok(Arc::new(Roll { shift: params.int("shift")?, axis: params.size("axis")? }))),
        Entry::function(
            "flip",
            "shape",
            |params, inputs| {
                let x = only(params, inputs)?;
                Ok(vec![flip(x, &axes_of("flip", params, x)?)?])
            },
            flips,
        ),
    ]
}

fn build_roll(params: &Params<'_>, inputs: &[Variable]) -> Result<Vec<Variable>> {
    let x = only(params, inputs)?;
    let Some(axes) = params.maybe_ints("axis")? else {
        return Ok(vec![roll(x, params.int("shift")?, None)?]);
    };
    let shifts = params.ints("shift")?;
    // One shift counts for all axes, and all shifts for one axis.
    let pairs = shifts.len().max(axes.len());
    if [shifts.len(), axes.len()].iter().any(|&count| count != pairs && count != 1) {
        return Err(params.wrong("shift", "as many numbers as there are axes", &Prop::Ints(shifts)));
    }
    let mut rolled = x.clone();
    for (&shift, &axis) in shifts.iter().cycle().zip(axes.iter().cycle()).take(pairs) {
        rolled = roll(&rolled, shift, axis_of("roll", x, axis)?)?;
    }
    Ok(vec![rolled])
}

impl Op for Roll {
    fn name(&self) -> Cow<'static, str> {
        "roll".into()
    }

    fn props(&self) -> Props {
        Props::default().with("shift", self.shift).with("axis", self.axis)
    }

    fn make_node(&self, inputs: &[Variable]) -> Result<NodeSpec> {
        let [x] = inputs else { return Err(BuildError::arity("roll", 1, inputs)) };
        checked_rank("roll", x, &[self.axis])?;
        let ty = tensor_type("roll", x)?;
        Ok(NodeSpec::one(TensorType::shared(ty.dtype(), ty.lengths())))
    }

    fn perform(&self, io: &mut Io<'_>) -> OpResult {
        fn run<T: Element>(op: &Roll, x: &Strided<T>, out: &mut Tensor) {
            let (out, strides) = (out.reset::<T>(x.shape()), row_major(x.shape()));
            let length = x.shape()[op.axis];
            if length == 0 {
                return;
            }
            let shift = op.shift.rem_euclid(length as i64) as usize;
            // What stays inside, and what goes round the end: from where, to where, how much.
            for (from, to, count) in [(0, shift, length - shift), (length - shift, 0, shift)] {
                let mut shape: Extents = x.shape().into();
                shape[op.axis] = count;
                let (from, to) = (from * x.strides()[op.axis], to * strides[op.axis]);
                for_each_run(&shape, [x.strides(), &strides], |[at, out_at], [step, out_step], length| {
                    let part = &x.storage()[from + at..];
                    (0..length).for_each(|i| out[to + out_at + i * out_step] = part[i * step]);
                });
            }
        }
        let x = io.inputs.get::<Tensor>(0)?;
        let out = io.outputs[0].buffer::<Tensor>();
        each_dtype!(x, array => run(self, array, out));
        Ok(())
    }

    /// The cotangent, moved back.
    fn l_op(&self, _node: &NodeView<'_>, output_grads: &[Option<Variable>]) -> Result<Grads> {
        let Some(g) = &output_grads[0] else { return Ok(vec![Grad::Zero]) };
        let back = Roll { shift: self.shift.wrapping_neg(), axis: self.axis };
        Ok(vec![apply(back, std::slice::from_ref(g))?.into()])
    }

    fn r_op(&self, node: &NodeView<'_>, tangents: &[Option<Variable>]) -> Result<Tangents> {
        node.linear_tangent(0, tangents)
    }

    fn infer_shape(&self, _node: &NodeView<'_>, input_shapes: &[Shape]) -> Result<Vec<Shape>> {
        Ok(input_shapes.to_vec())
    }
}
