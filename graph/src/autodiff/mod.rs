//! Derivatives of expressions, made of ordinary ops, so that they have derivatives themselves.
//!
//! Reverse mode (`reverse`): the nodes between `wrt` and the outputs are found first, then swept once from the outputs
//! back; each node's [`Op::l_op`](crate::Op::l_op) is called once. Forward mode (`forward`) sweeps the other way with
//! [`Op::r_op`](crate::Op::r_op). Zero, disconnected and undefined derivatives are kept apart to the end: a zero is
//! summed away, a disconnected one is skipped, an undefined one absorbs.

use crate::error::{BuildError, Result};
use crate::op::Grad;
use crate::operators::{Verb, binary};
use crate::origin::{self, Role};
use crate::variable::Variable;

mod alone;
mod branches;
mod forward;
mod gathered;
mod reverse;

pub(crate) use alone::Alone;
use forward::forward;
use gathered::{Gathered, Undefined, may_be};
use reverse::Sweep;

/// The gradient of a scalar: one variable of the shape of each of `wrt`.
///
/// `wrt` may hold intermediate variables and may repeat. A derivative that is zero everywhere comes as zeros.
/// [`Gradient`] has the options.
///
/// # Errors
///
/// When `cost` is not a scalar of a type that has derivatives; when it does not depend on one of `wrt` through a
/// differentiable path; when a derivative does not exist, or no rule for it has been written.
#[track_caller]
pub fn grad(cost: &Variable, wrt: &[Variable]) -> Result<Vec<Variable>> {
    Gradient::of(cost)?.wrt(wrt)
}

/// Reverse mode for any outputs (PyTensor: `Lop`, pullback; JAX: VJP): `sum_i v_iᵀ ∂f_i/∂wrt_j` for each of `wrt`.
///
/// Outputs may repeat; their cotangents are summed.
///
/// # Errors
///
/// As [`grad`]; also when there are not as many cotangents as outputs.
#[track_caller]
pub fn lop(outputs: &[Variable], wrt: &[Variable], cotangents: &[Variable]) -> Result<Vec<Variable>> {
    Gradient::of_outputs(outputs, cotangents)?.wrt(wrt)
}

/// The Hessian of a scalar times a direction: `sum_k ∂²cost/∂wrt_j∂wrt_k p_k` for each of `wrt`, without the Hessian.
///
/// Forward over reverse: the tangent of the gradient. Where the cost is linear the product is zero.
///
/// # Errors
///
/// As [`grad`]; also when there are not as many directions as variables.
#[track_caller]
pub fn hvp(cost: &Variable, wrt: &[Variable], directions: &[Variable]) -> Result<Vec<Variable>> {
    let gradients = grad(cost, wrt)?;
    let seeds = pair("hvp", wrt, directions)?;
    finish(forward(&gradients, &seeds)?, &gradients, Missing::Zeros, None)
}

/// Forward mode (PyTensor: `Rop`, pushforward; JAX: JVP): `sum_j ∂f_i/∂wrt_j t_j` for each output.
///
/// The adjoint of [`lop`], where one of `wrt` depends on another, too. An output that does not depend on `wrt` has a
/// tangent of zeros. An op without `r_op` is served by its `l_op`,
/// pulled back twice.
///
/// # Errors
///
/// When there are not as many tangents as variables; when a derivative does not exist, or no rule for it has been
/// written in either mode.
#[track_caller]
pub fn rop(outputs: &[Variable], wrt: &[Variable], tangents: &[Variable]) -> Result<Vec<Variable>> {
    let seeds = pair("rop", wrt, tangents)?;
    finish(forward(outputs, &seeds)?, outputs, Missing::Zeros, None)
}

/// [`rop`], with the four kinds of answer kept apart; none is an error.
///
/// # Errors
///
/// When there are not as many tangents as variables, or no rule has been written for a derivative that exists.
#[track_caller]
pub fn rop_kinds(outputs: &[Variable], wrt: &[Variable], tangents: &[Variable]) -> Result<Vec<Grad>> {
    let gathered = forward(outputs, &pair("rop", wrt, tangents)?)?;
    gathered.iter().zip(outputs).map(|(gathered, output)| gathered.kind(output)).collect()
}

