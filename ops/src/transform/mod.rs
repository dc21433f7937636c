//! Maps from unconstrained numbers to constrained ones, with the logarithms of their Jacobian determinants.
//!
//! A sampler or an optimiser moves raw numbers, of which each may be anything; a model speaks of scales, probabilities,
//! simplices. A [`Transform`] goes from the one to the other, and is made of ordinary ops.

mod correlation;
mod entries;
mod ordered;
mod simplex;

use std::f64::consts::{LN_2, LN_10};

use kronograph_graph::{BuildError, Result, Variable, origin};

pub(crate) use entries::entries;

use crate::construct::{full_like, ones_like, zeros_like};
use crate::elemwise::{
    abs, add, cast, exp, exp2, log, log2, log10, logit, lt, mul, neg, pow, sigmoid, softplus, sub, switch,
};
use crate::reduce::sum_axes;
use crate::tensor::tensor_type;

/// A smooth one-to-one map from raw numbers, which are unconstrained, to values, which are not.
///
/// [`forward`](Self::forward) goes from raw numbers to values, as the bijectors of TensorFlow Probability and Stan's
/// constraining transforms do. PyMC calls the same direction `backward`, and names a transform after the other one: its
/// `log` is [`Exp`](Self::Exp) here.
///
/// Elementwise members keep the shape, and have one log-Jacobian for each element. The vector members
/// ([`Simplex`](Self::Simplex), [`Ordered`](Self::Ordered), [`CorrelationCholesky`](Self::CorrelationCholesky)) work
/// along the last axis, and have one log-Jacobian for each vector.
///
/// ```
/// use kronograph_ops::{Transform, scalar};
///
/// let raw = scalar("log_tau");
/// let tau = Transform::Exp.forward(&raw)?;
/// // What is added to the log-density of tau to have that of its logarithm.
/// let correction = Transform::Exp.log_jacobian(&raw)?;
/// # Ok::<(), kronograph_graph::BuildError>(())
/// ```
#[derive(Clone, Debug, PartialEq)]
#[non_exhaustive]
pub enum Transform {
    /// `x`.
    Identity,
    /// `exp(x)`, for positive values (PyMC: `log`; Stan: `lower=0`).
    Exp,
    /// `2ˣ`, for positive values.
    Exp2,
    /// `10ˣ`, for positive values.
    Exp10,
    /// `exp(2x)`: a variance, of which the raw number is the logarithm of the standard deviation.
    ExpPow2,
    /// `xᶜ`. The inverse exists for values that are not negative, and for all if c is an odd integer.
    Pow(f64),
    /// `1 / (1 + exp(-x))`, for values between 0 and 1 (PyMC: `logodds`; Stan: `lower=0, upper=1`).
    Sigmoid,
    /// `a x + b` (Stan: `offset`, `multiplier`).
    ScaleShift {
        /// `a`, which is not 0.
        scale: f64,
        /// `b`.
        shift: f64,
    },
    /// One after another, the first of them first.
    Chain(Vec<Transform>),
    /// K - 1 raw numbers to K positive values whose sum is 1, by breaking a stick (Stan: `simplex`).
    ///
    /// `z_k = sigmoid(x_k - ln(K - k))` is the share of value k in what the values before it leave, so that raw zeros are
    /// the centre. The log-Jacobian is that of the first K - 1 values.
    Simplex,
    /// K raw numbers to K rising values: the first one, then the steps, as logarithms (PyMC, Stan: `ordered`).
    Ordered,
    /// n (n - 1) / 2 raw numbers, row by row, to the lower Cholesky factor of a correlation matrix of order n (Stan:
    /// `cholesky_factor_corr`), after Lewandowski, Kurowicka and Joe (2009).
    ///
    /// `z_ij = tanh(x_ij)` is a canonical partial correlation: `L_ij = z_ij √(1 - Σ_{k<j} L_ik²)` below the diagonal. The
    /// log-Jacobian is that of the entries below the diagonal.
    CorrelationCholesky {
        /// n.
        order: usize,
    },
}

