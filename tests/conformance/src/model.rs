//! What is checked of a case: outputs, gradients, both modes, second order.

#![allow(clippy::unwrap_used, reason = "a file that breaks the schema fails its case")]

use kronograph::graph::OpRegistry;
use kronograph::prelude::*;
use serde_json::Value as Json;

use crate::case;
use crate::datum::{Datum, Tolerance, folded, tridiagonal, with_signs_of};

/// How sparse inputs enter a graph.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Form {
    /// As they are given.
    Given,
    /// On the full pattern, with explicit zeros: their gradients are then the full ones.
    Spread,
    /// With the entries of each slice stored back to front.
    Reversed,
    /// As constants.
    Frozen,
}

/// The group whose records are those of dense formulations: the derivatives of sparse inputs are compared on patterns,
/// and on the full ones.
const DENSE_FORMULATIONS: &str = "kron";

/// A case as a graph.
struct Model<'a> {
    case: &'a Json,
    values: Vec<Datum>,
    variables: Vec<Variable>,
    form: Form,
    outputs: Vec<Variable>,
    /// Whether derivatives by sparse inputs are compared on their patterns only.
    on_pattern: bool,
    exact: Tolerance,
    derived: Tolerance,
}

/// Checks a case; where the op has a route for constant weights, that one too.
pub(crate) fn check(registry: &OpRegistry, group: &str, case: &Json) -> Result<(), String> {
    let mut forms = vec![Form::Given];
    let any_sparse = case["inputs"].as_array().unwrap().iter().any(|input| input["kind"] == "sparse");
    if any_sparse && group == DENSE_FORMULATIONS {
        forms.push(Form::Spread);
    }
    // The order of slots is part of what an op that takes a matrix apart answers.
    let takes_apart = case["op"].as_str().is_some_and(|op| op.starts_with("csm"));
    if any_sparse && !takes_apart {
        forms.push(Form::Reversed);
    }
    if keeps_weights_constant(case) {
        forms.push(Form::Frozen);
    }
    for form in forms {
        let model = Model { on_pattern: group == DENSE_FORMULATIONS, ..Model::new(registry, case, form)? };
        for mode in [Mode::raw(), Mode::run()] {
            model.check(&mode).map_err(|text| format!("{form:?}: {text}"))?;
        }
    }
    Ok(())
}

/// Whether W may be a constant, which makes other routes of the same functions.
fn keeps_weights_constant(case: &Json) -> bool {
    let op = case["op"].as_str().unwrap_or_default().to_lowercase();
    op.contains("flow") || op.contains("sar")
}

pub(crate) fn read_all(json: &Json) -> Result<Vec<Datum>, String> {
    json.as_array().unwrap().iter().map(Datum::read).collect()
}

impl<'a> Model<'a> {
    fn new(registry: &OpRegistry, case: &'a Json, form: Form) -> Result<Self, String> {
        let mut values = read_all(&case["inputs"])?;
        if form == Form::Spread {
            values = values.iter().map(|value| value.spread_like(value)).collect();
        }
        if form == Form::Reversed {
            values = values.iter().map(Datum::reversed).collect();
        }
        let variable = |(k, value): (usize, &Datum)| match value {
            Datum::Sparse(_) if form == Form::Frozen => value.constant(),
            _ => value.variable(&format!("x{k}")),
        };
        let variables: Vec<Variable> = values.iter().enumerate().map(variable).collect();
        let outputs = case::build(registry, case, &variables)?;
        let [exact, derived] = Tolerance::of(case);
        Ok(Self { case, values, variables, form, outputs, on_pattern: false, exact, derived })
    }

    /// Whether an input can be differentiated by.
    fn moves(&self, k: usize) -> bool {
        self.values[k].is_float() && !(self.form == Form::Frozen && matches!(self.values[k], Datum::Sparse(_)))
    }

    fn evaluate(&self, outputs: &[Variable], mode: &Mode) -> Result<Vec<Datum>, String> {
        let free: Vec<usize> = (0..self.variables.len()).filter(|&k| self.variables[k].is_input()).collect();
        let inputs: Vec<Variable> = free.iter().map(|&k| self.variables[k].clone()).collect();
        let arguments: Vec<&dyn Value> = free.iter().map(|&k| self.values[k].value()).collect();
        let mut f = compile(&inputs, outputs, mode).map_err(|error| error.to_string())?;
        let answers = f.call(&arguments).map_err(|error| error.to_string())?;
        Ok(answers.into_values().into_iter().map(Datum::of).collect())
    }

