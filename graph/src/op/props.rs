//! The parameters of an op by name: what printouts show, what is read back, what a registry is asked with.

use std::borrow::Cow;
use std::fmt;

use crate::error::{BuildError, Result};
use crate::variable::Variable;

/// Parameters of an op by name, for printing and saving.
///
/// Printing and reading are each other's inverse:
///
/// ```
/// use kronograph_graph::{Prop, Props};
///
/// let props = Props::default().with("axis", 1i64).with("mode", "reduced").with("shape", Prop::Ints(vec![-1, 2]));
/// assert_eq!(props.to_string(), "{axis=1, mode=reduced, shape=[-1, 2]}");
/// assert_eq!(Props::parse(&props.to_string())?, props);
/// # Ok::<(), kronograph_graph::BuildError>(())
/// ```
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Props(Vec<(Cow<'static, str>, Prop)>);

/// The value of a parameter.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Prop {
    /// Nothing: the parameter was left open.
    None,
    /// A truth value.
    Bool(bool),
    /// An integer.
    Int(i64),
    /// A float.
    Float(f64),
    /// A word.
    Word(Cow<'static, str>),
    /// Integers.
    Ints(Vec<i64>),
    /// Values of any kind; never one that [`Ints`](Self::Ints) could hold, unless made by hand.
    List(Vec<Prop>),
}

impl Props {
    /// Adds a parameter.
    pub fn with(mut self, name: impl Into<Cow<'static, str>>, value: impl Into<Prop>) -> Self {
        self.0.push((name.into(), value.into()));
        self
    }

    /// The parameters in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &Prop)> {
        self.0.iter().map(|(name, value)| (&**name, value))
    }

    /// A parameter by name.
    pub fn get(&self, name: &str) -> Option<&Prop> {
        self.iter().find(|(known, _)| *known == name).map(|(_, value)| value)
    }

    /// Reads what [`Display`](fmt::Display) prints.
    ///
    /// # Errors
    ///
    /// Text that it cannot have printed.
    #[track_caller]
    pub fn parse(text: &str) -> Result<Self> {
        super::props_text::parse(text).map_err(|rule| BuildError::parameter("parameters", format!("`{text}`: {rule}")))
    }
}

impl Prop {
    /// A list in its simplest form: of integers, if all its members are.
    pub fn list(members: Vec<Prop>) -> Self {
        let ints = members.iter().map(|member| if let Prop::Int(int) = member { Some(*int) } else { None });
        match ints.collect::<Option<Vec<i64>>>() {
            Some(ints) => Prop::Ints(ints),
            None => Prop::List(members),
        }
    }
}

impl fmt::Display for Props {
    /// `{axis=0, trans=yes}`, or nothing when there are none.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() {
            return Ok(());
        }
        let texts: Vec<String> = self.0.iter().map(|(name, value)| format!("{name}={value}")).collect();
        write!(f, "{{{}}}", texts.join(", "))
    }
}

impl fmt::Display for Prop {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Prop::None => f.write_str("none"),
            Prop::Bool(value) => write!(f, "{value}"),
            Prop::Int(value) => write!(f, "{value}"),
            Prop::Float(value) => write!(f, "{value:?}"),
            Prop::Ints(values) => write!(f, "{values:?}"),
            Prop::List(values) => {
                let texts: Vec<String> = values.iter().map(Prop::to_string).collect();
                write!(f, "[{}]", texts.join(", "))
            }
            Prop::Word(word) if super::props_text::is_plain(word) => f.write_str(word),
            Prop::Word(word) => write!(f, "{word:?}"),
        }
    }
}

macro_rules! prop_from {
    ($($from:ty => |$x:ident| $to:expr;)+) => { $(
        impl From<$from> for Prop {
            fn from($x: $from) -> Self {
                $to
            }
        }
    )+ };
}

prop_from! {
    bool => |x| Prop::Bool(x);
    i64 => |x| Prop::Int(x);
    usize => |x| Prop::Int(x as i64);
    f64 => |x| Prop::Float(x);
    &'static str => |x| Prop::Word(x.into());
    String => |x| Prop::Word(x.into());
    &[usize] => |x| Prop::Ints(x.iter().map(|&i| i as i64).collect());
    &[i64] => |x| Prop::Ints(x.to_vec());
    Option<i64> => |x| x.map_or(Prop::None, Prop::Int);
}

/// The parameters that an op or a function was asked for by name, with what an error must say of them.
#[derive(Clone, Copy, Debug)]
pub struct Params<'a> {
    op: &'a str,
    props: &'a Props,
}

impl<'a> Params<'a> {
    /// Parameters for an op of this name.
    pub fn new(op: &'a str, props: &'a Props) -> Self {
        Self { op, props }
    }

