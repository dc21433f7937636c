//! Special functions of numbers, in f64.
//!
//! They return NaN outside of their domain and never panic. Each says where its formula comes from and the largest
//! error, in units in the last place (ulp), that was measured against 50 digits.

mod bessel;
mod beta;
mod deviance;
mod elementary;
mod erf;
mod error_tails;
mod gamma;
mod gammainc;
mod jet;
#[cfg(test)]
mod pinned;
mod polygamma;

pub(crate) use bessel::{bessel_deficit, i0, i0e, i1, i1e, iv, ive, kv, kve, log_i0e};
pub(crate) use beta::{beta, betainc, betainc_da, betainc_db, betaln};
pub(crate) use deviance::{log_ratio, log_ratio_less, negative_binomial_deviance, poisson_deviance, scaled_log1p};
pub(crate) use elementary::{arccosh, arcsinh, arctanh, floor_quotient, floor_remainder, logit};
pub(crate) use erf::{erf, erfc, erfcinv, erfcx, erfinv, ierfcx};
pub(crate) use error_tails::{log_ndtr, ndtr, ndtri};
pub(crate) use gamma::{gamma, gammaln, log_gamma_correction, log1p_less, stirling_rest};
pub(crate) use gammainc::{gamma_density_da, gammainc, gammainc_da, gammaincc};
pub(crate) use polygamma::{digamma, polygamma, tri_gamma};
