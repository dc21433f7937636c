//! The elementwise functions: one row each.
//!
//! `x` (or `a`, `b`) are the inputs, `y` is the output. A partial derivative is an expression of rows of this table,
//! so it has derivatives itself. `int` is the form for integers of every width; where it is missing, integers are
//! converted to f64. `zero: yes` says that the function of zero is zero. `on` is an interval where it is smooth.

use kronograph_graph::{Operand, Result, Variable};

use super::refuse::negative_integer_power;
use super::row::{DtypeRule, IntBinary, IntCompare, IntUnary, Kernel, Partial, Row};
use super::{elementwise1, elementwise2, switch};
use crate::kernels::map::{Integer, map1, map2};
use crate::kernels::pick::{pick1, pick2};
use Partial::{Mask, MinusOne, One, Times, Zero};

macro_rules! yes_no {
    (yes) => {
        true
    };
    (no) => {
        false
    };
}

macro_rules! int_unary {
    () => {
        None
    };
    (|$x:ident| $value:expr) => {
        Some(IntUnary {
            u8: |a, s, out| map1(a, s, out, |$x: u8| -> u8 { $value }),
            i8: |a, s, out| map1(a, s, out, |$x: i8| -> i8 { $value }),
            i32: |a, s, out| map1(a, s, out, |$x: i32| -> i32 { $value }),
            i64: |a, s, out| map1(a, s, out, |$x: i64| -> i64 { $value }),
        })
    };
}

macro_rules! int_binary {
    () => {
        None
    };
    (|$x:ident, $y:ident| $value:expr) => {
        Some(IntBinary {
            u8: |a, s, b, t, out| map2(a, s, b, t, out, |$x: u8, $y: u8| -> u8 { $value }),
            i8: |a, s, b, t, out| map2(a, s, b, t, out, |$x: i8, $y: i8| -> i8 { $value }),
            i32: |a, s, b, t, out| map2(a, s, b, t, out, |$x: i32, $y: i32| -> i32 { $value }),
            i64: |a, s, b, t, out| map2(a, s, b, t, out, |$x: i64, $y: i64| -> i64 { $value }),
        })
    };
}

macro_rules! bool_binary {
    () => {
        None
    };
    (|$x:ident, $y:ident| $value:expr) => {
        Some(|a, s, b, t, out| map2(a, s, b, t, out, |$x: bool, $y: bool| -> bool { $value }))
    };
}

macro_rules! optional {
    () => {
        None
    };
    ($value:expr) => {
        Some($value)
    };
}

/// The dtype rule: `Same` where integers have a form of their own, else `Float`.
macro_rules! rule {
    () => {
        DtypeRule::Float
    };
    ($($int:tt)+) => {
        DtypeRule::Same
    };
}

