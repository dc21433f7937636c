//! The instructions of a program, and running them.
//!
//! A register is written once, after all that it is computed from, and lies behind it: so a step reads the file
//! before its own registers and writes from there on.

use std::hash::{Hash, Hasher};

use crate::elemwise::{Kernel, Map1, Map2, One1, One2, Pick1, Pick2, Pick3, Row};
use crate::kernels::pick::select;
use crate::kernels::sums::{blocked_sum, picked_sum, product_of_columns, product_of_rows};

/// Instructions, in the order in which they run.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub(super) struct Code {
    pub(super) steps: Vec<Step>,
    pub(super) unary: Vec<Unary>,
    pub(super) binary: Vec<Binary>,
    pub(super) ternary: Vec<Ternary>,
    /// The bits of the first registers.
    pub(super) constants: Vec<u64>,
    pub(super) registers: u32,
    pub(super) ones: Vec<u32>,
    pub(super) twos: Vec<[u32; 2]>,
    pub(super) threes: Vec<[u32; 3]>,
}

/// The forms in which programs run a row of one input.
#[derive(Clone, Copy, Debug)]
pub(super) struct Unary {
    row: &'static Row,
    one: One1,
    pick: Pick1,
    map: Map1<f64, f64>,
}

/// The forms in which programs run a row of two inputs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Binary {
    row: &'static Row,
    one: One2,
    pick: Pick2,
    map: Map2<f64, f64>,
}

/// The form in which programs run a row of three inputs.
#[derive(Clone, Copy, Debug)]
pub(super) struct Ternary {
    row: &'static Row,
    pick: Pick3,
}

/// The row stands for its loops: function pointers have no identity.
macro_rules! identified_by_row {
    ($($kind:ty),+) => { $(
        impl PartialEq for $kind {
            fn eq(&self, other: &Self) -> bool {
                self.row == other.row
            }
        }

        impl Eq for $kind {}

        impl Hash for $kind {
            fn hash<H: Hasher>(&self, state: &mut H) {
                self.row.hash(state);
            }
        }
    )+ };
}

identified_by_row!(Unary, Binary, Ternary);

/// Registers in a row, or one register again and again.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Run {
    pub(super) from: u32,
    pub(super) repeats: bool,
}

/// A list of registers: in a row, or anywhere, as a part of `ones`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum List {
    Row(u32),
    Picked(u32),
}

/// One instruction; `out` is the first register that it writes, and `row` a place among the rows of its arity.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) enum Step {
    One1 {
        row: u8,
        a: u32,
        out: u32,
    },
    One2 {
        row: u8,
        a: u32,
        b: u32,
        out: u32,
    },
    Pick1 {
        row: u8,
        from: u32,
        length: u32,
        out: u32,
    },
    Pick2 {
        row: u8,
        from: u32,
        length: u32,
        out: u32,
    },
    Pick3 {
        row: u8,
        from: u32,
        length: u32,
        out: u32,
    },
    Map1 {
        row: u8,
        a: Run,
        out: u32,
        length: u32,
    },
    Map2 {
        row: u8,
        a: Run,
        b: Run,
        out: u32,
        length: u32,
    },
    Select {
        from: u32,
        length: u32,
        out: u32,
    },
    /// The sum of `pieces` runs of `length` registers each, every run being summed in blocks.
    Sum {
        from: List,
        pieces: u32,
        length: u32,
        out: u32,
    },
    /// A matrix in a row, by rows or by columns, times a vector in a row.
    Product {
        matrix: u32,
        by_rows: bool,
        vector: u32,
        inner: u32,
        out: u32,
        length: u32,
    },
    /// A sum of products of pairs.
    Dot {
        from: u32,
        length: u32,
        out: u32,
    },
}

impl Code {
    /// The place of a row of one input among those of the program; `None` for other rows.
    pub(super) fn unary(&mut self, row: &'static Row) -> Option<u8> {
        match row.kernel {
            Kernel::Unary { f64: map, one, pick, .. }
            | Kernel::Test { mask: map, one, pick, .. }
            | Kernel::Bits1 { mask: map, one, pick, .. } => place_of(&mut self.unary, Unary { row, one, pick, map }),
            _ => None,
        }
    }

