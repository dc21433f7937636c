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

/// Functions of integers, signed or not.
pub(crate) trait Integer {
    fn absolute(self) -> Self;
    fn sign(self) -> Self;
    /// With wrap-around; for powers that are not negative.
    fn power(self, exponent: Self) -> Self;
}

macro_rules! integers {
    ($($t:ty: |$x:ident| $absolute:expr, $sign:expr, $exponent:expr;)+) => { $(
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
        }
    )+ };
}

integers! {
    u8: |x| x, x.min(1), Some(x.into());
    i8: |x| x.wrapping_abs(), x.signum(), x.try_into().ok();
    i32: |x| x.wrapping_abs(), x.signum(), x.try_into().ok();
    i64: |x| x.wrapping_abs(), x.signum(), x.try_into().ok();
}
