//! Many small nodes as one step: a program over a flat file of f64 registers.
//!
//! A program is made of nodes whose shapes are known: elementwise rows, choices, sums, small products, and whatever
//! only moves elements, which costs nothing because the registers are renamed while the program is made
//! ([`ProgramBuilder`]). Each element has a register of its own. Truth values are 0 and 1.
//!
//! The numbers are those of the nodes, to the bit: the loops come from the same rows, and sums add in the same order.

use std::any::Any;
use std::borrow::Cow;

use kronograph_graph::{
    BuildError, Dim, Io, NodeSpec, NodeView, Op, OpFailure, OpResult, OpState, Part, Props, Result, Shape, Type,
    TypeRef, Variable,
};

use crate::dtype::DType;
use crate::tensor::{Extents, Tensor, TensorType, shape_text};
use code::Code;
use parts::Parts;

mod builder;
mod code;
mod entries;
mod lower;
mod parts;
mod schedule;

pub use builder::{ProgramBuilder, ProgramValue};
pub(crate) use entries::entries;

/// A connected part of a graph as one node; its inputs and outputs have static shapes.
///
/// It computes what its nodes compute, and is made by compiling only: it has no derivative, because what is
/// differentiated is the expression that it was made of.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct ScalarProgram {
    inputs: Vec<TensorType>,
    /// The number of elements of each input.
    lengths: Vec<usize>,
    outputs: Vec<Output>,
    nodes: usize,
    code: Code,
    parts: Parts,
}

/// An output: its type, its shape, and the registers that its elements are in.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
struct Output {
    ty: TensorType,
    shape: Extents,
    from: code::List,
}

/// The register file of one function.
#[derive(Debug)]
struct Registers(Vec<f64>);

impl OpState for Registers {
    fn fork(&self) -> Box<dyn OpState> {
        Box::new(Self(self.0.clone()))
    }
}

impl ScalarProgram {
    /// The types of the outputs.
    pub fn output_types(&self) -> impl Iterator<Item = &TensorType> {
        self.outputs.iter().map(|output| &output.ty)
    }
}

impl Op for ScalarProgram {
    fn name(&self) -> Cow<'static, str> {
        "scalar_program".into()
    }

    fn props(&self) -> Props {
        Props::default()
            .with("nodes", self.nodes)
            .with("steps", self.code.steps.len())
            .with("registers", self.code.registers as usize)
    }

    fn make_node(&self, inputs: &[Variable]) -> Result<NodeSpec> {
        if inputs.len() != self.inputs.len() {
            return Err(BuildError::arity("scalar_program", self.inputs.len(), inputs));
        }
        let fits = |(ty, input): (&TensorType, &Variable)| ty.is_super(&**input.ty());
        if !self.inputs.iter().zip(inputs).all(fits) {
            return Err(BuildError::inputs("scalar_program", inputs, "the types are not those it was made for"));
        }
        Ok(NodeSpec::many(self.outputs.iter().map(|output| std::sync::Arc::new(output.ty.clone()) as TypeRef)))
    }

    fn perform(&self, io: &mut Io<'_>) -> OpResult {
        let (Registers(file), inputs, outputs) = io.with_state::<Registers>()?;
        let mut at = self.code.constants.len();
        for (position, &length) in self.lengths.iter().enumerate() {
            // The usual case, without asking for the value's type.
            match inputs.value(position)?.as_f64() {
                Some(&[x]) if length == 1 => file[at] = x,
                Some(row) if row.len() == length => file[at..at + length].copy_from_slice(row),
                _ => load(inputs.get::<Tensor>(position)?, &mut file[at..at + length])?,
            }
            at += length;
        }
        self.code.run(file);
        for (output, slot) in self.outputs.iter().zip(outputs) {
            let tensor = slot.buffer::<Tensor>();
            match output.ty.dtype() {
                DType::Bool => {
                    let to = tensor.reset::<bool>(&output.shape);
                    to.iter_mut().enumerate().for_each(|(k, to)| *to = file[self.code.place(output.from, k)] != 0.0);
                }
                _ => self.code.read(output.from, file, tensor.reset::<f64>(&output.shape)),
            }
        }
        Ok(())
    }

    fn infer_shape(&self, _node: &NodeView<'_>, _input_shapes: &[Shape]) -> Result<Vec<Shape>> {
        Ok(self.outputs.iter().map(|output| output.shape.iter().map(|&length| Dim::from(length)).collect()).collect())
    }

    fn state(&self) -> Option<Box<dyn OpState>> {
        Some(Box::new(Registers(self.code.file())))
    }

    /// A register is written once, so all numbers of the last run are still there.
    fn blame(&self, state: Option<&dyn OpState>, wrong: &dyn Fn(f64) -> bool) -> Option<Part> {
        let Registers(file) = (state? as &dyn Any).downcast_ref()?;
        self.parts.first(|registers| file[registers].iter().any(|&number| wrong(number)))
    }
}

/// The number of elements of a type whose lengths are all known.
fn size_of(ty: &TensorType) -> usize {
    ty.lengths().iter().flatten().product()
}

/// Copies a value that does not lie in a row of f64 into its registers.
#[cold]
fn load(value: &Tensor, registers: &mut [f64]) -> Result<(), OpFailure> {
    if value.len() != registers.len() {
        let rule = format!("shape {} is not what the program was made for", shape_text(value.shape()));
        return Err(OpFailure::Shapes(rule));
    }
    match value {
        Tensor::F64(array) => registers.iter_mut().zip(array.view().iter()).for_each(|(to, x)| *to = *x),
        Tensor::Bool(array) => {
            registers.iter_mut().zip(array.view().iter()).for_each(|(to, x)| *to = f64::from(u8::from(*x)));
        }
        _ => return Err(OpFailure::WrongValue(0)),
    }
    Ok(())
}
