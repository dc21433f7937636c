//! The special functions: one row each, as in the other table.
//!
//! Families of functions have a whole number as their first input, which has no derivative: it says which member of the
//! family is meant, and the derivative of one member is made of others. So every order is an expression.

use std::f64::consts::{FRAC_1_SQRT_2, FRAC_2_SQRT_PI, PI, TAU};

use kronograph_graph::{Operand, Result, Variable, Why};

use super::row::{DtypeRule, Kernel, Partial, Row};
use super::switch::switch;
use super::{
    elementwise, elementwise1, elementwise2, exp, log, log1p, lt, maximum, reciprocal, sign, sqr, xlog1py, xlogy,
};
use crate::kernels::map::{map1, map2, map3};
use crate::kernels::pick::{pick1, pick2, pick3};
use crate::special;
use Partial::{Times, Undefined};

/// The first input says which function is meant.
const ORDER: Partial = Undefined(Why::Discrete);
/// There is a derivative, without a rule.
const UNWRITTEN: Partial = Undefined(Why::Unwritten);

unary! {
    /// The special functions of one input, in the order of the documentation.
    SPECIAL_UNARY:
    /// The gamma function `Γ(x)`: infinite at zero, NaN at negative integers.
    /// Off by at most 6 ulp for |x| ≤ 171, as measured.
    gamma: wide |x| special::gamma(x), d: |x, y| Times(y * digamma(x)?), zero: no, on: (0.4, 3.0),
        edges: [-0.5, 170.0, 172.0];
    /// `ln |Γ(x)|`: infinite at zero and at negative integers.
    /// Off by at most 2 ulp for positive x, 17 for negative x, as measured.
    gammaln: wide |x| special::gammaln(x), d: |x, _y| Times(digamma(x)?), zero: no, on: (0.4, 3.0),
        edges: [2.0, -0.5, -2.5, 1e10];
    /// The derivative of [`gammaln`]: infinite at zero, NaN at negative integers. Near its positive zero it keeps all
    /// digits.
    /// Off by at most 18 ulp for positive x, 44 for negative x, as measured.
    digamma: wide |x| special::digamma(x), d: |x, _y| Times(tri_gamma(x)?), zero: no, on: (0.4, 3.0),
        edges: [-0.5, -2.5, 1e-8, 1e10, 1.4616321449683622];
    /// The derivative of [`digamma`]: infinite at zero and at negative integers.
    /// Off by at most 5 ulp, as measured.
    tri_gamma: wide |x| special::tri_gamma(x), d: |x, _y| Times(polygamma(2, x)?), zero: no, on: (0.4, 3.0),
        edges: [-0.5, 1e-8, 1e10];
    /// The error function `2/√π ∫₀ˣ exp(-t²) dt`.
    /// Off by at most 1 ulp, as measured.
    erf: wide |x| special::erf(x), d: |x, _y| Times(bell(x)?), zero: yes, on: (-1.5, 1.5), edges: [6.0, -6.0, 30.0];
    /// `1 - erf(x)`, accurate for large x.
    /// Off by at most 2 ulp, as measured.
    erfc: wide |x| special::erfc(x), d: |x, _y| Times(-bell(x)?), zero: no, on: (-1.5, 1.5),
        edges: [10.0, 26.0, 28.0, -30.0];
    /// `exp(x²) erfc(x)`, without overflow; its derivatives of every order are computed without cancellation.
    /// Off by at most 4 ulp, as measured.
    erfcx: wide |x| special::erfcx(x), d: |x, _y| Times(-2.0 * ierfcx(1, x)?), zero: no, on: (-1.0, 2.0),
        edges: [30.0, 1e10, -5.0, -26.0];
    /// The inverse of [`erf`]: infinite at ±1, NaN outside.
    /// Off by at most 1 ulp, as measured.
    erfinv: wide |x| special::erfinv(x), d: |_x, y| Times((1.0 / FRAC_2_SQRT_PI) * exp(&sqr(y)?)?), zero: yes,
        on: (-0.8, 0.8), edges: [0.999999999999999, 1.5];
    /// The inverse of [`erfc`]: infinite at 0 and 2, NaN outside.
    /// Off by at most 2 ulp, as measured.
    erfcinv: wide |x| special::erfcinv(x), d: |_x, y| Times((-1.0 / FRAC_2_SQRT_PI) * exp(&sqr(y)?)?), zero: no,
        on: (0.2, 1.8), edges: [2.0, 1e-100, 1.999999999999999];
    /// The distribution function of the standard normal distribution.
    /// Off by at most 5 ulp, as measured.
    ndtr: wide |x| special::ndtr(x), d: |x, _y| Times(TAU.sqrt().recip() * exp(&(-0.5 * sqr(x)?))?), zero: no,
        on: (-1.5, 1.5), edges: [-10.0, -37.0, 10.0];
    /// `ln(ndtr(x))`, in both tails; its derivative, the density over [`ndtr`], is computed without cancellation.
    /// Off by at most 5 ulp, as measured.
    log_ndtr: wide |x| special::log_ndtr(x),
        d: |x, _y| Times((0.5 / PI).sqrt() * 2.0 / erfcx(&(-FRAC_1_SQRT_2 * x))?), zero: no, on: (-2.0, 1.5),
        edges: [-10.0, -40.0, 10.0];
    /// The inverse of [`ndtr`]: infinite at 0 and 1, NaN outside.
    /// Off by at most 2 ulp, as measured.
    ndtri: wide |x| special::ndtri(x), d: |_x, y| Times(TAU.sqrt() * exp(&(0.5 * sqr(y)?))?), zero: no,
        on: (0.1, 0.9), edges: [0.5, 1e-100];
    /// The modified Bessel function `I₀(x)`.
    /// Off by at most 10 ulp, as measured.
    i0: wide |x| special::i0(x), d: |x, _y| Times(i1(x)?), zero: no, on: (-2.0, 2.0), edges: [50.0, -50.0];
    /// The modified Bessel function `I₁(x)`.
    /// Off by at most 11 ulp, as measured.
    i1: wide |x| special::i1(x), d: |x, _y| Times(0.5 * (i0(x)? + iv(2, x)?)), zero: yes, on: (-2.0, 2.0),
        edges: [50.0, -50.0];
    /// `exp(-|x|) I₀(x)`. Its derivative at zero is zero.
    /// Off by at most 9 ulp, as measured.
    i0e: wide |x| special::i0e(x), d: |x, y| Times(i1e(x)? - y * sign(x)?), zero: no, on: (0.3, 2.0),
        edges: [50.0, -50.0];
    /// `exp(-|x|) I₁(x)`.
    /// Off by at most 10 ulp, as measured.
    i1e: wide |x| special::i1e(x), d: |x, y| Times(0.5 * (i0e(x)? + ive(2, x)?) - y * sign(x)?), zero: yes,
        on: (0.3, 2.0), edges: [50.0, -50.0];
    /// `ln(exp(-x) I₀(x))`; NaN for negative x.
    /// Off by at most 3 ulp, as measured.
    log_i0e: wide |x| special::log_i0e(x), d: |x, _y| Times(-bessel_deficit(x)?), zero: yes, on: (0.3, 4.0),
        edges: [50.0, 1e8];
    /// `1 - I₁(x) / I₀(x)`, without cancellation for large x; NaN for negative x.
    /// Off by at most 76 ulp, as measured; 7 for x > 25.
    bessel_deficit: wide |x| special::bessel_deficit(x), d: |x, y| Times(bessel_quotient(x, y)? - y * (2.0 - y)), zero: no,
        on: (0.3, 4.0), edges: [50.0, 1e8];
}

