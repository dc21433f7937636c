//! Putting tensors together along an axis, and taking them apart.

mod concatenate;
mod pad;
mod split;
mod stack;

use kronograph_graph::Entry;

pub use concatenate::{Join, concatenate};
pub use pad::{diff, pad};
pub use split::{Split, split};
pub use stack::{make_vector, stack};

/// The entries of this folder.
pub(crate) fn entries() -> Vec<Entry> {
    [concatenate::entries(), stack::entries(), split::entries(), pad::entries()].concat()
}
