//! W3: `y = exp(-x²) sin(a x) + log1p(x²)` of n numbers, its sum, and value and gradient of the sum.
//!
//! Case `1000` is n = 1000; the length is known when the function is compiled. `copy` and `triad` are what the memory
//! gives in the same run: one array written from one or two others.

use std::error::Error;
use std::hint::black_box;

use kronograph::prelude::*;
use kronograph_benchmarks::{Budget, Options, bench, chk, emit, u01};
use serde_json::json;

type Outcome<T = ()> = Result<T, Box<dyn Error>>;

const CASES: [&str; 3] = ["1000", "100000", "10000000"];
const A: f64 = 1.3;

fn main() -> Outcome {
    for name in Options::from_args()?.cases(&CASES) {
        let n = name.parse().map_err(|_| format!("`{name}` is no case; a case is a number of elements"))?;
        workload(n)?;
        bandwidth(n);
    }
    Ok(())
}

/// The array, its sum, and the sum with its gradient.
fn workload(n: usize) -> Outcome {
    let x = tensor("x", DType::F64, &[Some(n)]);
    let square = sqr(&x)?;
    let y = exp(&-&square)? * sin(&(A * &x))? + log1p(&square)?;
    let total = sum(&y)?;
    let slope = grad(&total, std::slice::from_ref(&x))?.remove(0);
    let at = Tensor::vector(u01(3, n).into_iter().map(|u| -4.0 + 8.0 * u).collect());
    for (name, outputs, arrays) in
        [("map", vec![y], 2), ("sum", vec![total.clone()], 1), ("grad", vec![total, slope], 2)]
    {
        let mut function = compile(std::slice::from_ref(&x), &outputs, &Mode::run())?;
        let check = check(&mut function, &at)?;
        let timing = bench(Budget::default(), || {
            black_box(function.call_ref(&[&at]).is_ok());
        });
        let (bytes, steps) = (8 * n * arrays, function.node_count());
        let more = json!({ "bytes": bytes, "gbs": bytes as f64 / timing.cpu / 1e9, "steps": steps });
        emit("W3", &format!("{name}:{n}"), &timing, &check, more);
    }
    Ok(())
}

/// The scalar (0 if there is none), and the checksum of the array.
fn check(function: &mut Function, at: &Tensor) -> Outcome<Vec<f64>> {
    let outputs = function.call_ref(&[at])?;
    let (mut scalar, mut arrays) = (0.0, Vec::new());
    for k in 0..outputs.len() {
        match outputs.get::<Tensor>(k)?.to_vec::<f64>()?[..] {
            [x] => scalar = x,
            ref array => arrays.push(chk(array.iter().copied())),
        }
    }
    Ok([vec![scalar], arrays].concat())
}

/// Each array is counted once, read or written.
fn bandwidth(n: usize) {
    let (x, y, mut z) = (vec![1.0; n], vec![2.0; n], vec![0.0; n]);
    let copy = bench(Budget::default(), || black_box(&mut z).copy_from_slice(black_box(&x)));
    let triad = bench(Budget::default(), || {
        let (x, y) = (black_box(&x), black_box(&y));
        black_box(&mut z).iter_mut().zip(x.iter().zip(y)).for_each(|(z, (x, y))| *z = x + A * y);
    });
    for (name, timing, arrays) in [("copy", copy, 2), ("triad", triad, 3)] {
        let bytes = 8 * n * arrays;
        let more = json!({ "bytes": bytes, "gbs": bytes as f64 / timing.cpu / 1e9 });
        emit("W3", &format!("{name}:{n}"), &timing, &[], more);
    }
}