binary! {
    /// The special functions of two inputs, in the order of the documentation.
    SPECIAL_BINARY:
    /// `Γ(a) Γ(b) / Γ(a + b)`.
    /// Off by at most 4 (1 + |ln B|) ulp for positive numbers, as measured.
    beta: wide |a, b| special::beta(a, b),
        d: |a, b, y| { let both = digamma(&(a + b))?; [Times(y * (digamma(a)? - &both)), Times(y * (digamma(b)? - both))] },
        zero: no, on: (0.5, 3.0);
    /// `ln |B(a, b)|`, the logarithm of the beta function, without overflow.
    /// Off by at most 5 ulp away from its zeros, as measured.
    betaln: wide |a, b| special::betaln(a, b),
        d: |a, b, _y| { let both = digamma(&(a + b))?; [Times(digamma(a)? - &both), Times(digamma(b)? - both)] },
        zero: no, on: (0.5, 3.0);
    /// The n-th derivative of [`digamma`]; NaN where n is no whole number that is not negative. n has no derivative.
    /// Off by at most 6 ulp for positive x and n ≤ 10, as measured.
    polygamma: wide |n, x| special::polygamma(n, x), d: |n, x, _y| [ORDER, Times(polygamma(&(n + 1), x)?)],
        zero: no, on: (0.0, 3.0), (0.5, 3.0); orders: 1; edges: [2.0], [-0.5, 1e-8];
    /// The n-th derivative of what Stirling's formula leaves of [`gammaln`], `ln Γ(x) - (x - 1/2) ln x + x - ln √(2π)`,
    /// for positive x; NaN where n is no whole number up to 100. n has no derivative.
    /// Off by at most 8 ulp for n ≤ 1, as measured; by 1200 for n = 2 and 3 where x is about 10.
    log_gamma_correction: wide |n, x| special::log_gamma_correction(n, x),
        d: |n, x, _y| [ORDER, Times(log_gamma_correction(&(n + 1), x)?)], zero: no, on: (0.0, 3.0), (0.5, 3.0);
        orders: 1; edges: [2.0], [1e-8, 1e10];
    /// `a ln(a / b) - (a - b)`, half the deviance of the Poisson distribution, without cancellation where a is close to
    /// b; NaN for negative numbers.
    /// Off by at most 3 ulp, as measured.
    poisson_deviance: wide |a, b| special::poisson_deviance(a, b),
        d: |a, b, _y| [Times(log_ratio(a, b, 0)?), Times((b - a) / b)], zero: no, on: (0.5, 2.0);
        edges: [1e9], [1000000001.0];
    /// `a ln(1 + b / a)`, which tends to b for large a; NaN for negative numbers.
    /// Off by at most 2 ulp, as measured.
    scaled_log1p: wide |a, b| special::scaled_log1p(a, b),
        d: |a, b, _y| [Times(-log_ratio_less(0, b, a)?), Times(a / (a + b))], zero: no, on: (0.5, 2.0);
        edges: [1e10], [1e-10];
    /// `exp(x²)` times the n-th repeated integral of [`erfc`], which the derivatives of [`erfcx`] are made of; NaN where
    /// n is no whole number that is not negative. n has no derivative.
    /// Off by at most 16 ulp for n ≤ 4, as measured.
    ierfcx: wide |n, x| special::ierfcx(n, x),
        d: |n, x, _y| [ORDER, Times(-2.0 * (n + 1) * ierfcx(&(n + 1), x)?)], zero: no, on: (0.0, 3.0), (-1.0, 2.0);
        orders: 1; edges: [2.0], [30.0, -5.0];
    /// The regularized lower incomplete gamma function `P(a, x)`, for a ≥ 0 and x ≥ 0; NaN outside, and where both are
    /// zero or infinite.
    /// Off by at most 16 (1 + |ln P|) ulp for a ≤ 1000, as measured.
    gammainc: wide |a, x| special::gammainc(a, x),
        d: |a, x, _y| [Times(gammainc_da(1, a, x)?), Times(gamma_density_da(0, a, x)?)], zero: no, on: (0.6, 3.0);
        edges: [20.0], [20.0];
    /// The regularized upper incomplete gamma function `Q(a, x) = 1 - P(a, x)`, accurate where it is small.
    /// Off by at most 8 (1 + |ln Q|) ulp for a ≤ 1000, as measured.
    gammaincc: wide |a, x| special::gammaincc(a, x),
        d: |a, x, _y| [Times(-gammainc_da(1, a, x)?), Times(-gamma_density_da(0, a, x)?)], zero: no, on: (0.6, 3.0);
        edges: [20.0], [20.0];
    /// The modified Bessel function of the first kind `I_v(x)`; NaN for negative x unless v is a whole number. The
    /// derivative in v is not written.
    /// Off by at most 50 ulp for v ≤ 20, as measured; more where v is large, and NaN for fractional v below -100.
    iv: wide |v, x| special::iv(v, x),
        d: |v, x, _y| [UNWRITTEN, Times(0.5 * (iv(&(v - 1), x)? + iv(&(v + 1), x)?))], zero: no,
        on: (2.3, 4.0), (0.5, 2.0); edges: [0.5], [50.0];
    /// `exp(-|x|) I_v(x)`. The derivative in v is not written.
    /// Off by at most 50 ulp for v ≤ 20, as measured; more where v is large, and NaN for fractional v below -100.
    ive: wide |v, x| special::ive(v, x),
        d: |v, x, y| [UNWRITTEN, Times(0.5 * (ive(&(v - 1), x)? + ive(&(v + 1), x)?) - y * sign(x)?)], zero: no,
        on: (2.3, 4.0), (0.5, 2.0); edges: [0.5], [50.0];
    /// The modified Bessel function of the second kind `K_v(x)`; NaN for negative x. The derivative in v is not
    /// written.
    /// Off by at most 80 ulp for v ≤ 20, as measured.
    kv: wide |v, x| special::kv(v, x),
        d: |v, x, _y| [UNWRITTEN, Times(-0.5 * (kv(&(v - 1), x)? + kv(&(v + 1), x)?))], zero: no,
        on: (0.3, 3.0), (0.5, 2.0); edges: [0.5], [50.0];
    /// `exp(x) K_v(x)`. The derivative in v is not written.
    /// Off by at most 80 ulp for v ≤ 20, as measured.
    kve: wide |v, x| special::kve(v, x),
        d: |v, x, y| [UNWRITTEN, Times(y - 0.5 * (kve(&(v - 1), x)? + kve(&(v + 1), x)?))], zero: no,
        on: (0.3, 3.0), (0.5, 2.0); edges: [0.5], [50.0];
}

