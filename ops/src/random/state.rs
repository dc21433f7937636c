//! The state of the random numbers: a value, its type, and variables of that type.

use std::any::Any;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use kronograph_graph::{Result, Shared, Type, TypeRef, Value, Variable};

use super::words::Words;

/// The stream that no draw uses, for the keys of split states.
const SPLIT: u64 = u64::MAX;

/// A state of Philox4x64-10: a key, and how many calls there were. The numbers of a call are a function of these two.
///
/// The words of an element are those of the counter `[attempt, element, call, stream]`: attempts are those of a rejection,
/// streams are several numbers of one element. Standard uniform, normal and exponential numbers take one word each, so
/// four elements share the counter `[0, element / 4, call, 0]`.
///
/// ```
/// use kronograph_ops::random::RngState;
/// let state = RngState::new(42);
/// assert_eq!(state.to_string(), "key 42:0, call 0");
/// assert_eq!(state.next().to_string(), "key 42:0, call 1");
/// assert_eq!(RngState::from_parts(state.key(), state.call()), state);
/// ```
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct RngState {
    key: [u64; 2],
    call: u64,
}

impl RngState {
    /// The first state of a seed: the key is the seed, as `numpy.random.Philox(key=seed)` has it.
    pub fn new(seed: u64) -> Self {
        Self::from_parts([seed, 0], 0)
    }

    /// The state with a key and a number of calls, as [`key`](Self::key) and [`call`](Self::call) say them.
    pub fn from_parts(key: [u64; 2], call: u64) -> Self {
        Self { key, call }
    }

    /// The key.
    pub fn key(&self) -> [u64; 2] {
        self.key
    }

    /// How many calls there were.
    pub fn call(&self) -> u64 {
        self.call
    }

    /// The state after a call.
    pub fn next(&self) -> Self {
        Self { call: self.call.wrapping_add(1), ..*self }
    }

    /// States of so many independent streams: for threads, for chains.
    ///
    /// Their keys are random words of this state which no draw uses, so that two streams are the same only if two keys
    /// of 128 bits happen to be. Go on with [`next`](Self::next) where more is split off or drawn.
    ///
    /// ```
    /// use kronograph_ops::random::RngState;
    /// let chains = RngState::new(42).split(4);
    /// assert_ne!(chains[0].key(), chains[1].key());
    /// assert_eq!(chains[..2], RngState::new(42).split(2));
    /// ```
    pub fn split(&self, streams: usize) -> Vec<Self> {
        (0..streams).map(|stream| self.stream(stream as u64)).collect()
    }

    /// One of the states of [`split`](Self::split).
    pub(super) fn stream(&self, stream: u64) -> Self {
        let [a, b, _, _] = self.words().of_stream(SPLIT).block(stream, 0);
        Self::from_parts([a, b], 0)
    }

    pub(super) fn words(&self) -> Words {
        Words { key: self.key, call: self.call, stream: 0 }
    }
}

impl fmt::Display for RngState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "key {}:{}, call {}", self.key[0], self.key[1], self.call)
    }
}

impl Value for RngState {
    fn boxed_clone(&self) -> Box<dyn Value> {
        Box::new(*self)
    }

    fn describe(&self) -> String {
        format!("random state ({self})")
    }

    fn bytes(&self) -> usize {
        size_of::<Self>()
    }

    fn assign(&mut self, other: &dyn Value) -> bool {
        let other = (other as &dyn Any).downcast_ref::<Self>();
        other.map(|other| *self = *other).is_some()
    }

    fn same_bits(&self, other: &dyn Value) -> bool {
        (other as &dyn Any).downcast_ref() == Some(self)
    }

    fn digest(&self, mut hasher: &mut dyn Hasher) {
        self.hash(&mut hasher);
    }

    fn brief(&self) -> Option<String> {
        Some(format!("rng({self})"))
    }
}

/// The type of random states. They have no derivatives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct RngType;

impl RngType {
    /// The type behind a shared pointer, as variables want it.
    pub fn shared() -> TypeRef {
        Arc::new(Self)
    }
}

impl fmt::Display for RngType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("random state")
    }
}

impl Type for RngType {
    fn filter(&self, value: &dyn Value) -> Result<Option<Box<dyn Value>>, String> {
        let known = (value as &dyn Any).is::<RngState>();
        if known { Ok(None) } else { Err("it is not a random state".to_owned()) }
    }
}

/// A free random state, to be an argument of a function.
#[track_caller]
pub fn rng_state(name: &str) -> Variable {
    Variable::input(name, RngType::shared())
}

/// A constant random state: the numbers drawn from it are the same in each call of a function.
#[track_caller]
pub fn rng_constant(state: RngState) -> Variable {
    Variable::constant_of(RngType::shared(), Arc::new(state))
}

/// A shared random state; a function that updates it to the next one draws anew at each call.
///
/// ```
/// use kronograph_graph::{Definition, Function};
/// use kronograph_ops::random::{RngState, normal, rng_shared};
///
/// let rng = rng_shared("rng", RngState::new(1))?;
/// let (next, draw) = normal(rng.variable(), 0.0, 1.0, None)?;
/// let definition = Definition::new(&[], &[draw]).update(&rng, &next);
/// let mut f = Function::plan(definition.graph()?)?;
/// let (first, second) = (f.call(&[])?.scalar(0)?, f.call(&[])?.scalar(0)?);
/// assert_ne!(first, second);
/// rng.set(RngState::new(1))?;
/// assert_eq!(f.call(&[])?.scalar(0)?, first);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// None of its own.
#[track_caller]
pub fn rng_shared(name: &str, state: RngState) -> Result<Shared> {
    Shared::new(name, RngType::shared(), state)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_a_state_are_its_key_and_its_counters() {
        // The first blocks of `numpy.random.Philox(key=[3, 5], counter=[c, 7, 2, 1])`, whose first counter is c + 1.
        let words = RngState::from_parts([3, 5], 2).words().of_stream(1);
        assert_eq!(words.block(7, 4), NUMPY[0]);
        assert_eq!(words.block(7, 5), NUMPY[1]);
    }

    const NUMPY: [[u64; 4]; 2] = [
        [0x6d9dc71dc3447cb1, 0x1ece7761d1b5f24d, 0x287aa1e01ec795c8, 0x8f0c1d2554e667c5],
        [0x926f9273030a8ca7, 0x9a33b0f55df28b80, 0x521716c780f6353f, 0x9c5ab93364546a67],
    ];

    #[test]
    fn states_are_compared_by_their_bits() {
        let (a, b) = (RngState::new(1), RngState::new(1).next());
        assert!(a.same_bits(&RngState::new(1)) && !a.same_bits(&b) && !a.same_bits(&crate::Tensor::scalar(1.0)));
        assert!(a.split(3).iter().all(|stream| stream.key() != a.key() && stream.call() == 0));
        assert_ne!(a.split(1), b.split(1));
    }
}
