//! Putting other variables in the place of some, in a copy of an expression.

use crate::error::{BuildError, Result};
use crate::origin;
use crate::variable::{Variable, VariableKey, build_node};
use crate::walk::{AddressMap, toposort_until};

/// The outputs with each variable of `pairs` replaced by its partner, all at once: a partner is not searched again.
///
/// What is replaced may be an input or an intermediate variable; what does not depend on any is shared with the
/// original (PyTensor: `graph_replace`, and `givens`). Ops infer their types anew, so a partner may be more precise.
///
/// ```text
/// substitute(&[exp(x) + y], &[(exp(x), z)])  =  [z + y]
/// ```
///
/// # Errors
///
/// A partner that is no value of its variable's type; a variable that is replaced twice; an op that refuses the
/// types of its new inputs.
#[track_caller]
pub fn substitute(outputs: &[Variable], pairs: &[(Variable, Variable)]) -> Result<Vec<Variable>> {
    let _scope = origin::here();
    let mut now: AddressMap<VariableKey, Variable> = AddressMap::default();
    for (old, new) in pairs {
        let both = [old.clone(), new.clone()];
        if !old.ty().is_super(&**new.ty()) {
            return Err(BuildError::inputs("substitute", &both, "the second must be of the type of the first"));
        }
        if now.insert(old.key(), new.clone()).is_some() {
            return Err(BuildError::inputs("substitute", &both, "the first is to be replaced twice"));
        }
    }
    let stops: Vec<VariableKey> = pairs.iter().map(|(old, _)| old.key()).collect();
    let stops: AddressMap<VariableKey, ()> = stops.into_iter().map(|key| (key, ())).collect();
    for node in toposort_until(outputs, |variable| stops.contains_key(&variable.key())) {
        if !node.inputs().iter().any(|input| now.contains_key(&input.key())) {
            continue;
        }
        let _scope = origin::within(node.origin());
        let inputs: Vec<Variable> = node.inputs().iter().map(|input| look_up(&now, input)).collect();
        let made = build_node(node.op().clone(), &inputs)?;
        for (old, new) in node.outputs().into_iter().zip(made.outputs()) {
            if let Some(name) = old.shared_name() {
                new.set_shared_name(&name);
            }
            now.entry(old.key()).or_insert(new);
        }
    }
    Ok(outputs.iter().map(|output| look_up(&now, output)).collect())
}

fn look_up(now: &AddressMap<VariableKey, Variable>, variable: &Variable) -> Variable {
    now.get(&variable.key()).unwrap_or(variable).clone()
}
