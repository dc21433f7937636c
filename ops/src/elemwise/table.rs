//! The elementwise functions: one row each. Special functions have a table of their own.
//!
//! `x` (or `a`, `b`) are the inputs, `y` is the output. A partial derivative is an expression of rows of these tables,
//! so it has derivatives itself. `int` and `bool` are the forms for integers of every width and for truth values;
//! where `int` is missing, integers are converted to f64. `wide` says that f32 is computed in f64 and rounded. `zero:
//! yes` says that the function of zero is zero. `on` is where it is smooth, for each input; `edges` are numbers at
//! which conventions are proved, besides zeros, ones, infinities and NaN.

use std::f64::consts::{LN_2, LOG2_E, LOG10_E, PI};

use kronograph_graph::{Operand, Result, Variable};

use super::refuse::{integer_zero_division, negative_integer_power, negative_shift};
use super::row::{DtypeRule, IntBinary, IntCompare, IntTernary, IntUnary, Kernel, Partial, Row};
use super::{elementwise, elementwise1, elementwise2, switch};
use crate::kernels::map::{Integer, map1, map2, map3};
use crate::kernels::pick::{pick1, pick2, pick3};
use crate::special;
use Partial::{Mask, MinusOne, One, Scale, Times, Zero};

unary! {
    /// The rows of one input, in the order of the documentation.
    UNARY:
    /// `x`.
    identity: |x| x, int: |x| x, bool: |x| x, d: |_x, _y| One, zero: yes, on: (-2.0, 2.0);
    /// `-x`.
    neg: |x| -x, int: |x| x.wrapping_neg(), d: |_x, _y| MinusOne, zero: yes, on: (-2.0, 2.0);
    /// `|x|`; its derivative at zero is zero.
    abs: |x| x.abs(), int: |x| x.absolute(), bool: |x| x, d: |x, _y| Times(sign(x)?), zero: yes, on: (0.2, 2.0);
    /// The sign of x: -1, 0 or 1; NaN of NaN.
    sign: |x| if x == 0.0 { 0.0 } else if x.is_nan() { x } else { x.signum() }, int: |x| Integer::sign(x),
        d: |_x, _y| Zero, zero: yes, on: (0.2, 2.0);
    /// `x²`.
    sqr: |x| x * x, int: |x| x.wrapping_mul(x), bool: |x| x, d: |x, _y| Times(2.0 * x), zero: yes, on: (-2.0, 2.0);
    /// The square root; NaN of negative numbers.
    sqrt: |x| x.sqrt(), d: |_x, y| Times(0.5 / y), zero: yes, on: (0.3, 3.0);
    /// The cube root, of negative numbers too.
    cbrt: |x| x.cbrt(), d: |_x, y| Times((1.0 / 3.0) / sqr(y)?), zero: yes, on: (0.3, 3.0);
    /// `1 / x`.
    reciprocal: |x| 1.0 / x, d: |_x, y| Times(-sqr(y)?), zero: no, on: (0.3, 3.0);
    /// The exponential function.
    exp: |x| x.exp(), d: |_x, y| Times(y.clone()), zero: no, on: (-2.0, 2.0), edges: [709.7, 710.0, -745.0, -746.0];
    /// `2ˣ`.
    exp2: |x| x.exp2(), d: |_x, y| Times(y * LN_2), zero: no, on: (-2.0, 2.0), edges: [1023.0, 1024.0, -1074.0];
    /// `exp(x) - 1`, accurate near zero.
    expm1: |x| x.exp_m1(), d: |x, _y| Times(exp(x)?), zero: yes, on: (-2.0, 2.0), edges: [-40.0, -800.0, 709.7];
    /// The natural logarithm; NaN of negative numbers.
    log: |x| x.ln(), d: |x, _y| Times(reciprocal(x)?), zero: no, on: (0.3, 3.0);
    /// The logarithm to base 2; NaN of negative numbers.
    log2: |x| x.log2(), d: |x, _y| Times(LOG2_E * reciprocal(x)?), zero: no, on: (0.3, 3.0);
    /// The logarithm to base 10; NaN of negative numbers.
    log10: |x| x.log10(), d: |x, _y| Times(LOG10_E * reciprocal(x)?), zero: no, on: (0.3, 3.0);
    /// `ln(1 + x)`, accurate near zero; NaN below -1.
    log1p: |x| x.ln_1p(), d: |x, _y| Times(1.0 / (1.0 + x)), zero: yes, on: (-0.5, 2.0);
    /// The sine of an angle in radians.
    sin: |x| x.sin(), d: |x, _y| Times(cos(x)?), zero: yes, on: (-2.0, 2.0);
    /// The cosine of an angle in radians.
    cos: |x| x.cos(), d: |x, _y| Times(-sin(x)?), zero: no, on: (-2.0, 2.0);
    /// The tangent of an angle in radians.
    tan: |x| x.tan(), d: |_x, y| Times(1.0 + sqr(y)?), zero: yes, on: (-1.2, 1.2);
    /// The angle in [-π/2, π/2] with this sine; NaN outside [-1, 1].
    arcsin: |x| x.asin(), d: |x, _y| Times(reciprocal(&sqrt(&(1.0 - sqr(x)?))?)?), zero: yes, on: (-0.8, 0.8);
    /// The angle in [0, π] with this cosine; NaN outside [-1, 1].
    arccos: |x| x.acos(), d: |x, _y| Times(-reciprocal(&sqrt(&(1.0 - sqr(x)?))?)?), zero: no, on: (-0.8, 0.8);
    /// The angle in [-π/2, π/2] with this tangent.
    arctan: |x| x.atan(), d: |x, _y| Times(reciprocal(&(1.0 + sqr(x)?))?), zero: yes, on: (-2.0, 2.0);
    /// The hyperbolic sine.
    sinh: |x| x.sinh(), d: |x, _y| Times(cosh(x)?), zero: yes, on: (-2.0, 2.0), edges: [710.0, 711.0];
    /// The hyperbolic cosine.
    cosh: |x| x.cosh(), d: |x, _y| Times(sinh(x)?), zero: no, on: (-2.0, 2.0), edges: [710.0, -711.0];
    /// The hyperbolic tangent; its derivative is computed without cancellation.
    tanh: |x| x.tanh(), d: |x, _y| Times(sech_sqr(x)?), zero: yes, on: (-2.0, 2.0);
    /// `1 / cosh(x)²`, the derivative of the hyperbolic tangent; without overflow or cancellation.
    sech_sqr: |x| { let e = (-2.0 * x.abs()).exp(); 4.0 * e / ((1.0 + e) * (1.0 + e)) },
        d: |x, y| Times(-2.0 * (y * tanh(x)?)), zero: no, on: (-2.0, 2.0), edges: [20.0, -400.0];
    /// The inverse of the hyperbolic sine.
    arcsinh: wide |x| special::arcsinh(x), d: |x, _y| Times(reciprocal(&sqrt(&(1.0 + sqr(x)?))?)?), zero: yes,
        on: (-2.0, 2.0);
    /// The inverse of the hyperbolic cosine, not negative; NaN below 1.
    arccosh: wide |x| special::arccosh(x), d: |x, _y| Times(reciprocal(&sqrt(&(sqr(x)? - 1.0))?)?), zero: no,
        on: (1.3, 3.0), edges: [0.5];
    /// The inverse of the hyperbolic tangent; NaN outside [-1, 1].
    arctanh: wide |x| special::arctanh(x), d: |x, _y| Times(reciprocal(&(1.0 - sqr(x)?))?), zero: yes,
        on: (-0.7, 0.7), edges: [2.0];
    /// The logistic function `1 / (1 + exp(-x))`; its derivative is computed without cancellation.
    sigmoid: |x| 1.0 / (1.0 + (-x).exp()),
        d: |x, y| Times(y * sigmoid(&neg(x)?)?), zero: no, on: (-2.0, 2.0), edges: [40.0, -40.0, -800.0];
    /// `ln(1 + exp(x))`, without overflow.
    softplus: |x| if x > 0.0 { x + (-x).exp().ln_1p() } else { x.exp().ln_1p() },
        d: |x, _y| Times(sigmoid(x)?), zero: no, on: (-2.0, 2.0), edges: [40.0, -40.0, -800.0, 800.0];
    /// `ln(1 - exp(x))` for x ≤ 0, accurate at both ends; NaN above. At zero the derivative is -∞, and constant.
    log1mexp: |x| if x < -0.7 { (-x.exp()).ln_1p() } else { (-x.exp_m1()).ln() },
        d: |x, _y| Times(switch(&neq(x, 0.0)?, &(exp(x)? / expm1(x)?), f64::NEG_INFINITY)?), zero: no,
        on: (-2.0, -0.2), edges: [-800.0];
    /// `ln(x / (1 - x))`, the inverse of the logistic function; NaN outside [0, 1].
    logit: wide |x| special::logit(x), d: |x, _y| Times(reciprocal(x)? * reciprocal(&(1.0 - x))?), zero: no,
        on: (0.2, 0.8), edges: [0.5];
    /// `x ln(x)`, and 0 at 0, where its derivative is -∞ and the second one NaN; NaN of negative numbers.
    xlogx: |x| if x == 0.0 { 0.0 } else { x * x.ln() }, d: |x, _y| Times(1.0 + log(x)?), zero: yes, on: (0.3, 3.0), edges: [-1.5];
    /// An angle in degrees as one in radians.
    deg2rad: |x| x.to_radians(), d: |_x, _y| Scale(PI / 180.0), zero: yes, on: (-90.0, 90.0);
    /// An angle in radians as one in degrees.
    rad2deg: |x| x.to_degrees(), d: |_x, _y| Scale(180.0 / PI), zero: yes, on: (-2.0, 2.0);
    /// The smallest integer that is no smaller than x. Its derivative is zero everywhere.
    ceil: |x| x.ceil(), int: |x| x, bool: |x| x, d: |_x, _y| Zero, zero: yes, on: (0.1, 0.9), edges: [0.5, -0.5, 2.0];
    /// The largest integer that is no larger than x. Its derivative is zero everywhere.
    floor: |x| x.floor(), int: |x| x, bool: |x| x, d: |_x, _y| Zero, zero: yes, on: (0.1, 0.9), edges: [0.5, -0.5, 2.0];
    /// x without its fraction. Its derivative is zero everywhere.
    trunc: |x| x.trunc(), int: |x| x, bool: |x| x, d: |_x, _y| Zero, zero: yes, on: (0.1, 0.9), edges: [0.5, -0.5, 2.0];
    /// The nearest integer, of two the even one. Its derivative is zero everywhere.
    round: |x| x.round_ties_even(), int: |x| x, bool: |x| x, d: |_x, _y| Zero, zero: yes, on: (0.6, 1.4),
        edges: [0.5, 1.5, 2.5, -0.5, -1.5];
    /// The nearest integer, of two the one farther from zero. Its derivative is zero everywhere.
    round_half_away_from_zero: |x| x.round(), int: |x| x, bool: |x| x, d: |_x, _y| Zero, zero: yes, on: (0.6, 1.4),
        edges: [0.5, 1.5, 2.5, -0.5, -1.5];
}