    /// A parameter, unless it is absent or `none`.
    pub fn get(&self, name: &str) -> Option<&'a Prop> {
        self.props.get(name).filter(|prop| **prop != Prop::None)
    }

    /// Whether a parameter is there and `none`, where that means something else than its absence.
    pub fn is_none(&self, name: &str) -> bool {
        self.props.get(name) == Some(&Prop::None)
    }

    /// A truth value; false if absent.
    ///
    /// # Errors
    ///
    /// When it is something else.
    #[track_caller]
    pub fn flag(&self, name: &str) -> Result<bool> {
        match self.get(name) {
            None => Ok(false),
            Some(Prop::Bool(value)) => Ok(*value),
            Some(Prop::Int(value @ 0..=1)) => Ok(*value == 1),
            Some(other) => Err(self.wrong(name, "a truth value", other)),
        }
    }

    /// An integer, if present.
    ///
    /// # Errors
    ///
    /// When it is something else.
    #[track_caller]
    pub fn maybe_int(&self, name: &str) -> Result<Option<i64>> {
        match self.get(name) {
            None => Ok(None),
            Some(Prop::Int(value)) => Ok(Some(*value)),
            Some(other) => Err(self.wrong(name, "an integer", other)),
        }
    }

    /// An integer.
    ///
    /// # Errors
    ///
    /// When it is absent or something else.
    #[track_caller]
    pub fn int(&self, name: &str) -> Result<i64> {
        self.maybe_int(name)?.ok_or_else(|| self.missing(name))
    }

    /// An integer that is not negative.
    ///
    /// # Errors
    ///
    /// When it is absent, negative or something else.
    #[track_caller]
    pub fn size(&self, name: &str) -> Result<usize> {
        let int = self.int(name)?;
        usize::try_from(int).map_err(|_| self.wrong(name, "an integer that is not negative", &Prop::Int(int)))
    }

    /// An integer that is not negative, if present.
    ///
    /// # Errors
    ///
    /// When it is negative or something else.
    #[track_caller]
    pub fn maybe_size(&self, name: &str) -> Result<Option<usize>> {
        if self.get(name).is_none() { Ok(None) } else { self.size(name).map(Some) }
    }

    /// A number.
    ///
    /// # Errors
    ///
    /// When it is absent or something else.
    #[track_caller]
    pub fn float(&self, name: &str) -> Result<f64> {
        self.maybe_float(name)?.ok_or_else(|| self.missing(name))
    }

    /// A number, if present.
    ///
    /// # Errors
    ///
    /// When it is something else.
    #[track_caller]
    pub fn maybe_float(&self, name: &str) -> Result<Option<f64>> {
        match self.get(name) {
            None => Ok(None),
            Some(Prop::Float(value)) => Ok(Some(*value)),
            Some(Prop::Int(value)) => Ok(Some(*value as f64)),
            Some(other) => Err(self.wrong(name, "a number", other)),
        }
    }

    /// Integers, or one of them, if present.
    ///
    /// # Errors
    ///
    /// When it is something else.
    #[track_caller]
    pub fn maybe_ints(&self, name: &str) -> Result<Option<Vec<i64>>> {
        match self.get(name) {
            None => Ok(None),
            Some(Prop::Int(value)) => Ok(Some(vec![*value])),
            Some(Prop::Ints(values)) => Ok(Some(values.clone())),
            Some(other) => Err(self.wrong(name, "integers", other)),
        }
    }

    /// Integers, or one of them.
    ///
    /// # Errors
    ///
    /// When it is absent or something else.
    #[track_caller]
    pub fn ints(&self, name: &str) -> Result<Vec<i64>> {
        self.maybe_ints(name)?.ok_or_else(|| self.missing(name))
    }

    /// Integers that are not negative, or one of them.
    ///
    /// # Errors
    ///
    /// When it is absent, or holds something else.
    #[track_caller]
    pub fn sizes(&self, name: &str) -> Result<Vec<usize>> {
        let ints = self.ints(name)?;
        let sizes = ints.iter().map(|&int| usize::try_from(int)).collect::<Result<Vec<_>, _>>();
        sizes.map_err(|_| self.wrong(name, "integers that are not negative", &Prop::Ints(ints)))
    }

    /// A list of any members, if present.
    ///
    /// # Errors
    ///
    /// When it is something else.
    #[track_caller]
    pub fn maybe_list(&self, name: &str) -> Result<Option<Vec<Prop>>> {
        match self.get(name) {
            None => Ok(None),
            Some(Prop::List(members)) => Ok(Some(members.clone())),
            Some(Prop::Ints(ints)) => Ok(Some(ints.iter().map(|&int| Prop::Int(int)).collect())),
            Some(other) => Err(self.wrong(name, "a list", other)),
        }
    }

    /// A word, if present.
    ///
    /// # Errors
    ///
    /// When it is something else.
    #[track_caller]
    pub fn maybe_word(&self, name: &str) -> Result<Option<&'a str>> {
        match self.get(name) {
            None => Ok(None),
            Some(Prop::Word(word)) => Ok(Some(word)),
            Some(other) => Err(self.wrong(name, "a word", other)),
        }
    }

    /// A word.
    ///
    /// # Errors
    ///
    /// When it is absent or something else.
    #[track_caller]
    pub fn word(&self, name: &str) -> Result<&'a str> {
        self.maybe_word(name)?.ok_or_else(|| self.missing(name))
    }

    /// The error for another number of inputs than the function takes.
    #[track_caller]
    pub fn arity(&self, want: usize, inputs: &[Variable]) -> BuildError {
        BuildError::arity(self.op.to_owned(), want, inputs)
    }

    /// The error for a parameter that is not what it should be.
    #[track_caller]
    pub fn wrong(&self, name: &str, want: &str, got: &Prop) -> BuildError {
        BuildError::parameter(self.op.to_owned(), format!("`{name}` must be {want}, it is {got}"))
    }

    /// The error for a word that is none of those which are meant.
    #[track_caller]
    pub fn wrong_word(&self, name: &str, want: &str, got: &str) -> BuildError {
        self.wrong(name, want, &Prop::from(got.to_owned()))
    }

    #[track_caller]
    fn missing(&self, name: &str) -> BuildError {
        BuildError::parameter(self.op.to_owned(), format!("the parameter `{name}` is missing"))
    }
}
