//! Derivatives: both modes against each other and against slopes, to the second order.

use kronograph::graph::{BuildError, Grad, Gradient, NodeView, toposort};
use kronograph::prelude::*;

use crate::Property;
use crate::beyond;
use crate::coverage::Row;
use crate::subject::{Subject, run};

/// Gradients of a sample's outputs by its inputs, for cotangents that are further inputs.
pub(crate) struct Pulled {
    inputs: Vec<Variable>,
    cotangents: Vec<Box<dyn Value>>,
    pub(crate) outputs: Vec<Variable>,
    /// Of which input each output is the gradient.
    of: Vec<usize>,
}

impl Pulled {
    pub(crate) fn run(&self, subject: &Subject<'_>) -> Result<Vec<Box<dyn Value>>, String> {
        let values: Vec<&dyn Value> =
            subject.values().into_iter().chain(self.cotangents.iter().map(|value| &**value)).collect();
        run(&self.inputs, &values, &self.outputs, &Mode::raw())
    }
}

/// The gradients of outputs, with cotangents equal to the outputs' own values.
pub(crate) fn gradients(subject: &Subject<'_>, outputs: &[Variable]) -> Result<Pulled, String> {
    let text = |error: BuildError| error.to_string();
    let of: Vec<Variable> = outputs.iter().filter(|output| output.ty().tangent().is_some()).cloned().collect();
    let stand_ins: Vec<Variable> =
        of.iter().map(|output| Variable::input("g", output.ty().tangent().unwrap())).collect();
    let wrt: Vec<usize> = (0..subject.inputs.len()).filter(|&k| subject.inputs[k].ty().tangent().is_some()).collect();
    let mut pulled = Pulled {
        inputs: [&subject.inputs[..], &stand_ins].concat(),
        cotangents: subject.run(&of, &Mode::raw())?,
        outputs: Vec::new(),
        of: Vec::new(),
    };
    if of.is_empty() || wrt.is_empty() {
        return Ok(pulled);
    }
    let variables: Vec<Variable> = wrt.iter().map(|&k| subject.inputs[k].clone()).collect();
    let kinds = Gradient::of_outputs(&of, &stand_ins).map_err(text)?.kinds(&variables).map_err(text)?;
    for (kind, &k) in kinds.into_iter().zip(&wrt) {
        if let Grad::Var(gradient) = kind {
            pulled.outputs.push(gradient);
            pulled.of.push(k);
        }
    }
    Ok(pulled)
}

pub(crate) fn prove(subject: &Subject<'_>, row: &mut Row) -> Result<(), String> {
    places(subject)?;
    beyond::adjoint(subject)?;
    let sample = subject.sample;
    let mut check = GradCheck::default().precision(sample.precision).order(1);
    let smooth = sample.smooth && !subject.entry.moves_with_its_distribution();
    if !smooth {
        check = check.without_slopes();
    }
    let check = check.compiled_by(|inputs, outputs| compile(inputs, outputs, &Mode::run()));
    let run = |check: &GradCheck| check.run(&subject.inputs, &subject.outputs, &subject.values());
    let first = run(&check).map_err(|error| error.to_string())?;
    let second = run(&check.order(2)).map_err(|error| error.to_string())?;
    // On an edge the modes were compared with each other, and nothing was measured.
    if smooth && first.slopes > 0 {
        row.prove(Property::LOp);
        row.prove(Property::ROp);
        row.measured += first.slopes;
        if second.slopes > first.slopes {
            row.prove(Property::SecondOrder);
        } else {
            row.linear = true;
        }
    }
    row.forward_rule = row.forward_rule.or(has_forward_rule(subject)?);
    Ok(())
}

/// A gradient has the shape of its input, and the format where there is one.
fn places(subject: &Subject<'_>) -> Result<(), String> {
    let pulled = gradients(subject, &subject.outputs)?;
    for (gradient, &k) in pulled.run(subject)?.iter().zip(&pulled.of) {
        let value = &*subject.sample.inputs[k].value;
        let matrix = |value: &dyn Value| (value as &dyn std::any::Any).downcast_ref::<SparseMatrix>().cloned();
        let same = match (matrix(&**gradient), matrix(value)) {
            (Some(a), Some(b)) => a.format() == b.format() && a.shape() == b.shape(),
            (None, None) => gradient.extents() == value.extents(),
            _ => false,
        };
        if !same {
            return Err(format!("the gradient by input {k} has another shape or format than it"));
        }
    }
    Ok(())
}

/// Whether the op of the entry's name has a forward rule of its own; without one it is pulled back twice.
fn has_forward_rule(subject: &Subject<'_>) -> Result<Option<bool>, String> {
    let nodes = toposort(&subject.outputs);
    let Some(node) = nodes.iter().find(|node| node.op().name() == subject.entry.name()) else { return Ok(None) };
    let outputs = node.outputs();
    let view = NodeView::new(node.op(), node.inputs(), &outputs, node.origin());
    let tangent = |input: &Variable| Some(Variable::input("t", input.ty().tangent()?));
    let tangents: Vec<Option<Variable>> = node.inputs().iter().map(tangent).collect();
    if tangents.iter().all(Option::is_none) {
        return Ok(None);
    }
    match node.op().r_op(&view, &tangents) {
        Ok(_) => Ok(Some(true)),
        Err(BuildError::NoDerivative { .. }) => Ok(Some(false)),
        Err(other) => Err(other.to_string()),
    }
}
