//! Binomial draws: inversion for small means, a transformed rejection for others.

use std::f64::consts::TAU;

use super::words::{Words, open_unit};
use crate::special::{log1p_less, stirling_rest};

/// From this mean on by rejection.
const LARGE: f64 = 10.0;

/// How many of n trials succeed, with probability p each; both are in their ranges. Beyond 2⁵³ trials, n is rounded.
pub(super) fn binomial(words: &Words, element: u64, n: i64, p: f64) -> i64 {
    if p > 0.5 {
        return n - rarely(words, element, n, 1.0 - p);
    }
    rarely(words, element, n, p)
}

/// For p up to 1/2.
fn rarely(words: &Words, element: u64, n: i64, p: f64) -> i64 {
    if n == 0 || p == 0.0 {
        return 0;
    }
    let count = match n as f64 * p < LARGE {
        true => by_inversion(open_unit(words.first(element)), n as f64, p),
        false => by_rejection(words, element, n as f64, p),
    };
    (count as i64).min(n)
}

/// The first k up to which the probabilities sum to more than u.
fn by_inversion(u: f64, n: f64, p: f64) -> f64 {
    let odds = p / (1.0 - p);
    let (mut left, mut term, mut k) = (u, libm::exp(n * libm::log1p(-p)), 0.0);
    // Behind the last number that counts nothing is left but rounding.
    while left > term && k < n && (k < 10.0 || term > 1e-18) {
        left -= term;
        k += 1.0;
        term *= (n - k + 1.0) / k * odds;
    }
    k
}

/// W. Hörmann, "The generation of binomial random variates", 1993: BTRS. The probabilities are those of C. Loader
/// (2000), which keep their digits where n is large.
fn by_rejection(words: &Words, element: u64, n: f64, p: f64) -> f64 {
    let deviation = (n * p * (1.0 - p)).sqrt();
    let b = 1.15 + 2.53 * deviation;
    let a = -0.0873 + 0.0248 * b + 0.01 * p;
    let alpha = (2.83 + 5.1 / b) * deviation;
    let quick = 0.92 - 4.2 / b;
    let at_mode = log_probability(((n + 1.0) * p).floor(), n, p);
    let mut attempt = 0;
    loop {
        let [first, second, _, _] = words.block(element, attempt);
        attempt += 1;
        let (u, v) = (open_unit(first) - 0.5, open_unit(second));
        let apart = 0.5 - u.abs();
        let k = ((2.0 * a / apart + b) * u + n * p + 0.5).floor();
        if !(0.0..=n).contains(&k) {
            continue;
        }
        if apart >= 0.07 && v <= quick {
            return k;
        }
        if libm::log(v * alpha / (a / (apart * apart) + b)) <= log_probability(k, n, p) - at_mode {
            return k;
        }
    }
}

/// The logarithm of the probability of k.
fn log_probability(k: f64, n: f64, p: f64) -> f64 {
    let (q, rest) = (1.0 - p, n - k);
    if k == 0.0 {
        return n * libm::log1p(-p);
    }
    if rest == 0.0 {
        return n * libm::log(p);
    }
    let deviance = k * log1p_less((n * p - k) / k) + rest * log1p_less((n * q - rest) / rest);
    let rests = stirling_rest(n) - stirling_rest(k) - stirling_rest(rest);
    deviance + rests - 0.5 * libm::log(TAU * k * (rest / n))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::special::gammaln;

    #[test]
    fn the_probability_is_that_of_the_definition() {
        for (k, n, p) in [(0.0, 40.0, 0.3), (1.0, 40.0, 0.3), (13.0, 40.0, 0.3), (40.0, 40.0, 0.5), (300.0, 1e4, 0.03)]
        {
            let choose = gammaln(n + 1.0) - gammaln(k + 1.0) - gammaln(n - k + 1.0);
            let plain = choose + k * f64::ln(p) + (n - k) * f64::ln_1p(-p);
            assert!((log_probability(k, n, p) - plain).abs() < 1e-11 * n, "{k} {n} {p}");
        }
    }
}
