//! The regularized incomplete gamma functions, and their derivatives of every order in the parameter.
//!
//! The series (DLMF 8.11.4) for x < a + 1, the continued fraction (8.9.2) above; the common factor `x^a exp(-x) / Γ(a+1)`
//! by the saddle point of the Poisson distribution (C. Loader, 2000), so that it keeps its digits where a is large.
//! Derivatives in a carry truncated Taylor series through the same loops.

use std::f64::consts::TAU;

use super::erf::erfc;
use super::gamma::{gamma, gammaln, gammaln1p, log1p_less, stirling_rest};
use super::jet::{Jet, ORDER};
use super::polygamma::{digamma, polygamma};

/// Steps of a loop before it is given up: enough for a up to [`LARGE`].
const MOST_STEPS: usize = 1 << 20;

/// From here on the first terms of the uniform expansion are exact.
const LARGE: f64 = 1e9;

/// `P(a, x) = γ(a, x) / Γ(a)`.
pub(crate) fn gammainc(a: f64, x: f64) -> f64 {
    match edge(a, x) {
        Some(p) => p,
        None if a > LARGE => uniform(a, x, 1.0),
        None if x < a + 1.0 => common(a, x) * series(a, x),
        None => 1.0 - upper(a, x),
    }
}

/// `Q(a, x) = 1 - P(a, x)`.
pub(crate) fn gammaincc(a: f64, x: f64) -> f64 {
    match edge(a, x) {
        Some(p) => 1.0 - p,
        None if a > LARGE => uniform(a, x, -1.0),
        None if x >= a + 1.0 => upper(a, x),
        None if a < 0.5 && x < 1.2 => small(a, x),
        None => 1.0 - common(a, x) * series(a, x),
    }
}

/// The n-th derivative of P in a, for n up to 12 and a up to 1e9; NaN above.
pub(crate) fn gammainc_da(n: f64, a: f64, x: f64) -> f64 {
    let Some(order) = order_of(n) else { return f64::NAN };
    if order == 0 {
        return gammainc(a, x);
    }
    if a > LARGE {
        return f64::NAN;
    }
    if let Some(p) = edge(a, x) {
        return if p.is_nan() || a == 0.0 { f64::NAN } else { 0.0 };
    }
    if x < a + 1.0 { series_jet(a, x, order).derivative(order) } else { -upper_jet(a, x, order).derivative(order) }
}

/// The n-th derivative in a of the density `x^(a-1) exp(-x) / Γ(a)`, for n up to 12; NaN above.
pub(crate) fn gamma_density_da(n: f64, a: f64, x: f64) -> f64 {
    let Some(order) = order_of(n) else { return f64::NAN };
    if x.is_nan() || a.is_nan() || a <= 0.0 || x < 0.0 {
        return f64::NAN;
    }
    if x == 0.0 {
        return match (a < 1.0, order) {
            _ if a > 1.0 => 0.0,
            (true, 0) => f64::INFINITY,
            (_, 0) => 1.0,
            _ => f64::NAN,
        };
    }
    if x.is_infinite() || a.is_infinite() {
        return if x == a { f64::NAN } else { 0.0 };
    }
    // The density is the common factor times a / x; its logarithm has the derivatives of (a - 1) ln x - ln Γ(a).
    let value = common(a, x) * a / x;
    Jet::exponential(value, |k| log_derivative(a, x, k), order).derivative(order)
}

fn order_of(n: f64) -> Option<usize> {
    (n >= 0.0 && n <= ORDER as f64 && n.fract() == 0.0).then_some(n as usize)
}

/// P where it needs no loop.
fn edge(a: f64, x: f64) -> Option<f64> {
    if a.is_nan() || x.is_nan() || a < 0.0 || x < 0.0 || (a == 0.0 && x == 0.0) || (a.is_infinite() && x.is_infinite())
    {
        return Some(f64::NAN);
    }
    if a == 0.0 || x.is_infinite() {
        return Some(1.0);
    }
    (x == 0.0 || a.is_infinite()).then_some(0.0)
}

