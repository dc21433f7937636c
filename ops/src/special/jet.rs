//! Truncated Taylor series: a number and its derivatives by one parameter, for what is computed by a loop.

use std::ops::{Add, Mul};

/// The highest derivative that is kept.
pub(super) const ORDER: usize = 12;

/// The coefficients of `ε⁰, ε¹, ..` of a function of `a + ε`.
#[derive(Clone, Copy, Debug)]
pub(super) struct Jet {
    pub(super) c: [f64; ORDER + 1],
    /// How many of them are wanted beyond the first.
    order: usize,
}

impl Jet {
    /// A number that does not depend on the parameter.
    pub(super) fn constant(value: f64, order: usize) -> Self {
        let mut c = [0.0; ORDER + 1];
        c[0] = value;
        Self { c, order: order.min(ORDER) }
    }

    /// `value + slope ε`.
    pub(super) fn linear(value: f64, slope: f64, order: usize) -> Self {
        let mut jet = Self::constant(value, order);
        jet.c[1] = slope;
        jet
    }

    /// `value exp(Σ logs[k-1] εᵏ)`.
    pub(super) fn exponential(value: f64, logs: impl Fn(usize) -> f64, order: usize) -> Self {
        let mut jet = Self::constant(value, order);
        for n in 1..=jet.order {
            let sum: f64 = (1..=n).map(|k| k as f64 * logs(k) * jet.c[n - k]).sum();
            jet.c[n] = sum / n as f64;
        }
        jet
    }

    /// `1 / self`.
    pub(super) fn reciprocal(self) -> Self {
        let mut jet = Self::constant(1.0 / self.c[0], self.order);
        for n in 1..=self.order {
            let sum: f64 = (1..=n).map(|k| self.c[k] * jet.c[n - k]).sum();
            jet.c[n] = -sum / self.c[0];
        }
        jet
    }

    /// `self / (value + ε)`.
    pub(super) fn over_linear(mut self, value: f64) -> Self {
        self.c[0] /= value;
        for n in 1..=self.order {
            self.c[n] = (self.c[n] - self.c[n - 1]) / value;
        }
        self
    }

    pub(super) fn scale(mut self, factor: f64) -> Self {
        self.c.iter_mut().for_each(|c| *c *= factor);
        self
    }

    /// The n-th derivative.
    pub(super) fn derivative(&self, n: usize) -> f64 {
        self.c[n] * (2..=n).fold(1.0, |product, k| product * k as f64)
    }

    /// The largest coefficient of those that are wanted.
    pub(super) fn size(&self) -> f64 {
        self.c[..=self.order].iter().fold(0.0, |size, c| size.max(c.abs()))
    }
}

impl Add for Jet {
    type Output = Self;

    fn add(mut self, other: Self) -> Self {
        self.c.iter_mut().zip(other.c).for_each(|(a, b)| *a += b);
        self
    }
}

impl Mul for Jet {
    type Output = Self;

    fn mul(self, other: Self) -> Self {
        let mut product = Self::constant(0.0, self.order);
        for n in 0..=self.order {
            product.c[n] = (0..=n).map(|k| self.c[k] * other.c[n - k]).sum();
        }
        product
    }
}
