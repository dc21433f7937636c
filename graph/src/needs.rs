//! What is needed only where conditions hold.
//!
//! An op with [`Branches`](crate::Branches) needs one branch of its inputs. What nothing else needs is needed where
//! that branch is taken: such a need is a list of conditions, from the outermost in, and the needs of a graph are a
//! tree. What is needed in two ways is needed where both lists begin alike.

use std::collections::HashMap;
use std::hash::Hash;

use crate::op::Op;

/// When something is needed; the root is "always". Two nodes of one graph with equal needs run under the same conditions.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Need(u32);

impl Need {
    /// In every call.
    pub const ALWAYS: Self = Self(0);
}

/// The needs of a graph whose conditions are of type `C`.
#[derive(Clone, Debug)]
pub(crate) struct Needs<C> {
    /// The levels but the root: what a need is within, the condition, and whether it must hold.
    levels: Vec<(Need, C, bool)>,
    depths: Vec<u32>,
    known: HashMap<(Need, C, bool), Need>,
}

impl<C> Default for Needs<C> {
    fn default() -> Self {
        Self { levels: Vec::new(), depths: vec![0], known: HashMap::new() }
    }
}

impl<C: Clone + Eq + Hash> Needs<C> {
    /// The need for an input of a node: where the node itself is needed, and its branch is taken.
    pub(crate) fn of_input(&mut self, op: &dyn Op, inputs: &[C], input: usize, node: Need) -> Need {
        match branch_of(op, input) {
            Some(holds) => self.within(node, inputs[0].clone(), holds),
            None => node,
        }
    }

    /// What [`of_input`](Self::of_input) answered before.
    pub(crate) fn found(&self, op: &dyn Op, inputs: &[C], input: usize, node: Need) -> Need {
        let key = branch_of(op, input).map(|holds| (node, inputs[0].clone(), holds));
        key.and_then(|key| self.known.get(&key).copied()).unwrap_or(node)
    }

    fn within(&mut self, need: Need, condition: C, holds: bool) -> Need {
        let next = Need(self.depths.len() as u32);
        let found = *self.known.entry((need, condition.clone(), holds)).or_insert(next);
        if found == next {
            self.levels.push((need, condition, holds));
            self.depths.push(self.depths[need.0 as usize] + 1);
        }
        found
    }

    /// The need for what is needed in two ways.
    pub(crate) fn meet(&self, mut a: Need, mut b: Need) -> Need {
        while a != b {
            if self.depths[a.0 as usize] >= self.depths[b.0 as usize] {
                a = self.level(a).0;
            } else {
                b = self.level(b).0;
            }
        }
        a
    }

    fn level(&self, need: Need) -> &(Need, C, bool) {
        &self.levels[need.0 as usize - 1]
    }

    /// The conditions under which there is one need and not the other, from the innermost out.
    pub(crate) fn between(&self, inner: Need, outer: Need) -> impl Iterator<Item = (&C, bool)> {
        let mut need = inner;
        std::iter::from_fn(move || {
            if need == outer || need == Need::ALWAYS {
                return None;
            }
            let (parent, condition, holds) = self.level(need);
            need = *parent;
            Some((condition, *holds))
        })
    }
}

/// Whether the condition of an op must hold, or fail, for an input to be needed; `None` for one that always is.
fn branch_of(op: &dyn Op, input: usize) -> Option<bool> {
    let width = op.branches()?.width;
    let place = input.checked_sub(1).filter(|place| *place < 2 * width)?;
    Some(place < width)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn needs_meet_where_their_conditions_part() {
        let mut needs = Needs::default();
        let a = needs.within(Need::ALWAYS, 'a', true);
        let (ab, ac) = (needs.within(a, 'b', true), needs.within(a, 'c', false));
        assert_eq!(needs.within(a, 'b', true), ab);
        assert_eq!((needs.meet(ab, ac), needs.meet(ab, a), needs.meet(ab, ab)), (a, a, ab));
        let other = needs.within(Need::ALWAYS, 'a', false);
        assert_eq!(needs.meet(other, ac), Need::ALWAYS);
        assert_eq!(needs.between(ac, Need::ALWAYS).collect::<Vec<_>>(), [(&'c', false), (&'a', true)]);
        assert_eq!(needs.between(ac, a).collect::<Vec<_>>(), [(&'c', false)]);
    }
}
