//! Eight schools: a model written with densities and transforms, and sampled with the NUTS of nuts-rs.
//!
//! `y_j ~ N(θ_j, σ_j)`, `θ_j = μ + τ z_j`, `z_j ~ N(0, 1)`, `μ ~ N(0, 5)`, `τ ~ half-Cauchy(0, 5)`, with `τ` on the
//! log scale. The log joint density and its gradient are compared with those known at two points, then the posterior with
//! that known by quadrature; each mean and standard deviation is printed with its Monte Carlo error, from batches, and with
//! its distance from the exact one in such errors. The program fails where they differ. Run with
//! `cargo run --release --example eight_schools`.

#![allow(clippy::print_stdout, reason = "an example tells its story")]

mod support;

use std::collections::HashMap;
use std::error::Error;
use std::fmt;
use std::path::Path;
use std::process::ExitCode;

use kronograph::ops::{Transform, logp};
use kronograph::prelude::*;
use nuts_rs::{Chain, CpuLogpFunc, CpuMath, CpuMathError, DiagNutsSettings, HasDims, LogpError, Settings};
use rand::SeedableRng;
use rand::rngs::StdRng;

use support::{Outcome, Table, with_data};

const CHAINS: u64 = 4;
const TUNING: usize = 1000;
const DRAWS: usize = 10_000;
const BATCH: usize = 500;

/// The exact posterior means and standard deviations.
const EXACT: [(&str, f64, f64); 2] =
    [("mu", 4.396820713833059, 3.317704463139527), ("tau", 3.597705484096761, 3.2199584146628677)];

/// Points (z_1 to z_8, mu, log tau), where the log joint density with all its constants, and its gradient, are known.
const KNOWN: [([f64; 10], f64, [f64; 10]); 2] = [
    (
        [0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0],
        -43.435637277148125,
        [
            0.12444444444444444,
            0.08,
            -0.01171875,
            0.05785123966942149,
            -0.012345679012345678,
            0.008264462809917356,
            0.18,
            0.037037037037037035,
            0.4635327549484747,
            0.9230769230769231,
        ],
    ),
    (
        [0.3, -0.2, 0.1, 0.5, -0.7, 0.2, 1.1, -0.4, 4.0, 1.0],
        -42.2423071337076,
        [
            -0.01990201309627604,
            0.3235093853362231,
            -0.1772143687855718,
            -0.4631378724304809,
            0.5960608657648917,
            -0.27960873310052287,
            -0.8007201611039709,
            0.47624036131865627,
            0.04425676914365392,
            0.9693157814736377,
        ],
    ),
];

fn main() -> ExitCode {
    with_data("eight_schools", &["schools.csv"], run)
}

fn run(folder: &Path) -> Outcome {
    let mut posterior = Posterior(model(folder)?);
    check(&mut posterior)?;
    let mut draws = Vec::new();
    for chain in 0..CHAINS {
        draws.extend(sample(&posterior, chain)?);
    }
    println!("{} draws of {CHAINS} chains", draws.len());
    for (k, (name, mean, sd)) in EXACT.into_iter().enumerate() {
        let values: Vec<f64> = draws.iter().map(|x| [x[8], x[9].exp()][k]).collect();
        let found = mean_and_error(&values);
        report(name, found, mean)?;
        let squares: Vec<f64> = values.iter().map(|x| (x - found.0).powi(2)).collect();
        let (variance, error) = mean_and_error(&squares);
        report(&format!("{name}_sd"), (variance.sqrt(), 0.5 * error / variance.sqrt()), sd)?;
    }
    Ok(())
}

/// The log joint density, with all constants, over z (8), mu and log_tau.
fn model(folder: &Path) -> Outcome<ValueAndGradient> {
    let schools = Table::read(&folder.join("schools.csv"))?;
    let (y, sigma) = (constant(schools.numbers("y")?), constant(schools.numbers("sigma")?));
    let (z, mu, log_tau) = (tensor("z", DType::F64, &[Some(8)]), scalar("mu"), scalar("log_tau"));
    let tau = Transform::Exp.forward(&log_tau)?;
    let theta = &mu + &tau * &z;
    let prior = sum(&logp::normal(&z, 0.0, 1.0)?)? + logp::normal(&mu, 0.0, 5.0)? + logp::half_cauchy(&tau, 5.0)?;
    let joint = prior + Transform::Exp.log_jacobian(&log_tau)? + sum(&logp::normal(&y, &theta, &sigma)?)?;
    Ok(value_and_gradient(&joint, &[z, mu, log_tau], &Mode::run())?)
}