impl Transform {
    /// Values between two numbers: [`Sigmoid`](Self::Sigmoid), scaled and shifted (PyMC: `interval`; Stan: `lower,
    /// upper`).
    pub fn interval(low: f64, high: f64) -> Self {
        Self::Chain(vec![Self::Sigmoid, Self::ScaleShift { scale: high - low, shift: low }])
    }

    /// Whether each value depends on the raw number in its place alone.
    pub fn is_elementwise(&self) -> bool {
        match self {
            Self::Simplex | Self::Ordered | Self::CorrelationCholesky { .. } => false,
            Self::Chain(members) => members.iter().all(Self::is_elementwise),
            _ => true,
        }
    }

    /// The shape of the values of raw numbers of a shape; `None` where there are no such values.
    ///
    /// ```
    /// use kronograph_ops::Transform;
    /// assert_eq!(Transform::Simplex.value_shape(&[2, 3]), Some(vec![2, 4]));
    /// assert_eq!(Transform::CorrelationCholesky { order: 4 }.value_shape(&[6]), Some(vec![4, 4]));
    /// assert_eq!(Transform::Exp.value_shape(&[]), Some(vec![]));
    /// ```
    pub fn value_shape(&self, raw: &[usize]) -> Option<Vec<usize>> {
        match self {
            Self::Chain(members) => members.iter().try_fold(raw.to_vec(), |shape, next| next.value_shape(&shape)),
            Self::Simplex => {
                let (last, batch) = raw.split_last()?;
                Some([batch, &[last + 1]].concat())
            }
            Self::Ordered => raw.last().map(|_| raw.to_vec()),
            Self::CorrelationCholesky { order } => {
                let (last, batch) = raw.split_last()?;
                (*last == correlation::pairs(*order)).then(|| [batch, &[*order, *order]].concat())
            }
            _ => Some(raw.to_vec()),
        }
    }

    /// The shape of the raw numbers of values of a shape; `None` where there are no such values.
    ///
    /// ```
    /// use kronograph_ops::Transform;
    /// assert_eq!(Transform::Simplex.raw_shape(&[4]), Some(vec![3]));
    /// assert_eq!(Transform::Simplex.raw_shape(&[0]), None);
    /// ```
    pub fn raw_shape(&self, value: &[usize]) -> Option<Vec<usize>> {
        match self {
            Self::Chain(members) => members.iter().rev().try_fold(value.to_vec(), |shape, next| next.raw_shape(&shape)),
            Self::Simplex => {
                let (last, batch) = value.split_last()?;
                Some([batch, &[last.checked_sub(1)?]].concat())
            }
            Self::Ordered => value.last().map(|_| value.to_vec()),
            Self::CorrelationCholesky { order } => {
                let batch = value.strip_suffix(&[*order, *order])?;
                Some([batch, &[correlation::pairs(*order)]].concat())
            }
            _ => Some(value.to_vec()),
        }
    }

    /// The values of raw numbers. Integers are converted to f64.
    ///
    /// # Errors
    ///
    /// When `raw` is no dense tensor, or has no axis where there must be one; parameters without an inverse map; at run
    /// time, when a Cholesky factor is asked of another number of raw numbers.
    #[track_caller]
    pub fn forward(&self, raw: &Variable) -> Result<Variable> {
        let _scope = origin::here();
        let x = self.checked(raw, 0)?;
        match self {
            Self::Identity => Ok(x),
            Self::Exp => exp(&x),
            Self::Exp2 => exp2(&x),
            Self::Exp10 => pow(10.0, &x),
            Self::ExpPow2 => exp(&mul(&x, 2.0)?),
            Self::Pow(power) => pow(&x, *power),
            Self::Sigmoid => sigmoid(&x),
            Self::ScaleShift { scale, shift } => add(&mul(&x, *scale)?, *shift),
            Self::Chain(members) => members.iter().try_fold(x, |x, next| next.forward(&x)),
            Self::Simplex => simplex::forward(&x),
            Self::Ordered => ordered::forward(&x),
            Self::CorrelationCholesky { order } => correlation::forward(&x, *order),
        }
    }

