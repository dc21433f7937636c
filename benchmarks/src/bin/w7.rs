//! W7: products of sparse matrices, with a dense one and with each other.
//!
//! Each row has m positions drawn from a stream; what is drawn twice is summed. The pattern of a sparse product is found
//! in the first call.

use std::error::Error;
use std::hint::black_box;

use kronograph::prelude::*;
use kronograph::sparse::{structured_dot, true_dot};
use kronograph_benchmarks::{Budget, Options, bench, chk, emit, sym, u64s};
use serde_json::json;

type Outcome<T = ()> = Result<T, Box<dyn Error>>;

const CASES: [&str; 3] = ["structured_dot:2000:20:64", "true_dot:2000:20", "true_dot:20000:20"];

fn main() -> Outcome {
    for case in Options::from_args()?.cases(&CASES) {
        let (kind, sizes) = case.split_once(':').ok_or("a case names its sizes")?;
        let sizes = sizes.split(':').map(str::parse).collect::<Result<Vec<usize>, _>>()?;
        match (kind, &sizes[..]) {
            ("structured_dot", &[n, m, k]) => {
                let x = Tensor::new(&[n, k], sym(3, n * k))?;
                let variable = tensor("x", DType::F64, &[Some(n), Some(k)]);
                run(&case, &drawn(n, m, 1)?, (variable, &x), structured_dot)?;
            }
            ("true_dot", &[n, m]) => {
                let y = drawn(n, m, 2)?;
                let variable = sparse_matrix("y", Format::Csr, [Some(n), Some(n)]);
                run(&case, &drawn(n, m, 1)?, (variable, &y), true_dot)?;
            }
            _ => return Err(format!("`{case}` is no case; such are {}", CASES.join(", ")).into()),
        }
    }
    Ok(())
}

/// A matrix of order n with m positions drawn for each row.
fn drawn(n: usize, m: usize, seed: u64) -> Outcome<SparseMatrix> {
    let columns = u64s(seed).map(|z| (z % n as u64) as usize);
    let values = sym(seed + 10, n * m);
    let triplets: Vec<_> = columns.zip(values).enumerate().map(|(k, (j, x))| (k / m, j, x)).collect();
    Ok(from_triplets(Format::Csr, [n, n], &triplets)?)
}

type Product = fn(&Variable, &Variable) -> Result<Variable, BuildError>;

fn run(case: &str, a: &SparseMatrix, (b, value): (Variable, &dyn Value), product: Product) -> Outcome {
    let [n, _] = a.shape();
    let x = sparse_matrix("a", Format::Csr, [Some(n), Some(n)]);
    let mut function = compile(&[x.clone(), b.clone()], &[product(&x, &b)?], &Mode::run())?;
    let check = {
        let answers = function.call_ref(&[a, value])?;
        match answers.get::<Tensor>(0) {
            Ok(dense) => chk(dense.to_vec::<f64>()?),
            Err(_) => chk(answers.get::<SparseMatrix>(0)?.values().ok_or("the product is f64")?.iter().copied()),
        }
    };
    let timing = bench(Budget { most: 60, ..Budget::default() }, || {
        black_box(function.call_ref(&[a, value]).is_ok());
    });
    emit("W7", case, &timing, &[check], json!({ "nnz": a.nnz() }));
    Ok(())
}
