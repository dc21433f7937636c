//! What can go wrong, for the two readers of an error: the one who builds and the one who runs.
//!
//! Values are in fields, words in the attribute, the user's line at the end. What an op alone can know (a singular
//! matrix, say) travels as a boxed [`OpError`], so that this crate need not know what "singular" means.

use std::borrow::Cow;
use std::error::Error;
use std::fmt;

use crate::fgraph::{FunctionGraph, ValueId};
use crate::function::NodeFailure;
use crate::origin::{self, Origin};
use crate::variable::Variable;

/// The result of building an expression.
pub type Result<T, E = BuildError> = std::result::Result<T, E>;

/// The result of [`Op::perform`](crate::Op::perform).
pub type OpResult = std::result::Result<(), Box<dyn OpError>>;

/// A variable as an error shows it: its name or a short expression, and its type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Described {
    /// The variable's name, or its op and a short expression.
    pub name: String,
    /// Its type, with dtype and shape.
    pub ty: String,
}

impl Described {
    /// Describes a variable.
    pub fn new(variable: &Variable) -> Self {
        Self { name: crate::print::expression_text(variable), ty: variable.ty().to_string() }
    }

    /// Describes a value of a function graph.
    pub(crate) fn of(graph: &FunctionGraph, id: ValueId) -> Self {
        Self { name: crate::print::value_text(graph, id), ty: graph.ty(id).to_string() }
    }
}

fn list(items: &[Described]) -> String {
    let mut text = String::new();
    for (position, item) in items.iter().enumerate() {
        let glue = match position {
            0 => "",
            _ if position + 1 == items.len() => " and ",
            _ => ", ",
        };
        text.push_str(&format!("{glue}`{}` is {}", item.name, item.ty));
    }
    text
}

