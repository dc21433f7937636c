//! Derivatives of expressions, made of ordinary ops, so that they have derivatives themselves.
//!
//! Reverse mode: the nodes between `wrt` and the outputs are found first, then swept once from the outputs back;
//! each node's [`Op::l_op`](crate::Op::l_op) is called once. Zero, disconnected and undefined derivatives are kept
//! apart to the end: a zero is summed away, a disconnected one is skipped, an undefined one absorbs.

use std::borrow::Cow;

use smallvec::{SmallVec, smallvec};

use crate::error::{BuildError, Result};
use crate::op::{Grad, Why};
use crate::operators::{Verb, binary};
use crate::origin::{self, Origin, Role};
use crate::types::TypeRef;
use crate::variable::{Apply, Variable, VariableKey};
use crate::walk::{AddressMap, toposort};

/// The gradient of a scalar: one variable of the shape of each of `wrt`.
///
/// `wrt` may hold intermediate variables and may repeat. A derivative that is zero everywhere comes as zeros.
///
/// # Errors
///
/// When `cost` is not a scalar of a type that has derivatives; when it does not depend on one of `wrt` through a
/// differentiable path; when a derivative does not exist, or no rule for it has been written.
#[track_caller]
pub fn grad(cost: &Variable, wrt: &[Variable]) -> Result<Vec<Variable>> {
    let seed = seed(cost)?;
    let gradients = reverse(&[(cost.clone(), seed)], wrt)?;
    finish(gradients, wrt, Missing::Refuse, cost.name())
}

#[track_caller]
fn seed(cost: &Variable) -> Result<Variable> {
    let _scope = origin::here();
    let rule = "the gradient is that of a scalar with a float dtype; take the sum, or use `lop`";
    match cost.ty().tangent() {
        Some(tangent) if cost.ty().extents().is_empty() => {
            let _scope = origin::within(origin::current().with_role(Role::Gradient));
            tangent.ones_like(cost)
        }
        _ => Err(BuildError::inputs("grad", std::slice::from_ref(cost), rule)),
    }
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
    let seeds = pair("lop", outputs, cotangents)?;
    finish(reverse(&seeds, wrt)?, wrt, Missing::Refuse, None)
}

/// The Hessian of a scalar times a direction: `sum_k ∂²cost/∂wrt_j∂wrt_k p_k` for each of `wrt`, without the Hessian.
///
/// Where the cost is linear the product is zero.
///
/// # Errors
///
/// As [`grad`]; also when there are not as many directions as variables.
#[track_caller]
pub fn hvp(cost: &Variable, wrt: &[Variable], directions: &[Variable]) -> Result<Vec<Variable>> {
    let gradients = grad(cost, wrt)?;
    let seeds = pair("hvp", &gradients, directions)?;
    finish(reverse(&seeds, wrt)?, wrt, Missing::Zero, None)
}

