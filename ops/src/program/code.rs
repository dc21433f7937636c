//! The instructions of a program, and running them.
//!
//! A register is written once, after all that it is computed from, and lies behind it: so a step reads the file
//! before its own registers and writes from there on.

use std::hash::{Hash, Hasher};
use std::ops::Range;

use crate::elemwise::{Kernel, Map1, Map2, Pick1, Pick2, Row};
use crate::kernels::pick::select;
use crate::kernels::sums::{blocked_sum, picked_sum, product_of_columns, product_of_rows};

/// Instructions, in the order in which they run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Code {
    pub(super) steps: Vec<Step>,
    /// The bits of the first registers.
    pub(super) constants: Vec<u64>,
    pub(super) registers: u32,
    pub(super) ones: Vec<u32>,
    pub(super) twos: Vec<[u32; 2]>,
    pub(super) threes: Vec<[u32; 3]>,
}

/// A loop of a row, which stands for its identity: function pointers have none.
#[derive(Clone, Copy, Debug)]
pub(super) struct Loop<F> {
    row: &'static Row,
    run: F,
}

impl<F> PartialEq for Loop<F> {
    fn eq(&self, other: &Self) -> bool {
        self.row == other.row
    }
}

impl<F> Eq for Loop<F> {}

impl<F> Hash for Loop<F> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.row.hash(state);
    }
}

/// Registers in a row, or one register again and again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Run {
    pub(super) from: u32,
    pub(super) step: u32,
}

/// A list of registers: in a row, or anywhere, as a part of `ones`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum List {
    Row(u32),
    Picked(u32),
}

/// One instruction; `out` is the first register that it writes.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Step {
    Map1 { row: Loop<Map1<f64, f64>>, a: Run, out: u32, length: u32 },
    Map2 { row: Loop<Map2<f64, f64>>, a: Run, b: Run, out: u32, length: u32 },
    Pick1 { row: Loop<Pick1>, args: Range<u32>, out: u32 },
    Pick2 { row: Loop<Pick2>, args: Range<u32>, out: u32 },
    Select { args: Range<u32>, out: u32 },
    /// The sum of `pieces` runs of `length` registers each, every run being summed in blocks.
    Sum { from: List, pieces: u32, length: u32, out: u32 },
    /// A matrix in a row, by rows or by columns, times a vector in a row.
    Product { matrix: u32, by_rows: bool, vector: u32, inner: u32, out: u32, length: u32 },
    /// A sum of products of pairs.
    Dot { args: Range<u32>, out: u32 },
}

impl Loop<Pick1> {
    /// The loops of a row of one input over runs and over registers anywhere.
    pub(super) fn one(row: &'static Row) -> Option<(Loop<Map1<f64, f64>>, Self)> {
        match row.kernel {
            Kernel::Unary { f64, pick, .. } => Some((Loop { row, run: f64 }, Loop { row, run: pick })),
            Kernel::Binary { .. } | Kernel::Compare { .. } => None,
        }
    }
}

impl Loop<Pick2> {
    /// The loops of a row of two inputs.
    pub(super) fn two(row: &'static Row) -> Option<(Loop<Map2<f64, f64>>, Self)> {
        match row.kernel {
            Kernel::Unary { .. } => None,
            Kernel::Binary { f64, pick, .. } => Some((Loop { row, run: f64 }, Loop { row, run: pick })),
            Kernel::Compare { mask, pick, .. } => Some((Loop { row, run: mask }, Loop { row, run: pick })),
        }
    }
}

impl Code {
    /// A register file with the constants in place.
    pub(super) fn file(&self) -> Vec<f64> {
        let mut file: Vec<f64> = self.constants.iter().map(|&bits| f64::from_bits(bits)).collect();
        file.resize(self.registers as usize, 0.0);
        file
    }

    /// Runs every instruction.
    pub(super) fn run(&self, file: &mut [f64]) {
        for step in &self.steps {
            self.step(step, file);
        }
    }

    #[inline]
    fn step(&self, step: &Step, file: &mut [f64]) {
        match step {
            Step::Pick1 { row, args, out } => {
                let (file, out) = file.split_at_mut(*out as usize);
                (row.run)(file, &self.ones[span(args)], out);
            }
            Step::Pick2 { row, args, out } => {
                let (file, out) = file.split_at_mut(*out as usize);
                (row.run)(file, &self.twos[span(args)], out);
            }
            Step::Map1 { row, a, out, length } => {
                let (file, out) = file.split_at_mut(*out as usize);
                (row.run)(&file[a.from as usize..], a.step as usize, &mut out[..*length as usize]);
            }
            Step::Map2 { row, a, b, out, length } => {
                let (file, out) = file.split_at_mut(*out as usize);
                let (x, y) = (&file[a.from as usize..], &file[b.from as usize..]);
                (row.run)(x, a.step as usize, y, b.step as usize, &mut out[..*length as usize]);
            }
            Step::Select { args, out } => {
                let (file, out) = file.split_at_mut(*out as usize);
                select(file, &self.threes[span(args)], out);
            }
            Step::Sum { from, pieces, length, out } => {
                file[*out as usize] = self.sum(file, *from, *pieces as usize, *length as usize);
            }
            Step::Product { matrix, by_rows, vector, inner, out, length } => {
                let (file, out) = file.split_at_mut(*out as usize);
                let (inner, out) = (*inner as usize, &mut out[..*length as usize]);
                let (matrix, vector) = (&file[*matrix as usize..][..inner * out.len()], &file[*vector as usize..][..inner]);
                if *by_rows { product_of_rows(matrix, vector, out) } else { product_of_columns(matrix, vector, out) }
            }
            Step::Dot { args, out } => {
                let terms = self.twos[span(args)].iter();
                file[*out as usize] = terms.fold(0.0, |sum, &[a, b]| sum + file[a as usize] * file[b as usize]);
            }
        }
    }

    fn sum(&self, file: &[f64], from: List, pieces: usize, length: usize) -> f64 {
        match from {
            List::Row(from) if length > 1 => {
                let runs = file[from as usize..][..pieces * length].chunks_exact(length);
                runs.fold(0.0, |sum, run| sum + blocked_sum(run))
            }
            List::Row(from) => file[from as usize..][..pieces * length].iter().fold(0.0, |sum, x| sum + x),
            List::Picked(from) => {
                let runs = self.ones[from as usize..][..pieces * length].chunks_exact(length.max(1));
                runs.fold(0.0, |sum, run| sum + picked_sum(file, run))
            }
        }
    }

    /// The register of the k-th element of a list.
    pub(super) fn place(&self, list: List, k: usize) -> usize {
        match list {
            List::Row(from) => from as usize + k,
            List::Picked(from) => self.ones[from as usize + k] as usize,
        }
    }

    /// Copies the registers of a list out.
    pub(super) fn read(&self, list: List, file: &[f64], to: &mut [f64]) {
        match (list, to) {
            (List::Row(from), [to]) => *to = file[from as usize],
            (List::Row(from), to) => to.copy_from_slice(&file[from as usize..][..to.len()]),
            (List::Picked(from), to) => {
                let list = &self.ones[from as usize..];
                to.iter_mut().zip(list).for_each(|(to, &at)| *to = file[at as usize]);
            }
        }
    }
}

fn span(range: &Range<u32>) -> Range<usize> {
    range.start as usize..range.end as usize
}