/// What can be wrong with an expression while it is being built, differentiated or turned into a function.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum BuildError {
    /// The wrong number of inputs. Give the op as many as its documentation lists.
    #[error("{op} takes {want} input(s), was given {got}\n  at {origin:#}")]
    Arity {
        /// The op's name.
        op: Cow<'static, str>,
        /// How many it takes.
        want: usize,
        /// How many there were.
        got: usize,
        /// The user's line.
        origin: Origin,
    },

    /// Inputs whose kinds, dtypes or shapes do not fit the op or each other; the rule says what would fit.
    #[error("{op}: {}; {rule}\n  at {origin:#}", list(.inputs))]
    Inputs {
        /// The op's name.
        op: Cow<'static, str>,
        /// The offending inputs.
        inputs: Vec<Described>,
        /// What the op asks for.
        rule: Cow<'static, str>,
        /// The user's line.
        origin: Origin,
    },

    /// A parameter of an op (an axis, a number of parts) that is out of range.
    #[error("{op}: {rule}\n  at {origin:#}")]
    Parameter {
        /// The op's name.
        op: Cow<'static, str>,
        /// What is wrong and what would be right.
        rule: Cow<'static, str>,
        /// The user's line.
        origin: Origin,
    },

    /// A value that breaks its own rules (a broken `indptr`, data of the wrong length).
    #[error("{source}\n  at {origin:#}")]
    Value {
        /// What is wrong with it.
        source: Box<dyn Error + Send + Sync>,
        /// The user's line.
        origin: Origin,
    },

    /// An op without the derivative that was asked for: nobody has written it, so there is no number to give.
    #[error("{op} has no {mode} derivative with respect to its input {input}\n  at {origin:#}")]
    NoDerivative {
        /// The op's name.
        op: Cow<'static, str>,
        /// `reverse` or `forward`.
        mode: &'static str,
        /// The position of the input.
        input: usize,
        /// The line of the node.
        origin: Origin,
    },

    /// A derivative that does not exist, with the reason. Remove the variable from `wrt`, or cut the path to it.
    #[error("the derivative with respect to `{variable}` is undefined: {op} {why}\n  at {origin:#}")]
    Undefined {
        /// What was differentiated by.
        variable: String,
        /// The op at which the derivative ceases to exist.
        op: Cow<'static, str>,
        /// The reason.
        why: crate::op::Why,
        /// The line of that op's node.
        origin: Origin,
    },

    /// A variable that the cost does not depend on through a differentiable path. Usually a wrong `wrt`.
    #[error("`{variable}` ({ty}) is not connected to the cost by a differentiable path\n  it was built at {origin:#}")]
    Disconnected {
        /// What was differentiated by.
        variable: String,
        /// Its type.
        ty: String,
        /// Where it was built.
        origin: Origin,
    },

    /// A derivative rule that broke the contract: the op's author must mend it.
    #[error("the {mode} derivative of {op} is malformed: {rule}\n  at {origin:#}")]
    BadDerivative {
        /// The op's name.
        op: Cow<'static, str>,
        /// `reverse` or `forward`.
        mode: &'static str,
        /// What the contract asks for.
        rule: String,
        /// The line of the node.
        origin: Origin,
    },

    /// A free variable that is not among the inputs of the function. Add it to the inputs.
    #[error("`{variable}` ({ty}) is used, but is not an input of the function\n  it was built at {origin:#}")]
    MissingInput {
        /// The variable's name.
        variable: String,
        /// Its type.
        ty: String,
        /// Where it was built.
        origin: Origin,
    },

    /// The same variable given twice as an input, or something that cannot be one.
    #[error("input {position} (`{variable}`): {rule}\n  at {origin:#}")]
    BadInput {
        /// The position among the inputs.
        position: usize,
        /// The variable's name.
        variable: String,
        /// What is wrong.
        rule: &'static str,
        /// Where it was built.
        origin: Origin,
    },

    /// A replacement that a function graph refuses, with the rule that proposed it.
    #[error("rewrite {rule}: {}; {why}\n  at {origin:#}", list(&[(**.old).clone(), (**.new).clone()]))]
    Replacement {
        /// The rule's name.
        rule: Cow<'static, str>,
        /// What was to be replaced.
        old: Box<Described>,
        /// What it was to be replaced by.
        new: Box<Described>,
        /// Why it is refused.
        why: &'static str,
        /// Where the old one was built.
        origin: Origin,
    },

    /// A rewrite that does not come to rest within its budget.
    #[error(
        "rewriting stopped after {applications} applications, most of them of {rule}: the rules do not come to rest"
    )]
    Budget {
        /// The rule that fired most.
        rule: Cow<'static, str>,
        /// How often any rule fired.
        applications: usize,
    },
}

impl BuildError {
    /// The wrong number of inputs.
    #[track_caller]
    pub fn arity(op: impl Into<Cow<'static, str>>, want: usize, inputs: &[Variable]) -> Self {
        Self::Arity { op: op.into(), want, got: inputs.len(), origin: origin::current() }
    }

    /// Inputs that do not fit; `rule` says what would.
    #[track_caller]
    pub fn inputs(op: impl Into<Cow<'static, str>>, inputs: &[Variable], rule: impl Into<Cow<'static, str>>) -> Self {
        let inputs = inputs.iter().map(Described::new).collect();
        Self::Inputs { op: op.into(), inputs, rule: rule.into(), origin: origin::current() }
    }

    /// A parameter out of range.
    #[track_caller]
    pub fn parameter(op: impl Into<Cow<'static, str>>, rule: impl Into<Cow<'static, str>>) -> Self {
        Self::Parameter { op: op.into(), rule: rule.into(), origin: origin::current() }
    }

    /// A value that breaks its own rules.
    #[track_caller]
    pub fn value(source: impl Error + Send + Sync + 'static) -> Self {
        Self::Value { source: Box::new(source), origin: origin::current() }
    }
}

