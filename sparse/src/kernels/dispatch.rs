//! What loops that are compiled for several instruction sets are made of.

pub(crate) use kronograph_ops::widest;

/// `a b + c`; rounded once where that is an instruction, as it is wherever registers hold four or more.
#[inline(always)]
pub(crate) fn multiply_add<const LANES: usize>(a: f64, b: f64, c: f64) -> f64 {
    if LANES >= 4 { a.mul_add(b, c) } else { a * b + c }
}

/// Calls `body::<P, LANES>` for blocks of P columns until there are none left: the widest block whose row fits into
/// half of the registers or less. `at` is the first column of the block in the arguments; the body gives P.
macro_rules! in_blocks {
    ($lanes:ident, $width:expr, $at:ident, $body:ident($($arg:expr),+ $(,)?)) => {
        let mut $at = 0;
        while $at < $width {
            $at += match $width - $at {
                64.. if $lanes >= 8 => $body::<64, $lanes>($($arg),+),
                32.. if $lanes >= 4 => $body::<32, $lanes>($($arg),+),
                16.. => $body::<16, $lanes>($($arg),+),
                8.. => $body::<8, $lanes>($($arg),+),
                4.. => $body::<4, $lanes>($($arg),+),
                2.. => $body::<2, $lanes>($($arg),+),
                _ => $body::<1, $lanes>($($arg),+),
            };
        }
    };
}
pub(crate) use in_blocks;

/// The P numbers from `at` on.
#[inline(always)]
pub(crate) fn part<const P: usize>(x: &[f64], at: usize) -> &[f64; P] {
    x[at..].first_chunk().expect("a row has P columns from there on")
}
