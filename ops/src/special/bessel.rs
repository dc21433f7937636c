//! The modified Bessel functions.
//!
//! Those of the first kind by their power series (DLMF 10.25.2), whose terms are of one sign, and by Hankel's expansion
//! (10.40.1) where the argument is large; those of the second kind by the trapezoidal rule on their integral (10.32.9),
//! which converges faster than any power of the step.

use std::f64::consts::TAU;

use super::gamma::{gamma, gammaln};

/// Steps of a loop before it is given up.
const MOST_STEPS: f64 = 1e6;

/// `I₀(x)`.
pub(crate) fn i0(x: f64) -> f64 {
    unscaled(0.0, x)
}

/// `I₁(x)`.
pub(crate) fn i1(x: f64) -> f64 {
    unscaled(1.0, x)
}

/// `exp(-|x|) I₀(x)`.
pub(crate) fn i0e(x: f64) -> f64 {
    ive(0.0, x)
}

/// `exp(-|x|) I₁(x)`.
pub(crate) fn i1e(x: f64) -> f64 {
    ive(1.0, x)
}

/// `ln(exp(-x) I₀(x))`; NaN for negative x.
pub(crate) fn log_i0e(x: f64) -> f64 {
    match x {
        _ if x < 0.0 => f64::NAN,
        _ if x < 1.0 => {
            // I₀(x) - 1 = q (1 + q/4 (1 + q/9 (..))), q = x²/4
            let quarter = 0.25 * x * x;
            let nested = (2..=12).rev().fold(1.0, |inner, k| 1.0 + inner * quarter / f64::from(k * k));
            (quarter * nested).ln_1p() - x
        }
        _ => i0e(x).ln(),
    }
}

/// `1 - I₁(x) / I₀(x)`; NaN for negative x. By the continued fraction of the quotient (DLMF 10.33.1), for large x by
/// the difference of Hankel's expansions, term by term.
pub(crate) fn bessel_deficit(x: f64) -> f64 {
    if x < 0.0 || x.is_nan() {
        return f64::NAN;
    }
    if x <= 25.0 {
        let quotient = (1..=100).rev().fold(0.0, |below, k| x / (f64::from(2 * k) + x * below));
        return 1.0 - quotient;
    }
    let (mut of_0, mut of_1, mut difference) = (1.0, 1.0, 0.0);
    for k in 1..30 {
        let (odd, scale) = (f64::from(2 * k - 1), 8.0 * f64::from(k) * x);
        of_0 *= odd * odd / scale;
        of_1 *= (odd * odd - 4.0) / scale;
        difference += of_0 - of_1;
        if of_0.abs() < 1e-18 * difference {
            break;
        }
    }
    difference / hankel(0.0, x)
}

/// `I_v(x)`; NaN for negative x unless v is a whole number.
pub(crate) fn iv(v: f64, x: f64) -> f64 {
    unscaled(v, x)
}

/// `exp(-|x|) I_v(x)`; NaN for negative x unless v is a whole number.
pub(crate) fn ive(v: f64, x: f64) -> f64 {
    let Some((v, z, sign)) = reduced(v, x) else { return f64::NAN };
    if z == 0.0 {
        return sign * at_zero(v);
    }
    if is_far(v, z) {
        return sign * hankel(v, z) / (TAU * z).sqrt();
    }
    sign * if z < 700.0 && v < 100.0 { series(v, z) * (-z).exp() } else { logarithmic_series(v, z, z) }
}

fn unscaled(v: f64, x: f64) -> f64 {
    let Some((v, z, sign)) = reduced(v, x) else { return f64::NAN };
    if z == 0.0 {
        return sign * at_zero(v);
    }
    if is_far(v, z) {
        // In two halves, so that exp does not overflow before the rest makes up for it.
        let half = (0.5 * z).exp();
        return if half.is_infinite() { sign * half } else { sign * half * (hankel(v, z) / (TAU * z).sqrt()) * half };
    }
    sign * if z < 700.0 && v < 100.0 { series(v, z) } else { logarithmic_series(v, z, 0.0) }
}

/// A whole order without its sign, an argument without its sign, and the sign that this gives; `None` for NaN.
fn reduced(v: f64, x: f64) -> Option<(f64, f64, f64)> {
    let whole = v.fract() == 0.0;
    if v.is_nan() || x.is_nan() || (x < 0.0 && !whole) || v.is_infinite() || (v < -100.0 && !whole) {
        return None;
    }
    let sign = if x < 0.0 && v % 2.0 != 0.0 { -1.0 } else { 1.0 };
    Some((if whole { v.abs() } else { v }, x.abs(), sign))
}

