//! The order of a program's blocks, their registers and their instructions.
//!
//! Whatever the longest chain of nodes waits for comes first, and every block of the same row that is ready is run
//! along with it: so a chain is followed to its end, and what depends on its links is left to be done in long runs.

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
    };
    for blocks in waves(program) {
        emitter.wave(&blocks);
    }
    (emitter.code, emitter.places)
}

/// The blocks in the order in which they run, those of one row together.
fn waves(program: &ProgramBuilder) -> Vec<Vec<u32>> {
    let Links { mut missing, users } = Links::of(program);
    let heights = heights(&users);
    let mut queue: BinaryHeap<(u32, std::cmp::Reverse<u32>)> = BinaryHeap::new();
    let mut ready: HashMap<usize, Vec<u32>> = HashMap::new();
    let mut done = vec![false; program.blocks.len()];
    let mut fresh: Vec<u32> = (0..missing.len() as u32).filter(|&block| missing[block as usize] == 0).collect();
    let mut waves = Vec::new();
    loop {
        for &block in &fresh {
            queue.push((heights[block as usize], std::cmp::Reverse(block)));
            ready.entry(family(program, block)).or_default().push(block);
        }
        let Some((_, std::cmp::Reverse(next))) = queue.pop() else { return waves };
        if done[next as usize] {
            fresh.clear();
            continue;
        }
        let wave = ready.remove(&family(program, next)).unwrap_or_default();
        wave.iter().for_each(|&block| done[block as usize] = true);
        fresh = wave.iter().flat_map(|&block| users[block as usize].iter().copied()).collect();
        fresh.retain(|&user| {
            missing[user as usize] -= 1;
            missing[user as usize] == 0
        });
        waves.push(wave);
    }
}

/// Blocks of one family may share instructions.
fn family(program: &ProgramBuilder, block: u32) -> usize {
    match program.blocks[block as usize].kind {
        Kind::Row(row) => std::ptr::from_ref(row) as usize,
        Kind::Select => 0,
        Kind::Sum(_) => 1,
        Kind::Product(_) => 2,
    }
}

/// For each block, how many others it waits for, and which wait for it.
struct Links {
    missing: Vec<u32>,
    users: Vec<Vec<u32>>,
}

impl Links {
    fn of(program: &ProgramBuilder) -> Self {
        let count = program.blocks.len();
        let mut links = Self { missing: vec![0; count], users: vec![Vec::new(); count] };
        for (at, block) in program.blocks.iter().enumerate() {
            for &register in &program.args[block.args.clone()] {
                let Home::Block(owner) = program.homes[register as usize] else { continue };
                let users = &mut links.users[owner as usize];
                if users.last() != Some(&(at as u32)) {
                    users.push(at as u32);
                    links.missing[at] += 1;
                }
            }
        }
        links
    }
}

/// For each block, the number of blocks on the longest way from it to an end.
fn heights(users: &[Vec<u32>]) -> Vec<u32> {
    let mut heights = vec![0; users.len()];
    for at in (0..users.len()).rev() {
        heights[at] = users[at].iter().map(|&user| heights[user as usize] + 1).max().unwrap_or(0);
    }
    heights
}

struct Emitter<'a> {
    program: &'a ProgramBuilder,
    code: Code,
    places: Vec<u32>,
    /// Where the inputs begin: behind the constants.
    given: u32,
}

impl Emitter<'_> {
    /// Gives the blocks of a wave registers and instructions.
    fn wave(&mut self, blocks: &[u32]) {
        let start = self.code.registers;
        for &block in blocks {
            self.places[block as usize] = self.code.registers;
            self.code.registers += self.program.blocks[block as usize].length;
        }
        let of = |&block: &u32| &self.program.blocks[block as usize];
        let args: Vec<Vec<u32>> = blocks.iter().map(|block| self.operands(of(block))).collect();
        match blocks.first().map(|block| of(block).kind) {
            Some(Kind::Row(row)) => self.rows(row, &args.concat(), start),
            Some(Kind::Select) => {
                let from = self.code.threes.len() as u32;
                self.code.threes.extend(args.concat().as_chunks().0);
                self.code.steps.push(Step::Select { args: from..self.code.threes.len() as u32, out: start });
            }
            Some(Kind::Sum(_) | Kind::Product(_)) => {
                blocks.iter().zip(args).for_each(|(&block, args)| self.total(block, &args));
            }
            None => {}
        }
    }

    /// The registers of a block's operands.
    fn operands(&self, block: &Block) -> Vec<u32> {
        let place = |&register: &u32| match self.program.homes[register as usize] {
            Home::Constant(at) => at,
            Home::Input(at) => self.given + at,
            Home::Block(owner) => self.places[owner as usize] + register - self.program.blocks[owner as usize].out,
        };
        self.program.args[block.args.clone()].iter().map(place).collect()
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
