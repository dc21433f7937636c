//! Elementary functions where the standard library loses digits or has none.

/// The inverse of the hyperbolic sine.
pub(crate) fn arcsinh(x: f64) -> f64 {
    libm::asinh(x)
}

/// The inverse of the hyperbolic cosine; NaN below 1.
pub(crate) fn arccosh(x: f64) -> f64 {
    if x < 1.0 { f64::NAN } else { libm::acosh(x) }
}

/// The inverse of the hyperbolic tangent; NaN outside [-1, 1].
pub(crate) fn arctanh(x: f64) -> f64 {
    if x.abs() > 1.0 { f64::NAN } else { libm::atanh(x) }
}

/// `ln(x / (1 - x))`; near 1/2 by `ln(1 ± s)`, which keeps the digits that the quotient loses.
pub(crate) fn logit(x: f64) -> f64 {
    if (0.3..0.65).contains(&x) {
        let s = 2.0 * (x - 0.5);
        return s.ln_1p() - (-s).ln_1p();
    }
    (x / (1.0 - x)).ln()
}

/// The quotient rounded towards minus infinity: the integer that goes with [`floor_remainder`], so that
/// `a = q b + r` holds where the rounded quotient of floats would not.
pub(crate) fn floor_quotient(a: f64, b: f64) -> f64 {
    if b == 0.0 {
        return a / b;
    }
    let rest = a % b;
    let mut quotient = (a - rest) / b;
    if rest != 0.0 && (rest < 0.0) != (b < 0.0) {
        quotient -= 1.0;
    }
    if quotient == 0.0 {
        return 0f64.copysign(a / b);
    }
    let floor = quotient.floor();
    // The quotient is within rounding of an integer, on either side of it.
    if quotient - floor > 0.5 { floor + 1.0 } else { floor }
}

/// What [`floor_quotient`] leaves, with the sign of b.
pub(crate) fn floor_remainder(a: f64, b: f64) -> f64 {
    let rest = a % b;
    if rest == 0.0 {
        return 0f64.copysign(b);
    }
    if (rest < 0.0) != (b < 0.0) { rest + b } else { rest }
}
