//! What an op has found out about the patterns that it saw last, so that it is found once per function.

use std::fmt::Debug;
use std::sync::Arc;

use kronograph_graph::{OpFailure, OpState};

use crate::pattern::Pattern;

/// Whether two shared patterns are the same: by address first, since they mostly are shared.
pub(crate) fn same_pattern(a: &Arc<Pattern>, b: &Arc<Pattern>) -> bool {
    Arc::ptr_eq(a, b) || a == b
}

/// Symbolic work, and the patterns that it was done for.
#[derive(Clone, Debug)]
pub(crate) struct Kept<T> {
    known: Vec<Arc<Pattern>>,
    made: Option<Arc<T>>,
    times: u64,
}

impl<T> Default for Kept<T> {
    fn default() -> Self {
        Self { known: Vec::new(), made: None, times: 0 }
    }
}

impl<T> Kept<T> {
    /// The work for these patterns: that of last time if they are the same and it still `serves`.
    pub(crate) fn of(
        &mut self,
        patterns: &[&Arc<Pattern>],
        serves: impl FnOnce(&T) -> bool,
        make: impl FnOnce() -> Result<T, OpFailure>,
    ) -> Result<&T, OpFailure> {
        let same = self.known.len() == patterns.len()
            && self.known.iter().zip(patterns).all(|(known, now)| same_pattern(known, now));
        if !same || !self.made.as_deref().is_some_and(serves) {
            self.made = None;
            self.known.clear();
            self.made = Some(Arc::new(make()?));
            self.known.extend(patterns.iter().map(|&pattern| pattern.clone()));
            self.times += 1;
        }
        self.made.as_deref().ok_or(OpFailure::WrongValue(0))
    }

    /// What was found, for another thread.
    pub(crate) fn forked(&self) -> Self {
        Self { known: self.known.clone(), made: self.made.clone(), times: 0 }
    }

    /// [`of`](Self::of), where nothing but the patterns matters.
    pub(crate) fn of_patterns(
        &mut self,
        patterns: &[&Arc<Pattern>],
        make: impl FnOnce() -> Result<T, OpFailure>,
    ) -> Result<&T, OpFailure> {
        self.of(patterns, |_| true, make)
    }
}

/// Forks share what was found.
impl<T: Debug + Send + Sync + 'static> OpState for Kept<T> {
    fn fork(&self) -> Box<dyn OpState> {
        Box::new(self.forked())
    }

    fn counts(&self) -> Vec<(&'static str, u64)> {
        vec![("patterns", self.times)]
    }
}
