//! Loops over registers that lie anywhere: each element says where its operands are.

/// `out[i] = f(x[at[i]])`.
#[inline(always)]
pub(crate) fn pick1(x: &[f64], at: &[u32], out: &mut [f64], f: impl Fn(f64) -> f64) {
    at.iter().zip(out).for_each(|(&at, out)| *out = f(x[at as usize]));
}

/// `out[i] = f(x[at[i][0]], x[at[i][1]])`.
#[inline(always)]
pub(crate) fn pick2(x: &[f64], at: &[[u32; 2]], out: &mut [f64], f: impl Fn(f64, f64) -> f64) {
    at.iter().zip(out).for_each(|(&[a, b], out)| *out = f(x[a as usize], x[b as usize]));
}

/// `out[i] = f(x[at[i][0]], x[at[i][1]], x[at[i][2]])`.
#[inline(always)]
pub(crate) fn pick3(x: &[f64], at: &[[u32; 3]], out: &mut [f64], f: impl Fn(f64, f64, f64) -> f64) {
    at.iter().zip(out).for_each(|(&[a, b, c], out)| *out = f(x[a as usize], x[b as usize], x[c as usize]));
}

/// `out[i] = x[at[i][0]] ? x[at[i][1]] : x[at[i][2]]`, where zero is false.
pub(crate) fn select(x: &[f64], at: &[[u32; 3]], out: &mut [f64]) {
    let value = |&[c, a, b]: &[u32; 3]| if x[c as usize] == 0.0 { x[b as usize] } else { x[a as usize] };
    at.iter().zip(out).for_each(|(at, out)| *out = value(at));
}
