//! The parameters of an op by name, as printouts show them.

use std::borrow::Cow;
use std::fmt;

/// Parameters of an op by name, for printing and saving.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Props(Vec<(&'static str, Prop)>);

/// The value of a parameter.
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Prop {
    /// A truth value.
    Bool(bool),
    /// An integer.
    Int(i64),
    /// Integers.
    Ints(Vec<i64>),
    /// A word.
    Word(Cow<'static, str>),
}

impl Props {
    /// Adds a parameter.
    pub fn with(mut self, name: &'static str, value: impl Into<Prop>) -> Self {
        self.0.push((name, value.into()));
        self
    }

    /// The parameters in order.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &Prop)> {
        self.0.iter().map(|(name, value)| (*name, value))
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
            Prop::Bool(value) => write!(f, "{value}"),
            Prop::Int(value) => write!(f, "{value}"),
            Prop::Ints(values) => write!(f, "{values:?}"),
            Prop::Word(value) => f.write_str(value),
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
    &'static str => |x| Prop::Word(x.into());
    String => |x| Prop::Word(x.into());
    &[usize] => |x| Prop::Ints(x.iter().map(|&i| i as i64).collect());
}
