//! A matrix whose entries are all the same variance.

use kronograph_graph::{Result, Variable};

use super::along::at_least;
use super::built::Covariance;
use super::kind::StructureKind;
use super::parameter::ParameterSpec;
use super::structure::Structure;
use crate::layout::broadcast_to;

/// `s J`.
#[derive(Debug)]
struct EqualEntry {
    shape: [usize; 2],
}

impl Structure {
    /// `s J` of shape (n, m), J all ones; one parameter, `sigma^2`.
    ///
    /// It has rank 1, and so no inverse but for n = m = 1.
    ///
    /// # Errors
    ///
    /// When n or m is 0.
    #[track_caller]
    pub fn equal_entry(n: usize, m: usize) -> Result<Self> {
        at_least("equal_entry", n.min(m), 1)?;
        Self::leaf(EqualEntry { shape: [n, m] })
    }
}

impl StructureKind for EqualEntry {
    fn name(&self) -> &'static str {
        "equal_entry"
    }

    fn shape(&self) -> [usize; 2] {
        self.shape
    }

    fn parameters(&self) -> Vec<ParameterSpec> {
        vec![ParameterSpec::variance("sigma^2")]
    }

    fn matrix(&self, v: &Covariance) -> Result<Variable> {
        broadcast_to(&v.param("sigma^2")?, self.shape)
    }
}
