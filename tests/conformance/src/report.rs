//! What came of the cases: a line for each failure, a table of groups, totals.

use std::collections::BTreeMap;
use std::fmt;

use serde_json::Value as Json;

/// What came of a case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Everything agrees.
    Passed,
    /// Something does not, and by how much.
    Failed(String),
    /// The case is optional, and the library does not have what it asks for.
    Skipped,
}

/// A case and what came of it.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The name of the file.
    pub group: String,
    /// The case's id.
    pub id: String,
    /// The op that it asks for.
    pub op: String,
    /// What came of it.
    pub verdict: Verdict,
}

/// What came of all cases.
#[derive(Clone, Debug, Default)]
pub struct Report {
    /// The cases in order.
    pub outcomes: Vec<Outcome>,
}

impl Report {
    pub(crate) fn add(&mut self, group: &str, case: &Json, verdict: Verdict) {
        let text = |key: &str| case[key].as_str().unwrap_or_default().to_owned();
        self.outcomes.push(Outcome { group: group.to_owned(), id: text("id"), op: text("op"), verdict });
    }

    /// Whether no case failed.
    pub fn passed(&self) -> bool {
        self.counts().values().all(|[_, failed, _]| *failed == 0)
    }

    /// How many cases of each group passed, failed and were skipped.
    pub fn counts(&self) -> BTreeMap<&str, [usize; 3]> {
        let mut counts: BTreeMap<&str, [usize; 3]> = BTreeMap::new();
        for outcome in &self.outcomes {
            let place = match outcome.verdict {
                Verdict::Passed => 0,
                Verdict::Failed(_) => 1,
                Verdict::Skipped => 2,
            };
            counts.entry(&outcome.group).or_default()[place] += 1;
        }
        counts
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for Outcome { group, id, op, verdict } in &self.outcomes {
            if let Verdict::Failed(text) = verdict {
                writeln!(f, "{group}/{id}: {op}: {}", text.replace('\n', " "))?;
            }
        }
        writeln!(f, "{:<16}{:>8}{:>8}{:>8}", "group", "passed", "failed", "skipped")?;
        let counts = self.counts();
        for (group, [passed, failed, skipped]) in &counts {
            writeln!(f, "{group:<16}{passed:>8}{failed:>8}{skipped:>8}")?;
        }
        let total = |place: usize| counts.values().map(|counts| counts[place]).sum::<usize>();
        write!(f, "{} passed, {} failed, {} skipped", total(0), total(1), total(2))
    }
}
