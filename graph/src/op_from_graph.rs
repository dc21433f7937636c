//! An op made from an expression, with derivatives of its own where the author knows better ones.
//!
//! Without rules its derivatives are those of the expression. Compiling writes it out either way, once derivatives are
//! taken, so that it costs nothing; rewriting alone leaves it.

use std::borrow::Cow;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use crate::autodiff::{Alone, Gradient, rop_kinds};
use crate::dim::{Dim, Shape};
use crate::error::{BuildError, OpError, OpFailure, OpResult, Result, RunError};
use crate::frozen::Frozen;
use crate::function::{Function, OutputView};
use crate::op::{Grad, Grads, Io, NodeSpec, NodeView, Op, OpState, Tangents};
use crate::substitute::substitute;
use crate::value::Value;
use crate::variable::{Variable, apply_all};

/// A reverse rule: from the node and the cotangents of its outputs to a cotangent for each input; as
/// [`Op::l_op`](crate::Op::l_op).
pub type VjpRule = dyn Fn(&NodeView<'_>, &[Option<Variable>]) -> Result<Grads> + Send + Sync;

/// A forward rule: from the node and the tangents of its inputs to a tangent for each output; as
/// [`Op::r_op`](crate::Op::r_op).
pub type JvpRule = dyn Fn(&NodeView<'_>, &[Option<Variable>]) -> Result<Tangents> + Send + Sync;

/// An op that runs an expression (PyTensor: `OpFromGraph`; JAX: `custom_vjp`, `custom_jvp`).
///
/// Where only one of the two rules is given, the other derivative follows from it by transposition. Two such ops are
/// equal when their expressions are and they share their rules.
///
/// ```text
/// // log(1 + exp(x)), whose derivative does not overflow as that of the expression does
/// let softplus = OpFromGraph::new("softplus", &[x.clone()], &[log(&(1.0 + exp(&x)?))?])?
///     .with_vjp(|node, g| Ok(vec![g[0].as_ref().map(|g| mul(g, sigmoid(node.input(0))?)).transpose()?.into()]));
/// let y = softplus.call(&[a])?.remove(0);
/// ```
#[derive(Clone)]
pub struct OpFromGraph {
    name: Cow<'static, str>,
    body: Frozen,
    vjp: Option<Arc<VjpRule>>,
    jvp: Option<Arc<JvpRule>>,
}

impl OpFromGraph {
    /// An op of an expression.
    ///
    /// # Errors
    ///
    /// As [`Frozen::new`].
    #[track_caller]
    pub fn new(name: impl Into<Cow<'static, str>>, inputs: &[Variable], outputs: &[Variable]) -> Result<Self> {
        Ok(Self { name: name.into(), body: Frozen::new(inputs, outputs)?, vjp: None, jvp: None })
    }

    /// The same op with a reverse rule of its own.
    pub fn with_vjp(
        mut self,
        rule: impl Fn(&NodeView<'_>, &[Option<Variable>]) -> Result<Grads> + Send + Sync + 'static,
    ) -> Self {
        self.vjp = Some(Arc::new(rule));
        self
    }

    /// The same op with a forward rule of its own.
    pub fn with_jvp(
        mut self,
        rule: impl Fn(&NodeView<'_>, &[Option<Variable>]) -> Result<Tangents> + Send + Sync + 'static,
    ) -> Self {
        self.jvp = Some(Arc::new(rule));
        self
    }

    /// Applies it; returns all outputs.
    ///
    /// # Errors
    ///
    /// Inputs of a wrong number or type.
    #[track_caller]
    pub fn call(&self, inputs: &[Variable]) -> Result<Vec<Variable>> {
        Ok(apply_all(self.clone(), inputs)?.into_vec())
    }

    /// The expression.
    pub fn body(&self) -> &Frozen {
        &self.body
    }

    /// The derivatives of the expression, at the node's inputs.
    fn derivative_of_body(&self, node: &NodeView<'_>, terms: &[Option<Variable>], mode: Mode) -> Result<Vec<Grad>> {
        let (inputs, outputs) = (self.body.inputs(), self.body.outputs());
        let moving = if mode == Mode::Reverse { outputs } else { inputs };
        let present: Vec<(Variable, Variable)> = (moving.iter().zip(terms))
            .filter_map(|(variable, term)| Some((variable.clone(), term.clone()?)))
            .filter(|(variable, _)| variable.ty().tangent().is_some())
            .collect();
        let (of, given): (Vec<Variable>, Vec<Variable>) = present.into_iter().unzip();
        let stand_ins: Vec<Variable> = given.iter().map(|term| Variable::input("", term.ty().clone())).collect();
        let kinds = match mode {
            Mode::Reverse => Gradient::of_outputs(&of, &stand_ins)?.kinds(inputs)?,
            Mode::Forward => rop_kinds(outputs, &of, &stand_ins)?,
        };
        let mut pairs: Vec<(Variable, Variable)> = stand_ins.into_iter().zip(given).collect();
        pairs.extend(inputs.iter().cloned().zip(node.inputs().iter().cloned()));
        let place = |kind| match kind {
            Grad::Var(term) => Ok(Grad::Var(substitute(&[term], &pairs)?.remove(0))),
            other => Ok(other),
        };
        kinds.into_iter().map(place).collect()
    }

    /// The cotangents of the inputs from the forward rule, which is linear in the tangents.
    fn transposed(&self, rule: &JvpRule, node: &NodeView<'_>, cotangents: &[Option<Variable>]) -> Result<Grads> {
        let malformed = |mode, rule| {
            let (op, origin) = (self.name(), node.origin());
            BuildError::BadDerivative { op, mode, rule, origin }
        };
        let mut alone = Alone::new(node.inputs(), node.outputs());
        let stand_in = |input: &Variable| input.ty().tangent().map(|ty| Variable::input("tangent", ty));
        let tangents: Vec<Option<Variable>> = node.inputs().iter().map(stand_in).collect();
        let pushed = rule(&alone.view(node.op(), node.origin()), &tangents)?;
        if pushed.len() != cotangents.len() {
            let rule = format!("it must return {} term(s), and returned {}", cotangents.len(), pushed.len());
            return Err(malformed("forward", rule));
        }
        let (mut of, mut given, mut zero) = (Vec::new(), Vec::new(), false);
        for (answer, cotangent) in pushed.into_iter().zip(cotangents) {
            match (answer, cotangent) {
                (Grad::Var(pushed), Some(cotangent)) => {
                    of.push(pushed);
                    given.push(alone.leaf(cotangent));
                }
                (Grad::Undefined { why }, Some(_)) => return Ok(vec![Grad::Undefined { why }; tangents.len()]),
                (answer, _) => zero |= matches!(answer, Grad::Zero),
            }
        }
        let wrt: Vec<Variable> = tangents.iter().flatten().cloned().collect();
        let mut kinds = Gradient::of_outputs(&of, &given)?.kinds(&wrt)?.into_iter();
        let paired =
            tangents.iter().zip(node.inputs()).filter_map(|(free, input)| Some((free.clone()?, input.clone())));
        let paired: Vec<(Variable, Variable)> = paired.collect();
        let place = |tangent: &Option<Variable>| match tangent.as_ref().and_then(|_| kinds.next()) {
            Some(Grad::Var(term)) => alone.put_back(&term, &paired)?.map(Grad::Var).ok_or_else(|| {
                let rule = "its forward derivative is not linear in the tangent, so the reverse one does not follow";
                malformed("reverse", rule.to_owned())
            }),
            Some(Grad::Disconnected) if zero => Ok(Grad::Zero),
            other => Ok(other.unwrap_or(Grad::Disconnected)),
        };
        tangents.iter().map(place).collect()
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    Reverse,
    Forward,
}

impl Op for OpFromGraph {
    fn name(&self) -> Cow<'static, str> {
        self.name.clone()
    }

    fn make_node(&self, inputs: &[Variable]) -> Result<NodeSpec> {
        let want = self.body.inputs();
        if inputs.len() != want.len() {
            return Err(BuildError::arity(self.name(), want.len(), inputs));
        }
        for (input, want) in inputs.iter().zip(want) {
            if !want.ty().is_super(&**input.ty()) {
                let rule = format!("its input `{}` is {}", crate::print::expression_text(want), want.ty());
                return Err(BuildError::inputs(self.name(), std::slice::from_ref(input), rule));
            }
        }
        Ok(NodeSpec::many(self.body.outputs().iter().map(|output| output.ty().clone())))
    }

    fn perform(&self, io: &mut Io<'_>) -> OpResult {
        // The outputs share the inner function's buffers, which it can reuse only when nobody else holds them.
        io.outputs.iter_mut().for_each(|slot| slot.release());
        let (state, inputs, outputs) = io.with_state::<GraphState>()?;
        let arguments: Vec<&dyn Value> = (0..inputs.len()).map(|k| inputs.value(k)).collect::<Result<_, _>>()?;
        let view = state.run(&self.body, &arguments)?;
        for (k, slot) in outputs.iter_mut().enumerate() {
            slot.assign(view.value(k).map_err(|_| OpFailure::NoState)?);
        }
        Ok(())
    }

    fn l_op(&self, node: &NodeView<'_>, output_grads: &[Option<Variable>]) -> Result<Grads> {
        match (&self.vjp, &self.jvp) {
            (Some(rule), _) => rule(node, output_grads),
            (None, Some(rule)) => self.transposed(&**rule, node, output_grads),
            (None, None) => self.derivative_of_body(node, output_grads, Mode::Reverse),
        }
    }

    fn r_op(&self, node: &NodeView<'_>, tangents: &[Option<Variable>]) -> Result<Tangents> {
        match (&self.jvp, &self.vjp) {
            (Some(rule), _) => rule(node, tangents),
            // Without an answer the engine takes the reverse rule twice.
            (None, Some(_)) => Err(node.no_derivative("forward", 0)),
            (None, None) => self.derivative_of_body(node, tangents, Mode::Forward),
        }
    }

    fn infer_shape(&self, _node: &NodeView<'_>, _input_shapes: &[Shape]) -> Result<Vec<Shape>> {
        let known = |output: &Variable| {
            output.ty().extents().iter().map(|length| length.map_or(Dim::UNKNOWN, Dim::from)).collect()
        };
        Ok(self.body.outputs().iter().map(known).collect())
    }

    fn state(&self) -> Option<Box<dyn OpState>> {
        Some(Box::<GraphState>::default())
    }
}

/// The function that an op runs on the inside, planned at its first call.
#[derive(Debug, Default)]
pub struct GraphState(Option<Function>);

impl GraphState {
    /// Calls the function of a frozen expression.
    ///
    /// # Errors
    ///
    /// What fails on the inside, with the words of the inner error; recoverable where that is.
    pub fn run(&mut self, body: &Frozen, arguments: &[&dyn Value]) -> Result<OutputView<'_>, InnerError> {
        if self.0.is_none() {
            self.0 = Some(body.plan().map_err(InnerError::Build)?);
        }
        let function = self.0.as_mut().expect("it was filled in the lines above");
        function.call_inside(arguments).map_err(InnerError::Run)
    }
}

impl OpState for GraphState {
    fn fork(&self) -> Box<dyn OpState> {
        Box::new(Self(self.0.as_ref().map(Function::fork)))
    }

    fn counts(&self) -> Vec<(&'static str, u64)> {
        self.0.iter().flat_map(Function::counts).collect()
    }
}

/// A failure inside an op that runs an expression.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum InnerError {
    /// The expression cannot be planned: a defect of an op in it.
    #[error("inside it, {0}")]
    Build(BuildError),
    /// A node of the expression failed, or was given what is not of its type.
    #[error("inside it, {}", .0.headline())]
    Run(RunError),
}

impl OpError for InnerError {
    fn recoverable(&self) -> bool {
        matches!(self, InnerError::Run(error) if error.is_recoverable())
    }

    fn inside(&self) -> Option<&RunError> {
        match self {
            InnerError::Build(_) => None,
            InnerError::Run(error) => Some(error),
        }
    }
}

fn same<T: ?Sized>(a: &Option<Arc<T>>, b: &Option<Arc<T>>) -> bool {
    match (a, b) {
        (Some(a), Some(b)) => Arc::ptr_eq(a, b),
        (None, None) => true,
        _ => false,
    }
}

impl PartialEq for OpFromGraph {
    fn eq(&self, other: &Self) -> bool {
        self.name == other.name && same(&self.vjp, &other.vjp) && same(&self.jvp, &other.jvp) && self.body == other.body
    }
}

impl Eq for OpFromGraph {}

impl Hash for OpFromGraph {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.name.hash(state);
        self.body.hash(state);
    }
}

impl fmt::Debug for OpFromGraph {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "OpFromGraph({}, {:?})", self.name, self.body)
    }
}