/// What to do about a variable that the cost does not depend on through a differentiable path.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Missing {
    /// It is an error: usually the wrong variable was named.
    #[default]
    Refuse,
    /// Its gradient is zeros.
    Zeros,
}

/// A gradient with options; [`grad`] and [`lop`] are its short forms.
///
/// ```text
/// Gradient::of(&cost)?.consider_constant(&[weights]).missing(Missing::Zeros).wrt(&[x, y])?
/// ```
#[derive(Clone, Debug)]
pub struct Gradient {
    sweep: Sweep,
    cost: Option<Variable>,
    missing: Missing,
    structured: bool,
}

impl Gradient {
    /// Of a scalar, whose own cotangent is one.
    ///
    /// # Errors
    ///
    /// When `cost` is not a scalar of a type that has derivatives.
    #[track_caller]
    pub fn of(cost: &Variable) -> Result<Self> {
        let sweep = Sweep { seeds: vec![(cost.clone(), seed(cost)?)], ..Sweep::default() };
        Ok(Self { sweep, cost: Some(cost.clone()), missing: Missing::default(), structured: false })
    }

    /// Of any outputs, with a cotangent for each; those of an output that repeats are summed.
    ///
    /// # Errors
    ///
    /// When there are not as many cotangents as outputs, or one is not of its output's tangent type.
    #[track_caller]
    pub fn of_outputs(outputs: &[Variable], cotangents: &[Variable]) -> Result<Self> {
        let sweep = Sweep { seeds: pair("lop", outputs, cotangents)?, ..Sweep::default() };
        Ok(Self { sweep, cost: None, missing: Missing::default(), structured: false })
    }

    /// Variables that the gradient does not pass. The values stay as they are: only the derivative is cut.
    pub fn consider_constant(mut self, variables: &[Variable]) -> Self {
        self.sweep.constant.extend_from_slice(variables);
        self
    }

    /// Variables whose cotangents are known (PyTensor: `known_grads`): what flows to them from the cost is ignored.
    ///
    /// To add to what flows there, use [`of_outputs`](Self::of_outputs) with the cost and the variables as outputs.
    ///
    /// # Errors
    ///
    /// When there are not as many cotangents as variables, when one is not of its variable's tangent type, or when a
    /// variable is given twice.
    #[track_caller]
    pub fn known(mut self, variables: &[Variable], cotangents: &[Variable]) -> Result<Self> {
        for (variable, cotangent) in pair("known", variables, cotangents)? {
            if self.sweep.known.iter().any(|(known, _)| *known == variable) {
                return Err(BuildError::inputs("known", &[variable], "its cotangent is given twice"));
            }
            self.sweep.known.push((variable, cotangent));
        }
        Ok(self)
    }

    /// What to do about variables that the cost does not depend on.
    pub fn missing(self, missing: Missing) -> Self {
        Self { missing, ..self }
    }

    /// The gradient by a sparse matrix is taken on what it stores, whatever the ops between it and the cost are:
    /// entries that it does not store are held at zero, and the gradient has its pattern.
    ///
    /// Without this each op decides, as in PyTensor: `structured_dot` gives the part on the pattern, `dot` the whole
    /// gradient, which is full.
    pub fn structured(self) -> Self {
        Self { structured: true, ..self }
    }

    /// The gradient by each of `wrt`.
    ///
    /// # Errors
    ///
    /// As [`grad`].
    #[track_caller]
    pub fn wrt(&self, wrt: &[Variable]) -> Result<Vec<Variable>> {
        let cost = self.cost.as_ref().and_then(Variable::name);
        let whole = finish(self.sweep.run(wrt)?, wrt, self.missing, cost)?;
        if !self.structured {
            return Ok(whole);
        }
        let _scope = origin::here();
        let tangents = wrt.iter().map(|variable| variable.ty().tangent());
        let stored = wrt.iter().zip(tangents).zip(whole);
        stored
            .map(|((like, tangent), whole)| {
                tangent.map_or(Ok(whole.clone()), |tangent| tangent.structured(like, &whole))
            })
            .collect()
    }

