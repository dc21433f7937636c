//! Draws of single elements: what draws of tensors are made of, for values that do not store every element.

use super::binomial::binomial;
use super::error::{RandomError, Range};
use super::multinomial::count;
use super::poisson::poisson;
use super::rows::sum_of;
use super::state::RngState;
use super::words::Words;

/// The draws of one call of a state, by the number of their element in row-major order. Element k of a draw of a tensor
/// is the one of number k here.
///
/// ```
/// use kronograph_ops::random::{Elements, RngState};
/// let draws = Elements::of("model", &RngState::new(42));
/// assert_eq!(draws.poisson(7, 3.0)?, draws.poisson(7, 3.0)?);
/// assert!(draws.poisson(7, -1.0).is_err());
/// # Ok::<(), kronograph_ops::random::RandomError>(())
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Elements {
    /// The distribution, as errors name it.
    pub(super) name: &'static str,
    pub(super) words: Words,
}

impl Elements {
    /// The draws of the call that a state stands before, for a distribution of this name.
    pub fn of(name: &'static str, state: &RngState) -> Self {
        Self { name, words: state.words() }
    }

    /// A count of the Poisson distribution of mean `lam`.
    ///
    /// # Errors
    ///
    /// When the mean is negative, NaN or above 9.2e18.
    pub fn poisson(&self, element: u64, lam: f64) -> Result<i64, RandomError> {
        let lam = Range::Mean.check((self.name, "lam"), element as usize, lam)?;
        Ok(poisson(&self.words, element, lam))
    }

    /// How many of `n` trials succeed, with probability `p` each.
    ///
    /// # Errors
    ///
    /// When `n` is negative, or `p` not from 0 to 1.
    pub fn binomial(&self, element: u64, n: i64, p: f64) -> Result<i64, RandomError> {
        Range::NotNegative.check((self.name, "n"), element as usize, n as f64)?;
        let p = Range::Probability.check((self.name, "p"), element as usize, p)?;
        Ok(binomial(&self.words, element, n, p))
    }

    /// How often each category occurs in `n` trials, written to `out`; the probabilities are those of the categories at
    /// these elements, in their order, and those of all others zero.
    ///
    /// # Errors
    ///
    /// When `n` is negative, a probability is not from 0 to 1, or they do not sum to one but for rounding.
    pub fn multinomial(
        &self,
        row: usize,
        element: impl Fn(usize) -> u64,
        n: i64,
        p: &[f64],
        out: &mut [i64],
    ) -> Result<(), RandomError> {
        Range::NotNegative.check((self.name, "n"), row, n as f64)?;
        let sum = sum_of(self.name, row, |k| element(k) as usize, p)?;
        count(&self.words, element, n, p, sum, out);
        Ok(())
    }
}
