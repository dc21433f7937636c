//! W2: building, compiling and calling small graphs.
//!
//! `scalar10` (ten scalar nodes), `logistic` and `hier` (value and gradient of two small models), `chain` and `tree`
//! (thousands of scalar nodes), `_grad` with the derivative. `build` includes differentiation, `compile` the first
//! result; `call` has its arguments in tensors and borrows the outputs; `call_raw` goes from slices to slices, for
//! values and gradients through the door for optimisers.

use std::error::Error;

use kronograph::BuildError;
use kronograph::prelude::*;
use kronograph_benchmarks::{Budget, Options, Timing, bench, chain, chk, emit, once, scaled, sym, u01};
use serde_json::json;

type Outcome<T = ()> = Result<T, Box<dyn Error>>;
type Built = Result<Variable, BuildError>;

const CASES: [&str; 8] = ["scalar10", "logistic", "hier", "chain1k", "tree1k", "chain1k_grad", "chain10k", "tree10k"];

fn main() -> Outcome {
    for name in Options::from_args()?.cases(&CASES) {
        run(&Case::read(&name)?)?;
    }
    Ok(())
}

/// A graph to build, and the point at which it is called.
struct Case {
    name: String,
    nodes: usize,
    with_gradient: bool,
    point: Vec<Tensor>,
}

impl Case {
    fn read(name: &str) -> Outcome<Self> {
        if !CASES.contains(&name) {
            return Err(format!("`{name}` is no case; there are {}", CASES.join(", ")).into());
        }
        let point = match name {
            "scalar10" => vec![0.7.into(), 1.3.into(), 0.2.into()],
            "logistic" => vec![scaled(0.3, sym(55, 5)).into()],
            "hier" => vec![scaled(0.3, sym(56, 21)).into()],
            _ => vec![0.3.into()],
        };
        let with_gradient = name.ends_with("_grad") || ["logistic", "hier"].contains(&name);
        Ok(Self {
            nodes: if name.contains("10k") { 10_000 } else { 1000 },
            name: name.to_owned(),
            with_gradient,
            point,
        })
    }

    /// The inputs, and the outputs as expressions.
    fn build(&self) -> Result<(Vec<Variable>, Vec<Variable>), BuildError> {
        let input = |(k, value): (usize, &Tensor)| {
            let lengths: Vec<Option<usize>> = value.shape().iter().copied().map(Some).collect();
            tensor(&format!("x{k}"), DType::F64, &lengths)
        };
        let inputs: Vec<Variable> = self.point.iter().enumerate().map(input).collect();
        let cost = match &*self.name {
            "scalar10" => scalar10(&inputs),
            "logistic" => logistic(&inputs[0]),
            "hier" => hierarchical(&inputs[0]),
            name if name.starts_with("chain") => chain(&inputs[0], self.nodes),
            _ => tree(&inputs[0], self.nodes),
        }?;
        let mut outputs = vec![cost];
        if self.with_gradient {
            outputs.extend(grad(&outputs[0], &inputs)?);
        }
        Ok((inputs, outputs))
    }

    fn emit(&self, what: &str, timing: &Timing, check: &[f64], more: serde_json::Value) {
        emit("W2", &format!("{}:{what}", self.name), timing, check, more);
    }

    fn arguments(&self) -> Vec<&dyn Value> {
        self.point.iter().map(|value| value as &dyn Value).collect()
    }
}

fn run(case: &Case) -> Outcome {
    let samples = 20;
    let mut built = None;
    let build = once(samples, || built = Some(case.build()));
    let (inputs, outputs) = built.ok_or("nothing was built")??;
    let (arguments, mut function) = (case.arguments(), None);
    let compiling = once(samples, || {
        let made = compile(&inputs, &outputs, &Mode::run());
        function = Some(made.map(|mut made| {
            let first = made.call_ref(&arguments).map(|_| ());
            (made, first)
        }));
    });
    let (mut function, first) = function.ok_or("nothing was compiled")??;
    first?;
    let check = checks(&mut function, &arguments)?;
    case.emit("build", &build, &[], json!({}));
    case.emit("compile", &compiling, &[], json!({ "nodes": function.node_count() }));
    let call = bench(Budget::default(), || {
        std::hint::black_box(function.call_ref(&arguments).is_ok());
    });
    case.emit("call", &call, &check, json!({}));
    raw(case, function, &check)
}

