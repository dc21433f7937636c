//! The same loop compiled for several instruction sets, the widest that the processor has chosen when it is called.

/// Makes a function of a generic body `body::<LANES>`, in which `LANES` is how many f64 a register holds. The body
/// and all that it calls must be `#[inline(always)]` and free of closures, or they keep the instructions of the build.
#[doc(hidden)]
#[macro_export]
macro_rules! widest {
    ($($(#[doc = $doc:literal])+ pub(crate) fn $name:ident($($arg:ident: $ty:ty),+ $(,)?) = $body:ident;)+) => { $(
        $(#[doc = $doc])+
        pub(crate) fn $name($($arg: $ty),+) {
            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx512f,avx512dq,avx512vl,avx2,fma")]
                fn in_eights($($arg: $ty),+) {
                    $body::<8>($($arg),+);
                }

                #[target_feature(enable = "avx2,fma")]
                fn in_fours($($arg: $ty),+) {
                    $body::<4>($($arg),+);
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
            $body::<2>($($arg),+);
        }
    )+ };
}
pub(crate) use widest;
