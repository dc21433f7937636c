//! The order of a program's blocks, their registers and their instructions.
//!
//! The level of a block is the length of the longest way to it. Blocks of one level wait for nothing of each other, so
//! those of one row run together; and since levels go on side by side, what hangs on the links of a long chain runs
//! in the shadow of the chain.

use super::builder::{Block, Home, Kind, ProgramBuilder, list_of};
use super::code::{Code, Run, Step};
use crate::elemwise::Row;

/// Elements in a row of at least this number are a loop of their own; fewer are picked one by one.
const SHORTEST_RUN: usize = 8;

/// The instructions, and the first register of each block; the constants and inputs lie before `first`.
pub(super) fn schedule(program: &ProgramBuilder, first: u32) -> (Code, Vec<u32>) {
    let mut emitter = Emitter {
        program,
        code: Code { registers: first, ..Code::default() },
        places: vec![0; program.blocks.len()],
        given: first - program.homes.iter().filter(|home| matches!(home, Home::Input(_))).count() as u32,
        args: Vec::new(),
    };
    for blocks in waves(program) {
        emitter.wave(&blocks);
    }
    (emitter.code, emitter.places)
}

/// The blocks in the order in which they run, those of one level and family together.
fn waves(program: &ProgramBuilder) -> Vec<Vec<u32>> {
    let mut levels = vec![0u32; program.blocks.len()];
    for (at, block) in program.blocks.iter().enumerate() {
        let level = |register: &u32| match program.homes[*register as usize] {
            Home::Block(owner) => levels[owner as usize] + 1,
            Home::Constant(_) | Home::Input(_) => 0,
        };
        levels[at] = program.args[block.args.clone()].iter().map(level).max().unwrap_or(0);
    }
    let key = |at: u32| (levels[at as usize], family(&program.blocks[at as usize]));
    let mut order: Vec<u32> = (0..levels.len() as u32).collect();
    order.sort_by_key(|&at| key(at));
    order.chunk_by(|&a, &b| key(a) == key(b)).map(<[u32]>::to_vec).collect()
}

/// Blocks of one family may share instructions.
fn family(block: &Block) -> &'static str {
    match block.kind {
        Kind::Row(row) => row.name,
        Kind::Select => "switch",
        Kind::Sum(_) => "sum",
        Kind::Product(_) => "matmul",
    }
}

struct Emitter<'a> {
    program: &'a ProgramBuilder,
    code: Code,
    places: Vec<u32>,
    /// Where the inputs begin: behind the constants.
    given: u32,
    /// For reuse.
    args: Vec<u32>,
}

