//! First-order autoregression: correlations `ρ^|i-j|`.
//!
//! With `γ = 1 - ρ²`, the inverse is tridiagonal, `1/(s γ) tri(-ρ; 1, 1 + ρ², .., 1 + ρ², 1; -ρ)`, the log-determinant
//! is `n ln s + (n - 1) ln γ`, and the Cholesky factor is `√s ρ^(i-j)`, times `√γ` but in the first column. Where the
//! raw number x of ρ is known, γ is `4 sigmoid(x) sigmoid(-x)`, which keeps its digits as |ρ| goes to 1.

use kronograph_graph::{Result, Variable};

use super::along::{at_least, part};
use super::built::Covariance;
use super::kind::StructureKind;
use super::parameter::ParameterSpec;
use super::structure::Structure;
use crate::elemwise::{add, log, mul, neg, pow, sigmoid, sqrt, sub, true_div};
use crate::index::take;
use crate::join::concatenate;
use crate::layout::{broadcast_to, expand_dims};
use crate::linalg::{matmul_along, tril};
use crate::tensor::{Tensor, constant};

/// `s ρ^|i-j|`.
#[derive(Debug)]
struct Ar1 {
    order: usize,
}

/// ρ, `γ = 1 - ρ²`, and the variance s: what is left of a value when the one before it is known has variance `s γ`.
struct Innovation {
    rho: Variable,
    gap: Variable,
    variance: Variable,
}

impl Structure {
    /// `s ρ^|i-j|` of order n; parameters `sigma^2` and `rho`, which lies between -1 and 1.
    ///
    /// Solving, whitening and the log-determinant take `O(n)`.
    ///
    /// # Errors
    ///
    /// When n is below 2.
    #[track_caller]
    pub fn ar1(n: usize) -> Result<Self> {
        at_least("ar1", n, 2)?;
        Self::leaf(Ar1 { order: n })
    }
}

/// `1 - ρ²`, from the raw number where it is known.
fn gap(v: &Covariance, rho: &Variable) -> Result<Variable> {
    match v.raw_param("rho") {
        Some(raw) => mul(4.0, &mul(&sigmoid(&raw)?, &sigmoid(&neg(&raw)?)?)?),
        None => mul(&sub(1.0, rho)?, &add(1.0, rho)?),
    }
}

impl Ar1 {
    fn parts(&self, v: &Covariance) -> Result<Innovation> {
        let (variance, rho) = (v.param("sigma^2")?, v.param("rho")?);
        Ok(Innovation { gap: gap(v, &rho)?, rho, variance })
    }

    /// `ρ^|i-j|` along two axes, from the n powers: those of negative numbers, of 0 and their derivatives are right.
    fn correlations(&self, rho: &Variable) -> Result<Variable> {
        let n = self.order;
        let exponents = constant(Tensor::vector((0..n).map(|k| k as f64).collect()));
        let distances = (0..n * n).map(|k| (k / n).abs_diff(k % n) as i64).collect();
        let distances = Tensor::new(&[n, n], distances).expect("as many distances as entries");
        take(&pow(rho, &exponents)?, &constant(distances), 0)
    }

    /// `x_i - ρ x_{i-1}` from the second row on, along an axis.
    fn innovations(&self, rho: &Variable, x: &Variable, axis: usize) -> Result<Variable> {
        let n = self.order;
        sub(&part(x, axis, 1, n)?, &mul(rho, &part(x, axis, 0, n - 1)?)?)
    }
}

impl StructureKind for Ar1 {
    fn name(&self) -> &'static str {
        "ar1"
    }

    fn shape(&self) -> [usize; 2] {
        [self.order; 2]
    }

    fn parameters(&self) -> Vec<ParameterSpec> {
        vec![ParameterSpec::variance("sigma^2"), ParameterSpec::correlation("rho", -1.0)]
    }

    fn matrix(&self, v: &Covariance) -> Result<Variable> {
        mul(&v.param("sigma^2")?, &self.correlations(&v.param("rho")?)?)
    }

    /// With `t_i = (b_i - ρ b_{i-1}) / (s γ)` from the second row on: `b_0 / s` and the t, less `ρ` times the next t.
    fn solve(&self, v: &Covariance, b: &Variable, axis: usize) -> Result<Variable> {
        let Innovation { rho, gap, variance } = self.parts(v)?;
        let t = true_div(&self.innovations(&rho, b, axis)?, &mul(&variance, &gap)?)?;
        let first = part(b, axis, 0, 1)?;
        let here = concatenate(&[true_div(&first, &variance)?, t.clone()], axis)?;
        let next = concatenate(&[mul(&rho, &t)?, mul(&first, 0.0)?], axis)?;
        sub(&here, &next)
    }

    fn logdet(&self, v: &Covariance) -> Result<Variable> {
        let Innovation { gap, variance, .. } = self.parts(v)?;
        let n = self.order as f64;
        add(&mul(n, &log(&variance)?)?, &mul(n - 1.0, &log(&gap)?)?)
    }

    /// The innovations, scaled to variance 1.
    fn whiten(&self, v: &Covariance, x: &Variable, axis: usize) -> Result<Option<Variable>> {
        let Innovation { rho, gap, variance } = self.parts(v)?;
        let first = mul(&part(x, axis, 0, 1)?, &sqrt(&gap)?)?;
        let all = concatenate(&[first, self.innovations(&rho, x, axis)?], axis)?;
        true_div(&all, &sqrt(&mul(&variance, &gap)?)?).map(Some)
    }

    fn cholesky_matmul(&self, v: &Covariance, x: &Variable, axis: usize) -> Result<Variable> {
        let Innovation { rho, gap, variance } = self.parts(v)?;
        let rest = broadcast_to(&sqrt(&gap)?, [self.order - 1])?;
        let scales = mul(&sqrt(&variance)?, &concatenate(&[constant(vec![1.0]), rest], 0)?)?;
        let l = mul(&tril(&self.correlations(&rho)?, 0)?, &expand_dims(&scales, &[0])?)?;
        matmul_along(&l, x, axis)
    }

    fn diagonal(&self, v: &Covariance) -> Result<Variable> {
        broadcast_to(&v.param("sigma^2")?, [self.order])
    }
}
