//! The gamma function and its logarithm.

use super::polygamma::polygamma;

/// `B₂ₖ / (2k (2k-1))`, the coefficients of Stirling's series.
const STIRLING: [f64; 8] = [
    0.08333333333333333,
    -0.002777777777777778,
    0.0007936507936507937,
    -0.0005952380952380953,
    0.0008417508417508417,
    -0.0019175269175269176,
    0.00641025641025641,
    -0.029550653594771242,
];

/// `(-1)ᵏ ζ(k) / k` from k = 2 on: the Taylor coefficients of `ln Γ(1 + x) + γ x`.
const ZETA_OVER_K: [f64; 24] = [
    0.8224670334241132,
    -0.40068563438653143,
    0.27058080842778454,
    -0.20738555102867398,
    0.1695571769974082,
    -0.1440498967688461,
    0.12550966952474304,
    -0.11133426586956469,
    0.1000994575127818,
    -0.09095401714582904,
    0.083353840546109,
    -0.0769325164113522,
    0.07143294629536133,
    -0.06666870588242046,
    0.06250095514121304,
    -0.058823978658684585,
    0.055555767627403614,
    -0.05263167937961666,
    0.05000004769810169,
    -0.047619070330142226,
    0.04545455629320467,
    -0.04347826605304026,
    0.04166666915034121,
    -0.04000000119214014,
];
const EULER: f64 = 0.5772156649015329;
const LN_SQRT_TAU: f64 = 0.9189385332046727;

/// `Γ(x)`; NaN at negative integers, infinite at zero.
pub(crate) fn gamma(x: f64) -> f64 {
    if x < 0.0 && x.floor() == x { f64::NAN } else { libm::tgamma(x) }
}

/// `ln |Γ(x)|`.
pub(crate) fn gammaln(x: f64) -> f64 {
    if x == f64::NEG_INFINITY {
        return x;
    }
    libm::lgamma(x)
}

/// `ln Γ(1 + x)`, accurate near zero.
pub(super) fn gammaln1p(x: f64) -> f64 {
    if x.abs() > 0.25 {
        return gammaln(1.0 + x);
    }
    x * (ZETA_OVER_K.iter().rev().fold(0.0, |sum, c| sum * x + c) * x - EULER)
}

/// What Stirling's formula leaves of `ln Γ(x)`: `ln Γ(x) - (x - 1/2) ln x + x - ln √(2π)` (DLMF 5.11.1). The same bits on
/// every machine.
pub(crate) fn stirling_rest(x: f64) -> f64 {
    if x < 10.0 {
        return gammaln(x) - (x - 0.5) * libm::log(x) + x - LN_SQRT_TAU;
    }
    let square = 1.0 / (x * x);
    STIRLING.iter().rev().fold(0.0, |sum, c| sum * square + c) / x
}

/// The n-th derivative of what Stirling's formula leaves of `ln Γ(x)`, for x > 0 and whole n from 0 to 100; else NaN.
///
/// By the asymptotic series for large x, and down to small ones by what a step of one adds, in powers of `1 / (2x + 1)`,
/// all of one sign; of higher derivatives, small x by the difference to [`polygamma`].
pub(crate) fn log_gamma_correction(n: f64, x: f64) -> f64 {
    if !(0.0..=100.0).contains(&n) || n.fract() != 0.0 || x < 0.0 || x.is_nan() {
        return f64::NAN;
    }
    if n >= 2.0 && x < 16.0 {
        return polygamma(n - 1.0, x) - powers_of_stirling(n, x);
    }
    if x.is_infinite() {
        return 0.0;
    }
    let (mut at, mut added) = (x, 0.0);
    if at < 1.0 {
        let log = (1.0 / at).ln_1p();
        added += if n == 0.0 { (at + 0.5) * log - 1.0 } else { log - (at + 0.5) / (at * (at + 1.0)) };
        at += 1.0;
    }
    while at < 16.0 {
        added += step_of_correction(n, 1.0 / (2.0 * at + 1.0));
        at += 1.0;
    }
    added + asymptotic_correction(n, at)
}

/// The n-th derivative of `(x - 1/2) ln x - x`, for n ≥ 2.
fn powers_of_stirling(n: f64, x: f64) -> f64 {
    let factorial = |n: f64| (2..=n as u32).fold(1.0, |product, k| product * f64::from(k));
    let sign = if n % 2.0 == 0.0 { 1.0 } else { -1.0 };
    sign * (factorial(n - 2.0) * x.powf(1.0 - n) + 0.5 * factorial(n - 1.0) * x.powf(-n))
}

/// What a step from x to x + 1 takes from the correction (n = 0) or from its slope (n = 1), with `r = 1 / (2x + 1)`.
fn step_of_correction(n: f64, r: f64) -> f64 {
    let square = r * r;
    let (mut power, mut sum) = (1.0, 0.0);
    // r ≤ 1/3: the last power is below 1e-17.
    for k in 1..=18 {
        power *= square;
        let odd = f64::from(2 * k + 1);
        sum += if n == 0.0 { power / odd } else { power * f64::from(2 * k) / odd };
    }
    if n == 0.0 { sum } else { -2.0 * r * sum }
}

/// `Σ B₂ₖ / (2k (2k-1)) d^n/dx^n x^(1-2k)`.
fn asymptotic_correction(n: f64, x: f64) -> f64 {
    let sign = if n % 2.0 == 0.0 { 1.0 } else { -1.0 };
    let rising = |from: f64| (0..n as u32).fold(1.0, |product, k| product * (from + f64::from(k)));
    let square = 1.0 / (x * x);
    let sum =
        STIRLING.iter().enumerate().rev().fold(0.0, |sum, (k, c)| sum * square + c * rising(2.0 * k as f64 + 1.0));
    sign * sum / x.powf(n + 1.0)
}

/// `ln(1 + u) - u`, without the cancellation near zero: by the series of the inverse hyperbolic tangent of u / (2 + u). The
/// same bits on every machine.
pub(crate) fn log1p_less(u: f64) -> f64 {
    if !(-0.6..=1.5).contains(&u) {
        return libm::log1p(u) - u;
    }
    let r = u / (2.0 + u);
    let square = r * r;
    let (mut power, mut sum, mut k) = (r * square, 0.0, 3.0);
    loop {
        let before = sum;
        sum += power / k;
        if sum == before {
            return 2.0 * sum - r * u;
        }
        power *= square;
        k += 2.0;
    }
}

/// `√(2π)`.
pub(super) const SQRT_TAU: f64 = 2.5066282746310002;
