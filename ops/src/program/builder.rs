//! Making a program, node by node.
//!
//! A value is a tensor of register numbers. Ops that only move elements are run on that tensor, by their own
//! `perform`: so a transpose, a part or a repetition costs nothing when the program runs, and is written once.

use std::any::Any;
use std::collections::HashMap;

use kronograph_graph::{OpRef, Origin, Type, TypeRef, Value};
use smallvec::SmallVec;

use super::code::{Code, List};
use super::parts::Parts;
use super::{Output, ScalarProgram, lower, schedule, size_of};
use crate::dtype::DType;
use crate::elemwise::{Row, cast_value};
use crate::tensor::{Extents, Strided, Tensor, TensorType};

/// Values of more elements are left to their own nodes: there a step's cost does not count.
const MOST_ELEMENTS: usize = 1024;
/// The registers of a program fit a second-level cache.
const MOST_REGISTERS: usize = 1 << 16;

/// A value of a program under construction.
#[derive(Clone, Copy, Debug)]
pub struct ProgramValue(usize);

/// Collects nodes, in an order in which operands come first, and makes a [`ScalarProgram`] of them.
#[derive(Debug, Default)]
pub struct ProgramBuilder {
    values: Vec<Registers>,
    inputs: Vec<TensorType>,
    constants: Vec<u64>,
    constant_of: HashMap<u64, u32>,
    nodes: usize,
    parts: Parts,
    pub(super) homes: Vec<Home>,
    pub(super) blocks: Vec<Block>,
    pub(super) args: Vec<u32>,
}

/// Where the elements of a value are, and its type.
#[derive(Debug)]
pub(super) struct Registers {
    pub(super) at: At,
    pub(super) ty: TensorType,
}

/// The virtual registers of a value: in a row from the first on, or anywhere, as a tensor of their numbers.
#[derive(Debug)]
pub(super) enum At {
    Row(u32),
    Anywhere(Tensor),
}

impl Registers {
    /// The numbers of the registers, in the shape of the value.
    pub(super) fn tensor(&self) -> Tensor {
        match &self.at {
            At::Row(from) => row(*from, &self.ty),
            At::Anywhere(at) => at.clone(),
        }
    }

    /// The numbers of the registers, in row-major order.
    pub(super) fn numbers(&self) -> Vec<u32> {
        match &self.at {
            At::Row(from) => (*from..*from + size_of(&self.ty) as u32).collect(),
            At::Anywhere(at) => numbers(at),
        }
    }
}

/// What fills a virtual register.
#[derive(Clone, Copy, Debug)]
pub(super) enum Home {
    Constant(u32),
    Input(u32),
    /// An element of a block.
    Block(u32),
}

/// What one node computes.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    /// A row; one or two operands for each element.
    Row(&'static Row),
    /// A condition and two branches for each element.
    Select,
    /// One element: the sum of runs of this length.
    Sum(u32),
    /// A matrix, row by row, and then a vector of this length.
    Product(u32),
}

/// The elements that one node computes.
#[derive(Clone, Debug)]
pub(super) struct Block {
    pub(super) kind: Kind,
    /// Where its operands begin among all operands.
    pub(super) args: std::ops::Range<usize>,
    /// Its first virtual register, and how many there are.
    pub(super) out: u32,
    pub(super) length: u32,
}

impl ProgramBuilder {
    /// Whether a node can be part of a program: f64 tensors and truth values of known, small shapes, and an op of
    /// which only the elements' values matter. Where that depends on the types, it is found by trying.
    pub fn admits(op: &OpRef, inputs: &[&TypeRef], output: &TypeRef) -> bool {
        let is_number = |ty: &TypeRef| small(ty).is_some_and(|ty| ty.rank() == 0 && ty.dtype() == DType::F64);
        if !lower::knows(op) || inputs.iter().chain([&output]).all(|ty| is_number(ty)) {
            return lower::knows(op);
        }
        let mut alone = Self::default();
        let operands: Option<Vec<ProgramValue>> = inputs.iter().map(|ty| alone.input(ty)).collect();
        operands.is_some_and(|operands| alone.node(op, &operands, output, Origin::caller()).is_some())
    }

    /// An input; `None` if its type does not suit.
    pub fn input(&mut self, ty: &TypeRef) -> Option<ProgramValue> {
        let ty = small(ty)?.clone();
        let from = self.homes.len() as u32;
        let before: usize = self.inputs.iter().map(size_of).sum();
        self.homes.extend((0..size_of(&ty)).map(|k| Home::Input((before + k) as u32)));
        self.inputs.push(ty.clone());
        Some(self.value(At::Row(from), ty))
    }

    /// A constant; `None` if its type does not suit.
    pub fn constant(&mut self, ty: &TypeRef, value: &dyn Value) -> Option<ProgramValue> {
        let ty = small(ty)?.clone();
        let tensor = (value as &dyn Any).downcast_ref::<Tensor>().filter(|tensor| tensor.len() == size_of(&ty))?;
        let numbers = cast_value(tensor, DType::F64).to_vec::<f64>().ok()?;
        let bits: Vec<u64> = numbers.iter().map(|x| x.to_bits()).collect();
        let at = match bits.first() {
            Some(&first) if bits.iter().all(|&bits| bits == first) => {
                let number = self.number(first);
                if bits.len() == 1 { At::Row(number) } else { anywhere(&ty, vec![i64::from(number); bits.len()])? }
            }
            _ => {
                let from = self.homes.len() as u32;
                bits.iter().for_each(|&bits| _ = self.new_number(bits));
                At::Row(from)
            }
        };
        Some(self.value(at, ty))
    }

