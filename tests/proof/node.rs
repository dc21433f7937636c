//! What is proved of a single node: its op performed by hand, its identity, its parameters.

use kronograph::graph::{Apply, Props, Slot, perform_alone};
use kronograph::prelude::*;

use crate::subject::Subject;
use crate::values::{close, deep_copy, garbage, places, same, strided};

/// The node's inputs at the sample.
pub(crate) struct NodeAt<'a> {
    node: &'a Apply,
    inputs: Vec<Box<dyn Value>>,
    precision: f64,
}

impl<'a> NodeAt<'a> {
    pub(crate) fn new(node: &'a Apply, subject: &Subject<'_>) -> Result<Self, String> {
        let inputs = subject.run(node.inputs(), &Mode::raw())?;
        Ok(Self { node, inputs, precision: subject.sample.precision })
    }

    fn perform(&self, inputs: &[Box<dyn Value>], slots: &mut [Slot]) -> Result<(), String> {
        let inputs: Vec<&dyn Value> = inputs.iter().map(|value| &**value).collect();
        perform_alone(self.node, &inputs, slots).map_err(|error| error.to_string())
    }

    fn fresh(&self) -> Vec<Slot> {
        (0..self.node.outputs().len()).map(|_| Slot::default()).collect()
    }

    /// The same results into fresh, dirty and shared buffers, and from strided inputs; nothing else is written to.
    pub(crate) fn buffers(&self) -> Result<(), String> {
        let before: Vec<_> = self.inputs.iter().map(|value| deep_copy(&**value)).collect();
        let mut fresh = self.fresh();
        self.perform(&self.inputs, &mut fresh)?;
        self.storage_is_declared(&fresh)?;
        for kind in 0..3 {
            let mut dirty = garbage(fresh.len(), kind);
            self.perform(&self.inputs, &mut dirty)?;
            agree("a dirty buffer", &fresh, &dirty, same)?;
        }
        let held: Vec<_> = fresh.iter().map(|slot| slot.value().unwrap().boxed_clone()).collect();
        let kept: Vec<_> = held.iter().map(|value| deep_copy(&**value)).collect();
        let twins: Vec<_> =
            self.inputs.iter().map(|value| strided(&**value).unwrap_or_else(|| value.clone())).collect();
        let mut again = fresh;
        self.perform(&twins, &mut again)?;
        for (k, (held, kept)) in held.iter().zip(&kept).enumerate() {
            if kept.as_ref().and_then(|kept| same(&**held, &**kept)) == Some(false) {
                return Err(format!("output {k} of an earlier call, still held, was written to"));
            }
            let now = again[k].value().unwrap();
            if close(&**held, now, self.precision) == Some(false) {
                return Err(format!("output {k} is {now:?} of strided inputs, {held:?} of others"));
            }
        }
        for (k, (input, before)) in self.inputs.iter().zip(&before).enumerate() {
            if before.as_ref().and_then(|before| same(&**input, &**before)) == Some(false) {
                return Err(format!("input {k} was written to"));
            }
        }
        Ok(())
    }

    /// An output shares storage with an input only where the op says so.
    fn storage_is_declared(&self, slots: &[Slot]) -> Result<(), String> {
        let op = self.node.op();
        for (o, slot) in slots.iter().enumerate() {
            for (i, input) in self.inputs.iter().enumerate() {
                let (Some(a), Some(b)) = (places(slot.value().unwrap()), places(&**input)) else { continue };
                let shared = a.start < b.end && b.start < a.end;
                if shared && !op.view_map().contains(&(o, i)) {
                    return Err(format!("output {o} shares storage with input {i}, which the op does not declare"));
                }
            }
        }
        Ok(())
    }

    /// The op is equal to itself made again from its printed parameters; the name of one that has no entry.
    pub(crate) fn parses_back(node: &Apply) -> Result<Option<String>, String> {
        let (op, registry) = (node.op(), kronograph::registry());
        let Ok(entry) = registry.get(&op.name()) else { return Ok(Some(op.name().into_owned())) };
        if entry.holds_expressions() {
            return Ok(None);
        }
        let text = op.props().to_string();
        let props = Props::parse(&text).map_err(|error| error.to_string())?;
        let again = entry.op(&props).map_err(|error| format!("{}{text} is not read back: {error}", op.name()))?;
        if !op.same_op(&*again) {
            return Err(format!("{}{text} is read back as {again:?}, it was {op:?}", op.name()));
        }
        Ok(None)
    }
}

fn agree(
    what: &str,
    a: &[Slot],
    b: &[Slot],
    equal: impl Fn(&dyn Value, &dyn Value) -> Option<bool>,
) -> Result<(), String> {
    for (k, (a, b)) in a.iter().zip(b).enumerate() {
        let (a, b) = (a.value().ok_or("an output is missing")?, b.value().ok_or("an output is missing")?);
        if equal(a, b) == Some(false) {
            return Err(format!("output {k} is {b:?} in {what}, {a:?} in a fresh one"));
        }
    }
    Ok(())
}
