//! Choosing between whole expressions: only the one that is chosen is computed.

use std::borrow::Cow;
use std::sync::Arc;

use kronograph_graph::{
    Branches, BuildError, Dim, Entry, Grad, Grads, Io, NodeSpec, NodeView, Op, OpFailure, OpResult, Params, Props,
    Result, Sample, Shape, Tangents, TypeRef, Variable, apply, apply_all,
};
use smallvec::SmallVec;

use crate::dtype::DType;
use crate::elemwise::{cast, neq};
use crate::params::some;
use crate::samples::{dense, given};
use crate::tensor::{TensorType, tensor_type};

/// Values of one branch or of the other. Inputs: the condition, the values where it holds, the values where it does not.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct IfElse {
    width: usize,
    views: SmallVec<[(usize, usize); 2]>,
}

/// More values than any graph has: a text that asks for more of them is refused before anything is made.
const WIDEST: usize = 1 << 20;

/// `then` where a condition holds, else `otherwise` (PyTensor: `ifelse`): only the one that is chosen is computed.
///
/// What nothing but the branch not taken needs is not computed in a call, nor is its derivative; `switch` chooses element
/// by element, and computes both. The condition is a scalar; one that is not bool holds where it is not zero. It is
/// disconnected: the derivative is that of the branch taken. A length that differs between the branches is known at run
/// time only.
///
/// ```
/// use kronograph_ops::{gt, if_else, log, neg, scalar};
/// let x = scalar("x");
/// let y = if_else(&gt(&x, 0.0)?, &log(&x)?, &neg(&x)?)?;
/// assert_eq!(y.ty().to_string(), "f64 ()");
/// # Ok::<(), kronograph_graph::BuildError>(())
/// ```
///
/// # Errors
///
/// When the condition is no scalar, or the branches are of different kinds or ranks.
#[track_caller]
pub fn if_else(condition: &Variable, then: &Variable, otherwise: &Variable) -> Result<Variable> {
    apply(IfElse::new(1), &[condition.clone(), then.clone(), otherwise.clone()])
}

/// [`if_else`] of several values at once.
///
/// # Errors
///
/// As [`if_else`]; also when there are not as many values in both branches, or none.
#[track_caller]
pub fn if_else_all(condition: &Variable, then: &[Variable], otherwise: &[Variable]) -> Result<Vec<Variable>> {
    if then.len() != otherwise.len() || then.is_empty() {
        let (a, b) = (then.len(), otherwise.len());
        return Err(BuildError::parameter("if_else", format!("the branches have {a} and {b} values")));
    }
    let inputs = [std::slice::from_ref(condition), then, otherwise].concat();
    Ok(apply_all(IfElse::new(then.len()), &inputs)?.into_vec())
}

impl IfElse {
    fn new(width: usize) -> Self {
        let views = (0..width).flat_map(|k| [(k, 1 + k), (k, 1 + width + k)]).collect();
        Self { width, views }
    }
}

/// Two values as ones of the type that admits both.
fn join(then: &Variable, otherwise: &Variable) -> Result<(Variable, Variable, TypeRef)> {
    let both = || [then.clone(), otherwise.clone()];
    let (a, b) = (then.type_as::<TensorType>(), otherwise.type_as::<TensorType>());
    if let (Some(a), Some(b)) = (a, b) {
        if a.rank() != b.rank() {
            return Err(BuildError::inputs("if_else", &both(), "both branches must have as many axes"));
        }
        let dtype = a.dtype().promote(b.dtype());
        let lengths = a.lengths().iter().zip(b.lengths()).map(|(a, b)| a.filter(|_| a == b));
        let ty = TensorType::shared(dtype, &lengths.collect::<Vec<_>>());
        return Ok((cast(then, dtype)?, cast(otherwise, dtype)?, ty));
    }
    let wider = |a: &TypeRef, b: &TypeRef| a.is_super(&**b).then(|| a.clone());
    let ty = wider(then.ty(), otherwise.ty()).or_else(|| wider(otherwise.ty(), then.ty()));
    let ty = ty.ok_or_else(|| BuildError::inputs("if_else", &both(), "both branches must be of one kind"))?;
    Ok((then.clone(), otherwise.clone(), ty))
}

/// The entries of this file: PyTensor's `n_outs`, which may be left out.
pub(super) fn entries() -> Vec<Entry> {
    let op = |params: &Params<'_>, inputs: usize| {
        let width = match params.get("n_outs") {
            None => inputs.saturating_sub(1) / 2,
            Some(prop) => Some(params.size("n_outs")?)
                .filter(|&width| width <= WIDEST)
                .ok_or_else(|| params.wrong("n_outs", &format!("at most {WIDEST}"), prop))?,
        };
        Ok::<_, BuildError>(IfElse::new(width))
    };
    let build = move |params: &Params<'_>, inputs: &[Variable]| {
        Ok(apply_all(op(params, inputs.len())?, some(params, inputs)?)?.into_vec())
    };
    let entry = Entry::function("if_else", "control", build, samples);
    vec![entry.parsed_by(move |params| Ok(Arc::new(op(params, 0)?)))]
}

