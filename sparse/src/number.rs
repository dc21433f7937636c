//! Arithmetic on the elements that a sparse matrix may hold.

use kronograph_ops::Element;

/// A number; integers wrap around, as they do in dense arithmetic.
pub(crate) trait Number: Element {
    /// One.
    const ONE: Self;
    /// The sum.
    fn plus(self, other: Self) -> Self;
    /// The product.
    fn times(self, other: Self) -> Self;
}

macro_rules! numbers {
    ($($t:ty, $one:literal, $plus:expr, $times:expr;)+) => { $(
        impl Number for $t {
            const ONE: Self = $one;

            #[inline(always)]
            fn plus(self, other: Self) -> Self {
                $plus(self, other)
            }

            #[inline(always)]
            fn times(self, other: Self) -> Self {
                $times(self, other)
            }
        }
    )+ };
}

numbers! {
    u8, 1, u8::wrapping_add, u8::wrapping_mul;
    i8, 1, i8::wrapping_add, i8::wrapping_mul;
    i32, 1, i32::wrapping_add, i32::wrapping_mul;
    i64, 1, i64::wrapping_add, i64::wrapping_mul;
    f32, 1.0, |a, b| a + b, |a, b| a * b;
    f64, 1.0, |a, b| a + b, |a, b| a * b;
}

/// Runs the same code for whatever numbers a dtype stands for; truth values fail with `WrongValue(0)`.
macro_rules! each_number {
    ($dtype:expr, $t:ident => $body:expr) => {
        match $dtype {
            kronograph_ops::DType::U8 => {
                type $t = u8;
                $body
            }
            kronograph_ops::DType::I8 => {
                type $t = i8;
                $body
            }
            kronograph_ops::DType::I32 => {
                type $t = i32;
                $body
            }
            kronograph_ops::DType::I64 => {
                type $t = i64;
                $body
            }
            kronograph_ops::DType::F32 => {
                type $t = f32;
                $body
            }
            kronograph_ops::DType::F64 => {
                type $t = f64;
                $body
            }
            kronograph_ops::DType::Bool => return Err(kronograph_graph::OpFailure::WrongValue(0).into()),
        }
    };
}
pub(crate) use each_number;
