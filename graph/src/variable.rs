//! Variables and Apply nodes: the immutable, cheap handles of which expressions are made.
//!
//! A [`Variable`] is a leaf (an input or a constant) or an output of an [`Apply`]; cloning it copies a pointer.
//! Two handles are equal when they are the same variable, never when they hold equal values. Building needs no
//! context object. Dropping is iterative, so that a chain of a million nodes does not overflow the stack.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, OnceLock};

use smallvec::SmallVec;

use crate::error::{BuildError, Result};
use crate::fgraph::ValueId;
use crate::op::{NodeSpec, NodeView, Op, OpRef};
use crate::origin::{self, Origin};
use crate::shared::Cell;
use crate::types::TypeRef;
use crate::value::Value;

/// A handle to an immutable expression.
#[derive(Clone)]
pub struct Variable(Repr);

#[derive(Clone)]
enum Repr {
    Leaf(Arc<Leaf>),
    Output(Apply, u32),
}

struct Leaf {
    ty: TypeRef,
    kind: LeafKind,
    name: OnceLock<Arc<str>>,
    origin: Origin,
}

enum LeafKind {
    Input,
    Constant(Arc<dyn Value>),
    Shared(Arc<Cell>),
    /// Stands for a value of a function graph while a rule builds its replacement.
    Bound(u64, ValueId),
}

/// The application of an op to its inputs; its outputs are created with it.
#[derive(Clone)]
pub struct Apply(Arc<Node>);

struct Node {
    op: OpRef,
    inputs: SmallVec<[Variable; 2]>,
    outputs: SmallVec<[OutputInfo; 1]>,
    origin: Origin,
}

struct OutputInfo {
    ty: TypeRef,
    name: OnceLock<Arc<str>>,
}

/// The identity of a variable, as a key of maps; meaningful while some handle to it is alive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct VariableKey {
    address: usize,
    output: u32,
}

impl Variable {
    /// A free variable of a type, to be an input of a function.
    #[track_caller]
    pub fn input(name: &str, ty: TypeRef) -> Self {
        let variable = Self::leaf(ty, LeafKind::Input, origin::current());
        variable.named(name)
    }

    /// A constant. The value is kept as it is; its type must fit it.
    #[track_caller]
    pub fn constant_of(ty: TypeRef, value: Arc<dyn Value>) -> Self {
        Self::leaf(ty, LeafKind::Constant(value), origin::current())
    }

    #[track_caller]
    pub(crate) fn shared(name: &str, ty: TypeRef, cell: Arc<Cell>) -> Self {
        Self::leaf(ty, LeafKind::Shared(cell), origin::current()).named(name)
    }

    pub(crate) fn bound(ty: TypeRef, graph: u64, id: ValueId, origin: Origin, name: Option<&Arc<str>>) -> Self {
        let variable = Self::leaf(ty, LeafKind::Bound(graph, id), origin);
        if let (Repr::Leaf(leaf), Some(name)) = (&variable.0, name) {
            let _ = leaf.name.set(name.clone());
        }
        variable
    }

    fn leaf(ty: TypeRef, kind: LeafKind, origin: Origin) -> Self {
        Self(Repr::Leaf(Arc::new(Leaf { ty, kind, name: OnceLock::new(), origin })))
    }

    /// Names this variable and returns it. The first name stays: expressions are immutable and shared.
    pub fn named(self, name: &str) -> Self {
        let _ = self.name_cell().set(Arc::from(name));
        self
    }

    /// The name, where one was given.
    pub fn name(&self) -> Option<&str> {
        self.name_cell().get().map(|name| &**name)
    }

    fn name_cell(&self) -> &OnceLock<Arc<str>> {
        match &self.0 {
            Repr::Leaf(leaf) => &leaf.name,
            Repr::Output(node, index) => &node.0.outputs[*index as usize].name,
        }
    }

    pub(crate) fn shared_name(&self) -> Option<Arc<str>> {
        self.name_cell().get().cloned()
    }

