//! What a function is to compute: inputs, outputs, updates of shared variables, and substitutions made before.

use crate::error::{BuildError, Result};
use crate::fgraph::FunctionGraph;
use crate::origin;
use crate::shared::Shared;
use crate::substitute::substitute;
use crate::variable::Variable;

/// A function before it is compiled.
///
/// ```text
/// let step = Definition::new(&[x], &[loss]).update(&weights, &(weights.variable() - &(0.1 * &gradient)));
/// ```
#[derive(Clone, Debug, Default)]
pub struct Definition {
    inputs: Vec<Variable>,
    outputs: Vec<Variable>,
    updates: Vec<(Shared, Variable)>,
    givens: Vec<(Variable, Variable)>,
}

impl Definition {
    /// Outputs of inputs.
    pub fn new(inputs: &[Variable], outputs: &[Variable]) -> Self {
        Self { inputs: inputs.to_vec(), outputs: outputs.to_vec(), ..Self::default() }
    }

    /// After each call that succeeds, `shared` takes the value of an expression. All updates are computed from the
    /// values before the call; a call that fails changes none.
    pub fn update(mut self, shared: &Shared, value: &Variable) -> Self {
        self.updates.push((shared.clone(), value.clone()));
        self
    }

    /// `variable` is replaced by `value` in the outputs and updates. All such replacements happen at once: `value` is
    /// not searched again, so it may contain the variable.
    pub fn given(mut self, variable: &Variable, value: &Variable) -> Self {
        self.givens.push((variable.clone(), value.clone()));
        self
    }

    /// The function graph, to be rewritten and planned.
    ///
    /// # Errors
    ///
    /// As [`FunctionGraph::new`]; an update of a wrong type, or a second one of the same variable; a given variable
    /// that is an input of the function, or a value of another type for it.
    #[track_caller]
    pub fn graph(&self) -> Result<FunctionGraph> {
        let _scope = origin::here();
        if let Some((variable, _)) = self.givens.iter().find(|(variable, _)| self.inputs.contains(variable)) {
            let rule = "it is an input of the function: pass the value as the argument";
            return Err(BuildError::inputs("given", std::slice::from_ref(variable), rule));
        }
        for (k, (shared, value)) in self.updates.iter().enumerate() {
            let both = [shared.variable().clone(), value.clone()];
            if !both[0].ty().is_super(&**both[1].ty()) {
                return Err(BuildError::inputs("update", &both, "the second must be of the type of the first"));
            }
            if self.updates[..k].iter().any(|(other, _)| other.variable() == shared.variable()) {
                return Err(BuildError::inputs("update", &both[..1], "it is updated twice"));
            }
        }
        let values = self.updates.iter().map(|(_, value)| value.clone());
        let all: Vec<Variable> = self.outputs.iter().cloned().chain(values).collect();
        let all = substitute(&all, &self.givens)?;
        let mut graph = FunctionGraph::new(&self.inputs, &all)?;
        let targets: Vec<Variable> = self.updates.iter().map(|(shared, _)| shared.variable().clone()).collect();
        graph.set_updates(&targets)?;
        Ok(graph)
    }
}
