//! Rules, databases and passes, fusion among them.
//!
//! Must not know: `rules`, `modes`.

mod database;
mod fusion;
mod pass;
mod rule;

pub use database::RuleDb;
pub use pass::Pass;
pub(crate) use pass::run_passes;
pub use rule::{Owner, Rule, RuleContext, Tag};
