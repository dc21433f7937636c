//! Probabilities of counts and of choices.

use kronograph_graph::{BuildError, Operand, Result, Variable, origin};

use super::{LN_SQRT_TAU, arguments, counted, settled, unless};
use crate::construct::arange;
use crate::dtype::DType;
use crate::elemwise::{
    and_, cast, eq, ge, gt, isnan, le, log, log_gamma_correction, log1p, lt, neg, negative_binomial_deviance, neq, or_,
    poisson_deviance, scaled_log1p, softplus, sub, switch, xlog1py, xlogy,
};
use crate::layout::{expand_dims, shape_i};
use crate::reduce::{logsumexp_axes, sum_axes};
use crate::tensor::tensor_type;

/// The Poisson distribution: `k ln μ - μ - ln k!` (SciPy: `poisson`, mu).
///
/// # Errors
///
/// When an argument is no dense tensor, or the shapes do not fit.
#[track_caller]
pub fn poisson<'a>(k: impl Into<Operand<'a>>, mu: impl Into<Operand<'a>>) -> Result<Variable> {
    let _scope = origin::here();
    let [k, mu] = arguments("poisson_logp", [k.into(), mu.into()])?;
    let (k, outside) = counted(&k)?;
    let zero = le(&k, 0.0)?;
    let some = unless(&zero, &k, 1.0)?;
    let value = -poisson_deviance(&some, &unless(&zero, &mu, 1.0)?)? - factorial_rest(&some)?;
    settled(&switch(&zero, &neg(&mu)?, &value)?, &outside, &lt(&mu, 0.0)?)
}

/// The negative binomial distribution of mean μ and dispersion α, of variance `μ + μ²/α`: `ln Γ(k + α) - ln Γ(α) - ln k! +
/// α ln(α / (α + μ)) + k ln(μ / (α + μ))` (SciPy: `nbinom`, n = α, p = α / (α + μ)).
///
/// For large α it tends to the Poisson distribution, without loss of digits in value and derivatives.
///
/// # Errors
///
/// When an argument is no dense tensor, or the shapes do not fit.
#[track_caller]
pub fn negative_binomial<'a>(
    k: impl Into<Operand<'a>>,
    mu: impl Into<Operand<'a>>,
    alpha: impl Into<Operand<'a>>,
) -> Result<Variable> {
    let _scope = origin::here();
    let [k, mu, alpha] = arguments("negative_binomial_logp", [k.into(), mu.into(), alpha.into()])?;
    let (k, outside) = counted(&k)?;
    let invalid = or_(&lt(&mu, 0.0)?, &le(&alpha, 0.0)?)?;
    let zero = le(&k, 0.0)?;
    let some = unless(&zero, &k, 1.0)?;
    let deviance = negative_binomial_deviance(&some, &unless(&zero, &mu, 1.0)?, &alpha)?;
    let corrections = log_gamma_correction(0, &(&alpha + &some))? - log_gamma_correction(0, &alpha)?;
    let value = corrections - 0.5 * log1p(&(&some / &alpha))? - factorial_rest(&some)? - deviance;
    settled(&switch(&zero, &neg(&scaled_log1p(&alpha, &mu)?)?, &value)?, &outside, &invalid)
}

