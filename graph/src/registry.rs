//! Ops and functions by name, each with the samples on which it is proved.
//!
//! An [`Entry`] stands beside the op that it describes, so that nothing about an op is said in a second place. An
//! [`OpRegistry`] is a value: it is made of lists of entries, and nothing is registered by being linked. Loading,
//! conformance tests and the proof of every derivative find ops here.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use crate::error::{BuildError, Result};
use crate::op::{OpRef, Params, Props, Why};
use crate::types::TypeRef;
use crate::value::Value;
use crate::variable::Variable;

type Build = Arc<dyn Fn(&Params<'_>, &[Variable]) -> Result<Vec<Variable>> + Send + Sync>;
type Parse = Arc<dyn Fn(&Params<'_>) -> Result<OpRef> + Send + Sync>;
type Samples = Arc<dyn Fn() -> Vec<Sample> + Send + Sync>;
type When = Arc<dyn Fn(&Params<'_>, &[Variable]) -> bool + Send + Sync>;

/// An op, or a function made of several, by name.
#[derive(Clone)]
pub struct Entry {
    name: &'static str,
    aliases: Vec<&'static str>,
    family: &'static str,
    without_derivative: Option<Why>,
    moves_with_distribution: bool,
    build: Build,
    /// The entry that it answers for, and when.
    answers: Option<(&'static str, When)>,
    /// What answers for it, and when.
    others: Vec<(When, Build)>,
    parse: Option<Parse>,
    holds_expressions: bool,
    samples: Samples,
}

impl Entry {
    /// A function, of parameters (with PyTensor's names) and inputs, that may be made of several ops.
    ///
    /// `family` is a heading in tables of ops.
    pub fn function(
        name: &'static str,
        family: &'static str,
        build: impl Fn(&Params<'_>, &[Variable]) -> Result<Vec<Variable>> + Send + Sync + 'static,
        samples: impl Fn() -> Vec<Sample> + Send + Sync + 'static,
    ) -> Self {
        let (build, samples) = (Arc::new(build), Arc::new(samples));
        Self {
            name,
            aliases: Vec::new(),
            family,
            without_derivative: None,
            moves_with_distribution: false,
            build,
            answers: None,
            others: Vec::new(),
            parse: None,
            holds_expressions: false,
            samples,
        }
    }

    /// It also answers to another name, such as that of another system.
    pub fn also_named(mut self, alias: &'static str) -> Self {
        self.aliases.push(alias);
        self
    }

    /// It also answers for an entry of another name, which the registry has already, where `when` holds of parameters
    /// and inputs.
    ///
    /// For functions of one name in several modules whose inputs alone do not tell which is meant: of dense blocks,
    /// `block_diag` is dense, and sparse when it is given a `format`.
    pub fn answering_for(
        self,
        name: &'static str,
        when: impl Fn(&Params<'_>, &[Variable]) -> bool + Send + Sync + 'static,
    ) -> Self {
        Self { answers: Some((name, Arc::new(when))), ..self }
    }

    /// The name also is that of an op, which `parse` makes from what its [`props`](crate::Op::props) printed.
    pub fn parsed_by(self, parse: impl Fn(&Params<'_>) -> Result<OpRef> + Send + Sync + 'static) -> Self {
        Self { parse: Some(Arc::new(parse)), ..self }
    }

    /// The name also is that of an op which holds expressions: its printed parameters do not tell all of it, and it
    /// cannot be read back.
    pub fn holding_expressions(self) -> Self {
        Self { holds_expressions: true, ..self }
    }

    /// It has no derivative, for a reason that the mathematics gives. One that nobody has written is none of these.
    pub fn without_derivative(self, why: Why) -> Self {
        Self { without_derivative: Some(why), ..self }
    }

    /// It is a random draw whose derivative is that of the distribution, not of the draw at fixed random words: slopes
    /// cannot be measured, so tests of its own must prove it.
    pub fn moving_with_its_distribution(self) -> Self {
        Self { moves_with_distribution: true, ..self }
    }

    /// The name.
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// Its other names.
    pub fn aliases(&self) -> &[&'static str] {
        &self.aliases
    }

    /// The heading under which tables list it.
    pub fn family(&self) -> &'static str {
        self.family
    }

    /// Why there is no derivative, if there is none.
    pub fn why_without_derivative(&self) -> Option<Why> {
        self.without_derivative
    }

    /// Whether its derivative is that of a distribution, which measured slopes do not show.
    pub fn moves_with_its_distribution(&self) -> bool {
        self.moves_with_distribution
    }

    /// Whether the name is that of a single op.
    pub fn is_op(&self) -> bool {
        self.parse.is_some() || self.holds_expressions
    }

    /// Whether it is an op that holds expressions, which its printed parameters do not tell.
    pub fn holds_expressions(&self) -> bool {
        self.holds_expressions
    }

    /// Outputs from parameters and inputs.
    ///
    /// # Errors
    ///
    /// Parameters or inputs that the function refuses.
    #[track_caller]
    pub fn build(&self, props: &Props, inputs: &[Variable]) -> Result<Vec<Variable>> {
        let _scope = crate::origin::here();
        let params = Params::new(self.name, props);
        let other = self.others.iter().find(|(when, _)| when(&params, inputs));
        other.map_or(&self.build, |(_, build)| build)(&params, inputs)
    }

    /// The op with these parameters.
    ///
    /// # Errors
    ///
    /// Parameters that it cannot have printed; a function of several ops.
    #[track_caller]
    pub fn op(&self, props: &Props) -> Result<OpRef> {
        let Some(parse) = &self.parse else {
            return Err(BuildError::parameter(self.name, "it is a function made of ops, not an op"));
        };
        parse(&Params::new(self.name, props))
    }

    /// Where it is proved.
    pub fn samples(&self) -> Vec<Sample> {
        (self.samples)()
    }
}

impl fmt::Debug for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Entry({}, {})", self.name, self.family)
    }
}

/// Inputs and parameters on which an entry is proved.
#[derive(Clone, Debug)]
pub struct Sample {
    /// What is special about it: `interior`, `ties`, `an empty axis`.
    pub name: Cow<'static, str>,
    /// The parameters.
    pub props: Props,
    /// The inputs.
    pub inputs: Vec<SampleInput>,
    /// Whether the function is smooth in a neighbourhood, so that measured slopes are derivatives.
    pub smooth: bool,
    /// The unit roundoff of the least precise arithmetic inside.
    pub precision: f64,
}

impl Sample {
    /// A sample without parameters, in whose neighbourhood the function is smooth.
    pub fn new(name: impl Into<Cow<'static, str>>, inputs: impl IntoIterator<Item = SampleInput>) -> Self {
        let inputs = inputs.into_iter().collect();
        Self { name: name.into(), props: Props::default(), inputs, smooth: true, precision: f64::EPSILON }
    }

    /// Adds a parameter.
    pub fn with(mut self, name: &'static str, value: impl Into<crate::op::Prop>) -> Self {
        self.props = self.props.with(name, value);
        self
    }

    /// A tie, a kink, a pole, a border of the domain, or a point where slopes cannot be measured: both modes are
    /// compared with each other, not with slopes.
    pub fn edge(self) -> Self {
        Self { smooth: false, ..self }
    }

    /// The arithmetic is in f32 in part.
    pub fn single(self) -> Self {
        Self { precision: f32::EPSILON.into(), ..self }
    }
}

/// A value, and the types of variables that may hold it.
#[derive(Clone, Debug)]
pub struct SampleInput {
    /// The value.
    pub value: Box<dyn Value>,
    /// Types from the one that knows least to the one that knows most.
    pub types: Vec<TypeRef>,
}

/// Ops and functions by name, or by another name.
///
/// ```
/// use kronograph_graph::OpRegistry;
///
/// let registry = OpRegistry::default();
/// assert!(registry.get("no_such_op").is_err());
/// ```
#[derive(Clone, Debug, Default)]
pub struct OpRegistry {
    entries: BTreeMap<&'static str, Entry>,
    /// The names of entries that have others.
    aliases: BTreeMap<&'static str, &'static str>,
}

impl OpRegistry {
    /// Adds entries: ours, or those of a user's crate.
    ///
    /// # Errors
    ///
    /// A name that is there already; an entry that answers for one that is not.
    #[track_caller]
    pub fn with(mut self, entries: impl IntoIterator<Item = Entry>) -> Result<Self> {
        for entry in entries {
            for name in std::iter::once(entry.name).chain(entry.aliases.iter().copied()) {
                if self.get(name).is_ok() {
                    return Err(BuildError::parameter(name, "the registry holds this name already"));
                }
            }
            if let Some((name, when)) = &entry.answers {
                let Some(of) = self.entries.get_mut(name) else {
                    return Err(BuildError::parameter(*name, "the registry has no such op to answer for"));
                };
                of.others.push((when.clone(), entry.build.clone()));
            }
            self.aliases.extend(entry.aliases.iter().map(|alias| (*alias, entry.name)));
            self.entries.insert(entry.name, entry);
        }
        Ok(self)
    }

    /// An entry by name.
    ///
    /// # Errors
    ///
    /// A name that nothing has.
    #[track_caller]
    pub fn get(&self, name: &str) -> Result<&Entry> {
        let name = self.aliases.get(name).copied().unwrap_or(name);
        match self.entries.get(name) {
            Some(entry) => Ok(entry),
            None => Err(BuildError::parameter(name.to_owned(), "the registry has no such op")),
        }
    }

    /// All entries, by name; each once, whatever other names it has.
    pub fn iter(&self) -> impl Iterator<Item = &Entry> {
        self.entries.values()
    }
}