    /// The place of a row of two inputs.
    pub(super) fn binary(&mut self, row: &'static Row) -> Option<u8> {
        match row.kernel {
            Kernel::Binary { f64: map, one, pick, .. }
            | Kernel::Compare { mask: map, one, pick, .. }
            | Kernel::Bits2 { mask: map, one, pick, .. } => place_of(&mut self.binary, Binary { row, one, pick, map }),
            _ => None,
        }
    }

    /// The place of a row of three inputs.
    pub(super) fn ternary(&mut self, row: &'static Row) -> Option<u8> {
        let Kernel::Ternary { pick, .. } = row.kernel else { return None };
        place_of(&mut self.ternary, Ternary { row, pick })
    }

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
        match *step {
            Step::One1 { row, a, out } => file[out as usize] = (self.unary[row as usize].one)(file[a as usize]),
            Step::One2 { row, a, b, out } => {
                file[out as usize] = (self.binary[row as usize].one)(file[a as usize], file[b as usize]);
            }
            Step::Pick1 { row, from, length, out } => {
                let (file, out) = file.split_at_mut(out as usize);
                (self.unary[row as usize].pick)(file, &self.ones[from as usize..][..length as usize], out);
            }
            Step::Pick2 { row, from, length, out } => {
                let (file, out) = file.split_at_mut(out as usize);
                (self.binary[row as usize].pick)(file, &self.twos[from as usize..][..length as usize], out);
            }
            Step::Pick3 { row, from, length, out } => {
                self.triples(file, self.ternary[row as usize].pick, from, length, out);
            }
            Step::Map1 { row, a, out, length } => {
                let (file, out) = file.split_at_mut(out as usize);
                let (x, step) = a.of(file);
                (self.unary[row as usize].map)(x, step, &mut out[..length as usize]);
            }
            Step::Map2 { row, a, b, out, length } => {
                let (file, out) = file.split_at_mut(out as usize);
                let ((x, step_x), (y, step_y)) = (a.of(file), b.of(file));
                (self.binary[row as usize].map)(x, step_x, y, step_y, &mut out[..length as usize]);
            }
            Step::Select { from, length, out } => self.triples(file, select, from, length, out),
            Step::Sum { from, pieces, length, out } => {
                file[out as usize] = self.sum(file, from, pieces as usize, length as usize);
            }
            Step::Product { matrix, by_rows, vector, inner, out, length } => {
                let (file, out) = file.split_at_mut(out as usize);
                let (out, inner) = (&mut out[..length as usize], inner as usize);
                product(file, [matrix as usize, vector as usize], inner, by_rows, out);
            }
            Step::Dot { from, length, out } => file[out as usize] = self.dot(file, from as usize, length as usize),
        }
    }

    /// What takes three operands for each element.
    #[inline]
    fn triples(&self, file: &mut [f64], pick: Pick3, from: u32, length: u32, out: u32) {
        let (file, out) = file.split_at_mut(out as usize);
        pick(file, &self.threes[from as usize..][..length as usize], out);
    }

    fn dot(&self, file: &[f64], from: usize, length: usize) -> f64 {
        let terms = self.twos[from..][..length].iter();
        terms.fold(0.0, |sum, &[a, b]| sum + file[a as usize] * file[b as usize])
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
    #[inline]
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

/// A matrix times a vector of `inner` elements; both begin at registers.
fn product(file: &[f64], [matrix, vector]: [usize; 2], inner: usize, by_rows: bool, out: &mut [f64]) {
    let (matrix, vector) = (&file[matrix..][..inner * out.len()], &file[vector..][..inner]);
    if by_rows { product_of_rows(matrix, vector, out) } else { product_of_columns(matrix, vector, out) }
}

impl Run {
    /// The registers from its first one on, and the step from one to the next.
    fn of(self, file: &[f64]) -> (&[f64], usize) {
        (&file[self.from as usize..], usize::from(!self.repeats))
    }
}

/// The place of a row among those of a program, to which it is added.
fn place_of<T: PartialEq>(rows: &mut Vec<T>, row: T) -> Option<u8> {
    let place = rows.iter().position(|other| *other == row).unwrap_or(rows.len());
    if place == rows.len() {
        rows.push(row);
    }
    u8::try_from(place).ok()
}