binary! {
    /// The rows of two inputs, in the order of the documentation.
    BINARY:
    /// `a + b`; of truth values, or.
    add: |a, b| a + b, int: |a, b| a.wrapping_add(b), bool: |a, b| a | b, d: |_a, _b, _y| [One, One], zero: yes, on: (-2.0, 2.0);
    /// `a - b`.
    sub: |a, b| a - b, int: |a, b| a.wrapping_sub(b), d: |_a, _b, _y| [One, MinusOne], zero: yes, on: (-2.0, 2.0);
    /// `a b`; of truth values, and.
    mul: |a, b| a * b, int: |a, b| a.wrapping_mul(b), bool: |a, b| a & b,
        d: |a, b, _y| [Times(b.clone()), Times(a.clone())], zero: yes, on: (-2.0, 2.0);
    /// `a / b`; of integers, their quotient as a float.
    true_div: |a, b| a / b, d: |_a, b, y| [Times(reciprocal(b)?), Times(-(y / b))], zero: no, on: (0.5, 2.0);
    /// The quotient rounded towards minus infinity, of integers too: an integer divided by zero is an error at run
    /// time. Its derivatives are zero everywhere.
    int_div: wide |a, b| special::floor_quotient(a, b), int: |a, b| a.floor_quotient(b), truth: counts,
        refuse: integer_zero_division, d: |_a, _b, _y| [Zero, Zero], zero: no, on: (1.15, 1.35), (0.495, 0.505);
    /// What rounding the quotient towards minus infinity leaves, of the sign of b; an integer divided by zero is an
    /// error at run time. The derivative in b is minus the rounded quotient.
    mod_ as "mod": wide |a, b| special::floor_remainder(a, b), int: |a, b| a.floor_remainder(b), truth: counts,
        refuse: integer_zero_division, d: |a, b, _y| [One, Times(-int_div(a, b)?)], zero: no,
        on: (1.15, 1.35), (0.495, 0.505);
    /// `a ^ b`. Of integers, with wrap-around; a negative power is an error at run time, since it is no integer.
    /// The derivative in a is zero where b is; the derivative in b is zero where a is.
    pow: |a, b| a.powf(b), int: |a, b| a.power(b), truth: counts, refuse: negative_integer_power,
        d: |a, b, y| [
            Times(switch(&neq(b, 0)?, &(b * pow(a, &(b - 1))?), 0.0)?),
            Times(switch(&neq(a, 0)?, &(y * log(&switch(&neq(a, 0)?, a, 1.0)?)?), 0.0)?),
        ], zero: no, on: (0.5, 2.0); edges: [2.0, -2.0], [2.0, 0.5];
    /// The larger one; NaN if either is. The derivative goes to a where the result is a, at ties too, and else to b.
    maximum: |a, b| if a >= b || a.is_nan() { a } else { b }, int: |a, b| a.max(b), bool: |a, b| a | b,
        d: |a, _b, y| [Mask(eq(y, a)?), Mask(neq(y, a)?)], zero: yes, on: (-2.0, 2.0);
    /// The smaller one; NaN if either is. The derivative goes to a where the result is a, at ties too, and else to b.
    minimum: |a, b| if a <= b || a.is_nan() { a } else { b }, int: |a, b| a.min(b), bool: |a, b| a & b,
        d: |a, _b, y| [Mask(eq(y, a)?), Mask(neq(y, a)?)], zero: yes, on: (-2.0, 2.0);
    /// The angle in [-π, π] of the point with ordinate a and abscissa b.
    arctan2: |a, b| a.atan2(b),
        d: |a, b, _y| { let r = sqr(a)? + sqr(b)?; [Times(b / &r), Times(-(a / &r))] }, zero: yes, on: (0.5, 2.0);
    /// `√(a² + b²)`, without overflow.
    hypot: |a, b| a.hypot(b), d: |a, b, y| [Times(a / y), Times(b / y)], zero: yes, on: (0.5, 2.0);
    /// `ln(exp(a) + exp(b))`, without overflow.
    logaddexp: |a, b| { let gap = a - b; if gap.is_nan() && a == b { a }
            else if gap > 0.0 { a + (-gap).exp().ln_1p() } else { b + gap.exp().ln_1p() } },
        d: |a, b, _y| [Times(sigmoid(&(a - b))?), Times(sigmoid(&(b - a))?)], zero: no, on: (-2.0, 2.0);
        edges: [1000.0], [1000.0];
    /// `a ln(b)`, and 0 where a is 0, whatever b is; the derivative in a is ln(b) there too.
    xlogy: |a, b| if a == 0.0 { 0.0 } else { a * b.ln() }, d: |a, b, _y| [Times(log(b)?), Times(a / b)], zero: no,
        on: (0.5, 2.0);
    /// `a ln(1 + b)`, and 0 where a is 0, whatever b is; the derivative in a is ln(1 + b) there too.
    xlog1py: |a, b| if a == 0.0 { 0.0 } else { a * b.ln_1p() },
        d: |a, b, _y| [Times(log1p(b)?), Times(a / (1.0 + b))], zero: no, on: (0.5, 2.0);
}

