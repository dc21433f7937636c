//! Binomial counts of very many elements, of which only those above zero are drawn.

use super::binomial::binomial;
use super::element::Elements;
use super::error::{RandomError, Range};
use super::words::{Words, exponential, open_unit};

/// The elements of a row of binomial counts that are above zero, each with its count; in ascending order.
///
/// The distance from one to the next is geometric, and the count is binomial given that it is not zero: by inversion
/// where zero is the likeliest, else by drawing until it is not zero.
#[derive(Clone, Debug)]
pub struct AboveZero {
    words: Words,
    trials: i64,
    p: f64,
    /// The logarithm of the probability of zero.
    log_zero: f64,
    /// How many elements there are, and the first that is not decided.
    elements: u64,
    element: u64,
    /// How many numbers were drawn.
    drawn: u64,
}

impl Elements {
    /// Those of so many counts of `n` trials, with probability `p` each, that are above zero. They are not the counts
    /// that [`binomial`](Self::binomial) draws for the same elements.
    ///
    /// ```
    /// use kronograph_ops::random::{Elements, RngState};
    /// let draws = Elements::of("model", &RngState::new(42));
    /// let all: Vec<(u64, i64)> = draws.binomial_above_zero(3, 1.0, 2)?.collect();
    /// assert_eq!(all, [(0, 3), (1, 3)]);
    /// # Ok::<(), kronograph_ops::random::RandomError>(())
    /// ```
    ///
    /// # Errors
    ///
    /// When `n` is negative, or `p` not from 0 to 1.
    pub fn binomial_above_zero(&self, n: i64, p: f64, elements: u64) -> Result<AboveZero, RandomError> {
        Range::NotNegative.check((self.name, "n"), 0, n as f64)?;
        Range::Probability.check((self.name, "p"), 0, p)?;
        let log_zero = if n == 0 { 0.0 } else { n as f64 * libm::log1p(-p) };
        Ok(AboveZero { words: self.words, trials: n, p, log_zero, elements, element: 0, drawn: 0 })
    }
}

impl AboveZero {
    /// How many there are in the mean.
    pub fn expected(&self) -> f64 {
        self.not_zero() * self.elements as f64
    }

    /// The probability of a count above zero.
    fn not_zero(&self) -> f64 {
        -libm::expm1(self.log_zero)
    }

    fn next_draw(&mut self) -> u64 {
        self.drawn += 1;
        self.drawn - 1
    }

    fn next_count(&mut self) -> i64 {
        let not_zero = self.not_zero();
        if not_zero < 0.5 {
            let at = self.next_draw();
            return by_inversion(open_unit(self.words.first(at)) * not_zero, self.trials as f64, self.p) as i64;
        }
        loop {
            let at = self.next_draw();
            let count = binomial(&self.words, at, self.trials, self.p);
            if count > 0 {
                return count;
            }
        }
    }
}

/// The first k from one on up to which the probabilities sum to more than u; zero is the likeliest.
fn by_inversion(u: f64, n: f64, p: f64) -> f64 {
    let odds = p / (1.0 - p);
    let (mut left, mut term, mut k) = (u, n * p * libm::exp((n - 1.0) * libm::log1p(-p)), 1.0);
    // Behind the last number that counts nothing is left but rounding.
    while left > term && k < n && (k < 10.0 || term > 1e-18 * u) {
        left -= term;
        k += 1.0;
        term *= (n - k + 1.0) / k * odds;
    }
    k
}

impl Iterator for AboveZero {
    type Item = (u64, i64);

    fn next(&mut self) -> Option<(u64, i64)> {
        if self.log_zero == 0.0 || self.element >= self.elements {
            return None;
        }
        let word = self.next_draw();
        // Beyond 2⁶⁴ elements it is cut, which is beyond all of them.
        let skipped = (exponential(self.words.first(word)) / -self.log_zero).floor() as u64;
        let found = self.element.checked_add(skipped).filter(|&at| at < self.elements);
        let Some(at) = found else {
            self.element = self.elements;
            return None;
        };
        self.element = at + 1;
        Some((at, self.next_count()))
    }
}
