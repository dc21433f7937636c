//! Dimensions as values: what is known of the length of an axis before the function runs.
//!
//! A [`Dim`] is a number, the length of an axis of a variable, the value of a scalar variable, or arithmetic of
//! those. Equal ones compare equal, so that shape checks are provable where they can be; an unknown one equals
//! nothing, itself included.

use std::collections::HashMap;
use std::fmt;
use std::sync::Arc;

use smallvec::SmallVec;

use crate::error::Result;
use crate::variable::{Variable, VariableKey};
use crate::walk;

/// The lengths of the axes of a value.
pub type Shape = SmallVec<[Dim; 4]>;

/// The length of an axis.
#[derive(Clone, Debug)]
pub struct Dim(Kind);

#[derive(Clone, Debug)]
enum Kind {
    Known(usize),
    Unknown,
    Term(Arc<Term>, usize),
}

/// Arithmetic of more than this many terms is given up as unknown: walks over a dimension recurse, so it must be
/// small, and nothing is proved by a sum of a thousand lengths.
const MOST: usize = 64;

#[derive(Debug)]
enum Term {
    Axis(Variable, usize),
    Value(Variable),
    Sum(Vec<Dim>),
    Product(Vec<Dim>),
    Quotient(Dim, Dim),
    Min(Dim, Dim),
    Max(Dim, Dim),
}

