//! What is left of differences of large logarithms when numbers come close, as in the densities of counts.
//!
//! C. Loader (2000), "Fast and accurate computation of binomial probabilities": the deviances; the ratio of three
//! numbers is what they become when they are differentiated.

use super::gamma::log1p_less;

/// `ln((a + s) / (b + s))`, accurate where a is close to b.
pub(crate) fn log_ratio(a: f64, b: f64, s: f64) -> f64 {
    let u = (a - b) / (b + s);
    if u.abs() < 0.5 {
        return u.ln_1p();
    }
    let ratio = (a + s) / (b + s);
    if ratio.is_normal() { ratio.ln() } else { (a + s).ln() - (b + s).ln() }
}

/// `ln((a + s) / (b + s)) - (a - b) / (b + s)`, without cancellation where a is close to b.
pub(crate) fn log_ratio_less(a: f64, b: f64, s: f64) -> f64 {
    let u = (a - b) / (b + s);
    if u.abs() < 0.5 { log1p_less(u) } else { log_ratio(a, b, s) - u }
}

/// `a ln(a / b) - (a - b)`; NaN for negative numbers.
pub(crate) fn poisson_deviance(a: f64, b: f64) -> f64 {
    if a == 0.0 || b.is_infinite() || a < 0.0 || b < 0.0 {
        return if a < 0.0 || b < 0.0 || a.is_infinite() { f64::NAN } else { b };
    }
    let v = (b - a) / a;
    if (-0.6..=1.5).contains(&v) { -a * log1p_less(v) } else { a * log_ratio(a, b, 0.0) + (b - a) }
}

/// `a ln(a / b) - (a + s) ln((a + s) / (b + s))`; NaN for negative numbers.
pub(crate) fn negative_binomial_deviance(a: f64, b: f64, s: f64) -> f64 {
    if a < 0.0 || b < 0.0 || s < 0.0 {
        return f64::NAN;
    }
    if a == 0.0 {
        return scaled_log1p(s, b);
    }
    if s.is_infinite() {
        return poisson_deviance(a, b);
    }
    // With `v = s (a - b) / (b (a + s))` it is `a ln(1 + v) - s ln((a + s) / (b + s))`, of which the terms of first order
    // leave `v s (a - b) / (b + s)`.
    let d = a - b;
    let v = d / b * (s / (a + s));
    if v.abs() < 0.5 {
        return v * d * (s / (b + s)) + a * log1p_less(v) - s * log_ratio_less(a, b, s);
    }
    let log = if v < 0.0 { log_ratio(a, b, 0.0) - log_ratio(a, b, s) } else { v.ln_1p() };
    a * log - s * log_ratio(a, b, s)
}

/// `a ln(1 + b / a)`, which tends to b for large a; NaN for negative numbers.
pub(crate) fn scaled_log1p(a: f64, b: f64) -> f64 {
    if a < 0.0 || b < 0.0 {
        return f64::NAN;
    }
    if a == 0.0 || a.is_infinite() {
        return if a == 0.0 { a * b } else { b };
    }
    let ratio = b / a;
    if ratio < 1e-17 {
        return b;
    }
    if ratio.is_infinite() && b.is_finite() { a * (b.ln() - a.ln()) } else { a * ratio.ln_1p() }
}
