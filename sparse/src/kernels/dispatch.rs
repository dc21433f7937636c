//! The same loop compiled for several instruction sets, the widest that the processor has chosen when it is called.

/// Makes a function of a generic body `body::<FUSED>`, in which `FUSED` says whether [`multiply_add`] is one
/// instruction. The body and all that it calls must be `#[inline(always)]`, or it keeps the instructions of the
/// build.
macro_rules! widest {
    ($($(#[doc = $doc:literal])+ pub(crate) fn $name:ident($($arg:ident: $ty:ty),+ $(,)?) = $body:ident;)+) => { $(
        $(#[doc = $doc])+
        pub(crate) fn $name($($arg: $ty),+) {
            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx512f,avx512dq,avx512vl,avx2,fma")]
                fn in_eights($($arg: $ty),+) {
                    $body::<true>($($arg),+);
                }

                #[target_feature(enable = "avx2,fma")]
                fn in_fours($($arg: $ty),+) {
                    $body::<true>($($arg),+);
                }

                let fused = is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma");
                let eights = is_x86_feature_detected!("avx512f")
                    && is_x86_feature_detected!("avx512dq")
                    && is_x86_feature_detected!("avx512vl");
                if fused && eights {
                    // SAFETY: the processor has every instruction set named above the function.
                    return unsafe { in_eights($($arg),+) };
                }
                if fused {
                    // SAFETY: as above.
                    return unsafe { in_fours($($arg),+) };
                }
            }
            $body::<false>($($arg),+);
        }
    )+ };
}
pub(crate) use widest;

/// `a b + c`; rounded once where that is an instruction.
#[inline(always)]
pub(crate) fn multiply_add<const FUSED: bool>(a: f64, b: f64, c: f64) -> f64 {
    if FUSED { a.mul_add(b, c) } else { a * b + c }
}
