//! The entry of programs, which compiling makes: proved here as an op; `fuse` has the proof that they are their nodes.

use std::sync::Arc;

use kronograph_graph::{BuildError, Entry, OpRef, Params, Result, Sample, SampleInput, Variable, Why, apply, origin};

use super::ProgramBuilder;
use crate::dtype::DType;
use crate::elemwise::Switch;
use crate::params::only;
use crate::samples::given;
use crate::tensor::{Tensor, TensorType};

/// A program is made of nodes, which no text names. It is differentiated as the expression that it was made of, so the
/// one here is of truth values, which have no derivatives: `c ? (1, 2, 3) : (4, 5, 6)`.
pub(crate) fn entries() -> Vec<Entry> {
    let entry = Entry::function("scalar_program", "control", build, samples);
    vec![entry.holding_expressions().without_derivative(Why::Unwritten)]
}

fn build(params: &Params<'_>, inputs: &[Variable]) -> Result<Vec<Variable>> {
    let condition = only(params, inputs)?;
    let refused = || BuildError::inputs("scalar_program", inputs, "three truth values are needed");
    let program = (|| {
        let mut program = ProgramBuilder::default();
        let ty = TensorType::shared(DType::F64, &[Some(3)]);
        let branch =
            |program: &mut ProgramBuilder, numbers: [f64; 3]| program.constant(&ty, &Tensor::vector(numbers.to_vec()));
        let c = program.input(condition.ty())?;
        let (a, b) = (branch(&mut program, [1.0, 2.0, 3.0])?, branch(&mut program, [4.0, 5.0, 6.0])?);
        let op: OpRef = Arc::new(Switch);
        let out = program.node(&op, &[c, a, b], &ty, origin::current())?;
        program.finish(&[out])
    })();
    Ok(vec![apply(program.ok_or_else(refused)?, inputs)?])
}

/// Programs are of known lengths.
fn samples() -> Vec<Sample> {
    let input = |values: [bool; 3]| {
        let SampleInput { value, mut types } = given(values.to_vec());
        types.retain(|ty| ty.extents().iter().all(Option::is_some));
        SampleInput { value, types }
    };
    vec![
        Sample::new("one of each", [input([true, false, true])]).edge(),
        Sample::new("none", [input([false; 3])]).edge(),
    ]
}
