//! An entry on one of its samples: variables, outputs, values.

use kronograph::graph::{Entry, Sample, SampleInput};
use kronograph::prelude::*;

pub(crate) struct Subject<'a> {
    pub(crate) entry: &'a Entry,
    pub(crate) sample: &'a Sample,
    pub(crate) inputs: Vec<Variable>,
    pub(crate) outputs: Vec<Variable>,
}

impl<'a> Subject<'a> {
    /// With the `typing`-th type of each input, or its last one.
    pub(crate) fn new(entry: &'a Entry, sample: &'a Sample, typing: usize) -> Result<Self, String> {
        let variable = |(k, input): (usize, &SampleInput)| {
            let ty = input.types.get(typing).or(input.types.last()).unwrap();
            Variable::input(&format!("x{k}"), ty.clone())
        };
        let inputs: Vec<Variable> = sample.inputs.iter().enumerate().map(variable).collect();
        let outputs = entry.build(&sample.props, &inputs).map_err(|error| format!("it cannot be built: {error}"))?;
        Ok(Self { entry, sample, inputs, outputs })
    }

    /// How many typings a sample has.
    pub(crate) fn typings(sample: &Sample) -> usize {
        sample.inputs.iter().map(|input| input.types.len()).max().unwrap_or(1)
    }

    pub(crate) fn values(&self) -> Vec<&dyn Value> {
        self.sample.inputs.iter().map(|input| &*input.value).collect()
    }

    pub(crate) fn run(&self, outputs: &[Variable], mode: &Mode) -> Result<Vec<Box<dyn Value>>, String> {
        run(&self.inputs, &self.values(), outputs, mode)
    }
}

pub(crate) fn run(
    inputs: &[Variable],
    values: &[&dyn Value],
    outputs: &[Variable],
    mode: &Mode,
) -> Result<Vec<Box<dyn Value>>, String> {
    let mut function = compile(inputs, outputs, mode).map_err(|error| error.to_string())?;
    Ok(function.call(values).map_err(|error| error.to_string())?.into_values())
}