/// An op's own failure while it runs.
pub trait OpError: Error + Send + Sync + 'static {
    /// Whether a sampler may reject the point and go on.
    fn recoverable(&self) -> bool {
        false
    }

    /// The failure of a call that the op made on its part.
    fn inside(&self) -> Option<&RunError> {
        None
    }
}

impl<E: OpError> From<E> for Box<dyn OpError> {
    fn from(error: E) -> Self {
        Box::new(error)
    }
}

/// Failures that every op may have, whatever its values are.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OpFailure {
    /// The inputs' run-time shapes do not fit each other.
    #[error("{0}")]
    Shapes(String),
    /// A value for which the op has no result.
    #[error("{0}")]
    Domain(&'static str),
    /// An input or state is not of the type the node declares: a broken op or a value from another library version.
    #[error("input {0} is not of the type that the node declares")]
    WrongValue(usize),
    /// The op keeps a state and was run without it.
    #[error("the op keeps a state and was run without it")]
    NoState,
}

impl OpError for OpFailure {
    fn recoverable(&self) -> bool {
        matches!(self, OpFailure::Domain(_))
    }
}

/// What can go wrong while a compiled function runs.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RunError {
    /// An op failed on the values it was given: the op's own words, and what is known of its node.
    #[error("{0}")]
    Op(Box<NodeFailure>),

    /// The wrong number of arguments in a call.
    #[error("the function takes {want} argument(s), was given {got}")]
    Arity {
        /// How many it takes.
        want: usize,
        /// How many there were.
        got: usize,
    },

    /// An argument that is not a value of the input's type.
    #[error(
        "argument {position} (`{}`): {} was expected, {got} was given; {rule}\n  the input was built at {origin:#}",
        .input.name, .input.ty
    )]
    Argument {
        /// The position in the call.
        position: usize,
        /// The input's name and type.
        input: Box<Described>,
        /// What was given.
        got: String,
        /// What is wrong with it.
        rule: String,
        /// Where the input was built.
        origin: Origin,
    },

    /// A value for a shared variable that is not of its type.
    #[error("shared variable `{name}`: {ty} was expected, {got} was given; {rule}")]
    Shared {
        /// The variable's name.
        name: String,
        /// Its type.
        ty: String,
        /// What was given.
        got: String,
        /// What is wrong with it.
        rule: String,
    },

    /// A packed vector of another length than all parameters together.
    #[error("{what} has {got} element(s); the parameters have {want}")]
    Packed {
        /// What the vector is.
        what: &'static str,
        /// The length that is needed.
        want: usize,
        /// The length that it has.
        got: usize,
    },

    /// A parameter that does not exist, is missing, or is given numbers that do not fit it.
    #[error("parameter `{name}`: {rule}")]
    Parameter {
        /// Its name.
        name: String,
        /// What is wrong with it.
        rule: String,
    },

    /// An output was asked for that does not exist or is of another type.
    #[error("output {position}: {rule}")]
    Output {
        /// The position asked for.
        position: usize,
        /// What is wrong.
        rule: String,
    },
}

impl RunError {
    /// Whether a sampler may reject the point and go on: the arguments were legal, their numbers were not.
    pub fn is_recoverable(&self) -> bool {
        matches!(self, RunError::Op(node) if node.failure().recoverable())
    }

    /// The first line of its text.
    pub(crate) fn headline(&self) -> String {
        match self {
            RunError::Op(node) => node.headline(),
            other => other.to_string().lines().next().unwrap_or_default().to_owned(),
        }
    }
}

/// A function graph that breaks its own invariants: a defect of the library or of a pass.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the function graph is broken: {0}")]
pub struct StructureError(pub(crate) String);

impl fmt::Display for crate::op::Why {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            crate::op::Why::Discrete => "is discrete in it",
            crate::op::Why::Random => "is a random draw whose parameters it is",
            crate::op::Why::Index => "uses it as an index",
            crate::op::Why::Unwritten => "has no rule for it yet",
            crate::op::Why::Declared => "declares it to be so",
        })
    }
}
