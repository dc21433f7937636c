//! A collection of rules: a value, chosen from by tag or name.

use std::fmt;
use std::sync::Arc;

use super::rule::{Rule, Tag};

/// Rules in the order in which they are tried.
#[derive(Clone, Default)]
pub struct RuleDb(Vec<Arc<dyn Rule>>);

impl RuleDb {
    /// The database with another rule at its end; a rule of the same name is replaced.
    #[must_use]
    pub fn with(mut self, rule: impl Rule) -> Self {
        self.0.retain(|other| other.name() != rule.name());
        self.0.push(Arc::new(rule));
        self
    }

    /// The rules that have one of the tags.
    #[must_use]
    pub fn including(&self, tags: &[Tag]) -> Self {
        Self(self.0.iter().filter(|rule| rule.tags().iter().any(|tag| tags.contains(tag))).cloned().collect())
    }

    /// The rules without the one of this name.
    #[must_use]
    pub fn without(&self, name: &str) -> Self {
        Self(self.0.iter().filter(|rule| rule.name() != name).cloned().collect())
    }

    /// The rules.
    pub fn iter(&self) -> impl Iterator<Item = &dyn Rule> {
        self.0.iter().map(|rule| &**rule)
    }
}

impl fmt::Debug for RuleDb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter().map(Rule::name)).finish()
    }
}
