//! A gravity model of migration fitted with the L-BFGS of argmin, through the door for optimisers.
//!
//! `y ~ Poisson(exp(X β))` on the flows between the nine regions of Austria. The covariates are standardised, because
//! L-BFGS knows nothing of scale. Run with `cargo run --release --example argmin_lbfgs`.

#![allow(clippy::print_stdout, reason = "an example tells its story")]

mod support;

use std::path::Path;

use kronograph::prelude::*;
use support::Outcome;
use support::lbfgs::minimize;

const NAMES: [&str; 4] = ["const", "log_outflow", "log_inflow", "distance"];

fn main() -> Outcome {
    let data = Data::read(&Path::new(env!("CARGO_MANIFEST_DIR")).join("data/flows_austria/flows.csv"))?;
    let best = minimize(data.cost()?, vec![data.mean_flow().ln(), 0.0, 0.0, 0.0], 1e-12)?;
    println!("{} iterations, {} joint evaluations of value and gradient", best.iterations, best.evaluations);
    println!("{}", best.status);
    for (name, value) in NAMES.iter().zip(data.unstandardised(&best.point)) {
        println!("RESULT {name}={value:.12}");
    }
    Ok(())
}

/// Flows between different regions, and three standardised covariates of each.
struct Data {
    flows: Vec<f64>,
    covariates: Vec<[f64; 3]>,
    means: [f64; 3],
    scales: [f64; 3],
}

impl Data {
    fn read(path: &Path) -> Outcome<Self> {
        let (mut flows, mut covariates) = (Vec::new(), Vec::new());
        for line in std::fs::read_to_string(path)?.lines().skip(1) {
            let [from, to, flow, outflow, inflow, distance] = line.split(',').collect::<Vec<_>>()[..] else {
                return Err(format!("6 fields are needed: `{line}`").into());
            };
            if from != to {
                flows.push(flow.parse()?);
                covariates.push([outflow.parse::<f64>()?.ln(), inflow.parse::<f64>()?.ln(), distance.parse()?]);
            }
        }
        let count = flows.len() as f64;
        let mean = |f: &dyn Fn(&[f64; 3]) -> f64| covariates.iter().map(f).sum::<f64>() / count;
        let means: [f64; 3] = std::array::from_fn(|k| mean(&|x| x[k]));
        let scales = std::array::from_fn(|k| mean(&|x| (x[k] - means[k]).powi(2)).sqrt());
        covariates.iter_mut().for_each(|x| *x = std::array::from_fn(|k| (x[k] - means[k]) / scales[k]));
        Ok(Self { flows, covariates, means, scales })
    }

    fn mean_flow(&self) -> f64 {
        self.flows.iter().sum::<f64>() / self.flows.len() as f64
    }

    /// The negative log-likelihood for each person who moved, up to a constant.
    fn cost(&self) -> Outcome<ValueAndGradient> {
        let rows = self.covariates.iter().flat_map(|x| [1.0, x[0], x[1], x[2]]).collect();
        let x = constant(Tensor::new(&[self.flows.len(), 4], rows)?);
        let beta = tensor("beta", DType::F64, &[Some(4)]);
        let eta = matmul(&x, &beta)?;
        let loss = sum(&(exp(&eta)? - constant(self.flows.clone()) * &eta))? / self.flows.iter().sum::<f64>();
        Ok(value_and_gradient(&loss, &[beta], &Mode::run())?)
    }

    /// The coefficients for covariates that are not standardised.
    fn unstandardised(&self, beta: &[f64]) -> Vec<f64> {
        let slopes: Vec<f64> = beta[1..].iter().zip(self.scales).map(|(slope, scale)| slope / scale).collect();
        let moved: f64 = slopes.iter().zip(self.means).map(|(slope, mean)| slope * mean).sum();
        [&[beta[0] - moved], &slopes[..]].concat()
    }
}
