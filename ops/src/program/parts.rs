//! The nodes that a program was made of, for errors.

use std::hash::{Hash, Hasher};
use std::ops::Range;

use kronograph_graph::{OpRef, Origin, Part};

/// The nodes, each after those that it depends on, and the registers of each.
#[derive(Clone, Debug, Default)]
pub(super) struct Parts {
    /// Op and line of a node, and the number of blocks up to it: those since the node before are its own.
    nodes: Vec<(OpRef, Origin, usize)>,
    /// The first register of each block, and how many there are.
    blocks: Vec<(u32, u32)>,
}

impl Parts {
    /// Adds a node that was the last to add blocks.
    pub(super) fn add(&mut self, op: &OpRef, origin: Origin, blocks: usize) {
        self.nodes.push((op.clone(), origin, blocks));
    }

    /// The same nodes, now that the blocks have their registers.
    pub(super) fn placed(self, blocks: impl Iterator<Item = (u32, u32)>) -> Self {
        Self { blocks: blocks.collect(), ..self }
    }

    /// The first node of which some registers are as asked for.
    pub(super) fn first(&self, is: impl Fn(Range<usize>) -> bool) -> Option<Part> {
        let mut from = 0;
        for (op, origin, to) in &self.nodes {
            let mut own = self.blocks.get(from..*to)?.iter();
            if own.any(|&(first, length)| is(first as usize..(first + length) as usize)) {
                return Some(Part { op: format!("{}{}", op.name(), op.props()), origin: origin.clone() });
            }
            from = *to;
        }
        None
    }
}

/// Where the nodes were written does not change what is computed.
impl PartialEq for Parts {
    fn eq(&self, _other: &Self) -> bool {
        true
    }
}

impl Eq for Parts {}

impl Hash for Parts {
    fn hash<H: Hasher>(&self, _state: &mut H) {}
}
