//! The random words of one call, and the numbers that one word stands for.
//!
//! These functions give the same bits on every machine: arithmetic, square roots and the logarithm of `libm`, which is
//! the same code everywhere; no fused product, nothing of the system's own library.

use super::philox;

/// The words of one call of a state. Which words an element gets depends on the state and the element alone: not on the
/// shape, on other elements, or on the order in which elements are drawn.
#[derive(Clone, Copy, Debug)]
pub(super) struct Words {
    pub(super) key: [u64; 2],
    pub(super) call: u64,
    /// Which of several numbers of an element.
    pub(super) stream: u64,
}

impl Words {
    /// Four words for an attempt at an element.
    pub(super) fn block(&self, element: u64, attempt: u64) -> [u64; 4] {
        philox::block([attempt, element, self.call, self.stream], self.key)
    }

    /// The first word of an element.
    pub(super) fn first(&self, element: u64) -> u64 {
        self.block(element, 0)[0]
    }

    /// The same call, for another number of an element.
    pub(super) fn of_stream(self, stream: u64) -> Self {
        Self { stream, ..self }
    }
}

const TWO_TO_MINUS_52: f64 = f64::EPSILON;
const TWO_TO_MINUS_64: f64 = f64::EPSILON / 4096.0;

/// A number in [0, 1), a multiple of 2⁻⁵³.
pub(super) fn unit(word: u64) -> f64 {
    (word >> 11) as f64 * (0.5 * TWO_TO_MINUS_52)
}

/// A number in [0, 1), a multiple of 2⁻²⁴: what f32 holds without rounding up to one.
pub(super) fn unit_in_single(word: u64) -> f64 {
    (word >> 40) as f64 * (0.5 * f64::from(f32::EPSILON))
}

/// A number in (0, 1).
pub(super) fn open_unit(word: u64) -> f64 {
    ((word >> 12) as f64 + 0.5) * TWO_TO_MINUS_52
}

/// A standard exponential number, by inversion; all 64 bits count at both ends.
pub(super) fn exponential(word: u64) -> f64 {
    let below = |word: u64| (word as f64 + 0.5) * TWO_TO_MINUS_64;
    if word < 1 << 63 { -libm::log(below(word)) } else { -libm::log1p(-below(!word)) }
}

/// A standard normal number, by inversion: it grows with the word as a signed integer, whose sign it has, and reaches 9
/// standard deviations.
///
/// One word for one number, and a smooth map of it; so that numbers of one element stay together when parameters move.
/// The approximation is AS 241 (M. J. Wichura, 1988), off by at most 3 units of 2⁻⁵² of its size.
pub(super) fn normal(word: u64) -> f64 {
    let signed = word as i64;
    let centred = (signed as f64 + 0.5) * TWO_TO_MINUS_64;
    if centred.abs() <= 0.425 {
        let r = 0.180625 - centred * centred;
        return centred * ratio(&CENTRE, r);
    }
    // What is left in the tail, from the integer, so that no digit is lost.
    let left = if signed < 0 { signed.wrapping_sub(i64::MIN) } else { i64::MAX - signed };
    let r = (-libm::log((left as f64 + 0.5) * TWO_TO_MINUS_64)).sqrt();
    let size = if r <= 5.0 { ratio(&MIDDLE, r - 1.6) } else { ratio(&TAIL, r - 5.0) };
    size.copysign(centred)
}

/// The quotient of two polynomials, with the coefficients of the lowest powers first.
fn ratio([above, below]: &[[f64; 8]; 2], x: f64) -> f64 {
    let horner = |coefficients: &[f64; 8]| coefficients.iter().rev().fold(0.0, |sum, c| sum * x + c);
    horner(above) / horner(below)
}

const CENTRE: [[f64; 8]; 2] = [
    [
        3.3871328727963665,
        133.14166789178438,
        1971.5909503065513,
        13731.69376550946,
        45921.95393154987,
        67265.7709270087,
        33430.57558358813,
        2509.0809287301227,
    ],
    [
        1.0,
        42.31333070160091,
        687.1870074920579,
        5394.196021424751,
        21213.794301586597,
        39307.89580009271,
        28729.085735721943,
        5226.495278852854,
    ],
];

