//! The beta function, its logarithm, and the regularized incomplete beta function with its derivatives.

use super::gamma::{SQRT_TAU, gamma, gammaln, log1p_less, stirling_rest};
use super::polygamma::digamma;

const LN_SQRT_TAU: f64 = 0.9189385332046727;

/// `Γ(a) Γ(b) / Γ(a + b)`.
pub(crate) fn beta(a: f64, b: f64) -> f64 {
    if a.abs() < 80.0 && b.abs() < 80.0 {
        let (small, large) = if a.abs() < b.abs() { (a, b) } else { (b, a) };
        return gamma(small) * (gamma(large) / gamma_of_sum(small, large));
    }
    let sign =
        [a, b, a + b].into_iter().fold(1.0, |sign, x| if x < 0.0 && x.floor() % 2.0 != 0.0 { -sign } else { sign });
    sign * betaln(a, b).exp()
}

/// `ln |B(a, b)|`; for large parameters by what Stirling's formula leaves, so that nothing large cancels.
pub(crate) fn betaln(a: f64, b: f64) -> f64 {
    let (p, q) = if a < b { (a, b) } else { (b, a) };
    if p.is_nan() || q.is_nan() || p <= 0.0 {
        return gammaln(a) + gammaln(b) - gammaln(a + b);
    }
    if q.is_infinite() {
        return f64::NEG_INFINITY;
    }
    if p >= 10.0 {
        let rest = stirling_rest(p) + stirling_rest(q) - stirling_rest(p + q);
        return LN_SQRT_TAU - 0.5 * q.ln() + rest + (p - 0.5) * (p / (p + q)).ln() + q * (-p / (p + q)).ln_1p();
    }
    if q >= 10.0 {
        let rest = stirling_rest(q) - stirling_rest(p + q);
        return gammaln(p) + rest + p - p * (p + q).ln() + (q - 0.5) * (-p / (p + q)).ln_1p();
    }
    if p < 1e-300 {
        return -p.ln();
    }
    (gamma(p) * (gamma(q) / gamma_of_sum(p, q))).ln()
}

/// `Γ(small + large)`, corrected by what rounding took from the sum.
fn gamma_of_sum(small: f64, large: f64) -> f64 {
    let sum = small + large;
    let lost = small - (sum - large);
    let value = gamma(sum);
    if lost == 0.0 || !value.is_finite() { value } else { value * (1.0 + lost * digamma(sum)) }
}

/// `I_x(a, b)`: the continued fraction (DLMF 8.17.22), on the side of the mean where it converges fast.
pub(crate) fn betainc(a: f64, b: f64, x: f64) -> f64 {
    if let Some(value) = edge(a, b, x) {
        return value;
    }
    let y = 1.0 - x;
    let beyond = x * (a + b + 2.0) > a + 1.0;
    let rest = if beyond { lower(b, a, y, x).0 } else { 1.0 };
    // Where little is left of one, the slow side keeps the digits.
    if rest < 0.9 || x > 0.999 && beyond { 1.0 - rest } else { lower(a, b, x, y).0 }
}

/// The derivative of [`betainc`] in a.
pub(crate) fn betainc_da(a: f64, b: f64, x: f64) -> f64 {
    slopes(a, b, x).0
}

/// The derivative of [`betainc`] in b.
pub(crate) fn betainc_db(a: f64, b: f64, x: f64) -> f64 {
    slopes(a, b, x).1
}

fn slopes(a: f64, b: f64, x: f64) -> (f64, f64) {
    if let Some(value) = edge(a, b, x) {
        let slope = if value.is_nan() || a == 0.0 || b == 0.0 { f64::NAN } else { 0.0 };
        return (slope, slope);
    }
    let y = 1.0 - x;
    if x * (a + b + 2.0) <= a + 1.0 {
        let (_, da, db) = lower(a, b, x, y);
        (da, db)
    } else {
        let (_, db, da) = lower(b, a, y, x);
        (-da, -db)
    }
}

/// The value where it needs no loop.
fn edge(a: f64, b: f64, x: f64) -> Option<f64> {
    let outside = !(a >= 0.0 && b >= 0.0 && (0.0..=1.0).contains(&x));
    let undecided = (a == 0.0 && b == 0.0) || (a.is_infinite() && b.is_infinite());
    if outside || undecided {
        return Some(f64::NAN);
    }
    if x == 0.0 || x == 1.0 {
        return Some(x);
    }
    if a == 0.0 || b.is_infinite() {
        return Some(1.0);
    }
    (b == 0.0 || a.is_infinite()).then_some(0.0)
}