/// Forward mode (PyTensor: `Rop`, pushforward; JAX: JVP): `sum_j ∂f_i/∂wrt_j t_j` for each output.
///
/// An output that does not depend on `wrt` has a tangent of zeros.
///
/// # Errors
///
/// When there are not as many tangents as variables; when a derivative does not exist, or no rule for it has been
/// written.
#[track_caller]
pub fn rop(outputs: &[Variable], wrt: &[Variable], tangents: &[Variable]) -> Result<Vec<Variable>> {
    let seeds = pair("rop", wrt, tangents)?;
    finish(forward(outputs, &seeds)?, outputs, Missing::Zero, None)
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

/// What the derivative of a variable is, while it is being gathered.
#[derive(Clone, Debug, Default)]
struct Gathered {
    terms: SmallVec<[Variable; 1]>,
    zero: bool,
    undefined: Option<Box<Undefined>>,
}

#[derive(Clone, Debug)]
struct Undefined {
    op: Cow<'static, str>,
    why: Why,
    origin: Origin,
}

impl Gathered {
    fn add(&mut self, grad: Grad, node: &Apply) {
        match grad {
            Grad::Var(variable) => self.terms.push(variable),
            Grad::Zero => self.zero = true,
            Grad::Disconnected => {}
            Grad::Undefined { why } => {
                let (op, origin) = (node.op().name(), node.origin());
                self.undefined.get_or_insert(Box::new(Undefined { op, why, origin }));
            }
        }
    }

    fn is_disconnected(&self) -> bool {
        self.terms.is_empty() && !self.zero && self.undefined.is_none()
    }

    /// The terms as one variable of the tangent type of `like`.
    fn total(&self, like: &Variable, tangent: &TypeRef) -> Result<Option<Variable>> {
        match self.terms.as_slice() {
            [] => Ok(None),
            [only] if tangent.is_super(&**only.ty()) => Ok(Some(only.clone())),
            terms => tangent.accumulate(like, terms).map(Some),
        }
    }
}

type Table = AddressMap<VariableKey, Gathered>;

fn reverse(seeds: &[(Variable, Variable)], wrt: &[Variable]) -> Result<Vec<Gathered>> {
    let outputs: Vec<Variable> = seeds.iter().map(|(output, _)| output.clone()).collect();
    let nodes = toposort(&outputs);
    let reached = reached_from(wrt, &nodes);
    let asked: Keys = wrt.iter().map(|variable| (variable.key(), ())).collect();
    let mut table = Table::default();
    for (output, cotangent) in seeds {
        table.entry(output.key()).or_default().terms.push(cotangent.clone());
    }
    for node in nodes.iter().rev().filter(|node| node.inputs().iter().any(|input| reached.contains_key(&input.key()))) {
        let _scope = origin::within(node.origin().with_role(Role::Gradient));
        pull_back(node, &reached, &asked, &mut table)?;
    }
    wrt.iter().map(|variable| Ok(table.get(&variable.key()).cloned().unwrap_or_default())).collect()
}

/// The variables that depend on `wrt` through connected inputs, `wrt` included.
fn reached_from(wrt: &[Variable], nodes: &[Apply]) -> Keys {
    let mut reached: Keys = wrt.iter().map(|variable| (variable.key(), ())).collect();
    reached.reserve(nodes.len());
    for node in nodes {
        for (k, output) in node.outputs().iter().enumerate() {
            let mut inputs = node.inputs().iter().enumerate();
            if inputs.any(|(i, input)| reached.contains_key(&input.key()) && node.op().connection_pattern(k, i)) {
                reached.insert(output.key(), ());
            }
        }
    }
    reached
}

type Keys = AddressMap<VariableKey, ()>;

/// One step of the sweep: from the cotangents of a node's outputs to terms for its inputs.
///
/// The entries of the outputs leave the table, unless they are asked for: so it stays as small as the sweep's front.
fn pull_back(node: &Apply, reached: &Keys, asked: &Keys, table: &mut Table) -> Result<()> {
    let outputs = node.outputs();
    let mut take = |output: &Variable| match asked.contains_key(&output.key()) {
        true => table.get(&output.key()).cloned(),
        false => table.remove(&output.key()),
    };
    let gathered: SmallVec<[Gathered; 1]> = outputs.iter().map(|output| take(output).unwrap_or_default()).collect();
    if gathered.iter().all(Gathered::is_disconnected) {
        return Ok(());
    }
    let cotangents = totals(&outputs, &gathered)?;
    // What is asked for is needed as a sum only, not as terms: keep that in their place.
    for (output, total) in outputs.iter().zip(&cotangents) {
        if let (Some(total), Some(entry)) = (total, table.get_mut(&output.key())) {
            entry.terms = smallvec![total.clone()];
        }
    }
    let grads = if cotangents.iter().any(Option::is_some) {
        node.with_view(|view| node.op().l_op(view, &cotangents))?
    } else {
        vec![Grad::Zero; node.inputs().len()]
    };
    check_count(node, "reverse", grads.len(), node.inputs().len())?;
    for (i, (input, grad)) in node.inputs().iter().zip(grads).enumerate() {
        let mut connected = (0..outputs.len()).filter(|&k| node.op().connection_pattern(k, i)).peekable();
        if !reached.contains_key(&input.key()) || connected.peek().is_none() {
            continue;
        }
        check_term(node, "reverse", input, &grad)?;
        let entry = table.entry(input.key()).or_default();
        if let Some(undefined) = connected.find_map(|k| gathered[k].undefined.clone()) {
            entry.undefined.get_or_insert(undefined);
        }
        entry.add(grad, node);
    }
    Ok(())
}

/// The sums of what was gathered for some variables; `None` for those without terms or without derivatives.
fn totals(variables: &[Variable], gathered: &[Gathered]) -> Result<Vec<Option<Variable>>> {
    let total = |(variable, gathered): (&Variable, &Gathered)| match variable.ty().tangent() {
        Some(tangent) => gathered.total(variable, &tangent),
        None => Ok(None),
    };
    variables.iter().zip(gathered).map(total).collect()
}

fn forward(outputs: &[Variable], seeds: &[(Variable, Variable)]) -> Result<Vec<Gathered>> {
    let mut table = Table::default();
    for (variable, tangent) in seeds {
        table.entry(variable.key()).or_default().terms.push(tangent.clone());
    }
    for node in toposort(outputs) {
        let _scope = origin::within(node.origin().with_role(Role::Tangent));
        push_forward(&node, &mut table)?;
    }
    Ok(outputs.iter().map(|output| table.get(&output.key()).cloned().unwrap_or_default()).collect())
}

fn push_forward(node: &Apply, table: &mut Table) -> Result<()> {
    let mut tangents = Vec::with_capacity(node.inputs().len());
    let mut undefined = None;
    for (i, input) in node.inputs().iter().enumerate() {
        let connected = (0..node.output_count()).any(|k| node.op().connection_pattern(k, i));
        let gathered = table.get(&input.key()).filter(|_| connected);
        undefined = undefined.or_else(|| gathered.and_then(|gathered| gathered.undefined.clone()));
        tangents.push(match (gathered, input.ty().tangent()) {
            (Some(gathered), Some(tangent)) => gathered.total(input, &tangent)?,
            _ => None,
        });
    }
    if tangents.iter().all(Option::is_none) && undefined.is_none() {
        return Ok(());
    }
    let answers = match tangents.iter().any(Option::is_some) {
        true => node.with_view(|view| node.op().r_op(view, &tangents))?,
        false => vec![Grad::Zero; node.output_count()],
    };
    check_count(node, "forward", answers.len(), node.output_count())?;
    for (output, answer) in node.outputs().iter().zip(answers) {
        check_term(node, "forward", output, &answer)?;
        // A seed replaces what flows in from above: the variable is differentiated by as if it were free.
        if table.get(&output.key()).is_some_and(|seeded| !seeded.terms.is_empty()) {
            continue;
        }
        let entry = table.entry(output.key()).or_default();
        entry.undefined = undefined.clone();
        entry.add(answer, node);
    }
    Ok(())
}

fn check_count(node: &Apply, mode: &'static str, got: usize, want: usize) -> Result<()> {
    if got == want {
        return Ok(());
    }
    let rule = format!("it must return {want} term(s), and returned {got}");
    Err(BuildError::BadDerivative { op: node.op().name(), mode, rule, origin: node.origin() })
}

/// Whether a variable may be a value of a tangent type: as many axes, and no two lengths that are known to differ.
fn may_be(tangent: &TypeRef, variable: &Variable) -> bool {
    let (want, got) = (tangent.extents(), variable.ty().extents());
    want.len() == got.len() && want.iter().zip(got).all(|(a, b)| a.is_none() || b.is_none() || a == b)
}

/// A term must be a derivative of `of`: of a type that has one, and of its shape.
fn check_term(node: &Apply, mode: &'static str, of: &Variable, grad: &Grad) -> Result<()> {
    let Grad::Var(term) = grad else { return Ok(()) };
    let rule = match of.ty().tangent() {
        Some(tangent) if may_be(&tangent, term) => return Ok(()),
        Some(tangent) => format!("the term for {} must be {tangent}, and is {}", of.ty(), term.ty()),
        None => format!("{} has no derivatives, yet a term was returned", of.ty()),
    };
    Err(BuildError::BadDerivative { op: node.op().name(), mode, rule, origin: node.origin() })
}

/// What to make of a variable that the cost does not depend on.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Missing {
    Refuse,
    Zero,
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
            None if gathered.zero || missing == Missing::Zero => tangent.zeros_like(variable)?,
            None => return Err(BuildError::Disconnected { variable: name, ty, origin }),
        };
        results.push(match (cost, variable.name(), result.owner()) {
            (Some(cost), Some(name), Some(_)) => result.named(&format!("(d{cost}/d{name})")),
            _ => result,
        });
    }
    Ok(results)
}
