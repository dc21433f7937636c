//! The contract of an op: everything that the engine may ask of one.
//!
//! An op holds parameters only. What it keeps between calls (a symbolic factorisation, a workspace) is an
//! [`OpState`], which belongs to one function. Where PyTensor has a method of another name:
//!
//! | PyTensor | here |
//! |---|---|
//! | `make_node`, `perform`, `infer_shape`, `do_constant_folding`, `connection_pattern` | the same |
//! | `grad`, `L_op` (pullback), `R_op` (pushforward) | [`Op::grad`], [`Op::l_op`], [`Op::r_op`] |
//! | `default_output`, `view_map` | the same |
//! | `destroy_map`, `inplace_on_inputs` | nothing: inputs are shared references, which no op can write through |
//! | `prepare_node` | [`Op::state`], made lazily for each function |
//! | `make_thunk`, `make_py_thunk` | a step of the function's plan |
//! | `add_tag_trace` | automatic: module [`origin`](crate::origin) |

use std::any::Any;
use std::borrow::Cow;
use std::fmt::Debug;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use smallvec::SmallVec;

use crate::dim::Shape;
use crate::error::{OpFailure, OpResult, Result};
use crate::origin::Origin;
use crate::types::TypeRef;
use crate::value::{Slot, Value};
use crate::variable::Variable;

mod props;
mod props_text;
mod view;

pub use props::{Params, Prop, Props};
pub use view::NodeView;

/// A shared op.
pub type OpRef = Arc<dyn Op>;

/// Structural identity of ops; derive `PartialEq`, `Eq` and `Hash`, and it follows.
///
/// Every parameter that influences value, shape or derivative must take part.
pub trait Identity: Any {
    /// Whether the other op is the same one, with the same parameters.
    fn same_op(&self, other: &dyn Op) -> bool;
    /// Feeds kind and parameters to a hasher.
    fn digest_op(&self, hasher: &mut dyn Hasher);
}

impl<T: Op + Eq + Hash> Identity for T {
    fn same_op(&self, other: &dyn Op) -> bool {
        (other as &dyn Any).downcast_ref::<T>() == Some(self)
    }

    fn digest_op(&self, mut hasher: &mut dyn Hasher) {
        std::any::TypeId::of::<T>().hash(&mut hasher);
        self.hash(&mut hasher);
    }
}