macro_rules! unary {
    ($($(#[doc = $doc:literal])+ $name:ident: |$x:ident| $value:expr, $(int: |$ix:ident| $int:expr,)?
       d: |$dx:ident, $dy:ident| $d:expr, zero: $zero:ident, on: ($lo:literal, $hi:literal);)+) => {
        /// The rows of one input, in the order of the documentation.
        pub static UNARY: &[&Row] = &[$(&$name::ROW),+];

        $(mod $name {
            use super::*;

            pub(super) static ROW: Row = Row {
                name: stringify!($name),
                kernel: Kernel::Unary {
                    f64: |a, s, out| map1(a, s, out, |$x: f64| -> f64 { $value }),
                    f32: |a, s, out| map1(a, s, out, |$x: f32| -> f32 { $value }),
                    one: |$x| -> f64 { $value },
                    pick: |x, at, out| pick1(x, at, out, |$x: f64| -> f64 { $value }),
                    int: int_unary!($(|$ix| $int)?),
                },
                refuse: None,
                result: rule!($($int)?),
                partials: |inputs, output| {
                    let ($dx, $dy) = (&inputs[0], output);
                    Ok(vec![$d])
                },
                keeps_zero: yes_no!($zero),
                domain: ($lo, $hi),
            };
        })+

        $($(#[doc = $doc])+
        ///
        /// Elementwise; the shape is that of `x`. The derivative is a row of ordinary ops.
        ///
        /// # Errors
        ///
        /// When `x` is not a dense tensor of a dtype for which the function has a meaning.
        #[track_caller]
        pub fn $name(x: &Variable) -> Result<Variable> {
            elementwise1(&$name::ROW, x)
        })+
    };
}

macro_rules! binary {
    ($($(#[doc = $doc:literal])+ $name:ident: |$x:ident, $y:ident| $value:expr, $(int: |$ix:ident, $iy:ident| $int:expr,)?
       $(bool: |$bx:ident, $by:ident| $bool:expr,)? $(refuse: $refuse:path,)? d: |$da:ident, $db:ident, $dy:ident| $d:expr, zero: $zero:ident,
       on: ($lo:literal, $hi:literal);)+) => {
        /// The rows of two inputs, in the order of the documentation.
        pub static BINARY: &[&Row] = &[$(&$name::ROW),+];

        $(mod $name {
            use super::*;

            pub(super) static ROW: Row = Row {
                name: stringify!($name),
                kernel: Kernel::Binary {
                    f64: |a, s, b, t, out| map2(a, s, b, t, out, |$x: f64, $y: f64| -> f64 { $value }),
                    f32: |a, s, b, t, out| map2(a, s, b, t, out, |$x: f32, $y: f32| -> f32 { $value }),
                    one: |$x, $y| -> f64 { $value },
                    pick: |x, at, out| pick2(x, at, out, |$x: f64, $y: f64| -> f64 { $value }),
                    int: int_binary!($(|$ix, $iy| $int)?),
                    bool: bool_binary!($(|$bx, $by| $bool)?),
                },
                refuse: optional!($($refuse)?),
                result: rule!($($int)?),
                partials: |inputs, output| {
                    let ($da, $db, $dy) = (&inputs[0], &inputs[1], output);
                    Ok($d.to_vec())
                },
                keeps_zero: yes_no!($zero),
                domain: ($lo, $hi),
            };
        })+

        $(binary_function! { $name, $($doc)+ })+
    };
}

macro_rules! compare {
    ($($(#[doc = $doc:literal])+ $name:ident: |$x:ident, $y:ident| $value:expr;)+) => {
        /// The comparisons, in the order of the documentation.
        pub static COMPARE: &[&Row] = &[$(&$name::ROW),+];

        $(mod $name {
            use super::*;

            pub(super) static ROW: Row = Row {
                name: stringify!($name),
                kernel: Kernel::Compare {
                    f64: |a, s, b, t, out| map2(a, s, b, t, out, |$x: f64, $y: f64| $value),
                    f32: |a, s, b, t, out| map2(a, s, b, t, out, |$x: f32, $y: f32| $value),
                    mask: |a, s, b, t, out| map2(a, s, b, t, out, |$x: f64, $y: f64| f64::from($value)),
                    one: |$x, $y| f64::from($value),
                    pick: |x, at, out| pick2(x, at, out, |$x: f64, $y: f64| f64::from($value)),
                    int: IntCompare {
                        u8: |a, s, b, t, out| map2(a, s, b, t, out, |$x: u8, $y: u8| $value),
                        i8: |a, s, b, t, out| map2(a, s, b, t, out, |$x: i8, $y: i8| $value),
                        i32: |a, s, b, t, out| map2(a, s, b, t, out, |$x: i32, $y: i32| $value),
                        i64: |a, s, b, t, out| map2(a, s, b, t, out, |$x: i64, $y: i64| $value),
                    },
                    bool: |a, s, b, t, out| {
                        map2(a, s, b, t, out, |a: bool, b: bool| {
                            let ($x, $y) = (u8::from(a), u8::from(b));
                            $value
                        });
                    },
                },
                refuse: None,
                result: DtypeRule::Truth,
                partials: |_, _| Ok(vec![Zero, Zero]),
                keeps_zero: false,
                domain: (-2.0, 2.0),
            };
        })+

        $(binary_function! { $name, $($doc)+ })+
    };
}

macro_rules! binary_function {
    ($name:ident, $($doc:literal)+) => {
        $(#[doc = $doc])+
        ///
        /// Elementwise, with broadcasting along axes whose static length is 1; one operand may be a literal.
        ///
        /// # Errors
        ///
        /// When an operand is not a dense tensor of a fitting dtype, or the shapes do not fit.
        #[track_caller]
        pub fn $name<'a>(a: impl Into<Operand<'a>>, b: impl Into<Operand<'a>>) -> Result<Variable> {
            elementwise2(&$name::ROW, a, b)
        }
    };
}

unary! {
    /// `-x`.
    neg: |x| -x, int: |x| x.wrapping_neg(), d: |_x, _y| MinusOne, zero: yes, on: (-2.0, 2.0);
    /// `|x|`; its derivative at zero is zero.
    abs: |x| x.abs(), int: |x| x.absolute(), d: |x, _y| Times(sign(x)?), zero: yes, on: (0.2, 2.0);
    /// The sign of x: -1, 0 or 1; NaN of NaN.
    sign: |x| if x == 0.0 { 0.0 } else if x.is_nan() { x } else { x.signum() }, int: |x| Integer::sign(x),
        d: |_x, _y| Zero, zero: yes, on: (0.2, 2.0);
    /// `x²`.
    sqr: |x| x * x, int: |x| x.wrapping_mul(x), d: |x, _y| Times(2.0 * x), zero: yes, on: (-2.0, 2.0);
    /// The square root; NaN of negative numbers.
    sqrt: |x| x.sqrt(), d: |_x, y| Times(0.5 / y), zero: yes, on: (0.3, 3.0);
    /// `1 / x`.
    reciprocal: |x| 1.0 / x, d: |_x, y| Times(-sqr(y)?), zero: no, on: (0.3, 3.0);
    /// The exponential function.
    exp: |x| x.exp(), d: |_x, y| Times(y.clone()), zero: no, on: (-2.0, 2.0);
    /// `exp(x) - 1`, accurate near zero.
    expm1: |x| x.exp_m1(), d: |x, _y| Times(exp(x)?), zero: yes, on: (-2.0, 2.0);
    /// The natural logarithm; NaN of negative numbers.
    log: |x| x.ln(), d: |x, _y| Times(reciprocal(x)?), zero: no, on: (0.3, 3.0);
    /// `ln(1 + x)`, accurate near zero; NaN below -1.
    log1p: |x| x.ln_1p(), d: |x, _y| Times(1.0 / (1.0 + x)), zero: yes, on: (-0.5, 2.0);
    /// The sine of an angle in radians.
    sin: |x| x.sin(), d: |x, _y| Times(cos(x)?), zero: yes, on: (-2.0, 2.0);
    /// The cosine of an angle in radians.
    cos: |x| x.cos(), d: |x, _y| Times(-sin(x)?), zero: no, on: (-2.0, 2.0);
    /// The tangent of an angle in radians.
    tan: |x| x.tan(), d: |_x, y| Times(1.0 + sqr(y)?), zero: yes, on: (-1.2, 1.2);
    /// The hyperbolic tangent; its derivative is computed without cancellation.
    tanh: |x| x.tanh(), d: |x, _y| Times(sech_sqr(x)?), zero: yes, on: (-2.0, 2.0);
    /// `1 / cosh(x)²`, the derivative of the hyperbolic tangent; without overflow or cancellation.
    sech_sqr: |x| { let e = (-2.0 * x.abs()).exp(); 4.0 * e / ((1.0 + e) * (1.0 + e)) },
        d: |x, y| Times(-2.0 * (y * tanh(x)?)), zero: no, on: (-2.0, 2.0);
    /// The logistic function `1 / (1 + exp(-x))`; its derivative is computed without cancellation.
    sigmoid: |x| if x >= 0.0 { 1.0 / (1.0 + (-x).exp()) } else { let e = x.exp(); e / (1.0 + e) },
        d: |x, y| Times(y * sigmoid(&neg(x)?)?), zero: no, on: (-2.0, 2.0);
    /// `ln(1 + exp(x))`, without overflow.
    softplus: |x| if x > 0.0 { x + (-x).exp().ln_1p() } else { x.exp().ln_1p() },
        d: |x, _y| Times(sigmoid(x)?), zero: no, on: (-2.0, 2.0);
}

binary! {
    /// `a + b`; of truth values, or.
    add: |a, b| a + b, int: |a, b| a.wrapping_add(b), bool: |a, b| a | b, d: |_a, _b, _y| [One, One], zero: yes, on: (-2.0, 2.0);
    /// `a - b`.
    sub: |a, b| a - b, int: |a, b| a.wrapping_sub(b), d: |_a, _b, _y| [One, MinusOne], zero: yes, on: (-2.0, 2.0);
    /// `a b`; of truth values, and.
    mul: |a, b| a * b, int: |a, b| a.wrapping_mul(b), bool: |a, b| a & b,
        d: |a, b, _y| [Times(b.clone()), Times(a.clone())], zero: yes, on: (-2.0, 2.0);
    /// `a / b`; of integers, their quotient as a float.
    true_div: |a, b| a / b, d: |_a, b, y| [Times(reciprocal(b)?), Times(-(y / b))], zero: no, on: (0.5, 2.0);
    /// `a ^ b`. Of integers, with wrap-around; a negative power is an error at run time, since it is no integer.
    /// The derivative in a is zero where b is; the derivative in b is zero where a is.
    pow: |a, b| a.powf(b), int: |a, b| a.power(b), refuse: negative_integer_power,
        d: |a, b, y| [
            Times(switch(&neq(b, 0)?, &(b * pow(a, &(b - 1))?), 0.0)?),
            Times(switch(&neq(a, 0)?, &(y * log(&switch(&neq(a, 0)?, a, 1.0)?)?), 0.0)?),
        ], zero: no, on: (0.5, 2.0);
    /// The larger one; NaN if either is. At ties the derivative goes to a.
    maximum: |a, b| if a >= b || a.is_nan() { a } else { b }, int: |a, b| a.max(b), bool: |a, b| a | b,
        d: |a, b, _y| [Mask(ge(a, b)?), Mask(lt(a, b)?)], zero: yes, on: (-2.0, 2.0);
    /// The smaller one; NaN if either is. At ties the derivative goes to a.
    minimum: |a, b| if a <= b || a.is_nan() { a } else { b }, int: |a, b| a.min(b), bool: |a, b| a & b,
        d: |a, b, _y| [Mask(le(a, b)?), Mask(gt(a, b)?)], zero: yes, on: (-2.0, 2.0);
}

compare! {
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
