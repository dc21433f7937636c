//! Elementwise loops over runs, and the few integer functions that Rust spells differently for signed and unsigned.

/// `out[i] = f(a[i * step])`.
#[inline(always)]
pub(crate) fn map1<T: Copy, O>(a: &[T], step: usize, out: &mut [O], f: impl Fn(T) -> O) {
    match step {
        1 => a.iter().zip(out).for_each(|(&a, out)| *out = f(a)),
        _ => out.iter_mut().enumerate().for_each(|(i, out)| *out = f(a[i * step])),
    }
}

/// `out[i] = f(a[i * step_a], b[i * step_b])`.
#[inline(always)]
pub(crate) fn map2<T: Copy, O>(a: &[T], step_a: usize, b: &[T], step_b: usize, out: &mut [O], f: impl Fn(T, T) -> O) {
    match (step_a, step_b) {
        (1, 1) => a.iter().zip(b).zip(out).for_each(|((&a, &b), out)| *out = f(a, b)),
        (1, 0) => {
            let b = b[0];
            a.iter().zip(out).for_each(|(&a, out)| *out = f(a, b));
        }
        (0, 1) => {
            let a = a[0];
            b.iter().zip(out).for_each(|(&b, out)| *out = f(a, b));
        }
        _ => out.iter_mut().enumerate().for_each(|(i, out)| *out = f(a[i * step_a], b[i * step_b])),
    }
}

/// `out[i] = f(a[i * step_a], b[i * step_b], c[i * step_c])`.
#[inline(always)]
pub(crate) fn map3<T: Copy>([a, b, c]: [&[T]; 3], steps: [usize; 3], out: &mut [T], f: impl Fn(T, T, T) -> T) {
    for (i, out) in out.iter_mut().enumerate() {
        *out = f(a[i * steps[0]], b[i * steps[1]], c[i * steps[2]]);
    }
}

/// Functions of integers, signed or not.
pub(crate) trait Integer {
    fn absolute(self) -> Self;
    fn sign(self) -> Self;
    /// With wrap-around; for powers that are not negative.
    fn power(self, exponent: Self) -> Self;
    /// The quotient rounded towards minus infinity, with wrap-around; 0 for a divisor of zero.
    fn floor_quotient(self, divisor: Self) -> Self;
    /// What that leaves: of the divisor's sign; 0 for a divisor of zero.
    fn floor_remainder(self, divisor: Self) -> Self;
    /// All bits leave where the count is no smaller than their number.
    fn shift_left(self, count: Self) -> Self;
    /// The sign fills up where the count is no smaller than the number of bits.
    fn shift_right(self, count: Self) -> Self;
}

macro_rules! integers {
    ($($t:ty: |$x:ident| $absolute:expr, $sign:expr, $exponent:expr, $floors:expr;)+) => { $(
        impl Integer for $t {
            fn absolute(self) -> Self {
                let $x = self;
                $absolute
            }

            fn sign(self) -> Self {
                let $x = self;
                $sign
            }

            fn power(self, exponent: Self) -> Self {
                let $x = exponent;
                let exponent: Option<u32> = $exponent;
                exponent.map_or(0, |exponent| self.wrapping_pow(exponent))
            }

            fn floor_quotient(self, divisor: Self) -> Self {
                if divisor == 0 {
                    return 0;
                }
                let (quotient, rest) = (self.wrapping_div(divisor), self.wrapping_rem(divisor));
                // Division cuts towards zero: one less where the exact quotient is negative.
                if rest != 0 && $floors(rest, divisor) { quotient - 1 } else { quotient }
            }

            fn floor_remainder(self, divisor: Self) -> Self {
                if divisor == 0 {
                    return 0;
                }
                let rest = self.wrapping_rem(divisor);
                if rest != 0 && $floors(rest, divisor) { rest + divisor } else { rest }
            }

            fn shift_left(self, count: Self) -> Self {
                count.try_into().ok().and_then(|count: u32| self.checked_shl(count)).unwrap_or(0)
            }

            fn shift_right(self, count: Self) -> Self {
                // Two shifts, so that all bits can leave.
                let count = u32::try_from(count).unwrap_or(Self::BITS).min(Self::BITS);
                (self >> (count / 2)) >> (count - count / 2)
            }
        }
    )+ };
}

integers! {
    u8: |x| x, x.min(1), Some(x.into()), |_, _| false;
    i8: |x| x.wrapping_abs(), x.signum(), x.try_into().ok(), |rest, divisor| (rest < 0) != (divisor < 0);
    i32: |x| x.wrapping_abs(), x.signum(), x.try_into().ok(), |rest, divisor| (rest < 0) != (divisor < 0);
    i64: |x| x.wrapping_abs(), x.signum(), x.try_into().ok(), |rest, divisor| (rest < 0) != (divisor < 0);
}