    pub(crate) fn set_shared_name(&self, name: &Arc<str>) {
        let _ = self.name_cell().set(name.clone());
    }

    /// The type.
    pub fn ty(&self) -> &TypeRef {
        match &self.0 {
            Repr::Leaf(leaf) => &leaf.ty,
            Repr::Output(node, index) => &node.0.outputs[*index as usize].ty,
        }
    }

    /// The type as a concrete one, if it is that.
    pub fn type_as<T: crate::types::Type>(&self) -> Option<&T> {
        (&**self.ty() as &dyn std::any::Any).downcast_ref()
    }

    /// Where it was built.
    pub fn origin(&self) -> Origin {
        match &self.0 {
            Repr::Leaf(leaf) => leaf.origin.clone(),
            Repr::Output(node, _) => node.0.origin.clone(),
        }
    }

    /// The node it is an output of, and which output; `None` for leaves.
    pub fn owner(&self) -> Option<(&Apply, usize)> {
        match &self.0 {
            Repr::Leaf(_) => None,
            Repr::Output(node, index) => Some((node, *index as usize)),
        }
    }

    /// The value of a constant.
    pub fn constant(&self) -> Option<&Arc<dyn Value>> {
        match &self.0 {
            Repr::Leaf(leaf) => match &leaf.kind {
                LeafKind::Constant(value) => Some(value),
                LeafKind::Input | LeafKind::Shared(_) | LeafKind::Bound(..) => None,
            },
            Repr::Output(..) => None,
        }
    }

    /// Where the value of a shared variable is.
    pub(crate) fn cell(&self) -> Option<&Arc<Cell>> {
        match &self.0 {
            Repr::Leaf(leaf) => match &leaf.kind {
                LeafKind::Shared(cell) => Some(cell),
                LeafKind::Input | LeafKind::Constant(_) | LeafKind::Bound(..) => None,
            },
            Repr::Output(..) => None,
        }
    }

    /// Whether it is a free variable (an input), rather than a constant or an output of a node.
    pub fn is_input(&self) -> bool {
        matches!(&self.0, Repr::Leaf(leaf) if matches!(leaf.kind, LeafKind::Input))
    }

    pub(crate) fn bound_to(&self) -> Option<(u64, ValueId)> {
        match &self.0 {
            Repr::Leaf(leaf) => match leaf.kind {
                LeafKind::Bound(graph, id) => Some((graph, id)),
                LeafKind::Input | LeafKind::Constant(_) | LeafKind::Shared(_) => None,
            },
            Repr::Output(..) => None,
        }
    }

    /// The identity, as a key of maps.
    pub fn key(&self) -> VariableKey {
        match &self.0 {
            Repr::Leaf(leaf) => VariableKey { address: Arc::as_ptr(leaf) as usize, output: u32::MAX },
            Repr::Output(node, index) => VariableKey { address: node.key(), output: *index },
        }
    }
}

impl PartialEq for Variable {
    fn eq(&self, other: &Self) -> bool {
        self.key() == other.key()
    }
}

impl Eq for Variable {}

impl Hash for Variable {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.key().hash(state);
    }
}

impl fmt::Debug for Variable {
    /// One line; the whole graph is printed by [`debug_print`](crate::debug_print).
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} <{}>", crate::print::expression_text(self), self.ty())
    }
}

impl Apply {
    pub(crate) fn build(
        op: OpRef,
        inputs: SmallVec<[Variable; 2]>,
        types: SmallVec<[TypeRef; 1]>,
        origin: Origin,
    ) -> Self {
        let outputs = types.into_iter().map(|ty| OutputInfo { ty, name: OnceLock::new() }).collect();
        Self(Arc::new(Node { op, inputs, outputs, origin }))
    }

    /// The op.
    pub fn op(&self) -> &OpRef {
        &self.0.op
    }