fn checks(function: &mut Function, arguments: &[&dyn Value]) -> Outcome<Vec<f64>> {
    let outputs = function.call_ref(arguments)?;
    (0..outputs.len()).map(|k| Ok(chk(outputs.get::<Tensor>(k)?.to_vec::<f64>()?))).collect()
}

/// From slices to slices. Without a gradient there is no door, so the arguments are tensors that are kept.
fn raw(case: &Case, mut function: Function, check: &[f64]) -> Outcome {
    if !case.with_gradient {
        let (arguments, mut value) = (case.arguments(), f64::NAN);
        let timing = bench(Budget::default(), || {
            value = function.call_ref(&arguments).and_then(|out| out.scalar(0)).unwrap_or(f64::NAN);
        });
        case.emit("call_raw", &timing, &[chk([value])], json!({ "note": "kept tensors; the value read out" }));
        return Ok(());
    }
    let mut door = ValueAndGradient::new(function)?;
    let mut point = Vec::new();
    for value in &case.point {
        point.extend(value.to_vec::<f64>()?);
    }
    let (mut gradient, mut value) = (vec![0.0; door.dim()], f64::NAN);
    let timing = bench(Budget::default(), || value = door.eval(&point, &mut gradient).unwrap_or(f64::NAN));
    let seen = [chk([value]), chk(gradient.iter().copied())];
    if seen != check {
        return Err(format!("the door gives {seen:?}, the function {check:?}").into());
    }
    case.emit("call_raw", &timing, &seen, json!({ "note": "the door: packed slices" }));
    Ok(())
}

fn scalar10(inputs: &[Variable]) -> Built {
    let (x, a, b) = (&inputs[0], &inputs[1], &inputs[2]);
    let squared = x * x;
    sin(&(tanh(&(a * x + b))? * exp(&-&squared)? + log1p(&squared)?))
}

fn logistic(w: &Variable) -> Built {
    let x = constant(Tensor::new(&[100, 5], sym(51, 500)).map_err(BuildError::value)?);
    let y = constant(u01(52, 100).into_iter().map(|u| f64::from(u < 0.5)).collect::<Vec<_>>());
    let z = matmul(&x, w)?;
    Ok(sum(&(y * &z - softplus(&z)?))? - 0.5 * sum(&(w * w))?)
}

/// Eight groups of twenty observations, with heavy tails.
fn hierarchical(p: &Variable) -> Built {
    let (x, noise) = (sym(53, 160), sym(54, 160));
    let y: Vec<f64> = x.iter().zip(&noise).map(|(x, noise)| 1.0 + 2.0 * x + 0.3 * noise).collect();
    let p = (0..21).map(|k| subtensor(p, &[Index::at(k)])).collect::<Result<Vec<_>, _>>()?;
    let [mean_a, mean_b, log_sd_a, log_sd_b, log_sd_y] = &p[..5] else { return Ok(p[0].clone()) };
    let mut logp = -0.5 * (mean_a * mean_a) / 25.0;
    logp = logp + -0.5 * (mean_b * mean_b) / 25.0;
    for log_sd in [log_sd_a, log_sd_b, log_sd_y] {
        logp = logp + (log_sd - log1p(&exp(&(2.0 * log_sd))?)?);
    }
    for j in 0..8 {
        let (a, b, rows) = (&p[5 + j], &p[13 + j], j * 20..(j + 1) * 20);
        let (z_a, z_b) = ((a - mean_a) * exp(&-log_sd_a)?, (b - mean_b) * exp(&-log_sd_b)?);
        logp = logp + (-0.5 * &z_a * &z_a - log_sd_a) + (-0.5 * &z_b * &z_b - log_sd_b);
        let line = a + b * constant(x[rows.clone()].to_vec());
        let residual = (constant(y[rows].to_vec()) - line) * exp(&-log_sd_y)?;
        logp = logp + sum(&(-2.5 * log1p(&(&residual * &residual / 4.0))?))? - 20.0 * log_sd_y;
    }
    Ok(logp)
}

fn tree(x: &Variable, nodes: usize) -> Built {
    let mut level: Vec<Variable> = scaled(0.01, sym(57, 4000))[..nodes.div_ceil(3)].iter().map(|&c| x + c).collect();
    while level.len() > 1 {
        let pair = |pair: &[Variable]| match pair {
            [a, b] => sin(&(a + b)),
            rest => Ok(rest[0].clone()),
        };
        level = level.chunks(2).map(pair).collect::<Result<_, _>>()?;
    }
    Ok(level.remove(0))
}
