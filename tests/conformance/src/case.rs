//! One case: how its op is built, and what is checked of it.

use kronograph::graph::{OpRegistry, Prop, Props};
use kronograph::prelude::*;
use serde_json::Value as Json;

use crate::report::Verdict;
use crate::{expression, kronecker, model, refusal, sparse};

/// The library's ops, and the compositions that files name.
pub(crate) fn registry() -> OpRegistry {
    let library = kronograph::registry().with(kronecker::entries());
    library.and_then(|known| known.with(sparse::entries())).expect("the library has none of these names")
}

/// Runs a case of a group; a panic is a failure.
pub(crate) fn run(registry: &OpRegistry, group: &str, case: &Json) -> Verdict {
    let check = || match case.get("expect").or_else(|| case.get("refuse")) {
        Some(_) => refusal::check(registry, case),
        None => model::check(registry, group, case),
    };
    let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(check));
    match outcome.unwrap_or_else(|_| Err("it panics".to_owned())) {
        Ok(()) => Verdict::Passed,
        Err(_) if case["optional"] == true && !is_known(registry, case) => Verdict::Skipped,
        Err(text) => Verdict::Failed(text),
    }
}

/// Whether the library has the op of a case and values of its kinds.
fn is_known(registry: &OpRegistry, case: &Json) -> bool {
    let op = case["op"].as_str().unwrap_or_default();
    let reads = |part: &str| case[part].is_null() || model::read_all(&case[part]).is_ok();
    (op.starts_with("chain:") || registry.get(op).is_ok()) && reads("inputs") && reads("outputs")
}

/// The outputs of the case's op for these variables.
pub(crate) fn build(registry: &OpRegistry, case: &Json, inputs: &[Variable]) -> Result<Vec<Variable>, String> {
    let op = case["op"].as_str().ok_or("the case names no op")?;
    if let Some(text) = op.strip_prefix("chain:") {
        return expression::build(registry, text, inputs, &props(&case["params"])?);
    }
    if let Some(outputs) = refusal::gradient(case, inputs) {
        return outputs.map_err(|error| error.to_string());
    }
    let entry = registry.get(entry_name(op)).map_err(|_| format!("the op `{op}` is unknown"))?;
    let mut outputs = entry.build(&props(&case["params"])?, inputs).map_err(|error| error.to_string())?;
    // Some files ask for the logarithm of a determinant alone.
    let wanted = case["outputs"].as_array().map(Vec::len);
    if op.ends_with("slogdet") && wanted == Some(1) && outputs.len() == 2 {
        outputs.remove(0);
    }
    Ok(outputs)
}

/// The registry's name of an op: the `dot` of sparse matrices has one of its own, which refuses dense ones.
pub(crate) fn entry_name(op: &str) -> &str {
    if op == "dot(sparse)" { "sparse_dot" } else { op }
}

fn props(json: &Json) -> Result<Props, String> {
    let mut props = Props::default();
    for (name, value) in json.as_object().into_iter().flatten() {
        props = props.with(name.clone(), prop(value)?);
    }
    Ok(props)
}

fn prop(json: &Json) -> Result<Prop, String> {
    Ok(match json {
        Json::Null => Prop::None,
        Json::Bool(value) => Prop::Bool(*value),
        Json::Number(number) => match number.as_i64() {
            Some(int) => Prop::Int(int),
            None => Prop::Float(number.as_f64().ok_or("a number that is none")?),
        },
        Json::String(text) => match text.as_str() {
            "nan" => Prop::Float(f64::NAN),
            _ => Prop::Word(text.clone().into()),
        },
        Json::Array(members) => Prop::list(members.iter().map(prop).collect::<Result<_, _>>()?),
        Json::Object(_) => return Err(format!("the parameter {json} is of no kind that an op takes")),
    })
}