fn at_zero(v: f64) -> f64 {
    if v == 0.0 {
        1.0
    } else if v > 0.0 {
        0.0
    } else if v.floor() % 2.0 == 0.0 {
        // The sign of 1 / Γ(v + 1).
        f64::NEG_INFINITY
    } else {
        f64::INFINITY
    }
}

fn is_far(v: f64, z: f64) -> bool {
    z > 25.0 && z > v * v
}

/// `Σ (-1)ᵏ aₖ(v) / zᵏ`.
fn hankel(v: f64, z: f64) -> f64 {
    if z.is_infinite() {
        return 1.0;
    }
    let square = 4.0 * v * v;
    let (mut term, mut sum) = (1.0, 1.0);
    for k in 1..100 {
        let odd = f64::from(2 * k - 1);
        let next = -term * (square - odd * odd) / (8.0 * f64::from(k) * z);
        if next.abs() > term.abs() || next.abs() < 1e-18 {
            break;
        }
        term = next;
        sum += term;
    }
    sum
}

/// `Σ (z/2)^(v+2k) / (k! Γ(v+k+1))`.
fn series(v: f64, z: f64) -> f64 {
    let sum = power_sum(v, z);
    let front = (0.5 * z).powf(v) / gamma(v + 1.0);
    if front.is_normal() { front * sum } else { logarithmic_series(v, z, 0.0) }
}

/// The series divided by its first term.
fn power_sum(v: f64, z: f64) -> f64 {
    let quarter = 0.25 * z * z;
    let (mut term, mut sum, mut k) = (1.0f64, 1.0, 0.0);
    while k < MOST_STEPS {
        k += 1.0;
        term *= quarter / (k * (v + k));
        sum += term;
        if term.abs() < 1e-17 * f64::abs(sum) && v + k > 0.0 {
            break;
        }
    }
    sum
}

/// The series times `exp(-less)`, where its first term may be out of range.
fn logarithmic_series(v: f64, z: f64, less: f64) -> f64 {
    let quarter = 0.25 * z * z;
    // From the largest term on, in both directions, relative to it.
    let top = (0.5 * (v.hypot(z) - v)).floor().max(0.0);
    if top > 1e12 {
        return f64::NAN;
    }
    let log = (v + 2.0 * top) * (0.5 * z).ln() - gammaln(top + 1.0) - gammaln(v + top + 1.0) - less;
    let mut sum = 1.0;
    let (mut term, mut k) = (1.0, top);
    while term > 1e-18 && k < top + MOST_STEPS {
        k += 1.0;
        term *= quarter / (k * (v + k));
        sum += term;
    }
    (term, k) = (1.0, top);
    while term > 1e-18 && k > (top - MOST_STEPS).max(0.0) {
        term *= k * (v + k) / quarter;
        k -= 1.0;
        sum += term;
    }
    log.exp() * sum
}

/// `exp(x) K_v(x)`; NaN for negative x.
pub(crate) fn kve(v: f64, x: f64) -> f64 {
    if v.is_nan() || x.is_nan() || x < 0.0 || v.is_infinite() {
        return f64::NAN;
    }
    if x == 0.0 || x.is_infinite() {
        return if x == 0.0 { f64::INFINITY } else { 0.0 };
    }
    let v = v.abs();
    if v > 1e8 {
        return f64::NAN;
    }
    // exp(-x (cosh t - 1)) cosh(v t), whose logarithm is largest at the crest.
    let crest = (v / x).asinh();
    let height = |t: f64| {
        let half = (0.5 * t).sinh();
        v * t - 2.0 * x * half * half
    };
    let width = 1.0 / (x * x + v * v).sqrt().sqrt();
    let step = (0.5 * width).min(0.125);
    let top = height(crest);
    let value = |t: f64| 0.5 * ((height(t) - top).exp() + (-2.0 * v * t + height(t) - top).exp());
    let (mut sum, mut k) = (0.5 * value(0.0), 0.0);
    loop {
        k += 1.0;
        let t = k * step;
        let term = value(t);
        sum += term;
        if t > crest && term < 1e-18 * sum {
            return sum * step * top.exp();
        }
        if k > MOST_STEPS {
            return f64::NAN;
        }
    }
}

/// `K_v(x)`; NaN for negative x.
pub(crate) fn kv(v: f64, x: f64) -> f64 {
    let scaled = kve(v, x);
    if scaled.is_infinite() { scaled } else { scaled * (-x).exp() }
}
