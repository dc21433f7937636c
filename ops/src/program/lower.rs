//! What each kind of node means in registers.

use std::any::Any;

use kronograph_graph::{NodeView, Op, OpRef, Value, Variable, evaluate, origin};

use super::builder::{At, Kind, ProgramBuilder, Registers, anywhere, row};
use crate::broadcasting::spread;
use crate::dtype::DType;
use crate::elemwise::{BINARY, Cast, Elemwise, Kernel, Switch};
use crate::index::{IncSubtensor, Subtensor, Write};
use crate::join::Join;
use crate::kernels::runs::for_each_run;
use crate::layout::{BroadcastTo, Dimshuffle, Reshape};
use crate::linalg::MatMul;
use crate::reduce::Sum;
use crate::tensor::{Extents, Tensor, TensorType, row_major};

/// A node in registers: those that hold its output. `None` if it has no such form.
type Lowering = fn(&mut ProgramBuilder, &OpRef, &[&Registers], &TensorType) -> Option<At>;

macro_rules! lowerings {
    ($($op:ty => $lowering:path;)+) => {
        fn lowering(op: &OpRef) -> Option<Lowering> {
            let op = &**op as &dyn Any;
            $(if op.is::<$op>() {
                return Some($lowering);
            })+
            None
        }
    };
}

lowerings! {
    Elemwise => elemwise;
    Switch => switch;
    Cast => cast;
    Sum => sum;
    MatMul => product;
    IncSubtensor => increase;
    Subtensor => moved;
    Dimshuffle => moved;
    BroadcastTo => moved;
    Reshape => moved;
    Join => moved;
}

/// Whether nodes of an op may have a form in registers.
pub(super) fn knows(op: &OpRef) -> bool {
    lowering(op).is_some()
}

/// The registers that hold the output of a node.
pub(super) fn lower(program: &mut ProgramBuilder, op: &OpRef, inputs: &[&Registers], out: &TensorType) -> Option<At> {
    lowering(op)?(program, op, inputs, out)
}

fn concrete<T: Op>(op: &OpRef) -> Option<&T> {
    (&**op as &dyn Any).downcast_ref()
}

fn shape(ty: &TensorType) -> Extents {
    ty.lengths().iter().flatten().copied().collect()
}

/// Adds the operands of an elementwise node, element by element, with the inputs repeated as broadcasting says.
fn operands<const K: usize>(program: &mut ProgramBuilder, inputs: [&Registers; K], out: &[usize]) -> Option<()> {
    if out.iter().all(|&length| length == 1) {
        let first = |input: &Registers| match &input.at {
            At::Row(from) => Some(*from),
            At::Anywhere(at) => at.array::<i64>().ok()?.storage().first().map(|&at| at as u32),
        };
        for input in inputs {
            program.args.push(first(input)?);
        }
        return Some(());
    }
    let tensors = inputs.map(Registers::tensor);
    let fits = |tensor: &Tensor| {
        let mut axes = tensor.shape().iter().zip(out);
        tensor.shape().len() == out.len() && axes.all(|(&own, &common)| own == common || own == 1)
    };
    if !tensors.iter().all(fits) {
        return None;
    }
    let mut storage: [&[i64]; K] = [&[]; K];
    for (storage, input) in storage.iter_mut().zip(&tensors) {
        *storage = input.array::<i64>().ok()?.storage();
    }
    let strides: [Extents; K] = std::array::from_fn(|k| spread(&tensors[k], out));
    let strides: [&[usize]; K] = std::array::from_fn(|k| &strides[k][..]);
    for_each_run(out, strides, |from, step, length| {
        for i in 0..length {
            program.args.extend((0..K).map(|k| storage[k][from[k] + i * step[k]] as u32));
        }
    });
    Some(())
}

fn elemwise(program: &mut ProgramBuilder, op: &OpRef, inputs: &[&Registers], out: &TensorType) -> Option<At> {
    let Elemwise(row_of) = concrete(op)?;
    let suits = |dtype: DType| match row_of.kernel {
        Kernel::Compare { .. } => true,
        Kernel::Bits1 { .. } | Kernel::Bits2 { .. } => dtype == DType::Bool,
        Kernel::Unary { .. } | Kernel::Binary { .. } | Kernel::Ternary { .. } | Kernel::Test { .. } => {
            dtype == DType::F64
        }
        Kernel::Shift { .. } => false,
    };
    if !inputs.iter().all(|input| suits(input.ty.dtype())) {
        return None;
    }
    let (from, shape) = (program.args.len(), shape(out));
    match inputs {
        [a] => operands(program, [a], &shape)?,
        [a, b] => operands(program, [a, b], &shape)?,
        [a, b, c] => operands(program, [a, b, c], &shape)?,
        _ => return None,
    }
    Some(At::Row(program.block(Kind::Row(row_of), from, shape.iter().product())))
}

fn switch(program: &mut ProgramBuilder, _op: &OpRef, inputs: &[&Registers], out: &TensorType) -> Option<At> {
    let [condition, a, b] = inputs else { return None };
    let (from, shape) = (program.args.len(), shape(out));
    operands(program, [condition, a, b], &shape)?;
    Some(At::Row(program.block(Kind::Select, from, shape.iter().product())))
}

/// Truth values are 0 and 1 already.
fn cast(_program: &mut ProgramBuilder, op: &OpRef, inputs: &[&Registers], out: &TensorType) -> Option<At> {
    let Cast { to: DType::F64 } = concrete(op)? else { return None };
    anywhere(out, inputs.first()?.numbers().into_iter().map(i64::from).collect())
}

