//! Migration between the nine regions of Austria, by a Poisson model whose flows depend on their neighbours.
//!
//! `y ~ Poisson(exp η)`, `η = (L_o ⊗ L_d)⁻¹ X β`, `L_k = I - ρ_k W`: the separable spatial autoregressive flow model.
//! First both ρ are held at 0, which gives a published gravity model; then they are fitted, by Newton's method with
//! the engine's own Hessian. Run with `cargo run --release --example flows_austria`.

#![allow(clippy::print_stdout, reason = "an example tells its story")]

use std::error::Error;
use std::path::Path;
use std::time::Instant;

use kronograph::prelude::*;

type Outcome<T> = Result<T, Box<dyn Error>>;

const PARAMETERS: [&str; 6] =
    ["const", "log outflow of origin", "log inflow of destination", "distance (km)", "rho_d", "rho_o"];

fn main() -> Outcome<()> {
    let data = Data::read(Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/data/flows_austria")))?;
    println!("Migration between {} Austrian regions, 2006", data.names.len());
    println!("  {} persons moved, {} links of contiguity\n", data.total(), data.w.nnz());

    let model = Model::new(&data)?;
    println!("The model as a graph, with the line that each node was written on:\n");
    println!("{}", model.drawing);

    let mut newton = Newton::new(&model)?;
    println!("Compiled for Newton's method: {} nodes in {} buffers.\n", newton.nodes(), newton.function.buffer_count());

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

    fn add(&mut self, line: &str) -> Outcome<()> {
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

/// Newton's method on a compiled function: value, gradient and Hessian of the log-likelihood.
struct Newton {
    function: Function,
    step: Function,
}

/// Where Newton's method came to rest.
struct Fit {
    theta: Vec<f64>,
    loglik: f64,
    max_abs_grad: f64,
    errors: Vec<f64>,
    steps: usize,
    decrement: f64,
}

impl Newton {
    fn new(model: &Model) -> Outcome<Self> {
        let gradient = grad(&model.loglik, std::slice::from_ref(&model.theta))?;
        let mut outputs = vec![model.loglik.clone(), gradient[0].clone()];
        for k in 0..PARAMETERS.len() {
            let mut direction = vec![0.0; PARAMETERS.len()];
            direction[k] = 1.0;
            outputs.extend(hvp(&model.loglik, std::slice::from_ref(&model.theta), &[constant(direction)])?);
        }
        let function = compile(std::slice::from_ref(&model.theta), &outputs, &Mode::run())?;
        Ok(Self { function, step: newton_step()? })
    }

    fn nodes(&self) -> usize {
        self.function.node_count()
    }

    /// Maximises over the first `free` parameters, until the Newton decrement is below 1e-12, and takes one step more:
    /// convergence is quadratic there, so that step is for the last digits.
    fn maximise(&mut self, start: &[f64], free: usize) -> Outcome<Fit> {
        let mut theta = start.to_vec();
        let mut converged = false;
        for steps in 0..100 {
            let (loglik, gradient, information) = self.derivatives(&theta, free)?;
            let out = self.step.call(&[&information, &Tensor::vector(gradient.clone())])?;
            let (step, decrement) = (out.get::<Tensor>(0)?.to_vec::<f64>()?, out.scalar(1)?);
            if converged {
                let errors = out.get::<Tensor>(2)?.to_vec()?;
                let max_abs_grad = gradient.iter().fold(0.0, |largest: f64, g| largest.max(g.abs()));
                return Ok(Fit { theta, loglik, max_abs_grad, errors, steps, decrement });
            }
            converged = decrement.abs() < 1e-12;
            theta = self.line_search(&theta, &step, loglik)?;
        }
        Err("Newton's method did not come to rest in 100 steps".into())
    }

    /// Log-likelihood, gradient and observed information (minus the Hessian) in the free parameters.
    fn derivatives(&mut self, theta: &[f64], free: usize) -> Outcome<(f64, Vec<f64>, Tensor)> {
        let point = Tensor::vector(theta.to_vec());
        let out = self.function.call(&[&point])?;
        let gradient = out.get::<Tensor>(1)?.to_vec::<f64>()?[..free].to_vec();
        let mut information = Vec::with_capacity(free * free);
        for k in 0..free {
            let column = out.get::<Tensor>(2 + k)?.to_vec::<f64>()?;
            information.extend(column[..free].iter().map(|h| -h));
        }
        Ok((out.scalar(0)?, gradient, Tensor::new(&[free, free], information)?))
    }

    /// Halves the step until the log-likelihood does not fall; a singular system counts as a fall.
    fn line_search(&mut self, theta: &[f64], step: &[f64], loglik: f64) -> Outcome<Vec<f64>> {
        let mut length = 1.0;
        while length > 1e-10 {
            let moved: Vec<f64> = (0..theta.len()).map(|k| theta[k] + length * step.get(k).unwrap_or(&0.0)).collect();
            match self.function.call(&[&Tensor::vector(moved.clone())]) {
                // The last steps gain less than rounding in the sum of 72 terms.
                Ok(out) if out.scalar(0)? >= loglik - 1e-9 => return Ok(moved),
                Ok(_) => {}
                Err(error) if error.is_recoverable() => {}
                Err(error) => return Err(error.into()),
            }
            length /= 2.0;
        }
        Err("no step along Newton's direction raises the log-likelihood".into())
    }
}

/// From information J and gradient g: the step `J⁻¹ g`, the decrement `gᵀ J⁻¹ g` and the standard errors. A Cholesky
/// factor, so that a J which is not positive definite is an error.
fn newton_step() -> Outcome<Function> {
    let (information, gradient) = (matrix("J"), vector("g"));
    let factor = cholesky_factor(&information)?;
    let step = factor_solve(&factor, &gradient, Trans::No)?;
    let decrement = matmul(&gradient, &step)?;
    let identity = eye(Dim::axis(&information, 0))?;
    let variances = sum_axes(&(factor_solve(&factor, &identity, Trans::No)? * identity), &[1])?;
    Ok(compile(&[information, gradient], &[step, decrement, sqrt(&variances)?], &Mode::run())?)
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
fn textbook_spelling(data: &Data, model: &Model, theta: &[f64]) -> Outcome<()> {
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
