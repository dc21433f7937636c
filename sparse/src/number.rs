//! Arithmetic on the elements that a sparse matrix may hold.

use kronograph_ops::Element;

/// A number; integers wrap around, as they do in dense arithmetic.
pub(crate) trait Number: Element + PartialOrd {
    /// In which sums are added up: i64 or f64.
    type Wide: Number;
    /// What a sum is given as; see [`DType::sum`](kronograph_ops::DType::sum).
    type Sum: Number;
    /// One.
    const ONE: Self;
    /// The same number, to be added up.
    fn widen(self) -> Self::Wide;
    /// What was added up, as the sum.
    fn total(wide: Self::Wide) -> Self::Sum;
    /// The sum.
    fn plus(self, other: Self) -> Self;
    /// The product.
    fn times(self, other: Self) -> Self;
}

macro_rules! numbers {
    ($($t:ty, $wide:ty, $sum:ty, $one:literal, $plus:expr, $times:expr;)+) => { $(
        impl Number for $t {
            type Wide = $wide;
            type Sum = $sum;

            const ONE: Self = $one;

            #[inline(always)]
            fn widen(self) -> $wide {
                self as $wide
            }

            #[inline(always)]
            fn total(wide: $wide) -> $sum {
                wide as $sum
            }

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
    u8, i64, i64, 1, u8::wrapping_add, u8::wrapping_mul;
    i8, i64, i64, 1, i8::wrapping_add, i8::wrapping_mul;
    i32, i64, i64, 1, i32::wrapping_add, i32::wrapping_mul;
    i64, i64, i64, 1, i64::wrapping_add, i64::wrapping_mul;
    f32, f64, f32, 1.0, |a, b| a + b, |a, b| a * b;
    f64, f64, f64, 1.0, |a, b| a + b, |a, b| a * b;
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
