//! Calls that must be refused, and calls whose answer for bad numbers is agreed on.

use kronograph::graph::{OpRegistry, Result as Built};
use kronograph::prelude::*;
use kronograph::sparse::get_item_list;
use serde_json::Value as Json;

use crate::case;
use crate::datum::{Datum, Tolerance};
use crate::model::read_all;

/// Builds and runs what must not give a plausible answer.
pub(crate) fn check(registry: &OpRegistry, case: &Json) -> Result<(), String> {
    let op = case["op"].as_str().unwrap_or_default();
    let values = match read_all(&case["inputs"]) {
        Ok(values) => values,
        // A sparse matrix that is none is refused when it is made.
        Err(_) if case["inputs"].as_array().is_some_and(|inputs| inputs.iter().any(|x| x["kind"] == "sparse")) => {
            return Ok(());
        }
        Err(text) => return Err(text),
    };
    // What is differentiated by an index is an op of its own.
    let by_index = op == "grad" && values.len() == 2 && case["inputs"][1]["kind"] == "sparse";
    let asked = if by_index { "get_item_list" } else { case::entry_name(op) };
    if asked != "grad" && registry.get(asked).is_err() {
        return Err(format!("the op `{asked}` is unknown"));
    }
    let expected = case["expect"].as_str().unwrap_or(if case["refuse"] == true { "refuse" } else { "" });
    let answers = match answer(registry, case, &values) {
        Ok(answers) => answers,
        // A call that was put wrongly was not refused for what is wrong with it.
        Err(text) if expected == "value" || text.contains("is missing") => return Err(text),
        Err(_) => return Ok(()),
    };
    let entries: Vec<f64> = answers.iter().flat_map(Datum::entries).collect();
    let why = case["why"].as_str().unwrap_or_default();
    match expected {
        "refuse_or_nan" | "nan" if entries.iter().any(|x| x.is_nan()) => Ok(()),
        "refuse_or_zero" if entries.iter().all(|x| *x == 0.0) => Ok(()),
        "no_crash" => Ok(()),
        "value" => {
            let want: Vec<f64> = read_all(&case["outputs"])?.iter().flat_map(Datum::entries).collect();
            Tolerance::of(case)[0].compare("the value", &entries, &want, &vec![true; want.len()])
        }
        // Where the reason for a refusal names another way out, a number is right too.
        "refuse" if why.contains("may upcast") => {
            let wide: Vec<Datum> = values.iter().map(Datum::widened).collect();
            let want: Vec<f64> = answer(registry, case, &wide)?.iter().flat_map(Datum::entries).collect();
            Tolerance::of(case)[0].compare("the value", &entries, &want, &vec![true; want.len()])
        }
        "refuse" if ["fall back", "convention", "a port may"].iter().any(|way| why.contains(way)) => {
            let nan = entries.iter().any(|x| x.is_nan());
            if nan { Err("the answer is NaN".to_owned()) } else { Ok(()) }
        }
        expected => Err(format!("{expected} was expected, the answer is {entries:?}")),
    }
}

fn answer(registry: &OpRegistry, case: &Json, values: &[Datum]) -> Result<Vec<Datum>, String> {
    let variables: Vec<Variable> =
        values.iter().enumerate().map(|(k, value)| value.variable(&format!("x{k}"))).collect();
    let outputs = case::build(registry, case, &variables)?;
    let arguments: Vec<&dyn Value> = values.iter().map(Datum::value).collect();
    let mut f = compile(&variables, &outputs, &Mode::run()).map_err(|error| error.to_string())?;
    let answers = f.call(&arguments).map_err(|error| error.to_string())?;
    Ok(answers.into_values().into_iter().map(Datum::of).collect())
}

/// What the cases of the name `grad` ask for, by what is wrong with them; `None` for other cases.
pub(crate) fn gradient(case: &Json, x: &[Variable]) -> Option<Built<Vec<Variable>>> {
    if case["op"] != "grad" {
        return None;
    }
    Some(match (case["expect"].as_str(), x) {
        (Some("refuse_or_zero"), [x]) => {
            cast(x, DType::I64).and_then(|whole| grad(&sum(&whole)?, std::slice::from_ref(x)))
        }
        (_, [x]) => grad(x, std::slice::from_ref(x)),
        (_, [x, y]) if y.type_as::<kronograph::sparse::SparseType>().is_none() => {
            sum(x).and_then(|cost| grad(&cost, std::slice::from_ref(y)))
        }
        // An index is what is differentiated by.
        (_, [index, x]) => get_item_list(x, index).and_then(|rows| {
            let cost = sum(&dense_from_sparse(&rows)?)?;
            grad(&cost, std::slice::from_ref(index))
        }),
        _ => return None,
    })
}