/// A number with its derivatives in two parameters.
#[derive(Clone, Copy)]
struct Dual([f64; 3]);

impl Dual {
    fn times(self, other: Self) -> Self {
        let (Dual([x, xa, xb]), Dual([y, ya, yb])) = (self, other);
        Dual([x * y, xa * y + x * ya, xb * y + x * yb])
    }

    fn over(self, other: Self) -> Self {
        let (Dual([x, xa, xb]), Dual([y, ya, yb])) = (self, other);
        let value = x / y;
        Dual([value, (xa - value * ya) / y, (xb - value * yb) / y])
    }
}

/// `I_x(a, b)` and its derivatives in a and b, for x below the mean; y is 1 - x.
fn lower(a: f64, b: f64, x: f64, y: f64) -> (f64, f64, f64) {
    let front = common(a, b, x, y) / a;
    let Dual([sum, sum_a, sum_b]) = fraction(a, b, x);
    let mean = digamma(a + b);
    let (log_a, log_b) = (x.ln() - digamma(a) + mean - 1.0 / a, y.ln() - digamma(b) + mean);
    (front * sum, front * (log_a * sum + sum_a), front * (log_b * sum + sum_b))
}

/// `x^a y^b / B(a, b)`; for large parameters by the saddle point of the binomial distribution (C. Loader, 2000).
fn common(a: f64, b: f64, x: f64, y: f64) -> f64 {
    if a < 10.0 || b < 10.0 {
        let power = a * x.ln() + b * if x < 0.5 { (-x).ln_1p() } else { y.ln() };
        return if power > -600.0 && a < 80.0 && b < 80.0 {
            x.powf(a) * y.powf(b) / beta(a, b)
        } else {
            (power - betaln(a, b)).exp()
        };
    }
    let n = a + b;
    // x n = a (1 + u), y n = b (1 + v), with a u + b v = 0.
    let apart = x * b - y * a;
    let (u, v) = (apart / a, -apart / b);
    let near = |u: f64, ratio: f64| if u > -0.99 { log1p_less(u) } else { ratio.ln() - u };
    let exponent = a * near(u, x * n / a) + b * near(v, y * n / b);
    let rest = stirling_rest(n) - stirling_rest(a) - stirling_rest(b);
    (exponent + rest).exp() * (a * b / n).sqrt() / SQRT_TAU
}

/// The continued fraction `1 / (1 + d₁ / (1 + d₂ / ..))`: its length by Lentz's algorithm, then, with the derivatives,
/// from the last step to the first.
fn fraction(a: f64, b: f64, x: f64) -> Dual {
    let coefficient = |k: usize| {
        let m = (k / 2) as f64;
        if k.is_multiple_of(2) {
            m * (b - m) * x / ((a + 2.0 * m - 1.0) * (a + 2.0 * m))
        } else {
            -(a + m) * (a + b + m) * x / ((a + 2.0 * m) * (a + 2.0 * m + 1.0))
        }
    };
    let (mut c, mut d, mut steps) = (1.0, 1.0 / (1.0 + coefficient(1)), 1);
    while steps < 100_000 {
        steps += 1;
        c = 1.0 + coefficient(steps) / if steps == 2 { 1.0 } else { c };
        d = 1.0 / (1.0 + coefficient(steps) * d);
        if (c * d - 1.0).abs() < 1e-16 {
            break;
        }
    }
    let mut value = Dual([1.0, 0.0, 0.0]);
    for k in (1..=steps + 10).rev() {
        let Dual([d, da, db]) = step(a, b, x, k).over(value);
        value = Dual([1.0 + d, da, db]);
    }
    Dual([1.0, 0.0, 0.0]).over(value)
}

/// The k-th numerator of the fraction with its derivatives.
fn step(a: f64, b: f64, x: f64, k: usize) -> Dual {
    let m = (k / 2) as f64;
    let in_a = |shift: f64| Dual([a + shift, 1.0, 0.0]);
    if k.is_multiple_of(2) {
        Dual([m * x * (b - m), 0.0, m * x]).over(in_a(2.0 * m - 1.0).times(in_a(2.0 * m)))
    } else {
        let Dual([p, pa, pb]) = in_a(m).times(Dual([a + b + m, 1.0, 1.0]));
        Dual([-p * x, -pa * x, -pb * x]).over(in_a(2.0 * m).times(in_a(2.0 * m + 1.0)))
    }
}
