//! The order of a program's blocks, their registers and their instructions.
//!
//! Whatever the longest chain of nodes waits for comes first, and every block of the same row that is ready is run
//! along with it: so a chain is followed to its end, and what depends on its links is left to be done in long runs.

use std::cmp::Reverse;
use std::collections::{BinaryHeap, HashMap};

use super::builder::{Block, Home, Kind, ProgramBuilder, list_of};
use super::code::{Code, Loop, Run, Step};
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

/// The blocks in the order in which they run, those of one family together.
fn waves(program: &ProgramBuilder) -> Vec<Vec<u32>> {
    let mut links = Links::of(program);
    let heights = links.heights();
    let (families, count) = families(program);
    let mut queue: BinaryHeap<(u32, Reverse<u32>)> = BinaryHeap::new();
    let mut ready: Vec<Vec<u32>> = vec![Vec::new(); count];
    let mut done = vec![false; families.len()];
    let mut fresh: Vec<u32> = (0..families.len() as u32).filter(|&block| links.missing[block as usize] == 0).collect();
    let mut waves = Vec::new();
    loop {
        for block in fresh.drain(..) {
            queue.push((heights[block as usize], Reverse(block)));
            ready[families[block as usize] as usize].push(block);
        }
        let Some((_, Reverse(next))) = queue.pop() else { return waves };
        if done[next as usize] {
            continue;
        }
        let wave = std::mem::take(&mut ready[families[next as usize] as usize]);
        for &block in &wave {
            done[block as usize] = true;
            links.release(block, &mut fresh);
        }
        waves.push(wave);
    }
}

/// The family of each block, and how many there are: blocks of one family may share instructions.
fn families(program: &ProgramBuilder) -> (Vec<u32>, usize) {
    let mut known: HashMap<usize, u32> = HashMap::new();
    let mut number = |block: &Block| {
        let key = match block.kind {
            Kind::Row(row) => std::ptr::from_ref(row) as usize,
            Kind::Select => 0,
            Kind::Sum(_) => 1,
            Kind::Product(_) => 2,
        };
        let next = known.len() as u32;
        *known.entry(key).or_insert(next)
    };
    let families = program.blocks.iter().map(&mut number).collect();
    (families, known.len())
}

/// For each block, how many operands it waits for, and which blocks wait for it, one list after another.
struct Links {
    missing: Vec<u32>,
    starts: Vec<u32>,
    users: Vec<u32>,
}

impl Links {
    fn of(program: &ProgramBuilder) -> Self {
        let owner = |register: &u32| match program.homes[*register as usize] {
            Home::Block(owner) => Some(owner as usize),
            Home::Constant(_) | Home::Input(_) => None,
        };
        let owners = |block: &Block| program.args[block.args.clone()].iter().filter_map(owner);
        let missing: Vec<u32> = program.blocks.iter().map(|block| owners(block).count() as u32).collect();
        let mut starts = vec![0u32; program.blocks.len() + 1];
        program.blocks.iter().flat_map(owners).for_each(|owner| starts[owner + 1] += 1);
        (1..starts.len()).for_each(|at| starts[at] += starts[at - 1]);
        let mut next = starts.clone();
        let mut users = vec![0; missing.iter().sum::<u32>() as usize];
        for (user, block) in program.blocks.iter().enumerate() {
            for owner in owners(block) {
                users[next[owner] as usize] = user as u32;
                next[owner] += 1;
            }
        }
        Self { missing, starts, users }
    }

    fn users(&self, block: usize) -> std::ops::Range<usize> {
        self.starts[block] as usize..self.starts[block + 1] as usize
    }

    /// A block is done: those that waited for nothing else are added to `fresh`.
    fn release(&mut self, block: u32, fresh: &mut Vec<u32>) {
        for at in self.users(block as usize) {
            let user = self.users[at];
            self.missing[user as usize] -= 1;
            if self.missing[user as usize] == 0 {
                fresh.push(user);
            }
        }
    }

    /// For each block, the number of blocks on the longest way from it to an end.
    fn heights(&self) -> Vec<u32> {
        let mut heights = vec![0; self.missing.len()];
        for at in (0..heights.len()).rev() {
            let users = self.users[self.users(at)].iter();
            heights[at] = users.map(|&user| heights[user as usize] + 1).max().unwrap_or(0);
        }
        heights
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
                let from = self.code.threes.len() as u32;
                self.code.threes.extend(args.as_chunks().0);
                self.code.steps.push(Step::Select { args: from..self.code.threes.len() as u32, out: start });
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
        if let Some((map, pick)) = Loop::one(row) {
            let (args, code) = (args.as_chunks::<1>().0, &mut self.code);
            for_each_stretch(args, |at, length, runs| match runs {
                Some([a]) => code.steps.push(Step::Map1 { row: map, a, out: out + at as u32, length: length as u32 }),
                None => {
                    let from = code.ones.len() as u32;
                    code.ones.extend(args[at..at + length].iter().flatten());
                    let args = from..code.ones.len() as u32;
                    code.steps.push(Step::Pick1 { row: pick, args, out: out + at as u32 });
                }
            });
        }
        if let Some((map, pick)) = Loop::two(row) {
            let (args, code) = (args.as_chunks::<2>().0, &mut self.code);
            for_each_stretch(args, |at, length, runs| match runs {
                Some([a, b]) => {
                    code.steps.push(Step::Map2 { row: map, a, b, out: out + at as u32, length: length as u32 });
                }
                None => {
                    let from = code.twos.len() as u32;
                    code.twos.extend(&args[at..at + length]);
                    let args = from..code.twos.len() as u32;
                    code.steps.push(Step::Pick2 { row: pick, args, out: out + at as u32 });
                }
            });
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
            self.code.steps.push(Step::Dot { args: from..self.code.twos.len() as u32, out });
        }
    }
}

/// Cuts lists of operands into stretches: those that are runs in every operand, long enough for a loop of their own,
/// and what lies between.
fn for_each_stretch<const K: usize>(args: &[[u32; K]], mut stretch: impl FnMut(usize, usize, Option<[Run; K]>)) {
    let (mut loose, mut at) = (0, 0);
    while at < args.len() {
        let (runs, length) = run_at(args, at);
        if length >= SHORTEST_RUN {
            if loose < at {
                stretch(loose, at - loose, None);
            }
            stretch(at, length, Some(runs));
            loose = at + length;
        }
        at += length;
    }
    if loose < args.len() {
        stretch(loose, args.len() - loose, None);
    }
}

/// The longest run that begins at an element.
fn run_at<const K: usize>(args: &[[u32; K]], at: usize) -> ([Run; K], usize) {
    let next = args.get(at + 1).unwrap_or(&args[at]);
    let runs = std::array::from_fn(|k| Run { from: args[at][k], step: u32::from(next[k] != args[at][k]) });
    let fits = |(i, args): &(usize, &[u32; K])| (0..K).all(|k| args[k] == runs[k].from + runs[k].step * *i as u32);
    let length = args[at..].iter().enumerate().take_while(fits).count();
    (runs, length)
}
