//! The tree of a structure: its kind, its operands, and the parameters of all of them under their names.

use std::any::Any;
use std::sync::Arc;

use kronograph_graph::{BuildError, Result, origin};

use super::kind::StructureKind;
use super::operands::Operands;
use super::parameter::ParameterSpec;

/// The structure of a matrix: a leaf, or an operator on other structures.
///
/// It is an immutable value, and cheap to clone; it has parameters, but no numbers for them. [`build`](Self::build)
/// gives the matrix on parameters.
///
/// ```
/// use kronograph_ops::covariance::Structure;
/// use kronograph_ops::vector;
///
/// let plots = Structure::kronecker_product([("row", Structure::ar1(10)?), ("column", Structure::ar1(15)?)])?;
/// let plots = plots.with_fixed("column/sigma^2", 1.0)?;
/// assert_eq!(plots.free_param_names(), ["row/sigma^2", "row/rho", "column/rho"]);
/// let v = plots.build(&vector("raw"))?;
/// // (10, 10) and (15, 15) at most, never (150, 150).
/// let logdet = v.logdet()?;
/// # Ok::<(), kronograph_graph::BuildError>(())
/// ```
#[derive(Clone, Debug)]
pub struct Structure(Arc<Node>);

#[derive(Debug)]
struct Node {
    kind: Arc<dyn StructureKind>,
    operands: Vec<Structure>,
    /// Its own first, then those of each operand.
    parameters: Vec<ParameterSpec>,
}

impl Structure {
    /// A leaf.
    ///
    /// # Errors
    ///
    /// When a name of a parameter contains `/`, or is there twice.
    #[track_caller]
    pub fn leaf(kind: impl StructureKind) -> Result<Self> {
        Self::assemble(Arc::new(kind), Vec::new())
    }

    /// An operator on operands.
    ///
    /// # Errors
    ///
    /// When a name of a parameter or an operand contains `/`, or is there twice; when an operand has no name and
    /// another one has.
    #[track_caller]
    pub fn operator(kind: impl StructureKind, operands: impl Into<Operands>) -> Result<Self> {
        let _scope = origin::here();
        let operands = operands.into().into_named(kind.name())?;
        Self::assemble(Arc::new(kind), operands)
    }

    #[track_caller]
    fn assemble(kind: Arc<dyn StructureKind>, operands: Vec<(String, Structure)>) -> Result<Self> {
        let mut parameters = kind.parameters();
        for (k, own) in parameters.iter().enumerate() {
            let name = own.name();
            if name.contains('/') || parameters[..k].iter().any(|before| before.name() == name) {
                let rule = format!("the name `{name}` of a parameter contains `/`, or is there twice");
                return Err(BuildError::parameter(kind.name(), rule));
            }
        }
        if kind.operand_parameters().is_none() {
            let theirs = |(name, operand): &(String, Structure)| {
                operand.parameters().iter().map(|parameter| parameter.within(name)).collect::<Vec<_>>()
            };
            parameters.extend(operands.iter().flat_map(theirs));
        }
        let operands = operands.into_iter().map(|(_, operand)| operand).collect();
        Ok(Self(Arc::new(Node { kind, operands, parameters })))
    }

    /// What it is.
    pub fn kind(&self) -> &dyn StructureKind {
        &*self.0.kind
    }

    /// What it is as a concrete kind, if it is that.
    pub fn kind_as<K: StructureKind>(&self) -> Option<&K> {
        (self.kind() as &dyn Any).downcast_ref()
    }

    /// What it is an operator on.
    pub fn operands(&self) -> &[Structure] {
        &self.0.operands
    }

    /// Rows and columns.
    pub fn shape(&self) -> [usize; 2] {
        self.kind().shape()
    }

    /// All parameters, in the order in which raw numbers are given: its own, then those of each operand.
    pub fn parameters(&self) -> &[ParameterSpec] {
        &self.0.parameters
    }

    /// The parameters that are not fixed, in the same order.
    pub fn free_parameters(&self) -> impl Iterator<Item = &ParameterSpec> {
        self.parameters().iter().filter(|parameter| parameter.fixed().is_none())
    }

    /// The names of all parameters.
    pub fn param_names(&self) -> Vec<&str> {
        self.parameters().iter().map(ParameterSpec::name).collect()
    }

    /// The names of the free parameters.
    pub fn free_param_names(&self) -> Vec<&str> {
        self.free_parameters().map(ParameterSpec::name).collect()
    }

    /// The names of the fixed parameters.
    pub fn fixed_param_names(&self) -> Vec<&str> {
        self.parameters().iter().filter(|parameter| parameter.fixed().is_some()).map(ParameterSpec::name).collect()
    }

    /// The defaults of the free parameters, on the raw scale.
    pub fn defaults(&self) -> Vec<f64> {
        self.free_parameters().map(ParameterSpec::default_raw).collect()
    }

    /// The bounds of the free parameters, on the natural scale.
    pub fn bounds(&self) -> Vec<(f64, f64)> {
        self.free_parameters().map(ParameterSpec::bounds).collect()
    }

    /// The same structure with a parameter fixed at a value, which is on the natural scale.
    ///
    /// # Errors
    ///
    /// When there is no such parameter, or the value is outside of its bounds.
    #[track_caller]
    pub fn with_fixed(&self, name: &str, value: f64) -> Result<Self> {
        let at = self.position(name)?;
        self.parameters()[at].check(self.kind().name(), value)?;
        Ok(self.with_parameter(at, Some(value)))
    }

    /// The same structure with a parameter free again.
    ///
    /// # Errors
    ///
    /// When there is no such parameter.
    #[track_caller]
    pub fn with_free(&self, name: &str) -> Result<Self> {
        Ok(self.with_parameter(self.position(name)?, None))
    }

    fn with_parameter(&self, at: usize, fixed: Option<f64>) -> Self {
        let mut parameters = self.0.parameters.clone();
        parameters[at] = parameters[at].fixed_at(fixed);
        Self(Arc::new(Node { kind: self.0.kind.clone(), operands: self.0.operands.clone(), parameters }))
    }

    /// Where a parameter is in the list.
    #[track_caller]
    pub(super) fn position(&self, name: &str) -> Result<usize> {
        match self.parameters().iter().position(|parameter| parameter.name() == name) {
            Some(at) => Ok(at),
            None => Err(self.wrong(format!("there is no parameter `{name}`; there are {}", self.list()))),
        }
    }

    /// The names of all parameters, as an error shows them.
    pub(super) fn list(&self) -> String {
        let names: Vec<String> = self.parameters().iter().map(|parameter| format!("`{}`", parameter.name())).collect();
        if names.is_empty() { "none".to_owned() } else { names.join(", ") }
    }

    /// An error that names the structure.
    #[track_caller]
    pub(super) fn wrong(&self, rule: impl Into<std::borrow::Cow<'static, str>>) -> BuildError {
        BuildError::parameter(self.kind().name(), rule)
    }
}
