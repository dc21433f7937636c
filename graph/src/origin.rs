//! Where a node was written: the only ambient state of the house.
//!
//! The library builds the nodes, so it can note the caller's line. Two things would spoil that line: helpers that
//! build several nodes, and passes (differentiation, rewriting) that build nodes on the user's behalf. Both open a
//! scope here, on a stack of this thread; the outermost user line wins. The user may name parts of a model, too.

use std::cell::RefCell;
use std::fmt;
use std::marker::PhantomData;
use std::panic::Location;
use std::sync::Arc;

/// The source line that a node is owed to, and by what way it came about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    line: &'static Location<'static>,
    role: Role,
    /// Behind a thin pointer: every node has an origin.
    scope: Option<Arc<String>>,
}

/// How a node came about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// The user's code built it.
    Written,
    /// Reverse mode built it, for the derivative of the node at that line.
    Gradient,
    /// Forward mode built it, for the derivative of the node at that line.
    Tangent,
    /// A rewrite rule of this name built it, in place of the node at that line.
    Rewritten(&'static str),
}

impl Origin {
    /// The caller's own line.
    #[track_caller]
    pub fn caller() -> Self {
        Self { line: Location::caller(), role: Role::Written, scope: NAME.with_borrow(Clone::clone) }
    }

    /// File, line and column of the user's code.
    pub fn line(&self) -> &'static Location<'static> {
        self.line
    }

    /// By what way the node came about.
    pub fn role(&self) -> Role {
        self.role
    }

    /// The named scope that the line stands in, as a path: `model/likelihood`; see [`scope`].
    pub fn scope(&self) -> Option<&str> {
        self.scope.as_deref().map(String::as_str)
    }

    /// The same line, reached another way.
    pub fn with_role(self, role: Role) -> Self {
        Self { role, ..self }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line.file(), self.line.line())?;
        self.scope().map_or(Ok(()), |scope| write!(f, " in {scope}"))?;
        match self.role {
            Role::Written => Ok(()),
            Role::Gradient => f.write_str(" (gradient)"),
            Role::Tangent => f.write_str(" (tangent)"),
            Role::Rewritten(rule) => write!(f, " (rewritten by {rule})"),
        }
    }
}

thread_local! {
    static CURRENT: RefCell<Option<Origin>> = const { RefCell::new(None) };
    static NAME: RefCell<Option<Arc<String>>> = const { RefCell::new(None) };
}

/// Restores the previous origin when dropped; not `Send`, because the stack belongs to one thread.
#[derive(Debug)]
#[must_use = "the scope ends when this is dropped"]
pub struct Scope {
    outer: Option<Origin>,
    thread_bound: PhantomData<*const ()>,
}

impl Drop for Scope {
    fn drop(&mut self) {
        CURRENT.set(self.outer.take());
    }
}

/// Attributes every node built in this scope to the caller's line, unless an outer scope is open already.
///
/// For functions that build more than one node: open it first, in a function marked `#[track_caller]`.
#[track_caller]
pub fn here() -> Scope {
    let outer = CURRENT.with_borrow(Clone::clone);
    if outer.is_none() {
        CURRENT.set(Some(Origin::caller()));
    }
    Scope { outer, thread_bound: PhantomData }
}

/// Attributes every node built in this scope to `origin`, whatever is open outside.
///
/// For passes that build nodes on the user's behalf; an op author never needs it.
pub fn within(origin: Origin) -> Scope {
    let outer = CURRENT.replace(Some(origin));
    Scope { outer, thread_bound: PhantomData }
}

/// The origin of a node that is built now.
#[track_caller]
pub fn current() -> Origin {
    // Not `unwrap_or_else`: the caller's line would be lost in the closure.
    match CURRENT.with_borrow(Clone::clone) {
        Some(origin) => origin,
        None => Origin::caller(),
    }
}

/// Leaves a named scope when dropped.
#[derive(Debug)]
#[must_use = "the scope ends when this is dropped"]
pub struct NamedScope {
    outer: Option<Arc<String>>,
    thread_bound: PhantomData<*const ()>,
}

impl Drop for NamedScope {
    fn drop(&mut self) {
        NAME.set(self.outer.take());
    }
}

/// Names a part of a model: what is built until the result is dropped shows the name after its line, in errors,
/// printouts and profiles. Scopes within scopes make a path.
///
/// ```
/// use kronograph_graph::{Origin, scope};
/// let _model = scope("model");
/// let _likelihood = scope("likelihood");
/// assert_eq!(Origin::caller().scope(), Some("model/likelihood"));
/// ```
pub fn scope(name: &str) -> NamedScope {
    let outer = NAME.with_borrow(Clone::clone);
    let path = outer.as_deref().map_or_else(|| name.to_owned(), |outer| format!("{outer}/{name}"));
    NAME.set(Some(Arc::new(path)));
    NamedScope { outer, thread_bound: PhantomData }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn helper() -> Origin {
        let _scope = here();
        inner()
    }

    fn inner() -> Origin {
        current()
    }

    #[test]
    fn the_outermost_user_line_wins_and_passes_override_it() {
        let line = line!() + 1;
        let written = helper();
        assert_eq!((written.line().line(), written.role()), (line, Role::Written));
        let pass = written.with_role(Role::Gradient);
        let _scope = within(pass.clone());
        assert_eq!(helper(), pass);
    }
}
