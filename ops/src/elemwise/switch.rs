//! Choosing between two tensors, element by element.
//!
//! The derivative masks the cotangent instead of multiplying by a mask, so that a NaN or infinity of the branch not
//! taken does not reach the result. Elementwise functions keep the mask outermost: the derivative of what lies behind
//! that branch is multiplied first and masked then, so that it may be infinite (`sqrt` at 0) or NaN.

use std::borrow::Cow;
use std::sync::Arc;

use kronograph_graph::{
    BuildError, Entry, Grad, Grads, Io, NodeSpec, NodeView, Op, OpFailure, OpResult, Operand, Params, Result, Sample,
    Shape, Tangents, Variable, apply, origin,
};

use super::{add, cast, neq};
use crate::broadcasting::{align, common_dims_of, common_shape, reduce_like, spread, spread_like};
use crate::dtype::DType;
use crate::kernels::runs::for_each_run;
use crate::layout::Dimshuffle;
use crate::params::exactly;
use crate::samples::{broadcasting, dense, given, shaped, spread_over};
use crate::tensor::{Element, Tensor, TensorType, each_dtype, literal_constant, tensor_type, weak_dtype};

/// `c ? a : b`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Switch;

/// `a` where `condition` holds, else `b` (NumPy: `where`).
///
/// Elementwise, with broadcasting along axes whose static length is 1; `a` or `b` may be a literal. Both branches
/// are evaluated. The derivative goes to the branch taken, and zero to the other, through any chain of elementwise
/// functions. If a sum or a product lies in between and the branch not taken has an infinite derivative, keep its
/// argument away from there as well: `switch(c, sum(sqrt(switch(c, x, 1.0))), 0.0)`.
///
/// # Errors
///
/// When `condition` is not a bool tensor, or the shapes do not fit.
#[track_caller]
pub fn switch<'a>(condition: &Variable, a: impl Into<Operand<'a>>, b: impl Into<Operand<'a>>) -> Result<Variable> {
    let _scope = origin::here();
    let (a, b) = (a.into(), b.into());
    let beside = [a, b].into_iter().find_map(Operand::variable);
    let dtype = beside.map_or(Ok(DType::F64), |variable| tensor_type("switch", variable).map(TensorType::dtype))?;
    let lower = |operand: Operand<'_>| literal_constant(operand, weak_dtype(operand, dtype));
    apply(Switch, &[condition.clone(), lower(a), lower(b)])
}

/// A variable that is zero except where a condition holds, or except where it does not.
pub(crate) struct Masked {
    condition: Variable,
    holds: bool,
    inner: Variable,
}

impl Masked {
    /// Sees a switch to zero, and sums of such switches on one condition, up to a few terms.
    pub(crate) fn of(variable: &Variable) -> Option<Self> {
        Self::within(variable, 8)
    }

    fn within(variable: &Variable, levels: usize) -> Option<Self> {
        let (node, _) = variable.owner()?;
        let inputs = node.inputs();
        if node.op_as::<Switch>().is_some() {
            let (condition, [a, b]) = (inputs[0].clone(), [inputs[1].clone(), inputs[2].clone()]);
            return match (is_zero(&a), is_zero(&b)) {
                (false, true) => Some(Self { condition, holds: true, inner: a }),
                (true, false) => Some(Self { condition, holds: false, inner: b }),
                _ => None,
            };
        }
        if node.op().name() != "add" || levels == 0 {
            return None;
        }
        let (a, b) = (Self::within(&inputs[0], levels - 1)?, Self::within(&inputs[1], levels - 1)?);
        let same = a.condition == b.condition && a.holds == b.holds;
        let inner = if same { add(&a.inner, &b.inner).ok()? } else { return None };
        Some(Self { inner, ..a })
    }

    /// A function of the inner variable, masked alike; where that is masked, too, of what lies behind all masks.
    pub(crate) fn map(&self, f: impl FnOnce(&Variable) -> Result<Variable>) -> Result<Variable> {
        let mapped = match Self::of(&self.inner) {
            Some(deeper) => deeper.map(f)?,
            None => f(&self.inner)?,
        };
        if self.holds { switch(&self.condition, &mapped, 0.0) } else { switch(&self.condition, 0.0, &mapped) }
    }
}

/// Looks through the axes of length 1 that a scalar gets beside a tensor.
fn is_zero(variable: &Variable) -> bool {
    let mut variable = variable;
    while let Some((node, _)) = variable.owner().filter(|(node, _)| node.op_as::<Dimshuffle>().is_some()) {
        variable = &node.inputs()[0];
    }
    let floats = variable.constant().and_then(|value| value.to_floats());
    floats.is_some_and(|floats| floats.iter().all(|x| *x == 0.0))
}

/// The entry of this file.
pub(super) fn entry() -> Entry {
    Entry::function("switch", "elementwise", choose, samples).also_named("where").parsed_by(|_| Ok(Arc::new(Switch)))
}

/// A condition as truth values: a number holds where it is not zero.
fn choose(params: &Params<'_>, inputs: &[Variable]) -> Result<Vec<Variable>> {
    let [condition, a, b] = exactly(params, inputs)?;
    let is_truth = tensor_type("switch", condition)?.dtype() == DType::Bool;
    let condition = if is_truth { condition.clone() } else { neq(condition, 0)? };
    Ok(vec![switch(&condition, a, b)?])
}