const MIDDLE: [[f64; 8]; 2] = [
    [
        1.4234371107496835,
        4.630337846156546,
        5.769497221460691,
        3.6478483247632045,
        1.2704582524523684,
        0.2417807251774506,
        0.022723844989269184,
        0.0007745450142783414,
    ],
    [
        1.0,
        2.053191626637759,
        1.6763848301838038,
        0.6897673349851,
        0.14810397642748008,
        0.015198666563616457,
        0.0005475938084995345,
        1.0507500716444169e-09,
    ],
];

const TAIL: [[f64; 8]; 2] = [
    [
        6.657904643501103,
        5.463784911164114,
        1.7848265399172913,
        0.29656057182850487,
        0.026532189526576124,
        0.0012426609473880784,
        2.7115555687434876e-05,
        2.0103343992922881e-07,
    ],
    [
        1.0,
        0.599832206555888,
        0.1369298809227358,
        0.014875361290850615,
        0.0007868691311456133,
        1.8463183175100548e-05,
        1.421511758316446e-07,
        2.0442631033899397e-15,
    ],
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::special::ndtri;

    #[test]
    fn the_normal_is_the_inverse_of_the_distribution_function() {
        for k in 1..2000u64 {
            let p = k as f64 / 2000.0;
            let word = ((p - 0.5) * 2f64.powi(64)) as i64 as u64;
            let (got, want) = (normal(word), ndtri(p));
            assert!((got - want).abs() <= 2e-15 * want.abs().max(1e-3), "{p}: {got} {want}");
        }
        // The ends, each 2⁻⁶⁵ from the border.
        let far = ndtri(2f64.powi(-65));
        assert!((normal(1 << 63) - far).abs() < 1e-13 && (normal(u64::MAX >> 1) + far).abs() < 1e-13);
        assert_eq!(normal(5), -normal(!5));
    }

    /// Words, and the normal numbers that they stand for, rounded from 40 digits: those that are off most of two thousand, some
    /// others, and the ends.
    const NORMAL: &[(u64, f64)] = &[
        (0xd3a4278bb5205660, -0.4489785960861292),
        (0xd1ea041814d4954e, -0.46776297410234785),
        (0x18ae013eaca91679, 0.24405297361285158),
        (0xd0a40d77a4352c10, -0.4817177173383329),
        (0x2dd66631a98a6ddc, 0.46505152920292353),
        (0x80086f1a6ff6c730, -3.654797383474036),
        (0x7b6eb806cc544333, 2.1005142464196833),
        (0x91be34eb1e39ef8e, -1.480960317554253),
        (0xd285402189e598ba, -0.461149314752179),
        (0xfa85459d1966a3bb, -0.053677465941530805),
        (0x5ec127b3a4bc7977, 1.1270286342750468),
        (0x8000000000000000, -9.155293772686072),
        (0x7fffffffffffffff, 9.155293772686072),
        (0x0000000000000000, 6.794229552421306e-20),
    ];

    #[test]
    fn the_normal_keeps_its_digits() {
        for &(word, want) in NORMAL {
            let off = (normal(word) - want).abs() / (f64::EPSILON * want.abs());
            assert!(off <= 3.0, "{word:x} is off by {off}");
        }
    }

    #[test]
    fn numbers_stay_inside_of_their_ranges() {
        for word in [0, 1, 1 << 63, (1 << 63) - 1, u64::MAX] {
            assert!((0.0..1.0).contains(&unit(word)) && (unit_in_single(word) as f32) < 1.0);
            assert!(open_unit(word) > 0.0 && open_unit(word) < 1.0);
            assert!(exponential(word) > 0.0 && exponential(word) < 46.0 && normal(word).abs() < 9.4);
        }
    }
}
