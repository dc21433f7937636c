//! The error function, its complement, their inverses, and what is left of them in the tails.

use std::f64::consts::{FRAC_2_SQRT_PI, PI};

/// `2/√π ∫₀ˣ exp(-t²) dt`.
pub(crate) fn erf(x: f64) -> f64 {
    libm::erf(x)
}

/// `1 - erf(x)`.
pub(crate) fn erfc(x: f64) -> f64 {
    libm::erfc(x)
}

/// `exp(x²)` and `exp(-x²)`, for a sign of 1 or -1: the square in two parts, the first of which is exact.
pub(super) fn exp_of_square(x: f64, sign: f64) -> f64 {
    let high = f64::from_bits(x.to_bits() & 0xFFFF_FFFF_F800_0000);
    let square = high * high;
    if square.is_infinite() {
        return (sign * square).exp();
    }
    (sign * square).exp() * (sign * (x - high) * (x + high)).exp()
}

/// `exp(x²) erfc(x)`; from 10 on by the asymptotic series (DLMF 7.12.1).
pub(crate) fn erfcx(x: f64) -> f64 {
    if x < 0.0 {
        return if x < -27.0 { f64::INFINITY } else { 2.0 * exp_of_square(x, 1.0) - erfcx(-x) };
    }
    if x < 10.0 {
        return exp_of_square(x, 1.0) * erfc(x);
    }
    let step = 0.5 / (x * x);
    let series = (1..=12).rev().fold(1.0, |sum, k| 1.0 - f64::from(2 * k - 1) * step * sum);
    0.5 * FRAC_2_SQRT_PI / x * series
}

/// `exp(x²) iⁿerfc(x)`, the repeated integrals of the complement (DLMF 7.18), scaled; NaN where n is no whole number
/// that is not negative.
///
/// Upward recurrence (7.18.7) where it is stable, else downward, as a continued fraction of ratios.
pub(crate) fn ierfcx(n: f64, x: f64) -> f64 {
    if !(n >= 0.0 && n.fract() == 0.0 && n < 1e3) || x.is_nan() {
        return f64::NAN;
    }
    if n == 0.0 {
        return erfcx(x);
    }
    if x.is_infinite() {
        return if x > 0.0 { 0.0 } else { f64::INFINITY };
    }
    let n = n as usize;
    if x <= 0.75 {
        let (mut before, mut now) = (FRAC_2_SQRT_PI, erfcx(x));
        for k in 1..=n {
            (before, now) = (now, (before - 2.0 * x * now) / (2.0 * k as f64));
        }
        return now;
    }
    let last = n + 20 + (150.0 / (x * x)) as usize;
    let (mut ratio, mut product) = (1.0 / (x + (x * x + 2.0 * last as f64).sqrt()), 1.0);
    for k in (1..=last).rev() {
        // The ratio of the integral of k - 1 to the one before it, from that of k to k - 1.
        if k <= n {
            product *= ratio;
        }
        ratio = 1.0 / (2.0 * x + 2.0 * k as f64 * ratio);
    }
    product * erfcx(x)
}

/// The inverse of [`erf`]; ±∞ at ±1, NaN outside.
pub(crate) fn erfinv(x: f64) -> f64 {
    if x.abs() <= 0.5 {
        return central(x);
    }
    erfcinv(1.0 - x.abs()).copysign(x)
}

/// The inverse of [`erfc`]; ∞ at 0, -∞ at 2, NaN outside.
pub(crate) fn erfcinv(y: f64) -> f64 {
    if !(0.0..=2.0).contains(&y) {
        return f64::NAN;
    }
    if (0.5..=1.5).contains(&y) {
        return central(1.0 - y);
    }
    if y > 1.0 { -tail(2.0 - y) } else { tail(y) }
}

/// Winitzki's approximation of the inverse, to three digits, from `ln(1 - x²)`.
fn start(log: f64) -> f64 {
    const A: f64 = 0.147;
    let t = 2.0 / (PI * A) + 0.5 * log;
    ((t * t - log / A).sqrt() - t).sqrt()
}

/// Halley's method on `erf(z) = x`, for |x| ≤ 1/2.
fn central(x: f64) -> f64 {
    if x == 0.0 {
        return x;
    }
    let mut z = start((-x * x).ln_1p()).copysign(x);
    if x.abs() < 1e-4 {
        z = x / FRAC_2_SQRT_PI;
    }
    for _ in 0..3 {
        let step = (erf(z) - x) / FRAC_2_SQRT_PI * exp_of_square(z, 1.0);
        z -= step / (1.0 + step * z);
    }
    z
}

/// The inverse for y ≤ 1/2: Halley's method on `erfc(z) = y`; far out Newton's on `ln erfc(z) = ln y`, where nothing
/// underflows and the slope changes slowly.
fn tail(y: f64) -> f64 {
    if y == 0.0 {
        return f64::INFINITY;
    }
    let mut z = start((y * (2.0 - y)).ln());
    if y < 1e-3 {
        let log = y.ln();
        for _ in 0..4 {
            let scaled = erfcx(z);
            z += (scaled.ln() - z * z - log) * scaled / FRAC_2_SQRT_PI;
        }
        return z;
    }
    for _ in 0..3 {
        let step = (erfc(z) - y) / FRAC_2_SQRT_PI * exp_of_square(z, 1.0);
        z += step / (1.0 - step * z);
    }
    z
}
