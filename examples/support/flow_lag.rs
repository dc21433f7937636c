//! The spatial lag model of flows, `y = ρ_d W_d y + ρ_o W_o y + ρ_w W_w y + X β + ε`, ε normal with variance σ², by
//! maximum likelihood (LeSage and Pace 2008).
//!
//! Flows are rows (period, origin, destination), destination fastest, so y is an array (T, n, n): W_d acts along its
//! last axis, W_o along the one before, W_w along both.

use std::f64::consts::PI;
use std::time::Instant;

use kronograph::prelude::*;
use kronograph::sparse::structured_dot_along;

use super::Outcome;
use super::newton::{Fit, Newton, least_squares};

/// What is regressed on what, and who neighbours whom.
pub(crate) struct Flows {
    /// Row-standardised neighbourhood of n regions.
    pub(crate) w: SparseMatrix,
    pub(crate) periods: usize,
    pub(crate) y: Vec<f64>,
    /// Columns of covariates by name.
    pub(crate) covariates: Vec<(String, Vec<f64>)>,
}

/// Which weights are free.
#[derive(Clone, Copy, PartialEq, Eq)]
enum System {
    /// ρ_d, ρ_o and ρ_w.
    Unrestricted,
    /// ρ_d and ρ_o; ρ_w is -ρ_d ρ_o, so that the system is a Kronecker product.
    Separable,
}

impl Flows {
    /// Fits both systems and prints what came of it.
    #[allow(clippy::print_stdout, reason = "an example tells its story")]
    pub(crate) fn fit_both(&self) -> Outcome {
        let start = Instant::now();
        let unrestricted = self.fit(System::Unrestricted)?;
        let separable = self.fit(System::Separable)?;
        println!("Both models built, compiled and fitted in {:.2} s.\n", start.elapsed().as_secs_f64());
        self.print("Three weights", System::Unrestricted, &unrestricted);
        self.print("Separable", System::Separable, &separable);
        self.print_results(&unrestricted, &separable);
        Ok(())
    }

    /// Fits by Newton's method, from least squares at ρ = 0; the parameters are the free ρ, β, σ².
    fn fit(&self, system: System) -> Outcome<Fit> {
        let (n, size) = (self.w.shape()[0], self.y.len());
        let (lags, k) = (if system == System::Unrestricted { 3 } else { 2 }, self.covariates.len());
        let (rho_d, rho_o, variance) = (scalar("rho_d"), scalar("rho_o"), scalar("sigma2"));
        let beta = tensor("beta", DType::F64, &[Some(k)]);
        let mut parameters = vec![rho_d.clone(), rho_o.clone()];
        let w = sparse_constant(self.w.clone()).named("W");
        let (rho_w, logdet) = match system {
            System::Unrestricted => {
                let rho_w = scalar("rho_w");
                parameters.push(rho_w.clone());
                (rho_w.clone(), sparse_flow_logdet(&w, &rho_d, &rho_o, &rho_w)?)
            }
            System::Separable => (neg(&(&rho_d * &rho_o))?, kronecker_flow_logdet(&w, &rho_d, &rho_o)?),
        };
        let y = constant(Tensor::new(&[self.periods, n, n], self.y.clone())?).named("y");
        let to = structured_dot_along(&w, &y, 2, Trans::No)?;
        let from = structured_dot_along(&w, &y, 1, Trans::No)?;
        let both = structured_dot_along(&w, &to, 1, Trans::No)?;
        let filtered = reshape(&(&y - &rho_d * to - &rho_o * from - &rho_w * both), [size])?;
        let columns = self.covariates.iter().map(|(_, column)| constant(column.clone()));
        let columns = columns.map(|column| expand_dims(&column, &[1])).collect::<Result<Vec<_>, _>>()?;
        let x = concatenate(&columns, 1)?;
        let error = filtered - matmul(&x, &beta)?;
        let normal = -0.5 * size as f64 * log(&(2.0 * PI * &variance))? - 0.5 * sum(&sqr(&error)?)? / &variance;
        let loglik = (normal + self.periods as f64 * logdet).named("loglik");
        parameters.extend([beta, variance]);
        let mut start = vec![0.0; lags];
        start.extend(least_squares(&x, &reshape(&y, [size])?)?);
        Newton::new(&parameters, &loglik)?.maximise(&start, lags + k + 1)
    }

    /// Prints the estimates with their standard errors.
    #[allow(clippy::print_stdout, reason = "an example tells its story")]
    fn print(&self, title: &str, system: System, fit: &Fit) {
        println!("{title}: log-likelihood {:.6} after {} Newton steps", fit.loglik, fit.steps);
        let lags: &[&str] =
            if system == System::Unrestricted { &["rho_d", "rho_o", "rho_w"] } else { &["rho_d", "rho_o"] };
        let names = lags.iter().copied().chain(self.covariates.iter().map(|(name, _)| name.as_str())).chain(["sigma2"]);
        println!("  {:<28}{:>16}{:>16}", "", "estimate", "s.e.");
        for (k, name) in names.enumerate() {
            println!("  {name:<28}{:>16.9}{:>16.9}", fit.theta[k], fit.errors[k]);
        }
        println!();
    }

    /// Prints the lines that can be checked.
    #[allow(clippy::print_stdout, reason = "an example tells its story")]
    fn print_results(&self, unrestricted: &Fit, separable: &Fit) {
        for (k, name) in ["rho_d", "rho_o", "rho_w"].iter().enumerate() {
            println!("RESULT {name}={:.12}", unrestricted.theta[k]);
        }
        println!("RESULT loglik={:.9}", unrestricted.loglik);
        let [d, o, w] = [0, 1, 2].map(|k| unrestricted.errors[k]);
        println!("RESULT se_rho={d:.12},{o:.12},{w:.12}");
        println!("RESULT max_abs_grad={:.12}", unrestricted.max_abs_grad);
        println!("RESULT separable_rho_d={:.12}", separable.theta[0]);
        println!("RESULT separable_rho_o={:.12}", separable.theta[1]);
        println!("RESULT separable_loglik={:.9}", separable.loglik);
    }
}
