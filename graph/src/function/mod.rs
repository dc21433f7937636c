//! What planning a function graph makes: a function that is called millions of times.
//!
//! The plan (order, slots, constants) is immutable and shared by all forks; slots and op states belong to one
//! function. A slot keeps its buffer from call to call, and values whose lifetimes do not overlap share one, so a
//! call with unchanged shapes allocates nothing: unless an argument has to be converted or is an output itself, or an
//! op has to work on a copy (of a strided input, of an f32 sum in f64).

use std::any::Any;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use crate::error::{BuildError, Result, RunError};
use crate::fgraph::FunctionGraph;
use crate::op::OpState;
use crate::value::{Slot, Value};

mod alone;
mod execute;
mod explain;
mod failure;
mod plan;
mod profile;
mod watch;

pub use alone::{evaluate, perform_alone};
use execute::Arguments;
pub use failure::{GivenInput, NodeFailure};
use plan::Plan;
pub use profile::{NodeProfile, Profile};
pub use watch::{DebugReport, DebugRow, Guard};
use watch::{Debugging, Unwatched, Watching};

/// A compiled function: values in, values out.
///
/// Calls take `&mut self`, because they write into the function's own buffers; [`fork`](Self::fork) makes one for
/// another thread. It is `Send`, but not `Sync`: what ops keep from call to call belongs to one thread at a time.
pub struct Function {
    plan: Arc<Plan>,
    slots: Vec<Slot>,
    states: Vec<Option<Box<dyn OpState>>>,
    converted: Vec<Option<Box<dyn Value>>>,
    /// The values of shared variables during a call.
    snapshot: Vec<Arc<dyn Value>>,
    scratch: Vec<Slot>,
    guard: Option<Guard>,
    profile: Option<Box<Profile>>,
}

impl Function {
    /// Plans a function graph as it is: order, buffers by liveness, constants.
    ///
    /// # Errors
    ///
    /// An op whose view declaration names an output or input that it does not have; a cycle, which replacements may
    /// have made.
    pub fn plan(graph: FunctionGraph) -> Result<Self> {
        Ok(Self::new(Arc::new(Plan::new(graph)?)))
    }

    fn new(plan: Arc<Plan>) -> Self {
        let mut function = Self {
            slots: Vec::new(),
            states: Vec::new(),
            converted: Vec::new(),
            snapshot: Vec::with_capacity(plan.graph.shared().len()),
            scratch: Vec::new(),
            guard: None,
            profile: None,
            plan,
        };
        function.scratch.resize_with(function.plan.most_outputs, Slot::default);
        function.slots.resize_with(function.plan.slot_count, Slot::default);
        function.states.resize_with(function.plan.state_count, || None);
        function.converted.resize_with(function.plan.graph.argument_count(), || None);
        function
    }

    /// A function of the same plan with buffers of its own, for another thread.
    ///
    /// The plan, its constants and the immutable parts of op states are shared. A guard stays set, and a profile
    /// begins at zero.
    pub fn fork(&self) -> Self {
        let mut fork = Self::new(self.plan.clone());
        fork.guard = self.guard;
        if self.profile.is_some() {
            fork.start_profiling();
        }
        fork.states = self.states.iter().map(|state| state.as_ref().map(|state| state.fork())).collect();
        fork
    }

    /// Calls the function; the outputs are the caller's own.
    ///
    /// # Errors
    ///
    /// Arguments of a wrong number, type or shape; what an op finds wrong with the values.
    pub fn call(&mut self, arguments: &[&dyn Value]) -> Result<Outputs, RunError> {
        let view = self.call_ref(arguments)?;
        let values = (0..view.len()).map(|position| view.value(position).map(|value| value.boxed_clone()));
        Ok(Outputs(values.collect::<Result<_, _>>()?))
    }