fn samples() -> Vec<Sample> {
    const RANGE: (f64, f64) = (-2.0, 2.0);
    let truth = || given(vec![true, false, true]);
    vec![
        Sample::new("interior", [truth(), dense(&[3], RANGE, 1), dense(&[3], RANGE, 2)]),
        Sample::new(
            "a condition for each row",
            [
                broadcasting(shaped(&[2, 1], vec![true, false]), &[1]),
                broadcasting(spread_over(&[1, 3], RANGE, 1), &[0]),
                broadcasting(spread_over(&[2, 1], RANGE, 2), &[1]),
            ],
        ),
        Sample::new("a scalar branch", [truth(), dense(&[], RANGE, 1), dense(&[3], RANGE, 2)]),
        Sample::new("no elements", [given(Vec::<bool>::new()), dense(&[0], RANGE, 1), dense(&[0], RANGE, 2)]),
        Sample::new("integers and floats", [truth(), given(vec![1i64, 2, 3]), dense(&[3], RANGE, 2)]),
        Sample::new("f32", [truth(), given(vec![1f32, 2.0, 3.0]), given(vec![4f32, 5.0, 6.0])]).single(),
        Sample::new(
            "a branch that is not taken is infinite",
            [truth(), given(vec![1.0, f64::NAN, f64::INFINITY]), given(vec![f64::NAN, 2.0, f64::NAN])],
        )
        .edge(),
    ]
}

impl Op for Switch {
    fn name(&self) -> Cow<'static, str> {
        "switch".into()
    }

    fn make_node(&self, inputs: &[Variable]) -> Result<NodeSpec> {
        let [condition, a, b] = inputs else { return Err(BuildError::arity("switch", 3, inputs)) };
        if tensor_type("switch", condition)?.dtype() != DType::Bool {
            let condition = std::slice::from_ref(condition);
            return Err(BuildError::inputs(
                "switch",
                condition,
                "the condition must be bool; compare it with something",
            ));
        }
        let dtype = tensor_type("switch", a)?.dtype().promote(tensor_type("switch", b)?.dtype());
        let aligned = align("switch", inputs)?;
        let [condition, a, b] = &aligned.inputs[..] else { return Err(BuildError::arity("switch", 3, inputs)) };
        let inputs = [condition.clone(), cast(a, dtype)?, cast(b, dtype)?];
        Ok(NodeSpec::one(TensorType::shared(dtype, &aligned.lengths)).with_inputs(inputs))
    }

    fn perform(&self, io: &mut Io<'_>) -> OpResult {
        fn choose<T: Element>(io: &mut Io<'_>) -> OpResult {
            let shape = common_shape(&io.inputs)?;
            let (c, a, b) = (io.inputs.get::<Tensor>(0)?, io.inputs.get::<Tensor>(1)?, io.inputs.get::<Tensor>(2)?);
            let strides = [&*spread(c, &shape), &*spread(a, &shape), &*spread(b, &shape)];
            let c = bool::of(c).ok_or(OpFailure::WrongValue(0))?.storage();
            let a = T::of(a).ok_or(OpFailure::WrongValue(1))?.storage();
            let b = T::of(b).ok_or(OpFailure::WrongValue(2))?.storage();
            let out = io.outputs[0].buffer::<Tensor>().reset::<T>(&shape);
            let mut at = 0;
            for_each_run(&shape, strides, |from, step, length| {
                for (i, out) in out[at..at + length].iter_mut().enumerate() {
                    let taken = c[from[0] + i * step[0]];
                    *out = if taken { a[from[1] + i * step[1]] } else { b[from[2] + i * step[2]] };
                }
                at += length;
            });
            Ok(())
        }
        fn of_array<T: Element>(_: &crate::tensor::Strided<T>, io: &mut Io<'_>) -> OpResult {
            choose::<T>(io)
        }
        let branch = io.inputs.get::<Tensor>(1)?;
        each_dtype!(branch, array => of_array(array, io))
    }

    fn l_op(&self, node: &NodeView<'_>, output_grads: &[Option<Variable>]) -> Result<Grads> {
        let Some(g) = &output_grads[0] else { return Ok(vec![Grad::Disconnected, Grad::Zero, Grad::Zero]) };
        let condition = node.input(0);
        let a = reduce_like(switch(condition, g, 0.0)?, node.input(1))?;
        let b = reduce_like(switch(condition, 0.0, g)?, node.input(2))?;
        Ok(vec![Grad::Disconnected, a.into(), b.into()])
    }

    fn r_op(&self, node: &NodeView<'_>, tangents: &[Option<Variable>]) -> Result<Tangents> {
        let condition = node.input(0);
        let moved = match (&tangents[1], &tangents[2]) {
            (None, None) => return Ok(vec![Grad::Zero]),
            (Some(a), Some(b)) => switch(condition, a, b)?,
            (Some(a), None) => switch(condition, a, 0.0)?,
            (None, Some(b)) => switch(condition, 0.0, b)?,
        };
        Ok(vec![spread_like(moved, node.output(0))?.into()])
    }

    fn infer_shape(&self, node: &NodeView<'_>, input_shapes: &[Shape]) -> Result<Vec<Shape>> {
        Ok(vec![common_dims_of(node.inputs(), input_shapes)])
    }

    fn connection_pattern(&self, _output: usize, input: usize) -> bool {
        input != 0
    }
}
