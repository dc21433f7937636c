//! Sums of every number of one run with every number of another, at the speed of memory.

use std::ops::Add;

use super::dispatch::widest;

/// A number that rows of sums are made of.
pub(crate) trait Summand: Copy + Default + Add<Output = Self> {
    /// `out[i, j] = starts[i] + last[j]`, row by row.
    fn outer_sum(starts: &[Self], last: &[Self], out: &mut [Self]);

    /// The same past the caches: for what does not fit into them.
    fn stream_outer_sum(starts: &[Self], last: &[Self], out: &mut [Self]);
}

widest! {
    /// Rows of f64.
    pub(crate) fn rows_of_f64(starts: &[f64], last: &[f64], out: &mut [f64]) = f64_rows;

    /// Rows of f32.
    pub(crate) fn rows_of_f32(starts: &[f32], last: &[f32], out: &mut [f32]) = f32_rows;

    /// Rows of f64 past the caches.
    pub(crate) fn stream_rows_of_f64(starts: &[f64], last: &[f64], out: &mut [f64]) = f64_stream;

    /// Rows of f32 past the caches.
    pub(crate) fn stream_rows_of_f32(starts: &[f32], last: &[f32], out: &mut [f32]) = f32_stream;
}

/// A line of the cache, in bytes.
const LINE: usize = 64;

macro_rules! summands {
    ($($t:ty: $rows:ident, $stream:ident, $body:ident, $streamed:ident;)+) => { $(
        impl Summand for $t {
            fn outer_sum(starts: &[Self], last: &[Self], out: &mut [Self]) {
                $rows(starts, last, out);
            }

            fn stream_outer_sum(starts: &[Self], last: &[Self], out: &mut [Self]) {
                $stream(starts, last, out);
            }
        }

        #[inline(always)]
        fn $body<const LANES: usize>(starts: &[$t], last: &[$t], out: &mut [$t]) {
            rows(starts, last, out);
        }

        #[inline(always)]
        fn $streamed<const LANES: usize>(starts: &[$t], last: &[$t], out: &mut [$t]) {
            streamed_rows::<$t, { LINE / size_of::<$t>() }, LANES>(starts, last, out);
        }
    )+ };
}

summands! {
    f64: rows_of_f64, stream_rows_of_f64, f64_rows, f64_stream;
    f32: rows_of_f32, stream_rows_of_f32, f32_rows, f32_stream;
}

#[inline(always)]
fn rows<T: Summand>(starts: &[T], last: &[T], out: &mut [T]) {
    for (start, row) in starts.iter().zip(out.chunks_exact_mut(last.len().max(1))) {
        for (out, x) in row.iter_mut().zip(last) {
            *out = *start + *x;
        }
    }
}

/// Whole lines are written past the caches, those in which a row ends as well; what stands before the first line that
/// begins in `out`, and behind the last that ends there, is written as usual.
#[inline(always)]
fn streamed_rows<T: Summand, const P: usize, const LANES: usize>(starts: &[T], last: &[T], out: &mut [T]) {
    let head = out.as_ptr().align_offset(LINE).min(out.len());
    let (before, rest) = out.split_at_mut(head);
    let mut from = Place { row: 0, column: 0 };
    from.write(starts, last, before);
    let (lines, behind) = rest.as_chunks_mut::<P>();
    for line in lines {
        let mut sums = [T::default(); P];
        match last[from.column..].first_chunk::<P>() {
            Some(part) => {
                let start = starts[from.row];
                for c in 0..P {
                    sums[c] = start + part[c];
                }
                from.column += P;
                if from.column == last.len() {
                    from = Place { row: from.row + 1, column: 0 };
                }
            }
            None => from.write(starts, last, &mut sums),
        }
        // SAFETY: the first line begins where `align_offset` says, so each is aligned; `widest` runs a body of four
        // lanes or more only where the processor has AVX2, which includes AVX.
        unsafe { stream::<T, P, LANES>(line, &sums) };
    }
    from.write(starts, last, behind);
    fence();
}

/// Where in the table of sums the next one stands.
struct Place {
    row: usize,
    column: usize,
}

impl Place {
    /// Writes the next sums, across the ends of rows.
    #[inline(always)]
    fn write<T: Summand>(&mut self, starts: &[T], last: &[T], out: &mut [T]) {
        for out in out {
            *out = starts[self.row] + last[self.column];
            self.column += 1;
            if self.column == last.len() {
                *self = Place { row: self.row + 1, column: 0 };
            }
        }
    }
}

/// Writes a line past the caches.
///
/// # Safety
///
/// `to` is aligned to [`LINE`] bytes and as long; where `LANES` is four or more, the processor has AVX.
#[cfg(target_arch = "x86_64")]
#[inline(always)]
unsafe fn stream<T: Copy, const P: usize, const LANES: usize>(to: &mut [T; P], line: &[T; P]) {
    use std::arch::x86_64::{
        __m128i, __m256i, _mm_loadu_si128, _mm_stream_si128, _mm256_loadu_si256, _mm256_stream_si256,
    };
    const { assert!(P * size_of::<T>() == LINE) };
    if LANES >= 4 {
        let (to, from) = (to.as_mut_ptr().cast::<__m256i>(), line.as_ptr().cast::<__m256i>());
        for part in 0..2 {
            // SAFETY: both arrays hold two registers; the caller answers for alignment and for the instructions.
            unsafe { _mm256_stream_si256(to.add(part), _mm256_loadu_si256(from.add(part))) };
        }
    } else {
        let (to, from) = (to.as_mut_ptr().cast::<__m128i>(), line.as_ptr().cast::<__m128i>());
        for part in 0..4 {
            // SAFETY: both arrays hold four registers; the caller answers for alignment; every x86-64 has SSE2.
            unsafe { _mm_stream_si128(to.add(part), _mm_loadu_si128(from.add(part))) };
        }
    }
}

/// Writes a line.
///
/// # Safety
///
/// None here.
#[cfg(not(target_arch = "x86_64"))]
#[inline(always)]
unsafe fn stream<T: Copy, const P: usize, const LANES: usize>(to: &mut [T; P], line: &[T; P]) {
    *to = *line;
}

/// What was written past the caches is seen by other threads as anything else is.
#[inline(always)]
fn fence() {
    #[cfg(target_arch = "x86_64")]
    // SAFETY: every x86-64 has SSE.
    unsafe {
        std::arch::x86_64::_mm_sfence();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_ways_give_the_same_bits_wherever_rows_and_lines_end() {
        for (rows, columns) in [(1, 1), (3, 5), (7, 8), (2, 16), (5, 33), (40, 3), (1, 100), (0, 4), (9, 1)] {
            let starts: Vec<f64> = (0..rows).map(|i| f64::from(i) * 0.3).collect();
            let last: Vec<f64> = (0..columns).map(|j| -1.7 * f64::from(j)).collect();
            let want: Vec<f64> = starts.iter().flat_map(|x| last.iter().map(move |y| x + y)).collect();
            for skip in 0..9 {
                let mut out = vec![0.5; want.len() + skip];
                f64::outer_sum(&starts, &last, &mut out[skip..]);
                assert_eq!(out[skip..], want);
                out.fill(f64::NAN);
                f64::stream_outer_sum(&starts, &last, &mut out[skip..]);
                assert_eq!(out[skip..], want);
                assert!(out[..skip].iter().all(|x| x.is_nan()));
            }
        }
    }
}
