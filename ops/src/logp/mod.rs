//! Log-densities and log-probabilities, as builders over ops.
//!
//! Elementwise over x and the parameters, which broadcast along axes of static length 1; nothing is summed. Densities of
//! vectors (`categorical_logit`, `dirichlet`, `multivariate_normal`) work along the last axis, which is dropped. Literals
//! are weak; integers are converted to f64. Parameters are named as in PyMC, and each function says what SciPy calls them.
//!
//! * Outside of the support the answer is minus infinity, and its derivatives are zero. What is masked out is computed
//!   at a place where it is finite, so no NaN arises there.
//! * On the border of the support it is the limit of the density.
//! * Where a parameter is invalid (a scale that is not positive, a probability outside [0, 1]), the answer is NaN; so it is
//!   where x or a parameter is. A matrix that is not positive definite is an error at run time from which a sampler recovers.
//! * Counts may be integers or floats; a float that is no whole number is outside of the support. They have no
//!   derivative: a cost is not connected to them.
//!
//! Terms that are large and cancel (a density with large parameters is a small difference of large logarithms) are not
//! formed: what is left of them has ops of its own ([`log_gamma_correction`](crate::log_gamma_correction),
//! [`poisson_deviance`](crate::poisson_deviance), [`negative_binomial_deviance`](crate::negative_binomial_deviance),
//! [`log_ratio`](crate::log_ratio)), after C. Loader (2000), "Fast and accurate computation of binomial probabilities".
//! Compared with values of 50 digits, at arguments from 1e-300 to 1e150 and counts up to 1e9, values and first derivatives
//! are off by at most 8 units of 2⁻⁵² of their size, to which is added what relative changes of the arguments make of
//! them. Only where a quotient such as `(x - μ)/σ` leaves the range of f64 in its square are derivatives lost.

mod bounded;
mod counts;
mod entries;
mod normal;
mod positive;
mod real;
mod vectors;

use std::f64::consts::LN_2;

use kronograph_graph::{Operand, Result, Variable, stop_gradient};

pub use bounded::{beta, uniform, von_mises};
pub use counts::{bernoulli_logit, binomial, categorical_logit, negative_binomial, poisson};
pub(crate) use entries::entries;
pub use normal::{
    multivariate_normal, multivariate_normal_cholesky, multivariate_normal_factor, multivariate_normal_precision,
};
pub use positive::{exponential, gamma, half_cauchy, half_normal, inverse_gamma, lognormal};
pub use real::{laplace, normal, student_t};
pub use vectors::dirichlet;

use crate::broadcasting::align;
use crate::elemwise::{abs, add, cast, eq, float_dtype, floor, gt, log, log1p, lt, or_, reciprocal, sqr, switch};
use crate::tensor::tensor_type;

/// `ln √(2π)`.
const LN_SQRT_TAU: f64 = 0.9189385332046728;

/// The arguments of a density in one float dtype, and of one rank.
#[track_caller]
fn arguments<const N: usize>(density: &'static str, operands: [Operand<'_>; N]) -> Result<[Variable; N]> {
    let (operands, dtype) = float_dtype(density, operands)?;
    let aligned = align(density, &operands)?.inputs.into_iter().map(|input| cast(&input, dtype));
    let aligned: Vec<Variable> = aligned.collect::<Result<_>>()?;
    Ok(aligned.try_into().expect("as many as there were"))
}

/// Counts without derivatives, and where they are none: below zero, or no whole numbers. NaN is not outside, but unknown.
fn counted(k: &Variable) -> Result<(Variable, Variable)> {
    let k = stop_gradient(k)?;
    let none = or_(&lt(&k, 0.0)?, &gt(&k, &floor(&k)?)?)?;
    Ok((k, none))
}

/// `x`, or a number in its place.
fn unless(condition: &Variable, x: &Variable, stand_in: f64) -> Result<Variable> {
    switch(condition, stand_in, x)
}

/// NaN where a parameter is invalid, minus infinity outside of the support, else the value.
fn settled(value: &Variable, outside: &Variable, invalid: &Variable) -> Result<Variable> {
    switch(invalid, f64::NAN, &switch(outside, f64::NEG_INFINITY, value)?)
}

/// The limit of `a x^(power-1)` for x towards zero, as a logarithm: infinite, `ln a`, or minus infinite.
fn limit_at_zero(power: &Variable, log_a: &Variable) -> Result<Variable> {
    let steep = switch(&lt(power, 1.0)?, f64::INFINITY, f64::NEG_INFINITY)?;
    switch(&eq(power, 1.0)?, log_a, &cast(&steep, tensor_type("limit", log_a)?.dtype())?)
}

/// `ln(1 + z²)`, where the square may be out of range.
fn log_one_plus_square(z: &Variable) -> Result<Variable> {
    let far = gt(&abs(z)?, 1.0)?;
    let large = switch(&far, z, 1.0)?;
    let beyond = add(&(2.0 * log(&abs(&large)?)?), &log1p(&sqr(&reciprocal(&large)?)?)?)?;
    switch(&far, &beyond, &log1p(&sqr(&unless(&far, z, 0.0)?)?)?)
}