    fn check(&self, mode: &Mode) -> Result<(), String> {
        let wanted = read_all(&self.case["outputs"])?;
        let got = self.evaluate(&self.outputs, mode)?;
        if got.len() != wanted.len() {
            return Err(format!("there are {} outputs, {} are wanted", got.len(), wanted.len()));
        }
        let signs = (self.case["gauge"] == "signs").then(|| with_signs_of(&got, &wanted));
        for (k, (got, want)) in signs.as_ref().unwrap_or(&got).iter().zip(&wanted).enumerate() {
            if got.shape() != want.shape() || !got.kind_answers(want) {
                return Err(format!("output {k} is {}, wanted is {}", got.describe(), want.describe()));
            }
            let entries = want.entries();
            self.exact.compare(&format!("output {k}"), &got.entries(), &entries, &vec![true; entries.len()])?;
            if self.case["check_pattern"] == true && got.stored() != want.stored() {
                return Err(format!("output {k} stores other positions: {}", got.describe()));
            }
        }
        if signs.is_some() || self.case["grads"].is_null() {
            return Ok(());
        }
        self.check_gradients(mode)?;
        self.check_forward(mode)?;
        self.check_hvp(mode)?;
        self.check_hessian(mode)
    }

    /// `sum_k sum(weights_k * output_k)`.
    fn cost(&self) -> Result<Variable, String> {
        let mut cost: Option<Variable> = None;
        for (weights, output) in self.case["weights"].as_array().unwrap().iter().zip(&self.outputs) {
            if weights.is_null() {
                continue;
            }
            let sparse = matches!(output.ty().tangent(), Some(ty) if ty.to_string().starts_with("cs"));
            let dense = if sparse { dense_from_sparse(output) } else { Ok(output.clone()) };
            let weigh = |dense: Variable| sum(&mul(&Datum::read_dense(weights).constant(), &dense)?);
            let term = dense.and_then(weigh);
            let term = term.map_err(|error| error.to_string())?;
            cost = Some(cost.map_or(term.clone(), |cost| cost + term));
        }
        cost.ok_or_else(|| "no output has weights".to_owned())
    }

    /// The gradient by an input; `None` where the cost does not depend on it.
    fn gradient(&self, cost: &Variable, k: usize) -> Result<Option<Variable>, String> {
        match grad(cost, std::slice::from_ref(&self.variables[k])) {
            Ok(mut gradients) => Ok(gradients.pop()),
            Err(BuildError::Disconnected { .. }) => Ok(None),
            Err(other) => Err(other.to_string()),
        }
    }

    /// Compares derivatives by an input, and zero where there is none.
    fn compare(&self, what: &str, k: usize, got: Option<&Variable>, want: &Json, mode: &Mode) -> Result<(), String> {
        let recorded = Datum::read(want)?;
        // Where the peer failed, the record was made by moving stored entries, so it tells of those only.
        let moved_stored = !self.case["peer_wrong"].is_null() && recorded.stored() == self.values[k].stored();
        let note = self.case["note"].as_str().unwrap_or_default();
        let want_on_pattern = moved_stored || note.contains("exact on the stored pattern");
        let want = recorded.entries();
        let got = match got {
            Some(got) => self.evaluate(std::slice::from_ref(got), mode)?.remove(0).entries(),
            None => vec![0.0; want.len()],
        };
        let fold = self.case["grad_compare"][k] == "fold_symmetric";
        let (got, want) = if fold { (folded(&got), folded(&want)) } else { (got, want) };
        let banded = k == 0 && self.case["grad_mask"] == "tridiagonal";
        let at = match self.on_pattern || want_on_pattern {
            _ if banded => tridiagonal(&self.values[k].shape()),
            true => self.values[k].stored(),
            false => vec![true; want.len()],
        };
        self.derived.compare(&format!("{what} by input {k}"), &got, &want, &at)
    }