    /// The op as a concrete one, if it is that.
    pub fn op_as<T: Op>(&self) -> Option<&T> {
        (&*self.0.op as &dyn std::any::Any).downcast_ref()
    }

    /// The inputs, in the op's order.
    pub fn inputs(&self) -> &[Variable] {
        &self.0.inputs
    }

    /// How many outputs there are.
    pub fn output_count(&self) -> usize {
        self.0.outputs.len()
    }

    /// One output.
    ///
    /// # Panics
    ///
    /// When there is no such output.
    pub fn output(&self, index: usize) -> Variable {
        assert!(index < self.0.outputs.len(), "{} has {} outputs", self.0.op.name(), self.0.outputs.len());
        Variable(Repr::Output(self.clone(), index as u32))
    }

    /// All outputs.
    pub fn outputs(&self) -> SmallVec<[Variable; 1]> {
        (0..self.output_count()).map(|index| self.output(index)).collect()
    }

    /// Where it was built.
    pub fn origin(&self) -> Origin {
        self.0.origin.clone()
    }

    pub(crate) fn key(&self) -> usize {
        Arc::as_ptr(&self.0) as usize
    }

    /// Calls `read` with the view that the derivative and shape rules take.
    pub fn with_view<R>(&self, read: impl FnOnce(&NodeView<'_>) -> R) -> R {
        let outputs = self.outputs();
        read(&NodeView::new(self.op(), self.inputs(), &outputs, self.origin()))
    }
}

impl fmt::Debug for Apply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{} at {}", self.0.op.name(), self.0.op.props(), self.0.origin)
    }
}

impl Drop for Node {
    /// Takes the chain of owners apart link by link.
    fn drop(&mut self) {
        let mut pending: Vec<Variable> = Vec::new();
        let take = |pending: &mut Vec<Variable>, inputs: &mut SmallVec<[Variable; 2]>| {
            pending.extend(inputs.drain(..).filter(|input| matches!(input.0, Repr::Output(..))));
        };
        take(&mut pending, &mut self.inputs);
        while let Some(Variable(repr)) = pending.pop() {
            let Repr::Output(apply, _) = repr else { continue };
            if let Some(mut node) = Arc::into_inner(apply.0) {
                take(&mut pending, &mut node.inputs);
            }
        }
    }
}

/// Applies an op and returns its only (or default) output.
///
/// # Errors
///
/// What the op's `make_node` finds wrong, or an op of several outputs without a default one.
#[track_caller]
pub fn apply(op: impl Op, inputs: &[Variable]) -> Result<Variable> {
    let default = op.default_output();
    let name = op.name();
    let node = build_node(Arc::new(op), inputs)?;
    match (node.output_count(), default) {
        (_, Some(index)) if index < node.output_count() => Ok(node.output(index)),
        (1, None) => Ok(node.output(0)),
        _ => Err(BuildError::parameter(name, "the op has several outputs and no default one; use `apply_all`")),
    }
}

/// Applies an op and returns all its outputs.
///
/// # Errors
///
/// What the op's `make_node` finds wrong.
#[track_caller]
pub fn apply_all(op: impl Op, inputs: &[Variable]) -> Result<SmallVec<[Variable; 1]>> {
    Ok(build_node(Arc::new(op), inputs)?.outputs())
}

#[track_caller]
pub(crate) fn build_node(op: OpRef, inputs: &[Variable]) -> Result<Apply> {
    let origin = origin::current();
    let _scope = origin::within(origin.clone());
    let NodeSpec { inputs: converted, mut outputs } = op.make_node(inputs)?;
    let inputs = converted.unwrap_or_else(|| inputs.iter().cloned().collect());
    // A long expression has few types: an output shares that of an input which has the same.
    for ty in &mut outputs {
        if let Some(like) = inputs.iter().find(|input| ty.same_type(&**input.ty())) {
            *ty = like.ty().clone();
        }
    }
    Ok(Apply::build(op, inputs, outputs, origin))
}