/// The binomial distribution: `ln C(n, k) + k ln p + (n - k) ln(1 - p)` (SciPy: `binom`, n, p).
///
/// # Errors
///
/// When an argument is no dense tensor, or the shapes do not fit.
#[track_caller]
pub fn binomial<'a>(
    k: impl Into<Operand<'a>>,
    n: impl Into<Operand<'a>>,
    p: impl Into<Operand<'a>>,
) -> Result<Variable> {
    let _scope = origin::here();
    let [k, n, p] = arguments("binomial_logp", [k.into(), n.into(), p.into()])?;
    let ((k, no_count), (n, no_number)) = (counted(&k)?, counted(&n)?);
    let outside = or_(&no_count, &gt(&k, &n)?)?;
    let invalid = or_(&no_number, &or_(&lt(&p, 0.0)?, &gt(&p, 1.0)?)?)?;
    let (none, all) = (le(&k, 0.0)?, ge(&k, &n)?);
    let end = or_(&none, &all)?;
    let (some, of) = (unless(&end, &k, 1.0)?, unless(&end, &n, 2.0)?);
    let (rest, share) = (&of - &some, unless(&end, &p, 0.5)?);
    let deviance = poisson_deviance(&some, &(&of * &share))? + poisson_deviance(&rest, &(&of * (1.0 - &share)))?;
    let correction = |x: &Variable| log_gamma_correction(0, x);
    let front = 0.5 * log(&(&of / &some / &rest))? - LN_SQRT_TAU;
    let value = front + correction(&of)? - correction(&some)? - correction(&rest)? - deviance;
    // No trials: the slope is 0 / 0 where p is 1.
    let certain = and_(&le(&n, 0.0)?, &ge(&p, 1.0)?)?;
    let at_none = xlog1py(&n, &neg(&unless(&or_(&neq(&k, 0.0)?, &certain)?, &p, 0.5)?)?)?;
    let at_all = xlogy(&n, &unless(&neq(&k, &n)?, &p, 0.5)?)?;
    settled(&switch(&none, &at_none, &switch(&all, &at_all, &value)?)?, &outside, &invalid)
}

/// The Bernoulli distribution of log-odds η: `-ln(1 + exp(-η))` for k = 1, `-ln(1 + exp(η))` for k = 0 (Stan:
/// `bernoulli_logit`; SciPy: `bernoulli`, p = sigmoid(η)). k may be a truth value.
///
/// # Errors
///
/// When an argument is no dense tensor, or the shapes do not fit.
#[track_caller]
pub fn bernoulli_logit<'a>(k: impl Into<Operand<'a>>, logit_p: impl Into<Operand<'a>>) -> Result<Variable> {
    let _scope = origin::here();
    let [k, eta] = arguments("bernoulli_logit_logp", [k.into(), logit_p.into()])?;
    let (k, none) = counted(&k)?;
    let value = neg(&softplus(&switch(&eq(&k, 1.0)?, &neg(&eta)?, &eta)?)?)?;
    settled(&value, &or_(&none, &gt(&k, 1.0)?)?, &isnan(&k)?)
}

/// A choice k among those of the last axis of `logits`, of probabilities `softmax(logits)` (PyMC: `Categorical`, logit_p;
/// Stan: `categorical_logit`, which counts from one).
///
/// It is the logarithm of `1 / (1 + Σ_{j≠k} exp(η_j - η_k))`, so that it keeps its digits where the probability is near
/// one. k broadcasts with the other axes of `logits`.
///
/// # Errors
///
/// When an argument is no dense tensor, `logits` is a scalar, or the shapes do not fit.
#[track_caller]
pub fn categorical_logit<'a>(k: impl Into<Operand<'a>>, logits: &Variable) -> Result<Variable> {
    let _scope = origin::here();
    let density = "categorical_logit_logp";
    let ty = tensor_type(density, logits)?;
    let Some(axis) = ty.rank().checked_sub(1) else {
        let rule = "the choices need an axis";
        return Err(BuildError::inputs(density, std::slice::from_ref(logits), rule));
    };
    let [k] = arguments(density, [k.into()])?;
    let count = shape_i(logits, axis)?;
    let (k, none) = counted(&k)?;
    let outside = or_(&none, &ge(&k, &cast(&count, DType::F64)?)?)?;
    let behind = tensor_type(density, &k)?.rank();
    let chosen = eq(&expand_dims(&k, &[behind])?, &arange(0, &count, 1)?)?;
    let logits = cast(logits, ty.dtype().to_float())?;
    let others = switch(&chosen, f64::NEG_INFINITY, &logits)?;
    let last = tensor_type(density, &others)?.rank() - 1;
    let own = sum_axes(&switch(&chosen, &logits, 0.0)?, &[last])?;
    let value = neg(&softplus(&sub(&logsumexp_axes(&others, &[last])?, &own)?)?)?;
    settled(&value, &outside, &isnan(&k)?)
}

/// What Stirling's formula leaves of `ln k!`, for k > 0: `ln √(2πk) + δ(k)`.
fn factorial_rest(k: &Variable) -> Result<Variable> {
    Ok((0.5 * log(k)? + LN_SQRT_TAU) + log_gamma_correction(0, k)?)
}