    /// Calls the function; the outputs are borrowed from its buffers until the next call.
    ///
    /// # Errors
    ///
    /// As [`call`](Self::call).
    #[inline]
    pub fn call_ref(&mut self, arguments: &[&dyn Value]) -> Result<OutputView<'_>, RunError> {
        self.call_with(Arguments::Borrowed(arguments))
    }

    /// Calls the function as [`call_ref`](Self::call_ref) does, on arguments that the caller keeps from call to call.
    ///
    /// # Errors
    ///
    /// As [`call`](Self::call).
    #[inline]
    pub fn call_boxed(&mut self, arguments: &[Box<dyn Value>]) -> Result<OutputView<'_>, RunError> {
        self.call_with(Arguments::Boxed(arguments))
    }

    /// Calls the function on values of its inputs' types, which another function's nodes made: they are not checked
    /// again, and may be what no caller can hand in, such as factors.
    pub(crate) fn call_inside(&mut self, arguments: &[&dyn Value]) -> Result<OutputView<'_>, RunError> {
        self.run(Arguments::Borrowed(arguments), &mut Unwatched)?;
        Ok(OutputView { function: self })
    }

    fn call_with(&mut self, arguments: Arguments<'_>) -> Result<OutputView<'_>, RunError> {
        self.accept(arguments)?;
        if self.guard.is_none() && self.profile.is_none() {
            self.run(arguments, &mut Unwatched)?;
        } else {
            self.run_watched(arguments)?;
        }
        Ok(OutputView { function: self })
    }

    #[cold]
    fn run_watched(&mut self, arguments: Arguments<'_>) -> Result<(), RunError> {
        let mut profile = self.profile.take();
        let result = self.run(arguments, &mut Watching { guard: self.guard, profile: profile.as_deref_mut() });
        self.profile = profile;
        result
    }

    /// The number of inputs; shared variables are none.
    pub fn input_count(&self) -> usize {
        self.plan.graph.argument_count()
    }

    /// The number of outputs.
    pub fn output_count(&self) -> usize {
        self.plan.graph.result_count()
    }

    /// The number of nodes that a call runs.
    pub fn node_count(&self) -> usize {
        self.plan.steps.len()
    }

    /// The number of buffers, each shared by values whose lifetimes do not overlap.
    pub fn buffer_count(&self) -> usize {
        self.slots.len()
    }

    /// The bytes that the function's buffers hold now.
    pub fn buffer_bytes(&self) -> usize {
        self.slots.iter().filter_map(Slot::value).map(Value::bytes).sum()
    }

    /// What the ops counted in this function, summed over nodes: the sparse factorisations count `numeric` and
    /// `symbolic`. A fork begins at zero.
    pub fn counts(&self) -> BTreeMap<&'static str, u64> {
        let mut sums = BTreeMap::new();
        for (name, count) in self.states.iter().flatten().flat_map(|state| state.counts()) {
            *sums.entry(name).or_insert(0) += count;
        }
        sums
    }

    /// Looks at every value that a node makes, and fails where one is not finite; `None` looks at none.
    ///
    /// What a node computes is looked at as compiled: rewriting may have removed the node that you wrote. Where fusion
    /// made one of many, the error names the first of them that went wrong.
    pub fn set_guard(&mut self, guard: Option<Guard>) {
        self.guard = guard;
    }

    /// Begins to measure calls, time and bytes of each node, from zero.
    pub fn start_profiling(&mut self) {
        self.profile = Some(Box::new(Profile::new(&self.plan)));
    }

    /// Ends measuring, and forgets what was measured.
    pub fn stop_profiling(&mut self) {
        self.profile = None;
    }

    /// What was measured since profiling began; `None` where it did not.
    pub fn profile(&self) -> Option<&Profile> {
        self.profile.as_deref()
    }

    /// Runs the expression as it was written, before any rewriting, and reports on the inputs and on every value that
    /// has a name or is an output. No shared variable is changed.
    ///
    /// # Errors
    ///
    /// As [`call`](Self::call); what was seen up to a failure is lost, so give it a point at which the call succeeds.
    pub fn debug(&self, arguments: &[&dyn Value]) -> Result<DebugReport, RunError> {
        let written = self.plan.graph.as_written().and_then(Function::plan);
        let mut written = written.expect("this function was made from the same expression");
        written.accept(Arguments::Borrowed(arguments))?;
        let plan = written.plan.clone();
        let mut report = DebugReport::of_inputs(&plan, arguments);
        written.run(Arguments::Borrowed(arguments), &mut Debugging { plan: &plan, report: &mut report })?;
        Ok(report)
    }

    /// The graph that is run, as a tree; see [`debug_print`](crate::debug_print).
    pub fn debug_print(&self) -> String {
        crate::print::debug_print(&self.plan.graph.export())
    }

    /// What the rewrites did to this function: what fired, where, and why.
    pub fn explain(&self) -> String {
        explain::story(self.plan.graph.history())
    }

    /// The function graph that was planned.
    pub fn graph(&self) -> &FunctionGraph {
        &self.plan.graph
    }

    fn output(&self, position: usize) -> Result<&dyn Value, RunError> {
        let results = &self.plan.outputs[..self.output_count()];
        let place = results.get(position).and_then(|&source| self.find(&Arguments::Borrowed(&[]), source));
        let rule = || format!("the function has {} output(s)", results.len());
        place.ok_or_else(|| RunError::Output { position, rule: rule() })
    }
}

