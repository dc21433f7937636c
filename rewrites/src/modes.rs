//! Modes: which passes run, in which order, and why in that order.

use kronograph_graph::{FunctionGraph, Result, Variable, ancestors};

use crate::engine::{Pass, RuleDb, Tag, run_passes};
use crate::rules;

/// An ordered list of passes. A value: changing one changes nobody else's.
#[derive(Clone, Debug)]
pub struct Mode {
    passes: Vec<Pass>,
}

impl Mode {
    /// No rewriting at all: what was written is what runs.
    pub fn raw() -> Self {
        Self { passes: Vec::new() }
    }

    /// Everything; the default.
    pub fn run() -> Self {
        Self::with_rules(rules::all())
    }

    /// The passes of [`run`](Self::run), with the rules of a database.
    pub fn with_rules(db: RuleDb) -> Self {
        Self {
            passes: vec![
                // Before all: what is inside of ops then takes part in everything.
                Pass::Lower(db.including(&[Tag::Lower])),
                // Early: rules then see one node where there were several equal ones.
                Pass::Merge,
                // Before the Kronecker rules: a no-op between two nodes would hide a pattern.
                Pass::Rules(db.including(&[Tag::Canonicalize])),
                // Merging again, since rules make equal nodes, such as two factors of one matrix.
                Pass::Merge,
                Pass::Rules(db.including(&[Tag::Kron, Tag::Stabilize, Tag::Sparse])),
                // When what is used is known, and before the constants that this makes are folded.
                Pass::Lower(db.including(&[Tag::Specialize])),
                // What the Kronecker rules leave (constants, trivial reshapes) is cleaned up.
                Pass::Rules(db.including(&[Tag::Canonicalize])),
                Pass::Merge,
                // Last: nothing looks into a program.
                Pass::Fuse,
            ],
        }
    }

    /// A mode of passes in the order given.
    pub fn of(passes: impl IntoIterator<Item = Pass>) -> Self {
        Self { passes: passes.into_iter().collect() }
    }

    /// The mode without the passes that are for compiling only.
    #[must_use]
    pub fn without_lowering(mut self) -> Self {
        self.passes.retain(|pass| !pass.lowers());
        self
    }

    /// Runs the passes on a graph.
    ///
    /// # Errors
    ///
    /// A rule that fails, changes a type, or does not come to rest.
    pub fn run_on(&self, graph: &mut FunctionGraph) -> Result<()> {
        run_passes(graph, &self.passes)
    }
}

impl Default for Mode {
    fn default() -> Self {
        Self::run()
    }
}

/// Rewrites expressions, on the same input variables: to differentiate what is cheap rather than what was written.
///
/// Passes that are for compiling only ([`Pass::Fuse`]) are left out, so that every derivative remains.
///
/// # Errors
///
/// As [`Mode::run_on`].
#[track_caller]
pub fn rewrite(outputs: &[Variable], mode: &Mode) -> Result<Vec<Variable>> {
    let inputs: Vec<Variable> = ancestors(outputs).into_iter().filter(Variable::is_input).collect();
    let mut graph = FunctionGraph::new(&inputs, outputs)?;
    mode.clone().without_lowering().run_on(&mut graph)?;
    Ok(graph.export())
}
