//! Poisson draws: inversion for small means, a transformed rejection for others.

use std::f64::consts::TAU;

use super::words::{Words, open_unit};
use crate::special::{log1p_less, stirling_rest};

/// From here on by rejection.
const LARGE: f64 = 10.0;

/// A count of mean `lam`, which is in its range.
pub(super) fn poisson(words: &Words, element: u64, lam: f64) -> i64 {
    if lam < LARGE { by_inversion(open_unit(words.first(element)), lam) } else { by_rejection(words, element, lam) }
}

/// The first k up to which the probabilities sum to more than u.
fn by_inversion(u: f64, lam: f64) -> i64 {
    let (mut left, mut term, mut k) = (u, libm::exp(-lam), 0i64);
    // Behind the last number that counts nothing is left but rounding.
    while left > term && (k < 10 || term > 1e-18) {
        left -= term;
        k += 1;
        term *= lam / k as f64;
    }
    k
}

/// W. Hörmann, "The transformed rejection method for generating Poisson random variables", 1993: PTRS. The probability
/// is compared in the form of C. Loader (2000), which keeps its digits where the mean is large.
fn by_rejection(words: &Words, element: u64, lam: f64) -> i64 {
    let b = 0.931 + 2.53 * lam.sqrt();
    let a = -0.059 + 0.02483 * b;
    let inverse_alpha = 1.1239 + 1.1328 / (b - 3.4);
    let quick = 0.9277 - 3.6224 / (b - 2.0);
    let mut attempt = 0;
    loop {
        let [first, second, _, _] = words.block(element, attempt);
        attempt += 1;
        let (u, v) = (open_unit(first) - 0.5, open_unit(second));
        let apart = 0.5 - u.abs();
        let k = ((2.0 * a / apart + b) * u + lam + 0.43).floor();
        if k < 0.0 || k >= i64::MAX as f64 || (apart < 0.013 && v > apart) {
            continue;
        }
        if apart >= 0.07 && v <= quick {
            return k as i64;
        }
        if libm::log(v * inverse_alpha / (a / (apart * apart) + b)) <= log_probability(k, lam) {
            return k as i64;
        }
    }
}

/// `k ln λ - λ - ln k!`.
fn log_probability(k: f64, lam: f64) -> f64 {
    if k == 0.0 {
        return -lam;
    }
    k * log1p_less((lam - k) / k) - stirling_rest(k) - 0.5 * libm::log(TAU * k)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::special::gammaln;

    #[test]
    fn the_probability_is_that_of_the_definition() {
        for (k, lam) in [(0.0, 12.0), (1.0, 12.0), (14.0, 12.0), (40.0, 12.0), (1e4, 9.9e3), (3.0, 40.0)] {
            let plain = k * f64::ln(lam) - lam - gammaln(k + 1.0);
            assert!((log_probability(k, lam) - plain).abs() < 1e-11 * (1.0 + k), "{k} {lam}");
        }
        // Half a standard deviation of a mean of 1e18 from it, where the plain form has no digit left.
        assert!((log_probability(1e18 + 5e8, 1e18) - (-0.125 - 0.5 * f64::ln(TAU * 1e18))).abs() < 1e-6);
    }
}
