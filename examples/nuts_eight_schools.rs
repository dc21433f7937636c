//! Eight schools, sampled with the NUTS of nuts-rs through the door for samplers.
//!
//! `y_j ~ N(θ_j, σ_j)`, `θ_j = μ + τ z_j`, `z_j ~ N(0, 1)`, `μ ~ N(0, 5)`, `τ ~ half-Cauchy(0, 5)`, with `τ` on the
//! log scale. The posterior is known by quadrature, so each mean is printed with its Monte Carlo error, from batches,
//! and with its distance from the exact mean in such errors. Run with `cargo run --release --example nuts_eight_schools`.

#![allow(clippy::print_stdout, reason = "an example tells its story")]

use std::collections::HashMap;
use std::error::Error;
use std::fmt;
use std::path::Path;

use kronograph::prelude::*;
use nuts_rs::{Chain, CpuLogpFunc, CpuMath, CpuMathError, DiagNutsSettings, HasDims, LogpError, Settings};
use rand::SeedableRng;
use rand::rngs::StdRng;

type Outcome<T> = Result<T, Box<dyn Error>>;

const CHAINS: u64 = 4;
const TUNING: usize = 1000;
const DRAWS: usize = 10_000;
const BATCH: usize = 500;

/// The exact posterior means.
const EXACT: [(&str, f64); 4] = [
    ("mu", 4.396820713833059),
    ("tau", 3.597705484096761),
    ("theta_1", 6.211884204055886),
    ("theta_8", 4.854253319881474),
];

fn main() -> Outcome<()> {
    let mut posterior = Posterior(model()?);
    check(&mut posterior)?;
    let mut draws = Vec::new();
    for chain in 0..CHAINS {
        draws.extend(sample(&posterior, chain)?);
    }
    println!("{} draws of {} chains", draws.len(), CHAINS);
    for (k, (name, exact)) in EXACT.into_iter().enumerate() {
        let values: Vec<f64> = draws.iter().map(|x| quantities(x)[k]).collect();
        let (mean, error) = mean_and_error(&values);
        println!("{name}: {:.2} Monte Carlo errors from the exact {exact:.6}", (mean - exact) / error);
        println!("RESULT {name}={mean:.6}");
        println!("RESULT mcse_{name}={error:.6}");
    }
    Ok(())
}

/// The log-density, up to a constant, over z (8), mu and log_tau.
fn model() -> Outcome<ValueAndGradient> {
    let table = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("data/eight_schools/schools.csv"))?;
    let (mut y, mut sigma) = (Vec::new(), Vec::new());
    for line in table.lines().skip(1) {
        let [_, effect, error] = line.split(',').collect::<Vec<_>>()[..] else {
            return Err(format!("3 fields are needed: `{line}`").into());
        };
        y.push(effect.parse::<f64>()?);
        sigma.push(error.parse::<f64>()?);
    }
    let (z, mu, log_tau) = (tensor("z", DType::F64, &[Some(8)]), scalar("mu"), scalar("log_tau"));
    let tau = exp(&log_tau)?;
    let residual = (constant(y) - (&mu + &tau * &z)) / constant(sigma);
    let prior = -0.5 * sum(&sqr(&z)?)? - 0.5 * sqr(&(&mu / 5.0))? - log1p(&sqr(&(&tau / 5.0))?)? + &log_tau;
    let logp = prior - 0.5 * sum(&sqr(&residual)?)?;
    Ok(value_and_gradient(&logp, &[z, mu, log_tau], &Mode::run())?)
}

/// mu, tau, theta_1 and theta_8 of a draw.
fn quantities(x: &[f64]) -> [f64; 4] {
    let (mu, tau) = (x[8], x[9].exp());
    [mu, tau, mu + tau * x[0], mu + tau * x[7]]
}

/// The gradient at a point where it is known: 0.463532754948 and 0.923076923077.
fn check(posterior: &mut Posterior) -> Outcome<()> {
    let x = posterior.0.pack(&[("z", &[0.0; 8]), ("mu", &[0.0]), ("log_tau", &[0.0])])?;
    let mut gradient = vec![0.0; x.len()];
    posterior.0.eval(&x, &mut gradient)?;
    for name in ["mu", "log_tau"] {
        println!("RESULT gradient_{name}={:.12}", posterior.0.unpack(&gradient, name)?[0]);
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