/// An operation on values.
pub trait Op: Identity + Debug + Send + Sync + 'static {
    /// The op's name, in snake case.
    fn name(&self) -> Cow<'static, str>;

    /// The parameters, for printing and saving.
    fn props(&self) -> Props {
        Props::default()
    }

    /// Checks the inputs and infers the outputs' types, as precisely as it can; may convert the inputs. No side effects.
    ///
    /// # Errors
    ///
    /// Inputs of a wrong number, kind, dtype or static shape.
    fn make_node(&self, inputs: &[Variable]) -> Result<NodeSpec>;

    /// Computes the outputs from the inputs.
    ///
    /// # Errors
    ///
    /// Shapes that do not fit at run time, numeric failure.
    fn perform(&self, io: &mut Io<'_>) -> OpResult;

    /// Reverse mode without access to the outputs: one cotangent for each input. [`l_op`](Self::l_op) is the general
    /// form; write one of them.
    ///
    /// # Errors
    ///
    /// [`BuildError::NoDerivative`](crate::BuildError::NoDerivative) unless overridden.
    fn grad(&self, node: &NodeView<'_>, _output_grads: &[Option<Variable>]) -> Result<Grads> {
        Err(node.no_derivative("reverse", 0))
    }

    /// Reverse mode (PyTensor: pullback; JAX: VJP): one cotangent for each input, as expressions of ordinary ops.
    ///
    /// `None` in `output_grads` stands for an output that the cost does not depend on; at least one is `Some`.
    ///
    /// # Errors
    ///
    /// [`BuildError::NoDerivative`](crate::BuildError::NoDerivative) unless this or [`grad`](Self::grad) is overridden.
    fn l_op(&self, node: &NodeView<'_>, output_grads: &[Option<Variable>]) -> Result<Grads> {
        self.grad(node, output_grads)
    }

    /// Forward mode (PyTensor: pushforward; JAX: JVP): one tangent for each output, as expressions of ordinary ops.
    ///
    /// `None` in `tangents` stands for an input that does not move; at least one is `Some`.
    ///
    /// # Errors
    ///
    /// [`BuildError::NoDerivative`](crate::BuildError::NoDerivative) unless overridden.
    fn r_op(&self, node: &NodeView<'_>, _tangents: &[Option<Variable>]) -> Result<Tangents> {
        Err(node.no_derivative("forward", 0))
    }

    /// The shapes of the outputs from those of the inputs, without computing any data.
    ///
    /// # Errors
    ///
    /// Shapes that the op would refuse.
    fn infer_shape(&self, node: &NodeView<'_>, input_shapes: &[Shape]) -> Result<Vec<Shape>>;

    /// The output that [`apply`](crate::apply) returns when there are several.
    fn default_output(&self) -> Option<usize> {
        None
    }

    /// Pairs (output, input): the output may share the input's storage.
    fn view_map(&self) -> &[(usize, usize)] {
        &[]
    }

    /// Whether a node with constant inputs may be evaluated once, while compiling.
    fn do_constant_folding(&self, _node: &NodeView<'_>) -> bool {
        true
    }

    /// Whether the elements of an output are a function of the elements of an input; `false` for an input that is
    /// read for its shape, or as an index.
    fn connection_pattern(&self, _output: usize, _input: usize) -> bool {
        true
    }

    /// Which inputs the op needs only where a condition holds, if there are such; see [`Branches`].
    fn branches(&self) -> Option<Branches> {
        None
    }

    /// Whether the op reads the elements of an input; `false` where it reads the lengths of its axes alone.
    fn reads_elements(&self, _input: usize) -> bool {
        true
    }

    /// What the op keeps between the calls of one function; `None` if nothing.
    fn state(&self) -> Option<Box<dyn OpState>> {
        None
    }

    /// For an op that stands for many nodes: the first of them whose numbers went wrong in the last run.
    fn blame(&self, _state: Option<&dyn OpState>, _wrong: &dyn Fn(f64) -> bool) -> Option<Part> {
        None
    }
}

/// How an op chooses between inputs of which it needs some only.
///
/// Its first input is the condition, of a type whose values are truth values ([`Value::as_truth`]). Then come `width`
/// inputs that are needed where it holds, and as many that are needed where it does not; `perform` looks at no others. A
/// function computes a branch only where it is taken, as far as nothing else needs it. `l_op` answers as if both
/// branches were taken: reverse mode puts what leaves a branch behind its condition, so that the derivative of a
/// branch is not computed either where the branch is not.
#[derive(Clone, Debug)]
pub struct Branches {
    /// How many inputs each branch has.
    pub width: usize,
    /// The op of a condition and one input for each branch.
    pub chooser: OpRef,
}

/// One of the nodes that an op stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Part {
    /// The op with its parameters.
    pub op: String,
    /// Where it was built.
    pub origin: Origin,
}

/// What an op keeps between the calls of one function: a symbolic factorisation, a workspace.
///
/// Key it on what it was made for (a sparsity pattern), and make it anew when that changes.
pub trait OpState: Any + Debug + Send {
    /// A state for another thread, with the immutable part shared and the counts at zero.
    fn fork(&self) -> Box<dyn OpState>;

    /// Named counts of what was done so far, summed over nodes by [`Function::counts`](crate::Function::counts).
    fn counts(&self) -> Vec<(&'static str, u64)> {
        Vec::new()
    }
}

/// What `make_node` returns: the types of the outputs, and the inputs if it converted them.
#[derive(Debug)]
pub struct NodeSpec {
    pub(crate) inputs: Option<SmallVec<[Variable; 2]>>,
    pub(crate) outputs: SmallVec<[TypeRef; 1]>,
}

impl NodeSpec {
    /// A node of one output.
    pub fn one(ty: TypeRef) -> Self {
        Self { inputs: None, outputs: smallvec::smallvec![ty] }
    }

