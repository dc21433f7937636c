//! Rules, databases and passes, fusion among them; knows no rule.

mod database;
mod fusion;
mod pass;
mod rule;

pub use database::RuleDb;
pub use pass::Pass;
pub use rule::{Owner, Rule, RuleContext, Tag};
