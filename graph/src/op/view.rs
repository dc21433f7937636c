//! A node as derivative, shape and rewrite rules see it.

use std::any::Any;

use smallvec::SmallVec;

use super::{Grad, Op, OpRef, Tangents};
use crate::error::{BuildError, Result};
use crate::origin::Origin;
use crate::variable::{Variable, build_node};

/// A node as rules see it, whether it is part of an expression or of a function graph.
#[derive(Clone, Debug)]
pub struct NodeView<'a> {
    op: &'a OpRef,
    inputs: &'a [Variable],
    outputs: &'a [Variable],
    origin: Origin,
}

impl<'a> NodeView<'a> {
    /// A view of a node with these parts.
    pub fn new(op: &'a OpRef, inputs: &'a [Variable], outputs: &'a [Variable], origin: Origin) -> Self {
        Self { op, inputs, outputs, origin }
    }

    /// The op.
    pub fn op(&self) -> &'a OpRef {
        self.op
    }

    /// The op as a concrete one, if it is that.
    pub fn op_as<T: Op>(&self) -> Option<&'a T> {
        (&**self.op as &dyn Any).downcast_ref()
    }

    /// All inputs.
    pub fn inputs(&self) -> &'a [Variable] {
        self.inputs
    }

    /// All outputs.
    pub fn outputs(&self) -> &'a [Variable] {
        self.outputs
    }

    /// One input.
    pub fn input(&self, index: usize) -> &'a Variable {
        &self.inputs[index]
    }

    /// One output.
    pub fn output(&self, index: usize) -> &'a Variable {
        &self.outputs[index]
    }

    /// Where the node was built.
    pub fn origin(&self) -> Origin {
        self.origin.clone()
    }

    /// The error for a derivative that the op does not have.
    pub fn no_derivative(&self, mode: &'static str, input: usize) -> BuildError {
        BuildError::NoDerivative { op: self.op.name(), mode, input, origin: self.origin() }
    }

    /// The tangents of an op of one output that is linear in one input and does not move with the others: the same op,
    /// applied to that input's tangent.
    ///
    /// # Errors
    ///
    /// What the op finds wrong with the tangent.
    pub fn linear_tangent(&self, input: usize, tangents: &[Option<Variable>]) -> Result<Tangents> {
        let Some(tangent) = &tangents[input] else { return Ok(vec![Grad::Zero]) };
        let mut inputs: SmallVec<[Variable; 2]> = self.inputs.into();
        inputs[input] = tangent.clone();
        Ok(vec![build_node(self.op.clone(), &inputs)?.output(0).into()])
    }
}
