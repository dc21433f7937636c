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
/// The approximation is AS 241 (M. J. Wichura, 1988), off by at most 3 ulp, as measured.
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
        3.3871328727963666080e0,
        1.3314166789178437745e2,
        1.9715909503065514427e3,
        1.3731693765509461125e4,
        4.5921953931549871457e4,
        6.7265770927008700853e4,
        3.3430575583588128105e4,
        2.5090809287301226727e3,
    ],
    [
        1.0,
        4.2313330701600911252e1,
        6.8718700749205790830e2,
        5.3941960214247511077e3,
        2.1213794301586595867e4,
        3.9307895800092710610e4,
        2.8729085735721942674e4,
        5.2264952788528545610e3,
    ],
];

const MIDDLE: [[f64; 8]; 2] = [
    [
        1.42343711074968357734e0,
        4.63033784615654529590e0,
        5.76949722146069140550e0,
        3.64784832476320460504e0,
        1.27045825245236838258e0,
        2.41780725177450611770e-1,
        2.27238449892691845833e-2,
        7.74545014278341407640e-4,
    ],
    [
        1.0,
        2.05319162663775882187e0,
        1.67638483018380384940e0,
        6.89767334985100004550e-1,
        1.48103976427480074590e-1,
        1.51986665636164571966e-2,
        5.47593808499534494600e-4,
        1.05075007164441684324e-9,
    ],
];

const TAIL: [[f64; 8]; 2] = [
    [
        6.65790464350110377720e0,
        5.46378491116411436990e0,
        1.78482653991729133580e0,
        2.96560571828504891230e-1,
        2.65321895265761230930e-2,
        1.24266094738807843860e-3,
        2.71155556874348757815e-5,
        2.01033439929228813265e-7,
    ],
    [
        1.0,
        5.99832206555887937690e-1,
        1.36929880922735805310e-1,
        1.48753612908506148525e-2,
        7.86869131145613259100e-4,
        1.84631831751005468180e-5,
        1.42151175831644588870e-7,
        2.04426310338993978564e-15,
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

    #[test]
    fn numbers_stay_inside_of_their_ranges() {
        for word in [0, 1, 1 << 63, (1 << 63) - 1, u64::MAX] {
            assert!((0.0..1.0).contains(&unit(word)) && (unit_in_single(word) as f32) < 1.0);
            assert!(open_unit(word) > 0.0 && open_unit(word) < 1.0);
            assert!(exponential(word) > 0.0 && exponential(word) < 46.0 && normal(word).abs() < 9.4);
        }
    }
}