    /// The raw numbers of values; NaN or infinity where there are none.
    ///
    /// Of a Cholesky factor the part above the diagonal is not read.
    ///
    /// # Errors
    ///
    /// As [`forward`](Self::forward).
    #[track_caller]
    pub fn inverse(&self, value: &Variable) -> Result<Variable> {
        let _scope = origin::here();
        let y = self.checked(value, 1)?;
        match self {
            Self::Identity => Ok(y),
            Self::Exp => log(&y),
            Self::Exp2 => log2(&y),
            Self::Exp10 => log10(&y),
            Self::ExpPow2 => mul(&log(&y)?, 0.5),
            Self::Pow(power) => root(&y, *power),
            Self::Sigmoid => logit(&y),
            Self::ScaleShift { scale, shift } => mul(&sub(&y, *shift)?, scale.recip()),
            Self::Chain(members) => members.iter().rev().try_fold(y, |y, next| next.inverse(&y)),
            Self::Simplex => simplex::inverse(&y),
            Self::Ordered => ordered::inverse(&y),
            Self::CorrelationCholesky { order } => correlation::inverse(&y, *order),
        }
    }

    /// `ln |det d value / d raw|` at raw numbers: what is added to the log-density of the values.
    ///
    /// One number for each element of an elementwise transform; one for each vector of a transform of vectors, and of a
    /// chain that has one. It is computed from the raw numbers, so that it is right where the values round to the border
    /// of their domain.
    ///
    /// # Errors
    ///
    /// As [`forward`](Self::forward); also for a chain in which something follows a simplex or a Cholesky factor, whose
    /// values are more than the raw numbers.
    #[track_caller]
    pub fn log_jacobian(&self, raw: &Variable) -> Result<Variable> {
        let _scope = origin::here();
        let x = self.checked(raw, 0)?;
        match self {
            Self::Identity => zeros_like(&x),
            Self::Exp => Ok(x),
            Self::Exp2 => add(&mul(&x, LN_2)?, LN_2.ln()),
            Self::Exp10 => add(&mul(&x, LN_10)?, LN_10.ln()),
            Self::ExpPow2 => add(&mul(&x, 2.0)?, LN_2),
            Self::Pow(1.0) => zeros_like(&x),
            Self::Pow(power) => add(&mul(&log(&abs(&x)?)?, power - 1.0)?, power.abs().ln()),
            Self::Sigmoid => neg(&add(&softplus(&x)?, &softplus(&neg(&x)?)?)?),
            Self::ScaleShift { scale, .. } => full_like(&x, scale.abs().ln()),
            Self::Chain(members) => self.log_jacobian_of(members, &x),
            Self::Simplex => simplex::log_jacobian(&x),
            Self::Ordered => ordered::log_jacobian(&x),
            Self::CorrelationCholesky { order } => correlation::log_jacobian(&x, *order),
        }
    }