ternary! {
    /// The rows of three inputs, in the order of the documentation.
    TERNARY:
    /// `x` within bounds: `min` below it, `max` above it, else x; a bound of NaN is none. The derivative in x is one
    /// on the bounds too; those of the bounds are one where x is beyond them.
    clip: |x, min, max| if x < min { min } else if x > max { max } else { x },
        int: |x, min, max| if x < min { min } else if x > max { max } else { x },
        d: |x, min, max, _y| [
            Mask(and_(&ge(x, min)?, &le(x, max)?)?), Mask(lt(x, min)?), Mask(gt(x, max)?),
        ], zero: no, on: (-0.6, 0.6), (-1.0, -0.8), (0.8, 1.0);
}

compare! {
    /// The comparisons, in the order of the documentation.
    COMPARE:
    /// Whether `a = b`.
    eq: |a, b| a == b;
    /// Whether `a ≠ b`.
    neq: |a, b| a != b;
    /// Whether `a < b`.
    lt: |a, b| a < b;
    /// Whether `a ≤ b`.
    le: |a, b| a <= b;
    /// Whether `a > b`.
    gt: |a, b| a > b;
    /// Whether `a ≥ b`.
    ge: |a, b| a >= b;
}

test! {
    /// The questions about one float, in the order of the documentation.
    TESTS:
    /// Whether x is not a number.
    isnan: |x| x.is_nan();
    /// Whether x is infinite.
    isinf: |x| x.is_infinite();
    /// Whether x is a number, and finite.
    isfinite: |x| x.is_finite();
}

bits! {
    /// What works bit by bit, in the order of the documentation.
    BITS:
    /// And, bit by bit; of truth values, whether both hold.
    and_: |a, b| a & b;
    /// Or, bit by bit; of truth values, whether one holds.
    or_: |a, b| a | b;
    /// Exclusive or, bit by bit; of truth values, whether one holds and the other does not.
    xor: |a, b| a ^ b;
    /// Not, bit by bit; of truth values, whether x does not hold.
    invert: |x| !x;
}

shift! {
    /// Moving bits, in the order of the documentation.
    SHIFTS:
    /// The bits of a moved up by b places, zeros behind them; a negative b is an error at run time.
    left_shift: |a, b| a.shift_left(b);
    /// The bits of a moved down by b places, the sign behind them; a negative b is an error at run time.
    right_shift: |a, b| a.shift_right(b);
}
