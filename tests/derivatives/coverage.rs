//! Which ops the cases reach, and which ops there are.

use std::collections::BTreeSet;
use std::path::Path;

use kronograph::graph::toposort;
use kronograph::prelude::*;

use crate::harness::{Case, variable};

/// Ops without a derivative to check: lengths, ones on a diagonal, and what only runs.
const NOTHING_TO_CHECK: [&str; 4] = ["shape_i", "eye", "identity_like", "scalar_program"];
/// Clipping a cotangent is not linear: its derivative is not that of the identity. `tests/gradients.rs` has its numbers.
const NOT_ITS_OWN_DERIVATIVE: [&str; 1] = ["grad_clip"];

/// The ops in the outputs of the cases and in their gradients.
pub(crate) fn reached(cases: &[Case]) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for case in cases {
        let inputs: Vec<Variable> = case.inputs.iter().enumerate().map(|(k, given)| variable(k, given, true)).collect();
        let mut outputs = (case.build)(&inputs).unwrap();
        let of: Vec<Variable> = outputs.iter().filter(|output| output.ty().tangent().is_some()).cloned().collect();
        let cotangents: Vec<Variable> =
            of.iter().map(|output| Variable::input("g", output.ty().tangent().unwrap())).collect();
        for input in &inputs {
            outputs.extend(lop(&of, std::slice::from_ref(input), &cotangents).unwrap_or_default());
        }
        names.extend(toposort(&outputs).iter().map(|node| node.op().name().into_owned()));
    }
    names
}

/// The ops that the sources of a crate name.
pub(crate) fn declared(folder: &Path, names: &mut BTreeSet<String>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            declared(&path, names);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            let text = std::fs::read_to_string(&path).unwrap();
            let after = text.split("fn name(&self) -> Cow<'static, str> {\n").skip(1);
            let name = |rest: &str| Some(rest.trim_start().strip_prefix('"')?.split_once("\".into()")?.0.to_owned());
            names.extend(after.filter_map(name));
        }
    }
    names.retain(|name| !NOTHING_TO_CHECK.contains(&name.as_str()) && !NOT_ITS_OWN_DERIVATIVE.contains(&name.as_str()));
}
