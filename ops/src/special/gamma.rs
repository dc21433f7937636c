//! The gamma function and its logarithm.

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
