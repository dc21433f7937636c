//! Where a node was written: the only ambient state of the house.
//!
//! The library builds the nodes, so it can note the caller's line. Two things would spoil that line: helpers that
//! build several nodes, and passes (differentiation, rewriting) that build nodes on the user's behalf. Both open a
//! scope here, on a stack of this thread; the outermost user line wins. The user may name parts of a model, too. A
//! pass adds a step to the way that leads from the line to the node.

use std::borrow::Cow;
use std::cell::RefCell;
use std::fmt;
use std::marker::PhantomData;
use std::panic::Location;
use std::sync::Arc;

/// The source line that a node is owed to, and by what way it came about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    line: &'static Location<'static>,
    /// Behind thin pointers: every node has an origin.
    way: Option<Arc<Step>>,
    scope: Option<Arc<String>>,
}

/// The last step of the way from a line to a node, and those before it.
#[derive(Debug, PartialEq, Eq)]
struct Step {
    role: Role,
    /// The op of the node that was differentiated or replaced.
    of: Cow<'static, str>,
    before: Option<Arc<Step>>,
    length: u8,
}

/// A way is kept to its first steps and its last one: no rule makes it longer.
const LONGEST: u8 = 6;

/// How a node came about: the last step of its way.
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
        Self { line: Location::caller(), way: None, scope: NAME.with_borrow(Clone::clone) }
    }

    /// File, line and column of the user's code.
    pub fn line(&self) -> &'static Location<'static> {
        self.line
    }

    /// By what pass the node came about, last of all.
    pub fn role(&self) -> Role {
        self.way.as_ref().map_or(Role::Written, |step| step.role)
    }

    /// The steps from the line to the node, the last one first: what each did, and the op of the node that it was done
    /// to (empty where that was none).
    pub fn way(&self) -> impl Iterator<Item = (Role, &str)> {
        let steps = std::iter::successors(self.way.as_deref(), |step| step.before.as_deref());
        steps.map(|step| (step.role, &*step.of))
    }

    /// The named scope that the line stands in, as a path: `model/likelihood`; see [`scope`].
    pub fn scope(&self) -> Option<&str> {
        self.scope.as_deref().map(String::as_str)
    }

    /// The same line after one more step, done to a node of the op `of`.
    pub fn derived(self, role: Role, of: impl Into<Cow<'static, str>>) -> Self {
        let before = match &self.way {
            // A rule that fires again on its own work adds nothing to the story.
            Some(last) if last.role == role && matches!(role, Role::Rewritten(_)) => last.before.clone(),
            Some(last) if last.length >= LONGEST => last.before.clone(),
            other => other.clone(),
        };
        let length = before.as_ref().map_or(0, |step| step.length) + 1;
        let step = Step { role, of: of.into(), before, length };
        Self { way: Some(Arc::new(step)), ..self }
    }
}

impl fmt::Display for Origin {
    /// The line, the scope and the last step; `{:#}` shows all steps, in the order in which they were taken.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.line.file(), self.line.line())?;
        self.scope().map_or(Ok(()), |scope| write!(f, " in {scope}"))?;
        if f.alternate() {
            let steps: Vec<(Role, &str)> = self.way().collect();
            return steps.iter().rev().try_for_each(|&(role, of)| write_step(f, role, of));
        }
        match self.role() {
            Role::Written => Ok(()),
            Role::Gradient => f.write_str(" (gradient)"),
            Role::Tangent => f.write_str(" (tangent)"),
            Role::Rewritten(rule) => write!(f, " (rewritten by {rule})"),
        }
    }
}

fn write_step(f: &mut fmt::Formatter<'_>, role: Role, of: &str) -> fmt::Result {
    let (before, after) = if of.is_empty() { ("", "") } else { (" of `", "`") };
    match role {
        Role::Written => Ok(()),
        Role::Gradient => write!(f, ", for the gradient{before}{of}{after}"),
        Role::Tangent => write!(f, ", for the tangent{before}{of}{after}"),
        Role::Rewritten(rule) => write!(f, ", rewritten by {rule} from `{of}`"),
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
        let pass = written.derived(Role::Gradient, "exp");
        let _scope = within(pass.clone());
        assert_eq!(helper(), pass);
    }

    #[test]
    fn a_way_shows_its_steps_in_order_and_does_not_grow_for_ever() {
        let written = Origin::caller();
        let line = written.to_string();
        let way = written.derived(Role::Gradient, "log").derived(Role::Rewritten("fold"), "mul");
        assert_eq!(way.to_string(), format!("{line} (rewritten by fold)"));
        assert_eq!(format!("{way:#}"), format!("{line}, for the gradient of `log`, rewritten by fold from `mul`"));
        assert_eq!(way.clone().derived(Role::Rewritten("fold"), "add").way().count(), 2, "the same rule again");
        let long = (0..100_000).fold(way, |way, _| way.derived(Role::Tangent, "exp"));
        assert_eq!(long.way().count(), usize::from(LONGEST));
        assert_eq!(long.way().last(), Some((Role::Gradient, "log")));
    }
}
