//! What a rule is, and what it may look at.

use kronograph_graph::{Frozen, FunctionGraph, NodeView, Op, OpRef, Result, Variable};
use smallvec::SmallVec;

use super::pass::{Pass, run_passes};

/// What a rule is for; a mode chooses rules by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Tag {
    /// Brings equal things to one form, or removes what does nothing.
    Canonicalize,
    /// Avoids overflow, cancellation or a singular intermediate.
    Stabilize,
    /// Keeps Kronecker products factored.
    Kron,
    /// Spares conversions and projections of sparse matrices.
    Sparse,
    /// Removes what derivatives need and running does not. For compiling only.
    Lower,
    /// Computes no more than is used, by ops whose derivatives may differ. For compiling only, and late.
    Specialize,
}

/// A rewriting step with a name and a reason.
///
/// A rule is pure: it reads the graph through the [`RuleContext`], and builds its replacement as an ordinary
/// expression on the variables that it was shown. Names and source lines are moved by the engine.
pub trait Rule: Send + Sync + 'static {
    /// The rule's name, in snake case.
    fn name(&self) -> &'static str;

    /// Why the rule exists, as `explain()` prints it: the identity, and what it buys.
    fn reason(&self) -> &'static str;

    /// What it is for.
    fn tags(&self) -> &'static [Tag];

    /// The names of the ops at whose nodes it may apply; empty for all.
    fn roots(&self) -> &'static [&'static str];

    /// The replacement for each output of the node, `None` for an output that nobody may want; or `None` if the rule
    /// does not apply.
    ///
    /// # Errors
    ///
    /// What building the replacement finds wrong: a defect of the rule, which stops the rewriting.
    fn apply(&self, context: &RuleContext<'_>, node: &NodeView<'_>) -> Result<Option<Vec<Variable>>>;
}

/// The graph as a rule sees it.
#[derive(Debug)]
pub struct RuleContext<'a> {
    graph: &'a FunctionGraph,
    passes: &'a [Pass],
}

/// The node that makes a variable, as a rule sees it.
#[derive(Clone, Debug)]
pub struct Owner {
    /// The op.
    pub op: OpRef,
    /// Its inputs.
    pub inputs: SmallVec<[Variable; 2]>,
    /// Which of its outputs the variable is.
    pub output: usize,
}

impl<'a> RuleContext<'a> {
    pub(super) fn new(graph: &'a FunctionGraph, passes: &'a [Pass]) -> Self {
        Self { graph, passes }
    }

    /// An expression that an op holds, rewritten by the mode that the rule is part of.
    ///
    /// # Errors
    ///
    /// As [`Mode::run_on`](crate::Mode::run_on).
    pub fn rewritten(&self, body: &Frozen) -> Result<Frozen> {
        let mut graph = FunctionGraph::new(body.inputs(), body.outputs())?;
        run_passes(&mut graph, self.passes)?;
        Frozen::new(body.inputs(), &graph.export())
    }

    /// The node that makes a variable; `None` for inputs and constants.
    pub fn owner(&self, variable: &Variable) -> Option<Owner> {
        let (node, output) = self.graph.owner(variable)?;
        self.graph.with_view(node, |view| Owner { op: view.op().clone(), inputs: view.inputs().into(), output })
    }

    /// How often nodes and outputs of the graph use a variable.
    pub fn uses(&self, variable: &Variable) -> usize {
        let Some((node, output)) = self.graph.owner(variable) else { return 0 };
        self.graph.clients(self.graph.node_outputs(node)[output]).len()
    }

    /// The op and the inputs of the node that makes a variable, if its op is of this kind.
    pub fn owner_as<T: Op + Clone>(&self, variable: &Variable) -> Option<(T, SmallVec<[Variable; 2]>)> {
        let owner = self.owner(variable)?;
        let op = (&*owner.op as &dyn std::any::Any).downcast_ref::<T>()?.clone();
        Some((op, owner.inputs))
    }
}