    /// The gradient by each of `wrt` as one of the four kinds: a variable, zero, disconnected or undefined, of which
    /// none is an error here.
    ///
    /// # Errors
    ///
    /// When no rule has been written for a derivative that exists.
    #[track_caller]
    pub fn kinds(&self, wrt: &[Variable]) -> Result<Vec<Grad>> {
        let _scope = origin::here();
        let gathered = self.sweep.run(wrt)?;
        let kind =
            |(gathered, variable): (&Gathered, &Variable)| match (gathered.kind(variable)?, variable.ty().tangent()) {
                (Grad::Var(whole), Some(tangent)) if self.structured => {
                    Ok(tangent.structured(variable, &whole)?.into())
                }
                (kind, _) => Ok(kind),
            };
        gathered.iter().zip(wrt).map(kind).collect()
    }
}

#[track_caller]
fn seed(cost: &Variable) -> Result<Variable> {
    let _scope = origin::here();
    let rule = "the gradient is that of a scalar with a float dtype; take the sum, or use `lop`";
    match cost.ty().tangent() {
        Some(tangent) if cost.ty().extents().is_empty() => {
            let of = cost.owner().map_or("".into(), |(node, _)| node.op().name());
            let _scope = origin::within(origin::current().derived(Role::Gradient, of));
            tangent.ones_like(cost)
        }
        _ => Err(BuildError::inputs("grad", std::slice::from_ref(cost), rule)),
    }
}

/// The sum of the terms that are there; `None` when none is.
///
/// # Errors
///
/// When the terms cannot be added.
pub fn sum_of(terms: &[Option<Variable>]) -> Result<Option<Variable>> {
    let mut sum: Option<Variable> = None;
    for term in terms.iter().flatten() {
        sum = Some(match sum {
            None => term.clone(),
            Some(sum) => binary(Verb::Add, &sum, term)?,
        });
    }
    Ok(sum)
}

#[track_caller]
fn pair(op: &'static str, variables: &[Variable], values: &[Variable]) -> Result<Vec<(Variable, Variable)>> {
    if variables.len() != values.len() {
        let (want, got) = (variables.len(), values.len());
        let rule = format!("{want} variable(s) need as many cotangents, tangents or directions; {got} were given");
        return Err(BuildError::parameter(op, rule));
    }
    for (variable, value) in variables.iter().zip(values) {
        let tangent = variable.ty().tangent();
        if !tangent.is_some_and(|tangent| may_be(&tangent, value)) {
            let both = [variable.clone(), value.clone()];
            return Err(BuildError::inputs(op, &both, "the second must be of the tangent type of the first"));
        }
    }
    Ok(variables.iter().cloned().zip(values.iter().cloned()).collect())
}

#[track_caller]
fn finish(gathered: Vec<Gathered>, of: &[Variable], missing: Missing, cost: Option<&str>) -> Result<Vec<Variable>> {
    let _scope = origin::here();
    let mut results = Vec::with_capacity(of.len());
    for (gathered, variable) in gathered.iter().zip(of) {
        let name = crate::print::expression_text(variable);
        if let Some(undefined) = &gathered.undefined {
            let Undefined { op, why, origin } = (**undefined).clone();
            return Err(BuildError::Undefined { variable: name, op, why, origin });
        }
        let (ty, origin) = (variable.ty().to_string(), variable.origin());
        let Some(tangent) = variable.ty().tangent() else {
            return Err(BuildError::Disconnected { variable: name, ty, origin });
        };
        let result = match gathered.total(variable, &tangent)? {
            Some(total) => total,
            None if gathered.zero || missing == Missing::Zeros => tangent.zeros_like(variable)?,
            None => return Err(BuildError::Disconnected { variable: name, ty, origin }),
        };
        results.push(match (cost, variable.name(), result.owner()) {
            (Some(cost), Some(name), Some(_)) => result.named(&format!("(d{cost}/d{name})")),
            _ => result,
        });
    }
    Ok(results)
}