/// `x^a exp(-x) / Γ(a + 1)`.
fn common(a: f64, x: f64) -> f64 {
    if a >= 10.0 {
        let apart = (x - a) / a;
        let exponent = if apart > -0.99 { log1p_less(apart) } else { (x / a).ln() - apart };
        return (a * exponent - stirling_rest(a)).exp() / (TAU * a).sqrt();
    }
    if !(1e-30..=700.0).contains(&x) {
        return (a * x.ln() - x - gammaln(a + 1.0)).exp();
    }
    x.powf(a) * (-x).exp() / gamma(a + 1.0)
}

/// `Σ xᵏ / ((a+1) .. (a+k))`.
fn series(a: f64, x: f64) -> f64 {
    let (mut term, mut sum, mut k) = (1.0, 1.0, a);
    for _ in 0..MOST_STEPS {
        k += 1.0;
        term *= x / k;
        sum += term;
        if term <= sum * 1e-17 {
            break;
        }
    }
    sum
}

/// P for a sign of 1, Q for -1: the leading terms of Temme's expansion (DLMF 8.12.3, 8.12.4).
fn uniform(a: f64, x: f64, sign: f64) -> f64 {
    let apart = (x - a) / a;
    let eta = (-2.0 * log1p_less(apart)).max(0.0).sqrt().copysign(apart);
    let correction = if apart.abs() < 1e-4 { -1.0 / 3.0 + apart / 12.0 } else { 1.0 / apart - 1.0 / eta };
    let rest = (-0.5 * a * eta * eta).exp() / (TAU * a).sqrt() * correction;
    0.5 * erfc(-sign * eta * (0.5 * a).sqrt()) - sign * rest
}

/// Q by the continued fraction, for x ≥ a + 1.
fn upper(a: f64, x: f64) -> f64 {
    common(a, x) * a * fraction(a, x).0
}

/// The continued fraction (Lentz's algorithm), and how many steps it took.
fn fraction(a: f64, x: f64) -> (f64, usize) {
    let mut b = x + 1.0 - a;
    let (mut c, mut d) = (f64::INFINITY, 1.0 / b);
    let mut value = d;
    for k in 1..MOST_STEPS {
        let step = k as f64;
        let numerator = -step * (step - a);
        b += 2.0;
        d = 1.0 / (b + numerator * d);
        c = b + numerator / c;
        value *= c * d;
        if (c * d - 1.0).abs() < 1e-16 {
            return (value, k);
        }
    }
    (value, MOST_STEPS)
}

/// Q for small a and x: one minus P would lose the digits of what is left.
fn small(a: f64, x: f64) -> f64 {
    let exponent = a * x.ln() - gammaln1p(a);
    let (mut power, mut sum) = (1.0, 0.0);
    for k in 1..60 {
        power *= -x / f64::from(k);
        sum += power / (a + f64::from(k));
    }
    -exponent.exp_m1() - exponent.exp() * a * sum
}

/// The k-th Taylor coefficient of `(a - 1) ln x - ln Γ(a)` in a.
fn log_derivative(a: f64, x: f64, k: usize) -> f64 {
    if k == 1 {
        return x.ln() - digamma(a);
    }
    let factorial = (2..=k).fold(1.0, |product, k| product * k as f64);
    -polygamma(k as f64 - 1.0, a) / factorial
}

/// P and its derivatives in a by the series.
fn series_jet(a: f64, x: f64, order: usize) -> Jet {
    let mut term = Jet::constant(1.0, order);
    let (mut sum, mut k) = (term, a);
    for _ in 0..MOST_STEPS {
        k += 1.0;
        term = term.over_linear(k).scale(x);
        sum = sum + term;
        if term.size() <= 1e-17 * sum.c[0] {
            break;
        }
    }
    sum * Jet::exponential(common(a, x), |k| log_derivative(a + 1.0, x, k), order)
}

/// Q and its derivatives in a by the continued fraction, from the last step to the first.
fn upper_jet(a: f64, x: f64, order: usize) -> Jet {
    let steps = fraction(a, x).1 + 10 * order;
    let level = |k: usize| Jet::linear(x + 1.0 - a + 2.0 * k as f64, -1.0, order);
    let mut value = level(steps);
    for k in (1..=steps).rev() {
        let step = k as f64;
        let numerator = Jet::linear(-step * (step - a), step, order);
        value = level(k - 1) + numerator * value.reciprocal();
    }
    value.reciprocal() * Jet::exponential(common(a, x) * a, |k| log_derivative(a, x, k), order)
}
