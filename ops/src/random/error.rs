//! What can be wrong with the parameters of a distribution, and the ranges that they must keep to.

use std::fmt;

use kronograph_graph::OpError;

/// Parameters for which there is no distribution. A sampler may reject the point.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum RandomError {
    /// A parameter that is out of its range, or NaN.
    #[error("{distribution}: the parameter `{parameter}` must be {range}, its element {element} is {value:?}")]
    Parameter {
        /// The distribution.
        distribution: String,
        /// The parameter.
        parameter: String,
        /// What it must be.
        range: Range,
        /// The position of the element, in row-major order.
        element: usize,
        /// The element.
        value: f64,
    },
    /// Probabilities that do not sum to one.
    #[error("{distribution}: the probabilities of row {row} must sum to one, they sum to {sum:?}")]
    Sum {
        /// The distribution.
        distribution: &'static str,
        /// Which of the rows along the last axis.
        row: usize,
        /// Their sum.
        sum: f64,
    },
}

impl OpError for RandomError {
    fn recoverable(&self) -> bool {
        true
    }
}

/// The range of a parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Range {
    /// Any number.
    Finite,
    /// Zero or more.
    NotNegative,
    /// More than zero; from 1e-300 on, as logarithms of draws are to be numbers.
    Positive,
    /// From zero to one.
    Probability,
    /// A probability that is not zero.
    PositiveProbability,
    /// The mean of counts: zero or more, and so small that counts are 64-bit integers.
    Mean,
}

/// Counts of a larger mean need not be 64-bit integers: ten standard deviations are left.
const LARGEST_MEAN: f64 = 9.223372006484771e18;

impl Range {
    /// All of them.
    pub(super) const ALL: [Self; 6] =
        [Self::Finite, Self::NotNegative, Self::Positive, Self::Probability, Self::PositiveProbability, Self::Mean];

    /// Whether a number lies in it; NaN lies in none.
    pub(super) fn holds(self, x: f64) -> bool {
        match self {
            Self::Finite => x.is_finite(),
            Self::NotNegative => x >= 0.0 && x.is_finite(),
            Self::Positive => x >= 1e-300 && x.is_finite(),
            Self::Probability => (0.0..=1.0).contains(&x),
            Self::PositiveProbability => x > 0.0 && x <= 1.0,
            Self::Mean => (0.0..=LARGEST_MEAN).contains(&x),
        }
    }

    /// The word for it in printed parameters.
    pub(super) fn word(self) -> &'static str {
        match self {
            Self::Finite => "finite",
            Self::NotNegative => "not_negative",
            Self::Positive => "positive",
            Self::Probability => "probability",
            Self::PositiveProbability => "positive_probability",
            Self::Mean => "mean",
        }
    }

    /// The number, if it lies in the range.
    pub(super) fn check(
        self,
        of: (&'static str, &'static str),
        element: usize,
        value: f64,
    ) -> Result<f64, RandomError> {
        match self.holds(value) {
            true => Ok(value),
            false => Err(self.broken(of, element, value)),
        }
    }

    #[cold]
    pub(super) fn broken(self, (distribution, parameter): (&str, &str), element: usize, value: f64) -> RandomError {
        let (distribution, parameter) = (distribution.to_owned(), parameter.to_owned());
        RandomError::Parameter { distribution, parameter, range: self, element, value }
    }
}

impl fmt::Display for Range {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Finite => "finite",
            Self::NotNegative => "finite and not negative",
            Self::Positive => "finite and positive, from 1e-300 on",
            Self::Probability => "from 0 to 1",
            Self::PositiveProbability => "from 0 to 1, and not 0",
            Self::Mean => "from 0 to 9.2e18",
        })
    }
}
