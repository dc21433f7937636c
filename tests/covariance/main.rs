//! Covariance structures: golden numbers, structured against dense work, faults that other libraries have, errors.

#![allow(clippy::unwrap_used, reason = "tests")]

mod errors;
mod faults;
mod golden;
mod likelihood;
mod operations;
mod shift;
mod structures;