/// How a dimension is put together; what [`Dim::view`] returns.
#[derive(Clone, Copy, Debug)]
pub enum DimView<'a> {
    /// A number.
    Known(usize),
    /// Nothing is known.
    Unknown,
    /// The length of an axis of a variable.
    Axis(&'a Variable, usize),
    /// The value of a scalar integer variable.
    Value(&'a Variable),
    /// A sum.
    Sum(&'a [Dim]),
    /// A product.
    Product(&'a [Dim]),
    /// A quotient, rounded down.
    Quotient(&'a Dim, &'a Dim),
    /// The smaller one.
    Min(&'a Dim, &'a Dim),
    /// The larger one.
    Max(&'a Dim, &'a Dim),
}

impl Dim {
    /// Nothing is known; as an argument of `reshape`: to be inferred from the rest.
    pub const UNKNOWN: Self = Self(Kind::Unknown);

    /// The length of an axis of a variable: a number where the type knows it.
    pub fn axis(variable: &Variable, axis: usize) -> Self {
        match variable.ty().extents().get(axis) {
            Some(Some(length)) => Self::from(*length),
            _ => Self::term(Term::Axis(variable.clone(), axis)),
        }
    }

    /// The value of a scalar integer variable.
    pub fn value_of(variable: &Variable) -> Self {
        match variable.constant().and_then(|value| value.as_index()).map(usize::try_from) {
            Some(Ok(length)) => Self::from(length),
            _ => Self::term(Term::Value(variable.clone())),
        }
    }

    fn term(term: Term) -> Self {
        let size = 1 + match &term {
            Term::Axis(..) | Term::Value(_) => 0,
            Term::Sum(parts) | Term::Product(parts) => parts.iter().map(Dim::size).sum(),
            Term::Quotient(a, b) | Term::Min(a, b) | Term::Max(a, b) => a.size() + b.size(),
        };
        if size > MOST { Self::UNKNOWN } else { Self(Kind::Term(Arc::new(term), size)) }
    }

    /// The number of terms that it is put together from.
    fn size(&self) -> usize {
        match self.0 {
            Kind::Known(_) | Kind::Unknown => 1,
            Kind::Term(_, size) => size,
        }
    }

    /// The number, if it is known.
    pub fn known(&self) -> Option<usize> {
        match self.0 {
            Kind::Known(length) => Some(length),
            Kind::Unknown | Kind::Term(..) => None,
        }
    }

    /// How it is put together.
    pub fn view(&self) -> DimView<'_> {
        let term = match &self.0 {
            Kind::Known(length) => return DimView::Known(*length),
            Kind::Unknown => return DimView::Unknown,
            Kind::Term(term, _) => &**term,
        };
        match term {
            Term::Axis(variable, axis) => DimView::Axis(variable, *axis),
            Term::Value(variable) => DimView::Value(variable),
            Term::Sum(terms) => DimView::Sum(terms),
            Term::Product(factors) => DimView::Product(factors),
            Term::Quotient(a, b) => DimView::Quotient(a, b),
            Term::Min(a, b) => DimView::Min(a, b),
            Term::Max(a, b) => DimView::Max(a, b),
        }
    }

    fn is_unknown(&self) -> bool {
        matches!(self.0, Kind::Unknown)
    }

    /// The sum of two.
    pub fn plus(&self, other: &Self) -> Self {
        Self::combine(self, other, usize::checked_add, 0, Term::Sum, |term| match term {
            Term::Sum(terms) => Some(terms),
            _ => None,
        })
    }

    /// The product of two.
    pub fn times(&self, other: &Self) -> Self {
        if self.known() == Some(0) || other.known() == Some(0) {
            return Self::from(0);
        }
        Self::combine(self, other, usize::checked_mul, 1, Term::Product, |term| match term {
            Term::Product(factors) => Some(factors),
            _ => None,
        })
    }

    /// Flattens, gathers the numbers into one (kept last), and drops the neutral one.
    fn combine(
        a: &Self,
        b: &Self,
        fold: fn(usize, usize) -> Option<usize>,
        neutral: usize,
        make: fn(Vec<Dim>) -> Term,
        parts: fn(&Term) -> Option<&Vec<Dim>>,
    ) -> Self {
        if a.is_unknown() || b.is_unknown() {
            return Self::UNKNOWN;
        }
        let (mut number, mut rest) = (neutral, Vec::new());
        for dim in [a, b] {
            let flat = match &dim.0 {
                Kind::Term(term, _) => parts(term).map_or(std::slice::from_ref(dim), |parts| parts.as_slice()),
                Kind::Known(_) | Kind::Unknown => std::slice::from_ref(dim),
            };
            for part in flat {
                match part.known() {
                    Some(known) => match fold(number, known) {
                        Some(folded) => number = folded,
                        None => return Self::UNKNOWN,
                    },
                    None => rest.push(part.clone()),
                }
            }
        }
        if rest.is_empty() {
            return Self::from(number);
        }
        if number != neutral {
            rest.push(Self::from(number));
        }
        if rest.len() == 1 { rest.remove(0) } else { Self::term(make(rest)) }
    }

    /// The quotient, rounded down; unknown for a known zero divisor.
    pub fn quotient(&self, divisor: &Self) -> Self {
        match (self.known(), divisor.known()) {
            (Some(a), Some(b)) => a.checked_div(b).map_or(Self::UNKNOWN, Self::from),
            (_, Some(1)) => self.clone(),
            (_, Some(0)) => Self::UNKNOWN,
            _ if self.is_unknown() || divisor.is_unknown() => Self::UNKNOWN,
            _ => Self::term(Term::Quotient(self.clone(), divisor.clone())),
        }
    }

    /// The smaller of two.
    pub fn min(&self, other: &Self) -> Self {
        self.choose(other, usize::min, Term::Min)
    }

    /// The larger of two.
    pub fn max(&self, other: &Self) -> Self {
        self.choose(other, usize::max, Term::Max)
    }

    fn choose(&self, other: &Self, fold: fn(usize, usize) -> usize, make: fn(Dim, Dim) -> Term) -> Self {
        match (self.known(), other.known()) {
            (Some(a), Some(b)) => Self::from(fold(a, b)),
            _ if self.is_unknown() || other.is_unknown() => Self::UNKNOWN,
            _ if self == other => self.clone(),
            _ => Self::term(make(self.clone(), other.clone())),
        }
    }

    /// The number, given the lengths of axes and the values of scalar variables; `None` where one is missing or the
    /// arithmetic overflows.
    pub fn evaluate(
        &self,
        axis: &dyn Fn(&Variable, usize) -> Option<usize>,
        value: &dyn Fn(&Variable) -> Option<usize>,
    ) -> Option<usize> {
        let each = |dim: &Dim| dim.evaluate(axis, value);
        match self.view() {
            DimView::Known(length) => Some(length),
            DimView::Unknown => None,
            DimView::Axis(variable, index) => axis(variable, index),
            DimView::Value(variable) => value(variable),
            DimView::Sum(terms) => terms.iter().try_fold(0usize, |sum, dim| sum.checked_add(each(dim)?)),
            DimView::Product(factors) => {
                factors.iter().try_fold(1usize, |product, dim| product.checked_mul(each(dim)?))
            }
            DimView::Quotient(a, b) => each(a)?.checked_div(each(b)?),
            DimView::Min(a, b) => Some(each(a)?.min(each(b)?)),
            DimView::Max(a, b) => Some(each(a)?.max(each(b)?)),
        }
    }
}

impl From<usize> for Dim {
    fn from(length: usize) -> Self {
        Self(Kind::Known(length))
    }
}

impl From<i32> for Dim {
    /// A negative number is an unknown length, as in NumPy's `reshape(-1)`.
    fn from(length: i32) -> Self {
        usize::try_from(length).map_or(Self::UNKNOWN, Self::from)
    }
}

impl PartialEq for Dim {
    fn eq(&self, other: &Self) -> bool {
        let same_set = |a: &[Dim], b: &[Dim]| {
            let mut rest: Vec<&Dim> = b.iter().collect();
            a.len() == b.len()
                && a.iter().all(|x| rest.iter().position(|y| x == *y).map(|at| rest.swap_remove(at)).is_some())
        };
        match (self.view(), other.view()) {
            (DimView::Known(a), DimView::Known(b)) => a == b,
            (DimView::Axis(v, i), DimView::Axis(w, j)) => v == w && i == j,
            (DimView::Value(v), DimView::Value(w)) => v == w,
            (DimView::Sum(a), DimView::Sum(b)) | (DimView::Product(a), DimView::Product(b)) => same_set(a, b),
            (DimView::Quotient(a, b), DimView::Quotient(c, d)) => a == c && b == d,
            (DimView::Min(a, b), DimView::Min(c, d)) | (DimView::Max(a, b), DimView::Max(c, d)) => {
                (a == c && b == d) || (a == d && b == c)
            }
            _ => false,
        }
    }
}

impl fmt::Display for Dim {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let join = |dims: &[Dim], glue: &str| dims.iter().map(Dim::to_string).collect::<Vec<_>>().join(glue);
        match self.view() {
            DimView::Known(length) => write!(f, "{length}"),
            DimView::Unknown => f.write_str("?"),
            DimView::Axis(variable, axis) => write!(f, "{}.shape[{axis}]", crate::print::expression_text(variable)),
            DimView::Value(variable) => f.write_str(&crate::print::expression_text(variable)),
            DimView::Sum(terms) => write!(f, "({})", join(terms, " + ")),
            DimView::Product(factors) => write!(f, "({})", join(factors, " * ")),
            DimView::Quotient(a, b) => write!(f, "({a} / {b})"),
            DimView::Min(a, b) => write!(f, "min({a}, {b})"),
            DimView::Max(a, b) => write!(f, "max({a}, {b})"),
        }
    }
}

/// The shape of a variable: numbers where its type knows them, else the lengths of its own axes.
///
/// For shapes in terms of the leaves of an expression, see [`infer_shapes`].
pub fn shape_of(variable: &Variable) -> Shape {
    (0..variable.ty().extents().len()).map(|axis| Dim::axis(variable, axis)).collect()
}

/// The shapes of variables in terms of the leaves they depend on, by the ops' shape inference; no data is computed.
///
/// # Errors
///
/// What an op's `infer_shape` refuses.
pub fn infer_shapes(variables: &[Variable]) -> Result<Vec<Shape>> {
    let mut shapes: HashMap<VariableKey, Shape> = HashMap::new();
    let lookup = |shapes: &HashMap<VariableKey, Shape>, variable: &Variable| {
        shapes.get(&variable.key()).cloned().unwrap_or_else(|| shape_of(variable))
    };
    for node in walk::toposort(variables) {
        let inputs: Vec<Shape> = node.inputs().iter().map(|input| lookup(&shapes, input)).collect();
        let inferred = node.with_view(|view| node.op().infer_shape(view, &inputs))?;
        for (output, shape) in node.outputs().into_iter().zip(inferred) {
            shapes.insert(output.key(), sharpen(&output, shape));
        }
    }
    Ok(variables.iter().map(|variable| lookup(&shapes, variable)).collect())
}

/// A length that the type knows is better than an expression for it.
fn sharpen(output: &Variable, shape: Shape) -> Shape {
    let known = output.ty().extents();
    let pick = |(axis, dim): (usize, Dim)| match known.get(axis).copied().flatten() {
        Some(length) => Dim::from(length),
        None if dim.is_unknown() => Dim::axis(output, axis),
        None => dim,
    };
    shape.into_iter().enumerate().map(pick).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn arithmetic_is_flattened_and_compared_regardless_of_order() {
        let (two, three) = (Dim::from(2), Dim::from(3));
        assert_eq!(two.plus(&three).known(), Some(5));
        assert_eq!(two.times(&three).quotient(&Dim::from(4)).known(), Some(1));
        assert_ne!(Dim::UNKNOWN, Dim::UNKNOWN);
        assert!(Dim::UNKNOWN.plus(&two).is_unknown());
        assert_eq!(Dim::UNKNOWN.times(&Dim::from(0)).known(), Some(0));
        assert!(Dim::from(usize::MAX).times(&two).is_unknown());
    }

    #[test]
    fn arithmetic_that_grows_without_end_is_given_up() {
        let length = |name: &str| Dim::value_of(&Variable::input(name, std::sync::Arc::new(Anything)));
        let (n, m) = (length("n"), length("m"));
        let deep = (0..1_000_000).fold(n.clone(), |dim, _| dim.quotient(&m));
        let long = (0..1_000_000).fold(n.clone(), |dim, _| dim.plus(&m));
        assert!(deep.is_unknown() && long.is_unknown());
        assert_eq!(n.plus(&m).times(&m), m.times(&m.plus(&n)));
    }

    #[derive(Debug, PartialEq, Eq, Hash)]
    struct Anything;

    impl fmt::Display for Anything {
        fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("anything")
        }
    }

    impl crate::types::Type for Anything {
        fn filter(&self, _: &dyn crate::value::Value) -> Result<Option<Box<dyn crate::value::Value>>, String> {
            Ok(None)
        }
    }
}
