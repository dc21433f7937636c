//! Migration between the nine regions of Austria, by a Poisson model whose flows depend on their neighbours.
//!
//! `y ~ Poisson(exp η)`, `η = (L_o ⊗ L_d)⁻¹ X β`, `L_k = I - ρ_k W`: the separable spatial autoregressive flow model.
//! First both ρ are held at 0, which gives a published gravity model; then they are fitted, by Newton's method with
//! the engine's own Hessian. Run with `cargo run --release --example flows_austria`.

#![allow(clippy::print_stdout, reason = "an example tells its story")]

mod support;

use std::path::Path;
use std::time::Instant;

use kronograph::prelude::*;
use support::Outcome;
use support::newton::{Fit, Newton};

const PARAMETERS: [&str; 6] =
    ["const", "log outflow of origin", "log inflow of destination", "distance (km)", "rho_d", "rho_o"];

fn main() -> Outcome {
    let data = Data::read(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/data/flows_austria")))?;
    println!("Migration between {} Austrian regions, 2006", data.names.len());
    println!("  {} persons moved, {} links of contiguity\n", data.total(), data.w.nnz());

    let model = Model::new(&data)?;
    println!("The model as a graph, with the line that each node was written on:\n");
    println!("{}", model.drawing);

    let mut newton = Newton::new(std::slice::from_ref(&model.theta), &model.loglik)?;
    println!(
        "Compiled for Newton's method: {} nodes in {} buffers.\n",
        newton.function.node_count(),
        newton.function.buffer_count()
    );

    let start = [data.mean_log_flow(), 0.0, 0.0, 0.0, 0.0, 0.0];
    let gravity = newton.maximise(&start, 4)?;
    print_fit("Gravity model, both rho held at 0", &gravity, 4);

    let spatial = newton.maximise(&gravity.theta, 6)?;
    print_fit("Spatial model, rho free", &spatial, 6);
    let ratio = 2.0 * (spatial.loglik - gravity.loglik);
    println!("Neighbours matter: twice the gain in log-likelihood is {ratio:.1}, on 2 degrees of freedom.\n");

    textbook_spelling(&data, &model, &spatial.theta)?;
    results(&gravity, &spatial);
    Ok(())
}

/// The data: what moved, and what is known of regions and pairs of regions.
struct Data {
    names: Vec<String>,
    /// Row-standardised contiguity.
    w: SparseMatrix,
    /// 81 flows, destination fastest.
    flows: Vec<f64>,
    /// 81 rows of the four covariates.
    covariates: Vec<f64>,
    /// 1 for flows between regions, 0 within: the latter are no part of the likelihood.
    observed: Vec<f64>,
}

impl Data {
    fn read(folder: &Path) -> Outcome<Self> {
        let regions = std::fs::read_to_string(folder.join("regions.csv"))?;
        let names: Vec<String> =
            regions.lines().skip(1).filter_map(|line| line.split(',').nth(1)).map(str::to_owned).collect();
        let w = read_matrix_market_file(folder.join("W_queen.mtx"), Format::Csr)?.row_standardized();
        let mut data = Self { names, w, flows: Vec::new(), covariates: Vec::new(), observed: Vec::new() };
        let table = std::fs::read_to_string(folder.join("flows.csv"))?;
        for (number, line) in table.lines().enumerate().skip(1) {
            data.add(line).map_err(|error| format!("flows.csv, line {}: {error}", number + 1))?;
        }
        let pairs = data.names.len() * data.names.len();
        if data.flows.len() != pairs {
            return Err(format!("flows.csv has {} flows, {pairs} are needed", data.flows.len()).into());
        }
        Ok(data)
    }

    fn add(&mut self, line: &str) -> Outcome {
        let fields: Vec<&str> = line.split(',').collect();
        let [origin, destination, flow, outflow, inflow, distance] = fields[..] else {
            return Err(format!("6 fields are needed, `{line}` has {}", fields.len()).into());
        };
        self.flows.push(flow.parse()?);
        self.covariates.extend([1.0, outflow.parse::<f64>()?.ln(), inflow.parse::<f64>()?.ln(), distance.parse()?]);
        self.observed.push(if origin == destination { 0.0 } else { 1.0 });
        Ok(())
    }

    fn total(&self) -> f64 {
        self.flows.iter().sum()
    }

    fn mean_log_flow(&self) -> f64 {
        (self.total() / self.observed.iter().sum::<f64>()).ln()
    }

    /// `sum log y!` over the observed flows, term by term: flows are whole numbers.
    fn log_factorials(&self) -> f64 {
        let log_factorial = |flow: &f64| (2..=*flow as u64).map(|k| (k as f64).ln()).sum::<f64>();
        self.flows.iter().map(log_factorial).sum()
    }
}

/// The log-likelihood as an expression in the parameter vector.
struct Model {
    theta: Variable,
    loglik: Variable,
    drawing: String,
}

impl Model {
    fn new(data: &Data) -> Outcome<Self> {
        let theta = tensor("theta", DType::F64, &[Some(6)]);
        let w = sparse_constant(data.w.clone()).named("W");
        let (rho_d, rho_o) = rhos(&theta)?;
        let eta = kronecker_flow_solve(&w, &rho_d, &rho_o, &predictor(data, &theta)?)?.named("eta");
        let loglik = log_likelihood(data, &eta)?;
        let drawing = debug_print(std::slice::from_ref(&loglik));
        Ok(Self { theta, loglik, drawing })
    }
}

fn rhos(theta: &Variable) -> Outcome<(Variable, Variable)> {
    let at = |position| subtensor(theta, &[Index::at(position)]);
    Ok((at(4)?.named("rho_d"), at(5)?.named("rho_o")))
}

/// `X β`.
fn predictor(data: &Data, theta: &Variable) -> Outcome<Variable> {
    let x = constant(Tensor::new(&[data.flows.len(), 4], data.covariates.clone())?).named("X");
    let beta = slice(theta, 0, 4)?.named("beta");
    Ok(matmul(&x, &beta)?.named("X beta"))
}

/// `sum (y η - exp η) - sum log y!` over the flows between regions.
fn log_likelihood(data: &Data, eta: &Variable) -> Outcome<Variable> {
    let y = constant(data.flows.clone()).named("y");
    let observed = constant(data.observed.clone()).named("observed");
    let terms = observed * (y * eta - exp(eta)?);
    Ok((sum(&terms)? - data.log_factorials()).named("loglik"))
}

fn print_fit(title: &str, fit: &Fit, free: usize) {
    println!("{title}");
    println!("  log-likelihood {:.6} after {} Newton steps, decrement {:.1e}", fit.loglik, fit.steps, fit.decrement);
    println!("  {:<28}{:>14}{:>12}{:>9}", "", "estimate", "s.e.", "z");
    for (name, (value, error)) in PARAMETERS.iter().zip(fit.theta.iter().zip(&fit.errors)).take(free) {
        println!("  {name:<28}{value:>14.8}{error:>12.8}{:>9.1}", value / error);
    }
    println!();
}

/// The same model the way a textbook writes it, with an 81 by 81 Kronecker product; the rewrites take it apart.
fn textbook_spelling(data: &Data, model: &Model, theta: &[f64]) -> Outcome {
    let w = constant(data.w.to_dense()?).named("W");
    let (rho_d, rho_o) = rhos(&model.theta)?;
    let identity = eye(data.names.len())?;
    let (l_d, l_o) = (&identity - rho_d * &w, &identity - rho_o * &w);
    let eta = solve(&kron(&l_o, &l_d)?, &predictor(data, &model.theta)?)?.named("eta");
    let loglik = log_likelihood(data, &eta)?;

    println!("Written the long way, solve(kron(L_o, L_d), X beta), the rewrites find the same factors:\n");
    let cheap = rewrite(std::slice::from_ref(&loglik), &Mode::run())?.remove(0);
    let mut dense = value_and_gradient(&model.theta, &loglik, &Mode::raw())?;
    let mut factored = value_and_gradient(&model.theta, &cheap, &Mode::run())?;
    let mut sparse = value_and_gradient(&model.theta, &model.loglik, &Mode::run())?;
    print!("{}", compile(std::slice::from_ref(&model.theta), &[loglik], &Mode::run())?.explain());

    let point = Tensor::vector(theta.to_vec());
    println!("\nOne value and gradient of the fitted model:");
    for (name, function) in [("as written", &mut dense), ("rewritten", &mut factored), ("flow op", &mut sparse)] {
        let value = function.call(&[&point])?.scalar(0)?;
        println!("  {name:<12}{:>9.1} microseconds, log-likelihood {value:.9}", microseconds(function, &point)?);
    }
    println!("  (factorisations counted by the flow op: {:?})\n", sparse.counts());
    Ok(())
}

fn value_and_gradient(theta: &Variable, loglik: &Variable, mode: &Mode) -> Outcome<Function> {
    let gradient = grad(loglik, std::slice::from_ref(theta))?.remove(0);
    Ok(compile(std::slice::from_ref(theta), &[loglik.clone(), gradient], mode)?)
}

/// The best of several runs of many calls.
fn microseconds(function: &mut Function, point: &Tensor) -> Outcome<f64> {
    let calls = 200;
    let mut best = f64::INFINITY;
    for _ in 0..10 {
        let start = Instant::now();
        for _ in 0..calls {
            function.call_ref(&[point])?;
        }
        best = best.min(start.elapsed().as_secs_f64() * 1e6 / f64::from(calls));
    }
    Ok(best)
}

fn results(gravity: &Fit, spatial: &Fit) {
    let coefficients: Vec<String> = gravity.theta[..4].iter().map(|value| format!("{value:.12}")).collect();
    println!("RESULT loglik_rho0={:.9}", gravity.loglik);
    println!("RESULT coef_rho0={}", coefficients.join(","));
    println!("RESULT rho_d={:.12}", spatial.theta[4]);
    println!("RESULT rho_o={:.12}", spatial.theta[5]);
    println!("RESULT loglik={:.9}", spatial.loglik);
    println!("RESULT max_abs_grad={:.12}", spatial.max_abs_grad);
    println!("RESULT se_rho_d={:.12}", spatial.errors[4]);
    println!("RESULT se_rho_o={:.12}", spatial.errors[5]);
}