/// One block for each element of the result, its operands in the order in which [`Sum`] adds them.
fn sum(program: &mut ProgramBuilder, op: &OpRef, inputs: &[&Registers], out: &TensorType) -> Option<At> {
    let Sum { axes } = concrete(op)?;
    let [x] = inputs else { return None };
    let tensor = x.tensor();
    let at = tensor.array::<i64>().ok()?;
    let kept: Extents =
        (0..at.shape().len()).filter(|axis| !axes.contains(axis)).map(|axis| at.shape()[axis]).collect();
    if x.ty.dtype() != DType::F64 || kept != shape(out) {
        return None;
    }
    let dense = row_major(&kept);
    let mut positions = dense.iter();
    let steps: Extents = (0..at.shape().len())
        .map(|axis| if axes.contains(&axis) { 0 } else { positions.next().copied().unwrap_or(0) })
        .collect();
    let (mut terms, mut piece) = (vec![Vec::new(); kept.iter().product()], 1);
    for_each_run(at.shape(), [at.strides(), &steps], |[from, to], [step, out_step], length| {
        // What `Sum` adds in blocks, it adds in blocks here.
        piece = if (step, out_step) == (1, 0) { length } else { 1 };
        (0..length).for_each(|i| terms[to + i * out_step].push(at.storage()[from + i * step] as u32));
    });
    let mut registers = Vec::with_capacity(terms.len());
    for terms in terms {
        let from = program.args.len();
        program.args.extend(terms);
        registers.push(i64::from(program.block(Kind::Sum(piece as u32), from, 1)));
    }
    anywhere(out, registers)
}

/// A product with a vector: one row of terms for each element of the result, in the order in which [`MatMul`] adds.
fn product(program: &mut ProgramBuilder, _op: &OpRef, inputs: &[&Registers], out: &TensorType) -> Option<At> {
    let [a, b] = inputs else { return None };
    let (left, right) = (shape(&a.ty), shape(&b.ty));
    let inner = *left.last()?;
    if left.len() > 2 || right.len() > 2 {
        return None;
    }
    let rows = if left.len() == 2 { left[0] } else { 1 };
    let columns = if right.len() == 2 { right[1] } else { 1 };
    let sizes_fit = right.first() == Some(&inner) && rows * columns == shape(out).iter().product::<usize>();
    if inner == 0 || rows * columns == 0 || (rows != 1 && columns != 1) || !sizes_fit {
        return None;
    }
    let (a, b) = (a.numbers(), b.numbers());
    let from = program.args.len();
    if columns == 1 {
        program.args.extend(a.iter().chain(&b));
    } else {
        program.args.extend((0..columns * inner).map(|at| b[(at % inner) * columns + at / inner]));
        program.args.extend(&a);
    }
    Some(At::Row(program.block(Kind::Product(inner as u32), from, rows * columns)))
}

/// Only the part is computed; the other elements stay in the registers in which they are.
fn increase(program: &mut ProgramBuilder, op: &OpRef, inputs: &[&Registers], out: &TensorType) -> Option<At> {
    let IncSubtensor { axes, write } = concrete(op)?;
    let [x, y] = inputs else { return None };
    if *write == Write::Set {
        return moved(program, op, inputs, out);
    }
    let take: OpRef = std::sync::Arc::new(Subtensor { axes: axes.clone() });
    let part = run(&take, &[row(0, &x.ty)], std::slice::from_ref(&x.ty), out)?;
    let (positions, y) = (part.to_vec::<i64>().ok()?, y.tensor());
    if y.shape().len() != part.shape().len() {
        return None;
    }
    let y = y.relaid(0, part.shape().into(), spread(&y, part.shape()))?.to_vec::<i64>().ok()?;
    let mut registers: Vec<i64> = x.numbers().into_iter().map(i64::from).collect();
    let from = program.args.len();
    for (&position, added) in positions.iter().zip(y) {
        program.args.extend([registers[position as usize] as u32, added as u32]);
    }
    let add = BINARY.iter().find(|row| row.name == "add")?;
    let first = program.block(Kind::Row(add), from, positions.len());
    for (&position, register) in positions.iter().zip(i64::from(first)..) {
        registers[position as usize] = register;
    }
    anywhere(out, registers)
}

/// Runs the op on the numbers of the registers.
fn moved(_program: &mut ProgramBuilder, op: &OpRef, inputs: &[&Registers], out: &TensorType) -> Option<At> {
    let (at, types): (Vec<Tensor>, Vec<TensorType>) = inputs.iter().map(|x| (x.tensor(), x.ty.clone())).unzip();
    run(op, &at, &types, out).map(At::Anywhere)
}

fn run(op: &OpRef, at: &[Tensor], types: &[TensorType], out: &TensorType) -> Option<Tensor> {
    let leaf = |ty: &TensorType| Variable::input("", TensorType::shared(ty.dtype(), ty.lengths()));
    let (inputs, output): (Vec<Variable>, _) = (types.iter().map(leaf).collect(), [leaf(out)]);
    let values: Vec<&dyn Value> = at.iter().map(|at| at as &dyn Value).collect();
    let made = evaluate(&NodeView::new(op, &inputs, &output, origin::current()), &values).ok()?.pop()?;
    (&*made as &dyn Any).downcast_ref::<Tensor>().cloned()
}
