//! W5: the diagonal of a Kronecker sum, and the nearest Kronecker sum of a diagonal.
//!
//! The factors are 0, 1, .., d - 1; the diagonal that is decomposed is the sum of theirs less their means. Lengths are
//! known when a function is compiled. `fill` is what memory gives in the same run: the same number of elements set to
//! one value.

use std::error::Error;
use std::hint::black_box;

use kronograph::ops::{KsTrace, kronsum_diag, ks_decompose_diag};
use kronograph::prelude::*;
use kronograph_benchmarks::{Budget, Options, Timing, bench, chk, emit};
use serde_json::json;

type Outcome<T = ()> = Result<T, Box<dyn Error>>;

const CASES: [&str; 5] =
    ["sum:100x100x100", "sum:1000x100x100", "sum:10000x10000", "decomp:50x100x150", "decomp:4000x4000"];

/// Of more elements than this, the checksum is the sum of some.
const ALL: usize = 20_000_000;
const EVERY: usize = 9973;

fn main() -> Outcome {
    for name in Options::from_args()?.cases(&["all"]) {
        let asked = CASES.iter().filter(|case| name == "all" || name == **case);
        let mut found = false;
        for case in asked {
            let (kind, sizes) = case.split_once(':').ok_or("a case names its sizes")?;
            let sizes = sizes.split('x').map(str::parse).collect::<Result<Vec<usize>, _>>()?;
            if kind == "sum" {
                sum_of(case, &sizes)?
            } else {
                decomposition(case, &sizes)?
            }
            found = true;
        }
        if !found {
            return Err(format!("`{name}` is no case; the cases are all, {}", CASES.join(", ")).into());
        }
    }
    Ok(())
}

fn factors(sizes: &[usize]) -> Vec<Tensor> {
    sizes.iter().map(|&d| Tensor::vector((0..d).map(|i| i as f64).collect::<Vec<_>>())).collect()
}

fn vectors(sizes: &[usize]) -> Vec<Variable> {
    sizes.iter().map(|&d| tensor("v", DType::F64, &[Some(d)])).collect()
}

/// The diagonal of the sum, into the buffer that the function keeps.
fn sum_of(case: &str, sizes: &[usize]) -> Outcome {
    let (inputs, values) = (vectors(sizes), factors(sizes));
    let mut function = compile(&inputs, &[kronsum_diag(&inputs)?], &Mode::run())?;
    let arguments: Vec<&dyn Value> = values.iter().map(|value| value as &dyn Value).collect();
    let check = {
        let answers = function.call_ref(&arguments)?;
        let view = answers.get::<Tensor>(0)?.view::<f64>()?;
        let all = view.iter().copied();
        if view.len() <= ALL { chk(all) } else { all.step_by(EVERY).sum() }
    };
    let timing = measure(|| {
        black_box(function.call_ref(&arguments).is_ok());
    });
    drop(function);
    line(case, sizes, &timing, &[check]);
    let mut out = vec![0.0; sizes.iter().product()];
    let fill = measure(|| black_box(&mut out).fill(black_box(1.5)));
    line(&case.replace("sum", "fill"), sizes, &fill, &[]);
    Ok(())
}

/// The factors of the sum that is nearest to a diagonal which is one.
fn decomposition(case: &str, sizes: &[usize]) -> Outcome {
    let inputs = vectors(sizes);
    let centred = inputs.iter().map(|v| Ok(v - mean(v)?)).collect::<Result<Vec<_>, BuildError>>()?;
    let values = factors(sizes);
    let arguments: Vec<&dyn Value> = values.iter().map(|value| value as &dyn Value).collect();
    let diagonal =
        compile(&inputs, &[kronsum_diag(&centred)?], &Mode::run())?.call(&arguments)?.get::<Tensor>(0)?.clone();
    let v = tensor("v", DType::F64, &[Some(diagonal.len())]);
    let (outputs, _) = ks_decompose_diag(&v, sizes.to_vec(), KsTrace::Equal)?;
    let mut function = compile(&[v], &outputs, &Mode::run())?;
    let answers = function.call(&[&diagonal])?;
    let mut check = 0.0;
    for k in 0..outputs.len() {
        check += chk(answers.get::<Tensor>(k)?.to_vec::<f64>()?);
    }
    let timing = measure(|| {
        black_box(function.call_ref(&[&diagonal]).is_ok());
    });
    line(case, sizes, &timing, &[check]);
    Ok(())
}

fn measure(call: impl FnMut()) -> Timing {
    bench(Budget { round: std::time::Duration::from_millis(500), most: 60, ..Budget::default() }, call)
}

fn line(case: &str, sizes: &[usize], timing: &Timing, check: &[f64]) {
    let bytes = 8 * sizes.iter().product::<usize>();
    emit("W5", case, timing, check, json!({ "bytes": bytes, "gbs": bytes as f64 / timing.cpu / 1e9 }));
}