impl fmt::Debug for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "Function({} inputs, {} nodes, {} outputs)",
            self.input_count(),
            self.node_count(),
            self.output_count()
        )
    }
}

/// The outputs of a call, owned.
#[derive(Debug, Clone)]
pub struct Outputs(Vec<Box<dyn Value>>);

/// The outputs of a call, in the function's own buffers.
#[derive(Debug)]
pub struct OutputView<'a> {
    function: &'a Function,
}

macro_rules! output_access {
    ($($kind:ty),+) => { $(
        impl $kind {
            /// How many outputs there are.
            pub fn len(&self) -> usize {
                self.count()
            }

            /// Whether there are none.
            pub fn is_empty(&self) -> bool {
                self.len() == 0
            }

            /// An output as a value of a concrete type.
            ///
            /// # Errors
            ///
            /// When there is no such output, or it is of another type.
            pub fn get<T: Value>(&self, position: usize) -> Result<&T, RunError> {
                let value = self.value(position)?;
                let wrong = || RunError::Output { position, rule: format!("it is {}", value.describe()) };
                (value as &dyn Any).downcast_ref().ok_or_else(wrong)
            }

            /// An output that is one `f64`.
            ///
            /// # Errors
            ///
            /// When there is no such output, or it is not one.
            #[inline]
            pub fn scalar(&self, position: usize) -> Result<f64, RunError> {
                let value = self.value(position)?;
                match value.as_f64() {
                    Some([number]) => Ok(*number),
                    _ => Err(RunError::Output { position, rule: format!("it is {}, not one f64", value.describe()) }),
                }
            }
        }
    )+ };
}

output_access!(Outputs, OutputView<'_>);

impl Outputs {
    fn count(&self) -> usize {
        self.0.len()
    }

    /// An output as it is.
    ///
    /// # Errors
    ///
    /// When there is no such output.
    pub fn value(&self, position: usize) -> Result<&dyn Value, RunError> {
        let missing = || RunError::Output { position, rule: format!("the function has {} output(s)", self.0.len()) };
        self.0.get(position).map(|value| &**value).ok_or_else(missing)
    }

    /// The values themselves.
    pub fn into_values(self) -> Vec<Box<dyn Value>> {
        self.0
    }
}

impl OutputView<'_> {
    fn count(&self) -> usize {
        self.function.output_count()
    }

    /// An output as it is.
    ///
    /// # Errors
    ///
    /// When there is no such output.
    #[inline]
    pub fn value(&self, position: usize) -> Result<&dyn Value, RunError> {
        self.function.output(position)
    }
}

/// A view declaration that names what the op does not have.
fn bad_declaration(op: &dyn crate::op::Op) -> BuildError {
    BuildError::parameter(op.name(), "its view_map names an output or an input that the node does not have")
}

/// A node that depends on itself.
fn cyclic(op: &dyn crate::op::Op) -> BuildError {
    BuildError::parameter(op.name(), "it depends on its own result: a replacement has made a cycle")
}