    fn check_gradients(&self, mode: &Mode) -> Result<(), String> {
        let Some(wanted) = self.case["grads"].as_array() else { return Ok(()) };
        let cost = self.cost()?;
        for (k, want) in wanted.iter().enumerate().filter(|(k, _)| self.moves(*k)) {
            // Where the peer has no derivative, the right one may be recorded beside it.
            let beside = self.case["reference_grads"].get(k).filter(|_| want["kind"] == "not_implemented");
            let want = beside.unwrap_or(want);
            match want["kind"].as_str().unwrap() {
                "dense" | "sparse" => {
                    self.compare("the gradient", k, self.gradient(&cost, k)?.as_ref(), want, mode)?;
                }
                "disconnected" if self.gradient(&cost, k)?.is_some() => {
                    return Err(format!("input {k} should be disconnected"));
                }
                _ => {}
            }
        }
        Ok(())
    }

    /// The inputs that a list of tangents moves, and the tangents.
    fn moved(&self, tangents: &Json) -> Result<(Vec<Variable>, Vec<Variable>), String> {
        let (mut wrt, mut constants) = (Vec::new(), Vec::new());
        for (k, tangent) in tangents.as_array().unwrap().iter().enumerate().filter(|(_, tangent)| !tangent.is_null()) {
            wrt.push(self.variables[k].clone());
            let tangent = Datum::read(tangent)?;
            let spread = self.form == Form::Spread;
            constants.push(if spread { tangent.spread_like(&self.values[k]) } else { tangent }.constant());
        }
        Ok((wrt, constants))
    }

    /// Whether recorded derivatives along tangents hold for this graph: not if they move a constant, or leave the
    /// pattern of a sparse input.
    fn applies(&self, part: &Json) -> bool {
        let Some(tangents) = part["tangents"].as_array() else { return false };
        let leaves = |k: usize| {
            self.form != Form::Spread && matches!(self.values[k], Datum::Sparse(_)) && tangents[k]["kind"] == "dense"
        };
        (0..tangents.len()).all(|k| tangents[k].is_null() || (self.moves(k) && !leaves(k)))
    }

    fn check_forward(&self, mode: &Mode) -> Result<(), String> {
        let part = &self.case["rop"];
        if !self.applies(part) {
            return Ok(());
        }
        let (wrt, tangents) = self.moved(&part["tangents"])?;
        let pushed = rop(&self.outputs, &wrt, &tangents).map_err(|error| error.to_string())?;
        let pushed = self.evaluate(&pushed, mode)?;
        for (k, want) in part["outputs"].as_array().unwrap().iter().enumerate().filter(|(_, want)| !want.is_null()) {
            let (got, want) = (pushed[k].entries(), Datum::read(want)?.entries());
            self.derived.compare(
                &format!("the forward derivative of output {k}"),
                &got,
                &want,
                &vec![true; want.len()],
            )?;
        }
        Ok(())
    }

    fn check_hvp(&self, mode: &Mode) -> Result<(), String> {
        let part = &self.case["hvp"];
        if !self.applies(part) {
            return Ok(());
        }
        let cost = self.cost()?;
        let (wrt, tangents) = self.moved(&part["tangents"])?;
        for (k, want) in part["outputs"].as_array().unwrap().iter().enumerate().filter(|(_, want)| !want.is_null()) {
            if !self.moves(k) {
                continue;
            }
            let Some(gradient) = self.gradient(&cost, k)? else {
                self.compare("the second derivative", k, None, want, mode)?;
                continue;
            };
            let pushed = rop(&[gradient], &wrt, &tangents).map_err(|error| error.to_string())?;
            self.compare("the second derivative", k, pushed.first(), want, mode)?;
        }
        Ok(())
    }

    fn check_hessian(&self, mode: &Mode) -> Result<(), String> {
        let Some(positions) = self.case["hessian"]["wrt"].as_array() else { return Ok(()) };
        let wrt: Vec<Variable> =
            positions.iter().map(|k| self.variables[usize::try_from(k.as_u64().unwrap()).unwrap()].clone()).collect();
        let (cost, mut rows) = (self.cost()?, Vec::new());
        for k in 0..wrt.len() {
            let unit: Vec<Variable> = (0..wrt.len()).map(|l| constant(if k == l { 1.0 } else { 0.0 })).collect();
            let row = hvp(&cost, &wrt, &unit).map_err(|error| error.to_string())?;
            rows.extend(self.evaluate(&row, mode)?.iter().flat_map(Datum::entries));
        }
        let want = Datum::read(&self.case["hessian"]["value"])?.entries();
        self.derived.compare("the Hessian", &rows, &want, &vec![true; want.len()])
    }
}