    /// `d value / d raw` of an elementwise transform, without cancellation: that of the logistic function is `s(x) s(-x)`.
    ///
    /// # Errors
    ///
    /// As [`forward`](Self::forward); also for a transform of vectors, whose derivative is a matrix.
    #[track_caller]
    pub fn derivative(&self, raw: &Variable) -> Result<Variable> {
        let _scope = origin::here();
        let x = self.checked(raw, 0)?;
        match self {
            Self::Identity => ones_like(&x),
            Self::Exp => exp(&x),
            Self::Exp2 => mul(&exp2(&x)?, LN_2),
            Self::Exp10 => mul(&pow(10.0, &x)?, LN_10),
            Self::ExpPow2 => mul(&exp(&mul(&x, 2.0)?)?, 2.0),
            Self::Pow(power) => mul(&pow(&x, power - 1.0)?, *power),
            Self::Sigmoid => mul(&sigmoid(&x)?, &sigmoid(&neg(&x)?)?),
            Self::ScaleShift { scale, .. } => full_like(&x, *scale),
            Self::Chain(members) => {
                let mut product = ones_like(&x)?;
                let mut at = x;
                for (k, member) in members.iter().enumerate() {
                    let step = member.derivative(&at)?;
                    product = if k == 0 { step } else { mul(&product, &step)? };
                    at = member.forward(&at)?;
                }
                Ok(product)
            }
            Self::Simplex | Self::Ordered | Self::CorrelationCholesky { .. } => {
                Err(BuildError::parameter("transform", "the derivative of a transform of vectors is a matrix"))
            }
        }
    }

    /// The sum of the log-Jacobians along the way.
    fn log_jacobian_of(&self, members: &[Transform], raw: &Variable) -> Result<Variable> {
        let last = tensor_type("transform", raw)?.rank().checked_sub(1);
        let axis = last.filter(|_| !self.is_elementwise());
        let mut total: Option<Variable> = None;
        let mut at = raw.clone();
        for (k, member) in members.iter().enumerate() {
            let mut term = member.log_jacobian(&at)?;
            if let Some(axis) = axis.filter(|_| member.is_elementwise()) {
                term = sum_axes(&term, &[axis])?;
            }
            total = Some(match total {
                Some(total) => add(&total, &term)?,
                None => term,
            });
            if k + 1 < members.len() {
                if member.has_more_values() {
                    let rule = "nothing that follows a simplex or a Cholesky factor has a Jacobian determinant";
                    return Err(BuildError::parameter("transform", rule));
                }
                at = member.forward(&at)?;
            }
        }
        total.map_or_else(|| zeros_like(raw), Ok)
    }

    /// Whether there are more values than raw numbers.
    fn has_more_values(&self) -> bool {
        match self {
            Self::Simplex | Self::CorrelationCholesky { .. } => true,
            Self::Chain(members) => members.iter().any(Self::has_more_values),
            _ => false,
        }
    }

    /// The argument in a float dtype, if it has enough axes and the parameters are those of a map with an inverse.
    /// Values of matrices have one axis more than raw numbers.
    #[track_caller]
    fn checked(&self, argument: &Variable, more: usize) -> Result<Variable> {
        let ty = tensor_type("transform", argument)?;
        let least = match self {
            Self::Simplex | Self::Ordered => 1,
            Self::CorrelationCholesky { .. } => 1 + more,
            _ => 0,
        };
        if ty.rank() < least {
            let rule = format!("{self:?} needs {least} axes or more");
            return Err(BuildError::inputs("transform", std::slice::from_ref(argument), rule));
        }
        let usable = |number: f64| number.is_finite() && number != 0.0;
        match *self {
            Self::Pow(power) if !usable(power) => Err(BuildError::parameter(
                "transform",
                format!("the power must be a number other than 0, it is {power}"),
            )),
            Self::ScaleShift { scale, shift } if !usable(scale) || !shift.is_finite() => {
                let rule = format!("x * {scale} + {shift} has no inverse");
                Err(BuildError::parameter("transform", rule))
            }
            _ => cast(argument, ty.dtype().to_float()),
        }
    }
}

/// `x` with `xᶜ = y`: of negative numbers, too, where c is an odd integer.
fn root(y: &Variable, power: f64) -> Result<Variable> {
    if power.abs() % 2.0 != 1.0 {
        return pow(y, power.recip());
    }
    // Each branch is kept away from the numbers of the other one, for which it has no derivatives.
    let negative = lt(y, 0.0)?;
    let below = neg(&pow(&switch(&negative, &neg(y)?, 1.0)?, power.recip())?)?;
    switch(&negative, &below, &pow(&switch(&negative, 1.0, y)?, power.recip())?)
}
