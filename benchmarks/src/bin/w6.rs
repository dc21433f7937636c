//! W6: a Gaussian log-density with Kronecker covariance, value and gradient through the door for optimisers.
//!
//! `V = v A ⊗ B`, with `A = r1^|i-j|` and `B = r2^|i-j|`, both of order m; with a nugget, `V + s2 I`. Case `50:0` has m
//! = 50, so 2,500 observations, and no nugget; `50:1` has one. The parameters are v, r1, r2 and s2 themselves. The
//! model is written with structures.

use std::error::Error;

use kronograph::ops::covariance::Structure;
use kronograph::prelude::*;
use kronograph_benchmarks::{Budget, Options, bench, emit, sym};
use serde_json::json;

type Outcome<T = ()> = Result<T, Box<dyn Error>>;

const CASES: [&str; 6] = ["20:0", "50:0", "100:0", "20:1", "50:1", "100:1"];

/// v, r1, r2 and s2.
const POINT: [f64; 4] = [1.7, 0.6, 0.4, 0.5];

fn main() -> Outcome {
    let options = Options::from_args()?;
    for name in options.cases(&CASES) {
        let [order, nugget] = name.split(':').collect::<Vec<_>>()[..] else {
            return Err(format!("`{name}` is no case; one is `50:1`").into());
        };
        run(&name, order.parse()?, nugget.parse::<u8>()? != 0)?;
    }
    Ok(())
}

fn run(name: &str, order: usize, nugget: bool) -> Outcome {
    let mut function = log_density(order, nugget)?;
    let point = &POINT[..function.dim()];
    let mut gradient = vec![0.0; point.len()];
    let value = function.eval(point, &mut gradient)?;
    let check = [&[value], &gradient[..]].concat();
    let mut failure = None;
    let timing = bench(Budget::default(), || failure = function.eval(point, &mut gradient).err());
    failure.map_or(Ok(()), Err)?;
    emit("W6", name, &timing, &check, json!({}));
    Ok(())
}

fn log_density(order: usize, nugget: bool) -> Outcome<ValueAndGradient> {
    let parameters = ["v", "r1", "r2", "s2"].map(scalar);
    let [v, r1, r2, s2] = parameters.clone();
    let unscaled = Structure::ar1(order)?.with_fixed("sigma^2", 1.0)?;
    let product = Structure::kronecker_product([("a", Structure::ar1(order)?), ("b", unscaled)])?;
    let (y, zero) = (constant(sym(21, order * order)), constant(0.0));
    let logp = match nugget {
        false => {
            let covariance = product.build_natural(&[("a/sigma^2", v), ("a/rho", r1), ("b/rho", r2)])?;
            covariance.logp(&y, &zero)?
        }
        true => {
            let noisy = Structure::sum([("field", product), ("nugget", Structure::scalar(order * order)?)])?;
            let values = [("field/a/sigma^2", v), ("field/a/rho", r1), ("field/b/rho", r2), ("nugget/sigma^2", s2)];
            noisy.build_natural(&values)?.logp(&y, &zero)?
        }
    };
    Ok(value_and_gradient(&logp, &parameters[..3 + usize::from(nugget)], &Mode::run())?)
}
