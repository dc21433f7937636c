//! Orders over expressions, without recursion.

use std::collections::HashSet;
use std::hash::{BuildHasherDefault, Hasher};

use crate::variable::{Apply, Variable};

/// A hasher for addresses and small numbers: one multiplication, which is all that they need.
///
/// The product's high bits are the mixed ones, and maps look at the low bits first; hence the rotation.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct AddressHasher(u64);

pub(crate) type AddressMap<K, V> = std::collections::HashMap<K, V, BuildHasherDefault<AddressHasher>>;

impl Hasher for AddressHasher {
    fn finish(&self) -> u64 {
        self.0.rotate_left(26)
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.write_u64(byte.into());
        }
    }

    fn write_u64(&mut self, word: u64) {
        self.0 = self.0.wrapping_add(word).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    }

    fn write_u32(&mut self, word: u32) {
        self.write_u64(word.into());
    }

    fn write_usize(&mut self, word: usize) {
        self.write_u64(word as u64);
    }
}

/// The nodes that the variables depend on, each after the nodes it depends on; the order is that of a depth-first
/// walk from the first variable, so it depends on the expression alone.
pub fn toposort(variables: &[Variable]) -> Vec<Apply> {
    toposort_until(variables, |_| false)
}

/// [`toposort`], not walking past the variables for which `stop` holds.
pub(crate) fn toposort_until(variables: &[Variable], stop: impl Fn(&Variable) -> bool) -> Vec<Apply> {
    let mut order = Vec::new();
    let mut seen: HashSet<usize, BuildHasherDefault<AddressHasher>> = HashSet::default();
    let mut stack: Vec<(Apply, usize)> = Vec::new();
    for variable in variables {
        let Some((root, _)) = variable.owner().filter(|_| !stop(variable)) else { continue };
        if seen.insert(root.key()) {
            stack.push((root.clone(), 0));
        }
        while let Some((node, next)) = stack.last_mut() {
            let Some(input) = node.inputs().get(*next) else {
                order.extend(stack.pop().map(|(node, _)| node));
                continue;
            };
            *next += 1;
            if let Some((owner, _)) = input.owner()
                && !stop(input)
                && seen.insert(owner.key())
            {
                let owner = owner.clone();
                stack.push((owner, 0));
            }
        }
    }
    order
}

/// The leaves (inputs and constants) that the variables depend on, in the order of the walk.
pub fn ancestors(variables: &[Variable]) -> Vec<Variable> {
    let mut seen: HashSet<_, BuildHasherDefault<AddressHasher>> = HashSet::default();
    let mut leaves = Vec::new();
    let nodes = toposort(variables);
    let used = nodes.iter().flat_map(|node| node.inputs()).chain(variables);
    for variable in used.filter(|variable| variable.owner().is_none()) {
        if seen.insert(variable.key()) {
            leaves.push(variable.clone());
        }
    }
    leaves
}
