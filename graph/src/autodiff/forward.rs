//! The forward sweep: from tangents of variables to tangents of what depends on them.
//!
//! A node whose op has no `r_op` gets its tangents from its `l_op`: the cotangents of its inputs are linear in those
//! of its outputs, so pulling the tangents back through that linear map, with stand-ins for the cotangents, gives
//! `J t`. Only that node is treated so, and the stand-ins do not appear in the result.

use super::alone::Alone;
use super::gathered::{Gathered, Table, check_count, check_term};
use super::reverse::Sweep;
use crate::error::{BuildError, Result};
use crate::op::{Grad, Tangents};
use crate::origin::{self, Role};
use crate::variable::{Apply, Variable};
use crate::walk::toposort;

pub(super) fn forward(outputs: &[Variable], seeds: &[(Variable, Variable)]) -> Result<Vec<Gathered>> {
    let mut table = Table::default();
    for (variable, tangent) in seeds {
        table.entry(variable.key()).or_default().terms.push(tangent.clone());
    }
    for node in toposort(outputs) {
        let _scope = origin::within(node.origin().derived(Role::Tangent, node.op().name()));
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
        true => tangents_of(node, &tangents)?,
        false => vec![Grad::Zero; node.output_count()],
    };
    check_count(node, "forward", answers.len(), node.output_count())?;
    for (output, answer) in node.outputs().iter().zip(answers) {
        check_term(node, "forward", output, &answer)?;
        // What flows in is added to a seed, as reverse mode lets flow on what it is asked for.
        let entry = table.entry(output.key()).or_default();
        entry.undefined = undefined.clone();
        entry.add(answer, node);
    }
    Ok(())
}

fn tangents_of(node: &Apply, tangents: &[Option<Variable>]) -> Result<Tangents> {
    match node.with_view(|view| node.op().r_op(view, tangents)) {
        Err(missing @ BuildError::NoDerivative { mode: "forward", .. }) => double_reverse(node, tangents, missing),
        answer => answer,
    }
}

/// `J t` as the derivative of `Jᵀ v` by v, pulled back from t.
fn double_reverse(node: &Apply, tangents: &[Option<Variable>], missing: BuildError) -> Result<Tangents> {
    let outputs = node.outputs();
    let mut alone = Alone::new(node.inputs(), &outputs);
    let cotangent = |output: &Variable| output.ty().tangent().map(|ty| Variable::input("cotangent", ty));
    let cotangents: Vec<Option<Variable>> = outputs.iter().map(cotangent).collect();
    let grads = match node.op().l_op(&alone.view(node.op(), node.origin()), &cotangents) {
        Err(BuildError::NoDerivative { mode: "reverse", .. }) => return Err(missing),
        grads => grads?,
    };
    check_count(node, "reverse", grads.len(), node.inputs().len())?;
    let mut sweep = Sweep::default();
    for ((input, grad), tangent) in node.inputs().iter().zip(grads).zip(tangents) {
        check_term(node, "reverse", input, &grad)?;
        match (grad, tangent) {
            (Grad::Var(grad), Some(tangent)) => sweep.seeds.push((grad, alone.leaf(tangent))),
            (Grad::Undefined { why }, Some(_)) => return Ok(vec![Grad::Undefined { why }; outputs.len()]),
            _ => {}
        }
    }
    let stand_ins: Vec<Variable> = cotangents.iter().flatten().cloned().collect();
    let mut gathered = sweep.run(&stand_ins)?.into_iter();
    let paired = cotangents.iter().zip(&outputs).filter_map(|(free, output)| Some((free.clone()?, output.clone())));
    let paired: Vec<(Variable, Variable)> = paired.collect();
    let mut answers = Vec::with_capacity(outputs.len());
    for (output, cotangent) in outputs.iter().zip(&cotangents) {
        let kind = cotangent.as_ref().and(gathered.next()).map(|gathered| gathered.kind(output)).transpose()?;
        answers.push(match kind {
            Some(Grad::Var(tangent)) => match alone.put_back(&tangent, &paired)? {
                Some(tangent) => tangent.into(),
                None => return Err(not_linear(node)),
            },
            Some(undefined @ Grad::Undefined { .. }) => undefined,
            Some(Grad::Zero | Grad::Disconnected) | None => Grad::Zero,
        });
    }
    Ok(answers)
}

fn not_linear(node: &Apply) -> BuildError {
    let rule = "its reverse derivative is not linear in the cotangent, so the forward one does not follow";
    let (op, mode, rule) = (node.op().name(), "forward", rule.to_owned());
    BuildError::BadDerivative { op, mode, rule, origin: node.origin() }
}
