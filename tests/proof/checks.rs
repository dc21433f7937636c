//! The checks of one entry, sample by sample.

use kronograph::graph::{Apply, Entry, Sample, infer_shapes, toposort};
use kronograph::prelude::*;

use crate::Property;
use crate::coverage::Row;
use crate::derivatives;
use crate::node::NodeAt;
use crate::subject::Subject;
use crate::values::{close, same};

/// Proves an entry on all of its samples.
pub(crate) fn prove(entry: &Entry) -> Row {
    let mut row = Row::new(entry);
    let samples = entry.samples();
    for sample in &samples {
        for typing in 0..Subject::typings(sample) {
            let place = format!("{} / {} (typing {typing})", entry.name(), sample.name);
            let mut faults = Vec::new();
            let outcome = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
                prove_sample(entry, sample, typing, &mut row).unwrap_or_else(|fault| faults.push(fault));
            }));
            if outcome.is_err() {
                faults.push("it panics".to_owned());
            }
            row.faults.extend(faults.into_iter().map(|fault| format!("{place}: {fault}")));
        }
    }
    row.close(entry, &samples);
    row
}

fn prove_sample(entry: &Entry, sample: &Sample, typing: usize, row: &mut Row) -> Result<(), String> {
    let subject = Subject::new(entry, sample, typing)?;
    let answers = values(&subject)?;
    row.prove(Property::Value);
    row.open_lengths |= shapes(&subject, &answers)?;
    row.prove(Property::Shape);
    let nodes = toposort(&subject.outputs);
    for node in nodes.iter().filter(|node| !entry.is_op() || node.op().name() == entry.name()) {
        NodeAt::new(node, &subject)?.buffers().map_err(|fault| format!("{}: {fault}", node.op().name()))?;
        row.prove(Property::Buffers);
    }
    row.reached |= nodes.iter().any(|node| node.op().name() == entry.name());
    identity(&subject, &nodes, row)?;
    row.prove(Property::Identity);
    derivatives::prove(&subject, row)?;
    threads(&subject)?;
    row.prove(Property::Threads);
    Ok(())
}

/// The outputs are of the declared types, and the same as written and as rewritten.
fn values(subject: &Subject<'_>) -> Result<Vec<Box<dyn Value>>, String> {
    let answers = subject.run(&subject.outputs, &Mode::raw())?;
    let rewritten = subject.run(&subject.outputs, &Mode::run())?;
    for (k, (answer, output)) in answers.iter().zip(&subject.outputs).enumerate() {
        match output.ty().filter(&**answer) {
            Ok(None) => {}
            Ok(Some(_)) => return Err(format!("output {k} is {}, declared was {}", answer.describe(), output.ty())),
            Err(rule) => return Err(format!("output {k} is not of its type {}: {rule}", output.ty())),
        }
        if close(&**answer, &*rewritten[k], subject.sample.precision) == Some(false) {
            return Err(format!("output {k} is {answer:?} as written, {:?} as rewritten", rewritten[k]));
        }
    }
    Ok(answers)
}

/// Inferred lengths are the real ones; the answer is whether some were left open.
fn shapes(subject: &Subject<'_>, answers: &[Box<dyn Value>]) -> Result<bool, String> {
    let shapes = infer_shapes(&subject.outputs).map_err(|error| error.to_string())?;
    let find = |variable: &Variable| Some(subject.run(std::slice::from_ref(variable), &Mode::raw()).ok()?.remove(0));
    // What an op leaves open comes as the length of its own output: that says nothing.
    let given = |variable: &Variable| variable.owner().is_none().then(|| find(variable)).flatten();
    let axis = |variable: &Variable, axis: usize| given(variable)?.extents().get(axis).copied();
    let number = |variable: &Variable| find(variable)?.as_index()?.try_into().ok();
    let mut open = false;
    for (k, (shape, answer)) in shapes.iter().zip(answers).enumerate() {
        let real = answer.extents();
        let lengths: Vec<Option<usize>> = shape.iter().map(|dim| dim.evaluate(&axis, &number)).collect();
        open |= lengths.contains(&None);
        let agrees = |(length, real): (&Option<usize>, &usize)| length.is_none_or(|length| length == *real);
        if lengths.len() != real.len() || !lengths.iter().zip(real).all(agrees) {
            return Err(format!("output {k} has shape {real:?}, inferred was {shape:?}"));
        }
    }
    Ok(open)
}

/// Built twice, an expression is made of equal ops; their parameters print and read back; different ones differ.
fn identity(subject: &Subject<'_>, nodes: &[Apply], row: &mut Row) -> Result<(), String> {
    let again = subject.entry.build(&subject.sample.props, &subject.inputs).map_err(|error| error.to_string())?;
    let twins = toposort(&again);
    if twins.len() != nodes.len() {
        return Err("built twice, it has another number of nodes".to_owned());
    }
    for (a, b) in nodes.iter().zip(&twins) {
        if !a.op().same_op(&**b.op()) {
            return Err(format!("{:?} is not equal to itself made again", a.op()));
        }
    }
    let gradients = derivatives::gradients(subject, &subject.outputs)?;
    let twins = derivatives::gradients(subject, &again)?;
    let values = |gradients: &derivatives::Pulled| gradients.run(subject);
    for (a, b) in values(&gradients)?.iter().zip(values(&twins)?) {
        if same(&**a, &*b) == Some(false) {
            return Err("equal ops have different gradients".to_owned());
        }
    }
    let all = [&subject.outputs[..], &gradients.outputs].concat();
    for node in toposort(&all) {
        row.unregistered.extend(NodeAt::parses_back(&node)?);
    }
    differing_ops_print_differently(&toposort(&all))
}

fn differing_ops_print_differently(nodes: &[Apply]) -> Result<(), String> {
    for (k, a) in nodes.iter().enumerate() {
        for b in &nodes[..k] {
            let (a, b) = (a.op(), b.op());
            let text = a.name() == b.name() && a.props() == b.props();
            let opaque = || kronograph::registry().get(&a.name()).is_ok_and(|entry| entry.holds_expressions());
            if text != a.same_op(&**b) && !opaque() {
                return Err(format!("{a:?} and {b:?}: equality and printed parameters do not agree"));
            }
        }
    }
    Ok(())
}

/// Eight forks on eight threads give the bits of the first call.
fn threads(subject: &Subject<'_>) -> Result<(), String> {
    let mut function = compile(&subject.inputs, &subject.outputs, &Mode::run()).map_err(|error| error.to_string())?;
    let values = subject.values();
    let first = function.call(&values).map_err(|error| error.to_string())?.into_values();
    let forks: Vec<Function> = (0..8).map(|_| function.fork()).collect();
    std::thread::scope(|scope| {
        let running: Vec<_> = forks
            .into_iter()
            .map(|mut fork| {
                let (values, first) = (&values, &first);
                scope.spawn(move || {
                    for _ in 0..3 {
                        let answers = fork.call(values).map_err(|error| error.to_string())?.into_values();
                        if answers.iter().zip(first).any(|(a, b)| same(&**a, &**b) == Some(false)) {
                            return Err("a fork on another thread gives other bits".to_owned());
                        }
                    }
                    Ok(())
                })
            })
            .collect();
        running.into_iter().try_for_each(|thread| thread.join().map_err(|_| "a thread panics".to_owned())?)
    })
}