/// The density and its gradient at the points where they are known.
fn check(posterior: &mut Posterior) -> Outcome {
    for (point, (x, known, slopes)) in KNOWN.iter().enumerate() {
        let mut gradient = [0.0; 10];
        let value = posterior.0.eval(x, &mut gradient)?;
        println!("at point {point} the gradient is {gradient:.12?}");
        println!("RESULT logp_{point}={value:.12}");
        for (got, want) in std::iter::once((&value, known)).chain(gradient.iter().zip(slopes)) {
            if (got - want).abs() > 1e-13 * (1.0 + want.abs()) {
                return Err(format!("at point {point}, {got} was computed, and {want} is known").into());
            }
        }
    }
    Ok(())
}

fn sample(posterior: &Posterior, chain: u64) -> Outcome<Vec<Box<[f64]>>> {
    let mut settings = DiagNutsSettings { num_tune: TUNING as u64, ..Default::default() };
    // The funnel towards τ = 0 wants short steps.
    settings.adapt_options.step_size_settings.target_accept = 0.95;
    let mut random = StdRng::seed_from_u64(chain);
    let mut sampler = settings.new_chain(chain, CpuMath::new(posterior.fork()), &mut random)?;
    sampler.set_position(&[0.1; 10])?;
    let mut draws = Vec::with_capacity(DRAWS);
    for _ in 0..TUNING {
        sampler.draw()?;
    }
    for _ in 0..DRAWS {
        draws.push(sampler.draw()?.0);
    }
    Ok(draws)
}

/// The mean, and its standard error from the means of batches.
fn mean_and_error(values: &[f64]) -> (f64, f64) {
    let mean = |values: &[f64]| values.iter().sum::<f64>() / values.len() as f64;
    let batches: Vec<f64> = values.chunks_exact(BATCH).map(mean).collect();
    let total = mean(&batches);
    let count = batches.len() as f64;
    let variance = batches.iter().map(|x| (x - total).powi(2)).sum::<f64>() / (count - 1.0);
    (total, (variance / count).sqrt())
}

/// Prints what was found; it fails when that is more than four errors from the exact number.
fn report(name: &str, (found, error): (f64, f64), exact: f64) -> Outcome {
    let distance = (found - exact) / error;
    println!("{name}: {distance:.2} Monte Carlo errors of {error:.6} from the exact {exact:.6}");
    println!("RESULT {name}={found:.6}");
    if distance.abs() < 4.0 { Ok(()) } else { Err(format!("{name} is {found}, exact is {exact}").into()) }
}

/// The adapter: a log-density as the sampler wants it.
struct Posterior(ValueAndGradient);
impl Posterior {
    fn fork(&self) -> Self {
        Self(self.0.fork())
    }
}

impl HasDims for Posterior {
    fn dim_sizes(&self) -> HashMap<String, u64> {
        HashMap::from([("unconstrained_parameter".to_owned(), self.0.dim() as u64)])
    }
}

impl CpuLogpFunc for Posterior {
    type LogpError = Rejected;
    type FlowParameters = ();
    type ExpandedVector = Vec<f64>;

    fn dim(&self) -> usize {
        self.0.dim()
    }

    fn logp(&mut self, position: &[f64], gradient: &mut [f64]) -> Result<f64, Rejected> {
        self.0.eval(position, gradient).map_err(Rejected)
    }

    fn expand_vector<R: rand::Rng + ?Sized>(&mut self, _: &mut R, position: &[f64]) -> Result<Vec<f64>, CpuMathError> {
        Ok(position.to_vec())
    }
}

/// Why a point has no density; the sampler goes on if only its numbers were to blame.
#[derive(Debug)]
struct Rejected(RunError);

impl fmt::Display for Rejected {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl Error for Rejected {}

impl LogpError for Rejected {
    fn is_recoverable(&self) -> bool {
        self.0.is_recoverable()
    }
}