    /// A node of several outputs.
    pub fn many(types: impl IntoIterator<Item = TypeRef>) -> Self {
        Self { inputs: None, outputs: types.into_iter().collect() }
    }

    /// The inputs that the node shall have in place of the given ones.
    pub fn with_inputs(self, inputs: impl IntoIterator<Item = Variable>) -> Self {
        Self { inputs: Some(inputs.into_iter().collect()), ..self }
    }
}

/// A derivative term, or the reason why there is none. The difference between the kinds is kept to the end.
#[derive(Clone, Debug)]
pub enum Grad {
    /// The term.
    Var(Variable),
    /// The derivative is zero (almost) everywhere.
    Zero,
    /// The output's elements are no function of the input's elements.
    Disconnected,
    /// The derivative does not exist.
    Undefined {
        /// The reason.
        why: Why,
    },
}

/// Why a derivative does not exist.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Why {
    /// The function is discrete in this input.
    Discrete,
    /// The output is a random draw, the input one of its parameters.
    Random,
    /// The input is an index.
    Index,
    /// It exists, but the op has no rule for it yet.
    Unwritten,
    /// The author of the model said so, with [`undefined_grad`](crate::undefined_grad).
    Declared,
}

impl From<Variable> for Grad {
    fn from(variable: Variable) -> Self {
        Grad::Var(variable)
    }
}

impl From<Option<Variable>> for Grad {
    /// A sum without terms is zero.
    fn from(sum: Option<Variable>) -> Self {
        sum.map_or(Grad::Zero, Grad::Var)
    }
}

/// One cotangent for each input.
pub type Grads = Vec<Grad>;

/// One tangent for each output.
pub type Tangents = Vec<Grad>;

/// The inputs of a node while it runs.
#[derive(Debug)]
pub struct Inputs<'a> {
    pub(crate) values: &'a dyn Lookup,
    pub(crate) count: usize,
}

/// How a running function finds the value of an input.
pub(crate) trait Lookup: Debug {
    fn value(&self, input: usize) -> Option<&dyn Value>;
    fn ty(&self, input: usize) -> Option<&TypeRef>;
}

impl<'a> Inputs<'a> {
    /// The input as a value of a concrete type.
    ///
    /// # Errors
    ///
    /// When it is of another type.
    #[inline]
    pub fn get<T: Value>(&self, input: usize) -> Result<&'a T, OpFailure> {
        let value = self.values.value(input).ok_or(OpFailure::WrongValue(input))?;
        (value as &dyn Any).downcast_ref().ok_or(OpFailure::WrongValue(input))
    }

    /// The input as it is.
    ///
    /// # Errors
    ///
    /// When there is no such input.
    #[inline]
    pub fn value(&self, input: usize) -> Result<&'a dyn Value, OpFailure> {
        self.values.value(input).ok_or(OpFailure::WrongValue(input))
    }

    /// The type that the node declares for the input; for what a value alone does not tell, such as whether an axis
    /// of length 1 was declared to broadcast.
    pub fn ty(&self, input: usize) -> Option<&'a TypeRef> {
        self.values.ty(input)
    }

    /// How many inputs there are.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }
}

/// What a running node may touch: its inputs, its output slots and its state.
#[derive(Debug)]
pub struct Io<'a> {
    /// The inputs.
    pub inputs: Inputs<'a>,
    /// The output slots, with the buffers of an earlier call.
    pub outputs: &'a mut [Slot],
    pub(crate) state: Option<&'a mut (dyn OpState + 'static)>,
}

impl<'a> Io<'a> {
    /// The op's state, and the rest beside it.
    ///
    /// # Errors
    ///
    /// When the op's `state` does not make one of this type.
    #[inline]
    pub fn with_state<S: OpState>(&mut self) -> Result<(&mut S, &Inputs<'a>, &mut [Slot]), OpFailure> {
        let state = self.state.as_deref_mut().ok_or(OpFailure::NoState)?;
        let state = (state as &mut dyn Any).downcast_mut().ok_or(OpFailure::NoState)?;
        Ok((state, &self.inputs, &mut *self.outputs))
    }
}