ternary! {
    /// The special functions of three inputs, in the order of the documentation.
    SPECIAL_TERNARY:
    /// `ln((a + s) / (b + s))`, accurate where a is close to b.
    /// Off by at most 2 ulp, as measured.
    log_ratio: wide |a, b, s| special::log_ratio(a, b, s),
        d: |a, b, s, _y| {
            let (top, bottom) = (a + s, b + s);
            [Times(reciprocal(&top)?), Times(-reciprocal(&bottom)?), Times((b - a) / top / bottom)]
        }, zero: no, on: (0.5, 2.0);
    /// `ln((a + s) / (b + s)) - (a - b) / (b + s)`, without cancellation where a is close to b.
    /// Off by at most 3 ulp, as measured.
    log_ratio_less: wide |a, b, s| special::log_ratio_less(a, b, s),
        d: |a, b, s, _y| {
            let (top, bottom) = (a + s, b + s);
            let apart = (a - b) / &bottom;
            [Times(-(&apart / &top)), Times(&apart / &bottom), Times(sqr(&apart)? / top)]
        }, zero: no, on: (0.5, 2.0);
    /// `a ln(a / b) - (a + s) ln((a + s) / (b + s))`, half the deviance of the negative binomial distribution with
    /// dispersion s, without cancellation where a is close to b or s is small; NaN for negative numbers.
    /// Off by at most 5 ulp, as measured.
    negative_binomial_deviance: wide |a, b, s| special::negative_binomial_deviance(a, b, s),
        d: |a, b, s, _y| {
            let apart = (a - b) / b * s;
            [Times(log1p(&(&apart / (a + s)))?), Times(-(apart / (b + s))), Times(-log_ratio_less(a, b, s)?)]
        }, zero: no, on: (0.5, 2.0);
    /// The n-th derivative of [`gammainc`] in a, for n up to 12; NaN for other n, which has no derivative.
    /// Off by at most 120 ulp for a ≤ 50 and n ≤ 3, as measured.
    gammainc_da: wide |n, a, x| special::gammainc_da(n, a, x),
        d: |n, a, x, _y| [ORDER, Times(gammainc_da(&(n + 1), a, x)?), Times(gamma_density_da(n, a, x)?)], zero: no,
        on: (0.0, 3.0), (0.6, 3.0); orders: 1;
    /// The n-th derivative in a of `x^(a-1) exp(-x) / Γ(a)`, which is that of [`gammainc`] in x, for n up to 12; NaN for
    /// other n, which has no derivative.
    /// Off by at most 220 ulp for a ≤ 50 and n ≤ 2, as measured.
    gamma_density_da: wide |n, a, x| special::gamma_density_da(n, a, x),
        d: |n, a, x, y| [
            ORDER,
            Times(gamma_density_da(&(n + 1), a, x)?),
            // The derivative in x is the density times (a - 1) / x - 1.
            Times(y * ((a - 1) / x - 1) + n * gamma_density_da(&maximum(&(n - 1), 0)?, a, x)? / x),
        ], zero: no, on: (0.0, 3.0), (0.6, 3.0); orders: 1;
    /// The regularized incomplete beta function `I_x(a, b)`, for a ≥ 0, b ≥ 0 and x in [0, 1]; NaN outside, and where a
    /// and b are both zero or both infinite.
    /// Off by at most 11 (1 + |ln I|) ulp for a, b ≤ 300, as measured.
    betainc: wide |a, b, x| special::betainc(a, b, x),
        d: |a, b, x, _y| [Times(betainc_da(a, b, x)?), Times(betainc_db(a, b, x)?), Times(beta_density(a, b, x)?)],
        zero: no, on: (0.7, 3.0), (0.7, 3.0), (0.2, 0.8); edges: [20.0], [20.0], [0.5];
    /// The derivative of [`betainc`] in a. Its own derivatives in a and b are not written.
    /// Off by 9 ulp in the middle, as measured for a, b ≤ 50, and by many more where less than 1e-30 is left.
    betainc_da: wide |a, b, x| special::betainc_da(a, b, x),
        d: |a, b, x, _y| [
            UNWRITTEN,
            UNWRITTEN,
            Times(beta_density(a, b, x)? * (log(x)? - digamma(a)? + digamma(&(a + b))?)),
        ], zero: no, on: (0.7, 3.0), (0.7, 3.0), (0.2, 0.8);
    /// The derivative of [`betainc`] in b. Its own derivatives in a and b are not written.
    /// Off by at most 105 ulp for a, b ≤ 50, as measured.
    betainc_db: wide |a, b, x| special::betainc_db(a, b, x),
        d: |a, b, x, _y| [
            UNWRITTEN,
            UNWRITTEN,
            Times(beta_density(a, b, x)? * (log1p(&-x)? - digamma(b)? + digamma(&(a + b))?)),
        ], zero: no, on: (0.7, 3.0), (0.7, 3.0), (0.2, 0.8);
}

/// `2/√π exp(-x²)`, the derivative of [`erf`].
fn bell(x: &Variable) -> Result<Variable> {
    Ok(FRAC_2_SQRT_PI * exp(&-sqr(x)?)?)
}

/// `I₁(x) / (x I₀(x))` for x ≥ 0, from `y = 1 - I₁(x) / I₀(x)`; near zero it is `(1 - I₂(x) / I₀(x)) / 2`.
fn bessel_quotient(x: &Variable, y: &Variable) -> Result<Variable> {
    let near = lt(x, 1.0)?;
    switch(&near, &(0.5 * (1.0 - ive(2, x)? / i0e(x)?)), &((1.0 - y) / switch(&near, 1.0, x)?))
}

/// `x^(a-1) (1-x)^(b-1) / B(a, b)`, the derivative of [`betainc`] in x.
fn beta_density(a: &Variable, b: &Variable, x: &Variable) -> Result<Variable> {
    exp(&(xlogy(&(a - 1), x)? + xlog1py(&(b - 1), &-x)? - betaln(a, b)?))
}
