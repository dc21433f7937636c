//! Common-subexpression elimination: equal constants become one, then equal nodes.
//!
//! Constants are equal when their types are and their bits are; nodes when their ops are and their inputs are the
//! same values. Nothing is compared by name or approximately.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};

use smallvec::SmallVec;

use super::{FunctionGraph, NodeId, Producer, ValueId};
use crate::error::Result;
use crate::walk::AddressMap;

impl FunctionGraph {
    /// Merges equal constants and equal nodes; returns how many values went away.
    ///
    /// # Errors
    ///
    /// None that the graph's own invariants allow.
    pub fn merge(&mut self) -> Result<usize> {
        Ok(self.merge_constants()? + self.merge_nodes()?)
    }

    fn merge_constants(&mut self) -> Result<usize> {
        let mut known: AddressMap<u64, SmallVec<[ValueId; 1]>> = AddressMap::default();
        let mut merged = 0;
        for index in 0..self.values.len() {
            let id = ValueId(index as u32);
            let value = self.value(id);
            let Producer::Constant(bits) = &value.producer else { continue };
            if value.clients.is_empty() {
                continue;
            }
            let mut hasher = DefaultHasher::new();
            value.ty.digest_type(&mut hasher);
            bits.digest(&mut hasher);
            let candidates = known.entry(hasher.finish()).or_default();
            let same = candidates.iter().copied().find(|&other| self.same_constant(id, other));
            match same {
                Some(kept) => {
                    self.replace(id, kept, "merge")?;
                    merged += 1;
                }
                None => candidates.push(id),
            }
        }
        Ok(merged)
    }

    fn same_constant(&self, a: ValueId, b: ValueId) -> bool {
        match (self.producer(a), self.producer(b)) {
            (Producer::Constant(x), Producer::Constant(y)) => self.ty(a).same_type(&**self.ty(b)) && x.same_bits(&**y),
            _ => false,
        }
    }

    fn merge_nodes(&mut self) -> Result<usize> {
        let mut known: AddressMap<u64, SmallVec<[NodeId; 1]>> = AddressMap::default();
        let mut merged = 0;
        for id in self.toposort() {
            let Some(node) = self.node(id) else { continue };
            let mut hasher = DefaultHasher::new();
            node.op.digest_op(&mut hasher);
            node.inputs.hash(&mut hasher);
            let candidates = known.entry(hasher.finish()).or_default();
            match candidates.iter().copied().find(|&other| self.same_node(id, other)) {
                Some(kept) => {
                    let pairs: Vec<_> =
                        self.node_outputs(id).iter().copied().zip(self.node_outputs(kept).to_vec()).collect();
                    for (old, new) in pairs {
                        self.replace(old, new, "merge")?;
                        merged += 1;
                    }
                }
                None => candidates.push(id),
            }
        }
        Ok(merged)
    }

    fn same_node(&self, a: NodeId, b: NodeId) -> bool {
        let (Some(x), Some(y)) = (self.node(a), self.node(b)) else { return false };
        let fits = |(&old, &new): (&ValueId, &ValueId)| self.ty(old).is_super(&**self.ty(new));
        x.op.same_op(&*y.op) && x.inputs == y.inputs && x.outputs.iter().zip(&y.outputs).all(fits)
    }
}
