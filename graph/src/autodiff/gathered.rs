//! What is known of a derivative while a sweep goes on, and the checks on what ops return.

use std::borrow::Cow;

use smallvec::SmallVec;

use crate::error::{BuildError, Result};
use crate::op::{Grad, Why};
use crate::origin::Origin;
use crate::types::TypeRef;
use crate::variable::{Apply, Variable, VariableKey};
use crate::walk::AddressMap;

/// What the derivative of a variable is, while it is being gathered.
#[derive(Clone, Debug, Default)]
pub(super) struct Gathered {
    pub(super) terms: SmallVec<[Variable; 1]>,
    pub(super) zero: bool,
    pub(super) undefined: Option<Box<Undefined>>,
}

#[derive(Clone, Debug)]
pub(super) struct Undefined {
    pub(super) op: Cow<'static, str>,
    pub(super) why: Why,
    pub(super) origin: Origin,
}

pub(super) type Table = AddressMap<VariableKey, Gathered>;
pub(super) type Keys = AddressMap<VariableKey, ()>;

pub(super) fn keys(variables: &[Variable]) -> Keys {
    variables.iter().map(|variable| (variable.key(), ())).collect()
}

impl Gathered {
    pub(super) fn add(&mut self, grad: Grad, node: &Apply) {
        match grad {
            Grad::Var(variable) => self.terms.push(variable),
            Grad::Zero => self.zero = true,
            Grad::Disconnected => {}
            Grad::Undefined { why } => {
                let (op, origin) = (node.op().name(), node.origin());
                self.undefined.get_or_insert(Box::new(Undefined { op, why, origin }));
            }
        }
    }

    pub(super) fn is_disconnected(&self) -> bool {
        self.terms.is_empty() && !self.zero && self.undefined.is_none()
    }

    /// The terms as one variable of the tangent type of `like`.
    pub(super) fn total(&self, like: &Variable, tangent: &TypeRef) -> Result<Option<Variable>> {
        match self.terms.as_slice() {
            [] => Ok(None),
            [only] if tangent.is_super(&**only.ty()) => Ok(Some(only.clone())),
            terms => tangent.accumulate(like, terms).map(Some),
        }
    }

    /// The derivative of a variable, as one of the four kinds.
    pub(super) fn kind(&self, of: &Variable) -> Result<Grad> {
        if let Some(undefined) = &self.undefined {
            return Ok(Grad::Undefined { why: undefined.why });
        }
        let Some(tangent) = of.ty().tangent() else { return Ok(Grad::Disconnected) };
        Ok(match self.total(of, &tangent)? {
            Some(total) => Grad::Var(total),
            None if self.zero => Grad::Zero,
            None => Grad::Disconnected,
        })
    }
}

/// The sums of what was gathered for some variables; `None` for those without terms or without derivatives.
pub(super) fn totals(variables: &[Variable], gathered: &[Gathered]) -> Result<Vec<Option<Variable>>> {
    let total = |(variable, gathered): (&Variable, &Gathered)| match variable.ty().tangent() {
        Some(tangent) => gathered.total(variable, &tangent),
        None => Ok(None),
    };
    variables.iter().zip(gathered).map(total).collect()
}

pub(super) fn check_count(node: &Apply, mode: &'static str, got: usize, want: usize) -> Result<()> {
    if got == want {
        return Ok(());
    }
    let rule = format!("it must return {want} term(s), and returned {got}");
    Err(BuildError::BadDerivative { op: node.op().name(), mode, rule, origin: node.origin() })
}

/// Whether a variable may be a value of a tangent type: as many axes, and no two lengths that are known to differ.
pub(super) fn may_be(tangent: &TypeRef, variable: &Variable) -> bool {
    let (want, got) = (tangent.extents(), variable.ty().extents());
    want.len() == got.len() && want.iter().zip(got).all(|(a, b)| a.is_none() || b.is_none() || a == b)
}

/// A term must be a derivative of `of`: of a type that has one, and of its shape.
pub(super) fn check_term(node: &Apply, mode: &'static str, of: &Variable, grad: &Grad) -> Result<()> {
    let Grad::Var(term) = grad else { return Ok(()) };
    let rule = match of.ty().tangent() {
        Some(tangent) if may_be(&tangent, term) => return Ok(()),
        Some(tangent) => format!("the term for {} must be {tangent}, and is {}", of.ty(), term.ty()),
        None => format!("{} has no derivatives, yet a term was returned", of.ty()),
    };
    Err(BuildError::BadDerivative { op: node.op().name(), mode, rule, origin: node.origin() })
}