impl Emitter<'_> {
    /// Gives the blocks of a wave registers and instructions.
    fn wave(&mut self, blocks: &[u32]) {
        let start = self.code.registers;
        for &block in blocks {
            self.places[block as usize] = self.code.registers;
            self.code.registers += self.program.blocks[block as usize].length;
        }
        let kind = blocks.first().map(|&block| self.program.blocks[block as usize].kind);
        if let Some(Kind::Sum(_) | Kind::Product(_)) = kind {
            for &block in blocks {
                let mut args = Vec::new();
                self.operands(block, &mut args);
                self.total(block, &args);
            }
            return;
        }
        let mut args = std::mem::take(&mut self.args);
        args.clear();
        blocks.iter().for_each(|&block| self.operands(block, &mut args));
        match kind {
            Some(Kind::Row(row)) => self.rows(row, &args, start),
            Some(Kind::Select) => {
                let (from, args) = (self.code.threes.len() as u32, args.as_chunks().0);
                self.code.threes.extend(args);
                self.code.steps.push(Step::Select { from, length: args.len() as u32, out: start });
            }
            Some(Kind::Sum(_) | Kind::Product(_)) | None => {}
        }
        self.args = args;
    }

    /// The registers of a block's operands.
    fn operands(&self, block: u32, args: &mut Vec<u32>) {
        let place = |&register: &u32| match self.program.homes[register as usize] {
            Home::Constant(at) => at,
            Home::Input(at) => self.given + at,
            Home::Block(owner) => self.places[owner as usize] + register - self.program.blocks[owner as usize].out,
        };
        args.extend(self.program.args[self.program.blocks[block as usize].args.clone()].iter().map(place));
    }

    fn rows(&mut self, row: &'static Row, args: &[u32], out: u32) {
        let code = &mut self.code;
        if let Some(row) = code.unary(row) {
            let args = args.as_chunks::<1>().0;
            for_each_stretch(args, |at, stretch| {
                let (from, out) = (code.ones.len() as u32, out + at as u32);
                code.steps.push(match stretch {
                    Stretch::Run([a], length) => Step::Map1 { row, a, out, length },
                    Stretch::Loose([[a]]) => Step::One1 { row, a: *a, out },
                    Stretch::Loose(args) => {
                        code.ones.extend(args.as_flattened());
                        Step::Pick1 { row, from, length: args.len() as u32, out }
                    }
                });
            });
        }
        if let Some(row) = code.binary(row) {
            let args = args.as_chunks::<2>().0;
            for_each_stretch(args, |at, stretch| {
                let (from, out) = (code.twos.len() as u32, out + at as u32);
                code.steps.push(match stretch {
                    Stretch::Run([a, b], length) => Step::Map2 { row, a, b, out, length },
                    Stretch::Loose([[a, b]]) => Step::One2 { row, a: *a, b: *b, out },
                    Stretch::Loose(args) => {
                        code.twos.extend(args);
                        Step::Pick2 { row, from, length: args.len() as u32, out }
                    }
                });
            });
        }
        if let Some(row) = code.ternary(row) {
            let (from, args) = (code.threes.len() as u32, args.as_chunks().0);
            code.threes.extend(args);
            code.steps.push(Step::Pick3 { row, from, length: args.len() as u32, out });
        }
    }

    /// A sum or a product.
    fn total(&mut self, block: u32, args: &[u32]) {
        let (Block { kind, length, .. }, out) = (&self.program.blocks[block as usize], self.places[block as usize]);
        match *kind {
            Kind::Sum(piece) => {
                let piece = piece.max(1);
                let from = list_of(&mut self.code, args);
                self.code.steps.push(Step::Sum { from, pieces: args.len() as u32 / piece, length: piece, out });
            }
            Kind::Product(inner) => self.product(args, inner, out, *length),
            Kind::Row(_) | Kind::Select => {}
        }
    }

    fn product(&mut self, args: &[u32], inner: u32, out: u32, length: u32) {
        let (matrix, vector) = args.split_at((inner * length) as usize);
        let in_row = |list: &mut dyn Iterator<Item = u32>| list.zip(matrix[0]..).all(|(at, row)| at == row);
        let (n, m) = (inner as usize, length as usize);
        let by_rows = in_row(&mut matrix.iter().copied());
        let by_columns = in_row(&mut (0..n * m).map(|at| matrix[(at % m) * n + at / m]));
        if (by_rows || by_columns) && vector.iter().zip(vector[0]..).all(|(&at, row)| at == row) {
            let (matrix, vector) = (matrix[0], vector[0]);
            self.code.steps.push(Step::Product { matrix, by_rows, vector, inner, out, length });
            return;
        }
        for (row, out) in matrix.chunks_exact(n).zip(out..) {
            let from = self.code.twos.len() as u32;
            self.code.twos.extend(row.iter().zip(vector).map(|(&a, &b)| [a, b]));
            self.code.steps.push(Step::Dot { from, length: inner, out });
        }
    }
}

/// Elements of one row one after another: a loop of their own, or picked.
enum Stretch<'a, const K: usize> {
    Run([Run; K], u32),
    Loose(&'a [[u32; K]]),
}

/// Cuts lists of operands into stretches: those that are runs in every operand, long enough for a loop of their own,
/// and what lies between.
fn for_each_stretch<const K: usize>(args: &[[u32; K]], mut stretch: impl FnMut(usize, Stretch<'_, K>)) {
    let (mut loose, mut at) = (0, 0);
    while at < args.len() {
        let (runs, length) = run_at(args, at);
        if length >= SHORTEST_RUN {
            if loose < at {
                stretch(loose, Stretch::Loose(&args[loose..at]));
            }
            stretch(at, Stretch::Run(runs, length as u32));
            loose = at + length;
        }
        at += length;
    }
    if loose < args.len() {
        stretch(loose, Stretch::Loose(&args[loose..]));
    }
}

/// The longest run that begins at an element.
fn run_at<const K: usize>(args: &[[u32; K]], at: usize) -> ([Run; K], usize) {
    let next = args.get(at + 1).unwrap_or(&args[at]);
    let runs: [Run; K] = std::array::from_fn(|k| Run { from: args[at][k], repeats: next[k] == args[at][k] });
    let fits = |(i, args): &(usize, &[u32; K])| {
        (0..K).all(|k| args[k] == runs[k].from + if runs[k].repeats { 0 } else { *i as u32 })
    };
    let length = args[at..].iter().enumerate().take_while(fits).count();
    (runs, length)
}
