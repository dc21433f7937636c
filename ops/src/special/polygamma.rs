//! The derivatives of the logarithm of the gamma function.

/// The positive zero of the digamma function, in two parts.
const ROOT: [f64; 2] = [1.4616321449683622, 9.549995429965697e-17];

/// The Taylor coefficients of the digamma function at its positive zero, from the first power on.
const AT_ROOT: [f64; 25] = [
    0.9676722454476212,
    -0.4427631689835921,
    0.258499760955651,
    -0.16394270544240652,
    0.10782405069126237,
    -0.07219956125645471,
    0.04880428816414311,
    -0.03316112647484736,
    0.022597648232218104,
    -0.01542476590494896,
    0.010538791616612175,
    -0.007204534386356869,
    0.004926781395729853,
    -0.003369801655439328,
    0.002305126326734928,
    -0.0015769367714301972,
    0.0010788252019162967,
    -0.0007380709389960052,
    0.000504953265834602,
    -0.0003454680251063077,
    0.00023635601564027053,
    -0.00016170622091974803,
    0.0001106337276874741,
    -7.569179582195066e-05,
    5.178575795222081e-05,
];

/// `B₂ₖ / (2k)!`, the coefficients of the Euler-Maclaurin formula.
const BERNOULLI: [f64; 12] = [
    0.08333333333333333,
    -0.001388888888888889,
    3.306878306878307e-05,
    -8.267195767195768e-07,
    2.08767569878681e-08,
    -5.284190138687493e-10,
    1.3382536530684679e-11,
    -3.3896802963225827e-13,
    8.586062056277845e-15,
    -2.174868698558062e-16,
    5.5090028283602295e-18,
    -1.3954464685812522e-19,
];

/// `B₂ₖ / (2k)`.
const OVER_2K: [f64; 8] = [
    0.08333333333333333,
    -0.008333333333333333,
    0.003968253968253968,
    -0.004166666666666667,
    0.007575757575757576,
    -0.021092796092796094,
    0.08333333333333333,
    -0.4432598039215686,
];

/// `d/dx ln Γ(x)`: upward recurrence and the asymptotic series (DLMF 5.5.2, 5.11.2), reflection for negative numbers
/// (5.5.4), Taylor's series around the positive zero.
pub(crate) fn digamma(x: f64) -> f64 {
    if x == 0.0 {
        return f64::INFINITY.copysign(-x);
    }
    if x < 0.0 {
        // The period of the cotangent is 1: only the distance to the nearest pole counts, and it is exact.
        let distance = x - x.round();
        return if distance == 0.0 || x.is_infinite() { f64::NAN } else { digamma(1.0 - x) - cotangent(distance) };
    }
    let from_root = (x - ROOT[0]) - ROOT[1];
    if from_root.abs() < 0.3 {
        return AT_ROOT.iter().rev().fold(0.0, |sum, c| sum * from_root + c) * from_root;
    }
    let (mut x, mut below) = (x, 0.0);
    while x < 12.0 {
        below += 1.0 / x;
        x += 1.0;
    }
    if x.is_infinite() {
        return x;
    }
    let square = 1.0 / (x * x);
    let series = OVER_2K.iter().rev().fold(0.0, |sum, c| sum * square + c) * square;
    x.ln() - 0.5 / x - series - below
}

/// `π cot(π x)` for x between -1/2 and 1/2, other than 0.
fn cotangent(x: f64) -> f64 {
    use std::f64::consts::PI;
    if x.abs() == 0.5 { 0.0 } else { PI / (PI * x).tan() }
}

/// The derivative of [`digamma`].
pub(crate) fn tri_gamma(x: f64) -> f64 {
    polygamma(1.0, x)
}

/// The n-th derivative of [`digamma`]; NaN where n is no whole number that is not negative.
///
/// For n > 0 by Hurwitz's zeta function, `(-1)ⁿ⁺¹ n! ζ(n+1, x)` (DLMF 5.15.1, 25.11.28); for negative numbers by the
/// period of what reflection adds (5.15.6).
pub(crate) fn polygamma(n: f64, x: f64) -> f64 {
    if !(n >= 0.0 && n.fract() == 0.0 && n < 1e3) || x.is_nan() {
        return f64::NAN;
    }
    if n == 0.0 {
        return digamma(x);
    }
    let alternating = if n % 2.0 == 0.0 { 1.0 } else { -1.0 };
    if x <= 0.0 && x.floor() == x {
        return -alternating * f64::INFINITY;
    }
    if x < -1.0 {
        let base = x - x.ceil();
        let periodic = polygamma(n, base) - alternating * polygamma(n, 1.0 - base);
        return alternating * polygamma(n, 1.0 - x) + periodic;
    }
    -alternating * zeta_times_factorial(n, x)
}

/// `n! ζ(n+1, x)` for x > -1.
fn zeta_times_factorial(n: f64, x: f64) -> f64 {
    let factorial = (2..=n as u32).fold(1.0, |product, k| product * f64::from(k));
    let (mut at, mut sum) = (x, 0.0);
    while at < 15.0 + n {
        sum += at.powi(-(n as i32) - 1);
        at += 1.0;
    }
    if at.is_infinite() {
        return 0.0;
    }
    let power = at.powf(-n);
    let mut tail = power / n + 0.5 * power / at;
    // (n+1) (n+2) .. (n+2k-1) at⁻ⁿ⁻²ᵏ, times B₂ₖ / (2k)!
    let mut term = power * (n + 1.0) / (at * at);
    for (k, b) in BERNOULLI.iter().enumerate() {
        tail += b * term;
        let next = n + 2.0 * (k as f64 + 1.0);
        term *= next * (next + 1.0) / (at * at);
    }
    factorial * (sum + tail)
}
