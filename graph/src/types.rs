//! The open trait of types: what kind of value a variable holds, and what can be said of it before it is known.
//!
//! A type never holds data. It checks and prints values, knows static extents, and names its tangent type, to which
//! zero, one and the accumulation of cotangents belong; so that differentiation needs no tensors.

use std::any::Any;
use std::fmt::{Debug, Display};
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use crate::error::{BuildError, Result};
use crate::op::Op;
use crate::operators::{Operand, UnaryVerb, Verb};
use crate::value::Value;
use crate::variable::Variable;

/// A shared type.
pub type TypeRef = Arc<dyn Type>;

/// Structural identity of types; derive `PartialEq`, `Eq` and `Hash`, and it follows.
pub trait TypeIdentity: Any {
    /// Whether the other type is the same one.
    fn same_type(&self, other: &dyn Type) -> bool;
    /// Feeds the type to a hasher.
    fn digest_type(&self, hasher: &mut dyn Hasher);
}

impl<T: Type + Eq + Hash> TypeIdentity for T {
    fn same_type(&self, other: &dyn Type) -> bool {
        (other as &dyn Any).downcast_ref::<T>() == Some(self)
    }

    fn digest_type(&self, mut hasher: &mut dyn Hasher) {
        std::any::TypeId::of::<T>().hash(&mut hasher);
        self.hash(&mut hasher);
    }
}

/// A kind of value: for dense tensors a dtype and a static shape.
///
/// `Display` is what errors and printouts show, for instance `f64 (3, ?)`.
pub trait Type: TypeIdentity + Debug + Display + Send + Sync + 'static {
    /// The static extents, axis by axis; `None` where an extent is known only when the function runs.
    fn extents(&self) -> &[Option<usize>] {
        &[]
    }

    /// Whether every value of `other` is a value of this type.
    fn is_super(&self, other: &dyn Type) -> bool {
        self.same_type(other)
    }

    /// Accepts a value as it is (`None`), or converted without loss (`Some`).
    ///
    /// # Errors
    ///
    /// What is wrong with the value, in words.
    fn filter(&self, value: &dyn Value) -> Result<Option<Box<dyn Value>>, String>;

    /// The type of derivatives with respect to such a value; `None` for indices, random states and other discrete
    /// things.
    fn tangent(&self) -> Option<TypeRef> {
        None
    }

    /// Zero, of this tangent type and of the shape of `like` (a variable whose tangent type this is).
    ///
    /// A type that is nobody's tangent type leaves this, [`ones_like`](Self::ones_like) and
    /// [`accumulate`](Self::accumulate) as they are.
    ///
    /// # Errors
    ///
    /// When the type has no zero.
    fn zeros_like(&self, like: &Variable) -> Result<Variable> {
        Err(no_tangent_type("zeros_like", like))
    }

    /// One, of this tangent type and of the shape of `like`: the seed of a gradient. Only scalars have it.
    ///
    /// # Errors
    ///
    /// When the type has no one.
    fn ones_like(&self, like: &Variable) -> Result<Variable> {
        Err(no_tangent_type("ones_like", like))
    }

    /// The sum of cotangents (at least one) of this tangent type, for the variable `like`.
    ///
    /// The terms may be of related types (dense terms of a sparse sum, say); the result is of this type or a more
    /// precise one.
    ///
    /// # Errors
    ///
    /// When a term cannot be a cotangent of `like`.
    fn accumulate(&self, like: &Variable, _terms: &[Variable]) -> Result<Variable> {
        Err(no_tangent_type("accumulate", like))
    }

    /// The cotangent of `like` where a value of it stores something: for types that do not store every entry, the part
    /// that belongs to stored ones.
    ///
    /// # Errors
    ///
    /// When `cotangent` cannot be one of `like`.
    fn structured(&self, _like: &Variable, cotangent: &Variable) -> Result<Variable> {
        Ok(cotangent.clone())
    }

    /// What a binary operator means when one operand is of this type; `None` leaves it to the other operand's type.
    fn binary(&self, _verb: Verb, _left: Operand<'_>, _right: Operand<'_>) -> Option<Result<Variable>> {
        None
    }

    /// What a unary operator means for this type; `None` when it has no meaning.
    fn unary(&self, _verb: UnaryVerb, _operand: &Variable) -> Option<Result<Variable>> {
        None
    }

    /// What the function of an op that was made for another type means when one operand is of this type; `None` leaves
    /// it to the other operands' types.
    fn overload(&self, _op: &dyn Op, _operands: &[Operand<'_>]) -> Option<Result<Variable>> {
        None
    }
}

fn no_tangent_type(op: &'static str, like: &Variable) -> BuildError {
    BuildError::inputs(op, std::slice::from_ref(like), "the type of its derivatives does not say how")
}