fn samples() -> Vec<Sample> {
    const RANGE: (f64, f64) = (-2.0, 2.0);
    let x = |shape: &[usize], seed| dense(shape, RANGE, seed);
    vec![
        Sample::new("the condition holds", [given(true), x(&[3], 1), x(&[3], 2)]),
        Sample::new("it does not hold", [given(false), x(&[3], 1), x(&[3], 2)]),
        Sample::new("branches of different lengths", [given(false), x(&[2, 3], 1), x(&[2, 4], 2)]),
        Sample::new("scalars", [given(true), x(&[], 1), x(&[], 2)]),
        Sample::new("two values", [given(true), x(&[2], 1), x(&[], 2), x(&[2], 3), x(&[], 4)]).with("n_outs", 2i64),
        Sample::new("an integer condition", [given(-2i64), x(&[2], 1), x(&[2], 2)]),
        Sample::new("a float condition", [given(0.0), x(&[2], 1), x(&[2], 2)]).edge(),
        Sample::new("no elements", [given(true), x(&[0, 2], 1), x(&[0, 2], 2)]),
        Sample::new("f32 and f64", [given(true), given(vec![1.5f32, 2.0]), x(&[2], 2)]).single(),
        Sample::new("integers", [given(false), given(vec![1i64, 2]), given(vec![3i32, 4])]).edge(),
    ]
}

impl Op for IfElse {
    fn name(&self) -> Cow<'static, str> {
        "if_else".into()
    }

    fn props(&self) -> Props {
        Props::default().with("n_outs", self.width)
    }

    fn make_node(&self, inputs: &[Variable]) -> Result<NodeSpec> {
        if inputs.len() != 1 + 2 * self.width || self.width == 0 {
            return Err(BuildError::arity("if_else", 1 + 2 * self.width.max(1), inputs));
        }
        let condition = tensor_type("if_else", &inputs[0])?;
        if condition.rank() != 0 {
            return Err(BuildError::inputs("if_else", &inputs[..1], "the condition must be a scalar; see `switch`"));
        }
        let is_truth = condition.dtype() == DType::Bool;
        let condition = if is_truth { inputs[0].clone() } else { neq(&inputs[0], 0i64)? };
        let (then, otherwise) = inputs[1..].split_at(self.width);
        let (mut all, mut others, mut types) = (vec![condition], Vec::new(), Vec::new());
        for (a, b) in then.iter().zip(otherwise) {
            let (a, b, ty) = join(a, b)?;
            all.push(a);
            others.push(b);
            types.push(ty);
        }
        Ok(NodeSpec::many(types).with_inputs(all.into_iter().chain(others)))
    }

    /// Looks at the branch taken only: the other one may not have been computed.
    fn perform(&self, io: &mut Io<'_>) -> OpResult {
        let holds = io.inputs.value(0)?.as_truth().ok_or(OpFailure::WrongValue(0))?;
        let from = if holds { 1 } else { 1 + self.width };
        for (k, slot) in io.outputs.iter_mut().enumerate() {
            slot.assign(io.inputs.value(from + k)?);
        }
        Ok(())
    }

    /// The cotangent, as if both branches were taken; see [`Branches`].
    fn l_op(&self, _node: &NodeView<'_>, output_grads: &[Option<Variable>]) -> Result<Grads> {
        let term = |g: &Option<Variable>| Grad::from(g.clone());
        let both = output_grads.iter().chain(output_grads).map(term);
        Ok(std::iter::once(Grad::Disconnected).chain(both).collect())
    }

    /// The tangent of the branch taken.
    fn r_op(&self, node: &NodeView<'_>, tangents: &[Option<Variable>]) -> Result<Tangents> {
        let term = |input: usize| match (&tangents[input], node.input(input).ty().tangent()) {
            (Some(tangent), _) => Ok(Some(tangent.clone())),
            (None, Some(ty)) => ty.zeros_like(node.input(input)).map(Some),
            (None, None) => Ok(None),
        };
        let answer = |k: usize| {
            let (a, b) = (1 + k, 1 + self.width + k);
            if tangents[a].is_none() && tangents[b].is_none() {
                return Ok(Grad::Zero);
            }
            match (term(a)?, term(b)?) {
                (Some(a), Some(b)) => Ok(if_else(node.input(0), &a, &b)?.into()),
                _ => Ok(Grad::Zero),
            }
        };
        (0..self.width).map(answer).collect()
    }

    fn infer_shape(&self, _node: &NodeView<'_>, input_shapes: &[Shape]) -> Result<Vec<Shape>> {
        let (then, otherwise) = input_shapes[1..].split_at(self.width);
        let meet = |(a, b): (&Dim, &Dim)| if a == b { a.clone() } else { Dim::UNKNOWN };
        Ok(then.iter().zip(otherwise).map(|(a, b)| a.iter().zip(b).map(meet).collect()).collect())
    }

    fn view_map(&self) -> &[(usize, usize)] {
        &self.views
    }

    fn connection_pattern(&self, output: usize, input: usize) -> bool {
        input.checked_sub(1).is_some_and(|place| place % self.width == output)
    }

    fn branches(&self) -> Option<Branches> {
        Some(Branches { width: self.width, chooser: Arc::new(IfElse::new(1)) })
    }
}
