//! How the logarithm of a gamma draw moves with its shape, as an expression.

use kronograph_graph::{Result, Variable};

use crate::elemwise::{
    add, digamma, exp, gamma_density_da, gammainc_da, gt, lt, mul, or_, reciprocal, sqr, sqrt, sub, switch,
};

/// Below this the density is `x^(a-1) / Γ(a)` to all digits.
const SMALL: f64 = -40.0;
/// From here on the expansion of the quantile is exact to 12 digits, and the loops of the incomplete gamma function are long.
const LARGE: f64 = 1e5;

/// `∂ ln x / ∂a` at a fixed value of the distribution function: `-(∂P/∂a) / (x p)`, for a draw `x = exp(log_x)`.
pub(super) fn log_gamma_slope(a: &Variable, log_x: &Variable) -> Result<Variable> {
    let (small, large) = (lt(log_x, SMALL)?, gt(a, LARGE)?);
    let elsewhere = or_(&small, &large)?;
    // The arguments of what is not taken are kept where it has derivatives.
    let (near_a, near_x) = (switch(&elsewhere, 1.0, a)?, exp(&switch(&elsewhere, 0.0, log_x)?)?);
    let middle = -(gammainc_da(1, &near_a, &near_x)? / mul(&near_x, &gamma_density_da(0, &near_a, &near_x)?)?);
    let (wide_a, wide_log) = (switch(&large, a, LARGE)?, switch(&large, log_x, LARGE.ln())?);
    let far = expansion(&wide_a, &exp(&wide_log)?)?;
    let low_a = switch(&small, a, 1.0)?;
    // P is `x^a / Γ(a + 1)`.
    let low = (digamma(&add(&low_a, 1.0)?)? - switch(&small, log_x, 0.0)?) / &low_a;
    switch(&small, &low, &switch(&large, &far, &middle)?)
}

/// The same for a large, by the expansion of the quantile of Cornish and Fisher. With `e = 1/√a` and `w = (x - a) e`:
/// `∂x/∂a = 1 + e w/2 - e² (w² - 1)/6 + e³ w (w² + 1)/12 - e⁴ (w² + 1) (3 w² - 1)/60 + e⁵ w (2 w⁴ + w² + 1)/60 - ..`
fn expansion(a: &Variable, x: &Variable) -> Result<Variable> {
    let e = reciprocal(&sqrt(a)?)?;
    let w = sub(x, a)? * &e;
    let square = sqr(&w)?;
    let terms = [
        0.5 * &w,
        (&square - 1.0) * (-1.0 / 6.0),
        &w * (&square + 1.0) * (1.0 / 12.0),
        (&square + 1.0) * (3.0 * &square - 1.0) * (-1.0 / 60.0),
        &w * (2.0 * sqr(&square)? + &square + 1.0) * (1.0 / 60.0),
    ];
    let sum = terms.into_iter().rev().reduce(|sum, term| term + &e * sum).expect("five terms");
    Ok((1.0 + &e * sum) / x)
}
