//! Variables whose values live outside of functions: read by all that use them, changed by their updates.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use smallvec::SmallVec;

use crate::error::{BuildError, Result, RunError};
use crate::types::TypeRef;
use crate::value::Value;
use crate::variable::Variable;

/// A variable with a value of its own, which all functions that use it read at their next call (PyTensor: `shared`).
///
/// It is no argument of a call. A function may have updates of it: see [`Definition`](crate::Definition). Cloning
/// gives another handle to the same value.
#[derive(Clone)]
pub struct Shared {
    variable: Variable,
    cell: Arc<Cell>,
}

/// Where the value is.
pub(crate) struct Cell(RwLock<Arc<dyn Value>>);

/// The places of some cells by address: the order in which everybody locks several, so that nobody waits in a circle.
fn locking_order(cells: &[Arc<Cell>]) -> SmallVec<[usize; 8]> {
    let mut order: SmallVec<[usize; 8]> = (0..cells.len()).collect();
    order.sort_unstable_by_key(|&at| Arc::as_ptr(&cells[at]));
    order
}

/// The values of some cells, none of which is in the middle of a commit.
pub(crate) fn snapshot(cells: &[Arc<Cell>], values: &mut Vec<Arc<dyn Value>>) {
    let lock = |at: usize| (at, cells[at].0.read().unwrap_or_else(PoisonError::into_inner));
    let mut held: SmallVec<[_; 8]> = locking_order(cells).into_iter().map(lock).collect();
    held.sort_unstable_by_key(|(at, _)| *at);
    values.extend(held.iter().map(|(_, value)| Arc::clone(value)));
}

/// Puts values into some cells, all at once.
pub(crate) fn commit(cells: &[Arc<Cell>], mut values: Vec<Option<Arc<dyn Value>>>) {
    let lock = |at: usize| (at, cells[at].0.write().unwrap_or_else(PoisonError::into_inner));
    let mut held: SmallVec<[_; 8]> = locking_order(cells).into_iter().map(lock).collect();
    for (at, cell) in &mut held {
        values[*at].take().into_iter().for_each(|value| **cell = value);
    }
}

impl Cell {
    /// The value as it is now; a later change does not reach it.
    pub(crate) fn get(&self) -> Arc<dyn Value> {
        self.0.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    pub(crate) fn put(&self, value: Arc<dyn Value>) {
        *self.0.write().unwrap_or_else(PoisonError::into_inner) = value;
    }
}

impl fmt::Debug for Cell {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.get().describe())
    }
}

impl Shared {
    /// A shared variable of a type, with its first value.
    ///
    /// # Errors
    ///
    /// When the value is none of the type.
    #[track_caller]
    pub fn new(name: &str, ty: TypeRef, value: impl Value) -> Result<Self> {
        let converted = ty.filter(&value);
        let cell = Arc::new(Cell(RwLock::new(Arc::new(value))));
        let variable = Variable::shared(name, ty, cell.clone());
        match converted {
            Ok(None) => {}
            Ok(Some(converted)) => cell.put(converted.into()),
            Err(rule) => return Err(BuildError::inputs("shared", &[variable], rule)),
        }
        Ok(Self { variable, cell })
    }

    /// The variable, to build expressions with.
    pub fn variable(&self) -> &Variable {
        &self.variable
    }

    /// The value as it is now.
    pub fn get(&self) -> Arc<dyn Value> {
        self.cell.get()
    }

    /// Gives it another value, which every function sees at its next call.
    ///
    /// # Errors
    ///
    /// When the value is none of the variable's type; the old one stays.
    pub fn set(&self, value: impl Value) -> Result<(), RunError> {
        match self.variable.ty().filter(&value) {
            Ok(None) => self.cell.put(Arc::new(value)),
            Ok(Some(converted)) => self.cell.put(converted.into()),
            Err(rule) => {
                let (name, ty) = (crate::print::expression_text(&self.variable), self.variable.ty().to_string());
                return Err(RunError::Shared { name, ty, got: value.describe(), rule });
            }
        }
        Ok(())
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "shared {:?} = {:?}", self.variable, self.cell)
    }
}
