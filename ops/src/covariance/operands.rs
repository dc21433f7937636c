//! The operands of an operator, and their names.

use kronograph_graph::{BuildError, Result};

use super::structure::Structure;

/// Operands in their order, all of them with names or all without: those are `op_0`, `op_1` and so on.
///
/// Arrays and vectors of structures, or of pairs of a name and a structure, become operands by themselves.
///
/// ```
/// use kronograph_ops::covariance::{Operands, Structure};
///
/// let mut terms = Operands::default();
/// for (name, order) in [("row", 4), ("column", 4)] {
///     terms = terms.with_named(name, Structure::scalar(order)?);
/// }
/// assert_eq!(Structure::sum(terms)?.param_names(), ["row/sigma^2", "column/sigma^2"]);
/// # Ok::<(), kronograph_graph::BuildError>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Operands(Vec<(Option<String>, Structure)>);

impl Operands {
    /// With one more operand, under a name.
    pub fn with_named(mut self, name: impl Into<String>, operand: Structure) -> Self {
        self.0.push((Some(name.into()), operand));
        self
    }

    /// With one more operand, which is named by its position.
    pub fn with(mut self, operand: Structure) -> Self {
        self.0.push((None, operand));
        self
    }

    /// The structures.
    pub(super) fn structures(&self) -> impl Iterator<Item = &Structure> {
        self.0.iter().map(|(_, operand)| operand)
    }

    /// The shapes of the structures.
    pub(super) fn shapes(&self) -> Vec<[usize; 2]> {
        self.structures().map(Structure::shape).collect()
    }

    /// As many as an operator takes, and not all of them plain matrices.
    #[track_caller]
    pub(super) fn checked(self, op: &'static str, count: std::ops::RangeInclusive<usize>) -> Result<Self> {
        let got = self.0.len();
        if !count.contains(&got) {
            let (least, most) = (*count.start(), *count.end());
            let want = match most {
                _ if least == most => format!("{least}"),
                usize::MAX => format!("at least {least}"),
                _ => format!("{least} to {most}"),
            };
            return Err(BuildError::parameter(op, format!("it takes {want} operand(s), was given {got}")));
        }
        if self.structures().all(|operand| operand.kind_as::<super::plain::Plain>().is_some()) {
            return Err(BuildError::parameter(op, "all operands are plain matrices: it needs a structure"));
        }
        Ok(self)
    }

    /// Each with its name.
    #[track_caller]
    pub(super) fn into_named(self, op: &'static str) -> Result<Vec<(String, Structure)>> {
        let wrong = |rule: String| BuildError::parameter(op, rule);
        let given = self.0.iter().filter(|(name, _)| name.is_some()).count();
        if given != 0 && given != self.0.len() {
            return Err(wrong("either all operands have names or none".to_owned()));
        }
        let mut named: Vec<(String, Structure)> = Vec::with_capacity(self.0.len());
        for (k, (name, operand)) in self.0.into_iter().enumerate() {
            let name = name.unwrap_or_else(|| format!("op_{k}"));
            if name.is_empty() || name.contains('/') {
                return Err(wrong(format!("the name `{name}` of an operand is empty or contains `/`")));
            }
            if named.iter().any(|(before, _)| *before == name) {
                return Err(wrong(format!("two operands have the name `{name}`")));
            }
            named.push((name, operand));
        }
        Ok(named)
    }
}

impl<const N: usize> From<[Structure; N]> for Operands {
    fn from(operands: [Structure; N]) -> Self {
        Self(operands.into_iter().map(|operand| (None, operand)).collect())
    }
}

impl<const N: usize> From<[(&str, Structure); N]> for Operands {
    fn from(operands: [(&str, Structure); N]) -> Self {
        Self(operands.into_iter().map(|(name, operand)| (Some(name.to_owned()), operand)).collect())
    }
}

impl From<Vec<Structure>> for Operands {
    fn from(operands: Vec<Structure>) -> Self {
        Self(operands.into_iter().map(|operand| (None, operand)).collect())
    }
}

impl From<Vec<(String, Structure)>> for Operands {
    fn from(operands: Vec<(String, Structure)>) -> Self {
        Self(operands.into_iter().map(|(name, operand)| (Some(name), operand)).collect())
    }
}
