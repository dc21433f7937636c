//! What is checked of a case: outputs, gradients, both modes, second order; or that it is refused.

use kronograph::graph::Result as Built;
use kronograph::prelude::*;
use serde_json::Value as Json;

use crate::table::{Build, keeps_weights_constant};
use crate::value::{Datum, Tolerance, folded};

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

/// A case as a graph.
struct Model<'a> {
    case: &'a Json,
    values: Vec<Datum>,
    variables: Vec<Variable>,
    form: Form,
    outputs: Vec<Variable>,
    exact: Tolerance,
    derived: Tolerance,
}

/// Checks a case; where the op has a route for constant weights, that one too.
pub(crate) fn check(case: &Json, build: Build) -> Result<(), String> {
    if case.get("expect").is_some() {
        return check_refusal(case, build);
    }
    let mut forms = vec![Form::Given];
    if case["inputs"].as_array().unwrap().iter().any(|input| input["kind"] == "sparse") {
        forms.extend([Form::Spread, Form::Reversed]);
    }
    if keeps_weights_constant(case) {
        forms.push(Form::Frozen);
    }
    for form in forms {
        let model = Model::new(case, build, form)?;
        for mode in [Mode::raw(), Mode::run()] {
            model.check(&mode).map_err(|text| format!("{form:?}: {text}"))?;
        }
    }
    Ok(())
}

fn read_all(json: &Json) -> Result<Vec<Datum>, String> {
    json.as_array().unwrap().iter().map(Datum::read).collect()
}

impl<'a> Model<'a> {
    fn new(case: &'a Json, build: Build, form: Form) -> Result<Self, String> {
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
        let outputs = build(case, &variables).map_err(|error| error.to_string())?;
        let [exact, derived] = Tolerance::of(case);
        Ok(Self { case, values, variables, form, outputs, exact, derived })
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
        for (k, (got, want)) in got.iter().zip(&wanted).enumerate() {
            if got.shape() != want.shape() {
                return Err(format!("output {k} has shape {:?}, wanted is {:?}", got.shape(), want.shape()));
            }
            let entries = want.entries();
            self.exact.compare(&format!("output {k}"), &got.entries(), &entries, &vec![true; entries.len()])?;
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
            let term = mul(&Datum::read(weights)?.constant(), output).and_then(|weighted| sum(&weighted));
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

    /// Compares derivatives by an input, on its pattern if it has one, and zero where there is none.
    fn compare(&self, what: &str, k: usize, got: Option<&Variable>, want: &Json, mode: &Mode) -> Result<(), String> {
        let want = Datum::read(want)?.entries();
        let got = match got {
            Some(got) => self.evaluate(std::slice::from_ref(got), mode)?.remove(0).entries(),
            None => vec![0.0; want.len()],
        };
        let fold = self.case["grad_compare"][k] == "fold_symmetric";
        let (got, want) = if fold { (folded(&got), folded(&want)) } else { (got, want) };
        self.derived.compare(&format!("{what} by input {k}"), &got, &want, &self.values[k].stored())
    }

    fn check_gradients(&self, mode: &Mode) -> Result<(), String> {
        let Some(wanted) = self.case["grads"].as_array() else { return Ok(()) };
        let cost = self.cost()?;
        for (k, want) in wanted.iter().enumerate().filter(|(k, _)| self.moves(*k)) {
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

/// Builds and runs what must not give a plausible answer.
fn check_refusal(case: &Json, build: Build) -> Result<(), String> {
    let Ok(values) = read_all(&case["inputs"]) else { return Ok(()) };
    let variables: Vec<Variable> =
        values.iter().enumerate().map(|(k, value)| value.variable(&format!("x{k}"))).collect();
    let built: Built<Vec<Variable>> = build(case, &variables);
    let Ok(outputs) = built else { return Ok(()) };
    let arguments: Vec<&dyn Value> = values.iter().map(Datum::value).collect();
    let mut f = compile(&variables, &outputs, &Mode::run()).map_err(|error| error.to_string())?;
    let Ok(answers) = f.call(&arguments) else { return Ok(()) };
    let entries: Vec<f64> = answers.into_values().into_iter().flat_map(|value| Datum::of(value).entries()).collect();
    match case["expect"].as_str().unwrap() {
        "refuse_or_nan" | "nan" if entries.iter().any(|x| x.is_nan()) => Ok(()),
        "refuse_or_zero" if entries.iter().all(|x| *x == 0.0) => Ok(()),
        "no_crash" => Ok(()),
        "value" => {
            let want: Vec<f64> = read_all(&case["outputs"])?.iter().flat_map(Datum::entries).collect();
            Tolerance::of(case)[0].compare("the value", &entries, &want, &vec![true; want.len()])
        }
        // Where the reason for a refusal names another way out, a number is right too.
        "refuse" if ["fall back", "convention"].iter().any(|way| case["why"].as_str().unwrap().contains(way)) => {
            if entries.iter().any(|x| x.is_nan()) {
                Err("the answer is NaN".to_owned())
            } else {
                Ok(())
            }
        }
        expected => Err(format!("{expected} was expected, the answer is {entries:?}")),
    }
}