    /// The register of a number that several constants may share.
    fn number(&mut self, bits: u64) -> u32 {
        if let Some(&known) = self.constant_of.get(&bits) {
            return known;
        }
        let register = self.new_number(bits);
        self.constant_of.insert(bits, register);
        register
    }

    fn new_number(&mut self, bits: u64) -> u32 {
        self.homes.push(Home::Constant(self.constants.len() as u32));
        self.constants.push(bits);
        self.homes.len() as u32 - 1
    }

    /// A node of one output, of the type that its op gives it; `None` if it cannot be part of this program, in which it
    /// then has no part.
    pub fn node(
        &mut self,
        op: &OpRef,
        inputs: &[ProgramValue],
        output: &TypeRef,
        origin: Origin,
    ) -> Option<ProgramValue> {
        let ty = small(output)?.clone();
        if self.homes.len() + size_of(&ty) > MOST_REGISTERS {
            return None;
        }
        let values = std::mem::take(&mut self.values);
        let operands: Option<SmallVec<[&Registers; 3]>> = inputs.iter().map(|input| values.get(input.0)).collect();
        let at = operands.and_then(|operands| lower::lower(self, op, &operands, &ty));
        self.values = values;
        let at = at?;
        self.nodes += 1;
        self.parts.add(op, origin, self.blocks.len());
        Some(self.value(at, ty))
    }

    fn value(&mut self, at: At, ty: TensorType) -> ProgramValue {
        self.values.push(Registers { at, ty });
        ProgramValue(self.values.len() - 1)
    }

    /// Adds a block whose operands are those added to `args` since it was `from` long; returns its first register.
    pub(super) fn block(&mut self, kind: Kind, from: usize, length: usize) -> u32 {
        let out = self.homes.len() as u32;
        self.homes.extend(std::iter::repeat_n(Home::Block(self.blocks.len() as u32), length));
        self.blocks.push(Block { kind, args: from..self.args.len(), out, length: length as u32 });
        out
    }

    /// The program that computes these values; `None` if one is of another program.
    pub fn finish(self, outputs: &[ProgramValue]) -> Option<ScalarProgram> {
        let values = outputs.iter().map(|output| self.values.get(output.0)).collect::<Option<Vec<_>>>()?;
        let given: usize = self.inputs.iter().map(size_of).sum();
        let first = self.constants.len() + given;
        let (mut code, places) = schedule::schedule(&self, first as u32);
        code.constants = self.constants;
        let place = |register: u32| match self.homes[register as usize] {
            Home::Constant(at) => at,
            Home::Input(at) => code.constants.len() as u32 + at,
            Home::Block(at) => places[at as usize] + register - self.blocks[at as usize].out,
        };
        let output = |value: &&Registers| {
            let list: Vec<u32> = value.numbers().into_iter().map(place).collect();
            (value.ty.clone(), list)
        };
        let lists: Vec<(TensorType, Vec<u32>)> = values.iter().map(output).collect();
        let outputs = lists.into_iter().map(|(ty, list)| {
            let shape = ty.lengths().iter().flatten().copied().collect();
            Output { ty, shape, from: list_of(&mut code, &list) }
        });
        let (outputs, lengths) = (outputs.collect(), self.inputs.iter().map(size_of).collect());
        let parts = self.parts.placed(places.into_iter().zip(self.blocks.iter().map(|block| block.length)));
        Some(ScalarProgram { inputs: self.inputs, lengths, outputs, nodes: self.nodes, code, parts })
    }
}

/// A list of registers as an operand: by its first one if they are in a row.
pub(super) fn list_of(code: &mut Code, list: &[u32]) -> List {
    match list.first() {
        Some(&first) if list.iter().zip(first..).any(|(&at, in_row)| at != in_row) => {
            code.ones.extend(list);
            List::Picked((code.ones.len() - list.len()) as u32)
        }
        first => List::Row(first.copied().unwrap_or(0)),
    }
}

fn numbers(at: &Tensor) -> Vec<u32> {
    match at {
        Tensor::I64(at) => at.view().iter().map(|&at| at as u32).collect(),
        _ => Vec::new(),
    }
}

/// Registers in a row, as a tensor.
pub(super) fn row(from: u32, ty: &TensorType) -> Tensor {
    let (from, shape): (_, Extents) = (i64::from(from), ty.lengths().iter().flatten().copied().collect());
    let numbers = (from..from + size_of(ty) as i64).collect();
    Tensor::I64(Strided::new(&shape, numbers).expect("one number for each element of the shape"))
}

/// Registers that lie anywhere, in row-major order; `None` if they are not as many as the type has elements.
pub(super) fn anywhere(ty: &TensorType, at: Vec<i64>) -> Option<At> {
    let shape: Extents = ty.lengths().iter().flatten().copied().collect();
    Some(At::Anywhere(Tensor::I64(Strided::new(&shape, at).ok()?)))
}

/// The tensor type, if programs have registers for it.
fn small(ty: &TypeRef) -> Option<&TensorType> {
    let tensor = (&**ty as &dyn Any).downcast_ref::<TensorType>()?;
    let kind = matches!(tensor.dtype(), DType::F64 | DType::Bool);
    let size = tensor.extents().iter().try_fold(1usize, |size, length| size.checked_mul((*length)?));
    (kind && size.is_some_and(|size| size <= MOST_ELEMENTS)).then_some(tensor)
}
