//! The distribution function of the normal distribution, its logarithm and its inverse.

use std::f64::consts::{FRAC_1_SQRT_2, SQRT_2};

use super::erf::{erfc, erfcinv, erfcx, exp_of_square};

/// The probability that a standard normal number is at most x.
pub(crate) fn ndtr(x: f64) -> f64 {
    if x > -1.0 {
        return 0.5 * erfc(-x * FRAC_1_SQRT_2);
    }
    // exp(-x²/2): half of the square of x is that of x/√2, but x is exact.
    let half = exp_of_half_square(x);
    if half == 0.0 { 0.0 } else { 0.5 * erfcx(-x * FRAC_1_SQRT_2) * half }
}

fn exp_of_half_square(x: f64) -> f64 {
    // Both parts of the square are halved exactly.
    let high = f64::from_bits(x.to_bits() & 0xFFFF_FFFF_F800_0000);
    let square = high * high;
    if square.is_infinite() {
        return exp_of_square(x, -1.0);
    }
    (-0.5 * square).exp() * (-0.5 * (x - high) * (x + high)).exp()
}

/// The logarithm of [`ndtr`], in both tails.
pub(crate) fn log_ndtr(x: f64) -> f64 {
    if x >= 0.0 {
        return (-ndtr(-x)).ln_1p();
    }
    (0.5 * erfcx(-x * FRAC_1_SQRT_2)).ln() - 0.5 * x * x
}

/// The inverse of [`ndtr`]; ∓∞ at 0 and 1, NaN outside.
pub(crate) fn ndtri(p: f64) -> f64 {
    -SQRT_2 * erfcinv(2.0 * p)
}
